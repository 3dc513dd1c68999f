/* Making and ending the doors of a process, and the sentence when the kernel refuses. */
#include "io/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#define COMPLETIONS_MIN 4096u
#define COMPLETIONS_MAX 32768u

static u32 power_of_two_above(u32 value)
{
    u32 power = 1;
    while (power < value) {
        power *= 2;
    }
    return power;
}

s32 uring_ring_create(struct io_uring *ring, u32 completions)
{
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = completions,
    };
    int result = io_uring_queue_init_params(URING_ENTRIES, ring, &parameters);
    if (result < 0) {
        return -result;
    }
    u32 wanted = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG |
                 IORING_FEAT_FAST_POLL;
    if ((parameters.features & wanted) != wanted) {
        io_uring_queue_exit(ring);
        return EINVAL;
    }
    return 0;
}

/* ---- Trying, and explaining ---- */

static s32 sysctl_disabled(void)
{
    s32 value = 0;
    FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
    if (file != NULL) {
        if (fscanf(file, "%d", &value) != 1) {
            value = 0;
        }
        (void)fclose(file);
    }
    return value;
}

static bool explain_not_permitted(struct err *err)
{
    s32 disabled = sysctl_disabled();
    if (disabled > 0) {
        return err_set(
            err,
            "the kernel refuses io_uring: kernel.io_uring_disabled is %d; run `sysctl -w "
            "kernel.io_uring_disabled=0` as root, or set kernel.io_uring_group to a group "
            "of this user",
            disabled);
    }
    return err_set(err,
                   "io_uring is not permitted here, although kernel.io_uring_disabled is 0: most "
                   "likely the container's seccomp profile forbids it; give the container a "
                   "profile that allows io_uring_setup, io_uring_enter and io_uring_register "
                   "(docker: --security-opt seccomp=FILE)");
}

static bool explain(struct err *err, s32 error)
{
    struct utsname name = {0};
    (void)uname(&name);
    switch (error) {
    case ENOSYS:
        return err_set(
            err,
            "this kernel (%s) has no io_uring: Linux 6.1 or newer with CONFIG_IO_URING is "
            "needed, and in a container a seccomp profile that allows io_uring_setup",
            name.release);
    case EPERM:
    case EACCES: return explain_not_permitted(err);
    case ENOMEM:
        return err_set(err,
                       "no memory for an io_uring: raise the limit of locked memory (`ulimit -l`, "
                       "LimitMEMLOCK= in the systemd unit) or the memory limit of the container");
    case EMFILE:
    case ENFILE:
        return err_set(err, "no file descriptors left for an io_uring: raise `ulimit -n` "
                            "(LimitNOFILE= in the systemd unit)");
    case EINVAL:
        return err_set(err,
                       "this kernel (%s) lacks what is needed of io_uring: Linux 6.1 or newer is",
                       name.release);
    default: return err_set(err, "io_uring does not work here: %s", strerror(error));
    }
}

static bool has_operations(struct io_uring *ring)
{
    static const u8 wanted[] = {
        IORING_OP_OPENAT,   IORING_OP_CLOSE,        IORING_OP_READ,      IORING_OP_WRITE,
        IORING_OP_WRITEV,   IORING_OP_FSYNC,        IORING_OP_FALLOCATE, IORING_OP_RENAMEAT,
        IORING_OP_UNLINKAT, IORING_OP_ACCEPT,       IORING_OP_RECV,      IORING_OP_SEND,
        IORING_OP_SENDMSG,  IORING_OP_ASYNC_CANCEL,
    };
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    if (probe == NULL) {
        return false;
    }
    bool all = true;
    for (u32 i = 0; i < array_count(wanted); i++) {
        all = all && io_uring_opcode_supported(probe, wanted[i]);
    }
    io_uring_free_probe(probe);
    return all;
}

/* One round through a ring: what io_start and the first turn will do. 0 or the errno. */
static s32 try_round(struct io_uring *ring)
{
    int result = io_uring_enable_rings(ring);
    u32 workers[2] = {0, 0};
    if (result == 0) {
        result = io_uring_register_iowq_max_workers(ring, workers);
    }
    if (result == 0) {
        io_uring_prep_nop(io_uring_get_sqe(ring));
        result = io_uring_submit_and_wait(ring, 1);
    }
    return result < 0 ? -result : 0;
}

