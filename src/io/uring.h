/* What the sources of src/io share: the real door, one ring per core.
 *
 *     io_file_write ─▶ uring_ask ─▶ entry in the ring ──io_submit──▶ kernel
 *                        │ more than ops_max file ops                │
 *                        ▼                                           ▼
 *                     waiting                uring_harvest ◀─ completion ─▶ continue (short write)
 *                                                 │
 *     op.done ◀── io_reap ◀── completed ◀─────────┘◀── calls that end at once; uring_beside.h
 *
 * An op is in exactly one place at a time, named by its phase. `ops_max` bounds what may queue
 * up at the device: file ops. Accepts, receives and sends may rest for ever and are not counted;
 * they are bounded by the connections.
 *
 * Owner:  the core's thread, save what is marked otherwise. */
#pragma once

#include <liburing.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/check.h"
#include "base/mem.h"
#include "io/io.h"
#include "io/io_uring_driver.h"
#include "io/uring_beside.h"

#define URING_ENTRIES 1024u        /* asked between two submits without a submit in between */
#define URING_SLOTS_MAX 65536u     /* ops at once that carry a path or many pieces, per core */
#define URING_FILES_MAX (1u << 20) /* descriptors that may be files, per process */
#define URING_CORES_MAX 32u
#define URING_PIECES_INLINE 2u
#define URING_RETRIES_MAX 100u

enum uring_kind {
    URING_NONE,
    /* Files, counted against ops_max. */
    URING_OPEN,
    URING_CLOSE,
    URING_READ,
    URING_WRITE,
    URING_SYNC,
    URING_ALLOCATE,
    URING_RENAME,
    URING_UNLINK,
    /* Answered at once. */
    URING_SIZE,
    /* Beside the ring. */
    URING_TRUNCATE,
    URING_DIRECTORY_CREATE,
    URING_DIRECTORY_LIST,
    URING_TREE_REMOVE,
    URING_DISK_FREE,
    /* Sockets. */
    URING_ACCEPT,
    URING_RECEIVE,
    URING_SEND,
    URING_SOCKET_CLOSE
};

enum uring_phase {
    URING_IDLE,
    URING_WAITING,   /* in io->waiting or io->closing */
    URING_IN_FLIGHT, /* at the kernel, or in the ring on its way there */
    URING_BESIDE,    /* with the thread beside */
    URING_COMPLETED  /* in io->completed */
};

/* What io_op.door holds. */
struct uring_op {
    u8 kind;
    u8 phase;
    u8 pieces_count;
    u8 pieces_first; /* those before it are written */
    s32 fd;
    u32 slot;     /* index + 1; 0: none */
    u32 size;     /* bytes asked for: read, receive, names */
    u64 position; /* file position, or the size for truncate and allocate */
    u64 moved;    /* bytes so far */
    union {
        struct iovec pieces[URING_PIECES_INLINE]; /* write, send, when the slot is none */
        void *buffer;                             /* read, receive, names */
        u64 length;                               /* allocate */
    };
    u32 flags; /* open flags, write flags */
    u8 retries;
    bool cancelled;
    struct io *io; /* for the thread beside */
};
static_assert(sizeof(struct uring_op) <= sizeof(((struct io_op *)0)->door), "fits in io_op.door");

/* What does not fit into an op. A send's stays with its entry of the ring until the kernel has
 * taken and copied it, so that sends that rest cost nothing; the others' until completion. */
struct uring_slot {
    union {
        struct {
            struct msghdr message;
            struct iovec pieces[IO_PIECES_MAX];
        };
        struct {
            char path[IO_PATH_BYTES];
            char path_to[IO_PATH_BYTES];
        };
    };
    u32 next_free; /* index + 1 */
};

/* By descriptor: a file closes only when no op names its number any more, because an op that is
 * still waiting, or has to be continued, would otherwise meet whoever got the number next. */
struct uring_file_use {
    u32 ops_count;
    bool closing;
    bool direct;
    bool directory;
};

/* What all doors of a process share; read-only once the cores run, save `beside`. */
struct uring_process {
    u32 cores_count;
    struct io *ios[URING_CORES_MAX];
    s32 directory; /* the data directory */
    u32 ops_max;
    u32 sync_workers_max;
    struct io_facts facts;
    struct uring_beside beside;
};

struct io {
    struct io_uring ring;
    struct core *core; /* NULL before io_start */
    struct uring_process *process;
    struct arena arena; /* all memory below, and this struct */

    struct list waiting;   /* file ops beyond ops_max, in order */
    struct list closing;   /* closes whose file still has ops */
    struct list completed; /* for io_reap, in order */
    u32 files_in_flight;

    struct uring_slot *slots;
    u32 slots_used;  /* ever: the rest was never touched */
    u32 slots_free;  /* index + 1 of the first */
    u32 *lent_slots; /* by entry of the ring: the slot of the send in it; 0: none */

    struct uring_file_use *files;

    s32 bell;               /* eventfd: any thread writes it */
    _Atomic bool bell_rung; /* written and not yet heard: ringing again would add nothing */
    u64 bell_value;         /* where the ring reads it to */
    bool bell_heard;        /* since the last io_wait: the lanes may have been drained before */
    struct uring_stack beside_done;
};

static inline struct uring_op *uring_op_of(struct io_op *op)
{
    return (struct uring_op *)(void *)op->door;
}

static inline const struct uring_op *uring_op_of_const(const struct io_op *op)
{
    return (const struct uring_op *)(const void *)op->door;
}

/* ---- uring.c ---- */

/* Begins an op: no longer idle, its door empty but for kind and descriptor (-1: none). */
struct uring_op *uring_begin(struct io *io, struct io_op *op, enum uring_kind kind, s32 fd);

/* Gives the begun op to the kernel with the next submit, or lets it wait for its turn. */
void uring_ask(struct io *io, struct io_op *op);

/* The op has ended: `done` runs from io_reap. */
void uring_complete(struct io *io, struct io_op *op, enum status status, u64 count);

/* NULL when all are in use. */
struct uring_slot *uring_slot_take(struct io *io, struct uring_op *uring_op);
struct uring_slot *uring_slot_of(struct io *io, const struct uring_op *uring_op);
void uring_slot_return(struct io *io, struct uring_op *uring_op);

/* An empty entry of the ring. Submits what is there when the ring is full. */
struct io_uring_sqe *uring_entry(struct io *io);

/* errno (positive) by our names. */
enum status uring_status(s32 error);

/* ---- uring_file.c, uring_net.c: fill in the entry for an op; take its result ---- */

void uring_file_prepare(struct io *io, struct io_op *op, struct io_uring_sqe *entry);
void uring_file_on_result(struct io *io, struct io_op *op, s32 result);

/* The op no longer names its file; a close that waited for it goes on. */
void uring_file_release(struct io *io, struct uring_op *uring_op);

void uring_net_prepare(struct io *io, struct io_op *op, struct io_uring_sqe *entry);
void uring_net_on_result(struct io *io, struct io_op *op, s32 result);

/* ---- uring_beside.c ---- */

/* Takes what the thread beside has finished. */
void uring_beside_collect(struct io *io);

/* ---- uring_setup.c ---- */

/* Makes the ring, not yet enabled. 0 or the errno. */
must_check s32 uring_ring_create(struct io_uring *ring, u32 completions);

/* Makes a ring, tries what we need on it and takes it down. False with cause and remedy. */
must_check bool uring_try(struct err *err);

/* ---- uring_facts.c ---- */

struct io_facts uring_facts(s32 directory);
