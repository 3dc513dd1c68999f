#include "bench/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "bench/bench_run.h"
#include "wire/xxh3.h"

#define REPLY_BYTES 16u
#define ALIGNMENT 4096u
#define FILE_BYTES_MAX (2 * GIB)
#define READ_FILE_BYTES (64 * MIB)
#define NS_PER_SECOND 1e9
#define SOCKET_LIMIT_S 30

/* ---- Files ---- */

static int open_nameless(const char *directory)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EINVAL)) {
        return fd;
    }
    return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); /* no direct I/O here */
}

static u8 *take_aligned(u64 bytes)
{
    void *memory = NULL;
    check(posix_memalign(&memory, ALIGNMENT, bytes) == 0);
    memset(memory, 1, bytes);
    return memory;
}

static bool write_synced(int file, const u8 *bytes, u64 room, u64 *position)
{
    bool good =
        pwrite(file, bytes, room, (off_t)*position) == (ssize_t)room && fdatasync(file) == 0;
    *position = *position + room > FILE_BYTES_MAX ? 0 : *position + room;
    return good;
}

/* ---- The bare server: one thread a connection ---- */

struct bare_server {
    pthread_t thread;
    int fd;
    int file; /* -1: no disk */
    u32 bytes;
    bool failed;
};

static bool receive_all(int fd, u8 *bytes, u64 size)
{
    for (u64 got = 0; got < size;) {
        ssize_t more = recv(fd, bytes + got, size - got, 0);
        if (more <= 0) {
            return false;
        }
        got += (u64)more;
    }
    return true;
}

static bool send_all(int fd, const u8 *bytes, u64 size)
{
    for (u64 sent = 0; sent < size;) {
        ssize_t more = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (more <= 0) {
            return false;
        }
        sent += (u64)more;
    }
    return true;
}

static void *serve(void *context)
{
    struct bare_server *server = context;
    u64 room = align_up(server->bytes, ALIGNMENT);
    u8 *bytes = take_aligned(room);
    u64 position = 0;
    while (receive_all(server->fd, bytes, server->bytes)) {
        if (server->file >= 0 && !write_synced(server->file, bytes, room, &position)) {
            server->failed = true;
            break;
        }
        if (!send_all(server->fd, bytes, REPLY_BYTES)) {
            break;
        }
    }
    shutdown(server->fd, SHUT_RDWR);
    free(bytes);
    return NULL;
}

/* ---- The bare client ---- */

struct bare_client {
    pthread_t thread;
    int fd;
    u32 bytes;
    u64 until_ns;
    u64 pause_ns;
    struct histogram *latencies;
};

/* When the next request is sent, the last one having ended at `now_ns`. */
static u64 pause_until_next(const struct bare_client *client, u64 now_ns)
{
    if (client->pause_ns == 0) {
        return now_ns;
    }
    struct timespec pause = {.tv_sec = (time_t)(client->pause_ns / 1000000000),
                             .tv_nsec = (long)(client->pause_ns % 1000000000)};
    (void)nanosleep(&pause, NULL);
    return bench_monotonic_ns();
}

static void *ask(void *context)
{
    struct bare_client *client = context;
    u8 *bytes = take_aligned(client->bytes);
    u8 reply[REPLY_BYTES];
    u64 began_ns = pause_until_next(client, bench_monotonic_ns());
    do { /* once at least: a busy machine may come here late */
        if (!send_all(client->fd, bytes, client->bytes) ||
            !receive_all(client->fd, reply, REPLY_BYTES)) {
            break;
        }
        u64 now_ns = bench_monotonic_ns();
        histogram_record(client->latencies, now_ns - began_ns, 1);
        began_ns = pause_until_next(client, now_ns);
    } while (began_ns < client->until_ns);
    shutdown(client->fd, SHUT_RDWR); /* its server ends too */
    free(bytes);
    return NULL;
}

