#include "control/control_log_sides.h"

#include "base/check.h"

/* A read that fails may be a passing fault of the device: it is tried again, then block by
 * block. */
#define READ_ATTEMPTS 3u

char control_side_name(u32 side)
{
    check(side < CONTROL_SIDES);
    return (char)('a' + side);
}

void control_log_path(char path[IO_PATH_BYTES], u32 side, u32 slot)
{
    bool fits = str_format(path, IO_PATH_BYTES, "control/%c/log.%u", control_side_name(side), slot);
    check(fits);
}

void sides_begin(struct control_log *log, void (*then)(struct control_log *log))
{
    check(log->magic == CONTROL_LOG_MAGIC);
    check(log->pending == 0);
    log->then = then;
    log->pending = 1; /* until sides_end, so that nothing ends while sides are still asked */
}

static void side_done(struct control_log *log)
{
    check(log->pending > 0);
    log->pending--;
    if (log->pending == 0) {
        void (*then)(struct control_log * log) = log->then;
        log->then = NULL;
        then(log);
    }
}

static void on_side_done(struct core *core, struct io_op *op)
{
    (void)core;
    struct control_log_side *side = container_of(op, struct control_log_side, op);
    check(side->log->magic == CONTROL_LOG_MAGIC);
    side_done(side->log);
}

struct io_op *side_op(struct control_log *log, u32 side)
{
    struct io_op *op = &log->sides[side].op;
    check(!io_op_is_busy(op));
    io_op_init(op, on_side_done);
    log->pending++;
    return op;
}

void sides_end(struct control_log *log)
{
    side_done(log);
}

enum status sides_status(const struct control_log *log)
{
    enum status status = OK;
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        enum status found = log->sides[side].op.status;
        if (status == OK || found == ERR_SPACE) {
            status = found == OK ? status : found;
        }
    }
    return status;
}

/* ---- Reading ---- */

static void read_again(struct control_log_side *side);

static void read_next_block(struct control_log_side *side)
{
    side->block++;
    side->attempt = 0;
    bool more = side->block < CONTROL_RECORD_BYTES_MAX / CONTROL_BLOCK_BYTES;
    if (more && side->block * CONTROL_BLOCK_BYTES < side->chunk_size) {
        read_again(side);
        return;
    }
    side_done(side->log);
}

/* The chunk as a whole could not be read: block by block, as far as the file reaches. */
static void read_by_blocks(struct control_log_side *side)
{
    struct control_log *log = side->log;
    u64 size = side->sizes[log->read_slot];
    u64 left = size > log->read_position ? size - log->read_position : 0;
    side->chunk_size = (u32)u64_min(left, CONTROL_RECORD_BYTES_MAX);
    memset(side->chunk, 0, CONTROL_RECORD_BYTES_MAX);
    side->block = UINT32_MAX;
    read_next_block(side);
}

static void on_read(struct core *core, struct io_op *op)
{
    (void)core;
    struct control_log_side *side = container_of(op, struct control_log_side, op);
    check(side->log->magic == CONTROL_LOG_MAGIC);
    bool whole = side->block == UINT32_MAX;
    if (op->status == OK && whole) {
        side->chunk_size = (u32)op->count;
        side_done(side->log);
        return;
    }
    if (op->status == OK) {
        read_next_block(side);
        return;
    }
    side->attempt++;
    if (side->attempt < READ_ATTEMPTS) {
        read_again(side);
    } else if (whole) {
        read_by_blocks(side);
    } else {
        memset(side->chunk + side->block * CONTROL_BLOCK_BYTES, 0, CONTROL_BLOCK_BYTES);
        side->unreadable = true;
        read_next_block(side);
    }
}

static void read_again(struct control_log_side *side)
{
    struct control_log *log = side->log;
    u32 offset = side->block == UINT32_MAX ? 0 : side->block * CONTROL_BLOCK_BYTES;
    u32 size = side->block == UINT32_MAX ? CONTROL_RECORD_BYTES_MAX : CONTROL_BLOCK_BYTES;
    io_op_init(&side->op, on_read);
    io_file_read(log->core->io, &side->op, side->files[log->read_slot], log->read_position + offset,
                 side->chunk + offset, size);
}

void sides_read(struct control_log *log, u32 slot, u64 position,
                void (*then)(struct control_log *log))
{
    sides_begin(log, then);
    log->read_slot = slot;
    log->read_position = position;
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        struct control_log_side *side = &log->sides[i];
        side->chunk_size = 0;
        side->unreadable = false;
        if (!log->examined && side->files[slot].id >= 0 && position < side->sizes[slot]) {
            side->block = UINT32_MAX;
            side->attempt = 0;
            (void)side_op(log, i);
            read_again(side);
        }
    }
    if (!log->examined) {
        sides_end(log);
    }
}

void sides_write(struct control_log *log, const struct control_write *write,
                 void (*then)(struct control_log *log))
{
    sides_begin(log, then);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        io_file_write(log->core->io, side_op(log, i), log->sides[i].files[write->slot],
                      write->position, &write->piece, 1, write->synced ? IO_WRITE_SYNCED : 0);
    }
    sides_end(log);
}
