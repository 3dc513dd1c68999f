#include "edge/route.h"

#include <string.h>

#include "base/bug.h"
#include "base/check.h"
#include "base/map.h"
#include "edge/group_turns.h"
#include "edge/lookup_group.h"
#include "edge/permit.h"
#include "edge/reply.h"
#include "wire/client_info.h"
#include "wire/consumer.h"
#include "wire/partition_info.h"
#include "wire/poll.h"

/* What a request names, found in this core's state. */
struct place {
    const struct state_stream *stream;
    const struct state_topic *topic;
    const struct state_partition *partition;
};

static void find_topic(const struct edge *edge, const struct identifier *stream,
                       const struct identifier *topic, struct place *place)
{
    const struct state *state = edge->core->state;
    *place = (struct place){.stream = state_stream_find(state, stream)};
    if (place->stream != NULL) {
        place->topic = state_topic_find(state, place->stream->id, topic);
    }
}

static void find_partition(const struct edge *edge, struct place *place, u32 partition_id)
{
    if (place->topic != NULL) {
        place->partition = state_partition_find(edge->core->state, place->stream->id,
                                                place->topic->id, partition_id);
    }
}

/* The error of the first thing that is missing. */
static enum wire_error missing(const struct place *place)
{
    if (place->stream == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    if (place->topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    return place->partition == NULL ? WIRE_PARTITION_NOT_FOUND : WIRE_OK;
}

static void note_place(struct request *request, const struct place *place)
{
    request->stream_id = place->stream->id;
    request->topic_id = place->topic->id;
    request->partition_id = place->partition->id;
    request->msg.partition = (struct partition_handle){.slot = place->partition->slot,
                                                       .generation = place->partition->generation};
    request->msg.to = (u8)place->partition->home;
}

/* ---- Sends ---- */

/* In turn, one after the other, by the number that the client gave the send: when it comes again,
 * over whatever connection, it goes where it went before. Each client begins somewhere else. */
static u32 balanced_partition(const struct request *request, const struct state_topic *topic)
{
    const struct request_header *header = &request->header;
    u64 turn = hash_u64_pair(header->client.low, header->client.high) + header->request;
    return (u32)(turn % topic->partitions_count);
}

/* Generation 1 numbers nothing. Its sends take turns through a topic, from partition 0 on. */
static u32 next_partition(struct edge *edge, const struct state_topic *topic)
{
    check(topic->first_partition < edge->plan->partitions_max);
    struct topic_turn *turn = &edge->turns[topic->first_partition];
    if (turn->created_at_us != topic->created_at_us) {
        *turn = (struct topic_turn){.created_at_us = topic->created_at_us};
    }
    return turn->next++ % topic->partitions_count;
}

static bool choose_partition(struct edge *edge, const struct request *request,
                             const struct state_topic *topic,
                             const struct partitioning *partitioning, u32 *partition_id)
{
    if (partitioning->kind == PARTITIONING_PARTITION) {
        *partition_id = partitioning->partition_id;
        return true;
    }
    if (topic->partitions_count == 0) {
        return false;
    }
    if (partitioning->kind == PARTITIONING_KEY) {
        *partition_id = partition_of_key(partitioning->key, topic->partitions_count);
    } else if (request_is_v1(request)) {
        *partition_id = next_partition(edge, topic);
    } else {
        *partition_id = balanced_partition(request, topic);
    }
    return true;
}

enum wire_error route_send(struct edge *edge, struct request *request,
                           const struct send_request *send)
{
    struct place place;
    u32 partition_id = 0;
    find_topic(edge, &send->stream, &send->topic, &place);
    if (place.topic == NULL ||
        !choose_partition(edge, request, place.topic, &send->partitioning, &partition_id)) {
        return WIRE_RESOURCE_NOT_FOUND;
    }
    find_partition(edge, &place, partition_id);
    if (place.partition == NULL) {
        return WIRE_RESOURCE_NOT_FOUND;
    }
    request->msg.kind = MSG_APPEND;
    note_place(request, &place);
    return permit_send(edge, request->conn,
                       (struct state_target){place.stream->id, place.topic->id});
}

enum wire_error route_send_v1(struct edge *edge, struct request *request,
                              const struct send_request *send)
{
    struct place place;
    u32 partition_id = 0;
    find_topic(edge, &send->stream, &send->topic, &place);
    struct state_target target = {0};
    if (place.topic != NULL) {
        target = (struct state_target){place.stream->id, place.topic->id};
    }
    if (place.topic != NULL && permit_send(edge, request->conn, target) != WIRE_OK) {
        return WIRE_UNAUTHORIZED;
    }
    if (place.topic != NULL &&
        !choose_partition(edge, request, place.topic, &send->partitioning, &partition_id)) {
        return WIRE_TOPIC_ID_NOT_FOUND; /* it has no partitions */
    }
    find_partition(edge, &place, partition_id);
    enum wire_error error = missing(&place);
    if (error == WIRE_OK) {
        request->msg.kind = MSG_APPEND;
        note_place(request, &place);
    }
    return error;
}

/* ---- Polls and offsets ---- */

static u8 consumer_flags(const struct consumer *consumer)
{
    if (consumer->kind == CONSUMER_GROUP) {
        return MSG_GROUP_CONSUMER;
    }
    return consumer->identifier.kind == IDENTIFIER_NAME ? MSG_NAMED_CONSUMER : 0;
}

/* A poll of any kind: what it wants, and how long it may wait for it. */
static enum wire_error decode_poll(const struct edge *edge, const struct request *request,
                                   struct span body, struct poll_request *poll, u64 *wait_us)
{
    u32 wait_ms = 0;
    if (request->command == COMMAND_POLL_MESSAGES_WAITING) {
        enum wire_error error = poll_waiting_request_decode(body, &wait_ms, poll);
        *wait_us = wait_ms * US_PER_MS;
        return error;
    }
    *wait_us = edge->settings->poll_wait_us;
    return poll_request_decode(body, poll);
}

/* The group that a request names, and who this connection is in it. */
struct membership {
    const struct state_group *group;
    const struct state_member *member;
};

static struct membership find_membership(const struct edge *edge, const struct request *request,
                                         const struct state_topic *topic,
                                         const struct identifier *group)
{
    const struct state *state = edge->core->state;
    struct membership found = {
        .group = state_group_find(state, topic->stream_id, topic->id, group),
    };
    if (found.group != NULL) {
        found.member = state_member_of(state, found.group, group_session(request->conn));
    }
    return found;
}

static void ask_poll(struct edge *edge, struct request *request, const struct poll_request *poll,
                     u32 consumer)
{
    request->msg.kind = MSG_POLL;
    request->msg.flags = consumer_flags(&poll->consumer);
    request->msg.flags |= poll->auto_commit ? MSG_AUTO_COMMIT : 0;
    request->msg.flags |= request->wait_until_us != 0 ? MSG_MAY_WAIT : 0;
    request->msg.poll.value = poll->value;
    request->msg.poll.consumer = consumer;
    request->msg.poll.count_strategy =
        u32_min(poll->count, MSG_POLL_COUNT_MAX) | (u32)poll->strategy << 24;
    request_ask(edge, request, request->msg.to);
}

/* Which of the member's partitions? Generation 2 names it, for generation 1 they come in turn. */
static bool choose_group_partition(struct edge *edge, const struct request *request,
                                   const struct state_member *member,
                                   const struct partition_choice *choice, u32 *partition_id)
{
    *partition_id = choice->partition_id;
    if (choice->present) {
        return true;
    }
    request->conn->takes_turns = true;
    return request_is_v1(request) && group_turn_take(edge, member, partition_id);
}

/* Who is no member, or not of this partition; generation 1 is told which. */
static void refuse_group_poll(struct edge *edge, struct request *request,
                              const struct membership *found)
{
    if (!request_is_v1(request) || found->member != NULL) {
        reply_not_owned(edge, request);
    } else {
        reply_status(edge, request,
                     found->group == NULL ? WIRE_GROUP_ID_NOT_FOUND : WIRE_GROUP_MEMBER_NOT_FOUND);
    }
}

/* Asks for a partition that this connection's member owns as far as this core knows; the
 * partition's own core has the last word. */
static void route_group_poll(struct edge *edge, struct request *request,
                             const struct poll_request *poll, struct place *place)
{
    struct membership found =
        find_membership(edge, request, place->topic, &poll->consumer.identifier);
    if (found.member == NULL) {
        refuse_group_poll(edge, request, &found);
        return;
    }
    u32 partition_id = 0;
    if (!choose_group_partition(edge, request, found.member, &poll->partition, &partition_id)) {
        reply_poll_nothing(edge, request, 0);
        return;
    }
    if (state_group_owner(edge->core->state, found.group, partition_id) != found.member &&
        !bug_is_on(BUG_FORGET_FENCE)) {
        refuse_group_poll(edge, request, &found);
        return;
    }
    find_partition(edge, place, partition_id);
    check(place->partition != NULL);
    note_place(request, place);
    request->msg.member_session = found.member->session;
    ask_poll(edge, request, poll, found.group->id);
}

static void route_poll(struct edge *edge, struct request *request, struct span body)
{
    struct poll_request poll;
    u64 wait_us = 0;
    enum wire_error error = decode_poll(edge, request, body, &poll, &wait_us);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    request->wait_until_us = wait_us > 0 ? edge->core->time.monotonic_us + wait_us : 0;
    struct place place;
    find_topic(edge, &poll.stream, &poll.topic, &place);
    if (place.topic != NULL && poll.consumer.kind == CONSUMER_GROUP) {
        route_group_poll(edge, request, &poll, &place);
        return;
    }
    find_partition(edge, &place, poll.partition.partition_id);
    error = missing(&place);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    note_place(request, &place);
    ask_poll(edge, request, &poll, consumer_key(&poll.consumer));
}

static void ask_offset(struct edge *edge, struct request *request, enum msg_kind kind, u32 consumer,
                       u64 offset)
{
    request->msg.kind = (u8)kind;
    request->msg.offset.offset = offset;
    request->msg.offset.consumer = consumer;
    request_ask(edge, request, request->msg.to);
}

/* Membership is not needed to look. */
static void route_get_offset(struct edge *edge, struct request *request, struct span body)
{
    struct offset_request get;
    enum wire_error error = get_offset_request_decode(body, &get);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    struct place place;
    find_topic(edge, &get.stream, &get.topic, &place);
    u32 consumer = consumer_key(&get.consumer);
    if (place.topic != NULL && get.consumer.kind == CONSUMER_GROUP) {
        struct membership found =
            find_membership(edge, request, place.topic, &get.consumer.identifier);
        place.topic = found.group == NULL ? NULL : place.topic;
        consumer = found.group == NULL ? 0 : found.group->id;
    }
    if (place.topic == NULL) {
        reply_status(edge, request, WIRE_OK); /* empty: nothing is stored there */
        return;
    }
    find_partition(edge, &place, get.partition.partition_id);
    if (place.partition == NULL) {
        reply_status(edge, request, request_is_v1(request) ? WIRE_OK : WIRE_PARTITION_NOT_FOUND);
        return;
    }
    note_place(request, &place);
    request->msg.flags = consumer_flags(&get.consumer);
    ask_offset(edge, request, MSG_OFFSET_GET, consumer, 0);
}

/* The error of a group that is not there: a deletion of generation 2 says how it was named. */
static enum wire_error missing_group(const struct request *request, enum msg_kind kind,
                                     const struct identifier *identifier)
{
    if (request_is_v1(request)) {
        return WIRE_GROUP_ID_NOT_FOUND;
    }
    if (kind == MSG_OFFSET_STORE) {
        return WIRE_RESOURCE_NOT_FOUND;
    }
    return identifier->kind == IDENTIFIER_NAME ? WIRE_GROUP_NAME_NOT_FOUND
                                               : WIRE_GROUP_ID_NOT_FOUND;
}

/* Where an offset is written, and under which number. */
struct offset_writer {
    enum msg_kind kind;
    struct place place;
    struct partition_choice choice;
    u32 consumer;
};

/* A member may still write what it has read before the partition became another's, so only the
 * partition's own core can tell whether it may. */
static enum wire_error find_group_writer(struct edge *edge, struct request *request,
                                         const struct identifier *group,
                                         struct offset_writer *writer)
{
    struct membership found = find_membership(edge, request, writer->place.topic, group);
    if (found.group == NULL) {
        return missing_group(request, writer->kind, group);
    }
    bool is_v1 = request_is_v1(request);
    if (found.member == NULL) {
        return is_v1 ? WIRE_GROUP_MEMBER_NOT_FOUND : WIRE_GROUP_PARTITION_NOT_OWNED;
    }
    if (is_v1 && !writer->choice.present &&
        !group_turn_look(edge, found.member, &writer->choice.partition_id)) {
        return WIRE_NOT_RESOLVED_CONSUMER;
    }
    request->msg.member_session = found.member->session;
    writer->consumer = found.group->id;
    return WIRE_OK;
}

static enum wire_error find_writer(struct edge *edge, struct request *request,
                                   const struct offset_request *target,
                                   struct offset_writer *writer)
{
    bool is_group = target->consumer.kind == CONSUMER_GROUP;
    find_topic(edge, &target->stream, &target->topic, &writer->place);
    if (is_group && writer->place.topic != NULL) {
        enum wire_error error =
            find_group_writer(edge, request, &target->consumer.identifier, writer);
        if (error != WIRE_OK) {
            return error;
        }
    }
    find_partition(edge, &writer->place, writer->choice.partition_id);
    enum wire_error error = missing(&writer->place);
    if (error == WIRE_PARTITION_NOT_FOUND && is_group && request_is_v1(request)) {
        return WIRE_NOT_RESOLVED_CONSUMER;
    }
    return error == WIRE_OK || request_is_v1(request) ? error : WIRE_RESOURCE_NOT_FOUND;
}

static void write_offset(struct edge *edge, struct request *request, enum msg_kind kind,
                         const struct offset_request *target, u64 offset)
{
    struct offset_writer writer = {
        .kind = kind,
        .choice = target->partition,
        .consumer = consumer_key(&target->consumer),
    };
    enum wire_error error = find_writer(edge, request, target, &writer);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    note_place(request, &writer.place);
    request->msg.flags |= consumer_flags(&target->consumer);
    ask_offset(edge, request, kind, writer.consumer, offset);
}

static void route_store_offset(struct edge *edge, struct request *request, struct span body)
{
    struct store_offset_request store;
    enum wire_error error = store_offset_request_decode(body, &store);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    request->msg.flags = store.wait_for_commit ? MSG_AFTER_COMMIT : 0;
    write_offset(edge, request, MSG_OFFSET_STORE, &store.target, store.offset);
}

static void route_delete_offset(struct edge *edge, struct request *request, struct span body)
{
    struct delete_offset_request delete;
    enum wire_error error = delete_offset_request_decode(body, &delete);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    request->msg.flags = delete.wait_for_commit ? MSG_AFTER_COMMIT : 0;
    write_offset(edge, request, MSG_OFFSET_DELETE, &delete.target, 0);
}

static void route_delete_segments(struct edge *edge, struct request *request, struct span body)
{
    struct delete_segments_request delete;
    enum wire_error error = delete_segments_request_decode(body, &delete);
    if (error == WIRE_OK) {
        struct place place;
        find_topic(edge, &delete.stream, &delete.topic, &place);
        find_partition(edge, &place, delete.partition_id);
        error = missing(&place);
        if (error == WIRE_OK) {
            note_place(request, &place);
            request->msg.kind = MSG_SEGMENTS_DELETE;
            request->msg.segments.count = delete.count;
            if (!request_is_v1(request)) {
                request->msg.client = request->header.client;
                request->msg.segments.number = request->header.request;
            }
            request_ask(edge, request, request->msg.to);
            return;
        }
    }
    reply_status(edge, request, error);
}

/* What was acknowledged is on disk where the level says so: there is nothing left to write. At
 * lower levels nobody waits for a partition's next sync: it is refused rather than promised. */
void route_flush(struct edge *edge, struct request *request, struct span body)
{
    struct flush_request flush;
    enum wire_error error = WIRE_FEATURE_UNAVAILABLE;
    if (request_is_v1(request)) {
        error = flush_request_decode(body, &flush);
    }
    if (error == WIRE_OK) {
        struct place place;
        find_topic(edge, &flush.stream, &flush.topic, &place);
        find_partition(edge, &place, flush.partition_id);
        error = missing(&place);
        if (error == WIRE_OK && edge->settings->durability != DURABILITY_SYNC &&
            place.topic->options.durability != TOPIC_DURABILITY_PERSISTED) {
            error = WIRE_FEATURE_UNAVAILABLE;
        }
    }
    reply_status(edge, request, error);
}

/* ---- Control ---- */

/* Client records: bytes for each, and at the least. */
#define CLIENT_RECORD_BYTES 64u
#define CLIENT_RECORDS_MIN 64u
#define CLIENT_GROUP_BYTES 12u

u32 route_connections_open(const struct core *core)
{
    u64 open = 0;
    for (u32 i = 0; i < core->cores_count; i++) {
        open += counter_get(&core->all_counters[i], COUNTER_connections_accepted) -
                counter_get(&core->all_counters[i], COUNTER_connections_closed);
    }
    return (u32)open;
}

static void route_clients(struct edge *edge, struct request *request, u32 client_number)
{
    bool all = client_number == UINT32_MAX;
    u32 records = CLIENT_RECORDS_MIN + (all ? route_connections_open(edge->core) : 0);
    if (request->body != NULL) {
        buf_return(request->body);
    }
    /* One client comes with its groups: that it could be in all there are costs a little memory. */
    u32 groups = all ? 0 : state_members_count(edge->core->state);
    u32 bytes = records * CLIENT_RECORD_BYTES + groups * CLIENT_GROUP_BYTES;
    request->body =
        buf_take_leaving(edge->core->bufs, bytes, edge->plan->finish_bytes_per_core / 2);
    if (request->body == NULL) {
        conn_close(edge, request->conn, "no memory for client records");
        return;
    }
    request->msg.kind = MSG_CLIENTS;
    request->msg.bufs[0] = request->body;
    request->msg.clients.client_number = client_number;
    request->msg.clients.detailed = all ? 0 : 1;
    request_ask(edge, request, 0);
}

static void route_get_client(struct edge *edge, struct request *request, struct span body)
{
    u32 client_number = 0;
    enum wire_error error = get_client_request_decode(body, &client_number);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
    } else if (client_number == 0 && request_is_v1(request)) {
        reply_status(edge, request, WIRE_INVALID_CLIENT_ID);
    } else if (client_number == 0 || client_number == UINT32_MAX) {
        reply_status(edge, request, WIRE_OK); /* empty: no such client */
    } else {
        route_clients(edge, request, client_number);
    }
}

/* A mutation: control gets the body alone. */
static void route_command(struct edge *edge, struct request *request)
{
    struct buf *body = request->body;
    check(body != NULL);
    check(body->size >= FRAME_HEADER_BYTES);
    body->size -= FRAME_HEADER_BYTES;
    memmove(body->data, body->data + FRAME_HEADER_BYTES, body->size);
    request->msg.kind = MSG_COMMAND;
    request->msg.number = request_is_v1(request) ? 0 : request->header.request;
    request->msg.bufs[0] = body;
    request->msg.command.command = (u32)request->command;
    request->msg.command.user_id = request->conn->user_id;
    request->msg.command.session = request->conn->session;
    request_ask(edge, request, 0);
}

static void route_login(struct edge *edge, struct request *request)
{
    check(request->body != NULL);
    request->msg.kind = MSG_LOGIN;
    request->msg.bufs[0] = request->body;
    request->msg.login.client_number = request->conn->client_number;
    request->msg.login.body_position = FRAME_HEADER_BYTES;
    request_ask(edge, request, 0);
}

static void route_logout(struct edge *edge, struct request *request)
{
    if (!request->conn->logged_in) {
        reply_status(edge, request, WIRE_OK);
        return;
    }
    request->msg.kind = MSG_LOGOUT;
    request->msg.login.client_number = request->conn->client_number;
    request_ask(edge, request, 0);
}

void route_request(struct edge *edge, struct request *request, struct span body)
{
    switch ((u32)request->command) {
    case COMMAND_POLL_MESSAGES:
    case COMMAND_POLL_MESSAGES_WAITING:
    case COMMAND_POLL_MESSAGES_ON_PRIMARY: route_poll(edge, request, body); return;
    case COMMAND_GET_CONSUMER_OFFSET: route_get_offset(edge, request, body); return;
    case COMMAND_STORE_CONSUMER_OFFSET: route_store_offset(edge, request, body); return;
    case COMMAND_DELETE_CONSUMER_OFFSET: route_delete_offset(edge, request, body); return;
    case COMMAND_DELETE_SEGMENTS: route_delete_segments(edge, request, body); return;
    case COMMAND_GET_ME: route_clients(edge, request, request->conn->client_number); return;
    case COMMAND_GET_CLIENT: route_get_client(edge, request, body); return;
    case COMMAND_GET_CLIENTS: route_clients(edge, request, UINT32_MAX); return;
    case COMMAND_REGISTER: route_login(edge, request); return;
    case COMMAND_LOGOUT: route_logout(edge, request); return;
    case COMMAND_ATTACH_CONSUMER_SESSION: lookup_attach_session(edge, request, body); return;
    case COMMAND_CREATE_STREAM:
    case COMMAND_UPDATE_STREAM:
    case COMMAND_DELETE_STREAM:
    case COMMAND_PURGE_STREAM:
    case COMMAND_CREATE_TOPIC:
    case COMMAND_UPDATE_TOPIC:
    case COMMAND_DELETE_TOPIC:
    case COMMAND_PURGE_TOPIC:
    case COMMAND_CREATE_PARTITIONS:
    case COMMAND_DELETE_PARTITIONS:
    case COMMAND_CREATE_USER:
    case COMMAND_DELETE_USER:
    case COMMAND_UPDATE_USER:
    case COMMAND_UPDATE_PERMISSIONS:
    case COMMAND_CHANGE_PASSWORD:
    case COMMAND_CREATE_TOKEN:
    case COMMAND_DELETE_TOKEN:
    case COMMAND_CREATE_GROUP:
    case COMMAND_DELETE_GROUP:
    case COMMAND_JOIN_GROUP:
    case COMMAND_LEAVE_GROUP: route_command(edge, request); return;
    default: reply_status(edge, request, WIRE_FEATURE_UNAVAILABLE); return;
    }
}
