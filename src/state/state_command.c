/* The bytes of a state command. Integers are little-endian, without padding:
 *
 *     kind u8 | time_us u64 | then by kind:
 *
 *     1   BOOT               boot u32
 *     2   CREATE_STREAM      stream u32, name
 *     3   UPDATE_STREAM      stream u32, name
 *     4   DELETE_STREAM      stream u32
 *     5   PURGE_STREAM       stream u32
 *     6   CREATE_TOPIC       stream u32, topic u32, partitions u32, name, options
 *     7   UPDATE_TOPIC       stream u32, topic u32, name, options
 *     8   DELETE_TOPIC       stream u32, topic u32
 *     9   PURGE_TOPIC        stream u32, topic u32
 *     10  CREATE_PARTITIONS  stream u32, topic u32, partitions u32 (how many to add)
 *     11  DELETE_PARTITIONS  stream u32, topic u32, partitions u32 (how many to delete)
 *     12  CREATE_USER        user u32, active u8, name, hash
 *     13  SET_PASSWORD       user u32, hash
 *     14  ADD_USER           user u32, active u8, name, hash, permissions
 *     15  UPDATE_USER        user u32, active u8, name
 *     16  DELETE_USER        user u32
 *     17  SET_PERMISSIONS    user u32, permissions
 *     18  CHANGE_PASSWORD    user u32, session u64 (that goes on; 0: none), hash
 *     20  CREATE_TOKEN       user u32, expires at u64 (u64 max: never), token hash 32 bytes, name
 *     21  DELETE_TOKEN       user u32, name
 *     25  CREATE_GROUP       stream u32, topic u32, group u32, name
 *     26  DELETE_GROUP       stream u32, topic u32, group u32
 *     128 OPEN_SESSION       session u64, client u128, user u32, client number u32, home u32
 *     129 CLOSE_SESSION      session u64
 *     140 JOIN_GROUP         stream u32, topic u32, group u32, session u64
 *     141 LEAVE_GROUP        stream u32, topic u32, group u32, session u64
 *     142 END_SESSION        session u64, reason u8
 *     143 REPLACE_SESSION    old session u64, then as OPEN_SESSION
 *
 *     name     size u8 (1 to 255), bytes
 *     hash     size u8 (0 to 127), bytes
 *     permissions  0 u8: none; or 1 u8, size u16, a block as in wire/permissions.h
 *     options  explicit_set u32, compression u8, durability u8, consumer_offset_durability u8,
 *              preallocate_segments u8, messages_required_to_save u32,
 *              size_of_messages_required_to_save u64, max_topic_size u64, message_expiry u64,
 *              segment_size u64: 44 bytes */
#include "state/state_command.h"

#include "base/check.h"
#include "wire/permissions.h"

bool state_command_is_durable(enum state_command_kind kind)
{
    return kind < STATE_OPEN_SESSION;
}

const char *state_command_name(enum state_command_kind kind)
{
    switch (kind) {
    case STATE_BOOT: return "BOOT";
    case STATE_CREATE_STREAM: return "CREATE_STREAM";
    case STATE_UPDATE_STREAM: return "UPDATE_STREAM";
    case STATE_DELETE_STREAM: return "DELETE_STREAM";
    case STATE_PURGE_STREAM: return "PURGE_STREAM";
    case STATE_CREATE_TOPIC: return "CREATE_TOPIC";
    case STATE_UPDATE_TOPIC: return "UPDATE_TOPIC";
    case STATE_DELETE_TOPIC: return "DELETE_TOPIC";
    case STATE_PURGE_TOPIC: return "PURGE_TOPIC";
    case STATE_CREATE_PARTITIONS: return "CREATE_PARTITIONS";
    case STATE_DELETE_PARTITIONS: return "DELETE_PARTITIONS";
    case STATE_CREATE_USER: return "CREATE_USER";
    case STATE_SET_PASSWORD: return "SET_PASSWORD";
    case STATE_ADD_USER: return "ADD_USER";
    case STATE_UPDATE_USER: return "UPDATE_USER";
    case STATE_DELETE_USER: return "DELETE_USER";
    case STATE_SET_PERMISSIONS: return "SET_PERMISSIONS";
    case STATE_CHANGE_PASSWORD: return "CHANGE_PASSWORD";
    case STATE_CREATE_TOKEN: return "CREATE_TOKEN";
    case STATE_DELETE_TOKEN: return "DELETE_TOKEN";
    case STATE_CREATE_GROUP: return "CREATE_GROUP";
    case STATE_DELETE_GROUP: return "DELETE_GROUP";
    case STATE_OPEN_SESSION: return "OPEN_SESSION";
    case STATE_CLOSE_SESSION: return "CLOSE_SESSION";
    case STATE_JOIN_GROUP: return "JOIN_GROUP";
    case STATE_LEAVE_GROUP: return "LEAVE_GROUP";
    case STATE_END_SESSION: return "END_SESSION";
    case STATE_REPLACE_SESSION: return "REPLACE_SESSION";
    }
    return "UNKNOWN";
}

