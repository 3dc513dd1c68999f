/* Decides, on core 0, in one order, what every core's state becomes; keeps the registry of clients
 * and sessions; accepts connections and hands each to the core with the fewest.
 *
 *     edge ─ COMMAND, LOGIN ─▶ control ─▶ control log (durable ones: written twice, synced)
 *                                 ├─ APPLY ─▶ every core ─ APPLIED ─▶ answered when all have it
 *                                 └─ offload: password hashes
 *
 * Log and snapshot: control/a and control/b, see control_log.c for the bytes.
 *
 * Owner: core 0. */
#pragma once

#include "core/core.h"
#include "core/plan.h"
#include "core/settings.h"

struct control;

u64 control_bytes(const struct plan *plan);
struct control *control_create(struct core *core, struct arena *arena, const struct plan *plan,
                               const struct settings *settings, struct io_socket listener);

/* Recovers the two logs, sends the state to all cores, logs the boot, creates root when there is
 * none, walks the phases (RECOVER, FORGET_OLD, SERVE), then accepts. */
void control_start(struct control *control);

/* COMMAND, LOGIN, LOGOUT, CONNECTION_CLOSED, CLIENTS, APPLIED, PHASE_DONE. */
void control_on_msg(struct control *control, const struct msg *msg);

/* Walks the phases DRAIN_EDGES, DRAIN_SHARDS, then syncs and closes its own log. */
void control_stop(struct control *control);

/* Connections are accepted. The very first start may still be making its root user: logins wait. */
bool control_is_ready(const struct control *control);

/* This start has made the root user from settings, or given it the password there, durably: it may
 * be shown now. */
bool control_has_set_root(const struct control *control);
bool control_is_drained(const struct control *control);

/* The start failed: `err` says which file and what to do. */
bool control_has_failed(const struct control *control, struct err *err);
