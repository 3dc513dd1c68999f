/* File operations of io.h: what they check when called, how long they take, how they fail, and what
 * they do to the disk when they finish. */
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_world.h"

/* ---- Calls ---- */

static struct sim_request *ask(struct io *io, struct io_op *op, enum sim_request_kind kind,
                               struct io_file file)
{
    struct sim_number *number = sim_number_of(io, file.id, SIM_NUMBER_FILE);
    struct sim_request *request = sim_request_create(io, op, kind);
    request->inode = number->inode;
    request->direct = (number->flags & IO_OPEN_DIRECT) != 0;
    request->flags = number->flags;
    sim_inode_hold(request->inode);
    return request;
}

static struct sim_request *ask_path(struct io *io, struct io_op *op, enum sim_request_kind kind,
                                    const char *path)
{
    check(strlen(path) < IO_PATH_BYTES);
    check(path[0] != '/');
    struct sim_request *request = sim_request_create(io, op, kind);
    request->path = mem_copy_text(path);
    return request;
}

static void check_aligned(const struct io *io, u64 position, const void *memory, u64 size)
{
    u32 sector_bytes = io->sim->options.sector_bytes;
    check(position % sector_bytes == 0);
    check((uintptr_t)memory % sector_bytes == 0);
    check(size % sector_bytes == 0);
}

void io_file_open(struct io *io, struct io_op *op, const char *path, u32 flags)
{
    check((flags & (IO_OPEN_READ | IO_OPEN_WRITE | IO_OPEN_DIRECTORY)) != 0);
    struct sim_request *request = ask_path(io, op, SIM_REQUEST_OPEN, path);
    request->flags = flags;
}

void io_file_close(struct io *io, struct io_op *op, struct io_file file)
{
    struct sim_number *number = sim_number_of(io, file.id, SIM_NUMBER_FILE);
    (void)sim_request_create(io, op, SIM_REQUEST_CLOSE);
    sim_inode_release(&io->node->disk, number->inode);
    sim_number_return(io->node, file.id);
}

void io_file_read(struct io *io, struct io_op *op, struct io_file file, u64 position, void *buffer,
                  u32 size)
{
    struct sim_request *request = ask(io, op, SIM_REQUEST_READ, file);
    check(size > 0);
    check((request->flags & IO_OPEN_READ) != 0);
    check(!request->inode->is_directory);
    if (request->direct) {
        check_aligned(io, position, buffer, size);
    }
    request->position = position;
    request->buffer = buffer;
    request->size = size;
}

static u64 pieces_size(const struct io_piece *pieces, u32 pieces_count)
{
    u64 size = 0;
    for (u32 i = 0; i < pieces_count; i++) {
        size += pieces[i].size;
    }
    return size;
}

static void check_apart(const struct sim_request *a, const struct sim_request *b, u64 sector)
{
    check(align_up(a->position + a->size, sector) <= align_down(b->position, sector) ||
          align_up(b->position + b->size, sector) <= align_down(a->position, sector));
}

/* Two writes of one file in flight at once end in any order, so they must not meet. */
static void check_no_overlap_in(const struct list *list, const struct sim_request *request)
{
    list_for_each(node, next, list) {
        const struct sim_request *other = container_of(node, struct sim_request, node);
        if (other != request && other->kind == SIM_REQUEST_WRITE &&
            other->inode == request->inode) {
            check_apart(request, other, request->io->sim->options.sector_bytes);
        }
    }
}

static void check_no_overlap(struct io *io, const struct sim_request *request)
{
    for (u32 i = 0; i < io->sim->cores_count; i++) {
        check_no_overlap_in(&io->node->ios[i].asked, request);
        check_no_overlap_in(&io->node->ios[i].running, request);
    }
}

