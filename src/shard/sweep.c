#include "shard/sweep.h"

#include "base/check.h"
#include "base/str.h"
#include "shard/segment_verdict.h"
#include "shard/shard_inside.h"

#define LEVEL_PARTITIONS 2u
#define LEVEL_FILES 3u

static void run(struct sweep *sweep);

static void next_step(struct sweep *sweep, enum sweep_step step)
{
    sweep->step = step;
    run(sweep);
}

static void path_of_level(const struct sweep *sweep, char path[IO_PATH_BYTES])
{
    u32 at = 0;
    (void)str_append(path, IO_PATH_BYTES, &at, "streams");
    if (sweep->level >= 1) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/%u/topics", sweep->names[0].id);
    }
    if (sweep->level >= LEVEL_PARTITIONS) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/%u/partitions", sweep->names[1].id);
    }
    if (sweep->level >= LEVEL_FILES) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/%u", sweep->names[2].id);
    }
}

static void finish(struct sweep *sweep, u32 error)
{
    struct shard *shard = sweep->shard;
    for (u32 i = 0; i < SWEEP_LEVELS; i++) {
        if (sweep->names[i].buf != NULL) {
            buf_return(sweep->names[i].buf);
        }
    }
    if (sweep->header != NULL) {
        buf_return(sweep->header);
    }
    if (sweep->moved_count > 0) {
        event_info(shard->core->events, "sweep.moved partitions=%u", sweep->moved_count);
        trash_empty(&shard->trash);
    }
    sweep_init(sweep, shard);
    shard_on_phase_done(shard, error);
}

static void list_level(struct sweep *sweep)
{
    char path[IO_PATH_BYTES];
    struct sweep_names *names = &sweep->names[sweep->level];
    path_of_level(sweep, path);
    io_directory_list(sweep->shard->core->io, &sweep->op, path, (char *)names->buf->data,
                      SWEEP_NAMES_BYTES);
}

static void go_up(struct sweep *sweep)
{
    if (sweep->level == 0) {
        finish(sweep, WIRE_OK);
        return;
    }
    sweep->level--;
    next_step(sweep, SWEEP_NEXT);
}

static bool is_known(const struct sweep *sweep)
{
    return state_partition_find(sweep->shard->core->state, sweep->names[0].id, sweep->names[1].id,
                                sweep->names[2].id) != NULL;
}

/* The next entry of this level: down into it, or on. */
static void next_entry(struct sweep *sweep)
{
    struct sweep_names *names = &sweep->names[sweep->level];
    while (names->position < names->bytes) {
        const char *text = (const char *)names->buf->data + names->position;
        names->position += (u32)strlen(text) + 1;
        if (sweep->level == LEVEL_FILES) {
            if (segment_verdict_name(text, ".log", &sweep->base_offset)) {
                next_step(sweep, SWEEP_OPEN_HEADER);
                return;
            }
            continue;
        }
        u64 id = 0;
        if (!str_to_u64(text, &id) || id > UINT32_MAX) {
            continue; /* not ours */
        }
        names->id = (u32)id;
        if (sweep->level == LEVEL_PARTITIONS && is_known(sweep)) {
            continue;
        }
        sweep->level++;
        next_step(sweep, SWEEP_LIST);
        return;
    }
    go_up(sweep);
}

static void open_header(struct sweep *sweep)
{
    char path[IO_PATH_BYTES];
    u32 at = 0;
    path_of_level(sweep, path);
    at = (u32)strlen(path);
    (void)str_append(path, IO_PATH_BYTES, &at, "/%020llu.log",
                     (unsigned long long)sweep->base_offset);
    io_file_open(sweep->shard->core->io, &sweep->op, path, IO_OPEN_READ);
}

static void rename_partition(struct sweep *sweep)
{
    char from[IO_PATH_BYTES];
    char to[IO_PATH_BYTES];
    path_of_level(sweep, from);
    trash_path(sweep->life, sweep->names[0].id, sweep->names[1].id, sweep->names[2].id, to);
    io_path_rename(sweep->shard->core->io, &sweep->op, from, to);
}

static void on_lost_tail(struct sweep *sweep)
{
    struct core *core = sweep->shard->core;
    event_error(core->events,
                "partition.refused stream=%u topic=%u partition=%u found=%llu life_max=%llu "
                "what=\"a life above control's last: control lost its tail\"",
                sweep->names[0].id, sweep->names[1].id, sweep->names[2].id,
                (unsigned long long)sweep->life, (unsigned long long)state_life_max(core->state));
    finish(sweep, WIRE_IO_ERROR);
}

