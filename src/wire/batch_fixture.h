/* Batches for tests: `count` messages of `payload_bytes` each, ids from 1, every third with user
 * headers, one microsecond apart from 1,000 on. */
#pragma once

#include "wire/batch.h"

#include "test.h"

#define FIXTURE_BYTES (2u * 1024u * 1024u)
#define FIXTURE_ORIGIN_US 1000u

static u8 fixture_payload[1024 * 1024];

static inline u32 fixture_batch(u8 *memory, u32 count, u32 payload_bytes)
{
    struct batch_builder builder;
    batch_builder_init(&builder, memory, FIXTURE_BYTES, FIXTURE_ORIGIN_US);
    for (u32 i = 0; i < payload_bytes; i++) {
        fixture_payload[i] = (u8)(i * 31 + i / 251);
    }
    for (u32 i = 0; i < count; i++) {
        struct batch_message message = {
            .id = {.low = i + 1},
            .origin_timestamp_us = FIXTURE_ORIGIN_US + i,
            .payload = {fixture_payload, payload_bytes},
            .user_headers = span_of(i % 3 == 0 ? "headers" : ""),
        };
        EXPECT_EQ(batch_builder_add(&builder, &message), OK);
    }
    return batch_builder_finish(&builder);
}

static inline void fixture_stamp(u8 *batch, u32 batch_bytes, u64 base_offset)
{
    struct batch_stamp stamp;
    struct batch_stamp_values values = {
        .partition_id = 3, .base_offset = base_offset, .base_timestamp_us = 5000};
    batch_stamp_init(&stamp, batch, batch_bytes, &values);
    while (!batch_stamp_step(&stamp, 1000)) {
    }
}

static inline enum batch_check_result fixture_check(const u8 *batch, u32 batch_bytes, u32 count,
                                                    enum wire_error *error)
{
    struct batch_check check;
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    batch_check_init(&check, batch, batch_bytes, count);
    enum batch_check_result result = batch_check_step(&check, batch_bytes, &budget);
    *error = check.error;
    return result;
}

static inline enum batch_check_result fixture_check_stored(const u8 *batch, u32 batch_bytes,
                                                           enum wire_error *error)
{
    struct batch_check check;
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    batch_check_init_stored(&check, batch, batch_bytes);
    enum batch_check_result result = batch_check_step(&check, batch_bytes, &budget);
    *error = check.error;
    return result;
}
