/* Zeros written ahead of the tail: a synced write into space that was written before costs the
 * device's flush only, no commit of the file system's journal.
 *
 *     |unit|unit|unit|zeros, synced      |zeros being written   |
 *                tail ^         ahead_end ^           ahead_goal ^
 *
 * Only for partitions written in small units at `sync`: for large ones zeroing would cost more
 * than it gives. The window follows the rate. The tail enters zeros only after their write has
 * completed, synced, and no zero write overlaps an issued unit: a write that would reach beyond
 * ahead_end while zeros are under way there waits for them. */
#include "base/check.h"
#include "shard/log.h"
#include "shard/shard_inside.h"

#define WINDOW_BYTES_MIN (64u * 1024u)
#define WINDOW_BYTES_MAX (16u * 1024u * 1024u)

/* So many small writes in a row make a partition one that is written in small units. */
#define SMALL_WRITES_MIN 2u

/* A window used up within the first of these doubles, one that lasted the second halves. */
#define WINDOW_SHORT_US US_PER_SECOND
#define WINDOW_LONG_US (10 * US_PER_SECOND)

bool log_ahead_is_busy(const struct log *log)
{
    return log->ahead_goal != 0;
}

void log_ahead_note(struct log *log, u64 write_bytes)
{
    log->small_writes = write_bytes < LOG_IN_PLACE_BYTES_MIN ? log->small_writes + 1 : 0;
}

u64 log_ahead_limit(const struct log *log)
{
    return log_ahead_is_busy(log) ? log->active->ahead_end - log->active->tail : UINT64_MAX;
}

static void fit_window(struct log *log, u64 now_us)
{
    u64 lasted_us = now_us - log->ahead_begun_us;
    if (log->ahead_window_bytes == 0) {
        log->ahead_window_bytes = WINDOW_BYTES_MIN;
    } else if (lasted_us < WINDOW_SHORT_US) {
        log->ahead_window_bytes = u32_min(2 * log->ahead_window_bytes, WINDOW_BYTES_MAX);
    } else if (lasted_us > WINDOW_LONG_US) {
        log->ahead_window_bytes = u32_max(log->ahead_window_bytes / 2, WINDOW_BYTES_MIN);
    }
    log->ahead_begun_us = now_us;
}

/* Where the next zeros end: not far beyond where the segment will be sealed. */
static u32 goal_for(const struct log *log)
{
    const struct segment *active = log->active;
    u64 sealed_at = partition_wants(log->partition).segment_bytes + WINDOW_BYTES_MIN;
    u64 goal = (u64)active->ahead_end + log->ahead_window_bytes;
    return (u32)align_down(u64_min(goal, sealed_at), active->header.sector_bytes);
}

static bool wants_zeros(const struct log *log)
{
    const struct segment *active = log->active;
    return !log_ahead_is_busy(log) && active->header.level == DURABILITY_SYNC &&
           log->small_writes >= SMALL_WRITES_MIN && active->file.id >= 0 &&
           active->ahead_end - active->tail < u32_max(log->ahead_window_bytes, 1) / 2 + 1;
}

static void begin_zeros(struct log *log)
{
    struct shard *shard = log->shard;
    struct io_piece pieces[WINDOW_BYTES_MAX / SHARD_ZEROS_BYTES + 1];
    u32 count = 0;
    u32 left = log->ahead_goal - log->active->ahead_end;
    counter_add(shard->core->counters, COUNTER_zero_bytes, left);
    disk_on_written(&shard->disk, left);
    while (left > 0) {
        u32 size = u32_min(left, SHARD_ZEROS_BYTES);
        pieces[count++] = (struct io_piece){.data = shard->zeros, .size = size};
        left -= size;
    }
    io_file_write(shard->core->io, &log->ahead_op, log->active->file, log->active->ahead_end,
                  pieces, count, IO_WRITE_SYNCED);
}

void log_ahead_run(struct log *log)
{
    if (log->stopped || log->active == NULL || !wants_zeros(log)) {
        return;
    }
    struct shard *shard = log->shard;
    fit_window(log, shard->core->time.monotonic_us);
    u32 goal = goal_for(log);
    if (goal <= log->active->ahead_end || !disk_has_room(&shard->disk, log->ahead_window_bytes)) {
        log->small_writes = 0; /* asked again a little later */
        return;
    }
    log->ahead_goal = goal;
    begin_zeros(log);
}

void log_ahead_on_io(struct core *core, struct io_op *op)
{
    struct log *log = container_of(op, struct log, ahead_op);
    (void)core;
    check(log_ahead_is_busy(log));
    check(log->active->tail <= log->active->ahead_end);
    u32 goal = log->ahead_goal;
    log->ahead_goal = 0;
    if (op->status == OK) {
        log->active->ahead_end = goal;
    } else if (op->status == ERR_SPACE) {
        /* Nothing of ours was to be there: the tail goes on without zeros. */
        log->small_writes = 0;
        disk_on_full(&log->shard->disk);
    } else if (!log->stopped) {
        log_ahead_failed(log, op->status);
    }
    log_on_ahead_over(log);
}
