/* Making segments: the first of a life, unsynced, and the next ones in a roll; and syncing names
 * before the first answered append.
 *
 *     roll     old synced ─▶ its index saved ─▶ next made as a spare, header synced ─▶ renamed
 *              ─▶ directory synced ─▶ written to
 *
 * A file bears a segment's name only when its header is in it; so a name whose header does not
 * verify is damage, except for the first segment of a life, whose making is not synced
 * (log_open.c looks at that). */
#include "base/check.h"
#include "base/str.h"
#include "shard/log.h"
#include "shard/shard_inside.h"

/* partition, partitions, topic, topics, stream, streams, the data directory itself */
#define NAMES_LEVELS 7u

static bool is_first(const struct log *log)
{
    return list_is_empty(&log->segments);
}

bool log_needs_roll(const struct log *log)
{
    const struct segment *active = log->active;
    struct partition_wants wants = partition_wants(log->partition);
    if (log->roll_wanted || active->header.level != wants.level ||
        active->header.direct != wants.direct ||
        active->header.sector_bytes != io_facts(log->shard->core->io).sector_bytes) {
        return true;
    }
    if (log->write_bytes_wanted > active->header.write_bytes_max) {
        return true;
    }
    u64 end = (u64)active->tail + active->header.write_bytes_max;
    return (active->tail >= wants.segment_bytes && active->tail > SEGMENT_HEADER_BYTES) ||
           end > UINT32_MAX;
}

static u32 write_bytes_max_for(const struct log *log)
{
    u32 bytes = LOG_WRITE_BYTES_MAX;
    if (log->active != NULL) {
        bytes = u32_max(bytes, log->active->header.write_bytes_max);
    }
    while (bytes < log->write_bytes_wanted) {
        bytes *= 2;
    }
    return bytes;
}

static void describe_next(struct log *log)
{
    const struct partition *partition = log->partition;
    struct core *core = log->shard->core;
    struct partition_wants wants = partition_wants(partition);
    log->made = (struct segment_header){
        .version = SEGMENT_VERSION,
        .sector_bytes = io_facts(core->io).sector_bytes,
        .write_bytes_max = write_bytes_max_for(log),
        .level = wants.level,
        .direct = wants.direct,
        .stream_id = partition->stream_id,
        .topic_id = partition->topic_id,
        .partition_id = partition->id,
        .life = partition->life,
        .base_offset = log->written.next_offset,
        .term = partition->replica.term,
        .created_at_us = core->time.wall_us,
        .first_unit = log->written.next_unit,
        .first_write = log->written.next_write,
        .bytes_before = log->written.bytes,
        .batches_before = log->written.batches,
        .last_time_us = log->written.last_time_us,
        .previous_crc = log->written.previous_crc,
    };
    u64 salt[2] = {prng_next(&core->prng), prng_next(&core->prng)};
    memcpy(log->made.salt, salt, SEGMENT_SALT_BYTES);
}

static void drop_making(struct log *log)
{
    if (log->making != NULL) {
        segment_destroy(log->making);
        log->making = NULL;
    }
}

/* At level memory it is tried again many times a second, in every partition. */
static void say_not_made(const struct log *log, enum status status)
{
    const struct partition *partition = log->partition;
    struct core *core = log->shard->core;
    u32 left_out = 0;
    if (event_pace_passes(&log->shard->not_made_pace, core->time.monotonic_us, status, &left_out)) {
        event_warn(core->events,
                   "segment.not_made stream=%u topic=%u partition=%u base_offset=%llu status=%s "
                   "left_out=%u",
                   partition->stream_id, partition->topic_id, partition->id,
                   (unsigned long long)log->made.base_offset, status_name(status), left_out);
    }
}

/* A segment could not be made: what gathered is refused, or put off when it is acknowledged; the
 * old segment goes on when there is space. */
