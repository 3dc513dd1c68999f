#include "sim/seed_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "sim/audit.h"
#include "sim/disk_story.h"
#include "sim/operation.h"
#include "sim/rollback.h"
#include "sim/workload.h"
#include "wire/error.h"

#define READY_US_MAX (120 * US_PER_SECOND)
#define AUDIT_US_MAX (400 * US_PER_SECOND)
#define ENDS_US_MAX (120 * US_PER_SECOND)
#define ROUNDS_MAX 40u

struct seed_run {
    const struct seed_options *options;
    struct prng prng;
    struct sim *sim;
    struct sim_options world;
    struct schedule schedule;
    struct model model;
    struct workload workload;
    struct audit audit;
    struct verdict verdict;
    u32 armed;
    u32 boost; /* rates of what did not happen yet are multiplied */
    u64 disk_bytes;
    bool disk_is_full;
    u64 end_us;           /* of the present stretch of work */
    char rot_control[16]; /* only one of the two control logs may rot */
    struct rollback rollback;
    u64 rollback_saved_us;
    bool was_power_loss;
    bool was_kill;
    u64 lost_before_us;
};

#define ARMED_NAME(name) [ARMED_##name] = #name,
static const char *const armed_names[ARMED_COUNT] = {ARMED_LIST(ARMED_NAME)};
#undef ARMED_NAME

const char *armed_name(enum armed armed)
{
    return armed_names[armed];
}

u64 armed_happened(const struct sim_counts *counts, enum armed armed)
{
#define ARMED_VALUE(name) [ARMED_##name] = counts->name,
    const u64 values[ARMED_COUNT] = {ARMED_LIST(ARMED_VALUE)};
#undef ARMED_VALUE
    return values[armed];
}

/* ---- Drawing ---- */

static u64 draw(struct seed_run *run, u64 bound)
{
    return prng_below(&run->prng, bound);
}

static bool is_armed(const struct seed_run *run, enum armed armed)
{
    return (run->armed >> armed & 1) != 0;
}

static void draw_armed(struct seed_run *run)
{
    u32 share = 20 + (u32)draw(run, 60);
    for (u32 i = 0; i < ARMED_COUNT; i++) {
        bool arms = draw(run, 100) < share;
        /* Rot makes partitions read-only: the other faults see more without it. */
        if (i == ARMED_rots) {
            arms = draw(run, 100) < 25;
        }
        run->armed |= arms ? 1u << i : 0;
    }
    run->armed &= ~run->options->disarmed;
}

static u32 rate(struct seed_run *run, enum armed armed, u32 from, u32 to)
{
    u32 value = from + (u32)draw(run, to - from);
    if (!is_armed(run, armed)) {
        return 0;
    }
    bool happened = run->sim != NULL && armed_happened(sim_counts(run->sim), armed) > 0;
    return happened ? value : value * (1 + run->boost * 20);
}

static struct sim_faults draw_faults(struct seed_run *run)
{
    return (struct sim_faults){
        .write_error = rate(run, ARMED_write_errors, 100, 2000),
        .sync_error = rate(run, ARMED_sync_errors, 200, 4000),
        .read_error = rate(run, ARMED_read_errors, 200, 4000),
        .space_error = rate(run, ARMED_space_errors, 500, 8000),
        .disk_slow = rate(run, ARMED_disk_slow_times, 100, 1500),
        .offload_late = rate(run, ARMED_offload_lates, 5000, 200000),
        .core_starved = rate(run, ARMED_starvations, 50, 600),
        .network_late = rate(run, ARMED_network_lates, 500, 8000),
        .network_cut = rate(run, ARMED_network_cuts, 200, 3000),
        .network_reset = rate(run, ARMED_network_resets, 200, 3000),
        .wall_jump = rate(run, ARMED_wall_jumps, 20, 300),
        .clock_drift_ppm = run->world.faults.clock_drift_ppm,
    };
}

/* The disk does as it is told; the rest goes on. */
static struct sim_faults without_disk_errors(struct sim_faults faults)
{
    faults.write_error = 0;
    faults.sync_error = 0;
    faults.read_error = 0;
    faults.space_error = 0;
    return faults;
}

