/* What the simulated clients do, and what they make of the answers.
 *
 * An actor is one client with a mind: it dials, logs in, asks for something at random now and then,
 * sometimes several appends at once, leaves without a word, comes back. Each actor alone changes
 * the streams it owns (so the model knows what must be answered), and all append to, poll from and
 * store offsets in all of them.
 *
 *     actor_step ─▶ operation ─▶ sim_client_call ─▶ … ─▶ operation_on_reply ─▶ model
 *
 * Owner: the run. Memory: operations live until answered or lost. */
#pragma once

#include "sim/model.h"
#include "sim/schedule.h"
#include "sim/sim_client.h"

#define ACTORS_MAX 8u
#define GUESTS_MAX 3u
#define WORKLOAD_PASSWORD "correct-horse"

struct actor;
struct guest;
struct crew;
struct clerk;

struct workload {
    struct sim *sim;
    struct schedule *schedule;
    struct model *model;
    struct verdict *verdict;
    struct prng prng;
    u32 actors_count;
    struct actor *actors; /* actors_count of them */
    u32 guests_count;
    struct guest *guests; /* guests_count of them */
    struct crew *crew;    /* NULL: there is none */
    struct clerk *clerk;
    bool is_started;
    bool is_paused;                /* nobody begins anything */
    bool is_over;                  /* nobody ever will */
    bool is_stopping;              /* the server was asked to stop */
    bool prints;                   /* every answer, to standard error */
    bool offsets_durable;          /* stored offsets are on disk when answered */
    u64 think_us;                  /* between two operations of an actor, on average */
    u32 large_percent;             /* of the sends are large */
    u64 operations_max;            /* the shrinker's bound */
    struct sim_counts boot_counts; /* when the server last started: newer faults excuse errors */
    u64 boot_us;
    u64 session_max; /* of all logins that were answered */

    u64 operations_count; /* answered */
    u64 operations_asked;
    u64 operations_lost;
    u64 operations_failed; /* answered with an error that was expected or excused */
};

void workload_init(struct workload *workload, struct schedule *schedule, struct model *model,
                   u32 actors_count, u64 seed);
void workload_deinit(struct workload *workload);

/* Gives every actor its first step. */
void workload_start(struct workload *workload);
u32 workload_calls_in_flight(const struct workload *workload);

/* After the audit of a restart: who may what, and with which password. */
void workload_audit_guests(struct workload *workload);
bool workload_guests_are_audited(const struct workload *workload);

/* All actors hang up. */
void workload_disconnect(struct workload *workload);

/* The server went without a clean stop, or could not write: what was not durable may be gone. */
void workload_on_crash(struct workload *workload);

/* After the server was started: errors of older faults are no longer excused. */
void workload_on_boot(struct workload *workload);

/* Did the disk fail or rot since the server started? */
bool workload_disk_broke(const struct workload *workload);

/* Did the disk fail, fill or rot since the server started? */
bool workload_disk_failed(const struct workload *workload);

/* Did the disk fail since the server started, so that an error of this number may be answered? */
bool workload_excuses(const struct workload *workload, u32 status);
