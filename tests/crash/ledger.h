/* What the server has promised so far, made from marks (mark.h).
 *
 * It answers: "which streams, topics, batches and offsets must be there now, and which may?" The
 * load client goes on from it in the next round, and the verdict compares the server with it.
 *
 * Names are reused, so a topic is known by our own number: each life of a name from create to
 * delete has another. A purge begins a new era within a life.
 *
 * Owner:   one thread.
 * Memory:  grows on the heap until ledger_deinit(). */
#pragma once

#include "base/types.h"
#include "mark.h"

#define CONSUMERS_MAX 32u

enum existence {
    EXISTS_NOT,
    EXISTS_MAYBE, /* its creation was asked, not answered */
    EXISTS_SURELY,
    EXISTS_PERHAPS_NO_MORE, /* its end was asked, not answered */
    EXISTS_NO_MORE,
};

/* A batch that was answered: with its offset, or with a refusal. */
struct promise {
    u32 producer;
    u32 count;
    u64 sequence;
    u64 offset;
    u32 era_low;
    u32 era_high;
    bool refused;
};

struct partition_ledger {
    struct promise *promises;
    u64 count;
    u64 capacity;
    u64 end;                         /* one past the last promised offset */
    u64 served_end;                  /* one past the last offset a consumer was served */
    u64 stored_count[CONSUMERS_MAX]; /* operations answered, by consumer (see consumer_state) */
    u64 polled_count[CONSUMERS_MAX]; /* messages served to and stored for the polling consumer */
};

struct topic_ledger {
    u32 number;
    enum existence existence;
    u32 id;
    char stream[MARK_NAME_SIZE];
    char name[MARK_NAME_SIZE];
    u32 purges_begun;
    u32 purges_done;
    u32 partitions_count;
    struct partition_ledger *partitions;
};

struct stream_ledger {
    enum existence existence;
    u32 id;
    char name[MARK_NAME_SIZE];
};

struct ledger {
    u64 round;
    struct topic_ledger *topics;
    u32 topics_count;
    struct stream_ledger *streams;
    u32 streams_count;
};

/* Reads all marks of the file at `path`; a missing file is an empty ledger. A last line without
 * its end is left out: it was being written when its writer died. */
must_check bool ledger_read(struct ledger *ledger, const char *path);
void ledger_deinit(struct ledger *ledger);

must_check bool ledger_note(struct ledger *ledger, const struct mark *mark);

/* NULL when there is none. */
struct topic_ledger *ledger_topic(const struct ledger *ledger, u32 number);
struct stream_ledger *ledger_stream(const struct ledger *ledger, const char *name);

/* The latest life of a name, or NULL. */
struct topic_ledger *ledger_topic_named(const struct ledger *ledger, const char *stream,
                                        const char *name);

/* A number that no topic has had. */
u32 ledger_topic_number_next(const struct ledger *ledger);

/* What a consumer does is fixed: operation i stores offset i, but every eighth deletes what is
 * stored. So the count of operations says what must be found. False: nothing is stored. */
must_check bool consumer_state(u64 operations_count, u64 *offset);
bool consumer_deletes(u64 operation);
