/* Single calls against the server in memory, and what rows make of answers. */
#include "client/lv_calls.h"
#include "test.h"
#include "wire/user_info.h"

static struct lv_mock *mock;
static struct lv_client *client;
static struct lv_result *result;

static void start(void)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    EXPECT_EQ(lv_mock_create(&mock), LV_OK);
    options.addresses = lv_mock_address(mock);
    options.username = "iggy";
    options.password = "iggy";
    EXPECT_EQ(lv_client_create(&options, &client), LV_OK);
    result = lv_result_create();
}

static void stop(void)
{
    lv_result_destroy(result);
    lv_client_destroy(client);
    lv_mock_destroy(mock);
}

static void expect_name(const char *name)
{
    size_t size = 0;
    EXPECT_STR(lv_result_text(result, LV_FIELD_NAME, &size), name);
    EXPECT_EQ(size, strlen(name));
}

TEST(a_stream_and_its_topics_come_as_rows)
{
    start();
    EXPECT_EQ(lv_stream(client, "s", result), LV_ERROR_NOT_FOUND);
    EXPECT_EQ(lv_stream_create(client, "s", NULL), LV_OK);
    EXPECT_EQ(lv_stream_create(client, "s", NULL), LV_ERROR_STREAM_EXISTS);
    EXPECT(strstr(lv_client_failure(client), "1012") != NULL);
    struct lv_topic_options options = LV_TOPIC_OPTIONS_INIT;
    options.partitions = 3;
    EXPECT_EQ(lv_topic_create(client, "s", "t", &options, result), LV_OK);
    EXPECT_EQ(lv_result_next(result), LV_ROW_TOPIC);
    expect_name("t");
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(lv_result_next(result), LV_ROW_PARTITION);
        EXPECT_EQ(lv_result_number(result, LV_FIELD_ID), i);
    }
    EXPECT_EQ(lv_result_next(result), LV_ROW_NONE);
    EXPECT_EQ(lv_stream(client, "s", result), LV_OK);
    EXPECT_EQ(lv_result_next(result), LV_ROW_STREAM);
    EXPECT_EQ(lv_result_number(result, LV_FIELD_TOPICS_COUNT), 1);
    expect_name("s");
    EXPECT_EQ(lv_result_next(result), LV_ROW_TOPIC);
    expect_name("t");
    EXPECT_EQ(lv_result_next(result), LV_ROW_NONE);
    EXPECT_EQ(lv_result_next(result), LV_ROW_NONE);
    EXPECT_EQ(lv_stream_delete(client, "s"), LV_OK);
    stop();
}

TEST(names_that_no_frame_can_carry_are_refused_here)
{
    start();
    char name[300];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    EXPECT_EQ(lv_stream_create(client, "", NULL), LV_ERROR_INVALID);
    EXPECT_EQ(lv_stream_create(client, name, NULL), LV_ERROR_INVALID);
    EXPECT_EQ(lv_topic_delete(client, "s", name), LV_ERROR_INVALID);
    EXPECT_EQ(lv_group_join(client, "s", "t", NULL), LV_ERROR_INVALID);
    EXPECT_EQ(lv_mock_requests_count(mock, 0), 0);
    stop();
}

TEST(permissions_have_the_same_bits_everywhere)
{
    start();
    struct lv_permissions *permissions = lv_permissions_create(LV_MAY_READ_SERVERS);
    u8 body[512];
    struct writer writer = writer_over(body, sizeof(body));
    struct permission_writer entries = permissions_begin(&writer, GLOBAL_READ_SERVERS);
    permissions_add(&entries,
                    &(struct permission_entry){PERMISSION_STREAM, 7, 0, STREAM_POLL_MESSAGES});
    permissions_add(&entries,
                    &(struct permission_entry){PERMISSION_TOPIC, 7, 9, TOPIC_SEND_MESSAGES});
    permissions_end(&entries);
    struct span block = {body, writer.position};
    u8 reply[1024];
    struct writer answer = writer_over(reply, sizeof(reply));
    write_user_info(&answer, &(struct user_info){.id = 5, .status = 1, .username = span_of("u")});
    write_user_permissions(&answer, true, block);
    result_fill(result, COMMAND_GET_USER, (struct span){reply, answer.position});
    EXPECT_EQ(lv_result_next(result), LV_ROW_USER);
    expect_name("u");
    EXPECT_EQ(lv_result_next(result), LV_ROW_PERMISSION);
    EXPECT_EQ(lv_result_number(result, LV_FIELD_BITS), LV_MAY_READ_SERVERS);
    EXPECT_EQ(lv_result_number(result, LV_FIELD_STREAM_ID), UINT32_MAX);
    EXPECT_EQ(lv_result_next(result), LV_ROW_PERMISSION);
    EXPECT_EQ(lv_result_number(result, LV_FIELD_BITS), LV_MAY_POLL);
    EXPECT_EQ(lv_result_number(result, LV_FIELD_STREAM_ID), 7);
    EXPECT_EQ(lv_result_next(result), LV_ROW_PERMISSION);
    EXPECT_EQ(lv_result_number(result, LV_FIELD_BITS), LV_MAY_SEND);
    EXPECT_EQ(lv_result_number(result, LV_FIELD_TOPIC_ID), 9);
    EXPECT_EQ(lv_result_next(result), LV_ROW_NONE);
    EXPECT(!lv_result_is_broken(result));
    EXPECT_EQ(lv_permissions_add_topic(permissions, 1, LV_MAY_SEND), LV_ERROR_INVALID);
    lv_permissions_destroy(permissions);
    stop();
}

TEST(an_answer_that_breaks_off_is_broken_and_ends)
{
    start();
    u8 bytes[10] = {0};
    result_fill(result, COMMAND_GET_STREAMS, (struct span){bytes, sizeof(bytes)});
    EXPECT_EQ(lv_result_next(result), LV_ROW_NONE);
    EXPECT(lv_result_is_broken(result));
    EXPECT_EQ(lv_result_next(result), LV_ROW_NONE);
    stop();
}

TEST(a_command_of_the_protocol_can_be_called_by_its_code)
{
    start();
    size_t size = 9;
    EXPECT_EQ(lv_call(client, 1, NULL, 0, result), LV_OK);
    EXPECT_EQ(lv_call(client, 40, NULL, 0, result), LV_ERROR_INVALID); /* logins are not for this */
    EXPECT_EQ(lv_call(client, 4711, NULL, 0, result), LV_ERROR_INVALID);
    EXPECT_EQ(lv_stream_create(client, "s", NULL), LV_OK);
    EXPECT_EQ(lv_call(client, 201, NULL, 0, result), LV_OK);
    EXPECT_EQ(lv_result_next(result), LV_ROW_BYTES);
    EXPECT(lv_result_text(result, LV_FIELD_BYTES, &size) != NULL);
    EXPECT(size > 30);
    EXPECT_EQ(lv_result_next(result), LV_ROW_NONE);
    stop();
}