/* Two ends of one TCP connection over loopback. */
static bool connect_pair(int listener, int *near, int *far)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    struct timeval limit = {.tv_sec = SOCKET_LIMIT_S};
    int on = 1;
    *far = -1;
    *near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = *near >= 0 && getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
                connect(*near, (struct sockaddr *)&address, size) == 0;
    *far = good ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    int *ends[2] = {near, far};
    for (u32 i = 0; i < 2 && *far >= 0; i++) {
        (void)setsockopt(*ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(*ends[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    }
    return *far >= 0;
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
                    listen(fd, SOMAXCONN) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Everything that may fail, before any thread runs. */
static bool open_all(const struct limit_work *work, struct bare_server *servers,
                     struct bare_client *clients, struct err *err)
{
    int listener = listen_on_loopback();
    bool good = listener >= 0;
    for (u32 i = 0; i < work->connections; i++) {
        servers[i] = (struct bare_server){.fd = -1, .file = -1, .bytes = work->bytes};
        clients[i] =
            (struct bare_client){.fd = -1, .bytes = work->bytes, .pause_ns = work->pause_ns};
        good = good && connect_pair(listener, &clients[i].fd, &servers[i].fd);
        if (good && work->directory != NULL) {
            servers[i].file = open_nameless(work->directory);
            good = servers[i].file >= 0;
        }
    }
    int reason = errno;
    if (listener >= 0) {
        close(listener);
    }
    return good ||
           err_set(err, "the limits cannot be measured in %s: %s",
                   work->directory == NULL ? "this machine" : work->directory, strerror(reason));
}

static bool run_all(const struct limit_work *work, struct bare_server *servers,
                    struct bare_client *clients, struct err *err)
{
    bool good = true;
    u64 until_ns = bench_monotonic_ns() + work->time_ns;
    for (u32 i = 0; i < work->connections; i++) {
        clients[i].until_ns = until_ns;
        clients[i].latencies = histogram_create();
        check(pthread_create(&servers[i].thread, NULL, serve, &servers[i]) == 0);
        check(pthread_create(&clients[i].thread, NULL, ask, &clients[i]) == 0);
    }
    for (u32 i = 0; i < work->connections; i++) {
        pthread_join(clients[i].thread, NULL);
        pthread_join(servers[i].thread, NULL);
        good = good && !servers[i].failed;
    }
    return good || err_set(err, "%s: a write failed", work->directory);
}

static void take_figure(struct limit_figure *figure, const struct histogram *latencies, u64 took_ns,
                        u32 bytes)
{
    double seconds = (double)u64_max(1, took_ns) / NS_PER_SECOND;
    figure->replies_per_second = (double)latencies->count / seconds;
    figure->bytes_per_second = figure->replies_per_second * bytes;
    figure->p50_us = (double)histogram_quantile(latencies, 0.5) / 1000;
    figure->p99_us = (double)histogram_quantile(latencies, 0.99) / 1000;
}

bool limit_exchange(const struct limit_work *work, struct limit_figure *figure, struct err *err)
{
    struct bare_server *servers = mem_take(work->connections * sizeof(*servers));
    struct bare_client *clients = mem_take(work->connections * sizeof(*clients));
    struct histogram *all = histogram_create();
    u64 began_ns = bench_monotonic_ns();
    bool good = open_all(work, servers, clients, err) && run_all(work, servers, clients, err);
    u64 took_ns = bench_monotonic_ns() - began_ns;
    for (u32 i = 0; i < work->connections; i++) {
        int fds[3] = {clients[i].fd, servers[i].fd, servers[i].file};
        for (u32 j = 0; j < 3; j++) {
            if (fds[j] >= 0) {
                close(fds[j]);
            }
        }
        if (clients[i].latencies != NULL) {
            histogram_merge(all, clients[i].latencies);
            histogram_destroy(clients[i].latencies);
        }
    }
    take_figure(figure, all, took_ns, work->bytes);
    histogram_destroy(all);
    mem_return(servers);
    mem_return(clients);
    return good;
}

/* ---- Alone ---- */

/* One thing over and over, each time measured from the end of the last. */
struct repeats {
    struct histogram *latencies;
    u64 began_ns;
    u64 at_ns;
    u64 end_ns;
};

static struct repeats repeats_begin(const struct limit_work *work)
{
    u64 now_ns = bench_monotonic_ns();
    return (struct repeats){.latencies = histogram_create(),
                            .began_ns = now_ns,
                            .at_ns = now_ns,
                            .end_ns = now_ns + work->time_ns};
}

static bool repeats_go_on(const struct repeats *repeats)
{
    return repeats->at_ns < repeats->end_ns;
}

static void repeats_count(struct repeats *repeats)
{
    u64 now_ns = bench_monotonic_ns();
    histogram_record(repeats->latencies, now_ns - repeats->at_ns, 1);
    repeats->at_ns = now_ns;
}

static void repeats_end(struct repeats *repeats, struct limit_figure *figure, u32 bytes)
{
    take_figure(figure, repeats->latencies, repeats->at_ns - repeats->began_ns, bytes);
    histogram_destroy(repeats->latencies);
}

bool limit_disk_write(const struct limit_work *work, struct limit_figure *figure, struct err *err)
{
    int file = open_nameless(work->directory);
    if (file < 0) {
        return err_set(err, "%s: %s", work->directory, strerror(errno));
    }
    u64 room = align_up(work->bytes, ALIGNMENT);
    u8 *bytes = take_aligned(room);
    u64 position = 0;
    bool good = true;
    struct repeats repeats = repeats_begin(work);
    while (good && repeats_go_on(&repeats)) {
        good = write_synced(file, bytes, room, &position);
        repeats_count(&repeats);
    }
    repeats_end(&repeats, figure, work->bytes);
    free(bytes);
    close(file);
    return good || err_set(err, "%s: a write failed", work->directory);
}

/* A file of some size, read directly from end to end, over and over. */
static bool read_over(int file, u8 *bytes, u64 room, const struct limit_work *work,
                      struct limit_figure *figure)
{
    bool good = true;
    struct repeats repeats = repeats_begin(work);
    for (u64 position = 0; good && repeats_go_on(&repeats);) {
        good = pread(file, bytes, room, (off_t)position) == (ssize_t)room;
        position = position + 2 * room > READ_FILE_BYTES ? 0 : position + room;
        repeats_count(&repeats);
    }
    repeats_end(&repeats, figure, (u32)room);
    return good;
}

bool limit_disk_read(const struct limit_work *work, struct limit_figure *figure, struct err *err)
{
    int file = open_nameless(work->directory);
    if (file < 0) {
        return err_set(err, "%s: %s", work->directory, strerror(errno));
    }
    u64 room = align_up(work->bytes, ALIGNMENT);
    u64 large = u64_max(room, MIB);
    u8 *bytes = take_aligned(large);
    bool good = true;
    for (u64 position = 0; good && position < READ_FILE_BYTES; position += large) {
        good = pwrite(file, bytes, large, (off_t)position) == (ssize_t)large;
    }
    good = good && fdatasync(file) == 0 && posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
           read_over(file, bytes, room, work, figure);
    free(bytes);
    close(file);
    return good ||
           err_set(err, "%s: cannot be written and read: %s", work->directory, strerror(errno));
}

void limit_copy(const struct limit_work *work, struct limit_figure *figure)
{
    /* Larger than caches are, so that it is memory that is measured. */
    u64 total = 64 * MIB;
    u8 *from = take_aligned(total);
    u8 *to = take_aligned(total);
    u64 position = 0;
    struct repeats repeats = repeats_begin(work);
    while (repeats_go_on(&repeats)) {
        memcpy(to + position, from + position, work->bytes);
        __asm__ volatile("" : : "r"(to) : "memory"); /* it is not left out */
        position = position + 2ull * work->bytes > total ? 0 : position + work->bytes;
        repeats_count(&repeats);
    }
    repeats_end(&repeats, figure, work->bytes);
    free(from);
    free(to);
}

void limit_xxh3(const struct limit_work *work, struct limit_figure *figure)
{
    u8 *bytes = take_aligned(work->bytes);
    struct repeats repeats = repeats_begin(work);
    while (repeats_go_on(&repeats)) {
        u64 hash = xxh3(bytes, work->bytes);
        __asm__ volatile("" : : "r"(hash) : "memory");
        repeats_count(&repeats);
    }
    repeats_end(&repeats, figure, work->bytes);
    free(bytes);
}

/* ---- Beside a run ---- */

void limits_init(struct limits *limits, const struct limit_work *work)
{
    *limits = (struct limits){.work = *work, .has_disk = work->directory != NULL};
}

void limits_round(struct limits *limits)
{
    u32 at = limits->rounds;
    struct limit_work bare = limits->work;
    bare.directory = NULL;
    if (at == LIMIT_ROUNDS_MAX || !limit_exchange(&bare, &limits->loop[at], &limits->err)) {
        return;
    }
    if (limits->has_disk) {
        limits->has_disk = limit_exchange(&limits->work, &limits->exchange[at], &limits->err) &&
                           limit_disk_write(&limits->work, &limits->disk[at], &limits->err);
    }
    limits->rounds++;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(const double *first, u32 rounds)
{
    double values[LIMIT_ROUNDS_MAX];
    for (u32 i = 0; i < rounds; i++) {
        values[i] = first[i * sizeof(struct limit_figure) / sizeof(double)];
    }
    qsort(values, rounds, sizeof(double), compare_doubles);
    return rounds == 0 ? 0 : (values[(rounds - 1) / 2] + values[rounds / 2]) / 2;
}

struct limit_figure limits_median(const struct limit_figure *figures, u32 rounds)
{
    return (struct limit_figure){
        .bytes_per_second = median_of(&figures->bytes_per_second, rounds),
        .replies_per_second = median_of(&figures->replies_per_second, rounds),
        .p50_us = median_of(&figures->p50_us, rounds),
        .p99_us = median_of(&figures->p99_us, rounds),
    };
}
