/* Which member of a consumer group reads which partition? Even, and calm: members' shares differ by
 * at most one partition, and of all even answers this is one with the fewest moves. A move is a
 * partition that is taken from a member that is still there.
 *
 *     owners before   0 0 0 0 0 1     members 0, 1, 2
 *     owners after    0 0 2 2 1 1     shares 2 2 2, three moves: no even answer has fewer
 *
 * Pure, and a function of its arguments alone: every core comes to the same answer.
 *
 * Memory: both arrays are the caller's. */
#pragma once

#include "base/types.h"

#define ASSIGN_NOBODY UINT32_MAX

struct assign_share {
    u32 owned;
    u32 quota;
};

/* `owners` has a member's position, or ASSIGN_NOBODY, for each partition, and is changed in place;
 * `shares` has room for each member, and says afterwards how many it owns. Without members nobody
 * owns anything. Gives the number of moves. */
u32 assign(u32 *owners, u32 partitions_count, struct assign_share *shares, u32 members_count);
