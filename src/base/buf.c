/* One mapping holds everything: the pool itself, the descriptors of every class, then the regions.
 *
 *     |struct buf_pool|descriptors of class 0|1|...|  region of class 0  |  region of class 1  |...
 *
 * A class has as many buffers as the budget could ever hold of them. Each buffer is in one of four
 * states: never used (beyond used_count), taken, free and resident, or free with its pages given back.
 * Only taken and free-resident buffers count as resident. */
#include "base/buf.h"

#include <string.h>
#include <sys/mman.h>

#include "base/check.h"

#define CLASS_BYTES_MIN 4096u
#define CLASSES_MAX 64u
#define FINE_FROM_BYTES (64u * 1024u)
#define HUGE_PAGE_BYTES (2 * MIB)

struct buf_class {
    u32 capacity;
    u32 bufs_count; /* descriptors */
    u32 used_count; /* ever taken */
    struct buf *bufs;
    u8 *region;
    struct list resident; /* free, most recently returned first: likely to be in the cache */
    struct list empty;    /* free, without pages */
};

struct buf_pool {
    u64 budget_bytes;
    u64 taken_bytes;
    u64 resident_bytes; /* taken, or free with pages */
    u64 mapped_bytes;
    u32 classes_count;
    struct buf_class classes[CLASSES_MAX];
};

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

static void forbid(const struct buf *buf)
{
    ASAN_POISON_MEMORY_REGION(buf->data, buf->capacity);
}

static void allow(const struct buf *buf)
{
    ASAN_UNPOISON_MEMORY_REGION(buf->data, buf->capacity);
}
#else
static void forbid(const struct buf *buf)
{
    (void)buf;
}

static void allow(const struct buf *buf)
{
    (void)buf;
}
#endif

/* Doubling up to 64 KiB, four steps a doubling above: a large buffer wastes at most a fifth. */
static u32 class_capacity(u32 index)
{
    u32 capacity = CLASS_BYTES_MIN;
    while (index > 0 && capacity < FINE_FROM_BYTES) {
        capacity *= 2;
        index--;
    }
    capacity <<= index / 4;
    return capacity + capacity / 4 * (index % 4);
}

static u32 class_index_for(u32 size)
{
    u32 index = 0;
    while (class_capacity(index) < size) {
        index++;
    }
    return index;
}

static bool resident_fits(const struct buf_pool *pool)
{
    return pool->taken_bytes <= pool->resident_bytes && pool->resident_bytes <= pool->budget_bytes;
}

static void give_pages_back(struct buf_pool *pool, struct buf *buf)
{
    check(buf->resident);
    check(buf->refs == 0);

    check(madvise(buf->data, buf->capacity, MADV_DONTNEED) == 0);
    buf->resident = false;
    pool->resident_bytes -= buf->capacity;
    list_remove(&buf->node);
    list_add_first(&pool->classes[buf->class_index].empty, &buf->node);
}

/* Frees pages until `size` more bytes fit: large buffers first, because that takes the fewest calls,
 * and of each class what was returned longest ago. */
static void make_room(struct buf_pool *pool, u32 size)
{
    for (u32 i = pool->classes_count; i-- > 0;) {
        struct list *resident = &pool->classes[i].resident;
        while (pool->resident_bytes + size > pool->budget_bytes && !list_is_empty(resident)) {
            give_pages_back(pool, container_of(list_last(resident), struct buf, node));
        }
    }
    check(pool->resident_bytes + size <= pool->budget_bytes);
}

static struct buf *take_first_use(struct buf_pool *pool, u32 class_index)
{
    struct buf_class *class = &pool->classes[class_index];
    check(class->used_count < class->bufs_count);

    u32 index = class->used_count++;
    struct buf *buf = &class->bufs[index];
    *buf = (struct buf){
        .pool = pool,
        .data = class->region + (u64)index * class->capacity,
        .capacity = class->capacity,
        .class_index = (u8)class_index,
    };
    list_node_init(&buf->node);
    return buf;
}

/* A buffer of the class without pages; the caller has seen to it that the budget allows them. */
static struct buf *take_empty(struct buf_pool *pool, u32 class_index)
{
    make_room(pool, pool->classes[class_index].capacity);
    struct list_node *node = list_pop(&pool->classes[class_index].empty);
    struct buf *buf = node != NULL ? container_of(node, struct buf, node)
                                   : take_first_use(pool, class_index);
    buf->resident = true;
    pool->resident_bytes += buf->capacity;
    return buf;
}

/* Lays the classes out from `start`, and returns where they end. With `base` NULL nothing is noted. */
static u64 place_descriptors(struct buf_pool *pool, u8 *base, u64 position)
{
    for (u32 i = 0; i < pool->classes_count; i++) {
        struct buf_class *class = &pool->classes[i];
        class->bufs = base == NULL ? NULL : (struct buf *)(void *)(base + position);
        position += sizeof(struct buf) * class->bufs_count;
    }
    return position;
}

static u64 place_regions(struct buf_pool *pool, u8 *base, u64 position)
{
    for (u32 i = 0; i < pool->classes_count; i++) {
        struct buf_class *class = &pool->classes[i];
        u64 region_bytes = (u64)class->bufs_count * class->capacity;
        position = align_up(position, u64_min(FINE_FROM_BYTES, class->capacity));
        class->region = base == NULL ? NULL : base + position;
        position += region_bytes;
    }
    return position;
}

