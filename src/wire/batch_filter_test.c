#include "wire/batch_fixture.h"

static u8 memory[FIXTURE_BYTES];
static u8 wanted[FIXTURE_BYTES];

/* Keeps the messages whose id is in the set (bit id - 1); the new size. */
static u32 filter(u8 *batch, u32 size, u64 kept)
{
    struct batch_filter filter;
    struct u128 id;
    batch_filter_init(&filter, batch, size);
    while (batch_filter_next(&filter, &id)) {
        batch_filter_decide(&filter, (kept >> (id.low - 1) & 1) != 0);
    }
    return batch_filter_finish(&filter);
}

static u32 batch_of(u8 *batch, u64 kept)
{
    struct batch_builder builder;
    batch_builder_init(&builder, batch, FIXTURE_BYTES, 1000);
    for (u32 i = 0; i < 20; i++) {
        struct batch_message message = {.id = {.low = i + 1},
                                        .origin_timestamp_us = 1000 + i,
                                        .payload = {fixture_payload, 10 + i},
                                        .user_headers = span_of(i % 3 == 0 ? "headers" : "")};
        if ((kept >> i & 1) != 0) {
            EXPECT_EQ(batch_builder_add(&builder, &message), OK);
        }
    }
    return batch_builder_finish(&builder);
}

TEST(a_filtered_batch_is_the_batch_of_what_was_kept)
{
    for (u64 kept = 1; kept < 1u << 20; kept = kept * 3 + 1) {
        u32 size = batch_of(memory, UINT64_MAX);
        u32 wanted_size = batch_of(wanted, kept);
        EXPECT_EQ(filter(memory, size, kept), wanted_size);
        fixture_stamp(memory, wanted_size, 100);
        fixture_stamp(wanted, wanted_size, 100);
        EXPECT_BYTES(memory, wanted, wanted_size);
        enum wire_error error = WIRE_OK;
        EXPECT_EQ(fixture_check_stored(memory, wanted_size, &error), BATCH_CHECK_GOOD);
    }
}

TEST(what_keeps_all_changes_nothing)
{
    u32 size = batch_of(memory, UINT64_MAX);
    memcpy(wanted, memory, size);
    EXPECT_EQ(filter(memory, size, UINT64_MAX), size);
    EXPECT_BYTES(memory, wanted, size);
}

TEST(what_keeps_none_leaves_a_header)
{
    u32 size = batch_of(memory, UINT64_MAX);
    EXPECT_EQ(filter(memory, size, 0), BATCH_HEADER_BYTES);
}
