#include "bench/prepared.h"

#include "test.h"

static struct prepared_options some(double interval_us)
{
    return (struct prepared_options){
        .message_bytes = {1, 300},
        .batch_messages = {1, 50},
        .interval_us = interval_us,
        .seed = 7,
        .entropy = 6,
        .header = {.client = {1, 2}, .operation = 160, .session = 3},
        .place = {.stream = identifier_of_name(span_of("bench-stream-1")),
                  .topic = identifier_of_name(span_of("topic-1")),
                  .partitioning = {.kind = PARTITIONING_BALANCED}},
    };
}

/* As the server looks at what arrives. */
static void expect_sound(struct prepared_batch *batch, u64 request, u64 origin_us)
{
    struct request_header header;
    request_header_decode(batch->frame, &header);
    EXPECT_EQ(request_header_validate(&header, FRAME_BYTES_MAX), OK);
    EXPECT_EQ(header.size, batch->frame_bytes);
    EXPECT_EQ(header.request, request);

    struct span body = {batch->frame + FRAME_HEADER_BYTES, batch->frame_bytes - FRAME_HEADER_BYTES};
    struct send_request send;
    EXPECT_EQ(send_request_decode(body, body.size, &send), WIRE_OK);
    struct batch_check check;
    struct batch_budget budget = {UINT32_MAX, UINT32_MAX};
    batch_check_init(&check, body.data + send.batch_position, send.batch_bytes,
                     send.messages_count);
    EXPECT_EQ(batch_check_step(&check, send.batch_bytes, &budget), BATCH_CHECK_GOOD);
    EXPECT_EQ(check.header.origin_timestamp_us, origin_us);
    EXPECT_EQ(batch->payload_bytes, send.batch_bytes - BATCH_HEADER_BYTES -
                                        send.messages_count * MESSAGE_FRAME_HEADER_BYTES);
}

TEST(every_stamped_batch_is_one_that_the_server_accepts)
{
    struct prepared prepared;
    struct prepared_options options = some(2.5);
    prepared_init(&prepared, &options);
    EXPECT(prepared.count > 1);
    for (u32 i = 0; i < 2 * prepared.count; i++) {
        struct prepared_batch *batch = prepared_next(&prepared);
        prepared_stamp(batch, i + 1, 1000000 + i);
        expect_sound(batch, i + 1, 1000000 + i);
    }
    prepared_deinit(&prepared);
}

TEST(a_key_is_set_where_the_server_looks_for_it)
{
    static const u8 none[PREPARED_KEY_BYTES] = {0};
    struct prepared prepared;
    struct prepared_options options = some(0);
    options.place.partitioning =
        (struct partitioning){.kind = PARTITIONING_KEY, .key = {none, sizeof(none)}};
    prepared_init(&prepared, &options);
    struct prepared_batch *batch = prepared_next(&prepared);
    prepared_set_key(batch, 0x1122334455667788);
    prepared_stamp(batch, 1, 1000000);
    expect_sound(batch, 1, 1000000);
    struct span body = {batch->frame + FRAME_HEADER_BYTES, batch->frame_bytes - FRAME_HEADER_BYTES};
    struct send_request send;
    EXPECT_EQ(send_request_decode(body, body.size, &send), WIRE_OK);
    EXPECT_EQ(send.partitioning.key.size, PREPARED_KEY_BYTES);
    EXPECT_EQ(get_u64(send.partitioning.key.data), 0x1122334455667788);
    prepared_deinit(&prepared);
}

/* How many different bytes the payloads of a batch are made of. */
static u32 different_bytes(u32 entropy)
{
    bool seen[256] = {false};
    struct prepared prepared;
    struct prepared_options options = some(0);
    options.entropy = entropy;
    options.message_bytes = (struct bench_range){60000, 60000};
    options.batch_messages = (struct bench_range){1, 1};
    prepared_init(&prepared, &options);
    struct prepared_batch *batch = prepared_next(&prepared);
    u32 count = 0;
    for (u32 i = batch->frame_bytes - 60000; i < batch->frame_bytes; i++) {
        count += seen[batch->frame[i]] ? 0 : 1;
        seen[batch->frame[i]] = true;
    }
    prepared_deinit(&prepared);
    return count;
}

TEST(payloads_have_the_bits_of_chance_that_were_asked_for)
{
    for (u32 bits = 0; bits <= 8; bits++) {
        EXPECT_EQ(different_bytes(bits), 1u << bits);
    }
}

TEST(messages_of_a_schedule_are_as_old_as_it_says)
{
    struct prepared prepared;
    struct prepared_options options = some(2.5);
    options.batch_messages = (struct bench_range){5, 5};
    prepared_init(&prepared, &options);
    struct prepared_batch *batch = prepared_next(&prepared);
    struct batch_iterator frames = batch_iterate(batch->frame + batch->batch_position,
                                                 batch->frame_bytes - batch->batch_position);
    static const u32 wanted_us[] = {0, 2, 5, 7, 10};
    struct message_frame frame;
    for (u32 i = 0; i < 5; i++) {
        EXPECT(batch_next(&frames, &frame));
        EXPECT_EQ(frame.timestamp_delta_us, wanted_us[i]);
    }
    prepared_deinit(&prepared);
}

TEST(the_same_seed_gives_the_same_bytes)
{
    struct prepared first;
    struct prepared second;
    struct prepared_options options = some(0);
    prepared_init(&first, &options);
    prepared_init(&second, &options);
    EXPECT_EQ(first.count, second.count);
    for (u32 i = 0; i < first.count; i++) {
        EXPECT_EQ(first.batches[i].frame_bytes, second.batches[i].frame_bytes);
        EXPECT_BYTES(first.batches[i].frame, second.batches[i].frame, first.batches[i].frame_bytes);
    }
    prepared_deinit(&first);
    prepared_deinit(&second);
}
