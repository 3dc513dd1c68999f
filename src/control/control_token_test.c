/* Tokens, as edges ask for them and log in with them. */
#include "control/control_fixture.h"
#include "control/control_parts.h"
#include "wire/token_info.h"

#define MINUTE_US (60 * US_PER_SECOND)

static struct {
    u32 user_id;
    char token[TOKEN_TEXT_BYTES + 1]; /* the last one that was made */
} asker;

static void begin(u64 seed)
{
    node_init(seed, 2);
    node_start_well();
    node_run_ms(1000);
    asker.user_id = USER_ID_ROOT;
}

static u32 ask(u32 command, struct buf *body, const struct writer *writer)
{
    EXPECT(!writer->failed);
    body->size = writer->position;
    return node_ask(0, (struct msg){.kind = MSG_COMMAND,
                                    .bufs = {body, NULL},
                                    .command = {.command = command, .user_id = asker.user_id}});
}

/* The error; on success the token is in asker.token. */
static u32 create(const char *name, u64 expiry_us)
{
    struct writer writer;
    struct buf *body = node_body(0, &writer);
    create_token_request_encode(
        &(struct create_token_request){.name = span_of(name), .expiry_us = expiry_us}, &writer);
    u32 error = node_wait(ask(COMMAND_CREATE_TOKEN, body, &writer))->error;
    if (error == WIRE_OK) {
        EXPECT_EQ(node.reply_body[0], TOKEN_TEXT_BYTES);
        memcpy(asker.token, node.reply_body + 1, TOKEN_TEXT_BYTES);
    }
    return error;
}

static u32 delete (const char *name)
{
    struct writer writer;
    struct buf *body = node_body(0, &writer);
    delete_token_request_encode(span_of(name), &writer);
    return node_wait(ask(COMMAND_DELETE_TOKEN, body, &writer))->error;
}

static struct buf *token_frame(u32 from, u64 client, struct span token)
{
    struct buf *buf = node_register_frame(from, client, PROTOCOL_VERSION, "iggy", "iggy");
    struct writer writer = writer_over(buf->data + FRAME_HEADER_BYTES, 1024);
    struct login_prefix prefix = {.version = PROTOCOL_VERSION,
                                  .sdk_name = span_of("rust-sdk"),
                                  .sdk_version = span_of("0.11.0")};
    login_prefix_encode(&prefix, &writer);
    login_token_encode(&(struct login_token){.token = token}, &writer);
    struct request_header header = {.client = {client, 9},
                                    .size = FRAME_HEADER_BYTES + writer.position,
                                    .operation = OP_REGISTER};
    request_header_encode(&header, buf->data);
    buf->size = header.size;
    return buf;
}

static const struct msg *log_in(const char *token, u64 client)
{
    u32 home = 0;
    struct sim_conn *conn;
    u32 number = node_connect(&home, &conn);
    return node_wait(node_login_frame(home, number, token_frame(home, client, span_of(token))));
}

static void create_user(const char *name)
{
    struct writer writer;
    struct buf *body = node_body(0, &writer);
    create_user_request_encode(&(struct create_user_request){.username = span_of(name),
                                                             .password = span_of("secret"),
                                                             .status = USER_ACTIVE},
                               &writer);
    EXPECT_EQ(node_wait(ask(COMMAND_CREATE_USER, body, &writer))->error, WIRE_OK);
}

static void update_user(const char *name, u8 status)
{
    struct writer writer;
    struct buf *body = node_body(0, &writer);
    update_user_request_encode(
        &(struct update_user_request){
            .user = identifier_of_name(span_of(name)), .has_status = true, .status = status},
        &writer);
    EXPECT_EQ(node_wait(ask(COMMAND_UPDATE_USER, body, &writer))->error, WIRE_OK);
}

TEST(a_token_logs_its_owner_in_and_is_kept_as_a_hash)
{
    begin(1);
    create_user("alice");
    asker.user_id = 1;
    EXPECT_EQ(create("laptop", 0), WIRE_OK);
    const struct msg *reply = log_in(asker.token, 7);
    EXPECT_EQ(reply->error, WIRE_OK);
    EXPECT_EQ(reply->logged_in.user_id, 1);
    EXPECT(reply->logged_in.session != 0);
    const struct state_token *token =
        state_token_named(node.cores[1].core.state, 1, span_of("laptop"));
    EXPECT(token != NULL);
    EXPECT(memcmp(token->hash, asker.token, sizeof(token->hash)) != 0);
    EXPECT_EQ(token->expires_at_us, UINT64_MAX);
    node_deinit();
}

