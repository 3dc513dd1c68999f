#include "shard/recovery.h"

#include "base/check.h"
#include "base/str.h"
#include "shard/segment_verdict.h"
#include "shard/shard_inside.h"
#include "shard/trash.h"

struct log *recovery_log(const struct recovery *recovery)
{
    return &recovery->partition->log;
}

struct segment *recovery_newest(const struct recovery *recovery)
{
    struct list_node *node = list_last(&recovery_log(recovery)->segments);
    check(node != NULL);
    return container_of(node, struct segment, node);
}

static void partition_path(const struct partition *partition, char path[IO_PATH_BYTES])
{
    (void)str_format(path, IO_PATH_BYTES, "streams/%u/topics/%u/partitions/%u",
                     partition->stream_id, partition->topic_id, partition->id);
}

/* ---- Ends of a recovery ---- */

static void give_back(struct recovery *recovery)
{
    struct shard *shard = recovery->shard;
    if (recovery->file.id >= 0) {
        shard_close_file(shard, recovery->file);
    }
    if (recovery->buf != NULL) {
        buf_return(recovery->buf);
    }
    if (recovery->names != NULL) {
        buf_return(recovery->names);
    }
    list_remove(&recovery->node);
    recovery->magic = 0;
    pool_return(&shard->recoveries, recovery);
}

void recovery_open_damaged(struct recovery *recovery, const char *what)
{
    struct partition *partition = recovery->partition;
    struct core *core = recovery->shard->core;
    partition->read_only = true;
    counter_add(core->counters, COUNTER_partitions_damaged, 1);
    event_error(core->events,
                "partition.damaged stream=%u topic=%u partition=%u what=\"%s\" end_offset=%llu: "
                "open for reading only, nothing was deleted; see `levriero doctor`",
                partition->stream_id, partition->topic_id, partition->id, what,
                (unsigned long long)partition->log.written.next_offset);
}

/* There is something, and it cannot be opened: it stays as it is. */
void recovery_refuse(struct recovery *recovery, const char *what, u64 word)
{
    struct partition *partition = recovery->partition;
    event_error(
        recovery->shard->core->events,
        "partition.refused stream=%u topic=%u partition=%u life=%llu found=%llu what=\"%s\"",
        partition->stream_id, partition->topic_id, partition->id,
        (unsigned long long)partition->life, (unsigned long long)word, what);
    partition->read_only = true;
    partition->unreadable = true;
    struct partition *opened = partition;
    give_back(recovery);
    partition_on_opened(opened);
}

/* No segment is there: the life begins here, unless a recovery point says that there were some. */
static void make_first(struct recovery *recovery)
{
    struct partition *partition = recovery->partition;
    if (partition->has_point) {
        partition->log.written = partition->point;
        partition->log.synced = partition->point;
        recovery_open_damaged(recovery, "all segments are missing");
        give_back(recovery);
        partition_on_opened(partition);
        return;
    }
    give_back(recovery);
    log_make_first(&partition->log);
}

/* ---- Names ---- */

static void open_header(struct recovery *recovery)
{
    char path[IO_PATH_BYTES];
    segment_path(recovery_log(recovery), recovery->base_offset, "log", path);
    io_file_open(recovery->shard->core->io, &recovery->op, path, IO_OPEN_READ);
}

static void remove_leftover(struct recovery *recovery)
{
    char path[IO_PATH_BYTES];
    segment_path(recovery_log(recovery), recovery->base_offset, "new", path);
    io_path_unlink(recovery->shard->core->io, &recovery->op, path);
}

static void chain_is_read(struct recovery *recovery);

/* Names come sorted, so segments come in the order of their offsets. */
static void next_name(struct recovery *recovery)
{
    while (recovery->names_position < recovery->names_bytes) {
        const char *text = (const char *)recovery->names->data + recovery->names_position;
        recovery->names_position += (u32)strlen(text) + 1;
        if (segment_verdict_name(text, ".log", &recovery->base_offset)) {
            recovery_next(recovery, RECOVERY_OPEN_HEADER);
            return;
        }
        if (strcmp(text, "spare") == 0) {
            recovery_log(recovery)->spare = SPARE_THERE;
        }
        if (segment_verdict_name(text, ".new", &recovery->base_offset)) {
            recovery_next(recovery, RECOVERY_REMOVE_LEFTOVER);
            return;
        }
    }
    chain_is_read(recovery);
}

