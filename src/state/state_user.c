#include "base/check.h"
#include "state/state_tables.h"

u64 state_user_bytes(const struct state_options *options)
{
    return options->users_max * (u64)(sizeof(struct state_user) + sizeof(struct user_lists)) +
           slot_index_bytes(options->users_max) + 128;
}

void state_user_tables(struct state *state, struct arena *arena)
{
    state->users = arena_array(arena, struct state_user, state->options.users_max);
    state->user_lists = arena_array(arena, struct user_lists, state->options.users_max);
    slot_index_init(&state->user_names, arena, state->options.users_max);
}

void state_user_copy(struct state *to, const struct state *from)
{
    u32 end = u32_max(to->users_end, from->users_end);
    table_copy(to->users, from->users, end);
    table_copy(to->user_lists, from->user_lists, end);
    slot_index_copy(&to->user_names, &from->user_names, end);
    to->users_count = from->users_count;
    to->users_end = from->users_end;
    to->user_lowest_free = from->user_lowest_free;
}

static struct span user_name(const struct state_user *user)
{
    return (struct span){user->name, user->name_size};
}

static u64 user_hash(struct span name)
{
    return hash_bytes(name.data, name.size);
}

static const struct state_user *user_named(const struct state *state, struct span name)
{
    const struct slot_index *names = &state->user_names;
    for (u32 id = slot_index_first(names, user_hash(name)); id != SLOT_NONE;
         id = slot_index_next(names, id)) {
        if (span_equal(user_name(&state->users[id]), name)) {
            return &state->users[id];
        }
    }
    return NULL;
}

const struct state_user *state_user_get(const struct state *state, u32 id)
{
    bool exists = id < state->users_end && state->users[id].name_size != 0;
    return exists ? &state->users[id] : NULL;
}

const struct state_user *state_user_find(const struct state *state,
                                         const struct identifier *identifier)
{
    return identifier->kind == IDENTIFIER_NAME ? user_named(state, identifier->name)
                                               : state_user_get(state, identifier->id);
}

const struct state_user *state_user_next(const struct state *state, u32 after)
{
    for (u32 id = after + 1; id < state->users_end; id++) {
        if (state->users[id].name_size != 0) {
            return &state->users[id];
        }
    }
    return NULL;
}

u32 state_user_lowest_free(const struct state *state)
{
    return state->user_lowest_free;
}

u32 state_users_count(const struct state *state)
{
    return state->users_count;
}

/* ---- Refusals ---- */

static enum wire_error check_new(const struct state *state, const struct state_command *command)
{
    if (user_named(state, command->name) != NULL) {
        return WIRE_USER_ALREADY_EXISTS;
    }
    if (state->users_count == state->options.users_max) {
        return WIRE_USERS_LIMIT_REACHED;
    }
    if (command->user_id != state->user_lowest_free) {
        return WIRE_INVALID_COMMAND;
    }
    if (command->user_id == USER_ID_ROOT && command->has_permissions) {
        return WIRE_CANNOT_CHANGE_PERMISSIONS;
    }
    return state_permissions_check(state, NULL, command);
}

/* Root stays, stays active, and may everything: nobody is locked out. */
static enum wire_error check_update(const struct state *state, const struct state_command *command)
{
    const struct state_user *other = user_named(state, command->name);
    if (other != NULL && other->id != command->user_id) {
        return WIRE_USER_ALREADY_EXISTS;
    }
    bool locks_out = command->user_id == USER_ID_ROOT && !command->active;
    return locks_out ? WIRE_CANNOT_DELETE_USER : WIRE_OK;
}

