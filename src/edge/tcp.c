#include "edge/tcp.h"

#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "edge/conn_move.h"
#include "edge/held.h"
#include "edge/reply.h"
#include "edge/route.h"
#include "edge/tcp_inside.h"
#include "edge/translate.h"

/* So many bytes must arrive within the frame timeout, or the whole frame; of a body that holds much
 * memory the same share of it as of the smallest one that this divides. */
#define FRAME_PROGRESS_BYTES (64u * 1024u)
#define FRAME_STEPS_MAX 64u

void tcp_wait_for_room(struct edge *edge, struct conn *conn)
{
    if (!list_node_is_linked(&conn->waiting)) {
        list_add_last(&edge->waiting, &conn->waiting);
        counter_add(edge->core->counters, COUNTER_requests_parked, 1);
    }
}

/* Bodies that wait for their partition hold memory until it has written them, and to do so it needs
 * some: that much is never given to bodies. */
struct buf *tcp_take_body(struct edge *edge, u32 bytes)
{
    return buf_take_leaving(edge->core->bufs, bytes, plan_leaves_bytes(edge->plan, bytes));
}

/* ---- Which frame may begin ---- */

/* Appends may be in flight together, and so may polls that wait; anything else waits until the
 * earlier ones are answered. */
static bool may_begin(const struct conn *conn, enum command command)
{
    bool go_together = command == COMMAND_SEND_MESSAGES || command == COMMAND_POLL_MESSAGES_WAITING;
    if (conn->requests_count == 0) {
        return true;
    }
    if (!go_together || conn->requests_count >= CONN_WINDOW) {
        return false;
    }
    const struct request *last = container_of(list_last(&conn->requests), struct request, node);
    return last->command == command;
}

/* Refuses a frame whose body is not wanted: it is thrown away as it arrives, then answered. */
static void discard_and_answer(struct edge *edge, struct conn *conn, struct request *request,
                               const struct refusal *refusal)
{
    u64 frame_bytes = request->header.size;
    u32 here = (u32)u64_min(frame_bytes, inline_left(conn));
    inline_take(conn, here);
    conn->discard_bytes = frame_bytes - here;
    if (refusal->eviction != 0) {
        reply_eviction(edge, request, (enum eviction_reason)refusal->eviction);
    } else {
        reply_status(edge, request, refusal->error);
    }
}

/* A request whose body goes through a buffer: control commands and logins, header included, so that
 * control can compare checksums. */
static enum verdict begin_buffered(struct edge *edge, struct conn *conn,
                                   const struct request_header *header, enum command command)
{
    struct buf *body = tcp_take_body(edge, header->size);
    if (body == NULL) {
        tcp_wait_for_room(edge, conn);
        return VERDICT_WAIT;
    }
    struct request *request = request_take(edge, conn, header);
    if (request == NULL) {
        buf_return(body);
        tcp_wait_for_room(edge, conn);
        return VERDICT_WAIT;
    }
    request->command = command;
    request->body = body;
    request->body_bytes = header->size;
    request->body_position = FRAME_HEADER_BYTES;
    request->body_filled = u32_min(header->size, inline_left(conn));
    memcpy(body->data, inline_data(conn), request->body_filled);
    inline_take(conn, request->body_filled);
    conn->receiving = request;
    return VERDICT_BEGUN;
}

u32 tcp_batch_buffer_bytes(u32 batch_bytes)
{
    return (u32)align_up(BATCH_HEADER_BYTES + (u64)batch_bytes, SECTOR_BYTES_MAX);
}

struct buf *tcp_take_batch_body(struct edge *edge, struct conn *conn, u32 batch_bytes)
{
    u32 bytes = tcp_batch_buffer_bytes(batch_bytes);
    struct buf *body = NULL;
    if (bytes <= PLAN_BUFFER_SMALL_BYTES) {
        body = tcp_take_body(edge, bytes);
        if (body == NULL) {
            tcp_wait_for_room(edge, conn);
        }
        return body;
    }
    if (edge_line_lets(edge, conn)) {
        body = tcp_take_body(edge, bytes);
    }
    if (body == NULL) {
        edge_line_join(edge, conn);
    } else {
        edge_line_leave(edge, conn);
    }
    return body;
}

