/* Flight recorder: the last events of one core in a small binary ring, always on, printed by a
 * failing check. Recording costs a few stores: no formatting, no allocation.
 *
 * Owner: one core writes; anyone may print when the process is about to end. */
#pragma once

#include "base/types.h"

#define RECORDER_ENTRIES 512u

struct recorder_entry {
    u64 monotonic_us;
    const char *what; /* a string literal */
    u64 words[2];
};

struct recorder {
    u64 count; /* ever written; the ring holds the last RECORDER_ENTRIES */
    struct recorder_entry entries[RECORDER_ENTRIES];
};

void recorder_note(struct recorder *recorder, u64 monotonic_us, const char *what, u64 a, u64 b);

/* Oldest first, one line each, to standard error. */
void recorder_print(const struct recorder *recorder, const char *title);