enum wire_error state_user_check(const struct state *state, const struct state_command *command)
{
    if (command->kind == STATE_CREATE_USER || command->kind == STATE_ADD_USER) {
        return check_new(state, command);
    }
    const struct state_user *user = state_user_get(state, command->user_id);
    if (user == NULL) {
        return WIRE_RESOURCE_NOT_FOUND;
    }
    switch ((u32)command->kind) {
    case STATE_SET_PASSWORD:
    case STATE_CHANGE_PASSWORD: return WIRE_OK;
    case STATE_UPDATE_USER: return check_update(state, command);
    case STATE_DELETE_USER: return user->id == USER_ID_ROOT ? WIRE_CANNOT_DELETE_USER : WIRE_OK;
    case STATE_SET_PERMISSIONS:
        return user->id == USER_ID_ROOT ? WIRE_CANNOT_CHANGE_PERMISSIONS
                                        : state_permissions_check(state, user, command);
    default: return WIRE_INVALID_COMMAND;
    }
}

/* ---- Changes ---- */

static void user_set_name(struct state *state, struct state_user *user, struct span name)
{
    check(name.size >= 1);
    check(name.size <= USERNAME_BYTES_MAX);
    memcpy(user->name, name.data, name.size);
    user->name_size = (u8)name.size;
    slot_index_add(&state->user_names, user_hash(name), user->id);
}

struct state_user *state_user_add(struct state *state, u32 id, struct span name)
{
    check(id < state->options.users_max);
    struct state_user *user = &state->users[id];
    check(user->name_size == 0);

    *user = (struct state_user){.id = id};
    if (id == USER_ID_ROOT) {
        user->has_permissions = true;
        user->permissions = (1u << GLOBAL_PERMISSIONS_COUNT) - 1;
    }
    user_set_name(state, user, name);
    state->users_count++;
    state->users_end = u32_max(state->users_end, id + 1);
    while (state->user_lowest_free < state->users_end &&
           state->users[state->user_lowest_free].name_size != 0) {
        state->user_lowest_free++;
    }
    return user;
}

void state_user_set_hash(struct state_user *user, struct span hash, u64 index)
{
    check(hash.size < PASSWORD_HASH_BYTES_MAX);
    memset(user->password_hash, 0, sizeof(user->password_hash));
    if (hash.size > 0) {
        memcpy(user->password_hash, hash.data, hash.size);
    }
    user->password_index = index;
}

void state_user_create(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    check(command->user_id == state->user_lowest_free);
    struct state_user *user = state_user_add(state, command->user_id, command->name);
    user->created_at_us = command->time_us;
    user->active = command->active;
    state_user_set_hash(user, command->password_hash, change->index);
    if (command->has_permissions) {
        state_permissions_replace(state, user, command);
    }
}

void state_user_set_password(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    check(state_user_get(state, command->user_id) != NULL);
    state_user_set_hash(&state->users[command->user_id], command->password_hash, change->index);
}

void state_user_change_password(struct state *state, const struct change *change)
{
    state_user_set_password(state, change);
    state_sessions_end(state, change->command->user_id, change->command->session.session,
                       &change->effects);
}

void state_user_update(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    struct state_user *user = &state->users[command->user_id];
    check(user->name_size != 0);
    slot_index_remove(&state->user_names, user_hash(user_name(user)), user->id);
    user_set_name(state, user, command->name);
    user->active = command->active;
    if (!user->active) {
        state_sessions_end(state, user->id, 0, &change->effects);
    }
}

void state_user_delete(struct state *state, const struct change *change)
{
    u32 id = change->command->user_id;
    struct state_user *user = &state->users[id];
    check(id != USER_ID_ROOT);
    check(user->name_size != 0);
    state_sessions_end(state, id, 0, &change->effects);
    state_tokens_drop(state, id);
    state_permissions_drop(state, user);
    slot_index_remove(&state->user_names, user_hash(user_name(user)), id);
    *user = (struct state_user){0};
    state->users_count--;
    state->user_lowest_free = u32_min(state->user_lowest_free, id);
    while (state->users_end > 0 && state->users[state->users_end - 1].name_size == 0) {
        state->users_end--;
    }
}
