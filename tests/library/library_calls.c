/* Every call of one question and one answer, against a real server: makes, looks, changes, deletes.
 *
 *     library_calls ADDRESS
 *
 * Says `N calls as expected`, or which was not. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "levriero.h"

static struct lv_client *client;
static struct lv_result *result;
static unsigned calls;
static unsigned failures;

static void judge(int is, int wanted, const char *call)
{
    calls++;
    if (is != wanted) {
        failures++;
        (void)printf("%s gives %s, expected %s: %s\n", call, lv_error_name(is),
                     lv_error_name(wanted), lv_client_failure(client));
    }
}

#define EXPECT_CALL(call, wanted) judge((call), (wanted), #call)

static void judge_row(int row, const char *text)
{
    calls++;
    int is = lv_result_next(result);
    if (is != row) {
        failures++;
        (void)printf("row %d where %s was expected%s\n", is, text,
                     lv_result_is_broken(result) ? ", broken" : "");
    }
}

#define EXPECT_ROW(row) judge_row((row), #row)

static void judge_number(uint64_t is, uint64_t wanted, const char *text)
{
    calls++;
    if (is != wanted) {
        failures++;
        (void)printf("%s is %llu, expected %llu\n", text, (unsigned long long)is,
                     (unsigned long long)wanted);
    }
}

#define EXPECT_NUMBER(is, wanted) judge_number((is), (wanted), #is)

static void use_streams_and_topics(void)
{
    struct lv_topic_options options = LV_TOPIC_OPTIONS_INIT;
    EXPECT_CALL(lv_stream_create(client, "s", result), LV_OK);
    EXPECT_ROW(LV_ROW_STREAM);
    EXPECT_CALL(lv_stream_create(client, "s", NULL), LV_ERROR_STREAM_EXISTS);
    EXPECT_CALL(lv_stream_rename(client, "s", "calls"), LV_OK);
    EXPECT_CALL(lv_stream(client, "s", result), LV_ERROR_NOT_FOUND);
    EXPECT_CALL(lv_streams(client, result), LV_OK);
    options.partitions = 2;
    options.segment_bytes = 2 << 20;
    options.persisted = 1;
    options.message_expiry_us = 3600000000ull;
    EXPECT_CALL(lv_topic_create(client, "calls", "t", &options, result), LV_OK);
    EXPECT_ROW(LV_ROW_TOPIC);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_MESSAGE_EXPIRY_US), 3600000000ull);
    EXPECT_ROW(LV_ROW_PARTITION);
    EXPECT_ROW(LV_ROW_PARTITION);
    EXPECT_ROW(LV_ROW_NONE);
    options.message_expiry_us = 7200000000ull;
    EXPECT_CALL(lv_topic_update(client, "calls", "t", "topic", &options), LV_OK);
    EXPECT_CALL(lv_partitions_add(client, "calls", "topic", 2), LV_OK);
    EXPECT_CALL(lv_partitions_remove(client, "calls", "topic", 1), LV_OK);
    EXPECT_CALL(lv_topic(client, "calls", "topic", result), LV_OK);
    EXPECT_ROW(LV_ROW_TOPIC);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_PARTITIONS_COUNT), 3);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_MESSAGE_EXPIRY_US), 7200000000ull);
    EXPECT_CALL(lv_topics(client, "calls", result), LV_OK);
    EXPECT_ROW(LV_ROW_TOPIC);
    EXPECT_ROW(LV_ROW_NONE);
    EXPECT_CALL(lv_segments_delete(client, "calls", "topic", 0, 1), LV_OK);
    EXPECT_CALL(lv_segments_delete(client, "calls", "topic", 9, 1), LV_ERROR_PARTITION_NOT_FOUND);
}

static void send_ten(void)
{
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct lv_producer *producer = NULL;
    options.stream = "calls";
    options.topic = "topic";
    EXPECT_CALL(lv_producer_open(client, &options, &producer), LV_OK);
    for (unsigned i = 0; producer != NULL && i < 10; i++) {
        struct lv_record record = LV_RECORD_INIT;
        record.payload = &"0123456789"[i];
        record.payload_size = 1;
        record.partition = 0;
        EXPECT_CALL(lv_producer_send(producer, &record), LV_OK);
    }
    if (producer != NULL) {
        EXPECT_CALL(lv_producer_flush(producer, 30000), LV_OK);
    }
    lv_producer_close(producer);
}

static void use_messages_and_offsets(void)
{
    struct lv_place place = LV_PLACE_INIT;
    struct lv_poll_options poll = LV_POLL_OPTIONS_INIT;
    send_ten();
    place.stream = "calls";
    place.topic = "topic";
    place.consumer = "reader";
    EXPECT_CALL(lv_offset(client, &place, result), LV_ERROR_NOT_FOUND);
    EXPECT_CALL(lv_offset_delete(client, &place), LV_ERROR_OFFSET_NOT_FOUND);
    EXPECT_CALL(lv_offset_store(client, &place, 99), LV_ERROR_INVALID_OFFSET);
    EXPECT_CALL(lv_offset_store(client, &place, 4), LV_OK);
    EXPECT_CALL(lv_offset(client, &place, result), LV_OK);
    EXPECT_ROW(LV_ROW_OFFSET);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_STORED_OFFSET), 4);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_CURRENT_OFFSET), 9);
    EXPECT_CALL(lv_poll(client, &place, &poll, result), LV_OK);
    for (uint64_t i = 5; i < 10; i++) {
        EXPECT_ROW(LV_ROW_MESSAGE);
        EXPECT_NUMBER(lv_message_offset(lv_result_message(result)), i);
    }
    EXPECT_ROW(LV_ROW_NONE);
    poll.strategy = LV_POLL_OFFSET;
    poll.value = 10;
    poll.wait_ms = 20;
    EXPECT_CALL(lv_poll(client, &place, &poll, result), LV_OK);
    EXPECT_ROW(LV_ROW_NONE);
    EXPECT_CALL(lv_offset_delete(client, &place), LV_OK);
    place.partition = 7;
    EXPECT_CALL(lv_poll(client, &place, &poll, result), LV_ERROR_PARTITION_NOT_FOUND);
}

static void use_groups(void)
{
    EXPECT_CALL(lv_group_create(client, "calls", "topic", "g", result), LV_OK);
    EXPECT_CALL(lv_group_create(client, "calls", "topic", "g", result), LV_ERROR_GROUP_EXISTS);
    EXPECT_CALL(lv_group_sync(client, "calls", "topic", "g", result), LV_ERROR_NOT_FOUND);
    EXPECT_CALL(lv_group_join(client, "calls", "topic", "g"), LV_OK);
    EXPECT_CALL(lv_group_sync(client, "calls", "topic", "g", result), LV_OK);
    EXPECT_ROW(LV_ROW_GROUP);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_PARTITIONS_COUNT), 3);
    EXPECT_ROW(LV_ROW_PARTITION);
    EXPECT_CALL(lv_group(client, "calls", "topic", "g", result), LV_OK);
    EXPECT_ROW(LV_ROW_GROUP);
    EXPECT_ROW(LV_ROW_MEMBER);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_PARTITIONS_COUNT), 3);
    EXPECT_ROW(LV_ROW_PARTITION);
    EXPECT_ROW(LV_ROW_PARTITION);
    EXPECT_ROW(LV_ROW_PARTITION);
    EXPECT_ROW(LV_ROW_NONE);
    EXPECT_CALL(lv_groups(client, "calls", "topic", result), LV_OK);
    EXPECT_ROW(LV_ROW_GROUP);
    EXPECT_CALL(lv_me(client, result), LV_OK);
    EXPECT_ROW(LV_ROW_CONNECTION);
    EXPECT_ROW(LV_ROW_MEMBERSHIP);
    EXPECT_CALL(lv_group_leave(client, "calls", "topic", "g"), LV_OK);
    EXPECT_CALL(lv_group_leave(client, "calls", "topic", "g"), LV_ERROR_GROUP_MEMBER_NOT_FOUND);
    EXPECT_CALL(lv_group_delete(client, "calls", "topic", "g"), LV_OK);
    EXPECT_CALL(lv_group(client, "calls", "topic", "g", result), LV_ERROR_NOT_FOUND);
}

static void use_users_and_tokens(void)
{
    struct lv_user_options options = LV_USER_OPTIONS_INIT;
    struct lv_permissions *permissions = lv_permissions_create(LV_MAY_READ_STREAMS);
    EXPECT_CALL(lv_permissions_add_stream(permissions, 0, LV_MAY_POLL), LV_OK);
    EXPECT_CALL(lv_permissions_add_topic(permissions, 0, LV_MAY_SEND), LV_OK);
    options.name = "alice";
    options.password = "secret1";
    options.permissions = permissions;
    EXPECT_CALL(lv_user_create(client, &options, NULL), LV_OK);
    EXPECT_CALL(lv_user(client, "alice", result), LV_OK);
    EXPECT_ROW(LV_ROW_USER);
    EXPECT_ROW(LV_ROW_PERMISSION);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_BITS), LV_MAY_READ_STREAMS);
    EXPECT_ROW(LV_ROW_PERMISSION);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_BITS), LV_MAY_POLL);
    EXPECT_ROW(LV_ROW_PERMISSION);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_BITS), LV_MAY_SEND);
    EXPECT_ROW(LV_ROW_NONE);
    EXPECT_CALL(lv_user_set_permissions(client, "alice", NULL), LV_OK);
    EXPECT_CALL(lv_user(client, "alice", result), LV_OK);
    EXPECT_ROW(LV_ROW_USER);
    EXPECT_ROW(LV_ROW_NONE);
    EXPECT_CALL(lv_user_set_password(client, "alice", "wrong", "secret2"),
                LV_ERROR_INVALID_CREDENTIALS);
    EXPECT_CALL(lv_user_set_password(client, "alice", "secret1", "secret2"), LV_OK);
    EXPECT_CALL(lv_user_update(client, "alice", "bob", 2), LV_OK);
    EXPECT_CALL(lv_users(client, result), LV_OK);
    EXPECT_ROW(LV_ROW_USER);
    EXPECT_ROW(LV_ROW_USER);
    EXPECT_CALL(lv_user_delete(client, "bob"), LV_OK);
    EXPECT_CALL(lv_user(client, "bob", result), LV_ERROR_NOT_FOUND);
    lv_permissions_destroy(permissions);
    EXPECT_CALL(lv_token_create(client, "key", 0, result), LV_OK);
    EXPECT_ROW(LV_ROW_TOKEN);
    size_t size = 0;
    EXPECT_NUMBER(lv_result_text(result, LV_FIELD_TEXT, &size)[0] != 0, 1);
    EXPECT_CALL(lv_tokens(client, result), LV_OK);
    EXPECT_ROW(LV_ROW_TOKEN);
    EXPECT_CALL(lv_token_delete(client, "key"), LV_OK);
}

static void use_the_server(void)
{
    size_t size = 0;
    EXPECT_CALL(lv_stats(client, result), LV_OK);
    EXPECT_ROW(LV_ROW_STATISTICS);
    EXPECT_NUMBER(lv_result_number(result, LV_FIELD_MESSAGES_COUNT), 10);
    EXPECT_CALL(lv_cluster(client, result), LV_OK);
    EXPECT_ROW(LV_ROW_NODE);
    EXPECT_ROW(LV_ROW_NONE);
    EXPECT_CALL(lv_options(client, 1, result), LV_OK);
    for (unsigned i = 0; i < 9; i++) {
        EXPECT_ROW(LV_ROW_OPTION);
    }
    EXPECT_ROW(LV_ROW_NONE);
    EXPECT_CALL(lv_connections(client, result), LV_OK);
    EXPECT_ROW(LV_ROW_CONNECTION);
    uint32_t number = (uint32_t)lv_result_number(result, LV_FIELD_ID);
    EXPECT_CALL(lv_connection(client, number, result), LV_OK);
    EXPECT_CALL(lv_connection(client, 4000000000u, result), LV_ERROR_NOT_FOUND);
    EXPECT_CALL(lv_snapshot(client, result), LV_OK);
    EXPECT_ROW(LV_ROW_BYTES);
    EXPECT_NUMBER(memcmp(lv_result_text(result, LV_FIELD_BYTES, &size), "PK", 2) == 0, 1);
    EXPECT_CALL(lv_call(client, 102, "", 0, NULL), LV_ERROR_FEATURE_UNAVAILABLE);
}

int main(int count, char **words)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    options.addresses = count > 1 ? words[1] : options.addresses;
    options.username = "iggy";
    options.password = "iggy";
    if (lv_client_create(&options, &client) != LV_OK || lv_client_connect(client) != LV_OK) {
        (void)printf("no server: %s\n", client == NULL ? "" : lv_client_failure(client));
        return 1;
    }
    result = lv_result_create();
    use_streams_and_topics();
    use_messages_and_offsets();
    use_groups();
    use_users_and_tokens();
    use_the_server();
    EXPECT_CALL(lv_topic_purge(client, "calls", "topic"), LV_OK);
    EXPECT_CALL(lv_stream_purge(client, "calls"), LV_OK);
    EXPECT_CALL(lv_topic_delete(client, "calls", "topic"), LV_OK);
    EXPECT_CALL(lv_stream_delete(client, "calls"), LV_OK);
    EXPECT_CALL(lv_ping(client), LV_OK);
    lv_result_destroy(result);
    lv_client_destroy(client);
    (void)printf("%u calls as expected, %u not\n", calls - failures, failures);
    return failures == 0 ? 0 : 1;
}
