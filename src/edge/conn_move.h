/* A connection moves to the core where its requests go.
 *
 *     this core                     control (core 0)          the other core
 *     cancel its receive
 *     CONNECTION_LEAVES ──────────▶ may it? ──CONNECTION────▶ copies it, receives
 *     (reply: yes) ◀─────────────────┘                            │
 *     slot free ◀──────────────CONNECTION_TAKEN───────────────────┘
 *
 * Where client and partition live on different cores every request wakes two cores that slept, and
 * carries its bytes from one's cache to the other's. So a connection that asked partitions of one
 * other core many times in a row, and nothing else, goes there. It moves only when nothing of it is
 * in flight: no request, no send, no byte received. Bytes that come during the move wait in the
 * socket.
 *
 * While it is on its way nobody on this core touches its struct: the other core copies all of it.
 * What a connection is given later therefore moves with it, as long as it is a plain value that
 * means something to every edge.
 *
 * Owner: the edge of one core. */
#pragma once

#include "edge/conn.h"

/* It asked a partition that lives on core `to`. */
void conn_move_note(struct conn *conn, u32 to);

/* Begins when it is time and nothing is in flight. */
void conn_move_consider(struct edge *edge, struct conn *conn);

/* Its receive ended while it was leaving. True: it is on its way. */
bool conn_move_on_received(struct edge *edge, struct conn *conn, const struct io_op *op);

/* Control's answer, and the other core's word that it has it. */
void conn_move_on_answer(struct edge *edge, const struct msg *msg);
void conn_move_on_taken(struct edge *edge);

/* Takes over what comes from another core into a slot of ours. */
void conn_move_arrive(struct edge *edge, struct conn *conn, const struct msg *msg);