void io_file_write(struct io *io, struct io_op *op, struct io_file file, u64 position,
                   const struct io_piece *pieces, u32 pieces_count, u32 flags)
{
    check(pieces_count > 0);
    check(pieces_count <= IO_PIECES_MAX);
    struct sim_request *request = ask(io, op, SIM_REQUEST_WRITE, file);
    check((request->flags & IO_OPEN_WRITE) != 0);
    check(!request->inode->is_directory);
    /* A file is never written both ways: the page cache and the device would disagree. */
    check(request->direct ? !request->inode->written_buffered : !request->inode->written_direct);
    request->inode->written_direct |= request->direct;
    request->inode->written_buffered |= !request->direct;
    request->flags = flags;
    request->position = position;
    request->size = pieces_size(pieces, pieces_count);
    check(request->size > 0);
    request->pieces = mem_take(pieces_count * sizeof(struct io_piece));
    memcpy(request->pieces, pieces, pieces_count * sizeof(struct io_piece));
    request->pieces_count = pieces_count;
    request->copy = mem_resize(NULL, request->size);
    u64 copied = 0;
    for (u32 i = 0; i < pieces_count; i++) {
        if (request->direct) {
            check_aligned(io, position + copied, pieces[i].data, pieces[i].size);
        }
        memcpy(request->copy + copied, pieces[i].data, pieces[i].size);
        copied += pieces[i].size;
    }
    check_no_overlap(io, request);
}

void io_file_sync(struct io *io, struct io_op *op, struct io_file file)
{
    (void)ask(io, op, SIM_REQUEST_SYNC, file);
}

void io_file_truncate(struct io *io, struct io_op *op, struct io_file file, u64 size)
{
    struct sim_request *request = ask(io, op, SIM_REQUEST_TRUNCATE, file);
    check((request->flags & IO_OPEN_WRITE) != 0);
    request->size = size;
}

void io_file_allocate(struct io *io, struct io_op *op, struct io_file file, u64 position, u64 size)
{
    struct sim_request *request = ask(io, op, SIM_REQUEST_ALLOCATE, file);
    check((request->flags & IO_OPEN_WRITE) != 0);
    check(size > 0);
    request->position = position;
    request->size = size;
}

void io_file_size(struct io *io, struct io_op *op, struct io_file file)
{
    (void)ask(io, op, SIM_REQUEST_SIZE, file);
}

void io_path_rename(struct io *io, struct io_op *op, const char *from, const char *to)
{
    struct sim_request *request = ask_path(io, op, SIM_REQUEST_RENAME, from);
    check(strlen(to) < IO_PATH_BYTES);
    request->path_to = mem_copy_text(to);
}

void io_path_unlink(struct io *io, struct io_op *op, const char *path)
{
    (void)ask_path(io, op, SIM_REQUEST_UNLINK, path);
}

void io_directory_create(struct io *io, struct io_op *op, const char *path)
{
    (void)ask_path(io, op, SIM_REQUEST_DIRECTORY_CREATE, path);
}

void io_directory_list(struct io *io, struct io_op *op, const char *path, char *names,
                       u32 names_bytes)
{
    struct sim_request *request = ask_path(io, op, SIM_REQUEST_DIRECTORY_LIST, path);
    request->buffer = (u8 *)names;
    request->size = names_bytes;
}

void io_tree_remove(struct io *io, struct io_op *op, const char *path)
{
    (void)ask_path(io, op, SIM_REQUEST_TREE_REMOVE, path);
}

void io_disk_free(struct io *io, struct io_op *op)
{
    (void)sim_request_create(io, op, SIM_REQUEST_DISK_FREE);
}

/* ---- Finishing ---- */

static void finish_open(struct sim_request *request)
{
    struct sim_node *node = request->io->node;
    struct sim_inode *inode = sim_disk_find(&node->disk, request->path);
    enum status status = OK;
    if ((request->flags & IO_OPEN_DIRECT) != 0 && request->io->sim->options.direct_refused) {
        status = ERR_UNSUPPORTED;
    } else if (inode == NULL) {
        status = (request->flags & IO_OPEN_CREATE) == 0
                     ? ERR_NOT_FOUND
                     : sim_disk_create_file(&node->disk, request->path, &inode);
    } else if ((request->flags & IO_OPEN_EXCLUSIVE) != 0) {
        status = ERR_EXISTS;
    } else if (inode->is_directory != ((request->flags & IO_OPEN_DIRECTORY) != 0)) {
        status = ERR_INVALID;
    }
    s32 id = status == OK ? sim_number_take(node, SIM_NUMBER_FILE) : -1;
    if (status == OK && id < 0) {
        status = ERR_LIMIT;
    }
    if (status == OK) {
        node->numbers[id].inode = inode;
        node->numbers[id].flags = request->flags;
        sim_inode_hold(inode);
        request->op->file = (struct io_file){id};
    }
    sim_request_end(request, status, 0);
}

