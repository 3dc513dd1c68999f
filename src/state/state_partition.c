#include "base/check.h"
#include "state/place.h"
#include "state/state_tables.h"

u64 state_partition_bytes(const struct state_options *options)
{
    u32 partitions_max = options->partitions_max;
    return partitions_max * (u64)sizeof(struct state_partition) + slot_pool_bytes(partitions_max) +
           slot_index_bytes(partitions_max) + 64;
}

void state_partition_tables(struct state *state, struct arena *arena)
{
    u32 partitions_max = state->options.partitions_max;
    state->partitions = arena_array(arena, struct state_partition, partitions_max);
    slot_pool_init(&state->partition_pool, arena, partitions_max);
    slot_index_init(&state->partition_ids, arena, partitions_max);
}

void state_partition_copy(struct state *to, const struct state *from)
{
    u32 slots = slot_pool_copy(&to->partition_pool, &from->partition_pool);
    table_copy(to->partitions, from->partitions, slots);
    slot_index_copy(&to->partition_ids, &from->partition_ids, slots);
}

static u64 place_hash(u32 stream_id, u32 topic_id, u32 id)
{
    return hash_u64_pair((u64)stream_id << 32 | topic_id, id);
}

const struct state_partition *state_partition_find(const struct state *state, u32 stream_id,
                                                   u32 topic_id, u32 id)
{
    const struct slot_index *ids = &state->partition_ids;
    for (u32 slot = slot_index_first(ids, place_hash(stream_id, topic_id, id)); slot != SLOT_NONE;
         slot = slot_index_next(ids, slot)) {
        const struct state_partition *partition = &state->partitions[slot];
        if (partition->stream_id == stream_id && partition->topic_id == topic_id &&
            partition->id == id) {
            return partition;
        }
    }
    return NULL;
}

const struct state_partition *state_partition_at(const struct state *state, u32 slot)
{
    check(slot < state->options.partitions_max);
    const struct state_partition *partition = &state->partitions[slot];
    return partition->life == 0 ? NULL : partition;
}

u32 state_partitions_count(const struct state *state)
{
    return state->partition_pool.taken_count;
}

u32 state_partitions_max(const struct state *state)
{
    return state->options.partitions_max;
}

bool state_life_is_over(const struct state *state, u64 life, u32 stream_id, u32 topic_id, u32 id)
{
    if (life == 0 || life > state->life_max) {
        return false;
    }
    const struct state_partition *present = state_partition_find(state, stream_id, topic_id, id);
    return present == NULL || present->life != life;
}

static enum wire_error check_create(const struct state *state, const struct state_topic *topic,
                                    u32 count)
{
    if (count > PARTITIONS_PER_TOPIC_MAX - topic->partitions_count ||
        count > slot_pool_free_count(&state->partition_pool) ||
        !state_members_have_room(state, topic, topic->partitions_count + count)) {
        return WIRE_PARTITION_ID_SPACE_EXHAUSTED;
    }
    return WIRE_OK;
}

enum wire_error state_partition_check(const struct state *state,
                                      const struct state_command *command)
{
    if (state_stream_get(state, command->stream_id) == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    const struct state_topic *topic = state_topic_get(state, command->stream_id, command->topic_id);
    if (topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    u32 count = command->partitions_count;
    if (count == 0 || count > PARTITIONS_PER_REQUEST_MAX) {
        return WIRE_TOO_MANY_PARTITIONS;
    }
    if (command->kind == STATE_CREATE_PARTITIONS) {
        return check_create(state, topic, count);
    }
    return count > topic->partitions_count ? WIRE_INVALID_PARTITIONS_COUNT : WIRE_OK;
}

static void note_partition(const struct change *change, enum state_effect_kind kind,
                           const struct state_partition *partition)
{
    struct state_effect effect = {.kind = kind, .partition = *partition};
    effects_note(&change->effects, &effect);
}

static void note_purge(const struct change *change, enum state_effect_kind kind,
                       const struct state_partition *partition)
{
    struct state_effect effect = {.kind = kind, .partition = *partition, .is_purge = true};
    effects_note(&change->effects, &effect);
}

struct state_partition *state_partition_add(struct state *state, struct state_topic *topic,
                                            const struct origin *origin)
{
    u32 id = topic->partitions_count;
    check(state_partition_find(state, topic->stream_id, topic->id, id) == NULL);

    u32 slot = slot_pool_take(&state->partition_pool);
    struct state_partition *partition = &state->partitions[slot];
    check(partition->life == 0);
    struct place place = {topic->stream_id, topic->id, id};
    *partition = (struct state_partition){
        .slot = slot,
        .generation = partition->generation + 1,
        .stream_id = topic->stream_id,
        .topic_id = topic->id,
        .id = id,
        .home = place_core(place, state->options.cores_count),
        .life = origin->life,
        .created_at_us = origin->created_at_us,
    };
    slot_index_add(&state->partition_ids, place_hash(topic->stream_id, topic->id, id), slot);
    if (id == 0) {
        topic->first_partition = slot;
    }
    topic->partitions_count++;
    state->life_max = u64_max(state->life_max, origin->life);
    return partition;
}

void state_partitions_grow(struct state *state, struct state_topic *topic, u32 count,
                           const struct change *change)
{
    struct origin origin = change_origin(change);
    for (u32 i = 0; i < count; i++) {
        const struct state_partition *partition = state_partition_add(state, topic, &origin);
        note_partition(change, STATE_PARTITION_OPENED, partition);
    }
}

static struct state_partition *partition_of(struct state *state, const struct state_topic *topic,
                                            u32 id)
{
    const struct state_partition *partition =
        state_partition_find(state, topic->stream_id, topic->id, id);
    check(partition != NULL);
    return &state->partitions[partition->slot];
}

void state_partitions_shrink(struct state *state, struct state_topic *topic, u32 count,
                             const struct change *change)
{
    check(count <= topic->partitions_count);
    for (u32 i = 0; i < count; i++) {
        topic->partitions_count--;
        u32 id = topic->partitions_count;
        struct state_partition *partition = partition_of(state, topic, id);
        note_partition(change, STATE_PARTITION_CLOSED, partition);
        slot_index_remove(&state->partition_ids, place_hash(topic->stream_id, topic->id, id),
                          partition->slot);
        partition->life = 0;
        slot_pool_return(&state->partition_pool, partition->slot);
    }
    if (topic->partitions_count == 0) {
        topic->first_partition = STATE_PARTITION_NONE;
    }
}

void state_partitions_renew(struct state *state, const struct state_topic *topic,
                            const struct change *change)
{
    for (u32 id = 0; id < topic->partitions_count; id++) {
        struct state_partition *partition = partition_of(state, topic, id);
        note_purge(change, STATE_PARTITION_CLOSED, partition);
        partition->generation++;
        partition->life = change->index;
        note_purge(change, STATE_PARTITION_OPENED, partition);
        state->life_max = change->index;
    }
}

static struct state_topic *topic_of(struct state *state, const struct change *change)
{
    const struct state_topic *topic =
        state_topic_get(state, change->command->stream_id, change->command->topic_id);
    check(topic != NULL);
    return &state->topics[topic_slot(state, topic)];
}

void state_partitions_create(struct state *state, const struct change *change)
{
    struct state_topic *topic = topic_of(state, change);
    state_partitions_grow(state, topic, change->command->partitions_count, change);
    state_members_rebalance(state, topic, change);
}

void state_partitions_delete(struct state *state, const struct change *change)
{
    struct state_topic *topic = topic_of(state, change);
    state_partitions_shrink(state, topic, change->command->partitions_count, change);
    state_members_rebalance(state, topic, change);
}
