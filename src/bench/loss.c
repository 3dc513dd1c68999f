#include "bench/loss.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "bench/bench_run.h"
#include "bench/json_writer.h"

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define REPLY_BYTES (FRAME_HEADER_BYTES + SEND_REPLY_BYTES)
#define SINK_BYTES (1u << 20)
#define TIMEOUT_S 30

/* ---- Who answers ---- */

struct answerer {
    pthread_t thread;
    int fd;
    u32 request_bytes;
};

static bool receive_all(int fd, u8 *bytes, u32 size)
{
    for (u32 got = 0; got < size;) {
        ssize_t more = recv(fd, bytes + got, size - got, 0);
        if (more <= 0) {
            return false;
        }
        got += (u32)more;
    }
    return true;
}

/* A reply that says yes to whatever comes. */
static void *answer(void *context)
{
    struct answerer *answerer = context;
    u8 reply[REPLY_BYTES];
    u8 *sink = mem_take(SINK_BYTES);
    struct request_header request = {.client = {1, 1}, .operation = OP_SEND_MESSAGES};
    struct reply_header header = reply_header_for(&request, WIRE_OK, SEND_REPLY_BYTES);
    struct writer writer = writer_over(reply + FRAME_HEADER_BYTES, SEND_REPLY_BYTES);
    reply_header_encode(&header, reply);
    send_reply_encode(&(struct send_confirmation){0}, &writer);
    for (bool open = true; open;) {
        u32 left = answerer->request_bytes;
        while (open && left > 0) {
            u32 piece = u32_min(left, SINK_BYTES);
            open = receive_all(answerer->fd, sink, piece);
            left -= piece;
        }
        open = open && send(answerer->fd, reply, sizeof(reply), MSG_NOSIGNAL) == REPLY_BYTES;
    }
    mem_return(sink);
    return NULL;
}

static bool connect_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fds[1] = -1;
    if (listener >= 0 && fds[0] >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 &&
        listen(listener, 1) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
        connect(fds[0], (struct sockaddr *)&address, size) == 0) {
        fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    }
    for (u32 i = 0; i < 2 && fds[i] >= 0; i++) {
        (void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    }
    if (listener >= 0) {
        close(listener);
    }
    return fds[1] >= 0;
}

/* ---- Who asks ---- */

struct loss {
    struct bench_options options;
    struct bench_run run;
    struct actor actor;
    struct budget budget;
    struct answerer answerer;
};

/* A pinned producer as a run makes it, but for the login. */
static void make_producer(struct loss *loss, const struct loss_work *work, int fd)
{
    struct actor *actor = &loss->actor;
    loss->options = (struct bench_options){
        .kind = BENCH_PINNED_PRODUCER,
        .message_bytes = {work->message_bytes, work->message_bytes},
        .batch_messages = {work->messages, work->messages},
        .partitions = 1,
    };
    loss->run = (struct bench_run){
        .options = &loss->options, .until_ns = UINT64_MAX, .zero_ns = bench_monotonic_ns()};
    loss->budget.left = INT64_MAX;
    *actor = (struct actor){.run = &loss->run,
                            .number = 1,
                            .writes = true,
                            .counts = true,
                            .budget = &loss->budget,
                            .samples_capacity = ACTOR_SAMPLES_MAX};
    actor->samples = mem_take(ACTOR_SAMPLES_MAX * sizeof(struct sample));
    actor->measures[MEASURE_PUBLISH_BATCH] = histogram_create();
    actor->measures[MEASURE_PUBLISH_MESSAGE] = histogram_create();
    actor->measures[MEASURE_SERVICE] = histogram_create();
    bench_link_adopt(&actor->link, fd, 0);
    struct prepared_options prepared = {
        .message_bytes = loss->options.message_bytes,
        .batch_messages = loss->options.batch_messages,
        .seed = 1,
        .header = {.client = {1, 1}, .operation = OP_SEND_MESSAGES},
        .place = {.stream = identifier_of_name(span_of("bench-stream-1")),
                  .topic = identifier_of_name(span_of("topic-1")),
                  .partitioning = {.kind = PARTITIONING_PARTITION}},
    };
    prepared_init(&actor->prepared, &prepared);
}

static void drop_producer(struct loss *loss)
{
    prepared_deinit(&loss->actor.prepared);
    bench_link_close(&loss->actor.link);
    for (u32 i = 0; i < MEASURE_COUNT; i++) {
        mem_return(loss->actor.measures[i]);
    }
    mem_return(loss->actor.samples);
}

static bool run_bench(struct loss *loss, u32 calls)
{
    for (u32 i = 0; i < calls; i++) {
        if (!actor_turn(&loss->actor)) {
            return false;
        }
    }
    return true;
}

