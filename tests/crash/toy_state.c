#include "toy_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "crash_client.h"
#include "recipe.h"

/* Where a request points. */
struct place {
    struct toy_stream *stream;
    struct toy_topic *topic;
    struct toy_partition *partition;
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
};

/* A text identifier, or a bare name when `bare`. */
static void name_read(struct reader *reader, bool bare, char name[TOY_NAME_SIZE])
{
    if (!bare) {
        (void)read_u8(reader);
    }
    u32 size = read_u8(reader);
    const u8 *bytes = read_bytes(reader, size);
    memset(name, 0, TOY_NAME_SIZE);
    if (bytes != NULL) {
        memcpy(name, bytes, u32_min(size, TOY_NAME_SIZE - 1));
    }
}

static bool place_stream(struct toy_state *state, struct reader *reader, struct place *place)
{
    char name[TOY_NAME_SIZE];
    name_read(reader, false, name);
    for (u32 i = 0; i < TOY_STREAMS_MAX; i++) {
        if (state->streams[i].is_there && strcmp(state->streams[i].name, name) == 0) {
            place->stream = &state->streams[i];
            place->stream_id = i;
            return true;
        }
    }
    return false;
}

static bool place_topic(struct toy_state *state, struct reader *reader, struct place *place)
{
    bool found = place_stream(state, reader, place);
    char name[TOY_NAME_SIZE];
    name_read(reader, false, name);
    for (u32 i = 0; found && i < TOY_TOPICS_MAX; i++) {
        struct toy_topic *topic = &place->stream->topics[i];
        if (topic->is_there && strcmp(topic->name, name) == 0) {
            place->topic = topic;
            place->topic_id = i;
            return true;
        }
    }
    return false;
}

static bool place_partition(struct toy_state *state, struct reader *reader, struct place *place)
{
    bool found = place_topic(state, reader, place);
    (void)read_u8(reader);
    place->partition_id = read_u32(reader);
    if (!found || place->partition_id >= place->topic->partitions_count) {
        return false;
    }
    place->partition = &place->topic->partitions[place->partition_id];
    return true;
}

static struct toy_answer refuse(u32 status)
{
    return (struct toy_answer){.status = status};
}

static const struct toy_answer accepted = {.changed = true};

/* Forgets what a partition holds. The bytes of its batches are left to the end of the process. */
static void partition_clear(struct toy_partition *partition)
{
    *partition = (struct toy_partition){0};
}

static void topic_clear(struct toy_topic *topic)
{
    for (u32 i = 0; i < TOY_PARTITIONS_MAX; i++) {
        partition_clear(&topic->partitions[i]);
    }
}

static struct toy_answer stream_create(struct toy_state *state, struct span body,
                                       struct writer *out)
{
    struct reader reader = reader_over(body.data, body.size);
    char name[TOY_NAME_SIZE];
    name_read(&reader, true, name);
    for (u32 i = 0; i < TOY_STREAMS_MAX; i++) {
        struct toy_stream *stream = &state->streams[i];
        if (stream->is_there && strcmp(stream->name, name) == 0) {
            return refuse(STATUS_STREAM_EXISTS);
        }
    }
    for (u32 i = 0; i < TOY_STREAMS_MAX; i++) {
        struct toy_stream *stream = &state->streams[i];
        if (!stream->is_there) {
            memset(stream, 0, sizeof(*stream));
            stream->is_there = true;
            memcpy(stream->name, name, TOY_NAME_SIZE);
            write_u32(out, i);
            return accepted;
        }
    }
    return refuse(3);
}

static struct toy_answer topic_create(struct toy_state *state, struct span body, struct writer *out)
{
    struct reader reader = reader_over(body.data, body.size);
    struct place place = {0};
    if (!place_stream(state, &reader, &place)) {
        return refuse(STATUS_STREAM_NOT_FOUND);
    }
    u32 partitions_count = read_u32(&reader);
    char name[TOY_NAME_SIZE];
    name_read(&reader, true, name);
    u32 free_id = TOY_TOPICS_MAX;
    for (u32 i = TOY_TOPICS_MAX; i > 0; i--) {
        struct toy_topic *topic = &place.stream->topics[i - 1];
        if (topic->is_there && strcmp(topic->name, name) == 0) {
            return refuse(STATUS_TOPIC_EXISTS);
        }
        free_id = topic->is_there ? free_id : i - 1;
    }
    if (free_id == TOY_TOPICS_MAX || partitions_count > TOY_PARTITIONS_MAX) {
        return refuse(3);
    }
    struct toy_topic *topic = &place.stream->topics[free_id];
    topic_clear(topic);
    topic->is_there = true;
    topic->partitions_count = partitions_count;
    memcpy(topic->name, name, TOY_NAME_SIZE);
    write_u32(out, free_id);
    return accepted;
}

