/* What exists: streams, topics, partitions, groups, users, sessions. Pure: one copy per core, all
 * alike.
 *
 *     control ── APPLY (index, command) ──▶ each core: state_apply(state, index, command)
 *                                                └─▶ effects: partitions opened and closed
 *
 * Applying is deterministic: time and random numbers stand in the command, ids are the lowest free
 * number, and a partition's home core follows from its ids alone (place.h). Reading is a plain
 * local look-up. Nobody but state_apply and state_load changes anything.
 *
 * Lives. An id is reused, a life is not: it is the index of the command that created or purged the
 * object. (life, stream, topic, partition) names a partition's log for ever.
 *
 * Owner:   each core its own. Memory: from the core's arena, all at state_create.
 * Limits:  state_options; control refuses what would exceed them (state_check), so that applying
 *          never fails. */
#pragma once

#include "base/bytes.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "wire/error.h"
#include "wire/identifier.h"
#include "wire/right.h"
#include "wire/topic_options.h"

#define NAME_BYTES_MAX 255u
#define USER_ID_ROOT 0u
#define USERNAME_BYTES_MAX 50u
#define PASSWORD_HASH_BYTES_MAX 128u
#define TOKEN_NAME_BYTES_MAX 30u
#define TOKEN_HASH_BYTES 32u

/* The reference's caps, whatever the plan allows. */
#define STREAMS_LIMIT (1u << 20)
#define TOPICS_PER_STREAM_MAX 4096u
#define PARTITIONS_PER_TOPIC_MAX 1000000u

#define STATE_PARTITION_NONE UINT32_MAX
#define STATE_TOPIC_NONE UINT32_MAX

struct state;

struct state_options {
    u32 cores_count;
    u32 streams_max;
    u32 topics_max;
    u32 partitions_max;
    u32 users_max;
    u32 grants_max; /* permissions of all users, for streams and for topics */
    u32 tokens_max;
    u32 sessions_max;
};

/* Objects are read through these; pointers hold until the next state_apply. */
struct state_stream {
    u32 id;
    u64 life;
    u64 created_at_us;
    u32 topics_count;
    u8 name_size;
    u8 name[NAME_BYTES_MAX];
};

struct state_topic {
    u32 id;
    u32 stream_id;
    u64 life;
    u64 created_at_us;
    u32 partitions_count;
    u32 first_partition; /* slot of partition 0, or STATE_PARTITION_NONE; the others through
                                     state_partition_find */
    u32 groups_count;
    u32 group_next_id;            /* ids of groups are not reused */
    struct topic_options options; /* resolved: no 0 that means "server default" is left */
    u8 name_size;
    u8 name[NAME_BYTES_MAX];
};

struct state_partition {
    u32 slot;       /* its place in this table and in the gauges: below partitions_max */
    u32 generation; /* rises when the slot is reused or the partition is purged */
    u32 stream_id;
    u32 topic_id;
    u32 id;
    u32 home; /* core */
    u64 life;
    u64 created_at_us;
};

struct state_user {
    u32 id;
    u64 created_at_us;
    bool active;
    bool has_permissions;
    u16 permissions; /* enum global_permission; those of streams and topics are apart */
    u32 tokens_count;
    u8 name_size;
    u8 name[USERNAME_BYTES_MAX];
    char password_hash[PASSWORD_HASH_BYTES_MAX]; /* PHC text with a zero byte */
    u64 password_index; /* of the command that set it: keys the credential cache */
};

/* A personal access token: of itself only the hash is known. */
struct state_token {
    u32 user_id;
    u8 name_size;
    u8 name[TOKEN_NAME_BYTES_MAX];
    u8 hash[TOKEN_HASH_BYTES]; /* SHA-256 of its text */
    u64 expires_at_us;         /* UINT64_MAX: never */
};

struct state_session {
    u64 session; /* boot << 32 | n */
    struct u128 client;
    u32 user_id;
    u32 client_number; /* of the connection */
    u32 home;          /* core of the connection */
};

