/* For the tests of control: a node of a few cores over the simulated door, on which a small pump
 * stands where threads, edges and shards would: it applies what control sends, perhaps late,
 * answers phases, keeps the connections it is given, and sends what a test asks. */
#pragma once

#include <stdio.h>

#include "control/control.h"
#include "control/control_log.h"
#include "sim/sim.h"
#include "sim/sim_net.h"
#include "state/state_command.h"
#include "test.h"
#include "wire/command.h"
#include "wire/frame.h"
#include "wire/login.h"
#include "wire/partition_info.h"
#include "wire/stream_info.h"
#include "wire/topic_info.h"

#define PUMP_CORES_MAX 4u
#define PUMP_REPLIES 8192u
#define PUMP_CONNECTIONS 256u

struct pump_core {
    struct core core;
    struct arena arena;
    struct event_log events;
    struct event event_items[64];
    u64 apply_delay_us; /* APPLY and PHASE are answered this much later */
    u64 ready_us;       /* when the next one of the control lane may be looked at */
    struct msg held;
    bool has_held;
    u32 phases_count;
    enum phase phases[16];
    u32 phase_error;                   /* answered to the next phase */
    u32 connections[PUMP_CONNECTIONS]; /* client numbers */
    s32 sockets[PUMP_CONNECTIONS];
    u32 left[PUMP_CONNECTIONS]; /* the core it came from; UINT32_MAX: accepted */
    u32 connections_count;
    u32 sessions_closed;
    u32 groups_changed;
    enum state_group_reason group_reason; /* of the last change */
};

struct control_fixture {
    struct sim *sim;
    struct plan plan;
    struct settings settings;
    u32 cores_count;
    struct arena shared;
    struct mailbox_board *board;
    struct counters *counters;
    struct pump_core cores[PUMP_CORES_MAX];
    struct control *control;
    struct msg replies[PUMP_REPLIES]; /* by token slot; kind is MSG_KIND_COUNT while open */
    u32 replies_count;
    u8 reply_body[128]; /* the beginning of what the last buffer held that came home */
    u32 tokens;
    bool stopped;
};

static struct control_fixture node;

static void pump_on_effect(void *context, const struct state_effect *effect)
{
    struct pump_core *pump = context;
    pump->sessions_closed += effect->kind == STATE_SESSION_CLOSED;
    if (effect->kind == STATE_GROUP_CHANGED) {
        pump->groups_changed++;
        pump->group_reason = effect->group.reason;
    }
}

static void pump_apply(struct pump_core *pump, const struct msg *msg)
{
    struct core *core = &pump->core;
    struct span bytes = {msg->bufs[0]->data, msg->bufs[0]->size};
    if (msg->apply.piece == 0) {
        state_apply(core->state, msg->apply.index, bytes, pump_on_effect, pump);
    } else {
        EXPECT_EQ(state_load(core->state, bytes), OK);
        if (msg->apply.piece == 2) {
            state_load_done(core->state, msg->apply.index);
        }
    }
    core->applied = state_index(core->state);
    struct msg done = {
        .kind = MSG_APPLIED, .flags = MSG_IS_REPLY, .bufs = {msg->bufs[0]}, .apply = msg->apply};
    mailbox_send(core, &done);
}

static void pump_phase(struct pump_core *pump, const struct msg *msg)
{
    if (pump->phases_count < array_count(pump->phases)) {
        pump->phases[pump->phases_count++] = (enum phase)msg->words[0];
    }
    struct msg done = {.kind = MSG_PHASE_DONE,
                       .flags = MSG_IS_REPLY,
                       .error = pump->phase_error,
                       .words = {msg->words[0]}};
    mailbox_send(&pump->core, &done);
}

static void pump_control_msg(struct pump_core *pump, const struct msg *msg)
{
    if (msg->kind == MSG_APPLY) {
        pump_apply(pump, msg);
    } else if (msg->kind == MSG_PHASE) {
        pump_phase(pump, msg);
    } else {
        EXPECT_EQ(msg->kind, MSG_CONNECTION);
        u32 i = pump->connections_count++ % PUMP_CONNECTIONS;
        pump->connections[i] = msg->connection.client_number;
        pump->sockets[i] = msg->connection.socket;
        pump->left[i] = msg->conn == NULL ? UINT32_MAX : msg->connection.left;
    }
}

