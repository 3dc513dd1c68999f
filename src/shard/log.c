#include "shard/log.h"

#include "base/check.h"
#include "shard/shard_inside.h"

/* How long what is acknowledged at level memory waits for space. */
#define FULL_WAIT_US (50 * US_PER_MS)

static void log_on_io(struct core *core, struct io_op *op)
{
    struct log *log = container_of(op, struct log, op);
    (void)core;
    check(log->magic == LOG_MAGIC);
    log_on_step_done(log, op->status);
    if (log->step == LOG_READY && log->ahead_status != OK && !log->stopped) {
        log_stop(log, log->ahead_status, "write of zeros");
    }
    if (log->step == LOG_READY) {
        shard_wake(log->shard, log->partition);
    }
}

void log_init(struct log *log, struct shard *shard, struct partition *partition)
{
    *log = (struct log){
        .magic = LOG_MAGIC,
        .shard = shard,
        .partition = partition,
        .directory = IO_FILE_NONE,
        .made_file = IO_FILE_NONE,
    };
    list_init(&log->segments);
    list_init(&log->gathering);
    list_init(&log->writing);
    io_op_init(&log->op, log_on_io);
    io_op_init(&log->ahead_op, log_ahead_on_io);
}

bool log_is_busy(const struct log *log)
{
    return log->step != LOG_READY || log_ahead_is_busy(log);
}

bool log_is_synced(const struct log *log)
{
    return log->synced.next_unit == log->written.next_unit && list_is_empty(&log->gathering) &&
           list_is_empty(&log->writing);
}

void log_sync(struct log *log)
{
    if (log->step != LOG_READY || log->stopped || log->active == NULL) {
        return;
    }
    log->sync_wanted = false;
    if (log->synced.next_unit == log->written.next_unit) {
        return;
    }
    if (log->active->file.id < 0) {
        log->sync_wanted = true;
        log_open_active(log);
        return;
    }
    log->step = LOG_SYNC;
    log->syncing = log->written;
    io_file_sync(log->shard->core->io, &log->op, log->active->file);
}

void log_roll_soon(struct log *log)
{
    log->roll_wanted = true;
    if (log->step == LOG_READY && !log->stopped && log->active != NULL) {
        log_roll_begin(log);
    }
}

/* ---- The chain ---- */

u64 log_first_offset(const struct log *log)
{
    struct list_node *node = list_first(&log->segments);
    if (node == NULL) {
        return 0;
    }
    return container_of(node, struct segment, node)->header.base_offset;
}

u64 log_end_offset(const struct log *log)
{
    return log->partition->replica.committed_end;
}

struct segment *log_find(const struct log *log, u64 offset)
{
    list_for_each(node, next, &log->segments) {
        struct segment *segment = container_of(node, struct segment, node);
        if (offset < segment->end_offset) {
            return segment;
        }
    }
    return NULL;
}

struct segment *log_find_time(const struct log *log, u64 time_us)
{
    list_for_each(node, next, &log->segments) {
        struct segment *segment = container_of(node, struct segment, node);
        if (segment->end_time_us >= time_us && segment->end_offset > segment->header.base_offset) {
            return segment;
        }
    }
    return NULL;
}

void log_add_segment(struct log *log, struct segment *segment)
{
    list_add_last(&log->segments, &segment->node);
    log->segments_count++;
}

void log_remove_segment(struct log *log, struct segment *segment)
{
    check(log->segments_count > 0);
    log->segments_count--;
    if (log->active == segment) {
        log->active = NULL;
    }
    segment_destroy(segment);
}

/* ---- Failure ---- */

/* Offsets behind what is in the log, or on its way, are given out again. */
void log_give_up_offsets(struct log *log)
{
    u64 end = log->written.next_offset;
    struct list_node *node = list_last(&log->gathering);
    node = node != NULL ? node : list_last(&log->writing);
    if (node != NULL) {
        const struct log_unit *unit = container_of(node, struct log_unit, node);
        end = unit->head.base_offset + unit->head.messages_count;
    }
    log->next_offset = end;
    replica_give_up(&log->partition->replica, end);
    dedup_cut(&log->shard->dedup, log->partition, end);
    partition_give_up_repeats(log->partition);
}

void log_take_gathered(struct log *log, struct list *requests)
{
    struct list_node *node;
    while ((node = list_pop(&log->gathering)) != NULL) {
        struct log_unit *unit = container_of(node, struct log_unit, node);
        while ((node = list_pop(&unit->requests)) != NULL) {
            list_add_last(requests, node);
        }
        log_unit_return(log, unit);
    }
    log->gathering_units = 0;
    log->gathering_bytes = 0;
    log->write_bytes_wanted = 0;
}

