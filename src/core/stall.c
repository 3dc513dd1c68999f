#include "core/stall.h"

#include "base/check.h"

static u64 now_us(struct stall *stall)
{
    return stall->clock_us == NULL ? 0 : stall->clock_us(stall->context);
}

static void close_part(struct stall *stall, u64 now)
{
    u64 part_us = now - stall->part_began_us;
    if (stall->part != NULL && part_us >= stall->longest_us) {
        stall->longest_us = part_us;
        stall->longest_part = stall->part;
    }
}

void stall_turn_begin(struct stall *stall)
{
    stall->turn_began_us = now_us(stall);
    stall->part_began_us = stall->turn_began_us;
    stall->part = NULL;
    stall->longest_part = NULL;
    stall->longest_us = 0;
}

void stall_enter(struct stall *stall, const char *part)
{
    u64 now = now_us(stall);
    close_part(stall, now);
    stall->part = part;
    stall->part_began_us = now;
}

u64 stall_turn_end(struct stall *stall)
{
    u64 now = now_us(stall);
    check(now >= stall->turn_began_us);
    close_part(stall, now);
    stall->part = NULL;
    return now - stall->turn_began_us;
}
