#include "shard/cache.h"

#include "tests/test.h"

struct fixture {
    struct arena arena;
    struct buf_pool *bufs;
    struct cache cache;
    struct cache_run *root;
};

static void fixture_open(struct fixture *f, u64 bytes_max)
{
    f->root = NULL;
    EXPECT(arena_create(&f->arena, cache_arena_bytes() + MIB));
    struct buf_pool_options options = {.budget_bytes = 16 * MIB, .buffer_bytes_max = (u32)MIB};
    f->bufs = buf_pool_create(&options);
    cache_init(&f->cache, &f->arena, bytes_max);
}

static void fixture_close(struct fixture *f)
{
    EXPECT(cache_drop_all(&f->cache, &f->root, UINT32_MAX));
    EXPECT_EQ(buf_pool_taken_bytes(f->bufs), 0);
    buf_pool_destroy(f->bufs);
    arena_destroy(&f->arena);
}

static void add(struct fixture *f, u64 base_offset, u64 end_offset)
{
    struct buf *buf = buf_take(f->bufs, 4096);
    EXPECT(buf != NULL);
    struct cache_range range = {
        .base_offset = base_offset,
        .end_offset = end_offset,
        .units = buf->data,
        .bytes = 4096,
        .sector_bytes = 4096,
    };
    cache_add(&f->cache, &f->root, buf, &range);
    buf_return(buf);
}

static u64 found_base(struct fixture *f, u64 offset)
{
    const struct cache_run *run = cache_find(&f->cache, &f->root, offset);
    return run == NULL ? UINT64_MAX : run->base_offset;
}

TEST(a_message_is_found_in_the_run_that_holds_it_and_in_no_gap)
{
    struct fixture f;
    fixture_open(&f, MIB);
    for (u64 i = 0; i < 100; i++) {
        u64 shuffled = i * 37 % 100;
        add(&f, shuffled * 10, shuffled * 10 + 7);
    }
    for (u64 offset = 0; offset < 1000; offset++) {
        EXPECT_EQ(found_base(&f, offset), offset % 10 < 7 ? offset / 10 * 10 : UINT64_MAX);
    }
    EXPECT_EQ(found_base(&f, 1000), UINT64_MAX);
    fixture_close(&f);
}

TEST(the_least_recently_used_run_goes_first_and_the_bytes_stay_bounded)
{
    struct fixture f;
    fixture_open(&f, 10 * 4096);
    for (u64 i = 0; i < 10; i++) {
        add(&f, i, i + 1);
    }
    EXPECT_EQ(found_base(&f, 0), 0);
    for (u64 i = 10; i < 19; i++) {
        add(&f, i, i + 1);
        EXPECT(f.cache.bytes <= f.cache.bytes_max);
    }
    EXPECT_EQ(found_base(&f, 0), 0);
    EXPECT_EQ(found_base(&f, 1), UINT64_MAX);
    EXPECT_EQ(found_base(&f, 9), UINT64_MAX);
    EXPECT_EQ(found_base(&f, 10), 10);
    fixture_close(&f);
}

TEST(a_run_that_overlaps_another_is_not_taken_in)
{
    struct fixture f;
    fixture_open(&f, MIB);
    add(&f, 10, 20);
    add(&f, 19, 25);
    add(&f, 5, 11);
    add(&f, 12, 14);
    EXPECT_EQ(f.cache.bytes, 4096);
    add(&f, 20, 25);
    EXPECT_EQ(f.cache.bytes, 8192);
    EXPECT_EQ(found_base(&f, 24), 20);
    fixture_close(&f);
}

TEST(a_buffer_that_is_lent_outlives_its_run)
{
    struct fixture f;
    fixture_open(&f, MIB);
    add(&f, 0, 5);
    const struct cache_run *run = cache_find(&f.cache, &f.root, 3);
    struct buf *buf = run->buf;
    buf_retain(buf);
    EXPECT(cache_drop_oldest(&f.cache));
    EXPECT(!cache_drop_oldest(&f.cache));
    EXPECT_EQ(buf->refs, 1);
    buf_return(buf);
    fixture_close(&f);
}
