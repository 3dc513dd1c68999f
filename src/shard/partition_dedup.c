/* Deduplication of appends by message id, and the window's way back after an open.
 *
 *     append ─▶ [window not there yet: read the log's tail] ─▶ FILTER ─┬─▶ stamped, as any append
 *                                                                      └─▶ nothing left: answered
 *                                                                          with the first's offset
 *
 * Ids enter the window while the batch is filtered, with the offsets that they will get. When those
 * offsets are given up, every append behind is refused with them, and the ids leave again: so
 * nothing is ever taken for a duplicate of what was not stored.
 *
 * The window is read back by polls of our own, which the edge never sees: what they gathered comes
 * to partition_dedup_on_read instead of being lent. */
#include "base/bug.h"
#include "base/check.h"
#include "shard/partition.h"
#include "shard/shard_inside.h"
#include "wire/poll.h"

/* Messages looked at in one go. */
#define FILTER_FRAMES_BUDGET 2000u

bool partition_deduplicates(const struct partition *partition)
{
    return partition->shard->settings->dedup_enabled;
}

/* ---- The window comes back ---- */

static u64 first_offset_wanted(const struct partition *partition)
{
    u64 end = partition->log.next_offset;
    u64 window = bug_is_on(BUG_LOSE_WINDOW) ? 0 : dedup_window_max(&partition->shard->dedup);
    return u64_max(log_first_offset(&partition->log), end - u64_min(end, window));
}

/* The next piece of the log; by time it is only asked where the horizon lies. */
static void read_on(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct shard_request *request = shard_request_take(shard);
    if (request == NULL) {
        shard_wake_later(shard, partition);
        return;
    }
    bool by_time = partition->dedup_step == DEDUP_FIND;
    u64 now_us = shard->core->time.wall_us;
    u64 value = by_time ? dedup_horizon_us(&shard->dedup, now_us) : partition->dedup_next;
    u32 count = by_time ? 1 : FILTER_FRAMES_BUDGET;
    enum poll_strategy strategy = by_time ? POLL_TIMESTAMP : POLL_OFFSET;
    request->is_internal = true;
    request->partition = partition;
    request->msg = (struct msg){
        .kind = MSG_POLL,
        .poll = {.value = value, .count_strategy = count | (u32)strategy << 24},
    };
    partition->dedup_reading = true;
    u64 polled_at_us = partition->polled_at_us;
    partition_poll(partition, request);
    partition->polled_at_us = polled_at_us; /* no reader waits for what is appended next */
}

bool partition_dedup_is_ready(struct partition *partition)
{
    if (!partition_deduplicates(partition) || partition->dedup_step == DEDUP_READY) {
        return true;
    }
    if (partition->read_only || partition->log.stopped) {
        return true; /* it takes nothing: appends are told so */
    }
    if (partition->dedup_reading) {
        return false;
    }
    if (partition->dedup_step == DEDUP_EMPTY) {
        bool expires = partition->shard->settings->dedup_expiry_us != 0;
        partition->dedup_next = first_offset_wanted(partition);
        partition->dedup_step = expires ? DEDUP_FIND : DEDUP_READ;
    }
    if (partition->dedup_next >= partition->log.next_offset) {
        partition->dedup_step = DEDUP_READY;
        return true;
    }
    read_on(partition);
    return false;
}

static void note_frames(struct partition *partition, const struct batch_header *header,
                        const u8 *frames, u32 bytes)
{
    struct dedup *dedup = &partition->shard->dedup;
    u64 horizon_us = dedup_horizon_us(dedup, partition->shard->core->time.wall_us);
    u32 position = 0;
    while (position < bytes) {
        const u8 *frame = frames + position;
        struct u128 id = get_u128(frame + 8);
        u64 offset = header->base_offset + get_u32(frame + 24);
        position += MESSAGE_FRAME_HEADER_BYTES + get_u32(frame + 32) + get_u32(frame + 36);
        check(position <= bytes);
        check(offset >= partition->dedup_next);
        if (header->base_timestamp_us >= horizon_us && !u128_is_zero(id)) {
            dedup_add(dedup, partition, id, offset, header->base_timestamp_us);
        }
        partition->dedup_next = offset + 1;
    }
}

