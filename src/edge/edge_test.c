/* An edge on a simulated network. Shard and control are played by the test: they answer the edge's
 * messages as owners do, at once or when told. */
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
    u32 loans_home;
    u32 leaves; /* connections that asked to move to core 1, which the test plays */
    struct msg left;
    enum wire_error leaves_error;
    struct poll_loan loan;
    u32 last_count;
};

static struct rig rig;

/* ---- Owners ---- */

static void ignore_effect(void *context, const struct state_effect *effect)
{
    (void)context;
    (void)effect;
}

static void apply(const struct state_command *command)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    state_command_encode(command, &writer);
    struct span span = {bytes, writer.position};
    EXPECT_EQ(state_check(rig.core.state, span), WIRE_OK);
    state_apply(rig.core.state, state_index(rig.core.state) + 1, span, ignore_effect, NULL);
    rig.core.applied = state_index(rig.core.state);
}

static void open_session(void)
{
    if (state_session_get(rig.core.state, SESSION) == NULL) {
        apply(&(struct state_command){
            .kind = STATE_OPEN_SESSION,
            .session = {.session = SESSION, .client = {1, 2}, .client_number = 1}});
    }
}

static void answer(struct core *core, struct msg *msg)
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
    case MSG_CONNECTION_CLOSED: rig.closed++; break;
    case MSG_CONNECTION_LEAVES:
        rig.leaves++;
        rig.left = *msg;
        reply.error = (u32)rig.leaves_error;
        break;
    default: break;
    }
    mailbox_reply(core, msg, &reply);
}

static void drain(enum lane lane)
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

static void drain_other(void)
{
    struct msg msg;
    while (mailbox_next(&rig.other, LANE_REQUEST, &msg)) {
        answer(&rig.other, &msg);
    }
    mailbox_flush(&rig.other);
}

static struct sim_turn turn(void *context, struct turn_time time)
{
    (void)context;
    rig.core.time = time;
    drain(LANE_CONTROL);
    drain(LANE_REPLY);
    drain(LANE_REQUEST);
    drain_other();
    io_reap(rig.core.io, 64);
    timers_run(&rig.core.timers, &rig.core, time.monotonic_us, 64);
    edge_flush(rig.core.edge);
    mailbox_flush(&rig.core);
    io_submit(rig.core.io);
    return (struct sim_turn){.deadline_us = timers_next_us(&rig.core.timers),
                             .busy = edge_is_busy(rig.core.edge) ||
                                     !mailbox_is_empty(&rig.core.mailbox) ||
                                     !mailbox_is_empty(&rig.other.mailbox)};
}

static void make_state(void)
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

static void on_conn_event(void *context, struct sim_conn *conn)
{
    (void)context;
    u32 got = 0;
    while ((got = sim_conn_receive(conn, rig.received + rig.received_bytes,
                                   RECEIVED_MAX - rig.received_bytes)) > 0) {
        rig.received_bytes += got;
    }
    rig.over = sim_conn_is_over(conn);
}

static void on_accepted(struct core *core, struct io_op *op)
{
    (void)core;
    EXPECT_EQ(op->status, OK);
    rig.accepted = op->socket;
}

static void run_for(u64 us)
{
    (void)sim_run_until(rig.sim, NULL, NULL, us);
}

/* Opens a connection, which `give` then speaks for. */
static void hand_over(void)
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
static void set_up_with(u64 memory_bytes, u32 socket_bytes)
{
    u32 cores_count = u32_max(rig.cores_count, 1);
    rig = (struct rig){.cores_count = cores_count};
    rig.sim = sim_create(&(struct sim_options){.seed = 5, .socket_bytes = socket_bytes});
    rig.received = malloc(RECEIVED_MAX);
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

static void set_up(void)
{
    set_up_with(MEMORY_BYTES_MIN, 0);
}

static void tear_down(void)
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
    free(rig.received);
}

static void give(const void *bytes, u32 size)
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

static struct frame frame_of(enum command command, struct span body, u64 request)
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

static struct frame login_frame(void)
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

