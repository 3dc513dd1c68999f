#include "base/recorder.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"

void recorder_note(struct recorder *recorder, u64 monotonic_us, const char *what, u64 a, u64 b)
{
    check(what != NULL);

    recorder->entries[recorder->count % RECORDER_ENTRIES] = (struct recorder_entry){
        .monotonic_us = monotonic_us,
        .what = what,
        .words = {a, b},
    };
    recorder->count++;
}

void recorder_print(const struct recorder *recorder, const char *title)
{
    u64 kept = u64_min(recorder->count, RECORDER_ENTRIES);
    (void)fprintf(stderr, "%s: last %" PRIu64 " of %" PRIu64 " events\n", title, kept,
                  recorder->count);
    for (u64 i = recorder->count - kept; i < recorder->count; i++) {
        const struct recorder_entry *entry = &recorder->entries[i % RECORDER_ENTRIES];
        (void)fprintf(stderr, "%16" PRIu64 " us  %s %" PRIu64 " %" PRIu64 "\n", entry->monotonic_us,
                      entry->what, entry->words[0], entry->words[1]);
    }
}
