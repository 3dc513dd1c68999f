/* Opening a partition: its directory, the headers of its segments, the scan of the newest one,
 * the cut.
 *
 *     list ─▶ headers ─▶ index, size, scan ─▶ [save the tail, cut] ─▶ sync ─▶ offsets ─▶ open
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
    RECOVERY_PROBE_INDEX,
    RECOVERY_SCAN,
    RECOVERY_CREATE_CUT,
    RECOVERY_READ_CUT,
    RECOVERY_WRITE_CUT,
    RECOVERY_SYNC_CUT,
    RECOVERY_CLOSE_CUT,
    RECOVERY_OPEN_DIRECTORY,
    RECOVERY_SYNC_DIRECTORY,
    RECOVERY_CLOSE_DIRECTORY,
    RECOVERY_REMOVE_INDEX,
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
    bool paused;      /* wants another turn at once */
    bool index_stale; /* its file is of a log that was cut since */
    u64 file_bytes;
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
    u32 single_end;       /* of a copy: sectors before it are read one by one */
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

/* ---- Between recovery.c and recovery_scan.c ---- */

void recovery_next(struct recovery *recovery, enum recovery_step step);
struct log *recovery_log(const struct recovery *recovery);
struct segment *recovery_newest(const struct recovery *recovery);

/* There is something, and it cannot be opened: it stays as it is. Ends the recovery. */
void recovery_refuse(struct recovery *recovery, const char *what, u64 word);

/* For reading only from here on, with an event that says why. */
void recovery_open_damaged(struct recovery *recovery, const char *what);

/* An index file that fits, up to where the scan begins; the scan adds the rest. */
void recovery_on_index(struct recovery *recovery);

/* Its last entry must name a unit that is there: an index from before a cut does not. */
void recovery_probe_index(struct recovery *recovery);
void recovery_on_probed(struct recovery *recovery);

void recovery_scan_begin(struct recovery *recovery, u64 file_bytes);
void recovery_scan_run(struct recovery *recovery);
void recovery_on_scanned(struct recovery *recovery, enum status status);
void recovery_adopt_end(struct recovery *recovery);
void recovery_judge(struct recovery *recovery);

void recovery_create_cut(struct recovery *recovery);
void recovery_read_cut(struct recovery *recovery);
void recovery_on_cut_read(struct recovery *recovery, enum status status);
void recovery_write_cut(struct recovery *recovery);
void recovery_say_cut(struct recovery *recovery);
