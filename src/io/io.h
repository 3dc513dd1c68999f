/* The door: all that a core asks of the kernel goes through these calls, and through nothing else.
 *
 *     core ── io_file_write(io, &op, …) ──▶ io ──▶ kernel        submit: never blocks or completes
 *     core ◀─ op.done(core, &op) ◀── io_reap(io) ◀── completion  only from inside io_reap
 *
 * src/io implements it with io_uring for the server, sim/ with a virtual clock, network and disk
 * for the simulator. The linker chooses: no table of functions, no #ifdef.
 *
 * Every call takes an `io_op` that the caller owns. The caller sets `done` before the call; between
 * the call and `done` the op, and every byte it points to, belongs to the door. `done` runs from
 * io_reap, never from inside the call, also when the call fails at once. `op->status` is OK or the
 * reason, `op->count` the result. Calls are sent to the kernel once a turn, by io_submit.
 *
 * Owner:   one io per core; every call is made by that core's thread.
 * Memory:  the door allocates at io_create only. Ops in flight are bounded by `ops_max`: more are
 *          kept in order on a list inside the ops themselves, so a call never fails for lack of
 *          room.
 * Errors:  ERR_SPACE (ENOSPC, EDQUOT), ERR_IO (EIO and what else a device does), ERR_NOT_FOUND,
 *          ERR_EXISTS, ERR_CANCELLED, ERR_CLOSED (peer gone, reset, broken pipe), ERR_LIMIT
 *          (descriptors), ERR_UNSUPPORTED (file system refuses O_DIRECT), ERR_PERMISSION,
 *          ERR_TIMEOUT. errno stays inside. */
#pragma once

#include "base/list.h"
#include "base/status.h"
#include "base/types.h"

struct core; /* the owner that `done` gets back; the door never looks inside */
struct io;

/* A file, a directory or a socket. Plain numbers, so they travel in messages: a socket accepted on
 * one core is used by another, which from then on is the only one to name it. */
struct io_file {
    s32 id; /* -1: none */
};
struct io_socket {
    s32 id; /* -1: none */
};

#define IO_FILE_NONE ((struct io_file){-1})
#define IO_SOCKET_NONE ((struct io_socket){-1})

/* One run of bytes of a gathered write or send. */
struct io_piece {
    const u8 *data;
    u64 size;
};

#define IO_PIECES_MAX 64u
#define IO_PATH_BYTES 192u

struct io_op {
    /* The caller's. */
    void (*done)(struct core *core, struct io_op *op);

    /* The result, valid in `done`. */
    enum status status;
    u64 count;               /* bytes moved, file size, entries listed: see each call */
    struct io_file file;     /* io_file_open */
    struct io_socket socket; /* io_accept */
    u32 peer_address;        /* io_accept: IPv4 in host order, 0 for another family */
    u16 peer_port;           /* io_accept */

    /* The door's, while in flight. */
    struct list_node node;
    u64 door[10];
};

static inline void io_op_init(struct io_op *op, void (*done)(struct core *core, struct io_op *op))
{
    *op = (struct io_op){.done = done, .file = IO_FILE_NONE, .socket = IO_SOCKET_NONE};
    list_node_init(&op->node);
}

/* True between a call and its `done`. */
bool io_op_is_busy(const struct io_op *op);

/* ---- Files: paths are relative to the data directory, which the door was created with and which
 * is "." itself ---- */

enum io_open_flags {
    IO_OPEN_READ = 1,
    IO_OPEN_WRITE = 2,
    IO_OPEN_CREATE = 4,    /* create when missing, mode 0600 */
    IO_OPEN_EXCLUSIVE = 8, /* with CREATE: ERR_EXISTS when there */
    IO_OPEN_DIRECT = 16,   /* O_DIRECT; ERR_UNSUPPORTED where refused */
    IO_OPEN_DIRECTORY = 32 /* to io_file_sync it */
};

/* op->file on OK. `path` is copied. */
void io_file_open(struct io *io, struct io_op *op, const char *path, u32 flags);

/* Closes; the number may be reused at once after the call. Ops in flight keep the file. */
void io_file_close(struct io *io, struct io_op *op, struct io_file file);

/* Reads until `size` bytes or the end of the file; op->count is less than `size` only at the end.
 * With IO_OPEN_DIRECT position, buffer and size are multiples of the sector size. */
