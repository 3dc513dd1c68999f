/* The log of one partition: a chain of segments, of which the newest is written.
 *
 *     log_append ─▶ gathering ─▶ (log_flush: one in flight) ─▶ writing ─▶ partition_on_written
 *
 *     segments   |0 ........|812 .......|1931 ....       |
 *                 sealed     sealed      active
 *
 * It answers: "take this stamped batch", and says when it is persisted. What arrives while a
 * write is in flight gathers into units and goes out as the next write. Before a write the log
 * does whatever must come first, one step after the other (enum log_step): open or make the
 * file, roll, sync names, cut a tail.
 *
 * Owner:   its partition.
 * Failure: without space the write's requests are answered by closing their connections, what
 * gathered behind it is refused, the log is cut to its last good unit. At level memory, where all
 * of it was acknowledged, it stays and is tried again. After any other failure of a write or sync
 * the log stops for good (log->stopped): nothing is retried. */
#pragma once

#include "base/list.h"
#include "io/io.h"
#include "msg/msg.h"
#include "shard/segment.h"
#include "shard/unit_secret.h"

struct partition;
struct shard_request;

#define LOG_MAGIC 0x676f6c7672656c31ull

/* A gathered write is at most this large, save one that is a single batch; a segment's header
 * says more when it must take such a one. */
#define LOG_WRITE_BYTES_MAX (4u * 1024u * 1024u)

/* Batches from here on are written from where they were received, without a copy. */
#define LOG_IN_PLACE_BYTES_MIN (256u * 1024u)

/* Of one gathered write. */
#define LOG_UNITS_MAX 60u

/* A unit in memory: gathering, being written, or (level memory) written and not yet forgotten. */
struct log_unit {
    u64 magic;
    struct list_node node;
    struct buf *buf; /* ours; NULL: the bytes lie in the buffer of its one request */
    u8 *bytes;       /* control batch, then batches, then zeros to the boundary */
    u32 capacity;    /* of batches */
    u32 position;    /* in the segment, once it is being written */
    u32 batches_count;
    struct segment_unit head;
    struct list requests; /* struct shard_request: answered when it is persisted */
};

/* How far the log is synced: what a recovery point holds. */
struct log_point {
    u64 segment_base_offset;
    u64 next_offset;
    u64 next_unit;
    u64 next_write;
    u64 bytes;   /* lengths of all batches of the life */
    u64 batches; /* and how many they are */
    u64 last_time_us;
    u32 position;
    u32 previous_crc;
};

enum log_step {
    LOG_READY,
    LOG_ENCRYPT, /* what is about to be written, over several turns when it is large */
    LOG_WRITE,
    LOG_OPEN_ACTIVE,
    /* Making a segment: the first one, or the next in a roll. */
    ROLL_SYNC_OLD,
    ROLL_OPEN_INDEX,
    ROLL_WRITE_INDEX,
    ROLL_CLOSE_INDEX,
    ROLL_MAKE_DIRECTORY,
    ROLL_REMOVE_LEFTOVER,
    ROLL_OPEN_SPARE,
    ROLL_SIZE_SPARE,
    ROLL_CREATE,
    ROLL_RESERVE, /* the whole segment's space, for topics that want it */
    ROLL_WRITE_HEADER,
    ROLL_RENAME,
    ROLL_OPEN_DIRECTORY,
    ROLL_SYNC_DIRECTORY,
    ROLL_CLOSE_DIRECTORY,
    ROLL_DONE,
    /* Before the first answered append: the file and every directory above it. */
    NAMES_SYNC_FILE,
    NAMES_OPEN_DIRECTORY,
    NAMES_SYNC_DIRECTORY,
    NAMES_CLOSE_DIRECTORY,
    /* After a write that found no space. */
    CUT_TRUNCATE,
    CUT_SYNC,
    LOG_SYNC /* levels os and memory: everything written so far */
};

/* A file of an earlier segment, kept for its space. */
enum log_spare { SPARE_NONE, SPARE_COMING, SPARE_THERE };

struct log {
    u64 magic;
    struct shard *shard;
    struct partition *partition;
    struct list segments;
    u32 segments_count;
    struct segment *active; /* NULL before the first is made */

    enum log_step step;
    struct io_op op;
    struct io_file directory;
    struct io_file made_file;   /* of the segment being made */
    struct segment_header made; /* its header */
    struct segment *making;     /* not in the chain yet */
    bool index_only;            /* nothing is sealed: only the index is saved */
    bool index_saved;           /* of the segment that is being sealed */
    struct buf *header_buf;
    u32 names_level;     /* how many directories are synced */
    bool names_unsynced; /* the first segment was made and not synced */
    bool roll_wanted;    /* before the next write */
    bool sync_wanted;
    bool removals_unsynced; /* a name that went may come back with a crash */
    bool removals_stopped;  /* a file could not go: those behind it stay, until the next start */
    enum log_spare spare;
    bool spare_used;   /* the segment being made is the spare */
    u64 made_space;    /* bytes of it that were written before */
    u64 written_at_us; /* monotonic time of the last write */
    u64 not_before_us; /* no write before this monotonic time: the disk is full */
    bool stopped;

