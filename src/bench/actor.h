/* One connection of a bench and the thread that drives it: it sends, or polls, or both in turn, one
 * request in flight, and notes what each took.
 *
 *     pace_next ─▶ (sleep until due) ─▶ bench_link_exchange ─▶ histograms, samples, totals
 *
 * What is measured, always from the moment the request was due (open loop) or sent (closed loop):
 *
 *     publish   until the server confirmed the batch
 *     poll      until the messages were here
 *     end       from the time of origin in the messages until they were here (end to end)
 *
 * Each per batch and per message. A message of a schedule is due when its turn has come, the batch
 * when its last message is: so an early message also waits for the later ones of its batch.
 *
 * Time of origin is the run's one clock (monotonic, anchored to the wall once), so producers and
 * consumers of one process never disagree.
 *
 * Thread: an actor is its own thread's, save for `progress_bytes`; the run's flows and budgets are
 * counters that all share. Memory: taken before the start, none in the loop. */
#pragma once

#include "bench/bench_link.h"
#include "bench/bench_options.h"
#include "bench/gate.h"
#include "bench/histogram.h"
#include "bench/library_link.h"
#include "bench/pace.h"
#include "bench/prepared.h"

#define ACTOR_PARTITIONS_MAX 1024u
#define ACTOR_SAMPLES_MAX 1000000u

enum measure {
    MEASURE_PUBLISH_BATCH,
    MEASURE_PUBLISH_MESSAGE,
    MEASURE_SERVICE, /* of publish and poll, from the actual sending: what a closed loop sees */
    MEASURE_POLL_BATCH,
    MEASURE_POLL_MESSAGE,
    MEASURE_END_BATCH,
    MEASURE_END_MESSAGE,
    MEASURE_COUNT
};

/* One request that counted. */
struct sample {
    u64 at_ns; /* its end, since the run began */
    u64 latency_ns;
    u64 bytes; /* of payload */
    u32 messages;
};

struct actor_totals {
    u64 sent_batches;
    u64 sent_messages;
    u64 sent_bytes; /* of payload */
    u64 received_batches;
    u64 received_messages;
    u64 received_bytes;
    u64 reply_bytes; /* of the replies that carried them, headers of messages too */
    u64 empty_polls;
    u64 early; /* messages that came before they were sent, by the clock */
};

/* Messages on their way: from the producers of a stream to those who read it. */
struct flow {
    u64 sent_messages;
    u64 received_messages;
    u32 producers_left;
};

/* What is left to do, in batches or bytes; shared by actors, or one's own. */
struct budget {
    s64 left;
};

struct bench_run;

struct actor {
    struct bench_run *run;
    u32 number; /* from 1, as in the names of streams */
    bool writes;
    bool reads;
    bool by_group;
    char stream[64];
    char group[64];
    u64 rate_bytes; /* a second; 0: as fast as it goes */

    struct bench_link link;      /* its road, */
    struct library_link library; /* or (--high-level-api) the library's */
    struct prepared prepared;
    struct pace pace;
    struct prng key_prng;
    struct budget *budget;      /* of sends, or of polls if it does not write */
    struct flow *flows_out[64]; /* who counts on what it sends: one, or one a group */
    u32 flows_out_count;
    struct flow *flow_in;

    u8 poll_frame[1024];
    u32 partitions[ACTOR_PARTITIONS_MAX];
    u32 partitions_count;
    u32 partition_next;
    u32 empty_in_a_row;
    bool knows_partitions;
    u64 offset; /* of the next message, without a group */

    bool counts; /* past the warm-up */
    double message_interval_ns;
    struct actor_totals totals;
    struct histogram *measures[MEASURE_COUNT]; /* NULL: does not occur */
    struct sample *samples;
    u64 samples_count;
    u64 samples_capacity;
    u64 samples_lost;
    u64 now_ns;   /* of the run's clock, when the last reply had come: asked once a request */
    u64 began_ns; /* since the run began */
    u64 ended_ns;
    u64 cpu_ns;
    u64 lag_ns_max; /* open loop: the furthest behind the schedule */
    bool ran_dry;   /* the streams held less than was asked for */
    u64 progress_bytes;
    u64 progress_ns; /* latency of the last request */
    bool failed;
    struct client_error error;
    pthread_t thread;
};

/* The whole life; `context` is a struct actor. */
void *actor_main(void *context);

/* One request, or a sending and a poll; false: it was the last, or it failed. */
must_check bool actor_turn(struct actor *actor);
