/* Producers and racers: batches in flight, answered in order. */
#include <stdio.h>
#include <stdlib.h>

#include "crash_load.h"

#define WINDOW_MAX 32u
#define BATCH_SIZE_MAX (3u << 20)
#define FULL_PAUSE_US 20000u

/* A batch sent and not yet answered. */
struct flight {
    struct target *target;
    struct batch_name name;
    u64 request;
};

struct producer {
    struct worker *worker;
    u32 id;
    u32 window;
    u8 *batch;
    struct flight flights[WINDOW_MAX];
    u32 flights_first;
    u32 flights_count;
    /* By target and partition. A target's number changes with each life of its name. */
    u32 numbers[SLOTS_COUNT + LASTING_COUNT];
    u64 sequences[SLOTS_COUNT + LASTING_COUNT][PARTITIONS_MAX];
};

/* Sizes that batches of this producer have: tiny, middling, large, or any of them. */
static void sizes_pick(struct producer *producer, struct batch_name *name)
{
    struct worker *worker = producer->worker;
    bool is_spent = atomic_load(&worker->load->bytes_sent) > worker->load->bytes_max;
    u64 flavour = worker->number % 4 == 3 ? pick(&worker->random, 3) : worker->number % 4;
    if (flavour == 0 || is_spent) {
        name->message_count = 1 + (u32)pick(&worker->random, 5);
        name->payload_size = PROLOGUE_SIZE + (u32)pick(&worker->random, 160);
    } else if (flavour == 1) {
        name->message_count = 20 + (u32)pick(&worker->random, 180);
        name->payload_size = PROLOGUE_SIZE + (u32)pick(&worker->random, 360);
    } else {
        name->message_count = 300 + (u32)pick(&worker->random, 1700);
        name->payload_size = 800 + (u32)pick(&worker->random, 400);
    }
    if (is_spent) {
        load_sleep_us(1000);
    }
}

/* The next sequence for this target and partition; a new life of a slot begins again with 0. */
static u64 *sequence_of(struct producer *producer, const struct target *target, u32 index,
                        u32 partition)
{
    if (producer->numbers[index] != target->number) {
        producer->numbers[index] = target->number;
        for (u32 i = 0; i < PARTITIONS_MAX; i++) {
            producer->sequences[index][i] = 0;
        }
    }
    return &producer->sequences[index][partition];
}

static bool batch_send(struct producer *producer, struct target *target, u32 index)
{
    struct worker *worker = producer->worker;
    u32 partition = (u32)pick(&worker->random, target->partitions_count);
    u64 *sequence = sequence_of(producer, target, index, partition);
    struct batch_name name = {
        .topic = target->number,
        .partition = partition,
        .producer = producer->id,
        .era = atomic_load(&target->purges_done),
        .sequence = *sequence,
    };
    sizes_pick(producer, &name);
    u32 size = recipe_size(&name);
    recipe_cook(&name, producer->batch);

    u8 bytes[256];
    struct writer body = writer_over(bytes, sizeof(bytes));
    body_send(&body, (struct topic_path){target->stream, target->name}, partition,
              name.message_count);
    struct span head = {bytes, body.position};
    if (!crash_client_send(&worker->client, OPERATION_SEND_MESSAGES, 0, head,
                           (struct span){producer->batch, size})) {
        return false;
    }
    (*sequence)++;
    atomic_fetch_add(&worker->load->bytes_sent, size);
    u32 last = (producer->flights_first + producer->flights_count) % WINDOW_MAX;
    producer->flights[last] = (struct flight){target, name, worker->client.request};
    producer->flights_count++;
    return true;
}

/* May this refusal be? Of a topic that is being deleted, of one that was purged while the batch was
 * on its way, or because the disk is full. */
static bool refusal_is_fair(const struct load *load, const struct flight *flight, u32 status)
{
    const struct target *target = flight->target;
    bool is_gone = status == STATUS_NOT_FOUND || status == STATUS_STREAM_NOT_FOUND ||
                   status == STATUS_TOPIC_NOT_FOUND || status == STATUS_PARTITION_NOT_FOUND;
    if (is_gone) {
        return !atomic_load(&target->is_live) ||
               atomic_load(&target->purges_begun) > flight->name.era;
    }
    return load->tolerates_loss || (status == STATUS_CANNOT_APPEND && load->tolerates_full);
}

static void flight_refused(struct producer *producer, const struct flight *flight,
                           const struct mark *mark)
{
    struct load *load = producer->worker->load;
    atomic_fetch_add(&load->refused, 1);
    if (!refusal_is_fair(load, flight, mark->id)) {
        load_fail(load, "append to %s partition %u: status %u", flight->target->name,
                  flight->name.partition, mark->id);
    }
    load_mark(load, mark);
    if (mark->id == STATUS_CANNOT_APPEND) {
        load_sleep_us(FULL_PAUSE_US);
    }
}

