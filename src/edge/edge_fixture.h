/* What tests of an edge stand on: an edge on a simulated network. Shard and control are played by
 * the test: they answer the edge's messages as owners do, at once or when told. */
#pragma once

#include "edge/edge.h"

#include "edge/tables.h"
#include "sim/sim.h"
#include "sim/sim_net.h"
#include "state/state_command.h"
#include "test.h"
#include "wire/batch.h"
#include "wire/consumer.h"
#include "wire/login.h"
#include "wire/poll.h"
#include "wire/send.h"
#include "wire/stream_info.h"

#define SESSION 4242u
#define RECEIVED_MAX (4u * 1024u * 1024u)

struct rig {
    struct sim *sim;
    struct arena arena;
    struct plan plan;
    struct settings settings;
    struct core core;
    struct core other; /* core 1: all that it has is a mailbox, and partitions that answer */
    u32 cores_count;
    u32 send_partition;
    struct counters counters;
    struct event_log events;
    struct event event_items[64];
    struct partition_gauges *gauges;
    struct mailbox_board *board;
    struct sim_conn *conn;
    struct io_op accept_op;
    struct io_socket accepted;
    u8 *received;
    u32 received_bytes;
    bool over;
    bool withhold; /* owners keep requests */
    struct msg withheld[64];
    u32 withheld_count;
    u64 next_offset;
    u32 appends;
    u32 conns; /* that were opened */
    u32 closed;
    u32 closed_silent;
    u32 loans_home;
    u32 leaves; /* connections that asked to move to core 1, which the test plays */
    struct msg left;
    enum wire_error leaves_error;
    struct poll_loan loan;
    u32 last_count;
};

static struct rig rig;

/* ---- Owners ---- */

static inline void ignore_effect(void *context, const struct state_effect *effect)
{
    (void)context;
    (void)effect;
}

static inline void apply(const struct state_command *command)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    state_command_encode(command, &writer);
    struct span span = {bytes, writer.position};
    EXPECT_EQ(state_check(rig.core.state, span), WIRE_OK);
    state_apply(rig.core.state, state_index(rig.core.state) + 1, span, ignore_effect, NULL);
    rig.core.applied = state_index(rig.core.state);
}

static inline void open_session(void)
{
    if (state_session_get(rig.core.state, SESSION) == NULL) {
        apply(&(struct state_command){
            .kind = STATE_OPEN_SESSION,
            .session = {.session = SESSION, .client = {1, 2}, .client_number = 1}});
    }
}

static inline void answer(struct core *core, struct msg *msg)
{
    struct msg reply = {0};
    switch (msg->kind) {
    case MSG_LOGIN:
        reply.logged_in.session = SESSION;
        open_session();
        break;
    case MSG_APPEND:
        reply.appended.base_offset = rig.next_offset++;
        rig.appends++;
        break;
    case MSG_POLL:
        reply.flags = MSG_LOAN;
        reply.loan = &rig.loan;
        rig.last_count = msg->poll.count_strategy & MSG_POLL_COUNT_MAX;
        break;
    case MSG_OFFSET_GET: reply.offset_got.stored = UINT64_MAX; break;
    case MSG_CONNECTION_CLOSED:
        rig.closed++;
        rig.closed_silent += msg->closed.was_silent;
        break;
    case MSG_CONNECTION_LEAVES:
        rig.leaves++;
        rig.left = *msg;
        reply.error = (u32)rig.leaves_error;
        break;
    default: break;
    }
    mailbox_reply(core, msg, &reply);
}

static inline void drain(enum lane lane)
{
    struct msg msg;
    while (mailbox_next(&rig.core, lane, &msg)) {
        if (lane == LANE_REPLY && msg.kind == MSG_LOAN_RETURN) {
            rig.loans_home++;
        } else if (lane != LANE_REQUEST) {
            edge_on_msg(rig.core.edge, &msg);
        } else if (rig.withhold && msg.kind != MSG_CONNECTION_CLOSED) {
            rig.withheld[rig.withheld_count++] = msg;
        } else {
            answer(&rig.core, &msg);
        }
    }
}

static inline void drain_other(void)
{
    struct msg msg;
    while (mailbox_next(&rig.other, LANE_REQUEST, &msg)) {
        answer(&rig.other, &msg);
    }
    mailbox_flush(&rig.other);
}

