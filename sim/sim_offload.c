/* The door offload.h over virtual time: late answers, and hashes that cost nothing.
 *
 * A hash reads `$argon2id$v=19$m=8,t=1,p=1$<salt>$<digest>`, both 16 hexadecimal digits: of the
 * shape of the real one, of no strength. It depends on password and salt alone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_world.h"

#define JOBS_MAX 16u
#define ARCHIVE_END_BYTES 22u

/* A job in flight; the job itself is memory of the core and is gone after a crash. */
struct job_timer {
    struct list_node node;
    struct offload *offload;
    struct offload_job *job;
    u32 core_index;
    u32 incarnation;
};

bool offload_has_room(const struct offload *offload, u32 core_index)
{
    check(core_index < offload->sim->cores_count);
    return offload->lanes[core_index].jobs_count < JOBS_MAX;
}

static void write_hash(char *hash, u64 salt, const u8 *password, u32 size)
{
    u64 digest = hash_u64_pair(salt, hash_bytes(password, size));
    bool fits = str_format(hash, OFFLOAD_HASH_BYTES,
                           "$argon2id$v=19$m=8,t=1,p=1$%016" PRIx64 "$%016" PRIx64, salt, digest);
    check(fits);
}

static enum status verify_password(const struct offload_job *job)
{
    u64 salt = 0;
    if (sscanf(job->hash, "$argon2id$v=19$m=8,t=1,p=1$%16" SCNx64 "$", &salt) != 1) {
        return ERR_INVALID;
    }
    char expected[OFFLOAD_HASH_BYTES];
    write_hash(expected, salt, job->password, job->password_size);
    return strcmp(expected, job->hash) == 0 ? OK : ERR_INVALID;
}

static void tell_facts(struct offload *offload, struct process_facts *facts)
{
    struct sim *sim = offload->sim;
    *facts = (struct process_facts){
        .process_id = 1000 + offload->node->incarnation,
        .threads_count = sim->cores_count,
        .memory_usage_bytes = 10 * MIB,
        .total_memory_bytes = 1 * GIB,
        .available_memory_bytes = 512 * MIB,
        .disk_free_bytes = sim_disk_free_bytes(&offload->node->disk),
        .disk_total_bytes = offload->node->disk.capacity_bytes,
        .start_time_us = SIM_WALL_START_US,
        .run_time_us = sim->clock.now_us,
        .hostname = "node",
        .os_name = "simulator",
        .os_version = "1",
        .kernel_version = "1",
    };
}

/* The end of an archive, which has no files. */
static void write_archive(struct archive *archive)
{
    check(archive->capacity >= ARCHIVE_END_BYTES);
    memset(archive->data, 0, ARCHIVE_END_BYTES);
    memcpy(archive->data, "PK\5\6", 4);
    archive->size = ARCHIVE_END_BYTES;
}

static void do_job(struct offload *offload, struct offload_job *job)
{
    switch (job->kind) {
    case OFFLOAD_PASSWORD_HASH:
        write_hash(job->hash, prng_next(&offload->sim->prng), job->password, job->password_size);
        job->status = OK;
        break;
    case OFFLOAD_PASSWORD_VERIFY: job->status = verify_password(job); break;
    case OFFLOAD_RANDOM:
        for (u32 i = 0; i < OFFLOAD_HASH_BYTES; i++) {
            job->hash[i] = (char)prng_next(&offload->sim->prng);
        }
        job->status = OK;
        break;
    case OFFLOAD_PROCESS_FACTS:
        tell_facts(offload, job->facts);
        job->status = OK;
        break;
    case OFFLOAD_ARCHIVE:
        write_archive(job->archive);
        job->status = OK;
        break;
    }
    memset(job->password, 0, sizeof(job->password));
}

static void on_job_done(void *context, u64 word)
{
    struct job_timer *timer = context;
    struct offload *offload = timer->offload;
    (void)word;
    if (timer->incarnation == offload->node->incarnation) {
        struct offload_job *job = timer->job;
        do_job(offload, job);
        list_remove(&job->node);
        list_add_last(&offload->lanes[timer->core_index].finished, &job->node);
        sim_trace(offload->sim, SIM_STEP_JOB | (u64)job->kind << 8, job->status);
        sim_core_wake(&offload->node->ios[timer->core_index]);
    }
    list_remove(&timer->node);
    mem_return(timer);
}

void offload_submit(struct offload *offload, u32 core_index, struct offload_job *job)
{
    struct sim *sim = offload->sim;
    check(offload_has_room(offload, core_index));
    check(job->done != NULL);
    check(job->password_size <= OFFLOAD_PASSWORD_BYTES_MAX);
    job->core_index = core_index;
    list_node_init(&job->node);
    list_add_last(&offload->lanes[core_index].running, &job->node);
    offload->lanes[core_index].jobs_count++;
    struct job_timer *timer = mem_take(sizeof(*timer));
    *timer = (struct job_timer){.offload = offload,
                                .job = job,
                                .core_index = core_index,
                                .incarnation = offload->node->incarnation};
    list_add_last(&sim->job_timers, &timer->node);
    bool is_late = sim_happens(sim, sim->options.faults.offload_late, &sim->counts.offload_lates);
    u64 takes_us = is_late ? sim_between(sim, 500000, 3000000) : sim_between(sim, 500, 40000);
    sim_clock_at(&sim->clock, sim->clock.now_us + takes_us, on_job_done, timer, 0);
}

u32 offload_reap(struct offload *offload, u32 core_index, struct core *core)
{
    struct offload_lane *lane = &offload->lanes[core_index];
    u32 reaped = 0;
    struct list_node *node;
    while ((node = list_pop(&lane->finished)) != NULL) {
        struct offload_job *job = container_of(node, struct offload_job, node);
        lane->jobs_count--;
        job->done(core, job);
        reaped++;
    }
    return reaped;
}

void sim_offload_forget(struct sim_node *node)
{
    for (u32 i = 0; i < SIM_CORES_MAX; i++) {
        list_init(&node->offload.lanes[i].running);
        list_init(&node->offload.lanes[i].finished);
        node->offload.lanes[i].jobs_count = 0;
    }
}

void sim_job_timers_destroy(struct sim *sim)
{
    list_for_each(node, next, &sim->job_timers) {
        mem_return(container_of(node, struct job_timer, node));
    }
}
