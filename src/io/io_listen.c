/* One listening socket per address. SO_REUSEPORT is set because test harnesses reserve ports with
 * bound sockets; it would also let two servers share a port in silence, each getting half of the
 * connections. So whoever *listens* there already is looked for first, and once more afterwards, in
 * case two servers started in the same instant. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/uring.h"

#define LISTEN_BACKLOG 4096
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 15
#define KEEPALIVE_PROBES 4
#define USER_TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 200
#define STATE_LISTEN 10u /* TCP_LISTEN, which two headers of the system define differently */

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

static u16 port_of(const union address *address)
{
    return ntohs(address->any.sa_family == AF_INET6 ? address->ipv6.sin6_port
                                                    : address->ipv4.sin_port);
}

static socklen_t size_of(const union address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(address->ipv6) : sizeof(address->ipv4);
}

/* ---- Text to address ---- */

static bool split(const char *text, char *host, u32 host_capacity, const char **port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return false;
    }
    const char *begin = text;
    const char *end = colon;
    if (*text == '[') {
        begin++;
        end--;
        if (end <= begin || *end != ']') {
            return false;
        }
    } else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
        return false; /* an IPv6 address without brackets: which colon would be the port's? */
    }
    size_t size = (size_t)(end - begin);
    if (size == 0 || size >= host_capacity) {
        return false;
    }
    memcpy(host, begin, size);
    host[size] = 0;
    *port = colon + 1;
    return true;
}

static bool address_parse(const char *text, union address *address, struct err *err)
{
    char host[256];
    const char *port_text;
    u64 port;
    if (!split(text, host, sizeof(host), &port_text) || !str_to_u64(port_text, &port) ||
        port > UINT16_MAX) {
        return err_set(err,
                       "cannot listen on \"%s\": an address and a port are needed, such as "
                       "127.0.0.1:8090 or [::1]:8090",
                       text);
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(host, port_text, &hints, &found);
    if (result != 0) {
        return err_set(err, "cannot listen on \"%s\": the host \"%s\" is not known: %s", text, host,
                       gai_strerror(result));
    }
    bool fits = found->ai_addrlen <= sizeof(*address);
    memset(address, 0, sizeof(*address));
    memcpy(address, found->ai_addr, fits ? found->ai_addrlen : sizeof(*address));
    freeaddrinfo(found);
    return fits ? true : err_set(err, "cannot listen on \"%s\": not an internet address", text);
}

/* ---- Who listens there? ---- */

static bool is_any(const u32 *words, u32 family)
{
    return words[0] == 0 &&
           (family == AF_INET || (words[1] == 0 && words[2] == 0 && words[3] == 0));
}

static u32 words_of(const union address *address, u32 words[4])
{
    memset(words, 0, 16);
    if (address->any.sa_family == AF_INET6) {
        memcpy(words, &address->ipv6.sin6_addr, 16);
        return AF_INET6;
    }
    memcpy(words, &address->ipv4.sin_addr, 4);
    return AF_INET;
}

/* Would a connection to `address` possibly reach the socket of `other`? An IPv6 socket on ::
 * takes IPv4 too, unless told otherwise, which sock_diag does not say: then it is taken for one
 * that does. */
static bool overlaps(const union address *address, const struct inet_diag_msg *other)
{
    u32 words[4];
    u32 family = words_of(address, words);
    const u32 *other_words = other->id.idiag_src;
    if (family == other->idiag_family) {
        u32 size = family == AF_INET ? 4 : 16;
        return is_any(words, family) || is_any(other_words, family) ||
               memcmp(words, other_words, size) == 0;
    }
    return family == AF_INET6 ? is_any(words, AF_INET6) : is_any(other_words, AF_INET6);
}

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

struct diag_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

static bool diag_ask(s32 netlink, u8 family)
{
    struct diag_request request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = 1u << STATE_LISTEN},
    };
    return send(netlink, &request, sizeof(request), 0) == (ssize_t)sizeof(request);
}

/* One message of the answer. ANSWER_UNKNOWN: go on. */
static enum answer diag_read(struct nlmsghdr *message, const union address *address, u64 own_inode,
                             bool *ended)
{
    if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
        *ended = true;
        return message->nlmsg_type == NLMSG_DONE ? ANSWER_NO : ANSWER_UNKNOWN;
    }
    const struct inet_diag_msg *listener = NLMSG_DATA(message);
    bool is_same_port = ntohs(listener->id.idiag_sport) == port_of(address);
    bool is_other = listener->idiag_inode != own_inode;
    return is_same_port && is_other && overlaps(address, listener) ? ANSWER_YES : ANSWER_UNKNOWN;
}

static enum answer diag_answer(s32 netlink, const union address *address, u64 own_inode)
{
    _Alignas(struct nlmsghdr) char room[16 * KIB];
    enum answer answer = ANSWER_UNKNOWN;
    bool ended = false;
    while (!ended && answer != ANSWER_YES) {
        ssize_t size = recv(netlink, room, sizeof(room), 0);
        if (size <= 0) {
            return ANSWER_UNKNOWN;
        }
        u32 left = (u32)size;
        struct nlmsghdr *message = (void *)room;
        for (; !ended && answer != ANSWER_YES && NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            answer = diag_read(message, address, own_inode, &ended);
        }
    }
    return answer;
}

