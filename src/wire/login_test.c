#include "wire/login.h"

#include "test.h"

static u8 bytes[1024];

/* The body of a login; `password` NULL makes it one by token. */
static struct span login_body(u32 version, const char *name, const char *password,
                              const char *context)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    struct login_prefix prefix = {version, span_of("rust-sdk"), span_of("0.11.0"), 0};
    login_prefix_encode(&prefix, &writer);
    if (password == NULL) {
        struct login_token token = {span_of(name), span_of(context)};
        login_token_encode(&token, &writer);
    } else {
        struct login_password login = {span_of(name), span_of(password), span_of(context)};
        login_password_encode(&login, &writer);
    }
    EXPECT(!writer.failed);
    return (struct span){bytes, writer.position};
}

TEST(a_version_is_packed_into_ten_bits_each)
{
    EXPECT_EQ(PROTOCOL_VERSION, 11264);
    EXPECT_EQ(PROTOCOL_VERSION_PACK(0u, 12u, 2u), 0x3002);
}

TEST(any_patch_of_0_11_is_accepted_and_nothing_else)
{
    EXPECT(login_version_is_accepted(PROTOCOL_VERSION));
    EXPECT(login_version_is_accepted(PROTOCOL_VERSION_PACK(0u, 11u, 1023u)));
    EXPECT(!login_version_is_accepted(PROTOCOL_VERSION_PACK(0u, 12u, 0u)));
    EXPECT(!login_version_is_accepted(PROTOCOL_VERSION_PACK(0u, 10u, 1023u)));
    EXPECT(!login_version_is_accepted(PROTOCOL_VERSION_PACK(1u, 11u, 0u)));
    EXPECT(!login_version_is_accepted(0));
    EXPECT(!login_version_is_accepted(UINT32_MAX));
}

TEST(the_prefix_stands_in_front_of_both_shapes)
{
    struct login_prefix prefix;
    struct span body = login_body(PROTOCOL_VERSION, "iggy", "iggy", "");
    EXPECT(login_prefix_decode(body, &prefix));
    EXPECT_EQ(prefix.version, PROTOCOL_VERSION);
    EXPECT(span_equal(prefix.sdk_name, span_of("rust-sdk")));
    EXPECT(span_equal(prefix.sdk_version, span_of("0.11.0")));
    EXPECT_EQ(prefix.credentials_position, 4 + 9 + 7);
}

TEST(a_prefix_cut_short_or_with_an_empty_name_is_malformed)
{
    struct login_prefix prefix;
    struct span body = login_body(PROTOCOL_VERSION, "iggy", "iggy", "");
    for (u32 size = 0; size < 20; size++) {
        EXPECT(!login_prefix_decode((struct span){body.data, size}, &prefix));
    }
    EXPECT(login_prefix_decode((struct span){body.data, 20}, &prefix));
    bytes[4] = 0;
    EXPECT(!login_prefix_decode(body, &prefix));
}

TEST(a_password_login_has_the_password_shape)
{
    struct login_prefix prefix;
    struct login_password login;
    struct span body = login_body(PROTOCOL_VERSION, "iggy", "secret", "context");
    EXPECT(login_prefix_decode(body, &prefix));
    EXPECT(login_password_decode(body, &prefix, &login));
    EXPECT(span_equal(login.username, span_of("iggy")));
    EXPECT(span_equal(login.password, span_of("secret")));
    EXPECT(span_equal(login.context, span_of("context")));
}

TEST(a_token_login_without_a_context_never_has_the_password_shape)
{
    struct login_prefix prefix;
    struct login_password password;
    struct login_token token;
    struct span body = login_body(PROTOCOL_VERSION, "tok123", NULL, "");
    EXPECT(login_prefix_decode(body, &prefix));
    EXPECT(!login_password_decode(body, &prefix, &password));
    EXPECT(login_token_decode(body, &prefix, &token));
    EXPECT(span_equal(token.token, span_of("tok123")));
}

TEST(an_empty_password_is_a_shape_and_for_the_login_to_refuse)
{
    struct login_prefix prefix;
    struct login_password login;
    struct span body = login_body(PROTOCOL_VERSION, "iggy", "", "");
    EXPECT(login_prefix_decode(body, &prefix));
    EXPECT(login_password_decode(body, &prefix, &login));
    EXPECT_EQ(login.password.size, 0);
}

TEST(a_body_of_neither_shape_is_neither)
{
    struct login_prefix prefix;
    struct login_password password;
    struct login_token token;
    struct span body = login_body(PROTOCOL_VERSION, "iggy", "iggy", "");
    EXPECT(login_prefix_decode(body, &prefix));
    body.size = prefix.credentials_position + 3;
    EXPECT(!login_password_decode(body, &prefix, &password));
    EXPECT(!login_token_decode(body, &prefix, &token));
}

TEST(bytes_after_the_context_are_ignored)
{
    struct login_prefix prefix;
    struct login_password login;
    struct span body = login_body(PROTOCOL_VERSION, "iggy", "iggy", "");
    EXPECT(login_prefix_decode(body, &prefix));
    body.size += 5;
    EXPECT(login_password_decode(body, &prefix, &login));
}

TEST(the_reply_begins_with_a_result_section)
{
    struct login_reply reply = {3, 1ull << 32 | 9, PROTOCOL_VERSION, span_of("0.1.0")};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    login_reply_encode(&reply, &writer);
    EXPECT_EQ(get_u32(bytes), 0);
    EXPECT_EQ(get_u32(bytes + 4), 3);
    EXPECT_EQ(get_u64(bytes + 8), 1ull << 32 | 9);
    EXPECT_EQ(get_u32(bytes + 16), PROTOCOL_VERSION);
    EXPECT_EQ(writer.position, 20 + 6);

    struct login_reply again;
    u32 error = 77;
    EXPECT_EQ(login_reply_decode((struct span){bytes, writer.position}, &again, &error), OK);
    EXPECT_EQ(error, 0);
    EXPECT_EQ(again.session, reply.session);
}

TEST(a_session_that_clients_refuse_is_never_sent)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    struct login_reply reply = {0, 0, PROTOCOL_VERSION, span_of("0.1.0")};
    EXPECT_CHECK_FAILS(login_reply_encode(&reply, &writer));
    reply.session = 1ull << 63;
    EXPECT_CHECK_FAILS(login_reply_encode(&reply, &writer));
    reply.session = 1;
    reply.server_version = span_of("");
    EXPECT_CHECK_FAILS(login_reply_encode(&reply, &writer));
}

TEST(a_login_rejected_by_result_section_gives_the_error)
{
    struct login_reply reply;
    u32 error = 0;
    struct span body = {(const u8 *)"\x01\0\0\0\0\0\0\0\x2a\0\0\0", 12};
    EXPECT_EQ(login_reply_decode(body, &reply, &error), OK);
    EXPECT_EQ(error, 42);
    body.size = 0;
    EXPECT_EQ(login_reply_decode(body, &reply, &error), ERR_INVALID);
}