static u32 draw_cores(struct seed_run *run)
{
    static const u32 cores[] = {1, 1, 1, 2, 2, 2, 3, 4, 4, 8};
    return cores[draw(run, array_count(cores))];
}

static void draw_world(struct seed_run *run)
{
    run->disk_bytes = (u64)(320 + draw(run, 3) * 96) * MIB;
    run->world = (struct sim_options){
        .seed = prng_next(&run->prng),
        .cores_count = draw_cores(run),
        .sector_bytes = draw(run, 2) == 0 ? 512 : 4096,
        .disk_bytes = run->disk_bytes,
        .write_bytes_max = (u32)(64 * KIB) << draw(run, 5),
        .socket_bytes = 4096u << draw(run, 6),
        .direct_refused = draw(run, 7) == 0,
        .faults = {.clock_drift_ppm = (u32)draw(run, 500)},
    };
}

static struct settings draw_settings(struct seed_run *run)
{
    u64 roll = draw(run, 10);
    struct settings settings = {
        .durability = roll < 6   ? DURABILITY_SYNC
                      : roll < 8 ? DURABILITY_OS
                                 : DURABILITY_MEMORY,
        .direct = draw(run, 5) != 0,
        .flush_interval_us = 20000 + draw(run, 1000) * 1000,
        .flush_bytes = 16384u << draw(run, 6),
        .segment_bytes_default = (64 * KIB) << draw(run, 5),
        .disk_reserve_bytes = 24 * MIB,
        .dedup_enabled = draw(run, 2) == 0,
        .dedup_entries_max = SEED_DEDUP_ENTRIES,
        .message_expiry_us_default = UINT64_MAX,
        .topic_bytes_max_default = UINT64_MAX,
        .retention_interval_us = 200000 + draw(run, 3000000),
        .group_handover_us = (1 + hash_u64(run->options->seed) % 10) * US_PER_SECOND,
        .group_grace_us = hash_u64(run->options->seed + 1) % 8 * US_PER_SECOND,
        .offset_hold_us_max = (1 + draw(run, 40)) * US_PER_SECOND,
        .frame_timeout_us = 10 * US_PER_SECOND,
        .request_deadline_us = 10 * US_PER_SECOND,
        .direct_after_writes = 1 + (u32)draw(run, 3),
        .move_after_requests = 1 + (u32)draw(run, 8),
        .send_stall_us = 100000 + draw(run, 2000000),
        .login_failures_per_minute_max = 100,
        .tokens_per_user_max = 4,
        .boot_seed = prng_next(&run->prng),
        .tcp_port = 8090,
        .tcp_address = "127.0.0.1",
        .root_username = "root",
        .root_password = WORKLOAD_PASSWORD,
        .encryption_has_key = draw(run, 4) == 0,
    };
    for (u32 i = 0; i < sizeof(settings.encryption_key); i++) {
        settings.encryption_key[i] = (u8)draw(run, 256);
    }
    return settings;
}

/* ---- Waiting ---- */

static bool failed(const struct seed_run *run)
{
    return run->verdict.failed;
}

static bool is_ready(void *context)
{
    struct seed_run *run = context;
    return failed(run) || schedule_is_ready(&run->schedule) ||
           schedule_has_failed(&run->schedule, NULL);
}

static bool is_drained(void *context)
{
    struct seed_run *run = context;
    return failed(run) || schedule_is_drained(&run->schedule);
}

static bool is_audited(void *context)
{
    struct seed_run *run = context;
    return failed(run) || audit_is_done(&run->audit) || run->audit.wants_restart;
}

static bool guests_are_audited(void *context)
{
    struct seed_run *run = context;
    return failed(run) || workload_guests_are_audited(&run->workload);
}

static bool nothing_in_flight(void *context)
{
    struct seed_run *run = context;
    return failed(run) || workload_calls_in_flight(&run->workload) == 0;
}

static bool only_failed(void *context)
{
    return failed(context);
}

static void pass_time(struct seed_run *run, u64 for_us)
{
    (void)sim_run_until(run->sim, only_failed, run, for_us);
}

