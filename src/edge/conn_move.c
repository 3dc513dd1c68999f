#include "edge/conn_move.h"

#include "base/check.h"
#include "edge/heartbeat.h"
#include "edge/tables.h"
#include "edge/tcp.h"

/* Not asked again so soon: the other core has enough connections, or control is busy. */
#define STAYS_US US_PER_SECOND

void conn_move_note(struct conn *conn, u32 to)
{
    conn->asks_count = conn->asks_core == to ? conn->asks_count + 1 : 1;
    conn->asks_core = to;
}

static bool is_quiet(const struct conn *conn)
{
    return conn->state == CONN_OPEN && !conn->ends && conn->requests_count == 0 &&
           conn->receiving == NULL && conn->discard_bytes == 0 &&
           conn->inline_filled == conn->inline_start && io_op_is_busy(&conn->receive_op) &&
           !io_op_is_busy(&conn->send_op) && !list_node_is_linked(&conn->waiting);
}

void conn_move_consider(struct edge *edge, struct conn *conn)
{
    const struct core *core = edge->core;
    u32 after = edge->settings->move_after_requests;
    if (after == 0 || conn->asks_count < after || conn->asks_core == core->index) {
        return;
    }
    if (edge->moving != NULL || edge->draining || !is_quiet(conn) || conn->takes_turns ||
        conn->stays_until_us > core->time.monotonic_us) {
        return;
    }
    edge->moving = conn;
    conn->leaving = true;
    io_cancel(core->io, &conn->receive_op);
}

static void stay(struct edge *edge, struct conn *conn)
{
    conn->stays_until_us = edge->core->time.monotonic_us + STAYS_US;
    edge->moving = NULL;
}

bool conn_move_on_received(struct edge *edge, struct conn *conn, const struct io_op *op)
{
    struct core *core = edge->core;
    check(edge->moving == conn);
    check(conn->leaving);
    conn->leaving = false;
    if (conn->state != CONN_OPEN || op->status != ERR_CANCELLED) {
        edge->moving = NULL; /* bytes were quicker: at the next quiet moment */
        return false;
    }
    check(is_quiet(conn) || !io_op_is_busy(&conn->receive_op));
    if (edge->draining || !mailbox_has_credit(&core->mailbox, 0, MSG_CONNECTION_LEAVES)) {
        stay(edge, conn);
        conn_advance(edge, conn);
        return true;
    }
    timer_cancel(&core->timers, &conn->timer);
    list_remove(&conn->node);
    list_remove(&conn->sending); /* a look that would find nothing */
    conn->state = CONN_MOVING;
    edge_note_session(edge, conn);
    edge->move_answered = false;
    edge->move_taken = false;
    struct msg msg = {
        .kind = MSG_CONNECTION_LEAVES,
        .to = 0,
        .token = {.slot = UINT32_MAX},
        .conn = conn,
        .leaves = {.client_number = conn->client_number, .core = conn->asks_core},
    };
    mailbox_send(core, &msg);
    return true;
}

/* Both have to come, in any order: the answer brings the credit home. */
static void finish(struct edge *edge)
{
    struct conn *conn = edge->moving;
    if (!edge->move_answered || !edge->move_taken) {
        return;
    }
    check(conn->state == CONN_MOVING);
    edge->moving = NULL;
    conn->state = CONN_FREE;
    list_add_first(&edge->conns_free, &conn->node);
    counter_add(edge->core->counters, COUNTER_connections_moved, 1);
}

void conn_move_on_answer(struct edge *edge, const struct msg *msg)
{
    struct conn *conn = edge->moving;
    check(conn != NULL);
    check(conn->state == CONN_MOVING);
    if (msg->error == WIRE_OK) {
        edge->move_answered = true;
        finish(edge);
        return;
    }
    conn->state = CONN_OPEN;
    list_add_last(&edge->conns_open, &conn->node);
    stay(edge, conn);
    edge_look_at_session(edge, conn);
    heartbeat_watch(edge, conn);
    conn_advance(edge, conn);
}

void conn_move_on_taken(struct edge *edge)
{
    check(edge->moving != NULL);
    check(!edge->move_taken);
    edge->move_taken = true;
    finish(edge);
}

void conn_move_arrive(struct edge *edge, struct conn *conn, const struct msg *msg)
{
    struct core *core = edge->core;
    const struct conn *left = msg->conn;
    u32 slot = conn->slot;
    struct timer timer = conn->timer; /* of this core, not set yet */
    check(!timer_is_set(&timer));
    check(left->magic == CONN_MAGIC);
    check(left->state == CONN_MOVING);
    check(left->client_number == msg->connection.client_number);
    check(left->requests_count == 0);
    *conn = *left;
    conn->slot = slot;
    conn->timer = timer;
    conn->state = CONN_OPEN;
    conn->asks_count = 0;
    list_node_init(&conn->node);
    list_node_init(&conn->waiting);
    list_node_init(&conn->sending);
    list_node_init(&conn->closed_credit.node);
    list_init(&conn->requests);
    event_debug(core->events, "connection.moved client=%u from=%u", conn->client_number,
                msg->connection.left);
    struct msg taken = {.kind = MSG_CONNECTION_TAKEN, .to = (u8)msg->connection.left};
    mailbox_send(core, &taken);
    edge_look_at_session(edge, conn);
    heartbeat_watch(edge, conn);
}
