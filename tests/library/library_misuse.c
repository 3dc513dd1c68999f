/* What a program does wrong, or has done to it: every call must come back, with an error that fits,
 * and the library must stay usable.
 *
 *     library_misuse ADDRESS
 *
 * Says `N as expected`, or what was not. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "levriero.h"

#define GARBAGE_ROUNDS 200u
#define FRAME_BYTES 256u

static unsigned expected;
static unsigned failures;
static const char *address;

static void judge(long long is, long long wanted, const char *what)
{
    expected += is == wanted ? 1 : 0;
    if (is != wanted) {
        failures++;
        (void)printf("%s is %lld, expected %lld\n", what, is, wanted);
    }
}

#define EXPECT(is, wanted) judge((long long)(is), (long long)(wanted), #is)

static uint64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static struct lv_client *client_as(const char *to, const char *username)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    options.addresses = to;
    options.username = username;
    options.password = username;
    options.reconnect_delay_ms_min = 1;
    options.reconnect_delay_ms_max = 5;
    EXPECT(lv_client_create(&options, &client), LV_OK);
    return client;
}

static struct lv_client *client_to(const char *to)
{
    return client_as(to, "iggy");
}

/* ---- Arguments ---- */

static void give_nothing(struct lv_client *client)
{
    struct lv_client *none = NULL;
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    options.size = 0;
    EXPECT(lv_client_create(&options, &none), LV_OK); /* all of it is default */
    lv_client_destroy(none);
    lv_client_destroy(NULL);
    lv_producer_close(NULL);
    lv_consumer_close(NULL);
    lv_headers_destroy(NULL);
    lv_permissions_destroy(NULL);
    lv_result_destroy(NULL);
    lv_mock_destroy(NULL);
    EXPECT(lv_stream(client, NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_stream_create(client, NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_topic(client, "s", NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_topic_create(client, NULL, NULL, NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_topic_delete(client, "s", NULL), LV_ERROR_INVALID);
    EXPECT(lv_partitions_add(client, "s", NULL, 1), LV_ERROR_INVALID);
    EXPECT(lv_segments_delete(client, "s", NULL, 0, 1), LV_ERROR_INVALID);
    EXPECT(lv_groups(client, "s", NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_group(client, "s", "t", NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_stream_rename(client, "s", NULL), LV_ERROR_INVALID);
    EXPECT(lv_user(client, NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_user_create(client, NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_user_set_password(client, "u", NULL, "x"), LV_ERROR_INVALID);
    EXPECT(lv_token_create(client, NULL, 0, NULL), LV_ERROR_INVALID);
    EXPECT(lv_offset(client, NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_poll(client, NULL, NULL, NULL), LV_ERROR_INVALID);
    EXPECT(lv_call(client, 1, NULL, 7, NULL), LV_ERROR_INVALID);
    EXPECT(lv_call(client, 1, "", (size_t)1 << 40, NULL), LV_ERROR_INVALID);
}

static void open_with_nothing(struct lv_client *client)
{
    struct lv_producer_options produce = LV_PRODUCER_OPTIONS_INIT;
    struct lv_consumer_options consume = LV_CONSUMER_OPTIONS_INIT;
    struct lv_producer *producer = NULL;
    struct lv_consumer *consumer = NULL;
    EXPECT(lv_producer_open(client, NULL, &producer), LV_ERROR_INVALID);
    EXPECT(lv_consumer_open(client, NULL, &consumer), LV_ERROR_INVALID);
    EXPECT(lv_producer_open(client, &produce, &producer), LV_ERROR_INVALID);
    EXPECT(lv_consumer_open(client, &consume, &consumer), LV_ERROR_INVALID);
    produce.stream = "misuse";
    produce.topic = "none";
    EXPECT(lv_producer_open(client, &produce, &producer), LV_ERROR_TOPIC_NOT_FOUND);
    produce.batch_bytes_max = UINT32_MAX;
    EXPECT(lv_producer_open(client, &produce, &producer), LV_ERROR_INVALID);
    EXPECT(producer == NULL, 1);
    consume.stream = "misuse";
    consume.topic = "none";
    EXPECT(lv_consumer_open(client, &consume, &consumer), LV_ERROR_TOPIC_NOT_FOUND);
    consume.start = 99;
    EXPECT(lv_consumer_open(client, &consume, &consumer), LV_ERROR_INVALID);
    EXPECT(consumer == NULL, 1);
}

static struct lv_producer *open_producer(struct lv_client *client, lv_fate_function on_fate,
                                         void *context)
{
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct lv_producer *producer = NULL;
    options.stream = "misuse";
    options.topic = "t";
    options.on_fate = on_fate;
    options.context = context;
    EXPECT(lv_producer_open(client, &options, &producer), LV_OK);
    return producer;
}

static void send_what_is_wrong(struct lv_client *client)
{
    struct lv_producer *producer = open_producer(client, NULL, NULL);
    struct lv_record record = LV_RECORD_INIT;
    record.payload = NULL;
    record.payload_size = 5;
    EXPECT(lv_producer_send(producer, &record), LV_ERROR_INVALID);
    record.payload = "x";
    record.payload_size = SIZE_MAX;
    EXPECT(lv_producer_send(producer, &record), LV_ERROR_TOO_LARGE);
    record.payload_size = (size_t)UINT32_MAX + 2;
    EXPECT(lv_producer_send(producer, &record), LV_ERROR_TOO_LARGE);
    record.payload_size = 1;
    record.partition = 99;
    EXPECT(lv_producer_send(producer, &record), LV_ERROR_PARTITION_NOT_FOUND);
    record.partition = LV_PARTITION_ANY;
    record.key = "k";
    record.key_size = 256;
    EXPECT(lv_producer_send(producer, &record), LV_ERROR_INVALID);
    EXPECT(lv_producer_send(producer, NULL), LV_ERROR_INVALID);
    EXPECT(lv_producer_waiting_count(producer), 0);
    EXPECT(lv_producer_take(producer, NULL, NULL, NULL, NULL), 0);
    lv_producer_close(producer);
}

/* ---- Callbacks that call back ---- */

struct inside {
    struct lv_client *client;
    struct lv_producer *producer;
    unsigned fates;
};

static void call_from_inside(void *context, uint64_t tag, int error, uint32_t partition,
                             uint64_t offset)
{
    struct inside *inside = context;
    struct lv_record record = LV_RECORD_INIT;
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    struct lv_consumer *consumer = NULL;
    (void)partition;
    (void)offset;
    inside->fates++;
    EXPECT(error, LV_OK);
    if (tag != 0) {
        return;
    }
    options.stream = "misuse";
    options.topic = "t";
    EXPECT(lv_ping(inside->client), LV_ERROR_BUSY);
    EXPECT(lv_client_run(inside->client, 10), LV_ERROR_BUSY);
    EXPECT(lv_client_connect(inside->client), LV_OK); /* it is */
    EXPECT(lv_consumer_open(inside->client, &options, &consumer), LV_ERROR_BUSY);
    EXPECT(lv_client_is_connected(inside->client), 1);
    record.payload = "from inside";
    record.payload_size = 11;
    record.tag = 1;
    EXPECT(lv_producer_send(inside->producer, &record), LV_OK);
    EXPECT(lv_producer_flush(inside->producer, 10), LV_ERROR_BUSY);
}

static void call_back(struct lv_client *client)
{
    struct inside inside = {.client = client};
    struct lv_record record = LV_RECORD_INIT;
    inside.producer = open_producer(client, call_from_inside, &inside);
    record.payload = "x";
    record.payload_size = 1;
    EXPECT(lv_producer_send(inside.producer, &record), LV_OK);
    EXPECT(lv_producer_flush(inside.producer, 60000), LV_OK);
    EXPECT(inside.fates, 2);
    lv_producer_close(inside.producer);
    EXPECT(inside.fates, 2);
}

/* ---- Time, fork ---- */

static void hurry(struct lv_client *client)
{
    lv_client_set_timeout_ms(client, 1);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t begin_ms = now_ms();
        int error = lv_streams(client, NULL);
        EXPECT(error == LV_OK || error == LV_ERROR_TIMEOUT || error == LV_ERROR_CONNECTION, 1);
        EXPECT(now_ms() - begin_ms < 10000, 1);
    }
    lv_client_set_timeout_ms(client, 60000);
    EXPECT(lv_ping(client), LV_OK); /* late answers confuse nobody */
}

/* The child makes a client of its own and leaves the parent's alone. */
static void split(struct lv_client *client)
{
    EXPECT(lv_ping(client), LV_OK);
    pid_t child = fork();
    if (child == 0) {
        struct lv_client *own = client_to(address);
        int error = lv_ping(own);
        lv_client_destroy(own);
        _exit(error == LV_OK ? 0 : 1);
    }
    int status = -1;
    EXPECT(waitpid(child, &status, 0), child);
    EXPECT(status, 0);
    EXPECT(lv_ping(client), LV_OK);
}

/* ---- A server that answers garbage ---- */

struct liar {
    int listener;
    char address[32];
    pthread_t thread;
};

static uint32_t next_chance(uint32_t *chance)
{
    *chance = *chance * 1664525u + 1013904223u;
    return *chance >> 8;
}

/* Noise, or the head of an answer to `asked` with noise behind it, of any size. */
static size_t make_garbage(const unsigned char *asked, unsigned char *bytes, size_t bytes_max,
                           uint32_t *chance)
{
    static const uint32_t sizes[] = {0, FRAME_BYTES - 1, FRAME_BYTES, 300, 1u << 20, UINT32_MAX};
    size_t count = next_chance(chance) % bytes_max;
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (unsigned char)next_chance(chance);
    }
    if (next_chance(chance) % 4 != 0 && count >= FRAME_BYTES) {
        uint32_t size = sizes[next_chance(chance) % 6];
        size = next_chance(chance) % 4 != 0 ? (uint32_t)count : size;
        memset(bytes, 0, FRAME_BYTES);
        memcpy(bytes + 48, &size, sizeof(size));
        bytes[60] = (unsigned char)(next_chance(chance) % 8 != 0 ? 8 : next_chance(chance));
        memcpy(bytes + 200, asked + 168, 8); /* the number of the request */
        bytes[208] = asked[176];
        memset(bytes + FRAME_BYTES, 0, count - FRAME_BYTES < 4 ? count - FRAME_BYTES : 4);
    }
    return count;
}

static void *lie(void *context)
{
    struct liar *liar = context;
    uint32_t chance = 7;
    unsigned char asked[4096];
    unsigned char bytes[4096];
    for (unsigned i = 0; i < GARBAGE_ROUNDS; i++) {
        int fd = accept(liar->listener, NULL, NULL);
        if (fd < 0) {
            break;
        }
        ssize_t got = recv(fd, asked, sizeof(asked), 0);
        size_t count = make_garbage(asked, bytes, sizeof(bytes), &chance);
        (void)!send(fd, bytes, got >= (ssize_t)FRAME_BYTES ? count : 0, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void start_liar(struct liar *liar)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(to);
    liar->listener = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(bind(liar->listener, (struct sockaddr *)&to, sizeof(to)), 0);
    EXPECT(listen(liar->listener, 16), 0);
    EXPECT(getsockname(liar->listener, (struct sockaddr *)&to, &size), 0);
    (void)snprintf(liar->address, sizeof(liar->address), "127.0.0.1:%u", ntohs(to.sin_port));
    EXPECT(pthread_create(&liar->thread, NULL, lie, liar), 0);
}

static int ask_something(struct lv_client *client, unsigned turn, struct lv_result *result)
{
    struct lv_place place = LV_PLACE_INIT;
    place.stream = "s";
    place.topic = "t";
    switch (turn % 8) {
    case 0: return lv_streams(client, result);
    case 1: return lv_topic(client, "s", "t", result);
    case 2: return lv_user(client, "u", result);
    case 3: return lv_group(client, "s", "t", "g", result);
    case 4: return lv_poll(client, &place, NULL, result);
    case 5: return lv_connections(client, result);
    case 6: return lv_options(client, 1, result);
    default: return lv_group_sync(client, "s", "t", "g", result);
    }
}

/* In the answer to a login, or to questions: whatever comes is an error or rows that end. */
static void hear_lies(bool logs_in)
{
    struct liar liar;
    start_liar(&liar);
    struct lv_client *client = client_as(liar.address, logs_in ? "iggy" : NULL);
    struct lv_result *result = lv_result_create();
    lv_client_set_timeout_ms(client, 100);
    for (unsigned i = 0; lv_client_connections_count(client) < GARBAGE_ROUNDS; i++) {
        unsigned rows = 0;
        int error = ask_something(client, i, result);
        while (error == LV_OK && lv_result_next(result) != LV_ROW_NONE && rows < 10000) {
            rows++;
        }
        EXPECT(rows < 10000, 1);
        if (i > 4 * GARBAGE_ROUNDS) {
            break; /* the connection is not lost with each */
        }
    }
    lv_result_destroy(result);
    lv_client_destroy(client); /* what waits for a connection is over with it */
    shutdown(liar.listener, SHUT_RDWR);
    pthread_join(liar.thread, NULL);
    close(liar.listener);
}

/* ---- A server that is silent ---- */

static void wait_in_vain(void)
{
    struct lv_mock *mock = NULL;
    EXPECT(lv_mock_create(&mock), LV_OK);
    lv_mock_topic(mock, "misuse", "t", 1);
    struct lv_client *client = client_to(lv_mock_address(mock));
    struct lv_producer *producer = open_producer(client, NULL, NULL);
    struct lv_record record = LV_RECORD_INIT;
    uint64_t tag = 0;
    int error = LV_OK;
    record.payload = "x";
    record.payload_size = 1;
    record.tag = 5;
    EXPECT(lv_producer_send(producer, &record), LV_OK);
    lv_mock_pause(mock, 1);
    EXPECT(lv_producer_flush(producer, 50), LV_ERROR_TIMEOUT);
    lv_client_set_timeout_ms(client, 1);
    EXPECT(lv_ping(client), LV_ERROR_TIMEOUT);
    EXPECT(lv_producer_waiting_count(producer), 1);
    lv_mock_pause(mock, 0);
    EXPECT(lv_producer_flush(producer, 60000), LV_OK);
    EXPECT(lv_producer_take(producer, &tag, &error, NULL, NULL), 1);
    EXPECT(tag, 5);
    EXPECT(error, LV_OK);
    lv_producer_close(producer);
    lv_client_destroy(client);
    lv_mock_destroy(mock);
}

int main(int count, char **words)
{
    address = count > 1 ? words[1] : "127.0.0.1:8090";
    struct lv_client *client = client_to(address);
    struct lv_topic_options options = LV_TOPIC_OPTIONS_INIT;
    options.partitions = 2;
    EXPECT(lv_stream_create(client, "misuse", NULL), LV_OK);
    EXPECT(lv_topic_create(client, "misuse", "t", &options, NULL), LV_OK);
    give_nothing(client);
    open_with_nothing(client);
    send_what_is_wrong(client);
    call_back(client);
    hurry(client);
    split(client);
    hear_lies(true);
    hear_lies(false);
    wait_in_vain();
    lv_client_destroy(client);
    (void)printf("%u as expected, %u not\n", expected, failures);
    return failures == 0 ? 0 : 1;
}
