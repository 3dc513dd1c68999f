#include "bench/bench_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/client_wire.h"
#include "wire/frame.h"
#include "wire/frame_v1.h"
#include "wire/login_v1.h"

#define CONNECT_TIMEOUT_MS 10000u
#define REPLY_BYTES_MIN 65536u
#define LOGIN_V1_BYTES_MAX 1024u

/* From here on calls wait in the kernel, not in poll(). */
static bool make_blocking(int fd, bool nodelay, struct client_error *error)
{
    struct timeval limit = {.tv_sec = LINK_TIMEOUT_S};
    int flag = nodelay ? 1 : 0;
    int flags = fcntl(fd, F_GETFL);
    bool good = flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0 &&
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
                setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &flag, sizeof(flag)) == 0;
    return good || client_fail(error, "the connection cannot be set up: %s", strerror(errno));
}

static void take_reply_memory(struct bench_link *link, u32 reply_bytes)
{
    link->reply_capacity = u32_max(reply_bytes, REPLY_BYTES_MIN);
    link->reply = mem_take(link->reply_capacity);
    memset(link->reply, 1, link->reply_capacity); /* its pages are there before the first reply */
}

static bool send_frame(int fd, struct span frame, struct client_error *error)
{
    while (frame.size > 0) {
        ssize_t sent = send(fd, frame.data, frame.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return client_fail(error, "the connection was lost: %s", strerror(errno));
        }
        frame.data += sent;
        frame.size -= (u32)sent;
    }
    return true;
}

/* Goes on until `wanted` bytes of the reply are there; takes more when more is there. */
static bool receive_until(struct bench_link *link, u32 *received, u32 wanted,
                          struct client_error *error)
{
    while (*received < wanted) {
        ssize_t got = recv(link->fd, link->reply + *received, link->reply_capacity - *received, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            return client_fail(error, "no answer within %u s", LINK_TIMEOUT_S);
        }
        if (got <= 0) {
            return client_fail(error, "the server closed the connection");
        }
        *received += (u32)got;
    }
    return true;
}

static bool refuse(u32 status, struct client_error *error)
{
    (void)client_fail(error, "%s (error %u)", wire_error_text(status), status);
    error->number = status;
    return false;
}

/* Of a whole reply, from its header. */
static bool judge_header(const u8 *bytes, u32 *size, struct client_error *error)
{
    struct eviction eviction;
    struct reply_header header;
    if (eviction_decode(bytes, &eviction) == OK) {
        return client_fail(error, "the server ended the session: %s",
                           wire_error_text(eviction_error(&eviction)));
    }
    if (reply_header_decode(bytes, &header) != OK) {
        return client_fail(error, "the answer is not of this protocol");
    }
    *size = header.size;
    return header.status == 0 || refuse(header.status, error);
}

static bool judge_header_v1(const u8 *bytes, u32 *size, struct client_error *error)
{
    struct reply_v1 reply;
    reply_v1_decode(bytes, &reply);
    if (reply.payload_bytes > FRAME_BYTES_MAX) {
        return client_fail(error, "the answer is not of this protocol");
    }
    *size = FRAME_V1_HEADER_BYTES + reply.payload_bytes;
    return reply.status == WIRE_OK || refuse(reply.status, error);
}

bool bench_link_exchange(struct bench_link *link, struct span frame, struct span *body,
                         struct client_error *error)
{
    u32 received = 0;
    u32 size = 0;
    u32 header_bytes = link->is_v1 ? FRAME_V1_HEADER_BYTES : FRAME_HEADER_BYTES;
    if (!send_frame(link->fd, frame, error) ||
        !receive_until(link, &received, header_bytes, error) ||
        !(link->is_v1 ? judge_header_v1(link->reply, &size, error)
                      : judge_header(link->reply, &size, error))) {
        return false;
    }
    if (size > link->reply_capacity) {
        link->reply_capacity = size;
        link->reply = mem_resize(link->reply, size);
    }
    if (!receive_until(link, &received, size, error)) {
        return false;
    }
    *body = (struct span){link->reply + header_bytes, size - header_bytes};
    return true;
}

static bool log_in_v1(struct bench_link *link, const struct bench_link_options *options,
                      struct client_error *error)
{
    u8 frame[FRAME_V1_HEADER_BYTES + LOGIN_V1_BYTES_MAX];
    struct span body;
    struct writer writer = writer_over(frame + FRAME_V1_HEADER_BYTES, LOGIN_V1_BYTES_MAX);
    login_user_v1_encode(&(struct login_user_v1){.username = span_of(options->username),
                                                 .password = span_of(options->password)},
                         &writer);
    if (writer.failed) {
        return client_fail(error, "name and password are too long");
    }
    struct request_v1 request = {.length = FRAME_V1_LENGTH_BYTES + writer.position,
                                 .code = command_row(COMMAND_LOGIN_USER)->code};
    request_v1_encode(&request, frame);
    struct span whole = {frame, FRAME_V1_HEADER_BYTES + writer.position};
    return bench_link_exchange(link, whole, &body, error);
}

bool bench_link_open(struct bench_link *link, const struct bench_link_options *options,
                     struct client_error *error)
{
    struct client_options where = {.address = options->address,
                                   .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                   .request_timeout_ms = LINK_TIMEOUT_S * 1000};
    *link = (struct bench_link){.client = client_connect(&where, error)};
    if (link->client == NULL) {
        return false;
    }
    link->fd = link->client->fd;
    link->is_v1 = options->is_v1;
    take_reply_memory(link, options->reply_bytes);
    bool good =
        link->is_v1
            ? make_blocking(link->fd, options->nodelay, error) && log_in_v1(link, options, error)
            : client_login(link->client, options->username, options->password, error) &&
                  make_blocking(link->fd, options->nodelay, error);
    if (!good) {
        bench_link_close(link);
        return false;
    }
    link->request = link->client->request;
    return true;
}

void bench_link_adopt(struct bench_link *link, int fd, u32 reply_bytes)
{
    *link = (struct bench_link){.fd = fd};
    take_reply_memory(link, reply_bytes);
}

void bench_link_close(struct bench_link *link)
{
    if (link->client != NULL) {
        client_close(link->client);
    } else if (link->fd > 0) {
        close(link->fd);
    }
    mem_return(link->reply);
    *link = (struct bench_link){0};
}

struct request_header bench_link_header(const struct bench_link *link, enum command command)
{
    const struct command_row *row = command_row(command);
    return (struct request_header){
        .client = link->client->id,
        .operation = row->op,
        .code = row->op == OP_NON_REPLICATED ? row->code : 0,
        .session = link->client->session,
        .request = link->request,
    };
}
