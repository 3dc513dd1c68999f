/* Whether what a clerk is shown is what is on its desk. */
#include <string.h>

#include "base/check.h"
#include "sim/clerk.h"
#include "sim/workload.h"
#include "wire/client_info.h"
#include "wire/group_info.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/routing.h"
#include "wire/token_info.h"
#include "wire/topic_v1.h"

/* An archive without files: its end alone. */
#define ARCHIVE_END "PK\5\6"

static bool is_named(struct span name, const char *kind, u32 number)
{
    struct clerk_name wanted = clerk_name(kind, number);
    return span_equal(name, span_of(wanted.text));
}

static bool is_v1(const struct clerk *clerk)
{
    return clerk->client.is_v1;
}

static u32 bits_count(u32 bits)
{
    return (u32)__builtin_popcount(bits);
}

/* ---- Streams and topics ---- */

/* A topic as either generation shows it. */
struct seen_topic {
    struct topic_info info;
    u64 expiry_us;
    u64 bytes_max;
};

static struct seen_topic read_topic(const struct clerk *clerk, struct reader *reader)
{
    if (is_v1(clerk)) {
        struct topic_record_v1 record = read_topic_record_v1(reader);
        return (struct seen_topic){record.info, record.settings.message_expiry_us,
                                   record.settings.max_topic_size_bytes};
    }
    struct topic_view view = read_topic_view(reader);
    return (struct seen_topic){view.info, view.message_expiry_us, view.max_topic_size_bytes};
}

static bool shows_topic(const struct seen_topic *seen, const struct desk_topic *topic)
{
    return topic->exists && is_named(seen->info.name, "topic", topic->name) &&
           seen->info.partitions_count == topic->partitions_count &&
           seen->info.messages_count == 0 && seen->expiry_us == topic->expiry_us &&
           seen->bytes_max == topic->bytes_max;
}

/* All topics of the stream, in whatever order, and nothing behind them. */
static bool shows_topics(const struct clerk *clerk, struct reader *reader,
                         const struct desk_stream *stream)
{
    u32 found = 0;
    for (u32 count = desk_topics_count(stream); count > 0; count--) {
        struct seen_topic seen = read_topic(clerk, reader);
        for (u32 i = 0; !reader->failed && i < DESK_TOPICS; i++) {
            found |= shows_topic(&seen, &stream->topics[i]) ? 1u << i : 0;
        }
    }
    return reader_is_done(reader) && bits_count(found) == desk_topics_count(stream);
}

static bool fits_stream(const struct clerk *clerk, const struct desk_stream *stream,
                        struct reader *reader)
{
    if (stream == NULL) {
        return reader_is_done(reader);
    }
    struct stream_info info =
        is_v1(clerk) ? read_stream_record_v1(reader) : read_stream_info(reader);
    return !reader->failed && is_named(info.name, "clerk", stream->name) &&
           info.topics_count == desk_topics_count(stream) && info.messages_count == 0 &&
           shows_topics(clerk, reader, stream);
}

static bool fits_topic(const struct clerk *clerk, const struct desk_topic *topic,
                       struct reader *reader)
{
    if (topic == NULL) {
        return reader_is_done(reader);
    }
    struct seen_topic seen = read_topic(clerk, reader);
    if (reader->failed || !shows_topic(&seen, topic)) {
        return false;
    }
    for (u32 i = 0; i < topic->partitions_count; i++) {
        struct partition_info info = read_partition_info(reader);
        if (info.id != i || info.messages_count != 0 || info.current_offset != 0) {
            return false;
        }
    }
    return reader_is_done(reader);
}

static bool fits_topics(const struct clerk *clerk, const struct desk_stream *stream,
                        struct reader *reader)
{
    u32 wanted = stream == NULL ? 0 : desk_topics_count(stream);
    u32 count = is_v1(clerk) ? wanted : read_u32(reader);
    return !reader->failed && count == wanted &&
           (stream == NULL ? reader_is_done(reader) : shows_topics(clerk, reader, stream));
}

/* ---- Groups ---- */

static bool shows_group(const struct group_info *info, const struct desk_topic *topic, u32 name)
{
    bool is_member = (topic->members >> name & 1) != 0;
    bool may_be_more = (topic->ghosts >> name & 1) != 0;
    u32 wanted = is_member ? 1 : 0;
    return is_named(info->name, "group", name) &&
           info->partitions_count == topic->partitions_count &&
           (info->members_count == wanted || (may_be_more && info->members_count > wanted));
}

