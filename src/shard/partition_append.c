/* Appends: admitted in order of arrival, stamped in steps, handed to the log, answered when
 * committed. */
#include "base/bug.h"
#include "base/check.h"
#include "shard/partition.h"
#include "shard/shard_inside.h"

/* Frames walked in one go; a batch of more is stamped over several turns. */
#define STAMP_FRAMES_BUDGET 10000u

static u8 *batch_of(const struct shard_request *request)
{
    return request->msg.bufs[0]->data + request->msg.append.batch_position;
}

/* ---- Sends that come again ---- */

static struct sent_send send_of(const struct shard_request *request)
{
    return (struct sent_send){.sender = append_sender_get(batch_of(request)),
                              .hash = request->msg.append.request_hash,
                              .partition = request->msg.partition};
}

static void note_sent(struct shard_request *request)
{
    if (request->msg.append.request_hash != 0) {
        request->append.sent = send_of(request);
        request->append.noted = true;
        sent_note(&request->shard->sent, &request->append.sent, request->append.base_offset);
    }
}

void partition_forget_sent(struct shard_request *request)
{
    if (request->append.noted) {
        sent_forget(&request->shard->sent, &request->append.sent);
        request->append.noted = false;
    }
}

static void answer_append(struct shard_request *request)
{
    struct partition *partition = request->partition;
    struct msg reply = {.appended = {.base_offset = request->append.base_offset}};
    if (bug_is_on(BUG_REUSE_OFFSET) && reply.appended.base_offset > 0 &&
        prng_chance(&partition->shard->core->prng, 1, 40)) {
        reply.appended.base_offset--;
    }
    check(partition->appends_count > 0);
    partition->appends_count--;
    shard_reply(request, &reply);
}

/* Answered as the first was, and not before it: when what it stored is acknowledged. */
static void answer_repeat(struct shard_request *request)
{
    struct partition *partition = request->partition;
    request->append.step = APPEND_REPEATED;
    list_remove(&request->node);
    if (request->append.wait_offset < partition_seen_end(partition)) {
        answer_append(request);
        return;
    }
    list_add_last(&partition->repeats, &request->node);
    if (partition->log.stopped) {
        partition_give_up_repeats(partition);
    }
}

static void answer_repeats(struct partition *partition)
{
    u64 end = partition_seen_end(partition);
    list_for_each(node, next, &partition->repeats) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        if (request->append.wait_offset < end) {
            list_remove(node);
            answer_append(request);
        }
    }
}

void partition_give_up_repeats(struct partition *partition)
{
    const struct log *log = &partition->log;
    list_for_each(node, next, &partition->repeats) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        if (log->stopped || request->append.wait_offset >= log->next_offset) {
            list_remove(node);
            partition->appends_count--;
            shard_answer_by_closing(request);
        }
    }
}

static bool is_repeat(struct shard_request *request)
{
    struct shard *shard = request->shard;
    if (request->msg.append.request_hash == 0) {
        return false;
    }
    struct sent_send send = send_of(request);
    if (!sent_find(&shard->sent, &send, &request->append.base_offset)) {
        return false;
    }
    request->append.wait_offset = request->append.base_offset; /* a batch is written whole */
    counter_add(shard->core->counters, COUNTER_appends_repeated, 1);
    return true;
}

/* ---- Refusing ---- */

void partition_refuse(struct shard_request *request, u32 error)
{
    struct partition *partition = request->partition;
    check(partition->appends_count > 0);
    partition->appends_count--;
    partition_forget_sent(request);
    shard_answer(request, error);
}

void partition_refuse_appends(struct partition *partition, u32 error)
{
    struct list_node *node;
    while ((node = list_pop(&partition->appends)) != NULL) {
        partition_refuse(container_of(node, struct shard_request, node), error);
    }
    /* Offsets of those that were stamped and not yet handed in. */
    log_give_up_offsets(&partition->log);
    if (partition->state == PARTITION_CLOSING) {
        while ((node = list_pop(&partition->repeats)) != NULL) {
            partition_refuse(container_of(node, struct shard_request, node), error);
        }
    }
    /* Polls that wait for what was acknowledged: it will not be written. */
    if (partition->replica.proposed_end == partition->replica.committed_end) {
        partition_resume_late_polls(partition);
    }
}

/* A batch that lost messages, because this life had them, cannot be appended anew: it is answered
 * as what happened, that it was stored before the purge and went with the rest. */
