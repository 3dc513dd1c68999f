#include "base/event.h"

#include <pthread.h>
#include <sched.h>

#include "test.h"

TEST(an_event_comes_out_as_it_was_noted)
{
    static struct event events[4];
    struct event_log log;
    struct event event;
    event_log_init(&log, events, 4, 3, EVENT_INFO);
    EXPECT(!event_next(&log, &event));
    log.wall_us = 1700000000000000;
    event_info(&log, "segment.rolled partition=%u base_offset=%u", 7u, 120000u);
    EXPECT(event_next(&log, &event));
    EXPECT_STR(event.text, "segment.rolled partition=7 base_offset=120000");
    EXPECT_EQ(event.wall_us, 1700000000000000);
    EXPECT_EQ(event.level, EVENT_INFO);
    EXPECT_EQ(event.core, 3);
    EXPECT_EQ(event.dropped, 0);
    EXPECT(!event_next(&log, &event));
}

TEST(levels_below_the_limit_are_not_noted)
{
    static struct event events[4];
    struct event_log log;
    struct event event;
    event_log_init(&log, events, 4, 0, EVENT_WARN);
    event_debug(&log, "debug");
    event_info(&log, "info");
    event_warn(&log, "warn");
    event_error(&log, "error");
    EXPECT(event_next(&log, &event));
    EXPECT_STR(event.text, "warn");
    EXPECT(event_next(&log, &event));
    EXPECT_STR(event.text, "error");
    EXPECT(!event_next(&log, &event));
    EXPECT_EQ(log.dropped_total, 0);
}

TEST(a_full_log_drops_counts_and_says_so_in_the_next_event)
{
    static struct event events[2];
    struct event_log log;
    struct event event;
    event_log_init(&log, events, 2, 0, EVENT_INFO);
    for (u32 i = 0; i < 5; i++) {
        event_info(&log, "event number=%u", i);
    }
    EXPECT_EQ(log.dropped_total, 3);
    EXPECT(event_next(&log, &event));
    EXPECT_EQ(event.dropped, 0);
    event_info(&log, "event number=5");
    event_info(&log, "event number=6");
    EXPECT(event_next(&log, &event));
    EXPECT_STR(event.text, "event number=1");
    EXPECT(event_next(&log, &event));
    EXPECT_STR(event.text, "event number=5");
    EXPECT_EQ(event.dropped, 3);
    event_info(&log, "event number=7");
    EXPECT(event_next(&log, &event));
    EXPECT_EQ(event.dropped, 1);
    EXPECT_EQ(log.dropped_total, 4);
}

TEST(a_text_too_long_is_cut_and_ended)
{
    static struct event events[2];
    struct event_log log;
    struct event event;
    event_log_init(&log, events, 2, 0, EVENT_INFO);
    event_info(&log, "%*d", 2000, 7);
    EXPECT(event_next(&log, &event));
    EXPECT_EQ(strlen(event.text), EVENT_TEXT_BYTES - 1);
}

TEST(level_names_go_both_ways)
{
    for (u32 i = EVENT_ERROR; i <= EVENT_DEBUG; i++) {
        enum event_level level = EVENT_ERROR;
        EXPECT(event_level_parse(event_level_name((enum event_level)i), &level));
        EXPECT_EQ(level, i);
    }
    enum event_level level = EVENT_WARN;
    EXPECT(!event_level_parse("loud", &level));
    EXPECT(!event_level_parse("", &level));
    EXPECT(!event_level_parse("INFO", &level));
    EXPECT_EQ(level, EVENT_WARN);
}

TEST(what_repeats_is_said_at_once_and_then_every_ten_seconds_with_a_count)
{
    struct event_pace pace = {0};
    u32 left_out = 99;
    u32 said_count = 0;
    u32 total = 0;
    for (u64 now_us = 0; now_us < 60 * US_PER_SECOND; now_us += 50 * US_PER_MS) {
        if (event_pace_passes(&pace, now_us, 1, &left_out)) {
            EXPECT_EQ(left_out, said_count == 0 ? 0 : 199);
            said_count++;
        }
        total++;
    }
    EXPECT_EQ(total, 1200);
    EXPECT_EQ(said_count, 6);
}

TEST(another_cause_is_said_at_once)
{
    struct event_pace pace = {0};
    u32 left_out = 99;
    EXPECT(event_pace_passes(&pace, 5, 1, &left_out));
    EXPECT(!event_pace_passes(&pace, 6, 1, &left_out));
    EXPECT(event_pace_passes(&pace, 7, 2, &left_out));
    EXPECT_EQ(left_out, 1);
    EXPECT(!event_pace_passes(&pace, 8, 2, &left_out));
    EXPECT(event_pace_passes(&pace, 7 + EVENT_PACE_US, 2, &left_out));
    EXPECT_EQ(left_out, 1);
}

enum { STRESS_EVENTS = 20000 };

struct stress {
    struct event_log log;
    atomic_bool done;
};

static void *note_many(void *argument)
{
    struct stress *stress = argument;
    for (u32 i = 0; i < STRESS_EVENTS; i++) {
        event_info(&stress->log, "event number=%u", i);
        if (i % 16 == 0) {
            sched_yield();
        }
    }
    atomic_store(&stress->done, true);
    return NULL;
}

/* Events that came out or were counted as dropped before them. */
static u32 drain(struct event_log *log, u32 expected)
{
    struct event event;
    while (event_next(log, &event)) {
        char text[64];
        expected += (u32)event.dropped;
        (void)snprintf(text, sizeof(text), "event number=%u", expected);
        EXPECT_STR(event.text, text);
        expected++;
    }
    return expected;
}

TEST(a_drainer_on_another_thread_misses_nothing_but_what_is_counted)
{
    static struct event events[32];
    static struct stress stress;
    event_log_init(&stress.log, events, 32, 0, EVENT_INFO);
    pthread_t writer;
    EXPECT_EQ(pthread_create(&writer, NULL, note_many, &stress), 0);
    u32 expected = 0;
    while (!atomic_load(&stress.done)) {
        expected = drain(&stress.log, expected);
        sched_yield();
    }
    EXPECT_EQ(pthread_join(writer, NULL), 0);
    expected = drain(&stress.log, expected);
    EXPECT_EQ(expected + stress.log.dropped, STRESS_EVENTS);
}
