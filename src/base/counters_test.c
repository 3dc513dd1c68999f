#include "base/counters.h"

#include "test.h"

TEST(counters_add_up_and_keep_maxima)
{
    static struct counters counters;
    counter_add(&counters, COUNTER_writes, 2);
    counter_add(&counters, COUNTER_writes, 3);
    EXPECT_EQ(counter_get(&counters, COUNTER_writes), 5);
    EXPECT_EQ(counter_get(&counters, COUNTER_write_bytes), 0);
    counter_max(&counters, COUNTER_turn_us_max, 7);
    counter_max(&counters, COUNTER_turn_us_max, 4);
    EXPECT_EQ(counter_get(&counters, COUNTER_turn_us_max), 7);
}

TEST(every_counter_has_a_name_fit_for_prometheus_and_a_help_sentence)
{
    for (u32 i = 0; i < COUNTER_COUNT; i++) {
        const char *name = counter_name((enum counter)i);
        EXPECT(strlen(name) > 0);
        EXPECT_EQ(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
        EXPECT(strlen(counter_help((enum counter)i)) > 5);
        EXPECT(strchr(counter_help((enum counter)i), '\n') == NULL);
        for (u32 j = 0; j < i; j++) {
            EXPECT(strcmp(name, counter_name((enum counter)j)) != 0);
        }
    }
    EXPECT_CHECK_FAILS((void)counter_name(COUNTER_COUNT));
}

TEST(a_gauge_is_what_was_last_set)
{
    struct gauge gauge = {0};
    gauge_set(&gauge, 9);
    gauge_set(&gauge, 4);
    EXPECT_EQ(gauge_get(&gauge), 4);
}

TEST(counters_of_two_cores_share_no_cache_line)
{
    EXPECT_EQ(sizeof(struct counters) % 64, 0);
    EXPECT_EQ(_Alignof(struct counters), 64);
}
