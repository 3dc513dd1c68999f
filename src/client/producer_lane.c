/* What happens to batches of one partition (producer.h). */
#include "client/producer.h"

#include "base/check.h"
#include "base/mem.h"
#include "wire/poll.h"

#define RETRY_DELAY_US (50 * US_PER_MS)
#define LOOK_MESSAGES_MAX 1000u

/* ---- A batch ---- */

static void cancel(struct outgoing *batch)
{
    if (batch->state == BATCH_IN_FLIGHT) {
        protocol_cancel(&batch->lane->producer->client->protocol, &batch->ask);
        batch->lane->in_flight_count--;
        batch->state = BATCH_READY;
    }
}

void outgoing_destroy(struct outgoing *batch)
{
    mem_return(batch->ask.frame);
    mem_return(batch->tags);
    mem_return(batch);
}

static void tell_fates(struct outgoing *batch)
{
    struct lv_producer *producer = batch->lane->producer;
    for (u32 i = 0; i < batch->messages_count; i++) {
        producer->on_fate(producer->context, batch->tags[i], batch->error,
                          batch->lane->partition_id, batch->base_offset + i);
    }
}

void outgoing_finish(struct outgoing *batch, int error, u64 base_offset)
{
    struct lv_producer *producer = batch->lane->producer;
    check(batch->state != BATCH_IN_FLIGHT);
    list_remove(&batch->node);
    producer->buffer_bytes -= batch->held_bytes;
    producer->waiting_count -= batch->messages_count;
    batch->error = error;
    batch->base_offset = error == LV_OK ? base_offset : 0;
    mem_return(batch->ask.frame);
    batch->ask.frame = NULL;
    if (producer->on_fate != NULL) {
        tell_fates(batch);
        outgoing_destroy(batch);
        return;
    }
    batch->held_bytes = sizeof(*batch) + batch->messages_count * sizeof(batch->tags[0]);
    producer->buffer_bytes += batch->held_bytes;
    list_add_last(&producer->done, &batch->node);
}

void outgoing_seal(struct outgoing *batch)
{
    struct lv_producer *producer = batch->lane->producer;
    struct writer prefix =
        writer_over(batch->ask.frame + FRAME_HEADER_BYTES, producer->prefix_bytes);
    struct send_request request = {
        .stream = producer->stream,
        .topic = producer->topic,
        .partitioning = {.kind = PARTITIONING_PARTITION, .partition_id = batch->lane->partition_id},
        .messages_count = batch->messages_count,
    };
    check(batch->state == BATCH_FILLING);
    send_request_encode(&request, &prefix);
    check(!prefix.failed);
    check(prefix.position == producer->prefix_bytes);
    batch->ask.frame_bytes =
        FRAME_HEADER_BYTES + producer->prefix_bytes + batch_builder_finish(&batch->builder);
    batch->state = BATCH_READY;
}

/* ---- Answers ---- */

/* `stored` lies in the log: what comes before it and is not there can go there no more without
 * breaking the order. Nothing of it is stored, because a connection is executed in order. */
static void fail_those_before(struct outgoing *stored)
{
    struct lane *lane = stored->lane;
    list_for_each(node, next, &lane->batches) {
        struct outgoing *batch = container_of(node, struct outgoing, node);
        if (batch == stored) {
            return;
        }
        if (batch->state != BATCH_IN_FLIGHT) {
            int error = batch->state == BATCH_REFUSED ? batch->error : LV_ERROR_CONNECTION;
            outgoing_finish(batch, error, 0);
        }
    }
}

static void on_stored(struct outgoing *batch, u64 base_offset)
{
    batch->lane->look_from = u64_max(batch->lane->look_from, base_offset + batch->messages_count);
    fail_those_before(batch);
    outgoing_finish(batch, LV_OK, base_offset);
}

static void on_lost(struct outgoing *batch)
{
    struct lane *lane = batch->lane;
    if (!batch->ask.was_sent || lane->producer->repeat == LV_REPEAT_BLIND) {
        return; /* it goes again as it is */
    }
    if (lane->can_look) {
        lane->state = LANE_LOST;
    } else {
        outgoing_finish(batch, LV_ERROR_UNKNOWN, 0);
    }
}

static void on_answer(struct ask *ask, int error, struct span body)
{
    struct outgoing *batch = ask->owner;
    struct lane *lane = batch->lane;
    struct send_confirmation confirmation;
    check(batch->state == BATCH_IN_FLIGHT);
    batch->state = BATCH_READY;
    lane->in_flight_count--;
    if (error == LV_OK && send_reply_decode(body, &confirmation) != OK) {
        error = LV_ERROR_UNKNOWN; /* accepted, but where? */
    }
    if (error == LV_OK) {
        on_stored(batch, confirmation.base_offset);
    } else if (error == LV_ERROR_CONNECTION || error == LV_ERROR_UNREADABLE) {
        on_lost(batch);
    } else if (error > 0 && lv_error_may_retry(error)) {
        batch->state = BATCH_REFUSED;
        batch->error = error;
        lane->retry_at_us = clock_now_us() + RETRY_DELAY_US;
    } else {
        /* A login that is refused now says nothing of what went out before. */
        bool went_out = lane->producer->client->refusal != LV_OK && ask->was_sent;
        outgoing_finish(batch, went_out ? LV_ERROR_UNKNOWN : error, 0);
    }
}

