/* At start, on core 0, before anything is served: directories of partitions that `state` does not
 * know. A delete was logged, and the power went before the directory was moved away.
 *
 *     streams/ ─▶ topics/ ─▶ partitions/ ─▶ unknown? ─▶ a header ─▶ life over: into the trash
 *                                                          └─▶ above all lives: control lost it
 *
 * A header that does not verify is rot, never trash: the directory stays and is named in the log.
 *
 * Owner: one shard. Ends in shard_on_phase_done. Memory: four buffers of names while it runs. */
#pragma once

#include "io/io.h"

struct shard;

#define SWEEP_LEVELS 4u
#define SWEEP_NAMES_BYTES (64u * 1024u)

enum sweep_step {
    SWEEP_IDLE,
    SWEEP_LIST,
    SWEEP_NEXT,
    SWEEP_OPEN_HEADER,
    SWEEP_READ_HEADER,
    SWEEP_CLOSE_HEADER,
    SWEEP_RENAME
};

/* Names of one level: streams, topics of a stream, partitions of a topic, files of a partition. */
struct sweep_names {
    struct buf *buf;
    u32 bytes;
    u32 position;
    u32 id; /* of the entry under way, at the first three levels */
};

struct sweep {
    struct shard *shard;
    enum sweep_step step;
    struct io_op op;
    struct sweep_names names[SWEEP_LEVELS];
    u32 level;
    u64 base_offset; /* of the header under way */
    struct io_file file;
    struct buf *header;
    u32 header_bytes;
    u64 life;
    u32 moved_count;
};

void sweep_init(struct sweep *sweep, struct shard *shard);
void sweep_start(struct sweep *sweep);
