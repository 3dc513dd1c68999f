#include "edge/translate.h"

#include "base/check.h"
#include "base/sha256.h"
#include "edge/held.h"
#include "edge/reply.h"
#include "wire/client_info.h"
#include "wire/consumer.h"
#include "wire/frame_v1.h"
#include "wire/group_info.h"
#include "wire/login.h"
#include "wire/login_v1.h"
#include "wire/name.h"
#include "wire/partition_info.h"
#include "wire/poll.h"
#include "wire/snapshot_request.h"
#include "wire/token_info.h"
#include "wire/topic_v1.h"
#include "wire/user_info.h"

/* Bytes that a body may grow by: options of a topic, or the version prefix of a login. */
#define GROWTH_BYTES TOPIC_V1_TRANSLATED_BYTES_MORE

/* As often as clients of generation 2 ask again. */
#define ASK_AGAIN_US (50 * US_PER_MS)

/* ---- Bodies that are written anew ---- */

static struct u128 client_of(const struct conn *conn, u32 user_id)
{
    return (struct u128){.low = (u64)user_id << 32 | conn->client_number,
                         .high = TRANSLATE_CLIENT_MARK};
}

static void become_register(struct request *request, u32 user_id, struct writer *writer)
{
    request->command = COMMAND_REGISTER;
    request->header.operation = OP_REGISTER;
    request->header.code = 0;
    request->header.session = 0;
    request->header.request = 0;
    request->header.client = client_of(request->conn, user_id);
    login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                               .sdk_name = span_of("generation-1"),
                                               .sdk_version = span_of("0.8")},
                        writer);
}

/* What generation 1 distinguishes and generation 2 does not is asked here; control verifies. */
static enum wire_error login_user(const struct edge *edge, struct request *request,
                                  struct span body, struct writer *writer)
{
    struct login_user_v1 login;
    enum wire_error error = login_user_v1_decode(body, &login);
    if (error != WIRE_OK) {
        return error;
    }
    if (!username_is_valid(login.username)) {
        return WIRE_INVALID_USERNAME;
    }
    if (!password_is_valid(login.password)) {
        return WIRE_INVALID_PASSWORD;
    }
    struct identifier name = identifier_of_name(login.username);
    const struct state_user *user = state_user_find(edge->core->state, &name);
    if (user != NULL && !user->active) {
        return WIRE_USER_INACTIVE;
    }
    become_register(request, user == NULL ? CLIENT_USER_NONE : user->id, writer);
    login_password_encode(
        &(struct login_password){.username = login.username, .password = login.password}, writer);
    return WIRE_OK;
}

static enum wire_error login_token(const struct edge *edge, struct request *request,
                                   struct span body, struct writer *writer)
{
    struct login_token_v1 login;
    enum wire_error error = login_token_v1_decode(body, &login);
    if (error != WIRE_OK) {
        return error;
    }
    u8 hash[SHA256_BYTES];
    sha256(login.token.data, login.token.size, hash);
    const struct state_token *token = state_token_find(edge->core->state, hash);
    if (token != NULL && token->expires_at_us <= edge->core->time.wall_us) {
        return WIRE_TOKEN_EXPIRED;
    }
    become_register(request, token == NULL ? CLIENT_USER_NONE : token->user_id, writer);
    login_token_encode(&(struct login_token){.token = login.token}, writer);
    return WIRE_OK;
}

/* Decodes what generation 1 wrote and encodes it for generation 2. */
#define REWRITE(name, type, decode, encode)                                                        \
    static enum wire_error name(struct span body, struct writer *writer)                           \
    {                                                                                              \
        struct type request;                                                                       \
        enum wire_error error = decode(body, &request);                                            \
        if (error == WIRE_OK) {                                                                    \
            encode(&request, writer);                                                              \
        }                                                                                          \
        return error;                                                                              \
    }

