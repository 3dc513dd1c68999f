/* The door io.h over virtual time: requests from their call to their `done`, numbers, bells. What
 * files and sockets do is in sim_io_file.c and sim_net.c. */
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "sim/sim_world.h"

struct sim_request *sim_request_create(struct io *io, struct io_op *op, enum sim_request_kind kind)
{
    check(op->done != NULL);
    check(op->door[0] == 0); /* the op is not in flight */
    struct sim_request *request = mem_take(sizeof(*request));
    request->io = io;
    request->op = op;
    request->kind = kind;
    op->door[0] = (u64)(uintptr_t)request;
    op->status = OK;
    op->count = 0;
    list_add_last(&io->asked, &request->node);
    return request;
}

static void request_destroy(struct sim_request *request)
{
    if (request->inode != NULL) {
        sim_inode_release(&request->io->node->disk, request->inode);
    }
    mem_return(request->copy);
    mem_return(request->pieces);
    mem_return(request->path);
    mem_return(request->path_to);
    mem_return(request);
}

void sim_request_end(struct sim_request *request, enum status status, u64 count)
{
    struct io *io = request->io;
    check(!request->ended);
    check(!request->dropped);
    request->ended = true;
    request->status = status;
    request->count = count;
    list_remove(&request->node);
    list_add_last(&io->completed, &request->node);
    sim_trace(io->sim, SIM_STEP_COMPLETE | (u64)request->kind << 8 | (u64)io->core_index << 16,
              (u64)status << 48 ^ count);
    sim_core_wake(io);
}

void sim_request_drop(struct sim_request *request)
{
    list_remove(&request->node);
    request->dropped = true;
    if (request->inode != NULL) {
        sim_inode_release(&request->io->node->disk, request->inode);
        request->inode = NULL;
    }
    if (request->scheduled) {
        list_add_last(&request->io->sim->orphans, &request->node);
    } else {
        request_destroy(request);
    }
}

void sim_orphans_destroy(struct sim *sim)
{
    list_for_each(node, next, &sim->orphans) {
        list_remove(node);
        request_destroy(container_of(node, struct sim_request, node));
    }
}

bool io_op_is_busy(const struct io_op *op)
{
    return op->door[0] != 0;
}

static void request_start(struct sim_request *request)
{
    list_remove(&request->node);
    list_add_last(&request->io->running, &request->node);
    switch (request->kind) {
    case SIM_REQUEST_OPEN:
    case SIM_REQUEST_CLOSE:
    case SIM_REQUEST_READ:
    case SIM_REQUEST_WRITE:
    case SIM_REQUEST_SYNC:
    case SIM_REQUEST_TRUNCATE:
    case SIM_REQUEST_ALLOCATE:
    case SIM_REQUEST_SIZE:
    case SIM_REQUEST_RENAME:
    case SIM_REQUEST_UNLINK:
    case SIM_REQUEST_DIRECTORY_CREATE:
    case SIM_REQUEST_DIRECTORY_LIST:
    case SIM_REQUEST_TREE_REMOVE:
    case SIM_REQUEST_DISK_FREE: sim_request_start_file(request); return;
    case SIM_REQUEST_ACCEPT:
    case SIM_REQUEST_RECEIVE:
    case SIM_REQUEST_SEND:
    case SIM_REQUEST_SOCKET_CLOSE: sim_request_start_net(request); return;
    case SIM_REQUEST_KINDS: break;
    }
    unreachable();
}

void io_submit(struct io *io)
{
    struct list_node *node;
    while ((node = list_first(&io->asked)) != NULL) {
        request_start(container_of(node, struct sim_request, node));
    }
}

static void request_deliver(struct io *io, struct sim_request *request)
{
    struct io_op *op = request->op;
    check(op->door[0] == (u64)(uintptr_t)request); /* nobody overwrote an op in flight */
    check(request->ended);
    op->door[0] = 0;
    op->status = request->status;
    op->count = request->count;
    op->done(io->core, op);
    request_destroy(request);
}

u32 io_reap(struct io *io, u32 budget)
{
    check(!io->reaping);
    io->reaping = true;
    u32 reaped = 0;
    struct list_node *node;
    while (reaped < budget && (node = list_pop(&io->completed)) != NULL) {
        io->sim->counts.completions++;
        request_deliver(io, container_of(node, struct sim_request, node));
        reaped++;
    }
    io->reaping = false;
    return reaped;
}

void io_wake(struct io *io, u32 core_index)
{
    check(core_index < io->sim->cores_count);
    sim_core_wake(&io->node->ios[core_index]);
}

static void cancel_now(void *context, u64 word)
{
    (void)word;
    struct sim_request *request = context;
    request->scheduled = false;
    if (request->dropped) {
        sim_request_drop(request);
    } else if (!request->ended) {
        sim_request_end(request, ERR_CANCELLED, 0);
    }
}

void io_cancel(struct io *io, struct io_op *op)
{
    struct sim_request *request = (struct sim_request *)(uintptr_t)op->door[0];
    check(request != NULL);
    check(request->op == op);
    check(request->kind == SIM_REQUEST_ACCEPT || request->kind == SIM_REQUEST_RECEIVE ||
          request->kind == SIM_REQUEST_SEND);
    if (request->ended || request->cancelled) {
        return;
    }
    request->cancelled = true;
    if (!request->scheduled) {
        request->scheduled = true;
        sim_clock_at(&io->sim->clock, io->sim->clock.now_us + sim_between(io->sim, 1, 50),
                     cancel_now, request, 0);
    }
}

struct io_facts io_facts(const struct io *io)
{
    return (struct io_facts){
        .sector_bytes = io->sim->options.sector_bytes,
        .direct = !io->sim->options.direct_refused,
        .write_bytes_max = io->sim->options.write_bytes_max,
    };
}

struct sim_number *sim_number_of(struct io *io, s32 id, enum sim_number_kind kind)
{
    check(id >= 0);
    check((u32)id < io->node->numbers_count);
    check(io->node->numbers[id].kind == kind);
    return &io->node->numbers[id];
}

/* The lowest free number, as the kernel does: a stale number soon names something else. */
s32 sim_number_take(struct sim_node *node, enum sim_number_kind kind)
{
    for (u32 i = 3; i < node->numbers_count; i++) {
        if (node->numbers[i].kind == SIM_NUMBER_FREE) {
            node->numbers[i].kind = kind;
            return (s32)i;
        }
    }
    if (node->numbers_count >= node->sim->options.descriptors_max) {
        return -1;
    }
    u32 count = node->numbers_count == 0 ? 64 : node->numbers_count * 2;
    count = u32_min(count, node->sim->options.descriptors_max);
    u32 first = u32_max(node->numbers_count, 3);
    node->numbers = mem_resize(node->numbers, count * sizeof(struct sim_number));
    memset(node->numbers + node->numbers_count, 0,
           (count - node->numbers_count) * sizeof(struct sim_number));
    node->numbers_count = count;
    node->numbers[first].kind = kind;
    return (s32)first;
}

void sim_number_return(struct sim_node *node, s32 id)
{
    node->numbers[id] = (struct sim_number){.kind = SIM_NUMBER_FREE};
}
