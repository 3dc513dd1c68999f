/* Producers and consumers on threads of their own, each with its own client and partition: every
 * message must arrive once, in order, with one fate, whatever happens to the server meanwhile.
 *
 *     library_load ADDRESS PAIRS SECONDS [BYTES [MESSAGES]]
 *
 * Thread pairs: producer i sends numbered messages to partition i of load/load for SECONDS (or
 * until MESSAGES are sent), its consumer reads them. Says `N messages, each once and in order` or
 * what was wrong; the exit code is 0 when nothing was. Memory must stay flat: what the process
 * holds at the end may not be 48 MiB more than after its first second, or tenth. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "levriero.h"

#define PAIRS_MAX 16
#define PATIENCE_SECONDS 120
#define GROWTH_KIB_MAX (48 * 1024)

struct pair {
    const char *address;
    uint32_t partition;
    double seconds;
    size_t bytes;
    uint64_t messages_max;
    pthread_t producer;
    pthread_t consumer;
    pthread_mutex_t lock;
    uint64_t sent; /* under the lock: what the consumer waits for */
    bool is_done;
    uint64_t told; /* the producer's own: fates so far, in order */
    uint64_t failures;
    uint64_t repeats;
    uint64_t found;
    uint64_t read; /* the consumer's own */
    char wrong[2][256];
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages[2] = {0, 0};
    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2) {
            pages[1] = 0;
        }
        (void)fclose(file);
    }
    return pages[1] * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct lv_client *connect_client(const struct pair *pair)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    options.addresses = pair->address;
    options.username = "iggy";
    options.password = "iggy";
    options.request_timeout_ms = 2000; /* a paused server counts as lost */
    options.reconnect_delay_ms_min = 5;
    options.reconnect_delay_ms_max = 200;
    if (lv_client_create(&options, &client) == LV_OK) {
        lv_client_set_timeout_ms(client, PATIENCE_SECONDS * 1000);
    }
    return client;
}

/* Fates of one partition come in the order of its messages. */
static void on_fate(void *context, uint64_t tag, int error, uint32_t partition, uint64_t offset)
{
    struct pair *pair = context;
    if (error != LV_OK) {
        pair->failures++;
        (void)snprintf(pair->wrong[0], sizeof(pair->wrong[0]), "message %llu: %s",
                       (unsigned long long)tag, lv_error_text(error));
    } else if (tag != pair->told || offset != tag || partition != pair->partition) {
        (void)snprintf(pair->wrong[0], sizeof(pair->wrong[0]),
                       "fate %llu is of message %llu, at offset %llu of %u",
                       (unsigned long long)pair->told, (unsigned long long)tag,
                       (unsigned long long)offset, partition);
    }
    pair->told++;
}

static uint64_t send_all(struct pair *pair, struct lv_producer *producer)
{
    unsigned char *payload = calloc(1, pair->bytes);
    struct lv_record record = LV_RECORD_INIT;
    double end = now() + pair->seconds;
    uint64_t sent = 0;
    record.payload = payload;
    record.payload_size = pair->bytes;
    record.partition = pair->partition;
    while (sent < pair->messages_max && (sent % 64 != 0 || now() < end)) {
        memcpy(payload, &sent, sizeof(sent));
        record.tag = sent;
        int error = lv_producer_send(producer, &record);
        if (error != LV_OK) {
            (void)snprintf(pair->wrong[0], sizeof(pair->wrong[0]), "send: %s",
                           lv_error_text(error));
            break;
        }
        sent++;
    }
    free(payload);
    return sent;
}

static void *produce(void *context)
{
    struct pair *pair = context;
    struct lv_client *client = connect_client(pair);
    struct lv_producer *producer = NULL;
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    options.stream = "load";
    options.topic = "load";
    options.batch_messages_max = 200;
    options.buffer_bytes_max = 4 << 20;
    options.full_wait_ms = PATIENCE_SECONDS * 1000;
    options.on_fate = on_fate;
    options.context = pair;
    uint64_t sent = 0;
    if (lv_producer_open(client, &options, &producer) != LV_OK) {
        (void)snprintf(pair->wrong[0], sizeof(pair->wrong[0]), "producer: %s",
                       lv_client_failure(client));
    } else {
        sent = send_all(pair, producer);
        int error = lv_producer_flush(producer, PATIENCE_SECONDS * 1000);
        if (error != LV_OK) {
            (void)snprintf(pair->wrong[0], sizeof(pair->wrong[0]), "flush: %s",
                           lv_client_failure(client));
        }
        pair->repeats = lv_producer_repeats_count(producer);
        pair->found = lv_producer_found_count(producer);
    }
    lv_producer_close(producer);
    lv_client_destroy(client);
    pthread_mutex_lock(&pair->lock);
    pair->sent = sent;
    pair->is_done = true;
    pthread_mutex_unlock(&pair->lock);
    return NULL;
}

static bool has_all(struct pair *pair)
{
    pthread_mutex_lock(&pair->lock);
    bool all = pair->is_done && pair->read >= pair->sent;
    pthread_mutex_unlock(&pair->lock);
    return all;
}

