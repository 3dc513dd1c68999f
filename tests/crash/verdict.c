/* Compares a server with its promises.
 *
 *     verdict --port PORT --marks FILE [--ledger FILE] [--append]
 *
 * Reads the marks (mark.h), asks the server for everything they promise, and says what is missing,
 * changed, doubled, out of order, or there although it must not be. What a crash left open (asked,
 * not answered) may be either way, but now it is settled: the outcome is appended to the marks, so
 * that the next verdict insists on it. A batch that was never answered but is there has been served
 * to us, so it must stay: it becomes a promise as well.
 *
 * --ledger: as for the load, a readable copy of marks that cannot be read back.
 * With --append one batch is appended to every partition, and must get the offset after the last.
 *
 * Exit: 0 all is well, 1 a promise is broken, 2 wrong usage or no server. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash_client.h"
#include "ledger.h"
#include "reading.h"
#include "recipe.h"

#define COMPLAINTS_MAX 20u
#define POLL_COUNT_MAX 1000000u
#define VERDICT_PRODUCER 99u /* within the hundred of a round; load uses the numbers below */
#define POLLED_AHEAD_MAX 64u /* messages one automatically committing poll may take */

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

printf_like(2, 3) static void complain(struct verdict *verdict, const char *format, ...)
{
    verdict->complaints_count++;
    if (verdict->complaints_count > COMPLAINTS_MAX) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "verdict: ");
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, "\n");
    va_end(arguments);
}

static void settle(struct verdict *verdict, const struct mark *mark)
{
    char line[MARK_LINE_SIZE];
    u32 size = mark_print(mark, line);
    if (write(verdict->marks_file, line, size) != (ssize_t)size) {
        perror("verdict: cannot write the marks");
        exit(2);
    }
    if (verdict->ledger_file >= 0 && write(verdict->ledger_file, line, size) != (ssize_t)size) {
        perror("verdict: cannot write the ledger");
        exit(2);
    }
}

/* The server must answer: whatever else it has lost, it is up. */
static struct reply ask(struct verdict *verdict, enum operation operation, u32 code,
                        const struct writer *body)
{
    struct reply reply;
    struct span span = {body->data, body->position};
    if (!crash_client_call(&verdict->client, operation, code, span, &reply)) {
        (void)fprintf(stderr, "verdict: the server closed the connection (operation %u, code %u)\n",
                      operation, code);
        exit(1);
    }
    return reply;
}

static struct writer body_begin(struct verdict *verdict)
{
    return writer_over(verdict->body, sizeof(verdict->body));
}

/* True when the thing may be treated as existing from here on. */
static bool existence_agrees(struct verdict *verdict, enum existence existence, bool is_there,
                             const char *name)
{
    if (existence == EXISTS_SURELY && !is_there) {
        complain(verdict, "lost: %s was created and is not there", name);
    }
    if ((existence == EXISTS_NO_MORE || existence == EXISTS_NOT) && is_there) {
        complain(verdict, "risen: %s was deleted and is there", name);
    }
    return is_there && existence != EXISTS_NO_MORE && existence != EXISTS_NOT;
}

static void stream_settle(struct verdict *verdict, const struct stream_ledger *stream,
                          bool is_there, u32 id)
{
    struct mark mark = {.kind = is_there ? MARK_STREAM_CREATED : MARK_STREAM_DELETED, .id = id};
    memcpy(mark.stream, stream->name, MARK_NAME_SIZE);
    if (stream->existence == EXISTS_MAYBE || stream->existence == EXISTS_PERHAPS_NO_MORE) {
        settle(verdict, &mark);
    }
}

static void stream_examine(struct verdict *verdict, const struct stream_ledger *stream)
{
    struct writer body = body_begin(verdict);
    body_stream(&body, stream->name);
    struct reply reply = ask(verdict, OPERATION_READ, READ_STREAM, &body);
    bool is_there = reply.status == 0 && reply.body.size >= 4;
    if (reply.status != 0 && reply.status != STATUS_STREAM_NOT_FOUND) {
        complain(verdict, "stream %s: status %u", stream->name, reply.status);
    }
    u32 id = is_there ? get_u32(reply.body.data) : 0;
    if (existence_agrees(verdict, stream->existence, is_there, stream->name) &&
        stream->existence != EXISTS_MAYBE && id != stream->id) {
        complain(verdict, "stream %s: created as %u, now %u", stream->name, stream->id, id);
    }
    stream_settle(verdict, stream, is_there, id);
}

static void topic_settle(struct verdict *verdict, const struct topic_ledger *topic, bool is_there,
                         u32 id)
{
    struct mark mark = {.topic = topic->number, .id = id};
    if (topic->existence == EXISTS_MAYBE) {
        mark.kind = is_there ? MARK_TOPIC_CREATED : MARK_TOPIC_DELETED;
        settle(verdict, &mark);
    } else if (topic->existence == EXISTS_PERHAPS_NO_MORE) {
        mark.kind = is_there ? MARK_TOPIC_KEPT : MARK_TOPIC_DELETED;
        settle(verdict, &mark);
    }
}