bool uring_try(struct err *err)
{
    struct io_uring ring;
    s32 error = uring_ring_create(&ring, COMPLETIONS_MIN);
    if (error != 0) {
        return explain(err, error);
    }
    error = has_operations(&ring) ? try_round(&ring) : EINVAL;
    io_uring_queue_exit(&ring);
    return error == 0 ? true : explain(err, error);
}

/* ---- Making ---- */

static u64 door_bytes(void)
{
    return sizeof(struct io) + sizeof(struct uring_slot) * (u64)URING_SLOTS_MAX +
           sizeof(struct uring_file_use) * (u64)URING_FILES_MAX + sizeof(u32) * (u64)URING_ENTRIES +
           8 * (u64)SECTOR_BYTES_MAX;
}

static struct io *door_lay_out(struct uring_process *process)
{
    struct arena arena;
    if (!arena_create(&arena, door_bytes())) {
        return NULL;
    }
    struct io *io = arena_new(&arena, struct io);
    io->process = process;
    io->bell = -1;
    io->slots = arena_array(&arena, struct uring_slot, URING_SLOTS_MAX);
    io->files = arena_array(&arena, struct uring_file_use, URING_FILES_MAX);
    io->lent_slots = arena_array(&arena, u32, URING_ENTRIES);
    list_init(&io->waiting);
    list_init(&io->closing);
    list_init(&io->completed);
    arena_seal(&arena);
    io->arena = arena;
    return io;
}

static bool door_create(struct uring_process *process, struct io **door, struct err *err)
{
    struct io *io = door_lay_out(process);
    if (io == NULL) {
        return explain(err, ENOMEM);
    }
    struct arena arena = io->arena;
    u32 completions = power_of_two_above(2 * process->ops_max);
    completions = u32_max(COMPLETIONS_MIN, u32_min(completions, COMPLETIONS_MAX));
    s32 error = uring_ring_create(&io->ring, completions);
    if (error != 0) {
        arena_destroy(&arena);
        return explain(err, error);
    }
    io->bell = eventfd(0, EFD_CLOEXEC);
    if (io->bell < 0) {
        error = errno;
        io_uring_queue_exit(&io->ring);
        arena_destroy(&arena);
        return explain(err, error);
    }
    *door = io;
    return true;
}

static void door_destroy(struct io *io)
{
    struct arena arena = io->arena;
    io_uring_queue_exit(&io->ring);
    (void)close(io->bell);
    arena_destroy(&arena);
}

static bool process_begin(struct uring_process *process, const struct io_options *options,
                          struct err *err)
{
    process->directory = open(options->data_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (process->directory < 0) {
        return err_set(err, "cannot open the data directory %s: %s", options->data_path,
                       strerror(errno));
    }
    process->facts = uring_facts(process->directory);
    if (!uring_beside_start(&process->beside, process->directory)) {
        (void)close(process->directory);
        return err_set(err,
                       "cannot start a thread: raise `ulimit -u` (TasksMax= in the systemd unit)");
    }
    return true;
}

static void process_end(struct uring_process *process)
{
    uring_beside_stop(&process->beside);
    for (u32 i = 0; i < process->cores_count; i++) {
        if (process->ios[i] != NULL) {
            door_destroy(process->ios[i]);
        }
    }
    (void)close(process->directory);
    mem_return(process);
}

bool io_create_all(const struct io_options *options, struct io **ios, struct err *err)
{
    check(options->cores_count > 0);
    check(options->cores_count <= URING_CORES_MAX);
    check(options->ops_max > 0);

    if (!uring_try(err)) {
        return false;
    }
    struct uring_process *process = mem_take(sizeof(*process));
    process->cores_count = options->cores_count;
    process->ops_max = options->ops_max;
    process->sync_workers_max = options->sync_workers_max;
    if (!process_begin(process, options, err)) {
        mem_return(process);
        return false;
    }
    for (u32 i = 0; i < options->cores_count; i++) {
        if (!door_create(process, &process->ios[i], err)) {
            process_end(process);
            return false;
        }
    }
    for (u32 i = 0; i < options->cores_count; i++) {
        ios[i] = process->ios[i];
    }
    return true;
}

void io_destroy_all(struct io **ios, u32 cores_count)
{
    check(cores_count > 0);
    struct uring_process *process = ios[0]->process;
    check(process->cores_count == cores_count);
    process_end(process);
}
