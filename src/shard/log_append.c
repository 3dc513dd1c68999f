/* Gathering and writing: batches become units, units become one write. */
#include "base/bug.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "shard/log.h"
#include "shard/shard_inside.h"

#define LOG_UNIT_MAGIC 0x74696e75676f6c76ull

/* A unit into which small batches are copied grows to this, then the next begins. */
#define UNIT_BYTES_MAX (256u * 1024u)

/* So many times as many small writes as large ones change how a log is written. */
#define SMALL_AGAIN 8u

void log_unit_return(struct log *log, struct log_unit *unit)
{
    check(unit->magic == LOG_UNIT_MAGIC);
    check(list_is_empty(&unit->requests));
    if (unit->buf != NULL) {
        buf_return(unit->buf);
    }
    unit->magic = 0;
    pool_return(&log->shard->units, unit);
}

static struct log_unit *last_gathering(const struct log *log)
{
    struct list_node *node = list_last(&log->gathering);
    return node == NULL ? NULL : container_of(node, struct log_unit, node);
}

static struct log_unit *unit_begin(struct log *log, const struct log_batch *batch)
{
    struct log_unit *unit = pool_take(&log->shard->units);
    if (unit == NULL) {
        return NULL;
    }
    unit->magic = LOG_UNIT_MAGIC;
    list_node_init(&unit->node);
    list_init(&unit->requests);
    unit->head.base_offset = batch->base_offset;
    unit->head.first_time_us = batch->time_us;
    return unit;
}

/* A buffer for this batch and, when others gathered before it, for as many again behind it. */
static struct buf *take_unit_buf(struct log *log, const struct log_batch *batch)
{
    u32 needed = segment_unit_bytes(batch->size, SECTOR_BYTES_MAX);
    const struct log_unit *last = last_gathering(log);
    u32 wanted = needed;
    if (last != NULL && last->buf != NULL) {
        wanted = u32_max(needed, u32_min(2 * last->buf->capacity, UNIT_BYTES_MAX));
    }
    struct buf *buf = shard_take_buf(log->shard, wanted);
    return buf == NULL && wanted > needed ? shard_take_buf(log->shard, needed) : buf;
}

static struct log_unit *unit_for(struct log *log, const struct log_batch *batch)
{
    struct log_unit *last = last_gathering(log);
    if (!batch->in_place && last != NULL && last->buf != NULL && !last->head.encrypted &&
        last->capacity - last->head.batches_bytes >= batch->size) {
        return last;
    }
    struct buf *buf = NULL;
    if (!batch->in_place) {
        buf = take_unit_buf(log, batch);
        if (buf == NULL) {
            return NULL;
        }
    }
    struct log_unit *unit = unit_begin(log, batch);
    if (unit == NULL) {
        if (buf != NULL) {
            buf_return(buf);
        }
        return NULL;
    }
    unit->buf = buf;
    unit->bytes = buf == NULL ? batch->bytes - UNIT_CONTROL_BYTES : buf->data;
    unit->capacity = buf == NULL ? batch->size : buf->capacity - UNIT_CONTROL_BYTES;
    list_add_last(&log->gathering, &unit->node);
    log->gathering_units++;
    return unit;
}

static void unit_add(struct log_unit *unit, const struct log_batch *batch)
{
    struct segment_unit *head = &unit->head;
    if (unit->buf != NULL) {
        memcpy(unit->bytes + UNIT_CONTROL_BYTES + head->batches_bytes, batch->bytes, batch->size);
    }
    head->headers_crc = crc32c(head->headers_crc, batch->bytes, BATCH_HEADER_BYTES);
    head->batches_bytes += batch->size;
    head->messages_count += batch->messages_count;
    head->last_time_us = batch->time_us;
    unit->batches_count++;
}

enum status log_append(struct log *log, const struct log_batch *batch)
{
    check(!log->stopped);
    check(batch->size >= BATCH_HEADER_BYTES);
    struct log_unit *unit = unit_for(log, batch);
    if (unit == NULL) {
        return ERR_MEMORY;
    }
    check(batch->base_offset == unit->head.base_offset + unit->head.messages_count);
    unit_add(unit, batch);
    if (batch->request != NULL) {
        list_add_last(&unit->requests, &batch->request->node);
    }
    log->gathering_bytes += batch->size;
    log->write_bytes_wanted = u32_max(
        log->write_bytes_wanted, segment_unit_bytes(unit->head.batches_bytes, SECTOR_BYTES_MAX));
    return OK;
}

/* ---- Writing ---- */

static void number_unit(struct log *log, struct log_unit *unit, u64 first_unit, u32 position)
{
    const struct segment_header *header = &log->active->header;
    struct segment_unit *head = &unit->head;
    head->partition_id = log->partition->id;
    head->life = log->partition->life;
    head->write_number = log->next_write;
    head->write_first_unit = first_unit;
    head->unit_number = log->next_unit++;
    head->term = log->partition->replica.term;
    head->level = header->level;
    memcpy(head->salt, header->salt, SEGMENT_SALT_BYTES);
    head->batches_count = unit->batches_count;
    unit->position = position;
}

/* Its batches are as they will lie on the disk. */
static void seal_unit(struct log *log, struct log_unit *unit)
{
    struct segment_unit *head = &unit->head;
    head->previous_crc = log->previous_crc;
    segment_unit_encode(head, unit->bytes);
    u32 used = UNIT_CONTROL_BYTES + head->batches_bytes;
    u32 unit_bytes = segment_unit_bytes(head->batches_bytes, log->active->header.sector_bytes);
    memset(unit->bytes + used, 0, unit_bytes - used);
    log->previous_crc = head->control_crc;
}

