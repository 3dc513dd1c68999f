/* The library in a loop of your own: lines of standard input become messages, and messages of the
 * same topic are printed, in one thread with one epoll.
 *
 *     epoll_loop ADDRESS STREAM TOPIC      ends when standard input has ended and all has come back
 *
 * A client gives one descriptor for its whole life, and says how long the loop may sleep. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <levriero.h>

struct loop {
    int epoll;
    struct lv_client *client;
    struct lv_producer *producer;
    struct lv_consumer *consumer;
    char line[65536];
    size_t line_bytes;
    bool input_ended;
    unsigned long long sent;
    unsigned long long stored;
    unsigned long long printed;
};

static void on_fate(void *context, uint64_t tag, int error, uint32_t partition, uint64_t offset)
{
    struct loop *loop = context;
    (void)tag;
    (void)partition;
    (void)offset;
    loop->stored += error == LV_OK ? 1 : 0;
}

static void send_lines(struct loop *loop)
{
    char *begin = loop->line;
    char *end = NULL;
    while ((end = memchr(begin, '\n', loop->line_bytes - (size_t)(begin - loop->line))) != NULL) {
        struct lv_record record = LV_RECORD_INIT;
        record.payload = begin;
        record.payload_size = (size_t)(end - begin);
        if (lv_producer_send(loop->producer, &record) == LV_OK) {
            loop->sent++;
        }
        begin = end + 1;
    }
    loop->line_bytes -= (size_t)(begin - loop->line);
    memmove(loop->line, begin, loop->line_bytes);
}

static void on_input(struct loop *loop)
{
    ssize_t got =
        read(STDIN_FILENO, loop->line + loop->line_bytes, sizeof(loop->line) - loop->line_bytes);
    if (got <= 0) {
        loop->input_ended = true;
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        return;
    }
    loop->line_bytes += (size_t)got;
    send_lines(loop);
}

static void print_what_came(struct loop *loop)
{
    const struct lv_message *message = NULL;
    size_t size = 0;
    while (lv_consumer_next(loop->consumer, 0, &message) == LV_OK) {
        const char *payload = lv_message_payload(message, &size);
        printf("%.*s\n", (int)size, payload);
        loop->printed++;
    }
}

static void run(struct loop *loop)
{
    while (!loop->input_ended || loop->printed < loop->sent) {
        struct epoll_event events[2];
        uint32_t wait_ms = lv_client_wait_ms(loop->client);
        int timeout = wait_ms > 1000 ? 1000 : (int)wait_ms;
        int count = epoll_wait(loop->epoll, events, 2, timeout);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == STDIN_FILENO) {
                on_input(loop);
            }
        }
        int error = lv_client_run(loop->client, 0); /* whatever woke us */
        if (error != LV_OK) {
            fprintf(stderr, "%s\n", lv_client_failure(loop->client));
            return;
        }
        print_what_came(loop);
    }
}

static bool watch(const struct loop *loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    return fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_both(struct loop *loop, const char *stream, const char *topic)
{
    struct lv_producer_options send = LV_PRODUCER_OPTIONS_INIT;
    struct lv_consumer_options receive = LV_CONSUMER_OPTIONS_INIT;
    send.stream = stream;
    send.topic = topic;
    send.on_fate = on_fate;
    send.context = loop;
    receive.stream = stream;
    receive.topic = topic;
    receive.start = LV_START_NEW;
    receive.ignore_stored = 1;
    receive.commit = LV_COMMIT_NEVER;
    return lv_consumer_open(loop->client, &receive, &loop->consumer) == LV_OK &&
           lv_producer_open(loop->client, &send, &loop->producer) == LV_OK;
}

int main(int count, char **words)
{
    static struct loop loop;
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    if (count != 4) {
        fprintf(stderr, "epoll_loop ADDRESS STREAM TOPIC\n");
        return 2;
    }
    options.addresses = words[1];
    options.username = "iggy";
    options.password = "iggy";
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (lv_client_create(&options, &loop.client) != LV_OK) {
        return 2;
    }
    bool good = open_both(&loop, words[2], words[3]) && watch(&loop, STDIN_FILENO) &&
                watch(&loop, lv_client_descriptor(loop.client));
    if (good) {
        run(&loop);
    } else {
        fprintf(stderr, "%s\n", lv_client_failure(loop.client));
    }
    lv_producer_close(loop.producer);
    lv_consumer_close(loop.consumer);
    lv_client_destroy(loop.client);
    close(loop.epoll);
    return good && loop.stored == loop.sent && loop.printed == loop.sent ? 0 : 1;
}