static void give_up_making(struct log *log, enum status status)
{
    struct partition *partition = log->partition;
    say_not_made(log, status);
    if (log->made_file.id >= 0) {
        shard_close_file(log->shard, log->made_file);
        log->made_file = IO_FILE_NONE;
    }
    if (status == ERR_SPACE) {
        disk_on_full(&log->shard->disk);
    }
    drop_making(log);
    log->step = LOG_READY;
    log_put_off_gathered(log, WIRE_CANNOT_APPEND_MESSAGE);
    partition_refuse_appends(partition, WIRE_CANNOT_APPEND_MESSAGE);
    if (partition->state == PARTITION_OPENING) {
        partition_on_opened(partition); /* made again before the first write */
    }
}

void log_roll_begin(struct log *log)
{
    check(log->step == LOG_READY);
    check(list_is_empty(&log->writing));
    if (log_ahead_is_busy(log)) {
        return; /* begins when the zeros are over */
    }
    if (!is_first(log) && log->synced.next_unit != log->written.next_unit &&
        log->active->file.id < 0) {
        log_open_active(log);
        return;
    }
    if (log->header_buf == NULL) {
        log->header_buf = shard_take_buf(log->shard, SEGMENT_HEADER_BYTES);
    }
    if (log->header_buf == NULL) {
        shard_wait_for_turn(log->shard);
        return;
    }
    describe_next(log);
    log->index_saved = false;
    log->spare_used = false;
    log->made_space = 0;
    log->making = segment_create(log, &log->made);
    if (log->making == NULL) {
        give_up_making(log, ERR_LIMIT);
        return;
    }
    if (is_first(log)) {
        log->step = ROLL_MAKE_DIRECTORY;
    } else if (log->synced.next_unit != log->written.next_unit) {
        log->step = ROLL_SYNC_OLD;
    } else {
        log->step = ROLL_OPEN_INDEX;
    }
    log_run(log);
}

bool log_index_wants_saving(const struct log *log, u32 entries)
{
    const struct segment *active = log->active;
    if (active == NULL || active->index_buf == NULL || log->stopped || log->partition->read_only) {
        return false;
    }
    /* A stride that doubled left fewer entries than there were. */
    return active->index.entries_count >= active->index_saved_count + entries ||
           active->index.entries_count < active->index_saved_count;
}

void log_save_index(struct log *log)
{
    if (log->step != LOG_READY || log->active == NULL || log->active->index_buf == NULL) {
        return;
    }
    log->index_only = true;
    log->index_saved = false;
    log->active->index_saved_count = log->active->index.entries_count;
    log->step = ROLL_OPEN_INDEX;
    log_run(log);
}

void log_make_first(struct log *log)
{
    check(is_first(log));
    log->names_unsynced = true;
    log_roll_begin(log);
}

void log_names_begin(struct log *log)
{
    check(log->step == LOG_READY);
    check(log->active->file.id >= 0);
    log->names_level = 0;
    log->step = NAMES_SYNC_FILE;
    log_run(log);
}

static void directory_path(const struct log *log, u32 level, char path[IO_PATH_BYTES])
{
    const struct partition *partition = log->partition;
    u32 at = 0;
    if (level == NAMES_LEVELS - 1) {
        (void)str_append(path, IO_PATH_BYTES, &at, ".");
        return;
    }
    (void)str_append(path, IO_PATH_BYTES, &at, "streams");
    if (level <= 4) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/%u", partition->stream_id);
    }
    if (level <= 3) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/topics");
    }
    if (level <= 2) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/%u", partition->topic_id);
    }
    if (level <= 1) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/partitions");
    }
    if (level == 0) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/%u", partition->id);
    }
}

static void open_directory(struct log *log, u32 level)
{
    char path[IO_PATH_BYTES];
    directory_path(log, level, path);
    io_file_open(log->shard->core->io, &log->op, path, IO_OPEN_READ | IO_OPEN_DIRECTORY);
}

static void spare_path(const struct log *log, char path[IO_PATH_BYTES])
{
    const struct partition *partition = log->partition;
    (void)str_format(path, IO_PATH_BYTES, "streams/%u/topics/%u/partitions/%u/spare",
                     partition->stream_id, partition->topic_id, partition->id);
}

static void make_directory(struct log *log)
{
    char path[IO_PATH_BYTES];
    directory_path(log, 0, path);
    io_directory_create(log->shard->core->io, &log->op, path);
}