/* Moves what fits into one write from `gathering` to `writing`. */
static u64 take_write(struct log *log)
{
    const struct segment_header *header = &log->active->header;
    u64 first_unit = log->next_unit;
    u64 limit = u64_min(header->write_bytes_max, log_ahead_limit(log));
    u64 bytes = 0;
    u32 units_count = 0;
    struct list_node *node;
    while ((node = list_first(&log->gathering)) != NULL && units_count < LOG_UNITS_MAX) {
        struct log_unit *unit = container_of(node, struct log_unit, node);
        u32 unit_bytes = segment_unit_bytes(unit->head.batches_bytes, header->sector_bytes);
        if (bytes + unit_bytes > limit) {
            break;
        }
        list_remove(node);
        list_add_last(&log->writing, node);
        number_unit(log, unit, first_unit, log->active->tail + (u32)bytes);
        log->gathering_bytes -= unit->head.batches_bytes;
        log->gathering_units--;
        bytes += unit_bytes;
        units_count++;
    }
    if (list_is_empty(&log->gathering)) {
        log->write_bytes_wanted = 0;
    }
    return bytes;
}

/* At level os small units go through the page cache, which takes them sooner than the device;
 * large ones past it, as the device takes them sooner than fresh pages are found and filled. The
 * next segment is written the other way when sizes have changed for a while. */
static void note_size(struct log *log, u64 bytes)
{
    bool large = bytes >= LOG_IN_PLACE_BYTES_MIN;
    log->alike_writes = large == log->alike_are_large ? log->alike_writes + 1 : 1;
    log->alike_are_large = large;
    u32 after = log->shard->settings->direct_after_writes;
    if (after > 0 && log->alike_writes >= (large ? after : SMALL_AGAIN * after)) {
        log->is_large = large;
    }
}

static void write_now(struct log *log)
{
    log->written_at_us = log->shard->core->time.monotonic_us;
    bool synced =
        log->active->header.level == DURABILITY_SYNC && !bug_is_on(BUG_ANSWER_BEFORE_SYNC);
    segment_touch_file(log->active);
    log->step = LOG_WRITE;
    segment_write(log->active, &log->op, &log->writing, synced);
}

static struct log_unit *unit_after(const struct log *log, const struct log_unit *unit)
{
    struct list_node *node = unit->node.next;
    return node == &log->writing.head ? NULL : container_of(node, struct log_unit, node);
}

/* False: the turn's share is spent; the next turn goes on. */
static bool seal_units(struct log *log)
{
    struct core *core = log->shard->core;
    while (log->encrypting != NULL) {
        struct log_unit *unit = log->encrypting;
        bool is_clear = !unit->head.encrypted; /* it may be the second try */
        if (unit_secret_is_on(core) && is_clear &&
            unit_encrypt_step(core, &log->secret, &unit->head, unit->bytes + UNIT_CONTROL_BYTES,
                              &log->shard->encrypt_bytes_left) != UNIT_SECRET_DONE) {
            return false;
        }
        seal_unit(log, unit);
        log->encrypting = unit_after(log, unit);
    }
    return true;
}

static void write_go_on(struct log *log)
{
    check(log->step == LOG_ENCRYPT);
    if (seal_units(log)) {
        write_now(log);
    } else {
        shard_wake(log->shard, log->partition);
    }
}

static void write_begin(struct log *log)
{
    u64 bytes = take_write(log);
    if (bytes == 0) {
        check(log_ahead_is_busy(log));
        return; /* it would reach into zeros that are under way: goes on when they are there */
    }
    log->next_write++;
    log_ahead_note(log, bytes);
    note_size(log, bytes);
    disk_on_written(&log->shard->disk, bytes);
    log->encrypting = container_of(list_first(&log->writing), struct log_unit, node);
    log->step = LOG_ENCRYPT;
    write_go_on(log);
}

void log_flush(struct log *log)
{
    if (log->step == LOG_ENCRYPT) {
        write_go_on(log);
        return;
    }
    if (log->step != LOG_READY || log->stopped || list_is_empty(&log->gathering)) {
        return;
    }
    if (log->not_before_us > log->shard->core->time.monotonic_us) {
        shard_wake_later(log->shard, log->partition);
        return;
    }
    if (log->active == NULL || log_needs_roll(log)) {
        log_roll_begin(log);
    } else if (log->active->file.id < 0) {
        log_open_active(log);
    } else if (log->names_unsynced) {
        log_names_begin(log);
    } else {
        write_begin(log);
    }
}

static void note_written(struct log *log, const struct log_unit *unit)
{
    log->written = (struct log_point){
        .segment_base_offset = log->active->header.base_offset,
        .next_offset = log->active->end_offset,
        .next_unit = unit->head.unit_number + 1,
        .next_write = unit->head.write_number + 1,
        .bytes = log->active->end_bytes,
        .batches = log->active->end_batches,
        .last_time_us = log->active->end_time_us,
        .position = log->active->tail,
        .previous_crc = unit->head.control_crc,
    };
}

void log_on_written(struct log *log)
{
    struct list done;
    list_init(&done);
    struct list_node *node;
    while ((node = list_pop(&log->writing)) != NULL) {
        struct log_unit *unit = container_of(node, struct log_unit, node);
        segment_on_written(log->active, unit);
        note_written(log, unit);
        list_add_last(&done, node);
    }
    if (log->active->header.level == DURABILITY_SYNC) {
        log->synced = log->written;
    }
    ends_on_written(&log->shard->ends, log->partition);
    log_ahead_run(log);
    while ((node = list_pop(&done)) != NULL) {
        struct log_unit *unit = container_of(node, struct log_unit, node);
        partition_on_written(log->partition, unit);
        log_unit_return(log, unit);
    }
}
