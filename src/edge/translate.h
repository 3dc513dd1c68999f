/* Generation 1 (clients of Apache Iggy 0.8) at the edge: a translation, not a second server.
 *
 *     frame of generation 1 ─▶ translate_begin ─▶ the same request, as generation 2 writes it
 *                                                      │ request_run, route, shard, control
 *     frame of generation 1 ◀─ reply, lookup, translate_on_… ◀─ the same answer
 *
 * A connection that speaks generation 1 has one request at a time; what it wrote ahead waits in the
 * socket. The body of a request is written anew for generation 2 into a buffer, with a header that
 * names the connection's session, and runs as any other. Messages are rewritten on their way in
 * (translate_send) and on their way out (translate_poll), because the two layouts differ.
 *
 * A client of generation 1 has no client id. It is given one that no other can have: the upper half
 * is a mark of ours, with which nobody may register, the lower half names user and connection.
 *
 * Owner: the edge of one core. */
#pragma once

#include "edge/tables.h"
#include "edge/tcp_inside.h"

/* Upper half of the client ids that are given here: refused in a Register. */
#define TRANSLATE_CLIENT_MARK 0x6c65762d67656e31ull

/* Begins the frame at the front of the connection, if it may begin. */
enum verdict translate_begin(struct edge *edge, struct conn *conn);

/* A body that went through a buffer is all here. */
void translate_on_body(struct edge *edge, struct request *request);

/* Generation 2 is told "not at the moment" and comes again by itself; for generation 1, which does
 * not know that answer, this is done here. False: it was done for long enough. */
must_check bool translate_ask_later(struct edge *edge, struct request *request);

/* The number by which generation 1 is told what generation 2 is told by an eviction. */
enum wire_error translate_eviction(enum eviction_reason reason);

/* ---- Messages: translate_send.c, translate_poll.c ---- */

/* SEND_MESSAGES at the front of the connection. */
enum verdict translate_begin_send(struct edge *edge, struct conn *conn, u32 payload_bytes);

/* More of a send is here, or its turn has come: looks at it or rewrites it, within the budget. */
void translate_send_step(struct edge *edge, struct request *request, struct batch_budget *budget);

/* A batch of a send is stored, or refused: the next one, or the answer. */
void translate_on_appended(struct edge *edge, struct request *request, enum wire_error error);

/* The shard lent what was polled. */
void translate_on_polled(struct edge *edge, struct request *request, const struct msg *reply);

/* What was written of a poll has left: true when more of it follows, which is then on its way. */
bool translate_poll_goes_on(struct edge *edge, struct request *request);

/* The turn of a poll has come: writes a piece of it, within the budget. */
void translate_poll_step(struct edge *edge, struct request *request, struct batch_budget *budget);

/* Copies what was lent, so that the loan may go home. False: no memory. */
must_check bool translate_keep_copy(struct edge *edge, struct request *request);

/* ---- What the files of the translation share ---- */

/* A slot for a frame of generation 1, or NULL: the connection waits for room. */
struct request *translate_take_request(struct edge *edge, struct conn *conn, enum command command);
