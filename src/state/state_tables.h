/* The tables behind state.h, shared by the sources of this folder and by nobody else.
 *
 *     streams     by id                names ─▶ stream_names
 *     topics      by slot, linked in rising id within their stream; ids and names ─▶ indexes
 *     partitions  by slot, ids 0 .. count-1 within their topic; (stream, topic, id) ─▶ index
 *     groups      by slot, linked in rising id within their topic; ids and names ─▶ indexes
 *     members     by slot, linked within their group and their session; (group, session) ─▶ index
 *     users       by id                names ─▶ user_names
 *     grants      by slot, linked in rising (stream, topic) within their user; all three ─▶ index
 *     tokens      by slot, linked in order of creation within their user; hashes ─▶ index
 *     sessions    by slot, linked within their user; number and client ─▶ indexes
 *
 * A record is free when its life is 0 (streams, topics, partitions), its name empty (users,
 * groups), its number 0 (sessions, members): the zeroed memory of an arena is an empty state. */
#pragma once

#include <string.h>

#include "base/map.h"
#include "state/slot_index.h"
#include "state/slot_pool.h"
#include "state/state.h"
#include "state/state_command.h"
#include "wire/partition_info.h"

/* The topics of a stream, by slot, in rising id. */
struct topic_list {
    u32 first_slot;
    u32 last_slot;
};

struct topic_link {
    u32 next_slot;
    u32 previous_slot;
};

/* What a user may do with one stream, or with one topic of it. */
struct grant {
    u32 user_id;
    u32 stream_id;
    u32 topic_id; /* STATE_TOPIC_NONE: the whole stream */
    u8 bits;      /* enum stream_permission or topic_permission */
};

/* Links are slots plus one, so that zeroed memory is an empty list. */
struct link {
    u32 next;
    u32 previous;
};

/* What belongs to a user. */
struct user_lists {
    u32 first_grant;
    u32 first_token;
    u32 first_session;
};

/* The groups of a topic, by slot, in rising id. */
struct group_list {
    u32 first_slot;
    u32 last_slot;
};

struct group_link {
    u32 next_slot;
    u32 previous_slot;
};

/* The members of a group in the order in which they joined, and who owns which partition. */
struct group_members {
    u32 first_slot;
    u32 last_slot;
    u32 first_block;      /* of owners: state_member.c */
    u32 partitions_count; /* that have an owner's place: all of the topic, or none */
};

struct member_link {
    u32 next_slot;
    u32 previous_slot;
    u32 next_of_session;
    u32 previous_of_session;
    u32 position; /* in its group, while that is assigned anew */
};

struct owner_block;
struct assign_share;

#define BLOCK_OWNERS 32u

static inline u32 state_owner_blocks_max(const struct state_options *options)
{
    return state_owned_partitions_max(options) / BLOCK_OWNERS;
}

struct state {
    struct state_options options;
    u64 index;
    u64 life_max;
    u32 boot;

    struct state_stream *streams;
    struct topic_list *topic_lists; /* beside streams */
    struct slot_index stream_names;
    u32 streams_count;
    u32 streams_end; /* ids from here on are free */
    u32 stream_lowest_free;

    struct state_topic *topics;
    struct topic_link *topic_links; /* beside topics */
    struct slot_pool topic_pool;
    struct slot_index topic_ids;
    struct slot_index topic_names;

    struct state_partition *partitions;
    struct slot_pool partition_pool;
    struct slot_index partition_ids;

    struct state_group *groups;
    struct group_link *group_links;      /* beside groups */
    struct group_members *group_members; /* beside groups */
    struct group_list *group_lists;      /* beside topics */
    struct slot_pool group_pool;
    struct slot_index group_ids;
    struct slot_index group_names;

    struct state_member *members;
    struct member_link *member_links; /* beside members */
    struct slot_pool member_pool;
    struct slot_index member_sessions;
    struct owner_block *owner_blocks;
    struct slot_pool owner_block_pool;
    u32 *session_members; /* beside sessions: the first of each */
    u32 *assign_owners;   /* while a group is assigned anew */
    struct assign_share *assign_shares;

    struct state_user *users;
    struct user_lists *user_lists; /* beside users */
    struct slot_index user_names;
    u32 users_count;
    u32 users_end;
    u32 user_lowest_free;

    struct grant *grants;
    u32 *grant_nexts; /* beside grants: slot plus one */
    struct slot_pool grant_pool;
    struct slot_index grant_places;  /* by user, stream and topic */
    struct slot_index grant_streams; /* by stream */