/* ---- Headers ---- */

static bool add_segment(struct recovery *recovery, const struct segment_header *header)
{
    struct segment *segment = segment_create(recovery_log(recovery), header);
    if (segment == NULL) {
        return false;
    }
    log_add_segment(recovery_log(recovery), segment);
    return true;
}

/* Its header does not verify, and no unit was ever behind it: then it was being made when the power
 * went. The first write into it comes only after header and names are synced, so what it never held
 * cannot have been torn. */
static bool nothing_follows(const struct recovery *recovery)
{
    u32 count = (u32)recovery->op.count;
    for (u32 i = 0; i < count; i++) {
        if (recovery->buf->data[i] != 0) {
            return false;
        }
    }
    return recovery->op.status == OK;
}

static void add_damaged(struct recovery *recovery)
{
    struct segment_header header = {
        .version = SEGMENT_VERSION,
        .sector_bytes = SECTOR_BYTES_MAX,
        .write_bytes_max = LOG_WRITE_BYTES_MAX,
        .base_offset = recovery->base_offset,
    };
    if (!add_segment(recovery, &header)) {
        recovery_refuse(recovery, "more segments than the plan holds: give --memory more", 0);
        return;
    }
    recovery_newest(recovery)->damaged = true;
    recovery->partition->read_only = true;
    recovery_next(recovery, RECOVERY_CLOSE_HEADER);
}

static void on_behind(struct recovery *recovery)
{
    if (nothing_follows(recovery)) {
        recovery->first_unsound = true;
        recovery_next(recovery, RECOVERY_CLOSE_HEADER);
        return;
    }
    add_damaged(recovery);
}

static void on_unsound_header(struct recovery *recovery)
{
    if (list_is_empty(&recovery_log(recovery)->segments) && recovery->base_offset == 0 &&
        !recovery->partition->has_point) {
        recovery_next(recovery, RECOVERY_READ_BEHIND);
        return;
    }
    add_damaged(recovery);
}

static void on_sound_header(struct recovery *recovery, const struct segment_header *header)
{
    if (!add_segment(recovery, header)) {
        recovery_refuse(recovery, "more segments than the plan holds: give --memory more", 0);
        return;
    }
    recovery_next(recovery, RECOVERY_CLOSE_HEADER);
}

static void on_header(struct recovery *recovery, enum status status)
{
    const struct partition *partition = recovery->partition;
    struct shard *shard = recovery->shard;
    struct segment_place place = {
        .state = shard->core->state,
        .stream_id = partition->stream_id,
        .topic_id = partition->topic_id,
        .partition_id = partition->id,
        .life = partition->life,
    };
    struct segment_header header = {0};
    struct span block = {recovery->buf->data, status == OK ? (u32)recovery->op.count : 0};
    switch (segment_verdict_of(&place, block, recovery->base_offset, &header)) {
    case SEGMENT_SOUND: on_sound_header(recovery, &header); break;
    case SEGMENT_UNSOUND: on_unsound_header(recovery); break;
    case SEGMENT_OTHER_VERSION:
        recovery_refuse(recovery, "a segment of another version of the format",
                        recovery->base_offset);
        break;
    case SEGMENT_LIFE_OVER:
        recovery->other_life = header.life;
        recovery_next(recovery, RECOVERY_TRASH_RENAME);
        break;
    case SEGMENT_LIFE_NOT_OVER:
        recovery_refuse(recovery, "a life that is not over", header.life);
        break;
    case SEGMENT_LIFE_UNKNOWN:
        recovery_refuse(recovery, "a life above control's last index: control lost its tail",
                        header.life);
        break;
    case SEGMENT_OTHER_PARTITION:
        recovery_refuse(recovery, "a segment of another partition", header.partition_id);
        break;
    }
}

/* ---- The chain, and the newest segment ---- */