static void finish_read(struct sim_request *request)
{
    struct sim *sim = request->io->sim;
    if (sim_happens(sim, sim->options.faults.read_error, &sim->counts.read_errors)) {
        sim_request_end(request, ERR_IO, 0);
        return;
    }
    u64 count = 0;
    enum status status = sim_disk_read(&request->io->node->disk, request->inode, request->position,
                                       (struct sim_room){request->buffer, request->size}, &count);
    sim_request_end(request, status, status == OK ? count : 0);
}

/* The bytes on loan are still what they were at the call. */
static void check_loan(const struct sim_request *request)
{
    u64 seen = 0;
    for (u32 i = 0; i < request->pieces_count; i++) {
        check(memcmp(request->copy + seen, request->pieces[i].data, request->pieces[i].size) == 0);
        seen += request->pieces[i].size;
    }
}

/* True when there is no room for `size` bytes at `position`, or the disk says so. */
static bool is_out_of_space(struct sim_request *request, u64 position, u64 size)
{
    struct sim *sim = request->io->sim;
    struct sim_node *node = request->io->node;
    u64 needed = sim_disk_sectors_needed(&node->disk, request->inode, position, size);
    if (needed == 0) {
        return false;
    }
    u64 unused = 0;
    if (sim_happens(sim, sim->options.faults.space_error, &unused)) {
        node->space_error_until_us = sim->clock.now_us + sim_between(sim, 1000, 500000);
    }
    if (sim->clock.now_us < node->space_error_until_us ||
        needed * node->disk.sector_bytes > sim_disk_free_bytes(&node->disk)) {
        sim->counts.space_errors++;
        return true;
    }
    return false;
}

static void finish_write(struct sim_request *request)
{
    struct sim *sim = request->io->sim;
    struct sim_disk *disk = &request->io->node->disk;
    check_loan(request);
    bool fails = sim_happens(sim, sim->options.faults.write_error, &sim->counts.write_errors);
    if (fails || is_out_of_space(request, request->position, request->size)) {
        sim_disk_write_some(disk, request->inode, request->position,
                            (struct sim_bytes){request->copy, request->size});
        sim_request_end(request, fails ? ERR_IO : ERR_SPACE, 0);
        return;
    }
    bool synced = (request->flags & IO_WRITE_SYNCED) != 0 && !bug_is_on(BUG_DROP_SYNC);
    sim_disk_write(disk, request->inode, request->position,
                   (struct sim_bytes){request->copy, request->size}, synced);
    sim_request_end(request, OK, request->size);
}

static void finish_sync(struct sim_request *request)
{
    struct sim *sim = request->io->sim;
    struct sim_disk *disk = &request->io->node->disk;
    if (sim_happens(sim, sim->options.faults.sync_error, &sim->counts.sync_errors)) {
        if (!request->inode->is_directory) {
            sim_disk_sync_failed(disk, request->inode);
        }
        sim_request_end(request, ERR_IO, 0);
        return;
    }
    if (request->inode->is_directory && !bug_is_on(BUG_SKIP_DIRECTORY_SYNC)) {
        sim_disk_sync_directory(disk, request->inode, request->sync_order);
    } else if (!request->inode->is_directory && !bug_is_on(BUG_DROP_SYNC)) {
        sim_disk_sync_file(disk, request->inode, request->sync_order);
    }
    sim_request_end(request, OK, 0);
}

static void finish_allocate(struct sim_request *request)
{
    struct sim_disk *disk = &request->io->node->disk;
    if (is_out_of_space(request, request->position, request->size)) {
        sim_request_end(request, ERR_SPACE, 0);
        return;
    }
    sim_disk_allocate(disk, request->inode, request->position, request->size);
    sim_request_end(request, OK, 0);
}

static void finish_list(struct sim_request *request)
{
    u64 used = 0;
    enum status status = sim_disk_list(&request->io->node->disk, request->path,
                                       (char *)request->buffer, (u32)request->size, &used);
    sim_request_end(request, status, used);
}

