/* A crew: the members of one consumer group, who come, poll, pause, die and come back, and a leader
 * who makes the group and sends.
 *
 *     member   join ─▶ [ sync ─▶ poll ─▶ sync ─▶ commit ]… ─▶ leave, reset, vanish, pause
 *
 * What the group promises is judged by its generations, which rise with every change. All who ask
 * in one generation are told of partitions that no two of them share. A poll between two answers of
 * the same generation was made in it: of a partition of one's own, or it must be refused. The group
 * is there after a restart; who was in it is not. Some keep their client id, and are members still
 * when they are back within the grace of the group. Some polls commit by themselves; what others
 * were handed is committed soon, late, or never, and until then the partition is theirs alone. What
 * is stored is judged by group_model.h.
 *
 * Owner: the workload. */
#pragma once

#include "sim/group_model.h"
#include "sim/model.h"
#include "sim/sim_client.h"

#define CREW_MEMBERS_MAX 4u
#define CREW_PARTITIONS 4u
#define CREW_GENERATIONS_KEPT 64u

struct workload;
struct crew;

enum crew_ask {
    CREW_LOGIN,
    CREW_STREAM,
    CREW_TOPIC,
    CREW_GROUP,
    CREW_LOOK,
    CREW_SEND,
    CREW_JOIN,
    CREW_LEAVE,
    CREW_SYNC,
    CREW_POLL,
    CREW_SYNC_AGAIN,
    CREW_COMMIT
};

/* The leader, or a member: one request at a time. */
struct crew_hand {
    struct crew *crew;
    u32 index; /* 0: the leader */
    struct prng prng;
    struct sim_client client;
    struct sim_client_call call;
    bool logged_in;
    bool joined;      /* as answered, on this session, or on one that this took over */
    bool was_member;  /* when its connection was lost */
    u64 alive_us;     /* no later than the server last saw it connected and logged in */
    u32 starts_count; /* of the server, then */
    bool is_busy;
    enum crew_ask asked;

    u64 generation; /* of the last sync */
    u32 partitions; /* bits: its own, then */
    u32 polled;     /* the partition, or the one whose offset is asked for or stored */
    bool was_served;
    bool commits;   /* what it asked stores something ... */
    bool is_synced; /* ... and is answered when that is on disk */

    /* Of each partition: the next offset after what it was handed, and when it will say so. */
    u64 handed_next[CREW_PARTITIONS]; /* 0: nothing */
    u64 commit_at_us[CREW_PARTITIONS];
};

/* Who had what in a generation: index of the hand, 0: not told. */
struct crew_generation {
    u64 generation;
    u32 owners[CREW_PARTITIONS];
};

struct crew {
    struct workload *workload;
    struct crew_hand hands[CREW_MEMBERS_MAX + 1];
    u32 hands_count;
    bool is_made; /* acknowledged: the group is there for good */
    enum crew_ask
        next_make;    /* CREW_STREAM, _TOPIC, _GROUP, then CREW_SEND; anew after each start */
    u32 starts_count; /* of the server, when that was begun */
    u32 looks_count;  /* at partitions since then */
    u32 offset_cuts;  /* that the server had logged, then */
    u64 sent;
    struct group_model model;
    struct crew_generation generations[CREW_GENERATIONS_KEPT];
    u8 body[8192];
};

void crew_init(struct crew *crew, struct workload *workload, u64 seed);

/* The server went, or could not write: what is not durable may be gone. */
void crew_on_crash(struct crew *crew);
void crew_deinit(struct crew *crew);
void crew_start(struct crew *crew);
void crew_disconnect(struct crew *crew);
u32 crew_calls_in_flight(const struct crew *crew);
