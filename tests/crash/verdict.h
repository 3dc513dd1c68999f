/* What the files of the verdict share (verdict.c says what it is).
 *
 *     verdict.c             arguments, streams, topics
 *     verdict_partition.c   the log of a partition, and its promises
 *     verdict_consumer.c    stored offsets, and the append after a restart
 *
 * Owner:   one thread.
 * Memory:  struct verdict lives in main(); an exam lives while its topic is examined. */
#pragma once

#include "crash_client.h"
#include "ledger.h"
#include "reading.h"
#include "recipe.h"

struct verdict {
    struct crash_client client;
    struct ledger ledger;
    int marks_file;
    int ledger_file; /* gets every mark as well; -1: none */
    bool appends;
    u32 complaints_count;
    u64 batches_count;
    u64 topics_count;
    u64 offsets_count;
    u8 body[1024];
};

/* A partition under examination. */
struct exam {
    struct verdict *verdict;
    struct topic_ledger *topic;
    u32 partition_id;
    struct partition_ledger *partition;
    struct reading reading;
};

/* Says, and counts, that a promise is broken; `object` names the partition. */
printf_like(2, 3) void complain(struct verdict *verdict, const char *format, ...);
printf_like(2, 3) void object(struct exam *exam, const char *format, ...);

/* Writes down what a crash had left open, now that it was seen. */
void settle(struct verdict *verdict, const struct mark *mark);

/* Asks the server, which must answer: whatever else it has lost, it is up. */
struct writer body_begin(struct verdict *verdict);
struct reply ask(struct verdict *verdict, enum operation operation, u32 code,
                 const struct writer *body);
struct topic_path path_of(const struct exam *exam);

/* Reads all partitions of a topic and compares them with the promises. */
void partitions_examine(struct verdict *verdict, struct topic_ledger *topic);

/* Every consumer we may have let act on this partition, and some that never did. `purged`: a purge
 * that was asked and not answered has taken place, and with it went what they had stored. */
void consumers_examine(struct exam *exam, bool purged);

/* Appends one batch, which must get the next offset. */
void append_examine(struct exam *exam, u32 era);
