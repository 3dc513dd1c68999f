#include "node/thread.h"

#include "base/check.h"
#include "control/control.h"
#include "edge/edge.h"
#include "offload/offload.h"
#include "secure/unit_cipher.h"
#include "shard/shard.h"
#include "state/state.h"

#define THREAD_MAGIC 0x74687264u

/* What one turn spends on each source of work. */
#define MESSAGES_A_TURN 256u
#define COMPLETIONS_A_TURN 256u
#define TIMERS_A_TURN 256u

/* Lanes that carried something this short a while ago are worth spinning for. */
#define LANES_BUSY_US 200u

struct thread {
    u32 magic;
    struct core core;
    const struct plan *plan;
    bool shard_hears_effects; /* from PHASE_RECOVER on */
    bool drains;
    bool has_held; /* a request whose sender has applied more than this core has */
    struct msg held;
    u64 lanes_used_us;
};

u64 thread_arena_bytes(const struct plan *plan)
{
    struct state_options state = thread_state_options(plan);
    return sizeof(struct thread) + state_bytes(&state) + edge_bytes(plan) + shard_bytes(plan) +
           control_bytes(plan) + MIB;
}

struct state_options thread_state_options(const struct plan *plan)
{
    return (struct state_options){
        .cores_count = plan->cores_count,
        .streams_max = plan->streams_max,
        .topics_max = plan->topics_max,
        .partitions_max = plan->partitions_max,
        .users_max = plan->users_max,
        .grants_max = plan->grants_max,
        .tokens_max = plan->tokens_max,
        .sessions_max = plan->sessions_max,
    };
}

static void core_setup(struct core *core, const struct thread_options *options)
{
    *core = (struct core){
        .index = options->index,
        .cores_count = options->cores_count,
        .time = options->time,
        .io = options->io,
        .offload = options->offload,
        .gauges = options->gauges,
        .counters = &options->all_counters[options->index],
        .all_counters = options->all_counters,
        .events = options->events,
        .stall = {.clock_us = options->clock_us, .context = options->clock_context},
    };
    prng_init(&core->prng, options->seed);
    timers_init(&core->timers, options->time.monotonic_us);
    mailbox_init(&core->mailbox, options->board, options->index);
}

/* Where nonces begin is drawn, so that no two processes ever use the same. */
static bool take_key(struct core *core, const struct settings *settings, struct err *err)
{
    if (!settings->encryption_has_key) {
        return true;
    }
    core->cipher = unit_cipher_create(settings->encryption_key);
    core->encrypts = settings->encryption_on;
    core->nonce = (struct u128){.low = prng_next(&core->prng), .high = prng_next(&core->prng)};
    return core->cipher != NULL ||
           err_set(err, "system.encryption: this system's OpenSSL has no AES-256-GCM");
}

struct thread *thread_create(const struct thread_options *options, struct arena *arena,
                             struct err *err)
{
    const struct plan *plan = options->plan;
    struct buf_pool *bufs = buf_pool_create(&(struct buf_pool_options){
        .budget_bytes = plan->buffer_bytes_per_core,
        .buffer_bytes_max = plan->frame_bytes_max + 2 * SECTOR_BYTES_MAX,
    });
    if (bufs == NULL) {
        err_set(err, "the system refuses address space for buffers: check vm.overcommit_memory "
                     "and ulimit -v");
        return NULL;
    }
    struct thread *thread = arena_new(arena, struct thread);
    thread->magic = THREAD_MAGIC;
    thread->plan = plan;
    core_setup(&thread->core, options);
    thread->core.bufs = bufs;
    if (!take_key(&thread->core, options->settings, err)) {
        buf_pool_destroy(bufs);
        return NULL;
    }
    struct state_options state_options = thread_state_options(plan);
    thread->core.state = state_create(arena, &state_options);
    thread->core.shard = shard_create(&thread->core, arena, plan, options->settings);
    thread->core.edge = edge_create(&thread->core, arena, plan, options->settings);
    if (options->index == 0) {
        thread->core.control =
            control_create(&thread->core, arena, plan, options->settings, options->listener);
    }
    arena_seal(arena);
    return thread;
}

void thread_destroy(struct thread *thread)
{
    check(thread->magic == THREAD_MAGIC);
    thread->magic = 0;
    if (thread->core.cipher != NULL) {
        unit_cipher_destroy(thread->core.cipher);
    }
    buf_pool_destroy(thread->core.bufs);
}

void thread_start(struct thread *thread)
{
    check(thread->core.control != NULL);
    control_start(thread->core.control);
}

void thread_stop(struct thread *thread)
{
    check(thread->core.control != NULL);
    control_stop(thread->core.control);
}

bool thread_is_drained(const struct thread *thread)
{
    return thread->core.control == NULL ? thread->drains : control_is_drained(thread->core.control);
}

bool thread_is_ready(const struct thread *thread)
{
    return thread->core.control != NULL && control_is_ready(thread->core.control);
}

