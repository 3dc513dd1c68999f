#include "edge/conn.h"

#include "base/check.h"
#include "edge/conn_move.h"
#include "edge/heartbeat.h"
#include "edge/held.h"
#include "edge/reply.h"
#include "edge/tables.h"
#include "edge/tcp.h"

/* ---- Deadlines ---- */

void conn_watch(struct edge *edge, struct conn *conn, u64 deadline_us)
{
    if (!timer_is_set(&conn->timer) || conn->timer.deadline_us > deadline_us) {
        timer_set(&edge->core->timers, &conn->timer, deadline_us);
    }
}

/* The next time to look, or 0 when a deadline has passed and the connection was dealt with. */
static u64 look_at_deadlines(struct edge *edge, struct conn *conn)
{
    u64 now_us = edge->core->time.monotonic_us;
    u64 next_us = UINT64_MAX;
    if (conn->frame_began_us != 0) {
        u64 frame_us = conn->frame_began_us + edge->settings->frame_timeout_us;
        if (frame_us <= now_us) {
            conn_close(edge, conn, "frame not completed in time");
            return 0;
        }
        next_us = u64_min(next_us, frame_us);
    }
    list_for_each(node, next, &conn->requests) {
        struct request *request = container_of(node, struct request, node);
        if (request->state == REQUEST_AGAIN && request->again_us <= now_us) {
            request_ask(edge, request, request->msg.to);
        } else if (request->state == REQUEST_AGAIN) {
            next_us = u64_min(next_us, request->again_us);
        }
        if (request->state == REQUEST_HELD && request->wait_until_us > now_us) {
            next_us = u64_min(next_us, request->wait_until_us);
        } else if (request->state == REQUEST_HELD) {
            held_answer_empty(edge, request);
        }
        if (request->state == REQUEST_ASKED || request->state == REQUEST_WAITING ||
            request->state == REQUEST_OFFLOADED) {
            if (request->deadline_us <= now_us) {
                conn_close(edge, conn, "request not answered in time");
                return 0;
            }
            next_us = u64_min(next_us, request->deadline_us);
        }
    }
    u64 silent_us = heartbeat_deadline_us(edge, conn);
    if (silent_us <= now_us) {
        heartbeat_missed(edge, conn);
        return 0;
    }
    next_us = u64_min(next_us, silent_us);
    if (io_op_is_busy(&conn->send_op)) {
        u64 stalled_us = conn->send_began_us + edge->settings->send_stall_us;
        if (stalled_us <= now_us) {
            tcp_on_stalled(edge, conn);
            stalled_us = now_us + edge->settings->send_stall_us;
        }
        next_us = u64_min(next_us, stalled_us);
    }
    return next_us;
}

static void on_timer(struct core *core, struct timer *timer)
{
    struct conn *conn = container_of(timer, struct conn, timer);
    check(conn->magic == CONN_MAGIC);
    if (conn->state != CONN_OPEN) {
        return;
    }
    u64 next_us = look_at_deadlines(core->edge, conn);
    if (next_us != 0 && next_us != UINT64_MAX) {
        conn_watch(core->edge, conn, next_us);
    }
}

/* ---- The end ---- */

static void send_closed(struct core *core, struct conn *conn)
{
    struct edge *edge = core->edge;
    struct msg msg = {
        .kind = MSG_CONNECTION_CLOSED,
        .to = 0,
        .token = {.slot = UINT32_MAX},
        .closed = {.client_number = conn->client_number, .was_silent = conn->was_silent ? 1 : 0}};
    mailbox_send(core, &msg);
    counter_add(core->counters, COUNTER_connections_closed, 1);
    conn->state = CONN_FREE;
    list_remove(&conn->node);
    list_add_first(&edge->conns_free, &conn->node);
}

static void on_closed_credit(struct core *core, struct credit_waiter *waiter)
{
    send_closed(core, container_of(waiter, struct conn, closed_credit));
}

static void on_socket_closed(struct core *core, struct io_op *op)
{
    struct conn *conn = container_of(op, struct conn, close_op);
    check(conn->magic == CONN_MAGIC);
    check(conn->state == CONN_CLOSING);
    if (mailbox_has_credit(&core->mailbox, 0, MSG_CONNECTION_CLOSED)) {
        send_closed(core, conn);
        return;
    }
    conn->closed_credit.resume = on_closed_credit;
    mailbox_wait_for_credit(&core->mailbox, 0, MSG_CONNECTION_CLOSED, &conn->closed_credit);
}

