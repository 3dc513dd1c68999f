/* Which partition does a member of a consumer group read next, when it does not say which? Clients
 * of generation 1 leave that to the server: each poll takes the next of the member's partitions, in
 * turn, empty ones included; an offset stored or deleted without a partition means the one whose
 * turn it is, and does not take it.
 *
 *     partitions of the member   2  5  7
 *     turn                       0  1  2  0  1 …      by group_turn_take
 *
 * A membership belongs to a connection, so its turn is kept by that connection's edge.
 *
 * Owner:   the edge of one core. Memory: one turn for each member there may be, from the arena,
 *          touched on first use. */
#pragma once

#include "edge/tables.h"

struct group_turn {
    u64 member; /* its number; another's turn has not begun */
    u32 turn;
};

u64 group_turns_bytes(const struct plan *plan);
void group_turns_init(struct edge *edge, struct arena *arena, const struct plan *plan);

/* The session whose memberships count on this connection: its own, or the one attached (14). */
static inline u64 group_session(const struct conn *conn)
{
    return conn->attached_session != 0 ? conn->attached_session : conn->session;
}

/* The partition whose turn it is; false: the member owns none. */
bool group_turn_look(const struct edge *edge, const struct state_member *member, u32 *partition_id);

/* The same, and the next one's turn begins. */
bool group_turn_take(struct edge *edge, const struct state_member *member, u32 *partition_id);
