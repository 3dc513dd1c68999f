/* What one `levriero bench` was asked to do: the words of the reference's tool, with their meanings
 * and defaults, and ours beside them.
 *
 *     levriero bench [options] KIND [options of the kind] [tcp [options]] [output [options]]
 *
 * The same letter means different things before and after the kind (-T, -u, -p), as there. */
#pragma once

#include "base/str.h"
#include "base/types.h"
#include "bench/bench_sweep.h"

enum bench_kind {
    BENCH_PINNED_PRODUCER,
    BENCH_PINNED_CONSUMER,
    BENCH_PINNED_PRODUCER_AND_CONSUMER,
    BENCH_BALANCED_PRODUCER,
    BENCH_BALANCED_CONSUMER_GROUP,
    BENCH_BALANCED_PRODUCER_AND_CONSUMER_GROUP,
    BENCH_END_TO_END_PRODUCING_CONSUMER,
    BENCH_END_TO_END_PRODUCING_CONSUMER_GROUP,
    BENCH_KIND_COUNT
};

/* What a kind is made of. */
struct bench_kind_row {
    const char *name;
    const char *alias;
    const char *report_name; /* in report.json */
    u32 streams;             /* default; 0: as many as actors that write, else that read */
    u32 partitions;          /* default */
    bool has_partitions_option;
    bool writes;
    bool reads;
    bool by_groups;
    bool in_turns; /* one actor sends, then polls */
};

const struct bench_kind_row *bench_kind_row(enum bench_kind kind);

/* From `min` to `max`, both among them. */
struct bench_range {
    u64 min;
    u64 max;
};

struct bench_options {
    enum bench_kind kind;

    struct bench_range message_bytes;
    struct bench_range batch_messages;
    u64 message_batches;  /* of an actor; 0: by total_bytes or duration_us */
    u64 total_bytes;      /* of all actors; 0: none given */
    u64 rate_limit_bytes; /* a second, of all actors; 0: as fast as it goes */
    u64 warmup_us;
    u64 sampling_us;
    u64 moving_average_window;
    const char *username;
    const char *password;
    bool pretty;
    bool reuse_streams;
    bool high_level_api;

    u64 duration_us; /* ends by time; 0: by volume */
    u64 seed;
    bool closed_loop; /* paced, but latency from the actual send */
    bool poisson;
    bool json;
    bool reference; /* the reference's own arithmetic beside ours */
    bool no_limits;
    bool no_wait;
    bool rereads;   /* consumers begin again at the first message when there is none left */
    u64 generation; /* of the protocol that actors speak */
    bool cold;      /* the kernel forgets the server's files before the run */
    u64 entropy;    /* bits of chance in a byte of payload, 0 to 8 */
    u64 keys;       /* different ones; 0: the server spreads batches over partitions */
    const char *key_distribution;
    u64 target_p99_us;      /* 0: none */
    const char *sweep_text; /* NULL: none */
    struct bench_sweep sweep;
    u64 repetitions;
    u32 run_number;               /* of several, from 1; 0: the only one */
    const char *limits_directory; /* NULL: the server's own, if it is on this machine */

    u64 streams;
    u64 partitions;
    u64 producers;
    u64 consumers;
    u64 groups;
    const char *max_topic_size; /* or NULL: unlimited */
    const char *message_expiry; /* or NULL: never */
    double read_amplification;

    const char *server_address;
    bool nodelay;

    bool has_output;
    const char *output_directory;
    const char *identifier; /* NULL: the host's name */
    const char *remark;
    const char *extra_info;
    const char *gitref;
    const char *gitref_date;
    bool open_charts;

    char command[1024]; /* the words, without the password */
};

/* Threads: those that write, those that read, or in turns whichever are more. */
u32 bench_options_actors(const struct bench_options *options);

/* False with a sentence for what is wrong. `argv` begins after the word `bench`. */
must_check bool bench_options_parse(struct bench_options *options, int argc, char **argv,
                                    struct err *err);

/* Whether what was changed since still fits together. */
must_check bool bench_options_fit(struct bench_options *options, struct err *err);

void bench_options_print_help(void);
void bench_options_print_examples(void);
