/* Lives that are over: their directories were renamed to
 * DATA/trash/<life>-<stream>-<topic>-<partition>, and what is in them is removed beside the
 * loop, one after the other.
 *
 * Owner: one shard; several may empty the same directory, a name that is gone is no failure. */
#pragma once

#include "io/io.h"

struct shard;

#define TRASH_NAMES_BYTES 16384u

enum trash_step { TRASH_IDLE, TRASH_MAKE_DIRECTORY, TRASH_LIST, TRASH_REMOVE };

struct trash {
    struct shard *shard;
    enum trash_step step;
    bool again; /* something came while it was being emptied */
    struct io_op op;
    struct buf *names;
    u32 names_bytes;
    u32 names_position;
    u32 removed_count; /* in this round */
};

void trash_init(struct trash *trash, struct shard *shard);
void trash_path(u64 life, u32 stream_id, u32 topic_id, u32 partition_id, char path[IO_PATH_BYTES]);

/* Removes what is there, now or when the round under way is over. */
void trash_empty(struct trash *trash);
