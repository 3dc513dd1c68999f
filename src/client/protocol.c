#include "client/protocol.h"

#include "base/check.h"
#include "base/mem.h"
#include "levriero.h"
#include "wire/login.h"
#include "wire/poll.h"

#define INPUT_BYTES_MIN (64u * 1024u)
#define LOGIN_BYTES_MAX 1024u

/* ---- What leaves ---- */

static struct ask *first_of(const struct list *list)
{
    struct list_node *node = list_first(list);
    return node == NULL ? NULL : container_of(node, struct ask, node);
}

static void encode_header(struct protocol *protocol, struct ask *ask)
{
    const struct command_row *row = command_row(ask->command);
    bool registers = row->op == OP_REGISTER;
    struct request_header header = {
        .client = protocol->id,
        .size = ask->frame_bytes,
        .operation = row->op,
        .code = row->op == OP_NON_REPLICATED ? row->code : 0,
        .session = registers ? 0 : protocol->session,
        .request = registers ? 0 : ask->request,
        .keeps_client = registers,
    };
    request_header_encode(&header, ask->frame);
}

void protocol_ask(struct protocol *protocol, struct ask *ask, u64 now_us)
{
    if (list_is_empty(&protocol->unsent)) {
        protocol->said_at_us = now_us;
    }
    check(ask->frame_bytes >= FRAME_HEADER_BYTES);
    check(ask->frame_bytes <= FRAME_BYTES_MAX);
    if (ask->request == 0) {
        ask->request = ++protocol->request;
    }
    list_add_last(&protocol->unsent, &ask->node);
}

void protocol_cancel(struct protocol *protocol, struct ask *ask)
{
    if (first_of(&protocol->unsent) == ask && protocol->sent_bytes > 0) {
        protocol->is_broken = true;
        protocol->sent_bytes = 0;
    }
    list_remove(&ask->node);
}

/* The login goes alone; after it everything in turn. */
u32 protocol_output(struct protocol *protocol, struct iovec *pieces, u32 pieces_max)
{
    if (protocol->state == PROTOCOL_DOWN || protocol->is_broken) {
        return 0;
    }
    u32 count = 0;
    u32 skip = protocol->sent_bytes;
    list_for_each(node, next, &protocol->unsent) {
        struct ask *ask = container_of(node, struct ask, node);
        bool login_only = protocol->state == PROTOCOL_LOGIN && ask != &protocol->login;
        if (count == pieces_max || login_only) {
            break;
        }
        if (skip == 0) {
            encode_header(protocol, ask);
        }
        pieces[count++] = (struct iovec){ask->frame + skip, ask->frame_bytes - skip};
        skip = 0;
    }
    return count;
}

void protocol_sent(struct protocol *protocol, u64 bytes, u64 now_us)
{
    protocol->said_at_us = now_us;
    if (list_is_empty(&protocol->waiting)) {
        protocol->heard_at_us = now_us; /* silence begins with the question */
    }
    while (bytes > 0) {
        struct ask *ask = first_of(&protocol->unsent);
        check(ask != NULL);
        u64 left = ask->frame_bytes - protocol->sent_bytes;
        ask->was_sent = true;
        if (bytes < left) {
            protocol->sent_bytes += (u32)bytes;
            return;
        }
        bytes -= left;
        protocol->sent_bytes = 0;
        list_remove(&ask->node);
        list_add_last(&protocol->waiting, &ask->node);
    }
}

/* ---- What comes ---- */

u8 *protocol_room(struct protocol *protocol, u32 *bytes)
{
    u32 wanted = INPUT_BYTES_MIN;
    if (protocol->input_bytes >= FRAME_HEADER_BYTES) {
        u32 frame_bytes = get_u32(protocol->input + 48);
        wanted = u32_max(wanted, frame_bytes); /* was judged when its header came */
    }
    if (protocol->input_capacity < wanted) {
        protocol->input = mem_resize(protocol->input, wanted);
        protocol->input_capacity = wanted;
    }
    check(protocol->input_capacity > protocol->input_bytes);
    *bytes = protocol->input_capacity - protocol->input_bytes;
    return protocol->input + protocol->input_bytes;
}

static struct ask *find_waiting(struct protocol *protocol, const struct reply_header *header)
{
    list_for_each(node, next, &protocol->waiting) {
        struct ask *ask = container_of(node, struct ask, node);
        u8 op = command_row(ask->command)->op;
        u64 request = op == OP_REGISTER ? 0 : ask->request;
        if (op == header->operation && request == header->request) {
            return ask;
        }
    }
    return NULL;
}

