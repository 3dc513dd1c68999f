#include "shard/shard.h"

#include "base/check.h"
#include "shard/recovery.h"
#include "shard/shard_inside.h"

#define RETRY_US US_PER_MS

/* Polls that waited and are taken up in one turn. */
#define WAITERS_BUDGET 64u

/* Files that are being closed at once, beside those whose closing somebody waits for. */
#define CLOSINGS_MAX 8192u
#define CLOSING_MAGIC 0x676e69736f6c6331ull

struct closing {
    u64 magic;
    struct list_node node;
    struct shard *shard;
    struct io_op op;
};

static u32 requests_max(const struct plan *plan)
{
    return plan->cores_count * MAILBOX_CREDITS + SHARD_INTERNAL_REQUESTS;
}

/* A unit belongs to one request at least, or is being written at the level `memory`. */
static u32 units_max(const struct plan *plan)
{
    return requests_max(plan) + 1024;
}

u64 shard_bytes(const struct plan *plan)
{
    return sizeof(struct shard) + sizeof(struct partition) * (u64)plan->partitions_max +
           sizeof(struct shard_request) * (u64)requests_max(plan) +
           sizeof(struct log_unit) * (u64)units_max(plan) +
           sizeof(struct segment) * (u64)plan->segments_per_core_max +
           sizeof(struct recovery) * (u64)SHARD_RECOVERIES_MAX +
           sizeof(struct closing) * (u64)CLOSINGS_MAX + cache_arena_bytes() +
           offsets_arena_bytes(plan) + group_holds_bytes(plan) + ends_arena_bytes() +
           sent_arena_bytes(plan) + dedup_arena_bytes(plan) + SHARD_ZEROS_BYTES + 64 * KIB;
}

static void retry(struct core *core, struct timer *timer)
{
    (void)core; /* the turn itself is what was wanted: shard_turn looks at everything that waits */
    (void)timer;
}

#define pool_of(pool, arena, type, count)                                                          \
    pool_init((pool), arena_array((arena), type, (count)), sizeof(type), (count))

/* Whoever of this core needs memory: what is cached can be read again. */
static bool give_back_cached(void *context)
{
    struct shard *shard = context;
    check(shard->magic == SHARD_MAGIC);
    return cache_drop_oldest(&shard->cache) || segment_index_drop_oldest(shard);
}

struct shard *shard_create(struct core *core, struct arena *arena, const struct plan *plan,
                           const struct settings *settings)
{
    struct shard *shard = arena_new(arena, struct shard);
    *shard = (struct shard){
        .magic = SHARD_MAGIC,
        .core = core,
        .plan = plan,
        .settings = settings,
        .partitions = arena_array(arena, struct partition, plan->partitions_max),
    };
    pool_of(&shard->requests, arena, struct shard_request, requests_max(plan));
    pool_of(&shard->units, arena, struct log_unit, units_max(plan));
    pool_of(&shard->segments, arena, struct segment, plan->segments_per_core_max);
    pool_of(&shard->recoveries, arena, struct recovery, SHARD_RECOVERIES_MAX);
    pool_of(&shard->closings, arena, struct closing, CLOSINGS_MAX);
    list_init(&shard->ready);
    list_init(&shard->opening);
    list_init(&shard->recovering);
    list_init(&shard->later);
    list_init(&shard->waiters);
    list_init(&shard->notices);
    list_init(&shard->open_files);
    list_init(&shard->indexes);
    cache_init(&shard->cache, arena, plan->cache_bytes_per_core);
    buf_pool_when_short(core->bufs, give_back_cached, shard);
    shard->zeros = arena_take(arena, SHARD_ZEROS_BYTES, SECTOR_BYTES_MAX);
    disk_init(&shard->disk, shard);
    offsets_init(&shard->offsets, shard, arena);
    group_holds_init(&shard->group_holds, arena, plan);
    ends_init(&shard->ends, shard, arena);
    trash_init(&shard->trash, shard);
    sweep_init(&shard->sweep, shard);
    retention_init(&shard->retention, shard);
    sent_init(&shard->sent, arena, plan);
    dedup_init(&shard->dedup, arena, plan, settings);
    timer_init(&shard->retry_timer, retry);
    core->shard = shard;
    return shard;
}

