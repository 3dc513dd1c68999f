/* Single-producer single-consumer ring of fixed-size items, between two threads. The producer's and
 * the consumer's indexes lie on cache lines of their own; each side caches the other's, so an awake
 * pair exchanges an item for a fraction of a microsecond. Publishing is a release store, taking an
 * acquire load: what was written before `ring_publish` is seen after `ring_peek`.
 *
 * Memory: `items` is lent by the caller: items_max (a power of two) times item_size bytes. */
#pragma once

#include <stdatomic.h>

#include "base/types.h"

struct ring {
    _Alignas(64) _Atomic u32 tail; /* written by the producer */
    u32 head_seen;                 /* the producer's copy of head */
    u32 tail_pending;              /* written but not yet published */
    _Alignas(64) _Atomic u32 head; /* written by the consumer */
    u32 tail_seen;                 /* the consumer's copy of tail */
    _Alignas(64) u8 *items;
    u32 items_max;
    u32 item_size;
};

void ring_init(struct ring *ring, void *items, u32 items_max, u32 item_size);

/* Producer: room for one item to fill in place, or NULL when full. Not visible until published. */
void *ring_reserve(struct ring *ring);

/* Producer: how many items may be reserved now. */
u32 ring_room(struct ring *ring);

/* Producer: makes all reserved items visible. */
void ring_publish(struct ring *ring);

/* Consumer: the oldest item in place, or NULL. */
void *ring_peek(struct ring *ring);

/* Consumer: done with the oldest item. */
void ring_advance(struct ring *ring);

/* Either side; exact only for the consumer. */
bool ring_is_empty(const struct ring *ring);
