/* Deadlines of one core: a hierarchical wheel of intrusive timers, so that setting and cancelling
 * cost a few stores, and 10,000 connections with a deadline each cost nothing while they are quiet.
 *
 * Owner: the core. A timer is embedded in what it belongs to; it may be set and cancelled at any
 *        time, also from its own `fired`. Resolution: 1 ms; a timer fires at or after its deadline,
 *        never before. */
#pragma once

#include "base/list.h"
#include "base/types.h"

struct core;

struct timer {
    struct list_node node;
    u64 deadline_us; /* monotonic; 0: not set */
    void (*fired)(struct core *core, struct timer *timer);
};

#define TIMER_LEVELS 5u
#define TIMER_SLOTS 64u

struct timers {
    u64 now_ms; /* up to which everything has fired */
    u32 count;
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
    u64 occupied[TIMER_LEVELS]; /* one bit a slot */
};

void timers_init(struct timers *timers, u64 now_us);
void timer_init(struct timer *timer, void (*fired)(struct core *core, struct timer *timer));
void timer_set(struct timers *timers, struct timer *timer, u64 deadline_us);
void timer_cancel(struct timers *timers, struct timer *timer);
bool timer_is_set(const struct timer *timer);

/* Fires what is due, at most `budget`; returns how many fired. */
u32 timers_run(struct timers *timers, struct core *core, u64 now_us, u32 budget);

/* When the next turn is needed: at or before the earliest deadline; UINT64_MAX when none is set. */
u64 timers_next_us(const struct timers *timers);
