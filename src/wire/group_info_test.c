#include "wire/group_info.h"

#include "test.h"

static u8 bytes[512];

TEST(a_group_is_named_by_three_identifiers)
{
    struct group_request request = {identifier_of_id(1), identifier_of_id(2),
                                    identifier_of_name(span_of("readers"))};
    struct group_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    group_request_encode(&request, &writer);
    EXPECT_EQ(group_request_decode((struct span){bytes, writer.position}, &again), WIRE_OK);
    EXPECT(identifier_equal(&again.group, &request.group));
    EXPECT_EQ(group_request_decode((struct span){bytes, 12}, &again), WIRE_INVALID_COMMAND);
}

TEST(an_empty_assignment_means_no_member_and_a_count_of_zero_a_member_without_partitions)
{
    struct group_assignment assignment = {.generation = 9};
    struct group_assignment again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    group_assignment_encode(&assignment, &writer);
    EXPECT_EQ(writer.position, 12);
    EXPECT_EQ(group_assignment_decode((struct span){bytes, 12}, &again), OK);
    EXPECT_EQ(again.generation, 9);
    EXPECT_EQ(again.partitions_count, 0);
    EXPECT_EQ(group_assignment_decode((struct span){bytes, 0}, &again), ERR_NOT_FOUND);
    EXPECT_EQ(group_assignment_decode((struct span){bytes, 11}, &again), ERR_INVALID);
}

TEST(a_count_that_the_bytes_do_not_bear_out_is_refused)
{
    struct group_assignment assignment;
    put_u64(bytes, 1);
    put_u32(bytes + 8, 0x40000001); /* times four overflows to four */
    put_u32(bytes + 12, 0);
    EXPECT_EQ(group_assignment_decode((struct span){bytes, 16}, &assignment), ERR_INVALID);
    struct reader reader = reader_over(bytes + 4, 12);
    (void)read_group_member(&reader);
    EXPECT(reader.failed);
}

TEST(members_carry_their_partitions)
{
    u8 partitions[8];
    put_u32(partitions, 4);
    put_u32(partitions + 4, 7);
    struct group_info info = {1, 8, 1, span_of("readers")};
    struct group_member member = {5, 2, partitions};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_group_info(&writer, &info);
    write_group_member(&writer, &member);
    struct reader reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_group_info(&reader).members_count, 1);
    struct group_member again = read_group_member(&reader);
    EXPECT(reader_is_done(&reader));
    EXPECT_EQ(again.id, 5);
    EXPECT_EQ(get_u32(again.partitions + 4), 7);
}

TEST(more_partitions_than_fit_fail_the_writer)
{
    struct group_member member = {5, UINT32_MAX, bytes};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_group_member(&writer, &member);
    EXPECT(writer.failed);
}
