#include "shard/segment.h"

#include "base/check.h"
#include "base/str.h"
#include "shard/shard_inside.h"

/* Room for the index file's header before the entries, so that the file is written as it lies. */
#define INDEX_ENTRIES_OF(bytes)                                                                    \
    (((bytes)-SEGMENT_INDEX_HEADER_BYTES) / (u32)sizeof(struct segment_index_entry))
#define INDEX_BYTES_MIN 4096u

/* Indexes of sealed segments take at most this part of what the cache may have. */
#define INDEX_SHARE 8u
#define INDEX_BYTES_MAX SEGMENT_INDEX_FILE_BYTES_MAX

static struct shard *shard_of(const struct segment *segment)
{
    return segment->log->shard;
}

void segment_path(const struct log *log, u64 base_offset, const char *suffix,
                  char path[SEGMENT_PATH_BYTES])
{
    const struct partition *partition = log->partition;
    (void)str_format(path, SEGMENT_PATH_BYTES, "streams/%u/topics/%u/partitions/%u/%020llu.%s",
                     partition->stream_id, partition->topic_id, partition->id,
                     (unsigned long long)base_offset, suffix);
}

struct segment *segment_create(struct log *log, const struct segment_header *header)
{
    struct segment *segment = pool_take(&log->shard->segments);
    if (segment == NULL) {
        return NULL;
    }
    segment->magic = SEGMENT_MAGIC;
    segment->log = log;
    segment->header = *header;
    segment->tail = SEGMENT_HEADER_BYTES;
    segment->ahead_end = SEGMENT_HEADER_BYTES;
    segment->end_offset = header->base_offset;
    segment->end_time_us = header->last_time_us;
    segment->end_bytes = header->bytes_before;
    segment->end_batches = header->batches_before;
    segment->file = IO_FILE_NONE;
    list_node_init(&segment->node);
    list_node_init(&segment->file_node);
    list_node_init(&segment->index_node);
    return segment;
}

static void free_segment(struct segment *segment)
{
    check(segment->readers == 0);
    check(segment->file.id < 0);
    segment_index_close(segment);
    struct shard *shard = shard_of(segment);
    list_remove(&segment->node);
    segment->magic = 0;
    pool_return(&shard->segments, segment);
}

void segment_destroy(struct segment *segment)
{
    check(segment->magic == SEGMENT_MAGIC);
    list_remove(&segment->node);
    segment->doomed = true;
    segment_close_file(segment);
    if (segment->readers == 0) {
        free_segment(segment);
    }
}

bool segment_is_sealed(const struct segment *segment)
{
    return segment->log->active != segment;
}

/* ---- The file's number ---- */

u32 segment_open_flags(const struct segment *segment)
{
    if (segment_is_sealed(segment) || segment->log->partition->read_only) {
        return IO_OPEN_READ;
    }
    return IO_OPEN_READ | IO_OPEN_WRITE | (segment->header.direct ? IO_OPEN_DIRECT : 0u);
}

/* Closing needs no answer: the op is one of a few that the shard keeps for this. */
static void close_now(struct segment *segment)
{
    struct shard *shard = shard_of(segment);
    struct io_file file = segment->file;
    segment->file = IO_FILE_NONE;
    segment->close_wanted = false;
    list_remove(&segment->file_node);
    check(shard->open_files_count > 0);
    shard->open_files_count--;
    shard_close_file(shard, file);
}

void segment_close_file(struct segment *segment)
{
    if (segment->file.id < 0) {
        return;
    }
    if (segment->readers > 0) {
        segment->close_wanted = true;
        return;
    }
    close_now(segment);
}

void segment_touch_file(struct segment *segment)
{
    check(segment->file.id >= 0);
    struct shard *shard = shard_of(segment);
    list_remove(&segment->file_node);
    list_add_last(&shard->open_files, &segment->file_node);
}

static bool is_idle(const struct segment *segment)
{
    bool is_written = segment->log->active == segment && log_is_busy(segment->log);
    return segment->readers == 0 && !is_written;
}

/* Least recently used first; those in use stay. */
void segment_close_idle_file(struct shard *shard)
{
    list_for_each(node, next, &shard->open_files) {
        struct segment *segment = container_of(node, struct segment, file_node);
        if (is_idle(segment)) {
            close_now(segment);
            return;
        }
    }
}

