#include "state/state.h"

#include "base/check.h"
#include "state/state_tables.h"

u64 state_bytes(const struct state_options *options)
{
    return sizeof(struct state) + state_stream_bytes(options) + state_topic_bytes(options) +
           state_partition_bytes(options) + state_user_bytes(options) +
           state_permission_bytes(options) + state_token_bytes(options) +
           state_session_bytes(options) + state_group_bytes(options) + state_member_bytes(options) +
           64;
}

struct state *state_create(struct arena *arena, const struct state_options *options)
{
    struct state *state = arena_new(arena, struct state);
    state->options = *options;
    state_stream_tables(state, arena);
    state_topic_tables(state, arena);
    state_partition_tables(state, arena);
    state_user_tables(state, arena);
    state_permission_tables(state, arena);
    state_token_tables(state, arena);
    state_session_tables(state, arena);
    state_group_tables(state, arena);
    state_member_tables(state, arena);
    return state;
}

void state_copy(struct state *to, const struct state *from)
{
    check(memcmp(&to->options, &from->options, sizeof(to->options)) == 0);
    check(from->topic_loading == NULL);
    to->index = from->index;
    to->life_max = from->life_max;
    to->boot = from->boot;
    state_stream_copy(to, from);
    state_topic_copy(to, from);
    state_partition_copy(to, from);
    state_user_copy(to, from);
    state_permission_copy(to, from);
    state_token_copy(to, from);
    state_session_copy(to, from);
    state_group_copy(to, from);
    state_member_copy(to, from);
}

u64 state_index(const struct state *state)
{
    return state->index;
}

u32 state_boot(const struct state *state)
{
    return state->boot;
}

u64 state_life_max(const struct state *state)
{
    return state->life_max;
}

static void boot(struct state *state, const struct change *change)
{
    check(change->command->boot > state->boot);
    state->boot = change->command->boot;
    struct state_effect effect = {.kind = STATE_BOOTED};
    effects_note(&change->effects, &effect);
}

static void apply(struct state *state, const struct change *change)
{
    switch (change->command->kind) {
    case STATE_BOOT: boot(state, change); return;
    case STATE_CREATE_STREAM: state_stream_create(state, change); return;
    case STATE_UPDATE_STREAM: state_stream_update(state, change); return;
    case STATE_DELETE_STREAM: state_stream_delete(state, change); return;
    case STATE_PURGE_STREAM: state_stream_purge(state, change); return;
    case STATE_CREATE_TOPIC: state_topic_create(state, change); return;
    case STATE_UPDATE_TOPIC: state_topic_update(state, change); return;
    case STATE_DELETE_TOPIC: state_topic_delete(state, change); return;
    case STATE_PURGE_TOPIC: state_topic_purge(state, change); return;
    case STATE_CREATE_PARTITIONS: state_partitions_create(state, change); return;
    case STATE_DELETE_PARTITIONS: state_partitions_delete(state, change); return;
    case STATE_CREATE_USER: state_user_create(state, change); return;
    case STATE_SET_PASSWORD: state_user_set_password(state, change); return;
    case STATE_ADD_USER: state_user_create(state, change); return;
    case STATE_UPDATE_USER: state_user_update(state, change); return;
    case STATE_DELETE_USER: state_user_delete(state, change); return;
    case STATE_SET_PERMISSIONS: state_permissions_set(state, change); return;
    case STATE_CHANGE_PASSWORD: state_user_change_password(state, change); return;
    case STATE_CREATE_TOKEN: state_token_create(state, change); return;
    case STATE_DELETE_TOKEN: state_token_delete(state, change); return;
    case STATE_OPEN_SESSION: state_session_open(state, change); return;
    case STATE_CLOSE_SESSION:
    case STATE_END_SESSION: state_session_close(state, change); return;
    case STATE_REPLACE_SESSION: state_session_replace(state, change); return;
    case STATE_CREATE_GROUP: state_group_create(state, change); return;
    case STATE_DELETE_GROUP: state_group_delete(state, change); return;
    case STATE_JOIN_GROUP: state_member_join(state, change); return;
    case STATE_LEAVE_GROUP: state_member_leave(state, change); return;
    }
    unreachable();
}

