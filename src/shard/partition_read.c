#include "shard/partition_read.h"

#include "base/check.h"
#include "shard/shard_inside.h"

/* Read at once: more when a poll goes on from where the last read ended, its own or another's. */
#define READ_BYTES_MIN (64u * 1024u)
#define READ_BYTES_MAX (1024u * 1024u)

/* A poll that finds no descriptor tries again so often. */
#define LIMIT_HITS_MAX 50u

static void on_io(struct core *core, struct io_op *op);

void poll_take_source(struct poll *poll, const u8 *units, u32 bytes, u32 sector_bytes,
                      struct buf *buf)
{
    check(poll->source.buf == NULL);
    poll->source = (struct poll_source){
        .units = units, .bytes = bytes, .sector_bytes = sector_bytes, .buf = buf};
    poll->source_position = 0;
    poll->batch_position = 0;
    poll->step = POLL_GATHER;
}

void poll_read_end(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    if (poll->read_buf != NULL) {
        buf_return(poll->read_buf);
        poll->read_buf = NULL;
    }
    if (poll->segment != NULL) {
        segment_release(poll->segment);
        poll->segment = NULL;
    }
}

static void fail(struct shard_request *request, u32 error)
{
    poll_read_end(request);
    request->poll.error = error;
    /* What was gathered before is a reply of its own; the next poll meets the error. */
    request->poll.step = request->loan.messages_count > 0 ? POLL_COMMIT : POLL_REPLY;
}

/* ---- Where? ---- */

/* NULL: nobody read up to what the poll wants. */
static const struct partition_hint *hint_for(const struct partition *partition,
                                             const struct poll *poll, const struct segment *segment)
{
    for (u32 i = 0; i < PARTITION_HINTS && !poll->by_time; i++) {
        const struct partition_hint *hint = &partition->hints[i];
        if (hint->position != 0 && hint->offset == poll->offset &&
            hint->segment_base_offset == segment->header.base_offset &&
            hint->generation == partition->generation) {
            return hint;
        }
    }
    return NULL;
}

/* A reader moves on: its next hint takes the place of the one it came by. */
static void remember(struct partition *partition, struct poll *poll,
                     const struct partition_hint *hint)
{
    if (poll->hint_slot == 0) {
        poll->hint_slot = 1 + partition->hint_next++ % PARTITION_HINTS;
    }
    partition->hints[poll->hint_slot - 1] = *hint;
}

static struct segment *choose_segment(const struct partition *partition, const struct poll *poll)
{
    if (poll->by_time) {
        return log_find_time(&partition->log, poll->time_us);
    }
    return log_find(&partition->log, poll->offset);
}

/* Retention may have taken what is wanted while the poll waited. A reply that has messages ends
 * before the gap; another one begins with what is left. */
static bool is_trimmed(const struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    u64 first = log_first_offset(&partition->log);
    if (poll->by_time || poll->offset >= first) {
        return false;
    }
    if (request->loan.messages_count > 0) {
        poll->count_left = 0;
    }
    poll->offset = first;
    poll->step = POLL_FIND;
    return true;
}

static void locate(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    if (is_trimmed(partition, request)) {
        return;
    }
    struct segment *segment = choose_segment(partition, poll);
    if (segment == NULL) {
        poll->count_left = 0; /* by time: nothing is that young */
        poll->step = POLL_FIND;
        return;
    }
    if (segment->damaged) {
        fail(request, WIRE_CANNOT_READ_MESSAGE);
        return;
    }
    if (poll->segment != segment) {
        poll_read_end(request);
        segment_hold(segment);
        poll->segment = segment;
    }
    bool wants_index = segment->index_buf == NULL && !segment->index_missing;
    if (wants_index && hint_for(partition, poll, segment) == NULL) {
        poll->step = POLL_OPEN_INDEX;
        return;
    }
    poll->step = POLL_OPEN;
}

