#include "wire/batch_fixture.h"

static u8 memory[FIXTURE_BYTES];

TEST(a_batch_that_was_built_is_good)
{
    enum wire_error error;
    u32 size = fixture_batch(memory, 10, 100);
    EXPECT_EQ(fixture_check(memory, size, 10, &error), BATCH_CHECK_GOOD);
    struct batch_header header;
    batch_header_decode(memory, &header);
    EXPECT_EQ(header.partition_id, 0);
    EXPECT_EQ(header.base_offset, 0);
    EXPECT_EQ(header.base_timestamp_us, 0);
    EXPECT_EQ(header.origin_timestamp_us, FIXTURE_ORIGIN_US);
}

TEST(a_message_without_room_is_refused_and_the_batch_can_still_be_sent)
{
    enum wire_error error;
    struct batch_builder builder;
    struct batch_message message = {{.low = 1}, 5, span_of("12345"), span_of("")};
    batch_builder_init(&builder, memory, 256 + 2 * 53 + 52, 5);
    EXPECT_EQ(batch_builder_add(&builder, &message), OK);
    EXPECT_EQ(batch_builder_add(&builder, &message), OK);
    EXPECT_EQ(batch_builder_add(&builder, &message), ERR_TOO_LARGE);
    u32 size = batch_builder_finish(&builder);
    EXPECT_EQ(size, 256 + 2 * 53);
    EXPECT_EQ(fixture_check(memory, size, 2, &error), BATCH_CHECK_GOOD);
}

TEST(times_before_the_batch_or_more_than_an_hour_after_are_refused)
{
    struct batch_builder builder;
    struct batch_message message = {{.low = 1}, 999, span_of("x"), span_of("")};
    batch_builder_init(&builder, memory, sizeof(memory), 1000);
    EXPECT_EQ(batch_builder_add(&builder, &message), ERR_INVALID);
    message.origin_timestamp_us = 1000 + (1ull << 32);
    EXPECT_EQ(batch_builder_add(&builder, &message), ERR_INVALID);
    message.origin_timestamp_us = 1000 + (1ull << 32) - 1;
    EXPECT_EQ(batch_builder_add(&builder, &message), OK);
    EXPECT_EQ(get_u32(memory + BATCH_HEADER_BYTES + 28), UINT32_MAX);
}

TEST(sizes_that_overflow_are_refused_before_anything_is_read)
{
    struct batch_builder builder;
    struct batch_message message = {{.low = 1}, 5, {memory, UINT32_MAX}, {memory, UINT32_MAX}};
    batch_builder_init(&builder, memory, sizeof(memory), 5);
    EXPECT_EQ(batch_builder_add(&builder, &message), ERR_TOO_LARGE);
}

TEST(a_batch_of_nothing_is_our_own_fault)
{
    struct batch_builder builder;
    batch_builder_init(&builder, memory, sizeof(memory), 5);
    EXPECT_CHECK_FAILS((void)batch_builder_finish(&builder));
}