REWRITE(create_stream, create_stream_request, create_stream_v1_decode, create_stream_request_encode)
REWRITE(update_stream, update_stream_request, update_stream_v1_decode, update_stream_request_encode)
REWRITE(update_topic, update_topic_v1, update_topic_v1_decode, update_topic_v1_translate)
REWRITE(create_user, create_user_request, create_user_v1_decode, create_user_request_encode)
REWRITE(update_user, update_user_request, update_user_v1_decode, update_user_request_encode)
REWRITE(store_offset, store_offset_request, store_offset_v1_decode, store_offset_request_encode)
REWRITE(delete_offset, delete_offset_request, delete_offset_v1_decode, delete_offset_request_encode)

static enum wire_error create_topic(struct span body, struct writer *writer)
{
    struct create_topic_v1 request;
    enum wire_error error = create_topic_v1_decode(body, &request);
    if (error != WIRE_OK) {
        return error;
    }
    if (request.partitions_count > PARTITIONS_PER_REQUEST_MAX) {
        return WIRE_TOO_MANY_PARTITIONS;
    }
    create_topic_v1_translate(&request, writer);
    return WIRE_OK;
}

/* ---- Bodies that are the same in both generations ---- */

/* Only looks whether it decodes: a malformed body is refused before a missing login. */
#define LOOK(name, type, decode)                                                                   \
    static enum wire_error name(struct span body)                                                  \
    {                                                                                              \
        type request;                                                                              \
        return decode(body, &request);                                                             \
    }

LOOK(look_at_stream, struct stream_request, stream_request_decode)
LOOK(look_at_topic, struct topic_request, topic_request_decode)
LOOK(look_at_partitions, struct partitions_request, partitions_request_decode)
LOOK(look_at_segments, struct delete_segments_request, delete_segments_request_decode)
LOOK(look_at_flush, struct flush_request, flush_request_decode)
LOOK(look_at_poll, struct poll_request, poll_request_decode)
LOOK(look_at_get_offset, struct offset_request, get_offset_request_decode)
LOOK(look_at_group, struct group_request, group_request_decode)
LOOK(look_at_create_group, struct create_group_request, create_group_request_decode)
LOOK(look_at_user, struct user_request, user_request_decode)
LOOK(look_at_permissions, struct update_permissions_request, update_permissions_request_decode)
LOOK(look_at_password, struct change_password_request, change_password_request_decode)
LOOK(look_at_create_token, struct create_token_request, create_token_request_decode)
LOOK(look_at_delete_token, struct span, delete_token_request_decode)
LOOK(look_at_client, u32, get_client_request_decode)
LOOK(look_at_snapshot, struct snapshot_request, snapshot_request_decode)

static enum wire_error look(enum command command, struct span body)
{
    switch ((u32)command) {
    case COMMAND_GET_STREAM:
    case COMMAND_DELETE_STREAM:
    case COMMAND_PURGE_STREAM:
    case COMMAND_GET_TOPICS: return look_at_stream(body);
    case COMMAND_GET_TOPIC:
    case COMMAND_DELETE_TOPIC:
    case COMMAND_PURGE_TOPIC:
    case COMMAND_GET_GROUPS: return look_at_topic(body);
    case COMMAND_CREATE_PARTITIONS:
    case COMMAND_DELETE_PARTITIONS: return look_at_partitions(body);
    case COMMAND_DELETE_SEGMENTS: return look_at_segments(body);
    case COMMAND_FLUSH_UNSAVED_BUFFER: return look_at_flush(body);
    case COMMAND_POLL_MESSAGES: return look_at_poll(body);
    case COMMAND_GET_CONSUMER_OFFSET: return look_at_get_offset(body);
    case COMMAND_GET_GROUP:
    case COMMAND_DELETE_GROUP:
    case COMMAND_JOIN_GROUP:
    case COMMAND_LEAVE_GROUP: return look_at_group(body);
    case COMMAND_CREATE_GROUP: return look_at_create_group(body);
    case COMMAND_GET_USER:
    case COMMAND_DELETE_USER: return look_at_user(body);
    case COMMAND_UPDATE_PERMISSIONS: return look_at_permissions(body);
    case COMMAND_CHANGE_PASSWORD: return look_at_password(body);
    case COMMAND_CREATE_TOKEN: return look_at_create_token(body);
    case COMMAND_DELETE_TOKEN: return look_at_delete_token(body);
    case COMMAND_GET_CLIENT: return look_at_client(body);
    case COMMAND_GET_SNAPSHOT: return look_at_snapshot(body);
    default: return WIRE_OK; /* an empty body */
    }
}