static void write_index(struct log *log)
{
    struct segment *old = log->active;
    segment_index_encode(&old->index, old->header.salt, old->index_buf->data);
    struct io_piece piece = {
        .data = old->index_buf->data,
        .size = SEGMENT_INDEX_HEADER_BYTES +
                (u64)old->index.entries_count * sizeof(struct segment_index_entry),
    };
    io_file_write(log->shard->core->io, &log->op, log->made_file, 0, &piece, 1, 0);
}

static void write_header(struct log *log)
{
    segment_header_encode(&log->made, log->header_buf->data);
    struct io_piece piece = {.data = log->header_buf->data, .size = SEGMENT_HEADER_BYTES};
    io_file_write(log->shard->core->io, &log->op, log->made_file, 0, &piece, 1,
                  is_first(log) ? 0 : IO_WRITE_SYNCED);
}

static void create(struct log *log)
{
    char path[SEGMENT_PATH_BYTES];
    segment_path(log, log->made.base_offset, "new", path);
    io_file_open(log->shard->core->io, &log->op, path,
                 IO_OPEN_READ | IO_OPEN_WRITE | IO_OPEN_CREATE | IO_OPEN_EXCLUSIVE |
                     (log->made.direct ? IO_OPEN_DIRECT : 0u));
}

/* Only from what nobody needs more urgently: below the disk's reserve all appends are refused. */
static bool reserves(const struct log *log)
{
    struct partition_wants wants = partition_wants(log->partition);
    return wants.preallocates && disk_has_room(&log->shard->disk, wants.segment_bytes);
}

static void reserve(struct log *log)
{
    u64 bytes = partition_wants(log->partition).segment_bytes;
    disk_on_written(&log->shard->disk, bytes);
    io_file_allocate(log->shard->core->io, &log->op, log->made_file, 0, bytes);
}

static void open_index(struct log *log)
{
    if (log->active->index_buf == NULL) {
        log->step = ROLL_REMOVE_LEFTOVER;
        log_run(log);
        return;
    }
    char path[SEGMENT_PATH_BYTES];
    segment_path(log, log->active->header.base_offset, "index", path);
    io_file_open(log->shard->core->io, &log->op, path, IO_OPEN_WRITE | IO_OPEN_CREATE);
}

static void remove_leftover(struct log *log)
{
    char path[SEGMENT_PATH_BYTES];
    segment_path(log, log->made.base_offset, "new", path);
    io_path_unlink(log->shard->core->io, &log->op, path);
}

static void open_spare(struct log *log)
{
    char path[IO_PATH_BYTES];
    spare_path(log, path);
    io_file_open(log->shard->core->io, &log->op, path,
                 IO_OPEN_READ | IO_OPEN_WRITE | (log->made.direct ? IO_OPEN_DIRECT : 0u));
}

static void give_name(struct log *log)
{
    char from[SEGMENT_PATH_BYTES];
    char to[SEGMENT_PATH_BYTES];
    segment_path(log, log->made.base_offset, "new", from);
    if (log->spare_used) {
        spare_path(log, from);
    }
    segment_path(log, log->made.base_offset, "log", to);
    io_path_rename(log->shard->core->io, &log->op, from, to);
}

/* The chain ends in the new segment. One that stayed empty is replaced: it has the same name. */
static void chain(struct log *log, struct segment *segment)
{
    struct segment *old = log->active;
    if (old != NULL && old->header.base_offset == segment->header.base_offset) {
        log_remove_segment(log, old);
    } else if (old != NULL) {
        counter_add(log->shard->core->counters, COUNTER_segments_rolled, 1);
    }
    log_add_segment(log, segment);
    log->active = segment;
    if (old != NULL && segment->node.previous != &log->segments.head) {
        struct segment *sealed = container_of(segment->node.previous, struct segment, node);
        segment_close_file(sealed);
        if (log->index_saved) {
            segment_index_close(sealed);
        }
    }
}

