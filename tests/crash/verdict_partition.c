/* A partition: its log from the first message to the last, and what was promised of it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "verdict.h"

#define POLL_COUNT_MAX 1000000u

struct topic_path path_of(const struct exam *exam)
{
    return (struct topic_path){exam->topic->stream, exam->topic->name};
}

void object(struct exam *exam, const char *format, ...)
{
    char text[320];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    complain(exam->verdict, "topic %s (%u) partition %u: %s", exam->topic->name,
             exam->topic->number, exam->partition_id, text);
}

/* Reads the partition from its first message to its end. */
static bool log_read(struct exam *exam)
{
    struct reading *reading = &exam->reading;
    do {
        struct writer body = body_begin(exam->verdict);
        struct poll_from from = {.offset = reading->offset_next, .count = POLL_COUNT_MAX};
        body_poll(&body, 1, path_of(exam), exam->partition_id, from);
        struct reply reply = ask(exam->verdict, OPERATION_READ, READ_POLL, &body);
        if (reply.status != 0) {
            object(exam, "poll from offset %llu: status %u",
                   (unsigned long long)reading->offset_next, reply.status);
            return false;
        }
        if (!reading_take(reading, reply.body)) {
            object(exam, "%s", reading->complaint);
            return false;
        }
    } while (reading->taken_count > 0);
    if (reading->is_inside) {
        object(exam, "the log ends inside batch %llu of producer %u",
               (unsigned long long)reading->name.sequence, reading->name.producer);
        return false;
    }
    u64 last = reading->offset_next == 0 ? 0 : reading->offset_next - 1;
    if (reading->current_offset != last) {
        object(exam, "the log ends at %llu, current offset says %llu", (unsigned long long)last,
               (unsigned long long)reading->current_offset);
    }
    return true;
}

static int sequence_compare(u32 producer_a, u64 sequence_a, u32 producer_b, u64 sequence_b)
{
    if (producer_a != producer_b) {
        return producer_a < producer_b ? -1 : 1;
    }
    return sequence_a < sequence_b ? -1 : sequence_a > sequence_b;
}

static int found_compare(const void *a, const void *b)
{
    const struct found_batch *x = a;
    const struct found_batch *y = b;
    int order = sequence_compare(x->producer, x->sequence, y->producer, y->sequence);
    return order != 0 ? order : (x->offset < y->offset ? -1 : x->offset > y->offset);
}

static int promise_compare(const void *a, const void *b)
{
    const struct promise *x = a;
    const struct promise *y = b;
    return sequence_compare(x->producer, x->sequence, y->producer, y->sequence);
}

static bool is_refused(const struct partition_ledger *partition, u32 producer, u64 sequence)
{
    struct promise key = {.producer = producer, .sequence = sequence};
    const struct promise *promise =
        bsearch(&key, partition->promises, partition->count, sizeof(key), promise_compare);
    return promise != NULL && promise->refused;
}

/* A producer's batches, sorted by sequence, must lie in that order, each once, with none left out
 * but the refused ones. */
static void order_examine(struct exam *exam)
{
    const struct reading *reading = &exam->reading;
    for (u64 i = 0; i < reading->found_count; i++) {
        const struct found_batch *batch = &reading->found[i];
        const struct found_batch *last = i == 0 ? NULL : &reading->found[i - 1];
        if (last == NULL || last->producer != batch->producer) {
            continue;
        }
        unsigned long long sequence = batch->sequence;
        if (batch->sequence == last->sequence) {
            object(exam, "doubled: batch %llu of producer %u is at offsets %llu and %llu", sequence,
                   batch->producer, (unsigned long long)last->offset,
                   (unsigned long long)batch->offset);
            continue;
        }
        if (batch->offset < last->offset) {
            object(exam, "out of order: batch %llu of producer %u lies before its predecessor",
                   sequence, batch->producer);
        }
        for (u64 gap = last->sequence + 1; gap < batch->sequence; gap++) {
            if (!is_refused(exam->partition, batch->producer, gap)) {
                object(exam, "a gap: batch %llu of producer %u is missing, %llu is there",
                       (unsigned long long)gap, batch->producer, sequence);
                break;
            }
        }
    }
}

/* Is the promise kept if the partition is in `era`? Complaints are made only when `aloud`. */
static bool promise_is_kept(struct exam *exam, const struct promise *promise,
                            const struct found_batch *found, u32 era, bool aloud)
{
    unsigned long long sequence = promise->sequence;
    if (promise->refused) {
        if (found != NULL && aloud) {
            object(exam, "batch %llu of producer %u was refused and is there", sequence,
                   promise->producer);
        }
        return found == NULL;
    }
    if (found == NULL) {
        if (promise->era_low >= era && aloud) {
            object(exam, "lost: batch %llu of producer %u, answered with offset %llu", sequence,
                   promise->producer, (unsigned long long)promise->offset);
        }
        return promise->era_low < era;
    }
    if (found->offset != promise->offset || found->count != promise->count) {
        if (aloud) {
            object(exam, "moved: batch %llu of producer %u, answered with offset %llu, is at %llu",
                   sequence, promise->producer, (unsigned long long)promise->offset,
                   (unsigned long long)found->offset);
        }
        return false;
    }
    if (promise->era_high < era && aloud) {
        object(exam, "risen: batch %llu of producer %u was purged and is there", sequence,
               promise->producer);
    }
    return promise->era_high >= era;
}

