#include "wire/consumer.h"

#include "test.h"

static u8 bytes[1024];

static struct offset_request target_of(u8 kind)
{
    return (struct offset_request){
        .consumer = {.kind = kind, .identifier = identifier_of_id(4)},
        .stream = identifier_of_id(1),
        .topic = identifier_of_name(span_of("t")),
        .partition = {.present = true, .partition_id = 6},
    };
}

TEST(a_consumer_has_a_kind_and_an_identifier)
{
    struct decoder decoder = decoder_over((struct span){(const u8 *)"\x02\x01\x04\x07\0\0\0", 7});
    struct consumer consumer = decode_consumer(&decoder);
    EXPECT_EQ(decoder_result(&decoder), WIRE_OK);
    EXPECT_EQ(consumer.kind, CONSUMER_GROUP);
    EXPECT_EQ(consumer.identifier.id, 7);
}

TEST(another_kind_of_consumer_is_refused)
{
    struct decoder decoder = decoder_over((struct span){(const u8 *)"\x03\x01\x04\x07\0\0\0", 7});
    (void)decode_consumer(&decoder);
    EXPECT_EQ(decoder_result(&decoder), WIRE_INVALID_COMMAND);
}

TEST(a_numeric_consumer_is_its_own_key_and_a_name_is_hashed_into_the_same_space)
{
    struct consumer number = {CONSUMER_SINGLE, identifier_of_id(77)};
    struct consumer name = {CONSUMER_SINGLE, identifier_of_name(span_of("key-1"))};
    EXPECT_EQ(consumer_key(&number), 77);
    EXPECT_EQ(consumer_key(&name), 0x39636a09);
}

TEST(the_partition_flag_is_set_by_exactly_one)
{
    static const struct {
        const char *value;
        bool present;
        u32 id;
    } cases[] = {
        {"\x01\x05\0\0\0", true, 5},
        {"\0\x05\0\0\0", false, 0},
        {"\x02\x05\0\0\0", false, 0},
    };
    for (u32 i = 0; i < array_count(cases); i++) {
        struct decoder decoder = decoder_over((struct span){(const u8 *)cases[i].value, 5});
        struct partition_choice partition = decode_partition_choice(&decoder);
        EXPECT_EQ(decoder_result(&decoder), WIRE_OK);
        EXPECT_EQ(partition.present, cases[i].present);
        EXPECT_EQ(partition.partition_id, cases[i].id);
    }
}

TEST(an_absent_partition_is_written_as_five_zeros)
{
    struct partition_choice partition = {.present = false, .partition_id = 9};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_partition_choice(&writer, &partition);
    EXPECT_EQ(writer.position, 5);
    EXPECT_BYTES(bytes, "\0\0\0\0\0", 5);
}

TEST(the_ack_byte_is_mandatory_in_offset_writes)
{
    struct store_offset_request store = {.target = target_of(CONSUMER_SINGLE), .offset = 9};
    struct store_offset_request store_again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    store_offset_request_encode(&store, &writer);
    struct span body = {bytes, writer.position};
    EXPECT_EQ(store_offset_request_decode(body, &store_again), WIRE_OK);
    body.size--;
    EXPECT_EQ(store_offset_request_decode(body, &store_again), WIRE_INVALID_COMMAND);

    struct delete_offset_request delete = {.target = target_of(CONSUMER_GROUP)};
    struct delete_offset_request delete_again;
    writer = writer_over(bytes, sizeof(bytes));
    delete_offset_request_encode(&delete, &writer);
    body = (struct span){bytes, writer.position};
    EXPECT_EQ(delete_offset_request_decode(body, &delete_again), WIRE_OK);
    body.size--;
    EXPECT_EQ(delete_offset_request_decode(body, &delete_again), WIRE_INVALID_COMMAND);
}

TEST(an_offset_request_comes_back_as_it_went)
{
    struct store_offset_request store = {
        .target = target_of(CONSUMER_GROUP), .offset = 1ull << 50, .wait_for_commit = true};
    struct store_offset_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    store_offset_request_encode(&store, &writer);
    EXPECT_EQ(store_offset_request_decode((struct span){bytes, writer.position}, &again), WIRE_OK);
    EXPECT_EQ(again.offset, 1ull << 50);
    EXPECT(again.wait_for_commit);
    EXPECT_EQ(again.target.consumer.kind, CONSUMER_GROUP);
    EXPECT_EQ(again.target.partition.partition_id, 6);
}

TEST(every_truncation_of_an_offset_request_is_an_invalid_command)
{
    struct offset_request target = target_of(CONSUMER_SINGLE);
    struct offset_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    get_offset_request_encode(&target, &writer);
    for (u32 size = 0; size < writer.position; size++) {
        EXPECT_EQ(get_offset_request_decode((struct span){bytes, size}, &again),
                  WIRE_INVALID_COMMAND);
    }
}

TEST(an_empty_reply_means_that_nothing_is_stored)
{
    struct offset_reply reply = {3, 100, 42};
    struct offset_reply again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    offset_reply_encode(&reply, &writer);
    EXPECT_EQ(writer.position, OFFSET_REPLY_BYTES);
    EXPECT_EQ(offset_reply_decode((struct span){bytes, 20}, &again), OK);
    EXPECT_EQ(again.stored_offset, 42);
    EXPECT_EQ(offset_reply_decode((struct span){bytes, 0}, &again), ERR_NOT_FOUND);
    EXPECT_EQ(offset_reply_decode((struct span){bytes, 19}, &again), ERR_INVALID);
}
