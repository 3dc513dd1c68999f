/* The model of one consumer group: what its partitions may have stored, and who holds them.
 *
 *     polled, not committed ─▶ HELD: nobody else is served, and a commit by the holder is taken
 *          │                     │
 *          │                     └─ until it commits, leaves or is gone, or its time is over
 *          └─ stored: at least what was committed and answered; at most what was ever asked for
 *
 * A member asks one thing at a time. What is judged is what holds in every order in which requests
 * that overlap may have been done. Whether the holder of a partition was a member when another
 * was served cannot be known at once: it is a doubt, until the holder's next sync, over the same
 * session, says that it is.
 *
 * Offsets are told as `next`, the one after the stored one, so that nothing stored is 0.
 *
 * Owner: the crew. */
#pragma once

#include "sim/checkers.h"

#define GROUP_MEMBERS_MAX 8u
#define GROUP_PARTITIONS_MAX 4u
#define GROUP_NEXT_ANY UINT64_MAX

struct group_model_hold {
    bool is_held;    /* messages were handed out and are not committed */
    u64 asked_us;    /* by the poll that began it */
    u64 told_us;     /* when its answer came */
    bool is_doubted; /* another was served meanwhile */
    u64 doubted_us;
    u32 other;
};

struct group_model_partition {
    u64 next_min;
    u64 next_durable; /* what a crash leaves of it */
    u64 next_max;     /* GROUP_NEXT_ANY: a commit of unknown size got no answer */
    u64 next_lost;    /* a commit that got no answer may still set it; GROUP_NEXT_ANY: none */
    bool any_lost;    /* since the start: a commit of unknown size may still be done */
    struct group_model_hold holds[GROUP_MEMBERS_MAX];
};

/* What a member is asking about a partition. */
struct group_model_ask {
    bool is_open;
    u32 partition;
    u64 asked_us;
    u64 commits;  /* a commit of this; 0: none, GROUP_NEXT_ANY: of whatever it reads */
    u64 low;      /* the lowest `next_min` since it was asked */
    u64 acked;    /* the lowest commit of others that was answered since; GROUP_NEXT_ANY: none */
    bool was_any; /* somebody's commit of unknown size was under way meanwhile */
};

struct group_model {
    struct verdict *verdict;
    u64 handover_us; /* less what clocks may differ by */
    struct group_model_partition partitions[GROUP_PARTITIONS_MAX];
    struct group_model_ask asks[GROUP_MEMBERS_MAX];
};

void group_model_init(struct group_model *model, struct verdict *verdict, u64 handover_us);

/* ---- A member asks about a partition, and is answered ---- */

/* `commits`: the next offset that it stores, 0 for a poll or a look, GROUP_NEXT_ANY for a poll that
 * commits what it reads. */
void group_model_ask(struct group_model *model, u32 member, u32 partition, u64 commits, u64 now_us);

/* No answer came, or one that leaves open whether it was done. */
void group_model_lost(struct group_model *model, u32 member);

/* It was refused, and so changed nothing. */
void group_model_refused(struct group_model *model, u32 member);

/* It was refused as not being the member's partition. */
void group_model_not_owned(struct group_model *model, u32 member, u64 now_us);

/* A commit was done. */
void group_model_committed(struct group_model *model, u32 member, bool is_durable, u64 now_us);

/* A look at what is stored: with nothing else under way it is known again. */
void group_model_looked(struct group_model *model, u32 member, u64 next);

/* A poll of the next messages showed some, from `first` up to `next` - 1. */
struct group_model_read {
    u64 first;
    u64 next;
    bool is_durable; /* what it committed, if it did */
};
void group_model_read(struct group_model *model, u32 member, const struct group_model_read *read,
                      u64 now_us);

/* ---- Membership ---- */

/* A sync that was asked at `asked_us` said that it is a member. */
void group_model_is_member(struct group_model *model, u32 member, u64 asked_us);

/* It left, or leaves, or its session is over. */
void group_model_left(struct group_model *model, u32 member);

/* The server went without a clean stop, or could not write. */
void group_model_crash(struct group_model *model);

/* A log ended before what was stored: anything up to that may be stored now. */
void group_model_cut(struct group_model *model);

/* It is there again: nothing of before is under way any more. */
void group_model_started(struct group_model *model);
