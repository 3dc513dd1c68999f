/* From a decoded request to the owner that answers it: names become numbers by this core's own
 * state, partitions become handles, and the message is asked of the core where the partition
 * lives. */
#pragma once

#include "edge/tables.h"
#include "wire/send.h"

/* PLANE_PARTITION (save SEND_MESSAGES), PLANE_CONTROL and PLANE_SESSION. */
void route_request(struct edge *edge, struct request *request, struct span body);

/* SEND_MESSAGES, when its prefix is here: finds the partition and notes it in request->msg. */
enum wire_error route_send(struct edge *edge, struct request *request,
                           const struct send_request *send);

/* The same for generation 1, which is told what is missing. */
enum wire_error route_send_v1(struct edge *edge, struct request *request,
                              const struct send_request *send);

/* FLUSH_UNSAVED_BUFFER: a command of generation 1 alone. */
void route_flush(struct edge *edge, struct request *request, struct span body);

/* Connections of all cores, logged in or not, by their counters. */
u32 route_connections_open(const struct core *core);
