#include "shard/partition_group.h"

#include "base/bug.h"
#include "base/check.h"
#include "shard/shard_inside.h"

/* ---- The table ---- */

static u32 holds_max(const struct plan *plan)
{
    return state_owned_partitions_max(&(struct state_options){
        .topics_max = plan->topics_max,
        .partitions_max = plan->partitions_max,
    });
}

u64 group_holds_bytes(const struct plan *plan)
{
    return sizeof(struct group_hold) * ((u64)holds_max(plan) + 1) + 64;
}

void group_holds_init(struct group_holds *holds, struct arena *arena, const struct plan *plan)
{
    *holds = (struct group_holds){.holds_max = holds_max(plan)};
    holds->holds = arena_array(arena, struct group_hold, (u64)holds->holds_max + 1);
}

/* Who reads for this group; NULL: nobody. */
static struct group_hold *find(const struct partition *partition, u32 group_id)
{
    struct group_hold *holds = partition->shard->group_holds.holds;
    u32 index = partition->group_holds_first;
    while (index != GROUP_HOLD_NONE && holds[index].group_id != group_id) {
        index = holds[index].next;
    }
    return index == GROUP_HOLD_NONE ? NULL : &holds[index];
}

static struct group_hold *take(struct partition *partition, u32 group_id,
                               const struct state_member *member)
{
    struct group_holds *holds = &partition->shard->group_holds;
    u32 index = holds->free_first;
    if (index != GROUP_HOLD_NONE) {
        holds->free_first = holds->holds[index].next;
    } else {
        check(holds->used_count < holds->holds_max); /* state assigns no more than so many */
        index = ++holds->used_count;
    }
    struct group_hold *hold = &holds->holds[index];
    *hold = (struct group_hold){
        .next = partition->group_holds_first,
        .group_id = group_id,
        .member_slot = member->slot,
        .member = member->number,
        .serial = ++holds->serial_last,
    };
    partition->group_holds_first = index;
    return hold;
}

static void let_go(struct partition *partition, struct group_hold *hold)
{
    struct group_holds *holds = &partition->shard->group_holds;
    u32 index = (u32)(hold - holds->holds);
    u32 *at = &partition->group_holds_first;
    while (*at != index) {
        check(*at != GROUP_HOLD_NONE);
        at = &holds->holds[*at].next;
    }
    *at = hold->next;
    hold->next = holds->free_first;
    holds->free_first = index;
}

/* Nothing under way, and what was handed out is committed. */
static bool is_over(const struct partition *partition, const struct group_hold *hold)
{
    u64 stored = 0;
    struct offset_key key = {.kind = OFFSET_GROUP, .consumer = hold->group_id};
    if (hold->polls_count > 0) {
        return false;
    }
    return !hold->handed_out || (offsets_get(&partition->shard->offsets, partition, key, &stored) &&
                                 stored >= hold->offset);
}

static void let_go_when_over(struct partition *partition, struct group_hold *hold)
{
    if (is_over(partition, hold)) {
        let_go(partition, hold);
    }
}

/* ---- Who asks ---- */

static const struct state_group *group_of(const struct partition *partition, u32 group_id)
{
    return state_group_get(partition->shard->core->state, partition->stream_id, partition->topic_id,
                           group_id);
}

/* Whose the partition is by now, if that is who asks. */
static const struct state_member *asking_owner(const struct partition *partition,
                                               const struct shard_request *request, u32 group_id)
{
    const struct state *state = partition->shard->core->state;
    const struct state_group *group = group_of(partition, group_id);
    if (group == NULL) {
        return NULL;
    }
    const struct state_member *member = state_member_of(state, group, request->msg.member_session);
    const struct state_member *owner = state_group_owner(state, group, partition->id);
    return member == owner || bug_is_on(BUG_FORGET_FENCE) ? member : NULL;
}

/* ---- Polls ---- */

/* The holder had its time. */
static bool is_overdue(const struct partition *partition, const struct group_hold *hold)
{
    const struct shard *shard = partition->shard;
    return hold->wanted_at_us != 0 && shard->core->time.monotonic_us - hold->wanted_at_us >=
                                          shard->settings->group_handover_us;
}

static void take_away(struct partition *partition, struct group_hold *hold)
{
    struct core *core = partition->shard->core;
    counter_add(core->counters, COUNTER_group_handovers_forced, 1);
    event_warn(core->events,
               "group.not_committed stream=%u topic=%u partition=%u group=%u offset=%llu: its "
               "messages are handed out again",
               partition->stream_id, partition->topic_id, partition->id, hold->group_id,
               (unsigned long long)hold->offset);
    let_go(partition, hold);
}

