#include "edge/request.h"

#include "base/check.h"
#include "edge/conn_move.h"
#include "edge/heartbeat.h"
#include "edge/held.h"
#include "edge/lookup.h"
#include "edge/lookup_group.h"
#include "edge/lookup_user.h"
#include "edge/permit.h"
#include "edge/reply.h"
#include "edge/route.h"
#include "edge/tables.h"
#include "edge/translate.h"
#include "wire/consumer.h"
#include "wire/login.h"

static void on_credit(struct core *core, struct credit_waiter *waiter)
{
    struct request *request = container_of(waiter, struct request, credit);
    check(request->magic == REQUEST_MAGIC);
    check(request->state == REQUEST_WAITING);
    request->state = REQUEST_ASKED;
    mailbox_send(core, &request->msg);
}

struct request *request_take(struct edge *edge, struct conn *conn,
                             const struct request_header *header)
{
    edge_make_room(edge);
    struct list_node *node = list_pop(&edge->requests_free);
    if (node == NULL) {
        return NULL;
    }
    struct request *request = container_of(node, struct request, node);
    check(request->magic == REQUEST_MAGIC);
    check(request->state == REQUEST_FREE);
    request->generation++;
    request->state = REQUEST_RECEIVING;
    request->conn = conn;
    request->command = COMMAND_PING;
    request->header = *header;
    request->msg = (struct msg){0};
    request->hash_body = false;
    request->again_until_us = 0;
    request->wait_until_us = 0;
    request->reply_inline_bytes = 0;
    check(request->body == NULL);
    check(request->reply_body == NULL);
    check(request->loan == NULL);
    edge->requests_used++;
    list_add_last(&conn->requests, &request->node);
    conn->requests_count++;
    conn->heard_us = edge->core->time.monotonic_us;
    counter_add(edge->core->counters, COUNTER_requests, 1);
    return request;
}

void request_return_loan(struct edge *edge, struct request *request)
{
    check(request->loan != NULL);
    struct msg msg = {.kind = MSG_LOAN_RETURN, .to = (u8)request->loan_from, .loan = request->loan};
    mailbox_send(edge->core, &msg);
    mailbox_credit_return(edge->core, request->loan_from, MSG_POLL);
    request->loan = NULL;
}

static void leave_conn(struct request *request)
{
    if (request->conn == NULL) {
        return;
    }
    check(request->conn->requests_count > 0);
    request->conn->requests_count--;
    if (request->conn->receiving == request) {
        request->conn->receiving = NULL;
    }
    request->conn = NULL;
    list_remove(&request->node);
}

void request_drop_stalled(struct edge *edge, struct request *request)
{
    check(edge->stalled_bytes >= request->stalled_bytes);
    edge->stalled_bytes -= request->stalled_bytes;
    request->stalled_bytes = 0;
}

void request_free(struct edge *edge, struct request *request)
{
    check(request->magic == REQUEST_MAGIC);
    check(request->state != REQUEST_FREE);
    check(request->state != REQUEST_ASKED);
    if (request->conn != NULL) {
        request->conn->heard_us = edge->core->time.monotonic_us;
    }
    leave_conn(request);
    held_forget(edge, request);
    list_remove(&request->work);
    mailbox_stop_waiting(&request->credit);
    if (request->body != NULL) {
        buf_return(request->body);
        request->body = NULL;
    }
    if (request->reply_body != NULL) {
        buf_return(request->reply_body);
        request->reply_body = NULL;
    }
    if (request->scratch != NULL) {
        buf_return(request->scratch);
        request->scratch = NULL;
    }
    request_drop_stalled(edge, request);
    if (request->loan != NULL) {
        request_return_loan(edge, request);
    }
    request->state = REQUEST_FREE;
    check(edge->requests_used > 0);
    edge->requests_used--;
    list_add_first(&edge->requests_free, &request->node);
}

