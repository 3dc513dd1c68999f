#include "wire/send.h"

#include "test.h"

static u8 bytes[2048];
static struct send_request request;

static struct send_request plain_request(void)
{
    return (struct send_request){
        .stream = identifier_of_id(1),
        .topic = identifier_of_name(span_of("events")),
        .partitioning = {.kind = PARTITIONING_PARTITION, .partition_id = 2},
        .messages_count = 9};
}

/* The part before a batch, which here has no bytes. */
static u32 encode(const struct send_request *from)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    send_request_encode(from, &writer);
    EXPECT(!writer.failed);
    return writer.position;
}

static enum wire_error decode(u32 size)
{
    return send_request_decode((struct span){bytes, size}, size + 500, &request);
}

TEST(a_request_says_where_its_batch_begins)
{
    struct send_request wanted = plain_request();
    u32 size = encode(&wanted);
    EXPECT_EQ(decode(size), WIRE_OK);
    EXPECT(identifier_equal(&request.stream, &wanted.stream));
    EXPECT(identifier_equal(&request.topic, &wanted.topic));
    EXPECT_EQ(request.partitioning.partition_id, 2);
    EXPECT_EQ(request.messages_count, 9);
    EXPECT_EQ(request.batch_position, size);
    EXPECT_EQ(request.batch_bytes, 500);
}

TEST(the_bytes_needed_show_after_the_first_four)
{
    struct send_request wanted = plain_request();
    u32 size = encode(&wanted);
    EXPECT_EQ(send_prefix_bytes((struct span){bytes, 0}), 4);
    EXPECT_EQ(send_prefix_bytes((struct span){bytes, 3}), 4);
    EXPECT_EQ(send_prefix_bytes((struct span){bytes, 4}), size);
}

TEST(a_length_too_long_to_be_true_is_refused_without_waiting_for_it)
{
    put_u32(bytes, SEND_METADATA_BYTES_MAX + 1);
    EXPECT_EQ(send_prefix_bytes((struct span){bytes, 4}), 4);
    EXPECT_EQ(decode(4), WIRE_INVALID_COMMAND);
    put_u32(bytes, UINT32_MAX);
    EXPECT_EQ(send_prefix_bytes((struct span){bytes, 4}), 4);
    EXPECT_EQ(decode(4), WIRE_INVALID_COMMAND);
}

TEST(the_longest_possible_metadata_is_taken)
{
    u8 name[255];
    memset(name, 'n', sizeof(name));
    struct send_request wanted = plain_request();
    wanted.stream = identifier_of_name((struct span){name, sizeof(name)});
    wanted.topic = wanted.stream;
    wanted.partitioning =
        (struct partitioning){.kind = PARTITIONING_KEY, .key = {name, sizeof(name)}};
    u32 size = encode(&wanted);
    EXPECT_EQ(size, SEND_PREFIX_BYTES_MAX);
    EXPECT_EQ(send_prefix_bytes((struct span){bytes, 4}), size);
    EXPECT_EQ(decode(size), WIRE_OK);
}

TEST(all_three_partitionings_are_taken)
{
    struct send_request wanted = plain_request();
    wanted.partitioning = (struct partitioning){.kind = PARTITIONING_BALANCED};
    EXPECT_EQ(decode(encode(&wanted)), WIRE_OK);
    EXPECT_EQ(request.partitioning.kind, PARTITIONING_BALANCED);
    wanted.partitioning = (struct partitioning){.kind = PARTITIONING_KEY, .key = span_of("key-1")};
    EXPECT_EQ(decode(encode(&wanted)), WIRE_OK);
    EXPECT(span_equal(request.partitioning.key, span_of("key-1")));
}

TEST(a_partitioning_with_a_value_that_is_not_its_own_is_refused)
{
    static const struct {
        const char *value;
        u32 size;
    } wrong[] = {
        {"\x01\x04\0\0\0\0", 6}, {"\x02\0", 2},
        {"\x02\x03\0\0\0", 5},   {"\x02\x08\0\0\0\0\0\0\0\0", 10},
        {"\x03\0", 2},           {"\0\0", 2},
        {"\x04\0", 2},
    };
    for (u32 i = 0; i < array_count(wrong); i++) {
        struct writer writer = writer_over(bytes, sizeof(bytes));
        struct identifier stream = identifier_of_id(1);
        write_u32(&writer, 6 + 6 + wrong[i].size + 4);
        write_identifier(&writer, &stream);
        write_identifier(&writer, &stream);
        write_bytes(&writer, wrong[i].value, wrong[i].size);
        write_u32(&writer, 1);
        EXPECT_EQ(decode(writer.position), WIRE_INVALID_COMMAND);
    }
}

TEST(metadata_must_fill_its_length_exactly)
{
    struct send_request wanted = plain_request();
    u32 size = encode(&wanted);
    put_u32(bytes, get_u32(bytes) + 1);
    EXPECT_EQ(decode(size + 1), WIRE_INVALID_COMMAND);
    put_u32(bytes, get_u32(bytes) - 2);
    EXPECT_EQ(decode(size), WIRE_INVALID_COMMAND);
}

TEST(a_malformed_identifier_in_a_send_is_an_invalid_command_too)
{
    struct send_request wanted = plain_request();
    u32 size = encode(&wanted);
    bytes[5] = 3; /* a number of three bytes */
    EXPECT_EQ(decode(size), WIRE_INVALID_COMMAND);
}

TEST(a_key_goes_to_the_partition_that_all_clients_compute)
{
    EXPECT_EQ(partition_of_key(span_of("key-1"), 3), 1);
    EXPECT_EQ(partition_of_key(span_of("key-0"), 3), 1);
    EXPECT_EQ(partition_of_key(span_of("k-0"), 3), 2);
    EXPECT_EQ(partition_of_key(span_of("k-100"), 3), 0);
    EXPECT_EQ(partition_of_key(span_of("anything"), 1), 0);
    EXPECT_CHECK_FAILS((void)partition_of_key(span_of("key"), 0));
}

TEST(a_confirmation_is_counted_and_has_no_result_section)
{
    struct send_confirmation confirmation = {1, 2, 3, 1ull << 40};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    send_reply_encode(&confirmation, &writer);
    EXPECT_EQ(writer.position, SEND_REPLY_BYTES);
    EXPECT_EQ(get_u32(bytes), 1);
    EXPECT_EQ(get_u32(bytes + 4), 1);
    EXPECT_EQ(get_u32(bytes + 8), 2);
    EXPECT_EQ(get_u32(bytes + 12), 3);
    EXPECT_EQ(get_u64(bytes + 16), 1ull << 40);
    struct send_confirmation again;
    EXPECT_EQ(send_reply_decode((struct span){bytes, 24}, &again), OK);
    EXPECT_EQ(again.base_offset, 1ull << 40);
    EXPECT_EQ(send_reply_decode((struct span){bytes, 23}, &again), ERR_INVALID);
    EXPECT_EQ(send_reply_decode((struct span){bytes, 25}, &again), ERR_INVALID);
    EXPECT_EQ(send_reply_decode((struct span){bytes, 0}, &again), ERR_INVALID);
    put_u32(bytes, 2);
    EXPECT_EQ(send_reply_decode((struct span){bytes, 24}, &again), ERR_INVALID);
}