static bool fits_group(const struct clerk *clerk, const struct desk_topic *topic,
                       struct reader *reader)
{
    u32 name = clerk->look.name;
    if (topic == NULL || (topic->groups >> name & 1) == 0) {
        return reader_is_done(reader);
    }
    struct group_info info = read_group_info(reader);
    u32 partitions_count = 0;
    for (u32 i = 0; !reader->failed && i < info.members_count; i++) {
        partitions_count += read_group_member(reader).partitions_count;
    }
    /* Whoever is in it has all partitions among them. */
    return reader_is_done(reader) && shows_group(&info, topic, name) &&
           partitions_count == (info.members_count == 0 ? 0 : topic->partitions_count);
}

static bool fits_groups(const struct desk_topic *topic, struct reader *reader)
{
    u32 found = 0;
    for (u32 count = topic == NULL ? 0 : bits_count(topic->groups); count > 0; count--) {
        struct group_info info = read_group_info(reader);
        for (u32 i = 0; !reader->failed && i < DESK_GROUPS; i++) {
            bool exists = (topic->groups >> i & 1) != 0;
            found |= exists && shows_group(&info, topic, i) ? 1u << i : 0;
        }
    }
    return reader_is_done(reader) && found == (topic == NULL ? 0 : topic->groups);
}

static bool fits_assignment(const struct clerk *clerk, const struct desk_topic *topic,
                            struct span body)
{
    struct group_assignment assignment;
    u32 bit = 1u << clerk->look.name;
    enum status status = group_assignment_decode(body, &assignment);
    if (topic == NULL || (topic->members & bit) == 0) {
        return status == ERR_NOT_FOUND;
    }
    u32 count = status == OK ? assignment.partitions_count : UINT32_MAX;
    return count == topic->partitions_count ||
           ((topic->ghosts & bit) != 0 && count < topic->partitions_count);
}

/* What a look at a group is answered with, where the stream or the topic is not there. */
static u32 group_status(const struct clerk *clerk, struct desk *desk)
{
    const struct clerk_look *look = &clerk->look;
    if (is_v1(clerk) || desk_topic(desk, look->stream, look->topic) != NULL) {
        return WIRE_OK;
    }
    return desk_stream(desk, look->stream) == NULL ? WIRE_STREAM_ID_NOT_FOUND
                                                   : WIRE_TOPIC_ID_NOT_FOUND;
}

/* ---- The clerk itself ---- */

static bool fits_tokens(const struct desk *desk, struct reader *reader)
{
    u32 found = 0;
    for (u32 count = bits_count(desk->tokens); count > 0; count--) {
        struct token_info info = read_token_info(reader);
        for (u32 i = 0; !reader->failed && i < DESK_TOKENS; i++) {
            found |= is_named(info.name, "token", i) && info.expires_at_us == 0 ? 1u << i : 0;
        }
    }
    return reader_is_done(reader) && found == desk->tokens;
}

static u32 memberships_count(const struct desk *desk)
{
    u32 count = 0;
    for (u32 i = 0; i < DESK_STREAMS * DESK_TOPICS; i++) {
        count += bits_count(desk->streams[i / DESK_TOPICS].topics[i % DESK_TOPICS].members);
    }
    return count;
}

static bool fits_client(const struct clerk *clerk, const struct desk *desk, struct reader *reader)
{
    bool is_nobody = clerk->look.kind == CLERK_SEES_CLIENT && clerk->look.name != 0;
    if (is_nobody) {
        return reader_is_done(reader);
    }
    struct client_info info = read_client_info(reader);
    for (u32 i = 0; !reader->failed && i < info.groups_count; i++) {
        (void)read_client_group(reader);
    }
    return reader_is_done(reader) && info.user_id == clerk->user_id &&
           info.groups_count == memberships_count(desk) &&
           (clerk->look.kind == CLERK_SEES_ME || info.client_id == clerk->client_number);
}

/* ---- The server ---- */

static bool fits_cluster(const struct clerk *clerk, struct reader *reader)
{
    u32 nodes_count = 0;
    (void)read_cluster_header(reader, &nodes_count);
    struct cluster_node node = read_cluster_node(reader);
    return reader_is_done(reader) && nodes_count == 1 && node.role == CLUSTER_LEADER &&
           node.tcp_port == clerk->workload->schedule->settings.tcp_port;
}

static bool fits_archive(struct span body)
{
    return body.size >= 22 && memcmp(body.data, ARCHIVE_END, 4) == 0;
}

/* Which option of a topic has this key? TOPIC_OPTION_COUNT: none. */
static u32 option_of(struct span key)
{
    u32 option = 0;
    while (option < TOPIC_OPTION_COUNT &&
           !span_equal(key, span_of(topic_option_key((enum topic_option)option)))) {
        option++;
    }
    return option;
}

/* All that a topic has, each once; streams and users have none. */
static bool fits_options(const struct clerk *clerk, struct reader *reader)
{
    bool is_topic = clerk->look.name % 3 == 0;
    u32 wanted = is_topic ? (1u << TOPIC_OPTION_COUNT) - 1 : 0;
    u32 count = read_u32(reader);
    u32 found = 0;
    for (u32 i = 0; !reader->failed && i < count; i++) {
        struct option_description description = read_option_description(reader);
        found |= reader->failed ? 0 : 1u << option_of(description.option.key);
    }
    return reader_is_done(reader) && found == wanted && count == bits_count(wanted);
}

