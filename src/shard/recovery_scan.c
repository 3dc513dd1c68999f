/* The second half of opening a partition: the newest segment's index, the scan, the verdict, and
 * the cut. */
#include "base/check.h"
#include "base/str.h"
#include "shard/recovery.h"
#include "shard/segment_verdict.h"
#include "shard/shard_inside.h"

/* A tail is copied in pieces of this size. */
#define CUT_BYTES (64u * 1024u)

static struct recover_point first_point(const struct recovery *recovery)
{
    const struct partition *partition = recovery->partition;
    return segment_verdict_begin(&recovery_newest(recovery)->header,
                                 partition->has_point ? &partition->point : NULL);
}

/* An index that fits, up to where the scan begins; the scan adds the rest. */
void recovery_on_index(struct recovery *recovery)
{
    struct segment *segment = recovery_newest(recovery);
    struct recover_point point = first_point(recovery);
    u32 stride_bytes = 0;
    u32 count = 0;
    if (recovery->op.status != OK || point.position == SEGMENT_HEADER_BYTES ||
        segment_index_decode((struct span){recovery->buf->data, (u32)recovery->op.count},
                             segment->header.salt, segment->header.base_offset, &stride_bytes,
                             &count) != OK) {
        return;
    }
    (void)segment_index_fill(segment, recovery->buf->data, stride_bytes, count);
    if (segment->index_buf != NULL && segment->index.entries_count > 0) {
        segment_index_truncate(&segment->index,
                               u64_max(point.next_offset, segment->header.base_offset));
        segment->index_saved_count = segment->index.entries_count;
    }
}

/* Only an index whose last unit lies below the scan is asked for: the rest of it was forgotten. */
void recovery_probe_index(struct recovery *recovery)
{
    const struct segment *segment = recovery_newest(recovery);
    if (segment->index_buf == NULL || segment->index.entries_count == 0) {
        recovery_scan_begin(recovery, recovery->file_bytes);
        return;
    }
    u32 position = segment->index.entries[segment->index.entries_count - 1].position;
    io_file_read(recovery->shard->core->io, &recovery->op, recovery->file,
                 align_down(position, segment->header.sector_bytes), recovery->buf->data,
                 segment->header.sector_bytes);
}

void recovery_on_probed(struct recovery *recovery)
{
    struct segment *segment = recovery_newest(recovery);
    const struct segment_index *index = &segment->index;
    struct segment_unit unit;
    if (segment->index_buf == NULL) {
        recovery_scan_begin(recovery, recovery->file_bytes); /* it gave way to somebody's need */
        return;
    }
    const struct segment_index_entry *last = &index->entries[index->entries_count - 1];
    if (recovery->op.status != OK || recovery->op.count < segment->header.sector_bytes ||
        segment_unit_decode(recovery->buf->data, segment->header.salt, segment->header.life,
                            &unit) != OK ||
        unit.base_offset != index->base_offset + last->offset_delta ||
        unit.first_time_us != last->append_time_us) {
        segment_index_close(segment);
        recovery->index_stale = true;
    }
    recovery_scan_begin(recovery, recovery->file_bytes);
}

void recovery_scan_begin(struct recovery *recovery, u64 file_bytes)
{
    struct recover_point point = first_point(recovery);
    struct segment *segment = recovery_newest(recovery);
    segment_recover_init(&recovery->scan, &segment->header, file_bytes, &point);
    if (point.position > recovery->scan.file_bytes) {
        recovery_open_damaged(recovery, "the newest segment ends before its recovery point");
        recovery_next(recovery, RECOVERY_DONE);
        return;
    }
    recovery_next(recovery, RECOVERY_SCAN);
}

/* Reads what the scan wants; after a failed read sector by sector, zeros for those that cannot
 * be read. */