static void say(const struct seed_run *run, const char *what)
{
    if (run->options->prints) {
        fprintf(stderr, "%" PRIu64 " us: %s\n", sim_now_us(run->sim), what);
    }
}

/* ---- Ends of a server ---- */

static struct sim_crash_odds draw_odds(struct seed_run *run)
{
    struct sim_crash_odds odds = {
        .name_kept = (u32)draw(run, 101),
        .size_kept = (u32)draw(run, 101),
        .torn_unreadable = (u32)draw(run, 60),
    };
    odds.sector_old = (u32)draw(run, 101);
    odds.sector_new = (u32)draw(run, 101 - odds.sector_old);
    if (draw(run, 4) == 0) { /* all or nothing */
        bool kept = draw(run, 2) == 0;
        odds = (struct sim_crash_odds){kept ? 100 : 0, kept ? 100 : 0, kept ? 0 : 100,
                                       kept ? 100 : 0, 0};
    }
    return odds;
}

static void note_loss(struct seed_run *run, bool power)
{
    /* What was bound a good while ago must be below the recovery point: the log was flushed since,
     * unless the disk was slow, or failed. */
    u64 slack_us = run->schedule.settings.flush_interval_us + 20 * US_PER_SECOND;
    u64 now_us = sim_now_us(run->sim);
    u64 before_us = now_us > slack_us ? now_us - slack_us : 0;
    bool is_short = is_armed(run, ARMED_space_errors) || is_armed(run, ARMED_disk_full_times);
    if (is_armed(run, ARMED_write_errors) || is_armed(run, ARMED_sync_errors) ||
        (is_short && run->model.level == MODEL_MEMORY)) {
        before_us = 0;
    }
    run->was_power_loss = run->was_power_loss || power;
    run->was_kill = run->was_kill || !power;
    run->lost_before_us = u64_min(run->lost_before_us, before_us);
    workload_on_crash(&run->workload);
}

/* What a failing disk makes of level `memory` is found out by the audit. */
static void doubt(struct seed_run *run)
{
    if (sim_counts(run->sim)->sync_errors != run->workload.boot_counts.sync_errors) {
        /* What a failed sync did not take is lost with the process, as by a power loss. */
        run->was_power_loss = true;
        run->lost_before_us = 0;
    }
    if (workload_disk_broke(&run->workload)) {
        model_doubt_memory(&run->model, run->workload.boot_us);
    }
    if (workload_disk_failed(&run->workload)) {
        workload_on_crash(
            &run->workload); /* a stop cannot write what a failed file does not take */
    }
}

static void end_server(struct seed_run *run, bool power)
{
    struct sim_crash_odds odds = draw_odds(run);
    run->workload.is_paused = true;
    doubt(run);
    say(run, power ? "power loss" : "kill");
    if (run->options->prints && run->options->story[0] != 0) {
        disk_story_print(sim_disk(run->sim, 0), run->options->story);
    }
    if (power) {
        schedule_crash(&run->schedule, &odds);
    } else {
        schedule_kill(&run->schedule);
    }
    /* What the clients have in flight is lost at once, so that the audit finds nothing under way.
     * */
    workload_disconnect(&run->workload);
    audit_end(&run->audit);
    note_loss(run, power);
    pass_time(run, 1000 + draw(run, 500000));
}

/* Something written has a life that began after the control logs were saved: one that they do not
 * know. */
static bool has_young_life(const struct seed_run *run)
{
    for (u32 i = 0; i < run->model.streams_count; i++) {
        for (u32 j = 0; j < MODEL_TOPICS_MAX; j++) {
            const struct model_topic *topic = &run->model.streams[i].topics[j];
            const struct model_partition *first = &topic->partitions[0];
            if (model_topic_is_there(topic) && first->runs_count > 0 && !first->expires &&
                first->life_began_us > run->rollback_saved_us) {
                return true;
            }
        }
    }
    return false;
}

