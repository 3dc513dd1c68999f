/* Hash map from a u64 key to a u64 value: open addressing, linear probing, backward-shift removal,
 * at most three quarters full. It never grows: its room is taken at start. Nothing may depend on
 * the order of iteration.
 *
 * Owner:  whoever initialised it. Memory: the slots are lent by the caller (map_slots_bytes). */
#pragma once

#include "base/types.h"

struct map_slot {
    u64 key;
    u64 value;
    bool used;
};

struct map {
    struct map_slot *slots;
    u32 slots_count; /* a power of two */
    u32 entries_count;
    u32 entries_max;
};

/* Slots needed for `entries_max` entries. */
u32 map_slots_for(u32 entries_max);

/* `slots` has room for map_slots_for(entries_max). */
void map_init(struct map *map, struct map_slot *slots, u32 entries_max);
bool map_get(const struct map *map, u64 key, u64 *value);

/* Adds or replaces. False when a new key would exceed entries_max. */
must_check bool map_put(struct map *map, u64 key, u64 value);

/* False when the key was not there. */
bool map_remove(struct map *map, u64 key);
void map_clear(struct map *map);

/* Mixes all bits of `value`: also of use for keys made of several numbers. */
u64 hash_u64(u64 value);
u64 hash_u64_pair(u64 a, u64 b);
u64 hash_bytes(const void *data, size_t size);