static bool is_next(struct pair *pair, const struct lv_message *message)
{
    size_t size = 0;
    uint64_t number = 0;
    const void *payload = lv_message_payload(message, &size);
    if (size == pair->bytes) {
        memcpy(&number, payload, sizeof(number));
    }
    if (size == pair->bytes && number == pair->read && lv_message_offset(message) == number) {
        return true;
    }
    (void)snprintf(pair->wrong[1], sizeof(pair->wrong[1]),
                   "read message %llu at offset %llu where %llu was due",
                   (unsigned long long)number, (unsigned long long)lv_message_offset(message),
                   (unsigned long long)pair->read);
    return false;
}

static void read_all(struct pair *pair, struct lv_consumer *consumer)
{
    double end = now() + pair->seconds + PATIENCE_SECONDS;
    while (!has_all(pair) && now() < end) {
        const struct lv_message *message = NULL;
        int error = lv_consumer_next(consumer, 200, &message);
        if (error == LV_OK && !is_next(pair, message)) {
            return;
        }
        pair->read += error == LV_OK ? 1 : 0;
    }
}

static void *consume(void *context)
{
    struct pair *pair = context;
    struct lv_client *client = connect_client(pair);
    struct lv_consumer *consumer = NULL;
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    options.stream = "load";
    options.topic = "load";
    options.name = "reader";
    options.partition = pair->partition;
    options.prefetch_bytes_max = 1 << 20;
    options.wait_ms = 300;
    if (lv_consumer_open(client, &options, &consumer) != LV_OK) {
        (void)snprintf(pair->wrong[1], sizeof(pair->wrong[1]), "consumer: %s",
                       lv_client_failure(client));
    } else {
        read_all(pair, consumer);
    }
    lv_consumer_close(consumer);
    lv_client_destroy(client);
    return NULL;
}

static bool judge(const struct pair *pair)
{
    bool good = pair->wrong[0][0] == 0 && pair->wrong[1][0] == 0 && pair->failures == 0 &&
                pair->told == pair->sent && pair->read == pair->sent;
    if (!good) {
        (void)printf("partition %u: sent %llu, fates %llu, read %llu; %s %s\n", pair->partition,
                     (unsigned long long)pair->sent, (unsigned long long)pair->told,
                     (unsigned long long)pair->read, pair->wrong[0], pair->wrong[1]);
    }
    return good;
}

static bool make_topic(const struct pair *pair, uint32_t partitions)
{
    struct lv_client *client = connect_client(pair);
    struct lv_topic_options options = LV_TOPIC_OPTIONS_INIT;
    options.partitions = partitions;
    int stream = lv_stream_create(client, "load", NULL);
    int topic = lv_topic_create(client, "load", "load", &options, NULL);
    bool made = (stream == LV_OK || stream == LV_ERROR_STREAM_EXISTS) && topic == LV_OK;
    if (!made) {
        (void)printf("topic: %s\n", lv_client_failure(client));
    }
    lv_client_destroy(client);
    return made;
}

int main(int count, char **words)
{
    static struct pair pairs[PAIRS_MAX];
    int pairs_count = count > 2 ? (int)strtol(words[2], NULL, 10) : 0;
    double seconds = count > 3 ? strtod(words[3], NULL) : 0.0;
    if (pairs_count < 1 || pairs_count > PAIRS_MAX || seconds <= 0.0) {
        (void)fprintf(stderr, "library_load ADDRESS PAIRS SECONDS [BYTES [MESSAGES]]\n");
        return 2;
    }
    for (int i = 0; i < pairs_count; i++) {
        pairs[i].address = words[1];
        pairs[i].partition = (uint32_t)i;
        pairs[i].seconds = seconds;
        pairs[i].bytes = count > 4 ? (size_t)strtoul(words[4], NULL, 10) : 100;
        pairs[i].messages_max = count > 5 ? strtoull(words[5], NULL, 10) : UINT64_MAX;
        pthread_mutex_init(&pairs[i].lock, NULL);
    }
    if (!make_topic(&pairs[0], (uint32_t)pairs_count)) {
        return 1;
    }
    for (int i = 0; i < pairs_count; i++) {
        pthread_create(&pairs[i].producer, NULL, produce, &pairs[i]);
        pthread_create(&pairs[i].consumer, NULL, consume, &pairs[i]);
    }
    usleep((useconds_t)((seconds < 10.0 ? seconds / 10.0 : 1.0) * 1e6));
    long first_kib = resident_kib();
    uint64_t total = 0;
    uint64_t repeats = 0;
    uint64_t found = 0;
    bool good = true;
    for (int i = 0; i < pairs_count; i++) {
        pthread_join(pairs[i].producer, NULL);
        pthread_join(pairs[i].consumer, NULL);
        good = judge(&pairs[i]) && good;
        total += pairs[i].sent;
        repeats += pairs[i].repeats;
        found += pairs[i].found;
    }
    long grown_kib = resident_kib() - first_kib;
    (void)printf("%llu messages%s; %llu batches sent again, %llu found; memory %+ld KiB\n",
                 (unsigned long long)total, good ? ", each once and in order" : "",
                 (unsigned long long)repeats, (unsigned long long)found, grown_kib);
    bool sanitized = getenv("LIBRARY_LOAD_SANITIZED") != NULL; /* which keep what is freed */
    return good && total > 0 && (sanitized || grown_kib < GROWTH_KIB_MAX) ? 0 : 1;
}
