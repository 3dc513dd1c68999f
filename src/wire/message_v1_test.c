#include "wire/message_v1.h"

#include "test.h"

#define ROOM (1u << 20)

static u8 payload[ROOM];
static u8 batch[ROOM];
static u8 messages[2 * ROOM];

/* Two messages as the specification has them: "hello" with a header k = true, and "x". */
static const u8 golden_headers[] = {2, 1, 0, 0, 0, 'k', 3, 1, 0, 0, 0, 1};

struct made {
    struct writer writer;
    struct span index; /* of the entries */
    u32 count;
};

/* `of` gives origin time, id and bodies; everything else is as clients send it. */
struct given {
    u64 id;
    u64 origin_us;
    struct span body;
    struct span user_headers;
};

static u32 make_send(const struct given *given, u32 count)
{
    struct writer writer = writer_over(payload, sizeof(payload));
    send_v1_encode(&(struct send_request){.stream = identifier_of_id(0),
                                          .topic = identifier_of_id(0),
                                          .partitioning = {.kind = PARTITIONING_PARTITION},
                                          .messages_count = count},
                   &writer);
    u32 end = 0;
    for (u32 i = 0; i < count; i++) {
        end += MESSAGE_V1_HEADER_BYTES + given[i].body.size + given[i].user_headers.size;
        write_u32(&writer, 0);
        write_u32(&writer, end);
        write_u64(&writer, 0);
    }
    for (u32 i = 0; i < count; i++) {
        message_v1_encode(&(struct message_v1){.id = {.low = given[i].id},
                                               .origin_timestamp_us = given[i].origin_us,
                                               .user_headers_bytes = given[i].user_headers.size,
                                               .payload_bytes = given[i].body.size},
                          write_room(&writer, MESSAGE_V1_HEADER_BYTES));
        write_span(&writer, given[i].body);
        write_span(&writer, given[i].user_headers);
    }
    EXPECT(!writer.failed);
    return writer.position;
}

static u32 make_golden(void)
{
    struct given given[] = {
        {1, 1775999999999000, span_of("hello"), {golden_headers, sizeof(golden_headers)}},
        {0x0102, 1775999999999000, span_of("x"), {0}},
    };
    return make_send(given, 2);
}

static enum wire_error judge(u32 bytes, struct messages_v1_check *check, struct send_v1 *send)
{
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    enum wire_error error = send_v1_decode((struct span){payload, bytes}, bytes, send);
    if (error != WIRE_OK) {
        return error;
    }
    messages_v1_check_init(check, payload, send);
    (void)messages_v1_check_step(check, send->messages_bytes, &budget);
    return check->error;
}

static enum wire_error verdict(u32 bytes)
{
    struct messages_v1_check check;
    struct send_v1 send;
    return judge(bytes, &check, &send);
}

/* Through a batch stamped for partition 0 and out again; gives the bytes of the messages. */
static u32 through(u32 bytes, u64 base_offset, u64 time_us, struct batch_budget step)
{
    struct messages_v1_check check;
    struct send_v1 send;
    struct messages_v1_run run;
    struct batch_v1_rewrite rewrite;
    struct prng prng;
    prng_init(&prng, 7);
    EXPECT_EQ(judge(bytes, &check, &send), WIRE_OK);
    EXPECT(messages_v1_whole_run(&check, &run));
    batch_v1_rewrite_init(&rewrite, batch, check.messages, &run);
    struct batch_budget budget = step;
    for (u32 i = 0; !batch_v1_rewrite_step(&rewrite, &prng, &budget); i++) {
        EXPECT(i < 100000);
        budget = step;
    }
    struct batch_stamp stamp;
    u32 batch_bytes = messages_v1_batch_bytes(&run);
    batch_stamp_init(
        &stamp, batch, batch_bytes,
        &(struct batch_stamp_values){.base_offset = base_offset, .base_timestamp_us = time_us});
    EXPECT(batch_stamp_step(&stamp, UINT32_MAX));

    struct batch_check stored;
    struct batch_budget all = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    batch_check_init_stored(&stored, batch, batch_bytes);
    EXPECT_EQ(batch_check_step(&stored, batch_bytes, &all), BATCH_CHECK_GOOD);

    struct batch_header header;
    struct messages_v1_emit emit;
    batch_header_decode(batch, &header);
    messages_v1_emit_init(&emit, &header, batch + BATCH_HEADER_BYTES);
    struct writer writer = writer_over(messages, sizeof(messages));
    budget = step;
    for (u32 i = 0; !messages_v1_emit_step(&emit, &writer, &budget); i++) {
        EXPECT(i < 100000);
        budget = step;
    }
    EXPECT_EQ(writer.position, send.messages_bytes);
    return writer.position;
}

