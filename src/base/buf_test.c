#include "base/buf.h"

#include <sys/mman.h>

#include "base/mem.h"
#include "base/prng.h"
#include "test.h"

static struct buf_pool *pool_of(u64 budget_bytes, u32 buffer_bytes_max)
{
    struct buf_pool_options options = {
        .budget_bytes = budget_bytes,
        .buffer_bytes_max = buffer_bytes_max,
    };
    struct buf_pool *pool = buf_pool_create(&options);
    EXPECT(pool != NULL);
    return pool;
}

/* Pages of the buffer that are in memory. Only of use while nothing else maps its addresses. */
static u32 pages_in_memory(const u8 *data, u32 size)
{
    unsigned char pages[1024] = {0};
    EXPECT(size / 4096 <= array_count(pages));
    EXPECT_EQ(mincore((void *)(uintptr_t)data, size, pages), 0);
    u32 count = 0;
    for (u32 i = 0; i < size / 4096; i++) {
        count += pages[i] & 1;
    }
    return count;
}

TEST(a_buffer_has_room_for_what_was_asked_and_is_aligned)
{
    struct buf_pool *pool = pool_of(64 * MIB, 8 * MIB);
    static const u32 sizes[] = {0, 1, 4096, 4097, 65536, 100000, 8 * MIB};
    for (u32 i = 0; i < array_count(sizes); i++) {
        struct buf *buf = buf_take(pool, sizes[i]);
        EXPECT(buf != NULL);
        EXPECT(buf->capacity >= sizes[i]);
        EXPECT_EQ(buf->capacity, buf_capacity_for(sizes[i]));
        EXPECT_EQ((u64)(uintptr_t)buf->data % SECTOR_BYTES_MAX, 0);
        EXPECT_EQ(buf->size, 0);
        EXPECT_EQ(buf->refs, 1);
        memset(buf->data, 0x5a, buf->capacity);
        buf_return(buf);
    }
    EXPECT_EQ(buf_pool_taken_bytes(pool), 0);
    buf_pool_destroy(pool);
}

TEST(capacities_double_to_64_kib_and_rise_in_quarters_from_there)
{
    EXPECT_EQ(buf_capacity_for(0), 4096);
    EXPECT_EQ(buf_capacity_for(4096), 4096);
    EXPECT_EQ(buf_capacity_for(4097), 8192);
    EXPECT_EQ(buf_capacity_for(65536), 65536);
    EXPECT_EQ(buf_capacity_for(65537), 80 * KIB);
    EXPECT_EQ(buf_capacity_for(80 * KIB), 80 * KIB);
    EXPECT_EQ(buf_capacity_for(80 * KIB + 1), 96 * KIB);
    EXPECT_EQ(buf_capacity_for(128 * KIB), 128 * KIB);
    EXPECT_EQ(buf_capacity_for(128 * KIB + 1), 160 * KIB);
    EXPECT_EQ(buf_capacity_for(64 * MIB), 64 * MIB);
    EXPECT_EQ(buf_capacity_for(64 * MIB + 256), 80 * MIB);
    EXPECT_EQ(buf_capacity_for(1u << 30), 1u << 30);
    EXPECT_CHECK_FAILS((void)buf_capacity_for((1u << 30) + 1));
}

TEST(a_capacity_is_enough_and_wastes_a_fifth_at_most)
{
    for (u32 size = 65536; size < 64 * MIB; size += 4095) {
        u32 capacity = buf_capacity_for(size);
        EXPECT(capacity >= size);
        EXPECT((u64)(capacity - size) * 5 <= (u64)capacity);
        EXPECT_EQ(capacity % SECTOR_BYTES_MAX, 0);
        EXPECT_EQ(buf_capacity_for(capacity), capacity);
    }
}