static void pump_reply(struct pump_core *pump, const struct msg *msg)
{
    if (msg->kind == MSG_APPLIED || msg->kind == MSG_PHASE_DONE) {
        EXPECT_EQ(pump->core.index, 0);
        control_on_msg(node.control, msg);
        return;
    }
    EXPECT(msg->token.slot < PUMP_REPLIES);
    EXPECT_EQ(node.replies[msg->token.slot].kind, MSG_KIND_COUNT);
    node.replies[msg->token.slot] = *msg;
    node.replies_count++;
    if (msg->bufs[0] != NULL && msg->kind != MSG_CLIENTS) {
        u32 size = u32_min(msg->bufs[0]->size, sizeof(node.reply_body));
        memcpy(node.reply_body, msg->bufs[0]->data, size);
        buf_return(msg->bufs[0]);
    }
}

static void pump_lanes(struct pump_core *pump)
{
    struct core *core = &pump->core;
    struct msg msg;
    while (core->time.monotonic_us >= pump->ready_us && mailbox_next(core, LANE_CONTROL, &msg)) {
        pump_control_msg(pump, &msg);
        pump->ready_us = core->time.monotonic_us + pump->apply_delay_us;
    }
    while (mailbox_next(core, LANE_REPLY, &msg)) {
        pump_reply(pump, &msg);
    }
    while (core->index == 0 && mailbox_next(core, LANE_REQUEST, &msg)) {
        control_on_msg(node.control, &msg);
    }
}

static struct sim_turn pump_turn(void *context, struct turn_time time)
{
    struct pump_core *pump = context;
    struct core *core = &pump->core;
    core->time = time;
    pump->events.wall_us = time.wall_us;
    mailbox_sleep_end(&core->mailbox);
    pump_lanes(pump);
    (void)io_reap(core->io, 256);
    (void)offload_reap(core->offload, core->index, core);
    (void)timers_run(&core->timers, core, time.monotonic_us, 256);
    mailbox_flush(core);
    io_submit(core->io);
    u64 deadline_us = timers_next_us(&core->timers);
    if (pump->ready_us > time.monotonic_us) {
        deadline_us = u64_min(deadline_us, pump->ready_us);
    }
    bool late = pump->ready_us > time.monotonic_us;
    bool sleeps = mailbox_sleep_begin(&core->mailbox);
    return (struct sim_turn){.deadline_us = deadline_us, .busy = !late && !sleeps};
}

static inline struct state_options pump_state_options(const struct plan *plan)
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

static inline void pump_core_init(u32 index)
{
    struct pump_core *pump = &node.cores[index];
    struct state_options options = pump_state_options(&node.plan);
    u64 arena_bytes = state_bytes(&options) + control_bytes(&node.plan) + MIB;
    EXPECT(arena_create(&pump->arena, arena_bytes));
    event_log_init(&pump->events, pump->event_items, array_count(pump->event_items), (u8)index,
                   EVENT_DEBUG);
    pump->core = (struct core){
        .index = index,
        .cores_count = node.cores_count,
        .time = sim_time(node.sim, 0),
        .io = sim_io(node.sim, 0, index),
        .offload = sim_offload(node.sim, 0),
        .bufs = buf_pool_create(
            &(struct buf_pool_options){.budget_bytes = 64 * MIB, .buffer_bytes_max = 1 * MIB}),
        .state = state_create(&pump->arena, &options),
        .counters = &node.counters[index],
        .all_counters = node.counters,
        .events = &pump->events,
    };
    prng_init(&pump->core.prng, sim_now_us(node.sim) + index);
    timers_init(&pump->core.timers, pump->core.time.monotonic_us);
    mailbox_init(&pump->core.mailbox, node.board, index);
    EXPECT(mailbox_sleep_begin(&pump->core.mailbox));
    sim_attach(node.sim, 0, index, &pump->core, pump_turn, pump);
}

/* A process begins over whatever the disk holds. */
static inline void node_start(void)
{
    u32 cores_count = node.cores_count;
    EXPECT(arena_create(&node.shared, mailbox_board_bytes(cores_count) + 64 * KIB));
    node.board = mailbox_board_create(&node.shared, cores_count);
    node.counters = arena_array(&node.shared, struct counters, cores_count);
    node.replies_count = 0;
    node.tokens = 0;
    for (u32 i = 0; i < cores_count; i++) {
        node.cores[i] = (struct pump_core){.apply_delay_us = node.cores[i].apply_delay_us};
        pump_core_init(i);
    }
    node.control = control_create(&node.cores[0].core, &node.cores[0].arena, &node.plan,
                                  &node.settings, sim_listener(node.sim, 0));
    control_start(node.control);
    sim_wake(node.sim, 0, 0);
}

