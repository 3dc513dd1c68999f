#include "edge/group_turns.h"

#include "base/check.h"

static u32 turns_max(const struct plan *plan)
{
    return state_members_max(&(struct state_options){.sessions_max = plan->sessions_max});
}

u64 group_turns_bytes(const struct plan *plan)
{
    return turns_max(plan) * (u64)sizeof(struct group_turn) + 64;
}

void group_turns_init(struct edge *edge, struct arena *arena, const struct plan *plan)
{
    edge->group_turns_count = turns_max(plan);
    edge->group_turns = arena_array(arena, struct group_turn, edge->group_turns_count);
}

bool group_turn_look(const struct edge *edge, const struct state_member *member, u32 *partition_id)
{
    check(member->slot < edge->group_turns_count);
    if (member->partitions_count == 0) {
        return false;
    }
    const struct group_turn *turn = &edge->group_turns[member->slot];
    u32 taken = turn->member == member->number ? turn->turn : 0;
    *partition_id =
        state_member_partition_at(edge->core->state, member, taken % member->partitions_count);
    check(*partition_id != UINT32_MAX);
    return true;
}

bool group_turn_take(struct edge *edge, const struct state_member *member, u32 *partition_id)
{
    if (!group_turn_look(edge, member, partition_id)) {
        return false;
    }
    struct group_turn *turn = &edge->group_turns[member->slot];
    if (turn->member != member->number) {
        *turn = (struct group_turn){.member = member->number};
    }
    turn->turn = (turn->turn + 1) % member->partitions_count;
    return true;
}
