#include "shard/disk.h"

#include "base/check.h"
#include "shard/shard_inside.h"

#define FRESH_US US_PER_SECOND
#define FRESH_WHEN_SHORT_US (20 * US_PER_MS)
#define TELL_US (60 * US_PER_SECOND)
#define CALM_US (10 * US_PER_SECOND)

static void on_free(struct core *core, struct io_op *op)
{
    struct disk *disk = container_of(op, struct disk, op);
    (void)core;
    check(disk->asking);
    disk->asking = false;
    if (op->status == OK) {
        disk->known = true;
        disk->free_bytes = op->count;
        disk->written_bytes = 0;
    }
}

static void ask(struct disk *disk)
{
    if (!disk->asking) {
        disk->asking = true;
        disk->asked_at_us = disk->shard->core->time.monotonic_us;
        io_disk_free(disk->shard->core->io, &disk->op);
    }
}

void disk_init(struct disk *disk, struct shard *shard)
{
    *disk = (struct disk){.shard = shard};
    io_op_init(&disk->op, on_free);
}

bool disk_has_room(struct disk *disk, u64 bytes)
{
    const struct shard *shard = disk->shard;
    u64 age_us = shard->core->time.monotonic_us - disk->asked_at_us;
    if (!disk->known) {
        ask(disk);
        return true;
    }
    /* Each core counts only what it writes: the others are taken to write as much. */
    u64 written = disk->written_bytes * shard->core->cores_count;
    u64 spent = written + shard->settings->disk_reserve_bytes;
    u64 left = disk->free_bytes > spent ? disk->free_bytes - spent : 0;
    bool is_short = left < bytes + disk->free_bytes / 8 || written > disk->free_bytes / 8;
    if (age_us >= (is_short ? FRESH_WHEN_SHORT_US : FRESH_US)) {
        ask(disk);
    }
    return left >= bytes;
}

static void tell_refused(struct disk *disk)
{
    const struct core *core = disk->shard->core;
    u64 now_us = core->time.monotonic_us;
    disk->refused_at_us = now_us;
    if (disk->refuses && now_us - disk->told_at_us < TELL_US) {
        return;
    }
    event_error(core->events,
                "disk.below_reserve free_bytes=%llu reserve_bytes=%llu: appends are refused, "
                "all else goes on",
                (unsigned long long)disk->free_bytes,
                (unsigned long long)disk->shard->settings->disk_reserve_bytes);
    disk->told_at_us = now_us;
    disk->refuses = true;
}

/* Near the reserve small batches still pass while larger ones do not: that is not over. */
static void tell_admitted(struct disk *disk)
{
    const struct core *core = disk->shard->core;
    if (core->time.monotonic_us - disk->refused_at_us < CALM_US) {
        return;
    }
    event_info(core->events, "disk.has_room free_bytes=%llu: appends go on",
               (unsigned long long)disk->free_bytes);
    disk->refuses = false;
}

bool disk_admits(struct disk *disk, u64 bytes)
{
    bool admits = disk_has_room(disk, bytes);
    if (!admits) {
        tell_refused(disk);
    } else if (disk->refuses) {
        tell_admitted(disk);
    }
    return admits;
}

void disk_on_written(struct disk *disk, u64 bytes)
{
    disk->written_bytes += bytes;
}

void disk_on_full(struct disk *disk)
{
    disk->known = true;
    disk->free_bytes = 0;
    disk->written_bytes = 0;
    ask(disk);
}
