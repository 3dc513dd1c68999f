#include "client/connection.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define PIECES_MAX 16u
#define READS_MAX 64u /* of a turn, so that what came in is looked at now and then */

static u64 clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

u64 clock_now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

u64 clock_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

int connection_fail(struct lv_client *client, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(client->failure, sizeof(client->failure), format, arguments);
    va_end(arguments);
    return error;
}

int connection_refused(struct lv_client *client, int error, const char *what)
{
    return connection_fail(client, error, "%s: %s (error %d)", what, lv_error_text(error), error);
}

bool connection_name_fits(struct lv_client *client, const char *what, const char *name)
{
    size_t size = name == NULL ? 0 : strlen(name);
    if (size >= 1 && size <= 255) {
        return true;
    }
    (void)connection_fail(client, LV_ERROR_INVALID, "a %s has 1 to 255 bytes, not %zu", what, size);
    return false;
}

struct identifier identifier_of_text(const char *text)
{
    u64 number = 0;
    if (str_to_u64(text, &number) && number <= UINT32_MAX) {
        return identifier_of_id((u32)number);
    }
    return identifier_of_name(span_of(text));
}

/* ---- Going away and coming back ---- */

void connection_shut(struct lv_client *client)
{
    if (client->fd >= 0) {
        close(client->fd); /* leaves the epoll by itself */
    }
    if (client->found != NULL) {
        freeaddrinfo(client->found);
    }
    client->fd = -1;
    client->loop_events = 0;
    client->found = NULL;
    client->trying = NULL;
    client->state = CONNECTION_DOWN;
}

/* From half to all of a delay that doubles: clients that lost the same server do not return as
 * one. */
static u64 delay_us(struct lv_client *client)
{
    u64 delay = client->delay_ms_min * US_PER_MS;
    for (u32 i = 1; i < client->failures_count && delay < client->delay_ms_max * US_PER_MS; i++) {
        delay *= 2;
    }
    delay = u64_min(delay, client->delay_ms_max * US_PER_MS);
    return delay / 2 + prng_below(&client->prng, delay / 2 + 1);
}

void connection_drop(struct lv_client *client, int error)
{
    connection_shut(client);
    client->failures_count++;
    client->retry_at_us = clock_now_us() + delay_us(client);
    protocol_on_lost(&client->protocol, error);
}

/* The server knows us and says no: trying again would only lock the user out. */
static void login_refused(struct lv_client *client, int error)
{
    connection_shut(client);
    client->is_wanted = false;
    client->refusal = error;
    (void)connection_refused(client, error, "the login was refused");
    protocol_fail_all(&client->protocol, error);
}

static void on_fault(struct lv_client *client, int error)
{
    bool in_login = client->protocol.state == PROTOCOL_LOGIN;
    if (in_login && error > 0 && !lv_error_may_retry(error)) {
        login_refused(client, error);
        return;
    }
    if (error == LV_ERROR_UNREADABLE) {
        (void)connection_fail(client, error,
                              "the answer is not of this protocol: is that the right port?");
    } else if (error > 0) {
        (void)connection_refused(client, error, "the server ended the session");
    }
    connection_drop(client, error == LV_ERROR_UNREADABLE ? error : LV_ERROR_CONNECTION);
}

/* ---- Connecting ---- */

static bool look_up(struct lv_client *client, const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    bool bracketed = address[0] == '[' && colon[-1] == ']';
    str_format(host, sizeof(host), "%.*s", (int)(colon - address) - (bracketed ? 2 : 0),
               address + (bracketed ? 1 : 0));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    if (getaddrinfo(host, colon + 1, &hints, &client->found) == 0) {
        return true;
    }
    hints.ai_flags = 0;
    int failure = getaddrinfo(host, colon + 1, &hints, &client->found);
    if (failure != 0) {
        client->found = NULL;
        (void)connection_fail(client, LV_ERROR_CONNECTION, "%s: %s", address,
                              gai_strerror(failure));
    }
    return failure == 0;
}

static const char *address_of(const struct lv_client *client)
{
    return client->addresses[client->address];
}

static void on_connected(struct lv_client *client, u64 now_us)
{
    int on = 1;
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    client->state = CONNECTION_OPEN;
    client->connections_count++;
    protocol_on_connected(&client->protocol, now_us);
}

/* The next of what the name stands for, then the next address; after the last, the back-off. */
static void try_next(struct lv_client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
        client->fd = -1;
        client->loop_events = 0;
    }
    client->state = CONNECTION_CONNECTING;
    client->trying = client->trying == NULL ? NULL : client->trying->ai_next;
    if (client->trying != NULL) {
        return;
    }
    connection_shut(client);
    client->address = (client->address + 1) % client->addresses_count;
    if (client->address == 0) {
        client->failures_count++;
        client->retry_at_us = clock_now_us() + delay_us(client);
    }
}

static void connect_failed(struct lv_client *client, int reason)
{
    (void)connection_fail(client, LV_ERROR_CONNECTION, "%s: %s", address_of(client),
                          strerror(reason));
    try_next(client);
}

