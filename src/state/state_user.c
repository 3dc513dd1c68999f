#include "base/check.h"
#include "state/state_tables.h"

u64 state_user_bytes(const struct state_options *options)
{
    return options->users_max * (u64)sizeof(struct state_user) +
           slot_index_bytes(options->users_max) + 64;
}

void state_user_tables(struct state *state, struct arena *arena)
{
    state->users = arena_array(arena, struct state_user, state->options.users_max);
    slot_index_init(&state->user_names, arena, state->options.users_max);
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

u32 state_users_count(const struct state *state)
{
    return state->users_count;
}

enum wire_error state_user_check(const struct state *state, const struct state_command *command)
{
    if (command->kind == STATE_SET_PASSWORD) {
        bool exists = state_user_get(state, command->user_id) != NULL;
        return exists ? WIRE_OK : WIRE_RESOURCE_NOT_FOUND;
    }
    if (user_named(state, command->name) != NULL) {
        return WIRE_USER_ALREADY_EXISTS;
    }
    if (state->users_count == state->options.users_max) {
        return WIRE_USERS_LIMIT_REACHED;
    }
    return command->user_id == state->user_lowest_free ? WIRE_OK : WIRE_INVALID_COMMAND;
}

struct state_user *state_user_add(struct state *state, u32 id, struct span name)
{
    check(id < state->options.users_max);
    check(name.size >= 1);
    check(name.size <= USERNAME_BYTES_MAX);
    struct state_user *user = &state->users[id];
    check(user->name_size == 0);

    *user = (struct state_user){.id = id, .name_size = (u8)name.size};
    memcpy(user->name, name.data, name.size);
    slot_index_add(&state->user_names, user_hash(name), id);
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
}

void state_user_set_password(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    check(state_user_get(state, command->user_id) != NULL);
    state_user_set_hash(&state->users[command->user_id], command->password_hash, change->index);
}
