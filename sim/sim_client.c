#include "sim/sim_client.h"

#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "wire/frame.h"
#include "wire/frame_v1.h"
#include "wire/xxh3.h"

#define READ_BYTES 16384u

/* Polls that wait are told apart by numbers that nothing else has. */
#define WAIT_NUMBERS (1ull << 32)

static_assert(COMMAND_COUNT <= 64, "sim_counts has a bit for each command");

void sim_client_init(struct sim_client *client, struct sim *sim, u32 index, struct verdict *verdict)
{
    *client = (struct sim_client){.sim = sim, .index = index, .verdict = verdict};
    list_init(&client->calls);
}

void sim_client_deinit(struct sim_client *client)
{
    mem_return(client->in);
    mem_return(client->out);
}

static u8 *room_for(u8 **bytes, u32 *room, u32 filled, u32 size)
{
    if (filled + size > *room) {
        *room = u32_max(filled + size, *room * 2);
        *bytes = mem_resize(*bytes, *room);
    }
    return *bytes + filled;
}

static void lose_calls(struct sim_client *client)
{
    struct list_node *node;
    while ((node = list_pop(&client->calls)) != NULL) {
        client->calls_count--;
        client->on_lost(client->context, container_of(node, struct sim_client_call, node));
    }
}

static void forget_connection(struct sim_client *client)
{
    client->conn = NULL;
    client->is_connected = false;
    client->session = 0;
    client->in_filled = 0;
    client->out_filled = 0;
    client->out_sent = 0;
    lose_calls(client);
    client->on_closed(client->context);
}

void sim_client_end(struct sim_client *client, enum sim_client_ending ending)
{
    struct sim_conn *conn = client->conn;
    check(conn != NULL);
    switch (ending) {
    case CLIENT_CLOSES: sim_conn_close(conn); break;
    case CLIENT_RESETS: sim_conn_reset(conn); break;
    case CLIENT_VANISHES: sim_conn_vanish(conn); break;
    }
    forget_connection(client);
}

static void flush_out(struct sim_client *client)
{
    while (client->out_sent < client->out_filled) {
        u32 taken = sim_conn_send(client->conn, client->out + client->out_sent,
                                  client->out_filled - client->out_sent);
        if (taken == 0) {
            return;
        }
        client->out_sent += taken;
    }
    client->out_filled = 0;
    client->out_sent = 0;
}

static struct sim_client_call *call_first(struct sim_client *client)
{
    struct list_node *node = list_first(&client->calls);
    return node == NULL ? NULL : container_of(node, struct sim_client_call, node);
}

/* Whose reply is it? Of the first in flight; or of one of several polls that wait, which are
 * answered as there is something. NULL: of none. */
static struct sim_client_call *call_of(struct sim_client *client, u64 request)
{
    list_for_each(node, next, &client->calls) {
        struct sim_client_call *call = container_of(node, struct sim_client_call, node);
        bool waits = call->command == COMMAND_POLL_MESSAGES_WAITING;
        if (call->request == request && (waits || call == call_first(client))) {
            return call;
        }
        if (!waits) {
            return NULL;
        }
    }
    return NULL;
}

static void take_reply(struct sim_client *client, struct sim_client_call *call,
                       const struct sim_client_reply *reply)
{
    list_remove(&call->node);
    client->calls_count--;
    sim_counts(client->sim)->commands_answered |= 1ull << call->command;
    sim_trace(client->sim, SIM_STEP_CLIENT | (u64)call->command << 8 | (u64)client->index << 16,
              (u64)reply->status << 32 ^ xxh3(reply->body.data, reply->body.size));
    client->on_reply(client->context, call, reply);
}

static void on_eviction(struct sim_client *client, const u8 *frame)
{
    struct eviction eviction;
    if (eviction_decode(frame, &eviction) != OK || call_first(client) == NULL) {
        verdict_fail(client->verdict, CHECK_model_agrees,
                     "client %u got a frame that is no reply and no eviction", client->index);
        return;
    }
    take_reply(client, call_first(client),
               &(struct sim_client_reply){.is_eviction = true, .eviction_reason = eviction.reason});
}

static void on_frame(struct sim_client *client, const u8 *frame, const struct reply_header *header)
{
    struct sim_client_call *call = call_of(client, header->request);
    if (call == NULL || header->operation != command_row(call->command)->op) {
        const struct sim_client_call *first = call_first(client);
        verdict_fail(client->verdict, CHECK_model_agrees,
                     "client %u: a reply with op %u to request %llu where %llu was next",
                     client->index, header->operation, (unsigned long long)header->request,
                     first == NULL ? 0 : (unsigned long long)first->request);
        return;
    }
    take_reply(client, call,
               &(struct sim_client_reply){
                   .status = header->status,
                   .body = {frame + FRAME_HEADER_BYTES, header->size - FRAME_HEADER_BYTES},
               });
}

/* The bytes of the first whole frame of generation 1, which is taken; 0: there is none. */
static u32 take_frame_v1(struct sim_client *client, u32 position)
{
    struct reply_v1 header;
    u32 available = client->in_filled - position;
    if (available < FRAME_V1_HEADER_BYTES) {
        return 0;
    }
    const u8 *frame = client->in + position;
    reply_v1_decode(frame, &header);
    if (available - FRAME_V1_HEADER_BYTES < header.payload_bytes) {
        return 0;
    }
    if (call_first(client) == NULL) {
        verdict_fail(client->verdict, CHECK_model_agrees, "client %u got a reply to nothing",
                     client->index);
        return 0;
    }
    take_reply(client, call_first(client),
               &(struct sim_client_reply){
                   .status = header.status,
                   .body = {frame + FRAME_V1_HEADER_BYTES, header.payload_bytes},
               });
    return FRAME_V1_HEADER_BYTES + header.payload_bytes;
}

