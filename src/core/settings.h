/* What the owners are configured with: numbers and short texts, already checked. The process fills
 * it from file, environment and flags (config); the simulator by seed. */
#pragma once

#include "base/types.h"

enum durability { DURABILITY_SYNC, DURABILITY_OS, DURABILITY_MEMORY };

/* Clients give up on a request after 30 s. */
#define POLL_WAIT_US_MAX (25 * US_PER_SECOND)

struct settings {
    enum durability durability; /* level of topics that do not ask for `persisted` */
    bool direct;                /* use O_DIRECT where the file system takes it */
    u32 direct_after_writes;    /* large ones in a row, at level os; 0: never */
    u64 flush_interval_us;      /* levels os and memory */
    u32 flush_bytes;
    u64 segment_bytes_default;     /* 1 GiB */
    u64 disk_reserve_bytes;        /* appends are refused below this much free space */
    u64 message_expiry_us_default; /* UINT64_MAX: never */
    u64 topic_bytes_max_default;   /* UINT64_MAX: unlimited */
    u64 retention_interval_us;     /* 0: age and size of topics are not kept */
    u64 offset_hold_us_max; /* a stored offset older than this no longer holds retention back */
    bool dedup_enabled;     /* messages whose id is in the window are not stored again */
    u64 dedup_entries_max;  /* ids of a partition's window; 0: as many as memory allows */
    u64 dedup_expiry_us;    /* how long an id is remembered; 0: no limit of time */
    bool encryption_on;     /* of what is written; what was is read as it is */
    bool encryption_has_key;
    u8 encryption_key[32];
    u64 group_handover_us; /* a member that lost a partition may commit for so long */
    u64 group_grace_us;    /* a member that is to come back is held so long; 0: it is not */
    u64 frame_timeout_us;  /* a begun frame must be whole by then */
    u64 request_deadline_us;
    u64 heartbeat_us; /* silence after which a client that pings is held for dead; 0: never */
    u64 poll_wait_us; /* a poll that finds nothing waits so long; 0: it does not */
    u32 move_after_requests; /* in a row to partitions of one other core: the connection goes there;
                                0: it stays */
    u64 send_stall_us;       /* a send that has not moved for this long gives its loan back */
    u32 connections_per_address_max;   /* 0: no limit */
    u32 connections_per_user_max;      /* 0: no limit */
    u32 login_failures_per_minute_max; /* per user name */
    u32 tokens_per_user_max;
    u64 boot_seed; /* secret per process: keys the credential cache */
    u16 tcp_port;  /* what is advertised in cluster metadata */
    char tcp_address[64];
    /* Root is created from these when control has no user 0; both empty otherwise. Wiped after
     * use. */
    char root_username[52];
    char root_password[104];
    bool root_reset;    /* there is a root user: give it this password */
    bool root_is_named; /* root_reset: refuse unless that user has root_username */
};