static struct frame send_frame(u64 request, u32 payload_bytes, bool sound)
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
static struct reply_header take_reply(void)
{
    struct reply_header header = {0};
    EXPECT(rig.received_bytes >= FRAME_HEADER_BYTES);
    EXPECT_EQ(reply_header_decode(rig.received, &header), OK);
    EXPECT(rig.received_bytes >= header.size);
    memmove(rig.received, rig.received + header.size, rig.received_bytes - header.size);
    rig.received_bytes -= header.size;
    return header;
}

static void log_in(void)
{
    struct frame login = login_frame();
    give(login.bytes, login.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, 0);
}

/* ---- Tests ---- */

TEST(a_ping_before_the_login_is_answered_with_its_request_number)
{
    set_up();
    struct frame ping = frame_of(COMMAND_PING, (struct span){0}, 77);
    give(ping.bytes, ping.size);
    run_for(US_PER_SECOND);
    struct reply_header reply = take_reply();
    EXPECT_EQ(reply.status, 0);
    EXPECT_EQ(reply.request, 77);
    EXPECT_EQ(reply.size, FRAME_HEADER_BYTES);
    tear_down();
}

TEST(a_frame_that_comes_byte_by_byte_is_answered_like_any_other)
{
    set_up();
    struct frame login = login_frame();
    for (u32 i = 0; i < login.size; i++) {
        give(login.bytes + i, 1);
    }
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().operation, OP_REGISTER);
    struct frame send = send_frame(1, 100, true);
    for (u32 i = 0; i < send.size; i++) {
        give(send.bytes + i, 1);
    }
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, 0);
    EXPECT_EQ(rig.appends, 1);
    tear_down();
}

TEST(appends_may_be_in_flight_together_and_are_answered_in_order)
{
    set_up();
    log_in();
    for (u64 i = 1; i <= 40; i++) {
        struct frame send = send_frame(i, (u32)(i * 100), true);
        give(send.bytes, send.size);
    }
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.appends, 40);
    for (u64 i = 1; i <= 40; i++) {
        EXPECT_EQ(take_reply().request, i);
    }
    tear_down();
}

/* Writes an append of so many messages without payload; returns its size. */
static u32 write_many_messages(u8 *bytes, u32 capacity, u64 request, u32 messages_count)
{
    struct writer writer = writer_over(bytes + FRAME_HEADER_BYTES, capacity - FRAME_HEADER_BYTES);
    send_request_encode(&(struct send_request){.stream = identifier_of_id(0),
                                               .topic = identifier_of_name(span_of("t")),
                                               .partitioning = {.kind = PARTITIONING_PARTITION},
                                               .messages_count = messages_count},
                        &writer);
    struct batch_builder builder;
    batch_builder_init(&builder, writer.data + writer.position, writer.capacity - writer.position,
                       100);
    for (u32 i = 0; i < messages_count; i++) {
        struct batch_message message = {.id = {i + 1, 9}, .origin_timestamp_us = 100};
        EXPECT_EQ(batch_builder_add(&builder, &message), OK);
    }
    u32 size = FRAME_HEADER_BYTES + writer.position + batch_builder_finish(&builder);
    struct request_header header = {.client = {1, 2},
                                    .size = size,
                                    .operation = OP_SEND_MESSAGES,
                                    .session = SESSION,
                                    .request = request};
    request_header_encode(&header, bytes);
    return size;
}

TEST(a_small_append_does_not_pass_a_large_one_that_takes_turns_to_check)
{
    set_up_with(MEMORY_BYTES_MIN, 2 * MIB);
    log_in();
    rig.withhold = true;
    u32 large = 8 * BATCH_STEP_FRAMES;
    u32 capacity = 2 * MIB;
    u8 *bytes = malloc(capacity);
    EXPECT(bytes != NULL);
    u32 size = 0;
    for (u32 i = 0; i < 4; i++) {
        size += write_many_messages(bytes + size, capacity - size, i + 1, i % 2 == 0 ? large : 1);
    }
    give(bytes, size);
    free(bytes);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.withheld_count, 4);
    for (u32 i = 0; i < 4; i++) {
        u32 frames_bytes = (i % 2 == 0 ? large : 1) * MESSAGE_FRAME_HEADER_BYTES;
        EXPECT_EQ(rig.withheld[i].append.batch_size, BATCH_HEADER_BYTES + frames_bytes);
    }
    rig.withhold = false;
    for (u32 i = 0; i < 4; i++) {
        answer(&rig.core, &rig.withheld[i]);
    }
    rig.withheld_count = 0;
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    tear_down();
}

