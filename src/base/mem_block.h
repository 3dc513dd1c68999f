/* Address space of the process in large blocks: what arenas and pools of buffers stand on.
 *
 * A block reserves addresses only; a page is touched on use, and zero until then. In the simulator,
 * where the process is a part of the run, sim/sim_memory.c stands in the place of these two.
 *
 * Owner: whoever took it; nobody else writes to it. */
#pragma once

#include "base/types.h"

/* NULL when the system refuses. */
void *mem_block_take(u64 bytes);
void mem_block_return(void *block, u64 bytes);