/* Do log and promises agree if `era` purges have taken place? Both are sorted alike. */
static bool era_fits(struct exam *exam, u32 era, bool aloud)
{
    const struct reading *reading = &exam->reading;
    const struct partition_ledger *partition = exam->partition;
    bool fits = true;
    u64 at = 0;
    for (u64 i = 0; i < partition->count; i++) {
        const struct promise *promise = &partition->promises[i];
        while (at < reading->found_count &&
               sequence_compare(reading->found[at].producer, reading->found[at].sequence,
                                promise->producer, promise->sequence) < 0) {
            at++;
        }
        bool hit = at < reading->found_count && reading->found[at].producer == promise->producer &&
                   reading->found[at].sequence == promise->sequence;
        const struct found_batch *found = hit ? &reading->found[at] : NULL;
        fits = promise_is_kept(exam, promise, found, era, aloud) && fits;
    }
    for (u64 i = 0; i < reading->found_count; i++) {
        fits = reading->found[i].era <= era && fits;
    }
    return fits;
}

/* What was found without a promise has now been read: it may not vanish any more. */
static void found_settle(struct exam *exam, u32 era)
{
    const struct reading *reading = &exam->reading;
    for (u64 i = 0; i < reading->found_count; i++) {
        const struct found_batch *found = &reading->found[i];
        struct promise key = {.producer = found->producer, .sequence = found->sequence};
        if (bsearch(&key, exam->partition->promises, exam->partition->count, sizeof(key),
                    promise_compare) != NULL) {
            continue;
        }
        settle(exam->verdict, &(struct mark){.kind = MARK_APPEND,
                                             .topic = exam->topic->number,
                                             .partition = exam->partition_id,
                                             .who = found->producer,
                                             .sequence = found->sequence,
                                             .count = found->count,
                                             .offset = found->offset,
                                             .era_low = era,
                                             .era_high = era});
    }
}

/* Do all partitions of a topic agree with its promises if `era` purges have taken place? A purge is
 * one command: it must have reached all of them or none. */
static bool topic_era_fits(struct exam *exams, u32 count, u32 era, bool aloud)
{
    bool fits = true;
    for (u32 i = 0; i < count; i++) {
        fits = era_fits(&exams[i], era, aloud) && fits;
    }
    return fits;
}

/* The era the topic is in. When none fits, the last must, and we say why it does not. */
static u32 topic_era_find(struct exam *exams, u32 count)
{
    const struct topic_ledger *topic = exams[0].topic;
    for (u32 era = topic->purges_done; era < topic->purges_begun; era++) {
        if (topic_era_fits(exams, count, era, false)) {
            return era;
        }
    }
    if (!topic_era_fits(exams, count, topic->purges_begun, true)) {
        complain(exams[0].verdict, "topic %s: log and promises disagree (purges done %u, begun %u)",
                 topic->name, topic->purges_done, topic->purges_begun);
    }
    return topic->purges_begun;
}

static bool partition_read(struct exam *exam)
{
    struct reading *reading = &exam->reading;
    struct partition_ledger *partition = exam->partition;
    reading_init(reading, exam->topic->number, exam->partition_id, 0);
    if (!log_read(exam)) {
        return false;
    }
    if (reading->found_count > 0) {
        qsort(reading->found, reading->found_count, sizeof(*reading->found), found_compare);
    }
    if (partition->count > 0) {
        qsort(partition->promises, partition->count, sizeof(*partition->promises), promise_compare);
    }
    order_examine(exam);
    if (exam->topic->purges_begun == exam->topic->purges_done &&
        reading->offset_next < partition->served_end) {
        object(exam, "offset %llu had been served, the log ends before %llu",
               (unsigned long long)partition->served_end - 1,
               (unsigned long long)reading->offset_next);
    }
    exam->verdict->batches_count += reading->found_count;
    return true;
}

static void topic_settle_era(struct verdict *verdict, const struct topic_ledger *topic, u32 era)
{
    if (topic->purges_begun > topic->purges_done) {
        bool purged = era == topic->purges_begun;
        settle(verdict, &(struct mark){.kind = purged ? MARK_TOPIC_PURGED : MARK_TOPIC_UNPURGED,
                                       .topic = topic->number});
    }
}

void partitions_examine(struct verdict *verdict, struct topic_ledger *topic)
{
    u32 count = topic->partitions_count;
    struct exam *exams = calloc(count, sizeof(*exams));
    if (exams == NULL) {
        complain(verdict, "out of memory");
        return;
    }
    bool readable = true;
    for (u32 i = 0; i < count; i++) {
        exams[i] = (struct exam){
            .verdict = verdict,
            .topic = topic,
            .partition_id = i,
            .partition = &topic->partitions[i],
        };
        readable = partition_read(&exams[i]) && readable;
    }
    if (readable) {
        u32 era = topic_era_find(exams, count);
        topic_settle_era(verdict, topic, era);
        for (u32 i = 0; i < count; i++) {
            found_settle(&exams[i], era);
            consumers_examine(&exams[i], era > topic->purges_done);
            if (verdict->appends) {
                append_examine(&exams[i], era);
            }
        }
    }
    for (u32 i = 0; i < count; i++) {
        reading_deinit(&exams[i].reading);
    }
    free(exams);
}