static void init_classes(struct buf_pool *pool, const struct buf_pool_options *options)
{
    pool->budget_bytes = options->budget_bytes;
    pool->classes_count = class_index_for(options->buffer_bytes_max) + 1;
    check(pool->classes_count <= CLASSES_MAX);
    for (u32 i = 0; i < pool->classes_count; i++) {
        struct buf_class *class = &pool->classes[i];
        class->capacity = class_capacity(i);
        class->bufs_count = (u32)(options->budget_bytes / class->capacity);
        list_init(&class->resident);
        list_init(&class->empty);
    }
}

/* A huge page would make a small buffer resident 2 MiB at a time, which the budget does not count. */
static void refuse_huge_pages(const struct buf_pool *pool)
{
    for (u32 i = 0; i < pool->classes_count; i++) {
        const struct buf_class *class = &pool->classes[i];
        if (class->capacity < HUGE_PAGE_BYTES) {
            /* Refused by a kernel without huge pages, where there is nothing to refuse. */
            (void)madvise(class->region, (u64)class->bufs_count * class->capacity,
                          MADV_NOHUGEPAGE);
        }
    }
}

struct buf_pool *buf_pool_create(const struct buf_pool_options *options)
{
    check(options->buffer_bytes_max > 0);
    check(options->buffer_bytes_max <= 1u << 30);
    check(options->budget_bytes >= buf_capacity_for(options->buffer_bytes_max));
    check(options->budget_bytes / CLASS_BYTES_MIN <= UINT32_MAX);

    struct buf_pool plan = {0};
    init_classes(&plan, options);
    u64 pool_bytes = align_up(sizeof(struct buf_pool), _Alignof(struct buf));
    u64 mapped_bytes = place_regions(&plan, NULL, place_descriptors(&plan, NULL, pool_bytes));
    /* The kernel aligns to a page, the large classes want more: the slack is address space only. */
    mapped_bytes += HUGE_PAGE_BYTES;
    u8 *base = mmap(NULL, mapped_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    struct buf_pool *pool = (struct buf_pool *)(void *)base;
    init_classes(pool, options);
    pool->mapped_bytes = mapped_bytes;
    u64 skew = align_up((u64)(uintptr_t)base, HUGE_PAGE_BYTES) - (u64)(uintptr_t)base;
    u64 descriptors_end = place_descriptors(pool, base, pool_bytes);
    (void)place_regions(pool, base + skew, descriptors_end);
    refuse_huge_pages(pool);
    return pool;
}

void buf_pool_destroy(struct buf_pool *pool)
{
    for (u32 i = 0; i < pool->classes_count; i++) {
        for (u32 j = 0; j < pool->classes[i].used_count; j++) {
            allow(&pool->classes[i].bufs[j]);
        }
    }
    check(munmap(pool, pool->mapped_bytes) == 0);
}

struct buf *buf_take(struct buf_pool *pool, u32 size)
{
    u32 class_index = class_index_for(size);
    check(class_index < pool->classes_count);
    struct buf_class *class = &pool->classes[class_index];
    if (pool->taken_bytes + class->capacity > pool->budget_bytes) {
        return NULL;
    }
    struct list_node *node = list_pop(&class->resident);
    struct buf *buf = node != NULL ? container_of(node, struct buf, node)
                                   : take_empty(pool, class_index);
    check(buf->refs == 0);
    check(buf->resident);
    allow(buf);
    buf->refs = 1;
    buf->size = 0;
    pool->taken_bytes += buf->capacity;
    check(resident_fits(pool));
    return buf;
}

void buf_retain(struct buf *buf)
{
    check(buf->refs > 0);
    check(buf->refs < UINT32_MAX);
    buf->refs++;
}

void buf_return(struct buf *buf)
{
    struct buf_pool *pool = buf->pool;
    check(buf->refs > 0);
    buf->refs--;
    if (buf->refs > 0) {
        return;
    }
    /* Whoever held it in a list has taken it out: otherwise that list would now run through ours. */
    check(!list_node_is_linked(&buf->node));
    check(pool->taken_bytes >= buf->capacity);
    pool->taken_bytes -= buf->capacity;
    list_add_first(&pool->classes[buf->class_index].resident, &buf->node);
    forbid(buf);
    check(resident_fits(pool));
}

u32 buf_capacity_for(u32 size)
{
    return class_capacity(class_index_for(size));
}

u64 buf_pool_budget_bytes(const struct buf_pool *pool)
{
    return pool->budget_bytes;
}

u64 buf_pool_taken_bytes(const struct buf_pool *pool)
{
    return pool->taken_bytes;
}

bool buf_pool_has_room(const struct buf_pool *pool, u32 size)
{
    return pool->taken_bytes + buf_capacity_for(size) <= pool->budget_bytes;
}

void buf_pool_trim(struct buf_pool *pool)
{
    for (u32 i = 0; i < pool->classes_count; i++) {
        struct list *resident = &pool->classes[i].resident;
        while (!list_is_empty(resident)) {
            give_pages_back(pool, container_of(list_last(resident), struct buf, node));
        }
    }
    check(pool->resident_bytes == pool->taken_bytes);
}