/* Between a clean stop and the next start: control forgets, and the server must notice. */
static void try_rollback(struct seed_run *run)
{
    struct sim_disk *disk = sim_disk(run->sim, 0);
    if (run->rollback.files_count == 0) {
        rollback_save(&run->rollback, disk);
        run->rollback_saved_us = sim_now_us(run->sim);
        return;
    }
    if (!has_young_life(run)) {
        return;
    }
    say(run, "control is put back to an old state");
    rollback_swap(&run->rollback, disk);
    schedule_start(&run->schedule);
    if (!sim_run_until(run->sim, is_ready, run, READY_US_MAX) && !failed(run)) {
        verdict_fail(&run->verdict, CHECK_catches_up, "a start that must be refused did not end");
    }
    if (!failed(run) && !schedule_has_failed(&run->schedule, NULL)) {
        verdict_fail(&run->verdict, CHECK_unknown_life_is_refused,
                     "the server opens partitions whose lives control does not know");
    }
    schedule_kill(&run->schedule);
    rollback_swap(&run->rollback, disk);
    rollback_forget(&run->rollback);
    say(run, "control is back");
}

static void stop_server(struct seed_run *run)
{
    run->workload.is_paused = true;
    say(run, "clean stop");
    sim_set_faults(run->sim, &(struct sim_faults){0});
    sim_disk_resize(run->sim, 0, run->disk_bytes);
    run->workload.is_stopping = true;
    schedule_stop(&run->schedule);
    if (!sim_run_until(run->sim, is_drained, run, ENDS_US_MAX) && !failed(run)) {
        verdict_fail(&run->verdict, CHECK_catches_up, "a clean stop did not end");
    }
    doubt(run);
    if (!failed(run)) {
        /* Whatever had no answer by then gets none: the process is gone. */
        schedule_end(&run->schedule);
        workload_disconnect(&run->workload);
        audit_end(&run->audit);
        try_rollback(run);
    }
}

/* ---- Starting ---- */

/* True when it is ready. A start may fail when the disk failed meanwhile; then it is tried again.
 * */
static bool boot_once(struct seed_run *run, bool in_peace)
{
    struct sim_faults faults = draw_faults(run);
    if (in_peace || draw(run, 2) == 0) {
        faults = without_disk_errors(faults);
    }
    faults.read_error = 0; /* while it runs a read may fail and work again; at a start, only rot */
    sim_set_faults(run->sim, &faults);
    say(run, "boot");
    schedule_start(&run->schedule);
    workload_on_boot(&run->workload);
    if (!in_peace && draw(run, 6) == 0) {
        pass_time(run, draw(run, 60000));
        end_server(run, draw(run, 3) != 0);
        return false;
    }
    if (!sim_run_until(run->sim, is_ready, run, READY_US_MAX) && !failed(run)) {
        verdict_fail(&run->verdict, CHECK_catches_up, "the server was not ready within %llu s",
                     READY_US_MAX / US_PER_SECOND);
        return false;
    }
    struct err err = {0};
    if (!failed(run) && schedule_has_failed(&run->schedule, &err)) {
        if (!workload_excuses(&run->workload, WIRE_IO_ERROR)) {
            verdict_fail(&run->verdict, CHECK_acknowledged_is_readable,
                         "the server refuses to start: %.300s", err.text);
            return false;
        }
        end_server(run, draw(run, 2) == 0);
        return false;
    }
    return !failed(run);
}

static void audit_guests(struct seed_run *run)
{
    if (run->workload.is_started) {
        workload_audit_guests(&run->workload);
    }
    if (!sim_run_until(run->sim, guests_are_audited, run, AUDIT_US_MAX) && !failed(run)) {
        verdict_fail(&run->verdict, CHECK_catches_up, "the audit of the users did not end");
    }
}

