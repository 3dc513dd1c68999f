/* GetStats (10): the server in numbers. 108 bytes of numbers, five texts, then the rest; the layout
 * stands at the head of stats.c. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"

#define STATS_NUMBERS_BYTES 108u

struct stats {
    u32 process_id;
    float process_cpu_percent;
    float total_cpu_percent;
    u64 memory_bytes; /* of this process */
    u64 total_memory_bytes;
    u64 available_memory_bytes;
    u64 run_time_us;   /* whole seconds */
    u64 start_time_us; /* since 1970, whole seconds */
    u64 read_bytes;
    u64 written_bytes;
    u64 messages_size_bytes;
    u32 streams_count;
    u32 topics_count;
    u32 partitions_count;
    u32 segments_count;
    u64 messages_count;
    u32 clients_count;
    u32 groups_count;
    struct span hostname; /* none of the five texts is empty */
    struct span os_name;
    struct span os_version;
    struct span kernel_version;
    struct span server_version;
    u32 server_version_number; /* stats_version_number */
    u32 threads_count;
    u64 free_disk_bytes;
    u64 total_disk_bytes;
};

/* 0.9.0 gives 9000: major, then minor and patch in three digits each. */
static inline u32 stats_version_number(u32 major, u32 minor, u32 patch)
{
    return major * 1000000u + minor * 1000u + patch;
}

/* The whole body; the list of cache entries is empty. */
void stats_encode(const struct stats *stats, struct writer *writer);

/* Cache entries are skipped. ERR_INVALID: no such body. */
must_check enum status stats_decode(struct span body, struct stats *stats);
