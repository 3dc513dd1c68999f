#include "wire/batch.h"

#include "wire/batch_fixture.h"

static u8 memory[FIXTURE_BYTES];

TEST(a_header_is_what_was_written)
{
    struct batch_header header = {
        .partition_id = 1,
        .base_offset = 2,
        .base_timestamp_us = 3,
        .origin_timestamp_us = 4,
        .batch_length = 5,
        .batch_checksum = 6,
        .message_count = 7,
    };
    memset(memory, 0xEE, BATCH_HEADER_BYTES + 1);
    batch_header_encode(&header, memory);
    for (u32 i = 0; i < 6; i++) {
        EXPECT_EQ(get_u64(memory + 8 * i), i + 1);
    }
    EXPECT_EQ(get_u32(memory + 48), 7);
    for (u32 i = BATCH_RESERVED_POSITION; i < BATCH_HEADER_BYTES; i++) {
        EXPECT_EQ(memory[i], 0);
    }
    EXPECT_EQ(memory[BATCH_HEADER_BYTES], 0xEE);
    struct batch_header again;
    batch_header_decode(memory, &again);
    EXPECT_EQ(again.batch_checksum, 6);
    EXPECT_EQ(again.message_count, 7);
}

TEST(what_is_ours_in_a_stored_header_is_served_as_zero)
{
    u8 served[BATCH_HEADER_BYTES];
    memset(memory, 0xAB, BATCH_HEADER_BYTES);
    batch_serve_header(memory, served);
    EXPECT_BYTES(served, memory, BATCH_RESERVED_POSITION);
    for (u32 i = BATCH_RESERVED_POSITION; i < BATCH_HEADER_BYTES; i++) {
        EXPECT_EQ(served[i], 0);
    }
}

TEST(payload_comes_before_user_headers_though_their_lengths_do_not)
{
    u32 size = fixture_batch(memory, 2, 5);
    struct batch_iterator iterator = batch_iterate(memory, size);
    struct message_frame frame;
    EXPECT(batch_next(&iterator, &frame));
    EXPECT_EQ(frame.payload.size, 5);
    EXPECT(span_equal(frame.user_headers, span_of("headers")));
    EXPECT(frame.payload.data < frame.user_headers.data);
    EXPECT_EQ(frame.size, 48 + 5 + 7);
    EXPECT_EQ(get_u32(memory + frame.position + 32), 7);
    EXPECT_EQ(get_u32(memory + frame.position + 36), 5);
}

TEST(the_iterator_gives_every_frame_once_in_order)
{
    u32 size = fixture_batch(memory, 100, 33);
    struct batch_iterator iterator = batch_iterate(memory, size);
    struct message_frame frame;
    u32 count = 0;
    while (batch_next(&iterator, &frame)) {
        EXPECT_EQ(frame.offset_delta, count);
        EXPECT_EQ(frame.timestamp_delta_us, count);
        EXPECT_EQ(frame.id.low, count + 1);
        count++;
    }
    EXPECT_EQ(count, 100);
    EXPECT_EQ(iterator.position, size);
}

TEST(the_iterator_never_leaves_the_batch)
{
    u32 size = fixture_batch(memory, 3, 10);
    struct batch_iterator iterator = batch_iterate(memory, size - 1);
    struct message_frame frame;
    u32 count = 0;
    while (batch_next(&iterator, &frame)) {
        count++;
    }
    EXPECT_EQ(count, 2);

    put_u32(memory + BATCH_HEADER_BYTES + 36, UINT32_MAX);
    put_u32(memory + BATCH_HEADER_BYTES + 32, UINT32_MAX);
    iterator = batch_iterate(memory, size);
    EXPECT(!batch_next(&iterator, &frame));
}

TEST(a_frame_is_found_by_its_delta)
{
    u32 size = fixture_batch(memory, 50, 10);
    struct message_frame frame;
    EXPECT(batch_find(memory, size, 0, &frame));
    EXPECT_EQ(frame.position, BATCH_HEADER_BYTES);
    EXPECT(batch_find(memory, size, 37, &frame));
    EXPECT_EQ(frame.offset_delta, 37);
    EXPECT(!batch_find(memory, size, 50, &frame));
}

/* The batch checksum as the specification words it, in one piece. */
static u64 checksum_in_one_piece(const u8 *batch, u32 batch_bytes)
{
    static u8 hashed[64 * 1024];
    memcpy(hashed, batch, 40);
    memcpy(hashed + 40, batch + 48, 4);
    u32 size = 44;
    struct batch_iterator iterator = batch_iterate(batch, batch_bytes);
    struct message_frame frame;
    while (batch_next(&iterator, &frame)) {
        memcpy(hashed + size, batch + frame.position, 8);
        size += 8;
    }
    return xxh3(hashed, size);
}

TEST(the_digest_is_the_hash_of_header_fields_and_frame_checksums_whatever_their_number)
{
    static const u32 counts[] = {1, 2, 25, 26, 27, 28, 57, 58, 59, 1000};
    for (u32 i = 0; i < array_count(counts); i++) {
        u32 size = fixture_batch(memory, counts[i], 3);
        EXPECT_EQ(get_u64(memory + 40), checksum_in_one_piece(memory, size));
        fixture_stamp(memory, size, 77);
        EXPECT_EQ(get_u64(memory + 40), checksum_in_one_piece(memory, size));
    }
}
