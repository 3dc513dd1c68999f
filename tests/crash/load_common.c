#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "crash_load.h"

#define COMPLAINTS_MAX 10u /* more are counted, not printed */

static u64 now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

void load_mark(struct load *load, const struct mark *mark)
{
    char line[MARK_LINE_SIZE];
    u32 size = mark_print(mark, line);
    if (write(load->marks_file, line, size) != (ssize_t)size) {
        load_fail(load, "cannot write the marks");
    }
    if (load->ledger_file >= 0 && write(load->ledger_file, line, size) != (ssize_t)size) {
        load_fail(load, "cannot write the ledger");
    }
}

bool load_is_over(struct load *load)
{
    bool is_gone = atomic_load(&load->connections_lost) > 0 && !load->tolerates_loss;
    return is_gone || now_us() >= load->end_time_us;
}

void load_sleep_us(u64 time_us)
{
    struct timespec pause = {
        .tv_sec = (time_t)(time_us / US_PER_SECOND),
        .tv_nsec = (long)(time_us % US_PER_SECOND * 1000),
    };
    (void)nanosleep(&pause, NULL);
}

void load_fail(struct load *load, const char *format, ...)
{
    if (atomic_fetch_add(&load->failures, 1) >= COMPLAINTS_MAX) {
        return;
    }
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "load: %s\n", text);
}

void load_refused(struct load *load, const char *what, u32 who, u32 status)
{
    if (!load->tolerates_loss) {
        load_fail(load, "%s (%u): status %u", what, who, status);
    }
}

bool worker_connect(struct worker *worker)
{
    u64 id = mix(mix(worker->load->seed + worker->load->round) + worker->number) | 1;
    if (!crash_client_open(&worker->client, worker->load->port, id)) {
        worker_lost(worker);
        return false;
    }
    return true;
}

void worker_lost(struct worker *worker)
{
    atomic_fetch_add(&worker->load->connections_lost, 1);
    if (worker->client.broken) {
        load_fail(worker->load, "worker %u: the protocol was broken", worker->number);
    }
}