static inline struct sim_turn turn(void *context, struct turn_time time)
{
    (void)context;
    rig.core.time = time;
    drain(LANE_CONTROL);
    drain(LANE_REPLY);
    drain(LANE_REQUEST);
    drain_other();
    io_reap(rig.core.io, 64);
    offload_reap(rig.core.offload, 0, &rig.core);
    timers_run(&rig.core.timers, &rig.core, time.monotonic_us, 64);
    edge_flush(rig.core.edge);
    mailbox_flush(&rig.core);
    io_submit(rig.core.io);
    return (struct sim_turn){.deadline_us = timers_next_us(&rig.core.timers),
                             .busy = edge_is_busy(rig.core.edge) ||
                                     !mailbox_is_empty(&rig.core.mailbox) ||
                                     !mailbox_is_empty(&rig.other.mailbox)};
}

static inline void make_state(void)
{
    struct state_options options = {.cores_count = rig.cores_count,
                                    .streams_max = 8,
                                    .topics_max = 8,
                                    .partitions_max = 64,
                                    .users_max = 8,
                                    .grants_max = 8,
                                    .tokens_max = 8,
                                    .sessions_max = 8};
    rig.core.state = state_create(&rig.arena, &options);
    apply(&(struct state_command){
        .kind = STATE_CREATE_USER, .time_us = 1, .active = true, .name = span_of("iggy")});
    apply(&(struct state_command){.kind = STATE_CREATE_STREAM, .time_us = 1, .name = span_of("s")});
    apply(&(struct state_command){.kind = STATE_CREATE_TOPIC,
                                  .time_us = 2,
                                  .partitions_count = 2,
                                  .name = span_of("t"),
                                  .options = topic_options_default()});
}

/* ---- The client's side ---- */

static inline void on_conn_event(void *context, struct sim_conn *conn)
{
    (void)context;
    u32 got = 0;
    while ((got = sim_conn_receive(conn, rig.received + rig.received_bytes,
                                   RECEIVED_MAX - rig.received_bytes)) > 0) {
        rig.received_bytes += got;
    }
    rig.over = sim_conn_is_over(conn);
}

static inline void on_accepted(struct core *core, struct io_op *op)
{
    (void)core;
    EXPECT_EQ(op->status, OK);
    rig.accepted = op->socket;
}

static inline void run_for(u64 us)
{
    (void)sim_run_until(rig.sim, NULL, NULL, us);
}

/* Opens a connection, which `give` then speaks for. */
static inline void hand_over(void)
{
    io_op_init(&rig.accept_op, on_accepted);
    io_accept(rig.core.io, &rig.accept_op, sim_listener(rig.sim, 0));
    rig.conn = sim_connect(rig.sim, 0, on_conn_event, NULL);
    run_for(US_PER_SECOND);
    EXPECT(rig.accepted.id >= 0);
    rig.conns++;
    struct msg msg = {.kind = MSG_CONNECTION,
                      .connection = {.socket = rig.accepted.id, .client_number = rig.conns}};
    mailbox_send(&rig.core, &msg);
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_MS);
}

/* `socket_bytes` 0: as the simulator has it. */
static inline void set_up_with(u64 memory_bytes, u32 socket_bytes)
{
    u32 cores_count = u32_max(rig.cores_count, 1);
    rig = (struct rig){.cores_count = cores_count};
    rig.sim = sim_create(&(struct sim_options){.seed = 5, .socket_bytes = socket_bytes});
    rig.received = mem_take(RECEIVED_MAX);
    EXPECT(plan_make(&rig.plan, memory_bytes, 1, NULL));
    rig.plan.connections_per_core_max = 4;
    rig.settings = (struct settings){.frame_timeout_us = 5 * US_PER_SECOND,
                                     .request_deadline_us = 30 * US_PER_SECOND,
                                     .send_stall_us = US_PER_SECOND};
    EXPECT(arena_create(&rig.arena, 256 * MIB));
    rig.board = mailbox_board_create(&rig.arena, 2);
    rig.gauges = arena_array(&rig.arena, struct partition_gauges, 64);
    event_log_init(&rig.events, rig.event_items, 64, 0, EVENT_DEBUG);
    rig.core = (struct core){.cores_count = 1,
                             .io = sim_io(rig.sim, 0, 0),
                             .offload = sim_offload(rig.sim, 0),
                             .gauges = rig.gauges,
                             .counters = &rig.counters,
                             .all_counters = &rig.counters,
                             .events = &rig.events,
                             .time = sim_time(rig.sim, 0)};
    rig.core.bufs = buf_pool_create(
        &(struct buf_pool_options){.budget_bytes = rig.plan.buffer_bytes_per_core,
                                   .buffer_bytes_max = rig.plan.frame_bytes_max + 8192});
    timers_init(&rig.core.timers, rig.core.time.monotonic_us);
    mailbox_init(&rig.core.mailbox, rig.board, 0);
    rig.other = (struct core){.index = 1, .cores_count = 2};
    mailbox_init(&rig.other.mailbox, rig.board, 1);
    make_state();
    edge_create(&rig.core, &rig.arena, &rig.plan, &rig.settings);
    rig.core.edge->serving = true;
    sim_attach(rig.sim, 0, 0, &rig.core, turn, NULL);
    hand_over();
}

