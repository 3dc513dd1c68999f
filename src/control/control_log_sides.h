/* The two sides of the control log, for the sources of the log alone: one operation a side at a
 * time, and what follows when both are done.
 *
 *     sides_open(log, slot, …, then) ─▶ side a ─┐
 *                                  └─▶ side b ─┴▶ then(log)          each side's op has its status
 */
#pragma once

#include "control/control_log.h"

enum control_log_mode {
    CONTROL_LOG_CLOSED,
    CONTROL_LOG_OPENING,
    CONTROL_LOG_IDLE,
    CONTROL_LOG_WRITING,
    CONTROL_LOG_SNAPSHOT,
    CONTROL_LOG_SPARE,
    CONTROL_LOG_CLOSING
};

struct control_log_side {
    struct control_log *log;
    struct io_op op;
    struct io_file files[CONTROL_SLOTS];
    struct io_file directory; /* while one is synced */
    u64 sizes[CONTROL_SLOTS];
    u8 *chunk; /* CONTROL_RECORD_BYTES_MAX: what was read last */
    u32 chunk_size;
    u32 block;       /* the block that is read alone after a failed read; UINT32_MAX: all at once */
    u32 attempt;     /* of this read */
    bool unreadable; /* some block of the chunk could not be read; it is zeros */
};

struct control_write {
    u32 slot;
    bool synced;
    u64 position;
    struct io_piece piece;
};

/* A walk along the chain of one file, both sides at once. */
struct control_walk {
    u32 slot;
    u64 position;
    struct control_chain chain;
    bool strict;           /* both sides must be good: a snapshot is read back */
    struct state *state;   /* to load into; NULL: only verify */
    bool snapshot_done;    /* its last piece was seen */
    bool damaged;          /* one side lacked something that the other has */
    bool conflict;         /* both sides verify and differ */
    u64 commands_position; /* where the records after the snapshot begin */
    enum status status;    /* of loading */
    void (*ended)(struct control_log *log);
};

/* A search for any record behind a place. */
struct control_search {
    u32 slot;
    u64 position;
    u64 end;
    bool in_epoch; /* only of `chain`'s epoch and salt; else of any higher epoch */
    struct control_chain chain;
    bool commands_only;
    bool found;
    u64 found_position;
    void (*ended)(struct control_log *log);
};

struct control_log {
    u32 magic;
    struct core *core;
    struct control_log_events events;
    enum control_log_mode mode;
    struct err err;
    bool failed;
    bool needs_snapshot;
    bool examined; /* bytes are given by the caller, not read through the door */

    struct control_log_side sides[CONTROL_SIDES];
    u32 pending; /* operations in flight on both sides */
    void (*then)(struct control_log *log);
    u64 read_position;
    u32 read_slot;
    u64 reserve_bytes; /* of the new slot's files, to be written with zeros */
    void (*reserved)(struct control_log *log);

    /* The present epoch. */
    u32 slot;
    u64 epoch;      /* 0: none yet */
    u64 epoch_seen; /* the highest ever seen in a header */
    struct control_chain chain;
    u64 position; /* of the next record */
    u64 commands_position;
    u64 limit; /* files end here */

    /* Gathered and written records. */
    u8 *gathered;
    u32 gathered_size; /* of the payload */
    u32 gathered_count;
    u64 gathered_index;
    u8 *written;
    struct control_record written_record;

    /* Recovery. */
    struct control_header headers[CONTROL_SLOTS]; /* epoch 0: none */
    bool header_seen[CONTROL_SLOTS];              /* a side has one, if only of a prepared file */
    bool header_damaged[CONTROL_SLOTS];           /* a side lacks it */
    struct state *state;
    u32 candidate;
    bool fell_back;
    struct control_chain verified; /* where the first walk ended: the second must, too */
    struct control_walk walk;
    struct control_search search;

    /* A new epoch on its way. */
    const struct state *saving;
    struct state_cursor cursor;
    bool saved_last;
    struct control_header new_header;
    u8 *block; /* CONTROL_BLOCK_BYTES: the header */
    u32 new_slot;
    struct control_chain new_chain;
    u64 new_position;
    u64 new_limit;
    /* The names of the files are durable: a header stands in them, which is written after the
     * directories were synced, or they were synced by this start. A file that is merely there may
     * have been created by a process that was killed. */
    bool names_are_synced[CONTROL_SLOTS];
    u32 directory_step;
};

#define CONTROL_LOG_MAGIC 0x636c6f67u

/* "control/a/log.1" */
void control_log_path(char path[IO_PATH_BYTES], u32 side, u32 slot);
char control_side_name(u32 side);

/* Begins a step on both sides. Between them and `then` nothing else is asked of the door. */
void sides_begin(struct control_log *log, void (*then)(struct control_log *log));

/* Marks one side as asked; its op is then handed to the door by the caller. */
struct io_op *side_op(struct control_log *log, u32 side);

/* After all were asked: calls `then` itself when there was nothing to ask. */
void sides_end(struct control_log *log);

/* ERR_SPACE if any side says so, else the first that is not OK. */
enum status sides_status(const struct control_log *log);

/* Reads CONTROL_RECORD_BYTES_MAX at `position` of the files of `slot` into the chunks, around what
 * cannot be read. A missing file gives nothing. */
void sides_read(struct control_log *log, u32 slot, u64 position,
                void (*then)(struct control_log *log));

/* Writes the same bytes to both. */
void sides_write(struct control_log *log, const struct control_write *write,
                 void (*then)(struct control_log *log));

/* Fills in log->walk as it goes, then calls its `ended`. */
void control_log_walk(struct control_log *log);

/* Looks for a record in log->search, then calls its `ended`. */
void control_log_search(struct control_log *log);

/* The log takes no more commands. */
void control_log_fail(struct control_log *log, const char *what);