void request_abandon(struct edge *edge, struct request *request)
{
    if (request->state != REQUEST_ASKED) {
        request_free(edge, request);
        return;
    }
    leave_conn(request);
}

/* From now on, not from the header: a large body may have taken its time to arrive. */
static void begin_deadline(struct edge *edge, struct request *request)
{
    request->deadline_us = edge->core->time.monotonic_us + edge->settings->request_deadline_us;
    conn_watch(edge, request->conn, request->deadline_us);
}

void request_offload(struct edge *edge, struct request *request)
{
    request->state = REQUEST_OFFLOADED;
    begin_deadline(edge, request);
}

void request_ask(struct edge *edge, struct request *request, u32 to)
{
    struct core *core = edge->core;
    begin_deadline(edge, request);
    request->msg.to = (u8)to;
    request->msg.token =
        (struct msg_token){.slot = request->slot, .generation = request->generation};
    enum msg_kind kind = (enum msg_kind)request->msg.kind;
    if (kind == MSG_APPEND || kind == MSG_POLL) {
        conn_move_note(request->conn, to);
    }
    if (mailbox_has_credit(&core->mailbox, to, kind)) {
        request->state = REQUEST_ASKED;
        mailbox_send(core, &request->msg);
        return;
    }
    request->state = REQUEST_WAITING;
    request->credit.resume = on_credit;
    mailbox_wait_for_credit(&core->mailbox, to, kind, &request->credit);
    counter_add(core->counters, COUNTER_requests_parked, 1);
}

/* ---- What may run at all ---- */

struct refusal request_refusal(const struct conn *conn, enum command command,
                               const struct request_header *header)
{
    if (command == COMMAND_LOGIN_USER || command == COMMAND_LOGIN_WITH_TOKEN) {
        return (struct refusal){.eviction = EVICTION_MALFORMED_LOGIN};
    }
    if (command == COMMAND_REGISTER && header->client.high == TRANSLATE_CLIENT_MARK) {
        return (struct refusal){.eviction = EVICTION_SESSION_ERROR};
    }
    if (!command_row(command)->needs_login) {
        return (struct refusal){0};
    }
    bool is_mutation = header->operation >= OP_METADATA_MIN;
    if (!conn->logged_in && is_mutation) {
        return (struct refusal){.eviction = EVICTION_NO_SESSION};
    }
    if (!conn->logged_in || (is_mutation && header->session > conn->session)) {
        return (struct refusal){.error = WIRE_UNAUTHENTICATED};
    }
    if (is_mutation && header->session < conn->session) {
        return (struct refusal){.eviction = EVICTION_SESSION_TOO_LOW};
    }
    return (struct refusal){0};
}

void request_run(struct edge *edge, struct request *request, struct span body)
{
    check(request->state == REQUEST_RECEIVING || request->state == REQUEST_CHECKING);
    check(request->command != COMMAND_SEND_MESSAGES);
    /* Register has its checksum compared by control, behind the version gate. */
    if (request->command != COMMAND_REGISTER && !request_checksum_holds(&request->header, body)) {
        reply_status(edge, request, WIRE_INVALID_FORMAT);
        return;
    }
    if (request->command == COMMAND_PING) {
        heartbeat_on_ping(edge, request->conn);
    }
    enum wire_error refused = permit_request(edge, request, body);
    if (refused != WIRE_OK) {
        reply_status(edge, request, refused);
        return;
    }
    switch ((enum command_plane)command_row(request->command)->plane) {
    case PLANE_LOCAL: lookup_run(edge, request, body); return;
    case PLANE_CONTROL:
    case PLANE_PARTITION:
    case PLANE_SESSION: route_request(edge, request, body); return;
    }
    unreachable();
}

/* ---- Answers of owners ---- */

