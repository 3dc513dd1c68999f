/* On which core does a new partition live? On the one with the fewest, the lowest number among
 * equals: the answer follows from the order of commands alone, so every copy of the state agrees,
 * and deletions make room that the next creations fill.
 *
 *     counts  3 3 2 3   ─▶ core 2
 *
 * A partition keeps its core while the process runs; nothing on disk knows of cores. */
#pragma once

#include "base/types.h"

#define PLACE_CORES_MAX 32u

struct place {
    u32 cores_count;
    u32 partitions_count[PLACE_CORES_MAX];
};

void place_init(struct place *place, u32 cores_count);

/* The core for one more partition, which is counted there. */
u32 place_take(struct place *place);
void place_return(struct place *place, u32 core);