void log_refuse_gathered(struct log *log, u32 error)
{
    struct list requests;
    struct list_node *node;
    list_init(&requests);
    log_take_gathered(log, &requests);
    while ((node = list_pop(&requests)) != NULL) {
        partition_refuse(container_of(node, struct shard_request, node), error);
    }
    log_give_up_offsets(log);
}

/* At level memory what gathered is acknowledged: it stays as long as its partition does. */
static bool holds_acknowledged(const struct log *log)
{
    const struct partition *partition = log->partition;
    return partition->state != PARTITION_CLOSING &&
           partition_wants(partition).level == DURABILITY_MEMORY;
}

void log_put_off_gathered(struct log *log, u32 error)
{
    if (!holds_acknowledged(log)) {
        log_refuse_gathered(log, error);
        return;
    }
    log->not_before_us = log->shard->core->time.monotonic_us + FULL_WAIT_US;
    shard_wake_later(log->shard, log->partition);
}

/* What was in the write may be on disk all the same. */
static void give_up_writing(struct log *log)
{
    struct list_node *node;
    while ((node = list_pop(&log->writing)) != NULL) {
        struct log_unit *unit = container_of(node, struct log_unit, node);
        while ((node = list_pop(&unit->requests)) != NULL) {
            struct shard_request *request = container_of(node, struct shard_request, node);
            check(log->partition->appends_count > 0);
            log->partition->appends_count--;
            if (!log->stopped) {
                partition_forget_sent(request); /* the log is cut: it will not be there */
            }
            shard_answer_by_closing(request);
        }
        log_unit_return(log, unit);
    }
}

void log_stop(struct log *log, enum status status, const char *what)
{
    struct partition *partition = log->partition;
    struct core *core = log->shard->core;
    log->stopped = true;
    log->step = LOG_READY;
    event_error(core->events,
                "partition.stopped stream=%u topic=%u partition=%u failed=%s status=%s: restart "
                "the server once the device is sound",
                partition->stream_id, partition->topic_id, partition->id, what,
                status_name(status));
    core_note(core, "partition.stopped", partition->slot, status);
    counter_add(core->counters, COUNTER_partitions_stopped, 1);
    give_up_writing(log);
    log_refuse_gathered(log, WIRE_CANNOT_APPEND_MESSAGE);
    partition_refuse_appends(partition, WIRE_CANNOT_APPEND_MESSAGE);
    ends_drop(&log->shard->ends, partition);
    partition_resume_late_polls(partition);
    shard_on_partition_settled(log->shard);
}

/* Level memory: acknowledged, so it is written when there is space, with numbers given anew. */
static void keep_writing(struct log *log)
{
    struct list_node *node;
    while ((node = list_last(&log->writing)) != NULL) {
        struct log_unit *unit = container_of(node, struct log_unit, node);
        list_remove(node);
        list_add_first(&log->gathering, node);
        log->gathering_units++;
        log->gathering_bytes += unit->head.batches_bytes;
        log->write_bytes_wanted =
            u32_max(log->write_bytes_wanted,
                    segment_unit_bytes(unit->head.batches_bytes, SECTOR_BYTES_MAX));
    }
    log->not_before_us = log->shard->core->time.monotonic_us + FULL_WAIT_US;
}

/* Back to the last good unit: its numbers are given out again, since the log is cut there. */
static void log_begin_cut(struct log *log)
{
    struct partition *partition = log->partition;
    struct core *core = log->shard->core;
    u32 left_out = 0;
    if (event_pace_passes(&log->shard->full_pace, core->time.monotonic_us, 0, &left_out)) {
        event_warn(
            core->events,
            "partition.disk_full stream=%u topic=%u partition=%u end_offset=%llu left_out=%u",
            partition->stream_id, partition->topic_id, partition->id,
            (unsigned long long)log->written.next_offset, left_out);
    }
    if (holds_acknowledged(log)) {
        keep_writing(log);
    } else {
        give_up_writing(log);
        log_refuse_gathered(log, WIRE_CANNOT_APPEND_MESSAGE);
    }
    partition_refuse_appends(partition, WIRE_CANNOT_APPEND_MESSAGE);
    disk_on_full(&log->shard->disk);
    log->next_unit = log->written.next_unit;
    log->next_write = log->written.next_write;
    log->previous_crc = log->written.previous_crc;
    log->step = CUT_TRUNCATE;
    if (!log_ahead_is_busy(log)) {
        log_run(log);
    }
}

void log_on_ahead_over(struct log *log)
{
    if (log->step == CUT_TRUNCATE && !log->stopped) {
        log_run(log);
    }
    shard_wake(log->shard, log->partition);
}