TEST(a_buffer_goes_home_with_its_last_holder)
{
    struct buf_pool *pool = pool_of(MIB, 65536);
    struct buf *buf = buf_take(pool, 100);
    EXPECT(buf != NULL);
    buf_retain(buf);
    buf_retain(buf);
    buf_return(buf);
    buf_return(buf);
    EXPECT_EQ(buf_pool_taken_bytes(pool), 4096);
    buf->data[0] = 1;
    buf_return(buf);
    EXPECT_EQ(buf_pool_taken_bytes(pool), 0);
    EXPECT_CHECK_FAILS(buf_return(buf));
    EXPECT_CHECK_FAILS(buf_retain(buf));
    buf_pool_destroy(pool);
}

TEST(a_buffer_still_in_a_list_is_not_returned)
{
    struct buf_pool *pool = pool_of(MIB, 65536);
    struct list list;
    list_init(&list);
    struct buf *buf = buf_take(pool, 100);
    EXPECT(buf != NULL);
    list_add_last(&list, &buf->node);
    EXPECT_CHECK_FAILS(buf_return(buf));
    list_remove(&buf->node);
    buf_return(buf);
    buf_pool_destroy(pool);
}

TEST(the_last_returned_is_the_first_taken)
{
    struct buf_pool *pool = pool_of(MIB, 65536);
    struct buf *first = buf_take(pool, 100);
    struct buf *second = buf_take(pool, 100);
    EXPECT(first != NULL);
    EXPECT(second != NULL);
    buf_return(second);
    buf_return(first);
    struct buf *again = buf_take(pool, 100);
    EXPECT(again == first);
    buf_return(again);
    buf_pool_destroy(pool);
}

TEST(an_exhausted_budget_refuses_until_something_comes_home)
{
    struct buf_pool *pool = pool_of(64 * KIB, 65536);
    struct buf *bufs[16];
    for (u32 i = 0; i < array_count(bufs); i++) {
        EXPECT(buf_pool_has_room(pool, 4096));
        bufs[i] = buf_take(pool, 4096);
        EXPECT(bufs[i] != NULL);
    }
    EXPECT(!buf_pool_has_room(pool, 1));
    EXPECT(buf_take(pool, 1) == NULL);
    EXPECT(buf_take(pool, 65536) == NULL);
    EXPECT_EQ(buf_pool_taken_bytes(pool), buf_pool_budget_bytes(pool));
    buf_return(bufs[3]);
    EXPECT(buf_pool_has_room(pool, 4096));
    EXPECT(!buf_pool_has_room(pool, 4097));
    EXPECT(buf_take(pool, 4097) == NULL);
    bufs[3] = buf_take(pool, 4096);
    EXPECT(bufs[3] != NULL);
    for (u32 i = 0; i < array_count(bufs); i++) {
        buf_return(bufs[i]);
    }
    struct buf *large = buf_take(pool, 65536);
    EXPECT(large != NULL);
    buf_return(large);
    buf_pool_destroy(pool);
}

/* A cache of the test's: bufs that it can do without, last first. */
struct spare_bufs {
    struct buf *bufs[8];
    u32 count;
};

static bool give_one_back(void *context)
{
    struct spare_bufs *spare = context;
    if (spare->count == 0) {
        return false;
    }
    buf_return(spare->bufs[--spare->count]);
    return true;
}

TEST(what_somebody_can_do_without_makes_room_for_a_take)
{
    struct buf_pool *pool = pool_of(8 * MIB, 4 * MIB);
    struct spare_bufs spare = {.count = 0};
    for (; spare.count < 8; spare.count++) {
        spare.bufs[spare.count] = buf_take(pool, MIB);
        EXPECT(spare.bufs[spare.count] != NULL);
    }
    EXPECT(buf_take(pool, 3 * MIB) == NULL);
    buf_pool_when_short(pool, give_one_back, &spare);
    struct buf *large = buf_take(pool, 3 * MIB);
    EXPECT(large != NULL);
    EXPECT_EQ(spare.count, 5); /* no more than was needed */
    struct buf *larger = buf_take(pool, 4 * MIB);
    EXPECT(larger != NULL);
    EXPECT_EQ(spare.count, 1);
    EXPECT(buf_take(pool, 2 * MIB) == NULL);
    EXPECT_EQ(spare.count, 0);
    buf_return(large);
    buf_return(larger);
    buf_pool_destroy(pool);
}