enum group_verdict partition_group_poll_begin(struct partition *partition,
                                              struct shard_request *request)
{
    u32 group_id = request->msg.poll.consumer;
    const struct state_member *member = asking_owner(partition, request, group_id);
    if (member == NULL) {
        return GROUP_READS_NOTHING;
    }
    struct group_hold *hold = find(partition, group_id);
    if (hold != NULL && hold->member != member->number) {
        if (is_over(partition, hold) || bug_is_on(BUG_FORGET_FENCE) ||
            bug_is_on(BUG_FORGET_HANDOVER)) {
            let_go(partition, hold);
        } else if (is_overdue(partition, hold)) {
            take_away(partition, hold);
        } else {
            return GROUP_READS_LATER;
        }
        hold = NULL;
    }
    if (hold == NULL) {
        hold = take(partition, group_id, member);
    }
    hold->polls_count++;
    request->group_hold = hold->serial;
    return GROUP_MAY_READ;
}

bool partition_group_poll_holds(const struct partition *partition,
                                const struct shard_request *request)
{
    const struct group_hold *hold = find(partition, request->msg.poll.consumer);
    return hold != NULL && hold->serial == request->group_hold;
}

void partition_group_poll_end(struct partition *partition, struct shard_request *request,
                              bool handed_out, u64 last_offset)
{
    if (request->group_hold == 0) {
        return;
    }
    struct group_hold *hold = find(partition, request->msg.poll.consumer);
    bool holds = hold != NULL && hold->serial == request->group_hold;
    request->group_hold = 0;
    if (!holds) {
        return; /* it was taken, or the partition's life is over */
    }
    check(hold->polls_count > 0);
    hold->polls_count--;
    if (handed_out) {
        hold->offset = hold->handed_out ? u64_max(hold->offset, last_offset) : last_offset;
        hold->handed_out = true;
    }
    let_go_when_over(partition, hold);
}

/* ---- Commits ---- */

bool partition_group_may_write(const struct partition *partition,
                               const struct shard_request *request)
{
    u32 group_id = request->msg.offset.consumer;
    const struct group_hold *hold = find(partition, group_id);
    if (hold == NULL) {
        return asking_owner(partition, request, group_id) != NULL;
    }
    const struct state_group *group = group_of(partition, group_id);
    const struct state_member *member =
        group == NULL
            ? NULL
            : state_member_of(partition->shard->core->state, group, request->msg.member_session);
    return member != NULL && member->number == hold->member;
}

void partition_group_on_stored(struct partition *partition, u32 group_id)
{
    struct group_hold *hold = find(partition, group_id);
    if (hold != NULL) {
        let_go_when_over(partition, hold);
    }
}

/* ---- What state says ---- */

/* The members of a group, or who owns what, are others. */
static void look_at_holder(struct partition *partition, const struct state_group *group,
                           struct group_hold *hold)
{
    const struct shard *shard = partition->shard;
    const struct state_member *holder = state_member_at(shard->core->state, hold->member_slot);
    if (holder == NULL || holder->number != hold->member) {
        let_go(partition, hold); /* it will not commit any more */
        return;
    }
    if (state_group_owner(shard->core->state, group, partition->id) == holder) {
        hold->wanted_at_us = 0;
    } else if (hold->wanted_at_us == 0) {
        hold->wanted_at_us = u64_max(shard->core->time.monotonic_us, 1);
    }
}

/* The next partition of the topic from `id` on that is here. */
static struct partition *next_here(struct shard *shard, const struct state_group_change *change,
                                   u32 *id)
{
    const struct state *state = shard->core->state;
    const struct state_topic *topic = state_topic_get(state, change->stream_id, change->topic_id);
    for (; topic != NULL && *id < topic->partitions_count; (*id)++) {
        const struct state_partition *described =
            state_partition_find(state, topic->stream_id, topic->id, *id);
        check(described != NULL);
        struct partition *partition = &shard->partitions[described->slot];
        bool is_here = described->home == shard->core->index &&
                       partition->state != PARTITION_NONE && partition->life == described->life;
        if (is_here) {
            (*id)++;
            return partition;
        }
    }
    return NULL;
}

void group_holds_on_changed(struct shard *shard, const struct state_group_change *change)
{
    const struct state_group *group =
        state_group_get(shard->core->state, change->stream_id, change->topic_id, change->group_id);
    check(group != NULL);
    u32 id = 0;
    struct partition *partition = NULL;
    while ((partition = next_here(shard, change, &id)) != NULL) {
        struct group_hold *hold = find(partition, change->group_id);
        if (hold != NULL) {
            look_at_holder(partition, group, hold);
        }
    }
}

void group_holds_on_deleted(struct shard *shard, const struct state_group_change *change)
{
    u32 id = 0;
    struct partition *partition = NULL;
    while ((partition = next_here(shard, change, &id)) != NULL) {
        struct group_hold *hold = find(partition, change->group_id);
        if (hold != NULL) {
            let_go(partition, hold);
        }
        offsets_forget_group(&shard->offsets, partition, change->group_id);
    }
}

void partition_group_drop_all(struct partition *partition)
{
    while (partition->group_holds_first != GROUP_HOLD_NONE) {
        let_go(partition, &partition->shard->group_holds.holds[partition->group_holds_first]);
    }
}
