#include "wire/batch_fixture.h"

static u8 memory[FIXTURE_BYTES];
static u8 copy[FIXTURE_BYTES];

static const struct batch_stamp_values values = {
    .partition_id = 3, .base_offset = 100, .base_timestamp_us = 5000};

/* The two messages of the upstream vector, stamped with partition 3, offset 100, timestamp 5000. */
TEST(the_stamped_checksum_is_that_of_the_published_vector)
{
    struct batch_builder builder;
    batch_builder_init(&builder, memory, sizeof(memory), 1000);
    struct batch_message first = {{.low = 7}, 1000, span_of("first-payload"), span_of("")};
    struct batch_message second = {
        {.low = 8}, 1050, span_of("second-payload"), span_of("user-header-bytes")};
    EXPECT_EQ(batch_builder_add(&builder, &first), OK);
    EXPECT_EQ(batch_builder_add(&builder, &second), OK);
    u32 size = batch_builder_finish(&builder);
    EXPECT_BYTES(memory + 40, "\xa9\x1f\x38\xc8\x63\x07\x26\x7c", 8);
    EXPECT_BYTES(memory + 256, "\xbf\xd2\xb9\x20\x5a\x75\x96\x75", 8);

    struct batch_stamp stamp;
    batch_stamp_init(&stamp, memory, size, &values);
    EXPECT(batch_stamp_step(&stamp, 2));
    EXPECT_BYTES(memory + 40, "\xc9\x68\x26\xb3\x8a\x8f\xee\xd2", 8);
}

TEST(a_stamp_changes_four_fields_and_nothing_else)
{
    u32 size = fixture_batch(memory, 10, 20);
    memset(memory + BATCH_RESERVED_POSITION, 0x31, BATCH_RESERVED_BYTES);
    memcpy(copy, memory, size);
    struct batch_stamp stamp;
    batch_stamp_init(&stamp, memory, size, &values);
    EXPECT(batch_stamp_step(&stamp, 10));
    EXPECT_EQ(get_u64(memory), 3);
    EXPECT_EQ(get_u64(memory + 8), 100);
    EXPECT_EQ(get_u64(memory + 16), 5000);
    EXPECT_BYTES(memory + 24, copy + 24, 16);
    EXPECT(get_u64(memory + 40) != get_u64(copy + 40));
    EXPECT_BYTES(memory + 48, copy + 48, size - 48);
}

TEST(a_stamp_in_steps_is_the_stamp_in_one_and_shows_only_at_the_end)
{
    u32 size = fixture_batch(memory, 1000, 2);
    memcpy(copy, memory, size);
    fixture_stamp(copy, size, 100);

    struct batch_stamp stamp;
    batch_stamp_init(&stamp, memory, size, &values);
    u32 steps = 0;
    while (!batch_stamp_step(&stamp, 7)) {
        EXPECT_EQ(get_u64(memory + 8), 0);
        steps++;
    }
    EXPECT_EQ(steps, 142);
    EXPECT_BYTES(memory, copy, size);
}

TEST(a_batch_can_be_stamped_again)
{
    enum wire_error error;
    u32 size = fixture_batch(memory, 5, 20);
    fixture_stamp(memory, size, 10);
    fixture_stamp(memory, size, 20);
    EXPECT_EQ(get_u64(memory + 8), 20);
    EXPECT_EQ(fixture_check_stored(memory, size, &error), BATCH_CHECK_GOOD);
}

TEST(a_batch_that_was_not_checked_stops_the_stamp)
{
    u32 size = fixture_batch(memory, 2, 10);
    struct batch_stamp stamp;
    EXPECT_CHECK_FAILS(batch_stamp_init(&stamp, memory, size - 1, &values));
    put_u32(memory + BATCH_HEADER_BYTES + 36, 1u << 30);
    batch_stamp_init(&stamp, memory, size, &values);
    EXPECT_CHECK_FAILS((void)batch_stamp_step(&stamp, 10));
}