void io_file_read(struct io *io, struct io_op *op, struct io_file file, u64 position, void *buffer,
                  u32 size);

enum io_write_flags {
    /* RWF_DSYNC: data and what is needed to read it back are on the device at `done`. */
    IO_WRITE_SYNCED = 1,
};

/* Writes all pieces one after the other at `position`: OK means every byte (a short write is
 * continued inside). On failure any part may have been written. `pieces` is copied, the bytes are
 * not. At most IO_PIECES_MAX pieces. */
void io_file_write(struct io *io, struct io_op *op, struct io_file file, u64 position,
                   const struct io_piece *pieces, u32 pieces_count, u32 flags);

/* fdatasync for a file, fsync for a directory. Never repeated after a failure: what the kernel
 * still holds is then unknown. */
void io_file_sync(struct io *io, struct io_op *op, struct io_file file);

void io_file_truncate(struct io *io, struct io_op *op, struct io_file file, u64 size);

/* Reserves blocks (posix_fallocate semantics; the size grows). */
void io_file_allocate(struct io *io, struct io_op *op, struct io_file file, u64 position, u64 size);

/* op->count = size in bytes. */
void io_file_size(struct io *io, struct io_op *op, struct io_file file);

/* Replaces `to` when it exists. */
void io_path_rename(struct io *io, struct io_op *op, const char *from, const char *to);
void io_path_unlink(struct io *io, struct io_op *op, const char *path);

/* Creates the directory and those above it that are missing, mode 0700. OK when it exists. */
void io_directory_create(struct io *io, struct io_op *op, const char *path);

/* Lists names, `.` and `..` left out, each followed by a zero byte, into `names`; op->count = bytes
 * used. ERR_TOO_LARGE when they do not fit, ERR_NOT_FOUND when there is no such directory. Order is
 * by bytes (sorted), so that nothing depends on the file system. */
void io_directory_list(struct io *io, struct io_op *op, const char *path, char *names,
                       u32 names_bytes);

/* Removes a file or a directory with all below. ERR_NOT_FOUND when missing. Slow work: it runs
 * beside the loop, a few unlinks at a time. */
void io_tree_remove(struct io *io, struct io_op *op, const char *path);

/* op->count = bytes that may still be written to the data directory's file system. */
void io_disk_free(struct io *io, struct io_op *op);

/* ---- Sockets ---- */

/* Waits for one connection on a listening socket; op->socket, peer_* on OK (no-delay, keepalive and
 * TCP_USER_TIMEOUT already set). Arm again for the next. */
void io_accept(struct io *io, struct io_op *op, struct io_socket listener);

/* Receives straight into `buffer`: at least one byte, at most `size`. count 0: the peer closed its
 * side. */
void io_receive(struct io *io, struct io_op *op, struct io_socket socket, void *buffer, u32 size);

/* Sends from the pieces in order, at least one byte; op->count = bytes sent, perhaps not all. */
void io_send(struct io *io, struct io_op *op, struct io_socket socket,
             const struct io_piece *pieces, u32 pieces_count);

/* No more will be sent or received: ops in flight on the socket end soon, with ERR_CLOSED or what
 * they had. Not an op, cannot fail. The owner waits for them, then closes. */
void io_socket_shutdown(struct io *io, struct io_socket socket);
void io_socket_close(struct io *io, struct io_op *op, struct io_socket socket);

/* Asks for an early end of an op in flight: it completes soon, with ERR_CANCELLED or with what it
 * had achieved. Only for accept, receive and send. */
void io_cancel(struct io *io, struct io_op *op);

/* ---- The turn ---- */

/* Calls `done` of at most `budget` completed ops; returns how many. */
u32 io_reap(struct io *io, u32 budget);

/* Hands all that was asked since the last time to the kernel, without waiting. */
void io_submit(struct io *io);

/* Rings another core's bell: its driver turns soon. Called once a turn at most per core. */
void io_wake(struct io *io, u32 core_index);

/* ---- What the door tells of the world ---- */

struct io_facts {
    u32 sector_bytes;    /* the device's physical block; 4,096 where unknown */
    bool direct;         /* the data directory's file system takes O_DIRECT */
    u32 write_bytes_max; /* the largest single write worth gathering */
};

struct io_facts io_facts(const struct io *io);
