#include "wire/permissions.h"

#include "base/check.h"

/* What stands next in a block: an entry, or its end. */
enum next { NEXT_GLOBAL, NEXT_STREAM, NEXT_TOPIC, NEXT_END };

static u16 read_bits(struct reader *reader, u32 count)
{
    u16 bits = 0;
    for (u32 i = 0; i < count; i++) {
        bits = (u16)(bits | (read_u8(reader) != 0 ? 1u << i : 0u));
    }
    return bits;
}

static void write_bits(struct writer *writer, u16 bits, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        write_u8(writer, (bits >> i) & 1);
    }
}

struct permission_iterator permissions_iterate(struct span block)
{
    return (struct permission_iterator){.reader = reader_over(block.data, block.size),
                                        .next = NEXT_GLOBAL};
}

/* A stream is over, with or without topics: the flag says whether another follows. */
static u8 after_stream(struct reader *reader)
{
    return read_u8(reader) == 1 ? NEXT_STREAM : NEXT_END;
}

static void next_global(struct permission_iterator *iterator, struct permission_entry *entry)
{
    entry->scope = PERMISSION_GLOBAL;
    entry->bits = read_bits(&iterator->reader, GLOBAL_PERMISSIONS_COUNT);
    iterator->next = read_u8(&iterator->reader) == 1 ? NEXT_STREAM : NEXT_END;
}

static void next_stream(struct permission_iterator *iterator, struct permission_entry *entry)
{
    iterator->stream_id = read_u32(&iterator->reader);
    entry->scope = PERMISSION_STREAM;
    entry->stream_id = iterator->stream_id;
    entry->bits = read_bits(&iterator->reader, STREAM_PERMISSIONS_COUNT);
    bool has_topics = read_u8(&iterator->reader) == 1;
    iterator->next = has_topics ? NEXT_TOPIC : after_stream(&iterator->reader);
}

static void next_topic(struct permission_iterator *iterator, struct permission_entry *entry)
{
    entry->scope = PERMISSION_TOPIC;
    entry->stream_id = iterator->stream_id;
    entry->topic_id = read_u32(&iterator->reader);
    entry->bits = read_bits(&iterator->reader, TOPIC_PERMISSIONS_COUNT);
    bool has_next = read_u8(&iterator->reader) == 1;
    iterator->next = has_next ? NEXT_TOPIC : after_stream(&iterator->reader);
}

bool permissions_next(struct permission_iterator *iterator, struct permission_entry *entry)
{
    struct permission_entry found = {0};
    switch ((enum next)iterator->next) {
    case NEXT_GLOBAL: next_global(iterator, &found); break;
    case NEXT_STREAM: next_stream(iterator, &found); break;
    case NEXT_TOPIC: next_topic(iterator, &found); break;
    case NEXT_END: return false;
    }
    if (iterator->reader.failed) {
        iterator->next = NEXT_END;
        return false;
    }
    *entry = found;
    return true;
}

enum wire_error permissions_validate(struct span block)
{
    struct permission_iterator iterator = permissions_iterate(block);
    struct permission_entry entry;
    while (permissions_next(&iterator, &entry)) {
        /* every entry takes at least nine bytes, so this ends */
    }
    if (iterator.reader.failed) {
        return WIRE_INVALID_COMMAND;
    }
    return reader_is_done(&iterator.reader) ? WIRE_OK : WIRE_INVALID_FORMAT;
}

struct permission_writer permissions_begin(struct writer *writer, u16 global_bits)
{
    write_bits(writer, global_bits, GLOBAL_PERMISSIONS_COUNT);
    return (struct permission_writer){.writer = writer, .open = PERMISSION_GLOBAL};
}

/* The flags between the last entry and a stream that follows. */
static void open_stream(struct permission_writer *permissions)
{
    switch ((enum permission_scope)permissions->open) {
    case PERMISSION_GLOBAL:
        write_u8(permissions->writer, 1); /* has streams */
        return;
    case PERMISSION_TOPIC:
        write_u8(permissions->writer, 0); /* no further topic */
        write_u8(permissions->writer, 1); /* a further stream */
        return;
    case PERMISSION_STREAM:
        write_u8(permissions->writer, 0); /* no topics */
        write_u8(permissions->writer, 1); /* a further stream */
        return;
    }
    unreachable();
}

void permissions_add(struct permission_writer *permissions, const struct permission_entry *entry)
{
    if (entry->scope == PERMISSION_STREAM) {
        open_stream(permissions);
        write_u32(permissions->writer, entry->stream_id);
        write_bits(permissions->writer, entry->bits, STREAM_PERMISSIONS_COUNT);
    } else {
        check(entry->scope == PERMISSION_TOPIC);
        check(permissions->open != PERMISSION_GLOBAL);
        write_u8(permissions->writer, 1); /* the first topic of the stream, or a further one */
        write_u32(permissions->writer, entry->topic_id);
        write_bits(permissions->writer, entry->bits, TOPIC_PERMISSIONS_COUNT);
    }
    permissions->open = entry->scope;
}

void permissions_end(struct permission_writer *permissions)
{
    write_u8(permissions->writer, 0); /* no streams, no topics, or no further topic */
    if (permissions->open != PERMISSION_GLOBAL) {
        write_u8(permissions->writer, 0); /* no further stream */
    }
}