bool thread_has_set_root(const struct thread *thread)
{
    return thread->core.control != NULL && control_has_set_root(thread->core.control);
}

bool thread_has_failed(const struct thread *thread, struct err *err)
{
    return thread->core.control != NULL && control_has_failed(thread->core.control, err);
}

struct core *thread_core(struct thread *thread)
{
    return &thread->core;
}

/* ---- What control sends to every core ---- */

static enum counter counter_of_reason(enum state_group_reason reason)
{
    switch (reason) {
    case GROUP_MEMBER_JOINED: return COUNTER_group_rebalances_joined;
    case GROUP_MEMBER_LEFT: return COUNTER_group_rebalances_left;
    case GROUP_MEMBER_LOGGED_OUT: return COUNTER_group_rebalances_logged_out;
    case GROUP_MEMBER_DISCONNECTED: return COUNTER_group_rebalances_disconnected;
    case GROUP_MEMBER_SILENT: return COUNTER_group_rebalances_silent;
    case GROUP_MEMBER_REPLACED: return COUNTER_group_rebalances_replaced;
    case GROUP_MEMBER_NOT_BACK: return COUNTER_group_rebalances_not_back;
    case GROUP_SESSION_ENDED: return COUNTER_group_rebalances_session_ended;
    case GROUP_PARTITIONS_CHANGED: return COUNTER_group_rebalances_partitions;
    }
    unreachable();
}

/* All cores apply it; one tells. */
static void note_rebalance(struct thread *thread, const struct state_group_change *group)
{
    struct core *core = &thread->core;
    if (core->index != 0) {
        return;
    }
    counter_add(core->counters, counter_of_reason(group->reason), 1);
    event_info(core->events,
               "group.rebalanced stream=%u topic=%u group=%u generation=%llu members=%u moved=%u "
               "reason=\"%s\"",
               group->stream_id, group->topic_id, group->group_id,
               (unsigned long long)group->generation, group->members_count, group->moved_count,
               state_group_reason_name(group->reason));
}

static void on_effect(void *context, const struct state_effect *effect)
{
    struct thread *thread = context;
    switch (effect->kind) {
    case STATE_PARTITION_OPENED:
    case STATE_PARTITION_CLOSED:
    case STATE_TOPIC_UPDATED:
    case STATE_GROUP_DELETED:
        if (thread->shard_hears_effects) {
            shard_on_effect(thread->core.shard, effect);
        }
        return;
    case STATE_GROUP_CHANGED:
        note_rebalance(thread, &effect->group);
        if (thread->shard_hears_effects) {
            shard_on_effect(thread->core.shard, effect);
        }
        return;
    case STATE_SESSION_CLOSED:
        edge_on_session_closed(thread->core.edge, effect->session.session);
        return;
    case STATE_BOOTED: return;
    }
    unreachable();
}

static void load_piece(struct thread *thread, const struct msg *msg)
{
    struct state *state = thread->core.state;
    const struct buf *buf = msg->bufs[0];
    /* Control verified the snapshot before it sent the first piece of it. */
    check(state_load(state, (struct span){buf->data, buf->size}) == OK);
    if (msg->apply.piece == 2) {
        state_load_done(state, msg->apply.index);
    }
}

static void on_apply(struct thread *thread, const struct msg *msg)
{
    struct core *core = &thread->core;
    const struct buf *buf = msg->bufs[0];
    if (msg->apply.piece != 0) {
        load_piece(thread, msg);
    } else {
        check(msg->apply.index > state_index(core->state)); /* gaps: commands given up */
        state_apply(core->state, msg->apply.index, (struct span){buf->data, buf->size}, on_effect,
                    thread);
    }
    core->applied = state_index(core->state);
    struct msg done = {.kind = MSG_APPLIED,
                       .flags = MSG_IS_REPLY,
                       .to = msg->from,
                       .bufs = {msg->bufs[0], NULL},
                       .apply = msg->apply};
    mailbox_send(core, &done);
}

static void on_phase(struct thread *thread, const struct msg *msg)
{
    switch ((enum phase)msg->words[0]) {
    case PHASE_RECOVER:
        thread->shard_hears_effects = true;
        shard_on_phase(thread->core.shard, msg);
        return;
    case PHASE_FORGET_OLD: shard_on_phase(thread->core.shard, msg); return;
    case PHASE_DRAIN_SHARDS:
        thread->drains = true;
        shard_on_phase(thread->core.shard, msg);
        return;
    case PHASE_SERVE:
    case PHASE_DRAIN_EDGES: edge_on_phase(thread->core.edge, msg); return;
    }
    unreachable();
}

/* ---- Messages to their owner ---- */