static void boot_and_audit(struct seed_run *run)
{
    for (u32 tries = 0; !failed(run); tries++) {
        if (!boot_once(run, tries > 3)) {
            continue;
        }
        struct sim_faults faults = without_disk_errors(run->world.faults);
        sim_set_faults(run->sim, &faults);
        audit_begin(&run->audit, run->was_power_loss, run->was_kill, run->lost_before_us);
        bool interrupted = tries <= 3 && draw(run, 10) == 0;
        if (interrupted) {
            pass_time(run, draw(run, 300000));
            end_server(run, draw(run, 2) == 0);
            continue;
        }
        if (!sim_run_until(run->sim, is_audited, run, AUDIT_US_MAX) && !failed(run)) {
            verdict_fail(&run->verdict, CHECK_catches_up, "the audit after a restart did not end");
        }
        if (!failed(run) && run->audit.wants_restart) {
            /* A read that failed at this start may have made a partition unreadable. */
            if (tries > 5) {
                verdict_fail(&run->verdict, CHECK_acknowledged_is_readable,
                             "stream %u topic %u partition %u (stream number %u) cannot be read "
                             "from %" PRIu64 ", however often started: %s",
                             run->audit.stream, run->audit.topic, run->audit.partition,
                             run->model.streams[run->audit.stream].id, run->audit.next,
                             wire_error_name(run->audit.failure));
            }
            end_server(run, false);
            continue;
        }
        audit_end(&run->audit);
        audit_guests(run);
        run->was_power_loss = false;
        run->was_kill = false;
        run->lost_before_us = UINT64_MAX;
        say(run, "audited");
        return;
    }
}

/* ---- Work ---- */

/* Which offsets does the segment file hold in which something rotted? Its name says where it
 * begins, the next file where it ends. */
static void note_rot(struct seed_run *run, const struct sim_rot *rot)
{
    u32 stream_id = 0;
    u32 topic_id = 0;
    u32 partition_id = 0;
    u64 base = 0;
    if (strncmp(rot->path, "offsets/", 8) == 0) {
        run->model.offsets_rotted = true;
        return;
    }
    if (sscanf(rot->path, "streams/%u/topics/%u/partitions/%u/%" SCNu64 ".log", &stream_id,
               &topic_id, &partition_id, &base) != 4) {
        return;
    }
    char directory[96];
    char names[8192];
    u64 used = 0;
    (void)snprintf(directory, sizeof(directory), "streams/%u/topics/%u/partitions/%u", stream_id,
                   topic_id, partition_id);
    u64 next = UINT64_MAX;
    if (sim_disk_list(sim_disk(run->sim, 0), directory, names, sizeof(names), &used) == OK) {
        for (u64 i = 0; i < used; i += strlen(names + i) + 1) {
            u64 other = 0;
            char dot = 0;
            if (sscanf(names + i, "%" SCNu64 "%c", &other, &dot) == 2 && dot == '.' &&
                strstr(names + i, ".log") != NULL && other > base) {
                next = u64_min(next, other);
            }
        }
    }
    for (u32 i = 0; i < run->model.streams_count; i++) {
        for (u32 j = 0; j < MODEL_TOPICS_MAX; j++) {
            struct model_topic *topic = &run->model.streams[i].topics[j];
            if (topic->stream->existence != MODEL_ABSENT && topic->existence != MODEL_ABSENT &&
                topic->stream->id == stream_id && topic->id == topic_id &&
                partition_id < MODEL_PARTITIONS_MAX &&
                topic->partitions[partition_id].rotten_count < 8) {
                model_note_rot(&topic->partitions[partition_id], base, next, next == UINT64_MAX);
            }
        }
    }
}

static void let_rot(struct seed_run *run)
{
    static const char *const prefixes[] = {"streams/", "streams/", "streams/", "ends/", "offsets/"};
    const char *prefix = prefixes[draw(run, array_count(prefixes))];
    if (draw(run, 6) == 0) {
        prefix = run->rot_control;
    }
    if (sim_rot(run->sim, 0, prefix)) {
        const struct sim_disk *disk = sim_disk(run->sim, 0);
        const struct sim_rot *rot = &disk->rots[disk->rots_count - 1];
        if (run->options->prints) {
            fprintf(stderr, "%" PRIu64 " us: rot in %s at %" PRIu64 "%s\n", sim_now_us(run->sim),
                    rot->path, rot->position, rot->unreadable ? ", unreadable" : "");
        }
        note_rot(run, rot);
    }
}

static void fill_disk(struct seed_run *run)
{
    const struct sim_disk *disk = sim_disk(run->sim, 0);
    run->disk_is_full = !run->disk_is_full;
    u64 used = disk->sectors_used * disk->sector_bytes;
    u64 capacity = used + draw(run, 30) * MIB;
    sim_disk_resize(run->sim, 0, run->disk_is_full ? capacity : run->disk_bytes);
    sim_counts(run->sim)->disk_full_times += run->disk_is_full ? 1 : 0;
    say(run, run->disk_is_full ? "the disk is full" : "the disk has room");
}

