/* A new epoch: the state as it is, in the pair of files that is not in use.
 *
 *     open or create ─▶ reserve room ─▶ pieces, one record after the other ─▶ reserve room for
 *     commands ─▶ sync the files (and directories, if files are new) ─▶ read everything back
 *     ─▶ header, synced: from here on this is the present epoch
 *
 * The header comes last, so that an epoch that has one is whole on both sides. Until then the epoch
 * before goes on being the present one: a full disk is no reason to stop it. After a failed sync or
 * write the log fails as a whole, as nobody knows what the device holds. */
#include "base/check.h"
#include "control/control_log_sides.h"

static void write_pieces(struct control_log *log);
static void sync_directories(struct control_log *log);

/* The present epoch stays. `log->new_slot` has no header, or an older one. */
static void give_up(struct control_log *log, const char *step)
{
    enum status status = sides_status(log);
    event_warn(log->core->events, "control.snapshot_postponed step=\"%s\" status=\"%s\"", step,
               status_text(status));
    log->mode = CONTROL_LOG_IDLE;
    log->events.snapshotted(log->events.context, false);
}

static void fail(struct control_log *log, const char *step)
{
    log->mode = CONTROL_LOG_IDLE;
    control_log_fail(log, step);
    log->events.snapshotted(log->events.context, false);
}

/* True when the step went well. No room is a reason to wait, anything else the end of the log. */
static bool step_is_ok(struct control_log *log, const char *step)
{
    enum status status = sides_status(log);
    if (status == OK) {
        return true;
    }
    if (status == ERR_SPACE || status == ERR_LIMIT) {
        give_up(log, step);
    } else {
        fail(log, step);
    }
    return false;
}

/* ---- The header, and the switch ---- */

static void write_header(struct control_log *log, void (*then)(struct control_log *log))
{
    struct control_write write = {
        .slot = log->new_slot,
        .synced = true,
        .piece = {log->block, CONTROL_BLOCK_BYTES},
    };
    sides_write(log, &write, then);
}

static void on_header_written(struct control_log *log)
{
    if (sides_status(log) != OK) {
        fail(log, "write the header of a snapshot");
        return;
    }
    log->slot = log->new_slot;
    log->epoch = log->new_header.epoch;
    log->epoch_seen = log->epoch;
    log->chain = log->new_chain;
    log->position = log->new_position;
    log->commands_position = log->new_position;
    log->limit = log->new_limit;
    log->needs_snapshot = false;
    log->mode = CONTROL_LOG_IDLE;
    event_info(log->core->events, "control.snapshot epoch=%llu index=%llu bytes=%llu",
               (unsigned long long)log->epoch, (unsigned long long)log->chain.index,
               (unsigned long long)log->position);
    log->events.snapshotted(log->events.context, true);
}

static void on_read_back(struct control_log *log)
{
    const struct control_walk *walk = &log->walk;
    bool equal = walk->snapshot_done && walk->position == log->new_position &&
                 walk->chain.crc == log->new_chain.crc && !walk->conflict;
    if (!equal) {
        event_error(log->core->events, "control.snapshot_unreadable slot=%u position=%llu",
                    log->new_slot, (unsigned long long)walk->position);
        fail(log, "read a snapshot back");
        return;
    }
    write_header(log, on_header_written);
}

static void read_back(struct control_log *log)
{
    log->walk = (struct control_walk){
        .slot = log->new_slot,
        .chain = control_chain_begin(&log->new_header),
        .strict = true,
        .ended = on_read_back,
    };
    control_log_walk(log);
}

/* ---- Sync ---- */

static void on_files_synced(struct control_log *log)
{
    if (sides_status(log) != OK) {
        fail(log, "sync a snapshot");
        return;
    }
    log->directory_step = 0;
    sync_directories(log);
}

static void on_sized(struct control_log *log)
{
    if (sides_status(log) != OK) {
        fail(log, "ask for the size of a snapshot");
        return;
    }
    log->new_limit = UINT64_MAX;
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        log->sides[i].sizes[log->new_slot] = log->sides[i].op.count;
        log->new_limit = u64_min(log->new_limit, log->sides[i].op.count);
    }
    sides_begin(log, on_files_synced);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        io_file_sync(log->core->io, side_op(log, i), log->sides[i].files[log->new_slot]);
    }
    sides_end(log);
}

static void on_reserved(struct control_log *log)
{
    if (!step_is_ok(log, "reserve room for commands")) {
        return;
    }
    sides_begin(log, on_sized);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        io_file_size(log->core->io, side_op(log, i), log->sides[i].files[log->new_slot]);
    }
    sides_end(log);
}

