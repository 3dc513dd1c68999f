/* Who is in a group, and which partition each member reads. All of it is volatile: it follows from
 * the commands since the start, so all copies agree, and nobody is a member after one.
 *
 *     group ─▶ members in the order in which they joined
 *           ─▶ owners: blocks of 32 partitions, each with its member's slot
 *     session ─▶ its memberships
 *
 * Every change of members or partitions assigns the partitions anew (assign.h) and gives the group
 * its next generation, at once: to hand a partition over when its last reader has committed is the
 * business of the partition's own core (shard/partition_group.c). */
#include "base/bug.h"
#include "base/check.h"
#include "state/assign.h"
#include "state/state_tables.h"

struct owner_block {
    u32 next_block;            /* SLOT_NONE at the end */
    u32 members[BLOCK_OWNERS]; /* slots; SLOT_NONE: nobody's */
};

u64 state_member_bytes(const struct state_options *options)
{
    u32 members_max = state_members_max(options);
    u32 blocks_max = state_owner_blocks_max(options);
    u64 record = sizeof(struct state_member) + sizeof(struct member_link);
    u64 scratch = options->partitions_max * sizeof(u32) + members_max * sizeof(struct assign_share);
    return members_max * record + slot_pool_bytes(members_max) + slot_index_bytes(members_max) +
           blocks_max * sizeof(struct owner_block) + slot_pool_bytes(blocks_max) + scratch +
           options->sessions_max * sizeof(u32) + 256;
}

void state_member_tables(struct state *state, struct arena *arena)
{
    const struct state_options *options = &state->options;
    u32 members_max = state_members_max(options);
    state->members = arena_array(arena, struct state_member, members_max);
    state->member_links = arena_array(arena, struct member_link, members_max);
    slot_pool_init(&state->member_pool, arena, members_max);
    slot_index_init(&state->member_sessions, arena, members_max);
    u32 blocks_max = state_owner_blocks_max(options);
    state->owner_blocks = arena_array(arena, struct owner_block, blocks_max);
    slot_pool_init(&state->owner_block_pool, arena, blocks_max);
    state->session_members = arena_array(arena, u32, options->sessions_max);
    state->assign_owners = arena_array(arena, u32, options->partitions_max);
    state->assign_shares = arena_array(arena, struct assign_share, members_max);
}

void state_member_copy(struct state *to, const struct state *from)
{
    u32 slots = slot_pool_copy(&to->member_pool, &from->member_pool);
    table_copy(to->members, from->members, slots);
    table_copy(to->member_links, from->member_links, slots);
    slot_index_copy(&to->member_sessions, &from->member_sessions, slots);
    u32 blocks = slot_pool_copy(&to->owner_block_pool, &from->owner_block_pool);
    table_copy(to->owner_blocks, from->owner_blocks, blocks);
}

/* ---- Look-ups ---- */

static u64 session_hash(u32 group_slot, u64 session)
{
    return hash_u64_pair(session, group_slot);
}

const struct state_member *state_member_of(const struct state *state,
                                           const struct state_group *group, u64 session)
{
    const struct slot_index *sessions = &state->member_sessions;
    for (u32 slot = slot_index_first(sessions, session_hash(group->slot, session));
         slot != SLOT_NONE; slot = slot_index_next(sessions, slot)) {
        const struct state_member *member = &state->members[slot];
        if (member->group_slot == group->slot && member->session == session) {
            return member;
        }
    }
    return NULL;
}

const struct state_member *state_member_at(const struct state *state, u32 slot)
{
    check(slot < state_members_max(&state->options));
    const struct state_member *member = &state->members[slot];
    return member->number == 0 ? NULL : member;
}

static const struct state_member *member_at(const struct state *state, u32 slot)
{
    return slot == SLOT_NONE ? NULL : &state->members[slot];
}

const struct state_member *state_member_next(const struct state *state,
                                             const struct state_group *group,
                                             const struct state_member *after)
{
    return member_at(state, after == NULL ? state->group_members[group->slot].first_slot
                                          : state->member_links[after->slot].next_slot);
}

