/* What this machine can do at best, by programs of a screen each, without any server of ours:
 *
 *     exchange  N connections, one thread each: receive the bytes, one direct write, one fdatasync,
 *               16 bytes back. The least any durable server must do
 *     loop      the same without the disk
 *     disk      direct write and fdatasync alone; direct read alone
 *     copy      one thread, memory to memory
 *     xxh3      one thread, the checksum of the protocol
 *
 * No absolute figure means anything alone: disks of small machines vary by a factor of three within
 * minutes. So a run measures them in its pauses, and a report gives ratios.
 *
 * Thread: the caller's, which waits for those it starts. Memory: from the heap, given back.
 * Files: without a name (O_TMPFILE) in the directory given, gone when closed. */
#pragma once

#include "base/str.h"
#include "base/types.h"

#define LIMIT_ROUNDS_MAX 8u

struct limit_work {
    u32 connections;
    u32 bytes;             /* of one request */
    u64 time_ns;           /* how long */
    u64 pause_ns;          /* exchange and loop: before each request, so that the cores sleep */
    const char *directory; /* NULL: no disk, the loop */
};

struct limit_figure {
    double bytes_per_second;
    double replies_per_second;
    double p50_us;
    double p99_us;
};

must_check bool limit_exchange(const struct limit_work *work, struct limit_figure *figure,
                               struct err *err);
must_check bool limit_disk_write(const struct limit_work *work, struct limit_figure *figure,
                                 struct err *err);
must_check bool limit_disk_read(const struct limit_work *work, struct limit_figure *figure,
                                struct err *err);
void limit_copy(const struct limit_work *work, struct limit_figure *figure);
void limit_xxh3(const struct limit_work *work, struct limit_figure *figure);

/* Those beside a run: one round before, in each pause, and after. */
struct limits {
    struct limit_work work; /* of the size and connections of the run */
    struct limit_figure exchange[LIMIT_ROUNDS_MAX];
    struct limit_figure loop[LIMIT_ROUNDS_MAX];
    struct limit_figure disk[LIMIT_ROUNDS_MAX];
    u32 rounds;
    bool has_disk;
    struct err err; /* why there is none */
};

void limits_init(struct limits *limits, const struct limit_work *work);
void limits_round(struct limits *limits);

/* The median of the rounds, figure by figure. */
struct limit_figure limits_median(const struct limit_figure *figures, u32 rounds);
