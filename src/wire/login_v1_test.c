#include "wire/login_v1.h"

#include "test.h"

TEST(a_login_reads_as_the_golden_one)
{
    static const u8 golden[] = {4, 'i', 'g', 'g', 'y', 4,   'i', 'g', 'g', 'y', 5, 0,
                                0, 0,   '0', '.', '8', '.', '0', 0,   0,   0,   0};
    struct login_user_v1 login;
    u8 again[64];
    EXPECT_EQ(login_user_v1_decode((struct span){golden, sizeof(golden)}, &login), WIRE_OK);
    EXPECT(span_equal(login.username, span_of("iggy")));
    EXPECT(span_equal(login.password, span_of("iggy")));
    EXPECT(span_equal(login.version, span_of("0.8.0")));
    EXPECT_EQ(login.context.size, 0);
    struct writer writer = writer_over(again, sizeof(again));
    login_user_v1_encode(&login, &writer);
    EXPECT_EQ(writer.position, sizeof(golden));
    EXPECT_BYTES(again, golden, sizeof(golden));
}

TEST(version_and_context_may_be_empty_but_not_missing)
{
    static const u8 body[] = {1, 'u', 1, 'p', 0, 0, 0, 0, 0, 0, 0, 0};
    struct login_user_v1 login;
    EXPECT_EQ(login_user_v1_decode((struct span){body, 12}, &login), WIRE_OK);
    for (u32 size = 0; size < 12; size++) {
        EXPECT_EQ(login_user_v1_decode((struct span){body, size}, &login), WIRE_INVALID_COMMAND);
    }
}

TEST(an_empty_user_name_breaks_the_layout_and_an_empty_password_does_not)
{
    static const u8 nameless[] = {0, 1, 'p', 0, 0, 0, 0, 0, 0, 0, 0};
    static const u8 open[] = {1, 'u', 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct login_user_v1 login;
    EXPECT_EQ(login_user_v1_decode((struct span){nameless, sizeof(nameless)}, &login),
              WIRE_INVALID_FORMAT);
    EXPECT_EQ(login_user_v1_decode((struct span){open, sizeof(open)}, &login), WIRE_OK);
    EXPECT_EQ(login.password.size, 0);
}

TEST(a_token_is_a_name_and_what_follows_is_ignored)
{
    static const u8 body[] = {3, 't', 'o', 'k', 9, 9};
    struct login_token_v1 login;
    EXPECT_EQ(login_token_v1_decode((struct span){body, sizeof(body)}, &login), WIRE_OK);
    EXPECT(span_equal(login.token, span_of("tok")));
    EXPECT_EQ(login_token_v1_decode((struct span){body, 3}, &login), WIRE_INVALID_COMMAND);
}