/* A consumer group of a topic. That it exists is durable; its members are of this start only. */
struct state_group {
    u32 slot; /* its place in this table: below state_groups_max */
    u32 id;   /* counts up within the topic */
    u32 stream_id;
    u32 topic_id;
    u64 generation; /* boot << 32 | n: rises with every change of members or partitions */
    u32 members_count;
    u8 name_size;
    u8 name[NAME_BYTES_MAX];
};

/* One session in one group. */
struct state_member {
    u64 number;  /* index of the command by which it joined: never another member's; 0: none */
    u64 session; /* changes when a client that keeps its id comes back */
    u32 slot;    /* its place in this table: below state_members_max */
    u32 group_slot;
    u32 id; /* as clients see it: above all others of the group, or 0 */
    u32 partitions_count;
};

u64 state_bytes(const struct state_options *options);
struct state *state_create(struct arena *arena, const struct state_options *options);

/* `to`, of the same options, becomes what `from` is, whatever it was; only what one of them ever
 * used is touched. */
void state_copy(struct state *to, const struct state *from);

/* Index of the last command applied; 0: none. */
u64 state_index(const struct state *state);

/* Number of this start of the server, from 1. */
u32 state_boot(const struct state *state);

/* The highest life that was ever given. A life on disk above it was given by a control log whose
 * end is lost: refuse to start. (state_index is no measure for that: starts and logins take numbers
 * too.) */
u64 state_life_max(const struct state *state);

/* ---- Look-ups: NULL when there is no such object. By number and by name everywhere ---- */

const struct state_stream *state_stream_get(const struct state *state, u32 id);
const struct state_stream *state_stream_find(const struct state *state,
                                             const struct identifier *identifier);
const struct state_topic *state_topic_get(const struct state *state, u32 stream_id, u32 id);
const struct state_topic *state_topic_find(const struct state *state, u32 stream_id,
                                           const struct identifier *identifier);
const struct state_partition *state_partition_find(const struct state *state, u32 stream_id,
                                                   u32 topic_id, u32 id);

/* By slot; NULL when the slot is free. */
const struct state_partition *state_partition_at(const struct state *state, u32 slot);
const struct state_user *state_user_get(const struct state *state, u32 id);
const struct state_user *state_user_find(const struct state *state,
                                         const struct identifier *identifier);

/* By the hash of its text; of a user by name. The next one of a user in order of creation, NULL
 * begins; `after` still exists. */
const struct state_token *state_token_find(const struct state *state,
                                           const u8 hash[TOKEN_HASH_BYTES]);
const struct state_token *state_token_named(const struct state *state, u32 user_id,
                                            struct span name);
const struct state_token *state_token_next(const struct state *state, u32 user_id,
                                           const struct state_token *after);
const struct state_session *state_session_get(const struct state *state, u64 session);

/* The session that a client id of the header has now. */
const struct state_session *state_session_of_client(const struct state *state, struct u128 client);

const struct state_group *state_group_get(const struct state *state, u32 stream_id, u32 topic_id,
                                          u32 id);
const struct state_group *state_group_find(const struct state *state, u32 stream_id, u32 topic_id,
                                           const struct identifier *identifier);

/* Iteration in rising id: UINT32_MAX as `after` gives the first, then give the last one's id. NULL
 * at the end. `after` need not exist any more. */
const struct state_stream *state_stream_next(const struct state *state, u32 after);
const struct state_topic *state_topic_next(const struct state *state, u32 stream_id, u32 after);
const struct state_user *state_user_next(const struct state *state, u32 after);
const struct state_group *state_group_next(const struct state *state, u32 stream_id, u32 topic_id,
                                           u32 after);

/* The numbers that the next ones get: control puts them into its commands. */
u32 state_stream_lowest_free(const struct state *state);
u32 state_topic_lowest_free(const struct state *state, u32 stream_id);
u32 state_user_lowest_free(const struct state *state);

