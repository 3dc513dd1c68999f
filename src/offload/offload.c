/* The threads behind offload.h.
 *
 *     core 0 ── ring ──▶ ┐                     ┌▶ thread 0 ── ring per core ──▶ core 0, 1, …   bell
 *     core 1 ── ring ──▶ ┘ one thread takes    └▶ thread 1 ── ring per core ──▶
 *
 * Cores never wait: a job goes into the core's own ring and a semaphore is raised; an answer
 * comes back through a ring that one thread writes and one core reads. The threads agree among
 * themselves, by a mutex that no core ever touches, who takes the next job. A core has at most
 * jobs_max jobs out, so no ring is ever full. */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/ring.h"
#include "io/io_uring_driver.h"
#include "offload/offload_log.h"
#include "offload/offload_threads.h"
#include "offload/password.h"
#include "offload/process_facts.h"

#define OFFLOAD_THREADS_MAX 4u
#define OFFLOAD_CORES_MAX 32u

struct offload_thread {
    pthread_t thread;
    struct offload *offload;
    struct password_room room;
    struct ring done[OFFLOAD_CORES_MAX]; /* to each core: pointers to jobs */
};

struct offload_core {
    struct ring asked; /* pointers to jobs */
    u32 jobs_out;      /* the core's own count */
    struct io *io;
};

struct offload {
    struct offload_core cores[OFFLOAD_CORES_MAX];
    struct offload_thread threads[OFFLOAD_THREADS_MAX];
    u32 threads_count;
    u32 cores_count;
    u32 jobs_max;
    struct password_cost cost;
    char *data_path;
    struct arena arena;    /* this struct, and the rings' items */
    sem_t work;            /* raised once a job */
    pthread_mutex_t among; /* the threads': taking jobs, and the look at the clocks */
    struct process_sample sample;
    struct offload_log log; /* has its own lock */
    u32 next_core;          /* whom to look at first, so that none starves */
    _Atomic bool ending;
};

/* ---- The threads ---- */

static struct offload_job *job_take(struct offload *offload)
{
    struct offload_job *job = NULL;
    check(pthread_mutex_lock(&offload->among) == 0);
    for (u32 i = 0; i < offload->cores_count && job == NULL; i++) {
        u32 core_index = (offload->next_core + i) % offload->cores_count;
        struct ring *asked = &offload->cores[core_index].asked;
        struct offload_job **item = ring_peek(asked);
        if (item != NULL) {
            job = *item;
            ring_advance(asked);
            offload->next_core = core_index + 1;
        }
    }
    check(pthread_mutex_unlock(&offload->among) == 0);
    return job;
}

static enum status process_facts_run(struct offload *offload, struct offload_job *job)
{
    check(job->facts != NULL);
    check(pthread_mutex_lock(&offload->among) == 0);
    process_facts_read(job->facts, &offload->sample, offload->data_path);
    check(pthread_mutex_unlock(&offload->among) == 0);
    return OK;
}

static enum status random_run(struct offload_job *job)
{
    bool whole = getrandom(job->hash, sizeof(job->hash), 0) == sizeof(job->hash);
    return whole ? OK : ERR_IO;
}

static enum status job_run(struct offload_thread *thread, struct offload_job *job)
{
    struct offload *offload = thread->offload;
    switch (job->kind) {
    case OFFLOAD_PASSWORD_HASH:
        return password_hash(&thread->room, &offload->cost, job->password, job->password_size,
                             job->hash);
    case OFFLOAD_PASSWORD_VERIFY:
        return password_verify(&thread->room, &offload->cost, job->password, job->password_size,
                               job->hash);
    case OFFLOAD_RANDOM: return random_run(job);
    case OFFLOAD_PROCESS_FACTS: return process_facts_run(offload, job);
    case OFFLOAD_ARCHIVE: archive_make(job->archive, offload->data_path, &offload->log); return OK;
    }
    unreachable();
}

static void job_answer(struct offload_thread *thread, struct offload_job *job)
{
    u32 core_index = job->core_index;
    struct offload_job **item = ring_reserve(&thread->done[core_index]);
    check(item != NULL);
    *item = job;
    ring_publish(&thread->done[core_index]);
    io_ring_bell(thread->offload->cores[core_index].io);
}

/* True when there is something to do. A thread about to sleep gives its pages back first. */
static bool work_wait(struct offload_thread *thread)
{
    struct offload *offload = thread->offload;
    if (sem_trywait(&offload->work) == 0) {
        return true;
    }
    password_room_release(&thread->room);
    return sem_wait(&offload->work) == 0;
}

static void *offload_run(void *argument)
{
    struct offload_thread *thread = argument;
    while (!atomic_load(&thread->offload->ending)) {
        if (!work_wait(thread)) {
            continue; /* a signal */
        }
        struct offload_job *job = job_take(thread->offload);
        if (job == NULL) {
            continue;
        }
        job->status = job_run(thread, job);
        explicit_bzero(job->password, sizeof(job->password));
        job->password_size = 0;
        job_answer(thread, job);
    }
    return NULL;
}

/* ---- The cores ---- */

bool offload_has_room(const struct offload *offload, u32 core_index)
{
    check(core_index < offload->cores_count);
    return offload->cores[core_index].jobs_out < offload->jobs_max;
}