TEST(the_window_bounds_what_one_connection_has_in_flight)
{
    set_up();
    log_in();
    rig.withhold = true;
    for (u64 i = 1; i <= 40; i++) {
        struct frame send = send_frame(i, 10, true);
        give(send.bytes, send.size);
    }
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.withheld_count, CONN_WINDOW);
    rig.withhold = false;
    for (u32 i = 0; i < CONN_WINDOW; i++) {
        answer(&rig.core, &rig.withheld[i]);
    }
    rig.withheld_count = 0;
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.appends, 40);
    tear_down();
}

TEST(anything_but_an_append_waits_for_the_appends_before_it)
{
    set_up();
    log_in();
    rig.withhold = true;
    struct frame send = send_frame(1, 10, true);
    struct frame ping = frame_of(COMMAND_PING, (struct span){0}, 1);
    give(send.bytes, send.size);
    give(ping.bytes, ping.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.received_bytes, 0);
    rig.withhold = false;
    answer(&rig.core, &rig.withheld[0]);
    rig.withheld_count = 0;
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().operation, OP_SEND_MESSAGES);
    EXPECT_EQ(take_reply().operation, OP_NON_REPLICATED);
    tear_down();
}

TEST(a_damaged_batch_is_answered_and_the_next_request_is_served)
{
    set_up();
    log_in();
    struct frame bad = send_frame(1, 6000, false);
    struct frame good = send_frame(2, 6000, true);
    give(bad.bytes, bad.size);
    give(good.bytes, good.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_INVALID_MESSAGE_CHECKSUM);
    EXPECT_EQ(take_reply().status, 0);
    EXPECT_EQ(rig.appends, 1);
    tear_down();
}

TEST(a_frame_above_the_limit_is_thrown_away_as_it_arrives_then_answered)
{
    set_up();
    log_in();
    struct frame frame = send_frame(1, 10, true);
    u32 size = rig.plan.frame_bytes_max + 1000;
    put_u32(frame.bytes + 48, size);
    give(frame.bytes, FRAME_HEADER_BYTES);
    static const u8 filler[65536] = {0};
    for (u32 left = size - FRAME_HEADER_BYTES; left > 0;) {
        u32 part = u32_min(left, sizeof(filler));
        give(filler, part);
        left -= part;
    }
    struct frame ping = frame_of(COMMAND_PING, (struct span){0}, 9);
    give(ping.bytes, ping.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_TOO_BIG_MESSAGE_PAYLOAD);
    EXPECT_EQ(take_reply().request, 9);
    tear_down();
}

TEST(before_the_login_mutations_are_evicted_and_reads_refused)
{
    set_up();
    struct frame send = send_frame(1, 10, true);
    give(send.bytes, send.size);
    run_for(US_PER_SECOND);
    struct eviction eviction;
    EXPECT_EQ(eviction_decode(rig.received, &eviction), OK);
    EXPECT_EQ(eviction.reason, EVICTION_NO_SESSION);
    rig.received_bytes = 0;
    struct frame roster = frame_of(COMMAND_GET_CLUSTER_METADATA, (struct span){0}, 1);
    give(roster.bytes, roster.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_UNAUTHENTICATED);
    put_u32(roster.bytes + 196, 9999); /* a code that no command has */
    give(roster.bytes, roster.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_UNAUTHENTICATED);
    tear_down();
}

TEST(a_begun_frame_that_does_not_move_closes_the_connection)
{
    set_up();
    struct frame login = login_frame();
    give(login.bytes, 100);
    run_for(4 * US_PER_SECOND);
    EXPECT(!rig.over);
    run_for(2 * US_PER_SECOND);
    EXPECT(rig.over);
    tear_down();
}

TEST(a_quiet_connection_stays)
{
    set_up();
    log_in();
    run_for(3600 * US_PER_SECOND);
    EXPECT(!rig.over);
    tear_down();
}

TEST(bytes_that_are_no_request_close_the_connection)
{
    set_up();
    u8 garbage[FRAME_HEADER_BYTES] = {0};
    garbage[60] = 9;
    give(garbage, sizeof(garbage));
    run_for(US_PER_SECOND);
    EXPECT(rig.over);
    tear_down();
}

