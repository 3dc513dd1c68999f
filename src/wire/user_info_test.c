#include "wire/user_info.h"

#include "wire/options.h"

#include "test.h"

static u8 bytes[512];

/* No global bit, no streams. */
static const u8 no_rights[11];

TEST(a_user_is_created_with_or_without_permissions)
{
    struct create_user_request request = {.username = span_of("user"),
                                          .password = span_of("secret"),
                                          .status = USER_ACTIVE,
                                          .has_permissions = true,
                                          .permissions = {no_rights, sizeof(no_rights)}};
    struct create_user_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_user_request_encode(&request, &writer);
    EXPECT_EQ(create_user_request_decode((struct span){bytes, writer.position}, &again), WIRE_OK);
    EXPECT(again.has_permissions);
    EXPECT_EQ(again.permissions.size, 11);

    EXPECT_EQ(create_user_request_decode((struct span){(const u8 *)"\x01u\x01p\x01\0", 6}, &again),
              WIRE_OK);
    EXPECT(!again.has_permissions);
}

TEST(the_length_of_permissions_must_be_that_of_their_entries)
{
    struct create_user_request request = {.username = span_of("user"),
                                          .password = span_of("secret"),
                                          .status = USER_ACTIVE,
                                          .has_permissions = true,
                                          .permissions = {no_rights, 10}};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_user_request_encode(&request, &writer);
    EXPECT_EQ(create_user_request_decode((struct span){bytes, writer.position}, &request),
              WIRE_INVALID_FORMAT);
}

TEST(a_status_is_active_or_inactive)
{
    struct create_user_request request;
    u8 body[] = {1, 'u', 1, 'p', 2, 0};
    EXPECT_EQ(create_user_request_decode((struct span){body, 6}, &request), WIRE_OK);
    EXPECT_EQ(request.status, USER_INACTIVE);
    body[4] = 3;
    EXPECT_EQ(create_user_request_decode((struct span){body, 6}, &request), WIRE_INVALID_COMMAND);
}

TEST(a_user_has_no_options)
{
    struct update_user_request request = {.user = identifier_of_id(1)};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    update_user_request_encode(&request, &writer);
    EXPECT_EQ(writer.position, 8);
    EXPECT_EQ(update_user_request_decode((struct span){bytes, 8}, &request), WIRE_OK);
    write_option_bool(&writer, "key", false);
    EXPECT_EQ(update_user_request_decode((struct span){bytes, writer.position}, &request),
              WIRE_UNSUPPORTED_OPTION_KEY);
}

TEST(an_update_carries_what_its_flags_say)
{
    struct update_user_request request = {.user = identifier_of_name(span_of("old")),
                                          .has_username = true,
                                          .username = span_of("new"),
                                          .has_status = true,
                                          .status = USER_INACTIVE};
    struct update_user_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    update_user_request_encode(&request, &writer);
    EXPECT_EQ(update_user_request_decode((struct span){bytes, writer.position}, &again), WIRE_OK);
    EXPECT(span_equal(again.username, span_of("new")));
    EXPECT_EQ(again.status, USER_INACTIVE);
}

TEST(a_password_changes_from_one_to_another)
{
    struct change_password_request request = {identifier_of_id(0), span_of("current"),
                                              span_of("next")};
    struct change_password_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    change_password_request_encode(&request, &writer);
    EXPECT_EQ(change_password_request_decode((struct span){bytes, writer.position}, &again),
              WIRE_OK);
    EXPECT(span_equal(again.current, span_of("current")));
    EXPECT(span_equal(again.new, span_of("next")));
}

TEST(a_user_without_permissions_ends_in_four_zero_bytes)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_user_permissions(&writer, false, span_of(""));
    EXPECT_EQ(writer.position, 4);
    EXPECT_BYTES(bytes, "\0\0\0\0", 4);
    struct reader reader = reader_over(bytes, 4);
    bool has_permissions = true;
    (void)read_user_permissions(&reader, &has_permissions);
    EXPECT(!has_permissions);
    EXPECT(reader_is_done(&reader));

    writer = writer_over(bytes, sizeof(bytes));
    write_user_permissions(&writer, true, (struct span){no_rights, sizeof(no_rights)});
    EXPECT_EQ(writer.position, 1 + 4 + 11);
}

TEST(a_user_header_ends_in_empty_options)
{
    struct user_info info = {3, 1, USER_ACTIVE, span_of("iggy")};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_user_info(&writer, &info);
    EXPECT_EQ(writer.position, 4 + 8 + 1 + 5 + 4);
    struct reader reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_user_info(&reader).id, 3);
    EXPECT(reader_is_done(&reader));
}
