/* The high-level road of one actor to the server: the public library's producer or consumer, as a
 * user's program has them, in place of bare requests (bench_link). What it costs is what a bench
 * with --high-level-api shows beside one without.
 *
 *     send    a batch, message by message, then flush: until each has its fate
 *     gather  messages, one by one, until there are as many as a batch has, or none comes
 *
 * Thread: one at a time. Memory: from the heap, at open; the library's own besides.
 * Errors: false and a client_error, after which the road is of no further use. */
#pragma once

#include "bench/prepared.h"
#include "client/client.h"
#include "levriero.h"

struct library_link {
    struct lv_client *client;
    struct lv_producer *producer; /* or NULL */
    struct lv_consumer *consumer; /* or NULL */
    u32 partition;                /* LV_PARTITION_ANY: the library chooses */
    bool has_keys;
    int fate_error;  /* the first that was not LV_OK */
    u64 *origins_us; /* of the messages gathered last */
    u32 gather_max;
    u32 gather_wait_ms;
};

struct library_link_options {
    const char *address;
    const char *username;
    const char *password;
    const char *stream;
    const char *topic;
    const char *group; /* NULL: a consumer by itself */
    u32 number;        /* its name, then */
    bool writes;       /* else it reads */
    bool has_keys;
    bool waits; /* consumers wait at the server */
    u32 partitions;
    u32 batch_messages;
    u32 message_bytes_max;
};

must_check bool library_link_open(struct library_link *link,
                                  const struct library_link_options *options,
                                  struct client_error *error);
void library_link_close(struct library_link *link);

/* A key is looked at if the link has keys. */
must_check bool library_link_send(struct library_link *link, const struct prepared_batch *batch,
                                  u64 key, struct client_error *error);

/* `messages` 0: none came in time. */
must_check bool library_link_gather(struct library_link *link, u32 *messages, u64 *payload_bytes,
                                    struct client_error *error);

/* The consumer by itself begins again at the first message. */
void library_link_rewind(struct library_link *link);
