/* Puts a server under load and notes what it promises, until the time or the server is gone.
 *
 *     load --port PORT --marks FILE --seconds S [--ledger FILE] [--seed N] [--megabytes N]
 *          [--only KIND] [--purge TOPIC] [--persisted] [--persisted-offsets] [--full] [--faults]
 *
 * Goes on where the marks end: the lasting topics are created in the first round, and every later
 * round appends to them as new producers.
 *
 *     --ledger    where the marks so far are read from, and written to as well, when the marks file
 *                 cannot be read back (that of a logdisk)
 *     --only      produce, race, churn, store or poll: one thread of that kind alone, so that
 *                 nobody else's sync hides that one is missing
 *     --purge     this lasting topic, before anything else
 *     --persisted topics are created with durability of their own, whatever the server's level
 *     --persisted-offsets   the same, for stored offsets alone
 *     --full      refusals because the disk is full are in order
 *     --faults    closed connections are in order, and opened again
 *
 * Exit: 0 the time is over, 3 connections were lost (as they are when the server is killed), 1 the
 * server answered what it must not, 2 wrong usage. */
#include "crash_load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_COUNT 9u
#define STREAM_LASTING "lasting"

struct topic_plan {
    const char *stream;
    const char *name;
    u32 partitions_count;
    u64 segment_size; /* 0: the default */
};

/* Small segments, so that rolls happen under the load. */
static const struct topic_plan lasting_plans[LASTING_COUNT] = {
    {STREAM_LASTING, "wide", 4, 0},
    {STREAM_LASTING, "rolling", 2, 1 << 20},
};

static const struct topic_plan slot_plans[SLOTS_COUNT] = {
    {STREAM_LASTING, "churn-0", 0, 0},
    {STREAM_LASTING, "churn-1", 0, 0},
    {STREAM_LASTING, "churn-2", 0, 0},
    {"solo", "churn-3", 0, 0},
};

static void target_init(struct target *target, const struct topic_plan *plan)
{
    memset(target, 0, sizeof(*target));
    target->partitions_count = plan->partitions_count;
    (void)snprintf(target->stream, MARK_NAME_SIZE, "%s", plan->stream);
    (void)snprintf(target->name, MARK_NAME_SIZE, "%s", plan->name);
    target->owns_stream = strcmp(plan->stream, STREAM_LASTING) != 0;
}

static struct mark target_mark(const struct target *target, enum mark_kind kind, u32 id)
{
    struct mark mark = {
        .kind = kind,
        .topic = target->number,
        .count = target->partitions_count,
        .id = id,
    };
    memcpy(mark.stream, target->stream, MARK_NAME_SIZE);
    memcpy(mark.name, target->name, MARK_NAME_SIZE);
    return mark;
}

/* Creates the stream of the lasting topics, unless it stands already. */
static bool stream_ensure(struct load *load, struct crash_client *client)
{
    const struct stream_ledger *known = ledger_stream(&load->ledger, STREAM_LASTING);
    if (known != NULL && known->existence == EXISTS_SURELY) {
        return true;
    }
    u8 bytes[256];
    struct writer body = writer_over(bytes, sizeof(bytes));
    body_create_stream(&body, STREAM_LASTING);
    struct mark mark = target_mark(&load->lasting[0], MARK_STREAM_CREATING, 0);
    load_mark(load, &mark);
    struct reply reply;
    if (!crash_client_call(client, OPERATION_CREATE_STREAM, 0, (struct span){bytes, body.position},
                           &reply)) {
        return false;
    }
    if (reply.status != 0 || reply.body.size < 4) {
        load_fail(load, "create stream: status %u", reply.status);
        return false;
    }
    mark = target_mark(&load->lasting[0], MARK_STREAM_CREATED, get_u32(reply.body.data));
    load_mark(load, &mark);
    return true;
}

