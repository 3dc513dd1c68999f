/* The storer and the poller: consumers of the lasting topics. */
#include <stdio.h>
#include <stdlib.h>

#include "crash_load.h"
#include "reading.h"

#define STORERS_MAX (CONSUMERS_MAX * LASTING_COUNT)
#define POLL_COUNT_MAX 64u

/* A consumer, its partition, and how far it is. */
struct consumer {
    u32 id;
    struct target *target;
    u32 partition;
    u64 next; /* operation (storer), or offset (poller) */
    bool is_waiting;
};

/* Consumers 2 to 31; those whose number leaves 3 when divided by 4 poll, the others store. */
static bool consumer_polls(u32 id)
{
    return id % 4 == 3;
}

static const struct partition_ledger *ledger_of(const struct load *load,
                                                const struct consumer *consumer)
{
    const struct topic_ledger *topic = ledger_topic(&load->ledger, consumer->target->number);
    return topic == NULL ? NULL : &topic->partitions[consumer->partition];
}

static u32 consumers_list(struct load *load, bool polling, struct consumer *consumers)
{
    u32 count = 0;
    for (u32 id = 2; id < CONSUMERS_MAX; id++) {
        if (consumer_polls(id) != polling) {
            continue;
        }
        struct target *target = &load->lasting[id % LASTING_COUNT];
        struct consumer consumer = {
            .id = id,
            .target = target,
            .partition = id / LASTING_COUNT % target->partitions_count,
        };
        const struct partition_ledger *partition = ledger_of(load, &consumer);
        if (partition != NULL) {
            consumer.next = polling ? partition->polled_count[id] : partition->stored_count[id];
        }
        consumers[count++] = consumer;
    }
    return count;
}

static bool store_send(struct worker *worker, struct consumer *consumer)
{
    u8 bytes[256];
    struct writer body = writer_over(bytes, sizeof(bytes));
    struct topic_path path = {consumer->target->stream, consumer->target->name};
    bool deletes = consumer_deletes(consumer->next);
    if (deletes) {
        body_delete_offset(&body, consumer->id, path, consumer->partition);
    } else {
        body_store_offset(&body, consumer->id, path, consumer->partition, consumer->next);
    }
    consumer->is_waiting = true;
    return crash_client_send(&worker->client,
                             deletes ? OPERATION_DELETE_OFFSET : OPERATION_STORE_OFFSET, 0,
                             (struct span){bytes, body.position}, (struct span){0});
}

static bool store_land(struct worker *worker, struct consumer *consumer)
{
    struct reply reply;
    if (!crash_client_receive(&worker->client, &reply)) {
        return false;
    }
    if (reply.status != 0) {
        load_refused(worker->load, "store or delete an offset, consumer", consumer->id,
                     reply.status);
        return false;
    }
    load_mark(worker->load, &(struct mark){.kind = MARK_STORED,
                                           .topic = consumer->target->number,
                                           .partition = consumer->partition,
                                           .who = consumer->id,
                                           .sequence = consumer->next});
    consumer->next++;
    consumer->is_waiting = false;
    atomic_fetch_add(&worker->load->acknowledged, 1);
    return true;
}

/* One round over all consumers: each that may goes on by one operation, all in flight together. An
 * offset can be stored once that message is there. */
static bool store_round(struct worker *worker, struct consumer *consumers, u32 count)
{
    u32 sent = 0;
    for (u32 i = 0; i < count; i++) {
        struct consumer *consumer = &consumers[i];
        if (atomic_load(&consumer->target->end[consumer->partition]) > consumer->next) {
            sent++;
            if (!store_send(worker, consumer)) {
                return false;
            }
        }
    }
    for (u32 i = 0; i < count; i++) {
        if (consumers[i].is_waiting && !store_land(worker, &consumers[i])) {
            return false;
        }
    }
    load_sleep_us(sent > 0 ? pick(&worker->random, 3000) : 2000);
    return true;
}

void *load_store(void *argument)
{
    struct worker *worker = argument;
    struct consumer consumers[STORERS_MAX];
    u32 count = consumers_list(worker->load, false, consumers);
    if (!worker_connect(worker)) {
        return NULL;
    }
    while (!load_is_over(worker->load)) {
        if (!store_round(worker, consumers, count)) {
            worker_lost(worker);
            break;
        }
    }
    crash_client_close(&worker->client);
    return NULL;
}

/* Polls once behind the stored offset and checks what comes. */
static bool poll_step(struct worker *worker, struct consumer *consumer, struct reading *reading)
{
    u8 bytes[256];
    struct writer body = writer_over(bytes, sizeof(bytes));
    struct topic_path path = {consumer->target->stream, consumer->target->name};
    struct poll_from from = {.next = true, .count = 1 + (u32)pick(&worker->random, POLL_COUNT_MAX)};
    body_poll(&body, consumer->id, path, consumer->partition, from);
    struct reply reply;
    if (!crash_client_call(&worker->client, OPERATION_READ, READ_POLL,
                           (struct span){bytes, body.position}, &reply)) {
        return false;
    }
    if (reply.status != 0) {
        load_refused(worker->load, "poll, consumer", consumer->id, reply.status);
        return false;
    }
    if (!reading_take(reading, reply.body)) {
        load_fail(worker->load, "consumer %u polls topic %u partition %u: %s", consumer->id,
                  consumer->target->number, consumer->partition, reading->complaint);
        return false;
    }
    if (reading->taken_count > from.count) {
        load_fail(worker->load, "consumer %u asked for %u messages, got %u", consumer->id,
                  from.count, reading->taken_count);
        return false;
    }
    reading->found_count = 0;
    if (reading->taken_count > 0) {
        load_mark(worker->load, &(struct mark){.kind = MARK_POLLED,
                                               .topic = consumer->target->number,
                                               .partition = consumer->partition,
                                               .who = consumer->id,
                                               .offset = reading->offset_next - 1});
        atomic_fetch_add(&worker->load->acknowledged, 1);
    }
    return true;
}

void *load_poll(void *argument)
{
    struct worker *worker = argument;
    struct consumer consumers[STORERS_MAX];
    struct reading readings[STORERS_MAX];
    u32 count = consumers_list(worker->load, true, consumers);
    for (u32 i = 0; i < count; i++) {
        reading_init(&readings[i], consumers[i].target->number, consumers[i].partition,
                     consumers[i].next);
    }
    bool connected = worker_connect(worker);
    while (connected && !load_is_over(worker->load)) {
        u32 i = (u32)pick(&worker->random, count);
        if (!poll_step(worker, &consumers[i], &readings[i])) {
            worker_lost(worker);
            break;
        }
        load_sleep_us(pick(&worker->random, 2000));
    }
    for (u32 i = 0; i < count; i++) {
        reading_deinit(&readings[i]);
    }
    crash_client_close(&worker->client);
    return NULL;
}
