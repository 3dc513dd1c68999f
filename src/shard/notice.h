/* Who waits for a partition's next message? One bit a core: its edge holds the waiting polls
 * themselves, so that here a waiter costs nothing, holds no buffer and no credit.
 *
 *     edge ─ POLL (may wait) ─▶ partition    nothing there: the answer is MSG_WAITING
 *     edge ◀─ NOTICE ────────── partition    something was committed, or the partition is gone
 *     edge ─ POLL ────────────▶ partition    as any other poll
 *
 * Answer and notice take the same lane, so that a notice never comes before the answer it ends. A
 * notice waits when the lane has little room, since no credit bounds it; so the lane never fills.
 *
 * Guaranteed: after MSG_WAITING exactly one NOTICE follows when a message is committed at any
 * offset, or when the partition closes. The edge ends what waits at its own deadline, and at a
 * drain.
 *
 * Owner: the shard. */
#pragma once

#include "base/types.h"

struct partition;
struct shard;
struct shard_request;

/* Answers MSG_WAITING instead of an empty reply. */
void notice_hold(struct partition *partition, struct shard_request *request);

/* Something was committed, or the partition closes: tells them at the end of this turn. */
void notice_soon(struct partition *partition);

bool notice_is_wanted(const struct partition *partition);

/* Once a turn. */
void notice_send_all(struct shard *shard);
