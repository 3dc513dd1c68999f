/* The long runs of XXH3-64 with the 32-byte registers that most machines have and the smallest do
 * not: half the processor time of a hash. Only xxh3.c includes this. */
#pragma once

#include "base/types.h"

/* False: this processor, or the compiler, has no AVX2, and nothing else here may be called. */
bool xxh3_avx2_is_there(void);

u64 xxh3_avx2(const void *data, size_t size);

/* `state`: the library's, which is the same whatever registers it is worked on with. */
void xxh3_avx2_update(void *state, const void *data, size_t size);