void log_ahead_failed(struct log *log, enum status status)
{
    if (log->step == LOG_READY) {
        log_stop(log, status, "write of zeros");
        return;
    }
    log->ahead_status = status;
}

static void on_write_done(struct log *log, enum status status)
{
    if (status == ERR_SPACE) {
        log_begin_cut(log);
        return;
    }
    if (status != OK) {
        log_stop(log, status, "write");
        return;
    }
    log->step = LOG_READY;
    log_on_written(log);
}

static void on_open_active(struct log *log, enum status status)
{
    log->step = LOG_READY;
    if (status == OK) {
        segment_adopt_file(log->active, log->op.file);
    } else if (status == ERR_LIMIT) {
        segment_close_idle_file(log->shard); /* the next append finds a descriptor */
        log_put_off_gathered(log, WIRE_CANNOT_APPEND_MESSAGE);
        partition_refuse_appends(log->partition, WIRE_CANNOT_APPEND_MESSAGE);
    } else {
        log_stop(log, status, "open");
    }
}

static void on_sync_done(struct log *log, enum status status)
{
    if (status != OK) {
        log_stop(log, status, "sync");
        return;
    }
    log->step = LOG_READY;
    log->synced = log->syncing;
    ends_note(&log->shard->ends, log->partition);
    shard_on_partition_settled(log->shard);
}

void log_open_active(struct log *log)
{
    char path[SEGMENT_PATH_BYTES];
    check(log->step == LOG_READY);
    log->step = LOG_OPEN_ACTIVE;
    segment_path(log, log->active->header.base_offset, "log", path);
    io_file_open(log->shard->core->io, &log->op, path, segment_open_flags(log->active));
}

/* The first step of a long operation, or the next one. */
void log_run(struct log *log)
{
    struct io *io = log->shard->core->io;
    switch (log->step) {
    case CUT_TRUNCATE: io_file_truncate(io, &log->op, log->active->file, log->active->tail); break;
    case CUT_SYNC: io_file_sync(io, &log->op, log->active->file); break;
    case LOG_READY:
    case LOG_ENCRYPT:
    case LOG_WRITE:
    case LOG_OPEN_ACTIVE:
    case LOG_SYNC: break;
    case ROLL_SYNC_OLD:
    case ROLL_OPEN_INDEX:
    case ROLL_WRITE_INDEX:
    case ROLL_CLOSE_INDEX:
    case ROLL_MAKE_DIRECTORY:
    case ROLL_REMOVE_LEFTOVER:
    case ROLL_OPEN_SPARE:
    case ROLL_SIZE_SPARE:
    case ROLL_CREATE:
    case ROLL_RESERVE:
    case ROLL_WRITE_HEADER:
    case ROLL_RENAME:
    case ROLL_OPEN_DIRECTORY:
    case ROLL_SYNC_DIRECTORY:
    case ROLL_CLOSE_DIRECTORY:
    case ROLL_DONE:
    case NAMES_SYNC_FILE:
    case NAMES_OPEN_DIRECTORY:
    case NAMES_SYNC_DIRECTORY:
    case NAMES_CLOSE_DIRECTORY: log_roll_run(log); break;
    }
}

void log_on_step_done(struct log *log, enum status status)
{
    switch (log->step) {
    case LOG_WRITE: on_write_done(log, status); break;
    case LOG_OPEN_ACTIVE: on_open_active(log, status); break;
    case LOG_SYNC: on_sync_done(log, status); break;
    case CUT_TRUNCATE:
    case CUT_SYNC:
        if (status != OK) {
            log_stop(log, status, "cut");
            break;
        }
        log->active->ahead_end = log->active->tail;
        log->step = log->step == CUT_TRUNCATE ? CUT_SYNC : LOG_READY;
        log_run(log);
        break;
    case ROLL_SYNC_OLD:
    case ROLL_OPEN_INDEX:
    case ROLL_WRITE_INDEX:
    case ROLL_CLOSE_INDEX:
    case ROLL_MAKE_DIRECTORY:
    case ROLL_REMOVE_LEFTOVER:
    case ROLL_OPEN_SPARE:
    case ROLL_SIZE_SPARE:
    case ROLL_CREATE:
    case ROLL_RESERVE:
    case ROLL_WRITE_HEADER:
    case ROLL_RENAME:
    case ROLL_OPEN_DIRECTORY:
    case ROLL_SYNC_DIRECTORY:
    case ROLL_CLOSE_DIRECTORY:
    case NAMES_SYNC_FILE:
    case NAMES_OPEN_DIRECTORY:
    case NAMES_SYNC_DIRECTORY:
    case NAMES_CLOSE_DIRECTORY: log_roll_on_io(log, status); break;
    case ROLL_DONE:
    case LOG_ENCRYPT:
    case LOG_READY: unreachable();
    }
}
