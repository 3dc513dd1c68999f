/* Bare limits of this machine, and load on a running server; see README.md. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"
#include "wire/batch.h"
#include "wire/command.h"
#include "wire/consumer.h"
#include "wire/frame.h"
#include "wire/login.h"
#include "wire/poll.h"
#include "wire/send.h"

/* Of the request's number in its header (wire-v2: 168). */
#define REQUEST_NUMBER_POSITION 168

struct options options = {.connections = 1,
                          .partitions = 1,
                          .size = 1u << 20,
                          .message = 1000,
                          .count = 1000,
                          .seconds = 2,
                          .generation = 2,
                          .directory = "."};

void fail(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- The bare server ---- */

static int open_file(uint32_t number)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/bare-%u", options.directory, number);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_DIRECT | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail(path);
    }
    unlink(path);
    return fd;
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + 4095) / 4096 * 4096;
}

struct bare_conn {
    int fd;
    uint32_t number;
};

static void *serve(void *context)
{
    struct bare_conn *conn = context;
    uint8_t *bytes = NULL;
    uint64_t room = aligned(options.size);
    int file = options.no_disk ? -1 : open_file(conn->number);
    if (posix_memalign((void **)&bytes, 4096, room) != 0) {
        fail("memory");
    }
    memset(bytes, 0, room);
    for (off_t at = 0;; at += (off_t)room) {
        uint64_t got = 0;
        while (got < options.size) {
            ssize_t n = recv(conn->fd, bytes + got, options.size - got, 0);
            if (n <= 0) {
                close(conn->fd);
                free(bytes);
                return NULL;
            }
            got += (uint64_t)n;
        }
        if (file >= 0 && (pwrite(file, bytes, room, at) != (ssize_t)room || fdatasync(file) != 0)) {
            fail("bare write");
        }
        if (send(conn->fd, bytes, 16, MSG_NOSIGNAL) != 16) {
            fail("bare send");
        }
    }
}

static int listen_bare(char *address, size_t capacity)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, size) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        fail("listen");
    }
    snprintf(address, capacity, "127.0.0.1:%u", ntohs(at.sin_port));
    return fd;
}

static uint64_t bare_reply_size(const struct load_conn *conn)
{
    (void)conn;
    return 16;
}

static bool bare_on_reply(struct load_conn *conn)
{
    (void)conn;
    return true;
}

struct load new_load(void)
{
    struct load load = {.conns_count = options.connections, .seconds = options.seconds};
    load.conns = calloc(options.connections, sizeof(struct load_conn));
    if (load.conns == NULL) {
        fail("memory");
    }
    return load;
}

#define PAUSE_US 1000
#define PACED_MAX 100000u

/* One request at a time with a pause before it, as messages come to a consumer that waits. */
static void run_paced(struct load *load)
{
    const struct load_conn *conn = &load->conns[0];
    uint8_t reply[16];
    uint64_t began_ns = load_now_ns();
    load->latencies_us = calloc(PACED_MAX, sizeof(uint32_t));
    do {
        usleep(PAUSE_US);
        uint64_t sent_ns = load_now_ns();
        load_send_all(conn->fd, conn->request, conn->request_bytes);
        load_receive_all(conn->fd, reply, sizeof(reply));
        load->latencies_us[load->replies++] = (uint32_t)((load_now_ns() - sent_ns) / 1000);
        load->elapsed = (double)(load_now_ns() - began_ns) / 1e9;
    } while (load->elapsed < options.seconds && load->replies < PACED_MAX);
    load->latencies_count = (uint32_t)load->replies;
}

static int measure_bare(void)
{
    char address[64];
    int listener = listen_bare(address, sizeof(address));
    struct load load = new_load();
    load.reply_size = bare_reply_size;
    load.on_reply = bare_on_reply;
    uint8_t *request = calloc(1, options.size);
    for (uint32_t i = 0; i < options.connections; i++) {
        struct bare_conn *conn = calloc(1, sizeof(*conn));
        pthread_t thread;
        load.conns[i].fd = load_connect(address);
        load.conns[i].request = request;
        load.conns[i].request_bytes = options.size;
        *conn = (struct bare_conn){.fd = accept(listener, NULL, NULL), .number = i};
        if (pthread_create(&thread, NULL, serve, conn) != 0) {
            fail("thread");
        }
    }
    if (options.paced) {
        run_paced(&load);
    } else {
        load_run(&load);
    }
    load_print(&load, options.no_disk ? "loop" : "exchange", options.size);
    return 0;
}