/* ---- For the modules ---- */

void shard_wait_for_turn(struct shard *shard)
{
    if (!timer_is_set(&shard->retry_timer)) {
        timer_set(&shard->core->timers, &shard->retry_timer,
                  shard->core->time.monotonic_us + RETRY_US);
    }
}

void shard_wake(struct shard *shard, struct partition *partition)
{
    if (!list_node_is_linked(&partition->ready_node)) {
        list_add_last(&shard->ready, &partition->ready_node);
    }
}

void shard_wake_later(struct shard *shard, struct partition *partition)
{
    list_remove(&partition->ready_node);
    list_add_last(&shard->later, &partition->ready_node);
    shard_wait_for_turn(shard);
}

struct buf *shard_take_buf(struct shard *shard, u32 size)
{
    struct buf *buf = buf_take(shard->core->bufs, size);
    if (buf == NULL) {
        shard->memory_short = true;
    }
    return buf;
}

struct buf *shard_take_poll_buf(struct shard *shard, u32 size)
{
    struct buf *buf =
        buf_take_leaving(shard->core->bufs, size, plan_leaves_bytes(shard->plan, size));
    if (buf == NULL) {
        shard->memory_short = true;
    }
    return buf;
}

u32 shard_buf_bytes_max(const struct shard *shard)
{
    return shard->plan->frame_bytes_max + 2 * SECTOR_BYTES_MAX;
}

void shard_wait(struct shard *shard, struct shard_request *request)
{
    check(!request->waits);
    request->waits = true;
    list_add_last(&shard->waiters, &request->node);
    shard_wait_for_turn(shard);
}

static void on_closed(struct core *core, struct io_op *op)
{
    struct closing *closing = container_of(op, struct closing, op);
    (void)core;
    check(closing->magic == CLOSING_MAGIC);
    closing->magic = 0;
    pool_return(&closing->shard->closings, closing);
}

void shard_close_file(struct shard *shard, struct io_file file)
{
    struct closing *closing = pool_take(&shard->closings);
    check(closing != NULL);
    closing->magic = CLOSING_MAGIC;
    closing->shard = shard;
    io_op_init(&closing->op, on_closed);
    io_file_close(shard->core->io, &closing->op, file);
}

/* ---- Requests and answers ---- */

void shard_request_return(struct shard *shard, struct shard_request *request)
{
    check(request->magic == REQUEST_MAGIC);
    check(!list_node_is_linked(&request->node));
    request->magic = 0;
    shard->internal_count -= request->is_internal ? 1 : 0;
    pool_return(&shard->requests, request);
}

struct shard_request *shard_request_take(struct shard *shard)
{
    if (shard->internal_count == SHARD_INTERNAL_REQUESTS) {
        return NULL;
    }
    struct shard_request *request = pool_take(&shard->requests);
    check(request != NULL); /* there is one for each credit, and these beside them */
    shard->internal_count++;
    request->magic = REQUEST_MAGIC;
    request->shard = shard;
    list_node_init(&request->node);
    return request;
}

void shard_reply(struct shard_request *request, struct msg *reply)
{
    struct shard *shard = request->shard;
    if (request->msg.kind == MSG_APPEND) {
        reply->bufs[0] = request->msg.bufs[0];
        reply->bufs[1] = request->msg.bufs[1];
    }
    mailbox_reply(shard->core, &request->msg, reply);
    shard_request_return(shard, request);
}

void shard_answer(struct shard_request *request, u32 error)
{
    struct msg reply = {.error = error};
    shard_reply(request, &reply);
}