void segment_adopt_file(struct segment *segment, struct io_file file)
{
    check(segment->file.id < 0);
    struct shard *shard = shard_of(segment);
    if (shard->open_files_count >= SHARD_FILES_MAX) {
        segment_close_idle_file(shard);
    }
    segment->file = file;
    list_add_last(&shard->open_files, &segment->file_node);
    shard->open_files_count++;
}

void segment_hold(struct segment *segment)
{
    check(segment->magic == SEGMENT_MAGIC);
    check(!segment->doomed);
    segment->readers++;
}

void segment_release(struct segment *segment)
{
    check(segment->magic == SEGMENT_MAGIC);
    check(segment->readers > 0);
    segment->readers--;
    if (segment->readers > 0) {
        return;
    }
    if ((segment->close_wanted || segment->doomed) && segment->file.id >= 0) {
        close_now(segment);
    }
    if (segment->doomed) {
        free_segment(segment);
    }
}

/* ---- Writing ---- */

void segment_write(struct segment *segment, struct io_op *op, struct list *units, bool synced)
{
    struct io_piece pieces[LOG_UNITS_MAX];
    u32 pieces_count = 0;
    u64 bytes = 0;
    list_for_each(node, next, units) {
        const struct log_unit *unit = container_of(node, struct log_unit, node);
        check(pieces_count < LOG_UNITS_MAX);
        check(unit->position == segment->tail + bytes);
        u32 unit_bytes = segment_unit_bytes(unit->head.batches_bytes, segment->header.sector_bytes);
        pieces[pieces_count++] = (struct io_piece){.data = unit->bytes, .size = unit_bytes};
        bytes += unit_bytes;
    }
    check(bytes <= segment->header.write_bytes_max);
    struct core *core = shard_of(segment)->core;
    counter_add(core->counters, COUNTER_writes, 1);
    counter_add(core->counters, COUNTER_write_bytes, bytes);
    io_file_write(core->io, op, segment->file, segment->tail, pieces, pieces_count,
                  synced ? IO_WRITE_SYNCED : 0);
}

void segment_on_written(struct segment *segment, const struct log_unit *unit)
{
    check(unit->position == segment->tail);
    check(unit->head.base_offset == segment->end_offset);
    segment_note(segment, &unit->head, unit->position);
    segment->tail += segment_unit_bytes(unit->head.batches_bytes, segment->header.sector_bytes);
    segment->ahead_end = u32_max(segment->ahead_end, segment->tail);
    segment->end_offset += unit->head.messages_count;
    segment->end_time_us = unit->head.last_time_us;
    segment->end_bytes += unit->head.batches_bytes;
    segment->end_batches += unit->batches_count;
}

/* ---- The index ---- */

static struct segment_index_entry *entries_of(struct buf *buf)
{
    return (struct segment_index_entry *)(void *)(buf->data + SEGMENT_INDEX_HEADER_BYTES);
}

/* The newest segment keeps its index; of the others as many have one as their share allows. */
static void list_index(struct segment *segment)
{
    struct shard *shard = shard_of(segment);
    if (!segment_is_sealed(segment) || segment->index_buf == NULL) {
        return;
    }
    if (list_node_is_linked(&segment->index_node)) {
        list_remove(&segment->index_node);
    } else {
        shard->indexes_count++;
    }
    list_add_last(&shard->indexes, &segment->index_node);
    u64 indexes_max = shard->cache.bytes_max / INDEX_SHARE / INDEX_BYTES_MAX;
    while (shard->indexes_count > u64_max(indexes_max, 1)) {
        (void)segment_index_drop_oldest(shard);
    }
}

static void unlist_index(struct segment *segment)
{
    if (list_node_is_linked(&segment->index_node)) {
        list_remove(&segment->index_node);
        check(shard_of(segment)->indexes_count > 0);
        shard_of(segment)->indexes_count--;
    }
}

bool segment_index_drop_oldest(struct shard *shard)
{
    struct list_node *node;
    while ((node = list_first(&shard->indexes)) != NULL) {
        struct segment *segment = container_of(node, struct segment, index_node);
        unlist_index(segment);
        /* One that was listed while it was recovered is written to by now, and keeps its own. */
        if (segment_is_sealed(segment)) {
            segment_index_close(segment);
            return true;
        }
    }
    return false;
}