static u64 free_bytes(const struct sim_request *request)
{
    const struct sim_node *node = request->io->node;
    struct sim *sim = request->io->sim;
    if (sim->clock.now_us < node->space_error_until_us) {
        sim->counts.space_errors++;
        return 0;
    }
    return sim_disk_free_bytes(&node->disk);
}

static void request_finish(struct sim_request *request)
{
    struct sim_disk *disk = &request->io->node->disk;
    switch (request->kind) {
    case SIM_REQUEST_OPEN: finish_open(request); return;
    case SIM_REQUEST_CLOSE: sim_request_end(request, OK, 0); return;
    case SIM_REQUEST_READ: finish_read(request); return;
    case SIM_REQUEST_WRITE: finish_write(request); return;
    case SIM_REQUEST_SYNC: finish_sync(request); return;
    case SIM_REQUEST_TRUNCATE:
        sim_disk_truncate(disk, request->inode, request->size);
        sim_request_end(request, OK, 0);
        return;
    case SIM_REQUEST_ALLOCATE: finish_allocate(request); return;
    case SIM_REQUEST_SIZE: sim_request_end(request, OK, request->inode->size); return;
    case SIM_REQUEST_RENAME:
        sim_request_end(request, sim_disk_rename(disk, request->path, request->path_to), 0);
        return;
    case SIM_REQUEST_UNLINK:
        sim_request_end(request, sim_disk_unlink(disk, request->path), 0);
        return;
    case SIM_REQUEST_DIRECTORY_CREATE:
        sim_request_end(request, sim_disk_create_directories(disk, request->path), 0);
        return;
    case SIM_REQUEST_DIRECTORY_LIST: finish_list(request); return;
    case SIM_REQUEST_TREE_REMOVE:
        sim_request_end(request, sim_disk_remove_tree(disk, request->path), 0);
        return;
    case SIM_REQUEST_DISK_FREE: sim_request_end(request, OK, free_bytes(request)); return;
    case SIM_REQUEST_ACCEPT:
    case SIM_REQUEST_RECEIVE:
    case SIM_REQUEST_SEND:
    case SIM_REQUEST_SOCKET_CLOSE:
    case SIM_REQUEST_KINDS: break;
    }
    unreachable();
}

/* ---- Failing on demand ---- */

/* What a test calls the request; 0: never failed on demand. */
static const u8 operations[SIM_REQUEST_KINDS] = {
    [SIM_REQUEST_OPEN] = SIM_OPEN,         [SIM_REQUEST_READ] = SIM_READ,
    [SIM_REQUEST_WRITE] = SIM_WRITE,       [SIM_REQUEST_SYNC] = SIM_SYNC,
    [SIM_REQUEST_ALLOCATE] = SIM_ALLOCATE, [SIM_REQUEST_RENAME] = SIM_RENAME,
    [SIM_REQUEST_UNLINK] = SIM_UNLINK,
};

/* True when a test asked that just this request fails. */
static bool fails_on_demand(struct sim_request *request)
{
    struct sim_node *node = request->io->node;
    u8 operation = operations[request->kind];
    if (node->fails_count == 0 || operation == 0) {
        return false;
    }
    char path[IO_PATH_BYTES];
    if (request->path != NULL) {
        (void)snprintf(path, sizeof(path), "%s", request->path);
    } else {
        sim_disk_path(request->inode, path, sizeof(path));
    }
    for (u32 i = 0; i < node->fails_count; i++) {
        if (node->fails[i].operation == operation && strstr(path, node->fails[i].part) != NULL) {
            enum status status = node->fails[i].status;
            node->fails[i] = node->fails[--node->fails_count];
            if (operation == SIM_WRITE) {
                sim_disk_write_some(&node->disk, request->inode, request->position,
                                    (struct sim_bytes){request->copy, request->size});
            } else if (operation == SIM_SYNC && !request->inode->is_directory) {
                sim_disk_sync_failed(&node->disk, request->inode);
            }
            sim_request_end(request, status, 0);
            return true;
        }
    }
    return false;
}

static void on_finished(void *context, u64 word)
{
    (void)word;
    struct sim_request *request = context;
    request->scheduled = false;
    if (request->dropped) {
        sim_request_drop(request);
    } else if (!fails_on_demand(request)) {
        request_finish(request);
    }
}

/* ---- Time ---- */

static u64 bytes_us(u64 size)
{
    return size / 800; /* 800 MB/s */
}