static void done(struct log *log)
{
    struct segment *segment = log->making;
    log->making = NULL;
    chain(log, segment);
    if (log->spare_used) {
        segment->ahead_end = u32_max((u32)log->made_space, SEGMENT_HEADER_BYTES);
        counter_add(log->shard->core->counters, COUNTER_segments_recycled, 1);
    }
    segment_adopt_file(segment, log->made_file);
    log->made_file = IO_FILE_NONE;
    buf_return(log->header_buf);
    log->header_buf = NULL;
    log->roll_wanted = false;
    log->small_writes = 0;
    log->written.segment_base_offset = segment->header.base_offset;
    log->written.position = SEGMENT_HEADER_BYTES;
    log->synced = log->written;
    log->step = LOG_READY;
    partition_publish(log->partition);
    if (log->segments_count > 1) {
        ends_note(&log->shard->ends, log->partition);
    }
    if (log->partition->state == PARTITION_OPENING) {
        partition_on_opened(log->partition);
    }
}

void log_roll_run(struct log *log)
{
    struct io *io = log->shard->core->io;
    switch (log->step) {
    case ROLL_SYNC_OLD: io_file_sync(io, &log->op, log->active->file); break;
    case ROLL_OPEN_INDEX: open_index(log); break;
    case ROLL_WRITE_INDEX: write_index(log); break;
    case ROLL_CLOSE_INDEX: io_file_close(io, &log->op, log->made_file); break;
    case ROLL_MAKE_DIRECTORY: make_directory(log); break;
    case ROLL_REMOVE_LEFTOVER: remove_leftover(log); break;
    case ROLL_OPEN_SPARE: open_spare(log); break;
    case ROLL_SIZE_SPARE: io_file_size(io, &log->op, log->made_file); break;
    case ROLL_CREATE: create(log); break;
    case ROLL_RESERVE: reserve(log); break;
    case ROLL_WRITE_HEADER: write_header(log); break;
    case ROLL_RENAME: give_name(log); break;
    case ROLL_OPEN_DIRECTORY: open_directory(log, 0); break;
    case ROLL_SYNC_DIRECTORY:
    case NAMES_SYNC_DIRECTORY: io_file_sync(io, &log->op, log->directory); break;
    case ROLL_CLOSE_DIRECTORY:
    case NAMES_CLOSE_DIRECTORY: io_file_close(io, &log->op, log->directory); break;
    case ROLL_DONE: done(log); break;
    case NAMES_SYNC_FILE: io_file_sync(io, &log->op, log->active->file); break;
    case NAMES_OPEN_DIRECTORY: open_directory(log, log->names_level); break;
    case LOG_READY:
    case LOG_ENCRYPT:
    case LOG_WRITE:
    case LOG_OPEN_ACTIVE:
    case LOG_SYNC:
    case CUT_TRUNCATE:
    case CUT_SYNC: unreachable();
    }
}

static void next_step(struct log *log, enum log_step step)
{
    log->step = step;
    log_run(log);
}

static void on_failed(struct log *log, enum status status)
{
    if (log->step == ROLL_CREATE && status == ERR_EXISTS && is_first(log)) {
        next_step(log, ROLL_REMOVE_LEFTOVER); /* ours: it could not be made before */
        return;
    }
    bool harmless = status == ERR_SPACE || status == ERR_LIMIT;
    if (harmless && log->step != ROLL_SYNC_OLD && log->step != ROLL_SYNC_DIRECTORY &&
        log->step != NAMES_SYNC_FILE && log->step != NAMES_SYNC_DIRECTORY) {
        give_up_making(log, status);
        return;
    }
    drop_making(log);
    log_stop(log, status, "roll");
    if (log->partition->state == PARTITION_OPENING) {
        partition_on_opened(log->partition);
    }
}

/* An index that is not saved is made again from the log: its steps may fail. */
static bool may_fail(enum log_step step, enum status status)
{
    return step == ROLL_OPEN_INDEX || step == ROLL_WRITE_INDEX || step == ROLL_CLOSE_INDEX ||
           step == ROLL_OPEN_SPARE || (step == ROLL_RESERVE && status == ERR_UNSUPPORTED) ||
           (step == ROLL_REMOVE_LEFTOVER && status == ERR_NOT_FOUND);
}

