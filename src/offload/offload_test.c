#include "test.h"

#include <pthread.h>

#include "base/mem.h"
#include "io/io_uring_driver.h"
#include "offload/offload_threads.h"

#define CORES_COUNT 2u
#define JOBS_MAX 4u
#define ROUNDS 40u

struct core {
    u32 index;
    u32 completions_count;
    struct io *io;
    struct offload *offload;
};

static void on_done(struct core *core, struct offload_job *job)
{
    (void)job;
    core->completions_count++;
}

static void job_init(struct offload_job *job, enum offload_kind kind, const char *password)
{
    memset(job, 0, sizeof(*job));
    job->done = on_done;
    job->kind = kind;
    job->password_size = (u32)strlen(password);
    memcpy(job->password, password, job->password_size);
}

static void world_create(struct core *cores, struct io **ios, u32 threads_count)
{
    struct io_options io_options = {
        .data_path = "/var/tmp",
        .cores_count = CORES_COUNT,
        .ops_max = 8,
        .sync_workers_max = 2,
    };
    struct err err = {0};
    EXPECT(io_create_all(&io_options, ios, &err));
    struct offload_options options = {
        .threads_count = threads_count,
        .cores_count = CORES_COUNT,
        .jobs_max = JOBS_MAX,
        .argon2_memory_kib = 64,
        .argon2_passes = 1,
        .ios = ios,
        .data_path = "/var/tmp",
    };
    struct offload *offload = offload_create(&options, &err);
    EXPECT(offload != NULL);
    for (u32 i = 0; i < CORES_COUNT; i++) {
        cores[i] = (struct core){.index = i, .io = ios[i], .offload = offload};
    }
}

static void world_destroy(struct core *cores, struct io **ios)
{
    offload_destroy(cores[0].offload);
    io_destroy_all(ios, CORES_COUNT);
}

/* Sleeps until the bell of an answer; no deadline, so a bell that is missed hangs the test. */
static void turn(struct core *core)
{
    io_wait(core->io, UINT64_MAX, 0);
    (void)offload_reap(core->offload, core->index, core);
    (void)io_reap(core->io, 64);
    io_submit(core->io);
}

TEST(a_password_is_hashed_verified_and_wiped)
{
    struct core cores[CORES_COUNT];
    struct io *ios[CORES_COUNT];
    world_create(cores, ios, 1);
    io_start(ios[0], &cores[0]);
    struct offload_job job;
    job_init(&job, OFFLOAD_PASSWORD_HASH, "secret");
    offload_submit(cores[0].offload, 0, &job);
    while (cores[0].completions_count < 1) {
        turn(&cores[0]);
    }
    EXPECT_EQ(job.status, OK);
    EXPECT_EQ(job.password_size, 0);
    u8 zeros[sizeof(job.password)] = {0};
    EXPECT_BYTES(job.password, zeros, sizeof(zeros));

    static const char *const passwords[] = {"secret", "wrong"};
    for (u32 i = 0; i < array_count(passwords); i++) {
        struct offload_job verify_job;
        job_init(&verify_job, OFFLOAD_PASSWORD_VERIFY, passwords[i]);
        memcpy(verify_job.hash, job.hash, sizeof(job.hash));
        offload_submit(cores[0].offload, 0, &verify_job);
        while (cores[0].completions_count < 2 + i) {
            turn(&cores[0]);
        }
        EXPECT_EQ(verify_job.status, i == 0 ? OK : ERR_INVALID);
        EXPECT_BYTES(verify_job.password, zeros, sizeof(zeros));
    }
    struct process_facts facts;
    job_init(&job, OFFLOAD_PROCESS_FACTS, "");
    job.facts = &facts;
    offload_submit(cores[0].offload, 0, &job);
    while (cores[0].completions_count < 4) {
        turn(&cores[0]);
    }
    EXPECT_EQ(job.status, OK);
    EXPECT_EQ(facts.process_id, (u32)getpid());
    world_destroy(cores, ios);
}

TEST(a_core_may_give_so_many_jobs_and_no_more)
{
    struct core cores[CORES_COUNT];
    struct io *ios[CORES_COUNT];
    world_create(cores, ios, 2);
    io_start(ios[0], &cores[0]);
    struct offload_job jobs[JOBS_MAX];
    for (u32 i = 0; i < JOBS_MAX; i++) {
        EXPECT(offload_has_room(cores[0].offload, 0));
        job_init(&jobs[i], OFFLOAD_PASSWORD_HASH, "x");
        offload_submit(cores[0].offload, 0, &jobs[i]);
    }
    EXPECT(!offload_has_room(cores[0].offload, 0));
    EXPECT(offload_has_room(cores[0].offload, 1));
    while (cores[0].completions_count < JOBS_MAX) {
        turn(&cores[0]);
    }
    EXPECT(offload_has_room(cores[0].offload, 0));
    world_destroy(cores, ios);
}

static void *core_run(void *argument)
{
    struct core *core = argument;
    io_start(core->io, core);
    struct offload_job *jobs = mem_take(JOBS_MAX * sizeof(*jobs));
    bool good = true;
    for (u32 round = 0; round < ROUNDS; round++) {
        u32 before = core->completions_count;
        for (u32 i = 0; i < JOBS_MAX; i++) {
            job_init(&jobs[i], OFFLOAD_PASSWORD_HASH, "password");
            offload_submit(core->offload, core->index, &jobs[i]);
        }
        while (core->completions_count < before + JOBS_MAX) {
            turn(core);
        }
        for (u32 i = 0; i < JOBS_MAX; i++) {
            good = good && jobs[i].status == OK && jobs[i].hash[0] == '$';
        }
    }
    mem_return(jobs);
    return good ? core : NULL;
}

TEST(two_cores_and_three_threads_lose_no_job_and_no_bell)
{
    struct core cores[CORES_COUNT];
    struct io *ios[CORES_COUNT];
    world_create(cores, ios, 3);
    pthread_t threads[CORES_COUNT];
    for (u32 i = 0; i < CORES_COUNT; i++) {
        EXPECT(pthread_create(&threads[i], NULL, core_run, &cores[i]) == 0);
    }
    for (u32 i = 0; i < CORES_COUNT; i++) {
        void *result = NULL;
        EXPECT(pthread_join(threads[i], &result) == 0);
        EXPECT(result != NULL);
        EXPECT_EQ(cores[i].completions_count, ROUNDS * JOBS_MAX);
    }
    world_destroy(cores, ios);
}

TEST(it_ends_while_jobs_are_queued)
{
    struct core cores[CORES_COUNT];
    struct io *ios[CORES_COUNT];
    world_create(cores, ios, 1);
    struct offload_job jobs[JOBS_MAX];
    for (u32 i = 0; i < JOBS_MAX; i++) {
        job_init(&jobs[i], OFFLOAD_PASSWORD_HASH, "x");
        offload_submit(cores[0].offload, 0, &jobs[i]);
    }
    world_destroy(cores, ios);
}
