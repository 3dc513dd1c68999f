/* Answers that need nobody: reads of this core's own state and of the published gauges. */
#pragma once

#include "edge/tables.h"
#include "wire/cluster.h"

/* PLANE_LOCAL commands; `body` is whole. */
void lookup_run(struct edge *edge, struct request *request, struct span body);

/* After COMMAND: the stream or topic that was created, as its get would show it. */
void lookup_created(struct edge *edge, struct request *request, u32 parent_id, u32 id);

/* This server as a node of its cluster of one. */
struct cluster_node lookup_own_node(const struct edge *edge);
