#include "bench/bench_sweep.h"

#include "bench/bench_options.h"
#include "test.h"

static struct bench_sweep parsed(const char *text)
{
    struct bench_sweep sweep;
    struct err err;
    EXPECT(bench_sweep_parse(&sweep, text, &err));
    return sweep;
}

TEST(each_value_changes_the_word_it_is_of)
{
    struct bench_options options = {.streams = 8, .producers = 8};
    struct bench_sweep sweep = parsed("batch=1,10,100");
    EXPECT_EQ(sweep.values_count, 3);
    bench_sweep_apply(&sweep, 2, 0, &options);
    EXPECT_EQ(options.batch_messages.min, 100);
    EXPECT_EQ(options.batch_messages.max, 100);

    sweep = parsed("size=1KB");
    bench_sweep_apply(&sweep, 0, 0, &options);
    EXPECT_EQ(options.message_bytes.max, 1000);

    sweep = parsed("producers=2,64");
    bench_sweep_apply(&sweep, 1, 0, &options);
    EXPECT_EQ(options.producers, 64);
    EXPECT_EQ(options.streams, 64);
    options.streams = 1;
    bench_sweep_apply(&sweep, 0, 0, &options);
    EXPECT_EQ(options.streams, 1);

    sweep = parsed("rate=10MB,1GB");
    bench_sweep_apply(&sweep, 0, 0, &options);
    EXPECT_EQ(options.rate_limit_bytes, 10000000);
    sweep = parsed("rate=10%,110%");
    EXPECT(sweep.of_most);
    bench_sweep_apply(&sweep, 1, 1000, &options);
    EXPECT_EQ(options.rate_limit_bytes, 1100);
}

TEST(a_list_that_is_none_is_refused)
{
    static const char *const wrong[] = {"",        "batch",          "batch=",    "batch=1,",
                                        "batch=0", "colour=1",       "batch=10%", "rate=10%,5MB",
                                        "=1",      "rate=5MB,10%,1", "size=1,2,x"};
    for (u32 i = 0; i < array_count(wrong); i++) {
        struct bench_sweep sweep;
        struct err err;
        EXPECT(!bench_sweep_parse(&sweep, wrong[i], &err));
    }
}

TEST(every_value_has_its_turns_and_not_in_rows)
{
    u32 order[40];
    u32 counts[4] = {0};
    u32 in_rows = 0;
    bench_sweep_order(order, 4, 10, 1);
    for (u32 i = 0; i < 40; i++) {
        counts[order[i]]++;
        in_rows += order[i] == i % 4 ? 1 : 0;
    }
    for (u32 i = 0; i < 4; i++) {
        EXPECT_EQ(counts[i], 10);
    }
    EXPECT(in_rows < 30);
}

TEST(median_and_range_are_of_the_runs_of_one_value)
{
    static const struct bench_sweep_run runs[] = {
        {.value = 0, .figures = {5}}, {.value = 1, .figures = {100}}, {.value = 0, .figures = {1}},
        {.value = 0, .figures = {3}}, {.value = 1, .figures = {200}},
    };
    struct bench_sweep_spread spread = bench_sweep_spread(runs, 5, 0, SWEEP_BYTES_PER_SECOND);
    EXPECT_EQ(spread.runs, 3);
    EXPECT(spread.median == 3);
    EXPECT(spread.min == 1);
    EXPECT(spread.max == 5);
    EXPECT(bench_sweep_spread(runs, 5, 1, SWEEP_BYTES_PER_SECOND).median == 150);
    EXPECT_EQ(bench_sweep_spread(runs, 5, 2, SWEEP_BYTES_PER_SECOND).runs, 0);
}
