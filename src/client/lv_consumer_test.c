/* The consumer against the server in memory: in order, without a gap, none twice. */
#include "client/lv_consumer.h"
#include "test.h"

/* For what must come: no measure of speed, since machines may be slow and busy. */
#define PATIENCE_MS 120000

static struct lv_mock *mock;
static struct lv_client *client;
static struct lv_client *sender;
static struct lv_producer *producer;

static struct lv_client *client_of_mock(void)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *made = NULL;
    options.addresses = lv_mock_address(mock);
    options.username = "iggy";
    options.password = "iggy";
    options.reconnect_delay_ms_min = 1;
    options.reconnect_delay_ms_max = 5;
    EXPECT_EQ(lv_client_create(&options, &made), LV_OK);
    return made;
}

static struct lv_consumer_options start(u32 partitions)
{
    struct lv_producer_options send = LV_PRODUCER_OPTIONS_INIT;
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    EXPECT_EQ(lv_mock_create(&mock), LV_OK);
    lv_mock_topic(mock, "s", "t", partitions);
    client = client_of_mock();
    sender = client_of_mock();
    send.stream = "s";
    send.topic = "t";
    send.batch_messages_max = 10;
    EXPECT_EQ(lv_producer_open(sender, &send, &producer), LV_OK);
    options.stream = "s";
    options.topic = "t";
    return options;
}

static void stop(struct lv_consumer *consumer)
{
    lv_consumer_close(consumer);
    lv_producer_close(producer);
    lv_client_destroy(client);
    lv_client_destroy(sender);
    lv_mock_destroy(mock);
}

static struct lv_consumer *open_with(const struct lv_consumer_options *options)
{
    struct lv_consumer *consumer = NULL;
    EXPECT_EQ(lv_consumer_open(client, options, &consumer), LV_OK);
    return consumer;
}

static void send_some(u32 partition, u64 first, u32 count)
{
    for (u64 i = first; i < first + count; i++) {
        struct lv_record record = LV_RECORD_INIT;
        record.payload = &i;
        record.payload_size = sizeof(i);
        record.partition = partition;
        EXPECT_EQ(lv_producer_send(producer, &record), LV_OK);
    }
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
}

static void expect_next(struct lv_consumer *consumer, u64 offset)
{
    const struct lv_message *message = NULL;
    size_t size = 0;
    EXPECT_EQ(lv_consumer_next(consumer, PATIENCE_MS, &message), LV_OK);
    EXPECT_EQ(lv_message_offset(message), offset);
    EXPECT_EQ(get_u64(lv_message_payload(message, &size)), offset);
    EXPECT_EQ(size, 8);
}

static void expect_run(struct lv_consumer *consumer, u64 first, u32 count)
{
    for (u64 i = first; i < first + count; i++) {
        expect_next(consumer, i);
    }
}

static void expect_none_for(struct lv_consumer *consumer, u32 timeout_ms)
{
    const struct lv_message *message = NULL;
    EXPECT_EQ(lv_consumer_next(consumer, timeout_ms, &message), LV_ERROR_TIMEOUT);
    EXPECT(message == NULL);
}

static void expect_none(struct lv_consumer *consumer)
{
    expect_none_for(consumer, 30);
}

TEST(messages_come_in_order_and_what_is_passed_is_stored)
{
    struct lv_consumer_options options = start(1);
    send_some(0, 0, 100);
    struct lv_consumer *consumer = open_with(&options);
    expect_run(consumer, 0, 100);
    expect_none(consumer);
    lv_consumer_close(consumer);
    send_some(0, 100, 5);
    consumer = open_with(&options); /* whoever comes after it */
    expect_run(consumer, 100, 5);
    expect_none(consumer);
    stop(consumer);
}

TEST(a_message_that_comes_later_ends_the_wait)
{
    struct lv_consumer_options options = start(1);
    options.wait_ms = 20000;
    struct lv_consumer *consumer = open_with(&options);
    u64 until_us = clock_now_us() + PATIENCE_MS * US_PER_MS;
    while (lv_mock_requests_count(mock, 10100) == 0 && clock_now_us() < until_us) {
        expect_none(consumer);
    }
    EXPECT_EQ(lv_mock_requests_count(mock, 10100), 1);
    send_some(0, 0, 3);
    expect_run(consumer, 0, 3);
    stop(consumer);
}