static enum wire_error check_command(const struct state *state, const struct state_command *command)
{
    switch (command->kind) {
    case STATE_BOOT: return command->boot > state->boot ? WIRE_OK : WIRE_INVALID_COMMAND;
    case STATE_CREATE_STREAM:
    case STATE_UPDATE_STREAM:
    case STATE_DELETE_STREAM:
    case STATE_PURGE_STREAM: return state_stream_check(state, command);
    case STATE_CREATE_TOPIC:
    case STATE_UPDATE_TOPIC:
    case STATE_DELETE_TOPIC:
    case STATE_PURGE_TOPIC: return state_topic_check(state, command);
    case STATE_CREATE_PARTITIONS:
    case STATE_DELETE_PARTITIONS: return state_partition_check(state, command);
    case STATE_CREATE_USER:
    case STATE_SET_PASSWORD:
    case STATE_ADD_USER:
    case STATE_UPDATE_USER:
    case STATE_DELETE_USER:
    case STATE_SET_PERMISSIONS:
    case STATE_CHANGE_PASSWORD: return state_user_check(state, command);
    case STATE_CREATE_TOKEN:
    case STATE_DELETE_TOKEN: return state_token_check(state, command);
    case STATE_OPEN_SESSION:
    case STATE_CLOSE_SESSION:
    case STATE_END_SESSION:
    case STATE_REPLACE_SESSION: return state_session_check(state, command);
    case STATE_CREATE_GROUP:
    case STATE_DELETE_GROUP: return state_group_check(state, command);
    case STATE_JOIN_GROUP:
    case STATE_LEAVE_GROUP: return state_member_check(state, command);
    }
    return WIRE_INVALID_COMMAND;
}

void state_apply(struct state *state, u64 index, struct span command,
                 void (*on_effect)(void *context, const struct state_effect *effect), void *context)
{
    check(index > state->index);
    struct state_command decoded;
    enum status status = state_command_decode(command, &decoded);
    check(status == OK);
    check(check_command(state, &decoded) == WIRE_OK);

    struct change change = {
        .index = index,
        .command = &decoded,
        .effects = {.on_effect = on_effect, .context = context},
    };
    state->index = index;
    apply(state, &change);
}

enum wire_error state_check(const struct state *state, struct span command)
{
    struct state_command decoded;
    if (state_command_decode(command, &decoded) != OK) {
        return WIRE_INVALID_COMMAND;
    }
    return check_command(state, &decoded);
}

u64 state_content_hash(const struct state *state)
{
    u8 piece[4 * KIB];
    u64 hash = hash_u64(state->boot);
    struct state_cursor cursor = {0};
    bool more = true;
    while (more) {
        struct writer writer = writer_over(piece, sizeof(piece));
        more = state_save(state, &cursor, &writer);
        hash = hash_u64_pair(hash, hash_bytes(piece, writer.position));
    }
    return hash;
}

/* Who is in a group and owns what. A group that is gone has no members. */
static u64 members_hash(const struct state *state, const struct state_group *group)
{
    u64 hash = group->generation;
    const struct state_member *member = NULL;
    while (group->name_size > 0 && (member = state_member_next(state, group, member)) != NULL) {
        hash = hash_u64_pair(hash, member->number);
        hash = hash_u64_pair(hash, member->session);
        hash = hash_u64_pair(hash, (u64)member->id << 32 | member->partitions_count);
        u32 id = UINT32_MAX;
        while ((id = state_member_partition_next(state, member, id)) != UINT32_MAX) {
            hash = hash_u64_pair(hash, id);
        }
    }
    return hash;
}

u64 state_hash(const struct state *state)
{
    u64 hash = hash_u64_pair(state->index, state_content_hash(state));
    for (u32 slot = 0; slot < state->partition_pool.fresh; slot++) {
        const struct state_partition *partition = &state->partitions[slot];
        hash = hash_u64_pair(hash, partition->life);
        hash = hash_u64_pair(hash, (u64)partition->generation << 32 | partition->home);
        hash = hash_u64_pair(hash, (u64)partition->stream_id << 32 | partition->topic_id);
        hash = hash_u64_pair(hash, partition->id);
    }
    for (u32 slot = 0; slot < state->session_pool.fresh; slot++) {
        const struct state_session *session = &state->sessions[slot];
        if (session->session != 0) {
            hash = hash_u64_pair(hash, session->session);
            hash = hash_u64_pair(hash, session->client.low ^ hash_u64(session->client.high));
            hash = hash_u64_pair(hash, (u64)session->user_id << 32 | session->client_number);
        }
    }
    for (u32 slot = 0; slot < state->group_pool.fresh; slot++) {
        hash = hash_u64_pair(hash, members_hash(state, &state->groups[slot]));
    }
    return hash;
}
