#include "reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_SIZE_MAX (64u << 20)

/* A batch record as it lies in a reply. */
struct record {
    const u8 *header;
    const u8 *frames;
    u32 frames_size;
    u64 base_offset;
    u32 message_count;
    u32 index; /* of its first message in the batch */
};

void reading_init(struct reading *reading, u32 topic, u32 partition, u64 offset)
{
    *reading = (struct reading){
        .topic = topic,
        .partition = partition,
        .offset_next = offset,
        .is_anywhere = offset > 0,
    };
}

void reading_deinit(struct reading *reading)
{
    free(reading->found);
    free(reading->expected);
    *reading = (struct reading){0};
}

printf_like(2, 3) static bool complain(struct reading *reading, const char *format, ...)
{
    char text[192];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)snprintf(reading->complaint, sizeof(reading->complaint), "at offset %llu: %s",
                   (unsigned long long)reading->offset_next, text);
    return false;
}

static bool all_zero(const u8 *bytes, u32 size)
{
    for (u32 i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Finds the next record in the reply and checks what its header says about itself. */
static bool record_open(struct reading *reading, struct reader *reader, struct record *record)
{
    const u8 *header = read_bytes(reader, BATCH_HEADER_SIZE);
    if (header == NULL) {
        return complain(reading, "the reply ends inside a batch header");
    }
    u64 length = get_u64(header + 32);
    if (length < BATCH_HEADER_SIZE || length > BATCH_SIZE_MAX) {
        return complain(reading, "batch length %llu", (unsigned long long)length);
    }
    *record = (struct record){
        .header = header,
        .frames_size = (u32)length - BATCH_HEADER_SIZE,
        .base_offset = get_u64(header + 8),
        .message_count = get_u32(header + 48),
    };
    record->frames = read_bytes(reader, record->frames_size);
    if (record->frames == NULL) {
        return complain(reading, "the reply ends inside a batch");
    }
    if (record->message_count == 0 ||
        !recipe_frames_tile(record->frames, record->frames_size, record->message_count)) {
        return complain(reading, "the frames do not tile the batch");
    }
    record->index = get_u32(record->frames + 24);
    if (get_u64(header + 40) !=
        recipe_batch_checksum(header, record->frames, record->frames_size)) {
        return complain(reading, "the batch checksum does not hold");
    }
    return all_zero(header + 52, BATCH_HEADER_SIZE - 52)
               ? true
               : complain(reading, "reserved bytes of the batch header are not zero");
}

static bool record_is_in_place(struct reading *reading, const struct record *record)
{
    u64 partition = get_u64(record->header);
    if (partition != reading->partition) {
        return complain(reading, "a batch of partition %llu", (unsigned long long)partition);
    }
    u64 offset = record->base_offset + record->index;
    if (offset != reading->offset_next) {
        return complain(reading, "the server continues with offset %llu",
                        (unsigned long long)offset);
    }
    u64 append_time_us = get_u64(record->header + 16);
    if (append_time_us < reading->append_time_us) {
        return complain(reading, "append time falls");
    }
    reading->append_time_us = append_time_us;
    return true;
}

static bool names_equal(const struct batch_name *a, const struct batch_name *b)
{
    return a->producer == b->producer && a->sequence == b->sequence && a->era == b->era &&
           a->message_count == b->message_count && a->payload_size == b->payload_size;
}

static bool expected_cook(struct reading *reading, const struct batch_name *name)
{
    if ((u64)name->message_count * (name->payload_size + FRAME_HEADER_SIZE) > BATCH_SIZE_MAX) {
        return complain(reading, "a message names a batch of impossible size");
    }
    u32 size = recipe_size(name);
    if (size > reading->expected_size) {
        u8 *grown = realloc(reading->expected, size);
        if (grown == NULL) {
            return complain(reading, "out of memory");
        }
        reading->expected = grown;
        reading->expected_size = size;
    }
    recipe_cook(name, reading->expected);
    return true;
}

/* Who sent this record? It must begin a batch, or go on with the one that was begun. */
static bool record_identify(struct reading *reading, const struct record *record)
{
    struct batch_name name;
    u32 index;
    struct span payload = {record->frames + FRAME_HEADER_SIZE, get_u32(record->frames + 36)};
    if (!recipe_name(payload, &name, &index) || index != record->index) {
        return complain(reading, "these bytes are no message of ours");
    }
    if (name.topic != reading->topic || name.partition != reading->partition) {
        return complain(reading, "a message of topic %u partition %u", name.topic, name.partition);
    }
    if (reading->is_inside &&
        (index != reading->index_next || !names_equal(&name, &reading->name))) {
        return complain(reading, "batch %llu of producer %u is not whole",
                        (unsigned long long)reading->name.sequence, reading->name.producer);
    }
    if (!reading->is_inside && index != 0 && !reading->is_anywhere) {
        return complain(reading, "batch %llu of producer %u lacks its beginning",
                        (unsigned long long)name.sequence, name.producer);
    }
    reading->is_anywhere = false;
    reading->name = name;
    return expected_cook(reading, &name);
}

/* Compares the frames, and what a server leaves as it is in the header, with the recipe. */
static bool record_compare(struct reading *reading, const struct record *record)
{
    u32 position = BATCH_HEADER_SIZE;
    for (u32 i = 0; i < record->index; i++) {
        const u8 *frame = reading->expected + position;
        position += FRAME_HEADER_SIZE + get_u32(frame + 36);
    }
    u64 size = get_u64(reading->expected + 32);
    if (position + (u64)record->frames_size > size ||
        record->index + (u64)record->message_count > reading->name.message_count) {
        return complain(reading, "a batch longer than it was sent");
    }
    if (memcmp(record->frames, reading->expected + position, record->frames_size) != 0) {
        return complain(reading, "batch %llu of producer %u has other bytes than were sent",
                        (unsigned long long)reading->name.sequence, reading->name.producer);
    }
    return get_u64(record->header + 24) == get_u64(reading->expected + 24)
               ? true
               : complain(reading, "another origin time than was sent");
}

static bool found_add(struct reading *reading, u64 base_offset)
{
    if (reading->found_count == reading->found_capacity) {
        u64 capacity = reading->found_capacity == 0 ? 256 : reading->found_capacity * 2;
        void *grown = realloc(reading->found, capacity * sizeof(*reading->found));
        if (grown == NULL) {
            return complain(reading, "out of memory");
        }
        reading->found = grown;
        reading->found_capacity = capacity;
    }
    reading->found[reading->found_count++] = (struct found_batch){
        .producer = reading->name.producer,
        .count = reading->name.message_count,
        .sequence = reading->name.sequence,
        .offset = base_offset,
        .era = reading->name.era,
    };
    return true;
}

static bool record_take(struct reading *reading, struct reader *reader)
{
    struct record record = {0};
    if (!record_open(reading, reader, &record) || !record_is_in_place(reading, &record) ||
        !record_identify(reading, &record) || !record_compare(reading, &record)) {
        return false;
    }
    reading->offset_next += record.message_count;
    reading->taken_count += record.message_count;
    reading->index_next = record.index + record.message_count;
    reading->is_inside = reading->index_next < reading->name.message_count;
    return reading->is_inside ? true : found_add(reading, record.base_offset);
}

bool reading_take(struct reading *reading, struct span body)
{
    struct reader reader = reader_over(body.data, body.size);
    u32 partition = read_u32(&reader);
    reading->current_offset = read_u64(&reader);
    u32 count = read_u32(&reader);
    reading->taken_count = 0;
    if (reader.failed || partition != reading->partition) {
        return complain(reading, "a malformed poll reply");
    }
    while (reader_left(&reader) > 0) {
        if (!record_take(reading, &reader)) {
            return false;
        }
    }
    if (reading->taken_count != count) {
        return complain(reading, "%u messages announced, %u sent", count, reading->taken_count);
    }
    if (count > 0 && reading->current_offset + 1 < reading->offset_next) {
        return complain(reading, "current offset %llu is older than what is served",
                        (unsigned long long)reading->current_offset);
    }
    return true;
}
