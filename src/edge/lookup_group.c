#include "edge/lookup_group.h"

#include "base/bug.h"
#include "base/check.h"
#include "edge/group_turns.h"
#include "edge/lookup.h"
#include "edge/reply.h"
#include "wire/consumer.h"
#include "wire/group_info.h"
#include "wire/poll.h"
#include "wire/routing.h"
#include "wire/topic_info.h"

/* ---- Records ---- */

static const struct state_group *group_of(const struct edge *edge, const struct request *request)
{
    return state_group_get(edge->core->state, request->stream_id, request->topic_id,
                           request->group_id);
}

static void write_group(const struct edge *edge, const struct state_group *group,
                        struct writer *writer)
{
    const struct state_topic *topic =
        state_topic_get(edge->core->state, group->stream_id, group->topic_id);
    check(topic != NULL);
    write_group_info(writer, &(struct group_info){.id = group->id,
                                                  .partitions_count = topic->partitions_count,
                                                  .members_count = group->members_count,
                                                  .name = {group->name, group->name_size}});
}

static void write_partitions(const struct edge *edge, const struct state_member *member,
                             struct writer *writer)
{
    const struct state *state = edge->core->state;
    u32 id = UINT32_MAX;
    while ((id = state_member_partition_next(state, member, id)) != UINT32_MAX) {
        write_u32(writer, id);
    }
}

static void write_group_details(struct edge *edge, const struct request *request,
                                struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct state_group *group = group_of(edge, request);
    check(group != NULL);
    write_group(edge, group, writer);
    const struct state_member *member = NULL;
    while ((member = state_member_next(state, group, member)) != NULL) {
        write_group_member_start(writer, member->id, member->partitions_count);
        write_partitions(edge, member, writer);
    }
}

static void write_groups(struct edge *edge, const struct request *request, struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct state_group *group =
        state_group_next(state, request->stream_id, request->topic_id, UINT32_MAX);
    for (; group != NULL;
         group = state_group_next(state, request->stream_id, request->topic_id, group->id)) {
        write_group(edge, group, writer);
    }
}

/* The session's own: the caller saw that it is a member. */
static void write_assignment(struct edge *edge, const struct request *request,
                             struct writer *writer)
{
    const struct state_group *group = group_of(edge, request);
    check(group != NULL);
    const struct state_member *member =
        state_member_of(edge->core->state, group, group_session(request->conn));
    check(member != NULL);
    write_group_assignment_start(writer, group->generation, member->partitions_count);
    write_partitions(edge, member, writer);
}

static void write_created_group(struct edge *edge, const struct request *request,
                                struct writer *writer)
{
    const struct state_group *group = group_of(edge, request);
    check(group != NULL);
    if (!request_is_v1(request)) {
        write_result_ok(writer);
    }
    write_group(edge, group, writer);
}

/* ---- Commands ---- */

