/* The client against the server in memory: errors, logins, coming back. */
#include <poll.h>

#include "client/connection.h"
#include "test.h"

static struct lv_mock *mock;

static struct lv_client *client_of(const char *addresses, const char *password)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    options.addresses = addresses;
    options.username = "iggy";
    options.password = password;
    options.reconnect_delay_ms_min = 1;
    options.reconnect_delay_ms_max = 20;
    EXPECT_EQ(lv_client_create(&options, &client), LV_OK);
    return client;
}

static struct lv_client *start(void)
{
    EXPECT_EQ(lv_mock_create(&mock), LV_OK);
    return client_of(lv_mock_address(mock), "iggy");
}

static void stop(struct lv_client *client)
{
    lv_client_destroy(client);
    lv_mock_destroy(mock);
}

TEST(every_error_has_a_name_a_sentence_and_says_whether_to_try_again)
{
    for (int error = LV_ERROR_BUSY; error < 0; error++) {
        EXPECT(strcmp(lv_error_name(error), "UNKNOWN_ERROR") != 0);
        EXPECT(strlen(lv_error_text(error)) > 5);
    }
    EXPECT_STR(lv_error_name(LV_ERROR_STREAM_EXISTS), "STREAM_NAME_ALREADY_EXISTS");
    EXPECT_STR(lv_error_name(-99), "UNKNOWN_ERROR");
    EXPECT_STR(lv_error_name(99999), "UNKNOWN_ERROR");
    EXPECT(lv_error_may_retry(LV_ERROR_CONNECTION));
    EXPECT(lv_error_may_retry(LV_ERROR_CANNOT_APPEND));
    EXPECT(!lv_error_may_retry(LV_ERROR_UNKNOWN));
    EXPECT(!lv_error_may_retry(LV_OK));
}

TEST(options_that_do_not_fit_are_refused_before_anything_happens)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    const char *wrong[] = {"", "localhost", ":1", "a:0", "a:70000", "a:1,", NULL};
    for (u32 i = 0; i < array_count(wrong); i++) {
        options.addresses = wrong[i];
        EXPECT_EQ(lv_client_create(&options, &client), LV_ERROR_INVALID);
        EXPECT(client == NULL);
    }
    options.addresses = "127.0.0.1:1";
    options.username = "iggy"; /* without a password */
    EXPECT_EQ(lv_client_create(&options, &client), LV_ERROR_INVALID);
}

TEST(options_of_an_older_header_keep_the_defaults_of_what_they_lack)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    options.size = offsetof(struct lv_client_options, connect_timeout_ms);
    options.connect_timeout_ms = 0; /* lies beyond the size: not looked at */
    EXPECT_EQ(lv_client_create(&options, &client), LV_OK);
    lv_client_destroy(client);
}

TEST(a_login_is_good_or_refused_and_the_sentence_says_so)
{
    struct lv_client *client = start();
    EXPECT_EQ(lv_client_connect(client), LV_OK);
    EXPECT(lv_client_is_connected(client));
    EXPECT_EQ(lv_ping(client), LV_OK);
    struct lv_client *stranger = client_of(lv_mock_address(mock), "wrong");
    EXPECT_EQ(lv_client_connect(stranger), LV_ERROR_INVALID_CREDENTIALS);
    EXPECT(strstr(lv_client_failure(stranger), "42") != NULL);
    EXPECT_EQ(lv_client_run(stranger, 0), LV_ERROR_INVALID_CREDENTIALS); /* and does not hammer */
    lv_client_destroy(stranger);
    stop(client);
}

TEST(a_token_logs_in)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    EXPECT_EQ(lv_mock_create(&mock), LV_OK);
    options.addresses = lv_mock_address(mock);
    options.token = "token";
    EXPECT_EQ(lv_client_create(&options, &client), LV_OK);
    EXPECT_EQ(lv_client_connect(client), LV_OK);
    stop(client);
}

TEST(a_lost_connection_comes_back_under_the_same_id)
{
    struct lv_client *client = start();
    u64 low[2];
    u64 high[2];
    EXPECT_EQ(lv_ping(client), LV_OK);
    lv_client_id(client, &low[0], &high[0]);
    lv_mock_restart(mock);
    EXPECT_EQ(lv_ping(client), LV_OK);
    lv_client_id(client, &low[1], &high[1]);
    EXPECT_EQ(low[0], low[1]);
    EXPECT_EQ(high[0], high[1]);
    EXPECT_EQ(lv_client_connections_count(client), 2);
    stop(client);
}

TEST(a_question_is_asked_again_when_its_answer_was_lost)
{
    struct lv_client *client = start();
    lv_mock_lose(mock, 1, LV_MOCK_BEFORE, 2);
    lv_mock_lose(mock, 1, LV_MOCK_AFTER, 1);
    EXPECT_EQ(lv_ping(client), LV_OK);
    EXPECT_EQ(lv_client_connections_count(client), 4);
    stop(client);
}

TEST(the_second_address_is_tried_when_the_first_is_dead)
{
    EXPECT_EQ(lv_mock_create(&mock), LV_OK);
    char addresses[100];
    str_format(addresses, sizeof(addresses), "127.0.0.1:1,%s", lv_mock_address(mock));
    struct lv_client *client = client_of(addresses, "iggy");
    EXPECT_EQ(lv_ping(client), LV_OK);
    stop(client);
}

TEST(a_wait_ends_at_its_deadline_and_the_late_answer_confuses_nobody)
{
    struct lv_client *client = start();
    EXPECT_EQ(lv_ping(client), LV_OK);
    lv_mock_pause(mock, 1);
    lv_client_set_timeout_ms(client, 50);
    EXPECT_EQ(lv_ping(client), LV_ERROR_TIMEOUT);
    lv_client_set_timeout_ms(client, 30000);
    lv_mock_pause(mock, 0);
    EXPECT_EQ(lv_ping(client), LV_OK);
    EXPECT_EQ(lv_client_connections_count(client), 1);
    stop(client);
}

TEST(without_a_server_a_call_says_which_address_failed)
{
    struct lv_client *client = client_of("127.0.0.1:1", "iggy");
    lv_client_set_timeout_ms(client, 50);
    EXPECT_EQ(lv_ping(client), LV_ERROR_CONNECTION);
    EXPECT(strstr(lv_client_failure(client), "127.0.0.1:1") != NULL);
    lv_client_destroy(client);
}

TEST(a_loop_of_the_callers_own_needs_one_descriptor_and_one_deadline)
{
    struct lv_client *client = start();
    struct pollfd loop = {.fd = lv_client_descriptor(client), .events = POLLIN};
    EXPECT(loop.fd >= 0);
    u32 turns = 0;
    EXPECT_EQ(lv_client_run(client, 0), LV_OK);
    while (!lv_client_is_connected(client) && turns++ < 1000) {
        u32 wait_ms = lv_client_wait_ms(client);
        EXPECT(poll(&loop, 1, (int)u32_min(wait_ms, 10000)) >= 0);
        EXPECT_EQ(lv_client_run(client, 0), LV_OK);
    }
    EXPECT(lv_client_is_connected(client));
    stop(client);
}
