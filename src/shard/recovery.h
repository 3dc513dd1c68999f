/* Opening a partition: its directory, the headers of its segments, the scan of the newest one,
 * the cut.
 *
 *     list ─▶ headers ─▶ index, size, scan ─▶ [save the tail, cut] ─▶ sync ─▶ stored offsets ─▶ open
 *                  └─▶ another life's: into the trash, then made anew
 *
 * It answers: "what of this log is there?", and leaves the partition open, open for reading
 * only, or unreadable, with an event that says why. Nothing is deleted but what a roll or a
 * first segment left unfinished; a tail is cut only when its copy is on disk.
 *
 * Owner: the shard, a few at once (SHARD_RECOVERIES_MAX). Memory: one buffer of
 * RECOVER_READ_BYTES, or of the size
 * of the largest unit met. */
#pragma once

#include "io/io.h"
#include "shard/partition.h"
#include "shard/segment_recover.h"

#define RECOVERY_MAGIC 0x7265766f63657231ull
#define RECOVERY_NAMES_BYTES (64u * 1024u)

enum recovery_step {
    RECOVERY_LIST,
    RECOVERY_NEXT_NAME,
    RECOVERY_REMOVE_LEFTOVER,
    RECOVERY_OPEN_HEADER,
    RECOVERY_READ_HEADER,
    RECOVERY_READ_BEHIND,
    RECOVERY_CLOSE_HEADER,
    RECOVERY_TRASH_RENAME,
    RECOVERY_TRASH_OPEN,
    RECOVERY_TRASH_SYNC,
    RECOVERY_TRASH_CLOSE,
    RECOVERY_OPEN_INDEX,
    RECOVERY_READ_INDEX,
    RECOVERY_CLOSE_INDEX,
    RECOVERY_OPEN,
    RECOVERY_SIZE,
    RECOVERY_SCAN,
    RECOVERY_CREATE_CUT,
    RECOVERY_READ_CUT,
    RECOVERY_WRITE_CUT,
    RECOVERY_SYNC_CUT,
    RECOVERY_CLOSE_CUT,
    RECOVERY_OPEN_DIRECTORY,
    RECOVERY_SYNC_DIRECTORY,
    RECOVERY_CLOSE_DIRECTORY,
    RECOVERY_TRUNCATE,
    RECOVERY_SYNC,
    RECOVERY_OFFSETS,
    RECOVERY_REMOVE_FIRST,
    RECOVERY_DONE
};

struct recovery {
    u64 magic;
    struct list_node node; /* in shard->recovering: looked at each turn */
    struct shard *shard;
    struct partition *partition;
    enum recovery_step step;
    bool waits; /* for a turn, memory or stored offsets; not for io */
    struct io_op op;
    struct io_file file;
    struct io_file directory;
    struct buf *names;
    u32 names_position;
    u32 names_bytes;
    u64 base_offset; /* of the name under way */
    struct buf *buf;
    u32 position; /* of a copy, or of a sector that is read on its own */
    u32 read_end;
    u64 other_life; /* found in a header, not ours */
    u64 offsets_record;
    bool read_singly;     /* a sector could not be read: one by one */
    bool unreadable_seen; /* a sector read as zeros because it could not be read */
    bool keeps_space;     /* what lies behind the end was written before, and is synced now */
    struct io_file cut_file;
    bool first_unsound; /* the header of the first segment does not verify, and nothing follows */
    struct segment_recover scan;
};

/* Takes over the partition, which is queued, until partition_on_opened. */
void recovery_begin(struct recovery *recovery, struct shard *shard, struct partition *partition);

/* Goes on with what waited for a turn. */
void recovery_turn(struct recovery *recovery);
