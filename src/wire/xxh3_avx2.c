#include "wire/xxh3_avx2.h"

#include "base/check.h"

#if defined(__x86_64__) && !defined(__clang__)

/* For this file alone; the library looks at __AVX2__, which the line defines with gcc only. */
#pragma GCC target("avx2")
#define XXH_INLINE_ALL
#include <xxhash.h>

bool xxh3_avx2_is_there(void)
{
    return __builtin_cpu_supports("avx2");
}

u64 xxh3_avx2(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

void xxh3_avx2_update(void *state, const void *data, size_t size)
{
    XXH3_64bits_update((XXH3_state_t *)state, data, size);
}

#else

bool xxh3_avx2_is_there(void)
{
    return false;
}

u64 xxh3_avx2(const void *data, size_t size)
{
    (void)data;
    (void)size;
    unreachable();
}

void xxh3_avx2_update(void *state, const void *data, size_t size)
{
    (void)state;
    (void)data;
    (void)size;
    unreachable();
}

#endif