/* Is the topic there, under its number, with its partitions? */
static bool topic_examine(struct verdict *verdict, const struct topic_ledger *topic)
{
    struct writer body = body_begin(verdict);
    body_topic(&body, (struct topic_path){topic->stream, topic->name});
    struct reply reply = ask(verdict, OPERATION_READ, READ_TOPIC, &body);
    bool is_there = reply.status == 0 && reply.body.size >= 16;
    if (reply.status != 0 && reply.status != STATUS_TOPIC_NOT_FOUND &&
        reply.status != STATUS_STREAM_NOT_FOUND) {
        complain(verdict, "topic %s: status %u", topic->name, reply.status);
    }
    u32 id = is_there ? get_u32(reply.body.data) : 0;
    u32 partitions_count = is_there ? get_u32(reply.body.data + 12) : 0;
    topic_settle(verdict, topic, is_there, id);
    if (!existence_agrees(verdict, topic->existence, is_there, topic->name)) {
        return false;
    }
    if (topic->existence != EXISTS_MAYBE && id != topic->id) {
        complain(verdict, "topic %s: created as %u, now %u", topic->name, topic->id, id);
    }
    if (partitions_count != topic->partitions_count) {
        complain(verdict, "topic %s: created with %u partitions, has %u", topic->name,
                 topic->partitions_count, partitions_count);
        return false;
    }
    verdict->topics_count++;
    return true;
}

static struct topic_path path_of(const struct exam *exam)
{
    return (struct topic_path){exam->topic->stream, exam->topic->name};
}

/* Complains about the partition under examination. */
printf_like(2, 3) static void object(struct exam *exam, const char *format, ...)
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

/* Asks for a stored offset. True when there is one. */
static bool offset_read(struct exam *exam, u32 consumer, u64 *offset)
{
    struct writer body = body_begin(exam->verdict);
    body_read_offset(&body, consumer, path_of(exam), exam->partition_id);
    struct reply reply = ask(exam->verdict, OPERATION_READ, READ_OFFSET, &body);
    if (reply.status != 0) {
        object(exam, "stored offset of consumer %u: status %u", consumer, reply.status);
        return false;
    }
    if (reply.body.size != 20) {
        return false;
    }
    *offset = get_u64(reply.body.data + 12);
    exam->verdict->offsets_count++;
    return true;
}

static bool state_is(u64 operations_count, bool is_stored, u64 offset)
{
    u64 expected = 0;
    bool should = consumer_state(operations_count, &expected);
    return should == is_stored && (!should || expected == offset);
}

/* A storing consumer stands after its last answered operation, or one further. */
static void stored_examine(struct exam *exam, u32 consumer)
{
    u64 count = exam->partition->stored_count[consumer];
    u64 offset = 0;
    bool is_stored = offset_read(exam, consumer, &offset);
    if (state_is(count, is_stored, offset)) {
        return;
    }
    if (!state_is(count + 1, is_stored, offset)) {
        object(exam, "stored offset of consumer %u after %llu operations: %s %llu", consumer,
               (unsigned long long)count, is_stored ? "is" : "none,", (unsigned long long)offset);
        return;
    }
    settle(exam->verdict, &(struct mark){.kind = MARK_STORED,
                                         .topic = exam->topic->number,
                                         .partition = exam->partition_id,
                                         .who = consumer,
                                         .sequence = count});
}

/* A polling consumer stands at the last message it was served, or a poll further. */
static void polled_examine(struct exam *exam, u32 consumer)
{
    u64 count = exam->partition->polled_count[consumer];
    u64 offset = 0;
    bool is_stored = offset_read(exam, consumer, &offset);
    u64 found = is_stored ? offset + 1 : 0;
    if (found < count || found > count + POLLED_AHEAD_MAX || found > exam->reading.offset_next) {
        object(exam, "polling consumer %u had been served %llu messages, stored are %llu", consumer,
               (unsigned long long)count, (unsigned long long)found);
        return;
    }
    if (found > count) {
        settle(exam->verdict, &(struct mark){.kind = MARK_POLLED,
                                             .topic = exam->topic->number,
                                             .partition = exam->partition_id,
                                             .who = consumer,
                                             .offset = offset});
    }
}

/* Every consumer we ever let act on this partition, and one that never did. */
static void consumers_examine(struct exam *exam)
{
    for (u32 consumer = 2; consumer < CONSUMERS_MAX; consumer++) {
        if (consumer % 4 == 3) {
            polled_examine(exam, consumer);
        } else {
            stored_examine(exam, consumer);
        }
    }
}

