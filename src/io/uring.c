/* The turn of one door: asking, submitting, harvesting, reaping, waiting. */
#include "io/uring.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What a completion carries: the address of its op, or one of these. */
#define URING_TAG_BELL 1u
#define URING_TAG_NOBODY 2u

static bool is_counted(u8 kind)
{
    return kind >= URING_OPEN && kind <= URING_UNLINK;
}

static bool is_socket(u8 kind)
{
    return kind >= URING_ACCEPT;
}

static bool names_a_file(const struct uring_op *uring_op)
{
    return !is_socket(uring_op->kind) && uring_op->kind != URING_CLOSE && uring_op->fd >= 0;
}

bool io_op_is_busy(const struct io_op *op)
{
    return uring_op_of_const(op)->phase != URING_IDLE;
}

struct io_facts io_facts(const struct io *io)
{
    return io->process->facts;
}

enum status uring_status(s32 error)
{
    switch (error) {
    case 0: return OK;
    case ENOSPC:
    case EDQUOT: return ERR_SPACE;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY: return ERR_EXISTS;
    case ECANCELED:
    case EINTR: return ERR_CANCELLED;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ESHUTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH: return ERR_CLOSED;
    case ETIMEDOUT: return ERR_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS: return ERR_LIMIT;
    case ENOMEM: return ERR_MEMORY;
    case EOPNOTSUPP:
    case ENOSYS: return ERR_UNSUPPORTED;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_PERMISSION;
    case EINVAL:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG: return ERR_INVALID;
    case EFBIG:
    case ERANGE: return ERR_TOO_LARGE;
    default: return ERR_IO;
    }
}

/* ---- Slots ---- */

struct uring_slot *uring_slot_take(struct io *io, struct uring_op *uring_op)
{
    check(uring_op->slot == 0);

    u32 number = io->slots_free;
    if (number != 0) {
        io->slots_free = io->slots[number - 1].next_free;
    } else if (io->slots_used < URING_SLOTS_MAX) {
        number = ++io->slots_used;
    } else {
        return NULL;
    }
    uring_op->slot = number;
    return &io->slots[number - 1];
}

struct uring_slot *uring_slot_of(struct io *io, const struct uring_op *uring_op)
{
    check(uring_op->slot > 0);
    check(uring_op->slot <= io->slots_used);
    return &io->slots[uring_op->slot - 1];
}

static void slot_free(struct io *io, u32 number)
{
    io->slots[number - 1].next_free = io->slots_free;
    io->slots_free = number;
}

void uring_slot_return(struct io *io, struct uring_op *uring_op)
{
    if (uring_op->slot != 0) {
        slot_free(io, uring_op->slot);
        uring_op->slot = 0;
    }
}

/* ---- Asking ---- */

/* The kernel leaves entries behind only when it has no memory for them just now, or when
 * completions must be taken first; the next submit tries again. */
static void check_submitted(int result)
{
    bool again = result == -EAGAIN || result == -EBUSY || result == -EINTR || result == -ENOMEM ||
                 result == -ETIME;
    check(result >= 0 || again);
}

/* Which of the ring's entries this is, from 0. */
static u32 entry_index(const struct io *io, const struct io_uring_sqe *entry)
{
    return (u32)(entry - io->ring.sq.sqes);
}

struct io_uring_sqe *uring_entry(struct io *io)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&io->ring);
    for (u32 tries = 0; entry == NULL; tries++) {
        /* A kernel without memory for some seconds ends the process: nothing here could go on. */
        check(tries < 10000);
        if (tries > 0) {
            (void)usleep(1000);
        }
        check_submitted(io_uring_submit(&io->ring));
        entry = io_uring_get_sqe(&io->ring);
    }
    /* The kernel has taken what was here before, and copied what came with it. */
    u32 *lent = &io->lent_slots[entry_index(io, entry)];
    if (*lent != 0) {
        slot_free(io, *lent);
        *lent = 0;
    }
    return entry;
}

struct uring_op *uring_begin(struct io *io, struct io_op *op, enum uring_kind kind, s32 fd)
{
    check(op->done != NULL);
    check(!io_op_is_busy(op));

    struct uring_op *uring_op = uring_op_of(op);
    memset(op->door, 0, sizeof(op->door));
    *uring_op = (struct uring_op){.kind = (u8)kind, .phase = URING_WAITING, .fd = fd, .io = io};
    op->status = OK;
    op->count = 0;
    list_node_init(&op->node);
    if (names_a_file(uring_op)) {
        check((u32)fd < URING_FILES_MAX);
        check(!io->files[fd].closing);
        io->files[fd].ops_count++;
    }
    return uring_op;
}

