/* The few names everything else is written in. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* A 128-bit number as the wire sends it: low half first. */
struct u128 {
    u64 low;
    u64 high;
};

#define KIB 1024ull
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)

#define US_PER_MS 1000ull
#define US_PER_SECOND 1000000ull

/* Direct I/O and sector arithmetic: everything on disk is aligned to this or a multiple of it. */
#define SECTOR_BYTES_MAX 4096u

#define must_check __attribute__((warn_unused_result))
#define printf_like(text_index, first) __attribute__((format(printf, text_index, first)))

#define array_count(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline u64 u64_min(u64 a, u64 b)
{
    return a < b ? a : b;
}

static inline u64 u64_max(u64 a, u64 b)
{
    return a > b ? a : b;
}

static inline u32 u32_min(u32 a, u32 b)
{
    return a < b ? a : b;
}

static inline u32 u32_max(u32 a, u32 b)
{
    return a > b ? a : b;
}

/* `alignment` is a power of two. */
static inline u64 align_up(u64 value, u64 alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

static inline u64 align_down(u64 value, u64 alignment)
{
    return value & ~(alignment - 1);
}

static inline bool u128_equal(struct u128 a, struct u128 b)
{
    return a.low == b.low && a.high == b.high;
}

static inline bool u128_is_zero(struct u128 value)
{
    return value.low == 0 && value.high == 0;
}