static void dispatch(struct thread *thread, const struct msg *msg)
{
    struct core *core = &thread->core;
    bool is_reply = (msg->flags & MSG_IS_REPLY) != 0;
    switch ((enum msg_kind)msg->kind) {
    case MSG_APPEND:
    case MSG_POLL:
    case MSG_OFFSET_GET:
    case MSG_OFFSET_STORE:
    case MSG_OFFSET_DELETE:
    case MSG_SEGMENTS_DELETE:
        if (is_reply) {
            edge_on_msg(core->edge, msg);
        } else {
            shard_on_msg(core->shard, msg);
        }
        return;
    case MSG_LOAN_RETURN: shard_on_msg(core->shard, msg); return;
    case MSG_COMMAND:
    case MSG_LOGIN:
    case MSG_LOGOUT:
    case MSG_CONNECTION_CLOSED:
    case MSG_CLIENTS:
    case MSG_CONNECTION_LEAVES:
        if (is_reply) {
            edge_on_msg(core->edge, msg);
        } else {
            control_on_msg(core->control, msg);
        }
        return;
    case MSG_NOTICE:
    case MSG_CONNECTION:
    case MSG_CONNECTION_TAKEN: edge_on_msg(core->edge, msg); return;
    case MSG_APPLY: on_apply(thread, msg); return;
    case MSG_PHASE: on_phase(thread, msg); return;
    case MSG_APPLIED:
    case MSG_PHASE_DONE: control_on_msg(core->control, msg); return;
    case MSG_KIND_COUNT: break;
    }
    unreachable();
}

/* Mail from another core: more of it may be about to come. */
static void note_sender(struct thread *thread, const struct msg *msg)
{
    if (msg->from != thread->core.index) {
        thread->lanes_used_us = thread->core.time.monotonic_us;
    }
}

static u32 drain_lane(struct thread *thread, enum lane lane)
{
    struct msg msg;
    u32 count = 0;
    while (count < MESSAGES_A_TURN && mailbox_next(&thread->core, lane, &msg)) {
        note_sender(thread, &msg);
        dispatch(thread, &msg);
        count++;
    }
    return count;
}

/* Requests wait until this core has applied what their sender had: then what they name exists here,
 * or is known to be gone. */
static u32 drain_requests(struct thread *thread)
{
    struct core *core = &thread->core;
    u32 count = 0;
    while (count < MESSAGES_A_TURN) {
        if (!thread->has_held && !mailbox_next(core, LANE_REQUEST, &thread->held)) {
            break;
        }
        thread->has_held = true;
        if (thread->held.applied > core->applied) {
            break;
        }
        thread->has_held = false;
        struct msg msg = thread->held;
        note_sender(thread, &msg);
        dispatch(thread, &msg);
        count++;
    }
    return count;
}

/* ---- The turn ---- */

static bool drain_lanes(struct thread *thread)
{
    stall_enter(&thread->core.stall, "control lane");
    u32 controls = drain_lane(thread, LANE_CONTROL);
    stall_enter(&thread->core.stall, "replies");
    u32 replies = drain_lane(thread, LANE_REPLY);
    stall_enter(&thread->core.stall, "requests");
    u32 requests = drain_requests(thread);
    return controls == MESSAGES_A_TURN || replies == MESSAGES_A_TURN ||
           requests == MESSAGES_A_TURN || thread->has_held;
}

static bool finish_work(struct thread *thread)
{
    struct core *core = &thread->core;
    stall_enter(&core->stall, "completions");
    bool busy = io_reap(core->io, COMPLETIONS_A_TURN) == COMPLETIONS_A_TURN;
    stall_enter(&core->stall, "offload");
    offload_reap(core->offload, core->index, core);
    stall_enter(&core->stall, "timers");
    u32 fired = timers_run(&core->timers, core, core->time.monotonic_us, TIMERS_A_TURN);
    stall_enter(&core->stall, "shard");
    shard_turn(core->shard);
    stall_enter(&core->stall, "edge");
    edge_flush(core->edge);
    return busy || fired == TIMERS_A_TURN || edge_is_busy(core->edge) || shard_is_busy(core->shard);
}

static void note_turn(struct core *core)
{
    u64 turn_us = stall_turn_end(&core->stall);
    counter_add(core->counters, COUNTER_turns, 1);
    counter_max(core->counters, COUNTER_turn_us_max, turn_us);
    if (turn_us > STALL_TURN_US_MAX) {
        counter_add(core->counters, COUNTER_turns_slow, 1);
        core_note(core, core->stall.longest_part == NULL ? "turn" : core->stall.longest_part,
                  turn_us, core->stall.longest_us);
    }
}

struct turn_result thread_turn(struct thread *thread, struct turn_time time)
{
    check(thread->magic == THREAD_MAGIC);
    struct core *core = &thread->core;
    core->time = time;
    core->events->wall_us = time.wall_us;
    stall_turn_begin(&core->stall);
    bool busy = drain_lanes(thread);
    busy = finish_work(thread) || busy;
    stall_enter(&core->stall, "bells");
    mailbox_flush(core);
    note_turn(core);
    return (struct turn_result){
        .deadline_us = timers_next_us(&core->timers),
        .busy = busy || !mailbox_is_empty(&core->mailbox),
        .lanes_busy = time.monotonic_us - thread->lanes_used_us < LANES_BUSY_US,
    };
}