static void on_names_closed(struct log *log)
{
    log->names_level++;
    if (log->names_level < NAMES_LEVELS) {
        next_step(log, NAMES_OPEN_DIRECTORY);
        return;
    }
    log->names_unsynced = false;
    log->step = LOG_READY;
}

static void on_index_over(struct log *log)
{
    if (log->index_only) {
        log->index_only = false;
        log->step = LOG_READY;
        shard_on_partition_settled(log->shard);
        return;
    }
    next_step(log, ROLL_REMOVE_LEFTOVER);
}

void log_roll_on_io(struct log *log, enum status status)
{
    if (status != OK && !may_fail(log->step, status)) {
        on_failed(log, status);
        return;
    }
    switch (log->step) {
    case ROLL_SYNC_OLD:
        log->synced = log->written;
        next_step(log, ROLL_OPEN_INDEX);
        break;
    case ROLL_OPEN_INDEX:
        log->made_file = status == OK ? log->op.file : IO_FILE_NONE;
        if (status == OK) {
            next_step(log, ROLL_WRITE_INDEX);
        } else {
            on_index_over(log);
        }
        break;
    case ROLL_WRITE_INDEX:
        log->index_saved = status == OK;
        next_step(log, ROLL_CLOSE_INDEX);
        break;
    case ROLL_CLOSE_INDEX:
        log->made_file = IO_FILE_NONE;
        on_index_over(log);
        break;
    case ROLL_MAKE_DIRECTORY: next_step(log, ROLL_CREATE); break;
    case ROLL_REMOVE_LEFTOVER:
        next_step(log, log->spare == SPARE_THERE && log->made.level == DURABILITY_SYNC
                           ? ROLL_OPEN_SPARE
                           : ROLL_CREATE);
        break;
    case ROLL_OPEN_SPARE:
        log->spare = SPARE_NONE;
        log->spare_used = status == OK;
        log->made_file = status == OK ? log->op.file : IO_FILE_NONE;
        next_step(log, status == OK ? ROLL_SIZE_SPARE : ROLL_CREATE);
        break;
    case ROLL_SIZE_SPARE:
        log->made.recycled = true;
        log->making->header.recycled = true;
        log->made_space = align_down(u64_min(log->op.count, UINT32_MAX), log->made.sector_bytes);
        next_step(log, ROLL_WRITE_HEADER);
        break;
    case ROLL_CREATE:
        log->made_file = log->op.file;
        next_step(log, reserves(log) ? ROLL_RESERVE : ROLL_WRITE_HEADER);
        break;
    case ROLL_RESERVE: next_step(log, ROLL_WRITE_HEADER); break;
    case ROLL_WRITE_HEADER: next_step(log, ROLL_RENAME); break;
    case ROLL_RENAME: next_step(log, is_first(log) ? ROLL_DONE : ROLL_OPEN_DIRECTORY); break;
    case ROLL_OPEN_DIRECTORY:
        log->directory = log->op.file;
        next_step(log, ROLL_SYNC_DIRECTORY);
        break;
    case ROLL_SYNC_DIRECTORY: next_step(log, ROLL_CLOSE_DIRECTORY); break;
    case ROLL_CLOSE_DIRECTORY: next_step(log, ROLL_DONE); break;
    case NAMES_SYNC_FILE: next_step(log, NAMES_OPEN_DIRECTORY); break;
    case NAMES_OPEN_DIRECTORY:
        log->directory = log->op.file;
        next_step(log, NAMES_SYNC_DIRECTORY);
        break;
    case NAMES_SYNC_DIRECTORY: next_step(log, NAMES_CLOSE_DIRECTORY); break;
    case NAMES_CLOSE_DIRECTORY: on_names_closed(log); break;
    case ROLL_DONE:
    case LOG_READY:
    case LOG_ENCRYPT:
    case LOG_WRITE:
    case LOG_OPEN_ACTIVE:
    case LOG_SYNC:
    case CUT_TRUNCATE:
    case CUT_SYNC: unreachable();
    }
}