const struct state_member *state_member_of_session_next(const struct state *state, u64 session,
                                                        const struct state_member *after)
{
    if (after != NULL) {
        return member_at(state, state->member_links[after->slot].next_of_session);
    }
    u32 session_slot = state_session_slot(state, session);
    return session_slot == SLOT_NONE ? NULL
                                     : member_at(state, state->session_members[session_slot]);
}

const struct state_group *state_group_of_member(const struct state *state,
                                                const struct state_member *member)
{
    return &state->groups[member->group_slot];
}

/* The block that holds the owner of this partition; it is covered. */
static struct owner_block *block_of(const struct state *state, const struct group_members *members,
                                    u32 partition_id)
{
    u32 block = members->first_block;
    for (u32 i = 0; i < partition_id / BLOCK_OWNERS; i++) {
        block = state->owner_blocks[block].next_block;
    }
    return &state->owner_blocks[block];
}

/* The same for who walks them in order; `block` is that of the partition before, or NULL. */
static struct owner_block *next_block(const struct state *state,
                                      const struct group_members *members,
                                      const struct owner_block *block, u32 partition_id)
{
    if (block == NULL) {
        return block_of(state, members, partition_id);
    }
    u32 slot =
        partition_id % BLOCK_OWNERS == 0 ? block->next_block : (u32)(block - state->owner_blocks);
    return &state->owner_blocks[slot];
}

const struct state_member *state_group_owner(const struct state *state,
                                             const struct state_group *group, u32 partition_id)
{
    const struct group_members *members = &state->group_members[group->slot];
    if (partition_id >= members->partitions_count) {
        return NULL;
    }
    return member_at(state,
                     block_of(state, members, partition_id)->members[partition_id % BLOCK_OWNERS]);
}

u32 state_member_partition_next(const struct state *state, const struct state_member *member,
                                u32 after)
{
    const struct group_members *members = &state->group_members[member->group_slot];
    u32 id = after + 1; /* UINT32_MAX: from the first */
    const struct owner_block *block = NULL;
    for (; id < members->partitions_count; id++) {
        block = next_block(state, members, block, id);
        if (block->members[id % BLOCK_OWNERS] == member->slot) {
            return id;
        }
    }
    return UINT32_MAX;
}

u32 state_member_partition_at(const struct state *state, const struct state_member *member,
                              u32 position)
{
    u32 id = state_member_partition_next(state, member, UINT32_MAX);
    for (u32 i = 0; i < position && id != UINT32_MAX; i++) {
        id = state_member_partition_next(state, member, id);
    }
    return id;
}

u32 state_members_count(const struct state *state)
{
    return state->member_pool.taken_count;
}

/* ---- Room for owners ---- */

static u32 blocks_for(u32 partitions_count)
{
    return (partitions_count + BLOCK_OWNERS - 1) / BLOCK_OWNERS;
}

static u32 block_take(struct state *state)
{
    u32 slot = slot_pool_take(&state->owner_block_pool);
    struct owner_block *block = &state->owner_blocks[slot];
    block->next_block = SLOT_NONE;
    for (u32 i = 0; i < BLOCK_OWNERS; i++) {
        block->members[i] = SLOT_NONE;
    }
    return slot;
}

/* Covers exactly so many partitions; new ones are nobody's. */
static void cover(struct state *state, struct group_members *members, u32 partitions_count)
{
    u32 kept_end = blocks_for(partitions_count) * BLOCK_OWNERS; /* later blocks are given back */
    u32 cleared_end = u32_min(members->partitions_count, kept_end);
    for (u32 id = partitions_count; id < cleared_end; id++) {
        block_of(state, members, id)->members[id % BLOCK_OWNERS] = SLOT_NONE;
    }
    u32 *link = &members->first_block;
    for (u32 i = 0; i < blocks_for(partitions_count); i++) {
        if (*link == SLOT_NONE) {
            *link = block_take(state);
        }
        link = &state->owner_blocks[*link].next_block;
    }
    u32 block = *link;
    *link = SLOT_NONE;
    while (block != SLOT_NONE) {
        u32 next = state->owner_blocks[block].next_block;
        slot_pool_return(&state->owner_block_pool, block);
        block = next;
    }
    members->partitions_count = partitions_count;
}