static inline void set_up(void)
{
    set_up_with(MEMORY_BYTES_MIN, 0);
}

static inline void tear_down(void)
{
    if (!rig.over) {
        sim_conn_reset(rig.conn);
    }
    run_for(60 * US_PER_SECOND);
    EXPECT_EQ(rig.core.edge->requests_used, rig.withheld_count);
    EXPECT_EQ(rig.closed, rig.conns);
    if (rig.withheld_count == 0) {
        EXPECT_EQ(buf_pool_taken_bytes(rig.core.bufs), 0);
    }
    buf_pool_destroy(rig.core.bufs);
    arena_destroy(&rig.arena);
    sim_destroy(rig.sim);
    mem_return(rig.received);
}

static inline void give(const void *bytes, u32 size)
{
    const u8 *at = bytes;
    for (u32 tries = 0; size > 0 && tries < 10000; tries++) {
        u32 taken = sim_conn_send(rig.conn, at, size);
        at += taken;
        size -= taken;
        run_for(US_PER_MS);
    }
    EXPECT_EQ(size, 0);
}

struct frame {
    u8 bytes[8192];
    u32 size;
};

static inline struct frame frame_of(enum command command, struct span body, u64 request)
{
    struct frame frame = {.size = FRAME_HEADER_BYTES + body.size};
    const struct command_row *row = command_row(command);
    struct request_header header = {.client = {1, 2},
                                    .size = frame.size,
                                    .operation = row->op,
                                    .code = row->op == OP_NON_REPLICATED ? row->code : 0,
                                    .session = command == COMMAND_REGISTER ? 0 : SESSION,
                                    .request = request};
    request_header_encode(&header, frame.bytes);
    if (body.size > 0) {
        memcpy(frame.bytes + FRAME_HEADER_BYTES, body.data, body.size);
    }
    return frame;
}

static inline struct frame login_frame(void)
{
    u8 body[256];
    struct writer writer = writer_over(body, sizeof(body));
    login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                               .sdk_name = span_of("test"),
                                               .sdk_version = span_of("1")},
                        &writer);
    login_password_encode(
        &(struct login_password){.username = span_of("iggy"), .password = span_of("iggy")},
        &writer);
    return frame_of(COMMAND_REGISTER, (struct span){body, writer.position}, 0);
}

static inline struct frame send_frame(u64 request, u32 payload_bytes, bool sound)
{
    u8 body[8000];
    static const u8 payload[7000] = {7};
    struct writer writer = writer_over(body, sizeof(body));
    send_request_encode(&(struct send_request){.stream = identifier_of_id(0),
                                               .topic = identifier_of_name(span_of("t")),
                                               .partitioning = {.kind = PARTITIONING_PARTITION,
                                                                .partition_id = rig.send_partition},
                                               .messages_count = 1},
                        &writer);
    struct batch_builder builder;
    batch_builder_init(&builder, body + writer.position, sizeof(body) - writer.position, 100);
    EXPECT_EQ(
        batch_builder_add(&builder, &(struct batch_message){.id = {9, 9},
                                                            .origin_timestamp_us = 100,
                                                            .payload = {payload, payload_bytes}}),
        OK);
    u32 size = writer.position + batch_builder_finish(&builder);
    if (!sound) {
        body[size - 1] ^= 1;
    }
    return frame_of(COMMAND_SEND_MESSAGES, (struct span){body, size}, request);
}

/* The next reply that was received, taken off. */
static inline struct reply_header take_reply(void)
{
    struct reply_header header = {0};
    EXPECT(rig.received_bytes >= FRAME_HEADER_BYTES);
    EXPECT_EQ(reply_header_decode(rig.received, &header), OK);
    EXPECT(rig.received_bytes >= header.size);
    memmove(rig.received, rig.received + header.size, rig.received_bytes - header.size);
    rig.received_bytes -= header.size;
    return header;
}

static inline void log_in(void)
{
    struct frame login = login_frame();
    give(login.bytes, login.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, 0);
}
