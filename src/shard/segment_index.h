/* Sparse index of one log segment: message offset or append time -> byte position in its file.
 *
 * It answers: "from which byte must a reader scan to meet offset X, or the first message appended
 * at or after T?" The answer is exact or early, never late. One entry is kept per `stride_bytes`
 * of log, so a lookup costs one binary search plus at most one stride of scanning. When the array
 * is full, every second entry goes and the stride doubles: coarser, never blind.
 *
 *     log     |batch 0|batch 1|batch 2      |batch 3|batch 4|...
 *     entries  ^0                            ^3              offsets and positions strictly rise
 *
 * Owner:   the core that owns the partition. Nothing here blocks, allocates or reads a clock.
 * Memory:  the entry array is lent by the caller and must outlive the index. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"

#define SEGMENT_INDEX_HEADER_BYTES 64u

struct segment_index_entry {
    u64 append_time_us; /* server time of the batch, microseconds since 1970 */
    u32 offset_delta;   /* message offset minus base_offset */
    u32 position;       /* bytes from the start of the segment file */
};
static_assert(sizeof(struct segment_index_entry) == 16,
              "the index file is a checksummed header, then an array of these");

struct segment_index {
    u64 base_offset;
    u32 stride_bytes;
    u32 entries_max;
    u32 entries_count;
    struct segment_index_entry *entries;
};

/* Starts empty over `entries`, which has room for `entries_max`, at least 2. */
void segment_index_init(struct segment_index *index, u64 base_offset, u32 stride_bytes,
                        struct segment_index_entry *entries, u32 entries_max);

/* Notes that the batch whose first message is `offset` begins at `position`. Call it for every
 * batch, in order; the index keeps the ones it needs. Time never falls: the caller sees to that. */
void segment_index_note(struct segment_index *index, u64 offset, u64 append_time_us, u32 position);

/* The same for a batch met while reading, anywhere in what was noted already: an index that was
 * lost comes back where it is needed. Kept when no entry is within a stride of it. */
void segment_index_learn(struct segment_index *index, u64 offset, u64 append_time_us, u32 position);

/* Where to start scanning for `offset`. Offsets past the end give the last known position. */
u32 segment_index_lookup(const struct segment_index *index, u64 offset);

/* Where to start scanning for the first message appended at or after `append_time_us`. */
u32 segment_index_lookup_time(const struct segment_index *index, u64 append_time_us);

/* Forgets entries at or after `offset`: the log was cut there. */
void segment_index_truncate(struct segment_index *index, u64 offset);

/* Moves into a larger array: more room before the stride doubles. The old array is free again. */
void segment_index_grow(struct segment_index *index, struct segment_index_entry *entries,
                        u32 entries_max);

/* Checks the `entries_count` entries just read from disk into the lent array and adopts them, or
 * returns ERR_CORRUPT and stays empty: the caller then rebuilds the index by scanning the log. */
must_check enum status segment_index_adopt(struct segment_index *index, u32 entries_count);

/* ---- The file: SEGMENT_INDEX_HEADER_BYTES, then the entries as they lie in memory. Its layout
 * stands at the head of segment_index.c. A file that does not fit is rebuilt, never believed.
 * ---- */

/* Writes the header for the entries as they are. */
void segment_index_encode(const struct segment_index *index, const u8 *salt, u8 *header);

/* Is `file`, header and entries, that of the segment with this salt and base offset? ERR_CORRUPT
 * otherwise; on OK `stride_bytes` and `entries_count` are set. */
must_check enum status segment_index_decode(struct span file, const u8 *salt, u64 base_offset,
                                            u32 *stride_bytes, u32 *entries_count);
