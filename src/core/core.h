/* What every owner stands on: its core's door, time, chance, buffers, lanes, timers and counters.
 *
 * One core is one thread. `edge`, `shard` and `control` take their struct first and reach the world
 * through `core`; none of them touches another core's structs.
 *
 * Time is read once a turn, by the driver, and handed down: `core->time`. */
#pragma once

#include "base/buf.h"
#include "base/counters.h"
#include "base/event.h"
#include "base/prng.h"
#include "base/recorder.h"
#include "core/mailbox.h"
#include "core/stall.h"
#include "core/timer.h"
#include "io/io.h"

struct offload;
struct unit_cipher;
struct state;
struct partition_gauges;

struct turn_time {
    u64 monotonic_us; /* for timers, deadlines and rates */
    u64 wall_us;      /* for stamps and expiry; may jump */
};

/* Numbers of one partition, published by its owner, read by every core for statistics and topic
 * details. A reader that finds another life than its state names shows zeros. */
struct partition_gauges {
    struct gauge life;
    struct gauge bytes;       /* sum of batch lengths */
    struct gauge spare_bytes; /* of the file that it keeps for its space */
    struct gauge disk_bytes;  /* of its segments' files, as retention last saw them */
    struct gauge batches_count;
    struct gauge messages_count;
    struct gauge segments_count;
    struct gauge current_offset; /* newest offset, 0 when empty */
};

struct core {
    u32 index;
    u32 cores_count;
    struct turn_time time;
    struct io *io;
    struct offload *offload;
    struct buf_pool *bufs;
    struct state *state;             /* this core's copy */
    u64 applied;                     /* its index: what messages carry */
    struct partition_gauges *gauges; /* partitions_max of them, shared: see above */
    struct prng prng;
    struct unit_cipher *cipher; /* NULL: there is no key */
    bool encrypts;              /* what is written from now on */
    struct u128 nonce;          /* the last that was used */
    struct timers timers;
    struct mailbox mailbox;
    struct counters *counters;
    struct counters *all_counters; /* cores_count blocks, to read */
    struct recorder recorder;
    struct event_log *events;
    struct stall stall;
    /* The owners on this core, for completions: each casts back its own. NULL where absent. */
    struct edge *edge;
    struct shard *shard;
    struct control *control; /* core 0 only */
};

#define core_note(core, what, a, b)                                                                \
    recorder_note(&(core)->recorder, (core)->time.monotonic_us, (what), (a), (b))