static void start_batch(struct conn *conn, struct request *request, struct buf *body,
                        const struct send_request *send)
{
    u32 prefix_bytes = FRAME_HEADER_BYTES + send->batch_position;
    request->prefix_hash = xxh3(inline_data(conn) + FRAME_HEADER_BYTES, send->batch_position);
    request->hash_body = !u128_is_zero(request->header.request_checksum);
    if (request->hash_body) {
        xxh3_stream_init(&request->body_hash);
        xxh3_stream_update(&request->body_hash, inline_data(conn) + FRAME_HEADER_BYTES,
                           send->batch_position);
        request->body_hashed = 0;
    }
    inline_take(conn, prefix_bytes);
    request->body = body;
    request->body_position = BATCH_HEADER_BYTES;
    request->body_bytes = BATCH_HEADER_BYTES + send->batch_bytes;
    u32 here = u32_min(send->batch_bytes, inline_left(conn));
    memcpy(body->data + BATCH_HEADER_BYTES, inline_data(conn), here);
    request->body_filled = BATCH_HEADER_BYTES + here;
    inline_take(conn, here);
    batch_check_init(&request->check, body->data + BATCH_HEADER_BYTES, send->batch_bytes,
                     send->messages_count);
    conn->receiving = request;
}

/* SEND_MESSAGES: the prefix decides where the batch is received to. */
static enum verdict begin_send(struct edge *edge, struct conn *conn,
                               const struct request_header *header)
{
    u32 body_bytes = request_body_bytes(header);
    struct span here = {inline_data(conn) + FRAME_HEADER_BYTES,
                        u32_min(inline_left(conn) - FRAME_HEADER_BYTES, body_bytes)};
    if (here.size < u32_min(send_prefix_bytes(here), body_bytes)) {
        return VERDICT_WAIT;
    }
    struct send_request send = {0};
    enum wire_error error = send_request_decode(here, body_bytes, &send);
    if (error == WIRE_OK && send.batch_bytes < BATCH_HEADER_BYTES) {
        error = WIRE_INVALID_COMMAND;
    }
    struct buf *body = NULL;
    if (error == WIRE_OK) {
        body = tcp_take_batch_body(edge, conn, send.batch_bytes);
        if (body == NULL) {
            return VERDICT_WAIT;
        }
    }
    struct request *request = request_take(edge, conn, header);
    if (request == NULL) {
        if (body != NULL) {
            buf_return(body);
        }
        tcp_wait_for_room(edge, conn);
        return VERDICT_WAIT;
    }
    request->command = COMMAND_SEND_MESSAGES;
    if (error == WIRE_OK) {
        error = route_send(edge, request, &send);
    }
    if (error != WIRE_OK) {
        if (body != NULL) {
            buf_return(body);
        }
        discard_and_answer(edge, conn, request, &(struct refusal){.error = error});
        return VERDICT_BEGUN;
    }
    start_batch(conn, request, body, &send);
    return VERDICT_BEGUN;
}

/* Small and whole, answered from where it lies. */
static enum verdict begin_inline(struct edge *edge, struct conn *conn,
                                 const struct request_header *header, enum command command)
{
    if (inline_left(conn) < header->size) {
        return VERDICT_WAIT;
    }
    struct request *request = request_take(edge, conn, header);
    if (request == NULL) {
        tcp_wait_for_room(edge, conn);
        return VERDICT_WAIT;
    }
    request->command = command;
    struct span body = {inline_data(conn) + FRAME_HEADER_BYTES, request_body_bytes(header)};
    inline_take(conn, header->size); /* the bytes stay where they are until the next receive */
    request_run(edge, request, body);
    return VERDICT_BEGUN;
}

static enum verdict begin_refused(struct edge *edge, struct conn *conn,
                                  const struct request_header *header, enum command command,
                                  const struct refusal *refusal)
{
    struct request *request = request_take(edge, conn, header);
    if (request == NULL) {
        tcp_wait_for_room(edge, conn);
        return VERDICT_WAIT;
    }
    request->command = command;
    discard_and_answer(edge, conn, request, refusal);
    return VERDICT_BEGUN;
}

static bool goes_through_a_buffer(enum command command)
{
    enum command_plane plane = (enum command_plane)command_row(command)->plane;
    return plane == PLANE_CONTROL || command == COMMAND_REGISTER;
}

