/* How much space is left: appends are refused below the reserve, before anything of them is
 * written.
 *
 * The file system is asked when somebody wants to append and the last answer is old or near its
 * end: an idle shard asks nothing, and when space returns the next append finds out.
 *
 * Owner: one shard. */
#pragma once

#include "io/io.h"

struct shard;

struct disk {
    struct shard *shard;
    struct io_op op;
    bool asking;
    bool known;
    u64 free_bytes;    /* as answered */
    u64 written_bytes; /* since that answer */
    u64 asked_at_us;
    bool refuses;      /* the log has said so, and not yet that appends go on */
    u64 told_at_us;    /* when it last did */
    u64 refused_at_us; /* the last append that was refused */
};

void disk_init(struct disk *disk, struct shard *shard);

/* May `bytes` more be written without touching the reserve? */
bool disk_has_room(struct disk *disk, u64 bytes);

/* The same, asked for an append: the log tells when they begin to be refused, again every minute
 * of it, and when they have gone on for ten seconds. */
bool disk_admits(struct disk *disk, u64 bytes);
void disk_on_written(struct disk *disk, u64 bytes);

/* A write found no space, whatever we thought. */
void disk_on_full(struct disk *disk);