/* What lies between two headers is known from them. */
static void seal_by_next(struct segment *segment, const struct segment *next)
{
    segment->end_offset = next->header.base_offset;
    if (!next->damaged) {
        segment->end_time_us = next->header.last_time_us;
        segment->end_bytes = next->header.bytes_before;
        segment->end_batches = next->header.batches_before;
    }
    segment->tail = UINT32_MAX; /* its file says how far it can be read */
}

static void chain_is_read(struct recovery *recovery)
{
    struct log *log = recovery_log(recovery);
    if (recovery->first_unsound) {
        recovery_next(recovery, RECOVERY_REMOVE_FIRST);
        return;
    }
    if (list_is_empty(&log->segments)) {
        make_first(recovery);
        return;
    }
    struct segment *before = NULL;
    list_for_each(node, next, &log->segments) {
        struct segment *segment = container_of(node, struct segment, node);
        if (before != NULL) {
            seal_by_next(before, segment);
        }
        before = segment;
    }
    if (recovery_newest(recovery)->damaged) {
        struct log_point *written = &log->written;
        *written = recovery->partition->point;
        written->next_offset =
            u64_max(written->next_offset, recovery_newest(recovery)->header.base_offset);
        recovery_newest(recovery)->end_offset = written->next_offset;
        log->synced = *written;
        recovery_open_damaged(recovery, "the header of the newest segment does not verify");
        recovery_next(recovery, RECOVERY_OFFSETS);
        return;
    }
    recovery_next(recovery, RECOVERY_OPEN_INDEX);
}

/* ---- Steps ---- */

static void directory_open(struct recovery *recovery, bool parent)
{
    char path[IO_PATH_BYTES];
    const struct partition *partition = recovery->partition;
    partition_path(partition, path);
    if (parent) {
        (void)str_format(path, IO_PATH_BYTES, "streams/%u/topics/%u/partitions",
                         partition->stream_id, partition->topic_id);
    }
    io_file_open(recovery->shard->core->io, &recovery->op, path, IO_OPEN_READ | IO_OPEN_DIRECTORY);
}

static void list_names(struct recovery *recovery)
{
    char path[IO_PATH_BYTES];
    if (recovery->names == NULL) {
        recovery->names = shard_take_buf(recovery->shard, RECOVERY_NAMES_BYTES);
    }
    if (recovery->names != NULL && recovery->buf == NULL) {
        recovery->buf = shard_take_buf(recovery->shard, RECOVER_READ_BYTES);
    }
    if (recovery->buf == NULL) {
        recovery->waits = true;
        shard_wait_for_turn(recovery->shard);
        return;
    }
    partition_path(recovery->partition, path);
    io_directory_list(recovery->shard->core->io, &recovery->op, path, (char *)recovery->names->data,
                      recovery->names->capacity);
}

static void trash_rename(struct recovery *recovery)
{
    const struct partition *partition = recovery->partition;
    char from[IO_PATH_BYTES];
    char to[IO_PATH_BYTES];
    partition_path(partition, from);
    trash_path(recovery->other_life, partition->stream_id, partition->topic_id, partition->id, to);
    io_path_rename(recovery->shard->core->io, &recovery->op, from, to);
}

static void open_segment(struct recovery *recovery, const char *suffix, u32 flags)
{
    char path[IO_PATH_BYTES];
    segment_path(recovery_log(recovery), recovery_newest(recovery)->header.base_offset, suffix,
                 path);
    io_file_open(recovery->shard->core->io, &recovery->op, path, flags);
}

static u32 newest_flags(const struct recovery *recovery)
{
    return IO_OPEN_READ | IO_OPEN_WRITE |
           (recovery_newest(recovery)->header.direct ? IO_OPEN_DIRECT : 0u);
}

/* Stored offsets beyond the end are set back before anybody can ask, durably. */
static void cut_offsets(struct recovery *recovery)
{
    struct partition *partition = recovery->partition;
    struct offsets *offsets = &recovery->shard->offsets;
    if (!partition->read_only && recovery->offsets_record == 0) {
        recovery->offsets_record =
            offsets_cut(offsets, partition, partition->log.written.next_offset);
    }
    if (recovery->offsets_record != 0 && !offsets->failed &&
        !offsets_is_durable(offsets, recovery->offsets_record)) {
        recovery->waits = true;
        return;
    }
    give_back(recovery);
    partition_on_opened(partition);
}