/* ---- Assigning ---- */

/* Members by their position in the group; gives how many there are. */
static u32 number_members(struct state *state, const struct group_members *members)
{
    u32 count = 0;
    for (u32 slot = members->first_slot; slot != SLOT_NONE;
         slot = state->member_links[slot].next_slot) {
        state->member_links[slot].position = count++;
    }
    return count;
}

static void load_owners(struct state *state, const struct group_members *members)
{
    const struct owner_block *block = NULL;
    for (u32 id = 0; id < members->partitions_count; id++) {
        block = next_block(state, members, block, id);
        u32 slot = block->members[id % BLOCK_OWNERS];
        /* One that has just left is no member any more. */
        bool is_owned = slot != SLOT_NONE && state->members[slot].number != 0;
        state->assign_owners[id] = is_owned ? state->member_links[slot].position : ASSIGN_NOBODY;
    }
}

static void store_owners(struct state *state, const struct group_members *members)
{
    u32 *slots = state->assign_owners;
    struct assign_share *shares = state->assign_shares;
    for (u32 slot = members->first_slot; slot != SLOT_NONE;
         slot = state->member_links[slot].next_slot) {
        struct assign_share *share = &shares[state->member_links[slot].position];
        state->members[slot].partitions_count = share->owned;
        share->quota = slot; /* the position's slot, for the loop below */
    }
    struct owner_block *block = NULL;
    for (u32 id = 0; id < members->partitions_count; id++) {
        block = next_block(state, members, block, id);
        block->members[id % BLOCK_OWNERS] = shares[slots[id]].quota;
    }
}

static void note_change(const struct effects *effects, const struct state_group *group,
                        enum state_group_reason reason, u32 moved_count)
{
    struct state_effect effect = {
        .kind = STATE_GROUP_CHANGED,
        .group = {.stream_id = group->stream_id,
                  .topic_id = group->topic_id,
                  .group_id = group->id,
                  .reason = reason,
                  .generation = group->generation,
                  .members_count = group->members_count,
                  .moved_count = moved_count},
    };
    effects_note(effects, &effect);
}

static void rebalance(struct state *state, struct state_group *group, const struct effects *effects,
                      enum state_group_reason reason)
{
    struct group_members *members = &state->group_members[group->slot];
    const struct state_topic *topic = state_topic_get(state, group->stream_id, group->topic_id);
    check(topic != NULL);
    u32 count = number_members(state, members);
    check(count == group->members_count);
    cover(state, members, count == 0 ? 0 : topic->partitions_count);
    u32 moved_count = 0;
    if (count > 0) {
        load_owners(state, members);
        moved_count =
            assign(state->assign_owners, members->partitions_count, state->assign_shares, count);
        store_owners(state, members);
    }
    u64 first = (u64)state->boot << 32;
    group->generation = u64_max(group->generation, first) + 1;
    note_change(effects, group, reason, moved_count);
}

/* ---- Refusals ---- */

