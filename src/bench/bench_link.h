/* The road of one actor to the server: a connection that the client library opened and logged in,
 * and then as few calls of the kernel as there can be. A request is one piece of memory, made
 * before; its reply arrives in memory taken before. One send, one receive: what a measuring tool
 * adds is what it measures wrong.
 *
 * Thread: one at a time. Memory: from the heap, at open; grown only for a reply that is larger than
 * all before. Errors: false and a client_error, after which the road is of no further use. */
#pragma once

#include "client/client.h"
#include "wire/command.h"
#include "wire/frame.h"

#define LINK_TIMEOUT_S 60u

struct bench_link {
    struct client *client; /* NULL: over a socket that was adopted */
    int fd;
    u64 request; /* number of the last request that appended */
    bool is_v1;  /* speaks generation 1 of the protocol */
    u8 *reply;
    u32 reply_capacity;
};

struct bench_link_options {
    const char *address;
    const char *username;
    const char *password;
    bool nodelay;
    bool is_v1;
    u32 reply_bytes; /* the largest that is expected */
};

must_check bool bench_link_open(struct bench_link *link, const struct bench_link_options *options,
                                struct client_error *error);

/* Over a connected, blocking socket, which it closes in the end. */
void bench_link_adopt(struct bench_link *link, int fd, u32 reply_bytes);
void bench_link_close(struct bench_link *link);

/* Sends a whole frame and takes the whole reply; `body` points into the link's memory. */
must_check bool bench_link_exchange(struct bench_link *link, struct span frame, struct span *body,
                                    struct client_error *error);

/* All of a request's header but its size. Generation 2. */
struct request_header bench_link_header(const struct bench_link *link, enum command command);
