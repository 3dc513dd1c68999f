/* One segment file of a partition's log: a header block, then units, then perhaps space that was
 * written before and waits to be used.
 *
 *     |header 4 KiB|unit|unit|unit   |zeros written ahead ...|
 *                              tail ─^                       ^─ ahead_end
 *
 * It answers: "write these units at the tail", "where does the unit with offset X begin?", and
 * keeps the file's number: open while in use, closed least recent first when there are too many.
 *
 * Owner:   the log of one partition. The index's entries are a buffer of the core, lent while
 *          there is room for it: a segment without index is scanned from its start.
 * Writing: only the newest segment, direct or buffered as its header says, never both ways. */
#pragma once

#include "io/io.h"
#include "shard/segment_header.h"
#include "shard/segment_index.h"

struct core;
struct log;
struct log_unit;
struct shard;

#define SEGMENT_MAGIC 0x746e6d6765736c76ull
#define SEGMENT_PATH_BYTES IO_PATH_BYTES
#define SEGMENT_INDEX_STRIDE_BYTES (64u * 1024u)

struct segment {
    u64 magic;
    struct list_node node;       /* in log->segments, oldest first */
    struct list_node index_node; /* sealed, with an index in memory: least recent first */
    struct list_node file_node;  /* in the shard's list of open files, least recent first */
    struct log *log;
    struct segment_header header;
    u32 tail;        /* end of the units that are persisted */
    u32 ahead_end;   /* space up to here was written before, and synced */
    u64 end_offset;  /* next offset after its last message */
    u64 end_time_us; /* append time of its last batch, or of the last before it */
    u64 end_bytes;   /* lengths of all batches of the life up to its end */
    u64 end_batches; /* and how many they are */
    struct io_file file;
    u32 readers;       /* polls that look at it: it stays while there are any */
    bool doomed;       /* no longer part of the log: freed by the last reader */
    bool close_wanted; /* its file is to be closed when nobody reads */
    bool damaged;      /* its header does not verify: it cannot be read */
    struct segment_index index;
    struct buf *index_buf; /* NULL: no index in memory */
    bool index_missing;    /* its file did not fit: not asked again */
    u32 index_saved_count; /* entries in the file of an active segment */
};

/* ".../partitions/7/00000000000000000000.log"; `suffix` is "log", "index", ... */
void segment_path(const struct log *log, u64 base_offset, const char *suffix,
                  char path[SEGMENT_PATH_BYTES]);

/* A struct that is in no list yet, or NULL when the plan's number of segments is reached. */
must_check struct segment *segment_create(struct log *log, const struct segment_header *header);

/* Out of the log: freed now, or by the last reader. Its file is closed; the name is the
 * caller's. */
void segment_destroy(struct segment *segment);

bool segment_is_sealed(const struct segment *segment);

/* ---- The file's number ---- */

/* Flags to open it with: the newest for writing, sealed ones for buffered reading. */
u32 segment_open_flags(const struct segment *segment);

/* Notes that `file` is its number, and closes another's when there are too many open. */
void segment_adopt_file(struct segment *segment, struct io_file file);
void segment_touch_file(struct segment *segment);

/* Closes the file of an idle segment: descriptors are short. */
void segment_close_idle_file(struct shard *shard);

/* Closes now, or when the last reader goes. */
void segment_close_file(struct segment *segment);

void segment_hold(struct segment *segment);
void segment_release(struct segment *segment);

/* ---- Writing and finding ---- */

/* One gathered write of all units in `units`, whose control batches are encoded, at the tail. */
void segment_write(struct segment *segment, struct io_op *op, struct list *units, bool synced);

/* The write of one of them succeeded: the tail moves, the index learns where it is. */
void segment_on_written(struct segment *segment, const struct log_unit *unit);

/* Notes in the index that a unit begins there. */
void segment_note(struct segment *segment, const struct segment_unit *unit, u32 position);

/* The same for a unit that a reader passes: after a crash, or when its file was lost, an index
 * comes back as it is needed. */
void segment_learn(struct segment *segment, const struct segment_unit *unit, u32 position);

/* From which position must a reader scan to meet `offset`, or the first batch at or after a
 * time? */
u32 segment_find(struct segment *segment, u64 offset);
u32 segment_find_time(struct segment *segment, u64 time_us);

/* The largest index file: header and entries. */
#define SEGMENT_INDEX_FILE_BYTES_MAX 16384u

/* Adopts `count` entries of an index file that fits the segment; false when there is no memory
 * for them or they do not rise. */
bool segment_index_fill(struct segment *segment, const u8 *file, u32 stride_bytes, u32 count);

/* An index over a buffer; false when there is no memory for one. */
bool segment_index_open(struct segment *segment);
void segment_index_close(struct segment *segment);

/* Drops the index of the sealed segment that was asked least recently: it is read again, or learnt,
 * when somebody comes back. False when there is none. */
bool segment_index_drop_oldest(struct shard *shard);
