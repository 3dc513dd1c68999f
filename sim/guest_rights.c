#include "sim/guest_rights.h"

#include "base/check.h"
#include "wire/error.h"

#define LIST                                                                                       \
    (GLOBAL_MANAGE_STREAMS | GLOBAL_READ_STREAMS | GLOBAL_MANAGE_TOPICS | GLOBAL_READ_TOPICS)
#define LIST_IN_STREAM                                                                             \
    (STREAM_MANAGE_STREAM | STREAM_READ_STREAM | STREAM_MANAGE_TOPICS | STREAM_READ_TOPICS)
#define POLL_IN_STREAM (LIST_IN_STREAM | STREAM_POLL_MESSAGES)
#define POLL_IN_TOPIC (TOPIC_MANAGE_TOPIC | TOPIC_READ_TOPIC | TOPIC_POLL_MESSAGES)

static const struct guest_act acts[] = {
    {COMMAND_GET_ME, 0, 0, 0, true, false, WIRE_OK},
    {COMMAND_GET_STATS, GLOBAL_MANAGE_SERVERS | GLOBAL_READ_SERVERS, 0, 0, false, false, WIRE_OK},
    {COMMAND_GET_CLIENTS, GLOBAL_MANAGE_SERVERS | GLOBAL_READ_SERVERS, 0, 0, false, false, WIRE_OK},
    {COMMAND_GET_USERS, GLOBAL_MANAGE_USERS | GLOBAL_READ_USERS, 0, 0, false, false, WIRE_OK},
    {COMMAND_DELETE_USER, GLOBAL_MANAGE_USERS, 0, 0, false, false, WIRE_CANNOT_DELETE_USER},
    {COMMAND_UPDATE_PERMISSIONS, GLOBAL_MANAGE_USERS, 0, 0, false, false,
     WIRE_CANNOT_CHANGE_PERMISSIONS},
    {COMMAND_GET_STREAMS, GLOBAL_MANAGE_STREAMS | GLOBAL_READ_STREAMS, 0, 0, false, false, WIRE_OK},
    {COMMAND_GET_STREAM, GLOBAL_MANAGE_STREAMS | GLOBAL_READ_STREAMS,
     STREAM_MANAGE_STREAM | STREAM_READ_STREAM, 0, false, true, WIRE_OK},
    {COMMAND_CREATE_STREAM, GLOBAL_MANAGE_STREAMS, 0, 0, false, true, WIRE_INVALID_FORMAT},
    {COMMAND_GET_TOPICS, LIST, LIST_IN_STREAM, 0, false, true, WIRE_OK},
    {COMMAND_GET_TOPIC, LIST, LIST_IN_STREAM, TOPIC_MANAGE_TOPIC | TOPIC_READ_TOPIC, false, true,
     WIRE_OK},
    {COMMAND_CREATE_TOPIC, GLOBAL_MANAGE_STREAMS | GLOBAL_MANAGE_TOPICS,
     STREAM_MANAGE_STREAM | STREAM_MANAGE_TOPICS, 0, false, true, WIRE_TOO_MANY_PARTITIONS},
    {COMMAND_DELETE_PARTITIONS, GLOBAL_MANAGE_STREAMS | GLOBAL_MANAGE_TOPICS,
     STREAM_MANAGE_STREAM | STREAM_MANAGE_TOPICS, TOPIC_MANAGE_TOPIC, false, true,
     WIRE_INVALID_PARTITIONS_COUNT},
    {COMMAND_GET_GROUPS, LIST, LIST_IN_STREAM, TOPIC_MANAGE_TOPIC | TOPIC_READ_TOPIC, false, true,
     WIRE_OK},
    {COMMAND_GET_CONSUMER_OFFSET, LIST | GLOBAL_POLL_MESSAGES, POLL_IN_STREAM, POLL_IN_TOPIC, false,
     true, WIRE_OK},
    {COMMAND_STORE_CONSUMER_OFFSET, LIST | GLOBAL_POLL_MESSAGES, POLL_IN_STREAM, POLL_IN_TOPIC,
     false, true, WIRE_INVALID_OFFSET},
    {COMMAND_POLL_MESSAGES, LIST | GLOBAL_POLL_MESSAGES, POLL_IN_STREAM, POLL_IN_TOPIC, false, true,
     WIRE_OK},
    {COMMAND_SEND_MESSAGES, GLOBAL_MANAGE_STREAMS | GLOBAL_MANAGE_TOPICS | GLOBAL_SEND_MESSAGES,
     STREAM_MANAGE_STREAM | STREAM_MANAGE_TOPICS | STREAM_SEND_MESSAGES,
     TOPIC_MANAGE_TOPIC | TOPIC_SEND_MESSAGES, false, true, WIRE_OK},
};

u32 guest_acts_count(void)
{
    return array_count(acts);
}

const struct guest_act *guest_act(u32 index)
{
    check(index < array_count(acts));
    return &acts[index];
}

/* ---- What is granted ---- */

static u32 deletions_of(const struct guest_grant *grant)
{
    return grant->stream->deletions + (grant->topic == NULL ? 0 : grant->topic->deletions);
}

