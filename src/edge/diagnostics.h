/* GetSnapshot: an archive of what this machine and process look like, made by offload. One at a
 * time on a core; who asks meanwhile is told to ask again. */
#pragma once

#include "edge/tables.h"

void diagnostics_run(struct edge *edge, struct request *request, struct span body);