static inline bool node_is_started(void *context)
{
    (void)context;
    struct err err;
    return control_is_ready(node.control) || control_has_failed(node.control, &err);
}

static inline void node_print_events(void)
{
    for (u32 i = 0; i < node.cores_count; i++) {
        struct event event;
        while (event_next(&node.cores[i].events, &event)) {
            fprintf(stderr, "core %u: %s\n", i, event.text);
        }
    }
}

static inline void node_start_well(void)
{
    node_start();
    bool is_started = sim_run_until(node.sim, node_is_started, NULL, 60 * US_PER_SECOND);
    if (!is_started) {
        node_print_events();
    }
    EXPECT(is_started);
    struct err err = {0};
    if (control_has_failed(node.control, &err)) {
        EXPECT_STR(err.text, "");
    }
}

static inline void node_forget(void)
{
    for (u32 i = 0; i < node.cores_count; i++) {
        buf_pool_destroy(node.cores[i].core.bufs);
        arena_destroy(&node.cores[i].arena);
    }
    arena_destroy(&node.shared);
}

static inline void node_init(u64 seed, u32 cores_count)
{
    node = (struct control_fixture){.cores_count = cores_count};
    node.sim = sim_create(&(struct sim_options){.seed = seed, .cores_count = cores_count});
    struct err err;
    EXPECT(plan_make(&node.plan, MEMORY_BYTES_MIN, cores_count, &err));
    node.settings = (struct settings){
        .segment_bytes_default = 1u << 30,
        .message_expiry_us_default = UINT64_MAX,
        .topic_bytes_max_default = UINT64_MAX,
        .login_failures_per_minute_max = 5,
        .tokens_per_user_max = 3,
        .boot_seed = seed,
        .root_username = "iggy",
        .root_password = "iggy",
    };
}

static inline void node_deinit(void)
{
    node_forget();
    sim_destroy(node.sim);
}

static inline void node_crash(const struct sim_crash_odds *odds)
{
    sim_crash(node.sim, 0, odds);
    node_forget();
}

/* ---- What edges would send ---- */

/* Sends a request from `from`; its reply is node.replies[the number that is returned]. */
static inline u32 node_ask(u32 from, struct msg msg)
{
    struct core *core = &node.cores[from].core;
    EXPECT(mailbox_has_credit(&core->mailbox, 0, (enum msg_kind)msg.kind));
    u32 slot = node.tokens++;
    EXPECT(slot < PUMP_REPLIES);
    node.replies[slot] = (struct msg){.kind = MSG_KIND_COUNT};
    msg.to = 0;
    msg.token = (struct msg_token){.slot = slot, .generation = 1};
    mailbox_send(core, &msg);
    mailbox_flush(core);
    sim_wake(node.sim, 0, 0);
    sim_wake(node.sim, 0, from);
    return slot;
}

static inline bool node_is_answered(void *context)
{
    return node.replies[*(u32 *)context].kind != MSG_KIND_COUNT;
}

static inline const struct msg *node_wait(u32 slot)
{
    EXPECT(sim_run_until(node.sim, node_is_answered, &slot, 60 * US_PER_SECOND));
    return &node.replies[slot];
}

static inline struct buf *node_body(u32 from, struct writer *writer)
{
    struct buf *buf = buf_take(node.cores[from].core.bufs, 4096);
    EXPECT(buf != NULL);
    *writer = writer_over(buf->data, 4096);
    return buf;
}

static inline bool node_has_root(void *context)
{
    (void)context;
    return state_user_get(node.cores[0].core.state, USER_ID_ROOT) != NULL;
}

/* Of root, over a transport that has no sessions. A first start makes root beside all else. */
static inline u32 node_command(u32 from, u32 command, struct buf *body, const struct writer *writer)
{
    EXPECT(!writer->failed);
    (void)sim_run_until(node.sim, node_has_root, NULL, 10 * US_PER_SECOND);
    body->size = writer->position;
    return node_ask(
        from,
        (struct msg){.kind = MSG_COMMAND, .bufs = {body, NULL}, .command = {.command = command}});
}

