/* Polls: where to begin, which messages, from memory or from disk, lent to the edge.
 *
 *     START ─▶ FIND ─┬─(in memory)──────────────────▶ GATHER ─▶ FIND ... ─▶ COMMIT ─▶ REPLY
 *                    └▶ LOCATE ─▶ [index] ─▶ OPEN ─▶ READ ─▶ WALK ─▶ CHECK ─┘
 *
 * What comes from disk is verified, in steps, before it enters the cache or is lent. The reading
 * steps are in partition_read.c. */
#include "base/check.h"
#include "shard/partition.h"
#include "shard/partition_read.h"
#include "shard/shard_inside.h"
#include "wire/poll.h"

/* Smaller pieces are copied together; larger ones are lent where they lie. */
#define LEND_BYTES_MIN (16u * 1024u)
#define COPY_BUF_BYTES_MIN 4096u
#define COPY_BUF_BYTES_MAX (64u * 1024u)

/* Frames that one step of a slice walks. */
#define SLICE_FRAMES_BUDGET 10000u

static void poll_run(struct shard_request *request);

/* ---- Lending ---- */

static bool has_room(const struct shard_request *request, u32 pieces)
{
    return request->loan.pieces_count + pieces <= POLL_LOAN_PIECES_MAX &&
           request->poll.bufs_count + pieces <= POLL_BUFS_MAX;
}

static void hold(struct poll *poll, struct buf *buf)
{
    if (poll->bufs_count > 0 && poll->bufs[poll->bufs_count - 1] == buf) {
        return;
    }
    check(poll->bufs_count < POLL_BUFS_MAX);
    buf_retain(buf);
    poll->bufs[poll->bufs_count++] = buf;
}

static void add_piece(struct shard_request *request, const u8 *data, u32 size)
{
    struct poll_loan *loan = &request->loan;
    loan->bytes += size;
    if (loan->pieces_count > 0) {
        struct poll_loan_piece *last = &loan->pieces[loan->pieces_count - 1];
        if (last->data + last->size == data) {
            last->size += size;
            return;
        }
    }
    check(loan->pieces_count < POLL_LOAN_PIECES_MAX);
    loan->pieces[loan->pieces_count++] = (struct poll_loan_piece){.data = data, .size = size};
}

/* Room for `size` bytes in the buffer of copies; NULL: no memory now. */
static u8 *copy_room(struct shard_request *request, u32 size)
{
    struct poll *poll = &request->poll;
    struct buf *buf = poll->copy_buf;
    if (buf == NULL || buf->capacity - buf->size < size) {
        u32 wanted = buf == NULL ? COPY_BUF_BYTES_MIN : 4 * buf->capacity;
        wanted = u32_max(size, u32_min(wanted, COPY_BUF_BYTES_MAX));
        buf = shard_take_poll_buf(request->shard, wanted);
        if (buf == NULL) {
            return NULL;
        }
        poll->copy_buf = buf;
        poll->bufs[poll->bufs_count++] = buf; /* its one reference is the loan's */
    }
    u8 *room = buf->data + buf->size;
    buf->size += size;
    return room;
}

/* False: no memory now. The caller saw to it that there is room for the pieces. */
static bool lend(struct shard_request *request, const u8 *data, u32 size)
{
    if (size >= LEND_BYTES_MIN) {
        hold(&request->poll, request->poll.source.buf);
        add_piece(request, data, size);
        return true;
    }
    u8 *room = copy_room(request, size);
    if (room == NULL) {
        return false;
    }
    memcpy(room, data, size);
    add_piece(request, room, size);
    return true;
}

/* The header of a slice lies in the buffer of copies already; its frames follow. Nothing is lent
 * when there is no memory for them. */
static bool lend_after_header(struct shard_request *request, const u8 *header, const u8 *frames,
                              u32 frames_bytes)
{
    u8 *copied = NULL;
    if (frames_bytes < LEND_BYTES_MIN) {
        copied = copy_room(request, frames_bytes);
        if (copied == NULL) {
            return false;
        }
        memcpy(copied, frames, frames_bytes);
    } else {
        hold(&request->poll, request->poll.source.buf);
    }
    add_piece(request, header, BATCH_HEADER_BYTES);
    add_piece(request, copied != NULL ? copied : frames, frames_bytes);
    return true;
}

/* ---- Gathering from a source in memory ---- */

enum gather_result { GATHER_MORE, GATHER_WAIT, GATHER_FULL, GATHER_EMPTY };

static bool reply_is_full(const struct shard_request *request, u64 more_bytes)
{
    u64 bytes = request->loan.bytes;
    return bytes > 0 && bytes + more_bytes > request->shard->plan->poll_reply_bytes_max;
}