TEST(a_budget_that_is_no_multiple_of_a_class_is_never_exceeded)
{
    struct buf_pool *pool = pool_of(100 * KIB, 65536);
    struct buf *large = buf_take(pool, 65536);
    EXPECT(large != NULL);
    EXPECT(buf_take(pool, 65536) == NULL);
    struct buf *half = buf_take(pool, 32768);
    EXPECT(half != NULL);
    struct buf *last = buf_take(pool, 4096);
    EXPECT(last != NULL);
    EXPECT(buf_take(pool, 4096) == NULL);
    EXPECT_EQ(buf_pool_taken_bytes(pool), 100 * KIB);
    buf_return(large);
    buf_return(half);
    buf_return(last);
    buf_pool_destroy(pool);
}

TEST(a_pool_that_cannot_hold_its_largest_buffer_is_a_wrong_plan)
{
    struct buf_pool_options options = {.budget_bytes = 65535, .buffer_bytes_max = 40000};
    EXPECT_CHECK_FAILS((void)buf_pool_create(&options));
    struct buf_pool *pool = pool_of(65536, 40000);
    EXPECT_CHECK_FAILS(EXPECT(buf_take(pool, 65537) == NULL));
    struct buf *buf = buf_take(pool, 65536);
    EXPECT(buf != NULL);
    buf_return(buf);
    buf_pool_destroy(pool);
}

TEST(address_space_that_is_not_to_be_had_is_no_pool)
{
    struct buf_pool_options options = {.budget_bytes = 1ull << 42, .buffer_bytes_max = 1u << 30};
    EXPECT(buf_pool_create(&options) == NULL);
}

TEST(pages_are_given_back_when_another_class_needs_the_budget)
{
    struct buf_pool *pool = pool_of(MIB, MIB);
    struct buf *large = buf_take(pool, MIB);
    EXPECT(large != NULL);
    const u8 *pages = large->data;
    memset(large->data, 1, MIB);
    EXPECT_EQ(pages_in_memory(pages, MIB), 256);
    buf_return(large);
    EXPECT_EQ(pages_in_memory(pages, MIB), 256);

    struct buf *small = buf_take(pool, 4096);
    EXPECT(small != NULL);
    EXPECT_EQ(pages_in_memory(pages, MIB), 0);
    EXPECT(buf_take(pool, MIB) == NULL);
    buf_return(small);
    large = buf_take(pool, MIB);
    EXPECT(large != NULL);
    EXPECT_EQ(large->data[0], 0);
    buf_return(large);
    buf_pool_destroy(pool);
}

TEST(an_idle_pool_gives_its_pages_back)
{
    struct buf_pool *pool = pool_of(4 * MIB, MIB);
    struct buf *kept = buf_take(pool, 65536);
    struct buf *gone = buf_take(pool, 65536);
    EXPECT(kept != NULL);
    EXPECT(gone != NULL);
    memset(kept->data, 1, 65536);
    memset(gone->data, 1, 65536);
    const u8 *gone_pages = gone->data;
    buf_return(gone);
    buf_pool_trim(pool);
    EXPECT_EQ(pages_in_memory(gone_pages, 65536), 0);
    EXPECT_EQ(pages_in_memory(kept->data, 65536), 16);
    EXPECT_EQ(kept->data[65535], 1);
    buf_return(kept);
    buf_pool_destroy(pool);
}

TEST(small_buffers_touch_no_more_than_their_own_pages)
{
    struct buf_pool *pool = pool_of(8 * MIB, MIB);
    struct buf *first = buf_take(pool, 4096);
    EXPECT(first != NULL);
    first->data[0] = 1;
    EXPECT_EQ(pages_in_memory(first->data, 4 * MIB), 1);
    buf_return(first);
    buf_pool_destroy(pool);
}