static void pass_on(struct shard_request *request)
{
    struct partition *partition = request->partition;
    if (request->append.first_found != UINT64_MAX) {
        answer_append(request);
        return;
    }
    check(partition->appends_count > 0);
    partition->appends_count--;
    partition_forget_sent(request);
    list_add_last(&partition->next_waiting, &request->node);
}

static void take_all(struct list *from, struct list *to)
{
    struct list_node *node;
    while ((node = list_pop(from)) != NULL) {
        list_add_last(to, node);
    }
}

void partition_pass_on_appends(struct partition *partition)
{
    check(partition->state == PARTITION_CLOSING);
    struct list requests;
    struct list_node *node;
    list_init(&requests);
    log_take_gathered(&partition->log, &requests);
    take_all(&partition->appends, &requests);
    take_all(&partition->repeats, &requests); /* behind the first, which is not written yet */
    log_give_up_offsets(&partition->log);
    while ((node = list_pop(&requests)) != NULL) {
        pass_on(container_of(node, struct shard_request, node));
    }
}

/* Level memory: answered when it is in the partition's buffer. */
static bool answers_at_once(const struct partition *partition)
{
    return partition_wants(partition).level == DURABILITY_MEMORY;
}

/* Why it may not be appended, before anything of it is written. */
static u32 admit_error(struct partition *partition, const struct shard_request *request)
{
    struct disk *disk = &partition->shard->disk;
    if (partition->read_only || partition->log.stopped) {
        return WIRE_CANNOT_APPEND_MESSAGE;
    }
    if (partition->log.gathering_bytes >
            u64_max(4ull * partition->shard->settings->flush_bytes, 4 * MIB) &&
        answers_at_once(partition)) {
        return WIRE_CANNOT_APPEND_MESSAGE; /* the disk does not keep up, or is full */
    }
    if (!disk_admits(disk, request->msg.append.batch_size)) {
        return WIRE_CANNOT_APPEND_MESSAGE;
    }
    return WIRE_OK;
}

/* Offsets and time are given in order of arrival; time never falls within a partition. */
static void begin_stamp(struct partition *partition, struct shard_request *request)
{
    struct core *core = partition->shard->core;
    struct append *append = &request->append;
    struct batch_header header;
    batch_header_decode(batch_of(request), &header);
    check(header.batch_length == request->msg.append.batch_size);
    check(header.message_count > 0);
    partition->time_last_us = u64_max(partition->time_last_us, core->time.wall_us);
    append->messages_count = header.message_count;
    append->base_offset = partition->log.next_offset;
    append->time_us = partition->time_last_us;
    partition->log.next_offset += header.message_count;
    struct batch_stamp_values values = {
        .partition_id = partition->id,
        .base_offset = append->base_offset,
        .base_timestamp_us = append->time_us,
    };
    batch_stamp_init(&append->stamp, batch_of(request), request->msg.append.batch_size, &values);
    note_sent(request);
    append->step = APPEND_STAMP;
}

static bool polled_lately(const struct partition *partition)
{
    u64 now_us = partition->shard->core->time.monotonic_us;
    return notice_is_wanted(partition) ||
           (partition->polled_at_us != 0 &&
            now_us - partition->polled_at_us < SHARD_POLLED_LATELY_US);
}

/* Written from where it was received: when it is large, lies right, and nobody is about to read
 * it. */
static bool goes_in_place(const struct partition *partition, const struct shard_request *request)
{
    u32 size = request->msg.append.batch_size;
    if (answers_at_once(partition)) {
        return false;
    }
    if ((request->msg.flags & MSG_BATCH_ALIGNED) == 0 || size < LOG_IN_PLACE_BYTES_MIN) {
        return false;
    }
    return size > MIB || !polled_lately(partition);
}

static enum status place(struct partition *partition, struct shard_request *request)
{
    struct append *append = &request->append;
    bool at_once = answers_at_once(partition);
    struct log_batch batch = {
        .bytes = batch_of(request),
        .size = request->msg.append.batch_size,
        .messages_count = append->messages_count,
        .base_offset = append->base_offset,
        .time_us = append->time_us,
        .in_place = goes_in_place(partition, request),
        .request = at_once ? NULL : request,
    };
    list_remove(&request->node);
    enum status status = log_append(&partition->log, &batch);
    if (status != OK) {
        list_add_first(&partition->appends, &request->node);
        return status;
    }
    append->step = APPEND_IN_LOG;
    replica_propose(&partition->replica, append->base_offset + append->messages_count);
    if (at_once) {
        partition_publish(partition);
        answer_append(request);
    }
    return OK;
}