void shard_answer_by_closing(struct shard_request *request)
{
    struct msg reply = {.error = WIRE_CANNOT_WRITE_TO_FILE, .flags = MSG_CLOSE_CONNECTION};
    if (request->msg.kind == MSG_POLL) {
        partition_poll_give_up(request);
    }
    shard_reply(request, &reply);
}

static void on_loan_return(struct shard *shard, const struct msg *msg)
{
    struct shard_request *request = container_of(msg->loan, struct shard_request, loan);
    check(request->magic == REQUEST_MAGIC);
    partition_poll_return(request);
    shard_request_return(shard, request);
}

/* The partition that the message means, when this life of it is here. */
static struct partition *partition_for(struct shard *shard, const struct msg *msg)
{
    if (msg->partition.slot >= shard->plan->partitions_max) {
        return NULL;
    }
    struct partition *partition = &shard->partitions[msg->partition.slot];
    if (partition->state == PARTITION_NONE) {
        return NULL;
    }
    if (partition->has_next && partition->next.generation == msg->partition.generation) {
        return partition;
    }
    return partition->generation == msg->partition.generation ? partition : NULL;
}

/* An append to a life that was purged goes into the one after it: its edge has not heard of the
 * purge yet. */
static void follow_purges(struct shard *shard, struct msg *msg)
{
    if (msg->kind != MSG_APPEND || msg->partition.slot >= shard->plan->partitions_max) {
        return;
    }
    const struct partition *partition = &shard->partitions[msg->partition.slot];
    u32 newest = partition->has_next ? partition->next.generation : partition->generation;
    if (partition->state != PARTITION_NONE && msg->partition.generation < newest &&
        msg->partition.generation >= partition->purged_generation) {
        msg->partition.generation = newest;
    }
}

void shard_on_msg(struct shard *shard, const struct msg *msg)
{
    check(shard->magic == SHARD_MAGIC);
    if (msg->kind == MSG_LOAN_RETURN) {
        on_loan_return(shard, msg);
        return;
    }
    struct shard_request *request = pool_take(&shard->requests);
    check(request != NULL); /* credits bound what is under way */
    request->magic = REQUEST_MAGIC;
    request->shard = shard;
    request->msg = *msg;
    list_node_init(&request->node);
    follow_purges(shard, &request->msg);
    struct partition *partition = partition_for(shard, &request->msg);
    if (partition == NULL || shard->draining) {
        shard_answer(request, partition == NULL && msg->kind != MSG_POLL ? WIRE_RESOURCE_NOT_FOUND
                              : partition == NULL                        ? WIRE_PARTITION_NOT_FOUND
                                                  : WIRE_TRANSIENT_NOT_ACCEPTED);
        return;
    }
    if (partition->has_next && partition->generation != request->msg.partition.generation) {
        /* The next life of the slot: it waits until the last one is gone. */
        request->partition = partition;
        list_add_last(&partition->next_waiting, &request->node);
        return;
    }
    partition_on_request(partition, request);
}

/* ---- What state says ---- */

static void open_partition(struct shard *shard, const struct state_partition *described,
                           bool is_purge)
{
    if (described->home != shard->core->index) {
        return;
    }
    struct partition *partition = &shard->partitions[described->slot];
    shard->slots_used = u32_max(shard->slots_used, described->slot + 1);
    if (partition->state == PARTITION_NONE) {
        partition_begin(partition, shard, described->slot);
        partition_queue(partition, described);
        return;
    }
    check(partition->state == PARTITION_CLOSING || partition->close_wanted);
    partition->has_next = true;
    partition->next = *described;
    if (!is_purge) {
        partition->purged_generation = described->generation;
    }
}

static void close_partition(struct shard *shard, const struct state_partition *described,
                            bool is_purge)
{
    if (described->home != shard->core->index) {
        return;
    }
    struct partition *partition = &shard->partitions[described->slot];
    check(partition->state != PARTITION_NONE);
    if (partition->has_next) {
        check(partition->next.generation == described->generation);
        partition->has_next = false; /* it came and went before its place was free */
        if (!is_purge) {
            partition_refuse_next(partition);
        }
        return;
    }
    check(partition->generation == described->generation);
    partition_close(partition, is_purge);
}