TEST(whichever_partition_has_a_message_ends_the_wait)
{
    struct lv_consumer_options options = start(40); /* more than are waited for at once */
    options.wait_ms = 20000;
    options.commit = LV_COMMIT_NEVER;
    struct lv_consumer *consumer = open_with(&options);
    u64 until_us = clock_now_us() + 30 * US_PER_SECOND;
    while (lv_mock_requests_count(mock, 10100) < CONSUMER_FETCHES_MAX &&
           clock_now_us() < until_us) {
        expect_none(consumer);
    }
    static const u32 partitions[] = {39, 0, 17, 17, 4, 38};
    u64 next[40] = {0};
    for (u32 i = 0; i < array_count(partitions); i++) {
        u32 partition = partitions[i];
        const struct lv_message *message = NULL;
        send_some(partition, next[partition], 1);
        EXPECT_EQ(lv_consumer_next(consumer, PATIENCE_MS, &message), LV_OK);
        EXPECT_EQ(lv_message_partition(message), partition);
        EXPECT_EQ(lv_message_offset(message), next[partition]++);
    }
    stop(consumer);
}

TEST(a_few_partitions_are_waited_for_with_one_poll_each)
{
    struct lv_consumer_options options = start(5);
    options.wait_ms = 20000;
    struct lv_consumer *consumer = open_with(&options);
    const struct lv_message *message = NULL;
    u64 until_us = clock_now_us() + 30 * US_PER_SECOND;
    while (lv_mock_requests_count(mock, 10100) < 5 && clock_now_us() < until_us) {
        expect_none(consumer);
    }
    EXPECT_EQ(lv_consumer_next(consumer, 300, &message), LV_ERROR_TIMEOUT);
    EXPECT_EQ(lv_mock_requests_count(mock, 10100), 5); /* none was asked again */
    stop(consumer);
}

TEST(a_seek_does_not_wait_for_the_poll_that_is_held)
{
    struct lv_consumer_options options = start(2);
    options.wait_ms = 20000;
    send_some(1, 0, 5);
    struct lv_consumer *consumer = open_with(&options);
    const struct lv_message *message = NULL;
    for (u32 i = 0; i < 5; i++) {
        EXPECT_EQ(lv_consumer_next(consumer, PATIENCE_MS, &message), LV_OK);
    }
    expect_none(consumer);
    EXPECT_EQ(lv_consumer_seek(consumer, 1, 2), LV_OK);
    EXPECT_EQ(lv_consumer_next(consumer, PATIENCE_MS, &message), LV_OK);
    EXPECT_EQ(lv_message_offset(message), 2);
    stop(consumer);
}

TEST(all_partitions_are_read_each_in_its_order)
{
    struct lv_consumer_options options = start(4);
    u64 next[4] = {0};
    for (u32 i = 0; i < 4; i++) {
        send_some(i, 0, 50);
    }
    struct lv_consumer *consumer = open_with(&options);
    EXPECT_EQ(lv_consumer_partitions_count(consumer), 4);
    for (u32 i = 0; i < 200; i++) {
        const struct lv_message *message = NULL;
        EXPECT_EQ(lv_consumer_next(consumer, PATIENCE_MS, &message), LV_OK);
        EXPECT_EQ(lv_message_offset(message), next[lv_message_partition(message)]++);
    }
    expect_none(consumer);
    stop(consumer);
}

TEST(a_consumer_begins_where_it_is_told)
{
    struct lv_consumer_options options = start(1);
    options.commit = LV_COMMIT_NEVER;
    send_some(0, 0, 20);
    options.start = LV_START_OFFSET;
    options.start_value = 15;
    struct lv_consumer *consumer = open_with(&options);
    expect_run(consumer, 15, 5);
    lv_consumer_close(consumer);
    options.start = LV_START_NEW;
    consumer = open_with(&options);
    expect_none_for(consumer, 2000); /* it has asked by then, on a slow machine too */
    send_some(0, 20, 2);
    expect_run(consumer, 20, 2);
    lv_consumer_close(consumer);
    options.start = LV_START_TIME;
    options.start_value = clock_wall_us() + 3600 * US_PER_SECOND;
    consumer = open_with(&options);
    expect_none(consumer);
    lv_consumer_close(consumer);
    options.start_value = 1;
    consumer = open_with(&options);
    expect_run(consumer, 0, 22);
    stop(consumer);
}

TEST(offsets_are_stored_batch_by_batch_however_much_was_read_ahead)
{
    struct lv_consumer_options options = start(1);
    options.poll_messages_max = 10;
    send_some(0, 0, 200);
    struct lv_consumer *consumer = open_with(&options);
    expect_run(consumer, 0, 150);
    EXPECT(lv_mock_requests_count(mock, 121) >= 5);
    stop(consumer);
}

