/* Random numbers from a seed (xoshiro256**, seeded by splitmix64). Not for secrets: those come from
 * the system through `secure_random` of offload. The same seed gives the same numbers for ever. */
#pragma once

#include "base/types.h"

struct prng {
    u64 state[4];
};

void prng_init(struct prng *prng, u64 seed);
u64 prng_next(struct prng *prng);

/* Uniform in 0 .. bound-1; bound is at least 1. */
u64 prng_below(struct prng *prng, u64 bound);

/* True in `numerator` of `denominator` cases. */
bool prng_chance(struct prng *prng, u32 numerator, u32 denominator);