bool segment_index_open(struct segment *segment)
{
    check(segment->index_buf == NULL);
    struct buf *buf = shard_take_buf(shard_of(segment), INDEX_BYTES_MIN);
    if (buf == NULL) {
        return false;
    }
    segment->index_buf = buf;
    segment_index_init(&segment->index, segment->header.base_offset, SEGMENT_INDEX_STRIDE_BYTES,
                       entries_of(buf), INDEX_ENTRIES_OF(INDEX_BYTES_MIN));
    return true;
}

bool segment_index_fill(struct segment *segment, const u8 *file, u32 stride_bytes, u32 count)
{
    check(segment->index_buf == NULL);
    u32 bytes = SEGMENT_INDEX_HEADER_BYTES + count * (u32)sizeof(struct segment_index_entry);
    if (bytes > INDEX_BYTES_MAX) {
        return false;
    }
    struct buf *buf = shard_take_buf(shard_of(segment), u32_max(bytes, INDEX_BYTES_MIN));
    if (buf == NULL) {
        return false;
    }
    memcpy(entries_of(buf), file + SEGMENT_INDEX_HEADER_BYTES, bytes - SEGMENT_INDEX_HEADER_BYTES);
    segment->index_buf = buf;
    segment_index_init(&segment->index, segment->header.base_offset, stride_bytes, entries_of(buf),
                       INDEX_ENTRIES_OF(u32_min(buf->capacity, INDEX_BYTES_MAX)));
    if (segment_index_adopt(&segment->index, count) != OK) {
        segment_index_close(segment);
        return false;
    }
    list_index(segment);
    return true;
}

void segment_index_close(struct segment *segment)
{
    unlist_index(segment);
    if (segment->index_buf != NULL) {
        buf_return(segment->index_buf);
        segment->index_buf = NULL;
    }
}

/* A larger array once, before the stride doubles. */
static void make_room(struct segment *segment)
{
    if (segment->index.entries_count < segment->index.entries_max ||
        segment->index_buf->capacity >= INDEX_BYTES_MAX) {
        return;
    }
    unlist_index(segment); /* it must not be what makes room for itself */
    struct buf *buf = shard_take_buf(shard_of(segment), INDEX_BYTES_MAX);
    if (buf == NULL) {
        list_index(segment);
        return;
    }
    segment_index_grow(&segment->index, entries_of(buf), INDEX_ENTRIES_OF(INDEX_BYTES_MAX));
    buf_return(segment->index_buf);
    segment->index_buf = buf;
    list_index(segment);
}

void segment_note(struct segment *segment, const struct segment_unit *unit, u32 position)
{
    if (segment->index_buf == NULL && !segment_index_open(segment)) {
        return;
    }
    if (unit->base_offset - segment->header.base_offset > UINT32_MAX) {
        return; /* the index is coarser there, never wrong */
    }
    make_room(segment);
    segment_index_note(&segment->index, unit->base_offset, unit->first_time_us, position);
}

void segment_learn(struct segment *segment, const struct segment_unit *unit, u32 position)
{
    u64 base_offset = segment->header.base_offset;
    if (unit->base_offset < base_offset || unit->base_offset - base_offset > UINT32_MAX) {
        return;
    }
    const struct log *log = segment->log;
    if (log->active == segment && log->step == ROLL_WRITE_INDEX) {
        return; /* its entries are lent to a write */
    }
    /* One that lies on disk is better than what a single read can tell: it is loaded first. */
    bool may_begin = segment->index_missing && segment->index_buf == NULL;
    if (segment->index_buf == NULL && !(may_begin && segment_index_open(segment))) {
        return;
    }
    make_room(segment);
    segment_index_learn(&segment->index, unit->base_offset, unit->first_time_us, position);
}

u32 segment_find(struct segment *segment, u64 offset)
{
    u32 position = 0;
    list_index(segment);
    if (segment->index_buf != NULL && offset >= segment->header.base_offset) {
        position = segment_index_lookup(&segment->index, offset);
    }
    return u32_max(position, SEGMENT_HEADER_BYTES);
}

u32 segment_find_time(struct segment *segment, u64 time_us)
{
    u32 position = 0;
    list_index(segment);
    if (segment->index_buf != NULL) {
        position = segment_index_lookup_time(&segment->index, time_us);
    }
    return u32_max(position, SEGMENT_HEADER_BYTES);
}
