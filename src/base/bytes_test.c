#include "base/bytes.h"

#include "test.h"

TEST(integers_lie_little_end_first)
{
    u8 bytes[16];
    put_u16(bytes, 0x0102);
    EXPECT_BYTES(bytes, "\x02\x01", 2);
    put_u32(bytes, 0x01020304);
    EXPECT_BYTES(bytes, "\x04\x03\x02\x01", 4);
    put_u64(bytes, 0x0102030405060708);
    EXPECT_BYTES(bytes, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    EXPECT_EQ(get_u16(bytes), 0x0708);
    EXPECT_EQ(get_u32(bytes), 0x05060708);
    EXPECT_EQ(get_u64(bytes), 0x0102030405060708);
    put_u128(bytes, (struct u128){.low = 1, .high = 2});
    EXPECT(u128_equal(get_u128(bytes), (struct u128){.low = 1, .high = 2}));
    EXPECT_EQ(bytes[0], 1);
    EXPECT_EQ(bytes[8], 2);
}

TEST(what_was_written_is_read)
{
    u8 bytes[64];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_u8(&writer, 1);
    write_u16(&writer, 2);
    write_u32(&writer, 3);
    write_u64(&writer, 4);
    write_u128(&writer, (struct u128){.low = 5, .high = 6});
    write_span(&writer, span_of("seven"));
    write_zeros(&writer, 3);
    EXPECT(!writer.failed);
    EXPECT_EQ(writer.position, 1 + 2 + 4 + 8 + 16 + 5 + 3);

    struct reader reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_u8(&reader), 1);
    EXPECT_EQ(read_u16(&reader), 2);
    EXPECT_EQ(read_u32(&reader), 3);
    EXPECT_EQ(read_u64(&reader), 4);
    EXPECT(u128_equal(read_u128(&reader), (struct u128){.low = 5, .high = 6}));
    EXPECT(span_equal(read_span(&reader, 5), span_of("seven")));
    EXPECT(!reader_is_done(&reader));
    EXPECT_EQ(reader_left(&reader), 3);
    EXPECT_BYTES(read_bytes(&reader, 3), "\0\0\0", 3);
    EXPECT(reader_is_done(&reader));
}

TEST(a_read_past_the_end_fails_and_all_later_ones_too)
{
    struct reader reader = reader_over("\1\2\3", 3);
    EXPECT_EQ(read_u8(&reader), 1);
    EXPECT_EQ(read_u32(&reader), 0);
    EXPECT(reader.failed);
    EXPECT_EQ(read_u8(&reader), 0);
    EXPECT(read_bytes(&reader, 0) == NULL);
    EXPECT_EQ(read_span(&reader, 1).size, 0);
    EXPECT_EQ(read_u16(&reader), 0);
    EXPECT_EQ(read_u64(&reader), 0);
    EXPECT(u128_is_zero(read_u128(&reader)));
    EXPECT_EQ(reader.position, 1);
    EXPECT(!reader_is_done(&reader));
}

TEST(a_size_near_the_limit_does_not_wrap)
{
    struct reader reader = reader_over("\1\2\3", 3);
    EXPECT_EQ(read_u8(&reader), 1);
    EXPECT(read_bytes(&reader, UINT32_MAX) == NULL);
    u8 bytes[4];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_u8(&writer, 1);
    EXPECT(write_room(&writer, UINT32_MAX) == NULL);
}

TEST(a_write_that_does_not_fit_leaves_everything_as_it_was)
{
    u8 bytes[8] = {0};
    struct writer writer = writer_over(bytes, 6);
    write_u32(&writer, 0x01010101);
    write_u32(&writer, 0xffffffff);
    EXPECT(writer.failed);
    EXPECT_BYTES(bytes, "\1\1\1\1\0\0\0\0", 8);
    write_u8(&writer, 0xff);
    EXPECT_BYTES(bytes, "\1\1\1\1\0\0\0\0", 8);
    EXPECT_EQ(writer.position, 4);
}

TEST(spans_are_equal_by_their_bytes)
{
    EXPECT(span_equal(span_of("abc"), span_of("abc")));
    EXPECT(!span_equal(span_of("abc"), span_of("abd")));
    EXPECT(!span_equal(span_of("abc"), span_of("ab")));
    EXPECT(span_equal((struct span){NULL, 0}, span_of("")));
}