/* Notes what the identifiers name; the error of the first thing that is missing. */
static enum wire_error find_topic(const struct edge *edge, struct request *request,
                                  const struct identifier *stream_named,
                                  const struct identifier *topic_named)
{
    const struct state *state = edge->core->state;
    const struct state_stream *stream = state_stream_find(state, stream_named);
    if (stream == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    const struct state_topic *topic = state_topic_find(state, stream->id, topic_named);
    if (topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    request->stream_id = stream->id;
    request->topic_id = topic->id;
    return WIRE_OK;
}

/* To a look at something that is not there: the error, for generation 1 an empty success. */
static void reply_missing(struct edge *edge, struct request *request, enum wire_error error)
{
    bool is_missing = error == WIRE_STREAM_ID_NOT_FOUND || error == WIRE_TOPIC_ID_NOT_FOUND;
    reply_status(edge, request, is_missing && request_is_v1(request) ? WIRE_OK : error);
}

static void get_group(struct edge *edge, struct request *request, struct span body)
{
    struct group_request get;
    enum wire_error error = group_request_decode(body, &get);
    if (error == WIRE_OK) {
        error = find_topic(edge, request, &get.stream, &get.topic);
    }
    const struct state_group *group =
        error == WIRE_OK
            ? state_group_find(edge->core->state, request->stream_id, request->topic_id, &get.group)
            : NULL;
    if (group == NULL) {
        reply_missing(edge, request, error); /* 0: empty, no such group */
        return;
    }
    request->group_id = group->id;
    reply_written(edge, request, write_group_details);
}

static void get_groups(struct edge *edge, struct request *request, struct span body)
{
    struct topic_request get;
    enum wire_error error = topic_request_decode(body, &get);
    if (error == WIRE_OK) {
        error = find_topic(edge, request, &get.stream, &get.topic);
    }
    if (error != WIRE_OK) {
        reply_missing(edge, request, error);
        return;
    }
    reply_written(edge, request, write_groups);
}

/* Whatever is missing, the answer is the same: an empty body, not a member. */
static void sync_group(struct edge *edge, struct request *request, struct span body)
{
    const struct state *state = edge->core->state;
    struct group_request sync;
    enum wire_error error = group_request_decode(body, &sync);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    error = find_topic(edge, request, &sync.stream, &sync.topic);
    const struct state_group *group =
        error == WIRE_OK
            ? state_group_find(state, request->stream_id, request->topic_id, &sync.group)
            : NULL;
    if (group == NULL || state_member_of(state, group, group_session(request->conn)) == NULL) {
        reply_status(edge, request, WIRE_OK);
        return;
    }
    request->group_id = group->id;
    reply_written(edge, request, write_assignment);
}

void lookup_created_group(struct edge *edge, struct request *request, u32 id)
{
    request->group_id = id;
    if (group_of(edge, request) == NULL) {
        reply_status(edge, request, WIRE_GROUP_ID_NOT_FOUND); /* deleted again meanwhile */
        return;
    }
    reply_written(edge, request, write_created_group);
}

/* ---- Routing: every partition is here ---- */

static void write_route(struct edge *edge, const struct request *request, struct writer *writer)
{
    routing_reply_encode(
        &(struct routing_reply){
            .reference = {.client = request->conn->client, .session = request->conn->session},
            .node = lookup_own_node(edge),
        },
        writer);
}

static void get_poll_routing(struct edge *edge, struct request *request, struct span body)
{
    struct poll_request poll;
    enum wire_error error = poll_request_decode(body, &poll);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    reply_written(edge, request, write_route);
}

static void get_offset_routing(struct edge *edge, struct request *request, struct span body)
{
    struct offset_request get;
    enum wire_error error = get_offset_request_decode(body, &get);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    reply_written(edge, request, write_route);
}

/* What does not hold any more makes the client ask for a new route (58). */
void lookup_attach_session(struct edge *edge, struct request *request, struct span body)
{
    struct session_reference reference;
    enum wire_error error = attach_session_request_decode(body, &reference);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    struct conn *conn = request->conn;
    const struct state_session *session = state_session_get(edge->core->state, reference.session);
    bool holds = session != NULL && u128_equal(session->client, reference.client) &&
                 session->user_id == conn->user_id &&
                 reference.metadata_watermark <= edge->core->applied;
    if (!holds && !bug_is_on(BUG_ATTACH_ANYTHING)) {
        reply_status(edge, request, WIRE_TRANSIENT_NOT_ACCEPTED);
        return;
    }
    conn->attached_session = reference.session;
    edge->has_attached = true;
    reply_status(edge, request, WIRE_OK);
}

void lookup_group_run(struct edge *edge, struct request *request, struct span body)
{
    switch ((u32)request->command) {
    case COMMAND_GET_GROUP: get_group(edge, request, body); return;
    case COMMAND_GET_GROUPS: get_groups(edge, request, body); return;
    case COMMAND_SYNC_GROUP: sync_group(edge, request, body); return;
    case COMMAND_GET_POLL_ROUTING: get_poll_routing(edge, request, body); return;
    case COMMAND_GET_CONSUMER_OFFSET_ROUTING: get_offset_routing(edge, request, body); return;
    default: unreachable();
    }
}
