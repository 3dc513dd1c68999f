/* On which core does a partition live? Its ids alone say so: the partitions of a topic go round the
 * cores, and so do topics and streams.
 *
 *     stream 0, topic 0   partitions 0 1 2 3   ─▶ cores 0 1 2 0   (of three)
 *     stream 0, topic 1   partitions 0 1 2 3   ─▶ cores 1 2 0 1
 *
 * Ids are given again, and the next life of the same ids needs the same directory: on the same
 * core it can wait until the last one is gone. Two cores would take it from each other. A partition
 * keeps its core while the process runs; nothing on disk knows of cores. */
#pragma once

#include "base/types.h"

struct place {
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
};

u32 place_core(struct place place, u32 cores_count);
