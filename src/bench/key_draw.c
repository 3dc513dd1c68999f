#include "bench/key_draw.h"

#include "base/check.h"
#include "base/mem.h"

void key_draw_init(struct key_draw *draw, u32 keys_count, bool is_zipf)
{
    check(keys_count > 0);
    check(keys_count <= KEYS_MAX);
    *draw = (struct key_draw){.keys_count = keys_count};
    if (!is_zipf) {
        return;
    }
    double sum = 0;
    draw->cumulative = mem_take(keys_count * sizeof(double));
    for (u32 i = 0; i < keys_count; i++) {
        sum += 1.0 / (i + 1);
        draw->cumulative[i] = sum;
    }
    for (u32 i = 0; i < keys_count; i++) {
        draw->cumulative[i] /= sum;
    }
}

void key_draw_deinit(struct key_draw *draw)
{
    mem_return(draw->cumulative);
    *draw = (struct key_draw){0};
}

u32 key_draw_next(const struct key_draw *draw, struct prng *prng)
{
    if (draw->cumulative == NULL) {
        return (u32)prng_below(prng, draw->keys_count);
    }
    double share = (double)(prng_next(prng) >> 11) / 9007199254740992.0; /* 0 to below 1 */
    u32 low = 0;
    u32 high = draw->keys_count - 1;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (draw->cumulative[middle] > share) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}
