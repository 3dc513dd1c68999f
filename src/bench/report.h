/* What a run leaves behind: a directory with report.json, in the format of the reference, so that
 * its dashboard can show our runs, and report.html, a page with charts that asks no network.
 *
 *     <output directory>/<kind>_<actors>_<size>_..._<machine>/report.json
 *                                                            /report.html
 *
 * The figures of report.json under the reference's names are by the reference's arithmetic; ours
 * stand beside them, under "levriero".
 *
 * Thread: the main thread's. Errors: a sentence. Secrets: the command in the report is put together
 * from options that are known to hold none. */
#pragma once

#include "bench/outcome.h"
#include "bench/reference_run.h"

struct report_machine {
    char identifier[128];
    char cpu_name[128];
    u32 cpu_cores;
    u64 total_memory_bytes;
    char os_name[64];
    char os_version[64];
    char kernel[128];
};

void report_machine_read(struct report_machine *machine, const char *identifier);

struct report {
    const struct outcome *outcome;
    const struct reference_run *reference;
    struct report_machine machine;
    struct client *client; /* of the server's diagnostics */
    struct span archive;   /* set while it is written */
};

/* report.json, report.html, bench.log (the summary), and server_logs.zip, if the server gives its
 * diagnostics away. `directory` becomes that of the run. */
must_check bool report_write(struct report *report, char *directory, u32 capacity, struct err *err);

void report_write_json(const struct report *report, FILE *file);
void report_write_html(const struct report *report, FILE *file);