static const struct batch_budget at_once = {.bytes = UINT32_MAX, .frames = UINT32_MAX};

TEST(the_golden_send_comes_out_as_the_golden_poll)
{
    static const u8 golden[] = {
        0x17, 0xad, 0x50, 0x3f, 0x17, 0x29, 0x06, 0x7a, 0x01, 0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
        0,    0,    0x00, 0x00, 0x1f, 0x39, 0x43, 0x4f, 0x06, 0x00, 0x18, 0xfc, 0x1e, 0x39, 0x43,
        0x4f, 0x06, 0x00, 0x0c, 0,    0,    0,    0x05, 0,    0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    'h',  'e',  'l',  'l',  'o',  2,    1,    0,    0,    0,    'k',
        3,    1,    0,    0,    0,    1,    0x68, 0x4b, 0x7b, 0xc9, 0x38, 0x4f, 0x0d, 0x5c, 0x02,
        0x01, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
        0x01, 0,    0,    0,    0,    0,    0,    0,    0x00, 0x00, 0x1f, 0x39, 0x43, 0x4f, 0x06,
        0x00, 0x18, 0xfc, 0x1e, 0x39, 0x43, 0x4f, 0x06, 0x00, 0,    0,    0,    0,    0x01, 0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    'x'};
    u32 bytes = through(make_golden(), 0, 1776000000000000, at_once);
    EXPECT_EQ(bytes, sizeof(golden));
    EXPECT_BYTES(messages, golden, sizeof(golden));
}

TEST(a_small_budget_gives_the_same_bytes)
{
    static u8 body[200000];
    static u8 wanted[ROOM];
    struct given given[3] = {{1, 10, {body, 0}, {0}},
                             {2, 12, {body, sizeof(body)}, {body, 100000}},
                             {3, 11, {body, 5000}, {body, 3}}};
    for (u32 i = 0; i < sizeof(body); i++) {
        body[i] = (u8)(i * 7 + i / 251);
    }
    u32 bytes = through(make_send(given, 3), 5, 6, at_once);
    memcpy(wanted, messages, bytes);
    EXPECT_EQ(through(make_send(given, 3), 5, 6, (struct batch_budget){.bytes = 999, .frames = 1}),
              bytes);
    EXPECT_BYTES(messages, wanted, bytes);
}

TEST(a_batch_may_be_written_over_the_messages_it_is_made_of)
{
    struct messages_v1_check check;
    struct send_v1 send;
    struct messages_v1_run run;
    struct batch_v1_rewrite rewrite;
    struct prng prng;
    struct batch_budget budget = at_once;
    u32 size = through(make_golden(), 0, 1, at_once);
    u32 bytes = make_golden();
    memmove(payload + 2 * BATCH_HEADER_BYTES, payload, bytes);
    u8 *moved = payload + 2 * BATCH_HEADER_BYTES;
    EXPECT_EQ(send_v1_decode((struct span){moved, bytes}, bytes, &send), WIRE_OK);
    messages_v1_check_init(&check, moved, &send);
    EXPECT_EQ(messages_v1_check_step(&check, send.messages_bytes, &budget), BATCH_CHECK_GOOD);
    EXPECT(messages_v1_whole_run(&check, &run));
    batch_v1_rewrite_init(&rewrite, payload + BATCH_HEADER_BYTES, check.messages, &run);
    EXPECT(batch_v1_rewrite_step(&rewrite, &prng, &budget));
    EXPECT_BYTES(payload + 2 * BATCH_HEADER_BYTES, batch + BATCH_HEADER_BYTES,
                 messages_v1_batch_bytes(&run) - BATCH_HEADER_BYTES);
    EXPECT(size > 0);
}

TEST(a_message_without_an_id_gets_a_random_one)
{
    struct given given[] = {{0, 1, span_of("a"), {0}}, {0, 1, span_of("b"), {0}}};
    (void)through(make_send(given, 2), 0, 1, at_once);
    struct message_v1 first;
    struct message_v1 second;
    message_v1_decode(messages, &first);
    message_v1_decode(messages + MESSAGE_V1_HEADER_BYTES + 1, &second);
    EXPECT(!u128_is_zero(first.id));
    EXPECT(!u128_equal(first.id, second.id));
    EXPECT_EQ(messages[8 + 6] >> 4, 4);
    EXPECT_EQ(messages[8 + 8] >> 6, 2);
}

