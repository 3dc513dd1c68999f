/* What the programs of `measure` share: the options of the command line, and a load of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "load.h"
#include "wire/poll.h"

struct options {
    const char *address;
    const char *directory;
    uint32_t connections;
    uint32_t partitions;
    uint32_t size;       /* of a request's payload */
    uint32_t message;    /* of one message */
    uint32_t count;      /* messages a poll */
    uint32_t generation; /* of the protocol: 1 or 2 */
    double seconds;
    bool no_disk;
    bool once;  /* polls end with the partition */
    bool paced; /* one request, then a pause: every core asleep when it comes */
};

extern struct options options;

/* Ends the program with a sentence. */
void fail(const char *what);

struct load new_load(void);

/* From the first message on, of the partition whose turn it is. */
struct poll_request first_poll(uint32_t number);

/* Appends and polls as clients of generation 1 send them. */
int measure_append_v1(void);
int measure_poll_v1(void);
