/* The index file, little-endian:
 *
 *       0  magic          u32   "LIX1"
 *       4  version        u32   1
 *       8  salt           16 bytes, of the segment
 *      24  base_offset    u64
 *      32  stride_bytes   u32
 *      36  entries_count  u32
 *      40  entries_crc    u32   CRC-32C over all entries
 *      44  zeros
 *      60  header_crc     u32   CRC-32C over bytes 0 to 59
 *      64  entries, 16 bytes each: append_time u64, offset_delta u32, position u32 */
#include "shard/segment_index.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

#define INDEX_MAGIC 0x3158494cu /* "LIX1" */
#define INDEX_VERSION 1u
#define INDEX_CRC_POSITION 60u

static bool entry_follows(const struct segment_index_entry *entry,
                          const struct segment_index_entry *last)
{
    return entry->offset_delta > last->offset_delta && entry->position > last->position &&
           entry->append_time_us >= last->append_time_us;
}

static bool entries_rise(const struct segment_index_entry *entries, u32 count)
{
    for (u32 i = 1; i < count; i++) {
        if (!entry_follows(&entries[i], &entries[i - 1])) {
            return false;
        }
    }
    return true;
}

/* Number of entries whose offset is below `offset_delta`. */
static u32 count_below(const struct segment_index *index, u64 offset_delta)
{
    u32 low = 0;
    u32 high = index->entries_count;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (index->entries[middle].offset_delta < offset_delta) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Number of entries appended before `append_time_us`. */
static u32 count_before(const struct segment_index *index, u64 append_time_us)
{
    u32 low = 0;
    u32 high = index->entries_count;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (index->entries[middle].append_time_us < append_time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void thin_out(struct segment_index *index)
{
    u32 kept = 0;
    for (u32 i = 0; i < index->entries_count; i += 2) {
        index->entries[kept++] = index->entries[i];
    }
    index->entries_count = kept;
    index->stride_bytes *= 2;
}

void segment_index_init(struct segment_index *index, u64 base_offset, u32 stride_bytes,
                        struct segment_index_entry *entries, u32 entries_max)
{
    check(entries != NULL);
    check(entries_max >= 2);
    check(stride_bytes > 0);

    *index = (struct segment_index){
        .base_offset = base_offset,
        .stride_bytes = stride_bytes,
        .entries_max = entries_max,
        .entries = entries,
    };
}

void segment_index_note(struct segment_index *index, u64 offset, u64 append_time_us, u32 position)
{
    check(offset >= index->base_offset);
    check(offset - index->base_offset <= UINT32_MAX);
    struct segment_index_entry entry = {
        .append_time_us = append_time_us,
        .offset_delta = (u32)(offset - index->base_offset),
        .position = position,
    };

    if (index->entries_count > 0) {
        const struct segment_index_entry *last = &index->entries[index->entries_count - 1];
        check(entry_follows(&entry, last));
        if (position - last->position < index->stride_bytes) {
            return;
        }
    }
    if (index->entries_count == index->entries_max) {
        thin_out(index);
    }
    index->entries[index->entries_count++] = entry;
    verify(entries_rise(index->entries, index->entries_count));
}

/* Room for a new entry behind the first `below`: a stride from both its neighbours. */
static bool is_wanted(const struct segment_index *index, u32 below, u32 position)
{
    if (below > 0 && position - index->entries[below - 1].position < index->stride_bytes) {
        return false;
    }
    return below == index->entries_count ||
           index->entries[below].position - position >= index->stride_bytes;
}

void segment_index_learn(struct segment_index *index, u64 offset, u64 append_time_us, u32 position)
{
    check(offset >= index->base_offset);
    check(offset - index->base_offset <= UINT32_MAX);
    u32 delta = (u32)(offset - index->base_offset);
    u32 below = count_below(index, delta);
    bool is_known = below < index->entries_count && index->entries[below].offset_delta == delta;
    if (is_known || !is_wanted(index, below, position)) {
        return;
    }
    if (index->entries_count == index->entries_max) {
        thin_out(index);
        below = count_below(index, delta);
        if (!is_wanted(index, below, position)) {
            return;
        }
    }
    memmove(&index->entries[below + 1], &index->entries[below],
            (index->entries_count - below) * sizeof(struct segment_index_entry));
    index->entries[below] = (struct segment_index_entry){
        .append_time_us = append_time_us, .offset_delta = delta, .position = position};
    index->entries_count++;
    verify(entries_rise(index->entries, index->entries_count));
}

u32 segment_index_lookup(const struct segment_index *index, u64 offset)
{
    check(offset >= index->base_offset);

    u64 offset_delta = offset - index->base_offset;
    u32 below = count_below(index, offset_delta);
    if (below < index->entries_count && index->entries[below].offset_delta == offset_delta) {
        return index->entries[below].position;
    }
    return below == 0 ? 0 : index->entries[below - 1].position;
}

u32 segment_index_lookup_time(const struct segment_index *index, u64 append_time_us)
{
    /* The entry before may end in messages of the same instant, so the scan starts there. */
    u32 before = count_before(index, append_time_us);
    return before == 0 ? 0 : index->entries[before - 1].position;
}

void segment_index_truncate(struct segment_index *index, u64 offset)
{
    check(offset >= index->base_offset);
    index->entries_count = count_below(index, offset - index->base_offset);
}

void segment_index_grow(struct segment_index *index, struct segment_index_entry *entries,
                        u32 entries_max)
{
    check(entries_max > index->entries_max);
    if (index->entries_count > 0) {
        memcpy(entries, index->entries, sizeof(*entries) * index->entries_count);
    }
    index->entries = entries;
    index->entries_max = entries_max;
}

enum status segment_index_adopt(struct segment_index *index, u32 entries_count)
{
    check(index->entries_count == 0);

    if (entries_count > index->entries_max || !entries_rise(index->entries, entries_count)) {
        return ERR_CORRUPT;
    }
    index->entries_count = entries_count;
    return OK;
}

void segment_index_encode(const struct segment_index *index, const u8 *salt, u8 *header)
{
    memset(header, 0, SEGMENT_INDEX_HEADER_BYTES);
    put_u32(header, INDEX_MAGIC);
    put_u32(header + 4, INDEX_VERSION);
    memcpy(header + 8, salt, 16);
    put_u64(header + 24, index->base_offset);
    put_u32(header + 32, index->stride_bytes);
    put_u32(header + 36, index->entries_count);
    put_u32(header + 40, crc32c(0, index->entries, sizeof(*index->entries) * index->entries_count));
    put_u32(header + INDEX_CRC_POSITION, crc32c(0, header, INDEX_CRC_POSITION));
}

enum status segment_index_decode(struct span file, const u8 *salt, u64 base_offset,
                                 u32 *stride_bytes, u32 *entries_count)
{
    const u8 *header = file.data;
    if (file.size < SEGMENT_INDEX_HEADER_BYTES || get_u32(header) != INDEX_MAGIC ||
        get_u32(header + 4) != INDEX_VERSION || memcmp(header + 8, salt, 16) != 0 ||
        get_u64(header + 24) != base_offset ||
        get_u32(header + INDEX_CRC_POSITION) != crc32c(0, header, INDEX_CRC_POSITION)) {
        return ERR_CORRUPT;
    }
    u32 stride = get_u32(header + 32);
    u64 count = get_u32(header + 36);
    u64 entries_bytes = count * sizeof(struct segment_index_entry);
    if (stride == 0 || entries_bytes > file.size - SEGMENT_INDEX_HEADER_BYTES ||
        crc32c(0, header + SEGMENT_INDEX_HEADER_BYTES, entries_bytes) != get_u32(header + 40)) {
        return ERR_CORRUPT;
    }
    *stride_bytes = stride;
    *entries_count = (u32)count;
    return OK;
}
