#include "bench/pace.h"

#include "test.h"

#define MS 1000000ull

static struct pace open_pace(bool is_poisson)
{
    struct pace pace;
    struct pace_options options = {1e6, 3, is_poisson, true};
    pace_init(&pace, &options);
    return pace;
}

TEST(an_open_loop_does_not_move_its_schedule_for_a_stall)
{
    struct pace pace = open_pace(false);
    EXPECT_EQ(pace_next(&pace, 0), 1 * MS);
    EXPECT_EQ(pace_next(&pace, 1 * MS), 2 * MS);
    EXPECT_EQ(pace_next(&pace, 5000 * MS), 3 * MS); /* five seconds late, and it shows */
    EXPECT_EQ(pace_next(&pace, 5000 * MS), 4 * MS);
}

TEST(a_paced_closed_loop_catches_up_for_a_second_at_most)
{
    struct pace pace;
    struct pace_options options = {1e6, 3, false, false};
    pace_init(&pace, &options);
    EXPECT_EQ(pace_next(&pace, 0), 1 * MS);
    EXPECT_EQ(pace_next(&pace, 5000 * MS), 4000 * MS);
}

TEST(without_a_rate_a_request_is_due_whenever_asked)
{
    struct pace pace;
    struct pace_options options = {.is_open = true};
    pace_init(&pace, &options);
    EXPECT_EQ(pace_next(&pace, 17), 17);
    EXPECT_EQ(pace_next(&pace, 12345), 12345);
}

TEST(drawn_intervals_differ_and_keep_the_rate)
{
    struct pace pace = open_pace(true);
    u64 last = 0;
    u32 long_ones = 0;
    for (u32 i = 0; i < 100000; i++) {
        u64 due = pace_next(&pace, 0);
        EXPECT(due >= last);
        long_ones += due - last > 2 * MS ? 1 : 0;
        last = due;
    }
    EXPECT(last > 99000 * MS);
    EXPECT(last < 101000 * MS);
    EXPECT(long_ones > 13000); /* e^-2 of them: 13,534 */
    EXPECT(long_ones < 14100);
}

TEST(the_interval_follows_from_bytes_and_rate)
{
    EXPECT(pace_interval_ns(1e6, 1e8) == 1e7);
    EXPECT(pace_interval_ns(1e6, 0) == 0);
}
