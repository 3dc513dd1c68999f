/* The producer against the server in memory: every message one fate, nothing lost, nothing doubled,
 * the order kept, whatever happens to connections, answers and the server. */
#include "client/producer.h"
#include "test.h"
#include "wire/poll.h"

#define COUNT_MAX 5000u
/* For what must come: no measure of speed, since machines may be slow and busy. */
#define PATIENCE_MS 120000

static struct lv_mock *mock;
static struct lv_client *client;
static u32 fates[COUNT_MAX]; /* how many times told */
static int errors[COUNT_MAX];
static u64 offsets[COUNT_MAX];
static u32 fates_count;

static void on_fate(void *context, uint64_t tag, int error, uint32_t partition, uint64_t offset)
{
    (void)context;
    (void)partition;
    fates[tag]++;
    errors[tag] = error;
    offsets[tag] = offset;
    fates_count++;
}

static struct lv_producer_options start(u32 partitions)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    memset(fates, 0, sizeof(fates));
    fates_count = 0;
    EXPECT_EQ(lv_mock_create(&mock), LV_OK);
    lv_mock_topic(mock, "s", "t", partitions);
    options.addresses = lv_mock_address(mock);
    options.username = "iggy";
    options.password = "iggy";
    options.reconnect_delay_ms_min = 1;
    options.reconnect_delay_ms_max = 5;
    EXPECT_EQ(lv_client_create(&options, &client), LV_OK);
    struct lv_producer_options producer = LV_PRODUCER_OPTIONS_INIT;
    producer.stream = "s";
    producer.topic = "t";
    producer.on_fate = on_fate;
    producer.linger_us = 60000000; /* a test that is slow still fills its batches */
    return producer;
}

static struct lv_producer *open_with(const struct lv_producer_options *options)
{
    struct lv_producer *producer = NULL;
    EXPECT_EQ(lv_producer_open(client, options, &producer), LV_OK);
    return producer;
}

static void stop(struct lv_producer *producer)
{
    lv_producer_close(producer);
    lv_client_destroy(client);
    lv_mock_destroy(mock);
}

static int send_tag(struct lv_producer *producer, u32 partition, u64 tag)
{
    struct lv_record record = LV_RECORD_INIT;
    record.payload = &tag;
    record.payload_size = sizeof(tag);
    record.partition = partition;
    record.tag = tag;
    return lv_producer_send(producer, &record);
}

static void send_many(struct lv_producer *producer, u32 partition, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        EXPECT_EQ(send_tag(producer, partition, i), LV_OK);
    }
}

/* All of them stored, once, in order: message i at offset i. */
static void expect_all_in_order(u32 count)
{
    EXPECT_EQ(fates_count, count);
    for (u32 i = 0; i < count; i++) {
        EXPECT_EQ(fates[i], 1);
        EXPECT_EQ(errors[i], LV_OK);
        EXPECT_EQ(offsets[i], i);
    }
    EXPECT_EQ(lv_mock_messages_count(mock, "s", "t", 0), count);
}

TEST(messages_leave_in_batches_and_each_has_its_fate)
{
    struct lv_producer_options options = start(1);
    options.batch_messages_max = 100;
    struct lv_producer *producer = open_with(&options);
    send_many(producer, 0, 1000);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    expect_all_in_order(1000);
    EXPECT_EQ(lv_mock_requests_count(mock, 101), 10);
    EXPECT_EQ(lv_producer_waiting_count(producer), 0);
    EXPECT_EQ(lv_producer_buffer_bytes(producer), 0);
    stop(producer);
}