static void took(struct shard_request *request, const struct batch_header *header, u32 first_delta,
                 u32 count)
{
    struct poll *poll = &request->poll;
    request->loan.messages_count += count;
    request->loan.batches_count++;
    poll->count_left -= count;
    poll->last_offset = header->base_offset + first_delta + count - 1;
    poll->offset = poll->last_offset + 1;
    poll->by_time = false;
}

/* Part of a batch: a header of its own, and a run of frames in place. */
static enum gather_result take_slice(struct shard_request *request, const u8 *batch,
                                     const struct batch_header *header)
{
    struct poll *poll = &request->poll;
    if (!poll->slice_begun) {
        u32 first = (u32)(poll->offset - header->base_offset);
        u32 last = first + u32_min(poll->count_left, header->message_count - first) - 1;
        batch_slice_init(&poll->slice, batch, (u32)header->batch_length, first, last);
        poll->slice_begun = true;
    }
    if (!batch_slice_step(&poll->slice, SLICE_FRAMES_BUDGET)) {
        return GATHER_WAIT;
    }
    const struct batch_slice *slice = &poll->slice;
    check(slice->messages_count > 0);
    if (reply_is_full(request, BATCH_HEADER_BYTES + slice->frames_bytes)) {
        poll->slice_begun = false;
        return GATHER_FULL;
    }
    u8 *served = copy_room(request, BATCH_HEADER_BYTES);
    if (served == NULL) {
        return GATHER_WAIT;
    }
    memcpy(served, slice->header, BATCH_HEADER_BYTES);
    if (!lend_after_header(request, served, batch + slice->frames_start, slice->frames_bytes)) {
        return GATHER_WAIT;
    }
    poll->slice_begun = false;
    took(request, header, slice->first_delta, slice->messages_count);
    return GATHER_MORE;
}

static enum gather_result take_whole(struct shard_request *request, const u8 *batch,
                                     const struct batch_header *header)
{
    if (reply_is_full(request, header->batch_length)) {
        return GATHER_FULL;
    }
    if (!lend(request, batch, (u32)header->batch_length)) {
        return GATHER_WAIT;
    }
    took(request, header, 0, header->message_count);
    return GATHER_MORE;
}

/* The batch under way in the unit under way. */
static enum gather_result take_batch(struct shard_request *request, const u8 *batch,
                                     const struct batch_header *header)
{
    struct poll *poll = &request->poll;
    u64 end = header->base_offset + header->message_count;
    if (end <= poll->offset || (poll->by_time && header->base_timestamp_us < poll->time_us)) {
        return GATHER_MORE; /* before what is wanted */
    }
    if (!has_room(request, 3)) {
        return GATHER_FULL;
    }
    if (poll->by_time) {
        poll->offset = u64_max(poll->offset, header->base_offset);
    }
    bool is_whole =
        header->base_offset >= poll->offset && header->message_count <= poll->count_left;
    poll->offset = u64_max(poll->offset, header->base_offset);
    return is_whole ? take_whole(request, batch, header) : take_slice(request, batch, header);
}

/* Walks units and batches of the source from where it stands. */
static enum gather_result gather(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    const struct poll_source *source = &poll->source;
    while (poll->source_position < source->bytes && poll->count_left > 0) {
        const u8 *unit = source->units + poll->source_position;
        u32 batches_bytes = segment_unit_batches_bytes(unit);
        while (poll->batch_position < batches_bytes && poll->count_left > 0) {
            const u8 *batch = unit + UNIT_CONTROL_BYTES + poll->batch_position;
            struct batch_header header;
            batch_header_decode(batch, &header);
            if (header.base_offset >= poll->end) {
                return GATHER_FULL;
            }
            enum gather_result result = take_batch(request, batch, &header);
            if (result != GATHER_MORE) {
                return result;
            }
            poll->batch_position += (u32)header.batch_length;
        }
        poll->source_position += segment_unit_bytes(batches_bytes, source->sector_bytes);
        poll->batch_position = 0;
    }
    return GATHER_EMPTY;
}

static void drop_source(struct poll *poll)
{
    if (poll->source.buf != NULL) {
        buf_return(poll->source.buf);
        poll->source = (struct poll_source){0};
    }
}

static void step_gather(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    enum gather_result result = gather(request);
    if (result == GATHER_WAIT && request->shard->memory_short && request->loan.messages_count > 0) {
        result = GATHER_FULL; /* what was gathered holds memory itself: it is the reply */
    }
    switch (result) {
    case GATHER_WAIT: shard_wait(request->shard, request); return;
    case GATHER_FULL: poll->count_left = 0; break;
    case GATHER_MORE:
    case GATHER_EMPTY: break;
    }
    drop_source(poll);
    poll->step = POLL_FIND;
}

/* ---- Steps ---- */

