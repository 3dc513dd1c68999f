#include "base/bug.h"
#include "base/check.h"
#include "state/state_tables.h"

u64 state_topic_bytes(const struct state_options *options)
{
    u64 record = sizeof(struct state_topic) + sizeof(struct topic_link);
    return options->topics_max * record + slot_pool_bytes(options->topics_max) +
           2 * slot_index_bytes(options->topics_max) + 64;
}

void state_topic_tables(struct state *state, struct arena *arena)
{
    u32 topics_max = state->options.topics_max;
    state->topics = arena_array(arena, struct state_topic, topics_max);
    state->topic_links = arena_array(arena, struct topic_link, topics_max);
    slot_pool_init(&state->topic_pool, arena, topics_max);
    slot_index_init(&state->topic_ids, arena, topics_max);
    slot_index_init(&state->topic_names, arena, topics_max);
}

void state_topic_copy(struct state *to, const struct state *from)
{
    u32 slots = slot_pool_copy(&to->topic_pool, &from->topic_pool);
    table_copy(to->topics, from->topics, slots);
    table_copy(to->topic_links, from->topic_links, slots);
    slot_index_copy(&to->topic_ids, &from->topic_ids, slots);
    slot_index_copy(&to->topic_names, &from->topic_names, slots);
    table_copy(to->group_lists, from->group_lists, slots);
}

static u64 id_hash(u32 stream_id, u32 id)
{
    return hash_u64_pair(stream_id, id);
}

static u64 name_hash(u32 stream_id, struct span name)
{
    return hash_u64_pair(stream_id, hash_bytes(name.data, name.size));
}

static const struct state_topic *topic_named(const struct state *state, u32 stream_id,
                                             struct span name)
{
    const struct slot_index *names = &state->topic_names;
    for (u32 slot = slot_index_first(names, name_hash(stream_id, name)); slot != SLOT_NONE;
         slot = slot_index_next(names, slot)) {
        const struct state_topic *topic = &state->topics[slot];
        if (topic->stream_id == stream_id && span_equal(topic_name(topic), name)) {
            return topic;
        }
    }
    return NULL;
}

const struct state_topic *state_topic_get(const struct state *state, u32 stream_id, u32 id)
{
    const struct slot_index *ids = &state->topic_ids;
    for (u32 slot = slot_index_first(ids, id_hash(stream_id, id)); slot != SLOT_NONE;
         slot = slot_index_next(ids, slot)) {
        const struct state_topic *topic = &state->topics[slot];
        if (topic->stream_id == stream_id && topic->id == id) {
            return topic;
        }
    }
    return NULL;
}

const struct state_topic *state_topic_find(const struct state *state, u32 stream_id,
                                           const struct identifier *identifier)
{
    return identifier->kind == IDENTIFIER_NAME ? topic_named(state, stream_id, identifier->name)
                                               : state_topic_get(state, stream_id, identifier->id);
}

const struct state_topic *state_topic_next(const struct state *state, u32 stream_id, u32 after)
{
    if (state_stream_get(state, stream_id) == NULL) {
        return NULL;
    }
    u32 slot = state->topic_lists[stream_id].first_slot;
    if (after != UINT32_MAX) {
        const struct state_topic *last = state_topic_get(state, stream_id, after);
        if (last != NULL) {
            slot = state->topic_links[topic_slot(state, last)].next_slot;
        }
        while (slot != SLOT_NONE && state->topics[slot].id <= after) {
            slot = state->topic_links[slot].next_slot;
        }
    }
    return slot == SLOT_NONE ? NULL : &state->topics[slot];
}

u32 state_topics_count(const struct state *state)
{
    return state->topic_pool.taken_count;
}

/* The last slot of the list whose id is below `id`; SLOT_NONE when there is none. The common case,
 * a number above all others, is found at once. */
static u32 slot_before(const struct state *state, u32 stream_id, u32 id)
{
    u32 slot = state->topic_lists[stream_id].last_slot;
    while (slot != SLOT_NONE && state->topics[slot].id >= id) {
        slot = state->topic_links[slot].previous_slot;
    }
    return slot;
}

u32 state_topic_lowest_free(const struct state *state, u32 stream_id)
{
    const struct topic_list *list = &state->topic_lists[stream_id];
    u32 count = state->streams[stream_id].topics_count;
    if (count == 0 || state->topics[list->last_slot].id == count - 1) {
        return count;
    }
    u32 free = 0;
    for (u32 slot = list->first_slot; slot != SLOT_NONE && state->topics[slot].id == free;
         slot = state->topic_links[slot].next_slot) {
        free++;
    }
    return free;
}

/* A limit on the space that a topic asks to have reserved: wire/topic_options.h. */
static bool preallocation_fits(const struct topic_options *options, u32 partitions_count)
{
    return !options->preallocate_segments ||
           options->segment_size_bytes * partitions_count <= TOPIC_PREALLOCATE_BYTES_MAX;
}