static bool topic_create(struct load *load, struct crash_client *client, struct target *target,
                         u64 segment_size)
{
    u8 bytes[512];
    struct writer body = writer_over(bytes, sizeof(bytes));
    struct topic_options options = {
        .partitions_count = target->partitions_count,
        .segment_size = segment_size,
        .is_persisted = load->is_persisted,
        .offsets_are_persisted = load->offsets_are_persisted,
    };
    body_create_topic(&body, (struct topic_path){target->stream, target->name}, &options);
    target->number = atomic_fetch_add(&load->topic_number_next, 1);
    struct mark mark = target_mark(target, MARK_TOPIC_CREATING, 0);
    load_mark(load, &mark);
    struct reply reply;
    if (!crash_client_call(client, OPERATION_CREATE_TOPIC, 0, (struct span){bytes, body.position},
                           &reply)) {
        return false;
    }
    if (reply.status != 0 || reply.body.size < 4) {
        load_fail(load, "create topic %s: status %u", target->name, reply.status);
        return false;
    }
    mark = target_mark(target, MARK_TOPIC_CREATED, get_u32(reply.body.data));
    load_mark(load, &mark);
    atomic_store(&target->is_live, true);
    return true;
}

/* Takes over what the ledger knows of the topic. False: it has to be created. */
static bool target_adopt(const struct load *load, struct target *target)
{
    const struct stream_ledger *stream = ledger_stream(&load->ledger, target->stream);
    const struct topic_ledger *topic =
        ledger_topic_named(&load->ledger, target->stream, target->name);
    target->stream_is_there = stream != NULL && stream->existence == EXISTS_SURELY;
    if (topic == NULL || topic->existence != EXISTS_SURELY) {
        return false;
    }
    target->number = topic->number;
    target->partitions_count = topic->partitions_count;
    atomic_store(&target->purges_begun, topic->purges_begun);
    atomic_store(&target->purges_done, topic->purges_done);
    for (u32 i = 0; i < topic->partitions_count; i++) {
        atomic_store(&target->end[i], topic->partitions[i].end);
    }
    atomic_store(&target->is_live, true);
    return true;
}

/* Purges a lasting topic before any thread runs. */
static bool topic_purge(struct load *load, struct crash_client *client, struct target *target)
{
    u8 bytes[128];
    struct writer body = writer_over(bytes, sizeof(bytes));
    body_topic(&body, (struct topic_path){target->stream, target->name});
    struct mark purging = target_mark(target, MARK_TOPIC_PURGING, 0);
    struct mark purged = target_mark(target, MARK_TOPIC_PURGED, 0);
    load_mark(load, &purging);
    struct reply reply;
    if (!crash_client_call(client, OPERATION_PURGE_TOPIC, 0, (struct span){bytes, body.position},
                           &reply)) {
        return false;
    }
    if (reply.status != 0) {
        load_fail(load, "purge topic %s: status %u", target->name, reply.status);
        return false;
    }
    load_mark(load, &purged);
    return ledger_note(&load->ledger, &purging) && ledger_note(&load->ledger, &purged) &&
           target_adopt(load, target);
}

/* Makes the lasting topics and remembers which of the others stand. */
static bool topics_prepare(struct load *load)
{
    for (u32 i = 0; i < SLOTS_COUNT; i++) {
        target_init(&load->slots[i], &slot_plans[i]);
        (void)target_adopt(load, &load->slots[i]);
    }
    for (u32 i = 0; i < LASTING_COUNT; i++) {
        target_init(&load->lasting[i], &lasting_plans[i]);
    }
    struct crash_client client;
    if (!crash_client_open(&client, load->port, mix(load->seed + load->round) | 1)) {
        return false;
    }
    bool good = stream_ensure(load, &client);
    for (u32 i = 0; good && i < LASTING_COUNT; i++) {
        struct target *target = &load->lasting[i];
        good = target_adopt(load, target) ||
               topic_create(load, &client, target, lasting_plans[i].segment_size);
    }
    for (u32 i = 0; good && load->purge != NULL && i < LASTING_COUNT; i++) {
        struct target *target = &load->lasting[i];
        good = strcmp(target->name, load->purge) != 0 || topic_purge(load, &client, target);
    }
    crash_client_close(&client);
    return good;
}

struct worker_kind {
    const char *name;
    void *(*run)(void *worker);
};

static const struct worker_kind worker_kinds[WORKERS_COUNT] = {
    {"produce", load_produce}, {"produce", load_produce}, {"produce", load_produce},
    {"produce", load_produce}, {"race", load_race},       {"race", load_race},
    {"churn", load_churn},     {"store", load_store},     {"poll", load_poll},
};