/* The first offset wanted, by strategy; false: there is nothing to be had. */
static bool resolve(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    u64 first = log_first_offset(&partition->log);
    u64 stored = 0;
    u64 value = request->msg.poll.value;
    switch ((enum poll_strategy)(request->msg.poll.count_strategy >> 24)) {
    case POLL_OFFSET: poll->offset = value; break;
    case POLL_TIMESTAMP:
        poll->by_time = true;
        poll->time_us = value;
        poll->offset = first;
        break;
    case POLL_FIRST: poll->offset = first; break;
    case POLL_LAST: poll->offset = poll->end - u64_min(poll->count_left, poll->end); break;
    case POLL_NEXT:
        poll->offset = first;
        if (offsets_get(&partition->shard->offsets, partition,
                        partition_offset_key(request, request->msg.poll.consumer), &stored)) {
            poll->offset = stored + 1;
        }
        break;
    }
    poll->offset = u64_max(poll->offset, first);
    return poll->offset < poll->end && poll->count_left > 0;
}

static void step_start(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    poll->end = log_end_offset(&partition->log);
    poll->count_left =
        request->group_waits ? 0 : request->msg.poll.count_strategy & MSG_POLL_COUNT_MAX;
    poll->auto_commit = (request->msg.flags & MSG_AUTO_COMMIT) != 0;
    poll->step = POLL_FIND;
    struct offset_key key = partition_offset_key(request, request->msg.poll.consumer);
    if (partition->unreadable) {
        poll->error = WIRE_CANNOT_READ_MESSAGE;
        poll->step = POLL_REPLY;
    } else if (!resolve(partition, request)) {
        poll->count_left = 0;
    } else if (poll->auto_commit && !offsets_has_room(&partition->shard->offsets, partition, key)) {
        poll->error = WIRE_TOO_MANY_CONSUMER_OFFSETS;
        poll->step = POLL_REPLY;
    }
}

/* By time nothing in memory can be found: the log says where to begin. */
static void step_find(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    struct core *core = partition->shard->core;
    bool is_full = request->loan.bytes >= request->shard->plan->poll_reply_bytes_max;
    if (poll->count_left == 0 || poll->offset >= poll->end || is_full) {
        poll->step = POLL_COMMIT;
        return;
    }
    if (poll->by_time) {
        poll->step = POLL_LOCATE;
        return;
    }
    const struct cache_run *run =
        cache_find(&partition->shard->cache, &partition->cached, poll->offset);
    if (run == NULL) {
        counter_add(core->counters, COUNTER_cache_misses, 1);
        poll->step = POLL_LOCATE;
        return;
    }
    counter_add(core->counters, COUNTER_cache_hits, 1);
    buf_retain(run->buf);
    poll_take_source(poll, run->units, run->bytes, run->sector_bytes, run->buf);
}

/* The poll of a group that lost its partition meanwhile hands out nothing. */
static bool is_fenced(const struct partition *partition, const struct shard_request *request)
{
    return request->group_hold != 0 && !partition_group_poll_holds(partition, request);
}

static void hand_out_nothing(struct shard_request *request, enum wire_error error)
{
    request->loan.messages_count = 0;
    request->poll.error = error;
}

/* What was gathered is one reply, whatever became of the rest. */
static void step_commit(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    poll->step = POLL_REPLY;
    if (is_fenced(partition, request)) {
        hand_out_nothing(request, WIRE_GROUP_PARTITION_NOT_OWNED);
        return;
    }
    if (!poll->auto_commit || request->loan.messages_count == 0) {
        return;
    }
    bool waits = partition_offsets_are_synced(partition);
    enum status status =
        offsets_store(partition, partition_offset_key(request, request->msg.poll.consumer),
                      poll->last_offset, request, waits);
    if (status == ERR_AGAIN) {
        poll->waits_for_offset = true;
    } else if (status == ERR_MEMORY) {
        poll->step = POLL_COMMIT;
        poll->waits_for_offset = true;
    } else if (status != OK) {
        /* Messages that are not committed are not handed out: they would be polled again. */
        hand_out_nothing(request, partition_offset_error(status));
    }
}

static void give_back(struct shard_request *request)
{
    struct poll *poll = &request->poll;
    drop_source(poll);
    poll_read_end(request);
    for (u32 i = 0; i < poll->bufs_count; i++) {
        buf_return(poll->bufs[i]);
    }
    poll->bufs_count = 0;
}

void partition_poll_give_up(struct shard_request *request)
{
    struct partition *partition = request->partition;
    check(partition->polls_count > 0);
    partition->polls_count--;
    partition_group_poll_end(partition, request, false, 0);
    give_back(request);
    if (partition->state == PARTITION_CLOSING) {
        partition_close_soon(partition);
    }
}