/* The socket may be closed when the kernel is done with our memory. */
static void close_when_quiet(struct edge *edge, struct conn *conn)
{
    check(conn->state == CONN_CLOSING);
    bool busy = io_op_is_busy(&conn->receive_op) || io_op_is_busy(&conn->send_op) ||
                io_op_is_busy(&conn->close_op);
    if (busy || conn->socket.id < 0) {
        return;
    }
    list_for_each(node, next, &conn->requests) {
        request_abandon(edge, container_of(node, struct request, node));
    }
    check(conn->requests_count == 0);
    io_op_init(&conn->close_op, on_socket_closed);
    struct io_socket socket = conn->socket;
    conn->socket = IO_SOCKET_NONE;
    io_socket_close(edge->core->io, &conn->close_op, socket);
}

void conn_close(struct edge *edge, struct conn *conn, const char *why)
{
    check(conn->state != CONN_FREE);
    if (conn->state == CONN_CLOSING) {
        close_when_quiet(edge, conn);
        return;
    }
    core_note(edge->core, why, conn->client_number, conn->session);
    event_debug(edge->core->events, "connection.closed client=%u why=\"%s\"", conn->client_number,
                why);
    conn->state = CONN_CLOSING;
    edge_note_session(edge, conn);
    timer_cancel(&edge->core->timers, &conn->timer);
    list_remove(&conn->waiting);
    list_remove(&conn->sending);
    io_socket_shutdown(edge->core->io, conn->socket);
    /* A receive that is under way may still write into a body: requests go when it has ended. */
    close_when_quiet(edge, conn);
}

/* ---- The beginning ---- */

static void begin(struct conn *conn, const struct msg *msg)
{
    conn->state = CONN_OPEN;
    conn->socket = (struct io_socket){.id = msg->connection.socket};
    conn->client_number = msg->connection.client_number;
    conn->peer_address = msg->connection.peer_address;
    conn->peer_port = msg->connection.peer_port;
    conn->logged_in = false;
    conn->session = 0;
    conn->found_by = 0;
    conn->heard_us = 0;
    conn->pings_count = 0;
    conn->was_silent = false;
    conn->attached_session = 0;
    conn->takes_turns = false;
    conn->inline_start = 0;
    conn->inline_filled = 0;
    conn->receiving = NULL;
    conn->speaks = 0;
    conn->ends = false;
    conn->discard_bytes = 0;
    conn->frame_began_us = 0;
    conn->sent_bytes = 0;
    conn->send_cancelled = false;
    conn->stalls_count = 0;
    conn->asks_count = 0;
    conn->stays_until_us = 0;
    conn->leaving = false;
}

void conn_open(struct edge *edge, const struct msg *msg)
{
    edge_make_room(edge);
    struct list_node *node = list_pop(&edge->conns_free);
    check(node != NULL); /* control counts connections, and ours are freed before it hears of it */
    struct conn *conn = container_of(node, struct conn, node);
    check(conn->magic == CONN_MAGIC);
    check(conn->state == CONN_FREE);
    timer_init(&conn->timer, on_timer);
    if (msg->conn != NULL) {
        conn_move_arrive(edge, conn, msg);
    } else {
        begin(conn, msg);
        counter_add(edge->core->counters, COUNTER_connections_accepted, 1);
    }
    check(conn->requests_count == 0);
    list_add_last(&edge->conns_open, &conn->node);
    if (!edge->serving || edge->draining) {
        conn_close(edge, conn, "not serving");
        return;
    }
    conn_advance(edge, conn);
}

void conn_advance(struct edge *edge, struct conn *conn)
{
    if (conn->state == CONN_CLOSING) {
        close_when_quiet(edge, conn);
        return;
    }
    if (conn->state == CONN_OPEN) {
        tcp_parse(edge, conn);
    }
    if (conn->state == CONN_OPEN) {
        tcp_arm_receive(edge, conn);
    }
}

void conn_on_progress(struct edge *edge, struct conn *conn)
{
    if (conn->state != CONN_OPEN) {
        return;
    }
    if (!list_node_is_linked(&conn->sending)) {
        list_add_last(&edge->sending, &conn->sending);
    }
}