void offload_submit(struct offload *offload, u32 core_index, struct offload_job *job)
{
    check(offload_has_room(offload, core_index));
    check(job->done != NULL);
    check(job->password_size <= OFFLOAD_PASSWORD_BYTES_MAX);

    struct offload_core *core = &offload->cores[core_index];
    job->core_index = core_index;
    job->status = OK;
    struct offload_job **item = ring_reserve(&core->asked);
    check(item != NULL);
    *item = job;
    ring_publish(&core->asked);
    core->jobs_out++;
    check(sem_post(&offload->work) == 0);
}

u32 offload_reap(struct offload *offload, u32 core_index, struct core *core)
{
    check(core_index < offload->cores_count);
    if (offload->cores[core_index].jobs_out == 0) {
        return 0;
    }
    u32 count = 0;
    for (u32 i = 0; i < offload->threads_count; i++) {
        struct ring *done = &offload->threads[i].done[core_index];
        for (struct offload_job **item; (item = ring_peek(done)) != NULL; count++) {
            struct offload_job *job = *item;
            ring_advance(done);
            offload->cores[core_index].jobs_out--;
            job->done(core, job);
        }
    }
    return count;
}

/* ---- Making and ending ---- */

static u32 ring_items_for(u32 jobs_max)
{
    u32 items = 1;
    while (items < jobs_max) {
        items *= 2;
    }
    return items;
}

static void rings_create(struct offload *offload, struct io **ios)
{
    u32 items = ring_items_for(offload->jobs_max);
    u32 size = (u32)sizeof(struct offload_job *);
    for (u32 i = 0; i < offload->cores_count; i++) {
        offload->cores[i].io = ios[i];
        ring_init(&offload->cores[i].asked, arena_take(&offload->arena, items * (u64)size, 64),
                  items, size);
        for (u32 j = 0; j < offload->threads_count; j++) {
            ring_init(&offload->threads[j].done[i],
                      arena_take(&offload->arena, items * (u64)size, 64), items, size);
        }
    }
}

static u64 arena_bytes(const struct offload_options *options)
{
    u64 ring_bytes = align_up(ring_items_for(options->jobs_max) * sizeof(struct offload_job *), 64);
    return ring_bytes * options->cores_count * (1 + options->threads_count) +
           align_up(sizeof(struct offload), 64);
}

/* Ends the threads that were started, and all they had. */
static void threads_end(struct offload *offload, u32 count)
{
    atomic_store(&offload->ending, true);
    for (u32 i = 0; i < count; i++) {
        check(sem_post(&offload->work) == 0);
    }
    for (u32 i = 0; i < count; i++) {
        check(pthread_join(offload->threads[i].thread, NULL) == 0);
        password_room_destroy(&offload->threads[i].room);
    }
    check(sem_destroy(&offload->work) == 0);
    check(pthread_mutex_destroy(&offload->among) == 0);
    offload_log_deinit(&offload->log);
    mem_return(offload->data_path);
    struct arena arena = offload->arena;
    arena_destroy(&arena);
}

static bool thread_start(struct offload *offload, u32 index, struct err *err)
{
    struct offload_thread *thread = &offload->threads[index];
    thread->offload = offload;
    if (!password_room_create(&thread->room, offload->cost.memory_kib)) {
        return err_set(err, "no address space for password hashes (%u KiB a thread)",
                       offload->cost.memory_kib);
    }
    if (pthread_create(&thread->thread, NULL, offload_run, thread) != 0) {
        password_room_destroy(&thread->room);
        return err_set(err,
                       "cannot start a thread: raise `ulimit -u` (TasksMax= in the systemd unit)");
    }
    char name[16];
    (void)str_format(name, sizeof(name), "offload-%u", index);
    (void)pthread_setname_np(thread->thread, name);
    return true;
}

struct offload *offload_create(const struct offload_options *options, struct err *err)
{
    check(options->threads_count >= 1);
    check(options->threads_count <= OFFLOAD_THREADS_MAX);
    check(options->cores_count >= 1);
    check(options->cores_count <= OFFLOAD_CORES_MAX);
    check(options->jobs_max >= 1);

    struct arena arena;
    if (!arena_create(&arena, arena_bytes(options))) {
        (void)err_set(err, "no memory for the queues of the offload threads");
        return NULL;
    }
    struct offload *offload = arena_take(&arena, sizeof(*offload), 64);
    offload->arena = arena;
    offload->cost = (struct password_cost){options->argon2_memory_kib, options->argon2_passes, 1};
    offload->threads_count = options->threads_count;
    offload->cores_count = options->cores_count;
    offload->jobs_max = options->jobs_max;
    offload->data_path = mem_copy_text(options->data_path);
    atomic_init(&offload->ending, false);
    check(sem_init(&offload->work, 0, 0) == 0);
    check(pthread_mutex_init(&offload->among, NULL) == 0);
    process_facts_begin(&offload->sample);
    offload_log_init(&offload->log);
    rings_create(offload, options->ios);
    for (u32 i = 0; i < options->threads_count; i++) {
        if (!thread_start(offload, i, err)) {
            threads_end(offload, i);
            return NULL;
        }
    }
    return offload;
}

void offload_note_line(struct offload *offload, struct span line)
{
    offload_log_note(&offload->log, line);
}

void offload_destroy(struct offload *offload)
{
    threads_end(offload, offload->threads_count);
}
