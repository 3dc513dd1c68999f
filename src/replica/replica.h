/* The seam for consensus: who has a message, and from when on may it be seen?
 *
 *     partition_append ─▶ replica_propose ─▶ log ─▶ replica_on_persisted ─▶ committed
 *
 * A group of one commits what it has persisted; a larger group will wait for others at the same
 * place. One path, not two.
 *
 * Pure: numbers in, numbers out. Owner: the partition. */
#pragma once

#include "base/types.h"

struct replica {
    u64 term;
    u64 proposed_end;  /* offsets below were handed to the log */
    u64 persisted_end; /* offsets below are persisted here */
    u64 committed_end; /* offsets below may be seen */
};

/* The log was recovered up to `end`. */
void replica_init(struct replica *replica, u64 term, u64 end);

/* Messages up to `end` are handed to the log. */
void replica_propose(struct replica *replica, u64 end);

/* Messages up to `end` are persisted here. Returns the end of what is committed. */
u64 replica_on_persisted(struct replica *replica, u64 end);

/* What was proposed from `end` on will not be persisted: it may be proposed anew. */
void replica_give_up(struct replica *replica, u64 end);
