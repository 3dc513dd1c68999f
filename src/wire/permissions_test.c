#include "wire/permissions.h"

#include "test.h"

static u8 bytes[512];
static struct permission_entry entries[16];

static u32 read_all(struct span block, bool *failed)
{
    struct permission_iterator iterator = permissions_iterate(block);
    u32 count = 0;
    while (count < array_count(entries) && permissions_next(&iterator, &entries[count])) {
        count++;
    }
    *failed = iterator.reader.failed;
    return count;
}

/* Stream 7 with topics 1 and 2, stream 8 without topics. */
static struct span two_streams(void)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    struct permission_writer permissions = permissions_begin(&writer, GLOBAL_READ_STREAMS);
    static const struct permission_entry wanted[] = {
        {PERMISSION_STREAM, 7, 0, STREAM_MANAGE_TOPICS},
        {PERMISSION_TOPIC, 7, 1, TOPIC_POLL_MESSAGES},
        {PERMISSION_TOPIC, 7, 2, TOPIC_SEND_MESSAGES | TOPIC_READ_TOPIC},
        {PERMISSION_STREAM, 8, 0, STREAM_SEND_MESSAGES},
    };
    for (u32 i = 0; i < array_count(wanted); i++) {
        permissions_add(&permissions, &wanted[i]);
    }
    permissions_end(&permissions);
    EXPECT(!writer.failed);
    return (struct span){bytes, writer.position};
}

TEST(a_block_without_streams_has_eleven_bytes)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    struct permission_writer permissions =
        permissions_begin(&writer, GLOBAL_MANAGE_SERVERS | GLOBAL_SEND_MESSAGES);
    permissions_end(&permissions);
    EXPECT_EQ(writer.position, 11);
    EXPECT_BYTES(bytes, "\x01\0\0\0\0\0\0\0\0\x01\0", 11);
}

TEST(a_stream_adds_twelve_bytes_and_a_topic_nine)
{
    struct span block = two_streams();
    EXPECT_EQ(block.size, 11 + 2 * 12 + 2 * 9);
    EXPECT_EQ(permissions_validate(block), WIRE_OK);
}

TEST(entries_come_out_in_the_order_they_went_in)
{
    bool failed;
    EXPECT_EQ(read_all(two_streams(), &failed), 5);
    EXPECT(!failed);
    EXPECT_EQ(entries[0].scope, PERMISSION_GLOBAL);
    EXPECT_EQ(entries[0].bits, GLOBAL_READ_STREAMS);
    EXPECT_EQ(entries[1].stream_id, 7);
    EXPECT_EQ(entries[2].scope, PERMISSION_TOPIC);
    EXPECT_EQ(entries[2].stream_id, 7);
    EXPECT_EQ(entries[3].topic_id, 2);
    EXPECT_EQ(entries[3].bits, TOPIC_SEND_MESSAGES | TOPIC_READ_TOPIC);
    EXPECT_EQ(entries[4].scope, PERMISSION_STREAM);
    EXPECT_EQ(entries[4].stream_id, 8);
}

TEST(a_block_cut_short_is_an_invalid_command)
{
    struct span block = two_streams();
    u32 whole = block.size;
    for (block.size = 0; block.size < whole; block.size++) {
        EXPECT_EQ(permissions_validate(block), WIRE_INVALID_COMMAND);
    }
}

TEST(bytes_left_over_break_the_format)
{
    struct span block = two_streams();
    block.size++;
    EXPECT_EQ(permissions_validate(block), WIRE_INVALID_FORMAT);
}

TEST(any_value_but_zero_sets_a_permission)
{
    bool failed;
    u8 block[11] = {0, 0xFF};
    EXPECT_EQ(read_all((struct span){block, sizeof(block)}, &failed), 1);
    EXPECT_EQ(entries[0].bits, GLOBAL_READ_SERVERS);
}
