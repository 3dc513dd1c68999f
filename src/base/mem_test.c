#include "base/mem.h"

#include <sys/mman.h>

#include "test.h"

TEST(an_arena_hands_out_zeroed_aligned_pieces_that_do_not_overlap)
{
    struct arena arena;
    EXPECT(arena_create(&arena, MIB));
    u8 *first = arena_take(&arena, 3, 1);
    u64 *second = arena_new(&arena, u64);
    u32 *third = arena_array(&arena, u32, 100);
    u8 *fourth = arena_take(&arena, 4096, SECTOR_BYTES_MAX);
    EXPECT_EQ((u64)(uintptr_t)second % _Alignof(u64), 0);
    EXPECT_EQ((u64)(uintptr_t)fourth % SECTOR_BYTES_MAX, 0);
    EXPECT((u8 *)second >= first + 3);
    EXPECT((u8 *)third >= (u8 *)(second + 1));
    EXPECT(fourth >= (u8 *)(third + 100));
    EXPECT_EQ(*second, 0);
    EXPECT_EQ(third[99], 0);
    arena_destroy(&arena);
    EXPECT(arena.base == NULL);
}

TEST(an_arena_gives_its_last_byte_and_not_one_more)
{
    struct arena arena;
    EXPECT(arena_create(&arena, 8192));
    (void)arena_take(&arena, 8000, 1);
    (void)arena_take(&arena, 192, 1);
    EXPECT_EQ(arena.used_bytes, 8192);
    EXPECT_CHECK_FAILS((void)arena_take(&arena, 1, 1));
    EXPECT_CHECK_FAILS((void)arena_take(&arena, UINT64_MAX, 1));
    arena_destroy(&arena);
}

TEST(a_sealed_arena_gives_nothing)
{
    struct arena arena;
    EXPECT(arena_create(&arena, 8192));
    (void)arena_take(&arena, 8, 8);
    arena_seal(&arena);
    EXPECT_CHECK_FAILS((void)arena_take(&arena, 8, 8));
    EXPECT_CHECK_FAILS((void)arena_take(&arena, 0, 8));
    arena_destroy(&arena);
}

TEST(an_alignment_that_is_no_power_of_two_is_our_fault)
{
    struct arena arena;
    EXPECT(arena_create(&arena, 8192));
    EXPECT_CHECK_FAILS((void)arena_take(&arena, 8, 3));
    EXPECT_CHECK_FAILS((void)arena_take(&arena, 8, 0));
    arena_destroy(&arena);
}

TEST(a_reservation_larger_than_the_address_space_is_refused)
{
    struct arena arena = {0};
    EXPECT(!arena_create(&arena, 1ull << 60));
    EXPECT(arena.base == NULL);
}

TEST(a_reservation_far_beyond_the_memory_costs_nothing)
{
    struct arena arena;
    EXPECT(arena_create(&arena, 64 * GIB));
    u8 *last = arena.base + arena.reserved_bytes - 1;
    *last = 1;
    EXPECT_EQ(*last, 1);
    arena_destroy(&arena);
}

TEST(a_touched_byte_costs_one_page)
{
    struct arena arena;
    EXPECT(arena_create(&arena, 16 * MIB));
    arena.base[8 * MIB] = 1;
    unsigned char pages[4096] = {0};
    EXPECT_EQ(mincore(arena.base, 16 * MIB, pages), 0);
    u32 count = 0;
    for (u32 i = 0; i < array_count(pages); i++) {
        count += pages[i] & 1;
    }
    EXPECT_EQ(count, 1);
    arena_destroy(&arena);
}

TEST(plain_memory_is_zeroed_grows_and_copies)
{
    u32 *numbers = mem_take(sizeof(u32) * 4);
    EXPECT_EQ(numbers[3], 0);
    numbers[3] = 7;
    numbers = mem_resize(numbers, sizeof(u32) * 4000);
    EXPECT_EQ(numbers[3], 7);
    mem_return(numbers);
    mem_return(NULL);
    char *text = mem_copy_text("levriero");
    EXPECT_STR(text, "levriero");
    mem_return(text);
    void *nothing = mem_take(0);
    EXPECT(nothing != NULL);
    mem_return(nothing);
}