/* Nothing was found and the reader would rather wait. False: it is answered as it is. */
static bool may_wait(const struct partition *partition, const struct shard_request *request)
{
    return (request->msg.flags & MSG_MAY_WAIT) != 0 && request->loan.messages_count == 0 &&
           request->poll.error == WIRE_OK && !request->group_waits &&
           partition->state == PARTITION_OPEN && !partition->read_only && !partition->log.stopped &&
           !request->shard->draining && (request->msg.poll.count_strategy & MSG_POLL_COUNT_MAX) > 0;
}

/* False: the request is out of our hands; true: it looks once more. */
static bool step_reply(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    struct poll_loan *loan = &request->loan;
    bool waits = may_wait(partition, request);
    if (waits && log_end_offset(&partition->log) > poll->end) {
        give_back(request); /* something came while it looked */
        *poll = (struct poll){.step = POLL_START, .index_file = IO_FILE_NONE};
        return true;
    }
    check(partition->polls_count > 0);
    partition->polls_count--;
    poll_read_end(request);
    partition_group_poll_end(partition, request, loan->messages_count > 0, poll->last_offset);
    if (partition->state == PARTITION_CLOSING) {
        partition_close_soon(partition);
    }
    if (waits) {
        give_back(request);
        notice_hold(partition, request);
        return false;
    }
    if (request->is_internal) {
        partition_dedup_on_read(request);
        give_back(request);
        shard_request_return(request->shard, request);
        return false;
    }
    if (poll->error != WIRE_OK && loan->messages_count == 0) {
        give_back(request);
        shard_answer(request, poll->error);
        return false;
    }
    struct core *core = partition->shard->core;
    counter_add(core->counters, COUNTER_messages_polled, loan->messages_count);
    counter_add(core->counters, COUNTER_bytes_polled, loan->bytes);
    loan->partition_id = partition->id;
    loan->current_offset = poll->end > 0 ? poll->end - 1 : 0;
    request->partition = NULL;
    struct msg reply = {.flags = MSG_LOAN, .loan = loan};
    mailbox_reply(core, &request->msg, &reply);
    return false;
}

static void poll_run(struct shard_request *request)
{
    struct partition *partition = request->partition;
    struct poll *poll = &request->poll;
    for (;;) {
        switch (poll->step) {
        case POLL_START: step_start(partition, request); break;
        case POLL_FIND: step_find(partition, request); break;
        case POLL_LOCATE:
        case POLL_OPEN_INDEX:
        case POLL_READ_INDEX:
        case POLL_CLOSE_INDEX:
        case POLL_OPEN:
        case POLL_READ:
        case POLL_WALK:
        case POLL_CHECK:
            poll_read_run(request);
            if (poll->step >= POLL_LOCATE && poll->step <= POLL_CHECK) {
                return; /* it waits for the disk, a buffer or a turn */
            }
            break;
        case POLL_GATHER:
            step_gather(request);
            if (request->waits) {
                return;
            }
            break;
        case POLL_COMMIT:
            step_commit(partition, request);
            if (poll->waits_for_offset) {
                return;
            }
            break;
        case POLL_REPLY:
            if (!step_reply(partition, request)) {
                return;
            }
            break;
        }
    }
}

void partition_poll(struct partition *partition, struct shard_request *request)
{
    struct poll *poll = &request->poll;
    request->group_hold = 0;
    request->group_waits = false;
    if ((request->msg.flags & MSG_GROUP_CONSUMER) != 0) {
        enum group_verdict verdict = partition_group_poll_begin(partition, request);
        if (verdict == GROUP_READS_NOTHING) {
            shard_answer(request, WIRE_GROUP_PARTITION_NOT_OWNED);
            return;
        }
        request->group_waits = verdict == GROUP_READS_LATER;
    }
    *poll = (struct poll){.step = POLL_START, .index_file = IO_FILE_NONE};
    request->loan.pieces_count = 0;
    request->loan.messages_count = 0;
    request->loan.batches_count = 0;
    request->loan.bytes = 0;
    partition->polls_count++;
    partition->polled_at_us = u64_max(partition->shard->core->time.monotonic_us, 1);
    poll->wait_end = partition_seen_end(partition);
    if (poll->wait_end > log_end_offset(&partition->log)) {
        list_add_last(&partition->late_polls, &request->node);
        return;
    }
    poll_run(request);
}

void partition_poll_resume(struct shard_request *request)
{
    request->poll.waits_for_offset = false;
    poll_run(request);
}

void partition_resume_late_polls(struct partition *partition)
{
    struct list_node *node;
    while ((node = list_pop(&partition->late_polls)) != NULL) {
        partition_poll_resume(container_of(node, struct shard_request, node));
    }
}

void partition_poll_return(struct shard_request *request)
{
    check(request->partition == NULL);
    give_back(request);
}