TEST(tokens_differ_and_any_other_text_is_none)
{
    begin(2);
    EXPECT_EQ(create("one", 0), WIRE_OK);
    char one[TOKEN_TEXT_BYTES + 1];
    memcpy(one, asker.token, sizeof(one));
    EXPECT_EQ(create("two", 0), WIRE_OK);
    EXPECT(strcmp(one, asker.token) != 0);
    one[5] = one[5] == 'A' ? 'B' : 'A';
    EXPECT_EQ(log_in(one, 7)->logged_in.eviction, EVICTION_INVALID_TOKEN);
    EXPECT_EQ(log_in("x", 8)->logged_in.eviction, EVICTION_INVALID_TOKEN);
    node_deinit();
}

TEST(names_limits_and_expiries_are_judged_in_their_order)
{
    begin(3);
    EXPECT_EQ(create("ab", 0), WIRE_INVALID_TOKEN_NAME);
    EXPECT_EQ(create("abcdefghijabcdefghijabcdefghijk", 0), WIRE_INVALID_TOKEN_NAME);
    EXPECT_EQ(create("one", UINT64_MAX - 1), WIRE_INVALID_TOKEN_EXPIRY);
    EXPECT_EQ(create("one", UINT64_MAX), WIRE_OK);
    EXPECT_EQ(create("one", 0), WIRE_TOKEN_ALREADY_EXISTS);
    EXPECT_EQ(create("two", MINUTE_US), WIRE_OK);
    EXPECT_EQ(create("three", 0), WIRE_OK);
    EXPECT_EQ(create("four", 0), WIRE_TOKENS_LIMIT_REACHED);
    EXPECT_EQ(delete ("two"), WIRE_OK);
    EXPECT_EQ(delete ("two"), WIRE_RESOURCE_NOT_FOUND);
    EXPECT_EQ(create("four", 0), WIRE_OK);
    node_deinit();
}

TEST(a_token_that_was_deleted_logs_nobody_in)
{
    begin(4);
    EXPECT_EQ(create("one", 0), WIRE_OK);
    EXPECT_EQ(delete ("one"), WIRE_OK);
    EXPECT_EQ(log_in(asker.token, 7)->logged_in.eviction, EVICTION_INVALID_TOKEN);
    node_deinit();
}

TEST(the_token_of_an_inactive_user_says_so)
{
    begin(5);
    create_user("alice");
    asker.user_id = 1;
    EXPECT_EQ(create("one", 0), WIRE_OK);
    asker.user_id = USER_ID_ROOT;
    update_user("alice", USER_INACTIVE);
    EXPECT_EQ(log_in(asker.token, 7)->logged_in.eviction, EVICTION_USER_INACTIVE);
    update_user("alice", USER_ACTIVE);
    EXPECT_EQ(log_in(asker.token, 8)->logged_in.user_id, 1);
    node_deinit();
}

TEST(an_expired_token_is_refused_at_once_and_gone_a_while_later)
{
    begin(6);
    EXPECT_EQ(create("short", US_PER_SECOND), WIRE_OK);
    EXPECT(log_in(asker.token, 7)->logged_in.session != 0);
    EXPECT_EQ(create("long", 3600 * US_PER_SECOND), WIRE_OK);
    EXPECT_EQ(create("short too", US_PER_SECOND), WIRE_OK);
    node_sleep_ms(1500);
    EXPECT_EQ(log_in(asker.token, 8)->logged_in.eviction, EVICTION_INVALID_TOKEN);
    EXPECT_EQ(state_tokens_count(node.cores[1].core.state), 3);
    node_sleep_ms(61000);
    EXPECT_EQ(state_tokens_count(node.cores[1].core.state), 1);
    EXPECT(state_token_named(node.cores[1].core.state, 0, span_of("long")) != NULL);
    EXPECT_EQ(create("short", 0), WIRE_OK);
    node_deinit();
}

TEST(tokens_are_there_after_a_crash_and_still_expire)
{
    static const struct sim_crash_odds crash_old = {.sector_old = 100, .size_kept = 50};
    begin(7);
    EXPECT_EQ(create("stays", 0), WIRE_OK);
    char stays[TOKEN_TEXT_BYTES + 1];
    memcpy(stays, asker.token, sizeof(stays));
    EXPECT_EQ(create("goes", US_PER_SECOND), WIRE_OK);
    node_crash(&crash_old);
    node_start_well();
    EXPECT_EQ(log_in(stays, 7)->logged_in.eviction, 0);
    EXPECT_EQ(state_tokens_count(node.cores[1].core.state), 2);
    node_sleep_ms(62000);
    EXPECT_EQ(state_tokens_count(node.cores[1].core.state), 1);
    node_deinit();
}