static struct toy_answer stream_end(struct toy_state *state, struct span body, bool purge)
{
    struct reader reader = reader_over(body.data, body.size);
    struct place place = {0};
    if (!place_stream(state, &reader, &place)) {
        return refuse(STATUS_STREAM_NOT_FOUND);
    }
    for (u32 i = 0; i < TOY_TOPICS_MAX; i++) {
        topic_clear(&place.stream->topics[i]);
    }
    place.stream->is_there = purge;
    return accepted;
}

static struct toy_answer topic_end(struct toy_state *state, struct span body, bool purge)
{
    struct reader reader = reader_over(body.data, body.size);
    struct place place = {0};
    if (!place_topic(state, &reader, &place)) {
        return refuse(STATUS_TOPIC_NOT_FOUND);
    }
    topic_clear(place.topic);
    place.topic->is_there = purge;
    return accepted;
}

/* Keeps a copy of the batch with partition, offset and time filled in. */
static bool batch_keep(struct toy_state *state, struct place *place, struct span batch)
{
    struct toy_partition *partition = place->partition;
    if (partition->count == partition->capacity) {
        u32 capacity = partition->capacity == 0 ? 64 : partition->capacity * 2;
        void *grown = realloc(partition->batches, capacity * sizeof(*partition->batches));
        if (grown == NULL) {
            return false;
        }
        partition->batches = grown;
        partition->capacity = capacity;
    }
    u8 *bytes = malloc(batch.size);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes, batch.data, batch.size);
    put_u64(bytes, place->partition_id);
    put_u64(bytes + 8, partition->end);
    put_u64(bytes + 16, state->time_us);
    put_u64(bytes + 40, recipe_batch_checksum(bytes, bytes + BATCH_HEADER_SIZE,
                                              batch.size - BATCH_HEADER_SIZE));
    u32 count = get_u32(bytes + 48);
    partition->batches[partition->count++] = (struct toy_batch){
        .offset = partition->end, .count = count, .size = batch.size, .bytes = bytes};
    partition->end += count;
    return true;
}

static struct toy_answer messages_send(struct toy_state *state, struct span body,
                                       struct writer *out)
{
    struct reader reader = reader_over(body.data, body.size);
    (void)read_u32(&reader);
    struct place place = {0};
    bool found = place_topic(state, &reader, &place);
    (void)read_u16(&reader);
    place.partition_id = read_u32(&reader);
    (void)read_u32(&reader);
    struct span batch = read_span(&reader, reader_left(&reader));
    if (!found || place.partition_id >= place.topic->partitions_count) {
        return refuse(STATUS_NOT_FOUND);
    }
    if (reader.failed || batch.size < BATCH_HEADER_SIZE || get_u64(batch.data + 32) != batch.size) {
        return refuse(3);
    }
    place.partition = &place.topic->partitions[place.partition_id];
    write_u32(out, 1);
    write_u32(out, place.stream_id);
    write_u32(out, place.topic_id);
    write_u32(out, place.partition_id);
    write_u64(out, place.partition->end);
    return batch_keep(state, &place, batch) ? accepted : refuse(STATUS_CANNOT_APPEND);
}

/* Who reads, and where; the rest of the request follows. */
static bool consumer_place(struct toy_state *state, struct reader *reader, struct place *place,
                           u64 **stored)
{
    (void)read_bytes(reader, 3);
    u32 consumer = read_u32(reader);
    bool found = place_partition(state, reader, place);
    if (!found || consumer >= TOY_CONSUMERS_MAX) {
        return false;
    }
    *stored = &place->partition->stored[consumer];
    return true;
}

/* A part of a batch, as a poll that begins or ends inside it serves it. */
static void slice_write(struct writer *out, const struct toy_batch *batch, u32 first, u32 count)
{
    u32 start = BATCH_HEADER_SIZE;
    u32 end = BATCH_HEADER_SIZE;
    for (u32 i = 0; i < first + count; i++) {
        start = i == first ? end : start;
        end += FRAME_HEADER_SIZE + get_u32(batch->bytes + end + 36);
    }
    u8 header[BATCH_HEADER_SIZE];
    memcpy(header, batch->bytes, BATCH_HEADER_SIZE);
    put_u64(header + 32, BATCH_HEADER_SIZE + end - start);
    put_u32(header + 48, count);
    put_u64(header + 40, recipe_batch_checksum(header, batch->bytes + start, end - start));
    write_bytes(out, header, BATCH_HEADER_SIZE);
    write_bytes(out, batch->bytes + start, end - start);
}

#define POLL_SIZE_MAX (4u << 20)