void shard_on_effect(struct shard *shard, const struct state_effect *effect)
{
    check(shard->magic == SHARD_MAGIC);
    switch (effect->kind) {
    case STATE_PARTITION_OPENED: open_partition(shard, &effect->partition, effect->is_purge); break;
    case STATE_PARTITION_CLOSED:
        close_partition(shard, &effect->partition, effect->is_purge);
        break;
    case STATE_GROUP_CHANGED: group_holds_on_changed(shard, &effect->group); break;
    case STATE_GROUP_DELETED: group_holds_on_deleted(shard, &effect->group); break;
    case STATE_TOPIC_UPDATED: /* options are read where they are used */
    case STATE_SESSION_CLOSED:
    case STATE_BOOTED: break;
    }
}

/* ---- Phases ---- */

static void phase_answer(struct shard *shard, u32 error)
{
    check(shard->has_phase);
    shard->has_phase = false;
    struct msg reply = {
        .kind = MSG_PHASE_DONE,
        .to = shard->phase.from,
        .flags = MSG_IS_REPLY,
        .error = error,
        .words = {shard->phase.words[0], 0},
    };
    mailbox_send(shard->core, &reply);
}

void shard_on_phase_done(struct shard *shard, u32 error)
{
    check(shard->phase_parts_left > 0);
    shard->phase_parts_left--;
    if (shard->phase_error == WIRE_OK) {
        shard->phase_error = error;
    }
    if (shard->phase_parts_left > 0) {
        return;
    }
    if (shard->phase.words[0] == PHASE_RECOVER && shard->phase_error == WIRE_OK) {
        shard->may_open = true;
        shard_wait_for_turn(shard);
    }
    phase_answer(shard, shard->phase_error);
}

static void recover_begin(struct shard *shard)
{
    struct state *state = shard->core->state;
    shard->boot_index = state_index(state);
    for (u32 slot = 0; slot < shard->plan->partitions_max; slot++) {
        const struct state_partition *described = state_partition_at(state, slot);
        if (described != NULL && described->home == shard->core->index) {
            open_partition(shard, described, false);
        }
    }
    bool sweeps = shard->core->index == 0;
    shard->phase_parts_left = sweeps ? 3 : 2;
    if (sweeps) {
        sweep_start(&shard->sweep);
    }
    offsets_start(&shard->offsets);
    ends_start(&shard->ends);
    trash_empty(&shard->trash);
    retention_start(&shard->retention);
}

/* Everything written and synced, every end noted? */
static bool drain_is_done(struct shard *shard)
{
    if (!list_is_empty(&shard->recovering)) {
        return false;
    }
    for (u32 slot = 0; slot < shard->slots_used; slot++) {
        struct partition *partition = &shard->partitions[slot];
        bool is_open = partition->state == PARTITION_OPEN && !partition->log.stopped;
        if (partition->state == PARTITION_CLOSING || partition->state == PARTITION_OPENING) {
            return false;
        }
        if (is_open && (log_is_busy(&partition->log) || !log_is_synced(&partition->log) ||
                        list_node_is_linked(&partition->ends_node) ||
                        log_index_wants_saving(&partition->log, 1))) {
            return false;
        }
    }
    return offsets_is_idle(&shard->offsets) && ends_is_idle(&shard->ends);
}

static void drain_run(struct shard *shard)
{
    for (u32 slot = 0; slot < shard->slots_used; slot++) {
        struct partition *partition = &shard->partitions[slot];
        if (partition->state == PARTITION_OPEN && log_index_wants_saving(&partition->log, 1)) {
            log_save_index(&partition->log);
        }
    }
    list_for_each(node, next, &shard->ends.dirty) {
        struct partition *partition = container_of(node, struct partition, ends_node);
        if (log_is_synced(&partition->log)) {
            ends_note(&shard->ends, partition);
        } else {
            partition->log.sync_wanted = true;
            shard_wake(shard, partition);
        }
    }
}

