/* When the next request is due: a schedule that does not care how the server is doing.
 *
 *     due    |----|----|----|----|----|        every interval, or (poisson) drawn around it
 *     sent   |----|---------------|||-|        late after a stall, then one behind the other
 *
 * An open loop measures from `due`, so that a stall counts for every request that should have been
 * sent meanwhile. A paced closed loop measures from the sending, and after a stall catches up for
 * no more than a second, as the reference does.
 *
 * Times: nanoseconds since the run began. Pure: it is told the time. */
#pragma once

#include "base/prng.h"
#include "base/types.h"

struct pace {
    double interval_ns; /* 0: no schedule: due whenever asked */
    double due_ns;
    bool is_poisson;
    bool is_open;
    struct prng prng;
};

struct pace_options {
    double interval_ns;
    u64 seed;
    bool is_poisson;
    bool is_open;
};

void pace_init(struct pace *pace, const struct pace_options *options);

/* When the request after the last one is due. */
u64 pace_next(struct pace *pace, u64 now_ns);

/* Nanoseconds between requests at `bytes_per_second`. */
double pace_interval_ns(double request_bytes, double bytes_per_second);
