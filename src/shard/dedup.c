#include "shard/dedup.h"

#include "base/check.h"
#include "base/map.h"
#include "shard/partition.h"
#include "shard/shard_inside.h"

#define ENTRIES_PER_PARTITION 16u

struct dedup_entry {
    struct u128 id;
    u64 offset;
    u64 time_us;
    u32 slot;  /* of the partition */
    u32 chain; /* index + 1 of the next in the bucket */
    u32 older; /* of all partitions */
    u32 newer;
    u32 window_older; /* of this one */
    u32 window_newer;
};
static_assert(sizeof(struct dedup_entry) == 56, "no padding");

static u32 entries_max(const struct plan *plan)
{
    return ENTRIES_PER_PARTITION * plan->partitions_max;
}

static u32 buckets_for(u32 entries)
{
    u32 count = 1;
    while (count < entries) {
        count *= 2;
    }
    return count;
}

u64 dedup_arena_bytes(const struct plan *plan)
{
    u32 entries = entries_max(plan);
    return sizeof(struct dedup_entry) * (u64)entries + sizeof(u32) * (u64)buckets_for(entries) +
           4 * KIB;
}

void dedup_init(struct dedup *dedup, struct arena *arena, const struct plan *plan,
                const struct settings *settings)
{
    *dedup = (struct dedup){.settings = settings,
                            .entries_max = entries_max(plan),
                            .free = DEDUP_NONE,
                            .oldest = DEDUP_NONE,
                            .newest = DEDUP_NONE};
    dedup->entries = arena_array(arena, struct dedup_entry, dedup->entries_max);
    dedup->buckets_count = buckets_for(dedup->entries_max);
    dedup->buckets = arena_array(arena, u32, dedup->buckets_count);
}

u32 dedup_window_max(const struct dedup *dedup)
{
    u64 wanted = dedup->settings->dedup_entries_max;
    return wanted == 0 ? dedup->entries_max : (u32)u64_min(wanted, dedup->entries_max);
}

u64 dedup_horizon_us(const struct dedup *dedup, u64 now_us)
{
    u64 expiry_us = dedup->settings->dedup_expiry_us;
    return expiry_us == 0 || expiry_us > now_us ? 0 : now_us - expiry_us;
}

static u32 *bucket_of(const struct dedup *dedup, u32 slot, struct u128 id)
{
    u64 hash = hash_u64_pair(hash_u64_pair(id.low, id.high), slot);
    return &dedup->buckets[hash & (dedup->buckets_count - 1)];
}

bool dedup_find(const struct dedup *dedup, const struct partition *partition, struct u128 id,
                u64 now_us, u64 *offset)
{
    u32 next = *bucket_of(dedup, partition->slot, id);
    while (next != 0) {
        const struct dedup_entry *entry = &dedup->entries[next - 1];
        if (entry->slot == partition->slot && u128_equal(entry->id, id)) {
            *offset = entry->offset; /* the newest with this id */
            return entry->time_us >= dedup_horizon_us(dedup, now_us);
        }
        next = entry->chain;
    }
    return false;
}

/* ---- Leaving ---- */

static void unchain(struct dedup *dedup, u32 index)
{
    const struct dedup_entry *entry = &dedup->entries[index];
    u32 *link = bucket_of(dedup, entry->slot, entry->id);
    while (*link != index + 1) {
        check(*link != 0);
        link = &dedup->entries[*link - 1].chain;
    }
    *link = entry->chain;
}

static void leave_all(struct dedup *dedup, const struct dedup_entry *entry)
{
    if (entry->older == DEDUP_NONE) {
        dedup->oldest = entry->newer;
    } else {
        dedup->entries[entry->older].newer = entry->newer;
    }
    if (entry->newer == DEDUP_NONE) {
        dedup->newest = entry->older;
    } else {
        dedup->entries[entry->newer].older = entry->older;
    }
}

/* Only the first or the last of a window ever leaves. */
static void leave_window(struct dedup_window *window, u32 index, const struct dedup_entry *entry)
{
    check(window->count > 0);
    check(window->oldest == index || window->newest == index);
    window->count--;
    if (window->oldest == index) {
        window->oldest = entry->window_newer;
    } else {
        window->newest = entry->window_older;
    }
}

static void forget(struct dedup *dedup, struct partition *partition, u32 index)
{
    struct dedup_entry *entry = &dedup->entries[index];
    check(entry->slot == partition->slot);
    unchain(dedup, index);
    leave_all(dedup, entry);
    leave_window(&partition->dedup, index, entry);
    entry->chain = dedup->free;
    dedup->free = index;
}

static bool is_beyond(const struct dedup *dedup, const struct dedup_window *window, u64 now_us)
{
    return window->count > dedup_window_max(dedup) ||
           dedup->entries[window->oldest].time_us < dedup_horizon_us(dedup, now_us);
}

void dedup_cut(struct dedup *dedup, struct partition *partition, u64 end)
{
    struct dedup_window *window = &partition->dedup;
    while (window->count > 0 && dedup->entries[window->newest].offset >= end) {
        forget(dedup, partition, window->newest);
    }
}

bool dedup_drop(struct dedup *dedup, struct partition *partition, u32 budget)
{
    struct dedup_window *window = &partition->dedup;
    while (window->count > 0 && budget-- > 0) {
        forget(dedup, partition, window->oldest);
    }
    return window->count == 0;
}

/* ---- Coming ---- */

static u32 take(struct dedup *dedup, struct partition *partition)
{
    u32 index = dedup->free;
    if (index != DEDUP_NONE) {
        dedup->free = dedup->entries[index].chain;
        return index;
    }
    if (dedup->entries_used < dedup->entries_max) {
        return dedup->entries_used++;
    }
    u32 slot = dedup->entries[dedup->oldest].slot;
    forget(dedup, &partition->shard->partitions[slot], dedup->oldest);
    index = dedup->free;
    dedup->free = dedup->entries[index].chain;
    return index;
}

void dedup_add(struct dedup *dedup, struct partition *partition, struct u128 id, u64 offset,
               u64 time_us)
{
    struct dedup_window *window = &partition->dedup;
    check(window->count == 0 || dedup->entries[window->newest].offset < offset);
    u32 index = take(dedup, partition);
    u32 *bucket = bucket_of(dedup, partition->slot, id);
    dedup->entries[index] = (struct dedup_entry){
        .id = id,
        .offset = offset,
        .time_us = time_us,
        .slot = partition->slot,
        .chain = *bucket,
        .older = dedup->newest,
        .newer = DEDUP_NONE,
        .window_older = window->count == 0 ? DEDUP_NONE : window->newest,
        .window_newer = DEDUP_NONE,
    };
    *bucket = index + 1;
    if (dedup->newest == DEDUP_NONE) {
        dedup->oldest = index;
    } else {
        dedup->entries[dedup->newest].newer = index;
    }
    dedup->newest = index;
    if (window->count == 0) {
        window->oldest = index;
    } else {
        dedup->entries[window->newest].window_newer = index;
    }
    window->newest = index;
    window->count++;
    while (window->count > 1 && is_beyond(dedup, window, time_us)) {
        forget(dedup, partition, window->oldest);
    }
}
