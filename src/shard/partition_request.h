/* A request of an edge while the shard works on it: the message, and where the work stands.
 *
 * There are as many as all edges together have credits, so one is always free; a poll keeps its
 * own until the loan comes home. Whoever holds it links `node`. */
#pragma once

#include "base/list.h"
#include "io/io.h"
#include "msg/msg.h"
#include "shard/segment_unit.h"
#include "shard/sent.h"
#include "shard/unit_secret.h"
#include "wire/batch.h"

struct partition;
struct segment;
struct shard;

#define REQUEST_MAGIC 0x7473657571657273ull

/* Pieces are at most this many, and each may come from a buffer of its own. */
#define POLL_BUFS_MAX (POLL_LOAN_PIECES_MAX + 8u)

enum append_step {
    APPEND_ADMIT,
    APPEND_FILTER, /* messages stored before go out of the batch */
    APPEND_STAMP,
    APPEND_PLACE,
    APPEND_IN_LOG,
    APPEND_REPEATED /* stored before, at base_offset: answered when wait_offset is acknowledged */
};

struct append {
    enum append_step step;
    bool noted; /* `sent` holds, until it is refused: */
    struct sent_send sent;
    u32 messages_count;
    u64 base_offset;
    u64 time_us;
    u64 first_found; /* offsets of messages that were stored before: the lowest, UINT64_MAX when */
                     /* there is none; the highest */
    u64 wait_offset;
    union {
        struct batch_filter filter;
        struct batch_stamp stamp;
    };
};

enum poll_step {
    POLL_START,
    POLL_FIND,   /* in memory: the log's units, the cache */
    POLL_LOCATE, /* on disk: which segment, from which position */
    POLL_OPEN_INDEX,
    POLL_READ_INDEX,
    POLL_CLOSE_INDEX,
    POLL_OPEN,
    POLL_READ,
    POLL_WALK,   /* to the unit that is wanted */
    POLL_CHECK,  /* the units from there on */
    POLL_GATHER, /* from memory into the reply */
    POLL_COMMIT, /* the stored offset */
    POLL_REPLY
};

/* Whole units in memory from which messages are taken. */
struct poll_source {
    const u8 *units;
    u32 bytes;
    u32 sector_bytes;
    struct buf *buf; /* held by the poll while it takes from it */
};

struct poll {
    enum poll_step step;
    u64 offset;   /* the next message wanted */
    u64 wait_end; /* acknowledged when it came: it waits until that is written */
    u64 end;      /* offsets below were committed when the poll came */
    u64 time_us;  /* strategy timestamp: nothing older, until the first is found */
    bool by_time;
    bool auto_commit;
    u32 count_left;
    u32 error;
    u64 last_offset; /* of the last message taken */

    struct segment *segment; /* held */
    u32 position;            /* in the file, of read_buf's first byte */
    u32 read_bytes;          /* wanted next */
    u32 limit;               /* end of what may be read in the segment */
    u32 walked;              /* bytes of read_buf that lie before the unit wanted */
    u32 checked;             /* bytes of read_buf up to which units verified */
    struct buf *read_buf;
    u32 read_wanted;     /* bytes of the read under way */
    u32 single_position; /* of the sector that is read on its own */
    bool read_singly;
    bool passed_over; /* a unit that does not verify, since the last one that is before */
    u64 source_base;  /* offset of the first unit verified */
    bool check_begun;
    bool decrypts; /* the unit is whole, and on its way into the clear */
    struct unit_secret secret;
    struct unit_check next_check;
    struct {
        u64 next_offset; /* behind the last unit verified */
    } check;
    u32 hint_slot; /* its reader's hint in the partition, counted from 1; 0: not known */

    struct poll_source source;
    u32 source_position; /* of the unit under way in the source */
    u32 batch_position;  /* of the batch under way, from the unit's first */
    bool slice_begun;
    bool waits_for_offset;
    struct batch_slice slice;

    struct buf *copy_buf; /* pieces below a limit are copied together into it */
    u32 bufs_count;
    struct buf *bufs[POLL_BUFS_MAX]; /* what the loan holds */
    u32 limit_hits;                  /* no descriptor was to be had */
    struct io_file index_file;
    struct io_op op;
};

struct shard_request {
    u64 magic;
    struct list_node node;
    struct shard *shard;
    struct partition *partition; /* NULL once its answer is out, or lent */
    struct msg msg;
    bool waits;        /* for a turn, or for memory */
    bool is_internal;  /* a poll of the partition's own: its window of ids comes back */
    u64 offset_record; /* of its stored offset: answered when that is durable */
    u64 group_hold;    /* of the poll of a group: partition_group.h; 0: none */
    bool group_waits;  /* the poll of a group finds nothing: another member reads here still */
    union {
        struct append append;
        struct poll poll;
    };
    struct poll_loan loan;
};
