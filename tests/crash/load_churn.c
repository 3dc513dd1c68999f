/* The churner: topics that come and go, while racers append to them. */
#include <stdio.h>
#include <string.h>

#include "crash_load.h"

struct churner {
    struct worker *worker;
    struct target *slot;
    u8 bytes[512];
    struct writer body;
};

static struct mark mark_of(const struct target *slot, enum mark_kind kind)
{
    struct mark mark = {
        .kind = kind,
        .topic = slot->number,
        .count = slot->partitions_count,
    };
    memcpy(mark.stream, slot->stream, MARK_NAME_SIZE);
    memcpy(mark.name, slot->name, MARK_NAME_SIZE);
    return mark;
}

static void note(struct churner *churner, enum mark_kind kind, u32 id)
{
    struct mark mark = mark_of(churner->slot, kind);
    mark.id = id;
    load_mark(churner->worker->load, &mark);
}

static struct topic_path path_of(const struct churner *churner)
{
    return (struct topic_path){churner->slot->stream, churner->slot->name};
}

static void body_begin(struct churner *churner)
{
    churner->body = writer_over(churner->bytes, sizeof(churner->bytes));
}

/* Calls with the body that was written. False when the connection is gone or the answer is not
 * what a healthy server gives to a request that makes sense. */
static bool call(struct churner *churner, enum operation operation, struct reply *reply)
{
    struct worker *worker = churner->worker;
    struct span body = {churner->bytes, churner->body.position};
    if (!crash_client_call(&worker->client, operation, 0, body, reply)) {
        return false;
    }
    if (reply->status != 0) {
        load_refused(worker->load, churner->slot->name, (u32)operation, reply->status);
        return false;
    }
    atomic_fetch_add(&worker->load->acknowledged, 1);
    return true;
}

static bool stream_create(struct churner *churner)
{
    struct reply reply;
    note(churner, MARK_STREAM_CREATING, 0);
    body_begin(churner);
    body_create_stream(&churner->body, churner->slot->stream);
    if (!call(churner, OPERATION_CREATE_STREAM, &reply) || reply.body.size < 4) {
        return false;
    }
    note(churner, MARK_STREAM_CREATED, get_u32(reply.body.data));
    churner->slot->stream_is_there = true;
    return true;
}

static bool topic_create(struct churner *churner)
{
    struct target *slot = churner->slot;
    struct load *load = churner->worker->load;
    slot->number = atomic_fetch_add(&load->topic_number_next, 1);
    slot->partitions_count = 1 + (u32)pick(&churner->worker->random, 3);
    atomic_store(&slot->purges_begun, 0);
    atomic_store(&slot->purges_done, 0);
    if (slot->owns_stream && !slot->stream_is_there && !stream_create(churner)) {
        return false;
    }
    struct reply reply;
    note(churner, MARK_TOPIC_CREATING, 0);
    body_begin(churner);
    struct topic_options options = {
        .partitions_count = slot->partitions_count,
        .is_persisted = load->is_persisted,
        .offsets_are_persisted = load->offsets_are_persisted,
    };
    body_create_topic(&churner->body, path_of(churner), &options);
    if (!call(churner, OPERATION_CREATE_TOPIC, &reply) || reply.body.size < 4) {
        return false;
    }
    note(churner, MARK_TOPIC_CREATED, get_u32(reply.body.data));
    atomic_store(&slot->is_live, true);
    return true;
}

static bool topic_delete(struct churner *churner)
{
    struct target *slot = churner->slot;
    struct reply reply;
    atomic_store(&slot->is_live, false);
    note(churner, MARK_TOPIC_DELETING, 0);
    body_begin(churner);
    if (slot->owns_stream) {
        note(churner, MARK_STREAM_DELETING, 0);
        body_stream(&churner->body, slot->stream);
    } else {
        body_topic(&churner->body, path_of(churner));
    }
    if (!call(churner, slot->owns_stream ? OPERATION_DELETE_STREAM : OPERATION_DELETE_TOPIC,
              &reply)) {
        return false;
    }
    note(churner, MARK_TOPIC_DELETED, 0);
    if (slot->owns_stream) {
        note(churner, MARK_STREAM_DELETED, 0);
        slot->stream_is_there = false;
    }
    return true;
}

static bool topic_purge(struct churner *churner)
{
    struct target *slot = churner->slot;
    struct reply reply;
    note(churner, MARK_TOPIC_PURGING, 0);
    atomic_fetch_add(&slot->purges_begun, 1);
    body_begin(churner);
    if (slot->owns_stream) {
        body_stream(&churner->body, slot->stream);
    } else {
        body_topic(&churner->body, path_of(churner));
    }
    if (!call(churner, slot->owns_stream ? OPERATION_PURGE_STREAM : OPERATION_PURGE_TOPIC,
              &reply)) {
        return false;
    }
    note(churner, MARK_TOPIC_PURGED, 0);
    atomic_fetch_add(&slot->purges_done, 1);
    return true;
}

/* One step with one slot. A slot that is not live is created again when the last answers for its
 * earlier life have come; until then the step is a short wait. */
static bool step(struct churner *churner)
{
    struct target *slot = churner->slot;
    if (!atomic_load(&slot->is_live)) {
        if (atomic_load(&slot->in_flight) == 0) {
            return topic_create(churner);
        }
        load_sleep_us(500);
        return true;
    }
    u64 choice = pick(&churner->worker->random, 10);
    if (choice < 2) {
        return topic_delete(churner);
    }
    if (choice < 4) {
        return topic_purge(churner);
    }
    load_sleep_us(pick(&churner->worker->random, 20000));
    return true;
}

void *load_churn(void *argument)
{
    struct worker *worker = argument;
    struct churner churner = {.worker = worker};
    if (!worker_connect(worker)) {
        return NULL;
    }
    while (!load_is_over(worker->load)) {
        churner.slot = &worker->load->slots[pick(&worker->random, SLOTS_COUNT)];
        if (!step(&churner)) {
            worker_lost(worker);
            break;
        }
    }
    crash_client_close(&worker->client);
    return NULL;
}