static u32 batches_write(struct writer *out, const struct toy_partition *partition, u64 offset,
                         u32 count_max)
{
    u32 taken = 0;
    for (u32 i = 0; i < partition->count && taken < count_max; i++) {
        const struct toy_batch *batch = &partition->batches[i];
        if (batch->offset + batch->count <= offset) {
            continue;
        }
        if (taken > 0 && out->position + batch->size > POLL_SIZE_MAX) {
            break;
        }
        u32 first = batch->offset < offset ? (u32)(offset - batch->offset) : 0;
        u32 count = u32_min(batch->count - first, count_max - taken);
        slice_write(out, batch, first, count);
        taken += count;
    }
    return taken;
}

static struct toy_answer messages_poll(struct toy_state *state, struct span body,
                                       struct writer *out)
{
    struct reader reader = reader_over(body.data, body.size);
    struct place place = {0};
    u64 *stored = NULL;
    if (!consumer_place(state, &reader, &place, &stored)) {
        return refuse(STATUS_TOPIC_NOT_FOUND);
    }
    bool next = read_u8(&reader) == 5;
    u64 offset = read_u64(&reader);
    u32 count_max = read_u32(&reader);
    bool commits = read_u8(&reader) == 1;
    offset = next ? *stored : offset;
    struct toy_partition *partition = place.partition;
    write_u32(out, place.partition_id);
    write_u64(out, partition->end == 0 ? 0 : partition->end - 1);
    u32 count_at = out->position;
    write_u32(out, 0);
    u32 taken = batches_write(out, partition, offset, count_max);
    put_u32(out->data + count_at, taken);
    return (struct toy_answer){
        .commits = commits && taken > 0,
        .commit_offset = offset + taken - 1,
    };
}

static struct toy_answer offset_read(struct toy_state *state, struct span body, struct writer *out)
{
    struct reader reader = reader_over(body.data, body.size);
    struct place place = {0};
    u64 *stored = NULL;
    if (consumer_place(state, &reader, &place, &stored) && *stored > 0) {
        write_u32(out, place.partition_id);
        write_u64(out, place.partition->end == 0 ? 0 : place.partition->end - 1);
        write_u64(out, *stored - 1);
    }
    return (struct toy_answer){0};
}

static struct toy_answer offset_store(struct toy_state *state, struct span body, bool deletes)
{
    struct reader reader = reader_over(body.data, body.size);
    struct place place = {0};
    u64 *stored = NULL;
    if (!consumer_place(state, &reader, &place, &stored)) {
        return refuse(STATUS_NOT_FOUND);
    }
    u64 offset = deletes ? 0 : read_u64(&reader);
    if (!deletes && offset >= place.partition->end) {
        return refuse(STATUS_INVALID_OFFSET);
    }
    if (deletes && *stored == 0) {
        return refuse(STATUS_OFFSET_NOT_FOUND);
    }
    *stored = deletes ? 0 : offset + 1;
    return accepted;
}

static struct toy_answer read_apply(struct toy_state *state, u32 code, struct span body,
                                    struct writer *out)
{
    struct reader reader = reader_over(body.data, body.size);
    struct place place = {0};
    if (code == READ_POLL) {
        return messages_poll(state, body, out);
    }
    if (code == READ_OFFSET) {
        return offset_read(state, body, out);
    }
    if (code == READ_STREAM && place_stream(state, &reader, &place)) {
        write_u32(out, place.stream_id);
    }
    if (code == READ_TOPIC && place_topic(state, &reader, &place)) {
        write_u32(out, place.topic_id);
        write_u64(out, 0);
        write_u32(out, place.topic->partitions_count);
    }
    return (struct toy_answer){0};
}

struct toy_answer toy_apply(struct toy_state *state, u8 operation, u32 code, struct span body,
                            struct writer *out)
{
    switch (operation) {
    case OPERATION_READ: return read_apply(state, code, body, out);
    case OPERATION_CREATE_STREAM: return stream_create(state, body, out);
    case OPERATION_CREATE_TOPIC: return topic_create(state, body, out);
    case OPERATION_DELETE_STREAM:
    case OPERATION_PURGE_STREAM:
        return stream_end(state, body, operation == OPERATION_PURGE_STREAM);
    case OPERATION_DELETE_TOPIC:
    case OPERATION_PURGE_TOPIC: return topic_end(state, body, operation == OPERATION_PURGE_TOPIC);
    case OPERATION_SEND_MESSAGES: return messages_send(state, body, out);
    case OPERATION_STORE_OFFSET:
    case OPERATION_DELETE_OFFSET:
        return offset_store(state, body, operation == OPERATION_DELETE_OFFSET);
    default: return refuse(3);
    }
}