static void connect_step(struct lv_client *client, u64 now_us)
{
    if (client->found == NULL) {
        if (!look_up(client, address_of(client))) {
            try_next(client);
            return;
        }
        client->trying = client->found;
    }
    const struct addrinfo *to = client->trying;
    client->state = CONNECTION_CONNECTING;
    client->connect_deadline_us = now_us + client->connect_timeout_ms * US_PER_MS;
    client->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->fd < 0) {
        connect_failed(client, errno);
    } else if (connect(client->fd, to->ai_addr, to->ai_addrlen) == 0) {
        on_connected(client, now_us);
    } else if (errno != EINPROGRESS) {
        connect_failed(client, errno);
    }
}

static void on_connect_ready(struct lv_client *client, u64 now_us)
{
    int reason = 0;
    socklen_t size = sizeof(reason);
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0) {
        reason = errno;
    }
    if (reason != 0) {
        connect_failed(client, reason);
    } else {
        on_connected(client, now_us);
    }
}

/* ---- Reading and writing ---- */

static void write_out(struct lv_client *client, u64 now_us)
{
    struct iovec pieces[PIECES_MAX];
    u32 count = 0;
    while (client->state == CONNECTION_OPEN &&
           (count = protocol_output(&client->protocol, pieces, PIECES_MAX)) > 0) {
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
        ssize_t sent = sendmsg(client->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (sent < 0) {
            (void)connection_fail(client, LV_ERROR_CONNECTION, "the connection was lost: %s",
                                  strerror(errno));
            connection_drop(client, LV_ERROR_CONNECTION);
            return;
        }
        protocol_sent(&client->protocol, (u64)sent, now_us);
    }
}

static void read_in(struct lv_client *client, u64 now_us)
{
    for (u32 i = 0; i < READS_MAX && client->state == CONNECTION_OPEN; i++) {
        u32 room = 0;
        u8 *to = protocol_room(&client->protocol, &room);
        ssize_t got = recv(client->fd, to, room, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (got <= 0) {
            (void)connection_fail(client, LV_ERROR_CONNECTION, "the connection was lost: %s",
                                  got == 0 ? "the server closed it" : strerror(errno));
            connection_drop(client, LV_ERROR_CONNECTION);
            return;
        }
        bool in_login = client->protocol.state == PROTOCOL_LOGIN;
        int error = protocol_received(&client->protocol, (u32)got, now_us);
        if (error != LV_OK) {
            on_fault(client, error);
            return;
        }
        if (in_login && client->protocol.state == PROTOCOL_READY) {
            client->failures_count = 0;
        }
        if ((u32)got < room) {
            return;
        }
    }
}

/* ---- A turn ---- */

static void on_time(struct lv_client *client, u64 now_us)
{
    bool connecting =
        client->state == CONNECTION_CONNECTING || client->protocol.state == PROTOCOL_LOGIN;
    if (connecting && client->fd >= 0 && now_us >= client->connect_deadline_us) {
        (void)connection_fail(client, LV_ERROR_CONNECTION, "%s: no answer within %u ms",
                              address_of(client), client->connect_timeout_ms);
        protocol_on_lost(&client->protocol, LV_ERROR_CONNECTION);
        try_next(client);
    }
    if (client->state == CONNECTION_OPEN && protocol_on_time(&client->protocol, now_us) != LV_OK) {
        (void)connection_fail(client, LV_ERROR_CONNECTION, "the server is silent");
        connection_drop(client, LV_ERROR_CONNECTION);
    }
    bool due = client->state == CONNECTION_CONNECTING || now_us >= client->retry_at_us;
    for (u32 i = 0; i < 2 * CLIENT_ADDRESSES_MAX && client->is_wanted && due; i++) {
        if (client->fd >= 0) {
            break;
        }
        connect_step(client, now_us);
        due = client->state == CONNECTION_CONNECTING || now_us >= client->retry_at_us;
    }
}

static void run_parts(struct lv_client *client, u64 now_us)
{
    list_for_each(node, next, &client->parts) {
        struct client_part *part = container_of(node, struct client_part, node);
        part->on_turn(part, now_us);
    }
    write_out(client, now_us);
}

u64 connection_deadline_us(const struct lv_client *client)
{
    u64 deadline = UINT64_MAX;
    if (client->fd < 0) {
        deadline = client->is_wanted ? client->retry_at_us : UINT64_MAX;
    } else if (client->state == CONNECTION_CONNECTING || client->protocol.state == PROTOCOL_LOGIN) {
        deadline = client->connect_deadline_us;
    } else {
        deadline = protocol_deadline_us(&client->protocol);
    }
    list_for_each(node, next, &client->parts) {
        struct client_part *part = container_of(node, struct client_part, node);
        deadline = u64_min(deadline, part->deadline_us(part));
    }
    return deadline;
}

static bool has_output(struct lv_client *client)
{
    struct iovec piece;
    return client->state == CONNECTION_CONNECTING ||
           protocol_output(&client->protocol, &piece, 1) > 0;
}

void connection_tell_loop(struct lv_client *client)
{
    if (client->loop_fd < 0 || client->fd < 0) {
        return;
    }
    u32 wanted = EPOLLIN | (has_output(client) ? (u32)EPOLLOUT : 0u);
    struct epoll_event event = {.events = wanted};
    if (wanted != client->loop_events) {
        int verb = client->loop_events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
        (void)epoll_ctl(client->loop_fd, verb, client->fd, &event);
        client->loop_events = wanted;
    }
}

static void wait_for_socket(struct lv_client *client, u64 until_us, u64 now_us)
{
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
    if (client->fd >= 0 && has_output(client)) {
        poll_fd.events |= POLLOUT;
    }
    u64 wait_us = until_us > now_us ? until_us - now_us : 0;
    wait_us = u64_min(wait_us, 3600 * US_PER_SECOND);
    struct timespec timeout = {(time_t)(wait_us / US_PER_SECOND),
                               (long)(wait_us % US_PER_SECOND) * 1000};
    if (ppoll(&poll_fd, client->fd >= 0 ? 1 : 0, &timeout, NULL) <= 0) {
        return;
    }
    now_us = clock_now_us();
    if (client->state == CONNECTION_CONNECTING) {
        on_connect_ready(client, now_us);
        return;
    }
    if (poll_fd.revents & (POLLIN | POLLHUP | POLLERR)) {
        read_in(client, now_us);
    }
    write_out(client, now_us);
}

int connection_turn(struct lv_client *client, u64 until_us)
{
    if (client->in_turn) {
        return LV_ERROR_BUSY;
    }
    client->in_turn = true;
    u64 now_us = clock_now_us();
    on_time(client, now_us);
    run_parts(client, now_us);
    wait_for_socket(client, u64_min(until_us, connection_deadline_us(client)), now_us);
    now_us = clock_now_us();
    on_time(client, now_us);
    run_parts(client, now_us);
    connection_tell_loop(client);
    client->in_turn = false;
    return client->refusal;
}

/* ---- One call ---- */

struct call {
    struct ask ask;
    struct lv_client *client;
    struct span body;
    int error;
    bool is_done;
};

static u8 *grow(u8 *memory, u32 *capacity, u32 size)
{
    if (size > *capacity) {
        *capacity = size;
        memory = mem_resize(memory, size);
    }
    return memory;
}

/* In a callback the call will be refused: the frame of the one that waits must stay as it is. */
struct writer *connection_body(struct lv_client *client, u32 bytes_max)
{
    u32 bytes = FRAME_HEADER_BYTES + bytes_max;
    if (client->in_turn) {
        client->spare = grow(client->spare, &client->spare_capacity, bytes);
        client->body = writer_over(client->spare, client->spare_capacity);
    } else {
        client->frame = grow(client->frame, &client->frame_capacity, bytes);
        client->body = writer_over(client->frame, client->frame_capacity);
    }
    client->body.position = FRAME_HEADER_BYTES;
    return &client->body;
}

static void call_on_answer(struct ask *ask, int error, struct span body)
{
    struct call *call = ask->owner;
    struct lv_client *client = call->client;
    call->is_done = true;
    call->error = error;
    client->reply = grow(client->reply, &client->reply_capacity, u32_max(body.size, 1));
    if (body.size > 0) {
        memcpy(client->reply, body.data, body.size);
    }
    call->body = (struct span){client->reply, body.size};
}

int connection_call(struct lv_client *client, enum command command, struct span *reply)
{
    if (client->in_turn) {
        return LV_ERROR_BUSY;
    }
    check(!client->body.failed); /* the caller asked for enough room */
    struct call call = {.client = client,
                        .ask = {.command = command,
                                .frame = client->frame,
                                .frame_bytes = client->body.position,
                                .longer_ms = client->longer_ms,
                                .repeats = true,
                                .on_answer = call_on_answer}};
    call.ask.owner = &call;
    u64 now_us = clock_now_us();
    u64 deadline_us = now_us + client->timeout_ms * US_PER_MS;
    client->is_wanted = true;
    client->refusal = LV_OK;
    protocol_ask(&client->protocol, &call.ask, now_us);
    while (!call.is_done && clock_now_us() < deadline_us) {
        (void)connection_turn(client, deadline_us);
    }
    if (!call.is_done) {
        bool reached = client->protocol.state == PROTOCOL_READY;
        protocol_cancel(&client->protocol, &call.ask);
        return reached ? connection_fail(client, LV_ERROR_TIMEOUT, "no answer within %u ms",
                                         client->timeout_ms)
                       : LV_ERROR_CONNECTION;
    }
    if (call.error > 0 && client->refusal == LV_OK) {
        (void)connection_refused(client, call.error, command_row(command)->name);
    }
    *reply = call.body;
    return call.error;
}