static void have_incidents(struct seed_run *run)
{
    const struct sim_counts *counts = sim_counts(run->sim);
    if (is_armed(run, ARMED_rots) && counts->rots < 3 && draw(run, 6) == 0) {
        let_rot(run);
    }
    if (run->disk_is_full || (is_armed(run, ARMED_disk_full_times) && draw(run, 8) == 0)) {
        fill_disk(run);
    }
    char story[200] = "";
    if (!schedule_cores_agree(&run->schedule, story, sizeof(story))) {
        verdict_fail(&run->verdict, CHECK_cores_agree, "%s", story);
    }
    u64 bound = (u64)run->schedule.plan.buffer_bytes_per_core * run->schedule.cores_count;
    if (schedule_taken_bytes(&run->schedule) > bound) {
        verdict_fail(&run->verdict, CHECK_memory_is_bounded, "%" PRIu64 " bytes taken of %" PRIu64,
                     schedule_taken_bytes(&run->schedule), bound);
    }
}

static void work(struct seed_run *run, u64 for_us)
{
    struct sim_faults faults = draw_faults(run);
    sim_set_faults(run->sim, &faults);
    run->workload.is_paused = false;
    say(run, "work");
    u64 end_us = sim_now_us(run->sim) + for_us;
    while (!failed(run) && sim_now_us(run->sim) < end_us) {
        pass_time(run, u64_min(end_us - sim_now_us(run->sim), 200000 + draw(run, 1500000)));
        have_incidents(run);
    }
    if (run->disk_is_full) {
        fill_disk(run);
    }
}

/* ---- The whole ---- */

static bool is_full(const struct seed_run *run)
{
    const struct sim_counts *counts = sim_counts(run->sim);
    if (run->workload.operations_count < SEED_OPERATIONS_MIN ||
        sim_now_us(run->sim) < SEED_VIRTUAL_US_MIN || counts->crashes < SEED_CRASHES_MIN) {
        return false;
    }
    for (u32 i = 0; i < ARMED_COUNT; i++) {
        if (is_armed(run, (enum armed)i) && armed_happened(counts, (enum armed)i) == 0) {
            return false;
        }
    }
    return true;
}

static bool is_enough(struct seed_run *run)
{
    const struct seed_options *options = run->options;
    if (options->operations_max > 0 && run->workload.operations_asked >= options->operations_max) {
        return true;
    }
    return is_full(run);
}

static void heal(struct seed_run *run)
{
    sim_set_faults(run->sim, &(struct sim_faults){0});
    sim_disk_resize(run->sim, 0, run->disk_bytes);
    run->workload.is_paused = true;
    say(run, "healed");
    if (!sim_run_until(run->sim, nothing_in_flight, run, ENDS_US_MAX) && !failed(run)) {
        verdict_fail(&run->verdict, CHECK_every_request_ends,
                     "%u requests have no answer %llu s after all healed",
                     workload_calls_in_flight(&run->workload), ENDS_US_MAX / US_PER_SECOND);
    }
    u64 wait_us = failed(run) ? 0 : retention_ends_after_us(&run->workload);
    if (wait_us > 0) {
        pass_time(run, wait_us);
    }
}

