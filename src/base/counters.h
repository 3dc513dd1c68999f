/* Numbers that one core counts and others may read: relaxed atomics, one block per core, so
 * counting is a plain add on the owner's cache line. counters.def names every counter, with its
 * unit. */
#pragma once

#include <stdatomic.h>

#include "base/types.h"

#define COUNTER(name, help) COUNTER_##name,
enum counter {
#include "base/counters.def"
    COUNTER_COUNT
};
#undef COUNTER

struct counters {
    _Alignas(64) _Atomic u64 values[COUNTER_COUNT];
};

/* Only the owner of `counters` writes. */
static inline void counter_add(struct counters *counters, enum counter counter, u64 amount)
{
    u64 value = atomic_load_explicit(&counters->values[counter], memory_order_relaxed);
    atomic_store_explicit(&counters->values[counter], value + amount, memory_order_relaxed);
}

static inline void counter_max(struct counters *counters, enum counter counter, u64 candidate)
{
    if (candidate > atomic_load_explicit(&counters->values[counter], memory_order_relaxed)) {
        atomic_store_explicit(&counters->values[counter], candidate, memory_order_relaxed);
    }
}

/* Any thread. */
static inline u64 counter_get(const struct counters *counters, enum counter counter)
{
    return atomic_load_explicit(&counters->values[counter], memory_order_relaxed);
}

/* Prometheus name without prefix, and its help sentence. */
const char *counter_name(enum counter counter);
const char *counter_help(enum counter counter);

/* A number published by its owner and read by any thread: partition sizes and the like. */
struct gauge {
    _Atomic u64 value;
};

static inline void gauge_set(struct gauge *gauge, u64 value)
{
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

static inline u64 gauge_get(const struct gauge *gauge)
{
    return atomic_load_explicit(&gauge->value, memory_order_relaxed);
}