static inline u32 node_create_stream(u32 from, const char *name)
{
    struct writer writer;
    struct buf *body = node_body(from, &writer);
    struct create_stream_request request = {.name = span_of(name)};
    create_stream_request_encode(&request, &writer);
    return node_command(from, COMMAND_CREATE_STREAM, body, &writer);
}

static inline u32 node_delete_stream(u32 from, u32 id)
{
    struct writer writer;
    struct buf *body = node_body(from, &writer);
    struct stream_request request = {.stream = identifier_of_id(id)};
    stream_request_encode(&request, &writer);
    return node_command(from, COMMAND_DELETE_STREAM, body, &writer);
}

static inline u32 node_create_topic(u32 from, u32 stream_id, const char *name, u32 partitions_count)
{
    struct writer writer;
    struct buf *body = node_body(from, &writer);
    struct create_topic_request request = {.stream = identifier_of_id(stream_id),
                                           .partitions_count = partitions_count,
                                           .name = span_of(name)};
    create_topic_request_encode(&request, &writer);
    return node_command(from, COMMAND_CREATE_TOPIC, body, &writer);
}

/* A whole Register frame. */
static inline struct buf *node_register_frame(u32 from, u64 client, u32 version,
                                              const char *username, const char *password)
{
    struct buf *buf = buf_take(node.cores[from].core.bufs, 4096);
    EXPECT(buf != NULL);
    struct writer writer = writer_over(buf->data + FRAME_HEADER_BYTES, 1024);
    struct login_prefix prefix = {
        .version = version, .sdk_name = span_of("rust-sdk"), .sdk_version = span_of("0.11.0")};
    struct login_password login = {.username = span_of(username), .password = span_of(password)};
    login_prefix_encode(&prefix, &writer);
    login_password_encode(&login, &writer);
    EXPECT(!writer.failed);
    struct span body = {buf->data + FRAME_HEADER_BYTES, writer.position};
    struct request_header header = {
        .client = {client, 9},
        .request_checksum = request_checksum_of(body),
        .size = FRAME_HEADER_BYTES + body.size,
        .operation = OP_REGISTER,
    };
    request_header_encode(&header, buf->data);
    buf->size = header.size;
    return buf;
}

static inline u32 node_login_frame(u32 from, u32 client_number, struct buf *frame)
{
    return node_ask(from, (struct msg){.kind = MSG_LOGIN,
                                       .bufs = {frame, NULL},
                                       .login = {.client_number = client_number,
                                                 .body_position = FRAME_HEADER_BYTES}});
}

static inline u32 node_login(u32 from, u32 client_number, u64 client, const char *password)
{
    return node_login_frame(from, client_number,
                            node_register_frame(from, client, PROTOCOL_VERSION, "iggy", password));
}

static inline u32 node_ask_about(u32 from, enum msg_kind kind, u32 client_number)
{
    return node_ask(from,
                    (struct msg){.kind = (u8)kind, .login = {.client_number = client_number}});
}

static inline void node_run_ms(u64 ms)
{
    (void)sim_run_until(node.sim, NULL, NULL, ms * US_PER_MS);
}

static void pump_on_timer(struct core *core, struct timer *timer)
{
    (void)core;
    (void)timer;
}

/* Lets time pass although nothing happens. */
static inline void node_sleep_ms(u64 ms)
{
    static struct timer timer;
    struct core *core = &node.cores[0].core;
    timer_init(&timer, pump_on_timer);
    timer_set(&core->timers, &timer, sim_time(node.sim, 0).monotonic_us + ms * US_PER_MS);
    sim_wake(node.sim, 0, 0);
    node_run_ms(ms + 10);
    EXPECT(!timer_is_set(&timer));
}

/* Connects one more client and gives its number, and in `home` its core. */
static inline u32 node_connect(u32 *home, struct sim_conn **conn)
{
    u32 before[PUMP_CORES_MAX];
    for (u32 i = 0; i < node.cores_count; i++) {
        before[i] = node.cores[i].connections_count;
    }
    *conn = sim_connect(node.sim, 0, NULL, NULL);
    node_run_ms(50);
    for (u32 i = 0; i < node.cores_count; i++) {
        if (node.cores[i].connections_count > before[i]) {
            *home = i;
            return node.cores[i].connections[before[i] % PUMP_CONNECTIONS];
        }
    }
    return 0;
}
