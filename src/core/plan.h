/* How `--memory SIZE` is divided at start: one table, printed, then sealed. The plan reserves
 * address space; pages are touched on use. Past a limit an owner parks, refuses or shrinks its
 * cache.
 *
 * Pure arithmetic: the same size and number of cores give the same plan. */
#pragma once

#include "base/str.h"
#include "base/types.h"

#define MEMORY_BYTES_DEFAULT (256 * MIB)
#define MEMORY_BYTES_MIN (64 * MIB)

/* Each core's buffers are for all, but not to the last byte, or large work and readers that take
 * nothing would hold up everybody:
 *
 *     |<------------- all new work ------------->|<- small new work ->|<- finishing ->|
 *                                                   2 MiB or 1/8         1 MiB or 1/8
 *
 * Finishing is what writes and answers: headers of segments, indexes, small units. */
#define PLAN_BUFFER_RESERVE_BYTES (1024u * 1024u)
#define PLAN_BUFFER_SMALL_RESERVE_BYTES (2u * 1024u * 1024u)
#define PLAN_BUFFER_SMALL_BYTES (128u * 1024u) /* a take up to this is small */

struct plan {
    u64 memory_bytes;
    u32 cores_count;
    u32 frame_bytes_max;        /* min(64 MiB, memory / 4), and within one core's buffers */
    u32 poll_reply_bytes_max;   /* memory / 16: a reply ends at a whole batch, at least one */
    u64 buffer_bytes_per_core;  /* budget of a core's buf_pool: frames, writes, cache, replies */
    u64 cache_bytes_per_core;   /* of these, at most this much in the cache */
    u64 stalled_bytes_per_core; /* and this much in replies that their readers do not take */
    u32 finish_bytes_per_core;  /* left by all new work */
    u32 small_bytes_per_core;   /* and this much more by what is not small */
    u32 connections_max;        /* all cores together */
    u32 connections_per_core_max;
    u32 requests_per_core_max; /* slots */
    u32 streams_max;
    u32 topics_max;
    u32 partitions_max; /* all cores together; every core may own all of them */
    u32 segments_per_core_max;
    u32 users_max;
    u32 grants_max; /* permissions of all users for streams and topics */
    u32 tokens_max; /* personal access tokens of all users */
    u32 sessions_max;
    u32 consumer_offsets_per_core_max;
    u64 state_bytes_per_core;
    u64 arena_bytes_per_core; /* address space: everything of a core that is not a buffer */
    u32 argon2_memory_kib;
    u32 offload_threads;
};

/* False with the sentence when memory is below MEMORY_BYTES_MIN or cores out of 1..32. */
must_check bool plan_make(struct plan *plan, u64 memory_bytes, u32 cores_count, struct err *err);

/* Divides `buffer_bytes_per_core`, for whoever has changed it. */
void plan_share_buffers(struct plan *plan);

/* What a take of `size` bytes for new work leaves to others (buf_take_leaving): bodies of requests,
 * what a poll reads. */
u32 plan_leaves_bytes(const struct plan *plan, u32 size);

/* The table for the log at start, lines ended by newlines. */
void plan_describe(const struct plan *plan, char *text, u32 capacity);
