/* One shard on a simulated disk, with a client that remembers what it was promised. For tests.
 *
 *     bed_start ─▶ bed_send … bed_run ─▶ bed_crash ─▶ bed_start ─▶ bed_check_all
 *
 * It stands in for edge (sends requests, keeps replies by token), control (applies commands,
 * walks the phases) and thread (turns). Every message's payload says which batch it belongs to,
 * so what comes back can be judged. */
#pragma once

#include "base/map.h"
#include "secure/unit_cipher.h"
#include "shard/recovery.h"
#include "shard/shard_inside.h"
#include "sim/sim.h"
#include "state/state_command.h"
#include "tests/test.h"
#include "wire/poll.h"

#define BED_COMMANDS_MAX 256u
#define BED_REPLIES_MAX 64u
#define BED_BATCHES_MAX 8192u
#define BED_EVENTS_MAX 256u
#define BED_LIMIT_US (1200 * US_PER_SECOND) /* disks may be very slow */

enum bed_batch_state { BED_SENT, BED_ACKNOWLEDGED, BED_REFUSED, BED_UNKNOWN, BED_LOST };

struct bed_batch {
    enum bed_batch_state state;
    u32 slot;
    u32 generation;
    u32 messages_count;
    u32 payload_bytes;
    u64 base_offset; /* when acknowledged */
    bool crossed;    /* a purge came while it was under way: stored before it, or after */
};

struct bed_reply {
    bool there;
    struct msg msg;
    u32 batch; /* of an append, counted from 1 */
    struct buf *buf;
};

struct bed {
    struct sim *sim;
    struct sim_options sim_options;
    struct settings settings;
    struct plan plan;
    struct prng prng;
    u64 memory_bytes;
    bool encrypts; /* what is written */

    /* What control has on disk. */
    u8 commands[BED_COMMANDS_MAX][STATE_COMMAND_BYTES_MAX];
    u32 commands_bytes[BED_COMMANDS_MAX];
    u32 commands_count;
    u32 boot;

    /* A running node. */
    bool running;
    struct arena arena;
    struct core *core;
    struct counters *counters;
    struct event_log events;
    struct event *event_items;
    u32 errors_logged;
    u32 warnings_logged;
    char last_error[EVENT_TEXT_BYTES];

    struct bed_reply replies[BED_REPLIES_MAX];
    u32 in_flight;
    bool phase_done;
    u32 phase_error;

    struct bed_batch *batches;
    u32 batches_count;
    bool prints;
};

static inline void bed_effect(void *context, const struct state_effect *effect)
{
    struct bed *bed = context;
    if (bed->running) {
        shard_on_effect(bed->core->shard, effect);
    }
}

static inline void bed_apply_bytes(struct bed *bed, u32 index)
{
    struct span bytes = {bed->commands[index], bed->commands_bytes[index]};
    state_apply(bed->core->state, index + 1, bytes, bed_effect, bed);
    bed->core->applied = state_index(bed->core->state);
}

static inline void bed_note_crossings(struct bed *bed)
{
    for (u32 i = 0; i < bed->batches_count; i++) {
        bed->batches[i].crossed |= bed->batches[i].state == BED_SENT;
    }
}

/* A command becomes part of control's history, and is applied when the node runs. */
static inline void bed_command(struct bed *bed, const struct state_command *command)
{
    EXPECT(bed->commands_count < BED_COMMANDS_MAX);
    u32 index = bed->commands_count++;
    struct writer writer = writer_over(bed->commands[index], STATE_COMMAND_BYTES_MAX);
    state_command_encode(command, &writer);
    EXPECT(!writer.failed);
    bed->commands_bytes[index] = writer.position;
    if (bed->core != NULL) {
        bed_apply_bytes(bed, index);
        bed_note_crossings(bed);
        sim_wake(bed->sim, 0, 0);
    }
}

static inline void bed_on_append_reply(struct bed *bed, struct bed_reply *reply)
{
    struct bed_batch *batch = &bed->batches[reply->batch - 1];
    if ((reply->msg.flags & MSG_CLOSE_CONNECTION) != 0) {
        batch->state = BED_UNKNOWN;
    } else if (reply->msg.error != WIRE_OK) {
        batch->state = BED_REFUSED;
    } else {
        batch->state = BED_ACKNOWLEDGED;
        batch->base_offset = reply->msg.appended.base_offset;
    }
    buf_return(reply->buf);
    reply->buf = NULL;
}