TEST(a_batch_ends_at_its_bytes_too)
{
    struct lv_producer_options options = start(1);
    options.batch_bytes_max = 1024; /* 256, then 56 for each: 13 */
    struct lv_producer *producer = open_with(&options);
    send_many(producer, 0, 26);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(lv_mock_requests_count(mock, 101), 2);
    expect_all_in_order(26);
    struct lv_record record = LV_RECORD_INIT;
    u8 large[800] = {0};
    record.payload = large;
    record.payload_size = 1024 - 256 - 48 + 1;
    EXPECT_EQ(lv_producer_send(producer, &record), LV_ERROR_TOO_LARGE);
    record.payload_size--;
    EXPECT_EQ(lv_producer_send(producer, &record), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    stop(producer);
}

TEST(a_lonely_message_leaves_when_it_has_lingered)
{
    struct lv_producer_options options = start(1);
    options.linger_us = 2000;
    struct lv_producer *producer = open_with(&options);
    EXPECT_EQ(send_tag(producer, 0, 0), LV_OK);
    u64 until_us = clock_now_us() + PATIENCE_MS * US_PER_MS;
    while (fates_count == 0 && clock_now_us() < until_us) {
        EXPECT_EQ(lv_client_run(client, 10000), LV_OK);
    }
    expect_all_in_order(1);
    stop(producer);
}

TEST(fates_can_be_taken_instead_of_told)
{
    struct lv_producer_options options = start(3);
    options.on_fate = NULL;
    struct lv_producer *producer = open_with(&options);
    u64 tag = 0;
    u64 offset = 9;
    u32 partition = 9;
    int error = -1;
    EXPECT_EQ(lv_producer_take(producer, &tag, &error, &partition, &offset), 0);
    EXPECT_EQ(send_tag(producer, 2, 77), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT(lv_producer_buffer_bytes(producer) > 0);
    EXPECT_EQ(lv_producer_take(producer, &tag, &error, &partition, &offset), 1);
    EXPECT_EQ(tag, 77);
    EXPECT_EQ(error, LV_OK);
    EXPECT_EQ(partition, 2);
    EXPECT_EQ(offset, 0);
    EXPECT_EQ(lv_producer_take(producer, NULL, NULL, NULL, NULL), 0);
    EXPECT_EQ(lv_producer_buffer_bytes(producer), 0);
    stop(producer);
}

TEST(a_key_always_leads_to_the_same_partition_and_without_one_batches_take_turns)
{
    struct lv_producer_options options = start(3);
    options.batch_messages_max = 10;
    struct lv_producer *producer = open_with(&options);
    EXPECT_EQ(lv_producer_partitions_count(producer), 3);
    struct lv_record record = LV_RECORD_INIT;
    record.key = "key-1"; /* XXH32 0x39636a09, modulo 3: 1 */
    record.key_size = 5;
    for (u32 i = 0; i < 5; i++) {
        record.tag = i;
        EXPECT_EQ(lv_producer_send(producer, &record), LV_OK);
    }
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(lv_mock_messages_count(mock, "s", "t", 1), 5);
    send_many(producer, LV_PARTITION_ANY, 30);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(lv_mock_messages_count(mock, "s", "t", 0), 10);
    EXPECT_EQ(lv_mock_messages_count(mock, "s", "t", 1), 15);
    EXPECT_EQ(lv_mock_messages_count(mock, "s", "t", 2), 10);
    EXPECT_EQ(send_tag(producer, 3, 0), LV_ERROR_PARTITION_NOT_FOUND);
    stop(producer);
}

TEST(the_memory_bound_holds_and_says_so)
{
    struct lv_producer_options options = start(1);
    options.buffer_bytes_max = 64 * 1024;
    options.full_wait_ms = 20;
    options.linger_us = 0;
    struct lv_producer *producer = open_with(&options);
    lv_mock_pause(mock, 1);
    u32 sent = 0;
    while (sent < COUNT_MAX && send_tag(producer, 0, sent) == LV_OK) {
        sent++;
        EXPECT(lv_producer_buffer_bytes(producer) <= options.buffer_bytes_max);
    }
    EXPECT_EQ(send_tag(producer, 0, 0), LV_ERROR_FULL);
    EXPECT_EQ(sent, 64 * 1024 / 64); /* 48 of header, 8 of payload, 8 of tag */
    lv_mock_pause(mock, 0);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    expect_all_in_order(sent);
    stop(producer);
}

TEST(answers_that_are_lost_with_their_connection_neither_lose_nor_double)
{
    struct lv_producer_options options = start(1);
    options.batch_messages_max = 10;
    struct lv_producer *producer = open_with(&options);
    lv_mock_lose(mock, 101, LV_MOCK_AFTER, 3);
    lv_mock_lose(mock, 101, LV_MOCK_BEFORE, 3);
    send_many(producer, 0, 1000);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    expect_all_in_order(1000);
    EXPECT(lv_producer_found_count(producer) >= 1);
    stop(producer);
}

TEST(a_restart_that_forgets_sends_neither_loses_nor_doubles)
{
    struct lv_producer_options options = start(1);
    options.batch_messages_max = 7;
    struct lv_producer *producer = open_with(&options);
    for (u32 round = 0; round < 10; round++) {
        lv_mock_lose(mock, 101, round % 2 == 0 ? LV_MOCK_AFTER : LV_MOCK_BEFORE, 1);
        for (u32 i = 0; i < 100; i++) {
            EXPECT_EQ(send_tag(producer, 0, round * 100 + i), LV_OK);
        }
        lv_mock_restart(mock);
    }
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    expect_all_in_order(1000);
    stop(producer);
}

TEST(blind_repeats_are_recognised_by_a_server_that_still_runs)
{
    struct lv_producer_options options = start(1);
    options.batch_messages_max = 10;
    options.repeat = LV_REPEAT_BLIND;
    struct lv_producer *producer = open_with(&options);
    lv_mock_lose(mock, 101, LV_MOCK_AFTER, 4);
    send_many(producer, 0, 500);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    expect_all_in_order(500);
    EXPECT(lv_producer_repeats_count(producer) >= 1);
    EXPECT_EQ(lv_producer_found_count(producer), 0);
    stop(producer);
}

TEST(who_never_repeats_is_told_that_nobody_knows)
{
    struct lv_producer_options options = start(1);
    options.repeat = LV_REPEAT_NEVER;
    struct lv_producer *producer = open_with(&options);
    lv_mock_lose(mock, 101, LV_MOCK_AFTER, 1);
    EXPECT_EQ(send_tag(producer, 0, 0), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(fates[0], 1);
    EXPECT_EQ(errors[0], LV_ERROR_UNKNOWN);
    stop(producer);
}

TEST(who_may_not_read_cannot_look_and_is_told_that_nobody_knows)
{
    struct lv_producer_options options = start(1);
    struct lv_producer *producer = open_with(&options);
    lv_mock_refuse(mock, 100, LV_ERROR_UNAUTHORIZED, 1);
    lv_mock_lose(mock, 101, LV_MOCK_AFTER, 1);
    EXPECT_EQ(send_tag(producer, 0, 0), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(errors[0], LV_ERROR_UNKNOWN);
    EXPECT_EQ(fates[0], 1);
    stop(producer);
}

TEST(what_is_refused_for_the_moment_goes_again_in_order)
{
    struct lv_producer_options options = start(1);
    options.batch_messages_max = 10;
    options.in_flight_max = 1;
    struct lv_producer *producer = open_with(&options);
    lv_mock_refuse(mock, 101, LV_ERROR_CANNOT_APPEND, 3);
    send_many(producer, 0, 100);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    expect_all_in_order(100);
    stop(producer);
}

TEST(a_batch_that_was_overtaken_fails_rather_than_break_the_order)
{
    struct lv_producer_options options = start(1);
    options.batch_messages_max = 10;
    options.in_flight_max = 8;
    struct lv_producer *producer = open_with(&options);
    EXPECT_EQ(send_tag(producer, 0, 0), LV_OK); /* so that the end of the partition is known */
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    lv_mock_pause(mock, 1);
    lv_mock_refuse(mock, 101, LV_ERROR_CANNOT_APPEND, 1);
    for (u32 i = 1; i <= 50; i++) {
        EXPECT_EQ(send_tag(producer, 0, i), LV_OK);
    }
    EXPECT_EQ(lv_client_run(client, 1), LV_OK);
    lv_mock_pause(mock, 0);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(fates_count, 51);
    for (u32 i = 1; i <= 50; i++) {
        EXPECT_EQ(fates[i], 1);
        EXPECT_EQ(errors[i], i <= 10 ? LV_ERROR_CANNOT_APPEND : LV_OK);
    }
    EXPECT_EQ(lv_mock_messages_count(mock, "s", "t", 0), 41);
    stop(producer);
}

static void ask_from_callback(void *context, uint64_t tag, int error, uint32_t partition,
                              uint64_t offset)
{
    on_fate(context, tag, error, partition, offset);
    EXPECT_EQ(lv_ping(client), LV_ERROR_BUSY);
    EXPECT_EQ(lv_client_run(client, 1000), LV_ERROR_BUSY);
}

TEST(out_of_a_callback_nothing_waits_and_the_call_around_it_is_unharmed)
{
    struct lv_producer_options options = start(1);
    options.on_fate = ask_from_callback;
    options.linger_us = 0;
    struct lv_producer *producer = open_with(&options);
    EXPECT_EQ(send_tag(producer, 0, 0), LV_OK);
    EXPECT_EQ(lv_stream_create(client, "another", NULL), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    expect_all_in_order(1);
    EXPECT_EQ(lv_stream_create(client, "another", NULL), LV_ERROR_STREAM_EXISTS);
    stop(producer);
}

TEST(what_is_refused_for_good_is_told_with_its_number)
{
    struct lv_producer_options options = start(1);
    struct lv_producer *producer = open_with(&options);
    lv_mock_refuse(mock, 101, LV_ERROR_UNAUTHORIZED, 1);
    EXPECT_EQ(send_tag(producer, 0, 0), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(errors[0], LV_ERROR_UNAUTHORIZED);
    EXPECT_EQ(lv_mock_messages_count(mock, "s", "t", 0), 0);
    stop(producer);
}

TEST(a_message_that_never_left_times_out_and_one_that_did_is_unknown)
{
    struct lv_producer_options options = start(1);
    options.message_timeout_ms = 100;
    options.linger_us = 0;
    options.in_flight_max = 1;
    options.batch_messages_max = 1;
    struct lv_producer *producer = open_with(&options);
    EXPECT_EQ(send_tag(producer, 0, 0), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    lv_mock_pause(mock, 1);
    EXPECT_EQ(send_tag(producer, 0, 1), LV_OK);
    EXPECT_EQ(send_tag(producer, 0, 2), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(errors[1], LV_ERROR_UNKNOWN);
    EXPECT(errors[2] == LV_ERROR_TIMEOUT || errors[2] == LV_ERROR_UNKNOWN);
    EXPECT_EQ(fates_count, 3);
    lv_mock_pause(mock, 0);
    EXPECT_EQ(send_tag(producer, 0, 3), LV_OK);
    EXPECT_EQ(lv_producer_flush(producer, PATIENCE_MS), LV_OK);
    EXPECT_EQ(fates[3], 1);
    stop(producer);
}

TEST(closing_tells_the_fate_of_all_that_is_left)
{
    struct lv_producer_options options = start(1);
    options.linger_us = 10000000;
    struct lv_producer *producer = open_with(&options);
    send_many(producer, 0, 10);
    stop(producer);
    EXPECT_EQ(fates_count, 10);
    EXPECT_EQ(errors[0], LV_ERROR_CLOSED);
}

TEST(without_the_topic_there_is_no_producer)
{
    struct lv_producer_options options = start(1);
    struct lv_producer *producer = NULL;
    options.topic = "other";
    EXPECT_EQ(lv_producer_open(client, &options, &producer), LV_ERROR_TOPIC_NOT_FOUND);
    EXPECT(producer == NULL);
    options.topic = "";
    EXPECT_EQ(lv_producer_open(client, &options, &producer), LV_ERROR_INVALID);
    stop(NULL);
}
