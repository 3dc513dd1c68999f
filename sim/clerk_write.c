/* The bodies of a clerk's requests. */
#include <stdio.h>

#include "base/check.h"
#include "sim/clerk.h"
#include "wire/client_info.h"
#include "wire/consumer.h"
#include "wire/group_info.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/poll.h"
#include "wire/routing.h"
#include "wire/snapshot_request.h"
#include "wire/token_info.h"
#include "wire/topic_v1.h"

struct clerk_name clerk_name(const char *kind, u32 number)
{
    struct clerk_name name;
    (void)snprintf(name.text, sizeof(name.text), "%s-%u", kind, number);
    return name;
}

/* The names of one request, which live as long as it is written. */
struct names {
    struct clerk_name stream;
    struct clerk_name topic;
    struct clerk_name name;
};

static struct identifier named(const struct clerk_name *name)
{
    return identifier_of_name(span_of(name->text));
}

/* ---- Changes ---- */

static struct topic_settings_v1 settings_v1(const struct desk_change *change)
{
    return (struct topic_settings_v1){.compression = TOPIC_COMPRESSION_NONE,
                                      .message_expiry_us = change->expiry_us,
                                      .max_topic_size_bytes = change->bytes_max,
                                      .replication_factor = 1};
}

static struct span write_options(const struct desk_change *change, u8 *room, u32 room_bytes)
{
    struct writer writer = writer_over(room, room_bytes);
    if (!change->keeps_old) {
        write_option_u64(&writer, "max_topic_size", change->bytes_max);
        write_option_u64(&writer, "message_expiry", change->expiry_us);
    }
    check(!writer.failed);
    return (struct span){room, writer.position};
}

static void write_topic(const struct clerk *clerk, const struct names *names, struct writer *body)
{
    const struct desk_change *change = &clerk->change;
    u8 room[128];
    struct span options = write_options(change, room, sizeof(room));
    struct span name = span_of(names->name.text);
    if (change->kind == DESK_CREATE_TOPIC && clerk->client.is_v1) {
        create_topic_v1_encode(&(struct create_topic_v1){.stream = named(&names->stream),
                                                         .partitions_count = change->count,
                                                         .settings = settings_v1(change),
                                                         .name = name},
                               body);
    } else if (change->kind == DESK_CREATE_TOPIC) {
        create_topic_request_encode(
            &(struct create_topic_request){named(&names->stream), change->count, name, options},
            body);
    } else if (clerk->client.is_v1) {
        update_topic_v1_encode(&(struct update_topic_v1){.stream = named(&names->stream),
                                                         .topic = named(&names->topic),
                                                         .settings = settings_v1(change),
                                                         .name = name},
                               body);
    } else {
        update_topic_request_encode(&(struct update_topic_request){named(&names->stream),
                                                                   named(&names->topic), name,
                                                                   options},
                                    body);
    }
}

static void write_group(const struct names *names, struct writer *body)
{
    group_request_encode(
        &(struct group_request){named(&names->stream), named(&names->topic), named(&names->name)},
        body);
}

static void write_partitions(const struct clerk *clerk, const struct names *names,
                             struct writer *body)
{
    partitions_request_encode(&(struct partitions_request){named(&names->stream),
                                                           named(&names->topic),
                                                           clerk->change.count},
                              body);
}