TEST(a_request_that_no_owner_answers_closes_the_connection_and_waits_for_the_late_reply)
{
    set_up();
    log_in();
    rig.withhold = true;
    struct frame send = send_frame(1, 10, true);
    give(send.bytes, send.size);
    run_for(40 * US_PER_SECOND);
    EXPECT(rig.over);
    EXPECT_EQ(rig.core.edge->requests_used, 1);
    answer(&rig.core, &rig.withheld[0]);
    rig.withheld_count = 0;
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    tear_down();
}

/* A whole append in pieces of so many bytes, a pause before each. */
static void give_slowly(const u8 *bytes, u32 size, u32 piece, u64 pause_us)
{
    for (u32 at = 0; at < size; at += piece) {
        run_for(pause_us);
        give(bytes + at, u32_min(piece, size - at));
    }
}

TEST(the_answer_of_an_owner_is_awaited_from_when_it_was_asked)
{
    set_up_with(MEMORY_BYTES_MIN, 2 * MIB);
    log_in();
    u32 capacity = 2 * MIB;
    u8 *bytes = malloc(capacity);
    EXPECT(bytes != NULL);
    u32 size = write_many_messages(bytes, capacity, 1, 15000);
    rig.withhold = true;
    give_slowly(bytes, size, 64 * KIB, 4 * US_PER_SECOND); /* longer than the deadline in all */
    free(bytes);
    run_for(US_PER_SECOND);
    EXPECT(!rig.over);
    EXPECT_EQ(rig.withheld_count, 1);
    rig.withhold = false;
    answer(&rig.core, &rig.withheld[0]);
    rig.withheld_count = 0;
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, 0);
    tear_down();
}

TEST(frames_that_each_arrive_in_time_are_served_however_they_are_cut)
{
    set_up();
    log_in();
    struct frame send = send_frame(1, 600, true);
    u8 bytes[2 * sizeof(send.bytes)];
    memcpy(bytes, send.bytes, send.size);
    memcpy(bytes + send.size, send.bytes, send.size);
    give(bytes, 100);
    run_for(4 * US_PER_SECOND);
    give(bytes + 100, 2 * send.size - 200); /* the second frame begins with the end of the first */
    run_for(4 * US_PER_SECOND);
    EXPECT(!rig.over);
    give(bytes + 2 * send.size - 100, 100);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.appends, 2);
    tear_down();
}

TEST(a_login_much_larger_than_any_is_refused_without_memory_for_it)
{
    set_up();
    struct frame login = login_frame();
    put_u32(login.bytes + 48, MIB);
    give(login.bytes, FRAME_HEADER_BYTES);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_TOO_BIG_MESSAGE_PAYLOAD);
    EXPECT_EQ(buf_pool_taken_bytes(rig.core.bufs), 0);
    tear_down();
}

TEST(what_a_frame_carries_as_its_own_checksum_is_ignored_once_the_generation_is_known)
{
    set_up();
    struct frame ping = frame_of(COMMAND_PING, (struct span){0}, 1);
    give(ping.bytes, ping.size);
    put_u32(ping.bytes, 12345);
    give(ping.bytes, ping.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, 0);
    EXPECT_EQ(take_reply().status, 0);
    tear_down();
}

static struct frame poll_frame(u32 count)
{
    u8 body[256];
    struct writer writer = writer_over(body, sizeof(body));
    poll_request_encode(&(struct poll_request){.consumer = {CONSUMER_SINGLE, identifier_of_id(1)},
                                               .stream = identifier_of_name(span_of("s")),
                                               .topic = identifier_of_id(0),
                                               .partition = {true, 1},
                                               .strategy = POLL_FIRST,
                                               .count = count},
                        &writer);
    return frame_of(COMMAND_POLL_MESSAGES, (struct span){body, writer.position}, 1);
}

static void lend(u8 *bytes, u32 size, u32 pieces)
{
    rig.loan = (struct poll_loan){.pieces_count = pieces,
                                  .messages_count = 3,
                                  .bytes = (u64)size * pieces,
                                  .partition_id = 1};
    for (u32 i = 0; i < pieces; i++) {
        rig.loan.pieces[i] = (struct poll_loan_piece){bytes, size};
    }
}

