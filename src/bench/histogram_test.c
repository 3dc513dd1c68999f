#include "bench/histogram.h"

#include "base/mem.h"
#include "base/prng.h"
#include "test.h"

TEST(a_value_lies_in_its_place_and_places_follow_each_other)
{
    u64 below = 0;
    for (u32 place = 1; place < HISTOGRAM_PLACES; place++) {
        u64 max = histogram_place_max(place);
        EXPECT(max > below);
        EXPECT_EQ(histogram_place(max), place);
        EXPECT_EQ(histogram_place(below + 1), place);
        below = max;
    }
    EXPECT_EQ(below, (1ull << HISTOGRAM_VALUE_BITS) - 1);
    EXPECT_EQ(histogram_place(UINT64_MAX), HISTOGRAM_PLACES - 1);
}

#define VALUES 20000u

static int compare(const void *a, const void *b)
{
    u64 x = *(const u64 *)a;
    u64 y = *(const u64 *)b;
    return (x > y) - (x < y);
}

/* Durations as they are: most short, some a thousand times as long, one a pause of 200 ms. */
static void draw(u64 *values, u64 seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (u32 i = 0; i < VALUES; i++) {
        values[i] = 20000 + prng_below(&prng, 30000);
        if (prng_chance(&prng, 1, 50)) {
            values[i] *= 1 + prng_below(&prng, 1000);
        }
    }
    values[VALUES / 2] = 200000000;
}

static const double shares[] = {0, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 1};

TEST(merged_quantiles_are_those_of_all_values_together_within_a_thousandth)
{
    u64 *values = mem_take(4 * VALUES * sizeof(u64));
    struct histogram *merged = histogram_create();
    struct histogram *single = histogram_create();
    for (u32 part = 0; part < 4; part++) {
        struct histogram *histogram = histogram_create();
        draw(values + part * VALUES, part + 1);
        for (u32 i = 0; i < VALUES; i++) {
            histogram_record(histogram, values[part * VALUES + i], 1);
            histogram_record(single, values[part * VALUES + i], 1);
        }
        histogram_merge(merged, histogram);
        histogram_destroy(histogram);
    }
    EXPECT_BYTES(merged, single, sizeof(*merged)); /* exactly: nothing is lost by merging */

    qsort(values, 4 * VALUES, sizeof(u64), compare);
    for (u32 i = 0; i < array_count(shares); i++) {
        double exact_rank = shares[i] * 4 * VALUES;
        u64 rank = (u64)exact_rank + ((double)(u64)exact_rank < exact_rank ? 1 : 0);
        u64 exact = values[rank == 0 ? 0 : rank - 1];
        u64 told = histogram_quantile(merged, shares[i]);
        EXPECT(told >= exact);
        EXPECT(told <= exact + exact / 1000);
    }
    EXPECT_EQ(merged->max, values[4 * VALUES - 1]);
    EXPECT_EQ(merged->min, values[0]);
    mem_return(values);
    histogram_destroy(merged);
    histogram_destroy(single);
}

TEST(the_largest_value_is_told_exactly_also_beyond_the_last_place)
{
    struct histogram *histogram = histogram_create();
    EXPECT_EQ(histogram_quantile(histogram, 0.99), 0);
    histogram_record(histogram, 1234567, 999);
    histogram_record(histogram, 1ull << 50, 1);
    EXPECT_EQ(histogram->max, 1ull << 50);
    EXPECT_EQ(histogram->count, 1000);
    EXPECT(histogram_quantile(histogram, 0.999) < 1236000);
    histogram_clear(histogram);
    EXPECT_EQ(histogram->count, 0);
    EXPECT_EQ(histogram_quantile(histogram, 1), 0);
    histogram_destroy(histogram);
}

TEST(mean_and_deviation_are_those_of_the_values)
{
    struct histogram *histogram = histogram_create();
    histogram_record(histogram, 100, 50);
    histogram_record(histogram, 300, 50);
    EXPECT(histogram_mean(histogram) == 200);
    EXPECT(histogram_deviation(histogram) == 100);
    histogram_destroy(histogram);
}
