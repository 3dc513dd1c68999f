#include "state/assign.h"

#include "base/check.h"

static void count_owned(const u32 *owners, u32 partitions_count, struct assign_share *shares,
                        u32 members_count)
{
    for (u32 i = 0; i < members_count; i++) {
        shares[i] = (struct assign_share){0};
    }
    for (u32 i = 0; i < partitions_count; i++) {
        if (owners[i] != ASSIGN_NOBODY) {
            check(owners[i] < members_count);
            shares[owners[i]].owned++;
        }
    }
}

/* Everybody may own the even share; who owns more than that first gets one of the partitions that
 * are left over when all have it, because for them it saves a move. */
static void set_quotas(u32 partitions_count, struct assign_share *shares, u32 members_count)
{
    u32 fair = partitions_count / members_count;
    u32 extra = partitions_count % members_count;
    for (u32 i = 0; i < members_count; i++) {
        bool saves_move = extra > 0 && shares[i].owned > fair;
        shares[i].quota = fair + (saves_move ? 1 : 0);
        extra -= saves_move ? 1 : 0;
    }
    for (u32 i = 0; i < members_count && extra > 0; i++) {
        if (shares[i].quota == fair) {
            shares[i].quota++;
            extra--;
        }
    }
    check(extra == 0);
}

/* From the highest partition down, as the protocol's servers always did. */
static u32 take_back(u32 *owners, u32 partitions_count, struct assign_share *shares)
{
    u32 moves = 0;
    for (u32 i = partitions_count; i-- > 0;) {
        if (owners[i] != ASSIGN_NOBODY && shares[owners[i]].owned > shares[owners[i]].quota) {
            shares[owners[i]].owned--;
            owners[i] = ASSIGN_NOBODY;
            moves++;
        }
    }
    return moves;
}

/* What nobody owns goes round those that have room. */
static void give_out(u32 *owners, u32 partitions_count, struct assign_share *shares,
                     u32 members_count)
{
    u32 next = 0;
    for (u32 i = 0; i < partitions_count; i++) {
        if (owners[i] != ASSIGN_NOBODY) {
            continue;
        }
        u32 looked_at = 0;
        while (shares[next].owned == shares[next].quota) {
            next = (next + 1) % members_count;
            check(++looked_at < members_count); /* the quotas add up to all partitions */
        }
        owners[i] = next;
        shares[next].owned++;
        next = (next + 1) % members_count;
    }
}

/* Those of members that have gone were nobody's before, so giving them out is no move. */
u32 assign(u32 *owners, u32 partitions_count, struct assign_share *shares, u32 members_count)
{
    if (members_count == 0) {
        for (u32 i = 0; i < partitions_count; i++) {
            owners[i] = ASSIGN_NOBODY;
        }
        return 0;
    }
    count_owned(owners, partitions_count, shares, members_count);
    set_quotas(partitions_count, shares, members_count);
    u32 moves = take_back(owners, partitions_count, shares);
    give_out(owners, partitions_count, shares, members_count);
    return moves;
}
