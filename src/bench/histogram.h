/* How often each duration was seen: a high dynamic range histogram with three digits.
 *
 * It answers: "what was the 99.99th percentile, and the largest?" Up to 2,047 every value has a
 * place of its own; from there on each power of two is cut into 1,024 equal places, so a value is
 * never told wrong by more than a thousandth of itself.
 *
 *     places  |0|1|2| ... |2047|2048-2049|2050-2051| ... |4096-4099| ...
 *             one each          two each                   four each
 *
 * Merging adds place by place, so the merged histogram is the one that a single recorder of all
 * values would have: nothing is lost, whatever the order.
 *
 * Values: nanoseconds, by custom; what is beyond the last place counts in the last, while `max`
 * and `sum` keep the truth.
 * Memory: from the heap, once, by create. Owner: one thread at a time. */
#pragma once

#include "base/types.h"

#define HISTOGRAM_VALUE_BITS 42u /* of nanoseconds: 73 minutes */
#define HISTOGRAM_EXACT_BITS 11u
#define HISTOGRAM_PLACES                                                                           \
    ((1u << HISTOGRAM_EXACT_BITS) +                                                                \
     (HISTOGRAM_VALUE_BITS - HISTOGRAM_EXACT_BITS) * (1u << (HISTOGRAM_EXACT_BITS - 1)))

struct histogram {
    u64 count;
    u64 sum;
    u64 min; /* UINT64_MAX: nothing recorded */
    u64 max;
    u64 places[HISTOGRAM_PLACES];
};

struct histogram *histogram_create(void);
void histogram_destroy(struct histogram *histogram);
void histogram_clear(struct histogram *histogram);

/* The place of a value, and the largest value that has this place. */
static inline u32 histogram_place(u64 value)
{
    if (value < 1u << HISTOGRAM_EXACT_BITS) {
        return (u32)value;
    }
    if (value >= 1ull << HISTOGRAM_VALUE_BITS) {
        return HISTOGRAM_PLACES - 1;
    }
    u32 shift = 63u - (u32)__builtin_clzll(value) - (HISTOGRAM_EXACT_BITS - 1);
    return (shift << (HISTOGRAM_EXACT_BITS - 1)) + (u32)(value >> shift);
}

u64 histogram_place_max(u32 place);

/* Notes `value`, `times` times. */
static inline void histogram_record(struct histogram *histogram, u64 value, u64 times)
{
    histogram->places[histogram_place(value)] += times;
    histogram->count += times;
    histogram->sum += value * times;
    histogram->min = u64_min(histogram->min, value);
    histogram->max = u64_max(histogram->max, value);
}

/* Adds all that `other` holds. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/* The smallest value that at least `share` (0 to 1) of all values do not exceed, to three digits
 * and never above `max`; 0 when nothing was recorded. */
u64 histogram_quantile(const struct histogram *histogram, double share);

double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);