static void on_appended(struct edge *edge, struct request *request, const struct msg *reply)
{
    if (request_is_v1(request)) {
        translate_on_appended(edge, request, (enum wire_error)reply->error);
        return;
    }
    if (reply->error != WIRE_OK) {
        reply_status(edge, request, (enum wire_error)reply->error);
        return;
    }
    u8 body[SEND_REPLY_BYTES];
    struct writer writer = writer_over(body, sizeof(body));
    send_reply_encode(&(struct send_confirmation){.stream_id = request->stream_id,
                                                  .topic_id = request->topic_id,
                                                  .partition_id = request->partition_id,
                                                  .base_offset = reply->appended.base_offset},
                      &writer);
    check(!writer.failed);
    reply_small(edge, request, body, writer.position);
}

static void on_polled(struct edge *edge, struct request *request, const struct msg *reply)
{
    if (reply->error == WIRE_GROUP_PARTITION_NOT_OWNED) {
        reply_not_owned(edge, request);
        return;
    }
    if (reply->error != WIRE_OK) {
        reply_status(edge, request, (enum wire_error)reply->error);
        return;
    }
    if ((reply->flags & MSG_WAITING) != 0) {
        held_add(edge, request, reply->waiting.current_offset);
        return;
    }
    check((reply->flags & MSG_LOAN) != 0);
    if (request_is_v1(request)) {
        translate_on_polled(edge, request, reply);
        return;
    }
    reply_poll(edge, request, reply->loan, reply->from);
}

static void on_offset_got(struct edge *edge, struct request *request, const struct msg *reply)
{
    if (reply->error != WIRE_OK || reply->offset_got.stored == UINT64_MAX) {
        reply_status(edge, request, (enum wire_error)reply->error); /* 0: empty, nothing stored */
        return;
    }
    u8 body[OFFSET_REPLY_BYTES];
    struct writer writer = writer_over(body, sizeof(body));
    offset_reply_encode(&(struct offset_reply){.partition_id = request->partition_id,
                                               .current_offset = reply->offset_got.current,
                                               .stored_offset = reply->offset_got.stored},
                        &writer);
    check(!writer.failed);
    reply_small(edge, request, body, writer.position);
}

static void on_commanded(struct edge *edge, struct request *request, const struct msg *reply)
{
    if (reply->error == WIRE_OK && request->command == COMMAND_CREATE_GROUP) {
        request->stream_id = reply->commanded.grandparent_id;
        request->topic_id = reply->commanded.parent_id;
        lookup_created_group(edge, request, reply->commanded.id);
        return;
    }
    bool creates =
        request->command == COMMAND_CREATE_STREAM || request->command == COMMAND_CREATE_TOPIC;
    if (reply->error == WIRE_OK && creates) {
        lookup_created(edge, request, reply->commanded.parent_id, reply->commanded.id);
        return;
    }
    if (reply->error == WIRE_OK && request->command == COMMAND_CREATE_USER) {
        lookup_created_user(edge, request, reply->commanded.id);
        return;
    }
    if (reply->error == WIRE_OK && request->command == COMMAND_CREATE_TOKEN) {
        lookup_created_token(edge, request);
        return;
    }
    reply_status(edge, request, (enum wire_error)reply->error);
}

static void on_logged_in(struct edge *edge, struct request *request, const struct msg *reply)
{
    struct conn *conn = request->conn;
    if (reply->error != WIRE_OK || reply->logged_in.eviction != 0) {
        counter_add(edge->core->counters, COUNTER_logins_failed, 1);
    }
    if (reply->error != WIRE_OK) {
        reply_status(edge, request, (enum wire_error)reply->error);
        return;
    }
    if (reply->logged_in.eviction != 0) {
        reply_eviction(edge, request, (enum eviction_reason)reply->logged_in.eviction);
        return;
    }
    if (state_session_get(edge->core->state, reply->logged_in.session) == NULL) {
        /* A later login of this client, or the end of its user, was quicker than this answer. */
        reply_eviction(edge, request, EVICTION_SESSION_TOO_LOW);
        return;
    }
    conn->logged_in = true;
    conn->user_id = reply->logged_in.user_id;
    conn->session = reply->logged_in.session;
    conn->client = request->header.client;
    conn->attached_session = 0;
    edge_note_session(edge, conn);
    u8 body[64];
    struct writer writer = writer_over(body, sizeof(body));
    if (request_is_v1(request)) {
        write_u32(&writer, conn->user_id);
        reply_small(edge, request, body, writer.position);
        return;
    }
    login_reply_encode(&(struct login_reply){.user_id = conn->user_id,
                                             .session = conn->session,
                                             .version = PROTOCOL_VERSION,
                                             .server_version = span_of(SERVER_VERSION)},
                       &writer);
    check(!writer.failed);
    reply_small(edge, request, body, writer.position);
}

