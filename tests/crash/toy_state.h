/* The state of the toy server (toy_server.c): everything in memory, rebuilt from its log.
 *
 * toy_apply() is the one function that changes it: the same requests in the same order give the
 * same state and the same replies, so a log of the requests is all that has to be durable.
 *
 * Owner:   the one thread of the toy server.
 * Memory:  on the heap, never given back: the process lives for seconds. */
#pragma once

#include "base/bytes.h"
#include "base/types.h"

#define TOY_STREAMS_MAX 8u
#define TOY_TOPICS_MAX 16u
#define TOY_PARTITIONS_MAX 8u
#define TOY_CONSUMERS_MAX 64u
#define TOY_NAME_SIZE 32u

struct toy_batch {
    u64 offset;
    u32 count;
    u32 size;
    u8 *bytes;
};

struct toy_partition {
    struct toy_batch *batches;
    u32 count;
    u32 capacity;
    u64 end;
    u64 stored[TOY_CONSUMERS_MAX]; /* offset + 1; 0: none */
};

struct toy_topic {
    bool is_there;
    char name[TOY_NAME_SIZE];
    u32 partitions_count;
    struct toy_partition partitions[TOY_PARTITIONS_MAX];
};

struct toy_stream {
    bool is_there;
    char name[TOY_NAME_SIZE];
    struct toy_topic topics[TOY_TOPICS_MAX];
};

struct toy_state {
    struct toy_stream streams[TOY_STREAMS_MAX];
    u64 time_us; /* of the request being applied */
};

/* The answer to a request; its body is in the caller's writer, result section not included. */
struct toy_answer {
    u32 status;
    bool changed;      /* the request belongs in the log */
    u64 commit_offset; /* of a poll: stored along with it, when `commits` */
    bool commits;
};

/* Applies one request. Reads come this way too, and change nothing. */
struct toy_answer toy_apply(struct toy_state *state, u8 operation, u32 code, struct span body,
                            struct writer *out);
