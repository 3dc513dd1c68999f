#include "node/driver.h"

#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/map.h"
#include "io/io_uring_driver.h"
#include "offload/offload_threads.h"

#define IO_OPS_MAX 1024u
#define IO_WORKERS_MAX 32u /* docs/decisions/0001-io-workers.md */
#define OFFLOAD_JOBS_MAX 64u

/* How long a core looks at its lanes before it sleeps, when they were lately busy. */
#define SPIN_US 30u
#define SPIN_LOOKS 32u

/* Busy turns whose calls go to the kernel together. A request that stays on its core takes three
 * turns, and each submit costs more than such a turn. */
#define TURNS_GATHERED_MAX 3u

static struct turn_time now(void)
{
    return (struct turn_time){.monotonic_us = io_monotonic_us(), .wall_us = io_wall_us()};
}

static u64 clock_of_stall(void *context)
{
    (void)context;
    return io_monotonic_us();
}

static u64 shared_bytes(const struct plan *plan)
{
    return mailbox_board_bytes(plan->cores_count) +
           (u64)plan->partitions_max * sizeof(struct partition_gauges) +
           (u64)plan->cores_count *
               (sizeof(struct counters) + DRIVER_EVENTS_PER_CORE * sizeof(struct event)) +
           MIB;
}

static bool create_core(struct driver *driver, u32 index, u64 seed, struct err *err)
{
    struct driver_core *core = &driver->cores[index];
    core->driver = driver;
    core->index = index;
    if (!arena_create(&core->arena, thread_arena_bytes(&driver->plan))) {
        return err_set(err,
                       "the system refuses address space for core %u: check "
                       "vm.overcommit_memory and ulimit -v",
                       index);
    }
    struct thread_options options = {
        .index = index,
        .cores_count = driver->plan.cores_count,
        .plan = &driver->plan,
        .io = driver->ios[index],
        .offload = driver->offload,
        .board = driver->board,
        .gauges = driver->gauges,
        .all_counters = driver->counters,
        .events = &core->events,
        .seed = hash_u64_pair(seed, index),
        .time = now(),
        .settings = &driver->settings,
        .listener = index == 0 ? driver->listener : IO_SOCKET_NONE,
        .clock_us = clock_of_stall,
    };
    core->thread = thread_create(&options, &core->arena, err);
    return core->thread != NULL;
}

static bool create_shared(struct driver *driver, enum event_level level, struct err *err)
{
    u32 cores_count = driver->plan.cores_count;
    if (!arena_create(&driver->shared, shared_bytes(&driver->plan))) {
        return err_set(err, "the system refuses address space: check vm.overcommit_memory");
    }
    driver->board = mailbox_board_create(&driver->shared, cores_count);
    driver->gauges =
        arena_array(&driver->shared, struct partition_gauges, driver->plan.partitions_max);
    driver->counters = arena_array(&driver->shared, struct counters, cores_count);
    for (u32 i = 0; i < cores_count; i++) {
        struct event *items = arena_array(&driver->shared, struct event, DRIVER_EVENTS_PER_CORE);
        event_log_init(&driver->cores[i].events, items, DRIVER_EVENTS_PER_CORE, (u8)i, level);
    }
    arena_seal(&driver->shared);
    driver->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(driver->bell >= 0);
    return true;
}

bool driver_create(struct driver *driver, const char *data_path, enum event_level level, u64 seed,
                   struct err *err)
{
    u32 cores_count = driver->plan.cores_count;
    struct io_options io_options = {
        .data_path = data_path,
        .cores_count = cores_count,
        .ops_max = IO_OPS_MAX,
        .sync_workers_max = IO_WORKERS_MAX,
    };
    if (!create_shared(driver, level, err) || !io_create_all(&io_options, driver->ios, err)) {
        return false;
    }
    struct offload_options offload_options = {
        .threads_count = driver->plan.offload_threads,
        .cores_count = cores_count,
        .jobs_max = OFFLOAD_JOBS_MAX,
        .argon2_memory_kib = driver->plan.argon2_memory_kib,
        .argon2_passes = 2,
        .ios = driver->ios,
        .data_path = data_path,
    };
    driver->offload = offload_create(&offload_options, err);
    if (driver->offload == NULL) {
        return false;
    }
    for (u32 i = 0; i < cores_count; i++) {
        if (!create_core(driver, i, seed, err)) {
            return false;
        }
    }
    return true;
}

/* ---- One core's life ---- */

static void tell_main(struct driver *driver)
{
    u64 one = 1;
    ssize_t written = write(driver->bell, &one, sizeof(one));
    (void)written; /* a full eventfd rings already */
}