static int error_of(const struct ask *ask, const struct reply_header *header, struct span *body)
{
    if (header->status != 0) {
        return (int)header->status;
    }
    if (!command_row(ask->command)->framed || ask->command == COMMAND_REGISTER) {
        return LV_OK;
    }
    struct reader reader = reader_over(body->data, body->size);
    u32 number = read_result(&reader);
    if (reader.failed || number > INT32_MAX) {
        return LV_ERROR_UNREADABLE;
    }
    *body = (struct span){reader.data + reader.position, reader_left(&reader)};
    return (int)number;
}

static int login_done(struct protocol *protocol, int error, struct span body)
{
    struct login_reply reply;
    u32 number = 0;
    if (error != LV_OK) {
        return error;
    }
    if (login_reply_decode(body, &reply, &number) != OK) {
        return LV_ERROR_UNREADABLE;
    }
    protocol->session = reply.session;
    protocol->state = PROTOCOL_READY;
    return (int)number;
}

static int take_reply(struct protocol *protocol, const u8 *frame)
{
    struct reply_header header;
    if (reply_header_decode(frame, &header) != OK) {
        return LV_ERROR_UNREADABLE;
    }
    struct ask *ask = find_waiting(protocol, &header);
    if (ask == NULL) {
        return LV_OK; /* of one that was cancelled */
    }
    struct span body = {frame + FRAME_HEADER_BYTES, header.size - FRAME_HEADER_BYTES};
    int error = error_of(ask, &header, &body);
    list_remove(&ask->node);
    if (ask == &protocol->login) {
        return login_done(protocol, error, body);
    }
    if (ask->on_answer != NULL) {
        ask->on_answer(ask, error, body);
    }
    return LV_OK;
}

static int take_frame(struct protocol *protocol, const u8 *frame)
{
    struct eviction eviction;
    if (eviction_decode(frame, &eviction) == OK) {
        return (int)eviction_error(&eviction);
    }
    return take_reply(protocol, frame);
}

/* The size of a frame whose header is there, or 0 when it is not one of a server. */
static u32 frame_bytes_of(const u8 *frame)
{
    u32 bytes = get_u32(frame + 48);
    bool known = frame[60] == FRAME_COMMAND_REPLY || frame[60] == FRAME_COMMAND_EVICTION;
    return known && bytes >= FRAME_HEADER_BYTES && bytes <= FRAME_BYTES_MAX ? bytes : 0;
}

int protocol_received(struct protocol *protocol, u32 bytes, u64 now_us)
{
    check(bytes <= protocol->input_capacity - protocol->input_bytes);
    protocol->heard_at_us = now_us;
    protocol->input_bytes += bytes;
    u32 at = 0;
    int error = LV_OK;
    while (error == LV_OK && protocol->input_bytes - at >= FRAME_HEADER_BYTES) {
        u32 frame_bytes = frame_bytes_of(protocol->input + at);
        if (frame_bytes == 0) {
            error = LV_ERROR_UNREADABLE;
            break;
        }
        if (frame_bytes > protocol->input_bytes - at) {
            break;
        }
        error = take_frame(protocol, protocol->input + at);
        at += frame_bytes;
    }
    memmove(protocol->input, protocol->input + at, protocol->input_bytes - at);
    protocol->input_bytes -= at;
    return error;
}

/* ---- The life of a connection ---- */

static u8 *login_frame(const struct protocol_options *options, u32 *frame_bytes)
{
    u8 *frame = mem_take(FRAME_HEADER_BYTES + LOGIN_BYTES_MAX);
    struct writer writer = writer_over(frame, FRAME_HEADER_BYTES + LOGIN_BYTES_MAX);
    struct login_prefix prefix = {.version = PROTOCOL_VERSION,
                                  .sdk_name = span_of("levriero"),
                                  .sdk_version = span_of("0.1.0")};
    writer.position = FRAME_HEADER_BYTES;
    login_prefix_encode(&prefix, &writer);
    if (options->token != NULL) {
        login_token_encode(&(struct login_token){.token = span_of(options->token)}, &writer);
    } else {
        login_password_encode(&(struct login_password){.username = span_of(options->username),
                                                       .password = span_of(options->password)},
                              &writer);
    }
    check(!writer.failed); /* who made the options saw to their lengths */
    *frame_bytes = writer.position;
    return frame;
}