static inline void bed_on_reply(struct bed *bed, const struct msg *msg)
{
    if (msg->kind == MSG_PHASE_DONE) {
        bed->phase_done = true;
        bed->phase_error = msg->error;
        return;
    }
    struct bed_reply *reply = &bed->replies[msg->token.slot];
    EXPECT(!reply->there);
    reply->there = true;
    reply->msg = *msg;
    bed->in_flight--;
    if (msg->kind == MSG_APPEND) {
        bed_on_append_reply(bed, reply);
    }
}

static inline struct sim_turn bed_turn(void *context, struct turn_time time)
{
    struct bed *bed = context;
    struct core *core = bed->core;
    struct msg msg;
    core->time = time;
    bed->events.wall_us = time.wall_us;
    while (mailbox_next(core, LANE_REPLY, &msg)) {
        if (msg.kind == MSG_LOAN_RETURN) {
            shard_on_msg(core->shard, &msg);
            mailbox_credit_return(core, 0, MSG_POLL);
        } else {
            bed_on_reply(bed, &msg);
        }
    }
    while (mailbox_next(core, LANE_REQUEST, &msg)) {
        shard_on_msg(core->shard, &msg);
    }
    io_reap(core->io, 256);
    timers_run(&core->timers, core, time.monotonic_us, 64);
    shard_turn(core->shard);
    mailbox_flush(core);
    io_submit(core->io);
    struct event event;
    while (event_next(&bed->events, &event)) {
        if (bed->prints) {
            print_message("%12llu %s %s\n", (unsigned long long)sim_now_us(bed->sim),
                          event_level_name(event.level), event.text);
        }
        bed->warnings_logged += event.level == EVENT_WARN ? 1 : 0;
        if (event.level == EVENT_ERROR) {
            bed->errors_logged++;
            (void)str_format(bed->last_error, sizeof(bed->last_error), "%s", event.text);
        }
    }
    return (struct sim_turn){.deadline_us = timers_next_us(&core->timers),
                             .busy =
                                 shard_is_busy(core->shard) || !mailbox_is_empty(&core->mailbox)};
}

/* ---- Its life ---- */

static inline void bed_open(struct bed *bed, const struct sim_options *options)
{
    *bed = (struct bed){.sim_options = *options, .memory_bytes = 128 * MIB};
    bed->sim = sim_create(options);
    bed->prints = getenv("BED_PRINTS") != NULL;
    bed->batches = mem_take(sizeof(*bed->batches) * BED_BATCHES_MAX);
    prng_init(&bed->prng, options->seed + 1);
    bed->settings = (struct settings){
        .durability = DURABILITY_SYNC,
        .direct = true,
        .direct_after_writes = 2,
        .flush_interval_us = US_PER_SECOND,
        .flush_bytes = (u32)MIB,
        .segment_bytes_default = MIB,
        .disk_reserve_bytes = 4 * MIB,
        .message_expiry_us_default = UINT64_MAX,
        .topic_bytes_max_default = UINT64_MAX,
        .retention_interval_us = US_PER_SECOND,
        .offset_hold_us_max = UINT64_MAX / 2,
    };
}

static inline void bed_phase(struct bed *bed, enum phase phase);

static inline bool bed_phase_is_done(void *context)
{
    return ((struct bed *)context)->phase_done;
}

static inline void bed_phase(struct bed *bed, enum phase phase)
{
    struct msg msg = {.kind = MSG_PHASE, .words = {phase, 0}};
    bed->phase_done = false;
    bed->core->time = sim_time(bed->sim, 0);
    shard_on_phase(bed->core->shard, &msg);
    sim_wake(bed->sim, 0, 0);
    EXPECT(sim_run_until(bed->sim, bed_phase_is_done, bed, BED_LIMIT_US));
}