TEST(what_a_poll_lends_is_sent_whole_and_goes_home)
{
    set_up();
    log_in();
    static u8 bytes[20000];
    memset(bytes, 0xab, sizeof(bytes));
    lend(bytes, sizeof(bytes), POLL_LOAN_PIECES_MAX);
    struct frame poll = poll_frame(17);
    give(poll.bytes, poll.size);
    run_for(10 * US_PER_SECOND);
    EXPECT_EQ(rig.last_count, 17);
    EXPECT_EQ(rig.loans_home, 1);
    EXPECT_EQ(rig.received[FRAME_HEADER_BYTES + POLL_REPLY_PREFIX_BYTES], 0xab);
    EXPECT_EQ(take_reply().size,
              FRAME_HEADER_BYTES + POLL_REPLY_PREFIX_BYTES + sizeof(bytes) * POLL_LOAN_PIECES_MAX);
    tear_down();
}

TEST(a_reader_that_takes_nothing_gives_the_loan_back_and_still_gets_its_bytes)
{
    set_up();
    log_in();
    static u8 bytes[20000];
    lend(bytes, sizeof(bytes), POLL_LOAN_PIECES_MAX);
    sim_conn_cut(rig.conn, SIM_TO_CLIENT, 8 * US_PER_SECOND);
    struct frame poll = poll_frame(1);
    give(poll.bytes, poll.size);
    run_for(6 * US_PER_SECOND);
    EXPECT_EQ(rig.loans_home, 1);
    run_for(20 * US_PER_SECOND);
    EXPECT_EQ(take_reply().size,
              FRAME_HEADER_BYTES + POLL_REPLY_PREFIX_BYTES + sizeof(bytes) * POLL_LOAN_PIECES_MAX);
    tear_down();
}

TEST(readers_that_take_nothing_have_a_share_of_memory_and_beyond_it_are_closed)
{
    for (u32 round = 0; round < 2; round++) {
        set_up();
        log_in();
        static u8 bytes[20000];
        lend(bytes, sizeof(bytes), POLL_LOAN_PIECES_MAX);
        u32 capacity = buf_capacity_for(sizeof(bytes) * POLL_LOAN_PIECES_MAX);
        rig.plan.stalled_bytes_per_core = capacity - round;
        sim_conn_cut(rig.conn, SIM_TO_CLIENT, 8 * US_PER_SECOND);
        struct frame poll = poll_frame(1);
        give(poll.bytes, poll.size);
        run_for(6 * US_PER_SECOND);
        EXPECT_EQ(rig.loans_home, 1);
        EXPECT_EQ(rig.core.edge->stalled_bytes, round == 0 ? capacity : 0);
        run_for(20 * US_PER_SECOND);
        EXPECT_EQ(rig.core.edge->stalled_bytes, 0);
        EXPECT_EQ(rig.over, round == 1);
        tear_down();
    }
}

TEST(without_memory_for_a_body_the_connection_is_not_read_until_there_is_some)
{
    set_up();
    log_in();
    struct buf *hog = buf_take(rig.core.bufs, 16 * (u32)MIB);
    struct buf *hogs[400];
    u32 count = 0;
    EXPECT(hog != NULL);
    while (count < array_count(hogs) &&
           (hogs[count] = buf_take(rig.core.bufs, 128 * KIB)) != NULL) {
        count++;
    }
    while (buf_pool_has_room(rig.core.bufs, 4096) && count < array_count(hogs)) {
        hogs[count++] = buf_take(rig.core.bufs, 4096);
    }
    struct frame send = send_frame(1, 6000, true);
    give(send.bytes, CONN_INLINE_BYTES);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.appends, 0);
    buf_return(hog); /* as an owner would, within a turn of this core */
    sim_wake(rig.sim, 0, 0);
    give(send.bytes + CONN_INLINE_BYTES, send.size - CONN_INLINE_BYTES);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.appends, 1);
    while (count > 0) {
        buf_return(hogs[--count]);
    }
    tear_down();
}

/* All memory, in pieces that are given back one by one. */
#define HOG_BYTES (128 * (u32)KIB)

struct hogs {
    struct buf *bufs[400];
    u32 count;
};

static void take_all(struct hogs *hogs)
{
    hogs->count = 0;
    struct buf *buf = NULL;
    while (hogs->count < array_count(hogs->bufs) &&
           (buf = buf_take(rig.core.bufs, HOG_BYTES)) != NULL) {
        hogs->bufs[hogs->count++] = buf;
    }
    EXPECT(!buf_pool_has_room(rig.core.bufs, HOG_BYTES));
}

