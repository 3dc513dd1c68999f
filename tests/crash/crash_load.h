/* The load under which the server is killed: several threads, a connection each, that note in the
 * marks what they were answered. None of them ever waits for another, except that a topic's name
 * is used again only when no answer for its last life is outstanding.
 *
 *     producers    batches into the lasting topics: tiny, middling and large, several in flight
 *     storer       many consumers' offsets, several in flight
 *     poller       reads behind its stored offset, which every poll moves on; checks every byte
 *     churner      creates, fills, purges and deletes topics, and a stream with its topic
 *     racers       append to the churner's topics while it does so
 *
 * Owner:   struct load belongs to main(); the threads share it and touch only its atomics, the
 *          marks file (one write a mark), and the targets. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/types.h"
#include "crash_client.h"
#include "ledger.h"
#include "mark.h"
#include "recipe.h"

#define PARTITIONS_MAX 8u
#define LASTING_COUNT 2u
#define SLOTS_COUNT 4u

/* A topic that batches are sent to. The churner alone changes what is not atomic, and only while
 * the topic is not live and nothing is in flight to it. */
struct target {
    u32 number;
    u32 partitions_count;
    bool owns_stream;     /* created, purged and deleted through its stream, ... */
    bool stream_is_there; /* ... which may be there without it when a crash came in between */
    char stream[MARK_NAME_SIZE];
    char name[MARK_NAME_SIZE];
    atomic_bool is_live;
    atomic_uint in_flight;
    atomic_uint purges_begun;
    atomic_uint purges_done;
    atomic_ullong end[PARTITIONS_MAX]; /* one past the last offset answered */
};

struct load {
    u16 port;
    int marks_file;
    int ledger_file; /* gets every mark as well; -1: none */
    u64 seed;
    u64 round;
    u64 end_time_us;
    u64 bytes_max;     /* when so much was sent, producers go on with tiny batches, slowly */
    bool is_persisted; /* topics ask for durability of their own, above the server's level */
    bool offsets_are_persisted; /* the same for stored offsets */
    bool tolerates_full;        /* 4010 is an answer, not a failure */
    bool tolerates_loss;        /* a closed connection is opened again */
    const char *only;           /* the kind of thread that runs alone, or NULL */
    const char *purge;          /* the lasting topic to purge first, or NULL */
    struct target lasting[LASTING_COUNT];
    struct target slots[SLOTS_COUNT];
    struct ledger ledger; /* of the rounds before; read only once the threads run */
    atomic_uint topic_number_next;
    atomic_ullong bytes_sent;
    atomic_ullong acknowledged;
    atomic_ullong refused;
    atomic_uint connections_lost;
    atomic_uint failures;
};

/* One thread of the load. */
struct worker {
    struct load *load;
    u32 number; /* tells connections, producers and random numbers apart */
    u64 random;
    struct crash_client client;
};

void *load_produce(void *worker);
void *load_race(void *worker);
void *load_churn(void *worker);
void *load_store(void *worker);
void *load_poll(void *worker);

/* load_common.c: what they all do. */
void load_mark(struct load *load, const struct mark *mark);

/* The time is over, or one connection was lost and with it, we take it, the server: threads that
 * have nothing to send just then would not notice. */
bool load_is_over(struct load *load);
void load_sleep_us(u64 time_us);

/* Counts and prints what must not happen. */
printf_like(2, 3) void load_fail(struct load *load, const char *format, ...);

/* The server refused what makes sense: a failure, unless it was crippled on purpose. */
void load_refused(struct load *load, const char *what, u32 who, u32 status);

/* Connects, or notes that the server is gone. */
must_check bool worker_connect(struct worker *worker);

/* Notes that the connection is lost: the server was killed, or it broke the protocol. */
void worker_lost(struct worker *worker);
