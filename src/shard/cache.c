#include "shard/cache.h"

#include "base/check.h"
#include "base/map.h"

#define CACHE_RUN_MAGIC 0x6e75726568636163ull

u64 cache_arena_bytes(void)
{
    return sizeof(struct cache_run) * (u64)CACHE_RUNS_MAX + 64;
}

void cache_init(struct cache *cache, struct arena *arena, u64 bytes_max)
{
    *cache = (struct cache){.bytes_max = bytes_max};
    list_init(&cache->recent);
    pool_init(&cache->runs, arena_array(arena, struct cache_run, CACHE_RUNS_MAX),
              sizeof(struct cache_run), CACHE_RUNS_MAX);
}

/* Splits the tree at `offset`: what begins below it goes to `below`, the rest to `above`. */
static void split(struct cache_run *tree, u64 offset, struct cache_run **below,
                  struct cache_run **above)
{
    while (tree != NULL) {
        if (tree->base_offset < offset) {
            *below = tree;
            below = &tree->right;
            tree = tree->right;
        } else {
            *above = tree;
            above = &tree->left;
            tree = tree->left;
        }
    }
    *below = NULL;
    *above = NULL;
}

/* Everything in `below` begins before everything in `above`. */
static struct cache_run *join(struct cache_run *below, struct cache_run *above)
{
    struct cache_run *tree = NULL;
    struct cache_run **place = &tree;
    while (below != NULL && above != NULL) {
        if (below->priority > above->priority) {
            *place = below;
            place = &below->right;
            below = below->right;
        } else {
            *place = above;
            place = &above->left;
            above = above->left;
        }
    }
    *place = below != NULL ? below : above;
    return tree;
}

static void tree_insert(struct cache_run *run)
{
    struct cache_run **place = run->root;
    while (*place != NULL && (*place)->priority > run->priority) {
        place = run->base_offset < (*place)->base_offset ? &(*place)->left : &(*place)->right;
    }
    split(*place, run->base_offset, &run->left, &run->right);
    *place = run;
}

static void tree_remove(struct cache_run *run)
{
    struct cache_run **place = run->root;
    while (*place != run) {
        check(*place != NULL);
        place = run->base_offset < (*place)->base_offset ? &(*place)->left : &(*place)->right;
    }
    *place = join(run->left, run->right);
}

/* The last run that begins at or before `offset`. */
static struct cache_run *tree_floor(struct cache_run *tree, u64 offset)
{
    struct cache_run *found = NULL;
    while (tree != NULL) {
        if (tree->base_offset <= offset) {
            found = tree;
            tree = tree->right;
        } else {
            tree = tree->left;
        }
    }
    return found;
}

static void drop(struct cache *cache, struct cache_run *run)
{
    check(run->magic == CACHE_RUN_MAGIC);
    tree_remove(run);
    list_remove(&run->node);
    check(cache->bytes >= run->buf->capacity);
    cache->bytes -= run->buf->capacity;
    buf_return(run->buf);
    run->magic = 0;
    pool_return(&cache->runs, run);
}

static bool overlaps(struct cache_run *tree, const struct cache_range *range)
{
    const struct cache_run *before = tree_floor(tree, range->end_offset - 1);
    return before != NULL && before->end_offset > range->base_offset;
}

void cache_add(struct cache *cache, struct cache_run **root, struct buf *buf,
               const struct cache_range *range)
{
    check(range->end_offset > range->base_offset);
    check(range->bytes % range->sector_bytes == 0);

    if (buf->capacity > cache->bytes_max || overlaps(*root, range)) {
        return;
    }
    while (cache->bytes + buf->capacity > cache->bytes_max && cache_drop_oldest(cache)) {
    }
    struct cache_run *run = pool_take(&cache->runs);
    if (run == NULL) {
        (void)cache_drop_oldest(cache);
        run = pool_take(&cache->runs);
    }
    if (run == NULL) {
        return;
    }
    run->magic = CACHE_RUN_MAGIC;
    run->root = root;
    run->priority = hash_u64_pair(range->base_offset, range->end_offset);
    run->base_offset = range->base_offset;
    run->end_offset = range->end_offset;
    run->buf = buf;
    run->units = range->units;
    run->bytes = range->bytes;
    run->sector_bytes = range->sector_bytes;
    buf_retain(buf);
    cache->bytes += buf->capacity;
    tree_insert(run);
    list_add_last(&cache->recent, &run->node);
}

const struct cache_run *cache_find(struct cache *cache, struct cache_run **root, u64 offset)
{
    struct cache_run *run = tree_floor(*root, offset);
    if (run == NULL || run->end_offset <= offset) {
        return NULL;
    }
    check(run->magic == CACHE_RUN_MAGIC);
    list_remove(&run->node);
    list_add_last(&cache->recent, &run->node);
    return run;
}

bool cache_drop_oldest(struct cache *cache)
{
    struct list_node *node = list_first(&cache->recent);
    if (node == NULL) {
        return false;
    }
    drop(cache, container_of(node, struct cache_run, node));
    return true;
}

bool cache_drop_all(struct cache *cache, struct cache_run **root, u32 budget)
{
    while (*root != NULL && budget-- > 0) {
        drop(cache, *root);
    }
    return *root == NULL;
}
