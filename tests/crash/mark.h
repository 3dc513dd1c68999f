/* A mark: one line that says what the server was asked, or what it has promised.
 *
 * The load client writes them, in the order in which it learns; a test that cuts time at some line
 * knows from the lines before it what must have survived. What may destroy something (delete,
 * purge) is also marked before it is asked, because from then on it may have happened.
 *
 *     append topic=3 partition=1 who=102 sequence=44 count=10 offset=430 eras=0-1 id=0 stream=- ...
 *
 * One line has always all fields, so it is read with one pattern and by eye. */
#pragma once

#include "base/types.h"

enum mark_kind {
    MARK_START,           /* a server is started; promises nothing */
    MARK_ROUND,           /* a load begins; `sequence` is its number */
    MARK_STREAM_CREATING, /* asked: `stream` may exist from here on */
    MARK_STREAM_CREATED,  /* promised, under number `id` */
    MARK_STREAM_DELETING,
    MARK_STREAM_DELETED,
    MARK_TOPIC_CREATING, /* `topic` is our number for this life of `name`; `count` partitions */
    MARK_TOPIC_CREATED,
    MARK_TOPIC_DELETING,
    MARK_TOPIC_DELETED,
    MARK_TOPIC_KEPT, /* found after a crash: the delete that was asked did not take place */
    MARK_TOPIC_PURGING,
    MARK_TOPIC_PURGED,
    MARK_TOPIC_UNPURGED, /* found after a crash: the purge that was asked did not take place */
    MARK_APPEND,         /* batch `sequence` of producer `who`, `count` messages from `offset` on */
    MARK_REFUSED,        /* this batch was refused with status `id`: it must never appear */
    MARK_STORED,         /* consumer `who` was answered its operation number `sequence` */
    MARK_POLLED, /* consumer `who` was served everything up to `offset`, and it was stored */
    MARK_KIND_COUNT,
};

#define MARK_NAME_SIZE 24u
#define MARK_LINE_SIZE 256u

struct mark {
    enum mark_kind kind;
    u32 topic;
    u32 partition;
    u32 who;
    u64 sequence;
    u32 count;
    u64 offset;
    u32 era_low;  /* purges of the topic done before the batch was sent, ... */
    u32 era_high; /* ... and begun before it was answered: its life is one of these */
    u32 id;
    char stream[MARK_NAME_SIZE];
    char name[MARK_NAME_SIZE];
};

/* Bytes written into `line`, newline included. */
u32 mark_print(const struct mark *mark, char line[MARK_LINE_SIZE]);

/* Reads a line; false when it is none of ours. */
must_check bool mark_parse(const char *line, struct mark *mark);
