/* Permissions: the bits of the whole server stand in the user; what is granted for one stream or
 * topic lies in a table, found by (user, stream, topic) in one look-up. Grants go with their user,
 * their stream and their topic, so that nobody inherits rights with an id that is reused. They may
 * be given for ids that do not exist yet. */
#include "base/bug.h"
#include "base/check.h"
#include "state/state_tables.h"
#include "wire/permissions.h"

u64 state_permission_bytes(const struct state_options *options)
{
    return options->grants_max * (u64)(sizeof(struct grant) + sizeof(u32)) +
           slot_pool_bytes(options->grants_max) + 2 * slot_index_bytes(options->grants_max) + 128;
}

void state_permission_tables(struct state *state, struct arena *arena)
{
    u32 grants_max = state->options.grants_max;
    state->grants = arena_array(arena, struct grant, grants_max);
    state->grant_nexts = arena_array(arena, u32, grants_max);
    slot_pool_init(&state->grant_pool, arena, grants_max);
    slot_index_init(&state->grant_places, arena, grants_max);
    slot_index_init(&state->grant_streams, arena, grants_max);
}

void state_permission_copy(struct state *to, const struct state *from)
{
    u32 slots = slot_pool_copy(&to->grant_pool, &from->grant_pool);
    table_copy(to->grants, from->grants, slots);
    table_copy(to->grant_nexts, from->grant_nexts, slots);
    slot_index_copy(&to->grant_places, &from->grant_places, slots);
    slot_index_copy(&to->grant_streams, &from->grant_streams, slots);
}

u32 state_grants_count(const struct state *state)
{
    return state->grant_pool.taken_count;
}

/* ---- The question ---- */

static u64 place_hash(u32 user_id, u32 stream_id, u32 topic_id)
{
    return hash_u64_pair((u64)user_id << 32 | stream_id, topic_id);
}

static u32 grant_slot(const struct state *state, u32 user_id, u32 stream_id, u32 topic_id)
{
    const struct slot_index *places = &state->grant_places;
    u32 slot = slot_index_first(places, place_hash(user_id, stream_id, topic_id));
    for (; slot != SLOT_NONE; slot = slot_index_next(places, slot)) {
        const struct grant *grant = &state->grants[slot];
        if (grant->user_id == user_id && grant->stream_id == stream_id &&
            grant->topic_id == topic_id) {
            break;
        }
    }
    return slot;
}

static u8 granted(const struct state *state, u32 user_id, u32 stream_id, u32 topic_id)
{
    u32 slot = grant_slot(state, user_id, stream_id, topic_id);
    return slot == SLOT_NONE ? 0 : state->grants[slot].bits;
}

bool state_allows(const struct state *state, u32 user_id, enum right right,
                  struct state_target target)
{
    const struct right_row *row = right_row(right);
    const struct state_user *user = state_user_get(state, user_id);
    if (right == RIGHT_NONE) {
        return true;
    }
    if (user == NULL || !user->active) {
        return false;
    }
    if ((user->permissions & row->global) != 0) {
        return true;
    }
    if (row->scope == RIGHT_OF_SERVER || state->user_lists[user_id].first_grant == 0) {
        return false;
    }
    if ((granted(state, user_id, target.stream_id, STATE_TOPIC_NONE) & row->stream) != 0) {
        return true;
    }
    return row->scope == RIGHT_OF_TOPIC && target.topic_id != STATE_TOPIC_NONE &&
           (granted(state, user_id, target.stream_id, target.topic_id) & row->topic) != 0;
}

/* ---- Walking and writing ---- */

u32 state_grant_next(const struct state *state, u32 user_id, u32 link)
{
    return link == 0 ? state->user_lists[user_id].first_grant : state->grant_nexts[link - 1];
}

void state_permissions_write(const struct state *state, u32 user_id, struct writer *writer)
{
    const struct state_user *user = state_user_get(state, user_id);
    check(user != NULL);
    check(user->has_permissions);
    struct permission_writer block = permissions_begin(writer, user->permissions);
    u32 stream_before = UINT32_MAX;
    bool has_stream = false;
    for (u32 link = 0; (link = state_grant_next(state, user_id, link)) != 0;) {
        const struct grant *grant = &state->grants[link - 1];
        bool is_topic = grant->topic_id != STATE_TOPIC_NONE;
        struct permission_entry entry = {
            .scope = PERMISSION_STREAM,
            .stream_id = grant->stream_id,
            .bits = is_topic ? 0 : grant->bits,
        };
        /* A topic whose stream has no bits of its own still stands in one. */
        if (!is_topic || !has_stream || grant->stream_id != stream_before) {
            permissions_add(&block, &entry);
        }
        if (is_topic) {
            entry.scope = PERMISSION_TOPIC;
            entry.topic_id = grant->topic_id;
            entry.bits = grant->bits;
            permissions_add(&block, &entry);
        }
        has_stream = true;
        stream_before = grant->stream_id;
    }
    permissions_end(&block);
}

/* ---- Changes ---- */

/* The order within a user: a stream before its topics. STATE_TOPIC_NONE plus one is 0. */
static bool comes_before(const struct grant *a, const struct grant *b)
{
    if (a->stream_id != b->stream_id) {
        return a->stream_id < b->stream_id;
    }
    return a->topic_id + 1 < b->topic_id + 1;
}

