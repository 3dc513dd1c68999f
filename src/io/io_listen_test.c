#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "io/io_uring_driver.h"

static s32 socket_bound(u32 address, u16 *port, bool shares)
{
    s32 bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(bound >= 0);
    int one = shares ? 1 : 0;
    EXPECT(setsockopt(bound, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0);
    struct sockaddr_in name = {
        .sin_family = AF_INET,
        .sin_port = htons(*port),
        .sin_addr.s_addr = htonl(address),
    };
    EXPECT(bind(bound, (struct sockaddr *)&name, sizeof(name)) == 0);
    socklen_t size = sizeof(name);
    EXPECT(getsockname(bound, (struct sockaddr *)&name, &size) == 0);
    *port = ntohs(name.sin_port);
    return bound;
}

static bool listen_at(const char *host, u16 port, struct io_socket *listener, struct err *err)
{
    char address[64];
    u16 got = 0;
    EXPECT(str_format(address, sizeof(address), "%s:%u", host, port));
    bool listens = io_listen(address, listener, &got, err);
    EXPECT(!listens || got == port);
    return listens;
}

TEST(port_0_picks_a_port_that_then_answers)
{
    static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0", "localhost:0", "0.0.0.0:0"};
    for (u32 i = 0; i < array_count(addresses); i++) {
        struct io_socket listener = IO_SOCKET_NONE;
        u16 port = 0;
        struct err err = {0};
        if (!io_listen(addresses[i], &listener, &port, &err)) {
            /* A machine without IPv6 says so; the others are everywhere. */
            EXPECT(i == 1);
            EXPECT(strstr(err.text, addresses[i]) != NULL);
            continue;
        }
        EXPECT(port > 0);
        (void)close(listener.id);
    }
}

TEST(a_port_that_is_merely_reserved_may_be_listened_on)
{
    u16 port = 0;
    s32 bound = socket_bound(INADDR_LOOPBACK, &port, true);
    struct io_socket listener;
    struct err err = {0};
    EXPECT(listen_at("127.0.0.1", port, &listener, &err));
    (void)close(listener.id);
    (void)close(bound);
}

TEST(another_listener_is_refused_even_when_it_shares_the_port)
{
    u16 port = 0;
    s32 other = socket_bound(INADDR_LOOPBACK, &port, true);
    EXPECT(listen(other, 1) == 0);
    struct io_socket listener;
    struct err err = {0};
    EXPECT(!listen_at("127.0.0.1", port, &listener, &err));
    EXPECT(strstr(err.text, "another server listens there") != NULL);
    /* Also when ours would be the one for all addresses, */
    EXPECT(!listen_at("0.0.0.0", port, &listener, &err));
    EXPECT(strstr(err.text, "another server listens there") != NULL);
    /* but not on an address that nobody has. */
    EXPECT(listen_at("127.0.0.2", port, &listener, &err));
    (void)close(listener.id);
    (void)close(other);
    EXPECT(listen_at("127.0.0.1", port, &listener, &err));

    /* And ours keeps the next of ours out. */
    struct io_socket second;
    EXPECT(!listen_at("127.0.0.1", port, &second, &err));
    (void)close(listener.id);
}

TEST(a_listener_on_all_addresses_covers_each)
{
    u16 port = 0;
    s32 other = socket_bound(INADDR_ANY, &port, true);
    EXPECT(listen(other, 1) == 0);
    struct io_socket listener;
    struct err err = {0};
    EXPECT(!listen_at("127.0.0.1", port, &listener, &err));
    EXPECT(strstr(err.text, "another server listens there") != NULL);
    (void)close(other);
}

/* From now on there are no netlink sockets, as under some containers' profiles. */
static bool netlink_forbid(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = array_count(rules), .filter = rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* 0: the taken port is refused and the reserved one is not. 2: nothing could be forbidden. */
static int judge_without_netlink(u16 taken_port, u16 reserved_port)
{
    if (!netlink_forbid()) {
        return 2;
    }
    struct io_socket listener;
    struct err err = {0};
    bool is_refused = !listen_at("127.0.0.1", taken_port, &listener, &err) &&
                      strstr(err.text, "another server listens there") != NULL;
    return is_refused && listen_at("127.0.0.1", reserved_port, &listener, &err) ? 0 : 1;
}

TEST(without_sock_diag_whoever_answers_a_connection_listens)
{
    u16 port = 0;
    s32 other = socket_bound(INADDR_LOOPBACK, &port, true);
    EXPECT(listen(other, 1) == 0);
    u16 reserved_port = 0;
    s32 reserved = socket_bound(INADDR_LOOPBACK, &reserved_port, true);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        _exit(judge_without_netlink(port, reserved_port));
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    (void)close(reserved);
    (void)close(other);
    EXPECT(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) {
        SKIP("this machine lets no process filter its own calls");
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(a_port_that_is_not_shared_has_its_own_sentence)
{
    u16 port = 0;
    s32 other = socket_bound(INADDR_LOOPBACK, &port, false);
    struct io_socket listener;
    struct err err = {0};
    EXPECT(!listen_at("127.0.0.1", port, &listener, &err));
    EXPECT(strstr(err.text, "does not share it") != NULL);
    (void)close(other);
}

TEST(an_address_that_makes_no_sense_is_explained)
{
    static const char *const wrong[] = {
        "",        "127.0.0.1",      "127.0.0.1:",   "127.0.0.1:65536",
        ":8090",   "::1:8090",       "[::1]",        "[::1:8090",
        "[]:8090", "127.0.0.1:8o90", "127.0.0.1:-1", "no.such.host.invalid:8090",
    };
    for (u32 i = 0; i < array_count(wrong); i++) {
        struct io_socket listener;
        u16 port;
        struct err err = {0};
        EXPECT(!io_listen(wrong[i], &listener, &port, &err));
        EXPECT(strstr(err.text, wrong[i]) != NULL);
    }
    struct io_socket listener;
    u16 port;
    struct err err = {0};
    EXPECT(!io_listen("203.0.113.1:8090", &listener, &port, &err));
    EXPECT(strstr(err.text, "does not have that address") != NULL);
}