static u32 body_bytes_max(const struct edge *edge, enum command command)
{
    if (command == COMMAND_SEND_MESSAGES) {
        return edge->plan->frame_bytes_max;
    }
    return command == COMMAND_REGISTER ? LOGIN_BODY_BYTES_MAX : PLAIN_BODY_BYTES_MAX;
}

static enum verdict begin_frame(struct edge *edge, struct conn *conn)
{
    struct request_header header;
    request_header_decode(inline_data(conn), &header);
    enum status sound = request_header_validate(&header, edge->plan->frame_bytes_max);
    if (sound != OK && sound != ERR_TOO_LARGE) {
        return VERDICT_CLOSE;
    }
    enum command command = COMMAND_PING;
    struct refusal refusal = {.error = command_find(header.operation, header.code, &command)};
    if (!may_begin(conn, command)) {
        held_end(edge, conn); /* nobody waits longer than the client has nothing else to say */
        return VERDICT_WAIT;
    }
    if (refusal.error != WIRE_OK && header.operation == OP_NON_REPLICATED && !conn->logged_in) {
        refusal.error = WIRE_UNAUTHENTICATED; /* strangers are not told what exists */
    }
    if (sound == ERR_TOO_LARGE || request_body_bytes(&header) > body_bytes_max(edge, command)) {
        refusal.error = WIRE_TOO_BIG_MESSAGE_PAYLOAD;
    }
    if (refusal.error == WIRE_OK) {
        refusal.error = request_header_rules(&header);
    }
    if (refusal.error == WIRE_OK) {
        refusal = request_refusal(conn, command, &header);
    }
    if (refusal.error != WIRE_OK || refusal.eviction != 0) {
        return begin_refused(edge, conn, &header, command, &refusal);
    }
    if (command == COMMAND_SEND_MESSAGES) {
        return begin_send(edge, conn, &header);
    }
    if (goes_through_a_buffer(command) || header.size > CONN_INLINE_BYTES) {
        return begin_buffered(edge, conn, &header, command);
    }
    return begin_inline(edge, conn, &header, command);
}

/* ---- A body that arrived ---- */

/* Hashes what came since the last time, for clients that send a checksum of the whole body. */
static void hash_arrived(struct request *request)
{
    if (!request->hash_body) {
        return;
    }
    u32 here = request->body_filled - request->body_position;
    xxh3_stream_update(&request->body_hash,
                       request->body->data + request->body_position + request->body_hashed,
                       here - request->body_hashed);
    request->body_hashed = here;
}

static bool body_hash_holds(const struct request *request)
{
    return !request->hash_body ||
           (request->header.request_checksum.high == 0 &&
            request->header.request_checksum.low == xxh3_stream_digest(&request->body_hash));
}

/* Says whose send this is, so that its partition knows it when it comes again. The batch checksum
 * stands for the batch: it covers every frame's, and those the bytes. */
static void sign_append(struct request *request)
{
    u8 *batch = request->body->data + BATCH_HEADER_BYTES;
    struct append_sender sender = {.client = request->header.client,
                                   .request = request->header.request};
    append_sender_put(batch, &sender);
    u64 hash = hash_u64_pair(request->prefix_hash, request->check.header.batch_checksum);
    request->msg.append.request_hash = u64_max(hash, 1);
}

void tcp_append(struct edge *edge, struct request *request, struct buf *buf, u32 batch_bytes)
{
    request->msg.flags = MSG_BATCH_ALIGNED;
    request->msg.bufs[0] = buf;
    request->msg.append.batch_position = BATCH_HEADER_BYTES;
    request->msg.append.batch_size = batch_bytes;
    request_ask(edge, request, request->msg.to);
}

static void append_checked(struct edge *edge, struct request *request)
{
    if (!body_hash_holds(request)) {
        reply_status(edge, request, WIRE_INVALID_FORMAT);
        return;
    }
    sign_append(request);
    tcp_append(edge, request, request->body, request->body_bytes - BATCH_HEADER_BYTES);
}

