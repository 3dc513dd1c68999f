/* Groups as they are on disk: an id and a name within a topic. Ids count up and are not reused
 * while the topic lives, so what was stored under a group's id is never another group's. Who is in
 * a group is in state_member.c. */
#include "base/check.h"
#include "state/state_tables.h"

u64 state_group_bytes(const struct state_options *options)
{
    u32 groups_max = state_groups_max(options);
    u64 record =
        sizeof(struct state_group) + sizeof(struct group_link) + sizeof(struct group_members);
    return groups_max * record + slot_pool_bytes(groups_max) + 2 * slot_index_bytes(groups_max) +
           options->topics_max * sizeof(struct group_list) + 128;
}

void state_group_tables(struct state *state, struct arena *arena)
{
    u32 groups_max = state_groups_max(&state->options);
    state->groups = arena_array(arena, struct state_group, groups_max);
    state->group_links = arena_array(arena, struct group_link, groups_max);
    state->group_members = arena_array(arena, struct group_members, groups_max);
    state->group_lists = arena_array(arena, struct group_list, state->options.topics_max);
    slot_pool_init(&state->group_pool, arena, groups_max);
    slot_index_init(&state->group_ids, arena, groups_max);
    slot_index_init(&state->group_names, arena, groups_max);
}

void state_group_copy(struct state *to, const struct state *from)
{
    u32 slots = slot_pool_copy(&to->group_pool, &from->group_pool);
    table_copy(to->groups, from->groups, slots);
    table_copy(to->group_links, from->group_links, slots);
    table_copy(to->group_members, from->group_members, slots);
    slot_index_copy(&to->group_ids, &from->group_ids, slots);
    slot_index_copy(&to->group_names, &from->group_names, slots);
}

static u64 id_hash(u32 stream_id, u32 topic_id, u32 id)
{
    return hash_u64_pair((u64)stream_id << 32 | topic_id, id);
}

static u64 name_hash(u32 stream_id, u32 topic_id, struct span name)
{
    return hash_u64_pair((u64)stream_id << 32 | topic_id, hash_bytes(name.data, name.size));
}

static struct span group_name(const struct state_group *group)
{
    return (struct span){group->name, group->name_size};
}

static bool is_in(const struct state_group *group, u32 stream_id, u32 topic_id)
{
    return group->stream_id == stream_id && group->topic_id == topic_id;
}

const struct state_group *state_group_get(const struct state *state, u32 stream_id, u32 topic_id,
                                          u32 id)
{
    const struct slot_index *ids = &state->group_ids;
    for (u32 slot = slot_index_first(ids, id_hash(stream_id, topic_id, id)); slot != SLOT_NONE;
         slot = slot_index_next(ids, slot)) {
        const struct state_group *group = &state->groups[slot];
        if (is_in(group, stream_id, topic_id) && group->id == id) {
            return group;
        }
    }
    return NULL;
}

static const struct state_group *group_named(const struct state *state, u32 stream_id, u32 topic_id,
                                             struct span name)
{
    const struct slot_index *names = &state->group_names;
    for (u32 slot = slot_index_first(names, name_hash(stream_id, topic_id, name));
         slot != SLOT_NONE; slot = slot_index_next(names, slot)) {
        const struct state_group *group = &state->groups[slot];
        if (is_in(group, stream_id, topic_id) && span_equal(group_name(group), name)) {
            return group;
        }
    }
    return NULL;
}

const struct state_group *state_group_find(const struct state *state, u32 stream_id, u32 topic_id,
                                           const struct identifier *identifier)
{
    return identifier->kind == IDENTIFIER_NAME
               ? group_named(state, stream_id, topic_id, identifier->name)
               : state_group_get(state, stream_id, topic_id, identifier->id);
}

const struct state_group *state_group_next(const struct state *state, u32 stream_id, u32 topic_id,
                                           u32 after)
{
    const struct state_topic *topic = state_topic_get(state, stream_id, topic_id);
    if (topic == NULL) {
        return NULL;
    }
    u32 slot = state->group_lists[topic_slot(state, topic)].first_slot;
    if (after != UINT32_MAX) {
        const struct state_group *last = state_group_get(state, stream_id, topic_id, after);
        if (last != NULL) {
            slot = state->group_links[last->slot].next_slot;
        }
        while (slot != SLOT_NONE && state->groups[slot].id <= after) {
            slot = state->group_links[slot].next_slot;
        }
    }
    return slot == SLOT_NONE ? NULL : &state->groups[slot];
}

u32 state_groups_count(const struct state *state)
{
    return state->group_pool.taken_count;
}

/* ---- Refusals ---- */

