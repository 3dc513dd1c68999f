#include "client/client_wire.h"
#include "wire/group_info.h"
#include "wire/topic_info.h"

static bool names_fit(const struct client_group_place *place, struct client_error *error)
{
    return client_name_fits("stream", place->stream, error) &&
           client_name_fits("topic", place->topic, error) &&
           client_name_fits("group", place->group, error);
}

static bool call_on_group(struct client *client, enum command command,
                          const struct client_group_place *place, struct span *reply,
                          struct client_error *error)
{
    if (!names_fit(place, error)) {
        return false;
    }
    group_request_encode(&(struct group_request){.stream = client_identifier(place->stream),
                                                 .topic = client_identifier(place->topic),
                                                 .group = client_identifier(place->group)},
                         client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, command, reply, error);
}

bool client_group_create(struct client *client, const struct client_group_place *place, u32 *id,
                         struct client_error *error)
{
    struct span reply;
    if (!names_fit(place, error)) {
        return false;
    }
    create_group_request_encode(
        &(struct create_group_request){.stream = client_identifier(place->stream),
                                       .topic = client_identifier(place->topic),
                                       .name = span_of(place->group)},
        client_body(client, CLIENT_NAMES_BYTES_MAX));
    if (!client_ask(client, COMMAND_CREATE_GROUP, &reply, error)) {
        return false;
    }
    struct reader reader = reader_over(reply.data, reply.size);
    *id = read_group_info(&reader).id;
    return !reader.failed || client_fail(error, "unreadable group");
}

bool client_group_delete(struct client *client, const struct client_group_place *place,
                         struct client_error *error)
{
    struct span reply;
    return call_on_group(client, COMMAND_DELETE_GROUP, place, &reply, error);
}

bool client_group_join(struct client *client, const struct client_group_place *place,
                       struct client_error *error)
{
    struct span reply;
    return call_on_group(client, COMMAND_JOIN_GROUP, place, &reply, error);
}

bool client_group_leave(struct client *client, const struct client_group_place *place,
                        struct client_error *error)
{
    struct span reply;
    return call_on_group(client, COMMAND_LEAVE_GROUP, place, &reply, error);
}

bool client_group_sync(struct client *client, const struct client_group_place *place,
                       struct client_assignment *assignment, struct client_error *error)
{
    struct span reply;
    *assignment = (struct client_assignment){0};
    if (!call_on_group(client, COMMAND_SYNC_GROUP, place, &reply, error)) {
        return false;
    }
    enum status status = group_assignment_decode(reply, &assignment->assignment);
    assignment->is_member = status == OK;
    return status != ERR_INVALID || client_fail(error, "unreadable assignment");
}

bool client_group_get(struct client *client, const struct client_group_place *place,
                      struct client_group_view *group, struct client_error *error)
{
    struct span reply;
    *group = (struct client_group_view){0};
    if (!call_on_group(client, COMMAND_GET_GROUP, place, &reply, error)) {
        return false;
    }
    if (reply.size == 0) {
        return true;
    }
    group->found = true;
    group->members = reader_over(reply.data, reply.size);
    group->info = read_group_info(&group->members);
    return !group->members.failed || client_fail(error, "unreadable group");
}

bool client_groups(struct client *client, const char *stream, const char *topic,
                   struct reader *groups, struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("stream", stream, error) || !client_name_fits("topic", topic, error)) {
        return false;
    }
    topic_request_encode(&(struct topic_request){.stream = client_identifier(stream),
                                                 .topic = client_identifier(topic)},
                         client_body(client, CLIENT_NAMES_BYTES_MAX));
    if (!client_ask(client, COMMAND_GET_GROUPS, &reply, error)) {
        return false;
    }
    *groups = reader_over(reply.data, reply.size);
    return true;
}
