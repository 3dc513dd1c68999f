#include "wire/client_info.h"

#include "test.h"

static u8 bytes[256];

TEST(a_connection_without_a_login_has_no_user)
{
    struct client_info info = {7, CLIENT_USER_NONE, TRANSPORT_TCP, span_of("127.0.0.1:5000"), 0};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_client_info(&writer, &info);
    EXPECT_EQ(get_u32(bytes + 4), UINT32_MAX);
    EXPECT_EQ(bytes[8], 1);
    EXPECT_EQ(get_u32(bytes + 9), 14);
    EXPECT_EQ(writer.position, 9 + 4 + 14 + 4);
}

TEST(details_name_the_groups_behind_the_record)
{
    struct client_info info = {7, 0, TRANSPORT_TCP, span_of("[::1]:1"), 2};
    struct client_group groups[] = {{1, 2, 3}, {4, 5, 6}};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_client_info(&writer, &info);
    write_client_group(&writer, &groups[0]);
    write_client_group(&writer, &groups[1]);
    struct reader reader = reader_over(bytes, writer.position);
    struct client_info again = read_client_info(&reader);
    EXPECT_EQ(again.groups_count, 2);
    EXPECT(span_equal(again.address, span_of("[::1]:1")));
    (void)read_client_group(&reader);
    EXPECT_EQ(read_client_group(&reader).group_id, 6);
    EXPECT(reader_is_done(&reader));
}

TEST(a_client_is_asked_for_by_its_number)
{
    u32 client_id = 0;
    EXPECT_EQ(get_client_request_decode((struct span){(const u8 *)"\x05\0\0\0", 4}, &client_id),
              WIRE_OK);
    EXPECT_EQ(client_id, 5);
    EXPECT_EQ(get_client_request_decode((struct span){(const u8 *)"\x05\0\0", 3}, &client_id),
              WIRE_INVALID_COMMAND);
}
