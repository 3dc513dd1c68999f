/* What Linux says of this process and this machine, for statistics: /proc, uname, statvfs.
 *
 * CPU usage is a rate, so it needs an earlier look: `process_sample` is the last one. Two looks
 * less than a tenth of a second apart tell nothing; then the rates of the last answer stand.
 *
 * Runs for some milliseconds: only on an offload thread. A fact that cannot be read stays 0 or
 * empty. */
#pragma once

#include "offload/offload.h"

struct process_sample {
    u64 monotonic_us;
    u64 process_ticks; /* user and system time of the process */
    u64 busy_ticks;    /* of all CPUs */
    u64 total_ticks;
    u32 cpu_usage_centipercent;
    u32 total_cpu_usage_centipercent;
};

/* The look at the start, to which the first answer compares. */
void process_facts_begin(struct process_sample *sample);

void process_facts_read(struct process_facts *facts, struct process_sample *sample,
                        const char *data_path);