static const struct {
    enum command command;
    const char *kind; /* of its last name */
} changes[DESK_CHANGES_COUNT] = {
    [DESK_CREATE_STREAM] = {COMMAND_CREATE_STREAM, "clerk"},
    [DESK_UPDATE_STREAM] = {COMMAND_UPDATE_STREAM, "clerk"},
    [DESK_DELETE_STREAM] = {COMMAND_DELETE_STREAM, "clerk"},
    [DESK_PURGE_STREAM] = {COMMAND_PURGE_STREAM, "clerk"},
    [DESK_CREATE_TOPIC] = {COMMAND_CREATE_TOPIC, "topic"},
    [DESK_UPDATE_TOPIC] = {COMMAND_UPDATE_TOPIC, "topic"},
    [DESK_DELETE_TOPIC] = {COMMAND_DELETE_TOPIC, "topic"},
    [DESK_PURGE_TOPIC] = {COMMAND_PURGE_TOPIC, "topic"},
    [DESK_CREATE_PARTITIONS] = {COMMAND_CREATE_PARTITIONS, "topic"},
    [DESK_DELETE_PARTITIONS] = {COMMAND_DELETE_PARTITIONS, "topic"},
    [DESK_CREATE_GROUP] = {COMMAND_CREATE_GROUP, "group"},
    [DESK_DELETE_GROUP] = {COMMAND_DELETE_GROUP, "group"},
    [DESK_JOIN_GROUP] = {COMMAND_JOIN_GROUP, "group"},
    [DESK_LEAVE_GROUP] = {COMMAND_LEAVE_GROUP, "group"},
    [DESK_CREATE_TOKEN] = {COMMAND_CREATE_TOKEN, "token"},
    [DESK_DELETE_TOKEN] = {COMMAND_DELETE_TOKEN, "token"},
};

enum command clerk_write_change(const struct clerk *clerk, struct writer *body)
{
    const struct desk_change *change = &clerk->change;
    const struct names names = {
        .stream = clerk_name("clerk", change->stream),
        .topic = clerk_name("topic", change->topic),
        .name = clerk_name(changes[change->kind].kind, change->name),
    };
    struct span name = span_of(names.name.text);
    switch (change->kind) {
    case DESK_CREATE_STREAM:
        create_stream_request_encode(&(struct create_stream_request){name}, body);
        break;
    case DESK_UPDATE_STREAM:
        update_stream_request_encode(&(struct update_stream_request){named(&names.stream), name},
                                     body);
        break;
    case DESK_DELETE_STREAM:
    case DESK_PURGE_STREAM:
        stream_request_encode(&(struct stream_request){named(&names.stream)}, body);
        break;
    case DESK_CREATE_TOPIC:
    case DESK_UPDATE_TOPIC: write_topic(clerk, &names, body); break;
    case DESK_DELETE_TOPIC:
    case DESK_PURGE_TOPIC:
        topic_request_encode(&(struct topic_request){named(&names.stream), named(&names.topic)},
                             body);
        break;
    case DESK_CREATE_PARTITIONS:
    case DESK_DELETE_PARTITIONS: write_partitions(clerk, &names, body); break;
    case DESK_CREATE_GROUP:
        create_group_request_encode(
            &(struct create_group_request){named(&names.stream), named(&names.topic), name}, body);
        break;
    case DESK_DELETE_GROUP:
    case DESK_JOIN_GROUP:
    case DESK_LEAVE_GROUP: write_group(&names, body); break;
    case DESK_CREATE_TOKEN:
        create_token_request_encode(&(struct create_token_request){.name = name}, body);
        break;
    case DESK_DELETE_TOKEN: delete_token_request_encode(name, body); break;
    case DESK_CHANGES_COUNT: unreachable();
    }
    return changes[change->kind].command;
}

/* ---- Looks ---- */

static struct offset_request offset_of(const struct names *names)
{
    return (struct offset_request){
        .consumer = {.kind = CONSUMER_SINGLE, .identifier = identifier_of_id(1)},
        .stream = named(&names->stream),
        .topic = named(&names->topic),
        .partition = {true, 0},
    };
}

static void write_poll(const struct names *names, struct writer *body)
{
    struct offset_request target = offset_of(names);
    poll_request_encode(&(struct poll_request){.consumer = target.consumer,
                                               .stream = target.stream,
                                               .topic = target.topic,
                                               .partition = target.partition,
                                               .strategy = POLL_NEXT,
                                               .count = 1},
                        body);
}

/* Its own session, or, by `name`, one that is not: another's, or of a time to come. */
static void write_attachment(const struct clerk *clerk, struct writer *body)
{
    struct session_reference reference = {.client = clerk->client.id,
                                          .session = clerk->client.session};
    switch (clerk->look.name) {
    case 0: break;
    case 1: reference.session ^= 1ull << 20; break;
    case 2: reference.client.high ^= 1; break;
    default: reference.metadata_watermark = UINT64_MAX; break;
    }
    attach_session_request_encode(&reference, body);
}