static enum wire_error check_create(const struct state *state, const struct state_command *command)
{
    const struct state_stream *stream = state_stream_get(state, command->stream_id);
    if (stream == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    if (command->partitions_count > PARTITIONS_PER_REQUEST_MAX) {
        return WIRE_TOO_MANY_PARTITIONS;
    }
    if (!preallocation_fits(&command->options, command->partitions_count)) {
        return WIRE_INVALID_OPTION_VALUE;
    }
    if (topic_named(state, command->stream_id, command->name) != NULL) {
        return WIRE_TOPIC_NAME_ALREADY_EXISTS;
    }
    if (stream->topics_count >= TOPICS_PER_STREAM_MAX ||
        slot_pool_free_count(&state->topic_pool) == 0) {
        return WIRE_TOO_MANY_TOPICS;
    }
    if (slot_pool_free_count(&state->partition_pool) < command->partitions_count) {
        return WIRE_PARTITION_ID_SPACE_EXHAUSTED;
    }
    bool is_lowest = command->topic_id == state_topic_lowest_free(state, command->stream_id);
    return is_lowest ? WIRE_OK : WIRE_INVALID_COMMAND;
}

enum wire_error state_topic_check(const struct state *state, const struct state_command *command)
{
    if (command->kind == STATE_CREATE_TOPIC) {
        return check_create(state, command);
    }
    if (state_stream_get(state, command->stream_id) == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    const struct state_topic *topic = state_topic_get(state, command->stream_id, command->topic_id);
    if (topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    if (command->kind == STATE_UPDATE_TOPIC) {
        const struct state_topic *named = topic_named(state, command->stream_id, command->name);
        return named == NULL || named == topic ? WIRE_OK : WIRE_TOPIC_NAME_ALREADY_EXISTS;
    }
    return WIRE_OK;
}

static void topic_set_name(struct state *state, struct state_topic *topic, struct span name)
{
    check(name.size >= 1);
    check(name.size <= NAME_BYTES_MAX);
    memcpy(topic->name, name.data, name.size);
    topic->name_size = (u8)name.size;
    slot_index_add(&state->topic_names, name_hash(topic->stream_id, name),
                   topic_slot(state, topic));
}

static void topic_forget_name(struct state *state, const struct state_topic *topic)
{
    slot_index_remove(&state->topic_names, name_hash(topic->stream_id, topic_name(topic)),
                      topic_slot(state, topic));
}

static void list_link(struct state *state, u32 stream_id, u32 slot)
{
    struct topic_list *list = &state->topic_lists[stream_id];
    u32 previous = slot_before(state, stream_id, state->topics[slot].id);
    u32 next = previous == SLOT_NONE ? list->first_slot : state->topic_links[previous].next_slot;
    state->topic_links[slot] = (struct topic_link){.next_slot = next, .previous_slot = previous};
    *(previous == SLOT_NONE ? &list->first_slot : &state->topic_links[previous].next_slot) = slot;
    *(next == SLOT_NONE ? &list->last_slot : &state->topic_links[next].previous_slot) = slot;
}

static void list_unlink(struct state *state, u32 stream_id, u32 slot)
{
    struct topic_list *list = &state->topic_lists[stream_id];
    u32 previous = state->topic_links[slot].previous_slot;
    u32 next = state->topic_links[slot].next_slot;
    *(previous == SLOT_NONE ? &list->first_slot : &state->topic_links[previous].next_slot) = next;
    *(next == SLOT_NONE ? &list->last_slot : &state->topic_links[next].previous_slot) = previous;
}

struct state_topic *state_topic_add(struct state *state, u32 stream_id, u32 id, struct span name,
                                    const struct origin *origin)
{
    check(state_stream_get(state, stream_id) != NULL);
    check(state_topic_get(state, stream_id, id) == NULL);

    u32 slot = slot_pool_take(&state->topic_pool);
    struct state_topic *topic = &state->topics[slot];
    *topic = (struct state_topic){
        .id = id,
        .stream_id = stream_id,
        .life = origin->life,
        .created_at_us = origin->created_at_us,
        .first_partition = STATE_PARTITION_NONE,
    };
    slot_index_add(&state->topic_ids, id_hash(stream_id, id), slot);
    topic_set_name(state, topic, name);
    state_groups_begin(state, slot);
    list_link(state, stream_id, slot);
    state->streams[stream_id].topics_count++;
    state->life_max = u64_max(state->life_max, origin->life);
    return topic;
}

void state_topic_create(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    check(command->topic_id == state_topic_lowest_free(state, command->stream_id));

    struct origin origin = change_origin(change);
    struct state_topic *topic =
        state_topic_add(state, command->stream_id, command->topic_id, command->name, &origin);
    topic->options = command->options;
    state_partitions_grow(state, topic, command->partitions_count, change);
}

static struct state_topic *topic_of(struct state *state, const struct change *change)
{
    const struct state_topic *topic =
        state_topic_get(state, change->command->stream_id, change->command->topic_id);
    check(topic != NULL);
    return &state->topics[topic_slot(state, topic)];
}

void state_topic_update(struct state *state, const struct change *change)
{
    struct state_topic *topic = topic_of(state, change);
    topic_forget_name(state, topic);
    topic_set_name(state, topic, change->command->name);
    if (!bug_is_on(BUG_KEEP_OPTIONS)) {
        topic->options = change->command->options;
    }
    if (topic->partitions_count > 0) {
        struct state_effect effect = {
            .kind = STATE_TOPIC_UPDATED,
            .partition = state->partitions[topic->first_partition],
        };
        effects_note(&change->effects, &effect);
    }
}

void state_topic_remove(struct state *state, struct state_topic *topic, const struct change *change)
{
    u32 slot = topic_slot(state, topic);
    state_groups_remove(state, topic);
    state_partitions_shrink(state, topic, topic->partitions_count, change);

    state_permissions_drop_topic(state, topic->stream_id, topic->id);
    list_unlink(state, topic->stream_id, slot);
    topic_forget_name(state, topic);
    slot_index_remove(&state->topic_ids, id_hash(topic->stream_id, topic->id), slot);
    struct state_stream *stream = &state->streams[topic->stream_id];
    check(stream->topics_count > 0);
    stream->topics_count--;
    topic->life = 0;
    slot_pool_return(&state->topic_pool, slot);
}

void state_topic_delete(struct state *state, const struct change *change)
{
    state_topic_remove(state, topic_of(state, change), change);
}

void state_topic_purge(struct state *state, const struct change *change)
{
    state_partitions_renew(state, topic_of(state, change), change);
}
