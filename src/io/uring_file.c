/* Files through the ring. What a call needs later is copied into the op or its slot; short reads
 * and writes are continued here, so that OK means all of it. */
#include "io/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Direct transfers that end off this boundary end the file: going on from there would be
 * refused. */
#define DIRECT_ALIGNMENT 512u

static void path_copy(char *to, const char *path)
{
    size_t size = strlen(path) + 1;
    check(size > 1);
    check(size <= IO_PATH_BYTES);
    check(path[0] != '/');
    memcpy(to, path, size);
}

/* A begun op with its path in a slot; NULL: it has ended because all slots are in use. */
static struct uring_op *begin_path(struct io *io, struct io_op *op, enum uring_kind kind,
                                   const char *path)
{
    struct uring_op *uring_op = uring_begin(io, op, kind, -1);
    struct uring_slot *slot = uring_slot_take(io, uring_op);
    if (slot == NULL) {
        uring_complete(io, op, ERR_LIMIT, 0);
        return NULL;
    }
    path_copy(slot->path, path);
    return uring_op;
}

void io_file_open(struct io *io, struct io_op *op, const char *path, u32 flags)
{
    check((flags & (IO_OPEN_READ | IO_OPEN_WRITE)) != 0 || (flags & IO_OPEN_DIRECTORY) != 0);
    check((flags & IO_OPEN_EXCLUSIVE) == 0 || (flags & IO_OPEN_CREATE) != 0);

    op->file = IO_FILE_NONE;
    struct uring_op *uring_op = begin_path(io, op, URING_OPEN, path);
    if (uring_op != NULL) {
        uring_op->flags = flags;
        uring_ask(io, op);
    }
}

void io_file_close(struct io *io, struct io_op *op, struct io_file file)
{
    check(file.id >= 0);
    struct uring_op *uring_op = uring_begin(io, op, URING_CLOSE, file.id);
    struct uring_file_use *use = &io->files[uring_op->fd];
    check(!use->closing);
    use->closing = true;
    if (use->ops_count > 0) {
        list_add_last(&io->closing, &op->node);
    } else {
        uring_ask(io, op);
    }
}

void io_file_read(struct io *io, struct io_op *op, struct io_file file, u64 position, void *buffer,
                  u32 size)
{
    check(file.id >= 0);
    struct uring_op *uring_op = uring_begin(io, op, URING_READ, file.id);
    uring_op->position = position;
    uring_op->buffer = buffer;
    uring_op->size = size;
    uring_ask(io, op);
}

void io_file_write(struct io *io, struct io_op *op, struct io_file file, u64 position,
                   const struct io_piece *pieces, u32 pieces_count, u32 flags)
{
    check(file.id >= 0);
    check(pieces_count <= IO_PIECES_MAX);

    struct uring_op *uring_op = uring_begin(io, op, URING_WRITE, file.id);
    uring_op->position = position;
    uring_op->flags = flags;
    struct iovec *copies = uring_op->pieces;
    if (pieces_count > URING_PIECES_INLINE) {
        struct uring_slot *slot = uring_slot_take(io, uring_op);
        if (slot == NULL) {
            uring_complete(io, op, ERR_LIMIT, 0);
            return;
        }
        copies = slot->pieces;
    }
    u32 count = 0;
    for (u32 i = 0; i < pieces_count; i++) {
        if (pieces[i].size > 0) {
            /* The kernel's type knows no const; a write only reads. */
            copies[count++] = (struct iovec){(void *)(uintptr_t)pieces[i].data, pieces[i].size};
        }
    }
    uring_op->pieces_count = (u8)count;
    if (count == 0) {
        uring_complete(io, op, OK, 0);
        return;
    }
    uring_ask(io, op);
}

void io_file_sync(struct io *io, struct io_op *op, struct io_file file)
{
    check(file.id >= 0);
    (void)uring_begin(io, op, URING_SYNC, file.id);
    uring_ask(io, op);
}

