#include "shard/segment_index.h"

#include "tests/test.h"

/* Nine batches of 10 messages, 100 bytes, 1 ms apart. Indexed every 250 bytes: batches 0, 3, 6. */
static struct segment_index_entry entries[8];

static struct segment_index index_of_nine_batches(u32 entries_max)
{
    struct segment_index index;
    segment_index_init(&index, 1000, 250, entries, entries_max);
    for (u32 i = 0; i < 9; i++) {
        segment_index_note(&index, 1000 + i * 10, 5000 + i * 1000, i * 100);
    }
    return index;
}

TEST(lookup_is_exact_or_early_never_late)
{
    struct segment_index index = index_of_nine_batches(8);
    EXPECT_EQ(index.entries_count, 3);
    EXPECT_EQ(segment_index_lookup(&index, 1000), 0);
    EXPECT_EQ(segment_index_lookup(&index, 1029), 0);
    EXPECT_EQ(segment_index_lookup(&index, 1030), 300);
    EXPECT_EQ(segment_index_lookup(&index, UINT64_MAX), 600);
    EXPECT_EQ(segment_index_lookup_time(&index, 8000), 0);
    EXPECT_EQ(segment_index_lookup_time(&index, 8001), 300);
}

TEST(a_full_index_gets_coarser_but_never_blind)
{
    struct segment_index index = index_of_nine_batches(2);
    EXPECT_EQ(index.entries_count, 2);
    EXPECT_EQ(index.stride_bytes, 500);
    EXPECT_EQ(segment_index_lookup(&index, 1030), 0);
    EXPECT_EQ(segment_index_lookup(&index, 1089), 600);
}

TEST(what_a_reader_passes_fills_the_gaps_of_an_index)
{
    struct segment_index index;
    segment_index_init(&index, 1000, 250, entries, 8);
    segment_index_note(&index, 1080, 13000, 800);
    for (u32 i = 0; i < 9; i++) {
        segment_index_learn(&index, 1000 + i * 10, 5000 + i * 1000, i * 100);
    }
    EXPECT_EQ(index.entries_count, 3); /* batches 0, 3 and 8: 6 is within a stride of 8 */
    EXPECT_EQ(segment_index_lookup(&index, 1029), 0);
    EXPECT_EQ(segment_index_lookup(&index, 1045), 300);
    EXPECT_EQ(segment_index_lookup(&index, 1080), 800);
    EXPECT_EQ(segment_index_lookup_time(&index, 8001), 300);
}

TEST(a_full_index_that_learns_gets_coarser)
{
    struct segment_index index;
    segment_index_init(&index, 1000, 50, entries, 4);
    segment_index_note(&index, 1080, 13000, 800);
    for (u32 i = 0; i < 8; i++) {
        segment_index_learn(&index, 1000 + i * 10, 5000 + i * 1000, i * 100);
    }
    EXPECT(index.entries_count <= 4);
    EXPECT(index.stride_bytes > 50);
    EXPECT(segment_index_lookup(&index, 1080) >= 700);
    EXPECT(segment_index_lookup(&index, 1080) <= 800);
    EXPECT(segment_index_lookup(&index, 1050) <= 500);
}

TEST(a_cut_log_forgets_what_was_cut)
{
    struct segment_index index = index_of_nine_batches(8);
    segment_index_truncate(&index, 1060);
    EXPECT_EQ(index.entries_count, 2);
    EXPECT_EQ(segment_index_lookup(&index, 1060), 300);
}

static u32 encoded(const struct segment_index *index, const u8 *salt, u8 *file)
{
    u32 entries_bytes = index->entries_count * (u32)sizeof(entries[0]);
    segment_index_encode(index, salt, file);
    memcpy(file + SEGMENT_INDEX_HEADER_BYTES, index->entries, entries_bytes);
    return SEGMENT_INDEX_HEADER_BYTES + entries_bytes;
}

TEST(an_index_file_comes_back_only_for_its_own_segment)
{
    struct segment_index index = index_of_nine_batches(8);
    u8 salt[16] = {1, 2, 3};
    u8 other_salt[16] = {1, 2, 4};
    u8 file[256];
    u32 size = encoded(&index, salt, file);
    u32 stride = 0;
    u32 count = 0;
    EXPECT_EQ(segment_index_decode((struct span){file, size}, salt, 1000, &stride, &count), OK);
    EXPECT_EQ(stride, 250);
    EXPECT_EQ(count, 3);
    EXPECT_EQ(segment_index_decode((struct span){file, size}, other_salt, 1000, &stride, &count),
              ERR_CORRUPT);
    EXPECT_EQ(segment_index_decode((struct span){file, size}, salt, 1001, &stride, &count),
              ERR_CORRUPT);
    EXPECT_EQ(segment_index_decode((struct span){file, size - 1}, salt, 1000, &stride, &count),
              ERR_CORRUPT);
}

TEST(any_flipped_bit_of_an_index_file_is_found)
{
    struct segment_index index = index_of_nine_batches(8);
    u8 salt[16] = {9};
    u8 file[256];
    u32 size = encoded(&index, salt, file);
    for (u32 bit = 0; bit < size * 8; bit++) {
        u32 stride = 0;
        u32 count = 0;
        file[bit / 8] ^= (u8)(1u << bit % 8);
        EXPECT_EQ(segment_index_decode((struct span){file, size}, salt, 1000, &stride, &count),
                  ERR_CORRUPT);
        file[bit / 8] ^= (u8)(1u << bit % 8);
    }
}

TEST(entries_that_do_not_rise_are_not_adopted)
{
    struct segment_index_entry lent[4] = {{.offset_delta = 5, .position = 100},
                                          {.offset_delta = 4, .position = 200}};
    struct segment_index index;
    segment_index_init(&index, 0, 64, lent, 4);
    EXPECT_EQ(segment_index_adopt(&index, 2), ERR_CORRUPT);
    EXPECT_EQ(segment_index_adopt(&index, 5), ERR_CORRUPT);
    EXPECT_EQ(index.entries_count, 0);
    lent[1].offset_delta = 6;
    EXPECT_EQ(segment_index_adopt(&index, 2), OK);
    EXPECT_EQ(segment_index_lookup(&index, 6), 200);
}