static void flight_answered(struct producer *producer, struct flight *flight,
                            const struct reply *reply)
{
    struct load *load = producer->worker->load;
    struct target *target = flight->target;
    const struct batch_name *name = &flight->name;
    struct mark mark = {
        .kind = MARK_APPEND,
        .topic = name->topic,
        .partition = name->partition,
        .who = name->producer,
        .sequence = name->sequence,
        .count = name->message_count,
        .era_low = name->era,
        .era_high = atomic_load(&target->purges_begun),
    };
    if (reply->status != 0) {
        mark.kind = MARK_REFUSED;
        mark.id = reply->status;
        flight_refused(producer, flight, &mark);
        return;
    }
    if (reply->body.size != 24 || get_u32(reply->body.data) != 1 ||
        get_u32(reply->body.data + 12) != name->partition) {
        load_fail(load, "append to %s: a malformed confirmation", target->name);
        return;
    }
    mark.offset = get_u64(reply->body.data + 16);
    load_mark(load, &mark);
    atomic_fetch_add(&load->acknowledged, 1);

    unsigned long long end = mark.offset + mark.count;
    unsigned long long known = atomic_load(&target->end[name->partition]);
    while (known < end &&
           !atomic_compare_exchange_weak(&target->end[name->partition], &known, end)) {
    }
}

static bool flight_land(struct producer *producer)
{
    struct worker *worker = producer->worker;
    struct flight *flight = &producer->flights[producer->flights_first];
    struct reply reply;
    if (!crash_client_receive(&worker->client, &reply)) {
        return false;
    }
    if (reply.request != flight->request || reply.operation != OPERATION_SEND_MESSAGES) {
        load_fail(worker->load, "request %llu answered as %llu, operation %u",
                  (unsigned long long)flight->request, (unsigned long long)reply.request,
                  reply.operation);
        return false;
    }
    flight_answered(producer, flight, &reply);
    atomic_fetch_sub(&flight->target->in_flight, 1);
    producer->flights_first = (producer->flights_first + 1) % WINDOW_MAX;
    producer->flights_count--;
    return true;
}

/* Sends to `target` if it is live. The count goes up first: the churner, who makes the topic not
 * live first and then looks at the count, can so never miss us. */
static bool target_send(struct producer *producer, struct target *target, u32 index)
{
    atomic_fetch_add(&target->in_flight, 1);
    if (!atomic_load(&target->is_live)) {
        atomic_fetch_sub(&target->in_flight, 1);
        return true;
    }
    if (!batch_send(producer, target, index)) {
        atomic_fetch_sub(&target->in_flight, 1);
        return false;
    }
    return true;
}

/* What was in flight when the connection ended will not be answered any more. */
static void flights_forget(struct producer *producer)
{
    while (producer->flights_count > 0) {
        atomic_fetch_sub(&producer->flights[producer->flights_first].target->in_flight, 1);
        producer->flights_first = (producer->flights_first + 1) % WINDOW_MAX;
        producer->flights_count--;
    }
}

static bool produce_until_over(struct producer *producer, struct target *targets, u32 count)
{
    struct worker *worker = producer->worker;
    while (!load_is_over(worker->load)) {
        if (producer->flights_count < producer->window) {
            u32 index = (u32)pick(&worker->random, count);
            u32 flying = producer->flights_count;
            if (!target_send(producer, &targets[index], index)) {
                return false;
            }
            if (producer->flights_count > flying) {
                continue;
            }
            load_sleep_us(200);
        }
        if (producer->flights_count > 0 && !flight_land(producer)) {
            return false;
        }
    }
    while (producer->flights_count > 0) {
        if (!flight_land(producer)) {
            return false;
        }
    }
    return true;
}

static void produce(struct worker *worker, struct target *targets, u32 count)
{
    static const u32 windows[4] = {16, 4, 2, 8};
    struct producer *producer = calloc(1, sizeof(*producer));
    u8 *batch = malloc(BATCH_SIZE_MAX);
    if (producer == NULL || batch == NULL) {
        load_fail(worker->load, "out of memory");
        free(producer);
        free(batch);
        return;
    }
    *producer = (struct producer){
        .worker = worker,
        .window = windows[worker->number % 4],
        .batch = batch,
    };
    /* A connection that was closed may have left batches that nobody knows the fate of, so the
     * next one is another producer: its sequences begin again. */
    for (u32 connection = 0; connection < 3; connection++) {
        producer->id = (u32)worker->load->round * 100 + worker->number + connection * 30;
        memset(producer->numbers, 0, sizeof(producer->numbers));
        bool connected = worker_connect(worker);
        bool survived = connected && produce_until_over(producer, targets, count);
        if (connected && !survived) {
            worker_lost(worker);
        }
        flights_forget(producer);
        crash_client_close(&worker->client);
        if (survived || !worker->load->tolerates_loss) {
            break;
        }
    }
    free(batch);
    free(producer);
}

void *load_produce(void *argument)
{
    struct worker *worker = argument;
    produce(worker, worker->load->lasting, LASTING_COUNT);
    return NULL;
}

void *load_race(void *argument)
{
    struct worker *worker = argument;
    produce(worker, worker->load->slots, SLOTS_COUNT);
    return NULL;
}