TEST(by_hand_nothing_is_stored_but_by_hand)
{
    struct lv_consumer_options options = start(1);
    options.commit = LV_COMMIT_BY_HAND;
    send_some(0, 0, 10);
    struct lv_consumer *consumer = open_with(&options);
    expect_run(consumer, 0, 10);
    lv_consumer_close(consumer);
    consumer = open_with(&options);
    expect_run(consumer, 0, 5);
    EXPECT_EQ(lv_consumer_commit(consumer), LV_OK); /* 4 included */
    expect_next(consumer, 5);
    lv_consumer_close(consumer);
    consumer = open_with(&options);
    expect_next(consumer, 5);
    EXPECT_EQ(lv_consumer_store(consumer, 0, 7), LV_OK);
    EXPECT_EQ(lv_consumer_store(consumer, 0, 700), LV_ERROR_INVALID_OFFSET);
    lv_consumer_close(consumer);
    consumer = open_with(&options);
    expect_next(consumer, 8);
    stop(consumer);
}

TEST(by_interval_offsets_are_stored_while_it_runs)
{
    struct lv_consumer_options options = start(1);
    options.commit = LV_COMMIT_INTERVAL;
    options.commit_interval_ms = 10;
    send_some(0, 0, 10);
    struct lv_consumer *consumer = open_with(&options);
    expect_run(consumer, 0, 10);
    expect_none(consumer);
    u64 until_us = clock_now_us() + PATIENCE_MS * US_PER_MS;
    while (lv_mock_requests_count(mock, 121) == 0 && clock_now_us() < until_us) {
        expect_none(consumer);
    }
    EXPECT(lv_mock_requests_count(mock, 121) >= 1);
    stop(consumer);
}

TEST(no_more_is_read_ahead_than_allowed_and_one_poll)
{
    struct lv_consumer_options options = start(1);
    options.prefetch_bytes_max = 2000;
    options.poll_messages_max = 20;
    for (u32 i = 0; i < 20; i++) {
        send_some(0, i * 10, 10);
    }
    struct lv_consumer *consumer = open_with(&options);
    for (u32 i = 0; i < 200; i++) {
        expect_next(consumer, i);
        EXPECT(lv_consumer_held_bytes(consumer) <= 2000 + 20 * (56 + 256));
    }
    stop(consumer);
}

TEST(lost_connections_cost_nothing_and_repeat_nothing)
{
    struct lv_consumer_options options = start(1);
    options.poll_messages_max = 7;
    send_some(0, 0, 100);
    struct lv_consumer *consumer = open_with(&options);
    lv_mock_lose(mock, 100, LV_MOCK_AFTER, 3);
    lv_mock_lose(mock, 121, LV_MOCK_BEFORE, 2);
    expect_run(consumer, 0, 50);
    lv_mock_restart(mock);
    expect_run(consumer, 50, 50);
    expect_none(consumer);
    stop(consumer);
}

TEST(a_seek_goes_back_and_forth)
{
    struct lv_consumer_options options = start(1);
    send_some(0, 0, 100);
    struct lv_consumer *consumer = open_with(&options);
    expect_run(consumer, 0, 10);
    EXPECT_EQ(lv_consumer_seek(consumer, 0, 90), LV_OK);
    expect_run(consumer, 90, 10);
    EXPECT_EQ(lv_consumer_seek(consumer, 0, 5), LV_OK);
    expect_run(consumer, 5, 95);
    EXPECT_EQ(lv_consumer_seek(consumer, 1, 0), LV_ERROR_PARTITION_NOT_FOUND);
    stop(consumer);
}

/* Each message of 4 partitions once, whichever of the two members gets it. */
static void take_both(struct lv_consumer *const *members, u8 seen[4][100], u32 wanted)
{
    u32 count = 0;
    u64 until_us = clock_now_us() + PATIENCE_MS * US_PER_MS;
    while (count < wanted && clock_now_us() < until_us) {
        const struct lv_message *message = NULL;
        for (u32 i = 0; i < 2; i++) {
            if (lv_consumer_next(members[i], 5, &message) == LV_OK) {
                seen[lv_message_partition(message)][lv_message_offset(message)]++;
                count++;
            }
        }
    }
    EXPECT_EQ(count, wanted);
}

