#include "base/prng.h"

#include "test.h"

TEST(the_same_seed_gives_the_same_numbers_for_ever)
{
    /* Reference: xoshiro256** over splitmix64 of seed 0, computed independently. */
    struct prng prng;
    prng_init(&prng, 0);
    EXPECT_EQ(prng.state[0], 0xe220a8397b1dcdaf);
    EXPECT_EQ(prng.state[1], 0x6e789e6aa1b965f4);
    EXPECT_EQ(prng_next(&prng), 0x99ec5f36cb75f2b4);
}

TEST(numbers_below_a_bound_are_spread_evenly)
{
    struct prng prng;
    prng_init(&prng, 7);
    u32 counts[10] = {0};
    for (u32 i = 0; i < 100000; i++) {
        u64 value = prng_below(&prng, 10);
        EXPECT(value < 10);
        counts[value]++;
    }
    for (u32 i = 0; i < 10; i++) {
        EXPECT(counts[i] > 9500);
        EXPECT(counts[i] < 10500);
    }
    EXPECT_EQ(prng_below(&prng, 1), 0);
    EXPECT_CHECK_FAILS((void)prng_below(&prng, 0));
}

TEST(a_chance_happens_as_often_as_it_says)
{
    struct prng prng;
    prng_init(&prng, 8);
    u32 happened = 0;
    for (u32 i = 0; i < 100000; i++) {
        happened += prng_chance(&prng, 1, 4) ? 1 : 0;
        EXPECT(!prng_chance(&prng, 0, 4));
        EXPECT(prng_chance(&prng, 4, 4));
    }
    EXPECT(happened > 24000);
    EXPECT(happened < 26000);
}
