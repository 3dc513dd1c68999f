/* A bar for long work, on a terminal alone:
 *
 *     [############............]  50 %  12.3 MiB of 24.6 MiB  8.1 MiB/s
 *
 * It is drawn a few times a second, and wiped out at the end. */
#pragma once

#include "base/types.h"

struct progress {
    bool is_shown;
    u64 total; /* bytes; 0: not known, and there is no bar */
    u64 began_us;
    u64 drawn_us;
};

/* `is_wanted` false: nothing is ever drawn. */
void progress_init(struct progress *progress, u64 total, bool is_wanted);
void progress_note(struct progress *progress, u64 done);
void progress_deinit(struct progress *progress);