static void write_short(struct writer *writer, struct span bytes)
{
    check(bytes.size <= UINT8_MAX);
    write_u8(writer, (u8)bytes.size);
    write_span(writer, bytes);
}

static struct span read_short(struct reader *reader)
{
    return read_span(reader, read_u8(reader));
}

void state_options_write(struct writer *writer, const struct topic_options *options)
{
    write_u32(writer, options->explicit_set);
    write_u8(writer, options->compression);
    write_u8(writer, options->durability);
    write_u8(writer, options->consumer_offset_durability);
    write_u8(writer, options->preallocate_segments);
    write_u32(writer, options->messages_required_to_save);
    write_u64(writer, options->size_of_messages_required_to_save);
    write_u64(writer, options->max_topic_size_bytes);
    write_u64(writer, options->message_expiry_us);
    write_u64(writer, options->segment_size_bytes);
}

static bool options_are_sound(const struct topic_options *options)
{
    return options->explicit_set < 1u << TOPIC_OPTION_COUNT &&
           (options->compression == TOPIC_COMPRESSION_NONE ||
            options->compression == TOPIC_COMPRESSION_GZIP) &&
           (options->durability == TOPIC_DURABILITY_REPLICATED ||
            options->durability == TOPIC_DURABILITY_PERSISTED) &&
           (options->consumer_offset_durability == TOPIC_DURABILITY_REPLICATED ||
            options->consumer_offset_durability == TOPIC_DURABILITY_PERSISTED);
}

bool state_options_read(struct reader *reader, struct topic_options *options)
{
    struct topic_options found = {0};
    found.explicit_set = read_u32(reader);
    found.compression = read_u8(reader);
    found.durability = read_u8(reader);
    found.consumer_offset_durability = read_u8(reader);
    u8 preallocate = read_u8(reader);
    found.preallocate_segments = preallocate == 1;
    found.messages_required_to_save = read_u32(reader);
    found.size_of_messages_required_to_save = read_u64(reader);
    found.max_topic_size_bytes = read_u64(reader);
    found.message_expiry_us = read_u64(reader);
    found.segment_size_bytes = read_u64(reader);
    if (reader->failed || preallocate > 1 || !options_are_sound(&found)) {
        return false;
    }
    *options = found;
    return true;
}

static void write_permissions(struct writer *writer, const struct state_command *command)
{
    write_u8(writer, command->has_permissions);
    if (command->has_permissions) {
        check(command->permissions.size <= STATE_PERMISSIONS_BYTES_MAX);
        write_u16(writer, (u16)command->permissions.size);
        write_span(writer, command->permissions);
    }
}

static bool read_permissions(struct reader *reader, struct state_command *command)
{
    u8 has = read_u8(reader);
    command->has_permissions = has == 1;
    if (command->has_permissions) {
        command->permissions = read_span(reader, read_u16(reader));
        return command->permissions.size <= STATE_PERMISSIONS_BYTES_MAX &&
               permissions_validate(command->permissions) == WIRE_OK;
    }
    return has == 0;
}

static void encode_session(const struct state_session *session, struct writer *writer)
{
    write_u64(writer, session->session);
    write_u128(writer, session->client);
    write_u32(writer, session->user_id);
    write_u32(writer, session->client_number);
    write_u32(writer, session->home);
}

/* What is done to a user, or to one of its tokens. */
static void encode_user(const struct state_command *command, struct writer *writer)
{
    write_u32(writer, command->user_id);
    switch ((u32)command->kind) {
    case STATE_ADD_USER:
        write_u8(writer, command->active);
        write_short(writer, command->name);
        write_short(writer, command->password_hash);
        write_permissions(writer, command);
        return;
    case STATE_UPDATE_USER:
        write_u8(writer, command->active);
        write_short(writer, command->name);
        return;
    case STATE_DELETE_USER: return;
    case STATE_SET_PERMISSIONS: write_permissions(writer, command); return;
    case STATE_CHANGE_PASSWORD:
        write_u64(writer, command->session.session);
        write_short(writer, command->password_hash);
        return;
    case STATE_CREATE_TOKEN:
        check(command->token_hash.size == TOKEN_HASH_BYTES);
        write_u64(writer, command->expires_at_us);
        write_span(writer, command->token_hash);
        write_short(writer, command->name);
        return;
    case STATE_DELETE_TOKEN: write_short(writer, command->name); return;
    default: unreachable();
    }
}