void protocol_init(struct protocol *protocol, const struct protocol_options *options)
{
    *protocol = (struct protocol){
        .id = options->id,
        .silence_us = options->request_timeout_ms * US_PER_MS,
        .heartbeat_us = options->heartbeat_ms * US_PER_MS,
        .login = {.command = COMMAND_REGISTER, .request = UINT64_MAX},
        .ping = {.command = COMMAND_PING, .frame_bytes = FRAME_HEADER_BYTES},
    };
    list_init(&protocol->unsent);
    list_init(&protocol->waiting);
    list_node_init(&protocol->login.node);
    list_node_init(&protocol->ping.node);
    if (options->username != NULL || options->token != NULL) {
        protocol->login.frame = login_frame(options, &protocol->login.frame_bytes);
    }
}

void protocol_deinit(struct protocol *protocol)
{
    if (protocol->login.frame != NULL) {
        explicit_bzero(protocol->login.frame, protocol->login.frame_bytes);
    }
    mem_return(protocol->login.frame);
    mem_return(protocol->input);
}

void protocol_on_connected(struct protocol *protocol, u64 now_us)
{
    protocol->state = PROTOCOL_READY;
    protocol->input_bytes = 0;
    protocol->sent_bytes = 0;
    protocol->is_broken = false;
    protocol->session = 0;
    protocol->heard_at_us = now_us;
    protocol->said_at_us = now_us;
    if (protocol->login.frame != NULL) {
        protocol->state = PROTOCOL_LOGIN;
        list_remove(&protocol->login.node);
        list_add_first(&protocol->unsent, &protocol->login.node);
    }
}

static void answer_all(struct list *asks, int error)
{
    struct list_node *node = NULL;
    while ((node = list_pop(asks)) != NULL) {
        struct ask *ask = container_of(node, struct ask, node);
        if (ask->on_answer != NULL) {
            ask->on_answer(ask, error, (struct span){0});
        }
    }
}

static void move_all(struct list *to, struct list *from)
{
    struct list_node *node = NULL;
    while ((node = list_pop(from)) != NULL) {
        list_add_last(to, node);
    }
}

/* Everything in the order in which it was asked: what waits for an answer left before the rest. */
static void gather(struct protocol *protocol, struct list *all)
{
    list_init(all);
    list_remove(&protocol->login.node);
    list_remove(&protocol->ping.node);
    move_all(all, &protocol->waiting);
    move_all(all, &protocol->unsent);
    protocol->state = PROTOCOL_DOWN;
    protocol->sent_bytes = 0;
    protocol->input_bytes = 0;
    protocol->is_broken = false;
}

void protocol_on_lost(struct protocol *protocol, int error)
{
    struct list all;
    struct list lost;
    gather(protocol, &all);
    list_init(&lost);
    list_for_each(node, next, &all) {
        bool repeats = container_of(node, struct ask, node)->repeats;
        list_remove(node);
        list_add_last(repeats ? &protocol->unsent : &lost, node);
    }
    answer_all(&lost, error);
}

void protocol_fail_all(struct protocol *protocol, int error)
{
    struct list all;
    gather(protocol, &all);
    answer_all(&all, error);
}

/* ---- Time ---- */

/* A server that reads nothing is as silent as one that answers nothing. */
static u64 silence_deadline_us(const struct protocol *protocol)
{
    if (protocol->state == PROTOCOL_DOWN) {
        return UINT64_MAX;
    }
    if (list_is_empty(&protocol->waiting)) {
        return list_is_empty(&protocol->unsent) ? UINT64_MAX
                                                : protocol->said_at_us + protocol->silence_us;
    }
    u64 longer_ms = first_of(&protocol->waiting)->longer_ms;
    return protocol->heard_at_us + protocol->silence_us + longer_ms * US_PER_MS;
}

static u64 ping_deadline_us(const struct protocol *protocol)
{
    bool idle = protocol->state == PROTOCOL_READY && list_is_empty(&protocol->waiting) &&
                list_is_empty(&protocol->unsent);
    return idle && protocol->heartbeat_us > 0 ? protocol->said_at_us + protocol->heartbeat_us
                                              : UINT64_MAX;
}

u64 protocol_deadline_us(const struct protocol *protocol)
{
    u64 deadline = u64_min(silence_deadline_us(protocol), ping_deadline_us(protocol));
    return protocol->is_broken ? 0 : deadline;
}

int protocol_on_time(struct protocol *protocol, u64 now_us)
{
    if (now_us >= silence_deadline_us(protocol)) {
        return LV_ERROR_CONNECTION;
    }
    if (now_us >= ping_deadline_us(protocol)) {
        protocol->ping.frame = protocol->ping_frame;
        protocol->ping.request = 0;
        protocol_ask(protocol, &protocol->ping, now_us);
    }
    return protocol->is_broken ? LV_ERROR_CONNECTION : LV_OK;
}
