#include "bench/histogram.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

struct histogram *histogram_create(void)
{
    struct histogram *histogram = mem_take(sizeof(*histogram));
    histogram->min = UINT64_MAX;
    return histogram;
}

void histogram_destroy(struct histogram *histogram)
{
    mem_return(histogram);
}

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
    histogram->min = UINT64_MAX;
}

u64 histogram_place_max(u32 place)
{
    check(place < HISTOGRAM_PLACES);
    if (place < 1u << HISTOGRAM_EXACT_BITS) {
        return place;
    }
    u32 shift = (place >> (HISTOGRAM_EXACT_BITS - 1)) - 1;
    u64 first = (u64)(place - (shift << (HISTOGRAM_EXACT_BITS - 1))) << shift;
    return first + (1ull << shift) - 1;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    for (u32 i = 0; i < HISTOGRAM_PLACES; i++) {
        histogram->places[i] += other->places[i];
    }
    histogram->count += other->count;
    histogram->sum += other->sum;
    histogram->min = u64_min(histogram->min, other->min);
    histogram->max = u64_max(histogram->max, other->max);
}

u64 histogram_quantile(const struct histogram *histogram, double share)
{
    check(share >= 0);
    check(share <= 1);
    if (histogram->count == 0) {
        return 0;
    }
    u64 rank = u64_max(1, (u64)ceil(share * (double)histogram->count));
    u64 seen = 0;
    for (u32 i = 0; i < HISTOGRAM_PLACES; i++) {
        seen += histogram->places[i];
        if (seen >= rank) {
            bool is_last = i == HISTOGRAM_PLACES - 1; /* also holds what lies beyond it */
            return is_last ? histogram->max : u64_min(histogram_place_max(i), histogram->max);
        }
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum / (double)histogram->count;
}

double histogram_deviation(const struct histogram *histogram)
{
    double mean = histogram_mean(histogram);
    double squares = 0;
    if (histogram->count == 0) {
        return 0;
    }
    for (u32 i = 0; i < HISTOGRAM_PLACES; i++) {
        if (histogram->places[i] > 0) {
            double distance = (double)histogram_place_max(i) - mean;
            squares += distance * distance * (double)histogram->places[i];
        }
    }
    return sqrt(squares / (double)histogram->count);
}
