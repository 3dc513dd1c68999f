/* Groups, stored offsets, and single polls. */
#include "client/lv_calls.h"

#include "wire/consumer.h"
#include "wire/group_info.h"
#include "wire/topic_info.h"

/* ---- Groups ---- */

static bool write_group(struct lv_client *client, const char *stream, const char *topic,
                        const char *group)
{
    if (!call_topic_fits(client, stream, topic) || !connection_name_fits(client, "group", group)) {
        return false;
    }
    group_request_encode(&(struct group_request){.stream = identifier_of_text(stream),
                                                 .topic = identifier_of_text(topic),
                                                 .group = identifier_of_text(group)},
                         connection_body(client, CLIENT_NAMES_MAX));
    return true;
}

int lv_groups(struct lv_client *client, const char *stream, const char *topic,
              struct lv_result *result)
{
    if (!call_topic_fits(client, stream, topic)) {
        return LV_ERROR_INVALID;
    }
    topic_request_encode(&(struct topic_request){.stream = identifier_of_text(stream),
                                                 .topic = identifier_of_text(topic)},
                         connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_GET_GROUPS, result);
}

int lv_group(struct lv_client *client, const char *stream, const char *topic, const char *group,
             struct lv_result *result)
{
    return write_group(client, stream, topic, group)
               ? call_to_find(client, COMMAND_GET_GROUP, result)
               : LV_ERROR_INVALID;
}

int lv_group_create(struct lv_client *client, const char *stream, const char *topic,
                    const char *name, struct lv_result *result)
{
    if (!call_topic_fits(client, stream, topic) || !connection_name_fits(client, "group", name)) {
        return LV_ERROR_INVALID;
    }
    create_group_request_encode(&(struct create_group_request){.stream = identifier_of_text(stream),
                                                               .topic = identifier_of_text(topic),
                                                               .name = span_of(name)},
                                connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_CREATE_GROUP, result);
}

int lv_group_delete(struct lv_client *client, const char *stream, const char *topic,
                    const char *group)
{
    return write_group(client, stream, topic, group)
               ? call_with_body(client, COMMAND_DELETE_GROUP, NULL)
               : LV_ERROR_INVALID;
}

int lv_group_join(struct lv_client *client, const char *stream, const char *topic,
                  const char *group)
{
    return write_group(client, stream, topic, group)
               ? call_with_body(client, COMMAND_JOIN_GROUP, NULL)
               : LV_ERROR_INVALID;
}

int lv_group_leave(struct lv_client *client, const char *stream, const char *topic,
                   const char *group)
{
    return write_group(client, stream, topic, group)
               ? call_with_body(client, COMMAND_LEAVE_GROUP, NULL)
               : LV_ERROR_INVALID;
}

int lv_group_sync(struct lv_client *client, const char *stream, const char *topic,
                  const char *group, struct lv_result *result)
{
    return write_group(client, stream, topic, group)
               ? call_to_find(client, COMMAND_SYNC_GROUP, result)
               : LV_ERROR_INVALID;
}

/* ---- Places ---- */

static bool take_place(struct lv_client *client, const struct lv_place *given,
                       struct offset_request *target)
{
    struct lv_place place = LV_PLACE_INIT;
    if (given != NULL) {
        memcpy(&place, given, given->size < sizeof(place) ? given->size : sizeof(place));
    }
    if (!connection_name_fits(client, "stream", place.stream) ||
        !connection_name_fits(client, "topic", place.topic) ||
        !connection_name_fits(client, "consumer", place.consumer)) {
        return false;
    }
    target->consumer.kind = place.is_group ? CONSUMER_GROUP : CONSUMER_SINGLE;
    target->consumer.identifier = identifier_of_text(place.consumer);
    target->stream = identifier_of_text(place.stream);
    target->topic = identifier_of_text(place.topic);
    target->partition = (struct partition_choice){true, place.partition};
    return true;
}

int lv_offset(struct lv_client *client, const struct lv_place *place, struct lv_result *result)
{
    struct offset_request request;
    if (!take_place(client, place, &request)) {
        return LV_ERROR_INVALID;
    }
    get_offset_request_encode(&request, connection_body(client, CLIENT_NAMES_MAX));
    return call_to_find(client, COMMAND_GET_CONSUMER_OFFSET, result);
}

int lv_offset_store(struct lv_client *client, const struct lv_place *place, uint64_t offset)
{
    struct store_offset_request request = {.offset = offset, .wait_for_commit = true};
    if (!take_place(client, place, &request.target)) {
        return LV_ERROR_INVALID;
    }
    store_offset_request_encode(&request, connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_STORE_CONSUMER_OFFSET, NULL);
}

int lv_offset_delete(struct lv_client *client, const struct lv_place *place)
{
    struct delete_offset_request request = {.wait_for_commit = true};
    if (!take_place(client, place, &request.target)) {
        return LV_ERROR_INVALID;
    }
    delete_offset_request_encode(&request, connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_DELETE_CONSUMER_OFFSET, NULL);
}

/* ---- One poll ---- */

static int not_owned(struct lv_result *result)
{
    bool fenced = result != NULL && result->reader.size >= POLL_REPLY_PREFIX_BYTES &&
                  get_u32(result->reader.data) == POLL_RESYNC_PARTITION;
    return fenced ? LV_ERROR_GROUP_PARTITION_NOT_OWNED : LV_OK;
}

int lv_poll(struct lv_client *client, const struct lv_place *place,
            const struct lv_poll_options *given, struct lv_result *result)
{
    struct lv_poll_options options = LV_POLL_OPTIONS_INIT;
    struct offset_request target;
    if (given != NULL) {
        memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
    }
    if (!take_place(client, place, &target)) {
        return LV_ERROR_INVALID;
    }
    struct poll_request request = {.consumer = target.consumer,
                                   .stream = target.stream,
                                   .topic = target.topic,
                                   .partition = target.partition,
                                   .strategy = (u8)options.strategy,
                                   .value = options.value,
                                   .count = options.count,
                                   .auto_commit = options.auto_commit != 0};
    struct writer *body = connection_body(client, CLIENT_NAMES_MAX);
    enum command command = COMMAND_POLL_MESSAGES;
    u32 timeout_ms = client->timeout_ms;
    if (options.wait_ms > 0) {
        command = COMMAND_POLL_MESSAGES_WAITING;
        poll_waiting_request_encode(options.wait_ms, &request, body);
    } else {
        poll_request_encode(&request, body);
    }
    client->longer_ms = u32_min(options.wait_ms, POLL_WAIT_MS_MAX);
    client->timeout_ms += client->longer_ms;
    int error = call_with_body(client, command, result);
    client->timeout_ms = timeout_ms;
    client->longer_ms = 0;
    return error == LV_OK ? not_owned(result) : error;
}