/* The scan is over, or could not begin. */
static void scan_done(struct recovery *recovery)
{
    if (recovery->partition->read_only && recovery->scan.state != RECOVER_OVER) {
        recovery_adopt_end(recovery);
        recovery_next(recovery, RECOVERY_OFFSETS);
        return;
    }
    recovery_judge(recovery);
}

static void remove_file(struct recovery *recovery, const struct segment *segment,
                        const char *suffix)
{
    char path[IO_PATH_BYTES];
    u64 base_offset = segment == NULL ? 0 : segment->header.base_offset;
    segment_path(recovery_log(recovery), base_offset, suffix, path);
    io_path_unlink(recovery->shard->core->io, &recovery->op, path);
}

static void run(struct recovery *recovery)
{
    struct io *io = recovery->shard->core->io;
    struct io_op *op = &recovery->op;
    switch (recovery->step) {
    case RECOVERY_LIST: list_names(recovery); break;
    case RECOVERY_NEXT_NAME: next_name(recovery); break;
    case RECOVERY_REMOVE_LEFTOVER: remove_leftover(recovery); break;
    case RECOVERY_OPEN_HEADER: open_header(recovery); break;
    case RECOVERY_READ_HEADER:
        io_file_read(io, op, recovery->file, 0, recovery->buf->data, SEGMENT_HEADER_BYTES);
        break;
    case RECOVERY_READ_BEHIND:
        io_file_read(io, op, recovery->file, SEGMENT_HEADER_BYTES, recovery->buf->data,
                     RECOVER_READ_BYTES);
        break;
    case RECOVERY_CLOSE_HEADER:
    case RECOVERY_CLOSE_INDEX:
        io_file_close(io, op, recovery->file);
        recovery->file = IO_FILE_NONE;
        break;
    case RECOVERY_TRASH_RENAME: trash_rename(recovery); break;
    case RECOVERY_TRASH_OPEN: directory_open(recovery, true); break;
    case RECOVERY_TRASH_SYNC:
    case RECOVERY_SYNC_DIRECTORY: io_file_sync(io, op, recovery->directory); break;
    case RECOVERY_TRASH_CLOSE:
    case RECOVERY_CLOSE_DIRECTORY: io_file_close(io, op, recovery->directory); break;
    case RECOVERY_OPEN_INDEX: open_segment(recovery, "index", IO_OPEN_READ); break;
    case RECOVERY_READ_INDEX:
        io_file_read(io, op, recovery->file, 0, recovery->buf->data, SEGMENT_INDEX_FILE_BYTES_MAX);
        break;
    case RECOVERY_OPEN: open_segment(recovery, "log", newest_flags(recovery)); break;
    case RECOVERY_SIZE: io_file_size(io, op, recovery->file); break;
    case RECOVERY_PROBE_INDEX: recovery_probe_index(recovery); break;
    case RECOVERY_SCAN: recovery_scan_run(recovery); break;
    case RECOVERY_REMOVE_INDEX: remove_file(recovery, recovery_newest(recovery), "index"); break;
    case RECOVERY_CREATE_CUT: recovery_create_cut(recovery); break;
    case RECOVERY_READ_CUT: recovery_read_cut(recovery); break;
    case RECOVERY_WRITE_CUT: recovery_write_cut(recovery); break;
    case RECOVERY_SYNC_CUT: io_file_sync(io, op, recovery->cut_file); break;
    case RECOVERY_CLOSE_CUT: io_file_close(io, op, recovery->cut_file); break;
    case RECOVERY_OPEN_DIRECTORY: directory_open(recovery, false); break;
    case RECOVERY_TRUNCATE:
        io_file_truncate(io, op, recovery->file, recovery->scan.end.position);
        break;
    case RECOVERY_SYNC: io_file_sync(io, op, recovery->file); break;
    case RECOVERY_OFFSETS: cut_offsets(recovery); break;
    case RECOVERY_REMOVE_FIRST: remove_file(recovery, NULL, "log"); break;
    case RECOVERY_DONE: scan_done(recovery); break;
    }
}