/* What the main thread must hear of after a turn. */
static void report(struct driver_core *core)
{
    struct driver *driver = core->driver;
    bool news = !ring_is_empty(&core->events.ring);
    if (core->index == 0) {
        if (gauge_get(&driver->ready) == 0 && thread_is_ready(core->thread)) {
            gauge_set(&driver->ready, 1);
            news = true;
        }
        if (gauge_get(&driver->root_set) == 0 && thread_has_set_root(core->thread)) {
            gauge_set(&driver->root_set, 1);
            news = true;
        }
        if (gauge_get(&driver->failed) == 0 && thread_has_failed(core->thread, &driver->failure)) {
            gauge_set(&driver->failed, 1);
            news = true;
        }
        if (gauge_get(&driver->drained) == 0 && thread_is_drained(core->thread)) {
            gauge_set(&driver->drained, 1);
            news = true;
        }
    }
    if (news) {
        tell_main(driver);
    }
}

static void pin_to_processor(u32 index)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return;
    }
    u32 seen = 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && seen++ == index) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            (void)pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
            return;
        }
    }
}

/* True when mail came while looking. The clock is asked seldom: it costs more than a look. */
static bool spin_for_mail(struct mailbox *mailbox)
{
    u64 until_us = io_monotonic_us() + SPIN_US;
    do {
        for (u32 i = 0; i < SPIN_LOOKS; i++) {
            if (!mailbox_is_empty(mailbox)) {
                return true;
            }
            __builtin_ia32_pause();
        }
    } while (io_monotonic_us() < until_us);
    return false;
}

static void submit(struct driver_core *core)
{
    core->turns_gathered = 0;
    io_submit(core->driver->ios[core->index]);
}

static void submit_soon(struct driver_core *core)
{
    if (++core->turns_gathered >= TURNS_GATHERED_MAX) {
        submit(core);
    }
}

static void wait_for_work(struct driver_core *core, const struct turn_result *turn)
{
    struct mailbox *mailbox = &thread_core(core->thread)->mailbox;
    bool spins = turn->lanes_busy && mailbox->cores_count > 1;
    if (spins) {
        submit(core);
        if (spin_for_mail(mailbox)) {
            return;
        }
    }
    if (!mailbox_sleep_begin(mailbox)) {
        submit_soon(core);
        return;
    }
    core->turns_gathered = 0; /* io_wait submits and sleeps in one call */
    io_wait(core->driver->ios[core->index], turn->deadline_us, 0);
    mailbox_sleep_end(mailbox);
}

static void *core_run(void *context)
{
    struct driver_core *core = context;
    struct driver *driver = core->driver;
    bool stopping = false;
    if (driver->pin) {
        pin_to_processor(core->index);
    }
    io_start(driver->ios[core->index], thread_core(core->thread));
    if (core->index == 0) {
        thread_start(core->thread);
    }
    while (gauge_get(&driver->quit) == 0) {
        if (core->index == 0 && !stopping && gauge_get(&driver->stop_asked) != 0) {
            stopping = true;
            thread_stop(core->thread);
        }
        struct turn_result turn = thread_turn(core->thread, now());
        report(core);
        if (turn.busy) {
            submit_soon(core);
        } else {
            wait_for_work(core, &turn);
        }
    }
    return NULL;
}

void driver_start(struct driver *driver)
{
    for (u32 i = 0; i < driver->plan.cores_count; i++) {
        struct driver_core *core = &driver->cores[i];
        check(pthread_create(&core->id, NULL, core_run, core) == 0);
        char name[16];
        str_format(name, sizeof(name), "core-%u", i);
        (void)pthread_setname_np(core->id, name);
    }
}

void driver_stop(struct driver *driver)
{
    gauge_set(&driver->stop_asked, 1);
    io_ring_bell(driver->ios[0]);
}

void driver_join(struct driver *driver)
{
    gauge_set(&driver->quit, 1);
    for (u32 i = 0; i < driver->plan.cores_count; i++) {
        io_ring_bell(driver->ios[i]);
    }
    for (u32 i = 0; i < driver->plan.cores_count; i++) {
        check(pthread_join(driver->cores[i].id, NULL) == 0);
    }
}

void driver_destroy(struct driver *driver)
{
    offload_destroy(driver->offload);
    /* Before the memory that ops lie in: a removal of deleted files may still be under way. */
    io_destroy_all(driver->ios, driver->plan.cores_count);
    for (u32 i = 0; i < driver->plan.cores_count; i++) {
        thread_destroy(driver->cores[i].thread);
        arena_destroy(&driver->cores[i].arena);
    }
    arena_destroy(&driver->shared);
    close(driver->bell);
}
