#include "bench/key_draw.h"

#include "test.h"

#define DRAWS 100000u

static void draw_all(const struct key_draw *draw, u32 *counts)
{
    struct prng prng;
    prng_init(&prng, 5);
    for (u32 i = 0; i < DRAWS; i++) {
        u32 key = key_draw_next(draw, &prng);
        EXPECT(key < draw->keys_count);
        counts[key]++;
    }
}

TEST(uniform_keys_are_all_as_likely)
{
    u32 counts[10] = {0};
    struct key_draw draw;
    key_draw_init(&draw, 10, false);
    draw_all(&draw, counts);
    for (u32 i = 0; i < 10; i++) {
        EXPECT(counts[i] > DRAWS / 10 - 600);
        EXPECT(counts[i] < DRAWS / 10 + 600);
    }
    key_draw_deinit(&draw);
}

TEST(the_nth_zipf_key_is_n_times_less_likely_than_the_first)
{
    u32 counts[100] = {0};
    struct key_draw draw;
    key_draw_init(&draw, 100, true);
    draw_all(&draw, counts);
    EXPECT(counts[0] > DRAWS / 6); /* 1 / H(100) = 0.193 */
    EXPECT(counts[0] < DRAWS / 4);
    for (u32 i = 1; i < 10; i++) {
        u32 expected = counts[0] / (i + 1);
        EXPECT(counts[i] > expected - expected / 5);
        EXPECT(counts[i] < expected + expected / 5);
    }
    EXPECT(counts[99] > 0);
    key_draw_deinit(&draw);
}

TEST(a_single_key_is_always_drawn)
{
    u32 counts[1] = {0};
    struct key_draw draw;
    key_draw_init(&draw, 1, true);
    draw_all(&draw, counts);
    EXPECT_EQ(counts[0], DRAWS);
    key_draw_deinit(&draw);
}
