#include "base/map.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

static u32 slot_home(const struct map *map, u64 key)
{
    return (u32)hash_u64(key) & (map->slots_count - 1);
}

static u32 slot_after(const struct map *map, u32 slot)
{
    return (slot + 1) & (map->slots_count - 1);
}

/* The slot that holds `key`, or the free one where it would go. A quarter of the slots is always
 * free, so the search ends. */
static u32 find_slot(const struct map *map, u64 key)
{
    u32 slot = slot_home(map, key);
    while (map->slots[slot].used && map->slots[slot].key != key) {
        slot = slot_after(map, slot);
    }
    return slot;
}

u32 map_slots_for(u32 entries_max)
{
    check(entries_max <= 1u << 30);

    u32 slots_count = 4;
    while ((u64)slots_count * 3 < (u64)entries_max * 4) {
        slots_count *= 2;
    }
    return slots_count;
}

void map_init(struct map *map, struct map_slot *slots, u32 entries_max)
{
    check(slots != NULL);

    *map = (struct map){
        .slots = slots,
        .slots_count = map_slots_for(entries_max),
        .entries_max = entries_max,
    };
    map_clear(map);
}

bool map_get(const struct map *map, u64 key, u64 *value)
{
    const struct map_slot *slot = &map->slots[find_slot(map, key)];
    if (!slot->used) {
        return false;
    }
    *value = slot->value;
    return true;
}

bool map_put(struct map *map, u64 key, u64 value)
{
    struct map_slot *slot = &map->slots[find_slot(map, key)];
    if (!slot->used) {
        if (map->entries_count == map->entries_max) {
            return false;
        }
        map->entries_count++;
    }
    *slot = (struct map_slot){.key = key, .value = value, .used = true};
    return true;
}

bool map_remove(struct map *map, u64 key)
{
    u32 hole = find_slot(map, key);
    if (!map->slots[hole].used) {
        return false;
    }
    /* Entries behind the hole move up into it if their search would have passed over it, so that no
     * search ever stops short and no marks of the dead are needed. */
    u32 mask = map->slots_count - 1;
    for (u32 slot = slot_after(map, hole); map->slots[slot].used; slot = slot_after(map, slot)) {
        u32 home = slot_home(map, map->slots[slot].key);
        if (((slot - home) & mask) >= ((slot - hole) & mask)) {
            map->slots[hole] = map->slots[slot];
            hole = slot;
        }
    }
    map->slots[hole] = (struct map_slot){.used = false};
    check(map->entries_count > 0);
    map->entries_count--;
    return true;
}

void map_clear(struct map *map)
{
    memset(map->slots, 0, sizeof(*map->slots) * map->slots_count);
    map->entries_count = 0;
}

u64 hash_u64(u64 value)
{
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93;
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93;
    return value ^ value >> 32;
}

u64 hash_u64_pair(u64 a, u64 b)
{
    return hash_u64(hash_u64(a) + 0x9e3779b97f4a7c15 + b);
}

u64 hash_bytes(const void *data, size_t size)
{
    const u8 *bytes = data;
    u64 hash = hash_u64(size);
    for (; size >= 8; size -= 8, bytes += 8) {
        hash = hash_u64_pair(hash, get_u64(bytes));
    }
    u64 last = 0;
    for (size_t i = 0; i < size; i++) {
        last = last << 8 | bytes[i];
    }
    return hash_u64_pair(hash, last);
}