static void check_batch(struct edge *edge, struct request *request, struct batch_budget *budget)
{
    u32 here = request->body_filled - request->body_position;
    enum batch_check_result result = batch_check_step(&request->check, here, budget);
    switch (result) {
    case BATCH_CHECK_WAITING: return;
    case BATCH_CHECK_PAUSED:
        if (!list_node_is_linked(&request->work)) {
            list_add_last(&edge->checking, &request->work);
        }
        return;
    case BATCH_CHECK_GOOD:
        if (request->body_filled == request->body_bytes) {
            append_checked(edge, request);
        }
        return;
    case BATCH_CHECK_BAD:
        /* The kernel may be writing into the body: the rest arrives there, then it is answered. */
        if (request->body_filled == request->body_bytes) {
            reply_status(edge, request, request->check.error);
        }
        return;
    }
    unreachable();
}

/* Appends reach their owner in the order in which they came, so a batch is not checked before those
 * that came earlier on its connection: a large one takes several turns, in which a small one would
 * pass it. */
static bool is_first_to_check(const struct request *request)
{
    list_for_each(node, next, &request->conn->requests) {
        const struct request *earlier = container_of(node, struct request, node);
        if (earlier == request) {
            return true;
        }
        if (earlier->state == REQUEST_CHECKING && list_node_is_linked(&earlier->work)) {
            return false;
        }
    }
    unreachable();
}

static void check_any(struct edge *edge, struct request *request, struct batch_budget *budget)
{
    if (!request_is_v1(request)) {
        check_batch(edge, request, budget);
    } else if (request->command == COMMAND_SEND_MESSAGES) {
        translate_send_step(edge, request, budget);
    } else {
        translate_poll_step(edge, request, budget);
    }
}

void tcp_check_batches(struct edge *edge)
{
    struct batch_budget budget = {.bytes = BATCH_STEP_BYTES, .frames = BATCH_STEP_FRAMES};
    while (budget.bytes > 0 && budget.frames > 0) {
        struct list_node *node = list_pop(&edge->checking);
        if (node == NULL) {
            return;
        }
        struct request *request = container_of(node, struct request, work);
        check(request->magic == REQUEST_MAGIC);
        if (request->conn->state == CONN_OPEN && !is_first_to_check(request)) {
            list_add_last(&edge->checking, &request->work); /* behind the one that goes first */
        } else if (request->conn->state == CONN_OPEN) {
            check_any(edge, request, &budget);
        }
    }
}

static void on_body_bytes(struct edge *edge, struct conn *conn, struct request *request)
{
    check(request->body_filled <= request->body_bytes);
    bool whole = request->body_filled == request->body_bytes;
    if (whole) {
        conn->receiving = NULL;
    }
    if (request->command == COMMAND_SEND_MESSAGES) {
        hash_arrived(request);
        if (whole) {
            request->state = REQUEST_CHECKING;
        }
        if (!list_node_is_linked(&request->work)) {
            list_add_last(&edge->checking, &request->work); /* tcp_check_batches, this turn */
        }
        return;
    }
    if (whole && conn->speaks == FRAME_GENERATION_1) {
        translate_on_body(edge, request);
        return;
    }
    if (whole) {
        request->body->size = request->body_bytes;
        struct span body = {request->body->data + FRAME_HEADER_BYTES,
                            request->body_bytes - FRAME_HEADER_BYTES};
        request_run(edge, request, body);
    }
}

/* ---- In ---- */

/* Throws away what belongs to a refused body. */
static void discard_here(struct conn *conn)
{
    u32 here = (u32)u64_min(conn->discard_bytes, inline_left(conn));
    inline_take(conn, here);
    conn->discard_bytes -= here;
}

static void note_incomplete_frame(struct edge *edge, struct conn *conn)
{
    bool incomplete = conn->receiving != NULL || conn->discard_bytes > 0 ||
                      (inline_left(conn) > 0 && conn->requests_count == 0 &&
                       !list_node_is_linked(&conn->waiting));
    if (!incomplete) {
        conn->frame_began_us = 0;
        return;
    }
    if (conn->frame_began_us == 0) {
        conn->frame_began_us = edge->core->time.monotonic_us;
        conn->frame_moved_bytes = 0;
        conn_watch(edge, conn, conn->frame_began_us + edge->settings->frame_timeout_us);
    }
}

/* Its first bytes decide for all of a connection; later those of a frame mean nothing. False: they
 * are not here. */
static bool knows_generation(struct conn *conn)
{
    if (conn->speaks == 0 && inline_left(conn) >= FRAME_DETECT_BYTES) {
        conn->speaks = (u8)frame_generation(inline_data(conn));
    }
    return conn->speaks != 0;
}