static void read_wanted(struct recovery *recovery)
{
    struct segment_recover *scan = &recovery->scan;
    u32 wanted = (u32)align_up(scan->want_bytes, scan->header.sector_bytes);
    if (wanted > shard_buf_bytes_max(recovery->shard)) {
        recovery_refuse(recovery, "a batch is larger than this memory allows: give --memory more",
                        wanted);
        return;
    }
    if (recovery->buf == NULL || recovery->buf->capacity < wanted) {
        struct buf *buf = shard_take_buf(recovery->shard, u32_max(wanted, RECOVER_READ_BYTES));
        if (buf == NULL) {
            recovery->waits = true;
            shard_wait_for_turn(recovery->shard);
            return;
        }
        scan->window.size = 0;
        if (recovery->buf != NULL) {
            buf_return(recovery->buf);
        }
        recovery->buf = buf;
    }
    recovery->read_end = wanted;
    recovery->position = 0;
    recovery->read_singly = false;
    scan->window.size = 0;
    io_file_read(recovery->shard->core->io, &recovery->op, recovery->file, scan->want_position,
                 recovery->buf->data, wanted);
}

static void read_sector(struct recovery *recovery)
{
    struct segment_recover *scan = &recovery->scan;
    io_file_read(recovery->shard->core->io, &recovery->op, recovery->file,
                 (u64)scan->want_position + recovery->position,
                 recovery->buf->data + recovery->position, scan->header.sector_bytes);
}

void recovery_scan_run(struct recovery *recovery)
{
    struct segment_recover *scan = &recovery->scan;
    struct batch_budget budget = {.bytes = BATCH_STEP_BYTES, .frames = BATCH_STEP_FRAMES};
    for (;;) {
        switch (segment_recover_step(scan, &budget)) {
        case RECOVER_READ: read_wanted(recovery); return;
        case RECOVER_PAUSED:
            recovery->waits = true;
            recovery->paused = true;
            return;
        case RECOVER_UNIT:
            segment_note(recovery_newest(recovery), &scan->unit, scan->unit_position);
            break;
        case RECOVER_DONE: recovery_next(recovery, RECOVERY_DONE); return;
        }
    }
}

void recovery_on_scanned(struct recovery *recovery, enum status status)
{
    struct segment_recover *scan = &recovery->scan;
    u32 sector_bytes = scan->header.sector_bytes;
    if (!recovery->read_singly && status == OK) {
        u32 count = u32_min((u32)recovery->op.count, scan->want_bytes);
        segment_recover_give(scan, (struct span){recovery->buf->data, count});
        recovery_scan_run(recovery);
        return;
    }
    if (!recovery->read_singly) {
        recovery->read_singly = true;
        recovery->position = 0;
        read_sector(recovery);
        return;
    }
    if (status != OK) {
        memset(recovery->buf->data + recovery->position, 0, sector_bytes);
        recovery->unreadable_seen = true;
    }
    recovery->position += sector_bytes;
    if (recovery->position < recovery->read_end) {
        read_sector(recovery);
        return;
    }
    segment_recover_give(scan, (struct span){recovery->buf->data, scan->want_bytes});
    recovery_scan_run(recovery);
}

/* ---- The verdict ---- */

void recovery_adopt_end(struct recovery *recovery)
{
    struct log *log = recovery_log(recovery);
    struct segment *segment = recovery_newest(recovery);
    const struct recover_point *end = &recovery->scan.end;
    segment->tail = end->position;
    segment->ahead_end = end->position;
    segment->end_offset = end->next_offset;
    segment->end_time_us = end->last_time_us;
    segment->end_bytes = end->bytes;
    segment->end_batches = end->batches;
    log->active = segment;
    log->written = (struct log_point){
        .segment_base_offset = segment->header.base_offset,
        .next_offset = end->next_offset,
        .next_unit = end->next_unit,
        .next_write = end->next_write,
        .bytes = end->bytes,
        .batches = end->batches,
        .last_time_us = end->last_time_us,
        .position = end->position,
        .previous_crc = end->previous_crc,
    };
    log->synced = log->written;
}

