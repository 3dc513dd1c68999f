/* Personal access tokens. Only hashes are kept: whoever reads the disk cannot log in. */
#include "base/check.h"
#include "state/state_tables.h"

u64 state_token_bytes(const struct state_options *options)
{
    return options->tokens_max * (u64)(sizeof(struct state_token) + sizeof(u32)) +
           slot_pool_bytes(options->tokens_max) + slot_index_bytes(options->tokens_max) + 128;
}

void state_token_tables(struct state *state, struct arena *arena)
{
    u32 tokens_max = state->options.tokens_max;
    state->tokens = arena_array(arena, struct state_token, tokens_max);
    state->token_nexts = arena_array(arena, u32, tokens_max);
    slot_pool_init(&state->token_pool, arena, tokens_max);
    slot_index_init(&state->token_hashes, arena, tokens_max);
}

void state_token_copy(struct state *to, const struct state *from)
{
    u32 slots = slot_pool_copy(&to->token_pool, &from->token_pool);
    table_copy(to->tokens, from->tokens, slots);
    table_copy(to->token_nexts, from->token_nexts, slots);
    slot_index_copy(&to->token_hashes, &from->token_hashes, slots);
}

u32 state_tokens_count(const struct state *state)
{
    return state->token_pool.taken_count;
}

static u64 hash_of_hash(const u8 hash[TOKEN_HASH_BYTES])
{
    return hash_bytes(hash, TOKEN_HASH_BYTES);
}

const struct state_token *state_token_find(const struct state *state,
                                           const u8 hash[TOKEN_HASH_BYTES])
{
    const struct slot_index *hashes = &state->token_hashes;
    for (u32 slot = slot_index_first(hashes, hash_of_hash(hash)); slot != SLOT_NONE;
         slot = slot_index_next(hashes, slot)) {
        if (memcmp(state->tokens[slot].hash, hash, TOKEN_HASH_BYTES) == 0) {
            return &state->tokens[slot];
        }
    }
    return NULL;
}

const struct state_token *state_token_next(const struct state *state, u32 user_id,
                                           const struct state_token *after)
{
    check(user_id < state->options.users_max);
    u32 link = after == NULL ? state->user_lists[user_id].first_token
                             : state->token_nexts[after - state->tokens];
    return link == 0 ? NULL : &state->tokens[link - 1];
}

const struct state_token *state_token_named(const struct state *state, u32 user_id,
                                            struct span name)
{
    const struct state_token *token = state_token_next(state, user_id, NULL);
    while (token != NULL && !span_equal((struct span){token->name, token->name_size}, name)) {
        token = state_token_next(state, user_id, token);
    }
    return token;
}

enum wire_error state_token_check(const struct state *state, const struct state_command *command)
{
    if (state_user_get(state, command->user_id) == NULL) {
        return WIRE_RESOURCE_NOT_FOUND;
    }
    bool exists = state_token_named(state, command->user_id, command->name) != NULL;
    if (command->kind == STATE_DELETE_TOKEN) {
        return exists ? WIRE_OK : WIRE_RESOURCE_NOT_FOUND;
    }
    if (exists || state_token_find(state, command->token_hash.data) != NULL) {
        return WIRE_TOKEN_ALREADY_EXISTS;
    }
    bool has_room = slot_pool_free_count(&state->token_pool) > 0;
    return has_room ? WIRE_OK : WIRE_TOKENS_LIMIT_REACHED;
}

void state_token_put(struct state *state, const struct state_token *token)
{
    u32 slot = slot_pool_take(&state->token_pool);
    u32 *link = &state->user_lists[token->user_id].first_token;
    while (*link != 0) {
        link = &state->token_nexts[*link - 1];
    }
    *link = slot + 1;
    state->tokens[slot] = *token;
    state->token_nexts[slot] = 0;
    slot_index_add(&state->token_hashes, hash_of_hash(token->hash), slot);
    state->users[token->user_id].tokens_count++;
}

void state_token_create(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    struct state_token token = {
        .user_id = command->user_id,
        .name_size = (u8)command->name.size,
        .expires_at_us = command->expires_at_us,
    };
    check(command->name.size <= TOKEN_NAME_BYTES_MAX);
    check(command->token_hash.size == TOKEN_HASH_BYTES);
    memcpy(token.name, command->name.data, command->name.size);
    memcpy(token.hash, command->token_hash.data, TOKEN_HASH_BYTES);
    state_token_put(state, &token);
}

static void token_remove(struct state *state, u32 slot)
{
    struct state_token *token = &state->tokens[slot];
    struct state_user *user = &state->users[token->user_id];
    u32 *link = &state->user_lists[token->user_id].first_token;
    while (*link != slot + 1) {
        check(*link != 0);
        link = &state->token_nexts[*link - 1];
    }
    *link = state->token_nexts[slot];
    check(user->tokens_count > 0);
    user->tokens_count--;
    slot_index_remove(&state->token_hashes, hash_of_hash(token->hash), slot);
    slot_pool_return(&state->token_pool, slot);
    *token = (struct state_token){0};
}

void state_token_delete(struct state *state, const struct change *change)
{
    const struct state_command *command = change->command;
    const struct state_token *token = state_token_named(state, command->user_id, command->name);
    check(token != NULL);
    token_remove(state, (u32)(token - state->tokens));
}

void state_tokens_drop(struct state *state, u32 user_id)
{
    while (state->user_lists[user_id].first_token != 0) {
        token_remove(state, state->user_lists[user_id].first_token - 1);
    }
}
