/* Makes a failing seed smaller: fewer clients, operations, crashes and kinds of faults, as long as
 * it still fails in the same way. What is left is easier to read. */
#pragma once

#include "sim/seed_run.h"

/* How a seed ended, seen from outside its process. */
enum ending { ENDING_OK, ENDING_VERDICT, ENDING_ABORT, ENDING_HANG };

struct seed_ending {
    enum ending ending;
    int signal;                /* that ended it, or 0 */
    struct seed_result result; /* not after an abort or a hang */
};

/* Runs one seed in a process of its own, so that a failed check ends only that. `quiet` shuts its
 * standard error. */
struct seed_ending seed_run_apart(const struct seed_options *options, bool quiet);

/* Narrows `options`, which fails with `ending`, and prints what it tries. */
void shrink(struct seed_options *options, const struct seed_ending *ending);