static void put_into_ring(struct io *io, struct io_op *op)
{
    struct uring_op *uring_op = uring_op_of(op);
    struct io_uring_sqe *entry = uring_entry(io);
    if (is_socket(uring_op->kind)) {
        uring_net_prepare(io, op, entry);
        if (uring_op->slot != 0) {
            io->lent_slots[entry_index(io, entry)] = uring_op->slot;
            uring_op->slot = 0;
        }
    } else {
        uring_file_prepare(io, op, entry);
    }
    io_uring_sqe_set_data(entry, op);
    uring_op->phase = URING_IN_FLIGHT;
}

void uring_ask(struct io *io, struct io_op *op)
{
    struct uring_op *uring_op = uring_op_of(op);
    check(uring_op->phase == URING_WAITING);
    check(io->core != NULL);

    if (is_counted(uring_op->kind)) {
        if (io->files_in_flight == io->process->ops_max || !list_is_empty(&io->waiting)) {
            list_add_last(&io->waiting, &op->node);
            return;
        }
        io->files_in_flight++;
    }
    put_into_ring(io, op);
}

static void ask_waiting(struct io *io)
{
    while (io->files_in_flight < io->process->ops_max && !list_is_empty(&io->waiting)) {
        struct list_node *node = list_pop(&io->waiting);
        io->files_in_flight++;
        put_into_ring(io, container_of(node, struct io_op, node));
    }
}

void uring_complete(struct io *io, struct io_op *op, enum status status, u64 count)
{
    struct uring_op *uring_op = uring_op_of(op);
    check(uring_op->phase != URING_IDLE);
    check(uring_op->phase != URING_COMPLETED);

    uring_slot_return(io, uring_op);
    if (names_a_file(uring_op)) {
        uring_file_release(io, uring_op);
    }
    op->status = status;
    op->count = count;
    uring_op->phase = URING_COMPLETED;
    list_add_last(&io->completed, &op->node);
}

/* ---- Harvesting ---- */

static void bell_arm(struct io *io)
{
    struct io_uring_sqe *entry = uring_entry(io);
    io_uring_prep_read(entry, io->bell, &io->bell_value, sizeof(io->bell_value), 0);
    io_uring_sqe_set_data64(entry, URING_TAG_BELL);
}

/* The flag falls before anything is looked at, so whoever finds it set knows that what he left
 * will be seen. */
static void bell_on_rung(struct io *io)
{
    (void)atomic_exchange(&io->bell_rung, false);
    io->bell_heard = true;
    bell_arm(io);
    uring_beside_collect(io);
}

static void on_completion(struct io *io, const struct io_uring_cqe *completion)
{
    if (completion->user_data == URING_TAG_BELL) {
        bell_on_rung(io);
        return;
    }
    if (completion->user_data == URING_TAG_NOBODY) {
        return;
    }
    struct io_op *op = io_uring_cqe_get_data(completion);
    struct uring_op *uring_op = uring_op_of(op);
    check(uring_op->phase == URING_IN_FLIGHT);
    check(uring_op->io == io);
    uring_op->phase = URING_WAITING;
    if (is_socket(uring_op->kind)) {
        uring_net_on_result(io, op, completion->res);
        return;
    }
    check(io->files_in_flight > 0);
    io->files_in_flight--;
    uring_file_on_result(io, op, completion->res);
}

static u32 flags_of_ring(const struct io *io)
{
    return __atomic_load_n(io->ring.sq.kflags, __ATOMIC_RELAXED);
}

