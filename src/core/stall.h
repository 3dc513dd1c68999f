/* Who took long? The thread marks what runs (`stall_enter`), and once a turn the driver hands in
 * how long the whole turn took. Past 500 us the recorder gets the name of the longest part.
 *
 * Reading a clock inside a turn is the driver's business: it gives `stall` a function that the real
 * driver answers with the monotonic clock and the simulator with its virtual one. */
#pragma once

#include "base/types.h"

#define STALL_TURN_US_MAX 500u

struct stall {
    u64 (*clock_us)(void *context);
    void *context;
    u64 turn_began_us;
    u64 part_began_us;
    const char *part;
    const char *longest_part;
    u64 longest_us;
};

void stall_turn_begin(struct stall *stall);
void stall_enter(struct stall *stall, const char *part);

/* Length of the turn in microseconds. */
u64 stall_turn_end(struct stall *stall);
