#include "sim/group_model.h"

#include <inttypes.h>

#include "base/check.h"

void group_model_init(struct group_model *model, struct verdict *verdict, u64 handover_us)
{
    *model = (struct group_model){
        .verdict = verdict, .handover_us = handover_us - handover_us / 100, /* clocks drift */
    };
    for (u32 i = 0; i < GROUP_PARTITIONS_MAX; i++) {
        model->partitions[i].next_lost = GROUP_NEXT_ANY;
    }
}

static struct group_model_ask *ask_of(struct group_model *model, u32 member)
{
    check(member < GROUP_MEMBERS_MAX);
    check(model->asks[member].is_open);
    return &model->asks[member];
}

static struct group_model_hold *hold_of(struct group_model *model, u32 member)
{
    return &model->partitions[model->asks[member].partition].holds[member];
}

/* ---- What is stored ---- */

/* From now on it may be as low as this. */
static void lower(struct group_model *model, u32 partition, u64 next)
{
    struct group_model_partition *at = &model->partitions[partition];
    at->next_min = u64_min(at->next_min, next);
    at->next_durable = u64_min(at->next_durable, next);
    for (u32 i = 0; i < GROUP_MEMBERS_MAX; i++) {
        struct group_model_ask *ask = &model->asks[i];
        if (ask->is_open && ask->partition == partition) {
            ask->low = u64_min(ask->low, next);
        }
    }
}

static void raise(struct group_model_partition *at, u64 next, bool is_durable)
{
    at->next_min = u64_max(at->next_min, next);
    at->next_durable = is_durable ? u64_max(at->next_durable, next) : at->next_durable;
}

/* Others who are asking about the same partition learn of it. */
static void tell_others(struct group_model *model, u32 member)
{
    const struct group_model_ask *mine = &model->asks[member];
    for (u32 i = 0; i < GROUP_MEMBERS_MAX; i++) {
        struct group_model_ask *other = &model->asks[i];
        if (i == member || !other->is_open || other->partition != mine->partition) {
            continue;
        }
        if (mine->commits == GROUP_NEXT_ANY) {
            other->was_any = true;
        } else if (mine->commits != 0) {
            other->acked = u64_min(other->acked, mine->commits);
        }
    }
}

/* The lowest commit by number that may have been done after this one. */
static u64 lowest_beside(const struct group_model *model, u32 member)
{
    const struct group_model_ask *mine = &model->asks[member];
    u64 lowest = u64_min(mine->acked, model->partitions[mine->partition].next_lost);
    for (u32 i = 0; i < GROUP_MEMBERS_MAX; i++) {
        const struct group_model_ask *other = &model->asks[i];
        if (i != member && other->is_open && other->partition == mine->partition &&
            other->commits != 0) {
            lowest = u64_min(lowest, other->commits);
        }
    }
    return lowest;
}

static void saw_next(struct group_model *model, u32 member, u64 next, const char *how)
{
    const struct group_model_ask *ask = &model->asks[member];
    const struct group_model_partition *at = &model->partitions[ask->partition];
    bool is_low = next < ask->low;
    bool is_high = next > at->next_max && !ask->was_any;
    if (is_low || is_high) {
        verdict_fail(model->verdict, CHECK_stored_offset_stays,
                     "partition %u of the group: %s by member %u shows that %" PRIu64
                     " is next; what was committed says at least %" PRIu64 ", at most %" PRIu64,
                     ask->partition, how, member, next, ask->low, at->next_max);
    }
}

/* ---- Who holds it ---- */

/* All the while since `ask` was asked; what commits just now may have let go. */
static bool holds_since(const struct group_model *model, u32 member,
                        const struct group_model_ask *ask, u64 now_us)
{
    const struct group_model_hold *hold = &model->partitions[ask->partition].holds[member];
    const struct group_model_ask *own = &model->asks[member];
    bool commits = own->is_open && own->partition == ask->partition && own->commits != 0;
    return hold->is_held && !commits && hold->told_us < ask->asked_us &&
           now_us < hold->asked_us + model->handover_us;
}

/* The member was let in: nobody else may hold it. */
static void doubt_others(struct group_model *model, u32 member, u64 now_us)
{
    const struct group_model_ask *ask = &model->asks[member];
    for (u32 i = 0; i < GROUP_MEMBERS_MAX; i++) {
        struct group_model_hold *hold = &model->partitions[ask->partition].holds[i];
        if (i == member || hold->is_doubted || !holds_since(model, i, ask, now_us)) {
            continue;
        }
        hold->is_doubted = true;
        hold->doubted_us = now_us;
        hold->other = member;
    }
}

static void let_go(struct group_model *model, u32 member)
{
    struct group_model_hold *hold = hold_of(model, member);
    hold->is_held = false; /* a doubt stays: it is about what was */
}

/* ---- Asking and answers ---- */

void group_model_ask(struct group_model *model, u32 member, u32 partition, u64 commits, u64 now_us)
{
    check(member < GROUP_MEMBERS_MAX);
    check(partition < GROUP_PARTITIONS_MAX);
    check(!model->asks[member].is_open);
    struct group_model_partition *at = &model->partitions[partition];
    bool any = false;
    for (u32 i = 0; i < GROUP_MEMBERS_MAX; i++) {
        const struct group_model_ask *other = &model->asks[i];
        any = any ||
              (other->is_open && other->partition == partition && other->commits == GROUP_NEXT_ANY);
    }
    model->asks[member] = (struct group_model_ask){
        .is_open = true,
        .partition = partition,
        .asked_us = now_us,
        .commits = commits,
        .low = at->next_min,
        .acked = GROUP_NEXT_ANY,
        .was_any = any,
    };
    if (commits == GROUP_NEXT_ANY) {
        tell_others(model, member);
        let_go(model, member);
    } else if (commits != 0) {
        lower(model, partition, commits);
        at->next_max = u64_max(at->next_max, commits);
    }
}

