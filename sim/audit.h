/* After a restart: reads all that exists, judges it against the model, and makes the model exact.
 *
 *     streams ─▶ topics ─▶ partitions: poll from the first offset to the end ─▶ stored offsets
 *
 * Nothing else is in flight meanwhile: actors are paused and their connections of before are gone.
 * One request at a time, over a connection of the auditor's own; when that ends it dials again and
 * goes on with the same partition from its beginning.
 *
 * Owner: the run. */
#pragma once

#include "sim/operation.h"

enum audit_step { AUDIT_LOGIN, AUDIT_STREAM, AUDIT_TOPIC, AUDIT_POLL, AUDIT_STORED, AUDIT_DONE };

struct audit {
    struct workload *workload;
    struct sim_client client;
    struct sim_client_call call;
    struct prng prng;
    enum audit_step step;
    u32 stream;
    u32 topic;
    u32 partition;
    u32 consumer;
    u64 next;  /* offset to poll from */
    u64 first; /* the first that was returned */
    u64 end;
    bool has_first;
    u32 rereads;          /* of a partition of which something expired meanwhile */
    u32 refusals;         /* of polls, over rotten offsets */
    u32 failures;         /* answers that a disk fault excuses, in a row */
    u32 failure;          /* the last of them */
    bool wants_restart;   /* they do not end: only another start can tell whether data is there */
    bool may_lose_os;     /* what this restart may have cost: a suffix at level os */
    bool may_lose_memory; /* and at level memory */
    u64 lost_before_us;
    u8 body[1024];
};

void audit_init(struct audit *audit, struct workload *workload, u64 seed);
void audit_deinit(struct audit *audit);

/* Begins anew. After a power loss both lossy levels may have lost a suffix of what was bound at
 * `lost_before_us` or later; after a kill only `memory`. */
void audit_begin(struct audit *audit, bool was_power_loss, bool was_kill, u64 lost_before_us);
bool audit_is_done(const struct audit *audit);

/* Hangs up: the node is about to go, or the audit is over. */
void audit_end(struct audit *audit);
