/* What lies on a simulated disk, told to whoever reads a failure: every file, and for segments
 * every unit with its numbers, and which sectors are not durable. */
#pragma once

#include "sim/sim_disk.h"

/* To standard error. `part`: only paths that contain it; "" is all of them. */
void disk_story_print(struct sim_disk *disk, const char *part);