enum wire_error state_member_check(const struct state *state, const struct state_command *command)
{
    if (state_stream_get(state, command->stream_id) == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    const struct state_topic *topic = state_topic_get(state, command->stream_id, command->topic_id);
    if (topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    const struct state_group *group =
        state_group_get(state, topic->stream_id, topic->id, command->group_id);
    if (group == NULL) {
        return WIRE_GROUP_ID_NOT_FOUND;
    }
    u64 session = command->session.session;
    bool is_member = state_member_of(state, group, session) != NULL;
    if (command->kind == STATE_LEAVE_GROUP) {
        return is_member ? WIRE_OK : WIRE_GROUP_MEMBER_NOT_FOUND;
    }
    if (state_session_get(state, session) == NULL) {
        return WIRE_UNAUTHENTICATED;
    }
    u32 blocks = group->members_count == 0 ? blocks_for(topic->partitions_count) : 0;
    bool has_room = slot_pool_free_count(&state->member_pool) > 0 &&
                    slot_pool_free_count(&state->owner_block_pool) >= blocks;
    return is_member || has_room ? WIRE_OK : WIRE_TRANSIENT_NOT_ACCEPTED;
}

bool state_members_have_room(const struct state *state, const struct state_topic *topic,
                             u32 partitions_count)
{
    u64 blocks = 0;
    u32 more = blocks_for(partitions_count) - blocks_for(topic->partitions_count);
    for (u32 slot = state->group_lists[topic_slot(state, topic)].first_slot; slot != SLOT_NONE;
         slot = state->group_links[slot].next_slot) {
        blocks += state->groups[slot].members_count > 0 ? more : 0;
    }
    return slot_pool_free_count(&state->owner_block_pool) >= blocks;
}

/* ---- Members come and go ---- */

void state_members_begin(struct state *state, u32 group_slot)
{
    state->group_members[group_slot] = (struct group_members){
        .first_slot = SLOT_NONE,
        .last_slot = SLOT_NONE,
        .first_block = SLOT_NONE,
    };
}

void state_session_members_begin(struct state *state, u32 session_slot)
{
    state->session_members[session_slot] = SLOT_NONE;
}

static u32 next_member_id(const struct state *state, const struct state_group *group)
{
    u32 id = 0;
    for (u32 slot = state->group_members[group->slot].first_slot; slot != SLOT_NONE;
         slot = state->member_links[slot].next_slot) {
        id = u32_max(id, state->members[slot].id + 1);
    }
    return id;
}

static void link_to_session(struct state *state, u32 slot, u32 session_slot)
{
    struct member_link *link = &state->member_links[slot];
    u32 first = state->session_members[session_slot];
    link->previous_of_session = SLOT_NONE;
    link->next_of_session = first;
    if (first != SLOT_NONE) {
        state->member_links[first].previous_of_session = slot;
    }
    state->session_members[session_slot] = slot;
    slot_index_add(&state->member_sessions,
                   session_hash(state->members[slot].group_slot, state->members[slot].session),
                   slot);
}

static void unlink_from_session(struct state *state, u32 slot)
{
    const struct state_member *member = &state->members[slot];
    const struct member_link *link = &state->member_links[slot];
    u32 session_slot = state_session_slot(state, member->session);
    check(session_slot != SLOT_NONE);
    *(link->previous_of_session == SLOT_NONE
          ? &state->session_members[session_slot]
          : &state->member_links[link->previous_of_session].next_of_session) =
        link->next_of_session;
    if (link->next_of_session != SLOT_NONE) {
        state->member_links[link->next_of_session].previous_of_session = link->previous_of_session;
    }
    slot_index_remove(&state->member_sessions, session_hash(member->group_slot, member->session),
                      slot);
}

static void member_add(struct state *state, struct state_group *group, const struct change *change)
{
    u32 slot = slot_pool_take(&state->member_pool);
    check(state->members[slot].number == 0);
    state->members[slot] = (struct state_member){
        .number = change->index,
        .session = change->command->session.session,
        .slot = slot,
        .group_slot = group->slot,
        .id = next_member_id(state, group),
    };
    struct group_members *members = &state->group_members[group->slot];
    struct member_link *link = &state->member_links[slot];
    link->next_slot = SLOT_NONE;
    link->previous_slot = members->last_slot;
    *(members->last_slot == SLOT_NONE ? &members->first_slot
                                      : &state->member_links[members->last_slot].next_slot) = slot;
    members->last_slot = slot;
    group->members_count++;
    u32 session_slot = state_session_slot(state, state->members[slot].session);
    check(session_slot != SLOT_NONE);
    link_to_session(state, slot, session_slot);
}

static void member_remove(struct state *state, u32 slot)
{
    unlink_from_session(state, slot);
    struct state_group *group = &state->groups[state->members[slot].group_slot];
    struct group_members *members = &state->group_members[group->slot];
    u32 previous = state->member_links[slot].previous_slot;
    u32 next = state->member_links[slot].next_slot;
    *(previous == SLOT_NONE ? &members->first_slot : &state->member_links[previous].next_slot) =
        next;
    *(next == SLOT_NONE ? &members->last_slot : &state->member_links[next].previous_slot) =
        previous;
    check(group->members_count > 0);
    group->members_count--;
    state->members[slot].number = 0;
    slot_pool_return(&state->member_pool, slot);
}

static struct state_group *group_of(struct state *state, const struct state_command *command)
{
    const struct state_group *group =
        state_group_get(state, command->stream_id, command->topic_id, command->group_id);
    check(group != NULL);
    return &state->groups[group->slot];
}

void state_member_join(struct state *state, const struct change *change)
{
    struct state_group *group = group_of(state, change->command);
    if (state_member_of(state, group, change->command->session.session) != NULL) {
        return; /* joining again changes nothing, the generation included */
    }
    member_add(state, group, change);
    rebalance(state, group, &change->effects, GROUP_MEMBER_JOINED);
}

void state_member_leave(struct state *state, const struct change *change)
{
    struct state_group *group = group_of(state, change->command);
    const struct state_member *member =
        state_member_of(state, group, change->command->session.session);
    check(member != NULL);
    if (bug_is_on(BUG_KEEP_MEMBERS)) {
        return;
    }
    member_remove(state, member->slot);
    rebalance(state, group, &change->effects, GROUP_MEMBER_LEFT);
}

void state_members_end(struct state *state, u32 session_slot, const struct effects *effects,
                       enum state_group_reason reason)
{
    while (state->session_members[session_slot] != SLOT_NONE) {
        u32 slot = state->session_members[session_slot];
        struct state_group *group = &state->groups[state->members[slot].group_slot];
        member_remove(state, slot);
        rebalance(state, group, effects, reason);
    }
}

void state_members_rename(struct state *state, u32 session_slot, u64 old_session)
{
    u64 session = state->sessions[session_slot].session;
    for (u32 slot = state->session_members[session_slot]; slot != SLOT_NONE;
         slot = state->member_links[slot].next_of_session) {
        struct state_member *member = &state->members[slot];
        check(member->session == old_session);
        slot_index_remove(&state->member_sessions, session_hash(member->group_slot, old_session),
                          slot);
        member->session = session;
        slot_index_add(&state->member_sessions, session_hash(member->group_slot, session), slot);
    }
}

void state_members_forget(struct state *state, u32 group_slot)
{
    struct group_members *members = &state->group_members[group_slot];
    while (members->first_slot != SLOT_NONE) {
        member_remove(state, members->first_slot);
    }
    cover(state, members, 0);
}

void state_members_rebalance(struct state *state, const struct state_topic *topic,
                             const struct change *change)
{
    for (u32 slot = state->group_lists[topic_slot(state, topic)].first_slot; slot != SLOT_NONE;
         slot = state->group_links[slot].next_slot) {
        if (state->groups[slot].members_count > 0) {
            rebalance(state, &state->groups[slot], &change->effects, GROUP_PARTITIONS_CHANGED);
        }
    }
}

const char *state_group_reason_name(enum state_group_reason reason)
{
    switch (reason) {
    case GROUP_MEMBER_JOINED: return "joined";
    case GROUP_MEMBER_LEFT: return "left";
    case GROUP_MEMBER_LOGGED_OUT: return "logged out";
    case GROUP_MEMBER_DISCONNECTED: return "disconnected";
    case GROUP_MEMBER_SILENT: return "silent";
    case GROUP_MEMBER_REPLACED: return "logged in again";
    case GROUP_MEMBER_NOT_BACK: return "did not come back";
    case GROUP_SESSION_ENDED: return "session ended";
    case GROUP_PARTITIONS_CHANGED: return "partitions changed";
    }
    return "unknown";
}