static int measure_disk(void)
{
    uint8_t *bytes = NULL;
    uint64_t room = aligned(options.size);
    int file = open_file(0);
    if (posix_memalign((void **)&bytes, 4096, room) != 0) {
        fail("memory");
    }
    memset(bytes, 1, room);
    uint64_t began_ns = load_now_ns();
    uint64_t writes = 0;
    while (load_now_ns() - began_ns < (uint64_t)(options.seconds * 1e9)) {
        if (pwrite(file, bytes, room, (off_t)(writes * room)) != (ssize_t)room ||
            fdatasync(file) != 0) {
            fail("disk");
        }
        writes++;
    }
    double elapsed = (double)(load_now_ns() - began_ns) / 1e9;
    printf("{\"name\": \"disk\", \"replies\": %llu, \"replies_per_second\": %.1f, "
           "\"bytes_per_second\": %.0f}\n",
           (unsigned long long)writes, (double)writes / elapsed,
           (double)(writes * options.size) / elapsed);
    return 0;
}

/* ---- Load on the server ---- */

static struct request_header header_of(enum command command, uint64_t session, uint64_t number)
{
    const struct command_row *row = command_row(command);
    return (struct request_header){.client = {(uint64_t)getpid() << 20 | number, 7},
                                   .operation = row->op,
                                   .code = row->op == OP_NON_REPLICATED ? row->code : 0,
                                   .session = session,
                                   .request = command == COMMAND_REGISTER ? 0 : 1};
}

static uint64_t log_in(int fd, uint64_t number)
{
    uint8_t frame[1024];
    struct writer writer = writer_over(frame + FRAME_HEADER_BYTES, 512);
    login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                               .sdk_name = span_of("measure"),
                                               .sdk_version = span_of("1")},
                        &writer);
    login_password_encode(
        &(struct login_password){.username = span_of("iggy"), .password = span_of("iggy")},
        &writer);
    struct request_header header = header_of(COMMAND_REGISTER, 0, number);
    header.size = FRAME_HEADER_BYTES + writer.position;
    request_header_encode(&header, frame);
    load_send_all(fd, frame, header.size);
    load_receive_all(fd, frame, FRAME_HEADER_BYTES);
    struct reply_header reply = {0};
    struct login_reply login = {0};
    u32 error = 0;
    if (reply_header_decode(frame, &reply) != OK || reply.size > sizeof(frame)) {
        fail("login refused");
    }
    load_receive_all(fd, frame + FRAME_HEADER_BYTES, reply.size - FRAME_HEADER_BYTES);
    struct span body = {frame + FRAME_HEADER_BYTES, reply.size - FRAME_HEADER_BYTES};
    if (login_reply_decode(body, &login, &error) != OK || error != 0) {
        fail("login refused");
    }
    return login.session;
}

static uint64_t wire_reply_size(const struct load_conn *conn)
{
    return conn->received < 52 ? 0 : get_u32(conn->header + 48);
}

static bool is_success(const struct load_conn *conn)
{
    return conn->header[60] == FRAME_COMMAND_REPLY && get_u32(conn->header + 216) == 0;
}

/* Each request has a number of its own: the same one again would be answered without an append. */
static bool append_on_reply(struct load_conn *conn)
{
    uint8_t *frame = (uint8_t *)(uintptr_t)conn->request;
    put_u64(frame + REQUEST_NUMBER_POSITION, ++conn->user);
    return is_success(conn);
}

/* A whole SendMessages frame of options.size payload bytes to partition number % partitions. */
static void make_append(struct load_conn *conn, uint32_t number, uint64_t session)
{
    uint32_t messages = options.size > options.message ? options.size / options.message : 1;
    uint32_t message = options.size > options.message ? options.message : options.size;
    uint32_t room = 4096 + messages * (message + MESSAGE_FRAME_HEADER_BYTES);
    uint8_t *frame = calloc(1, room);
    uint8_t *payload = calloc(1, message + 1);
    struct writer writer = writer_over(frame + FRAME_HEADER_BYTES, 2048);
    send_request_encode(
        &(struct send_request){.stream = identifier_of_name(span_of("measure")),
                               .topic = identifier_of_name(span_of("measure")),
                               .partitioning = {.kind = PARTITIONING_PARTITION,
                                                .partition_id = number % options.partitions},
                               .messages_count = messages},
        &writer);
    struct batch_builder builder;
    batch_builder_init(&builder, writer.data + writer.position,
                       room - FRAME_HEADER_BYTES - writer.position, 1);
    for (uint32_t i = 0; i < messages; i++) {
        struct batch_message one = {
            .id = {number + 1, i + 1}, .origin_timestamp_us = 1, .payload = {payload, message}};
        if (batch_builder_add(&builder, &one) != OK) {
            fail("batch");
        }
    }
    struct request_header header = header_of(COMMAND_SEND_MESSAGES, session, number);
    header.size = FRAME_HEADER_BYTES + writer.position + batch_builder_finish(&builder);
    request_header_encode(&header, frame);
    conn->request = frame;
    conn->request_bytes = header.size;
    conn->user = header.request;
    free(payload);
}

