#include "base/bug.h"
#include "base/check.h"
#include "state/state_tables.h"

u64 state_session_bytes(const struct state_options *options)
{
    return options->sessions_max * (u64)(sizeof(struct state_session) + sizeof(struct link)) +
           slot_pool_bytes(options->sessions_max) + 2 * slot_index_bytes(options->sessions_max) +
           128;
}

void state_session_tables(struct state *state, struct arena *arena)
{
    u32 sessions_max = state->options.sessions_max;
    state->sessions = arena_array(arena, struct state_session, sessions_max);
    state->session_links = arena_array(arena, struct link, sessions_max);
    slot_pool_init(&state->session_pool, arena, sessions_max);
    slot_index_init(&state->session_numbers, arena, sessions_max);
    slot_index_init(&state->session_clients, arena, sessions_max);
}

void state_session_copy(struct state *to, const struct state *from)
{
    u32 slots = slot_pool_copy(&to->session_pool, &from->session_pool);
    table_copy(to->sessions, from->sessions, slots);
    table_copy(to->session_links, from->session_links, slots);
    slot_index_copy(&to->session_numbers, &from->session_numbers, slots);
    slot_index_copy(&to->session_clients, &from->session_clients, slots);
    table_copy(to->session_members, from->session_members, slots);
}

static u64 client_hash(struct u128 client)
{
    return hash_u64_pair(client.low, client.high);
}

u32 state_session_slot(const struct state *state, u64 session)
{
    const struct slot_index *numbers = &state->session_numbers;
    u32 slot = slot_index_first(numbers, hash_u64(session));
    while (slot != SLOT_NONE && state->sessions[slot].session != session) {
        slot = slot_index_next(numbers, slot);
    }
    return slot;
}

const struct state_session *state_session_get(const struct state *state, u64 session)
{
    u32 slot = state_session_slot(state, session);
    return slot == SLOT_NONE ? NULL : &state->sessions[slot];
}

const struct state_session *state_session_of_client(const struct state *state, struct u128 client)
{
    const struct slot_index *clients = &state->session_clients;
    for (u32 slot = slot_index_first(clients, client_hash(client)); slot != SLOT_NONE;
         slot = slot_index_next(clients, slot)) {
        if (u128_equal(state->sessions[slot].client, client)) {
            return &state->sessions[slot];
        }
    }
    return NULL;
}

const struct state_session *state_session_next(const struct state *state,
                                               const struct state_session *after)
{
    u32 slot = after == NULL ? 0 : (u32)(after - state->sessions) + 1;
    while (slot < state->session_pool.fresh && state->sessions[slot].session == 0) {
        slot++;
    }
    return slot < state->session_pool.fresh ? &state->sessions[slot] : NULL;
}

u32 state_sessions_count(const struct state *state)
{
    return state->session_pool.taken_count;
}

enum wire_error state_session_check(const struct state *state, const struct state_command *command)
{
    const struct state_session *session = &command->session;
    bool exists = state_session_get(state, session->session) != NULL;
    if (command->kind == STATE_CLOSE_SESSION || command->kind == STATE_END_SESSION) {
        return exists ? WIRE_OK : WIRE_UNAUTHENTICATED;
    }
    if (exists || session->home >= state->options.cores_count) {
        return WIRE_INVALID_COMMAND;
    }
    const struct state_session *same = state_session_of_client(state, session->client);
    if (command->kind == STATE_REPLACE_SESSION) {
        bool comes_back = same != NULL && same->session == command->old_session &&
                          same->user_id == session->user_id;
        return comes_back ? WIRE_OK : WIRE_UNAUTHENTICATED;
    }
    if (same != NULL) {
        return WIRE_ALREADY_AUTHENTICATED;
    }
    if (state_user_get(state, session->user_id) == NULL) {
        return WIRE_UNAUTHENTICATED;
    }
    bool has_room = slot_pool_free_count(&state->session_pool) > 0;
    return has_room ? WIRE_OK : WIRE_TRANSIENT_NOT_ACCEPTED;
}

/* ---- The sessions of a user, newest first ---- */

static void link_to_user(struct state *state, u32 slot)
{
    u32 *first = &state->user_lists[state->sessions[slot].user_id].first_session;
    state->session_links[slot] = (struct link){.next = *first};
    if (*first != 0) {
        state->session_links[*first - 1].previous = slot + 1;
    }
    *first = slot + 1;
}

static void unlink_from_user(struct state *state, u32 slot)
{
    const struct link *link = &state->session_links[slot];
    u32 *first = &state->user_lists[state->sessions[slot].user_id].first_session;
    if (link->previous == 0) {
        check(*first == slot + 1);
        *first = link->next;
    } else {
        state->session_links[link->previous - 1].next = link->next;
    }
    if (link->next != 0) {
        state->session_links[link->next - 1].previous = link->previous;
    }
}

void state_session_open(struct state *state, const struct change *change)
{
    const struct state_session *session = &change->command->session;
    check(session->session > 0);
    u32 slot = slot_pool_take(&state->session_pool);
    check(state->sessions[slot].session == 0);
    state->sessions[slot] = *session;
    state_session_members_begin(state, slot);
    slot_index_add(&state->session_numbers, hash_u64(session->session), slot);
    slot_index_add(&state->session_clients, client_hash(session->client), slot);
    link_to_user(state, slot);
}

static void session_end(struct state *state, u32 slot, const struct effects *effects,
                        enum state_group_reason reason)
{
    struct state_session *session = &state->sessions[slot];
    check(session->session != 0);
    state_members_end(state, slot, effects, reason);
    struct state_effect effect = {.kind = STATE_SESSION_CLOSED, .session = *session};
    slot_index_remove(&state->session_numbers, hash_u64(session->session), slot);
    slot_index_remove(&state->session_clients, client_hash(session->client), slot);
    unlink_from_user(state, slot);
    session->session = 0;
    slot_pool_return(&state->session_pool, slot);
    effects_note(effects, &effect);
}

void state_session_close(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    u32 slot = state_session_slot(state, command->session.session);
    check(slot != SLOT_NONE);
    session_end(state, slot, &change->effects,
                command->kind == STATE_END_SESSION ? (enum state_group_reason)command->reason
                                                   : GROUP_SESSION_ENDED);
}

void state_sessions_end(struct state *state, u32 user_id, u64 kept, const struct effects *effects)
{
    u32 link = state->user_lists[user_id].first_session;
    while (link != 0) {
        u32 slot = link - 1;
        link = state->session_links[slot].next;
        if (state->sessions[slot].session != kept && !bug_is_on(BUG_KEEP_SESSIONS)) {
            session_end(state, slot, effects, GROUP_SESSION_ENDED);
        }
    }
}

/* The record is changed in place, so this needs no room: a client that comes back is let in. */
void state_session_replace(struct state *state, const struct change *change)
{
    u64 old = change->command->old_session;
    u32 slot = state_session_slot(state, old);
    check(slot != SLOT_NONE);
    struct state_effect effect = {.kind = STATE_SESSION_CLOSED, .session = state->sessions[slot]};
    slot_index_remove(&state->session_numbers, hash_u64(old), slot);
    state->sessions[slot] = change->command->session;
    slot_index_add(&state->session_numbers, hash_u64(state->sessions[slot].session), slot);
    state_members_rename(state, slot, old);
    effects_note(&change->effects, &effect);
}