static bool run_filter(struct partition *partition, struct shard_request *request)
{
    if (!partition_dedup_step(partition, request)) {
        shard_wake(partition->shard, partition);
        return false;
    }
    if (request->append.filter.kept_count == 0) {
        request->append.base_offset = request->append.first_found;
        answer_repeat(request);
    } else {
        begin_stamp(partition, request);
    }
    return true;
}

/* False: the turn's work is done, or memory is short; another turn goes on. */
static bool run_first(struct partition *partition, struct shard_request *request)
{
    switch (request->append.step) {
    case APPEND_ADMIT: {
        if (is_repeat(request)) {
            answer_repeat(request);
            return true;
        }
        u32 error = admit_error(partition, request);
        if (error != WIRE_OK) {
            list_remove(&request->node);
            partition_refuse(request, error);
            return true;
        }
        if (partition_deduplicates(partition)) {
            partition_dedup_begin(partition, request);
        } else {
            begin_stamp(partition, request);
        }
        return true;
    }
    case APPEND_FILTER: return run_filter(partition, request);
    case APPEND_STAMP:
        if (!batch_stamp_step(&request->append.stamp, STAMP_FRAMES_BUDGET)) {
            shard_wake(partition->shard, partition);
            return false;
        }
        request->append.step = APPEND_PLACE;
        return true;
    case APPEND_PLACE:
        if (place(partition, request) != OK) {
            shard_wake_later(partition->shard, partition);
            return false;
        }
        return true;
    case APPEND_IN_LOG:
    case APPEND_REPEATED: unreachable();
    }
    unreachable();
}

void partition_append_run(struct partition *partition)
{
    struct list_node *node = list_first(&partition->appends);
    if (node == NULL || !partition_dedup_is_ready(partition)) {
        return;
    }
    while ((node = list_first(&partition->appends)) != NULL) {
        if (!run_first(partition, container_of(node, struct shard_request, node))) {
            return;
        }
    }
}

void partition_append(struct partition *partition, struct shard_request *request)
{
    request->append.step = APPEND_ADMIT;
    request->append.noted = false;
    request->append.first_found = UINT64_MAX;
    partition->appends_count++;
    list_add_last(&partition->appends, &request->node);
    partition_append_run(partition);
    shard_wake(partition->shard, partition);
}

/* ---- Persisted ---- */

/* What was just written is what a reader at the end asks for next. */
static void keep_in_cache(struct partition *partition, struct log_unit *unit)
{
    if (unit->buf == NULL || !polled_lately(partition)) {
        return;
    }
    if (unit->head.encrypted && unit->head.batches_bytes > UNIT_SECRET_BYTES) {
        return; /* too much for one turn: it is read when it is wanted */
    }
    if (unit->head.encrypted &&
        unit_decrypt(partition->shard->core, &unit->head, unit->bytes + UNIT_CONTROL_BYTES) != OK) {
        return;
    }
    const struct segment *segment = partition->log.active;
    struct cache_range range = {
        .base_offset = unit->head.base_offset,
        .end_offset = unit->head.base_offset + unit->head.messages_count,
        .units = unit->bytes,
        .bytes = segment_unit_bytes(unit->head.batches_bytes, segment->header.sector_bytes),
        .sector_bytes = segment->header.sector_bytes,
    };
    cache_add(&partition->shard->cache, &partition->cached, unit->buf, &range);
}

void partition_on_written(struct partition *partition, struct log_unit *unit)
{
    struct core *core = partition->shard->core;
    u64 end = unit->head.base_offset + unit->head.messages_count;
    counter_add(core->counters, COUNTER_messages_appended, unit->head.messages_count);
    counter_add(core->counters, COUNTER_bytes_appended, unit->head.batches_bytes);
    keep_in_cache(partition, unit);
    partition_on_commit(partition, replica_on_persisted(&partition->replica, end));
    struct list_node *node;
    while ((node = list_pop(&unit->requests)) != NULL) {
        answer_append(container_of(node, struct shard_request, node));
    }
    answer_repeats(partition);
}

void partition_on_commit(struct partition *partition, u64 committed_end)
{
    check(committed_end == partition->replica.committed_end);
    partition_publish(partition);
    notice_soon(partition);
    /* Polls that came while something was acknowledged and not yet written. */
    struct list_node *node = list_first(&partition->late_polls);
    while (node != NULL) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        if (request->poll.wait_end > committed_end) {
            break;
        }
        list_remove(node);
        partition_poll_resume(request);
        node = list_first(&partition->late_polls);
    }
}
