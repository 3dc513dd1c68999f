/* One connection to the server under test, on nothing but a socket: generation 2 of the protocol,
 * as much of it as the crash tests speak. Blocking, with as many requests in flight as the caller
 * likes: send several, then receive the replies in the same order.
 *
 * Every call returns false when the connection is gone, which is what a crash test waits for; it
 * says on standard error why when the server broke the protocol, and `broken` is then set.
 *
 * Owner:   one thread.
 * Memory:  the reply's body lies in the client and is good until the next receive. */
#pragma once

#include "base/bytes.h"
#include "base/types.h"

enum operation {
    OPERATION_REGISTER = 1,
    OPERATION_READ = 2,
    OPERATION_CREATE_STREAM = 128,
    OPERATION_DELETE_STREAM = 130,
    OPERATION_PURGE_STREAM = 131,
    OPERATION_CREATE_TOPIC = 132,
    OPERATION_DELETE_TOPIC = 134,
    OPERATION_PURGE_TOPIC = 135,
    OPERATION_SEND_MESSAGES = 160,
    OPERATION_STORE_OFFSET = 161,
    OPERATION_DELETE_OFFSET = 162,
};

enum read_code {
    READ_PING = 1,
    READ_POLL = 100,
    READ_OFFSET = 120,
    READ_STREAM = 200,
    READ_TOPIC = 300,
};

#define STATUS_NOT_FOUND 20u
#define STATUS_STREAM_NOT_FOUND 1009u
#define STATUS_STREAM_EXISTS 1012u
#define STATUS_TOPIC_NOT_FOUND 2010u
#define STATUS_TOPIC_EXISTS 2013u
#define STATUS_PARTITION_NOT_FOUND 3007u
#define STATUS_OFFSET_NOT_FOUND 3021u
#define STATUS_CANNOT_APPEND 4010u
#define STATUS_INVALID_OFFSET 4100u

#define REQUEST_SIZE_MAX (20u << 20)

struct crash_client {
    int socket;
    u64 id;
    u64 session;
    u64 request; /* number of the request sent last */
    u8 *buffer;  /* body of the reply received last */
    u32 buffer_size;
    bool broken;
};

struct reply {
    u8 operation;
    u32 status; /* 0, or the error, whichever of the two channels it came by */
    u64 request;
    struct span body; /* behind the result section */
};

/* Connects to 127.0.0.1:`port` and logs in as root. `id` is any number but 0. */
must_check bool crash_client_open(struct crash_client *client, u16 port, u64 id);
void crash_client_close(struct crash_client *client);

/* Sends one request. `code` counts for OPERATION_READ only. The body comes in two pieces, so that
 * a batch need not be copied behind its metadata. */
must_check bool crash_client_send(struct crash_client *client, enum operation operation, u32 code,
                                  struct span head, struct span tail);

must_check bool crash_client_receive(struct crash_client *client, struct reply *reply);

/* Send and receive in one, for a connection with nothing in flight. */
must_check bool crash_client_call(struct crash_client *client, enum operation operation, u32 code,
                                  struct span body, struct reply *reply);

/* Bodies. Each writes a whole request body, or the part before the batch, into `writer`. */
struct topic_path {
    const char *stream;
    const char *topic;
};

void body_stream(struct writer *writer, const char *stream);
void body_create_stream(struct writer *writer, const char *stream);
void body_topic(struct writer *writer, struct topic_path path);

struct topic_options {
    u32 partitions_count;
    u64 segment_size;  /* 0: the server's default */
    bool is_persisted; /* messages durable before the answer, whatever the server's level */
    bool offsets_are_persisted; /* and stored offsets */
};

void body_create_topic(struct writer *writer, struct topic_path path,
                       const struct topic_options *options);
void body_send(struct writer *writer, struct topic_path path, u32 partition, u32 message_count);

struct poll_from {
    bool next;  /* behind the consumer's stored offset, storing the new one; else: */
    u64 offset; /* from this offset on */
    u32 count;
};

void body_poll(struct writer *writer, u32 consumer, struct topic_path path, u32 partition,
               struct poll_from from);
void body_read_offset(struct writer *writer, u32 consumer, struct topic_path path, u32 partition);
void body_store_offset(struct writer *writer, u32 consumer, struct topic_path path, u32 partition,
                       u64 offset);
void body_delete_offset(struct writer *writer, u32 consumer, struct topic_path path, u32 partition);