void recovery_next(struct recovery *recovery, enum recovery_step step)
{
    recovery->step = step;
    run(recovery);
}

/* The copy of the tail cannot be made: then the tail stays where it is. */
static void on_cut_failed(struct recovery *recovery)
{
    recovery_open_damaged(recovery, "an unfinished tail could not be copied");
    recovery_next(recovery, RECOVERY_OFFSETS);
}

static bool is_cut_step(enum recovery_step step)
{
    return step >= RECOVERY_CREATE_CUT && step <= RECOVERY_CLOSE_DIRECTORY;
}

static void on_failed(struct recovery *recovery, enum status status)
{
    if (is_cut_step(recovery->step)) {
        on_cut_failed(recovery);
    } else if (recovery->step == RECOVERY_TRUNCATE || recovery->step == RECOVERY_SYNC) {
        recovery_open_damaged(recovery, "the newest segment could not be synced");
        recovery_next(recovery, RECOVERY_OFFSETS);
    } else {
        recovery_refuse(recovery, status_name(status), recovery->step);
    }
}

/* Steps that go on whatever came of them, or judge it themselves. */
static bool may_fail(enum recovery_step step, enum status status)
{
    return step == RECOVERY_READ_HEADER || step == RECOVERY_READ_BEHIND ||
           step == RECOVERY_CLOSE_HEADER || step == RECOVERY_OPEN_INDEX ||
           step == RECOVERY_READ_INDEX || step == RECOVERY_CLOSE_INDEX ||
           step == RECOVERY_PROBE_INDEX || step == RECOVERY_REMOVE_INDEX || step == RECOVERY_SCAN ||
           step == RECOVERY_READ_CUT || step == RECOVERY_TRASH_CLOSE ||
           step == RECOVERY_CLOSE_DIRECTORY || step == RECOVERY_CLOSE_CUT ||
           (status == ERR_NOT_FOUND &&
            (step == RECOVERY_LIST || step == RECOVERY_REMOVE_LEFTOVER ||
             step == RECOVERY_REMOVE_FIRST || step == RECOVERY_TRASH_RENAME));
}

static void on_listed(struct recovery *recovery)
{
    if (recovery->op.status == ERR_NOT_FOUND) {
        make_first(recovery);
        return;
    }
    recovery->names_bytes = (u32)recovery->op.count;
    recovery->names_position = 0;
    recovery_next(recovery, RECOVERY_NEXT_NAME);
}

static void on_trashed(struct recovery *recovery)
{
    struct shard *shard = recovery->shard;
    struct partition *partition = recovery->partition;
    trash_empty(&shard->trash);
    /* What was read so far is of the other life. */
    partition->log.spare = SPARE_NONE;
    while (!list_is_empty(&partition->log.segments)) {
        log_remove_segment(&partition->log, recovery_newest(recovery));
    }
    make_first(recovery);
}

