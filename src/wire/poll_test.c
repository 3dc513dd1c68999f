#include "wire/poll.h"

#include "wire/batch_fixture.h"

static u8 memory[FIXTURE_BYTES];
static u8 bytes[1024];

static struct poll_request plain_request(void)
{
    return (struct poll_request){
        .consumer = {.kind = CONSUMER_SINGLE, .identifier = identifier_of_id(1)},
        .stream = identifier_of_id(1),
        .topic = identifier_of_id(2),
        .strategy = POLL_NEXT,
        .count = 10,
    };
}

static enum wire_error decode_with_strategy(u8 strategy)
{
    struct poll_request request = plain_request();
    request.strategy = strategy;
    struct poll_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    poll_request_encode(&request, &writer);
    return poll_request_decode((struct span){bytes, writer.position}, &again);
}

TEST(five_strategies_are_known)
{
    EXPECT_EQ(decode_with_strategy(0), WIRE_INVALID_COMMAND);
    for (u8 strategy = 1; strategy <= 5; strategy++) {
        EXPECT_EQ(decode_with_strategy(strategy), WIRE_OK);
    }
    EXPECT_EQ(decode_with_strategy(6), WIRE_INVALID_COMMAND);
}

TEST(any_value_but_zero_asks_for_auto_commit)
{
    struct poll_request request = plain_request();
    struct writer writer = writer_over(bytes, sizeof(bytes));
    poll_request_encode(&request, &writer);
    struct span body = {bytes, writer.position};
    EXPECT_EQ(poll_request_decode(body, &request), WIRE_OK);
    EXPECT(!request.auto_commit);
    bytes[writer.position - 1] = 9;
    EXPECT_EQ(poll_request_decode(body, &request), WIRE_OK);
    EXPECT(request.auto_commit);
}

TEST(a_waiting_poll_says_how_long_up_to_a_limit)
{
    struct poll_request request = plain_request();
    struct poll_request again;
    u32 wait_ms = 0;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    poll_waiting_request_encode(1234, &request, &writer);
    struct span body = {bytes, writer.position};
    EXPECT_EQ(poll_waiting_request_decode(body, &wait_ms, &again), WIRE_OK);
    EXPECT_EQ(wait_ms, 1234);
    EXPECT_EQ(again.count, request.count);
    put_u32(bytes, UINT32_MAX);
    EXPECT_EQ(poll_waiting_request_decode(body, &wait_ms, &again), WIRE_OK);
    EXPECT_EQ(wait_ms, POLL_WAIT_MS_MAX);
    for (u32 size = 0; size < body.size; size++) {
        struct span cut = {bytes, size};
        EXPECT_EQ(poll_waiting_request_decode(cut, &wait_ms, &again), WIRE_INVALID_COMMAND);
    }
}

TEST(every_truncation_of_a_poll_is_an_invalid_command)
{
    struct poll_request request = plain_request();
    struct writer writer = writer_over(bytes, sizeof(bytes));
    poll_request_encode(&request, &writer);
    for (u32 size = 0; size < writer.position; size++) {
        EXPECT_EQ(poll_request_decode((struct span){bytes, size}, &request), WIRE_INVALID_COMMAND);
    }
}

TEST(trailing_bytes_after_a_poll_are_ignored)
{
    struct poll_request request = plain_request();
    struct writer writer = writer_over(bytes, sizeof(bytes));
    poll_request_encode(&request, &writer);
    write_u32(&writer, 0);
    EXPECT_EQ(poll_request_decode((struct span){bytes, writer.position}, &request), WIRE_OK);
}

TEST(even_nothing_takes_sixteen_bytes)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    poll_reply_prefix_encode(&(struct poll_reply_prefix){.partition_id = 5}, &writer);
    EXPECT_EQ(writer.position, POLL_REPLY_PREFIX_BYTES);
    struct poll_reply reply;
    EXPECT_EQ(poll_reply_decode((struct span){bytes, 16}, &reply), OK);
    EXPECT_EQ(reply.prefix.partition_id, 5);
    EXPECT_EQ(reply.batches.size, 0);
    EXPECT_EQ(poll_reply_decode((struct span){bytes, 15}, &reply), ERR_INVALID);
}