static void on_logged_out(struct edge *edge, struct request *request, const struct msg *reply)
{
    request->conn->logged_in = false;
    request->conn->session = 0;
    request->conn->attached_session = 0;
    edge_note_session(edge, request->conn);
    reply_status(edge, request, (enum wire_error)reply->error);
}

/* The buffer we lent came back filled with the reply's body. */
static void on_clients(struct edge *edge, struct request *request, const struct msg *reply)
{
    struct buf *filled = request->body;
    request->body = NULL;
    if (reply->error != WIRE_OK) {
        buf_return(filled);
        reply_status(edge, request, (enum wire_error)reply->error);
        return;
    }
    reply_buf(edge, request, filled);
}

static void answer(struct edge *edge, struct request *request, const struct msg *reply)
{
    if (reply->error == WIRE_TRANSIENT_NOT_ACCEPTED && request_is_v1(request) &&
        translate_ask_later(edge, request)) {
        return;
    }
    switch ((enum msg_kind)reply->kind) {
    case MSG_APPEND: on_appended(edge, request, reply); return;
    case MSG_POLL: on_polled(edge, request, reply); return;
    case MSG_OFFSET_GET: on_offset_got(edge, request, reply); return;
    case MSG_OFFSET_STORE:
    case MSG_OFFSET_DELETE:
    case MSG_SEGMENTS_DELETE: reply_status(edge, request, (enum wire_error)reply->error); return;
    case MSG_COMMAND: on_commanded(edge, request, reply); return;
    case MSG_LOGIN: on_logged_in(edge, request, reply); return;
    case MSG_LOGOUT: on_logged_out(edge, request, reply); return;
    case MSG_CLIENTS: on_clients(edge, request, reply); return;
    case MSG_NOTICE:
    case MSG_LOAN_RETURN:
    case MSG_CONNECTION_CLOSED:
    case MSG_CONNECTION_LEAVES:
    case MSG_CONNECTION:
    case MSG_CONNECTION_TAKEN:
    case MSG_APPLY:
    case MSG_APPLIED:
    case MSG_PHASE:
    case MSG_PHASE_DONE:
    case MSG_KIND_COUNT: break;
    }
    unreachable();
}

void request_on_reply(struct edge *edge, const struct msg *reply)
{
    check(reply->token.slot < edge->requests_count);
    struct request *request = &edge->requests[reply->token.slot];
    check(request->magic == REQUEST_MAGIC);
    check(request->generation == reply->token.generation); /* the slot waited for this */
    check(request->state == REQUEST_ASKED);
    request->state = REQUEST_CHECKING; /* ours again: if it is abandoned now, nothing more comes */
    struct conn *conn = request->conn;
    if (conn == NULL || (reply->flags & MSG_CLOSE_CONNECTION) != 0) {
        if ((reply->flags & MSG_LOAN) != 0) {
            request->loan = reply->loan;
            request->loan_from = reply->from;
        }
        request_free(edge, request);
        if (conn != NULL) {
            conn_close(edge, conn, "its mutation failed below");
        }
        return;
    }
    answer(edge, request, reply);
}
