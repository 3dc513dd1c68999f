/* Does a client that gives signs of life still give them? Official clients ping every five seconds;
 * others never do, and may be silent for as long as they like. So only who has pinged a few times,
 * and then lets nothing be heard, is held for dead: its session ends with reason 13, and its
 * connection closes, so that what it held is free for others.
 *
 * Any request is a sign of life, and while one is being answered none is expected. */
#pragma once

#include "edge/tables.h"

/* So many pings make a client one that pings. */
#define HEARTBEAT_PINGS_MIN 3u

/* It pinged. What is heard of a connection is noted with its requests. */
void heartbeat_on_ping(struct edge *edge, struct conn *conn);

/* Looks at the connection's silence no later than when it is too long. */
void heartbeat_watch(struct edge *edge, struct conn *conn);

/* When it is too long, unless something is heard: UINT64_MAX for those that do not ping. */
u64 heartbeat_deadline_us(const struct edge *edge, const struct conn *conn);

/* It is too long. */
void heartbeat_missed(struct edge *edge, struct conn *conn);
