#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELETE_EVERY 8u

/* One more element at the end of an array; NULL when memory is out. */
static void *array_grow(void *array, u64 count, u64 size)
{
    return realloc(array, (count + 1) * size);
}

struct topic_ledger *ledger_topic(const struct ledger *ledger, u32 number)
{
    for (u32 i = 0; i < ledger->topics_count; i++) {
        if (ledger->topics[i].number == number) {
            return &ledger->topics[i];
        }
    }
    return NULL;
}

struct topic_ledger *ledger_topic_named(const struct ledger *ledger, const char *stream,
                                        const char *name)
{
    for (u32 i = ledger->topics_count; i > 0; i--) {
        struct topic_ledger *topic = &ledger->topics[i - 1];
        if (strcmp(topic->stream, stream) == 0 && strcmp(topic->name, name) == 0) {
            return topic;
        }
    }
    return NULL;
}

struct stream_ledger *ledger_stream(const struct ledger *ledger, const char *name)
{
    for (u32 i = 0; i < ledger->streams_count; i++) {
        if (strcmp(ledger->streams[i].name, name) == 0) {
            return &ledger->streams[i];
        }
    }
    return NULL;
}

u32 ledger_topic_number_next(const struct ledger *ledger)
{
    u32 next = 1;
    for (u32 i = 0; i < ledger->topics_count; i++) {
        next = u32_max(next, ledger->topics[i].number + 1);
    }
    return next;
}

bool consumer_deletes(u64 operation)
{
    return operation % DELETE_EVERY == DELETE_EVERY - 1;
}

bool consumer_state(u64 operations_count, u64 *offset)
{
    if (operations_count == 0 || consumer_deletes(operations_count - 1)) {
        return false;
    }
    *offset = operations_count - 1;
    return true;
}

static bool note_stream(struct ledger *ledger, const struct mark *mark)
{
    struct stream_ledger *stream = ledger_stream(ledger, mark->stream);
    if (stream == NULL) {
        void *grown = array_grow(ledger->streams, ledger->streams_count, sizeof(*stream));
        if (grown == NULL) {
            return false;
        }
        ledger->streams = grown;
        stream = &ledger->streams[ledger->streams_count++];
        *stream = (struct stream_ledger){0};
        memcpy(stream->name, mark->stream, MARK_NAME_SIZE);
    }
    if (mark->kind == MARK_STREAM_CREATING) {
        stream->existence = EXISTS_MAYBE;
    } else if (mark->kind == MARK_STREAM_CREATED) {
        stream->existence = EXISTS_SURELY;
        stream->id = mark->id;
    } else {
        stream->existence =
            mark->kind == MARK_STREAM_DELETING ? EXISTS_PERHAPS_NO_MORE : EXISTS_NO_MORE;
    }
    return true;
}

static bool topic_add(struct ledger *ledger, const struct mark *mark)
{
    struct partition_ledger *partitions = calloc(mark->count, sizeof(*partitions));
    void *grown = array_grow(ledger->topics, ledger->topics_count, sizeof(*ledger->topics));
    if (partitions == NULL || grown == NULL) {
        return false;
    }
    ledger->topics = grown;
    struct topic_ledger *topic = &ledger->topics[ledger->topics_count++];
    *topic = (struct topic_ledger){
        .number = mark->topic,
        .existence = EXISTS_MAYBE,
        .partitions_count = mark->count,
        .partitions = partitions,
    };
    memcpy(topic->stream, mark->stream, MARK_NAME_SIZE);
    memcpy(topic->name, mark->name, MARK_NAME_SIZE);
    return true;
}

static bool promise_add(struct partition_ledger *partition, const struct mark *mark)
{
    if (partition->count == partition->capacity) {
        u64 capacity = partition->capacity == 0 ? 256 : partition->capacity * 2;
        void *grown = realloc(partition->promises, capacity * sizeof(*partition->promises));
        if (grown == NULL) {
            return false;
        }
        partition->promises = grown;
        partition->capacity = capacity;
    }
    bool refused = mark->kind == MARK_REFUSED;
    partition->promises[partition->count++] = (struct promise){
        .producer = mark->who,
        .count = mark->count,
        .sequence = mark->sequence,
        .offset = mark->offset,
        .era_low = mark->era_low,
        .era_high = mark->era_high,
        .refused = refused,
    };
    if (!refused) {
        partition->end = u64_max(partition->end, mark->offset + mark->count);
    }
    return true;
}