static void begin_reading(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    struct segment *segment = poll->segment;
    const struct partition_hint *hint = hint_for(partition, poll, segment);
    poll->read_bytes = u32_max(poll->read_bytes, READ_BYTES_MIN);
    if (poll->by_time) {
        poll->position = segment_find_time(segment, poll->time_us);
    } else if (hint != NULL) {
        poll->position = hint->position;
        poll->read_bytes = hint->read_bytes;
        poll->hint_slot = 1 + (u32)(hint - partition->hints);
    } else {
        poll->position = segment_find(segment, u64_max(poll->offset, segment->header.base_offset));
    }
    poll->limit = segment->tail;
    poll->passed_over = false;
    poll->step = POLL_READ;
}

/* ---- Reading ---- */

static void open_index(struct shard_request *request)
{
    char path[SEGMENT_PATH_BYTES];
    const struct segment *segment = request->poll.segment;
    segment_path(segment->log, segment->header.base_offset, "index", path);
    io_file_open(request->shard->core->io, &request->poll.op, path, IO_OPEN_READ);
}

static bool take_read_buf(struct shard_request *request, u32 bytes)
{
    struct poll *poll = &request->poll;
    if (poll->read_buf != NULL) {
        buf_return(poll->read_buf);
    }
    poll->read_buf = shard_take_poll_buf(request->shard, bytes);
    if (poll->read_buf != NULL) {
        return true;
    }
    if (request->loan.messages_count > 0) {
        /* Memory that waits for memory never ends: what was gathered is the reply. */
        poll_read_end(request);
        poll->step = POLL_COMMIT;
        return false;
    }
    shard_wait(request->shard, request);
    return false;
}

static void close_index(struct shard_request *request)
{
    shard_close_file(request->shard, request->poll.index_file);
    request->poll.index_file = IO_FILE_NONE;
}

static void read_index(struct shard_request *request)
{
    if (take_read_buf(request, SEGMENT_INDEX_FILE_BYTES_MAX)) {
        io_file_read(request->shard->core->io, &request->poll.op, request->poll.index_file, 0,
                     request->poll.read_buf->data, SEGMENT_INDEX_FILE_BYTES_MAX);
    } else if (request->poll.step != POLL_READ_INDEX) {
        close_index(request);
    }
}

static void on_index_read(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    struct segment *segment = poll->segment;
    u32 stride_bytes = 0;
    u32 count = 0;
    if (segment->index_buf != NULL) {
        return; /* another poll was faster */
    }
    if (poll->op.status != OK ||
        segment_index_decode((struct span){poll->read_buf->data, (u32)poll->op.count},
                             segment->header.salt, segment->header.base_offset, &stride_bytes,
                             &count) != OK ||
        !segment_index_fill(segment, poll->read_buf->data, stride_bytes, count)) {
        segment->index_missing = true;
    }
}

static void open_segment(struct shard_request *request)
{
    struct segment *segment = request->poll.segment;
    char path[SEGMENT_PATH_BYTES];
    segment_path(segment->log, segment->header.base_offset, "log", path);
    io_file_open(request->shard->core->io, &request->poll.op, path, segment_open_flags(segment));
}

static void read_units(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    const struct segment *segment = poll->segment;
    u32 sector_bytes = segment->header.sector_bytes;
    u32 left = poll->limit > poll->position ? poll->limit - poll->position : 0;
    u32 wanted = (u32)u64_min(align_up(poll->read_bytes, sector_bytes), left);
    if (wanted == 0 || wanted > shard_buf_bytes_max(request->shard)) {
        fail(request, WIRE_CANNOT_READ_MESSAGE);
        return;
    }
    if (take_read_buf(request, wanted)) {
        poll->read_wanted = wanted;
        poll->read_singly = false;
        io_file_read(request->shard->core->io, &poll->op, segment->file, poll->position,
                     poll->read_buf->data, wanted);
    }
}

/* A sector of those wanted cannot be read: one by one, zeros for it, so that the others are
 * served. */
static void read_sector(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    io_file_read(request->shard->core->io, &poll->op, poll->segment->file,
                 (u64)poll->position + poll->single_position,
                 poll->read_buf->data + poll->single_position, poll->segment->header.sector_bytes);
}

