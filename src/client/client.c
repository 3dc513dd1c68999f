#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "client/client_wire.h"
#include "wire/frame.h"
#include "wire/login.h"
#include "wire/snapshot_request.h"

#define BODY_BYTES_MIN 4096u

bool client_fail(struct client_error *error, const char *format, ...)
{
    *error = (struct client_error){0};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return false;
}

static bool fail_number(struct client_error *error, u32 number)
{
    *error = (struct client_error){.number = number, .retryable = wire_error_is_retryable(number)};
    str_format(error->text, sizeof(error->text), "%s (error %u)", wire_error_text(number), number);
    return false;
}

bool client_name_fits(const char *what, const char *name, struct client_error *error)
{
    size_t size = strlen(name);
    return (size >= 1 && size <= 255) ||
           client_fail(error, "a %s has 1 to 255 bytes, \"%.20s%s\" has %zu", what, name,
                       size > 20 ? "..." : "", size);
}

struct identifier client_identifier(const char *text)
{
    u64 number = 0;
    if (str_to_u64(text, &number) && number <= UINT32_MAX) {
        return identifier_of_id((u32)number);
    }
    return identifier_of_name(span_of(text));
}

/* ---- The socket ---- */

static bool wait_for(int fd, short events, u32 timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int ready = 0;
    do {
        ready = poll(&poll_fd, 1, (int)timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static bool connect_one(const struct addrinfo *address, u32 timeout_ms, int *fd)
{
    *fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0) {
        return false;
    }
    int failure = 0;
    socklen_t size = sizeof(failure);
    bool connected = connect(*fd, address->ai_addr, address->ai_addrlen) == 0 ||
                     (errno == EINPROGRESS && wait_for(*fd, POLLOUT, timeout_ms) &&
                      getsockopt(*fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0);
    if (!connected) {
        close(*fd);
        return false;
    }
    int on = 1;
    (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return true;
}

static bool connect_to(const struct client_options *options, int *fd, struct client_error *error)
{
    char host[256];
    const char *colon = strrchr(options->address, ':');
    if (colon == NULL || colon == options->address || colon - options->address > 255) {
        return client_fail(error, "\"%s\" is no address: give host:port, as in 127.0.0.1:8090",
                           options->address);
    }
    bool bracketed = options->address[0] == '[' && colon[-1] == ']';
    str_format(host, sizeof(host), "%.*s", (int)(colon - options->address) - (bracketed ? 2 : 0),
               options->address + (bracketed ? 1 : 0));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, colon + 1, &hints, &found);
    if (failure != 0) {
        return client_fail(error, "%s: %s", options->address, gai_strerror(failure));
    }
    bool connected = false;
    for (struct addrinfo *at = found; at != NULL && !connected; at = at->ai_next) {
        connected = connect_one(at, options->connect_timeout_ms, fd);
    }
    freeaddrinfo(found);
    if (!connected) {
        return client_fail(error, "%s: no server answers there: is it running? (levriero server)",
                           options->address);
    }
    return true;
}

static bool send_all(struct client *client, struct iovec *pieces, int count,
                     struct client_error *error)
{
    while (count > 0) {
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
        ssize_t sent = sendmsg(client->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            if (!wait_for(client->fd, POLLOUT, client->request_timeout_ms)) {
                return client_fail(error, "the server takes nothing any more");
            }
            continue;
        }
        if (sent < 0) {
            return client_fail(error, "the connection was lost: %s", strerror(errno));
        }
        size_t left = (size_t)sent;
        while (count > 0 && left >= pieces->iov_len) {
            left -= pieces->iov_len;
            pieces++;
            count--;
        }
        if (count > 0) {
            pieces->iov_base = (u8 *)pieces->iov_base + left;
            pieces->iov_len -= left;
        }
    }
    return true;
}

static bool receive_all(struct client *client, u8 *to, u64 size, struct client_error *error)
{
    while (size > 0) {
        ssize_t got = recv(client->fd, to, size, 0);
        if (got < 0 && errno == EAGAIN) {
            u32 timeout_ms = client->request_timeout_ms + client->longer_ms;
            if (!wait_for(client->fd, POLLIN, timeout_ms)) {
                return client_fail(error, "no answer within %u ms", timeout_ms);
            }
            continue;
        }
        if (got <= 0) {
            return client_fail(error, "the server closed the connection");
        }
        to += got;
        size -= (u64)got;
    }
    return true;
}

/* ---- Requests ---- */

static u8 *grow(u8 *memory, u32 *capacity, u32 size)
{
    if (size <= *capacity) {
        return memory;
    }
    *capacity = size;
    return mem_resize(memory, size);
}

struct writer *client_body(struct client *client, u32 bytes_max)
{
    client->body_memory =
        grow(client->body_memory, &client->body_capacity, u32_max(bytes_max, BODY_BYTES_MIN));
    client->body = writer_over(client->body_memory, client->body_capacity);
    return &client->body;
}

static struct request_header next_header(struct client *client, enum command command, u32 size)
{
    const struct command_row *row = command_row(command);
    if (row->op == OP_LOGOUT || row->op >= OP_METADATA_MIN) {
        client->request++;
    }
    struct request_header header = {
        .client = client->id,
        .size = size,
        .operation = row->op,
        .code = row->op == OP_NON_REPLICATED ? row->code : 0,
        .session = row->op == OP_REGISTER ? 0 : client->session,
        .request = row->op == OP_REGISTER ? 0 : client->request,
        .keeps_client = row->op == OP_REGISTER && client->keeps_identity,
    };
    return header;
}

static bool receive_reply(struct client *client, enum command command, struct span *reply,
                          struct client_error *error)
{
    u8 bytes[FRAME_HEADER_BYTES];
    struct reply_header header;
    struct eviction eviction;
    if (!receive_all(client, bytes, sizeof(bytes), error)) {
        return false;
    }
    if (eviction_decode(bytes, &eviction) == OK) {
        return fail_number(error, eviction_error(&eviction));
    }
    if (reply_header_decode(bytes, &header) != OK) {
        return client_fail(error, "the answer is not of this protocol: is that the right port?");
    }
    u32 size = header.size - FRAME_HEADER_BYTES;
    client->reply_memory =
        grow(client->reply_memory, &client->reply_capacity, u32_max(size, BODY_BYTES_MIN));
    if (!receive_all(client, client->reply_memory, size, error)) {
        return false;
    }
    if (header.status != 0) {
        return fail_number(error, header.status);
    }
    struct reader reader = reader_over(client->reply_memory, size);
    if (command_row(command)->framed && command != COMMAND_REGISTER) {
        u32 number = read_result(&reader);
        if (reader.failed || number != 0) {
            return fail_number(error, reader.failed ? (u32)WIRE_INVALID_FORMAT : number);
        }
    }
    *reply = (struct span){reader.data + reader.position, reader_left(&reader)};
    return true;
}

void client_wait_longer(struct client *client, u32 longer_ms)
{
    client->longer_ms = u32_min(longer_ms, POLL_WAIT_MS_MAX);
}

bool client_call(struct client *client, enum command command, struct span tail, struct span *reply,
                 struct client_error *error)
{
    check(!client->body.failed); /* the caller asked for enough room */
    u32 body_bytes = client->body.position + tail.size;
    struct request_header header = next_header(client, command, FRAME_HEADER_BYTES + body_bytes);
    u8 bytes[FRAME_HEADER_BYTES];
    request_header_encode(&header, bytes);
    struct iovec pieces[3] = {{bytes, sizeof(bytes)},
                              {client->body.data, client->body.position},
                              {(void *)(uintptr_t)tail.data, tail.size}};
    return send_all(client, pieces, 3, error) && receive_reply(client, command, reply, error);
}

struct client *client_connect(const struct client_options *options, struct client_error *error)
{
    int fd = -1;
    if (!connect_to(options, &fd, error)) {
        return NULL;
    }
    struct client *client = mem_take(sizeof(*client));
    client->fd = fd;
    client->request_timeout_ms = options->request_timeout_ms;
    client->keeps_identity = options->keeps_identity;
    client->id = options->identity.id;
    client->request = options->identity.request;
    if (u128_is_zero(client->id)) {
        check(getrandom(&client->id, sizeof(client->id), 0) == sizeof(client->id));
    }
    return client;
}

struct client_identity client_identity(const struct client *client)
{
    return (struct client_identity){.id = client->id, .request = client->request};
}

void client_close(struct client *client)
{
    close(client->fd);
    mem_return(client->body_memory);
    mem_return(client->reply_memory);
    mem_return(client);
}

/* The body of a login, up to its credentials. */
static struct writer *begin_login(struct client *client)
{
    struct writer *body = client_body(client, BODY_BYTES_MIN);
    struct login_prefix prefix = {.version = PROTOCOL_VERSION,
                                  .sdk_name = span_of("levriero"),
                                  .sdk_version = span_of("0.1.0")};
    login_prefix_encode(&prefix, body);
    return body;
}

static bool end_login(struct client *client, struct client_error *error)
{
    struct span reply = {0};
    struct login_reply session = {0};
    u32 number = 0;
    if (!client_ask(client, COMMAND_REGISTER, &reply, error)) {
        return false;
    }
    if (login_reply_decode(reply, &session, &number) != OK) {
        return client_fail(error, "the login was answered with something unreadable");
    }
    if (number != 0) {
        return fail_number(error, number);
    }
    client->session = session.session;
    return true;
}

bool client_login(struct client *client, const char *username, const char *password,
                  struct client_error *error)
{
    if (!client_name_fits("user name", username, error)) {
        return false;
    }
    if (strlen(password) > 255) {
        return client_fail(error, "a password has at most 255 bytes");
    }
    struct login_password login = {.username = span_of(username), .password = span_of(password)};
    login_password_encode(&login, begin_login(client));
    return end_login(client, error);
}

bool client_login_token(struct client *client, const char *token, struct client_error *error)
{
    if (!client_name_fits("token", token, error)) {
        return false;
    }
    login_token_encode(&(struct login_token){.token = span_of(token)}, begin_login(client));
    return end_login(client, error);
}

bool client_logout(struct client *client, struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    return client_ask(client, COMMAND_LOGOUT, &reply, error);
}

bool client_ping(struct client *client, struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    return client_ask(client, COMMAND_PING, &reply, error);
}

bool client_ask(struct client *client, enum command command, struct span *reply,
                struct client_error *error)
{
    return client_call(client, command, (struct span){0}, reply, error);
}

bool client_snapshot(struct client *client, struct span *archive, struct client_error *error)
{
    static const u8 all[] = {SNAPSHOT_ALL};
    struct snapshot_request request = {.compression = SNAPSHOT_DEFLATE, .types = {all, 1}};
    snapshot_request_encode(&request, client_body(client, 8));
    return client_ask(client, COMMAND_GET_SNAPSHOT, archive, error);
}

bool client_stats(struct client *client, struct stats *stats, struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    if (!client_ask(client, COMMAND_GET_STATS, &reply, error)) {
        return false;
    }
    return stats_decode(reply, stats) == OK || client_fail(error, "unreadable statistics");
}