/* Batches in the pieces of a loan: the header of one lies in one piece, and so do its frames. */
static void note_loan(struct partition *partition, const struct poll_loan *loan)
{
    struct batch_header header = {0};
    u32 frames_left_bytes = 0;
    for (u32 i = 0; i < loan->pieces_count; i++) {
        const u8 *data = loan->pieces[i].data;
        u32 left = loan->pieces[i].size;
        while (left > 0) {
            if (frames_left_bytes == 0) {
                check(left >= BATCH_HEADER_BYTES);
                batch_header_decode(data, &header);
                frames_left_bytes = (u32)header.batch_length - BATCH_HEADER_BYTES;
                data += BATCH_HEADER_BYTES;
                left -= BATCH_HEADER_BYTES;
                continue;
            }
            check(left >= frames_left_bytes);
            note_frames(partition, &header, data, frames_left_bytes);
            data += frames_left_bytes;
            left -= frames_left_bytes;
            frames_left_bytes = 0;
        }
    }
    check(frames_left_bytes == 0);
}

/* The first message at or after the horizon, if it is not too far back. */
static void note_found(struct partition *partition, const struct poll_loan *loan)
{
    u64 found = partition->log.next_offset;
    if (loan->messages_count > 0) {
        struct batch_header header;
        batch_header_decode(loan->pieces[0].data, &header);
        found = header.base_offset;
    }
    partition->dedup_next = u64_max(partition->dedup_next, found);
    partition->dedup_step = DEDUP_READ;
}

/* What cannot be read is passed over: the rest of its segment with it. */
static void pass_over(struct partition *partition)
{
    const struct segment *segment = log_find(&partition->log, partition->dedup_next);
    u64 end = partition->log.next_offset;
    if (partition->dedup_step == DEDUP_FIND) {
        partition->dedup_step = DEDUP_READ;
        return;
    }
    event_warn(partition->shard->core->events,
               "partition.ids_unknown stream=%u topic=%u partition=%u offset=%llu",
               partition->stream_id, partition->topic_id, partition->id,
               (unsigned long long)partition->dedup_next);
    bool has_more = segment != NULL && segment->end_offset > partition->dedup_next;
    partition->dedup_next = has_more ? segment->end_offset : end;
}

void partition_dedup_on_read(struct shard_request *request)
{
    struct partition *partition = request->partition;
    check(partition->dedup_reading);
    partition->dedup_reading = false;
    if (partition->state != PARTITION_OPEN) {
        return;
    }
    if (request->poll.error != WIRE_OK ||
        (request->loan.messages_count == 0 && partition->dedup_step == DEDUP_READ)) {
        pass_over(partition);
    } else if (partition->dedup_step == DEDUP_FIND) {
        note_found(partition, &request->loan);
    } else {
        note_loan(partition, &request->loan);
    }
    shard_wake(partition->shard, partition);
}

/* ---- Appends ---- */

void partition_dedup_begin(struct partition *partition, struct shard_request *request)
{
    struct append *append = &request->append;
    u8 *batch = request->msg.bufs[0]->data + request->msg.append.batch_position;
    batch_filter_init(&append->filter, batch, request->msg.append.batch_size);
    append->base_offset = partition->log.next_offset;
    append->first_found = UINT64_MAX;
    append->wait_offset = 0;
    append->step = APPEND_FILTER;
    partition->time_last_us =
        u64_max(partition->time_last_us, partition->shard->core->time.wall_us);
}

bool partition_dedup_step(struct partition *partition, struct shard_request *request)
{
    struct dedup *dedup = &partition->shard->dedup;
    struct append *append = &request->append;
    struct batch_filter *filter = &append->filter;
    check(append->base_offset == partition->log.next_offset);
    struct u128 id;
    u32 budget = FILTER_FRAMES_BUDGET;
    while (batch_filter_next(filter, &id)) {
        if (budget-- == 0) {
            return false;
        }
        u64 offset = 0;
        bool has_id = !u128_is_zero(id);
        bool is_known =
            has_id && dedup_find(dedup, partition, id, partition->time_last_us, &offset);
        if (is_known) {
            append->first_found = u64_min(append->first_found, offset);
            append->wait_offset = u64_max(append->wait_offset, offset);
        } else if (has_id) {
            dedup_add(dedup, partition, id, append->base_offset + filter->kept_count,
                      partition->time_last_us);
        }
        batch_filter_decide(filter, !is_known);
    }
    struct batch_header header;
    batch_header_decode(filter->batch, &header);
    counter_add(partition->shard->core->counters, COUNTER_messages_deduplicated,
                header.message_count - filter->kept_count);
    if (filter->kept_count < header.message_count) {
        request->msg.append.batch_size = batch_filter_finish(filter);
    }
    return true;
}