static void send_batch(struct outgoing *batch, u64 now_us)
{
    struct lane *lane = batch->lane;
    lane->producer->repeats_count += batch->ask.was_sent ? 1 : 0;
    batch->state = BATCH_IN_FLIGHT;
    lane->in_flight_count++;
    batch->ask.on_answer = on_answer;
    batch->ask.owner = batch;
    protocol_ask(&lane->producer->client->protocol, &batch->ask, now_us);
}

/* ---- Looking ---- */

void lane_ask_poll(struct lane *lane, u64 offset, u32 count, u64 now_us)
{
    struct writer body = writer_over(lane->look_frame, FRAME_HEADER_BYTES + CLIENT_NAMES_MAX);
    struct poll_request request = {
        .consumer = {CONSUMER_SINGLE, identifier_of_id(0)},
        .stream = lane->producer->stream,
        .topic = lane->producer->topic,
        .partition = {.present = true, .partition_id = lane->partition_id},
        .strategy = POLL_OFFSET,
        .value = offset,
        .count = count,
    };
    body.position = FRAME_HEADER_BYTES;
    poll_request_encode(&request, &body);
    check(!body.failed);
    lane->look.frame = lane->look_frame;
    lane->look.frame_bytes = body.position;
    lane->look.request = 0;
    protocol_ask(&lane->producer->client->protocol, &lane->look, now_us);
}

/* The batch that begins with this message, or NULL. */
static struct outgoing *find_batch(struct lane *lane, struct u128 id)
{
    list_for_each(node, next, &lane->batches) {
        struct outgoing *batch = container_of(node, struct outgoing, node);
        if (batch->ask.was_sent && u128_equal(batch->first_id, id)) {
            return batch;
        }
    }
    return NULL;
}

/* True when the whole partition was seen, up to its end. */
static bool look_at(struct lane *lane, const struct poll_reply *reply)
{
    struct poll_iterator iterator = poll_iterate(reply);
    struct polled_message message;
    u64 seen = lane->look_from;
    u32 count = 0;
    while (poll_next(&iterator, &message)) {
        struct outgoing *batch = find_batch(lane, message.id);
        if (batch != NULL) {
            lane->producer->found_count++;
            on_stored(batch, message.offset);
        }
        seen = message.offset + 1;
        count++;
    }
    lane->look_from = u64_max(lane->look_from, seen);
    return count == 0 || seen > reply->prefix.current_offset;
}

static void give_up_looking(struct lane *lane)
{
    lane->can_look = false;
    lane->state = LANE_READY;
    list_for_each(node, next, &lane->batches) {
        struct outgoing *batch = container_of(node, struct outgoing, node);
        if (batch->ask.was_sent && batch->state == BATCH_READY) {
            outgoing_finish(batch, LV_ERROR_UNKNOWN, 0);
        }
    }
}

static void on_look(struct lane *lane, int error, const struct poll_reply *reply)
{
    if (error != LV_OK && !lv_error_may_retry(error)) {
        give_up_looking(lane);
    } else if (error != LV_OK) {
        lane->state = LANE_LOST;
        lane->retry_at_us = clock_now_us() + RETRY_DELAY_US;
    } else {
        lane->state = look_at(lane, reply) ? LANE_READY : LANE_LOST;
    }
}

/* Where the partition ends, before the first batch goes. Who may not know it can never look. */
static void on_end(struct lane *lane, int error, const struct poll_reply *reply)
{
    if (error != LV_OK && lv_error_may_retry(error)) {
        lane->state = LANE_NEW;
        lane->retry_at_us = clock_now_us() + RETRY_DELAY_US;
        return;
    }
    lane->can_look = error == LV_OK;
    lane->look_from = error == LV_OK ? reply->prefix.current_offset : 0;
    lane->state = LANE_READY;
}

static void look_on_answer(struct ask *ask, int error, struct span body)
{
    struct lane *lane = ask->owner;
    struct poll_reply reply = {0};
    if (error == LV_OK && poll_reply_decode(body, &reply) != OK) {
        error = LV_ERROR_UNREADABLE;
    }
    if (lane->state == LANE_ASKING) {
        on_end(lane, error, &reply);
    } else {
        on_look(lane, error, &reply);
    }
}

/* ---- A step ---- */