TEST(origin_times_more_than_71_minutes_apart_need_several_batches)
{
    u64 far_us = 1776000000000000;
    struct given given[] = {{1, far_us, span_of("a"), {0}},
                            {2, far_us + UINT32_MAX, span_of("b"), {0}},
                            {3, 0, span_of("c"), {0}},
                            {4, far_us, span_of("d"), {0}}};
    struct messages_v1_check check;
    struct send_v1 send;
    struct messages_v1_run run;
    EXPECT_EQ(judge(make_send(given, 2), &check, &send), WIRE_OK);
    EXPECT(messages_v1_whole_run(&check, &run));
    EXPECT_EQ(judge(make_send(given, 4), &check, &send), WIRE_OK);
    EXPECT(!messages_v1_whole_run(&check, &run));

    u32 counts[3];
    u32 done = 0;
    for (u32 i = 0; i < 3; i++) {
        messages_v1_first_run(check.messages + done, send.messages_bytes - done, 100, &run);
        counts[i] = run.messages_count;
        done += run.messages_bytes;
    }
    EXPECT_EQ(counts[0], 2);
    EXPECT_EQ(counts[1], 1);
    EXPECT_EQ(counts[2], 1);
    EXPECT_EQ(done, send.messages_bytes);
}

TEST(a_send_is_judged_as_it_arrives)
{
    struct messages_v1_check check;
    struct send_v1 send;
    u32 bytes = make_golden();
    EXPECT_EQ(send_v1_decode((struct span){payload, bytes}, bytes, &send), WIRE_OK);
    EXPECT_EQ(send.index_position, 26);
    EXPECT_EQ(send.messages_position, 58);
    EXPECT_EQ(send.messages_bytes, 146);
    messages_v1_check_init(&check, payload, &send);
    for (u32 here = 0; here < 81 + 64; here++) {
        struct batch_budget budget = at_once;
        EXPECT_EQ(messages_v1_check_step(&check, here, &budget), BATCH_CHECK_WAITING);
    }
    struct batch_budget none = {.bytes = 1, .frames = 0};
    EXPECT_EQ(messages_v1_check_step(&check, 146, &none), BATCH_CHECK_PAUSED);
    struct batch_budget budget = at_once;
    EXPECT_EQ(messages_v1_check_step(&check, 81 + 64, &budget), BATCH_CHECK_GOOD);
}

/* The golden send with one field changed. `position` from the start of the payload. */
static enum wire_error with_u32(u32 position, u32 value)
{
    u32 bytes = make_golden();
    put_u32(payload + position, value);
    return verdict(bytes);
}

#define INDEX 26u
#define FIRST 58u
#define SECOND (FIRST + 81u)

TEST(each_fault_of_a_send_has_its_number)
{
    EXPECT_EQ(verdict(make_golden()), WIRE_OK);
    EXPECT_EQ(with_u32(INDEX, 1), WIRE_NON_ZERO_OFFSET);
    EXPECT_EQ(with_u32(INDEX + 8, 1), WIRE_NON_ZERO_TIMESTAMP);
    EXPECT_EQ(with_u32(INDEX + 12, 1), WIRE_NON_ZERO_TIMESTAMP);
    EXPECT_EQ(with_u32(INDEX + 4, 63), WIRE_MISSING_INDEX);
    EXPECT_EQ(with_u32(INDEX + 4, 80), WIRE_MISSING_INDEX);
    EXPECT_EQ(with_u32(INDEX + 4, 147), WIRE_MISSING_INDEX);
    EXPECT_EQ(with_u32(INDEX + 4, UINT32_MAX), WIRE_MISSING_INDEX);
    EXPECT_EQ(with_u32(INDEX + 4, 82), WIRE_MISSING_INDEX); /* the last has 63 bytes more */
    EXPECT_EQ(with_u32(FIRST + 52, 6), WIRE_MISSING_INDEX);
    EXPECT_EQ(with_u32(FIRST + 52, UINT32_MAX), WIRE_MISSING_INDEX);
    EXPECT_EQ(with_u32(FIRST + 48, 11), WIRE_INVALID_MESSAGES_SIZE);
    EXPECT_EQ(with_u32(FIRST + 24, 1), WIRE_INVALID_OFFSET);
    EXPECT_EQ(with_u32(SECOND + 24, 1), WIRE_OK); /* rising offsets are the client's own */
    /* The last entry's position decides nothing but may not fall. */
    EXPECT_EQ(with_u32(INDEX + 20, 80), WIRE_CANNOT_READ_INDEX_POSITION);
    EXPECT_EQ(with_u32(INDEX + 20, 81), WIRE_OK);
}

