/* Connections between simulated clients and nodes.
 *
 *     client ── sim_conn_send ──▶ [bounded buffer, on its way │ arrived] ──▶ io_receive   node
 *     client ◀─ sim_conn_receive ─ [arrived │ on its way, bounded buffer] ◀── io_send      node
 *
 * Bytes keep their order and are never lost while the connection lives; they are late, come in
 * pieces, or stand still while a direction is cut. A reset drops what the other side has not read.
 *
 * Owner: the simulator. A client holds its `struct sim_conn` until sim_conn_close or _reset. */
#pragma once

#include "sim/sim.h"

struct sim_conn;

/* Something changed: connected, bytes came, room came, or it ended. Never from inside a call here.
 * */
struct sim_conn *sim_connect(struct sim *sim, u32 node,
                             void (*on_event)(void *context, struct sim_conn *conn), void *context);

bool sim_conn_is_connected(const struct sim_conn *conn);

/* The other side closed or reset, and all that arrived before has been received. */
bool sim_conn_is_over(const struct sim_conn *conn);

/* How many bytes the socket buffer took; 0 when it is full or the connection is not open. */
u32 sim_conn_send(struct sim_conn *conn, const void *bytes, u32 size);

/* How many bytes were there; 0: none. */
u32 sim_conn_receive(struct sim_conn *conn, void *bytes, u32 size);

/* No more from this side; with bytes unread this is a reset, as TCP does. The conn is given up. */
void sim_conn_close(struct sim_conn *conn);

/* Ends at once, both ways; what is on its way is lost. The conn is given up. */
void sim_conn_reset(struct sim_conn *conn);

/* The client vanishes: it never answers, nor does it say goodbye. The conn is given up. */
void sim_conn_vanish(struct sim_conn *conn);

enum sim_direction { SIM_TO_NODE = 1, SIM_TO_CLIENT = 2 };

/* Nothing moves in these directions for a while; long ends in a reset. */
void sim_conn_cut(struct sim_conn *conn, u32 directions, u64 for_us);