static enum answer ask_sock_diag(const union address *address, u64 own_inode)
{
    static const u8 families[] = {AF_INET, AF_INET6};
    enum answer answer = ANSWER_NO;
    for (u32 i = 0; i < array_count(families) && answer == ANSWER_NO; i++) {
        s32 netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        if (netlink < 0) {
            return ANSWER_UNKNOWN;
        }
        answer = diag_ask(netlink, families[i]) ? diag_answer(netlink, address, own_inode)
                                                : ANSWER_UNKNOWN;
        (void)close(netlink);
    }
    return answer;
}

/* Where sock_diag is missing: whoever answers a connection listens. */
static enum answer try_to_connect(const union address *address)
{
    union address target = *address;
    if (target.any.sa_family == AF_INET && target.ipv4.sin_addr.s_addr == htonl(INADDR_ANY)) {
        target.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else if (target.any.sa_family == AF_INET6 &&
               IN6_IS_ADDR_UNSPECIFIED(&target.ipv6.sin6_addr)) {
        target.ipv6.sin6_addr = in6addr_loopback;
    }
    s32 probe = socket(target.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return ANSWER_UNKNOWN;
    }
    bool connected = connect(probe, &target.any, size_of(&target)) == 0;
    if (!connected && errno == EINPROGRESS) {
        struct pollfd wait = {.fd = probe, .events = POLLOUT};
        int error = ETIMEDOUT;
        socklen_t size = sizeof(error);
        bool ready = poll(&wait, 1, CONNECT_TIMEOUT_MS) == 1 &&
                     getsockopt(probe, SOL_SOCKET, SO_ERROR, &error, &size) == 0;
        connected = ready && error == 0;
    }
    (void)close(probe);
    return connected ? ANSWER_YES : ANSWER_NO;
}

static bool someone_listens(const union address *address, u64 own_inode)
{
    if (port_of(address) == 0) {
        return false;
    }
    enum answer answer = ask_sock_diag(address, own_inode);
    if (answer == ANSWER_UNKNOWN && own_inode == 0) {
        answer = try_to_connect(address);
    }
    return answer == ANSWER_YES;
}

/* ---- Listening ---- */

static bool option_set(s32 listener, int level, int option, int value)
{
    return setsockopt(listener, level, option, &value, sizeof(value)) == 0;
}

/* What an accepted socket inherits. */
static bool options_set(s32 listener)
{
    return option_set(listener, SOL_SOCKET, SO_REUSEADDR, 1) &&
           option_set(listener, SOL_SOCKET, SO_REUSEPORT, 1) &&
           option_set(listener, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           option_set(listener, IPPROTO_TCP, TCP_NODELAY, 1) &&
           option_set(listener, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S) &&
           option_set(listener, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S) &&
           option_set(listener, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES) &&
           option_set(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}

static bool explain_taken(const char *text, struct err *err)
{
    return err_set(err,
                   "cannot listen on %s: another server listens there already; stop it, or choose "
                   "another port with --tcp (port 0 picks a free one)",
                   text);
}

static bool explain(const char *text, s32 error, struct err *err)
{
    switch (error) {
    case EADDRINUSE:
        return err_set(
            err,
            "cannot listen on %s: the port is in use by a socket that does not share it; "
            "end its owner, or choose another port with --tcp (port 0 picks a free one)",
            text);
    case EADDRNOTAVAIL:
        return err_set(err, "cannot listen on %s: this machine does not have that address", text);
    case EACCES:
        return err_set(
            err,
            "cannot listen on %s: not permitted; use a port of 1024 or above, or give the "
            "process CAP_NET_BIND_SERVICE",
            text);
    default: return err_set(err, "cannot listen on %s: %s", text, strerror(error));
    }
}

static u64 inode_of(s32 file)
{
    struct stat facts;
    return fstat(file, &facts) == 0 ? (u64)facts.st_ino : 0;
}

bool io_listen(const char *address, struct io_socket *listener, u16 *port, struct err *err)
{
    union address wanted = {.ipv6 = {0}};
    if (!address_parse(address, &wanted, err)) {
        return false;
    }
    if (someone_listens(&wanted, 0)) {
        return explain_taken(address, err);
    }
    s32 socket_id = socket(wanted.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_id < 0) {
        return explain(address, errno, err);
    }
    socklen_t size = sizeof(wanted);
    if (!options_set(socket_id) || bind(socket_id, &wanted.any, size_of(&wanted)) != 0 ||
        listen(socket_id, LISTEN_BACKLOG) != 0 || getsockname(socket_id, &wanted.any, &size) != 0) {
        s32 error = errno;
        (void)close(socket_id);
        return explain(address, error, err);
    }
    if (someone_listens(&wanted, inode_of(socket_id))) {
        (void)close(socket_id);
        return explain_taken(address, err);
    }
    listener->id = socket_id;
    *port = port_of(&wanted);
    return true;
}