static int measure_append(void)
{
    struct load load = new_load();
    load.reply_size = wire_reply_size;
    load.on_reply = append_on_reply;
    for (uint32_t i = 0; i < options.connections; i++) {
        load.conns[i].fd = load_connect(options.address);
        make_append(&load.conns[i], i, log_in(load.conns[i].fd, i));
    }
    load_run(&load);
    load_print(&load, "append", options.size);
    return 0;
}

struct poll_request first_poll(uint32_t number)
{
    return (struct poll_request){
        .consumer = {CONSUMER_SINGLE, identifier_of_id(number + 1)},
        .stream = identifier_of_name(span_of("measure")),
        .topic = identifier_of_name(span_of("measure")),
        .partition = {true, number % options.partitions},
        .strategy = POLL_OFFSET,
        .count = options.count,
    };
}

struct poll_frame {
    uint8_t bytes[512];
    struct poll_request poll;
    struct request_header header;
};

static void write_poll(struct load_conn *conn)
{
    struct poll_frame *frame = (struct poll_frame *)(uintptr_t)conn->user;
    struct writer writer = writer_over(frame->bytes + FRAME_HEADER_BYTES, 256);
    poll_request_encode(&frame->poll, &writer);
    frame->header.size = FRAME_HEADER_BYTES + writer.position;
    request_header_encode(&frame->header, frame->bytes);
    conn->request = frame->bytes;
    conn->request_bytes = frame->header.size;
}

static bool poll_on_reply(struct load_conn *conn)
{
    struct poll_frame *frame = (struct poll_frame *)(uintptr_t)conn->user;
    if (!is_success(conn)) {
        return false;
    }
    uint32_t count = get_u32(conn->header + FRAME_HEADER_BYTES + 12);
    conn->is_over = count == 0 && options.once;
    frame->poll.value = count == 0 ? 0 : frame->poll.value + count; /* from the start again */
    write_poll(conn);
    return true;
}

static int measure_poll(void)
{
    struct load load = new_load();
    load.reply_size = wire_reply_size;
    load.on_reply = poll_on_reply;
    for (uint32_t i = 0; i < options.connections; i++) {
        struct poll_frame *frame = calloc(1, sizeof(*frame));
        load.conns[i].fd = load_connect(options.address);
        frame->header = header_of(COMMAND_POLL_MESSAGES, log_in(load.conns[i].fd, i), i);
        frame->poll = first_poll(i);
        load.conns[i].user = (uint64_t)(uintptr_t)frame;
        write_poll(&load.conns[i]);
    }
    load_run(&load);
    load_print(&load, "poll", 0);
    return 0;
}

/* ---- Waiting reads ---- */

/* Asks for messages from `offset` on, and to wait for them. */
static void ask_and_wait(int fd, uint64_t session, uint64_t number, uint64_t offset)
{
    uint8_t frame[512];
    struct writer writer = writer_over(frame + FRAME_HEADER_BYTES, sizeof(frame) - 256);
    struct poll_request poll = {
        .consumer = {CONSUMER_SINGLE, identifier_of_id(1)},
        .stream = identifier_of_name(span_of("measure")),
        .topic = identifier_of_name(span_of("measure")),
        .partition = {true, (uint32_t)(number % options.partitions)},
        .strategy = POLL_OFFSET,
        .value = offset,
        .count = 1,
    };
    poll_waiting_request_encode(POLL_WAIT_MS_MAX, &poll, &writer);
    struct request_header header = header_of(COMMAND_POLL_MESSAGES_WAITING, session, number);
    header.size = FRAME_HEADER_BYTES + writer.position;
    request_header_encode(&header, frame);
    load_send_all(fd, frame, header.size);
}

