/* Virtual time: what happens next, and when.
 *
 *     now ──▶ [12 us: disk done][15 us: core 1 turns][15 us: bytes arrive] …
 *
 * Events run in the order of their time, those of one instant in the order they were added; so a
 * run depends on the seed alone. Nothing here reads a real clock.
 *
 * Owner: the simulator's one thread. Memory: a heap of events that grows. */
#pragma once

#include "base/types.h"

struct sim_event {
    u64 at_us;
    u64 order;
    void (*run)(void *context, u64 word);
    void *context;
    u64 word;
};

struct sim_clock {
    u64 now_us;
    u64 order_last;
    struct sim_event *events; /* a binary heap, earliest first */
    u32 events_count;
    u32 events_room;
};

void sim_clock_init(struct sim_clock *clock);
void sim_clock_deinit(struct sim_clock *clock);

/* `context` must be there until the event ran: events are never taken back, so what they point to
 * remembers by itself that it is over. */
void sim_clock_at(struct sim_clock *clock, u64 at_us, void (*run)(void *context, u64 word),
                  void *context, u64 word);

/* Advances to the next event and runs it. False when there is none at or before `limit_us`; the
 * clock then stands at `limit_us`, or stays where it is when there is no event at all. */
bool sim_clock_step(struct sim_clock *clock, u64 limit_us);