/* Appends one batch, which must get the next offset. */
static void append_examine(struct exam *exam, u32 era)
{
    u32 producer = (u32)exam->verdict->ledger.round * 100 + VERDICT_PRODUCER;
    u64 sequence = 0;
    for (u64 i = 0; i < exam->reading.found_count; i++) {
        const struct found_batch *found = &exam->reading.found[i];
        sequence = found->producer == producer ? found->sequence + 1 : sequence;
    }
    struct batch_name name = {
        .topic = exam->topic->number,
        .partition = exam->partition_id,
        .producer = producer,
        .era = era,
        .sequence = sequence,
        .message_count = 3,
        .payload_size = 100,
    };
    u8 batch[2048];
    recipe_cook(&name, batch);
    struct writer body = body_begin(exam->verdict);
    body_send(&body, path_of(exam), exam->partition_id, name.message_count);
    struct span head = {body.data, body.position};
    struct reply reply;
    struct crash_client *client = &exam->verdict->client;
    if (!crash_client_send(client, OPERATION_SEND_MESSAGES, 0, head,
                           (struct span){batch, recipe_size(&name)}) ||
        !crash_client_receive(client, &reply)) {
        (void)fprintf(stderr, "verdict: the server closed the connection at an append\n");
        exit(1);
    }
    if (reply.status != 0 || reply.body.size != 24) {
        object(exam, "an append after the restart: status %u", reply.status);
        return;
    }
    u64 offset = get_u64(reply.body.data + 16);
    if (offset != exam->reading.offset_next) {
        object(exam, "an append after the restart got offset %llu, the log ends before %llu",
               (unsigned long long)offset, (unsigned long long)exam->reading.offset_next);
    }
    settle(exam->verdict, &(struct mark){.kind = MARK_APPEND,
                                         .topic = name.topic,
                                         .partition = name.partition,
                                         .who = producer,
                                         .sequence = sequence,
                                         .count = name.message_count,
                                         .offset = offset,
                                         .era_low = era,
                                         .era_high = era});
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

static void topic_partitions_examine(struct verdict *verdict, struct topic_ledger *topic)
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
            consumers_examine(&exams[i]);
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

static void examine(struct verdict *verdict)
{
    struct ledger *ledger = &verdict->ledger;
    for (u32 i = 0; i < ledger->streams_count; i++) {
        stream_examine(verdict, &ledger->streams[i]);
    }
    for (u32 i = 0; i < ledger->topics_count; i++) {
        struct topic_ledger *topic = &ledger->topics[i];
        if (ledger_topic_named(ledger, topic->stream, topic->name) != topic) {
            continue; /* an earlier life of the name */
        }
        if (topic_examine(verdict, topic)) {
            topic_partitions_examine(verdict, topic);
        }
    }
}

struct arguments {
    u16 port;
    const char *marks;
    const char *ledger;
    bool appends;
};

static bool arguments_read(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--append") == 0) {
            arguments->appends = true;
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            arguments->port = (u16)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--marks") == 0 && i + 1 < argc) {
            arguments->marks = argv[++i];
        } else if (strcmp(argv[i], "--ledger") == 0 && i + 1 < argc) {
            arguments->ledger = argv[++i];
        } else {
            return false;
        }
    }
    return arguments->port != 0 && arguments->marks != NULL;
}

static int files_open(struct verdict *verdict, const struct arguments *arguments)
{
    const char *readable = arguments->ledger == NULL ? arguments->marks : arguments->ledger;
    if (!ledger_read(&verdict->ledger, readable)) {
        return 2;
    }
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    verdict->marks_file = open(arguments->marks, flags, 0644);
    verdict->ledger_file = arguments->ledger == NULL ? -1 : open(arguments->ledger, flags, 0644);
    if (verdict->marks_file < 0 || (arguments->ledger != NULL && verdict->ledger_file < 0)) {
        perror("verdict: cannot open the marks");
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct verdict *verdict = calloc(1, sizeof(*verdict));
    struct arguments arguments = {0};
    if (verdict == NULL || !arguments_read(argc, argv, &arguments)) {
        (void)fprintf(stderr,
                      "usage: verdict --port PORT --marks FILE [--ledger FILE] [--append]\n");
        return 2;
    }
    verdict->appends = arguments.appends;
    if (files_open(verdict, &arguments) != 0) {
        return 2;
    }
    if (!crash_client_open(&verdict->client, arguments.port, mix(arguments.port) | 1)) {
        (void)fprintf(stderr, "verdict: no server at port %u\n", arguments.port);
        return 2;
    }
    examine(verdict);
    crash_client_close(&verdict->client);
    (void)printf("verdict: %llu topics, %llu batches, %llu stored offsets, %u complaints\n",
                 (unsigned long long)verdict->topics_count,
                 (unsigned long long)verdict->batches_count,
                 (unsigned long long)verdict->offsets_count, verdict->complaints_count);
    ledger_deinit(&verdict->ledger);
    u32 complaints_count = verdict->complaints_count;
    free(verdict);
    return complaints_count == 0 ? 0 : 1;
}
