/* One mapping holds everything: the pool itself, the descriptors of every class, then the regions.
 *
 *     |struct buf_pool|descriptors of class 0|1|...|  region of class 0  |  region of class 1  |...
 *
 * A class has as many buffers as the budget could ever hold of them. Each buffer is in one of four
 * states: never used (beyond used_count), taken, free and resident, or free with its pages given
 * back. Only taken and free-resident buffers count as resident. */
#include "base/buf.h"

#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/mem_block.h"

/* 4, 8, 16, 32, 64 KiB; from there 80, 96, 112, 128, 160, 192, 224, 256 KiB and so on to 1 GiB, so
 * that a large frame wastes a fifth of its buffer at most. */
#define CLASS_BYTES_MIN 4096u
#define CLASSES_DOUBLING 5u
#define FINE_FROM_BYTES (64u * 1024u)
#define CLASSES_MAX (CLASSES_DOUBLING + 14u * 4u)
#define BUFFER_BYTES_MAX (1u << 30)
#define HUGE_PAGE_BYTES (2 * MIB)

struct buf_class {
    u32 capacity;
    u32 bufs_count;  /* descriptors */
    u32 used_count;  /* ever taken */
    bool huge_pages; /* a buffer is a whole number of them */
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
    bool (*give_back)(void *context); /* NULL: nobody holds what it can do without */
    void *give_back_context;
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

static u32 class_capacity(u32 index)
{
    if (index < CLASSES_DOUBLING) {
        return CLASS_BYTES_MIN << index;
    }
    u32 doublings = (index - CLASSES_DOUBLING) / 4;
    u32 steps = (index - CLASSES_DOUBLING) % 4 + 1;
    return (FINE_FROM_BYTES << doublings) + steps * (FINE_FROM_BYTES / 4 << doublings);
}

/* The class of the smallest buffer that holds `size` bytes. */
static u32 class_index_for(u32 size)
{
    check(size <= BUFFER_BYTES_MAX);

    u32 index = 0;
    if (size > FINE_FROM_BYTES) {
        u32 doublings = (u32)(__builtin_clz(FINE_FROM_BYTES) - __builtin_clz(size - 1));
        u32 step = FINE_FROM_BYTES / 4 << doublings;
        index = CLASSES_DOUBLING + doublings * 4 + (size - 1) / step - 4;
    } else {
        while (class_capacity(index) < size) {
            index++;
        }
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

/* Frees pages until `size` more bytes fit: large buffers first, because that takes the fewest
 * calls, and of each class what was returned longest ago. */
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
    struct buf_class *sized = &pool->classes[class_index];
    check(sized->used_count < sized->bufs_count);

    u32 index = sized->used_count++;
    struct buf *buf = &sized->bufs[index];
    *buf = (struct buf){
        .pool = pool,
        .data = sized->region + (u64)index * sized->capacity,
        .capacity = sized->capacity,
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
    struct buf *buf =
        node != NULL ? container_of(node, struct buf, node) : take_first_use(pool, class_index);
    buf->resident = true;
    pool->resident_bytes += buf->capacity;
    return buf;
}

/* Lays the descriptors out from `position` and returns where they end. Without a `base` it only
 * measures. */
static u64 place_descriptors(struct buf_pool *pool, u8 *base, u64 position)
{
    for (u32 i = 0; i < pool->classes_count; i++) {
        struct buf_class *sized = &pool->classes[i];
        sized->bufs = base == NULL ? NULL : (struct buf *)(void *)(base + position);
        position += sizeof(struct buf) * sized->bufs_count;
    }
    return position;
}

static u64 place_regions(struct buf_pool *pool, u8 *base, u64 position)
{
    for (u32 i = 0; i < pool->classes_count; i++) {
        struct buf_class *sized = &pool->classes[i];
        u64 region_bytes = (u64)sized->bufs_count * sized->capacity;
        position = align_up(position, sized->huge_pages ? HUGE_PAGE_BYTES : SECTOR_BYTES_MAX);
        sized->region = base == NULL ? NULL : base + position;
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
        struct buf_class *sized = &pool->classes[i];
        sized->capacity = class_capacity(i);
        sized->huge_pages = sized->capacity % HUGE_PAGE_BYTES == 0;
        sized->bufs_count = (u32)(options->budget_bytes / sized->capacity);
        list_init(&sized->resident);
        list_init(&sized->empty);
    }
}

/* A huge page that reaches beyond a buffer would be resident without being counted. */
static void refuse_huge_pages(const struct buf_pool *pool)
{
    for (u32 i = 0; i < pool->classes_count; i++) {
        const struct buf_class *sized = &pool->classes[i];
        if (!sized->huge_pages) {
            /* Refused by a kernel without huge pages, where there is nothing to refuse. */
            (void)madvise(sized->region, (u64)sized->bufs_count * sized->capacity, MADV_NOHUGEPAGE);
        }
    }
}

struct buf_pool *buf_pool_create(const struct buf_pool_options *options)
{
    check(options->buffer_bytes_max > 0);
    check(options->budget_bytes >= buf_capacity_for(options->buffer_bytes_max));
    check(options->budget_bytes / CLASS_BYTES_MIN <= UINT32_MAX);

    struct buf_pool plan = {0};
    init_classes(&plan, options);
    u64 pool_bytes = align_up(sizeof(struct buf_pool), _Alignof(struct buf));
    u64 mapped_bytes = place_regions(&plan, NULL, place_descriptors(&plan, NULL, pool_bytes));
    /* The kernel aligns to a page, the large classes want more: the slack is address space only. */
    mapped_bytes += HUGE_PAGE_BYTES;
    u8 *base = mem_block_take(mapped_bytes);
    if (base == NULL) {
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
    mem_block_return(pool, pool->mapped_bytes);
}

void buf_pool_when_short(struct buf_pool *pool, bool (*give_back)(void *context), void *context)
{
    check(give_back != NULL);
    pool->give_back = give_back;
    pool->give_back_context = context;
}

struct buf *buf_take(struct buf_pool *pool, u32 size)
{
    return buf_take_leaving(pool, size, 0);
}

struct buf *buf_take_leaving(struct buf_pool *pool, u32 size, u32 leave_bytes)
{
    u32 class_index = class_index_for(size);
    check(class_index < pool->classes_count);
    struct buf_class *sized = &pool->classes[class_index];
    while (pool->taken_bytes + sized->capacity + leave_bytes > pool->budget_bytes) {
        if (pool->give_back == NULL || !pool->give_back(pool->give_back_context)) {
            return NULL;
        }
    }
    struct list_node *node = list_pop(&sized->resident);
    struct buf *buf =
        node != NULL ? container_of(node, struct buf, node) : take_empty(pool, class_index);
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
    /* Whoever held it in a list has taken it out: or that list would now run through ours. */
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