static void expire(struct lane *lane, u64 now_us)
{
    list_for_each(node, next, &lane->batches) {
        struct outgoing *batch = container_of(node, struct outgoing, node);
        if (batch->deadline_us > now_us) {
            return; /* those behind it came later */
        }
        cancel(batch);
        bool refused = batch->state == BATCH_REFUSED;
        int error = batch->ask.was_sent ? LV_ERROR_UNKNOWN : LV_ERROR_TIMEOUT;
        outgoing_finish(batch, refused ? batch->error : error, 0);
    }
}

static void seal_what_lingered(struct lane *lane, u64 now_us)
{
    struct list_node *node = list_last(&lane->batches);
    if (node == NULL) {
        return;
    }
    struct outgoing *batch = container_of(node, struct outgoing, node);
    bool is_due =
        lane->producer->is_flushing || now_us >= batch->opened_at_us + lane->producer->linger_us;
    if (batch->state == BATCH_FILLING && is_due) {
        outgoing_seal(batch);
    }
}

static void try_refused_again(struct lane *lane)
{
    list_for_each(node, next, &lane->batches) {
        struct outgoing *batch = container_of(node, struct outgoing, node);
        if (batch->state == BATCH_REFUSED) {
            batch->state = BATCH_READY;
        }
    }
}

/* Whatever was refused waits until nothing is in flight; the rest waits behind it. */
static void send_what_is_ready(struct lane *lane, u64 now_us)
{
    if (lane->in_flight_count == 0) {
        try_refused_again(lane);
    }
    list_for_each(node, next, &lane->batches) {
        struct outgoing *batch = container_of(node, struct outgoing, node);
        bool is_first_sent = batch->state == BATCH_IN_FLIGHT;
        if (is_first_sent) {
            continue;
        }
        if (batch->state != BATCH_READY || lane->in_flight_count == lane->producer->in_flight_max) {
            return;
        }
        send_batch(batch, now_us);
    }
}

static bool has_sealed(const struct lane *lane)
{
    struct list_node *node = list_first(&lane->batches);
    return node != NULL && container_of(node, struct outgoing, node)->state != BATCH_FILLING;
}

void lane_step(struct lane *lane, u64 now_us)
{
    expire(lane, now_us);
    seal_what_lingered(lane, now_us);
    bool reached = lane->producer->client->protocol.state == PROTOCOL_READY;
    if (!reached || now_us < lane->retry_at_us || !has_sealed(lane)) {
        return;
    }
    switch (lane->state) {
    case LANE_NEW:
        lane->state = lane->producer->repeat == LV_REPEAT_LOOK ? LANE_ASKING : LANE_READY;
        if (lane->state == LANE_ASKING) {
            lane_ask_poll(lane, 0, 0, now_us);
            break;
        }
        send_what_is_ready(lane, now_us);
        break;
    case LANE_LOST:
        lane->state = LANE_LOOKING;
        lane_ask_poll(lane, lane->look_from, LOOK_MESSAGES_MAX, now_us);
        break;
    case LANE_READY: send_what_is_ready(lane, now_us); break;
    case LANE_ASKING:
    case LANE_LOOKING: break;
    }
}

u64 lane_deadline_us(const struct lane *lane)
{
    u64 deadline = UINT64_MAX;
    if (list_is_empty(&lane->batches)) {
        return deadline;
    }
    deadline = container_of(list_first(&lane->batches), struct outgoing, node)->deadline_us;
    const struct outgoing *last = container_of(list_last(&lane->batches), struct outgoing, node);
    if (last->state == BATCH_FILLING) {
        deadline = u64_min(deadline, last->opened_at_us + lane->producer->linger_us);
    }
    bool reached = lane->producer->client->protocol.state == PROTOCOL_READY;
    bool asks = lane->state == LANE_ASKING || lane->state == LANE_LOOKING;
    if (reached && !asks && lane->in_flight_count == 0 && has_sealed(lane)) {
        deadline = u64_min(deadline, lane->retry_at_us);
    }
    return deadline;
}

struct lane *lane_create(struct lv_producer *producer, u32 partition_id)
{
    struct lane *lane = mem_take(sizeof(*lane));
    lane->producer = producer;
    lane->partition_id = partition_id;
    lane->look =
        (struct ask){.command = COMMAND_POLL_MESSAGES, .on_answer = look_on_answer, .owner = lane};
    lane->look_frame = mem_take(FRAME_HEADER_BYTES + CLIENT_NAMES_MAX);
    list_init(&lane->batches);
    list_node_init(&lane->node);
    list_node_init(&lane->look.node);
    return lane;
}

void lane_destroy(struct lane *lane)
{
    if (list_node_is_linked(&lane->look.node)) {
        protocol_cancel(&lane->producer->client->protocol, &lane->look);
    }
    list_for_each(node, next, &lane->batches) {
        struct outgoing *batch = container_of(node, struct outgoing, node);
        cancel(batch);
        outgoing_finish(batch, batch->ask.was_sent ? LV_ERROR_UNKNOWN : LV_ERROR_CLOSED, 0);
    }
    list_remove(&lane->node);
    mem_return(lane->look_frame);
    mem_return(lane);
}