TEST(what_stands_before_the_messages_has_numbers_of_its_own)
{
    EXPECT_EQ(verdict(0), WIRE_INVALID_COMMAND);
    EXPECT_EQ(with_u32(0, 1000), WIRE_INVALID_COMMAND);
    EXPECT_EQ(with_u32(0, 21), WIRE_INVALID_COMMAND);
    EXPECT_EQ(with_u32(0, 11), WIRE_INVALID_IDENTIFIER);
    EXPECT_EQ(with_u32(4, 3), WIRE_INVALID_IDENTIFIER);
    EXPECT_EQ(with_u32(4, 0x0501), WIRE_INVALID_IDENTIFIER);
    EXPECT_EQ(with_u32(4, 0x0002), WIRE_INVALID_IDENTIFIER);
    EXPECT_EQ(with_u32(16, 4), WIRE_INVALID_COMMAND);
    EXPECT_EQ(with_u32(16, 0x0001), WIRE_INVALID_MESSAGES_COUNT); /* balanced, then a count of 0 */
    EXPECT_EQ(with_u32(22, 0), WIRE_INVALID_MESSAGES_COUNT);
    EXPECT_EQ(with_u32(22, 12), WIRE_INVALID_COMMAND);
    EXPECT_EQ(with_u32(22, UINT32_MAX), WIRE_INVALID_COMMAND);
}

TEST(metadata_may_be_longer_than_its_fields)
{
    u32 bytes = make_golden();
    u32 more = 3000; /* longer than any that is decoded */
    memmove(payload + 26 + more, payload + 26, bytes - 26);
    put_u32(payload, 22 + more);
    struct messages_v1_check check;
    struct send_v1 send;
    EXPECT_EQ(judge(bytes + more, &check, &send), WIRE_OK);
    EXPECT_EQ(send.index_position, 26 + more);
    EXPECT(send_v1_prefix_bytes((struct span){payload, 4}) < 1000);
}

TEST(a_slice_of_a_batch_keeps_its_offsets)
{
    struct given given[] = {
        {1, 5, span_of("a"), {0}}, {2, 6, span_of("bb"), {0}}, {3, 7, span_of("ccc"), {0}}};
    (void)through(make_send(given, 3), 100, 900, at_once);
    struct batch_slice slice;
    struct batch_header whole;
    batch_header_decode(batch, &whole);
    batch_slice_init(&slice, batch, (u32)whole.batch_length, 1, 1);
    EXPECT(batch_slice_step(&slice, 100));
    struct batch_header header;
    struct messages_v1_emit emit;
    batch_header_decode(slice.header, &header);
    messages_v1_emit_init(&emit, &header, batch + slice.frames_start);
    struct writer writer = writer_over(messages, sizeof(messages));
    struct batch_budget budget = at_once;
    EXPECT(messages_v1_emit_step(&emit, &writer, &budget));
    EXPECT_EQ(writer.position, 66);
    struct message_v1 message;
    message_v1_decode(messages, &message);
    EXPECT_EQ(message.offset, 101);
    EXPECT_EQ(message.timestamp_us, 900);
    EXPECT_EQ(message.origin_timestamp_us, 6);
    EXPECT_EQ(message.checksum, xxh3(messages + 8, 58));
}

TEST(little_room_is_used_and_more_is_waited_for)
{
    static u8 body[100000];
    struct given given[] = {{1, 5, span_of("a"), {0}}, {2, 6, {body, sizeof(body)}, {0}}};
    u32 bytes = through(make_send(given, 2), 0, 1, at_once);
    static u8 wanted[ROOM];
    memcpy(wanted, messages, bytes);
    struct batch_header header;
    struct messages_v1_emit emit;
    batch_header_decode(batch, &header);
    messages_v1_emit_init(&emit, &header, batch + BATCH_HEADER_BYTES);
    u32 got = 0;
    for (bool done = false; !done;) {
        struct writer writer = writer_over(messages + got, 70);
        struct batch_budget budget = at_once;
        done = messages_v1_emit_step(&emit, &writer, &budget);
        EXPECT(writer.position > 0);
        got += writer.position;
    }
    EXPECT_EQ(got, bytes);
    EXPECT_BYTES(messages, wanted, bytes);
}