static void encode_group(const struct state_command *command, struct writer *writer)
{
    write_u32(writer, command->stream_id);
    write_u32(writer, command->topic_id);
    write_u32(writer, command->group_id);
}

void state_command_encode(const struct state_command *command, struct writer *writer)
{
    write_u8(writer, (u8)command->kind);
    write_u64(writer, command->time_us);
    switch (command->kind) {
    case STATE_BOOT: write_u32(writer, command->boot); return;
    case STATE_CREATE_STREAM:
    case STATE_UPDATE_STREAM:
        write_u32(writer, command->stream_id);
        write_short(writer, command->name);
        return;
    case STATE_DELETE_STREAM:
    case STATE_PURGE_STREAM: write_u32(writer, command->stream_id); return;
    case STATE_CREATE_TOPIC:
        write_u32(writer, command->stream_id);
        write_u32(writer, command->topic_id);
        write_u32(writer, command->partitions_count);
        write_short(writer, command->name);
        state_options_write(writer, &command->options);
        return;
    case STATE_UPDATE_TOPIC:
        write_u32(writer, command->stream_id);
        write_u32(writer, command->topic_id);
        write_short(writer, command->name);
        state_options_write(writer, &command->options);
        return;
    case STATE_DELETE_TOPIC:
    case STATE_PURGE_TOPIC:
        write_u32(writer, command->stream_id);
        write_u32(writer, command->topic_id);
        return;
    case STATE_CREATE_PARTITIONS:
    case STATE_DELETE_PARTITIONS:
        write_u32(writer, command->stream_id);
        write_u32(writer, command->topic_id);
        write_u32(writer, command->partitions_count);
        return;
    case STATE_CREATE_USER:
        write_u32(writer, command->user_id);
        write_u8(writer, command->active);
        write_short(writer, command->name);
        write_short(writer, command->password_hash);
        return;
    case STATE_SET_PASSWORD:
        write_u32(writer, command->user_id);
        write_short(writer, command->password_hash);
        return;
    case STATE_ADD_USER:
    case STATE_UPDATE_USER:
    case STATE_DELETE_USER:
    case STATE_SET_PERMISSIONS:
    case STATE_CHANGE_PASSWORD:
    case STATE_CREATE_TOKEN:
    case STATE_DELETE_TOKEN: encode_user(command, writer); return;
    case STATE_OPEN_SESSION: encode_session(&command->session, writer); return;
    case STATE_CLOSE_SESSION: write_u64(writer, command->session.session); return;
    case STATE_CREATE_GROUP:
        encode_group(command, writer);
        write_short(writer, command->name);
        return;
    case STATE_DELETE_GROUP: encode_group(command, writer); return;
    case STATE_JOIN_GROUP:
    case STATE_LEAVE_GROUP:
        encode_group(command, writer);
        write_u64(writer, command->session.session);
        return;
    case STATE_END_SESSION:
        write_u64(writer, command->session.session);
        write_u8(writer, command->reason);
        return;
    case STATE_REPLACE_SESSION:
        write_u64(writer, command->old_session);
        encode_session(&command->session, writer);
        return;
    }
    unreachable();
}

static bool read_active(struct reader *reader, struct state_command *command)
{
    u8 active = read_u8(reader);
    command->active = active == 1;
    return active <= 1;
}

static bool read_username(struct reader *reader, struct state_command *command)
{
    command->name = read_short(reader);
    return command->name.size > 0 && command->name.size <= USERNAME_BYTES_MAX;
}

static bool read_token_name(struct reader *reader, struct state_command *command)
{
    command->name = read_short(reader);
    return command->name.size > 0 && command->name.size <= TOKEN_NAME_BYTES_MAX;
}

static bool read_password_hash(struct reader *reader, struct state_command *command)
{
    command->password_hash = read_short(reader);
    return command->password_hash.size < PASSWORD_HASH_BYTES_MAX;
}

static bool decode_user(struct state_command *command, struct reader *reader)
{
    command->user_id = read_u32(reader);
    switch ((u32)command->kind) {
    case STATE_ADD_USER:
        return read_active(reader, command) && read_username(reader, command) &&
               read_password_hash(reader, command) && read_permissions(reader, command);
    case STATE_UPDATE_USER: return read_active(reader, command) && read_username(reader, command);
    case STATE_DELETE_USER: return true;
    case STATE_SET_PERMISSIONS: return read_permissions(reader, command);
    case STATE_CHANGE_PASSWORD:
        command->session.session = read_u64(reader);
        return read_password_hash(reader, command);
    case STATE_CREATE_TOKEN:
        command->expires_at_us = read_u64(reader);
        command->token_hash = read_span(reader, TOKEN_HASH_BYTES);
        return read_token_name(reader, command);
    case STATE_DELETE_TOKEN: return read_token_name(reader, command);
    default: unreachable();
    }
}