static void on_read(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    u32 sector_bytes = poll->segment->header.sector_bytes;
    if (!poll->read_singly && poll->op.status == OK) {
        poll->read_buf->size = (u32)align_down(poll->op.count, sector_bytes);
        counter_add(request->shard->core->counters, COUNTER_poll_read_bytes, poll->op.count);
        poll->step = POLL_WALK;
        return;
    }
    if (!poll->read_singly) {
        poll->read_singly = true;
        poll->single_position = 0;
        read_sector(request);
        return;
    }
    if (poll->op.status != OK) {
        memset(poll->read_buf->data + poll->single_position, 0, sector_bytes);
    }
    bool at_end = poll->op.status == OK && poll->op.count < sector_bytes;
    poll->single_position += at_end ? 0 : sector_bytes;
    if (!at_end && poll->single_position < poll->read_wanted) {
        read_sector(request);
        return;
    }
    poll->read_buf->size = poll->single_position;
    poll->step = POLL_WALK;
}

/* ---- Walking and verifying ---- */

static u32 bytes_read(const struct poll *poll)
{
    return poll->read_buf->size;
}

/* The next sector that holds a control batch of this segment, from `from` on; bytes_read when
 * there is none. */
static u32 next_unit(const struct poll *poll, u32 from)
{
    const struct segment_header *header = &poll->segment->header;
    struct segment_unit unit;
    while (from + header->sector_bytes <= bytes_read(poll) &&
           segment_unit_decode(poll->read_buf->data + from, header->salt, header->life, &unit) !=
               OK) {
        from += header->sector_bytes;
    }
    return u32_min(from, bytes_read(poll));
}

static bool is_before(const struct poll *poll, const struct segment_unit *unit)
{
    if (poll->by_time) {
        return unit->last_time_us < poll->time_us;
    }
    return unit->base_offset + unit->messages_count <= poll->offset;
}

static u32 doubled(const struct shard_request *request)
{
    u32 most = u32_min(READ_BYTES_MAX, shard_buf_bytes_max(request->shard));
    return u32_min(2 * request->poll.read_bytes, most);
}

static void read_more(struct poll *poll, u32 from, u32 bytes)
{
    poll->position += from;
    poll->read_bytes = u32_max(bytes, poll->read_bytes);
    poll->step = POLL_READ;
}

/* Over a unit that lies before what is wanted. True: the next one has been read, too. */
static bool pass_over(struct shard_request *request, u32 unit_bytes)
{
    struct poll *poll = &request->poll;
    poll->walked += unit_bytes;
    if (poll->walked <= bytes_read(poll)) {
        return true;
    }
    /* The rest of it need not be read. */
    if ((u64)poll->position + poll->walked > poll->limit) {
        fail(request, WIRE_CANNOT_READ_MESSAGE);
    } else {
        read_more(poll, poll->walked, READ_BYTES_MIN);
    }
    return false;
}

/* To the unit that holds what is wanted. A unit whose control batch does not verify is passed
 * over: if what is wanted lies in it, the next one begins behind that. */
static void walk(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    const struct segment_header *header = &poll->segment->header;
    for (;;) {
        struct segment_unit unit;
        u32 at = poll->walked;
        if (at + header->sector_bytes > bytes_read(poll)) {
            if (bytes_read(poll) < poll->read_wanted || at == 0) {
                fail(request, WIRE_CANNOT_READ_MESSAGE); /* the file ends before what is wanted */
                return;
            }
            poll->read_bytes = doubled(request);
            read_more(poll, at, READ_BYTES_MIN);
            return;
        }
        if (segment_unit_decode(poll->read_buf->data + at, header->salt, header->life, &unit) !=
            OK) {
            poll->walked = next_unit(poll, at + header->sector_bytes);
            poll->passed_over = true;
            continue;
        }
        u32 unit_bytes = segment_unit_bytes(unit.batches_bytes, header->sector_bytes);
        if (is_before(poll, &unit)) {
            segment_learn(poll->segment, &unit, poll->position + at);
            if (!pass_over(request, unit_bytes)) {
                return;
            }
            continue;
        }
        bool lies_before = poll->by_time ? poll->passed_over : unit.base_offset > poll->offset;
        if (lies_before) {
            fail(request, WIRE_CANNOT_READ_MESSAGE); /* it lay in what was passed over, or may */
            return;
        }
        if (at + unit_bytes > bytes_read(poll)) {
            if (at == 0 && bytes_read(poll) < poll->read_wanted) {
                fail(request, WIRE_CANNOT_READ_MESSAGE);
                return;
            }
            read_more(poll, at, unit_bytes);
            return;
        }
        poll->source_base = unit.base_offset;
        poll->checked = at;
        poll->check_begun = false;
        poll->step = POLL_CHECK;
        return;
    }
}