void recovery_judge(struct recovery *recovery)
{
    struct segment_recover *scan = &recovery->scan;
    struct partition *partition = recovery->partition;
    recovery_adopt_end(recovery);
    switch (scan->verdict) {
    case RECOVER_ENDS: break;
    case RECOVER_UNFINISHED:
        if (!partition->read_only) {
            recovery_next(recovery, RECOVERY_CREATE_CUT);
            return;
        }
        break;
    case RECOVER_ROT: recovery_open_damaged(recovery, "a synced unit does not verify"); break;
    }
    if (partition->read_only) {
        recovery_next(recovery, RECOVERY_OFFSETS);
    } else if (scan->header.level != DURABILITY_SYNC && scan->file_bytes > scan->end.position) {
        recovery_next(recovery, RECOVERY_REMOVE_INDEX);
    } else {
        recovery->keeps_space = true;
        recovery_next(recovery, recovery->index_stale ? RECOVERY_REMOVE_INDEX : RECOVERY_SYNC);
    }
}

static void cut_path(const struct recovery *recovery, char path[IO_PATH_BYTES])
{
    const struct partition *partition = recovery->partition;
    (void)str_format(path, IO_PATH_BYTES, "streams/%u/topics/%u/partitions/%u/%020llu-%u.cut",
                     partition->stream_id, partition->topic_id, partition->id,
                     (unsigned long long)recovery->scan.end.next_offset,
                     state_boot(recovery->shard->core->state));
}

void recovery_create_cut(struct recovery *recovery)
{
    char path[IO_PATH_BYTES];
    cut_path(recovery, path);
    recovery->position = recovery->scan.damage_position;
    io_file_open(recovery->shard->core->io, &recovery->op, path,
                 IO_OPEN_READ | IO_OPEN_WRITE | IO_OPEN_CREATE);
}

void recovery_read_cut(struct recovery *recovery)
{
    u32 left = recovery->scan.damage_end - recovery->position;
    u32 wanted = u32_min(left, CUT_BYTES);
    if (recovery->position < recovery->single_end) {
        wanted = recovery->scan.header.sector_bytes;
    }
    recovery->read_end = wanted;
    io_file_read(recovery->shard->core->io, &recovery->op, recovery->file, recovery->position,
                 recovery->buf->data, wanted);
}

void recovery_write_cut(struct recovery *recovery)
{
    struct io_piece piece = {.data = recovery->buf->data, .size = recovery->read_end};
    io_file_write(recovery->shard->core->io, &recovery->op, recovery->cut_file,
                  recovery->position - recovery->scan.damage_position, &piece, 1, 0);
}

void recovery_say_cut(struct recovery *recovery)
{
    const struct segment_recover *scan = &recovery->scan;
    const struct partition *partition = recovery->partition;
    struct core *core = recovery->shard->core;
    counter_add(core->counters, COUNTER_tails_cut, 1);
    event_warn(core->events,
               "partition.tail_cut stream=%u topic=%u partition=%u first_lost_offset=%llu "
               "bytes=%u level=%u: offsets from there on are issued again",
               partition->stream_id, partition->topic_id, partition->id,
               (unsigned long long)scan->end.next_offset, scan->damage_end - scan->damage_position,
               scan->header.level);
}

/* Where a sector cannot be read, its neighbours are read one by one, and it is saved as zeros. */
void recovery_on_cut_read(struct recovery *recovery, enum status status)
{
    if (status != OK && recovery->position >= recovery->single_end) {
        recovery->single_end = recovery->position + recovery->read_end;
        recovery_next(recovery, RECOVERY_READ_CUT);
        return;
    }
    if (status != OK) {
        memset(recovery->buf->data, 0, recovery->read_end);
    }
    recovery_next(recovery, RECOVERY_WRITE_CUT);
}