/* How long the device needs before it moves the first byte, at least and at most. */
static const struct {
    u64 from_us;
    u64 to_us;
} device_times[SIM_REQUEST_KINDS] = {
    [SIM_REQUEST_OPEN] = {5, 100},
    [SIM_REQUEST_CLOSE] = {1, 5},
    [SIM_REQUEST_READ] = {10, 120},
    [SIM_REQUEST_WRITE] = {40, 250},
    [SIM_REQUEST_SYNC] = {60, 800},
    [SIM_REQUEST_TRUNCATE] = {5, 100},
    [SIM_REQUEST_ALLOCATE] = {20, 300},
    [SIM_REQUEST_SIZE] = {1, 5},
    [SIM_REQUEST_RENAME] = {5, 100},
    [SIM_REQUEST_UNLINK] = {5, 200},
    [SIM_REQUEST_DIRECTORY_CREATE] = {5, 100},
    [SIM_REQUEST_DIRECTORY_LIST] = {5, 100},
    [SIM_REQUEST_TREE_REMOVE] = {100, 5000},
    [SIM_REQUEST_DISK_FREE] = {1, 5},
};

static u64 device_us(struct sim_request *request)
{
    struct sim *sim = request->io->sim;
    u64 bytes = 0;
    if (request->kind == SIM_REQUEST_READ || request->kind == SIM_REQUEST_WRITE) {
        bytes = request->size;
    } else if (request->kind == SIM_REQUEST_SYNC) {
        bytes = (u64)request->inode->unsynced_count * sim->options.sector_bytes;
    }
    return sim_between(sim, device_times[request->kind].from_us,
                       device_times[request->kind].to_us) +
           bytes_us(bytes);
}

void sim_request_start_file(struct sim_request *request)
{
    struct sim *sim = request->io->sim;
    struct sim_node *node = request->io->node;
    if (request->kind == SIM_REQUEST_SYNC) {
        request->sync_order = node->disk.order_last;
    }
    if (sim_happens(sim, sim->options.faults.disk_slow, &sim->counts.disk_slow_times)) {
        node->slow_until_us = sim->clock.now_us + sim_between(sim, 10000, 2000000);
    }
    u64 takes_us = device_us(request);
    if (sim->clock.now_us < node->slow_until_us) {
        takes_us *= sim_between(sim, 10, 200);
    }
    request->scheduled = true;
    sim_clock_at(&sim->clock, sim->clock.now_us + takes_us, on_finished, request, 0);
}

static void leave_names(struct sim_request *request)
{
    struct sim_disk *disk = &request->io->node->disk;
    struct sim_inode *inode = NULL;
    enum status status = OK;
    if (request->kind == SIM_REQUEST_RENAME) {
        status = sim_disk_rename(disk, request->path, request->path_to);
    } else if (request->kind == SIM_REQUEST_UNLINK) {
        status = sim_disk_unlink(disk, request->path);
    } else if (request->kind == SIM_REQUEST_DIRECTORY_CREATE) {
        status = sim_disk_create_directories(disk, request->path);
    } else if (request->kind == SIM_REQUEST_TREE_REMOVE) {
        status = sim_disk_remove_tree(disk, request->path);
    } else if (request->kind == SIM_REQUEST_OPEN && (request->flags & IO_OPEN_CREATE) != 0 &&
               sim_disk_find(disk, request->path) == NULL) {
        status = sim_disk_create_file(disk, request->path, &inode);
    }
    (void)status; /* nobody is left to be told */
}

void sim_request_leave_traces(struct sim_request *request)
{
    struct sim_disk *disk = &request->io->node->disk;
    if (request->ended || !prng_chance(&disk->prng, 1, 2)) {
        return;
    }
    if (request->kind == SIM_REQUEST_WRITE) {
        if (sim_disk_sectors_needed(disk, request->inode, request->position, request->size) *
                disk->sector_bytes <=
            sim_disk_free_bytes(disk)) {
            sim_disk_write(disk, request->inode, request->position,
                           (struct sim_bytes){request->copy, request->size}, false);
        }
    } else if (request->kind == SIM_REQUEST_TRUNCATE) {
        sim_disk_truncate(disk, request->inode, request->size);
    } else {
        leave_names(request);
    }
}