static bool fits_route(const struct clerk *clerk, struct span body)
{
    struct routing_reply reply;
    return routing_reply_decode(body, &reply) == OK &&
           u128_equal(reply.reference.client, clerk->client.id) &&
           reply.reference.session == clerk->client.session &&
           reply.node.tcp_port == clerk->workload->schedule->settings.tcp_port;
}

/* Generation 2 has nothing that could be unwritten; 0.8 is told where that is so, too. */
static u32 flush_status(const struct clerk *clerk, struct desk *desk)
{
    const struct desk_topic *topic = desk_topic(desk, clerk->look.stream, clerk->look.topic);
    if (!is_v1(clerk)) {
        return WIRE_FEATURE_UNAVAILABLE;
    }
    if (desk_stream(desk, clerk->look.stream) == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    if (topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    if (topic->partitions_count == 0) {
        return WIRE_PARTITION_NOT_FOUND;
    }
    return clerk->workload->model->level == MODEL_SYNC ? WIRE_OK : WIRE_FEATURE_UNAVAILABLE;
}

/* ---- All together ---- */

static u32 wanted_status(const struct clerk *clerk, struct desk *desk)
{
    const struct clerk_look *look = &clerk->look;
    switch ((u32)look->kind) {
    case CLERK_SEES_GROUP:
    case CLERK_SEES_GROUPS: return group_status(clerk, desk);
    case CLERK_SEES_FLUSH: return flush_status(clerk, desk);
    case CLERK_SEES_CLIENT:
        return is_v1(clerk) && look->name != 0 ? WIRE_INVALID_CLIENT_ID : WIRE_OK;
    case CLERK_SEES_ATTACHMENT: return look->name == 0 ? WIRE_OK : WIRE_TRANSIENT_NOT_ACCEPTED;
    default: return WIRE_OK;
    }
}

bool clerk_fits(const struct clerk *clerk, struct desk *desk, u32 status, struct span body)
{
    const struct clerk_look *look = &clerk->look;
    struct reader reader = reader_over(body.data, body.size);
    const struct desk_stream *stream = desk_stream(desk, look->stream);
    const struct desk_topic *topic = desk_topic(desk, look->stream, look->topic);
    u32 wanted = wanted_status(clerk, desk);
    if (status != wanted || wanted != WIRE_OK) {
        return status == wanted && body.size == 0;
    }
    switch (look->kind) {
    case CLERK_SEES_STREAM: return fits_stream(clerk, stream, &reader);
    case CLERK_SEES_TOPIC: return fits_topic(clerk, topic, &reader);
    case CLERK_SEES_TOPICS: return fits_topics(clerk, stream, &reader);
    case CLERK_SEES_GROUP: return fits_group(clerk, topic, &reader);
    case CLERK_SEES_GROUPS: return fits_groups(topic, &reader);
    case CLERK_SEES_TOKENS: return fits_tokens(desk, &reader);
    case CLERK_SEES_ME:
    case CLERK_SEES_CLIENT: return fits_client(clerk, desk, &reader);
    case CLERK_SEES_CLUSTER: return fits_cluster(clerk, &reader);
    case CLERK_SEES_SNAPSHOT: return fits_archive(body);
    case CLERK_SEES_ASSIGNMENT: return fits_assignment(clerk, topic, body);
    case CLERK_SEES_OPTIONS: return fits_options(clerk, &reader);
    case CLERK_SEES_POLL_ROUTE:
    case CLERK_SEES_OFFSET_ROUTE: return fits_route(clerk, body);
    case CLERK_SEES_FLUSH:
    case CLERK_SEES_ATTACHMENT: return body.size == 0;
    case CLERK_LOOKS_COUNT: break;
    }
    unreachable();
}

bool clerk_shows_created(const struct clerk *clerk, struct span body)
{
    struct desk desk = clerk->wanted;
    const struct desk_change *change = &clerk->change;
    struct reader reader = reader_over(body.data, body.size);
    switch ((u32)change->kind) {
    case DESK_CREATE_STREAM: return fits_stream(clerk, desk_stream(&desk, change->name), &reader);
    case DESK_CREATE_TOPIC:
        return fits_topic(clerk, desk_topic(&desk, change->stream, change->name), &reader);
    case DESK_CREATE_GROUP:
        return is_named(read_group_info(&reader).name, "group", change->name) &&
               reader_is_done(&reader);
    case DESK_CREATE_TOKEN: return body.size > 1 && body.data[0] == body.size - 1;
    default: return body.size == 0;
    }
}