void state_grant_put(struct state *state, const struct grant *grant)
{
    u32 slot = grant_slot(state, grant->user_id, grant->stream_id, grant->topic_id);
    if (slot != SLOT_NONE) {
        state->grants[slot].bits = grant->bits; /* named twice: the last one counts */
        return;
    }
    slot = slot_pool_take(&state->grant_pool);
    state->grants[slot] = *grant;
    slot_index_add(&state->grant_places,
                   place_hash(grant->user_id, grant->stream_id, grant->topic_id), slot);
    slot_index_add(&state->grant_streams, hash_u64(grant->stream_id), slot);
    u32 *link = &state->user_lists[grant->user_id].first_grant;
    while (*link != 0 && comes_before(&state->grants[*link - 1], grant)) {
        link = &state->grant_nexts[*link - 1];
    }
    state->grant_nexts[slot] = *link;
    *link = slot + 1;
}

/* The slot leaves its indexes; its user's list is the caller's to mend. */
static void grant_free(struct state *state, u32 slot)
{
    const struct grant *grant = &state->grants[slot];
    slot_index_remove(&state->grant_places,
                      place_hash(grant->user_id, grant->stream_id, grant->topic_id), slot);
    slot_index_remove(&state->grant_streams, hash_u64(grant->stream_id), slot);
    slot_pool_return(&state->grant_pool, slot);
}

static void grant_remove(struct state *state, u32 slot)
{
    u32 *link = &state->user_lists[state->grants[slot].user_id].first_grant;
    while (*link != slot + 1) {
        check(*link != 0);
        link = &state->grant_nexts[*link - 1];
    }
    *link = state->grant_nexts[slot];
    grant_free(state, slot);
}

void state_permissions_drop(struct state *state, struct state_user *user)
{
    u32 *first = &state->user_lists[user->id].first_grant;
    while (*first != 0) {
        u32 slot = *first - 1;
        *first = state->grant_nexts[slot];
        grant_free(state, slot);
    }
    user->has_permissions = false;
    user->permissions = 0;
}

static void drop_matching(struct state *state, u32 stream_id, bool all, u32 topic_id)
{
    const struct slot_index *streams = &state->grant_streams;
    u32 slot = slot_index_first(streams, hash_u64(stream_id));
    while (slot != SLOT_NONE) {
        const struct grant *grant = &state->grants[slot];
        u32 next = slot_index_next(streams, slot);
        bool matches = grant->stream_id == stream_id && (all || grant->topic_id == topic_id);
        if (matches && !bug_is_on(BUG_INHERIT_RIGHTS)) {
            grant_remove(state, slot);
        }
        slot = next;
    }
}

void state_permissions_drop_stream(struct state *state, u32 stream_id)
{
    drop_matching(state, stream_id, true, 0);
}

void state_permissions_drop_topic(struct state *state, u32 stream_id, u32 topic_id)
{
    check(topic_id != STATE_TOPIC_NONE);
    drop_matching(state, stream_id, false, topic_id);
}

static u32 block_entries(struct span block)
{
    struct permission_iterator iterator = permissions_iterate(block);
    struct permission_entry entry;
    u32 count = 0;
    while (permissions_next(&iterator, &entry)) {
        count += entry.scope != PERMISSION_GLOBAL;
    }
    return count;
}

static u32 user_entries(const struct state *state, const struct state_user *user)
{
    u32 count = 0;
    for (u32 link = 0; user != NULL && (link = state_grant_next(state, user->id, link)) != 0;) {
        count++;
    }
    return count;
}

enum wire_error state_permissions_check(const struct state *state, const struct state_user *user,
                                        const struct state_command *command)
{
    if (!command->has_permissions) {
        return WIRE_OK;
    }
    u32 room = slot_pool_free_count(&state->grant_pool) + user_entries(state, user);
    return block_entries(command->permissions) <= room ? WIRE_OK : WIRE_TOO_BIG_MESSAGE_PAYLOAD;
}

void state_permissions_replace(struct state *state, struct state_user *user,
                               const struct state_command *command)
{
    u16 kept = bug_is_on(BUG_KEEP_RIGHTS) ? user->permissions : 0;
    state_permissions_drop(state, user);
    user->has_permissions = command->has_permissions;
    if (!command->has_permissions) {
        return;
    }
    struct permission_iterator iterator = permissions_iterate(command->permissions);
    struct permission_entry entry;
    while (permissions_next(&iterator, &entry)) {
        if (entry.scope == PERMISSION_GLOBAL) {
            user->permissions = (u16)(entry.bits | kept);
            continue;
        }
        bool is_topic = entry.scope == PERMISSION_TOPIC;
        state_grant_put(state, &(struct grant){
                                   .user_id = user->id,
                                   .stream_id = entry.stream_id,
                                   .topic_id = is_topic ? entry.topic_id : STATE_TOPIC_NONE,
                                   .bits = (u8)entry.bits,
                               });
    }
}

void state_permissions_set(struct state *state, const struct change *change)
{
    check(state_user_get(state, change->command->user_id) != NULL);
    state_permissions_replace(state, &state->users[change->command->user_id], change->command);
}
