/* Structs of one kind, taken at start: `pool_take` gives a zeroed one or NULL when all are in use.
 *
 * Owner: whoever initialised it. Memory: an array lent by the caller, touched on use only. Each
 * item
 * is at least a list_node large, which links it while it is free. */
#pragma once

#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/types.h"

struct pool {
    u8 *items;
    u32 item_bytes;
    u32 items_max;
    u32 used_count;  /* ever taken */
    u32 taken_count; /* now */
    struct list free;
};

static inline void pool_init(struct pool *pool, void *items, u32 item_bytes, u32 items_max)
{
    check(item_bytes >= sizeof(struct list_node));
    *pool = (struct pool){.items = items, .item_bytes = item_bytes, .items_max = items_max};
    list_init(&pool->free);
}

must_check static inline void *pool_take(struct pool *pool)
{
    void *item = list_pop(&pool->free);
    if (item == NULL && pool->used_count < pool->items_max) {
        item = pool->items + (u64)pool->used_count++ * pool->item_bytes;
    }
    if (item != NULL) {
        memset(item, 0, pool->item_bytes);
        pool->taken_count++;
    }
    return item;
}

/* The item begins with its magic number, which this overwrites. */
static inline void pool_return(struct pool *pool, void *item)
{
    check(pool->taken_count > 0);
    struct list_node *node = item;
    list_node_init(node);
    list_add_first(&pool->free, node);
    pool->taken_count--;
}
