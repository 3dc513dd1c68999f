/* Bytes of a TCP connection to frames, and replies to bytes. */
#pragma once

#include "edge/tables.h"

/* Begins as many requests as may begin with what is here. */
void tcp_parse(struct edge *edge, struct conn *conn);

/* Asks for more bytes, into the body that is being received or into the inline bytes; not while a
 * receive is under way or there is no room. */
void tcp_arm_receive(struct edge *edge, struct conn *conn);

/* One gathered send of what is ready, unless one is under way. */
void tcp_send(struct edge *edge, struct conn *conn);

/* A send has not moved for too long: replies that were lent are copied and their loans go home, or
 * the connection closes, so that a slow reader never pins a shard. */
void tcp_on_stalled(struct edge *edge, struct conn *conn);

/* Memory for a copy of the reply that was lent, because its reader does not take it: it may be held
 * for long, so all of these together have a share. NULL: that is used up. */
struct buf *tcp_take_stalled(struct edge *edge, struct request *request);

/* Verifies batches that are here, within the budget of a turn. */
void tcp_check_batches(struct edge *edge);
