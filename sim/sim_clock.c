#include "sim/sim_clock.h"

#include "base/check.h"
#include "base/mem.h"

static bool event_is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

/* Both move a hole to where `event` belongs, and put it there. */
static void sift_up(struct sim_clock *clock, u32 hole, const struct sim_event *event)
{
    while (hole > 0) {
        u32 parent = (hole - 1) / 2;
        if (!event_is_before(event, &clock->events[parent])) {
            break;
        }
        clock->events[hole] = clock->events[parent];
        hole = parent;
    }
    clock->events[hole] = *event;
}

static void sift_down(struct sim_clock *clock, const struct sim_event *event)
{
    u32 hole = 0;
    for (;;) {
        u32 child = 2 * hole + 1;
        if (child >= clock->events_count) {
            break;
        }
        if (child + 1 < clock->events_count &&
            event_is_before(&clock->events[child + 1], &clock->events[child])) {
            child++;
        }
        if (!event_is_before(&clock->events[child], event)) {
            break;
        }
        clock->events[hole] = clock->events[child];
        hole = child;
    }
    clock->events[hole] = *event;
}

void sim_clock_init(struct sim_clock *clock)
{
    /* Not 0: owners use 0 for "not set". */
    *clock = (struct sim_clock){.now_us = 1000};
}

void sim_clock_deinit(struct sim_clock *clock)
{
    mem_return(clock->events);
    *clock = (struct sim_clock){0};
}

void sim_clock_at(struct sim_clock *clock, u64 at_us, void (*run)(void *context, u64 word),
                  void *context, u64 word)
{
    check(run != NULL);
    if (clock->events_count == clock->events_room) {
        clock->events_room = clock->events_room == 0 ? 256 : clock->events_room * 2;
        clock->events = mem_resize(clock->events, clock->events_room * sizeof(struct sim_event));
    }
    struct sim_event event = {
        .at_us = u64_max(at_us, clock->now_us),
        .order = ++clock->order_last,
        .run = run,
        .context = context,
        .word = word,
    };
    sift_up(clock, clock->events_count++, &event);
}

bool sim_clock_step(struct sim_clock *clock, u64 limit_us)
{
    if (clock->events_count == 0) {
        return false;
    }
    if (clock->events[0].at_us > limit_us) {
        clock->now_us = u64_max(clock->now_us, limit_us);
        return false;
    }
    struct sim_event event = clock->events[0];
    clock->events_count--;
    if (clock->events_count > 0) {
        struct sim_event last = clock->events[clock->events_count];
        sift_down(clock, &last);
    }
    check(event.at_us >= clock->now_us);
    clock->now_us = event.at_us;
    event.run(event.context, event.word);
    return true;
}