/* What the header says decides about the whole directory; one that says nothing, about nothing. */
static void judge(struct sweep *sweep)
{
    struct segment_place place = {
        .state = sweep->shard->core->state,
        .stream_id = sweep->names[0].id,
        .topic_id = sweep->names[1].id,
        .partition_id = sweep->names[2].id,
    };
    struct segment_header header = {0};
    struct span block = {sweep->header->data, sweep->header_bytes};
    enum segment_verdict verdict = segment_verdict_of(&place, block, sweep->base_offset, &header);
    sweep->life = header.life;
    switch (verdict) {
    case SEGMENT_LIFE_OVER: next_step(sweep, SWEEP_RENAME); break;
    case SEGMENT_LIFE_UNKNOWN: on_lost_tail(sweep); break;
    case SEGMENT_UNSOUND:
    case SEGMENT_OTHER_VERSION:
    case SEGMENT_SOUND:
    case SEGMENT_LIFE_NOT_OVER:
    case SEGMENT_OTHER_PARTITION:
        event_warn(sweep->shard->core->events,
                   "sweep.left stream=%u topic=%u partition=%u segment=%llu verdict=%d",
                   place.stream_id, place.topic_id, place.partition_id,
                   (unsigned long long)sweep->base_offset, (int)verdict);
        next_step(sweep, SWEEP_NEXT);
        break;
    }
}

static void run(struct sweep *sweep)
{
    struct io *io = sweep->shard->core->io;
    switch (sweep->step) {
    case SWEEP_IDLE: break;
    case SWEEP_LIST: list_level(sweep); break;
    case SWEEP_NEXT: next_entry(sweep); break;
    case SWEEP_OPEN_HEADER: open_header(sweep); break;
    case SWEEP_READ_HEADER:
        io_file_read(io, &sweep->op, sweep->file, 0, sweep->header->data, SEGMENT_HEADER_BYTES);
        break;
    case SWEEP_CLOSE_HEADER: io_file_close(io, &sweep->op, sweep->file); break;
    case SWEEP_RENAME: rename_partition(sweep); break;
    }
}

static void on_listed(struct sweep *sweep)
{
    struct sweep_names *names = &sweep->names[sweep->level];
    names->bytes = sweep->op.status == OK ? (u32)sweep->op.count : 0;
    names->position = 0;
    next_step(sweep, SWEEP_NEXT);
}

static void on_io(struct core *core, struct io_op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, op);
    (void)core;
    switch (sweep->step) {
    case SWEEP_LIST: on_listed(sweep); break;
    case SWEEP_OPEN_HEADER:
        sweep->file = op->file;
        next_step(sweep, op->status == OK ? SWEEP_READ_HEADER : SWEEP_NEXT);
        break;
    case SWEEP_READ_HEADER:
        sweep->header_bytes = op->status == OK ? (u32)op->count : 0;
        next_step(sweep, SWEEP_CLOSE_HEADER);
        break;
    case SWEEP_CLOSE_HEADER: judge(sweep); break;
    case SWEEP_RENAME:
        sweep->moved_count += op->status == OK ? 1 : 0;
        go_up(sweep);
        break;
    case SWEEP_IDLE:
    case SWEEP_NEXT: unreachable();
    }
}

void sweep_init(struct sweep *sweep, struct shard *shard)
{
    *sweep = (struct sweep){.shard = shard, .file = IO_FILE_NONE};
    io_op_init(&sweep->op, on_io);
}

void sweep_start(struct sweep *sweep)
{
    check(sweep->step == SWEEP_IDLE);
    bool has_memory = true;
    for (u32 i = 0; i < SWEEP_LEVELS; i++) {
        sweep->names[i].buf = shard_take_buf(sweep->shard, SWEEP_NAMES_BYTES);
        has_memory = has_memory && sweep->names[i].buf != NULL;
    }
    sweep->header = shard_take_buf(sweep->shard, SEGMENT_HEADER_BYTES);
    check(has_memory); /* nothing else is under way before the first request */
    check(sweep->header != NULL);
    next_step(sweep, SWEEP_LIST);
}