static void on_io(struct core *core, struct io_op *op)
{
    struct recovery *recovery = container_of(op, struct recovery, op);
    enum status status = op->status;
    (void)core;
    check(recovery->magic == RECOVERY_MAGIC);
    if (status != OK && !may_fail(recovery->step, status)) {
        on_failed(recovery, status);
        return;
    }
    switch (recovery->step) {
    case RECOVERY_LIST: on_listed(recovery); break;
    case RECOVERY_REMOVE_LEFTOVER: recovery_next(recovery, RECOVERY_NEXT_NAME); break;
    case RECOVERY_OPEN_HEADER:
        recovery->file = op->file;
        recovery_next(recovery, RECOVERY_READ_HEADER);
        break;
    case RECOVERY_READ_HEADER: on_header(recovery, status); break;
    case RECOVERY_READ_BEHIND: on_behind(recovery); break;
    case RECOVERY_CLOSE_HEADER: recovery_next(recovery, RECOVERY_NEXT_NAME); break;
    case RECOVERY_TRASH_RENAME: recovery_next(recovery, RECOVERY_TRASH_OPEN); break;
    case RECOVERY_TRASH_OPEN:
        recovery->directory = op->file;
        recovery_next(recovery, RECOVERY_TRASH_SYNC);
        break;
    case RECOVERY_TRASH_SYNC: recovery_next(recovery, RECOVERY_TRASH_CLOSE); break;
    case RECOVERY_TRASH_CLOSE: on_trashed(recovery); break;
    case RECOVERY_OPEN_INDEX:
        recovery->file = status == OK ? op->file : IO_FILE_NONE;
        recovery_next(recovery, status == OK ? RECOVERY_READ_INDEX : RECOVERY_OPEN);
        break;
    case RECOVERY_READ_INDEX:
        recovery_on_index(recovery);
        recovery_next(recovery, RECOVERY_CLOSE_INDEX);
        break;
    case RECOVERY_CLOSE_INDEX: recovery_next(recovery, RECOVERY_OPEN); break;
    case RECOVERY_OPEN:
        recovery->file = op->file;
        recovery_next(recovery, RECOVERY_SIZE);
        break;
    case RECOVERY_SIZE:
        recovery->file_bytes = op->count;
        recovery_next(recovery, RECOVERY_PROBE_INDEX);
        break;
    case RECOVERY_PROBE_INDEX: recovery_on_probed(recovery); break;
    case RECOVERY_SCAN: recovery_on_scanned(recovery, status); break;
    case RECOVERY_CREATE_CUT:
        recovery->cut_file = op->file;
        recovery->single_end = 0;
        recovery_next(recovery, RECOVERY_READ_CUT);
        break;
    case RECOVERY_READ_CUT: recovery_on_cut_read(recovery, status); break;
    case RECOVERY_WRITE_CUT:
        recovery->position += recovery->read_end;
        recovery_next(recovery, recovery->position < recovery->scan.damage_end ? RECOVERY_READ_CUT
                                                                               : RECOVERY_SYNC_CUT);
        break;
    case RECOVERY_SYNC_CUT: recovery_next(recovery, RECOVERY_CLOSE_CUT); break;
    case RECOVERY_CLOSE_CUT: recovery_next(recovery, RECOVERY_OPEN_DIRECTORY); break;
    case RECOVERY_OPEN_DIRECTORY:
        recovery->directory = op->file;
        recovery_next(recovery, RECOVERY_SYNC_DIRECTORY);
        break;
    case RECOVERY_SYNC_DIRECTORY: recovery_next(recovery, RECOVERY_CLOSE_DIRECTORY); break;
    case RECOVERY_CLOSE_DIRECTORY:
        recovery_say_cut(recovery);
        recovery_next(recovery, RECOVERY_REMOVE_INDEX);
        break;
    case RECOVERY_REMOVE_INDEX:
        recovery_next(recovery, recovery->keeps_space ? RECOVERY_SYNC : RECOVERY_TRUNCATE);
        break;
    case RECOVERY_TRUNCATE: recovery_next(recovery, RECOVERY_SYNC); break;
    case RECOVERY_SYNC:
        if (recovery->keeps_space) {
            recovery_newest(recovery)->ahead_end = (u32)recovery->scan.file_bytes;
        }
        segment_adopt_file(recovery_newest(recovery), recovery->file);
        recovery->file = IO_FILE_NONE;
        recovery_next(recovery, RECOVERY_OFFSETS);
        break;
    case RECOVERY_REMOVE_FIRST: make_first(recovery); break;
    case RECOVERY_NEXT_NAME:
    case RECOVERY_OFFSETS:
    case RECOVERY_DONE: unreachable();
    }
}

void recovery_begin(struct recovery *recovery, struct shard *shard, struct partition *partition)
{
    check(partition->state == PARTITION_QUEUED);
    recovery->magic = RECOVERY_MAGIC;
    recovery->shard = shard;
    recovery->partition = partition;
    recovery->file = IO_FILE_NONE;
    recovery->cut_file = IO_FILE_NONE;
    list_node_init(&recovery->node);
    list_add_last(&shard->recovering, &recovery->node);
    io_op_init(&recovery->op, on_io);
    partition->state = PARTITION_OPENING;
    recovery_next(recovery, RECOVERY_LIST);
}

void recovery_turn(struct recovery *recovery)
{
    if (recovery->waits) {
        recovery->waits = false;
        recovery->paused = false;
        run(recovery);
    }
}