    u64 next_unit;
    u64 next_write;
    u32 previous_crc;
    u64 next_offset;        /* of the batch that comes next: all that was handed in */
    u32 write_bytes_wanted; /* of the largest unit that waits */

    struct log_unit *encrypting; /* of `writing`: those before it are ready to be written */
    struct unit_secret secret;

    struct list gathering;
    u32 gathering_units;
    u64 gathering_bytes;
    struct list writing;
    struct io_op ahead_op;    /* zeros under way in front of the tail */
    u32 ahead_goal;           /* where they end; 0: none */
    enum status ahead_status; /* they failed while something else was under way */
    u32 ahead_window_bytes;
    u64 ahead_begun_us;
    u32 small_writes; /* in a row */
    u32 alike_writes; /* in a row, all large or all small */
    bool alike_are_large;
    bool is_large;            /* written in large units, so direct at level os too */
    struct log_point written; /* up to the last write that returned */
    struct log_point synced;  /* up to the last sync */
    struct log_point syncing;
};

void log_init(struct log *log, struct shard *shard, struct partition *partition);

/* ---- Appending ---- */

struct log_batch {
    u8 *bytes; /* stamped */
    u32 size;
    u32 messages_count;
    u64 base_offset;
    u64 time_us;
    bool in_place; /* 256 bytes before and room up to the sector's end behind it may be written */
    struct shard_request *request;
};

/* Takes the batch into a unit; its request is answered through partition_on_written. ERR_MEMORY:
 * no buffer now, nothing happened, try again after some were returned. */
must_check enum status log_append(struct log *log, const struct log_batch *batch);

/* Starts the next write if something gathered and nothing is under way, or goes on with one that is
 * being encrypted. */
void log_flush(struct log *log);

/* Syncs what was written, when nothing else is under way: levels os and memory, and a clean
 * stop. */
void log_sync(struct log *log);

/* Seals the newest segment as soon as nothing is under way; an empty one follows. */
void log_roll_soon(struct log *log);

/* Saves the newest segment's index when nothing is under way, so that a restart need not do without
 * it. Not synced: it is verified when it is read. */
void log_save_index(struct log *log);

/* Has it learned `entries` or more since it was saved? */
bool log_index_wants_saving(const struct log *log, u32 entries);

/* Makes the first segment, unsynced. */
void log_make_first(struct log *log);

/* True while an operation of the log is in flight. */
bool log_is_busy(const struct log *log);

/* All written, and synced. */
bool log_is_synced(const struct log *log);

/* ---- Reading ---- */

u64 log_first_offset(const struct log *log);

/* Offsets below are persisted at the partition's level, so they may be seen. */
u64 log_end_offset(const struct log *log);

/* The segment that holds `offset`, or the first one behind a hole; NULL when there is none. */
struct segment *log_find(const struct log *log, u64 offset);
struct segment *log_find_time(const struct log *log, u64 time_us);

/* Adds to the chain, at its end. */
void log_add_segment(struct log *log, struct segment *segment);
void log_remove_segment(struct log *log, struct segment *segment);

/* ---- Between the parts: log.c, log_append.c, log_roll.c ---- */

/* Takes log->step; log_on_step_done checks the result and takes the next. */
void log_run(struct log *log);
void log_on_step_done(struct log *log, enum status status);
void log_open_active(struct log *log);
void log_on_written(struct log *log);
void log_unit_return(struct log *log, struct log_unit *unit);

void log_roll_run(struct log *log);
void log_roll_on_io(struct log *log, enum status status);
bool log_needs_roll(const struct log *log);
void log_roll_begin(struct log *log);
void log_names_begin(struct log *log);

/* ---- log_ahead.c ---- */

bool log_ahead_is_busy(const struct log *log);

/* A write of this size went out. */
void log_ahead_note(struct log *log, u64 write_bytes);

/* How far behind the tail a write may reach now. */
u64 log_ahead_limit(const struct log *log);

/* Begins the next zeros when it is time. */
void log_ahead_run(struct log *log);
void log_ahead_on_io(struct core *core, struct io_op *op);

/* What waited for zeros goes on. */
void log_on_ahead_over(struct log *log);

/* The device failed while zeros were written: the log stops, now or when its own write is over. */
void log_ahead_failed(struct log *log, enum status status);

/* Never written again: says so, and answers everybody who waits. */
void log_stop(struct log *log, enum status status, const char *what);

/* Takes out what gathered and was not yet written: its requests, in order, go behind those in
 * `requests`; what was acknowledged already, at level memory, is let go. */
void log_take_gathered(struct log *log, struct list *requests);

/* Refuses everything that gathered and was not yet written. */
void log_refuse_gathered(struct log *log, u32 error);

/* The same, save at level memory: what is acknowledged is tried again a little later. */
void log_put_off_gathered(struct log *log, u32 error);
void log_give_up_offsets(struct log *log);
