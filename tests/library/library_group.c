/* The members of a group on threads of their own, each with its own client: nothing may be lost,
 * whatever happens to the server, no message may come before the one in front of it, and no more
 * may come twice than the commit policy allows.
 *
 *     library_group ADDRESS MEMBERS PARTITIONS MESSAGES ACCIDENTS
 *
 * One producer sends numbered messages to all partitions of group/group; the members share them.
 * Twice may come what was handed out and not stored when a connection was lost: in each of the
 * ACCIDENTS, of each partition, what is held ahead and one poll. Without accidents nothing may. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "levriero.h"

#define MEMBERS_MAX 8u
#define PATIENCE_SECONDS 150
#define PARTITIONS_MAX 64u
#define POLL_MESSAGES 100u
#define PREFETCH_BYTES (16u << 10)
#define MESSAGE_BYTES 48u /* at least, as it travels */
#define AGAIN_MAX (PREFETCH_BYTES / MESSAGE_BYTES + 2 * POLL_MESSAGES)

static struct {
    const char *address;
    uint32_t partitions;
    uint64_t messages; /* of each partition */
    pthread_mutex_t lock;
    uint64_t next[PARTITIONS_MAX]; /* under the lock, like the rest: those before it were seen */
    uint64_t distinct;
    uint64_t again;
    uint64_t failed;
    char wrong[256];
} all;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct lv_client *connect_client(void)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    options.addresses = all.address;
    options.username = "iggy";
    options.password = "iggy";
    options.request_timeout_ms = 2000;
    options.reconnect_delay_ms_min = 5;
    options.reconnect_delay_ms_max = 200;
    if (lv_client_create(&options, &client) == LV_OK) {
        lv_client_set_timeout_ms(client, PATIENCE_SECONDS * 1000);
    }
    return client;
}

static void complain(const char *what, const char *why)
{
    pthread_mutex_lock(&all.lock);
    (void)snprintf(all.wrong, sizeof(all.wrong), "%s: %s", what, why);
    pthread_mutex_unlock(&all.lock);
}

static void on_fate(void *context, uint64_t tag, int error, uint32_t partition, uint64_t offset)
{
    (void)context;
    (void)tag;
    (void)partition;
    (void)offset;
    if (error != LV_OK) {
        all.failed++;
        complain("fate", lv_error_text(error));
    }
}

static int run_for(struct lv_client *client, double seconds)
{
    double end = now() + seconds;
    int error = LV_OK;
    while (error == LV_OK && now() < end) {
        error = lv_client_run(client, 5);
    }
    return error;
}

static void *produce(void *context)
{
    struct lv_client *client = connect_client();
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct lv_producer *producer = NULL;
    (void)context;
    options.stream = "group";
    options.topic = "group";
    options.batch_messages_max = 50;
    options.full_wait_ms = PATIENCE_SECONDS * 1000;
    options.on_fate = on_fate;
    int error = lv_producer_open(client, &options, &producer);
    for (uint64_t i = 0; error == LV_OK && i < all.messages * all.partitions; i++) {
        struct lv_record record = LV_RECORD_INIT;
        uint64_t number = i / all.partitions;
        record.payload = &number;
        record.payload_size = sizeof(number);
        record.partition = (uint32_t)(i % all.partitions);
        error = lv_producer_send(producer, &record);
        if (error == LV_OK && i % 1000 == 999) {
            error = run_for(client, 0.025); /* spread over the accidents */
        }
    }
    if (error == LV_OK) {
        error = lv_producer_flush(producer, PATIENCE_SECONDS * 1000);
    }
    if (error != LV_OK) {
        complain("producer", lv_client_failure(client));
    }
    lv_producer_close(producer);
    lv_client_destroy(client);
    return NULL;
}

static bool is_over(void)
{
    pthread_mutex_lock(&all.lock);
    bool over = all.distinct == all.messages * all.partitions || all.wrong[0] != 0;
    pthread_mutex_unlock(&all.lock);
    return over;
}

