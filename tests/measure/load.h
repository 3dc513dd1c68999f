/* Closed-loop load from one thread over many connections: each has one request in flight. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct load_conn {
    int fd;
    const uint8_t *request; /* sent as is */
    uint64_t request_bytes;
    uint64_t sent;
    uint8_t header[512]; /* first bytes of the reply */
    uint64_t received;
    uint64_t reply_bytes; /* 0: not known yet */
    uint64_t began_ns;
    uint64_t user; /* the caller's */
    bool is_over;  /* set by on_reply: nothing is asked any more */
};

struct load {
    struct load_conn *conns;
    uint32_t conns_count;
    double seconds;
    /* Bytes of the whole reply once `header` holds `received` bytes; 0: more is needed. */
    uint64_t (*reply_size)(const struct load_conn *conn);
    /* A reply is whole (its beginning is in `header`): prepares the next request. False: failed. */
    bool (*on_reply)(struct load_conn *conn);

    /* Results. */
    uint64_t replies;
    uint64_t bytes_sent;
    uint64_t bytes_received;
    double elapsed;
    uint32_t *latencies_us;
    uint32_t latencies_count;
};

uint64_t load_now_ns(void);

/* Connects, blocking; exits with a sentence when it cannot. */
int load_connect(const char *address);
void load_send_all(int fd, const void *bytes, uint64_t size);
void load_receive_all(int fd, void *bytes, uint64_t size);

/* Runs for `seconds`; exits with a sentence when a connection fails. */
void load_run(struct load *load);

/* One JSON line; `payload_bytes` is what a second's bytes are counted in, per reply. */
void load_print(struct load *load, const char *name, uint64_t payload_bytes);
