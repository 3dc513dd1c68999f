#include "base/crc32c.h"

#include "base/crc32c_table.h"

#if defined(__x86_64__)
#include <nmmintrin.h>

#include "base/bytes.h"

__attribute__((target("sse4.2"))) static u32 crc32c_sse42(u32 crc, const u8 *data, size_t size)
{
    u64 value = ~crc;
    for (; size >= 8; size -= 8, data += 8) {
        value = _mm_crc32_u64(value, get_u64(data));
    }
    u32 rest = (u32)value;
    for (; size > 0; size--, data++) {
        rest = _mm_crc32_u8(rest, *data);
    }
    return ~rest;
}
#endif

u32 crc32c(u32 crc, const void *data, size_t size)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_sse42(crc, data, size);
    }
#endif
    return crc32c_table(crc, data, size);
}