u32 state_streams_count(const struct state *state);
u32 state_topics_count(const struct state *state);
u32 state_partitions_count(const struct state *state);
u32 state_users_count(const struct state *state);
u32 state_grants_count(const struct state *state);
u32 state_tokens_count(const struct state *state);
/* In no order that means anything; `after` NULL: the first. NULL: no more. */
const struct state_session *state_session_next(const struct state *state,
                                               const struct state_session *after);
u32 state_sessions_count(const struct state *state);
u32 state_partitions_max(const struct state *state);
u32 state_groups_count(const struct state *state);
u32 state_members_count(const struct state *state);

/* How many there may be, all topics together. */
static inline u32 state_groups_max(const struct state_options *options)
{
    return options->topics_max;
}

static inline u32 state_members_max(const struct state_options *options)
{
    return 2 * options->sessions_max;
}

/* Each partition counted for each group with members. */
static inline u32 state_owned_partitions_max(const struct state_options *options)
{
    /* In blocks of 32: one for each group, and each partition in four groups more. */
    return 32 * (state_groups_max(options) + options->partitions_max / 8);
}

/* ---- Groups: who is in one, and which partitions does it read? ----
 *
 * All copies agree at an index, and a client is answered only when all copies have applied what it
 * asked for: so an edge resolves a session to its member, and a member to its partitions, in its
 * own core's copy. What the partition's own core says comes before it (shard/partition_group.c).
 *
 *     const struct state_member *member = state_member_of(state, group, session);
 *     NULL                                             not a member: 5006
 *     member->partitions_count == 0                    reads nothing at the moment
 *     state_group_owner(state, group, p) != member     not its partition
 *     state_member_partition_at(state, member, n)      its n-th, for a round robin */

/* The membership of this session in this group; NULL: not a member. */
const struct state_member *state_member_of(const struct state *state,
                                           const struct state_group *group, u64 session);

/* Who reads this partition; NULL: nobody. */
const struct state_member *state_group_owner(const struct state *state,
                                             const struct state_group *group, u32 partition_id);

/* Its partitions in rising id: UINT32_MAX as `after` gives the first; UINT32_MAX at the end. */
u32 state_member_partition_next(const struct state *state, const struct state_member *member,
                                u32 after);

/* Its partition number `position`, from 0 to partitions_count - 1, in rising id; UINT32_MAX past
 * them. */
u32 state_member_partition_at(const struct state *state, const struct state_member *member,
                              u32 position);

/* By slot; NULL when it is free. */
const struct state_member *state_member_at(const struct state *state, u32 slot);

/* The members of a group in the order in which they joined, and the memberships of a session; NULL
 * as `after` gives the first. NULL at the end. */
const struct state_member *state_member_next(const struct state *state,
                                             const struct state_group *group,
                                             const struct state_member *after);
const struct state_member *state_member_of_session_next(const struct state *state, u64 session,
                                                        const struct state_member *after);
const struct state_group *state_group_of_member(const struct state *state,
                                                const struct state_member *member);

/* ---- Permissions ---- */

/* What a right is asked about. Not looked at beyond the scope of the right. */
struct state_target {
    u32 stream_id;
    u32 topic_id;
};

/* May this user do that? Global bits are looked at first and cost two loads; for the rest there are
 * two look-ups. A user that does not exist or is not active may nothing but what needs no right. */
bool state_allows(const struct state *state, u32 user_id, enum right right,
                  struct state_target target);

/* The permissions of a user as a block of wire/permissions.h, streams and topics in rising id. */
void state_permissions_write(const struct state *state, u32 user_id, struct writer *writer);

/* Is this life of this place over? True when something at these ids had this life and was deleted
 * or purged since: every life up to state_life_max that is not the present one. False for lives
 * above, which this state never gave: what bears one is never trash. */
