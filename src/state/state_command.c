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
 *     128 OPEN_SESSION       session u64, client u128, user u32, client number u32, home u32
 *     129 CLOSE_SESSION      session u64
 *
 *     name     size u8 (1 to 255), bytes
 *     hash     size u8 (0 to 127), bytes
 *     options  explicit_set u32, compression u8, durability u8, consumer_offset_durability u8,
 *              preallocate_segments u8, messages_required_to_save u32,
 *              size_of_messages_required_to_save u64, max_topic_size u64, message_expiry u64,
 *              segment_size u64: 44 bytes */
#include "state/state_command.h"

#include "base/check.h"

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
    case STATE_OPEN_SESSION: return "OPEN_SESSION";
    case STATE_CLOSE_SESSION: return "CLOSE_SESSION";
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

static void encode_session(const struct state_session *session, struct writer *writer)
{
    write_u64(writer, session->session);
    write_u128(writer, session->client);
    write_u32(writer, session->user_id);
    write_u32(writer, session->client_number);
    write_u32(writer, session->home);
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
    case STATE_OPEN_SESSION: encode_session(&command->session, writer); return;
    case STATE_CLOSE_SESSION: write_u64(writer, command->session.session); return;
    }
    unreachable();
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
    case STATE_CREATE_USER: {
        command->user_id = read_u32(reader);
        u8 active = read_u8(reader);
        command->active = active == 1;
        command->name = read_short(reader);
        command->password_hash = read_short(reader);
        return active <= 1 && command->name.size > 0 && command->name.size <= USERNAME_BYTES_MAX &&
               command->password_hash.size < PASSWORD_HASH_BYTES_MAX;
    }
    case STATE_SET_PASSWORD:
        command->user_id = read_u32(reader);
        command->password_hash = read_short(reader);
        return command->password_hash.size < PASSWORD_HASH_BYTES_MAX;
    case STATE_OPEN_SESSION:
        command->session.session = read_u64(reader);
        command->session.client = read_u128(reader);
        command->session.user_id = read_u32(reader);
        command->session.client_number = read_u32(reader);
        command->session.home = read_u32(reader);
        return command->session.session > 0;
    case STATE_CLOSE_SESSION:
        command->session.session = read_u64(reader);
        return command->session.session > 0;
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