    struct state_token *tokens;
    u32 *token_nexts; /* beside tokens: slot plus one */
    struct slot_pool token_pool;
    struct slot_index token_hashes;

    struct state_session *sessions;
    struct link *session_links; /* beside sessions */
    struct slot_pool session_pool;
    struct slot_index session_numbers;
    struct slot_index session_clients;

    struct state_topic *topic_loading; /* whose partitions come next in a snapshot */
};

/* Where effects go while a command is applied. */
struct effects {
    void (*on_effect)(void *context, const struct state_effect *effect);
    void *context;
};

/* One command being applied. */
struct change {
    u64 index;
    const struct state_command *command;
    struct effects effects;
};

/* What created or purged a thing, and when it was created. */
struct origin {
    u64 life;
    u64 created_at_us;
};

static inline struct origin change_origin(const struct change *change)
{
    return (struct origin){.life = change->index, .created_at_us = change->command->time_us};
}

static inline void effects_note(const struct effects *effects, const struct state_effect *effect)
{
    if (effects->on_effect != NULL) {
        effects->on_effect(effects->context, effect);
    }
}

static inline struct span topic_name(const struct state_topic *topic)
{
    return (struct span){topic->name, topic->name_size};
}

static inline u32 topic_slot(const struct state *state, const struct state_topic *topic)
{
    return (u32)(topic - state->topics);
}

/* --- memory of each part, and its place in the arena --- */

u64 state_stream_bytes(const struct state_options *options);
u64 state_topic_bytes(const struct state_options *options);
u64 state_partition_bytes(const struct state_options *options);
u64 state_user_bytes(const struct state_options *options);
u64 state_permission_bytes(const struct state_options *options);
u64 state_token_bytes(const struct state_options *options);
u64 state_session_bytes(const struct state_options *options);
u64 state_group_bytes(const struct state_options *options);
u64 state_member_bytes(const struct state_options *options);

void state_stream_tables(struct state *state, struct arena *arena);
void state_topic_tables(struct state *state, struct arena *arena);
void state_partition_tables(struct state *state, struct arena *arena);
void state_user_tables(struct state *state, struct arena *arena);
void state_permission_tables(struct state *state, struct arena *arena);
void state_token_tables(struct state *state, struct arena *arena);
void state_session_tables(struct state *state, struct arena *arena);
void state_group_tables(struct state *state, struct arena *arena);
void state_member_tables(struct state *state, struct arena *arena);

/* --- each part of a copy; scratch is left out --- */

#define table_copy(to, from, count)                                                                \
    do {                                                                                           \
        static_assert(sizeof(*(to)) == sizeof(*(from)), "records of one table");                   \
        memcpy((to), (from), (count) * sizeof(*(to)));                                             \
    } while (0)

void state_stream_copy(struct state *to, const struct state *from);
void state_topic_copy(struct state *to, const struct state *from);
void state_partition_copy(struct state *to, const struct state *from);
void state_user_copy(struct state *to, const struct state *from);
void state_permission_copy(struct state *to, const struct state *from);
void state_token_copy(struct state *to, const struct state *from);
void state_session_copy(struct state *to, const struct state *from);
void state_group_copy(struct state *to, const struct state *from);
void state_member_copy(struct state *to, const struct state *from);

/* --- refusals, by kind of command --- */

enum wire_error state_stream_check(const struct state *state, const struct state_command *command);
enum wire_error state_topic_check(const struct state *state, const struct state_command *command);
enum wire_error state_partition_check(const struct state *state,
                                      const struct state_command *command);
enum wire_error state_user_check(const struct state *state, const struct state_command *command);
enum wire_error state_token_check(const struct state *state, const struct state_command *command);
enum wire_error state_session_check(const struct state *state, const struct state_command *command);
enum wire_error state_group_check(const struct state *state, const struct state_command *command);
enum wire_error state_member_check(const struct state *state, const struct state_command *command);

/* Could all groups of the topic be assigned so many partitions? */
bool state_members_have_room(const struct state *state, const struct state_topic *topic,
                             u32 partitions_count);

/* --- changes: state_check has allowed them --- */