/* A whole reply; its status is success. */
static void take_reply(int fd)
{
    static uint8_t reply[1 << 20];
    load_receive_all(fd, reply, FRAME_HEADER_BYTES);
    uint32_t size = get_u32(reply + 48);
    if (size > sizeof(reply) || get_u32(reply + 216) != 0) {
        fail("a reply that says no");
    }
    load_receive_all(fd, reply + FRAME_HEADER_BYTES, size - FRAME_HEADER_BYTES);
}

/* One message at a time to a consumer that waits: from its first byte until the consumer has it. */
static int measure_delivery(void)
{
    struct load_conn producer = {.fd = load_connect(options.address)};
    int consumer = load_connect(options.address);
    uint64_t session = log_in(consumer, 1);
    make_append(&producer, 0, log_in(producer.fd, 2));
    struct load load = {.latencies_us = calloc(PACED_MAX, sizeof(uint32_t))};
    uint64_t began_ns = load_now_ns();
    do {
        ask_and_wait(consumer, session, 0, load.replies);
        usleep(PAUSE_US); /* it is held by then */
        uint64_t sent_ns = load_now_ns();
        load_send_all(producer.fd, producer.request, producer.request_bytes);
        take_reply(consumer);
        load.latencies_us[load.replies++] = (uint32_t)((load_now_ns() - sent_ns) / 1000);
        take_reply(producer.fd);
        put_u64((uint8_t *)(uintptr_t)producer.request + REQUEST_NUMBER_POSITION, ++producer.user);
        load.elapsed = (double)(load_now_ns() - began_ns) / 1e9;
    } while (load.elapsed < options.seconds && load.replies < PACED_MAX);
    load.latencies_count = (uint32_t)load.replies;
    load_print(&load, "delivery", options.size);
    return 0;
}

/* Logged-in connections that do nothing for `seconds`, or (`waits`) wait for a message. */
static int measure_idle(bool waits)
{
    for (uint32_t i = 0; i < options.connections; i++) {
        int fd = load_connect(options.address);
        uint64_t session = log_in(fd, i);
        if (waits) {
            ask_and_wait(fd, session, i, 0);
        }
    }
    printf("{\"name\": \"idle\", \"connections\": %u}\n", options.connections);
    fflush(stdout);
    usleep((useconds_t)(options.seconds * 1e6));
    return 0;
}

static bool take_option(const char *name, const char *value)
{
    struct {
        const char *name;
        uint32_t *number;
    } numbers[] = {{"--connections", &options.connections},
                   {"--partitions", &options.partitions},
                   {"--size", &options.size},
                   {"--message", &options.message},
                   {"--count", &options.count},
                   {"--generation", &options.generation}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].number = (uint32_t)strtoul(value, NULL, 10);
            return *numbers[i].number > 0;
        }
    }
    if (strcmp(name, "--seconds") == 0) {
        options.seconds = strtod(value, NULL);
        return options.seconds > 0;
    }
    const char **text = strcmp(name, "--address") == 0     ? &options.address
                        : strcmp(name, "--directory") == 0 ? &options.directory
                                                           : NULL;
    if (text != NULL) {
        *text = value;
    }
    return text != NULL;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--no-disk") == 0) {
            options.no_disk = true;
        } else if (strcmp(argv[i], "--once") == 0) {
            options.once = true;
        } else if (strcmp(argv[i], "--paced") == 0) {
            options.paced = true;
        } else if (i + 1 >= argc || !take_option(argv[i], argv[i + 1])) {
            fprintf(stderr, "measure: %s: see README.md\n", argv[i]);
            return 2;
        } else {
            i++;
        }
    }
    if (strcmp(what, "bare") == 0) {
        return measure_bare();
    }
    if (strcmp(what, "disk") == 0) {
        return measure_disk();
    }
    if (options.address != NULL && strcmp(what, "append") == 0) {
        return options.generation == 1 ? measure_append_v1() : measure_append();
    }
    if (options.address != NULL && strcmp(what, "waiting") == 0) {
        return measure_idle(true);
    }
    if (options.address != NULL && strcmp(what, "delivery") == 0) {
        return measure_delivery();
    }
    if (options.address != NULL && strcmp(what, "poll") == 0) {
        return options.generation == 1 ? measure_poll_v1() : measure_poll();
    }
    if (options.address != NULL && strcmp(what, "idle") == 0) {
        return measure_idle(false);
    }
    fprintf(stderr,
            "measure: bare or disk; append, poll, delivery, idle or waiting with --address\n");
    return 2;
}