static inline void bed_core(struct bed *bed)
{
    struct err err;
    EXPECT(plan_make(&bed->plan, bed->memory_bytes, 1, &err));
    bed->plan.partitions_max = 256;
    bed->plan.segments_per_core_max = 2048;
    struct state_options state_options = {.cores_count = 1,
                                          .streams_max = 64,
                                          .topics_max = 64,
                                          .partitions_max = bed->plan.partitions_max,
                                          .users_max = 4,
                                          .grants_max = 4,
                                          .tokens_max = 4,
                                          .sessions_max = 4};
    EXPECT(arena_create(&bed->arena, shard_bytes(&bed->plan) + state_bytes(&state_options) +
                                         mailbox_board_bytes(1) + 16 * MIB));
    struct core *core = arena_new(&bed->arena, struct core);
    bed->core = core;
    *core = (struct core){.cores_count = 1, .io = sim_io(bed->sim, 0, 0)};
    core->time = sim_time(bed->sim, 0);
    core->bufs = buf_pool_create(&(struct buf_pool_options){
        .budget_bytes = bed->plan.buffer_bytes_per_core,
        .buffer_bytes_max = bed->plan.frame_bytes_max + 2 * SECTOR_BYTES_MAX});
    core->state = state_create(&bed->arena, &state_options);
    core->gauges = arena_array(&bed->arena, struct partition_gauges, bed->plan.partitions_max);
    prng_init(&core->prng, prng_next(&bed->prng));
    timers_init(&core->timers, core->time.monotonic_us);
    mailbox_init(&core->mailbox, mailbox_board_create(&bed->arena, 1), 0);
    core->counters = arena_new(&bed->arena, struct counters);
    bed->counters = core->counters;
    core->all_counters = core->counters;
    bed->event_items = arena_array(&bed->arena, struct event, BED_EVENTS_MAX);
    event_log_init(&bed->events, bed->event_items, BED_EVENTS_MAX, 0, EVENT_INFO);
    core->events = &bed->events;
    if (bed->encrypts) {
        core->cipher = unit_cipher_create((const u8[CIPHER_KEY_BYTES]){7});
        core->encrypts = true;
        core->nonce.low = prng_next(&core->prng);
    }
    (void)shard_create(core, &bed->arena, &bed->plan, &bed->settings);
}

/* Up to the point where stored offsets and recovery points are merged; partitions open behind
 * it. */
static inline u32 bed_try_start(struct bed *bed)
{
    bed_core(bed);
    for (u32 i = 0; i < bed->commands_count; i++) {
        bed_apply_bytes(bed, i);
    }
    bed_command(bed, &(struct state_command){.kind = STATE_BOOT, .boot = ++bed->boot});
    bed->running = true;
    sim_attach(bed->sim, 0, 0, bed->core, bed_turn, bed);
    bed_phase(bed, PHASE_RECOVER);
    if (bed->phase_error == WIRE_OK) {
        bed_phase(bed, PHASE_FORGET_OLD);
    }
    return bed->phase_error;
}

static inline void bed_start(struct bed *bed)
{
    EXPECT_EQ(bed_try_start(bed), WIRE_OK);
}

static inline void bed_forget(struct bed *bed)
{
    buf_pool_destroy(bed->core->bufs);
    if (bed->core->cipher != NULL) {
        unit_cipher_destroy(bed->core->cipher);
    }
    arena_destroy(&bed->arena);
    bed->core = NULL;
    bed->running = false;
    bed->in_flight = 0;
    memset(bed->replies, 0, sizeof(bed->replies));
    for (u32 i = 0; i < bed->batches_count; i++) {
        if (bed->batches[i].state == BED_SENT) {
            bed->batches[i].state = BED_UNKNOWN;
        }
    }
}

static inline void bed_crash(struct bed *bed, const struct sim_crash_odds *odds)
{
    sim_crash(bed->sim, 0, odds);
    bed_forget(bed);
}

static inline void bed_kill(struct bed *bed)
{
    sim_kill(bed->sim, 0);
    bed_forget(bed);
}

static inline void bed_stop(struct bed *bed)
{
    bed_phase(bed, PHASE_DRAIN_SHARDS);
    EXPECT_EQ(bed->phase_error, WIRE_OK);
    bed_kill(bed);
}

static inline void bed_close(struct bed *bed)
{
    if (bed->core != NULL) {
        bed_kill(bed);
    }
    mem_return(bed->batches);
    sim_destroy(bed->sim);
}

static inline void bed_run(struct bed *bed, u64 time_us)
{
    (void)sim_run_until(bed->sim, NULL, NULL, time_us);
}

/* ---- Control ---- */