static void give_back(struct hogs *hogs, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        buf_return(hogs->bufs[--hogs->count]);
    }
    sim_wake(rig.sim, 0, 0);
    run_for(10 * US_PER_MS);
}

/* What is never given to large bodies. */
#define KEPT_BYTES (PLAN_BUFFER_RESERVE_BYTES + PLAN_BUFFER_SMALL_RESERVE_BYTES)

/* A frame of 4 MiB waits for memory on the connection that is returned, one of 1 MiB behind it on
 * the one that `give` speaks for. */
static struct sim_conn *two_wait(void)
{
    struct sim_conn *first = rig.conn;
    struct frame large = send_frame(1, 6000, true);
    struct frame behind = large;
    put_u32(large.bytes + 48, 4 * MIB);
    put_u32(behind.bytes + 48, MIB);
    hand_over();
    rig.core.edge->conns[1].logged_in = true; /* there is no memory for a login either */
    rig.core.edge->conns[1].session = SESSION;
    EXPECT_EQ(sim_conn_send(first, large.bytes, 1000), 1000);
    run_for(10 * US_PER_MS);
    give(behind.bytes, CONN_INLINE_BYTES); /* as much as is taken off the socket */
    run_for(10 * US_PER_MS);
    EXPECT_EQ(rig.core.edge->requests_used, 0);
    return first;
}

TEST(memory_that_comes_free_is_kept_for_the_first_in_line)
{
    set_up();
    log_in();
    struct hogs hogs;
    take_all(&hogs);
    struct sim_conn *first = two_wait();
    /* Nearly enough for the large one: plenty for the one behind it. */
    give_back(&hogs, (KEPT_BYTES + 4 * (u32)MIB) / HOG_BYTES - 1);
    EXPECT_EQ(rig.core.edge->requests_used, 0);
    give_back(&hogs, 1 + MIB / HOG_BYTES);
    EXPECT_EQ(rig.core.edge->requests_used, 2);
    EXPECT(rig.core.edge->conns[0].receiving != NULL);
    EXPECT(rig.core.edge->conns[1].receiving != NULL);
    give_back(&hogs, hogs.count);
    sim_conn_reset(first);
    tear_down();
}

TEST(what_does_not_suffice_for_the_first_in_line_is_not_kept_for_ever)
{
    set_up();
    log_in();
    struct hogs hogs;
    take_all(&hogs);
    struct sim_conn *first = two_wait();
    give_back(&hogs, (KEPT_BYTES + MIB) / HOG_BYTES);
    EXPECT_EQ(rig.core.edge->requests_used, 0);
    run_for(2 * US_PER_SECOND); /* nothing happens but that time passes */
    EXPECT_EQ(rig.core.edge->requests_used, 1);
    EXPECT(rig.core.edge->conns[0].receiving == NULL);
    EXPECT(rig.core.edge->conns[1].receiving != NULL);
    give_back(&hogs, hogs.count);
    sim_conn_reset(first);
    tear_down();
}

TEST(small_batches_have_memory_of_their_own_and_wait_for_no_large_one)
{
    set_up();
    log_in();
    struct hogs hogs;
    take_all(&hogs);
    struct sim_conn *first = two_wait();
    sim_conn_reset(rig.conn);
    struct sim_conn *large = first;
    hand_over();
    rig.core.edge->conns[2].logged_in = true;
    rig.core.edge->conns[2].session = SESSION;
    give_back(&hogs, PLAN_BUFFER_RESERVE_BYTES / HOG_BYTES);
    struct frame small = send_frame(1, 6000, true);
    give(small.bytes, CONN_INLINE_BYTES);
    run_for(10 * US_PER_MS);
    EXPECT_EQ(rig.core.edge->requests_used, 0); /* that much is for those who finish */
    give_back(&hogs, 1);
    EXPECT_EQ(rig.core.edge->requests_used, 1);
    EXPECT(rig.core.edge->conns[0].receiving == NULL); /* the large one still waits */
    give(small.bytes + CONN_INLINE_BYTES, small.size - CONN_INLINE_BYTES);
    run_for(10 * US_PER_MS);
    EXPECT_EQ(rig.appends, 1);
    give_back(&hogs, hogs.count);
    sim_conn_reset(large);
    tear_down();
}

