#include "edge/edge_fixture.h"
#include "wire/snapshot_request.h"

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

TEST(a_large_body_must_move_at_its_rate_or_its_memory_goes_to_others)
{
    static const u8 some[64 * 1024];
    for (u32 round = 0; round < 2; round++) {
        set_up();
        log_in();
        struct frame frame = send_frame(1, 6000, true);
        put_u32(frame.bytes + 48, (round == 0 ? 4 : 8) * MIB); /* a 64th of it: 64 or 128 KiB */
        give(frame.bytes, CONN_INLINE_BYTES);
        for (u32 i = 0; i < 8 && !rig.over; i++) {
            run_for(4 * US_PER_SECOND); /* of the five that it has for a step */
            give(some, sizeof(some));
        }
        run_for(US_PER_SECOND);
        EXPECT_EQ(rig.over, round == 1);
        EXPECT_EQ(rig.core.edge->requests_used, round == 0);
        tear_down();
    }
}

TEST(statistics_that_offload_never_gives_end_with_their_connection)
{
    set_up();
    log_in();
    rig.core.edge->facts_busy = true; /* somebody asked, and the worker is stuck */
    struct frame stats = frame_of(COMMAND_GET_STATS, (struct span){0}, 1);
    give(stats.bytes, stats.size);
    run_for(29 * US_PER_SECOND);
    EXPECT(!rig.over);
    run_for(3 * US_PER_SECOND);
    EXPECT(rig.over);
    EXPECT_EQ(rig.core.edge->requests_used, 0);
    EXPECT(list_is_empty(&rig.core.edge->facts_waiting));
    tear_down();
}

TEST(an_archive_is_no_larger_than_the_largest_frame)
{
    static const u8 wanted[] = {SNAPSHOT_STORED, 1, SNAPSHOT_TEST};
    set_up();
    log_in();
    rig.plan.frame_bytes_max = 512 * KIB; /* as of many cores in little memory */
    struct frame snapshot =
        frame_of(COMMAND_GET_SNAPSHOT, (struct span){wanted, sizeof(wanted)}, 1);
    give(snapshot.bytes, snapshot.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_OK);
    EXPECT_EQ(rig.core.edge->archive.capacity, 512 * KIB);
    tear_down();
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
        sim_conn_cut(rig.conn, SIM_TO_CLIENT, 18 * US_PER_SECOND);
        struct frame poll = poll_frame(1);
        give(poll.bytes, poll.size);
        run_for(6 * US_PER_SECOND);
        EXPECT_EQ(rig.loans_home, round == 0); /* without a copy it has ten times that */
        EXPECT_EQ(rig.core.edge->stalled_bytes, round == 0 ? capacity : 0);
        run_for(8 * US_PER_SECOND);
        EXPECT_EQ(rig.loans_home, 1);
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