void group_model_lost(struct group_model *model, u32 member)
{
    struct group_model_ask *ask = ask_of(model, member);
    struct group_model_partition *at = &model->partitions[ask->partition];
    if (ask->commits == GROUP_NEXT_ANY) {
        at->next_max = GROUP_NEXT_ANY;
        at->any_lost = true;
    } else if (ask->commits != 0) {
        at->next_lost = u64_min(at->next_lost, ask->commits);
    }
    let_go(model, member);
    ask->is_open = false;
}

void group_model_refused(struct group_model *model, u32 member)
{
    struct group_model_ask *ask = ask_of(model, member);
    if (ask->commits != 0) {
        let_go(model, member);
    }
    ask->is_open = false;
}

void group_model_not_owned(struct group_model *model, u32 member, u64 now_us)
{
    const struct group_model_ask *ask = ask_of(model, member);
    const struct group_model_hold *hold = hold_of(model, member);
    bool is_commit = ask->commits != 0 && ask->commits != GROUP_NEXT_ANY;
    if (is_commit && hold->is_held && now_us < hold->asked_us + model->handover_us) {
        verdict_fail(model->verdict, CHECK_groups_hold,
                     "partition %u of the group: member %u was handed messages and is a member, "
                     "but its commit is refused",
                     ask->partition, member);
    }
    group_model_refused(model, member);
}

void group_model_committed(struct group_model *model, u32 member, bool is_durable, u64 now_us)
{
    struct group_model_ask *ask = ask_of(model, member);
    u64 lowest = u64_min(ask->commits, lowest_beside(model, member));
    check(ask->commits != 0);
    doubt_others(model, member, now_us);
    let_go(model, member);
    tell_others(model, member);
    raise(&model->partitions[ask->partition], lowest, is_durable);
    ask->is_open = false;
}

void group_model_looked(struct group_model *model, u32 member, u64 next)
{
    struct group_model_ask *ask = ask_of(model, member);
    struct group_model_partition *at = &model->partitions[ask->partition];
    saw_next(model, member, next, "a look");
    bool is_alone = !ask->was_any && ask->acked == GROUP_NEXT_ANY && !at->any_lost;
    for (u32 i = 0; i < GROUP_MEMBERS_MAX; i++) {
        const struct group_model_ask *other = &model->asks[i];
        bool commits = other->is_open && other->partition == ask->partition && other->commits != 0;
        is_alone = is_alone && !commits;
    }
    if (is_alone && at->next_max == GROUP_NEXT_ANY) {
        at->next_max = next;
    }
    ask->is_open = false;
}

void group_model_read(struct group_model *model, u32 member, const struct group_model_read *read,
                      u64 now_us)
{
    struct group_model_ask *ask = ask_of(model, member);
    struct group_model_partition *at = &model->partitions[ask->partition];
    check(read->next > read->first);
    saw_next(model, member, read->first, "a poll");
    doubt_others(model, member, now_us);
    if (ask->commits == GROUP_NEXT_ANY) {
        /* It began after what was stored, and held the partition: it did not go back. */
        raise(at, u64_min(read->next, lowest_beside(model, member)), read->is_durable);
        at->next_max = u64_max(at->next_max, read->next);
    } else {
        struct group_model_hold *hold = hold_of(model, member);
        hold->asked_us = hold->is_held ? hold->asked_us : ask->asked_us;
        hold->told_us = hold->is_held ? hold->told_us : now_us;
        hold->is_held = true;
    }
    ask->is_open = false;
}

/* ---- Membership ---- */

void group_model_is_member(struct group_model *model, u32 member, u64 asked_us)
{
    for (u32 i = 0; i < GROUP_PARTITIONS_MAX; i++) {
        struct group_model_hold *hold = &model->partitions[i].holds[member];
        if (hold->is_doubted && asked_us > hold->doubted_us) {
            verdict_fail(model->verdict, CHECK_groups_hold,
                         "partition %u of the group: member %u was let in at %" PRIu64
                         " us, while member %u had not committed what it was handed",
                         i, hold->other, hold->doubted_us, member);
        }
    }
}

void group_model_left(struct group_model *model, u32 member)
{
    for (u32 i = 0; i < GROUP_PARTITIONS_MAX; i++) {
        model->partitions[i].holds[member] = (struct group_model_hold){0};
    }
}

void group_model_crash(struct group_model *model)
{
    for (u32 i = 0; i < GROUP_PARTITIONS_MAX; i++) {
        struct group_model_partition *at = &model->partitions[i];
        at->next_min = at->next_durable;
    }
}

void group_model_cut(struct group_model *model)
{
    for (u32 i = 0; i < GROUP_PARTITIONS_MAX; i++) {
        lower(model, i, 0);
    }
}

void group_model_started(struct group_model *model)
{
    for (u32 i = 0; i < GROUP_PARTITIONS_MAX; i++) {
        model->partitions[i].next_lost = GROUP_NEXT_ANY;
        model->partitions[i].any_lost = false;
    }
}