static void take_frames_v1(struct sim_client *client)
{
    const struct sim_conn *conn = client->conn;
    u32 position = 0;
    u32 bytes = 1;
    while (client->conn == conn && bytes > 0) {
        bytes = take_frame_v1(client, position);
        position += bytes;
    }
    if (client->conn == conn && position > 0) {
        memmove(client->in, client->in + position, client->in_filled - position);
        client->in_filled -= position;
    }
}

/* Takes whole frames off the bytes that are here. A callback may end the connection. */
static void take_frames(struct sim_client *client)
{
    const struct sim_conn *conn = client->conn;
    u32 position = 0;
    if (client->is_v1) {
        take_frames_v1(client);
        return;
    }
    while (client->conn == conn && client->in_filled - position >= FRAME_HEADER_BYTES) {
        const u8 *frame = client->in + position;
        struct reply_header header;
        if (reply_header_decode(frame, &header) != OK) {
            position += FRAME_HEADER_BYTES;
            on_eviction(client, frame);
            continue;
        }
        if (client->in_filled - position < header.size) {
            break;
        }
        position += header.size;
        on_frame(client, frame, &header);
    }
    if (client->conn == conn && position > 0) {
        memmove(client->in, client->in + position, client->in_filled - position);
        client->in_filled -= position;
    }
}

static void on_event(void *context, struct sim_conn *conn)
{
    struct sim_client *client = context;
    if (client->conn != conn) {
        return;
    }
    if (!client->is_connected && sim_conn_is_connected(conn)) {
        client->is_connected = true;
        client->on_connected(client->context);
        if (client->conn != conn) {
            return;
        }
    }
    flush_out(client);
    while (client->conn == conn && sim_now_us(client->sim) >= client->reads_again_us) {
        u8 *room = room_for(&client->in, &client->in_room, client->in_filled, READ_BYTES);
        u32 count = sim_conn_receive(conn, room, READ_BYTES);
        if (count == 0) {
            break;
        }
        client->in_filled += count;
        take_frames(client);
    }
    if (client->conn == conn && sim_conn_is_over(conn)) {
        sim_client_end(client, CLIENT_CLOSES);
    }
}

void sim_client_connect(struct sim_client *client, u32 node)
{
    check(client->conn == NULL);
    client->connects_count++;
    if (!client->keeps_id || client->connects_count == 1) {
        client->id = (struct u128){hash_u64_pair(client->index, client->connects_count), 1};
        client->request_last = 0;
    }
    client->conn = sim_connect(client->sim, node, on_event, client);
}

static u64 request_number(struct sim_client *client, const struct sim_client_call *call,
                          bool counts)
{
    if (call->request_again != 0) {
        return call->request_again;
    }
    if (call->command == COMMAND_POLL_MESSAGES_WAITING) {
        return WAIT_NUMBERS | ++client->waits_count;
    }
    return counts ? ++client->request_last : client->request_last;
}

static void begin_call(struct sim_client *client, struct sim_client_call *call,
                       enum command command)
{
    call->command = command;
    call->issued_us = sim_now_us(client->sim);
    list_node_init(&call->node);
    list_add_last(&client->calls, &call->node);
    client->calls_count++;
}

static void call_v1(struct sim_client *client, enum command command, struct span body)
{
    u32 bytes = FRAME_V1_HEADER_BYTES + body.size;
    u8 *room = room_for(&client->out, &client->out_room, client->out_filled, bytes);
    request_v1_encode(&(struct request_v1){.length = FRAME_V1_LENGTH_BYTES + body.size,
                                           .code = command_row(command)->code},
                      room);
    if (body.size > 0) {
        memcpy(room + FRAME_V1_HEADER_BYTES, body.data, body.size);
    }
    client->out_filled += bytes;
    flush_out(client);
}

void sim_client_call(struct sim_client *client, struct sim_client_call *call, enum command command,
                     struct span body)
{
    check(client->is_connected);
    begin_call(client, call, command);
    if (client->is_v1) {
        call_v1(client, command, body);
        return;
    }
    const struct command_row *row = command_row(command);
    bool counts = row->op != OP_NON_REPLICATED && row->op != OP_REGISTER;
    struct request_header header = {
        .client = client->id,
        .request = request_number(client, call, counts),
        .session = client->session,
        .size = FRAME_HEADER_BYTES + body.size,
        .code = row->op == OP_NON_REPLICATED ? row->code : 0,
        .operation = row->op,
    };
    if (row->op == OP_REGISTER) {
        header.request = 0;
        header.session = 0;
        header.keeps_client = client->says_so;
    }
    call->request = header.request;
    u8 *room = room_for(&client->out, &client->out_room, client->out_filled, header.size);
    request_header_encode(&header, room);
    memcpy(room + FRAME_HEADER_BYTES, body.data, body.size);
    client->out_filled += header.size;
    flush_out(client);
}

static void read_again(void *context, u64 word)
{
    (void)word;
    struct sim_client *client = context;
    if (client->conn != NULL) {
        on_event(client, client->conn);
    }
}

void sim_client_pause_reading(struct sim_client *client, u64 for_us)
{
    client->reads_again_us = sim_now_us(client->sim) + for_us;
    sim_after(client->sim, for_us, read_again, client, 0);
}