static void workers_run(struct load *load)
{
    struct worker workers[WORKERS_COUNT] = {0};
    pthread_t threads[WORKERS_COUNT];
    u32 started = 0;
    for (u32 i = 0; i < WORKERS_COUNT; i++) {
        if (load->only != NULL && (strcmp(load->only, worker_kinds[i].name) != 0 || started > 0)) {
            continue;
        }
        struct worker *worker = &workers[started];
        *worker = (struct worker){
            .load = load,
            .number = i,
            .random = mix(load->seed ^ mix(load->round * WORKERS_COUNT + i)),
            .client = {.socket = -1},
        };
        if (pthread_create(&threads[started], NULL, worker_kinds[i].run, worker) != 0) {
            load_fail(load, "cannot start a thread");
            break;
        }
        started++;
    }
    for (u32 i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static bool arguments_read(struct load *load, int argc, char **argv, const char **marks,
                           const char **ledger)
{
    double seconds = 0;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--persisted") == 0) {
            load->is_persisted = true;
            load->offsets_are_persisted = true;
        } else if (strcmp(argv[i], "--persisted-offsets") == 0) {
            load->offsets_are_persisted = true;
        } else if (strcmp(argv[i], "--full") == 0) {
            load->tolerates_full = true;
        } else if (strcmp(argv[i], "--faults") == 0) {
            load->tolerates_loss = true;
        } else if (strcmp(argv[i], "--port") == 0 && has_value) {
            load->port = (u16)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--marks") == 0 && has_value) {
            *marks = argv[++i];
        } else if (strcmp(argv[i], "--only") == 0 && has_value) {
            load->only = argv[++i];
        } else if (strcmp(argv[i], "--purge") == 0 && has_value) {
            load->purge = argv[++i];
        } else if (strcmp(argv[i], "--ledger") == 0 && has_value) {
            *ledger = argv[++i];
        } else if (strcmp(argv[i], "--seed") == 0 && has_value) {
            load->seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--megabytes") == 0 && has_value) {
            load->bytes_max = strtoull(argv[++i], NULL, 10) * MIB;
        } else if (strcmp(argv[i], "--seconds") == 0 && has_value) {
            seconds = strtod(argv[++i], NULL);
        } else {
            return false;
        }
    }
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    load->end_time_us = (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000 +
                        (u64)(seconds * (double)US_PER_SECOND);
    return load->port != 0 && *marks != NULL && seconds > 0;
}

int main(int argc, char **argv)
{
    struct load *load = calloc(1, sizeof(*load));
    const char *marks = NULL;
    const char *ledger = NULL;
    if (load == NULL) {
        return 2;
    }
    load->bytes_max = 64 * MIB;
    if (!arguments_read(load, argc, argv, &marks, &ledger)) {
        (void)fprintf(stderr, "usage: load --port PORT --marks FILE --seconds S [--ledger FILE] "
                              "[--seed N] [--megabytes N] [--only KIND] [--purge TOPIC] "
                              "[--persisted] [--persisted-offsets] [--full] [--faults]\n");
        return 2;
    }
    if (!ledger_read(&load->ledger, ledger == NULL ? marks : ledger)) {
        return 2;
    }
    load->marks_file = open(marks, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    load->ledger_file =
        ledger == NULL ? -1 : open(ledger, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (load->marks_file < 0 || (ledger != NULL && load->ledger_file < 0)) {
        perror("load: cannot open the marks");
        return 2;
    }
    load->round = load->ledger.round + 1;
    atomic_store(&load->topic_number_next, ledger_topic_number_next(&load->ledger));
    load_mark(load, &(struct mark){.kind = MARK_ROUND, .sequence = load->round});
    if (topics_prepare(load)) {
        workers_run(load);
    } else {
        atomic_fetch_add(&load->connections_lost, 1);
    }
    (void)printf(
        "load: round %llu, %llu answers, %llu refused, %llu KiB sent, %u connections lost, "
        "%u failures\n",
        (unsigned long long)load->round, atomic_load(&load->acknowledged),
        atomic_load(&load->refused), atomic_load(&load->bytes_sent) / 1024,
        atomic_load(&load->connections_lost), atomic_load(&load->failures));
    u32 failures = atomic_load(&load->failures);
    u32 lost = atomic_load(&load->connections_lost);
    ledger_deinit(&load->ledger);
    free(load);
    return failures > 0 ? 1 : lost > 0 ? 3 : 0;
}
