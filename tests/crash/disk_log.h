/* The log of a disk: what was written to it, what was flushed, and what was said meanwhile.
 *
 * `logdisk` writes it, `disk_replay` reads it. It answers: "if the power had failed here, what may
 * the disk hold, and what had been promised by then?" Records follow one another in the order in
 * which the disk finished them, and are numbered without a gap:
 *
 *     | write 1 | write 2 | flush 3 | write 4 | mark 5 "append ..." | write 6 | flush 7 | ...
 *       \______ kept ____/            \__ kept, lost or torn __/^ the power fails here
 *
 * A record, integers little-endian:
 *
 *     offset  size  field
 *     0       4     magic "LDSK"
 *     4       4     kind, enum disk_log_kind
 *     8       8     sequence: 1, 2, 3, ...
 *     16      8     position on the disk; write only, else 0
 *     24      4     size of the data that follow; 0 for a flush
 *     28      4     zero
 *     32      size  a write: the bytes; a mark: a line of text with its newline; a flush: nothing
 *
 * Owner:   one process writes; readers open the finished file.
 * Memory:  a reader maps the whole file; records point into the map until it is closed. */
#pragma once

#include "base/types.h"

enum disk_log_kind {
    DISK_LOG_WRITE = 1,
    DISK_LOG_FLUSH = 2,
    DISK_LOG_MARK = 3,
    DISK_LOG_WRITE_FAILED = 4, /* refused with an error; nothing of it reached the disk */
    DISK_LOG_FLUSH_FAILED = 5, /* refused with an error; it made nothing durable */
};

#define DISK_LOG_MAGIC 0x4b53444cu
#define DISK_LOG_HEADER_SIZE 32u

struct disk_log_record {
    enum disk_log_kind kind;
    u64 sequence;
    u64 position;
    u32 size;
    const u8 *data;
};

/* Writing. */
struct disk_log_writer {
    int file;
    u64 sequence; /* of the record written last */
};

/* Creates `path`, which must not exist. */
must_check bool disk_log_writer_open(struct disk_log_writer *writer, const char *path);

/* Appends one record with the next sequence number. Record and data reach the file in one call, so
 * a reader never meets half of one. False: the log could not be written and is worth nothing. */
must_check bool disk_log_append(struct disk_log_writer *writer, enum disk_log_kind kind,
                                u64 position, const void *data, u32 size);

void disk_log_writer_close(struct disk_log_writer *writer);

/* Reading. */
struct disk_log {
    const u8 *bytes;
    u64 size;
    struct disk_log_record *records;
    u64 count;
};

/* Maps and checks all of `path`; false, with a line on standard error, when it is not a log. */
must_check bool disk_log_open(struct disk_log *log, const char *path);
void disk_log_close(struct disk_log *log);
