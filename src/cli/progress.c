#include "cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define DRAW_EVERY_US (100 * US_PER_MS)
#define BAR_WIDTH 24u

static u64 now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

void progress_init(struct progress *progress, u64 total, bool is_wanted)
{
    *progress = (struct progress){
        .is_shown = is_wanted && total > 0 && isatty(STDERR_FILENO),
        .total = total,
        .began_us = now_us(),
    };
}

void progress_note(struct progress *progress, u64 done)
{
    u64 at_us = now_us();
    if (!progress->is_shown || at_us - progress->drawn_us < DRAW_EVERY_US) {
        return;
    }
    progress->drawn_us = at_us;
    u32 filled = (u32)(u64_min(done, progress->total) * BAR_WIDTH / progress->total);
    double seconds = (double)(at_us - progress->began_us) / (double)US_PER_SECOND;
    fprintf(stderr, "\r[");
    for (u32 i = 0; i < BAR_WIDTH; i++) {
        fputc(i < filled ? '#' : '.', stderr);
    }
    fprintf(stderr, "] %3u %%  %.1f MiB of %.1f MiB  %.1f MiB/s\033[K",
            (u32)(u64_min(done, progress->total) * 100 / progress->total), (double)done / MIB,
            (double)progress->total / MIB, seconds > 0 ? (double)done / MIB / seconds : 0);
    (void)fflush(stderr);
}

void progress_deinit(struct progress *progress)
{
    if (progress->is_shown && progress->drawn_us != 0) {
        fprintf(stderr, "\r\033[K");
    }
}
