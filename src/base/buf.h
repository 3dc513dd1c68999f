/* Buffers of one core, by size class, within one budget of bytes.
 *
 * A pool reserves address space for every class at start and touches pages only on use. Each class
 * (4 KiB, 8 KiB, ... 64 KiB, then four steps a doubling, up to `buffer_bytes_max`) has a region of
 * its own, so there is no fragmentation: what is resident over all classes never exceeds
 * `budget_bytes`. When a take would exceed it, free buffers of other classes give their pages back
 * first; if that does not suffice the take fails and the caller parks or refuses.
 *
 * Owner:   one core. Only it takes, retains and returns; a buffer may visit another core inside a
 *          message and goes home to be returned, so counts are plain integers.
 * Memory:  `data` is aligned to SECTOR_BYTES_MAX and lies at least `capacity` bytes long. */
#pragma once

#include "base/list.h"
#include "base/types.h"

struct buf_pool;

struct buf {
    struct list_node node; /* for whoever holds it; linked by the pool while free */
    struct buf_pool *pool; /* home */
    u8 *data;
    u32 capacity;
    u32 size; /* bytes in use, kept by the holder; 0 after a take */
    u32 refs;
    u8 class_index;
    bool resident; /* counted in resident_bytes: pages may be touched */
};

struct buf_pool_options {
    u64 budget_bytes;
    u32 buffer_bytes_max; /* largest single take */
};

/* Reserves the address space. Takes memory from the system once, at start; the pool is one block
 * that `buf_pool_destroy` gives back. NULL when the system refuses the address space. */
struct buf_pool *buf_pool_create(const struct buf_pool_options *options);
void buf_pool_destroy(struct buf_pool *pool);

/* A buffer with room for `size` bytes and one reference, or NULL when the budget does not allow it
 * now, whatever is given back. `size` is at most `buffer_bytes_max`. */
must_check struct buf *buf_take(struct buf_pool *pool, u32 size);

/* As buf_take, but at least `leave_bytes` of the budget stay for others: for whoever brings work
 * in, so that those who finish work always find what they need for it. */
must_check struct buf *buf_take_leaving(struct buf_pool *pool, u32 size, u32 leave_bytes);

/* One more holder on the home core. */
void buf_retain(struct buf *buf);

/* One holder less; the last one frees it. Only on the home core. */
void buf_return(struct buf *buf);

/* Bytes a `buf_take(size)` would count against the budget. */
u32 buf_capacity_for(u32 size);

u64 buf_pool_budget_bytes(const struct buf_pool *pool);

/* Bytes in taken buffers. What is free but resident is not counted: a take can have it. */
u64 buf_pool_taken_bytes(const struct buf_pool *pool);

/* Who is asked when a take does not fit: `give_back` lets go of something that it can do without,
 * and is asked again until the take fits or it has nothing left (false). It takes no buffer. */
void buf_pool_when_short(struct buf_pool *pool, bool (*give_back)(void *context), void *context);

/* True while a take of `size` would succeed without that. */
bool buf_pool_has_room(const struct buf_pool *pool, u32 size);

/* Gives all free resident pages back to the system: for an owner that has become idle. */
void buf_pool_trim(struct buf_pool *pool);