/* Twice as much as before, in whole units if the next ones are like the last: what a read ends in
 * the middle of is read again. */
static u32 next_read_bytes(const struct shard_request *request)
{
    const struct poll *poll = &request->poll;
    u32 unit_bytes =
        segment_unit_bytes(poll->next_check.unit.batches_bytes, poll->segment->header.sector_bytes);
    u32 wanted = doubled(request);
    return u32_max(wanted - wanted % unit_bytes, unit_bytes);
}

/* Whole units from the one that is wanted on are verified; they become a run of the cache. */
static void end_check(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    const struct segment_header *header = &poll->segment->header;
    struct buf *buf = poll->read_buf;
    if (poll->checked == poll->walked) {
        fail(request, WIRE_CANNOT_READ_MESSAGE);
        return;
    }
    struct cache_range range = {
        .base_offset = poll->source_base,
        .end_offset = poll->check.next_offset,
        .units = buf->data + poll->walked,
        .bytes = poll->checked - poll->walked,
        .sector_bytes = header->sector_bytes,
    };
    poll->read_bytes = next_read_bytes(request);
    const struct partition_hint hint = {
        .offset = range.end_offset,
        .segment_base_offset = header->base_offset,
        .position = poll->position + poll->checked,
        .read_bytes = poll->read_bytes,
        .generation = partition->generation,
    };
    remember(partition, poll, &hint);
    cache_add(&partition->shard->cache, &partition->cached, buf, &range);
    poll->read_buf = NULL; /* its reference is the source's now */
    poll_take_source(poll, range.units, range.bytes, range.sector_bytes, buf);
}

/* Begins with the unit at poll->checked, if it is whole in the buffer and the next in order. */
static bool begin_unit(struct poll *poll)
{
    const struct segment_header *header = &poll->segment->header;
    struct segment_unit unit;
    if (poll->checked + header->sector_bytes > bytes_read(poll) ||
        segment_unit_decode(poll->read_buf->data + poll->checked, header->salt, header->life,
                            &unit) != OK) {
        return false;
    }
    u32 unit_bytes = segment_unit_bytes(unit.batches_bytes, header->sector_bytes);
    bool is_first = poll->checked == poll->walked;
    if (poll->checked + unit_bytes > bytes_read(poll) ||
        (!is_first && unit.base_offset != poll->check.next_offset)) {
        return false;
    }
    unit_check_init(&poll->next_check, &unit,
                    poll->read_buf->data + poll->checked + UNIT_CONTROL_BYTES);
    poll->check_begun = true;
    poll->decrypts = false;
    poll->secret = (struct unit_secret){0};
    return true;
}

/* The unit that was found whole. BAD: it cannot be read without its key. */
static enum unit_secret_result decrypt_checked(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    struct segment_unit *unit = &poll->next_check.unit;
    if (!unit->encrypted) {
        return UNIT_SECRET_DONE;
    }
    u8 *batches = poll->read_buf->data + poll->checked + UNIT_CONTROL_BYTES;
    enum unit_secret_result result = unit_decrypt_step(
        request->shard->core, &poll->secret, unit, batches, &request->shard->decrypt_bytes_left);
    poll->decrypts = result == UNIT_SECRET_PAUSED;
    return result;
}

static enum unit_check_result check_unit(struct shard_request *request, struct batch_budget *budget)
{
    struct poll *poll = &request->poll;
    enum unit_check_result result =
        poll->decrypts ? UNIT_CHECK_GOOD : unit_check_step(&poll->next_check, budget);
    if (result != UNIT_CHECK_GOOD) {
        return result;
    }
    switch (decrypt_checked(request)) {
    case UNIT_SECRET_DONE: return UNIT_CHECK_GOOD;
    case UNIT_SECRET_PAUSED: return UNIT_CHECK_PAUSED;
    case UNIT_SECRET_BAD: return UNIT_CHECK_BAD;
    }
    unreachable();
}