static void live(struct seed_run *run)
{
    boot_and_audit(run);
    workload_start(&run->workload);
    for (u32 round = 0; !failed(run) && round < ROUNDS_MAX; round++) {
        run->boost = round >= 4 ? round - 3 : 0;
        work(run, (4 + draw(run, 14)) * US_PER_SECOND);
        if (failed(run) || is_enough(run)) {
            break;
        }
        u64 roll = draw(run, 10);
        bool needs_crash = sim_counts(run->sim)->crashes < SEED_CRASHES_MIN && round > 1;
        if (run->options->crashes_max > 0 && round >= run->options->crashes_max) {
            continue;
        }
        if (roll <= 1 && !needs_crash) {
            stop_server(run);
        } else {
            end_server(run, roll < 7 || needs_crash);
        }
        if (!failed(run)) {
            boot_and_audit(run);
        }
    }
    if (!failed(run)) {
        heal(run);
    }
    if (!failed(run)) {
        stop_server(run);
    }
    if (!failed(run)) {
        bool is_judged = !workload_disk_failed(&run->workload);
        boot_and_audit(run);
        if (is_judged && !failed(run)) {
            retention_judge_disk(&run->workload);
        }
    }
    bool must_be_full = run->options->operations_max == 0 && run->options->crashes_max == 0;
    if (!failed(run) && must_be_full && !is_full(run)) {
        verdict_fail(&run->verdict, CHECK_seed_is_full,
                     "%" PRIu64 " operations, %" PRIu64 " crashes", run->workload.operations_count,
                     sim_counts(run->sim)->crashes);
    }
}

static void tell(const struct seed_run *run, struct seed_result *result)
{
    *result = (struct seed_result){
        .verdict = run->verdict,
        .counts = *sim_counts(run->sim),
        .armed = run->armed,
        .cores = run->schedule.cores_count,
        .actors = run->workload.actors_count,
        .level = run->model.level,
        .operations = run->workload.operations_count,
        .operations_lost = run->workload.operations_lost,
        .operations_failed = run->workload.operations_failed,
        .messages = run->model.messages_acknowledged,
        .virtual_us = sim_now_us(run->sim),
        .trace_hash = sim_trace_hash(run->sim),
    };
}

void seed_run(const struct seed_options *options, struct seed_result *result)
{
    static const enum model_level levels[] = {
        [DURABILITY_SYNC] = MODEL_SYNC,
        [DURABILITY_OS] = MODEL_OS,
        [DURABILITY_MEMORY] = MODEL_MEMORY,
    };
    struct seed_run run = {.options = options, .lost_before_us = UINT64_MAX};
    prng_init(&run.prng, hash_u64(options->seed));
    draw_armed(&run);
    draw_world(&run);
    struct settings settings = draw_settings(&run);
    (void)snprintf(run.rot_control, sizeof(run.rot_control), "control/%c",
                   draw(&run, 2) == 0 ? 'a' : 'b');
    u64 core_bytes = draw(&run, 3) == 0 ? (10 + draw(&run, 20)) * 256 * KIB : 0;
    u32 actors = 2 + (u32)draw(&run, ACTORS_MAX - 1);
    actors = options->actors_max > 0 ? u32_min(actors, options->actors_max) : actors;
    run.sim = sim_create(&run.world);
    sim_trace_print(run.sim, options->traces);
    model_init(&run.model, &run.verdict, levels[settings.durability],
               u32_max(actors, 1 + (u32)draw(&run, MODEL_STREAMS_MAX)));
    schedule_init(&run.schedule, &(struct schedule_options){
                                     .sim = run.sim,
                                     .settings = &settings,
                                     .memory_bytes = MEMORY_BYTES_MIN,
                                     .core_bytes = core_bytes,
                                     .seed = prng_next(&run.prng),
                                 });
    run.schedule.prints = options->prints;
    workload_init(&run.workload, &run.schedule, &run.model, actors, prng_next(&run.prng));
    run.workload.prints = options->prints;
    run.workload.large_percent = core_bytes > 0 ? (u32)draw(&run, 20) : 1;
    run.workload.think_us = 20000 + draw(&run, 200000);
    run.workload.offsets_durable = settings.durability == DURABILITY_SYNC;
    if (options->operations_max > 0) {
        run.workload.operations_max = options->operations_max;
    }
    audit_init(&run.audit, &run.workload, prng_next(&run.prng));

    live(&run);

    if (options->prints) {
        schedule_print_counted(&run.schedule);
    }
    if (run.verdict.failed && options->prints) {
        schedule_print_lines(&run.schedule);
        disk_story_print(sim_disk(run.sim, 0), options->story);
    }
    tell(&run, result);
    rollback_forget(&run.rollback);
    audit_deinit(&run.audit);
    workload_deinit(&run.workload);
    schedule_deinit(&run.schedule);
    model_deinit(&run.model);
    sim_destroy(run.sim);
}
