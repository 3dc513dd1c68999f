/* Consumer groups as this core's own state has them, and the routing commands of clients that know
 * several nodes. */
#pragma once

#include "edge/tables.h"

/* GET_GROUP, GET_GROUPS, SYNC_GROUP, GET_POLL_ROUTING, GET_CONSUMER_OFFSET_ROUTING. */
void lookup_group_run(struct edge *edge, struct request *request, struct span body);

/* CREATE_GROUP was applied: the reply describes the group of the request's stream and topic. */
void lookup_created_group(struct edge *edge, struct request *request, u32 id);

/* ATTACH_CONSUMER_SESSION: from here on the memberships of another session of the same user count
 * on this connection. */
void lookup_attach_session(struct edge *edge, struct request *request, struct span body);