/* True when the kernel has work for this thread, or completions that found no room. */
static bool wants_to_be_entered(const struct io *io)
{
    return (flags_of_ring(io) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

/* Takes all completions there are, without waiting. */
static void uring_harvest(struct io *io)
{
    if (wants_to_be_entered(io)) {
        (void)io_uring_get_events(&io->ring);
    }
    u32 head;
    u32 count = 0;
    struct io_uring_cqe *completion;
    io_uring_for_each_cqe(&io->ring, head, completion)
    {
        on_completion(io, completion);
        count++;
    }
    io_uring_cq_advance(&io->ring, count);
    ask_waiting(io);
}

/* ---- The turn ---- */

u32 io_reap(struct io *io, u32 budget)
{
    check(io->core != NULL);

    uring_harvest(io);
    u32 count = 0;
    while (count < budget && !list_is_empty(&io->completed)) {
        struct list_node *node = list_pop(&io->completed);
        struct io_op *op = container_of(node, struct io_op, node);
        struct uring_op *uring_op = uring_op_of(op);
        check(uring_op->phase == URING_COMPLETED);
        uring_op->phase = URING_IDLE;
        op->done(io->core, op);
        count++;
    }
    return count;
}

void io_submit(struct io *io)
{
    ask_waiting(io);
    if (io_uring_sq_ready(&io->ring) > 0) {
        check_submitted(io_uring_submit_and_get_events(&io->ring));
    }
}

static bool has_news(const struct io *io)
{
    return io->bell_heard || !list_is_empty(&io->completed);
}

static void sleep_until(struct io *io, u64 deadline_us)
{
    if (deadline_us == UINT64_MAX) {
        check_submitted(io_uring_submit_and_wait(&io->ring, 1));
        return;
    }
    u64 now_us = io_monotonic_us();
    if (deadline_us <= now_us) {
        check_submitted(io_uring_submit_and_get_events(&io->ring));
        return;
    }
    u64 sleep_us = deadline_us - now_us;
    struct __kernel_timespec timeout = {
        .tv_sec = (s64)(sleep_us / US_PER_SECOND),
        .tv_nsec = (s64)(sleep_us % US_PER_SECOND * 1000),
    };
    struct io_uring_cqe *completion;
    check_submitted(io_uring_submit_and_wait_timeout(&io->ring, &completion, 1, &timeout, NULL));
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Looks at memory only: a core that spins costs the kernel nothing until there is something. */
static bool spin_until(struct io *io, u64 until_us)
{
    do {
        for (u32 i = 0; i < 32; i++) {
            if (io_uring_cq_ready(&io->ring) > 0 || wants_to_be_entered(io)) {
                return true;
            }
            relax();
        }
    } while (io_monotonic_us() < until_us);
    return false;
}

void io_wait(struct io *io, u64 deadline_us, u32 spin_us)
{
    check(io->core != NULL);

    uring_harvest(io);
    if (has_news(io)) {
        io_submit(io);
    } else {
        bool came = false;
        if (spin_us > 0) {
            io_submit(io);
            came = spin_until(io, u64_min(deadline_us, io_monotonic_us() + spin_us));
        }
        if (!came) {
            sleep_until(io, deadline_us);
        }
        uring_harvest(io);
    }
    /* The caller turns now, and looks at its lanes first. */
    io->bell_heard = false;
}

void io_cancel(struct io *io, struct io_op *op)
{
    struct uring_op *uring_op = uring_op_of(op);
    check(is_socket(uring_op->kind));
    check(uring_op->kind != URING_SOCKET_CLOSE);

    switch ((enum uring_phase)uring_op->phase) {
    case URING_IDLE:
    case URING_COMPLETED: return;
    case URING_IN_FLIGHT: {
        uring_op->cancelled = true;
        struct io_uring_sqe *entry = uring_entry(io);
        io_uring_prep_cancel(entry, op, 0);
        io_uring_sqe_set_data64(entry, URING_TAG_NOBODY);
        return;
    }
    case URING_WAITING:
    case URING_BESIDE: unreachable();
    }
    unreachable();
}

/* ---- Bells and time ---- */

void io_ring_bell(struct io *target)
{
    if (atomic_exchange(&target->bell_rung, true)) {
        return;
    }
    u64 one = 1;
    ssize_t written;
    do {
        written = write(target->bell, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
    check(written == sizeof(one));
}

void io_wake(struct io *io, u32 core_index)
{
    check(core_index < io->process->cores_count);
    io_ring_bell(io->process->ios[core_index]);
}

static u64 clock_us(clockid_t clock)
{
    struct timespec time;
    check(clock_gettime(clock, &time) == 0);
    return (u64)time.tv_sec * US_PER_SECOND + (u64)time.tv_nsec / 1000;
}

u64 io_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

u64 io_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

/* On the core's own thread: who enables the ring is its single issuer, and worker threads and the
 * ring's short name belong to that thread. The trial at io_create_all has shown that these work. */
void io_start(struct io *io, struct core *core)
{
    check(io->core == NULL);
    check(core != NULL);

    io->core = core;
    check(io_uring_enable_rings(&io->ring) == 0);
    (void)io_uring_register_ring_fd(&io->ring); /* a little faster; nothing depends on it */
    u32 workers[2] = {io->process->sync_workers_max, 0};
    if (workers[0] > 0) {
        check(io_uring_register_iowq_max_workers(&io->ring, workers) == 0);
    }
    bell_arm(io);
}