static void check_units(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    struct batch_budget budget = {.bytes = BATCH_STEP_BYTES, .frames = BATCH_STEP_FRAMES};
    for (;;) {
        if (!poll->check_begun && !begin_unit(poll)) {
            end_check(partition, request);
            return;
        }
        switch (check_unit(request, &budget)) {
        case UNIT_CHECK_PAUSED: shard_wait(request->shard, request); return;
        case UNIT_CHECK_BAD: end_check(partition, request); return;
        case UNIT_CHECK_GOOD:
            poll->check.next_offset = poll->next_check.next_offset;
            poll->checked += segment_unit_bytes(poll->next_check.unit.batches_bytes,
                                                poll->segment->header.sector_bytes);
            poll->check_begun = false;
            break;
        }
    }
}

/* ---- Steps ---- */

void poll_read_run(struct shard_request *request)
{
    struct partition *partition = request->partition;
    struct poll *poll = &request->poll;
    io_op_init(&poll->op, on_io);
    for (;;) {
        switch (poll->step) {
        case POLL_LOCATE: locate(partition, request); break;
        case POLL_OPEN_INDEX: open_index(request); return;
        case POLL_READ_INDEX:
            read_index(request);
            if (poll->step == POLL_READ_INDEX) {
                return;
            }
            break;
        case POLL_CLOSE_INDEX:
            close_index(request);
            poll->step = POLL_OPEN;
            break;
        case POLL_OPEN:
            if (poll->segment->file.id < 0) {
                open_segment(request);
                return;
            }
            segment_touch_file(poll->segment);
            begin_reading(partition, request);
            break;
        case POLL_READ:
            read_units(request);
            if (poll->step == POLL_READ) {
                return;
            }
            break;
        case POLL_WALK: walk(request); break;
        case POLL_CHECK:
            check_units(partition, request);
            if (poll->step == POLL_CHECK) {
                return;
            }
            break;
        case POLL_START:
        case POLL_FIND:
        case POLL_GATHER:
        case POLL_COMMIT:
        case POLL_REPLY: return;
        }
    }
}

static void on_opened(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    if (poll->op.status == ERR_LIMIT && poll->limit_hits++ < LIMIT_HITS_MAX) {
        /* Too few descriptors: an idle file goes, and it is tried again. */
        segment_close_idle_file(request->shard);
        shard_wait(request->shard, request);
    } else if (poll->segment->doomed) {
        /* Gone meanwhile: what is left is looked for anew. */
        if (poll->op.status == OK) {
            shard_close_file(request->shard, poll->op.file);
        }
        poll_read_end(request);
        poll->step = POLL_LOCATE;
    } else if (poll->op.status != OK) {
        fail(request, WIRE_CANNOT_READ_MESSAGE);
    } else if (poll->segment->file.id >= 0) {
        shard_close_file(request->shard, poll->op.file); /* another was faster */
    } else {
        segment_adopt_file(poll->segment, poll->op.file);
    }
}

static void on_io(struct core *core, struct io_op *op)
{
    struct poll *poll = container_of(op, struct poll, op);
    struct shard_request *request = container_of(poll, struct shard_request, poll);
    (void)core;
    check(request->magic == REQUEST_MAGIC);
    switch (poll->step) {
    case POLL_OPEN_INDEX:
        poll->index_file = op->file;
        poll->step = POLL_READ_INDEX;
        if (op->status != OK) {
            poll->segment->index_missing = true;
            poll->step = POLL_OPEN;
        }
        break;
    case POLL_READ_INDEX:
        on_index_read(request);
        poll->step = POLL_CLOSE_INDEX;
        break;
    case POLL_OPEN: on_opened(request); break;
    case POLL_READ:
        poll->walked = 0;
        on_read(request);
        if (poll->step == POLL_READ) {
            return;
        }
        break;
    case POLL_LOCATE:
    case POLL_CLOSE_INDEX:
    case POLL_WALK:
    case POLL_CHECK:
    case POLL_START:
    case POLL_FIND:
    case POLL_GATHER:
    case POLL_COMMIT:
    case POLL_REPLY: unreachable();
    }
    if (!request->waits) {
        partition_poll_resume(request);
    }
}