/* Writes the body as generation 2 would have it. */
static enum wire_error rewrite(const struct edge *edge, struct request *request, struct span body,
                               struct writer *writer)
{
    switch ((u32)request->command) {
    case COMMAND_LOGIN_USER: return login_user(edge, request, body, writer);
    case COMMAND_LOGIN_WITH_TOKEN: return login_token(edge, request, body, writer);
    case COMMAND_CREATE_STREAM: return create_stream(body, writer);
    case COMMAND_UPDATE_STREAM: return update_stream(body, writer);
    case COMMAND_CREATE_TOPIC: return create_topic(body, writer);
    case COMMAND_UPDATE_TOPIC: return update_topic(body, writer);
    case COMMAND_CREATE_USER: return create_user(body, writer);
    case COMMAND_UPDATE_USER: return update_user(body, writer);
    case COMMAND_STORE_CONSUMER_OFFSET: return store_offset(body, writer);
    case COMMAND_DELETE_CONSUMER_OFFSET: return delete_offset(body, writer);
    default: write_span(writer, body); return look(request->command, body);
    }
}

/* ---- Running it ---- */

static bool is_malformed(enum wire_error error)
{
    return error == WIRE_INVALID_COMMAND || error == WIRE_INVALID_FORMAT;
}

/* `buf` has room for the translation, and may hold `body` behind that. It becomes the request's. */
static void run(struct edge *edge, struct request *request, struct buf *buf, struct span body)
{
    struct conn *conn = request->conn;
    u32 room = FRAME_HEADER_BYTES + body.size + GROWTH_BYTES;
    check(buf->capacity >= room);
    bool needs_login = command_v1_needs_login(request->command);
    struct writer writer = writer_over(buf->data + FRAME_HEADER_BYTES, room - FRAME_HEADER_BYTES);
    request->body = buf;
    enum wire_error error = rewrite(edge, request, body, &writer);
    if (needs_login && !conn->logged_in && !is_malformed(error)) {
        error = WIRE_UNAUTHENTICATED;
    }
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    check(!writer.failed);
    buf->size = FRAME_HEADER_BYTES + writer.position;
    request->header.size = buf->size;
    request_header_encode(&request->header, buf->data);
    request_run(edge, request, (struct span){buf->data + FRAME_HEADER_BYTES, writer.position});
}

void translate_on_body(struct edge *edge, struct request *request)
{
    struct buf *buf = request->body;
    struct span body = {buf->data + request->body_position,
                        request->body_bytes - request->body_position};
    run(edge, request, buf, body);
}

/* ---- The frame at the front ---- */

struct request *translate_take_request(struct edge *edge, struct conn *conn, enum command command)
{
    const struct command_row *row = command_row(command);
    struct request_header header = {.client = conn->client,
                                    .session = conn->session,
                                    .request = 1,
                                    .size = FRAME_HEADER_BYTES,
                                    .operation = row->op,
                                    .code = row->op == OP_NON_REPLICATED ? row->code : 0};
    struct request *request = request_take(edge, conn, &header);
    if (request == NULL) {
        tcp_wait_for_room(edge, conn);
        return NULL;
    }
    request->command = command;
    return request;
}

