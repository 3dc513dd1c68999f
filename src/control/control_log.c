#include "control/control_log.h"

#include "base/check.h"
#include "control/control_log_sides.h"

/* A gathered command and its head must leave the record within its limit. */
#define PAYLOAD_BYTES_MAX (CONTROL_RECORD_BYTES_MAX - CONTROL_RECORD_HEADER_BYTES)
#define COMMAND_HEAD_BYTES 12u

u64 control_log_bytes(void)
{
    return sizeof(struct control_log) + 64 +
           (CONTROL_SIDES + 2) * (u64)(CONTROL_RECORD_BYTES_MAX + CONTROL_BLOCK_BYTES) +
           2 * CONTROL_BLOCK_BYTES;
}

struct control_log *control_log_create(struct core *core, struct arena *arena,
                                       const struct control_log_events *events)
{
    struct control_log *log = arena_new(arena, struct control_log);
    log->magic = CONTROL_LOG_MAGIC;
    log->core = core;
    log->events = *events;
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        struct control_log_side *side = &log->sides[i];
        side->log = log;
        side->directory = IO_FILE_NONE;
        side->files[0] = IO_FILE_NONE;
        side->files[1] = IO_FILE_NONE;
        side->chunk = arena_take(arena, CONTROL_RECORD_BYTES_MAX, CONTROL_BLOCK_BYTES);
        io_op_init(&side->op, NULL);
    }
    log->gathered = arena_take(arena, CONTROL_RECORD_BYTES_MAX, CONTROL_BLOCK_BYTES);
    log->written = arena_take(arena, CONTROL_RECORD_BYTES_MAX, CONTROL_BLOCK_BYTES);
    log->block = arena_take(arena, CONTROL_BLOCK_BYTES, CONTROL_BLOCK_BYTES);
    return log;
}

const struct err *control_log_error(const struct control_log *log)
{
    return &log->err;
}

bool control_log_needs_snapshot(const struct control_log *log)
{
    return log->needs_snapshot;
}

bool control_log_wants_snapshot(const struct control_log *log)
{
    if (log->position >= log->limit || log->commands_position >= log->limit) {
        return true;
    }
    u64 room = log->limit - log->commands_position;
    return log->limit - log->position < room / 4;
}

bool control_log_is_idle(const struct control_log *log)
{
    return log->mode == CONTROL_LOG_IDLE && log->gathered_count == 0;
}

bool control_log_has_failed(const struct control_log *log)
{
    return log->failed;
}

void control_log_fail(struct control_log *log, const char *what)
{
    if (log->failed) {
        return;
    }
    log->failed = true;
    enum status status = sides_status(log);
    event_error(log->core->events,
                "control.log_failed step=\"%s\" a=%s b=%s status=\"%s\" epoch=%llu position=%llu",
                what, status_name(log->sides[0].op.status), status_name(log->sides[1].op.status),
                status_text(status), (unsigned long long)log->epoch,
                (unsigned long long)log->position);
    log->gathered_size = 0;
    log->gathered_count = 0;
    log->events.failed(log->events.context, log->written_record.index);
}

/* ---- Append: what gathers while one record is written becomes the next ---- */

static void write_gathered(struct control_log *log);

static void on_written(struct control_log *log)
{
    check(log->mode == CONTROL_LOG_WRITING);
    log->mode = CONTROL_LOG_IDLE;
    if (sides_status(log) != OK) {
        control_log_fail(log, "write");
        return;
    }
    control_chain_advance(&log->chain, &log->written_record);
    log->position += control_record_bytes(&log->written_record);
    u64 index = log->written_record.index;
    if (log->gathered_count > 0) {
        write_gathered(log);
    }
    log->events.synced(log->events.context, index);
}

static void write_gathered(struct control_log *log)
{
    check(log->mode == CONTROL_LOG_IDLE);
    check(log->gathered_count > 0);
    u8 *data = log->gathered;
    log->gathered = log->written;
    log->written = data;
    log->written_record = (struct control_record){
        .crc_before = log->chain.crc,
        .epoch = log->chain.epoch,
        .salt = log->chain.salt,
        .number = log->chain.number + 1,
        .index_before = log->chain.index,
        .index = log->gathered_index,
        .kind = CONTROL_COMMANDS,
        .commands_count = log->gathered_count,
    };
    control_record_seal(&log->written_record, data, log->gathered_size);
    log->gathered_size = 0;
    log->gathered_count = 0;
    check(log->position + control_record_bytes(&log->written_record) <= log->limit);

    log->mode = CONTROL_LOG_WRITING;
    struct control_write write = {
        .slot = log->slot,
        .synced = true,
        .position = log->position,
        .piece = {data, control_record_bytes(&log->written_record)},
    };
    sides_write(log, &write, on_written);
}

static u64 record_bytes_for(u32 payload_size)
{
    return align_up(CONTROL_RECORD_HEADER_BYTES + payload_size, CONTROL_BLOCK_BYTES);
}

/* With what is being written ahead of it, would the gathered record still fit into the file? */
static bool has_room(const struct control_log *log, u32 payload_size)
{
    u64 position = log->position;
    if (log->mode == CONTROL_LOG_WRITING) {
        position += control_record_bytes(&log->written_record);
    }
    return payload_size <= PAYLOAD_BYTES_MAX &&
           position + record_bytes_for(payload_size) <= log->limit;
}

bool control_log_append(struct control_log *log, u64 index, struct span command)
{
    check(log->magic == CONTROL_LOG_MAGIC);
    check(!log->needs_snapshot);
    check(index > log->chain.index);
    u32 payload_size = log->gathered_size + COMMAND_HEAD_BYTES + command.size;
    bool takes = log->mode == CONTROL_LOG_IDLE || log->mode == CONTROL_LOG_WRITING;
    if (log->failed || !takes || !has_room(log, payload_size)) {
        return false;
    }
    struct writer writer =
        writer_over(log->gathered + CONTROL_RECORD_HEADER_BYTES + log->gathered_size,
                    PAYLOAD_BYTES_MAX - log->gathered_size);
    control_command_write(&writer, index, command);
    check(!writer.failed);
    log->gathered_size = payload_size;
    log->gathered_count++;
    log->gathered_index = index;
    if (log->mode == CONTROL_LOG_IDLE) {
        write_gathered(log);
    }
    return true;
}

/* ---- The end ---- */

static void close_slot(struct control_log *log, u32 slot);

static void on_slot_closed(struct control_log *log)
{
    if (log->read_slot + 1 < CONTROL_SLOTS) {
        close_slot(log, log->read_slot + 1);
        return;
    }
    log->mode = CONTROL_LOG_CLOSED;
    log->events.closed(log->events.context);
}

static void close_slot(struct control_log *log, u32 slot)
{
    log->read_slot = slot;
    sides_begin(log, on_slot_closed);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        struct control_log_side *side = &log->sides[i];
        if (side->files[slot].id >= 0) {
            io_file_close(log->core->io, side_op(log, i), side->files[slot]);
            side->files[slot] = IO_FILE_NONE;
        }
    }
    sides_end(log);
}

void control_log_close(struct control_log *log)
{
    check(log->pending == 0);
    check(log->failed || control_log_is_idle(log));
    log->mode = CONTROL_LOG_CLOSING;
    close_slot(log, 0);
}