TEST(the_resync_marker_names_no_partition)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    poll_reply_resync(&writer);
    EXPECT_EQ(writer.position, POLL_REPLY_PREFIX_BYTES);
    EXPECT_BYTES(bytes, "\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

/* Two batches of three and two messages, at offsets 100 and 103; of the first only the middle. */
static u32 two_batches(void)
{
    static u8 batch[FIXTURE_BYTES];
    u32 size = fixture_batch(batch, 3, 5);
    fixture_stamp(batch, size, 100);
    struct batch_slice slice;
    batch_slice_init(&slice, batch, size, 1, 1);
    EXPECT(batch_slice_step(&slice, 100));
    struct writer writer = writer_over(memory, sizeof(memory));
    poll_reply_prefix_encode(&(struct poll_reply_prefix){0, 104, 3}, &writer);
    write_bytes(&writer, slice.header, BATCH_HEADER_BYTES);
    write_bytes(&writer, batch + slice.frames_start, slice.frames_bytes);
    size = fixture_batch(batch, 2, 5);
    fixture_stamp(batch, size, 103);
    write_bytes(&writer, batch, size);
    return writer.position;
}

TEST(offset_and_times_of_a_message_follow_from_batch_and_deltas)
{
    static const u64 offsets[] = {101, 103, 104};
    static const u64 origins[] = {FIXTURE_ORIGIN_US + 1, FIXTURE_ORIGIN_US, FIXTURE_ORIGIN_US + 1};
    struct poll_reply reply;
    EXPECT_EQ(poll_reply_decode((struct span){memory, two_batches()}, &reply), OK);
    struct poll_iterator iterator = poll_iterate(&reply);
    struct polled_message message;
    u32 count = 0;
    while (poll_next(&iterator, &message)) {
        EXPECT(count < 3);
        EXPECT_EQ(message.offset, offsets[count]);
        EXPECT_EQ(message.timestamp_us, 5000);
        EXPECT_EQ(message.origin_timestamp_us, origins[count]);
        EXPECT_EQ(message.payload.size, 5);
        count++;
    }
    EXPECT(!iterator.failed);
    EXPECT_EQ(count, reply.prefix.messages_count);
}

TEST(a_reply_cut_short_fails_after_the_messages_that_are_whole)
{
    u32 size = two_batches();
    for (u32 cut = 1; cut < size - POLL_REPLY_PREFIX_BYTES; cut += 7) {
        struct poll_reply reply;
        EXPECT_EQ(poll_reply_decode((struct span){memory, size - cut}, &reply), OK);
        struct poll_iterator iterator = poll_iterate(&reply);
        struct polled_message message;
        u32 count = 0;
        while (poll_next(&iterator, &message)) {
            count++;
        }
        EXPECT(count < 3);
        bool ends_between_batches = count == 1 && !iterator.failed;
        EXPECT(iterator.failed || ends_between_batches);
    }
}

TEST(a_batch_that_announces_fewer_frames_than_it_has_fails)
{
    struct poll_reply reply;
    u32 size = two_batches();
    u32 second = POLL_REPLY_PREFIX_BYTES + BATCH_HEADER_BYTES + 48 + 5;
    put_u32(memory + second + 48, 1);
    EXPECT_EQ(poll_reply_decode((struct span){memory, size}, &reply), OK);
    struct poll_iterator iterator = poll_iterate(&reply);
    struct polled_message message;
    EXPECT(poll_next(&iterator, &message));
    EXPECT(!poll_next(&iterator, &message));
    EXPECT(iterator.failed);
}

TEST(a_batch_that_announces_more_frames_than_it_has_fails)
{
    struct poll_reply reply;
    u32 size = two_batches();
    put_u32(memory + POLL_REPLY_PREFIX_BYTES + 48, 2);
    EXPECT_EQ(poll_reply_decode((struct span){memory, size}, &reply), OK);
    struct poll_iterator iterator = poll_iterate(&reply);
    struct polled_message message;
    EXPECT(poll_next(&iterator, &message));
    EXPECT(!poll_next(&iterator, &message));
    EXPECT(iterator.failed);
}