/* False when the payload is not that of its offset, or the message before it was seen by nobody. */
static bool note(const struct lv_message *message)
{
    size_t size = 0;
    uint64_t number = UINT64_MAX;
    const void *payload = lv_message_payload(message, &size);
    if (size == sizeof(number)) {
        memcpy(&number, payload, sizeof(number));
    }
    if (number != lv_message_offset(message) || number >= all.messages) {
        return false;
    }
    uint64_t *next = &all.next[lv_message_partition(message)];
    pthread_mutex_lock(&all.lock);
    bool in_order = number <= *next;
    bool is_new = number == *next;
    all.distinct += is_new ? 1 : 0;
    all.again += is_new ? 0 : 1;
    *next += is_new ? 1 : 0;
    pthread_mutex_unlock(&all.lock);
    return in_order;
}

static void *consume(void *context)
{
    struct lv_client *client = connect_client();
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    struct lv_consumer *consumer = NULL;
    double end = now() + PATIENCE_SECONDS;
    (void)context;
    options.stream = "group";
    options.topic = "group";
    options.group = "g";
    options.create_group = 1;
    options.sync_ms = 300;
    options.prefetch_bytes_max = PREFETCH_BYTES;
    options.poll_messages_max = POLL_MESSAGES;
    if (lv_consumer_open(client, &options, &consumer) != LV_OK) {
        complain("consumer", lv_client_failure(client));
    }
    while (consumer != NULL && !is_over() && now() < end) {
        const struct lv_message *message = NULL;
        if (lv_consumer_next(consumer, 200, &message) == LV_OK && !note(message)) {
            complain("consumer", "a message out of order, or of another offset");
        }
    }
    lv_consumer_close(consumer);
    lv_client_destroy(client);
    return NULL;
}

static bool make_topic(void)
{
    struct lv_client *client = connect_client();
    struct lv_topic_options options = LV_TOPIC_OPTIONS_INIT;
    options.partitions = all.partitions;
    bool made = lv_stream_create(client, "group", NULL) == LV_OK &&
                lv_topic_create(client, "group", "group", &options, NULL) == LV_OK;
    lv_client_destroy(client);
    return made;
}

static bool judge(uint64_t accidents)
{
    uint64_t wanted = all.messages * all.partitions;
    uint64_t again_max = accidents * all.partitions * AGAIN_MAX;
    bool good =
        all.distinct == wanted && all.failed == 0 && all.wrong[0] == 0 && all.again <= again_max;
    (void)printf("%llu of %llu messages, %llu of them again (%llu may); %s%s\n",
                 (unsigned long long)all.distinct, (unsigned long long)wanted,
                 (unsigned long long)all.again, (unsigned long long)again_max,
                 good ? "nothing lost, all in order" : "", all.wrong);
    return good;
}

int main(int count, char **words)
{
    pthread_t threads[MEMBERS_MAX + 1];
    uint32_t members = count == 6 ? (uint32_t)strtoul(words[2], NULL, 10) : 0;
    all.partitions = count == 6 ? (uint32_t)strtoul(words[3], NULL, 10) : 0;
    if (members < 1 || members > MEMBERS_MAX || all.partitions < 1 ||
        all.partitions > PARTITIONS_MAX) {
        (void)fprintf(stderr, "library_group ADDRESS MEMBERS PARTITIONS MESSAGES ACCIDENTS\n");
        return 2;
    }
    all.address = words[1];
    all.messages = strtoull(words[4], NULL, 10);
    pthread_mutex_init(&all.lock, NULL);
    if (!make_topic()) {
        (void)printf("no topic\n");
        return 1;
    }
    pthread_create(&threads[0], NULL, produce, NULL);
    for (uint32_t i = 1; i <= members; i++) {
        pthread_create(&threads[i], NULL, consume, NULL);
    }
    for (uint32_t i = 0; i <= members; i++) {
        pthread_join(threads[i], NULL);
    }
    return judge(strtoull(words[5], NULL, 10)) ? 0 : 1;
}
