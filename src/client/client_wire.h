/* One request and its reply over the connection: what the calls of client.h are made of. */
#pragma once

#include "client/client.h"
#include "wire/command.h"

struct client {
    int fd;
    u32 request_timeout_ms;
    u32 longer_ms; /* see client_wait_longer */
    struct u128 id;
    bool keeps_identity;
    u64 session;
    u64 request; /* number of the last mutation */
    struct writer body;
    u8 *body_memory;
    u32 body_capacity;
    u8 *reply_memory;
    u32 reply_capacity;
};

/* A body that names things holds no more. */
#define CLIENT_NAMES_BYTES_MAX 4096u

/* Room for the body of the next request. */
struct writer *client_body(struct client *client, u32 bytes_max);

/* Sends what client_body collected under `command`, waits for the reply, strips its result section.
 * `tail` (may be empty) follows the body: a batch that is not copied. */
/* The server may take so much longer to answer, from now on. */
void client_wait_longer(struct client *client, u32 longer_ms);

must_check bool client_call(struct client *client, enum command command, struct span tail,
                            struct span *reply, struct client_error *error);

/* The same without a tail. */
must_check bool client_ask(struct client *client, enum command command, struct span *reply,
                           struct client_error *error);

static inline struct reader client_reader_of(struct span reply)
{
    return reader_over(reply.data, reply.size);
}

/* False with the sentence when `name` does not fit where the protocol puts it, 1 to 255 bytes;
 * `what` says whose it is. */
must_check bool client_name_fits(const char *what, const char *name, struct client_error *error);

/* "7" names number 7, anything else a name. */
struct identifier client_identifier(const char *text);

bool client_fail(struct client_error *error, const char *format, ...) printf_like(2, 3);