/* ---- Moving ---- */

/* The edge of two cores, of which the test plays the second; `requests` appends to a partition that
 * lives there have been answered, and the connection may move after three. */
static void set_up_to_move(u32 requests)
{
    rig.cores_count = 2;
    set_up();
    rig.cores_count = 1; /* of the next test */
    rig.settings.move_after_requests = 3;
    rig.send_partition = 1;
    log_in();
    for (u32 i = 1; i <= requests; i++) {
        struct frame send = send_frame(i, 10, true);
        give(send.bytes, send.size);
        run_for(10 * US_PER_MS);
        EXPECT_EQ(take_reply().status, 0);
    }
}

/* What the other core's edge would do, done by this one: it has slots enough. */
static void let_it_arrive(void)
{
    struct msg msg = {.kind = MSG_CONNECTION,
                      .conn = rig.left.conn,
                      .connection = {.client_number = rig.left.leaves.client_number}};
    mailbox_send(&rig.core, &msg);
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(10 * US_PER_MS);
}

TEST(a_connection_moves_to_the_core_where_its_requests_go_and_nothing_is_lost)
{
    set_up_to_move(2);
    EXPECT_EQ(rig.leaves, 0);
    struct frame send = send_frame(3, 10, true);
    give(send.bytes, send.size);
    run_for(10 * US_PER_MS);
    EXPECT_EQ(take_reply().status, 0);
    EXPECT_EQ(rig.leaves, 1);
    EXPECT_EQ(rig.left.leaves.core, 1);
    send = send_frame(4, 10, true);
    give(send.bytes, send.size); /* while it is on its way: nobody reads */
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.received_bytes, 0);
    EXPECT(list_is_empty(&rig.core.edge->conns_open));
    let_it_arrive();
    EXPECT_EQ(take_reply().request, 4);
    EXPECT(rig.core.edge->moving == NULL);
    EXPECT_EQ(counter_get(&rig.counters, COUNTER_connections_moved), 1);
    EXPECT_EQ(rig.core.edge->conns[1].session, SESSION);
    tear_down();
}

TEST(a_connection_that_may_not_move_stays_and_does_not_ask_at_once_again)
{
    set_up_to_move(2);
    rig.leaves_error = WIRE_FEATURE_UNAVAILABLE;
    for (u32 i = 3; i < 20; i++) {
        struct frame send = send_frame(i, 10, true);
        give(send.bytes, send.size);
        run_for(10 * US_PER_MS);
        EXPECT_EQ(take_reply().status, 0);
    }
    EXPECT_EQ(rig.leaves, 1);
    EXPECT(rig.core.edge->moving == NULL);
    tear_down();
}

TEST(a_session_that_ended_while_its_connection_moved_is_over_where_it_arrives)
{
    set_up_to_move(3);
    EXPECT_EQ(rig.leaves, 1);
    apply(&(struct state_command){.kind = STATE_CLOSE_SESSION, .session = {.session = SESSION}});
    let_it_arrive();
    struct frame streams = frame_of(COMMAND_GET_STREAMS, (struct span){0}, 5);
    give(streams.bytes, streams.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_UNAUTHENTICATED);
    tear_down();
}

TEST(streams_and_topics_are_read_from_local_state)
{
    set_up();
    log_in();
    struct frame streams = frame_of(COMMAND_GET_STREAMS, (struct span){0}, 1);
    give(streams.bytes, streams.size);
    run_for(US_PER_SECOND);
    struct reader reader =
        reader_over(rig.received + FRAME_HEADER_BYTES, rig.received_bytes - FRAME_HEADER_BYTES);
    struct stream_info info = read_stream_info(&reader);
    EXPECT(reader_is_done(&reader));
    EXPECT_EQ(info.topics_count, 1);
    EXPECT(span_equal(info.name, span_of("s")));
    tear_down();
}

TEST(commands_of_later_issues_are_answered_as_not_offered)
{
    set_up();
    log_in();
    struct frame groups = frame_of(COMMAND_GET_GROUPS, (struct span){0}, 1);
    give(groups.bytes, groups.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_FEATURE_UNAVAILABLE);
    tear_down();
}
