/* The partitions of one core: append, poll, consumer offsets, retention, and the log beneath.
 *
 *     shard ─▶ partition ─▶ replica (seam) ─▶ log ─▶ segment ─▶ io
 *
 * The shard opens, closes and purges partitions as `state` says (shard_on_effect), answers the
 * messages of edges about them (shard_on_msg), and spends a budget a turn on retention, zeros
 * written ahead and the cache.
 *
 * Owner: its core. Nothing here is touched by another, save `gauges` (published) and what a poll
 *        lends (struct poll_loan, until LOAN_RETURN). */
#pragma once

#include "core/core.h"
#include "core/plan.h"
#include "core/settings.h"
#include "state/state.h"

struct shard;

u64 shard_bytes(const struct plan *plan);
struct shard *shard_create(struct core *core, struct arena *arena, const struct plan *plan,
                           const struct settings *settings);

/* A command was applied to this core's state, with this effect. Before PHASE_RECOVER effects are
 * not handed in: the phase reads the finished state instead. */
void shard_on_effect(struct shard *shard, const struct state_effect *effect);

/* APPEND, POLL, OFFSET_*, SEGMENTS_DELETE, LOAN_RETURN. Always answers, at once or later. */
void shard_on_msg(struct shard *shard, const struct msg *msg);

/* PHASE_RECOVER, PHASE_FORGET_OLD, PHASE_DRAIN_SHARDS: does it, then sends the reply to `msg`
 * (MSG_PHASE_DONE with error 0, or a wire error after an event that says which file and what to
 * do). */
void shard_on_phase(struct shard *shard, const struct msg *msg);

/* Once a turn, after messages and completions and before bells and submit: writes what gathered
 * this turn, goes on with work that was cut into steps. */
void shard_turn(struct shard *shard);

/* True while there is work that wants another turn at once (budgets were used up). */
bool shard_is_busy(const struct shard *shard);
