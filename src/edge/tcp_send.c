#include <string.h>

#include "base/check.h"
#include "edge/conn_move.h"
#include "edge/reply.h"
#include "edge/tcp.h"
#include "edge/translate.h"

/* So often may a reader take nothing for `send_stall`, without memory to copy what it was lent. */
#define STALLS_MAX 10u

/* Frees the replies that left whole. */
static void take_off_sent(struct edge *edge, struct conn *conn, u64 count)
{
    u64 left = conn->sent_bytes + count;
    list_for_each(node, next, &conn->requests) {
        struct request *request = container_of(node, struct request, node);
        if (request->state != REQUEST_READY || left < reply_bytes(request)) {
            break;
        }
        left -= reply_bytes(request);
        if (request_is_v1(request) && translate_poll_goes_on(edge, request)) {
            break;
        }
        request_free(edge, request);
    }
    check(left <= UINT32_MAX);
    conn->sent_bytes = (u32)left;
}

struct buf *tcp_take_stalled(struct edge *edge, struct request *request)
{
    u32 bytes = (u32)request->loan->bytes;
    u32 capacity = buf_capacity_for(bytes);
    if (edge->stalled_bytes + capacity > edge->plan->stalled_bytes_per_core) {
        return NULL;
    }
    struct buf *buf =
        buf_take_leaving(edge->core->bufs, bytes, plan_leaves_bytes(edge->plan, UINT32_MAX));
    if (buf != NULL) {
        request->stalled_bytes = capacity;
        edge->stalled_bytes += capacity;
    }
    return buf;
}

/* The reader may only be slow for a moment, as everybody is on a busy machine: it has some more
 * time, unless other polls wait for the credit that it holds. */
static void on_no_memory(struct edge *edge, struct conn *conn, const struct request *request)
{
    bool others_wait = !mailbox_has_credit(&edge->core->mailbox, request->loan_from, MSG_POLL);
    if (others_wait || ++conn->stalls_count >= STALLS_MAX) {
        conn_close(edge, conn, "reads too slowly");
    }
}

/* Copies what is left of lent replies into memory of ours and sends the loans home. */
static void bring_loans_home(struct edge *edge, struct conn *conn)
{
    list_for_each(node, next, &conn->requests) {
        struct request *request = container_of(node, struct request, node);
        if (request->loan == NULL) {
            continue;
        }
        if (request_is_v1(request)) {
            if (!translate_keep_copy(edge, request)) {
                on_no_memory(edge, conn, request);
                return;
            }
            continue;
        }
        struct buf *copy = tcp_take_stalled(edge, request);
        if (copy == NULL) {
            on_no_memory(edge, conn, request);
            return;
        }
        for (u32 i = 0; i < request->loan->pieces_count; i++) {
            const struct poll_loan_piece *piece = &request->loan->pieces[i];
            memcpy(copy->data + copy->size, piece->data, piece->size);
            copy->size += piece->size;
        }
        check(request->reply_body == NULL);
        check(copy->size == request->loan->bytes);
        request->reply_body = copy;
        request_return_loan(edge, request);
    }
}

static void on_sent(struct core *core, struct io_op *op)
{
    struct edge *edge = core->edge;
    struct conn *conn = container_of(op, struct conn, send_op);
    check(conn->magic == CONN_MAGIC);
    if (conn->state == CONN_CLOSING) {
        conn_advance(edge, conn);
        return;
    }
    bool cancelled = conn->send_cancelled;
    conn->send_cancelled = false;
    if (op->status != OK && !(cancelled && op->status == ERR_CANCELLED)) {
        conn_close(edge, conn, "send failed");
        return;
    }
    take_off_sent(edge, conn, op->status == OK ? op->count : 0);
    if (op->status == OK && op->count > 0) {
        conn->stalls_count = 0;
    }
    if (cancelled) {
        bring_loans_home(edge, conn);
    }
    if (conn->ends && conn->requests_count == 0) {
        conn_close(edge, conn, "its last request was answered");
        return;
    }
    if (conn->state != CONN_CLOSING) {
        conn_on_progress(edge, conn);
        conn_advance(edge, conn); /* the window has room again */
        conn_move_consider(edge, conn);
    }
}

void tcp_send(struct edge *edge, struct conn *conn)
{
    if (io_op_is_busy(&conn->send_op) || conn->state == CONN_CLOSING) {
        return;
    }
    struct io_piece pieces[IO_PIECES_MAX];
    u64 bytes = 0;
    u32 count = reply_pieces(conn, pieces, IO_PIECES_MAX, &bytes);
    if (count == 0) {
        return;
    }
    io_op_init(&conn->send_op, on_sent);
    conn->send_began_us = edge->core->time.monotonic_us;
    io_send(edge->core->io, &conn->send_op, conn->socket, pieces, count);
    conn_watch(edge, conn, conn->send_began_us + edge->settings->send_stall_us);
}

void tcp_on_stalled(struct edge *edge, struct conn *conn)
{
    bool lent = false;
    list_for_each(node, next, &conn->requests) {
        lent = lent || container_of(node, struct request, node)->loan != NULL;
    }
    /* Without a loan nothing but our own, bounded memory waits; keepalive ends a dead peer. */
    if (lent && !conn->send_cancelled) {
        conn->send_cancelled = true;
        io_cancel(edge->core->io, &conn->send_op);
    }
}