/* A model of the accounts: what is taken is the sum of capacities, a take succeeds exactly when the
 * budget allows it, and no two buffers share a byte (each is filled with its own number). */
enum { LIFE_BUFS = 64, LIFE_BUDGET = 600 * 1024 };

static void fill(struct buf *buf, u32 number)
{
    buf->size = buf->capacity;
    memset(buf->data, (int)number, buf->capacity);
}

static void expect_filled(const struct buf *buf, u32 number)
{
    EXPECT_EQ(buf->data[0], number & 255);
    EXPECT_EQ(buf->data[buf->capacity / 2], number & 255);
    EXPECT_EQ(buf->data[buf->capacity - 1], number & 255);
}

static void live_one_step(struct buf_pool *pool, struct prng *prng, struct buf **bufs, u64 *taken)
{
    u32 i = (u32)prng_below(prng, LIFE_BUFS);
    if (bufs[i] != NULL) {
        expect_filled(bufs[i], i);
        *taken -= bufs[i]->capacity;
        buf_return(bufs[i]);
        bufs[i] = NULL;
        return;
    }
    u32 size = (u32)prng_below(prng, 1ull << prng_below(prng, 18));
    bool fits = *taken + buf_capacity_for(size) <= LIFE_BUDGET;
    EXPECT_EQ(buf_pool_has_room(pool, size), fits);
    bufs[i] = buf_take(pool, size);
    EXPECT_EQ(bufs[i] != NULL, fits);
    if (fits) {
        fill(bufs[i], i);
        *taken += bufs[i]->capacity;
    }
}

TEST(accounts_are_right_over_a_long_random_life)
{
    for (u64 seed = 1; seed <= 5; seed++) {
        struct buf_pool *pool = pool_of(LIFE_BUDGET, 131072);
        struct buf *bufs[LIFE_BUFS] = {NULL};
        u64 taken = 0;
        struct prng prng;
        prng_init(&prng, seed);
        for (u32 step = 0; step < 4000; step++) {
            live_one_step(pool, &prng, bufs, &taken);
            EXPECT_EQ(buf_pool_taken_bytes(pool), taken);
            if (prng_chance(&prng, 1, 500)) {
                buf_pool_trim(pool);
            }
        }
        for (u32 i = 0; i < LIFE_BUFS; i++) {
            if (bufs[i] != NULL) {
                expect_filled(bufs[i], i);
                buf_return(bufs[i]);
            }
        }
        EXPECT_EQ(buf_pool_taken_bytes(pool), 0);
        buf_pool_destroy(pool);
    }
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

TEST(the_sanitizer_sees_a_use_after_the_return)
{
    struct buf_pool *pool = pool_of(MIB, 65536);
    struct buf *buf = buf_take(pool, 4096);
    EXPECT(buf != NULL);
    const u8 *data = buf->data;
    EXPECT(!__asan_address_is_poisoned(data));
    buf_return(buf);
    EXPECT(__asan_address_is_poisoned(data));
    buf_pool_destroy(pool);
    EXPECT(!__asan_address_is_poisoned(data));
}
#endif

TEST(a_take_that_leaves_something_for_others_fails_where_a_plain_one_succeeds)
{
    struct buf_pool *pool = buf_pool_create(
        &(struct buf_pool_options){.budget_bytes = MIB, .buffer_bytes_max = 512 * (u32)KIB});
    struct buf *first = buf_take_leaving(pool, 512 * (u32)KIB, 512 * (u32)KIB);
    EXPECT(first != NULL);
    EXPECT(buf_take_leaving(pool, 256 * (u32)KIB, 512 * (u32)KIB) == NULL);
    struct buf *second = buf_take(pool, 256 * (u32)KIB);
    EXPECT(second != NULL);
    buf_return(second);
    buf_return(first);
    buf_pool_destroy(pool);
}
