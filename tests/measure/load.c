#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LATENCIES_MAX 4000000u
#define SINK_BYTES (1u << 20)

static void fail(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    exit(1);
}

uint64_t load_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int load_connect(const char *address)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon - address >= (long)sizeof(host)) {
        errno = EINVAL;
        fail(address);
    }
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = 0;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) {
        fail(address);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        fail(address);
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

void load_send_all(int fd, const void *bytes, uint64_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            fail("send");
        }
        at += sent;
        size -= (uint64_t)sent;
    }
}

void load_receive_all(int fd, void *bytes, uint64_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t got = recv(fd, at, size, 0);
        if (got <= 0) {
            fail("receive");
        }
        at += got;
        size -= (uint64_t)got;
    }
}

static void begin(struct load_conn *conn)
{
    conn->sent = 0;
    conn->received = 0;
    conn->reply_bytes = 0;
    conn->began_ns = load_now_ns();
}

/* Gives the kernel what it takes. */
static void push(struct load *load, struct load_conn *conn)
{
    while (conn->sent < conn->request_bytes) {
        ssize_t sent = send(conn->fd, conn->request + conn->sent, conn->request_bytes - conn->sent,
                            MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            return;
        }
        if (sent <= 0) {
            fail("send");
        }
        conn->sent += (uint64_t)sent;
        load->bytes_sent += (uint64_t)sent;
    }
}

/* True when the reply is whole. */
static bool pull(struct load *load, struct load_conn *conn, uint8_t *sink)
{
    for (;;) {
        bool in_header = conn->received < sizeof(conn->header);
        uint64_t room = in_header ? sizeof(conn->header) - conn->received : SINK_BYTES;
        if (conn->reply_bytes > 0 && room > conn->reply_bytes - conn->received) {
            room = conn->reply_bytes - conn->received;
        }
        ssize_t got =
            recv(conn->fd, in_header ? conn->header + conn->received : sink, room, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            return false;
        }
        if (got <= 0) {
            fail("the server closed the connection");
        }
        conn->received += (uint64_t)got;
        load->bytes_received += (uint64_t)got;
        if (conn->reply_bytes == 0) {
            conn->reply_bytes = load->reply_size(conn);
        }
        if (conn->reply_bytes > 0 && conn->received == conn->reply_bytes) {
            return true;
        }
    }
}

static void finish_one(struct load *load, struct load_conn *conn)
{
    load->replies++;
    if (load->latencies_count < LATENCIES_MAX) {
        load->latencies_us[load->latencies_count++] =
            (uint32_t)((load_now_ns() - conn->began_ns) / 1000);
    }
    if (!load->on_reply(conn)) {
        fprintf(stderr, "measure: a reply was a refusal\n");
        exit(1);
    }
}

static int watch_all(struct load *load)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < load->conns_count; i++) {
        struct load_conn *conn = &load->conns[i];
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = conn};
        fcntl(conn->fd, F_SETFL, O_NONBLOCK);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0) {
            fail("epoll");
        }
        begin(conn);
        push(load, conn);
    }
    return epoll;
}

/* Goes on with one connection as far as it can now. False: its time is over and it has no request
 * in flight any more. */
static bool exchange(struct load *load, struct load_conn *conn, uint8_t *sink, uint64_t until_ns)
{
    push(load, conn);
    while (conn->sent == conn->request_bytes && conn->request_bytes > 0 && pull(load, conn, sink)) {
        finish_one(load, conn);
        if (conn->is_over || load_now_ns() >= until_ns) {
            conn->request_bytes = 0;
            return false;
        }
        begin(conn);
        push(load, conn);
    }
    return true;
}

void load_run(struct load *load)
{
    uint8_t *sink = malloc(SINK_BYTES);
    load->latencies_us = malloc(LATENCIES_MAX * sizeof(uint32_t));
    if (sink == NULL || load->latencies_us == NULL) {
        fail("memory");
    }
    uint64_t began_ns = load_now_ns();
    uint64_t until_ns = began_ns + (uint64_t)(load->seconds * 1e9);
    int epoll = watch_all(load);
    uint32_t in_flight = load->conns_count;
    while (in_flight > 0) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll, events, 256, 30000);
        if (count == 0) {
            errno = ETIMEDOUT;
            fail("no reply");
        }
        for (int i = 0; i < count; i++) {
            if (!exchange(load, events[i].data.ptr, sink, until_ns)) {
                in_flight--;
            }
        }
    }
    load->elapsed = (double)(load_now_ns() - began_ns) / 1e9;
    close(epoll);
    free(sink);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void load_print(struct load *load, const char *name, uint64_t payload_bytes)
{
    uint32_t count = load->latencies_count;
    qsort(load->latencies_us, count, sizeof(uint32_t), compare_u32);
    uint32_t p50 = count == 0 ? 0 : load->latencies_us[count / 2];
    uint32_t p99 = count == 0 ? 0 : load->latencies_us[(uint64_t)count * 99 / 100];
    printf("{\"name\": \"%s\", \"connections\": %u, \"replies\": %llu, \"seconds\": %.3f, "
           "\"replies_per_second\": %.1f, \"bytes_per_second\": %.0f, \"received_per_second\": "
           "%.0f, \"p50_us\": %u, \"p99_us\": %u}\n",
           name, load->conns_count, (unsigned long long)load->replies, load->elapsed,
           (double)load->replies / load->elapsed,
           (double)(load->replies * payload_bytes) / load->elapsed,
           (double)load->bytes_received / load->elapsed, p50, p99);
    free(load->latencies_us);
}
