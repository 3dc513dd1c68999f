#include "wire/batch_fixture.h"

static u8 memory[FIXTURE_BYTES];
static u8 served[FIXTURE_BYTES];

static struct batch_slice slice_of(u32 size, u32 first_delta, u32 last_delta, u32 frames_budget)
{
    struct batch_slice slice;
    batch_slice_init(&slice, memory, size, first_delta, last_delta);
    while (!batch_slice_step(&slice, frames_budget)) {
    }
    return slice;
}

/* As a poll puts it together. */
static u32 serve(const struct batch_slice *slice)
{
    memcpy(served, slice->header, BATCH_HEADER_BYTES);
    memcpy(served + BATCH_HEADER_BYTES, memory + slice->frames_start, slice->frames_bytes);
    return BATCH_HEADER_BYTES + slice->frames_bytes;
}

static void expect_sound(u32 size, u32 first_delta, u32 count)
{
    struct batch_header header;
    batch_header_decode(served, &header);
    EXPECT_EQ(header.batch_length, size);
    EXPECT_EQ(header.message_count, count);
    struct batch_digest digest;
    batch_digest_init(&digest, &header);
    struct batch_iterator iterator = batch_iterate(served, size);
    struct message_frame frame;
    u32 met = 0;
    while (batch_next(&iterator, &frame)) {
        EXPECT_EQ(frame.offset_delta, first_delta + met);
        EXPECT_EQ(frame.checksum, xxh3(served + frame.position + 8, frame.size - 8));
        batch_digest_add(&digest, served + frame.position);
        met++;
    }
    EXPECT_EQ(met, count);
    EXPECT_EQ(iterator.position, size);
    EXPECT_EQ(batch_digest_finish(&digest), header.batch_checksum);
}

TEST(any_run_of_messages_can_be_cut_out)
{
    u32 size = fixture_batch(memory, 30, 11);
    fixture_stamp(memory, size, 500);
    for (u32 first = 0; first < 30; first++) {
        for (u32 last = first; last < 30; last++) {
            struct batch_slice slice = slice_of(size, first, last, UINT32_MAX);
            EXPECT_EQ(slice.messages_count, last - first + 1);
            expect_sound(serve(&slice), first, last - first + 1);
        }
    }
}

TEST(offset_times_and_deltas_of_a_slice_stay_as_they_were)
{
    u32 size = fixture_batch(memory, 3, 5);
    fixture_stamp(memory, size, 500);
    struct batch_slice slice = slice_of(size, 2, 2, 10);
    u32 slice_bytes = serve(&slice);
    EXPECT_EQ(slice_bytes, 256 + 48 + 5);
    struct batch_header header;
    batch_header_decode(served, &header);
    EXPECT_EQ(header.base_offset, 500);
    EXPECT_EQ(header.base_timestamp_us, 5000);
    EXPECT_EQ(header.origin_timestamp_us, FIXTURE_ORIGIN_US);
    EXPECT_EQ(header.partition_id, 3);
    EXPECT_EQ(get_u32(served + BATCH_HEADER_BYTES + 24), 2);
}

TEST(the_whole_batch_is_served_with_its_own_checksum_at_once)
{
    u32 size = fixture_batch(memory, 100, 5);
    fixture_stamp(memory, size, 500);
    memset(memory + BATCH_RESERVED_POSITION, 0x99, BATCH_RESERVED_BYTES);
    struct batch_slice slice;
    batch_slice_init(&slice, memory, size, 0, UINT32_MAX);
    EXPECT(batch_slice_step(&slice, 1));
    EXPECT_EQ(slice.messages_count, 100);
    EXPECT_BYTES(slice.header, memory, BATCH_RESERVED_POSITION);
    expect_sound(serve(&slice), 0, 100);
    EXPECT_EQ(served[BATCH_RESERVED_POSITION], 0);
}

TEST(what_is_ours_in_a_stored_header_is_not_served_in_a_slice)
{
    u32 size = fixture_batch(memory, 4, 5);
    memset(memory + BATCH_RESERVED_POSITION, 0x99, BATCH_RESERVED_BYTES);
    struct batch_slice slice = slice_of(size, 1, 2, 100);
    for (u32 i = BATCH_RESERVED_POSITION; i < BATCH_HEADER_BYTES; i++) {
        EXPECT_EQ(slice.header[i], 0);
    }
}

TEST(deltas_beyond_the_batch_give_no_message)
{
    u32 size = fixture_batch(memory, 4, 5);
    struct batch_slice slice = slice_of(size, 4, 10, 100);
    EXPECT_EQ(slice.messages_count, 0);
    slice = slice_of(size, 3, 10, 100);
    EXPECT_EQ(slice.messages_count, 1);
}

TEST(a_slice_in_steps_is_the_slice_in_one)
{
    u32 size = fixture_batch(memory, 500, 5);
    struct batch_slice whole = slice_of(size, 100, 399, UINT32_MAX);
    struct batch_slice stepped = slice_of(size, 100, 399, 13);
    EXPECT_EQ(stepped.messages_count, 300);
    EXPECT_EQ(stepped.frames_start, whole.frames_start);
    EXPECT_EQ(stepped.frames_bytes, whole.frames_bytes);
    EXPECT_BYTES(stepped.header, whole.header, BATCH_HEADER_BYTES);
}