static struct state_session decode_session(struct reader *reader)
{
    struct state_session session = {.session = read_u64(reader)};
    session.client = read_u128(reader);
    session.user_id = read_u32(reader);
    session.client_number = read_u32(reader);
    session.home = read_u32(reader);
    return session;
}

static void decode_group(struct state_command *command, struct reader *reader)
{
    command->stream_id = read_u32(reader);
    command->topic_id = read_u32(reader);
    command->group_id = read_u32(reader);
}

/* Reads what the kind has; false for a kind that is not known or a value out of range. */
static bool decode_fields(struct state_command *command, struct reader *reader)
{
    switch (command->kind) {
    case STATE_BOOT: command->boot = read_u32(reader); return command->boot > 0;
    case STATE_CREATE_STREAM:
    case STATE_UPDATE_STREAM:
        command->stream_id = read_u32(reader);
        command->name = read_short(reader);
        return command->name.size > 0;
    case STATE_DELETE_STREAM:
    case STATE_PURGE_STREAM: command->stream_id = read_u32(reader); return true;
    case STATE_CREATE_TOPIC:
        command->stream_id = read_u32(reader);
        command->topic_id = read_u32(reader);
        command->partitions_count = read_u32(reader);
        command->name = read_short(reader);
        return command->name.size > 0 && state_options_read(reader, &command->options);
    case STATE_UPDATE_TOPIC:
        command->stream_id = read_u32(reader);
        command->topic_id = read_u32(reader);
        command->name = read_short(reader);
        return command->name.size > 0 && state_options_read(reader, &command->options);
    case STATE_DELETE_TOPIC:
    case STATE_PURGE_TOPIC:
        command->stream_id = read_u32(reader);
        command->topic_id = read_u32(reader);
        return true;
    case STATE_CREATE_PARTITIONS:
    case STATE_DELETE_PARTITIONS:
        command->stream_id = read_u32(reader);
        command->topic_id = read_u32(reader);
        command->partitions_count = read_u32(reader);
        return command->partitions_count > 0;
    case STATE_CREATE_USER:
        command->user_id = read_u32(reader);
        return read_active(reader, command) && read_username(reader, command) &&
               read_password_hash(reader, command);
    case STATE_SET_PASSWORD:
        command->user_id = read_u32(reader);
        return read_password_hash(reader, command);
    case STATE_ADD_USER:
    case STATE_UPDATE_USER:
    case STATE_DELETE_USER:
    case STATE_SET_PERMISSIONS:
    case STATE_CHANGE_PASSWORD:
    case STATE_CREATE_TOKEN:
    case STATE_DELETE_TOKEN: return decode_user(command, reader);
    case STATE_OPEN_SESSION:
        command->session = decode_session(reader);
        return command->session.session > 0;
    case STATE_CLOSE_SESSION:
        command->session.session = read_u64(reader);
        return command->session.session > 0;
    case STATE_CREATE_GROUP:
        decode_group(command, reader);
        command->name = read_short(reader);
        return command->name.size > 0;
    case STATE_DELETE_GROUP: decode_group(command, reader); return true;
    case STATE_JOIN_GROUP:
    case STATE_LEAVE_GROUP:
        decode_group(command, reader);
        command->session.session = read_u64(reader);
        return command->session.session > 0;
    case STATE_END_SESSION:
        command->session.session = read_u64(reader);
        command->reason = read_u8(reader);
        return command->session.session > 0 && command->reason >= GROUP_MEMBER_JOINED &&
               command->reason <= GROUP_SESSION_ENDED;
    case STATE_REPLACE_SESSION:
        command->old_session = read_u64(reader);
        command->session = decode_session(reader);
        return command->session.session > 0 && command->old_session > 0;
    }
    return false;
}

enum status state_command_decode(struct span bytes, struct state_command *command)
{
    struct reader reader = reader_over(bytes.data, bytes.size);
    struct state_command found = {.kind = (enum state_command_kind)read_u8(&reader)};
    found.time_us = read_u64(&reader);
    if (!decode_fields(&found, &reader) || !reader_is_done(&reader)) {
        return ERR_CORRUPT;
    }
    *command = found;
    return OK;
}
