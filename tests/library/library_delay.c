/* How long a message takes to reach a consumer of many partitions that has nothing to do.
 *
 *     library_delay ADDRESS PARTITIONS MESSAGES
 *
 * One thread reads all partitions of delay/delay; the other sends one message after the other, each
 * when the one before has arrived and after a pause, to partitions in a scattered order. Says the
 * microseconds from the send to the arrival. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "levriero.h"

#define MESSAGES_MAX 10000u
#define PATIENCE_MS 60000u
#define STRIDE 7u /* no partition comes twice in a row */

static struct {
    const char *address;
    uint32_t partitions;
    uint32_t messages;
    pthread_mutex_t lock;
    uint32_t arrived; /* under the lock */
    bool is_reading;
    bool failed;
    uint64_t delays_us[MESSAGES_MAX]; /* the reader's own */
} all;

static uint64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static struct lv_client *connect_client(void)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    options.addresses = all.address;
    options.username = "iggy";
    options.password = "iggy";
    return lv_client_create(&options, &client) == LV_OK ? client : NULL;
}

static void note(uint32_t arrived, bool failed)
{
    pthread_mutex_lock(&all.lock);
    all.arrived = arrived;
    all.is_reading = true;
    all.failed |= failed;
    pthread_mutex_unlock(&all.lock);
}

static void *consume(void *context)
{
    struct lv_client *client = connect_client();
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    struct lv_consumer *consumer = NULL;
    int error = LV_OK;
    (void)context;
    options.stream = "delay";
    options.topic = "delay";
    options.commit = LV_COMMIT_NEVER;
    error = lv_consumer_open(client, &options, &consumer);
    note(0, error != LV_OK);
    for (uint32_t i = 0; error == LV_OK && i < all.messages; i++) {
        const struct lv_message *message = NULL;
        uint64_t sent_us = 0;
        size_t size = 0;
        error = lv_consumer_next(consumer, PATIENCE_MS, &message);
        if (error == LV_OK) {
            memcpy(&sent_us, lv_message_payload(message, &size), sizeof(sent_us));
            all.delays_us[i] = now_us() - sent_us;
        }
        note(i + 1, error != LV_OK);
    }
    lv_consumer_close(consumer);
    lv_client_destroy(client);
    return NULL;
}

/* False when it goes on no more. */
static bool wait_for(uint32_t arrived)
{
    uint64_t end_us = now_us() + PATIENCE_MS * 1000;
    while (now_us() < end_us) {
        pthread_mutex_lock(&all.lock);
        bool over = all.failed || (all.is_reading && all.arrived >= arrived);
        bool failed = all.failed;
        pthread_mutex_unlock(&all.lock);
        if (over) {
            return !failed;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

static int send_all(struct lv_client *client)
{
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct lv_producer *producer = NULL;
    options.stream = "delay";
    options.topic = "delay";
    options.linger_us = 0;
    int error = lv_producer_open(client, &options, &producer);
    for (uint32_t i = 0; error == LV_OK && wait_for(i) && i < all.messages; i++) {
        nanosleep(&(struct timespec){.tv_nsec = (long)(1 + i % 13) * 1000000}, NULL);
        uint64_t sent_us = now_us();
        struct lv_record record = LV_RECORD_INIT;
        record.payload = &sent_us;
        record.payload_size = sizeof(sent_us);
        record.partition = i * STRIDE % all.partitions;
        error = lv_producer_send(producer, &record);
        error = error == LV_OK ? lv_producer_flush(producer, PATIENCE_MS) : error;
    }
    if (error != LV_OK) {
        (void)printf("producer: %s\n", lv_client_failure(client));
    }
    lv_producer_close(producer);
    return error;
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = 0;
    uint64_t right = 0;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return (left > right) - (left < right);
}

int main(int count, char **words)
{
    pthread_t reader;
    all.partitions = count == 4 ? (uint32_t)strtoul(words[2], NULL, 10) : 0;
    all.messages = count == 4 ? (uint32_t)strtoul(words[3], NULL, 10) : 0;
    if (all.partitions < 1 || all.messages < 1 || all.messages > MESSAGES_MAX) {
        (void)fprintf(stderr, "library_delay ADDRESS PARTITIONS MESSAGES\n");
        return 2;
    }
    all.address = words[1];
    pthread_mutex_init(&all.lock, NULL);
    struct lv_client *client = connect_client();
    struct lv_topic_options options = LV_TOPIC_OPTIONS_INIT;
    options.partitions = all.partitions;
    if (lv_stream_create(client, "delay", NULL) != LV_OK ||
        lv_topic_create(client, "delay", "delay", &options, NULL) != LV_OK) {
        (void)printf("topic: %s\n", lv_client_failure(client));
        return 1;
    }
    pthread_create(&reader, NULL, consume, NULL);
    int error = send_all(client);
    pthread_join(reader, NULL);
    qsort(all.delays_us, all.messages, sizeof(all.delays_us[0]), by_size);
    (void)printf("%u messages over %u partitions: p50 %llu us, p99 %llu us, max %llu us\n",
                 all.messages, all.partitions, (unsigned long long)all.delays_us[all.messages / 2],
                 (unsigned long long)all.delays_us[all.messages * 99 / 100],
                 (unsigned long long)all.delays_us[all.messages - 1]);
    lv_client_destroy(client);
    return error == LV_OK && !all.failed ? 0 : 1;
}
