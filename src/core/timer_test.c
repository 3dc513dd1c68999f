#include "core/timer.h"

#include "base/prng.h"
#include "test.h"

#define TIMERS 200u

struct probe {
    struct timer timer;
    u64 fired_at_us;
    u32 fired_count;
};

static struct timers timers;
static struct probe probes[TIMERS];
static u64 now_us;

static void on_fired(struct core *core, struct timer *timer)
{
    (void)core;
    struct probe *probe = container_of(timer, struct probe, timer);
    probe->fired_at_us = now_us;
    probe->fired_count++;
}

static void start_at(u64 us)
{
    now_us = us;
    timers_init(&timers, us);
    for (u32 i = 0; i < TIMERS; i++) {
        probes[i] = (struct probe){0};
        timer_init(&probes[i].timer, on_fired);
    }
}

static void run_to(u64 us)
{
    now_us = us;
    timers_run(&timers, NULL, us, UINT32_MAX);
}

TEST(a_timer_never_fires_before_its_deadline_and_fires_within_a_millisecond_of_it)
{
    start_at(5000);
    timer_set(&timers, &probes[0].timer, 7300);
    run_to(7299);
    EXPECT_EQ(probes[0].fired_count, 0);
    run_to(7999);
    EXPECT_EQ(probes[0].fired_count, 0);
    run_to(8000);
    EXPECT_EQ(probes[0].fired_count, 1);
    EXPECT_EQ(timers_next_us(&timers), UINT64_MAX);
}

TEST(a_deadline_in_the_past_fires_at_the_next_millisecond)
{
    start_at(50000);
    timer_set(&timers, &probes[0].timer, 10);
    run_to(51000);
    EXPECT_EQ(probes[0].fired_count, 1);
}

TEST(a_cancelled_timer_stays_silent_and_may_be_cancelled_again)
{
    start_at(1000);
    timer_set(&timers, &probes[0].timer, 9000);
    timer_cancel(&timers, &probes[0].timer);
    timer_cancel(&timers, &probes[0].timer);
    run_to(100000);
    EXPECT_EQ(probes[0].fired_count, 0);
    EXPECT_EQ(timers.count, 0);
}

TEST(a_deadline_beyond_the_wheel_is_kept)
{
    start_at(0);
    u64 far_us = 40ull * 24 * 3600 * US_PER_SECOND;
    timer_set(&timers, &probes[0].timer, far_us);
    run_to(far_us - US_PER_MS);
    EXPECT_EQ(probes[0].fired_count, 0);
    run_to(far_us);
    EXPECT_EQ(probes[0].fired_count, 1);
}

TEST(a_budget_leaves_the_rest_for_the_next_turn)
{
    start_at(0);
    for (u32 i = 0; i < 10; i++) {
        timer_set(&timers, &probes[i].timer, 3000);
    }
    EXPECT_EQ(timers_run(&timers, NULL, 4000, 4), 4);
    EXPECT(timers_next_us(&timers) <= 4000);
    EXPECT_EQ(timers_run(&timers, NULL, 4000, 100), 6);
}

TEST(many_random_timers_all_fire_on_time_whatever_the_steps)
{
    struct prng prng;
    prng_init(&prng, 7);
    for (u32 round = 0; round < 50; round++) {
        start_at(prng_below(&prng, 1ull << 40));
        u64 began_us = now_us;
        u64 deadlines[TIMERS];
        for (u32 i = 0; i < TIMERS; i++) {
            deadlines[i] = began_us + 1 + prng_below(&prng, 1ull << prng_below(&prng, 34));
            timer_set(&timers, &probes[i].timer, deadlines[i]);
        }
        while (timers.count > 0) {
            u64 next_us = timers_next_us(&timers);
            EXPECT(next_us != UINT64_MAX);
            run_to(u64_max(next_us, now_us) + prng_below(&prng, 2) * prng_below(&prng, 5000000));
        }
        for (u32 i = 0; i < TIMERS; i++) {
            EXPECT_EQ(probes[i].fired_count, 1);
            EXPECT(probes[i].fired_at_us >= deadlines[i]);
        }
    }
}