/* The longest frame that somebody may mean: other protocols begin with longer ones. */
static u32 length_max(const struct request_v1 *frame)
{
    return frame->code == command_row(COMMAND_SEND_MESSAGES)->code
               ? FRAME_BYTES_MAX
               : FRAME_V1_LENGTH_BYTES + FRAME_V1_PAYLOAD_BYTES_MAX;
}

/* Answers a frame whose payload is not wanted. It is thrown away as it arrives; where it is not
 * known how long it is, or it is longer than anybody may send, the connection ends instead. */
static enum verdict begin_refused(struct edge *edge, struct conn *conn,
                                  const struct request_v1 *frame, enum wire_error error)
{
    struct request *request = translate_take_request(edge, conn, COMMAND_PING);
    if (request == NULL) {
        return VERDICT_WAIT;
    }
    if (!request_v1_is_framed(frame) || frame->length > length_max(frame)) {
        conn->ends = true;
    } else {
        u64 frame_bytes = (u64)FRAME_V1_LENGTH_BYTES + frame->length;
        u32 here = (u32)u64_min(frame_bytes, inline_left(conn));
        inline_take(conn, here);
        conn->discard_bytes = frame_bytes - here;
    }
    reply_status(edge, request, error);
    return VERDICT_BEGUN;
}

/* Whole in the inline bytes. */
static enum verdict begin_inline(struct edge *edge, struct conn *conn, enum command command,
                                 u32 payload_bytes)
{
    if (inline_left(conn) < FRAME_V1_HEADER_BYTES + payload_bytes) {
        return VERDICT_WAIT;
    }
    struct buf *buf = tcp_take_body(edge, FRAME_HEADER_BYTES + payload_bytes + GROWTH_BYTES);
    struct request *request = buf == NULL ? NULL : translate_take_request(edge, conn, command);
    if (request == NULL) {
        if (buf != NULL) {
            buf_return(buf);
        }
        tcp_wait_for_room(edge, conn);
        return VERDICT_WAIT;
    }
    struct span body = {inline_data(conn) + FRAME_V1_HEADER_BYTES, payload_bytes};
    inline_take(conn, FRAME_V1_HEADER_BYTES + payload_bytes);
    run(edge, request, buf, body);
    return VERDICT_BEGUN;
}

/* Received behind the room for its translation. */
static enum verdict begin_buffered(struct edge *edge, struct conn *conn, enum command command,
                                   u32 payload_bytes)
{
    u32 room = FRAME_HEADER_BYTES + payload_bytes + GROWTH_BYTES;
    struct buf *buf = tcp_take_body(edge, room + payload_bytes);
    struct request *request = buf == NULL ? NULL : translate_take_request(edge, conn, command);
    if (request == NULL) {
        if (buf != NULL) {
            buf_return(buf);
        }
        tcp_wait_for_room(edge, conn);
        return VERDICT_WAIT;
    }
    inline_take(conn, FRAME_V1_HEADER_BYTES);
    u32 here = u32_min(payload_bytes, inline_left(conn));
    memcpy(buf->data + room, inline_data(conn), here);
    inline_take(conn, here);
    request->body = buf;
    request->body_position = room;
    request->body_bytes = room + payload_bytes;
    request->body_filled = room + here;
    conn->receiving = request;
    return VERDICT_BEGUN;
}

/* The longest payload that is looked at; a stranger's memory is small. */
static u32 payload_bytes_max(const struct conn *conn, enum command command)
{
    bool is_login = command == COMMAND_LOGIN_USER || command == COMMAND_LOGIN_WITH_TOKEN;
    return is_login || !conn->logged_in ? LOGIN_BODY_BYTES_MAX : PLAIN_BODY_BYTES_MAX;
}

/* A send of a stranger is not looked at, whatever its length. */
static enum wire_error send_error(const struct edge *edge, const struct conn *conn,
                                  const struct request_v1 *frame)
{
    if (frame->length > FRAME_BYTES_MAX) {
        return WIRE_INVALID_COMMAND;
    }
    if (!conn->logged_in) {
        return WIRE_UNAUTHENTICATED;
    }
    return frame->length > edge->plan->frame_bytes_max ? WIRE_TOO_BIG_MESSAGE_PAYLOAD : WIRE_OK;
}