static void write_plain_look(const struct clerk *clerk, struct writer *body)
{
    static const u8 parts[] = {SNAPSHOT_TEST};
    const struct clerk_look *look = &clerk->look;
    switch ((u32)look->kind) {
    case CLERK_SEES_CLIENT:
        get_client_request_encode(look->name == 0 ? clerk->client_number : 0, body);
        break;
    case CLERK_SEES_SNAPSHOT:
        snapshot_request_encode(&(struct snapshot_request){SNAPSHOT_STORED, {parts, sizeof(parts)}},
                                body);
        break;
    case CLERK_SEES_OPTIONS:
        describe_options_request_encode((enum options_scope)(OPTIONS_OF_TOPIC + look->name % 3),
                                        body);
        break;
    case CLERK_SEES_ATTACHMENT: write_attachment(clerk, body); break;
    default: break; /* without a body */
    }
}

enum command clerk_write_look(const struct clerk *clerk, struct writer *body)
{
    static const enum command commands[CLERK_LOOKS_COUNT] = {
        [CLERK_SEES_STREAM] = COMMAND_GET_STREAM,
        [CLERK_SEES_TOPIC] = COMMAND_GET_TOPIC,
        [CLERK_SEES_TOPICS] = COMMAND_GET_TOPICS,
        [CLERK_SEES_GROUP] = COMMAND_GET_GROUP,
        [CLERK_SEES_GROUPS] = COMMAND_GET_GROUPS,
        [CLERK_SEES_TOKENS] = COMMAND_GET_TOKENS,
        [CLERK_SEES_ME] = COMMAND_GET_ME,
        [CLERK_SEES_CLIENT] = COMMAND_GET_CLIENT,
        [CLERK_SEES_CLUSTER] = COMMAND_GET_CLUSTER_METADATA,
        [CLERK_SEES_FLUSH] = COMMAND_FLUSH_UNSAVED_BUFFER,
        [CLERK_SEES_SNAPSHOT] = COMMAND_GET_SNAPSHOT,
        [CLERK_SEES_ASSIGNMENT] = COMMAND_SYNC_GROUP,
        [CLERK_SEES_OPTIONS] = COMMAND_DESCRIBE_OPTIONS,
        [CLERK_SEES_POLL_ROUTE] = COMMAND_GET_POLL_ROUTING,
        [CLERK_SEES_OFFSET_ROUTE] = COMMAND_GET_CONSUMER_OFFSET_ROUTING,
        [CLERK_SEES_ATTACHMENT] = COMMAND_ATTACH_CONSUMER_SESSION,
    };
    const struct clerk_look *look = &clerk->look;
    const struct names names = {
        .stream = clerk_name("clerk", look->stream),
        .topic = clerk_name("topic", look->topic),
        .name = clerk_name("group", look->name),
    };
    struct offset_request offset = offset_of(&names);
    switch ((u32)look->kind) {
    case CLERK_SEES_STREAM:
    case CLERK_SEES_TOPICS:
        stream_request_encode(&(struct stream_request){named(&names.stream)}, body);
        break;
    case CLERK_SEES_TOPIC:
    case CLERK_SEES_GROUPS:
        topic_request_encode(&(struct topic_request){named(&names.stream), named(&names.topic)},
                             body);
        break;
    case CLERK_SEES_GROUP:
    case CLERK_SEES_ASSIGNMENT: write_group(&names, body); break;
    case CLERK_SEES_FLUSH:
        flush_request_encode(
            &(struct flush_request){named(&names.stream), named(&names.topic), 0, true}, body);
        break;
    case CLERK_SEES_POLL_ROUTE: write_poll(&names, body); break;
    case CLERK_SEES_OFFSET_ROUTE: get_offset_request_encode(&offset, body); break;
    default: write_plain_look(clerk, body); break;
    }
    return commands[look->kind];
}
