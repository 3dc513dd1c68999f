/* What this tool itself adds to a call: a producer of a bench and a bare loop of send and receive
 * move the same bytes to and from the same program that answers without looking, in turn, round by
 * round.
 *
 *     bench  stamp ─▶ send ─▶ receive ─▶ judge ─▶ histograms, samples
 *     bare           send ─▶ receive
 *
 * Processor time is that of the calling thread, kernel included: what other programs do on the
 * machine hardly shows in it. */
#pragma once

#include "base/str.h"
#include "base/types.h"

#define LOSS_ROUNDS 31u

struct loss_work {
    u32 message_bytes;
    u32 messages; /* of a batch */
    u32 calls;    /* of a round */
};

struct loss_figure {
    double bare_cpu_us; /* of a call; medians of the rounds */
    double bench_cpu_us;
    double cpu_ratio; /* bench over bare, median of the ratios of the rounds */
    double wall_ratio;
};

must_check bool loss_measure(const struct loss_work *work, struct loss_figure *figure,
                             struct err *err);

/* `levriero bench loss [--json]`; gives an exit code. */
int loss_command(int argc, char **argv);