void io_file_allocate(struct io *io, struct io_op *op, struct io_file file, u64 position, u64 size)
{
    check(file.id >= 0);
    check(size > 0);
    struct uring_op *uring_op = uring_begin(io, op, URING_ALLOCATE, file.id);
    uring_op->position = position;
    uring_op->length = size;
    uring_ask(io, op);
}

/* The inode of an open file is in memory: the answer costs a system call and no waiting. */
void io_file_size(struct io *io, struct io_op *op, struct io_file file)
{
    check(file.id >= 0);
    (void)uring_begin(io, op, URING_SIZE, file.id);
    struct stat facts;
    if (fstat(file.id, &facts) != 0) {
        uring_complete(io, op, uring_status(errno), 0);
        return;
    }
    uring_complete(io, op, OK, (u64)facts.st_size);
}

void io_path_rename(struct io *io, struct io_op *op, const char *from, const char *to)
{
    struct uring_op *uring_op = begin_path(io, op, URING_RENAME, from);
    if (uring_op != NULL) {
        path_copy(uring_slot_of(io, uring_op)->path_to, to);
        uring_ask(io, op);
    }
}

void io_path_unlink(struct io *io, struct io_op *op, const char *path)
{
    if (begin_path(io, op, URING_UNLINK, path) != NULL) {
        uring_ask(io, op);
    }
}

/* ---- Beside the ring ---- */

void io_file_truncate(struct io *io, struct io_op *op, struct io_file file, u64 size)
{
    check(file.id >= 0);
    struct uring_op *uring_op = uring_begin(io, op, URING_TRUNCATE, file.id);
    uring_op->position = size;
    uring_beside_ask(&io->process->beside, op);
}

void io_directory_create(struct io *io, struct io_op *op, const char *path)
{
    if (begin_path(io, op, URING_DIRECTORY_CREATE, path) != NULL) {
        uring_beside_ask(&io->process->beside, op);
    }
}

void io_directory_list(struct io *io, struct io_op *op, const char *path, char *names,
                       u32 names_bytes)
{
    struct uring_op *uring_op = begin_path(io, op, URING_DIRECTORY_LIST, path);
    if (uring_op != NULL) {
        uring_op->buffer = names;
        uring_op->size = names_bytes;
        uring_beside_ask(&io->process->beside, op);
    }
}

void io_tree_remove(struct io *io, struct io_op *op, const char *path)
{
    if (begin_path(io, op, URING_TREE_REMOVE, path) != NULL) {
        uring_beside_ask(&io->process->beside, op);
    }
}

void io_disk_free(struct io *io, struct io_op *op)
{
    (void)uring_begin(io, op, URING_DISK_FREE, -1);
    uring_beside_ask(&io->process->beside, op);
}

/* ---- Entries ---- */