/* The same frames over the same socket. */
static bool run_bare(struct loss *loss, u32 calls)
{
    u8 reply[REPLY_BYTES];
    int fd = loss->actor.link.fd;
    for (u32 i = 0; i < calls; i++) {
        const struct prepared_batch *batch = prepared_next(&loss->actor.prepared);
        for (u32 sent = 0; sent < batch->frame_bytes;) {
            ssize_t more = send(fd, batch->frame + sent, batch->frame_bytes - sent, MSG_NOSIGNAL);
            if (more <= 0) {
                return false;
            }
            sent += (u32)more;
        }
        if (!receive_all(fd, reply, sizeof(reply))) {
            return false;
        }
    }
    return true;
}

/* ---- Rounds ---- */

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

struct round {
    double cpu_us; /* of a call */
    double wall_us;
};

static bool run_round(struct loss *loss, bool (*run)(struct loss *loss, u32 calls), u32 calls,
                      struct round *round)
{
    double cpu_began_us = cpu_us();
    u64 began_ns = bench_monotonic_ns();
    bool good = run(loss, calls);
    round->cpu_us = (cpu_us() - cpu_began_us) / calls;
    round->wall_us = (double)(bench_monotonic_ns() - began_ns) / 1e3 / calls;
    return good;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, LOSS_ROUNDS, sizeof(double), compare_doubles);
    return values[LOSS_ROUNDS / 2];
}

static bool run_rounds(struct loss *loss, u32 calls, struct loss_figure *figure)
{
    double bare_us[LOSS_ROUNDS];
    double bench_us[LOSS_ROUNDS];
    double cpu_ratios[LOSS_ROUNDS];
    double wall_ratios[LOSS_ROUNDS];
    struct round bare = {0};
    struct round bench = {0};
    bool good = run_bare(loss, calls) && run_bench(loss, calls); /* caches and pages are warm */
    for (u32 i = 0; good && i < LOSS_ROUNDS; i++) {
        /* Each goes first in every second round. */
        good = i % 2 == 0 ? run_round(loss, run_bare, calls, &bare) &&
                                run_round(loss, run_bench, calls, &bench)
                          : run_round(loss, run_bench, calls, &bench) &&
                                run_round(loss, run_bare, calls, &bare);
        bare_us[i] = bare.cpu_us;
        bench_us[i] = bench.cpu_us;
        cpu_ratios[i] = bench.cpu_us / bare.cpu_us;
        wall_ratios[i] = bench.wall_us / bare.wall_us;
    }
    if (good) {
        *figure = (struct loss_figure){median(bare_us), median(bench_us), median(cpu_ratios),
                                       median(wall_ratios)};
    }
    return good;
}

bool loss_measure(const struct loss_work *work, struct loss_figure *figure, struct err *err)
{
    int fds[2];
    if (!connect_pair(fds)) {
        return err_set(err, "loopback cannot be used: %s", strerror(errno));
    }
    struct loss *loss = mem_take(sizeof(*loss));
    make_producer(loss, work, fds[0]);
    loss->answerer = (struct answerer){
        .fd = fds[1], .request_bytes = loss->actor.prepared.batches[0].frame_bytes};
    check(pthread_create(&loss->answerer.thread, NULL, answer, &loss->answerer) == 0);
    bool good = run_rounds(loss, work->calls, figure);
    shutdown(fds[0], SHUT_RDWR);
    pthread_join(loss->answerer.thread, NULL);
    close(fds[1]);
    drop_producer(loss);
    mem_return(loss);
    return good || err_set(err, "the exchange over loopback broke off");
}

/* ---- The command ---- */

static const struct loss_work works[] = {{100, 1, 500}, {1000, 1, 500}, {1000, 1000, 20}};

int loss_command(int argc, char **argv)
{
    bool as_json = argc == 1 && strcmp(argv[0], "--json") == 0;
    struct json_writer json = {.file = stdout};
    if (argc > 0 && !as_json) {
        fprintf(stderr, "levriero: usage: levriero bench loss [--json]\n");
        return EXIT_USAGE;
    }
    if (as_json) {
        json_open(&json, NULL, '[');
    }
    for (u32 i = 0; i < array_count(works); i++) {
        struct loss_figure figure;
        struct err err;
        if (!loss_measure(&works[i], &figure, &err)) {
            fprintf(stderr, "levriero: %s\n", err.text);
            return EXIT_FAILED;
        }
        if (as_json) {
            json_open(&json, NULL, '{');
            json_count(&json, "message_bytes", works[i].message_bytes);
            json_count(&json, "messages", works[i].messages);
            json_number(&json, "bare_cpu_us", figure.bare_cpu_us);
            json_number(&json, "bench_cpu_us", figure.bench_cpu_us);
            json_number(&json, "cpu_ratio", figure.cpu_ratio);
            json_number(&json, "wall_ratio", figure.wall_ratio);
            json_close(&json, '}');
        } else {
            printf("%4u of %4u bytes: a bare call %.2f us of processor time, one of this tool "
                   "%.2f us: %.3f (wall %.3f)\n",
                   works[i].messages, works[i].message_bytes, figure.bare_cpu_us,
                   figure.bench_cpu_us, figure.cpu_ratio, figure.wall_ratio);
        }
    }
    if (as_json) {
        json_close(&json, ']');
        printf("\n");
    }
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