/* The frame at the front, in the generation of the connection. */
static enum verdict begin_any(struct edge *edge, struct conn *conn)
{
    if (!knows_generation(conn)) {
        return VERDICT_WAIT;
    }
    if (conn->speaks == FRAME_GENERATION_1) {
        return translate_begin(edge, conn);
    }
    return inline_left(conn) < FRAME_HEADER_BYTES ? VERDICT_WAIT : begin_frame(edge, conn);
}

void tcp_parse(struct edge *edge, struct conn *conn)
{
    while (conn->state == CONN_OPEN && conn->receiving == NULL && !conn->ends && !edge->draining) {
        discard_here(conn);
        if (conn->discard_bytes > 0) {
            break;
        }
        enum verdict verdict = begin_any(edge, conn);
        if (verdict == VERDICT_CLOSE) {
            conn_close(edge, conn, "not a request");
            return;
        }
        if (verdict == VERDICT_WAIT) {
            break;
        }
        conn->frame_began_us = 0; /* each frame has the whole time */
        if (conn->state == CONN_OPEN && conn->receiving != NULL) {
            on_body_bytes(edge, conn, conn->receiving);
        }
    }
    if (conn->state == CONN_OPEN) {
        note_incomplete_frame(edge, conn);
    }
}

/* A large frame may take its time as long as it moves: the clock starts again per step of
 * progress. */
static void note_arrival(struct conn *conn, u64 count)
{
    u32 body_bytes = conn->receiving == NULL ? 0 : conn->receiving->body_bytes;
    conn->frame_moved_bytes += count;
    if (conn->frame_moved_bytes >= u32_max(FRAME_PROGRESS_BYTES, body_bytes / FRAME_STEPS_MAX)) {
        conn->frame_moved_bytes = 0;
        conn->frame_began_us = 0;
    }
}

static void move_inline_to_body(struct conn *conn)
{
    struct request *request = conn->receiving;
    if (request == NULL) {
        return;
    }
    u32 bytes = u32_min(inline_left(conn), request->body_bytes - request->body_filled);
    memcpy(request->body->data + request->body_filled, inline_data(conn), bytes);
    request->body_filled += bytes;
    inline_take(conn, bytes);
}

static void on_received(struct core *core, struct io_op *op)
{
    struct edge *edge = core->edge;
    struct conn *conn = container_of(op, struct conn, receive_op);
    check(conn->magic == CONN_MAGIC);
    if (conn->leaving && conn_move_on_received(edge, conn, op)) {
        return;
    }
    if (conn->state == CONN_CLOSING) {
        conn_advance(edge, conn);
        return;
    }
    if (op->status != OK || op->count == 0) {
        conn_close(edge, conn, "closed by the peer");
        return;
    }
    note_arrival(conn, op->count);
    if (conn->receives_inline) {
        conn->inline_filled += (u32)op->count;
        check(conn->inline_filled <= CONN_INLINE_BYTES);
        move_inline_to_body(conn); /* a body began while this receive was under way */
    } else {
        check(conn->receiving != NULL);
        conn->receiving->body_filled += (u32)op->count;
    }
    if (conn->receiving != NULL) {
        on_body_bytes(edge, conn, conn->receiving);
    }
    conn_advance(edge, conn);
}

static void make_inline_room(struct conn *conn)
{
    if (conn->inline_start > 0) {
        memmove(conn->inline_bytes, inline_data(conn), inline_left(conn));
        conn->inline_filled -= conn->inline_start;
        conn->inline_start = 0;
    }
}

void tcp_arm_receive(struct edge *edge, struct conn *conn)
{
    if (io_op_is_busy(&conn->receive_op)) {
        return;
    }
    u8 *to = NULL;
    u32 room = 0;
    conn->receives_inline = conn->receiving == NULL;
    if (conn->receiving != NULL) {
        struct request *request = conn->receiving;
        to = request->body->data + request->body_filled;
        room = request->body_bytes - request->body_filled;
    } else {
        make_inline_room(conn);
        to = conn->inline_bytes + conn->inline_filled;
        room = CONN_INLINE_BYTES - conn->inline_filled;
    }
    if (room > 0) {
        io_op_init(&conn->receive_op, on_received);
        io_receive(edge->core->io, &conn->receive_op, conn->socket, to, room);
    }
}