/* Room is made by writing zeros, not by reserving blocks: a file system converts a reserved block
 * at the sync of its first write, which is one more commit of its journal for each command, and one
 * more thing that a failing journal can lose after the sync has been answered. */
#define ZEROS_BYTES (64u * 1024u)
static const _Alignas(CONTROL_BLOCK_BYTES) u8 zeros[ZEROS_BYTES];

static void reserve_next(struct control_log *log);

static void on_zeros_written(struct control_log *log)
{
    if (sides_status(log) != OK) {
        log->reserved(log);
        return;
    }
    reserve_next(log);
}

/* Writes up to IO_PIECES_MAX pieces of zeros behind the end of each file that is too small. */
static void reserve_next(struct control_log *log)
{
    bool asks = false;
    sides_begin(log, on_zeros_written);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        struct control_log_side *side = &log->sides[i];
        u64 begin = side->sizes[log->new_slot];
        side->op.status = OK;
        if (begin >= log->reserve_bytes) {
            continue;
        }
        struct io_piece pieces[IO_PIECES_MAX];
        u32 count = 0;
        u64 end = begin;
        while (count < IO_PIECES_MAX && end < log->reserve_bytes) {
            u64 size = u64_min(ZEROS_BYTES, log->reserve_bytes - end);
            pieces[count++] = (struct io_piece){zeros, size};
            end += size;
        }
        side->sizes[log->new_slot] = end;
        asks = true;
        io_file_write(log->core->io, side_op(log, i), side->files[log->new_slot], begin, pieces,
                      count, IO_WRITE_SYNCED);
    }
    log->then = asks ? on_zeros_written : log->reserved;
    sides_end(log);
}

static void on_reserve_sized(struct control_log *log)
{
    if (sides_status(log) != OK) {
        log->reserved(log);
        return;
    }
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        u64 size = log->sides[i].op.count;
        log->sides[i].sizes[log->new_slot] = align_up(size, CONTROL_BLOCK_BYTES);
    }
    reserve_next(log);
}

/* Sees to it that both files of the new slot have `size` bytes that were written before. */
static void reserve(struct control_log *log, u64 size, void (*then)(struct control_log *log))
{
    log->reserve_bytes = align_up(size, CONTROL_BLOCK_BYTES);
    log->reserved = then;
    sides_begin(log, on_reserve_sized);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        io_file_size(log->core->io, side_op(log, i), log->sides[i].files[log->new_slot]);
    }
    sides_end(log);
}

/* ---- Directories: once a file was created, all above it that may be new ---- */

static const char *const directories[][CONTROL_SIDES] = {
    {"control/a", "control/b"},
    {"control", "."},
};

static void on_directory_closed(struct control_log *log)
{
    log->directory_step++;
    sync_directories(log);
}

static void on_directory_synced(struct control_log *log)
{
    bool ok = sides_status(log) == OK;
    if (!ok) {
        fail(log, "sync the directories of the control log");
        return;
    }
    sides_begin(log, on_directory_closed);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        io_file_close(log->core->io, side_op(log, i), log->sides[i].directory);
        log->sides[i].directory = IO_FILE_NONE;
    }
    sides_end(log);
}

static void on_directory_opened(struct control_log *log)
{
    if (sides_status(log) != OK) {
        fail(log, "open the directories of the control log");
        return;
    }
    sides_begin(log, on_directory_synced);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        log->sides[i].directory = log->sides[i].op.file;
        io_file_sync(log->core->io, side_op(log, i), log->sides[i].directory);
    }
    sides_end(log);
}

static void on_all_synced(struct control_log *log);

static void sync_directories(struct control_log *log)
{
    bool is_done = log->directory_step == array_count(directories);
    if (is_done || log->names_are_synced[log->new_slot]) {
        log->names_are_synced[log->new_slot] = true;
        on_all_synced(log);
        return;
    }
    sides_begin(log, on_directory_opened);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        io_file_open(log->core->io, side_op(log, i), directories[log->directory_step][i],
                     IO_OPEN_READ | IO_OPEN_DIRECTORY);
    }
    sides_end(log);
}

/* ---- Pieces ---- */

/* At least as much room for commands as the snapshot took, so that writing it stays rare. */
static u64 bytes_for_epoch(u64 snapshot_bytes)
{
    return align_up(u64_max(CONTROL_LOG_BYTES_MIN, 2 * snapshot_bytes), MIB);
}

static void on_piece_written(struct control_log *log)
{
    if (!step_is_ok(log, "write a snapshot")) {
        return;
    }
    control_chain_advance(&log->new_chain, &log->written_record);
    log->new_position += control_record_bytes(&log->written_record);
    if (!log->saved_last) {
        write_pieces(log);
        return;
    }
    reserve(log, bytes_for_epoch(log->new_position), on_reserved);
}

