#include "bench/pace.h"

#include <math.h>

#define SECOND_NS 1e9

void pace_init(struct pace *pace, const struct pace_options *options)
{
    *pace = (struct pace){.interval_ns = options->interval_ns,
                          .is_poisson = options->is_poisson,
                          .is_open = options->is_open};
    prng_init(&pace->prng, options->seed);
}

static double draw_interval(struct pace *pace)
{
    if (!pace->is_poisson) {
        return pace->interval_ns;
    }
    double share = ((double)(prng_next(&pace->prng) >> 11) + 1) / 9007199254740993.0; /* not 0 */
    return -log(share) * pace->interval_ns;
}

u64 pace_next(struct pace *pace, u64 now_ns)
{
    if (pace->interval_ns <= 0) {
        return now_ns;
    }
    pace->due_ns += draw_interval(pace);
    if (!pace->is_open && pace->due_ns + SECOND_NS < (double)now_ns) {
        pace->due_ns = (double)now_ns - SECOND_NS;
    }
    return (u64)pace->due_ns;
}

double pace_interval_ns(double request_bytes, double bytes_per_second)
{
    return bytes_per_second <= 0 ? 0 : request_bytes * SECOND_NS / bytes_per_second;
}
