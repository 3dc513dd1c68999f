#include "mark.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[MARK_KIND_COUNT] = {
    [MARK_START] = "start",
    [MARK_ROUND] = "round",
    [MARK_STREAM_CREATING] = "stream-creating",
    [MARK_STREAM_CREATED] = "stream-created",
    [MARK_STREAM_DELETING] = "stream-deleting",
    [MARK_STREAM_DELETED] = "stream-deleted",
    [MARK_TOPIC_CREATING] = "topic-creating",
    [MARK_TOPIC_CREATED] = "topic-created",
    [MARK_TOPIC_DELETING] = "topic-deleting",
    [MARK_TOPIC_DELETED] = "topic-deleted",
    [MARK_TOPIC_KEPT] = "topic-kept",
    [MARK_TOPIC_PURGING] = "topic-purging",
    [MARK_TOPIC_PURGED] = "topic-purged",
    [MARK_TOPIC_UNPURGED] = "topic-unpurged",
    [MARK_APPEND] = "append",
    [MARK_REFUSED] = "refused",
    [MARK_STORED] = "stored",
    [MARK_POLLED] = "polled",
};

u32 mark_print(const struct mark *mark, char line[MARK_LINE_SIZE])
{
    int length =
        snprintf(line, MARK_LINE_SIZE,
                 "%s topic=%u partition=%u who=%u sequence=%llu count=%u offset=%llu "
                 "eras=%u-%u id=%u stream=%s name=%s\n",
                 kind_names[mark->kind], mark->topic, mark->partition, mark->who,
                 (unsigned long long)mark->sequence, mark->count, (unsigned long long)mark->offset,
                 mark->era_low, mark->era_high, mark->id, mark->stream[0] == 0 ? "-" : mark->stream,
                 mark->name[0] == 0 ? "-" : mark->name);
    return (u32)length;
}

static bool kind_find(const char *name, enum mark_kind *kind)
{
    for (u32 i = 0; i < MARK_KIND_COUNT; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *kind = (enum mark_kind)i;
            return true;
        }
    }
    return false;
}

bool mark_parse(const char *line, struct mark *mark)
{
    char kind[24];
    unsigned long long sequence;
    unsigned long long offset;
    struct mark found = {0};
    int fields =
        sscanf(line,
               "%23s topic=%u partition=%u who=%u sequence=%llu count=%u offset=%llu "
               "eras=%u-%u id=%u stream=%23s name=%23s",
               kind, &found.topic, &found.partition, &found.who, &sequence, &found.count, &offset,
               &found.era_low, &found.era_high, &found.id, found.stream, found.name);
    if (fields != 12 || !kind_find(kind, &found.kind)) {
        return false;
    }
    found.sequence = sequence;
    found.offset = offset;
    *mark = found;
    return true;
}