TEST(the_members_of_a_group_share_the_partitions)
{
    struct lv_consumer_options options = start(4);
    struct lv_client *second_client = client_of_mock();
    struct lv_consumer *members[2] = {NULL, NULL};
    u8 seen[4][100] = {0};
    options.group = "g";
    options.sync_ms = 20;
    EXPECT_EQ(lv_consumer_open(client, &options, &members[0]), LV_ERROR_GROUP_NOT_FOUND);
    options.create_group = 1;
    members[0] = open_with(&options);
    EXPECT_EQ(lv_consumer_open(second_client, &options, &members[1]), LV_OK);
    u64 until_us = clock_now_us() + PATIENCE_MS * US_PER_MS;
    while (lv_consumer_partitions_count(members[0]) != 2 && clock_now_us() < until_us) {
        expect_none(members[0]);
    }
    EXPECT_EQ(lv_consumer_partitions_count(members[1]), 2);
    for (u32 i = 0; i < 4; i++) {
        send_some(i, 0, 100);
    }
    take_both(members, seen, 400);
    for (u32 i = 0; i < 400; i++) {
        EXPECT_EQ(seen[i / 100][i % 100], 1);
    }
    lv_consumer_close(members[0]);
    until_us = clock_now_us() + PATIENCE_MS * US_PER_MS;
    while (lv_consumer_partitions_count(members[1]) != 4 && clock_now_us() < until_us) {
        expect_none(members[1]);
    }
    EXPECT_EQ(lv_consumer_partitions_count(members[1]), 4);
    expect_none(members[1]); /* all was stored */
    lv_consumer_close(members[1]);
    lv_client_destroy(second_client);
    stop(NULL);
}

TEST(a_member_that_loses_its_connection_joins_again_and_goes_on)
{
    struct lv_consumer_options options = start(1);
    options.group = "g";
    options.create_group = 1;
    send_some(0, 0, 100);
    struct lv_consumer *consumer = open_with(&options);
    expect_run(consumer, 0, 30);
    lv_mock_restart(mock);
    expect_run(consumer, 30, 70);
    expect_none(consumer);
    stop(consumer);
}

TEST(what_stands_in_the_way_is_told_once_and_tried_again)
{
    struct lv_consumer_options options = start(1);
    struct lv_consumer *consumer = open_with(&options);
    const struct lv_message *message = NULL;
    expect_none(consumer);
    lv_mock_refuse(mock, 0, LV_ERROR_UNAUTHORIZED, 1);
    EXPECT_EQ(lv_consumer_next(consumer, PATIENCE_MS, &message), LV_ERROR_UNAUTHORIZED);
    send_some(0, 0, 1);
    expect_next(consumer, 0);
    stop(consumer);
}

TEST(headers_travel_with_their_message)
{
    struct lv_consumer_options options = start(1);
    struct lv_headers *headers = lv_headers_create();
    struct lv_record record = LV_RECORD_INIT;
    const struct lv_message *message = NULL;
    s32 number = -5;
    size_t size = 0;
    EXPECT_EQ(lv_headers_add_text(headers, "type", "order"), LV_OK);
    EXPECT_EQ(lv_headers_add(headers, LV_HEADER_INT32, "n", &number, 4), LV_OK);
    EXPECT_EQ(lv_headers_add(headers, LV_HEADER_INT32, "n", &number, 3), LV_ERROR_INVALID);
    EXPECT_EQ(lv_headers_add(headers, LV_HEADER_RAW, "", &number, 3), LV_ERROR_INVALID);
    record.payload = "x";
    record.payload_size = 1;
    record.partition = 0;
    record.id_low = 77;
    record.headers = lv_headers_bytes(headers, &record.headers_size);
    EXPECT_EQ(lv_producer_send(producer, &record), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    struct lv_consumer *consumer = open_with(&options);
    EXPECT_EQ(lv_consumer_next(consumer, PATIENCE_MS, &message), LV_OK);
    const void *bytes = lv_message_headers(message, &size);
    EXPECT_EQ(lv_headers_read(headers, bytes, size), LV_OK);
    EXPECT_EQ(lv_headers_count(headers), 2);
    EXPECT_STR(lv_headers_key(headers, 0, &size), "type");
    EXPECT_EQ(lv_headers_kind(headers, 0), LV_HEADER_TEXT);
    EXPECT_BYTES(lv_headers_value(headers, 0, &size), "order", 5);
    EXPECT_EQ(get_u32(lv_headers_value(headers, 1, &size)), (u32)-5);
    EXPECT(lv_headers_value(headers, 2, &size) == NULL);
    u64 low = 0;
    u64 high = 1;
    lv_message_id(message, &low, &high);
    EXPECT_EQ(low, 77);
    EXPECT_EQ(high, 0);
    EXPECT_EQ(lv_headers_read(headers, "junk", 4), LV_ERROR_UNREADABLE);
    lv_headers_destroy(headers);
    stop(consumer);
}
