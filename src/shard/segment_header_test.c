#include "shard/segment_header.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "tests/test.h"

static const struct segment_header sample = {
    .version = SEGMENT_VERSION,
    .sector_bytes = 4096,
    .write_bytes_max = 1 << 20,
    .level = 2,
    .direct = true,
    .recycled = true,
    .stream_id = 1,
    .topic_id = 2,
    .partition_id = 3,
    .life = 4,
    .base_offset = 5,
    .salt = {6, 7, 8},
    .term = 9,
    .created_at_us = 10,
    .first_unit = 11,
    .first_write = 12,
    .bytes_before = 13,
    .last_time_us = 14,
    .previous_crc = 15,
};

TEST(a_header_comes_back_with_all_its_fields)
{
    u8 block[SEGMENT_HEADER_BYTES];
    struct segment_header header = {0};
    segment_header_encode(&sample, block);
    EXPECT_EQ(segment_header_decode(block, &header), OK);
    EXPECT_EQ(header.sector_bytes, 4096);
    EXPECT_EQ(header.write_bytes_max, 1 << 20);
    EXPECT_EQ(header.level, 2);
    EXPECT(header.direct);
    EXPECT(header.recycled);
    EXPECT_EQ(header.stream_id, 1);
    EXPECT_EQ(header.topic_id, 2);
    EXPECT_EQ(header.partition_id, 3);
    EXPECT_EQ(header.life, 4);
    EXPECT_EQ(header.base_offset, 5);
    EXPECT_BYTES(header.salt, sample.salt, SEGMENT_SALT_BYTES);
    EXPECT_EQ(header.term, 9);
    EXPECT_EQ(header.created_at_us, 10);
    EXPECT_EQ(header.first_unit, 11);
    EXPECT_EQ(header.first_write, 12);
    EXPECT_EQ(header.bytes_before, 13);
    EXPECT_EQ(header.last_time_us, 14);
    EXPECT_EQ(header.previous_crc, 15);
}

TEST(any_flipped_bit_of_a_header_is_found)
{
    u8 block[SEGMENT_HEADER_BYTES];
    struct segment_header header;
    segment_header_encode(&sample, block);
    for (u32 bit = 0; bit < SEGMENT_HEADER_BYTES * 8; bit += 1 + bit / 1024) {
        block[bit / 8] ^= (u8)(1u << bit % 8);
        EXPECT_EQ(segment_header_decode(block, &header), ERR_CORRUPT);
        block[bit / 8] ^= (u8)(1u << bit % 8);
    }
}

TEST(a_header_of_another_version_is_sound_but_not_ours)
{
    u8 block[SEGMENT_HEADER_BYTES];
    struct segment_header header;
    segment_header_encode(&sample, block);
    put_u32(block + 8, SEGMENT_VERSION + 1);
    put_u32(block + 4092, crc32c(0, block, 4092));
    EXPECT_EQ(segment_header_decode(block, &header), ERR_UNSUPPORTED);
}

TEST(zeros_are_no_header)
{
    u8 block[SEGMENT_HEADER_BYTES] = {0};
    struct segment_header header;
    EXPECT_EQ(segment_header_decode(block, &header), ERR_CORRUPT);
}