void state_stream_create(struct state *state, const struct change *change);
void state_stream_update(struct state *state, const struct change *change);
void state_stream_delete(struct state *state, const struct change *change);
void state_stream_purge(struct state *state, const struct change *change);
void state_topic_create(struct state *state, const struct change *change);
void state_topic_update(struct state *state, const struct change *change);
void state_topic_delete(struct state *state, const struct change *change);
void state_topic_purge(struct state *state, const struct change *change);
void state_partitions_create(struct state *state, const struct change *change);
void state_partitions_delete(struct state *state, const struct change *change);
void state_user_create(struct state *state, const struct change *change);
void state_user_set_password(struct state *state, const struct change *change);
void state_user_change_password(struct state *state, const struct change *change);
void state_user_update(struct state *state, const struct change *change);
void state_user_delete(struct state *state, const struct change *change);
void state_permissions_set(struct state *state, const struct change *change);
void state_token_create(struct state *state, const struct change *change);
void state_token_delete(struct state *state, const struct change *change);
void state_session_open(struct state *state, const struct change *change);
void state_session_close(struct state *state, const struct change *change);
void state_session_replace(struct state *state, const struct change *change);
void state_group_create(struct state *state, const struct change *change);
void state_group_delete(struct state *state, const struct change *change);
void state_member_join(struct state *state, const struct change *change);
void state_member_leave(struct state *state, const struct change *change);

/* --- pieces of these that are used across files, and by loading --- */

struct state_stream *state_stream_add(struct state *state, u32 id, struct span name,
                                      const struct origin *origin);
struct state_topic *state_topic_add(struct state *state, u32 stream_id, u32 id, struct span name,
                                    const struct origin *origin);
struct state_user *state_user_add(struct state *state, u32 id, struct span name);
void state_user_set_hash(struct state_user *user, struct span hash, u64 index);

/* The partition after the last one of `topic`. */
struct state_partition *state_partition_add(struct state *state, struct state_topic *topic,
                                            const struct origin *origin);

/* `count` more partitions of `topic`, each with an effect. */
void state_partitions_grow(struct state *state, struct state_topic *topic, u32 count,
                           const struct change *change);

/* The last `count` go. */
void state_partitions_shrink(struct state *state, struct state_topic *topic, u32 count,
                             const struct change *change);

/* All of them end and begin a new life. */
void state_partitions_renew(struct state *state, const struct state_topic *topic,
                            const struct change *change);

/* The topic goes with all it has. */
void state_topic_remove(struct state *state, struct state_topic *topic,
                        const struct change *change);

/* Permissions: whether a block, in place of what `user` has (NULL: a new one), finds room; the
 * replacing; one more; and what goes with a user, a stream, a topic. */
enum wire_error state_permissions_check(const struct state *state, const struct state_user *user,
                                        const struct state_command *command);
void state_permissions_replace(struct state *state, struct state_user *user,
                               const struct state_command *command);
void state_grant_put(struct state *state, const struct grant *grant);
void state_permissions_drop(struct state *state, struct state_user *user);
void state_permissions_drop_stream(struct state *state, u32 stream_id);
void state_permissions_drop_topic(struct state *state, u32 stream_id, u32 topic_id);

/* The next grant of a user behind a link (0 begins), as a link; 0 at the end. */
u32 state_grant_next(const struct state *state, u32 user_id, u32 link);

void state_token_put(struct state *state, const struct state_token *token);
void state_tokens_drop(struct state *state, u32 user_id);

/* All sessions of a user end, save `kept`. */
void state_sessions_end(struct state *state, u32 user_id, u64 kept, const struct effects *effects);

/* --- sessions and their memberships --- */

/* SLOT_NONE: no such session. */
u32 state_session_slot(const struct state *state, u64 session);
void state_session_members_begin(struct state *state, u32 session_slot);

/* All memberships of a session end, each with an assignment of its group. */
void state_members_end(struct state *state, u32 session_slot, const struct effects *effects,
                       enum state_group_reason reason);

/* Its number was `old_session` until now; no group changes. */
void state_members_rename(struct state *state, u32 session_slot, u64 old_session);

/* --- groups with their topic --- */

void state_groups_begin(struct state *state, u32 topic_slot);

/* Would a group of this id come after all others of the topic? */
bool state_group_is_last(const struct state *state, const struct state_topic *topic, u32 id);
void state_group_add(struct state *state, struct state_topic *topic, u32 id, struct span name);

/* All groups of a topic that goes. */
void state_groups_remove(struct state *state, struct state_topic *topic);
void state_members_begin(struct state *state, u32 group_slot);

/* All members of a group that goes. */
void state_members_forget(struct state *state, u32 group_slot);

/* The topic has more or fewer partitions. */
void state_members_rebalance(struct state *state, const struct state_topic *topic,
                             const struct change *change);
