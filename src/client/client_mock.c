/* The thread and the sockets of the server in memory, its faults, and lv_mock_*. */
#include "client/client_mock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

#define REPLY_BYTES_MAX (48u << 20)
#define READ_BYTES (256u * 1024u)

static u64 now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

static u8 *room_for(u8 *memory, u32 *capacity, u32 bytes)
{
    if (bytes > *capacity) {
        *capacity = u32_max(bytes, *capacity * 2);
        memory = mem_resize(memory, *capacity);
    }
    return memory;
}

/* ---- Connections ---- */

static void close_connection(struct lv_mock *mock, struct mock_connection *connection)
{
    if (connection->fd < 0) {
        return;
    }
    close(connection->fd);
    if (connection->is_known) {
        mock_leave_all(mock, connection->client);
    }
    mem_return(connection->input);
    mem_return(connection->output);
    for (u32 i = 0; i < MOCK_HELD_MAX; i++) {
        mem_return(connection->held[i].frame);
    }
    *connection = (struct mock_connection){.fd = -1};
}

static void accept_one(struct lv_mock *mock)
{
    int fd = accept4(mock->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    for (u32 i = 0; fd >= 0 && i < MOCK_CONNECTIONS_MAX; i++) {
        if (mock->connections[i].fd < 0) {
            mock->connections[i].fd = fd;
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void put(struct mock_connection *connection, const void *bytes, u32 count)
{
    connection->output = room_for(connection->output, &connection->output_capacity,
                                  connection->output_bytes + count);
    if (count > 0) {
        memcpy(connection->output + connection->output_bytes, bytes, count);
    }
    connection->output_bytes += count;
}

/* ---- One request ---- */

static struct mock_rule *find_rule(struct lv_mock *mock, u32 code)
{
    for (u32 i = 0; i < mock->rules_count; i++) {
        struct mock_rule *rule = &mock->rules[i];
        if (rule->count > 0 && (rule->code == 0 || rule->code == code)) {
            return rule;
        }
    }
    return NULL;
}

static enum wire_error carry_out(struct mock_request *request)
{
    u32 code = command_row(request->command)->code;
    bool before_login = request->command == COMMAND_REGISTER || request->command == COMMAND_PING;
    if (!request->connection->is_known && !before_login) {
        return WIRE_UNAUTHENTICATED;
    }
    if (code >= 600 && code <= 606) {
        return mock_groups_do(request);
    }
    bool messages = (code >= 100 && code <= 122) || code == 10100;
    return messages ? mock_messages_do(request) : mock_streams_do(request);
}

static void answer(struct mock_request *request, enum wire_error error)
{
    struct mock_connection *connection = request->connection;
    bool framed = command_row(request->command)->framed && request->command != COMMAND_REGISTER;
    u32 result_bytes = error == WIRE_OK && framed ? RESULT_OK_BYTES : 0;
    u32 body_bytes = error == WIRE_OK ? request->reply->position : 0;
    u8 header_bytes[FRAME_HEADER_BYTES];
    u8 result[RESULT_OK_BYTES] = {0};
    struct reply_header header =
        reply_header_for(&request->header, error, result_bytes + body_bytes);
    reply_header_encode(&header, header_bytes);
    put(connection, header_bytes, sizeof(header_bytes));
    put(connection, result, result_bytes);
    put(connection, request->reply->data, body_bytes);
}

static void refuse_login(struct mock_request *request)
{
    u8 bytes[FRAME_HEADER_BYTES];
    struct eviction eviction = eviction_for(request->header.client, EVICTION_INVALID_CREDENTIALS);
    eviction_encode(&eviction, bytes);
    put(request->connection, bytes, sizeof(bytes));
}

static struct mock_held *free_held(struct mock_connection *connection)
{
    for (u32 i = 0; i < MOCK_HELD_MAX; i++) {
        if (connection->held[i].frame == NULL) {
            return &connection->held[i];
        }
    }
    return NULL;
}

static void hold(struct mock_request *request, const u8 *frame)
{
    struct mock_connection *connection = request->connection;
    struct mock_held *held = free_held(connection);
    check(held != NULL); /* or else it may not hold */
    held->frame = mem_take(request->header.size);
    memcpy(held->frame, frame, request->header.size);
    held->until_us = request->hold_until_us == MOCK_HELD_ANEW
                         ? now_us() + request->hold_ms * US_PER_MS
                         : request->hold_until_us;
}

static void serve(struct mock_request *request, const u8 *frame)
{
    struct lv_mock *mock = request->mock;
    u32 code = command_row(request->command)->code;
    struct mock_rule *rule = find_rule(mock, code);
    if (rule != NULL) {
        rule->count--;
    }
    if (rule != NULL && rule->error != 0) {
        answer(request, (enum wire_error)rule->error);
        return;
    }
    bool lost = rule != NULL;
    if (lost && rule->moment == LV_MOCK_BEFORE) {
        request->connection->must_close = true;
        return;
    }
    enum wire_error error = carry_out(request);
    error = request->reply->failed ? WIRE_TOO_BIG_MESSAGE_PAYLOAD : error;
    if (lost) {
        request->connection->must_close = true;
    } else if (request->holds) {
        hold(request, frame);
    } else if (request->command == COMMAND_REGISTER && error != WIRE_OK) {
        refuse_login(request);
    } else {
        answer(request, error);
    }
}

static void take_frame(struct lv_mock *mock, struct mock_connection *connection, const u8 *frame,
                       u64 hold_until_us)
{
    struct request_header header;
    request_header_decode(frame, &header);
    u32 capacity = REPLY_BYTES_MAX;
    u8 *memory = mem_take(capacity);
    struct writer reply = writer_over(memory, capacity);
    struct mock_request request = {
        .mock = mock,
        .connection = connection,
        .header = header,
        .body = {frame + FRAME_HEADER_BYTES, header.size - FRAME_HEADER_BYTES},
        .reply = &reply,
        .hold_until_us = hold_until_us,
    };
    enum wire_error error = command_find(header.operation, header.code, &request.command);
    if (error != WIRE_OK) {
        request.command = COMMAND_PING; /* without a result section */
        answer(&request, error);
    } else {
        if (hold_until_us == MOCK_HELD_ANEW) {
            mock->requests[request.command]++;
        }
        serve(&request, frame);
    }
    mem_return(memory);
}

/* ---- Polls that wait ---- */

/* Tries it once more, and waits on until then, or not: 0. */
static void release(struct lv_mock *mock, struct mock_connection *connection,
                    struct mock_held *held, u64 until_us)
{
    u8 *frame = held->frame;
    held->frame = NULL;
    take_frame(mock, connection, frame, until_us);
    mem_return(frame);
}

static void release_all(struct lv_mock *mock, struct mock_connection *connection)
{
    for (u32 i = 0; i < MOCK_HELD_MAX; i++) {
        if (connection->held[i].frame != NULL) {
            release(mock, connection, &connection->held[i], 0);
        }
    }
}

/* Polls that wait do so together, as far as there is room; anything else ends them. */
static bool goes_together(struct mock_connection *connection, const struct request_header *header)
{
    enum command command;
    return command_find(header->operation, header->code, &command) == WIRE_OK &&
           command == COMMAND_POLL_MESSAGES_WAITING && free_held(connection) != NULL;
}

static void take_frames(struct lv_mock *mock, struct mock_connection *connection)
{
    u32 at = 0;
    while (connection->input_bytes - at >= FRAME_HEADER_BYTES && !connection->must_close) {
        struct request_header header;
        request_header_decode(connection->input + at, &header);
        if (request_header_validate(&header, FRAME_BYTES_MAX) != OK) {
            connection->must_close = true;
            return;
        }
        if (header.size > connection->input_bytes - at) {
            break;
        }
        if (!goes_together(connection, &header)) {
            release_all(mock, connection);
        }
        take_frame(mock, connection, connection->input + at, MOCK_HELD_ANEW);
        at += header.size;
    }
    memmove(connection->input, connection->input + at, connection->input_bytes - at);
    connection->input_bytes -= at;
}

static void look_at_held(struct lv_mock *mock, struct mock_connection *connection)
{
    for (u32 i = 0; i < MOCK_HELD_MAX && connection->fd >= 0; i++) {
        struct mock_held *held = &connection->held[i];
        if (held->frame != NULL) {
            release(mock, connection, held, now_us() < held->until_us ? held->until_us : 0);
        }
    }
}

/* ---- The thread ---- */

static void read_some(struct lv_mock *mock, struct mock_connection *connection)
{
    connection->input = room_for(connection->input, &connection->input_capacity,
                                 connection->input_bytes + READ_BYTES);
    ssize_t got = recv(connection->fd, connection->input + connection->input_bytes, READ_BYTES, 0);
    if (got > 0) {
        connection->input_bytes += (u32)got;
        take_frames(mock, connection);
    } else if (got == 0 || errno != EAGAIN) {
        connection->must_close = true;
    }
}

static void write_some(struct mock_connection *connection)
{
    if (connection->output_bytes == 0) {
        return;
    }
    ssize_t sent = send(connection->fd, connection->output, connection->output_bytes, MSG_NOSIGNAL);
    if (sent > 0) {
        connection->output_bytes -= (u32)sent;
        memmove(connection->output, connection->output + sent, connection->output_bytes);
    } else if (errno != EAGAIN) {
        connection->must_close = true;
    }
}

static u32 fill_poll(struct lv_mock *mock, struct pollfd *polls)
{
    polls[0] = (struct pollfd){.fd = mock->wake[0], .events = POLLIN};
    polls[1] = (struct pollfd){.fd = mock->is_paused ? -1 : mock->listener, .events = POLLIN};
    for (u32 i = 0; i < MOCK_CONNECTIONS_MAX; i++) {
        const struct mock_connection *connection = &mock->connections[i];
        short events = connection->output_bytes > 0 ? POLLIN | POLLOUT : POLLIN;
        polls[2 + i] =
            (struct pollfd){.fd = mock->is_paused ? -1 : connection->fd, .events = events};
    }
    return MOCK_CONNECTIONS_MAX + 2;
}

static void work(struct lv_mock *mock, const struct pollfd *polls)
{
    u8 drain[64];
    if (polls[0].revents != 0) {
        (void)!read(mock->wake[0], drain, sizeof(drain));
    }
    if (mock->is_paused) {
        return;
    }
    if (polls[1].revents != 0) {
        accept_one(mock);
    }
    for (u32 i = 0; i < MOCK_CONNECTIONS_MAX; i++) {
        struct mock_connection *connection = &mock->connections[i];
        /* A call may have closed it, or all, since the wait began. */
        if (connection->fd >= 0 && connection->fd == polls[2 + i].fd &&
            (polls[2 + i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            read_some(mock, connection);
        }
    }
    for (u32 i = 0; i < MOCK_CONNECTIONS_MAX; i++) {
        struct mock_connection *connection = &mock->connections[i];
        look_at_held(mock, connection);
        if (connection->fd >= 0) {
            write_some(connection);
        }
        if (connection->must_close) {
            close_connection(mock, connection);
        }
    }
}

static u64 first_end_us(const struct mock_connection *connection)
{
    u64 until_us = UINT64_MAX;
    for (u32 i = 0; i < MOCK_HELD_MAX && connection->fd >= 0; i++) {
        if (connection->held[i].frame != NULL) {
            until_us = u64_min(until_us, connection->held[i].until_us);
        }
    }
    return until_us;
}

/* Until the first held poll is over. */
static int wait_ms(const struct lv_mock *mock)
{
    u64 until_us = UINT64_MAX;
    for (u32 i = 0; i < MOCK_CONNECTIONS_MAX; i++) {
        until_us = u64_min(until_us, first_end_us(&mock->connections[i]));
    }
    u64 now = now_us();
    u64 wait_us = until_us > now ? until_us - now : 0;
    return until_us == UINT64_MAX ? -1 : (int)u64_min(wait_us / US_PER_MS + 1, 3600000);
}

static void *run(void *context)
{
    struct lv_mock *mock = context;
    struct pollfd polls[MOCK_CONNECTIONS_MAX + 2];
    pthread_mutex_lock(&mock->lock);
    while (!mock->is_ending) {
        u32 count = fill_poll(mock, polls);
        int timeout_ms = wait_ms(mock);
        pthread_mutex_unlock(&mock->lock);
        (void)poll(polls, count, timeout_ms);
        pthread_mutex_lock(&mock->lock);
        work(mock, polls);
    }
    pthread_mutex_unlock(&mock->lock);
    return NULL;
}

static void wake(struct lv_mock *mock)
{
    (void)!write(mock->wake[1], "!", 1);
}

/* ---- lv_mock_* ---- */

static bool listen_somewhere(struct lv_mock *mock)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    mock->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (mock->listener < 0 || bind(mock->listener, (struct sockaddr *)&name, sizeof(name)) != 0 ||
        listen(mock->listener, 64) != 0 ||
        getsockname(mock->listener, (struct sockaddr *)&name, &size) != 0) {
        return false;
    }
    return str_format(mock->address, sizeof(mock->address), "127.0.0.1:%u", ntohs(name.sin_port));
}

static void free_mock(struct lv_mock *mock)
{
    for (u32 i = 0; i < MOCK_CONNECTIONS_MAX; i++) {
        close_connection(mock, &mock->connections[i]);
    }
    if (mock->listener >= 0) {
        close(mock->listener);
    }
    if (mock->wake[0] >= 0) {
        close(mock->wake[0]);
        close(mock->wake[1]);
    }
    mock_destroy_streams(mock);
    pthread_mutex_destroy(&mock->lock);
    mem_return(mock);
}

int lv_mock_create(struct lv_mock **mock_out)
{
    struct lv_mock *mock = mem_take(sizeof(*mock));
    *mock_out = NULL;
    mock->listener = -1;
    mock->wake[0] = -1;
    for (u32 i = 0; i < MOCK_CONNECTIONS_MAX; i++) {
        mock->connections[i].fd = -1;
    }
    pthread_mutex_init(&mock->lock, NULL);
    if (pipe2(mock->wake, O_CLOEXEC | O_NONBLOCK) != 0 || !listen_somewhere(mock) ||
        pthread_create(&mock->thread, NULL, run, mock) != 0) {
        free_mock(mock);
        return LV_ERROR_CONNECTION;
    }
    *mock_out = mock;
    return LV_OK;
}

void lv_mock_destroy(struct lv_mock *mock)
{
    if (mock == NULL) {
        return;
    }
    pthread_mutex_lock(&mock->lock);
    mock->is_ending = true;
    pthread_mutex_unlock(&mock->lock);
    wake(mock);
    pthread_join(mock->thread, NULL);
    free_mock(mock);
}

const char *lv_mock_address(const struct lv_mock *mock)
{
    return mock->address;
}

void lv_mock_topic(struct lv_mock *mock, const char *stream_name, const char *topic_name,
                   uint32_t partitions)
{
    struct identifier stream_id = identifier_of_name(span_of(stream_name));
    struct identifier topic_id = identifier_of_name(span_of(topic_name));
    pthread_mutex_lock(&mock->lock);
    struct mock_stream *stream = mock_find_stream(mock, &stream_id);
    if (stream == NULL) {
        stream = mock_add_stream(mock, span_of(stream_name));
    }
    if (mock_find_topic(mock, &stream_id, &topic_id) == NULL) {
        (void)mock_add_topic(stream, span_of(topic_name), partitions);
    }
    pthread_mutex_unlock(&mock->lock);
}

static void add_rule(struct lv_mock *mock, const struct mock_rule *rule)
{
    pthread_mutex_lock(&mock->lock);
    u32 kept = 0;
    for (u32 i = 0; i < mock->rules_count; i++) {
        if (mock->rules[i].count > 0) {
            mock->rules[kept++] = mock->rules[i];
        }
    }
    mock->rules_count = kept;
    if (kept < MOCK_RULES_MAX) {
        mock->rules[mock->rules_count++] = *rule;
    }
    pthread_mutex_unlock(&mock->lock);
}

void lv_mock_refuse(struct lv_mock *mock, uint32_t code, int error, uint32_t count)
{
    add_rule(mock, &(struct mock_rule){.code = code, .count = count, .error = error});
}

void lv_mock_lose(struct lv_mock *mock, uint32_t code, int moment, uint32_t count)
{
    add_rule(mock, &(struct mock_rule){.code = code, .count = count, .moment = moment});
}

void lv_mock_restart(struct lv_mock *mock)
{
    pthread_mutex_lock(&mock->lock);
    for (u32 i = 0; i < MOCK_CONNECTIONS_MAX; i++) {
        close_connection(mock, &mock->connections[i]);
    }
    mock->sends_count = 0;
    pthread_mutex_unlock(&mock->lock);
    wake(mock);
}

void lv_mock_pause(struct lv_mock *mock, int paused)
{
    pthread_mutex_lock(&mock->lock);
    mock->is_paused = paused != 0;
    pthread_mutex_unlock(&mock->lock);
    wake(mock);
}

uint64_t lv_mock_messages_count(struct lv_mock *mock, const char *stream, const char *topic,
                                uint32_t partition)
{
    struct identifier stream_id = identifier_of_name(span_of(stream));
    struct identifier topic_id = identifier_of_name(span_of(topic));
    pthread_mutex_lock(&mock->lock);
    const struct mock_topic *found = mock_find_topic(mock, &stream_id, &topic_id);
    bool is_there = found != NULL && partition < found->partitions_count;
    u64 count = is_there ? found->partitions[partition].next_offset : 0;
    pthread_mutex_unlock(&mock->lock);
    return count;
}

uint64_t lv_mock_requests_count(struct lv_mock *mock, uint32_t code)
{
    u64 count = 0;
    pthread_mutex_lock(&mock->lock);
    for (u32 i = 0; i < COMMAND_COUNT; i++) {
        bool is_meant = code == 0 || command_row((enum command)i)->code == code;
        count += is_meant ? mock->requests[i] : 0;
    }
    pthread_mutex_unlock(&mock->lock);
    return count;
}