void shard_on_partition_settled(struct shard *shard)
{
    if (!list_is_empty(&shard->opening) || shard->draining) {
        shard_wait_for_turn(shard);
    }
}

void shard_on_phase(struct shard *shard, const struct msg *msg)
{
    check(shard->magic == SHARD_MAGIC);
    check(!shard->has_phase);
    shard->has_phase = true;
    shard->phase = *msg;
    shard->phase_error = WIRE_OK;
    switch ((enum phase)msg->words[0]) {
    case PHASE_RECOVER: recover_begin(shard); break;
    case PHASE_FORGET_OLD:
        shard->phase_parts_left = 2;
        record_file_forget(&shard->offsets.file);
        record_file_forget(&shard->ends.file);
        break;
    case PHASE_DRAIN_SHARDS:
        shard->draining = true;
        shard_wait_for_turn(shard);
        break;
    case PHASE_SERVE:
    case PHASE_DRAIN_EDGES: unreachable();
    }
}

/* ---- The turn ---- */

/* Recoveries are begun in the order of their queue, those that somebody waits for first. */
static void begin_recoveries(struct shard *shard)
{
    if (!shard->may_open || shard->draining) {
        return;
    }
    list_for_each(node, next, &shard->opening) {
        struct partition *partition = container_of(node, struct partition, queue_node);
        if (partition_place_is_taken(partition)) {
            continue; /* whoever leaves it calls for a turn */
        }
        struct recovery *recovery = pool_take(&shard->recoveries);
        if (recovery == NULL) {
            return;
        }
        list_remove(node);
        recovery_begin(recovery, shard, partition);
    }
}

static void run_recoveries(struct shard *shard)
{
    list_for_each(node, next, &shard->recovering) {
        recovery_turn(container_of(node, struct recovery, node));
    }
}

static void run_waiters(struct shard *shard)
{
    u32 budget = WAITERS_BUDGET;
    struct list waiters;
    list_init(&waiters);
    struct list_node *node;
    while (budget-- > 0 && (node = list_pop(&shard->waiters)) != NULL) {
        list_add_last(&waiters, node);
    }
    while ((node = list_pop(&waiters)) != NULL) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        request->waits = false;
        partition_poll_resume(request);
    }
}

static void run_ready(struct shard *shard)
{
    struct list ready;
    list_init(&ready);
    struct list_node *node;
    while ((node = list_pop(&shard->ready)) != NULL) {
        list_add_last(&ready, node);
    }
    while ((node = list_pop(&ready)) != NULL) {
        partition_turn(container_of(node, struct partition, ready_node));
    }
}

void shard_turn(struct shard *shard)
{
    check(shard->magic == SHARD_MAGIC);
    shard->memory_short = false;
    shard->encrypt_bytes_left = UNIT_SECRET_BYTES;
    shard->decrypt_bytes_left = UNIT_SECRET_BYTES;
    struct list_node *node;
    while ((node = list_pop(&shard->later)) != NULL) {
        list_add_last(&shard->ready, node);
    }
    run_waiters(shard);
    begin_recoveries(shard);
    run_recoveries(shard);
    run_ready(shard);
    notice_send_all(shard);
    if (shard->draining && shard->has_phase) {
        drain_run(shard);
    }
    offsets_flush(&shard->offsets);
    ends_flush(&shard->ends);
    if (shard->draining && shard->has_phase) {
        if (drain_is_done(shard)) {
            phase_answer(shard, WIRE_OK);
        } else {
            shard_wait_for_turn(shard);
        }
    }
}

bool shard_is_busy(const struct shard *shard)
{
    if (shard->memory_short) {
        return false; /* the retry timer brings the next turn: at once would be too soon */
    }
    list_for_each(node, next, &shard->recovering) {
        if (container_of(node, struct recovery, node)->paused) {
            return true;
        }
    }
    return !list_is_empty(&shard->ready) || !list_is_empty(&shard->waiters);
}