bool state_life_is_over(const struct state *state, u64 life, u32 stream_id, u32 topic_id, u32 id);

/* ---- Change ---- */

enum state_effect_kind {
    STATE_PARTITION_OPENED, /* a partition exists from here on: created, or purged into a life */
    STATE_PARTITION_CLOSED, /* this life is over: deleted or purged. Its log goes to the trash */
    STATE_TOPIC_UPDATED,    /* options changed: of partition `partition` and all of its topic */
    STATE_SESSION_CLOSED,
    STATE_GROUP_CHANGED, /* members or partitions: it was assigned anew, in its next generation */
    STATE_GROUP_DELETED, /* of a topic that stays: what is stored under its id is nobody's */
    STATE_BOOTED
};

/* Why a group was assigned anew. */
enum state_group_reason {
    GROUP_MEMBER_JOINED = 1,
    GROUP_MEMBER_LEFT = 2,
    GROUP_MEMBER_LOGGED_OUT = 3,
    GROUP_MEMBER_DISCONNECTED = 4,
    GROUP_MEMBER_SILENT = 5,   /* its heartbeats stopped */
    GROUP_MEMBER_REPLACED = 6, /* its connection, or its client id, logged in again */
    GROUP_MEMBER_NOT_BACK = 7, /* it was held for a while, and did not come back */
    GROUP_SESSION_ENDED = 8,   /* for another reason */
    GROUP_PARTITIONS_CHANGED = 9
};

/* "joined": for logs. Never NULL. */
const char *state_group_reason_name(enum state_group_reason reason);

struct state_group_change {
    u32 stream_id;
    u32 topic_id;
    u32 group_id;
    enum state_group_reason reason;
    u64 generation;
    u32 members_count;
    u32 moved_count; /* partitions taken from members that are still there */
};

struct state_effect {
    enum state_effect_kind kind;
    struct state_partition partition; /* as it was or is */
    bool is_purge;                    /* STATE_PARTITION_*: one life follows the other at once */
    struct state_session session;     /* STATE_SESSION_CLOSED: as it was */
    struct state_group_change group;  /* STATE_GROUP_*; of one deleted its ids alone */
};

/* Applies command `index`, which state_check allowed or the log held. Indexes rise; they leave gaps
 * where a command was given up, and in the log where volatile ones took a number. Every effect is
 * handed out before the call returns, in order. A command that does not decode, or that state_check
 * would refuse, is a failed check: it was ours. */
void state_apply(struct state *state, u64 index, struct span command,
                 void (*on_effect)(void *context, const struct state_effect *effect),
                 void *context);

/* Would this command be refused by what exists or by a limit? Decides for control, in one place,
 * what state_apply then does without failing. WIRE_INVALID_COMMAND when it does not decode. */
enum wire_error state_check(const struct state *state, struct span command);

/* ---- Snapshot: a chain of pieces, so that encoding can be cut into turns ---- */

struct state_cursor {
    u32 section;
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
    u64 group; /* 0: none of the topic's is saved; 1: the next id is; then 2 + the last one's id */
};

/* Writes the next piece into `writer` (at least 4 KiB free); false when it was the last. A cursor
 * of zeros begins. Volatile things (sessions, members of groups) are left out, and where partitions
 * live: loading places them anew. The pieces of one snapshot are of one index: the caller pauses
 * durable commands meanwhile. */
bool state_save(const struct state *state, struct state_cursor *cursor, struct writer *writer);

/* Adopts pieces in order, into a state just created. ERR_CORRUPT when they do not decode or do not
 * fit each other, ERR_LIMIT when this state has less room than the one saved. */
must_check enum status state_load(struct state *state, struct span piece);
void state_load_done(struct state *state, u64 index);

/* Equal copies have equal hashes: for the simulator's check that cores agree. The content alone is
 * what a snapshot holds, whatever cores, slots and sessions there are. */
u64 state_hash(const struct state *state);
u64 state_content_hash(const struct state *state);