enum wire_error state_group_check(const struct state *state, const struct state_command *command)
{
    if (state_stream_get(state, command->stream_id) == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    const struct state_topic *topic = state_topic_get(state, command->stream_id, command->topic_id);
    if (topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    if (command->kind == STATE_DELETE_GROUP) {
        const struct state_group *group =
            state_group_get(state, topic->stream_id, topic->id, command->group_id);
        return group == NULL ? WIRE_GROUP_ID_NOT_FOUND : WIRE_OK;
    }
    if (group_named(state, topic->stream_id, topic->id, command->name) != NULL) {
        return WIRE_GROUP_NAME_ALREADY_EXISTS;
    }
    /* The protocol has no number for too many groups; that for too many consumers says it. */
    if (slot_pool_free_count(&state->group_pool) == 0 || topic->group_next_id == UINT32_MAX) {
        return WIRE_TOO_MANY_CONSUMER_OFFSETS;
    }
    return command->group_id == topic->group_next_id ? WIRE_OK : WIRE_INVALID_COMMAND;
}

/* ---- Changes ---- */

void state_groups_begin(struct state *state, u32 topic_slot)
{
    state->group_lists[topic_slot] =
        (struct group_list){.first_slot = SLOT_NONE, .last_slot = SLOT_NONE};
}

bool state_group_is_last(const struct state *state, const struct state_topic *topic, u32 id)
{
    u32 last_slot = state->group_lists[topic_slot(state, topic)].last_slot;
    return last_slot == SLOT_NONE || state->groups[last_slot].id < id;
}

void state_group_add(struct state *state, struct state_topic *topic, u32 id, struct span name)
{
    check(state_group_is_last(state, topic, id));
    check(name.size >= 1);
    check(name.size <= NAME_BYTES_MAX);
    u32 slot = slot_pool_take(&state->group_pool);
    struct state_group *group = &state->groups[slot];
    *group = (struct state_group){
        .slot = slot,
        .id = id,
        .stream_id = topic->stream_id,
        .topic_id = topic->id,
        .name_size = (u8)name.size,
    };
    memcpy(group->name, name.data, name.size);
    slot_index_add(&state->group_ids, id_hash(topic->stream_id, topic->id, id), slot);
    slot_index_add(&state->group_names, name_hash(topic->stream_id, topic->id, name), slot);
    state_members_begin(state, slot);

    /* Ids rise, so the newest is the last. */
    struct group_list *list = &state->group_lists[topic_slot(state, topic)];
    state->group_links[slot] =
        (struct group_link){.next_slot = SLOT_NONE, .previous_slot = list->last_slot};
    *(list->last_slot == SLOT_NONE ? &list->first_slot
                                   : &state->group_links[list->last_slot].next_slot) = slot;
    list->last_slot = slot;
    topic->group_next_id = u32_max(topic->group_next_id, id + 1);
    topic->groups_count++;
}

static void group_remove(struct state *state, struct state_topic *topic, u32 slot)
{
    struct state_group *group = &state->groups[slot];
    state_members_forget(state, slot);
    slot_index_remove(&state->group_ids, id_hash(group->stream_id, group->topic_id, group->id),
                      slot);
    slot_index_remove(&state->group_names,
                      name_hash(group->stream_id, group->topic_id, group_name(group)), slot);
    struct group_list *list = &state->group_lists[topic_slot(state, topic)];
    u32 previous = state->group_links[slot].previous_slot;
    u32 next = state->group_links[slot].next_slot;
    *(previous == SLOT_NONE ? &list->first_slot : &state->group_links[previous].next_slot) = next;
    *(next == SLOT_NONE ? &list->last_slot : &state->group_links[next].previous_slot) = previous;
    group->name_size = 0;
    slot_pool_return(&state->group_pool, slot);
    check(topic->groups_count > 0);
    topic->groups_count--;
}

static struct state_topic *topic_of(struct state *state, const struct change *change)
{
    const struct state_topic *topic =
        state_topic_get(state, change->command->stream_id, change->command->topic_id);
    check(topic != NULL);
    return &state->topics[topic_slot(state, topic)];
}

void state_group_create(struct state *state, const struct change *change)
{
    state_group_add(state, topic_of(state, change), change->command->group_id,
                    change->command->name);
}

void state_group_delete(struct state *state, const struct change *change)
{
    struct state_topic *topic = topic_of(state, change);
    u32 id = change->command->group_id;
    const struct state_group *group = state_group_get(state, topic->stream_id, topic->id, id);
    check(group != NULL);
    group_remove(state, topic, group->slot);
    struct state_effect effect = {
        .kind = STATE_GROUP_DELETED,
        .group = {.stream_id = topic->stream_id, .topic_id = topic->id, .group_id = id},
    };
    effects_note(&change->effects, &effect);
}

void state_groups_remove(struct state *state, struct state_topic *topic)
{
    const struct group_list *list = &state->group_lists[topic_slot(state, topic)];
    while (list->first_slot != SLOT_NONE) {
        group_remove(state, topic, list->first_slot);
    }
    check(topic->groups_count == 0);
}
