/* A wheel of five levels of 64 slots: level 0 holds deadlines within 64 ms by the millisecond, each
 * level above covers 64 times more. A timer lies in the level where its distance fits; when time
 * enters its slot it moves down, until it fires from level 0. */
#include "core/timer.h"

#include "base/check.h"

#define LEVEL_BITS 6u

static u32 slot_of(u64 at_ms, u32 level)
{
    return (u32)(at_ms >> (LEVEL_BITS * level)) & (TIMER_SLOTS - 1);
}

/* A deadline in ms, rounded up: a timer never fires early. */
static u64 deadline_ms(const struct timer *timer)
{
    return (timer->deadline_us + US_PER_MS - 1) / US_PER_MS;
}

static u32 level_for(u64 distance_ms)
{
    u32 level = 0;
    while (level + 1 < TIMER_LEVELS && distance_ms >= (1ull << (LEVEL_BITS * (level + 1)))) {
        level++;
    }
    return level;
}

/* `earliest_ms` is now_ms only for what a higher level hands down, because its slot fires next. */
static void place(struct timers *timers, struct timer *timer, u64 earliest_ms)
{
    u64 at_ms = u64_max(deadline_ms(timer), earliest_ms);
    u64 farthest_ms = timers->now_ms + (1ull << (LEVEL_BITS * TIMER_LEVELS)) - 1;
    at_ms = u64_min(at_ms, farthest_ms); /* further away than the wheel: looked at again there */
    u32 level = level_for(at_ms - timers->now_ms);
    u32 slot = slot_of(at_ms, level);
    list_add_last(&timers->slots[level][slot], &timer->node);
    timers->occupied[level] |= 1ull << slot;
}

static void cascade(struct timers *timers, u32 level)
{
    u32 slot = slot_of(timers->now_ms, level);
    struct list moving;
    list_init(&moving);
    for (struct list_node *node; (node = list_pop(&timers->slots[level][slot])) != NULL;) {
        list_add_last(&moving, node);
    }
    timers->occupied[level] &= ~(1ull << slot);
    for (struct list_node *node; (node = list_pop(&moving)) != NULL;) {
        place(timers, container_of(node, struct timer, node), timers->now_ms);
    }
}

void timers_init(struct timers *timers, u64 now_us)
{
    *timers = (struct timers){.now_ms = now_us / US_PER_MS};
    for (u32 level = 0; level < TIMER_LEVELS; level++) {
        for (u32 slot = 0; slot < TIMER_SLOTS; slot++) {
            list_init(&timers->slots[level][slot]);
        }
    }
}

void timer_init(struct timer *timer, void (*fired)(struct core *core, struct timer *timer))
{
    *timer = (struct timer){.fired = fired};
    list_node_init(&timer->node);
}

void timer_set(struct timers *timers, struct timer *timer, u64 deadline_us)
{
    check(timer->fired != NULL);
    check(deadline_us > 0);
    timer_cancel(timers, timer);
    timer->deadline_us = deadline_us;
    timers->count++;
    place(timers, timer, timers->now_ms + 1);
}

void timer_cancel(struct timers *timers, struct timer *timer)
{
    if (timer->deadline_us == 0) {
        return;
    }
    check(timers->count > 0);
    timers->count--;
    timer->deadline_us = 0;
    list_remove(&timer->node);
}

bool timer_is_set(const struct timer *timer)
{
    return timer->deadline_us != 0;
}

/* Fires what lies in the slot of now_ms; false when the budget ended first. */
static bool fire_slot(struct timers *timers, struct core *core, u32 *budget)
{
    u32 slot = slot_of(timers->now_ms, 0);
    struct list *due = &timers->slots[0][slot];
    while (!list_is_empty(due)) {
        if (*budget == 0) {
            return false;
        }
        struct timer *timer = container_of(list_pop(due), struct timer, node);
        if (deadline_ms(timer) > timers->now_ms) {
            place(timers, timer,
                  timers->now_ms + 1); /* it was further away than the wheel reaches */
            continue;
        }
        (*budget)--;
        timers->count--;
        timer->deadline_us = 0;
        timer->fired(core, timer);
    }
    timers->occupied[0] &= ~(1ull << slot);
    return true;
}

static void cascade_due(struct timers *timers)
{
    for (u32 level = 1; level < TIMER_LEVELS; level++) {
        if ((timers->now_ms & ((1ull << (LEVEL_BITS * level)) - 1)) != 0) {
            return;
        }
        cascade(timers, level);
    }
}

/* The next ms at which a slot is occupied or a level turns, so that empty time is skipped. */
static u64 next_event_ms(const struct timers *timers)
{
    u64 next = UINT64_MAX;
    for (u32 level = 0; level < TIMER_LEVELS; level++) {
        u64 occupied = timers->occupied[level];
        if (occupied == 0) {
            continue;
        }
        u32 shift = LEVEL_BITS * level;
        u64 here = timers->now_ms >> shift;
        u32 from = (u32)(here + 1) & (TIMER_SLOTS - 1);
        u64 rotated =
            from == 0 ? occupied : (occupied >> from) | (occupied << (TIMER_SLOTS - from));
        u64 at = (here + 1 + (u64)__builtin_ctzll(rotated)) << shift;
        next = u64_min(next, at);
    }
    return next;
}

u32 timers_run(struct timers *timers, struct core *core, u64 now_us, u32 budget)
{
    u64 until_ms = now_us / US_PER_MS;
    u32 left = budget;
    if (!fire_slot(timers, core, &left)) { /* what the budget left over last time */
        return budget;
    }
    while (timers->now_ms < until_ms) {
        u64 next_ms = next_event_ms(timers);
        if (next_ms > until_ms) {
            timers->now_ms = until_ms;
            break;
        }
        timers->now_ms = next_ms;
        cascade_due(timers);
        if (!fire_slot(timers, core, &left)) {
            break;
        }
    }
    return budget - left;
}

u64 timers_next_us(const struct timers *timers)
{
    if (timers->count == 0) {
        return UINT64_MAX;
    }
    if (!list_is_empty(&timers->slots[0][slot_of(timers->now_ms, 0)])) {
        return timers->now_ms * US_PER_MS;
    }
    u64 next_ms = next_event_ms(timers);
    return next_ms == UINT64_MAX ? UINT64_MAX : next_ms * US_PER_MS;
}