static int open_flags(u32 flags)
{
    int result = O_CLOEXEC;
    bool writes = (flags & IO_OPEN_WRITE) != 0;
    bool reads = (flags & IO_OPEN_READ) != 0;
    result |= writes && reads ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
    result |= (flags & IO_OPEN_CREATE) != 0 ? O_CREAT : 0;
    result |= (flags & IO_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0;
    result |= (flags & IO_OPEN_DIRECT) != 0 ? O_DIRECT : 0;
    result |= (flags & IO_OPEN_DIRECTORY) != 0 ? O_DIRECTORY : 0;
    return result;
}

static struct iovec *pieces_of(struct io *io, struct uring_op *uring_op)
{
    return uring_op->slot != 0 ? uring_slot_of(io, uring_op)->pieces : uring_op->pieces;
}

static void prepare_write(struct io *io, struct uring_op *uring_op, struct io_uring_sqe *entry)
{
    const struct iovec *first = &pieces_of(io, uring_op)[uring_op->pieces_first];
    u32 count = (u32)uring_op->pieces_count - uring_op->pieces_first;
    u64 position = uring_op->position + uring_op->moved;
    if (count == 1) {
        u32 size = (u32)u64_min(first->iov_len, GIB);
        io_uring_prep_write(entry, uring_op->fd, first->iov_base, size, position);
    } else {
        io_uring_prep_writev(entry, uring_op->fd, first, count, position);
    }
    if ((uring_op->flags & IO_WRITE_SYNCED) != 0) {
        entry->rw_flags = RWF_DSYNC;
    }
}

static void prepare_read(const struct uring_op *uring_op, struct io_uring_sqe *entry)
{
    u8 *buffer = uring_op->buffer;
    io_uring_prep_read(entry, uring_op->fd, buffer + uring_op->moved,
                       uring_op->size - (u32)uring_op->moved, uring_op->position + uring_op->moved);
}

void uring_file_prepare(struct io *io, struct io_op *op, struct io_uring_sqe *entry)
{
    struct uring_op *uring_op = uring_op_of(op);
    s32 directory = io->process->directory;
    switch ((enum uring_kind)uring_op->kind) {
    case URING_OPEN:
        io_uring_prep_openat(entry, directory, uring_slot_of(io, uring_op)->path,
                             open_flags(uring_op->flags), 0600);
        return;
    case URING_CLOSE:
        /* Whoever opens next may have the number before this close has reported. The last close
         * of a removed file frees its blocks: a worker's business, not the loop's. */
        io->files[uring_op->fd] = (struct uring_file_use){0};
        io_uring_prep_close(entry, uring_op->fd);
        entry->flags |= IOSQE_ASYNC;
        return;
    case URING_READ: prepare_read(uring_op, entry); return;
    case URING_WRITE: prepare_write(io, uring_op, entry); return;
    case URING_SYNC:
        io_uring_prep_fsync(entry, uring_op->fd,
                            io->files[uring_op->fd].directory ? 0 : IORING_FSYNC_DATASYNC);
        return;
    case URING_ALLOCATE:
        io_uring_prep_fallocate(entry, uring_op->fd, 0, (s64)uring_op->position,
                                (s64)uring_op->length);
        return;
    case URING_RENAME:
        io_uring_prep_renameat(entry, directory, uring_slot_of(io, uring_op)->path, directory,
                               uring_slot_of(io, uring_op)->path_to, 0);
        return;
    case URING_UNLINK:
        io_uring_prep_unlinkat(entry, directory, uring_slot_of(io, uring_op)->path, 0);
        return;
    case URING_NONE:
    case URING_SIZE:
    case URING_TRUNCATE:
    case URING_DIRECTORY_CREATE:
    case URING_DIRECTORY_LIST:
    case URING_TREE_REMOVE:
    case URING_DISK_FREE:
    case URING_ACCEPT:
    case URING_RECEIVE:
    case URING_SEND:
    case URING_SOCKET_CLOSE: break;
    }
    unreachable();
}

/* ---- Results ---- */

void uring_file_release(struct io *io, struct uring_op *uring_op)
{
    struct uring_file_use *use = &io->files[uring_op->fd];
    check(use->ops_count > 0);
    use->ops_count--;
    if (!use->closing || use->ops_count > 0) {
        return;
    }
    list_for_each(node, next_node, &io->closing) {
        struct io_op *op = container_of(node, struct io_op, node);
        if (uring_op_of(op)->fd == uring_op->fd) {
            list_remove(node);
            uring_ask(io, op);
            return;
        }
    }
    unreachable();
}

static void on_opened(struct io *io, struct io_op *op, s32 file)
{
    const struct uring_op *uring_op = uring_op_of(op);
    if ((u32)file >= URING_FILES_MAX) {
        (void)close(file);
        uring_complete(io, op, ERR_LIMIT, 0);
        return;
    }
    struct uring_file_use *use = &io->files[file];
    check(use->ops_count == 0);
    *use = (struct uring_file_use){
        .direct = (uring_op->flags & IO_OPEN_DIRECT) != 0,
        .directory = (uring_op->flags & IO_OPEN_DIRECTORY) != 0,
    };
    op->file.id = file;
    uring_complete(io, op, OK, 0);
}

static void on_read(struct io *io, struct io_op *op, u32 result)
{
    struct uring_op *uring_op = uring_op_of(op);
    uring_op->moved += result;
    uring_op->retries = 0;
    bool ended = result == 0 || (io->files[uring_op->fd].direct && result % DIRECT_ALIGNMENT != 0);
    if (ended || uring_op->moved == uring_op->size) {
        uring_complete(io, op, OK, uring_op->moved);
        return;
    }
    uring_ask(io, op);
}

static void on_written(struct io *io, struct io_op *op, u32 result)
{
    struct uring_op *uring_op = uring_op_of(op);
    if (result == 0) {
        /* Nothing was taken and no reason given: going on could go on for ever. */
        uring_complete(io, op, ERR_IO, uring_op->moved);
        return;
    }
    uring_op->moved += result;
    uring_op->retries = 0;
    struct iovec *pieces = pieces_of(io, uring_op);
    u64 left = result;
    while (left > 0) {
        check(uring_op->pieces_first < uring_op->pieces_count);
        struct iovec *piece = &pieces[uring_op->pieces_first];
        u64 taken = u64_min(left, piece->iov_len);
        piece->iov_base = (u8 *)piece->iov_base + taken;
        piece->iov_len -= taken;
        left -= taken;
        if (piece->iov_len == 0) {
            uring_op->pieces_first++;
        }
    }
    if (uring_op->pieces_first == uring_op->pieces_count) {
        uring_complete(io, op, OK, uring_op->moved);
        return;
    }
    uring_ask(io, op);
}

/* A sync is never asked twice, nor a synced write that may have begun. */
static bool may_be_asked_again(struct uring_op *uring_op, s32 error)
{
    bool synced = uring_op->kind == URING_SYNC ||
                  (uring_op->kind == URING_WRITE && (uring_op->flags & IO_WRITE_SYNCED) != 0);
    if (uring_op->kind == URING_CLOSE || uring_op->kind == URING_SYNC ||
        uring_op->retries == URING_RETRIES_MAX) {
        return false;
    }
    uring_op->retries++;
    return error == EAGAIN || (error == EINTR && !synced);
}

static void on_failed(struct io *io, struct io_op *op, s32 error)
{
    struct uring_op *uring_op = uring_op_of(op);
    if (may_be_asked_again(uring_op, error)) {
        uring_ask(io, op);
        return;
    }
    enum status status = uring_status(error);
    bool refused = uring_op->kind == URING_OPEN && error == EINVAL;
    if (refused && (uring_op->flags & IO_OPEN_DIRECT) != 0) {
        status = ERR_UNSUPPORTED;
    } else if (status == ERR_CANCELLED || status == ERR_CLOSED) {
        status = ERR_IO; /* words for sockets: nobody can cancel a file op */
    }
    uring_complete(io, op, status, uring_op->moved);
}

void uring_file_on_result(struct io *io, struct io_op *op, s32 result)
{
    if (result < 0) {
        on_failed(io, op, -result);
        return;
    }
    switch ((enum uring_kind)uring_op_of(op)->kind) {
    case URING_OPEN: on_opened(io, op, result); return;
    case URING_READ: on_read(io, op, (u32)result); return;
    case URING_WRITE: on_written(io, op, (u32)result); return;
    case URING_CLOSE:
    case URING_SYNC:
    case URING_ALLOCATE:
    case URING_RENAME:
    case URING_UNLINK: uring_complete(io, op, OK, 0); return;
    case URING_NONE:
    case URING_SIZE:
    case URING_TRUNCATE:
    case URING_DIRECTORY_CREATE:
    case URING_DIRECTORY_LIST:
    case URING_TREE_REMOVE:
    case URING_DISK_FREE:
    case URING_ACCEPT:
    case URING_RECEIVE:
    case URING_SEND:
    case URING_SOCKET_CLOSE: break;
    }
    unreachable();
}