/* Why a payload of this length is not looked at; WIRE_OK: it is. */
static enum wire_error length_error(const struct edge *edge, const struct conn *conn,
                                    const struct request_v1 *frame, enum command command)
{
    if (command == COMMAND_SEND_MESSAGES) {
        return send_error(edge, conn, frame);
    }
    u32 payload_bytes = request_v1_payload_bytes(frame);
    if (payload_bytes <= payload_bytes_max(conn, command)) {
        return WIRE_OK;
    }
    bool is_stranger = command_v1_needs_login(command) && !conn->logged_in;
    return is_stranger && payload_bytes <= FRAME_V1_PAYLOAD_BYTES_MAX ? WIRE_UNAUTHENTICATED
                                                                      : WIRE_INVALID_COMMAND;
}

enum verdict translate_begin(struct edge *edge, struct conn *conn)
{
    if (inline_left(conn) > 0) {
        held_end(edge, conn); /* nobody waits longer than the client has nothing else to say */
    }
    if (inline_left(conn) < FRAME_V1_HEADER_BYTES) {
        return VERDICT_WAIT;
    }
    held_end(edge, conn); /* nobody waits longer than the client has nothing else to say */
    if (conn->requests_count > 0) {
        return VERDICT_WAIT;
    }
    struct request_v1 frame;
    enum command command = COMMAND_PING;
    request_v1_decode(inline_data(conn), &frame);
    if (!request_v1_is_framed(&frame) || !command_find_v1(frame.code, &command)) {
        return begin_refused(edge, conn, &frame, WIRE_INVALID_COMMAND);
    }
    u32 payload_bytes = request_v1_payload_bytes(&frame);
    enum wire_error error = length_error(edge, conn, &frame, command);
    if (error != WIRE_OK) {
        return begin_refused(edge, conn, &frame, error);
    }
    if (command == COMMAND_SEND_MESSAGES) {
        return translate_begin_send(edge, conn, payload_bytes);
    }
    if (FRAME_V1_HEADER_BYTES + payload_bytes <= CONN_INLINE_BYTES) {
        return begin_inline(edge, conn, command, payload_bytes);
    }
    return begin_buffered(edge, conn, command, payload_bytes);
}

bool translate_ask_later(struct edge *edge, struct request *request)
{
    u64 now_us = edge->core->time.monotonic_us;
    if (request->again_until_us == 0) {
        request->again_until_us = now_us + edge->settings->request_deadline_us;
    }
    if (now_us >= request->again_until_us) {
        return false;
    }
    request->state = REQUEST_AGAIN;
    request->again_us = now_us + ASK_AGAIN_US;
    conn_watch(edge, request->conn, request->again_us);
    return true;
}

enum wire_error translate_eviction(enum eviction_reason reason)
{
    switch (reason) {
    case EVICTION_INVALID_CREDENTIALS:
    case EVICTION_SESSION_ERROR: return WIRE_INVALID_CREDENTIALS;
    case EVICTION_INVALID_TOKEN: return WIRE_RESOURCE_NOT_FOUND;
    case EVICTION_USER_INACTIVE: return WIRE_USER_INACTIVE;
    case EVICTION_STALE_CLIENT: return WIRE_STALE_CLIENT;
    case EVICTION_NO_SESSION:
    case EVICTION_SESSION_TOO_LOW: return WIRE_UNAUTHENTICATED;
    case EVICTION_INVALID_OPERATION: return WIRE_INVALID_COMMAND;
    case EVICTION_INCOMPATIBLE_PROTOCOL:
    case EVICTION_MALFORMED_LOGIN: return WIRE_INVALID_FORMAT;
    }
    unreachable();
}
