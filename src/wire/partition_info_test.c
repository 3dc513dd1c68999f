#include "wire/partition_info.h"

#include "test.h"

static u8 bytes[256];

static enum wire_error decode_count(u32 count)
{
    struct partitions_request request = {identifier_of_id(1), identifier_of_id(2), count};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    partitions_request_encode(&request, &writer);
    return partitions_request_decode((struct span){bytes, writer.position}, &request);
}

TEST(one_to_a_thousand_partitions_are_created_or_deleted_at_once)
{
    EXPECT_EQ(decode_count(0), WIRE_TOO_MANY_PARTITIONS);
    EXPECT_EQ(decode_count(1), WIRE_OK);
    EXPECT_EQ(decode_count(1000), WIRE_OK);
    EXPECT_EQ(decode_count(1001), WIRE_TOO_MANY_PARTITIONS);
}

TEST(a_request_cut_short_is_an_invalid_command_whatever_its_count)
{
    struct partitions_request request = {0};
    EXPECT_EQ(decode_count(0), WIRE_TOO_MANY_PARTITIONS);
    EXPECT_EQ(partitions_request_decode((struct span){bytes, 15}, &request), WIRE_INVALID_COMMAND);
}

TEST(segments_are_deleted_by_partition_and_number)
{
    struct delete_segments_request request = {identifier_of_id(1), identifier_of_id(2), 3, 4};
    struct delete_segments_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    delete_segments_request_encode(&request, &writer);
    EXPECT_EQ(delete_segments_request_decode((struct span){bytes, writer.position}, &again),
              WIRE_OK);
    EXPECT_EQ(again.partition_id, 3);
    EXPECT_EQ(again.count, 4);
    EXPECT_EQ(delete_segments_request_decode((struct span){bytes, writer.position - 1}, &again),
              WIRE_INVALID_COMMAND);
}

TEST(a_partition_takes_forty_bytes)
{
    struct partition_info info = {1, 2, 3, 4, 5, 6};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_partition_info(&writer, &info);
    EXPECT_EQ(writer.position, PARTITION_INFO_BYTES);
    EXPECT_EQ(get_u32(bytes + 12), 3);
    EXPECT_EQ(get_u64(bytes + 16), 4);
    EXPECT_EQ(get_u64(bytes + 32), 6);
    struct reader reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_partition_info(&reader).messages_count, 6);
    EXPECT(reader_is_done(&reader));
}
