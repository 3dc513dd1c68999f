#include "base/ring.h"

#include "base/check.h"

static void *item_at(const struct ring *ring, u32 index)
{
    return ring->items + (size_t)(index & (ring->items_max - 1)) * ring->item_size;
}

void ring_init(struct ring *ring, void *items, u32 items_max, u32 item_size)
{
    check(items != NULL);
    check(item_size > 0);
    check(items_max > 0);
    check((items_max & (items_max - 1)) == 0);

    *ring = (struct ring){.items = items, .items_max = items_max, .item_size = item_size};
}

void *ring_reserve(struct ring *ring)
{
    if (ring->tail_pending - ring->head_seen == ring->items_max) {
        /* Acquire: the consumer has finished reading what we are about to overwrite. */
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        check(ring->tail_pending - ring->head_seen <= ring->items_max);
        if (ring->tail_pending - ring->head_seen == ring->items_max) {
            return NULL;
        }
    }
    return item_at(ring, ring->tail_pending++);
}

u32 ring_room(struct ring *ring)
{
    ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    return ring->items_max - (ring->tail_pending - ring->head_seen);
}

void ring_publish(struct ring *ring)
{
    atomic_store_explicit(&ring->tail, ring->tail_pending, memory_order_release);
}

void *ring_peek(struct ring *ring)
{
    u32 head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->tail_seen) {
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->tail_seen) {
            return NULL;
        }
    }
    return item_at(ring, head);
}

void ring_advance(struct ring *ring)
{
    u32 head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    check(head != ring->tail_seen);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

bool ring_is_empty(const struct ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire) ==
           atomic_load_explicit(&ring->tail, memory_order_acquire);
}
