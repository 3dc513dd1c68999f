/* Which key the next batch carries: of so many, each as likely as any other, or (Zipf) the n-th n
 * times less likely than the first, as popular things are.
 *
 * Thread: any number may draw at once, each with its own prng. Memory: from the heap, at init. */
#pragma once

#include "base/prng.h"
#include "base/types.h"

#define KEYS_MAX 1000000u

struct key_draw {
    u32 keys_count;
    double *cumulative; /* of Zipf: the chance of this key or one before it; NULL: uniform */
};

void key_draw_init(struct key_draw *draw, u32 keys_count, bool is_zipf);
void key_draw_deinit(struct key_draw *draw);

/* From 0 to keys_count - 1. */
u32 key_draw_next(const struct key_draw *draw, struct prng *prng);