static inline void bed_topic(struct bed *bed, u32 partitions_count)
{
    bed_command(bed, &(struct state_command){.kind = STATE_CREATE_STREAM, .name = span_of("s")});
    struct topic_options options = topic_options_default();
    options.segment_size_bytes = TOPIC_SEGMENT_BYTES_MIN;
    bed_command(bed, &(struct state_command){.kind = STATE_CREATE_TOPIC,
                                             .name = span_of("t"),
                                             .partitions_count = partitions_count,
                                             .options = options});
}

static inline struct partition_handle bed_handle(const struct bed *bed, u32 partition_id)
{
    const struct state_partition *partition =
        state_partition_find(bed->core->state, 0, 0, partition_id);
    EXPECT(partition != NULL);
    return (struct partition_handle){.slot = partition->slot, .generation = partition->generation};
}

static inline const struct partition_gauges *bed_gauges(const struct bed *bed, u32 partition_id)
{
    return &bed->core->gauges[bed_handle(bed, partition_id).slot];
}

/* ---- Requests ---- */

static inline u32 bed_free_reply(struct bed *bed)
{
    for (u32 i = 0; i < BED_REPLIES_MAX; i++) {
        if (!bed->replies[i].there && bed->replies[i].msg.token.generation == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* Sends; the reply will be in replies[slot] until bed_take_reply. */
static inline u32 bed_send(struct bed *bed, struct msg *msg)
{
    u32 slot = bed_free_reply(bed);
    EXPECT(slot != UINT32_MAX);
    EXPECT(mailbox_has_credit(&bed->core->mailbox, 0, (enum msg_kind)msg->kind));
    msg->token = (struct msg_token){.slot = slot, .generation = 1};
    bed->replies[slot].msg = *msg;
    bed->in_flight++;
    mailbox_send(bed->core, msg);
    mailbox_flush(bed->core);
    sim_wake(bed->sim, 0, 0);
    return slot;
}

static inline void bed_take_reply(struct bed *bed, u32 slot)
{
    EXPECT(bed->replies[slot].there);
    memset(&bed->replies[slot], 0, sizeof(bed->replies[slot]));
}

static inline bool bed_is_quiet(void *context)
{
    return ((struct bed *)context)->in_flight == 0;
}

/* Who waits for what: for a test that found nobody answering. */
static inline void bed_print(const struct bed *bed)
{
    const struct shard *shard = bed->core->shard;
    print_message("at %llu: %u in flight, buffers %llu of %llu, cache %llu, waiters %d\n",
                  (unsigned long long)sim_now_us(bed->sim), bed->in_flight,
                  (unsigned long long)buf_pool_taken_bytes(bed->core->bufs),
                  (unsigned long long)buf_pool_budget_bytes(bed->core->bufs),
                  (unsigned long long)shard->cache.bytes, !list_is_empty(&shard->waiters));
    list_for_each(node, next, &shard->recovering) {
        const struct recovery *recovery = container_of(node, struct recovery, node);
        print_message("recovery of %u: step %d waits %d position %u of %u..%u\n",
                      recovery->partition->slot, (int)recovery->step, recovery->waits,
                      recovery->position, recovery->scan.damage_position,
                      recovery->scan.damage_end);
    }
    for (u32 slot = 0; slot < shard->slots_used; slot++) {
        const struct partition *partition = &shard->partitions[slot];
        const struct log *log = &partition->log;
        print_message("partition %u: state %d step %d appends %u polls %u gathering %u writing %d "
                      "ahead %u stopped %d read_only %d ready %d\n",
                      slot, (int)partition->state, (int)log->step, partition->appends_count,
                      partition->polls_count, log->gathering_units, !list_is_empty(&log->writing),
                      log->ahead_goal, log->stopped, partition->read_only,
                      list_node_is_linked(&partition->ready_node));
    }
}

static inline void bed_wait(struct bed *bed)
{
    bool is_quiet = sim_run_until(bed->sim, bed_is_quiet, bed, BED_LIMIT_US);
    if (!is_quiet) {
        bed_print(bed);
    }
    EXPECT(is_quiet);
}

static inline void bed_payload(u32 batch, u32 index, u8 *payload, u32 bytes)
{
    put_u32(payload, batch);
    put_u32(payload + 4, index);
    for (u32 i = 8; i < bytes; i += 8) {
        u64 word = hash_u64_pair((u64)batch << 32 | index, i / 8);
        memcpy(payload + i, &word, u32_min(8, bytes - i));
    }
}

static inline u32 bed_build(u8 *memory, u32 capacity, u32 batch, u32 count, u32 payload_bytes)
{
    struct batch_builder builder;
    u8 *payload = mem_take(payload_bytes);
    batch_builder_init(&builder, memory, capacity, 1000);
    for (u32 i = 0; i < count; i++) {
        bed_payload(batch, i, payload, payload_bytes);
        struct batch_message message = {.id = {.low = batch + 1ull, .high = i},
                                        .origin_timestamp_us = 1000 + i,
                                        .payload = {payload, payload_bytes}};
        EXPECT_EQ(batch_builder_add(&builder, &message), OK);
    }
    mem_return(payload);
    return batch_builder_finish(&builder);
}

/* Sends a batch of `count` messages; its number, counted from 1. */
static inline u32 bed_append_to(struct bed *bed, struct partition_handle handle, u32 count,
                                u32 payload_bytes)
{
    EXPECT(bed->batches_count < BED_BATCHES_MAX);
    EXPECT(payload_bytes >= 8);
    bool aligned = prng_chance(&bed->prng, 1, 2);
    u32 position = aligned ? UNIT_CONTROL_BYTES : 300;
    u32 bytes = BATCH_HEADER_BYTES + count * (MESSAGE_FRAME_HEADER_BYTES + payload_bytes);
    struct buf *buf = shard_take_buf(bed->core->shard, position + bytes + SECTOR_BYTES_MAX);
    EXPECT(buf != NULL);
    u32 number = ++bed->batches_count;
    bed->batches[number - 1] = (struct bed_batch){.slot = handle.slot,
                                                  .generation = handle.generation,
                                                  .messages_count = count,
                                                  .payload_bytes = payload_bytes};
    u32 size =
        bed_build(buf->data + position, buf->capacity - position, number, count, payload_bytes);
    buf->size = position + size;
    struct msg msg = {.kind = MSG_APPEND,
                      .flags = aligned ? MSG_BATCH_ALIGNED : 0,
                      .partition = handle,
                      .bufs = {buf, NULL},
                      .append = {.batch_position = position, .batch_size = size}};
    u32 slot = bed_send(bed, &msg);
    bed->replies[slot].batch = number;
    bed->replies[slot].buf = buf;
    return number;
}

static inline u32 bed_append(struct bed *bed, u32 partition_id, u32 count, u32 payload_bytes)
{
    return bed_append_to(bed, bed_handle(bed, partition_id), count, payload_bytes);
}

/* Forgets the replies of appends: what they said stands in `batches`. */
static inline void bed_take_appends(struct bed *bed)
{
    for (u32 i = 0; i < BED_REPLIES_MAX; i++) {
        if (bed->replies[i].there && bed->replies[i].msg.kind == MSG_APPEND) {
            bed_take_reply(bed, i);
        }
    }
}

/* One append, waited for. */
static inline struct bed_batch *bed_append_one(struct bed *bed, u32 partition_id, u32 count,
                                               u32 payload_bytes)
{
    u32 number = bed_append(bed, partition_id, count, payload_bytes);
    bed_wait(bed);
    bed_take_appends(bed);
    return &bed->batches[number - 1];
}

/* ---- Polls ---- */

struct bed_poll {
    enum poll_strategy strategy;
    u64 value;
    u32 count;
    u32 consumer;
    bool auto_commit;
};

struct bed_polled {
    u32 error;
    u32 count;
    u64 current_offset;
    u64 first_offset;
    u32 bytes;
    u8 *body; /* batches, to be given back with mem_return */
};

static inline void bed_return_loan(struct bed *bed, struct poll_loan *loan)
{
    struct msg back = {.kind = MSG_LOAN_RETURN, .loan = loan};
    mailbox_send(bed->core, &back);
    mailbox_flush(bed->core);
    sim_wake(bed->sim, 0, 0);
    bed_run(bed, US_PER_MS);
}

static inline struct bed_polled bed_poll(struct bed *bed, u32 partition_id,
                                         const struct bed_poll *wanted)
{
    struct msg msg = {
        .kind = MSG_POLL,
        .flags = wanted->auto_commit ? MSG_AUTO_COMMIT : 0,
        .partition = bed_handle(bed, partition_id),
        .poll = {.value = wanted->value,
                 .consumer = wanted->consumer,
                 .count_strategy = wanted->count | (u32)wanted->strategy << 24},
    };
    u32 slot = bed_send(bed, &msg);
    bed_wait(bed);
    struct msg reply = bed->replies[slot].msg;
    bed_take_reply(bed, slot);
    struct bed_polled polled = {.error = reply.error};
    if (reply.error != WIRE_OK) {
        return polled;
    }
    EXPECT((reply.flags & MSG_LOAN) != 0);
    struct poll_loan *loan = reply.loan;
    polled.count = loan->messages_count;
    polled.current_offset = loan->current_offset;
    polled.body = mem_take(loan->bytes);
    for (u32 i = 0; i < loan->pieces_count; i++) {
        memcpy(polled.body + polled.bytes, loan->pieces[i].data, loan->pieces[i].size);
        polled.bytes += loan->pieces[i].size;
    }
    EXPECT_EQ(polled.bytes, loan->bytes);
    bed_return_loan(bed, loan);
    return polled;
}

/* Judges one message: of a batch that was sent to this partition, whole and in order. */
static inline void bed_check_message(const struct bed *bed, struct partition_handle handle,
                                     const struct polled_message *message, u64 offset)
{
    EXPECT_EQ(message->offset, offset);
    u32 number = get_u32(message->payload.data);
    u32 index = get_u32(message->payload.data + 4);
    EXPECT(number >= 1);
    EXPECT(number <= bed->batches_count);
    const struct bed_batch *batch = &bed->batches[number - 1];
    EXPECT_EQ(batch->slot, handle.slot);
    EXPECT(batch->generation == handle.generation || batch->crossed);
    EXPECT_EQ(message->payload.size, batch->payload_bytes);
    EXPECT(index < batch->messages_count);
    u8 *wanted = mem_take(batch->payload_bytes);
    bed_payload(number, index, wanted, batch->payload_bytes);
    EXPECT_BYTES(message->payload.data, wanted, batch->payload_bytes);
    mem_return(wanted);
    if (batch->state == BED_ACKNOWLEDGED) {
        EXPECT_EQ(offset, batch->base_offset + index);
    }
    EXPECT(batch->state != BED_REFUSED);
    EXPECT(batch->state != BED_LOST);
}

/* Reads everything from `first` on, by offset, in portions; returns the end. Marks which batches
 * it met. */
static inline u64 bed_read_all(struct bed *bed, u32 partition_id, u64 first, u32 portion, u8 *met)
{
    struct partition_handle handle = bed_handle(bed, partition_id);
    u64 offset = first;
    for (;;) {
        struct bed_polled polled = bed_poll(
            bed, partition_id,
            &(struct bed_poll){.strategy = POLL_OFFSET, .value = offset, .count = portion});
        EXPECT_EQ(polled.error, WIRE_OK);
        struct poll_reply reply = {.prefix = {.messages_count = polled.count},
                                   .batches = {polled.body, polled.bytes}};
        struct poll_iterator iterator = poll_iterate(&reply);
        struct polled_message message;
        u32 count = 0;
        while (poll_next(&iterator, &message)) {
            bed_check_message(bed, handle, &message, offset);
            met[get_u32(message.payload.data) - 1] = 1;
            offset++;
            count++;
        }
        EXPECT(!iterator.failed);
        EXPECT_EQ(count, polled.count);
        EXPECT(count <= portion);
        mem_return(polled.body);
        if (count == 0) {
            EXPECT_EQ(polled.current_offset, offset > 0 ? offset - 1 : 0);
            return offset;
        }
    }
}

/* Everything acknowledged is there. */
static inline u64 bed_check_all(struct bed *bed, u32 partition_id, u32 portion)
{
    u8 *met = mem_take(BED_BATCHES_MAX);
    struct partition_handle handle = bed_handle(bed, partition_id);
    u64 end = bed_read_all(bed, partition_id, 0, portion, met);
    for (u32 i = 0; i < bed->batches_count; i++) {
        const struct bed_batch *batch = &bed->batches[i];
        if (batch->state == BED_ACKNOWLEDGED && batch->slot == handle.slot &&
            batch->generation == handle.generation) {
            if (met[i] != 1) {
                print_message("batch %u at %llu of partition %u is not there; it ends at %llu\n",
                              i + 1, (unsigned long long)batch->base_offset, partition_id,
                              (unsigned long long)end);
            }
            EXPECT(met[i] == 1);
            EXPECT(batch->base_offset + batch->messages_count <= end);
        }
    }
    mem_return(met);
    return end;
}
