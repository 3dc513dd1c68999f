#include "base/check.h"
#include "state/state_tables.h"

u64 state_stream_bytes(const struct state_options *options)
{
    u64 record = sizeof(struct state_stream) + sizeof(struct topic_list);
    return options->streams_max * record + slot_index_bytes(options->streams_max) + 64;
}

void state_stream_tables(struct state *state, struct arena *arena)
{
    u32 streams_max = state->options.streams_max;
    check(streams_max >= 1);
    check(streams_max <= STREAMS_LIMIT);
    state->streams = arena_array(arena, struct state_stream, streams_max);
    state->topic_lists = arena_array(arena, struct topic_list, streams_max);
    slot_index_init(&state->stream_names, arena, streams_max);
}

void state_stream_copy(struct state *to, const struct state *from)
{
    u32 end = u32_max(to->streams_end, from->streams_end);
    table_copy(to->streams, from->streams, end);
    table_copy(to->topic_lists, from->topic_lists, end);
    slot_index_copy(&to->stream_names, &from->stream_names, end);
    to->streams_count = from->streams_count;
    to->streams_end = from->streams_end;
    to->stream_lowest_free = from->stream_lowest_free;
}

static struct span stream_name(const struct state_stream *stream)
{
    return (struct span){stream->name, stream->name_size};
}

static u64 stream_hash(struct span name)
{
    return hash_bytes(name.data, name.size);
}

static const struct state_stream *stream_named(const struct state *state, struct span name)
{
    const struct slot_index *names = &state->stream_names;
    for (u32 id = slot_index_first(names, stream_hash(name)); id != SLOT_NONE;
         id = slot_index_next(names, id)) {
        if (span_equal(stream_name(&state->streams[id]), name)) {
            return &state->streams[id];
        }
    }
    return NULL;
}

const struct state_stream *state_stream_get(const struct state *state, u32 id)
{
    bool exists = id < state->streams_end && state->streams[id].life != 0;
    return exists ? &state->streams[id] : NULL;
}

const struct state_stream *state_stream_find(const struct state *state,
                                             const struct identifier *identifier)
{
    return identifier->kind == IDENTIFIER_NAME ? stream_named(state, identifier->name)
                                               : state_stream_get(state, identifier->id);
}

const struct state_stream *state_stream_next(const struct state *state, u32 after)
{
    for (u32 id = after + 1; id < state->streams_end; id++) {
        if (state->streams[id].life != 0) {
            return &state->streams[id];
        }
    }
    return NULL;
}

u32 state_stream_lowest_free(const struct state *state)
{
    return state->stream_lowest_free;
}

u32 state_streams_count(const struct state *state)
{
    return state->streams_count;
}

static enum wire_error check_create(const struct state *state, const struct state_command *command)
{
    if (stream_named(state, command->name) != NULL) {
        return WIRE_STREAM_NAME_ALREADY_EXISTS;
    }
    if (state->streams_count == state->options.streams_max) {
        return WIRE_TOO_MANY_STREAMS;
    }
    bool is_lowest = command->stream_id == state->stream_lowest_free;
    return is_lowest ? WIRE_OK : WIRE_INVALID_COMMAND;
}

enum wire_error state_stream_check(const struct state *state, const struct state_command *command)
{
    if (command->kind == STATE_CREATE_STREAM) {
        return check_create(state, command);
    }
    const struct state_stream *stream = state_stream_get(state, command->stream_id);
    if (stream == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    if (command->kind == STATE_UPDATE_STREAM) {
        const struct state_stream *named = stream_named(state, command->name);
        return named == NULL || named == stream ? WIRE_OK : WIRE_STREAM_NAME_ALREADY_EXISTS;
    }
    return WIRE_OK;
}

static void stream_set_name(struct state *state, struct state_stream *stream, struct span name)
{
    check(name.size >= 1);
    check(name.size <= NAME_BYTES_MAX);
    memcpy(stream->name, name.data, name.size);
    stream->name_size = (u8)name.size;
    slot_index_add(&state->stream_names, stream_hash(name), stream->id);
}

/* After a life was set or cleared: the lowest free number, and where the used ones end. */
static void note_used(struct state *state, u32 id)
{
    if (id == state->stream_lowest_free) {
        u32 free = id + 1;
        while (free < state->streams_end && state->streams[free].life != 0) {
            free++;
        }
        state->stream_lowest_free = free;
    }
}

static void note_free(struct state *state, u32 id)
{
    state->stream_lowest_free = u32_min(state->stream_lowest_free, id);
    while (state->streams_end > 0 && state->streams[state->streams_end - 1].life == 0) {
        state->streams_end--;
    }
}

struct state_stream *state_stream_add(struct state *state, u32 id, struct span name,
                                      const struct origin *origin)
{
    check(id < state->options.streams_max);
    check(origin->life > 0);
    struct state_stream *stream = &state->streams[id];
    check(stream->life == 0);

    *stream = (struct state_stream){
        .id = id,
        .life = origin->life,
        .created_at_us = origin->created_at_us,
    };
    state->topic_lists[id] = (struct topic_list){.first_slot = SLOT_NONE, .last_slot = SLOT_NONE};
    stream_set_name(state, stream, name);
    state->streams_count++;
    state->streams_end = u32_max(state->streams_end, id + 1);
    note_used(state, id);
    state->life_max = u64_max(state->life_max, origin->life);
    return stream;
}

void state_stream_create(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    check(command->stream_id == state->stream_lowest_free);
    struct origin origin = change_origin(change);
    state_stream_add(state, command->stream_id, command->name, &origin);
}

void state_stream_update(struct state *state, const struct change *change)
{
    struct state_stream *stream = &state->streams[change->command->stream_id];
    slot_index_remove(&state->stream_names, stream_hash(stream_name(stream)), stream->id);
    stream_set_name(state, stream, change->command->name);
}

void state_stream_delete(struct state *state, const struct change *change)
{
    u32 id = change->command->stream_id;
    struct state_stream *stream = &state->streams[id];
    struct topic_list *topics = &state->topic_lists[id];
    while (topics->first_slot != SLOT_NONE) {
        state_topic_remove(state, &state->topics[topics->first_slot], change);
    }
    check(stream->topics_count == 0);

    state_permissions_drop_stream(state, id);
    slot_index_remove(&state->stream_names, stream_hash(stream_name(stream)), id);
    stream->life = 0;
    state->streams_count--;
    note_free(state, id);
}

void state_stream_purge(struct state *state, const struct change *change)
{
    const struct topic_list *topics = &state->topic_lists[change->command->stream_id];
    for (u32 slot = topics->first_slot; slot != SLOT_NONE;
         slot = state->topic_links[slot].next_slot) {
        state_partitions_renew(state, &state->topics[slot], change);
    }
}
