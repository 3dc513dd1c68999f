#include "base/prng.h"

#include "base/check.h"

static u64 rotate_left(u64 value, u32 bits)
{
    return value << bits | value >> (64 - bits);
}

static u64 splitmix64(u64 *state)
{
    *state += 0x9e3779b97f4a7c15;
    u64 value = *state;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

void prng_init(struct prng *prng, u64 seed)
{
    for (u32 i = 0; i < array_count(prng->state); i++) {
        prng->state[i] = splitmix64(&seed);
    }
}

u64 prng_next(struct prng *prng)
{
    u64 *state = prng->state;
    u64 result = rotate_left(state[1] * 5, 7) * 9;
    u64 shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

u64 prng_below(struct prng *prng, u64 bound)
{
    check(bound >= 1);

    /* 2^64 is rarely a multiple of the bound: numbers from the incomplete last run are drawn again,
     * so that every result is equally likely. */
    u64 incomplete = -bound % bound;
    u64 value = prng_next(prng);
    while (value < incomplete) {
        value = prng_next(prng);
    }
    return value % bound;
}

bool prng_chance(struct prng *prng, u32 numerator, u32 denominator)
{
    check(denominator >= 1);
    check(numerator <= denominator);
    return prng_below(prng, denominator) < numerator;
}