/* Marks below a partition: batches and consumers. */
static bool note_partition(struct topic_ledger *topic, const struct mark *mark)
{
    if (mark->partition >= topic->partitions_count) {
        return false;
    }
    struct partition_ledger *partition = &topic->partitions[mark->partition];
    if (mark->kind == MARK_APPEND || mark->kind == MARK_REFUSED) {
        return promise_add(partition, mark);
    }
    if (mark->who >= CONSUMERS_MAX) {
        return false;
    }
    if (mark->kind == MARK_STORED) {
        u64 *stored_count = &partition->stored_count[mark->who];
        *stored_count = u64_max(*stored_count, mark->sequence + 1);
    } else {
        u64 *polled_count = &partition->polled_count[mark->who];
        *polled_count = u64_max(*polled_count, mark->offset + 1);
        partition->served_end = u64_max(partition->served_end, mark->offset + 1);
    }
    return true;
}

/* A purge takes all messages and all stored offsets; offsets begin with 0 again. */
static void consumers_forget(struct topic_ledger *topic)
{
    for (u32 i = 0; i < topic->partitions_count; i++) {
        struct partition_ledger *partition = &topic->partitions[i];
        partition->end = 0;
        partition->served_end = 0;
        memset(partition->stored_count, 0, sizeof(partition->stored_count));
        memset(partition->polled_count, 0, sizeof(partition->polled_count));
    }
}

static bool note_topic(struct ledger *ledger, const struct mark *mark)
{
    struct topic_ledger *topic = ledger_topic(ledger, mark->topic);
    if (topic == NULL) {
        return false;
    }
    switch (mark->kind) {
    case MARK_TOPIC_CREATED:
        topic->id = mark->id;
        topic->existence = EXISTS_SURELY;
        return true;
    case MARK_TOPIC_KEPT: topic->existence = EXISTS_SURELY; return true;
    case MARK_TOPIC_DELETING: topic->existence = EXISTS_PERHAPS_NO_MORE; return true;
    case MARK_TOPIC_DELETED: topic->existence = EXISTS_NO_MORE; return true;
    case MARK_TOPIC_PURGING: topic->purges_begun++; return true;
    case MARK_TOPIC_PURGED:
        topic->purges_done = topic->purges_begun;
        consumers_forget(topic);
        return true;
    case MARK_TOPIC_UNPURGED: topic->purges_begun = topic->purges_done; return true;
    case MARK_APPEND:
    case MARK_REFUSED:
    case MARK_STORED:
    case MARK_POLLED: return note_partition(topic, mark);
    case MARK_START:
    case MARK_ROUND:
    case MARK_STREAM_CREATING:
    case MARK_STREAM_CREATED:
    case MARK_STREAM_DELETING:
    case MARK_STREAM_DELETED:
    case MARK_TOPIC_CREATING:
    case MARK_KIND_COUNT: break;
    }
    return false;
}

bool ledger_note(struct ledger *ledger, const struct mark *mark)
{
    if (mark->kind == MARK_START) {
        return true;
    }
    if (mark->kind == MARK_ROUND) {
        ledger->round = mark->sequence;
        return true;
    }
    if (mark->kind <= MARK_STREAM_DELETED) {
        return note_stream(ledger, mark);
    }
    return mark->kind == MARK_TOPIC_CREATING ? topic_add(ledger, mark) : note_topic(ledger, mark);
}

bool ledger_read(struct ledger *ledger, const char *path)
{
    *ledger = (struct ledger){0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return true;
    }
    char line[MARK_LINE_SIZE];
    bool good = true;
    while (good && fgets(line, sizeof(line), file) != NULL) {
        if (strchr(line, '\n') == NULL) {
            break;
        }
        struct mark mark;
        good = mark_parse(line, &mark) && ledger_note(ledger, &mark);
        if (!good) {
            (void)fprintf(stderr, "ledger: this line makes no sense: %s", line);
        }
    }
    (void)fclose(file);
    return good;
}

void ledger_deinit(struct ledger *ledger)
{
    for (u32 i = 0; i < ledger->topics_count; i++) {
        struct topic_ledger *topic = &ledger->topics[i];
        for (u32 p = 0; p < topic->partitions_count; p++) {
            free(topic->partitions[p].promises);
        }
        free(topic->partitions);
    }
    free(ledger->topics);
    free(ledger->streams);
    *ledger = (struct ledger){0};
}
