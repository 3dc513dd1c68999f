/* The connections of one core: transports, frames, sessions, requests in flight.
 *
 *     tcp ─▶ session ─▶ request ─▶ route ─▶ msg to shard or control
 *     tcp ◀─ reply  ◀─ request ◀────────── reply msg
 *
 * Owner: its core. It decides nothing: state is read locally, partitions and control are asked. */
#pragma once

#include "core/core.h"
#include "core/plan.h"
#include "core/settings.h"

struct edge;

u64 edge_bytes(const struct plan *plan);
struct edge *edge_create(struct core *core, struct arena *arena, const struct plan *plan,
                         const struct settings *settings);

/* CONNECTION, and the replies to what this edge asked. */
void edge_on_msg(struct edge *edge, const struct msg *msg);

/* PHASE_SERVE, PHASE_DRAIN_EDGES: answers `msg` when done. */
void edge_on_phase(struct edge *edge, const struct msg *msg);

/* A session was closed by control (user deleted, logged in elsewhere). */
void edge_on_session_closed(struct edge *edge, u64 session);

/* At the end of each turn: verifies batches within a budget, resumes who waited for room, and
 * sends what gathered, one gathered send per connection. */
void edge_flush(struct edge *edge);

/* True while there is work that wants another turn at once. */
bool edge_is_busy(const struct edge *edge);
