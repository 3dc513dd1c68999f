/* May the user of this connection do what a request asks? Answered from this core's own copy of the
 * state, without a hop, before anybody is asked anything.
 *
 *     commands.def: command ─▶ right     its body ─▶ stream, topic     state_allows ─▶ yes or no
 *
 * What does not exist is no matter of rights: whoever answers says that it is missing. Control asks
 * again before it decides. */
#pragma once

#include "edge/tables.h"

/* WIRE_UNAUTHORIZED or WIRE_OK. Not for SEND_MESSAGES. `body` is whole. */
enum wire_error permit_request(const struct edge *edge, const struct request *request,
                               struct span body);

/* The same for a send, whose topic was found. */
enum wire_error permit_send(const struct edge *edge, const struct conn *conn,
                            struct state_target topic);
