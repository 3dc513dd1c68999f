#include "bench/reference.h"

#include <math.h>

#include "test.h"

#define MS 1000000ull

static const struct reference_options every_10_ms = {10 * MS, 20};

static bool is_near(double is, double wanted)
{
    return fabs(is - wanted) < 0.0011;
}

TEST(percentiles_interpolate_between_ranks)
{
    static const double sorted[] = {1, 2, 3, 4, 10};
    EXPECT(is_near(reference_percentile(sorted, 5, 0.5), 3));
    EXPECT(is_near(reference_percentile(sorted, 5, 0.9), 7.6)); /* rank 3.6 */
    EXPECT(is_near(reference_percentile(sorted, 5, 1), 10));
    EXPECT(reference_percentile(sorted, 0, 0.5) == 0);
}

/* Three batches of 1 MB: at 5 ms, at 15 ms and, after a pause, at 55 ms. */
static const struct sample pausing[] = {
    {5 * MS, 1 * MS, 1000000, 1000},
    {15 * MS, 3 * MS, 1000000, 1000},
    {55 * MS, 40 * MS, 1000000, 1000},
};

TEST(a_pause_is_spread_over_the_buckets_between_two_records)
{
    struct reference_actor figures;
    struct reference_options unsmoothed = {10 * MS, 1};
    reference_actor_init(&figures, pausing, 3, &unsmoothed);
    /* Bucket 0: all of the first, half of the second; then a fifth of the third in each. */
    EXPECT_EQ(figures.megabytes.count, 6);
    EXPECT(is_near(figures.megabytes.values[0], 150));
    EXPECT(is_near(figures.megabytes.values[1], 70));
    EXPECT(is_near(figures.megabytes.values[5], 20));
    EXPECT(is_near(figures.megabytes_per_second, 50)); /* 3 MB in 60 ms of buckets */
    EXPECT_EQ(figures.latencies_ms.count, 3);
    EXPECT(is_near(figures.latency.percentiles_ms[0], 3));
    EXPECT(is_near(figures.latency.average_ms, 44.0 / 3));
    EXPECT(is_near(figures.latency.max_ms, 40));
    reference_actor_deinit(&figures);
}

TEST(the_extremes_are_of_averages_and_smoothing_looks_back)
{
    static const struct sample together[] = {
        {1 * MS, 2 * MS, 1000, 1},
        {2 * MS, 8 * MS, 1000, 1},
        {12 * MS, 9 * MS, 1000, 1},
    };
    struct reference_actor figures;
    reference_actor_init(&figures, together, 3, &every_10_ms);
    EXPECT(is_near(figures.latency.min_ms, 5)); /* not 2 */
    EXPECT(is_near(figures.latency.max_ms, 9));
    EXPECT(is_near(figures.latencies_ms.values[0], 5));
    EXPECT(is_near(figures.latencies_ms.values[1], 7)); /* mean of 5 and 9 */
    reference_actor_deinit(&figures);
}

TEST(a_group_has_means_of_percentiles_and_a_sum_of_means)
{
    static struct sample fast[] = {{10 * MS, 1 * MS, 1000000, 1}};
    static struct sample slow[] = {{10 * MS, 99 * MS, 1000000, 1}};
    struct actor actors[2] = {{.samples = fast, .samples_count = 1},
                              {.samples = slow, .samples_count = 1}};
    struct reference_actor figures[2];
    reference_actor_init(&figures[0], fast, 1, &every_10_ms);
    reference_actor_init(&figures[1], slow, 1, &every_10_ms);
    const struct reference_actor *all[2] = {&figures[0], &figures[1]};
    const struct actor *both[2] = {&actors[0], &actors[1]};
    struct reference_members members = {all, both, 2};
    struct reference_group group;
    reference_group_init(&group, &members, &every_10_ms);
    EXPECT(is_near(group.latency.percentiles_ms[3], 50)); /* what no p99 is */
    EXPECT(is_near(group.total_megabytes_per_second, 200));
    EXPECT(is_near(group.average_megabytes_per_second, 100));
    EXPECT(is_near(group.distribution.p50_ms, 50));
    double area = 0;
    double width = group.distribution.edges_ms[1] - group.distribution.edges_ms[0];
    for (u32 i = 0; i < REFERENCE_BINS; i++) {
        area += group.distribution.densities[i] * width;
    }
    EXPECT(is_near(area, 1));
    reference_group_deinit(&group);
    reference_actor_deinit(&figures[0]);
    reference_actor_deinit(&figures[1]);
}

TEST(nothing_recorded_gives_zeros)
{
    struct reference_actor figures;
    reference_actor_init(&figures, NULL, 0, &every_10_ms);
    EXPECT_EQ(figures.megabytes.count, 0);
    EXPECT(figures.latency.percentiles_ms[5] == 0);
    EXPECT(figures.megabytes_per_second == 0);
    reference_actor_deinit(&figures);
}