static void write_pieces(struct control_log *log)
{
    struct writer writer = writer_over(log->written + CONTROL_RECORD_HEADER_BYTES,
                                       CONTROL_RECORD_BYTES_MAX - CONTROL_RECORD_HEADER_BYTES);
    log->saved_last = !state_save(log->saving, &log->cursor, &writer);
    check(!writer.failed);
    log->written_record = (struct control_record){
        .crc_before = log->new_chain.crc,
        .epoch = log->new_chain.epoch,
        .salt = log->new_chain.salt,
        .number = log->new_chain.number + 1,
        .index_before = log->new_chain.index,
        .index = log->new_chain.index,
        .kind = log->saved_last ? CONTROL_SNAPSHOT_LAST : CONTROL_SNAPSHOT_PIECE,
    };
    control_record_seal(&log->written_record, log->written, writer.position);
    struct control_write write = {
        .slot = log->new_slot,
        .position = log->new_position,
        .piece = {log->written, control_record_bytes(&log->written_record)},
    };
    sides_write(log, &write, on_piece_written);
}

/* ---- The files ---- */

static void on_room_reserved(struct control_log *log)
{
    if (!step_is_ok(log, "reserve room for a snapshot")) {
        return;
    }
    if (log->mode == CONTROL_LOG_SPARE) {
        /* Nothing is in it: a header that says so spares the next start a search. */
        log->new_header = (struct control_header){.created_at_us = log->core->time.wall_us};
        control_header_encode(&log->new_header, log->block);
        write_header(log, on_reserved);
        return;
    }
    write_pieces(log);
}

static void on_new_opened(struct control_log *log)
{
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        struct control_log_side *side = &log->sides[i];
        if (side->op.status == OK && side->files[log->new_slot].id < 0) {
            side->files[log->new_slot] = side->op.file;
        }
    }
    if (!step_is_ok(log, "create a file")) {
        return;
    }
    reserve(log, CONTROL_LOG_BYTES_MIN, on_room_reserved);
}

static void open_new(struct control_log *log)
{
    sides_begin(log, on_new_opened);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        struct control_log_side *side = &log->sides[i];
        side->op.status = OK;
        if (side->files[log->new_slot].id < 0) {
            char path[IO_PATH_BYTES];
            control_log_path(path, i, log->new_slot);
            log->names_are_synced[log->new_slot] = false;
            io_file_open(log->core->io, side_op(log, i), path,
                         IO_OPEN_READ | IO_OPEN_WRITE | IO_OPEN_CREATE);
        }
    }
    sides_end(log);
}

static void on_all_synced(struct control_log *log)
{
    if (log->mode == CONTROL_LOG_SPARE) {
        log->mode = CONTROL_LOG_IDLE;
        log->events.snapshotted(log->events.context, true);
        return;
    }
    read_back(log);
}

void control_log_snapshot(struct control_log *log, const struct state *state)
{
    check(control_log_is_idle(log));
    check(!log->failed);
    log->mode = CONTROL_LOG_SNAPSHOT;
    log->saving = state;
    log->cursor = (struct state_cursor){0};
    log->new_slot = 1 - log->slot;
    log->new_position = CONTROL_BLOCK_BYTES;
    log->new_header = (struct control_header){
        .epoch = log->epoch_seen + 1,
        .salt = prng_next(&log->core->prng),
        .snapshot_index = state_index(state),
        .created_at_us = log->core->time.wall_us,
    };
    control_header_encode(&log->new_header, log->block);
    log->new_chain = control_chain_begin(&log->new_header);
    open_new(log);
}

static void on_settled(struct control_log *log)
{
    bool ok = sides_status(log) == OK;
    log->mode = CONTROL_LOG_IDLE;
    if (!ok) {
        control_log_fail(log, "sync what was read");
    }
    log->events.settled(log->events.context, ok);
}

void control_log_settle(struct control_log *log)
{
    check(control_log_is_idle(log));
    check(!log->needs_snapshot);
    log->mode = CONTROL_LOG_SPARE;
    sides_begin(log, on_settled);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        io_file_sync(log->core->io, side_op(log, i), log->sides[i].files[log->slot]);
    }
    sides_end(log);
}

void control_log_prepare_spare(struct control_log *log)
{
    check(control_log_is_idle(log));
    log->new_slot = 1 - log->slot;
    bool is_there = log->sides[0].sizes[log->new_slot] >= CONTROL_LOG_BYTES_MIN &&
                    log->sides[1].sizes[log->new_slot] >= CONTROL_LOG_BYTES_MIN;
    if (is_there || log->failed) {
        log->events.snapshotted(log->events.context, true);
        return;
    }
    log->mode = CONTROL_LOG_SPARE;
    open_new(log);
}