/* Its stream or topic is still the one that it was given for. */
static bool is_valid(const struct guest_grant *grant)
{
    return grant->deletions == deletions_of(grant);
}

static bool grant_allows(const struct guest_grant *grant, const struct guest_act *act,
                         const struct model_topic *topic)
{
    if (!is_valid(grant) || grant->stream != topic->stream) {
        return false;
    }
    return grant->topic == NULL ? (grant->bits & act->stream) != 0
                                : grant->topic == topic && (grant->bits & act->topic) != 0;
}

bool guest_rights_allow(const struct guest_rights *rights, const struct guest_act *act,
                        const struct model_topic *topic)
{
    if (act->is_open || (rights->global & act->global) != 0) {
        return true;
    }
    for (u32 i = 0; act->on_topic && i < rights->grants_count; i++) {
        if (grant_allows(&rights->grants[i], act, topic)) {
            return true;
        }
    }
    return false;
}

bool guest_rights_leave_open(const struct guest_rights *rights, const struct guest_act *act)
{
    return rights->is_vague && act->on_topic && !act->is_open &&
           (rights->global & act->global) == 0;
}

bool guest_rights_add(struct guest_rights *rights, struct model_topic *topic, bool whole_stream,
                      u8 bits)
{
    check(rights->grants_count < GUEST_GRANTS_MAX);
    for (u32 i = 0; i < rights->grants_count; i++) {
        const struct guest_grant *other = &rights->grants[i];
        if (other->stream == topic->stream && other->topic == (whole_stream ? NULL : topic)) {
            return false;
        }
    }
    struct guest_grant *grant = &rights->grants[rights->grants_count++];
    *grant = (struct guest_grant){
        .stream = topic->stream,
        .topic = whole_stream ? NULL : topic,
        .bits = bits,
    };
    grant->deletions = deletions_of(grant);
    return true;
}

/* ---- Blocks ---- */

static void write_stream(struct permission_writer *permissions, const struct guest_rights *rights,
                         const struct model_stream *stream)
{
    struct permission_entry entry = {.scope = PERMISSION_STREAM, .stream_id = stream->id};
    for (u32 i = 0; i < rights->grants_count; i++) {
        const struct guest_grant *grant = &rights->grants[i];
        entry.bits |= grant->stream == stream && grant->topic == NULL ? grant->bits : 0;
    }
    permissions_add(permissions, &entry);
    entry.scope = PERMISSION_TOPIC;
    for (u32 i = 0; i < rights->grants_count; i++) {
        const struct guest_grant *grant = &rights->grants[i];
        if (grant->stream == stream && grant->topic != NULL) {
            entry.topic_id = grant->topic->id;
            entry.bits = grant->bits;
            permissions_add(permissions, &entry);
        }
    }
}

static bool is_first_of_stream(const struct guest_rights *rights, u32 index)
{
    for (u32 i = 0; i < index; i++) {
        if (rights->grants[i].stream == rights->grants[index].stream) {
            return false;
        }
    }
    return true;
}

u32 guest_rights_write(const struct guest_rights *rights, u8 *block, u32 block_bytes)
{
    struct writer writer = writer_over(block, block_bytes);
    struct permission_writer permissions = permissions_begin(&writer, rights->global);
    for (u32 i = 0; i < rights->grants_count; i++) {
        if (is_first_of_stream(rights, i)) {
            write_stream(&permissions, rights, rights->grants[i].stream);
        }
    }
    permissions_end(&permissions);
    check(!writer.failed);
    return writer.position;
}

/* The bits that this stream or topic should be shown with. */
static u16 bits_of(const struct guest_rights *rights, const struct permission_entry *entry)
{
    u16 bits = 0;
    for (u32 i = 0; i < rights->grants_count; i++) {
        const struct guest_grant *grant = &rights->grants[i];
        bool is_topic = grant->topic != NULL;
        if (is_valid(grant) && grant->stream->id == entry->stream_id &&
            is_topic == (entry->scope == PERMISSION_TOPIC) &&
            (!is_topic || grant->topic->id == entry->topic_id)) {
            bits |= grant->bits;
        }
    }
    return bits;
}

static u32 bits_count(u32 bits)
{
    return (u32)__builtin_popcount(bits);
}

bool guest_rights_match(const struct guest_rights *rights, struct span block)
{
    struct permission_iterator iterator = permissions_iterate(block);
    struct permission_entry entry;
    u32 wanted = 0;
    u32 found = 0;
    if (!permissions_next(&iterator, &entry) || entry.bits != rights->global) {
        return false;
    }
    if (rights->is_vague) {
        return true;
    }
    while (permissions_next(&iterator, &entry)) {
        if (entry.bits != bits_of(rights, &entry)) {
            return false;
        }
        found += bits_count(entry.bits);
    }
    for (u32 i = 0; i < rights->grants_count; i++) {
        wanted += is_valid(&rights->grants[i]) ? bits_count(rights->grants[i].bits) : 0;
    }
    return !iterator.reader.failed && found == wanted;
}
