#include "wire/xxh3.h"

#include "test.h"

TEST(the_empty_run_hashes_to_the_published_value)
{
    EXPECT_EQ(xxh3("", 0), 0x2d06800538d394c2);
    EXPECT_EQ(xxh32(span_of("")), 0x02cc5d05);
}

TEST(keys_hash_to_the_values_that_all_clients_compute)
{
    EXPECT_EQ(xxh32(span_of("key-1")), 0x39636a09);
    EXPECT_EQ(xxh32(span_of("key-0")), 0x8143042f);
    EXPECT_EQ(xxh32(span_of("key-100")), 0x15a509eb);
    EXPECT_EQ(xxh32(span_of("k-200")), 0xcdaf451a);
}

TEST(bytes_that_come_in_pieces_hash_like_the_whole)
{
    u8 bytes[5000];
    for (u32 i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u8)(i * 7 + i / 256);
    }
    for (u32 piece = 1; piece < 700; piece += 37) {
        struct xxh3_stream stream;
        xxh3_stream_init(&stream);
        for (u32 at = 0; at < sizeof(bytes); at += piece) {
            xxh3_stream_update(&stream, bytes + at, u32_min(piece, (u32)sizeof(bytes) - at));
        }
        EXPECT_EQ(xxh3_stream_digest(&stream), xxh3(bytes, sizeof(bytes)));
    }
}

/* Short pieces go another way through the library than long runs do. */
TEST(runs_of_every_length_hash_like_their_short_pieces)
{
    u8 bytes[3000];
    for (u32 i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u8)(i * 11 + i / 256);
    }
    for (u32 size = 0; size <= sizeof(bytes); size++) {
        struct xxh3_stream stream;
        xxh3_stream_init(&stream);
        for (u32 at = 0; at < size; at += 100) {
            xxh3_stream_update(&stream, bytes + at, u32_min(100, size - at));
        }
        EXPECT_EQ(xxh3_stream_digest(&stream), xxh3(bytes, size));
    }
}
