/* Connections that speak generation 1, on the rig of edge_fixture.h. */
#include "edge/edge_fixture.h"

#include "wire/frame_v1.h"
#include "wire/login_v1.h"
#include "wire/message_v1.h"

static struct frame frame_v1_of(u32 code, struct span payload)
{
    struct frame frame = {.size = FRAME_V1_HEADER_BYTES + payload.size};
    request_v1_encode(&(struct request_v1){.length = 4 + payload.size, .code = code}, frame.bytes);
    if (payload.size > 0) {
        memcpy(frame.bytes + FRAME_V1_HEADER_BYTES, payload.data, payload.size);
    }
    return frame;
}

static void log_in_v1(void)
{
    u8 payload[64];
    struct writer writer = writer_over(payload, sizeof(payload));
    login_user_v1_encode(
        &(struct login_user_v1){.username = span_of("iggy"), .password = span_of("iggy")}, &writer);
    struct frame login = frame_v1_of(38, (struct span){payload, writer.position});
    give(login.bytes, login.size);
    run_for(US_PER_SECOND);
}

/* The next reply, taken off; its payload stays in `rig.received` no longer. */
static struct reply_v1 take_reply_v1(void)
{
    struct reply_v1 reply = {0};
    EXPECT(rig.received_bytes >= FRAME_V1_HEADER_BYTES);
    reply_v1_decode(rig.received, &reply);
    u32 bytes = FRAME_V1_HEADER_BYTES + reply.payload_bytes;
    EXPECT(rig.received_bytes >= bytes);
    memmove(rig.received, rig.received + bytes, rig.received_bytes - bytes);
    rig.received_bytes -= bytes;
    return reply;
}

static void set_up_v1(void)
{
    set_up();
    log_in_v1();
    struct reply_v1 reply = take_reply_v1();
    EXPECT_EQ(reply.status, 0);
    EXPECT_EQ(reply.payload_bytes, LOGIN_V1_REPLY_BYTES);
}

/* A send of messages of `payload_bytes` with these client times, to topic `t` or another one. */
static struct frame send_v1_frame(const u64 *origins_us, u32 count, u32 payload_bytes,
                                  const char *topic)
{
    static const u8 zeros[4096];
    u8 payload[8000];
    struct writer writer = writer_over(payload, sizeof(payload));
    send_v1_encode(&(struct send_request){.stream = identifier_of_id(0),
                                          .topic = identifier_of_name(span_of(topic)),
                                          .partitioning = {.kind = PARTITIONING_PARTITION},
                                          .messages_count = count},
                   &writer);
    for (u32 i = 0; i < count; i++) {
        write_u32(&writer, 0);
        write_u32(&writer, (i + 1) * (MESSAGE_V1_HEADER_BYTES + payload_bytes));
        write_u64(&writer, 0);
    }
    for (u32 i = 0; i < count; i++) {
        message_v1_encode(&(struct message_v1){.id = {.low = i},
                                               .origin_timestamp_us = origins_us[i],
                                               .payload_bytes = payload_bytes},
                          write_room(&writer, MESSAGE_V1_HEADER_BYTES));
        write_bytes(&writer, zeros, payload_bytes);
    }
    EXPECT(!writer.failed);
    return frame_v1_of(101, (struct span){payload, writer.position});
}

static struct frame poll_v1_frame(u32 count)
{
    u8 payload[128];
    struct writer writer = writer_over(payload, sizeof(payload));
    poll_request_encode(&(struct poll_request){.consumer = {CONSUMER_SINGLE, identifier_of_id(1)},
                                               .stream = identifier_of_id(0),
                                               .topic = identifier_of_id(0),
                                               .strategy = POLL_FIRST,
                                               .count = count},
                        &writer);
    return frame_v1_of(100, (struct span){payload, writer.position});
}

static u8 lent[2 * MIB];

/* One batch of `count` messages of `payload_bytes`, lent in two pieces as a slice is. */
static void lend_batch(u32 count, u32 payload_bytes)
{
    static const u8 payload[100000] = {5};
    struct batch_builder builder;
    batch_builder_init(&builder, lent, sizeof(lent), 100);
    for (u32 i = 0; i < count; i++) {
        EXPECT_EQ(batch_builder_add(&builder,
                                    &(struct batch_message){.id = {1, i},
                                                            .origin_timestamp_us = 100,
                                                            .payload = {payload, payload_bytes}}),
                  OK);
    }
    u32 bytes = batch_builder_finish(&builder);
    rig.loan = (struct poll_loan){.pieces_count = 2,
                                  .messages_count = count,
                                  .batches_count = 1,
                                  .bytes = bytes,
                                  .current_offset = count - 1};
    rig.loan.pieces[0] = (struct poll_loan_piece){lent, BATCH_HEADER_BYTES};
    rig.loan.pieces[1] =
        (struct poll_loan_piece){lent + BATCH_HEADER_BYTES, bytes - BATCH_HEADER_BYTES};
}

TEST(a_login_of_generation_1_is_answered_with_the_number_of_the_user)
{
    set_up_v1();
    EXPECT_EQ(rig.received_bytes, 0);
    tear_down();
}

TEST(a_request_of_generation_1_may_come_byte_by_byte)
{
    set_up_v1();
    u64 now_us = 1;
    struct frame send = send_v1_frame(&now_us, 1, 100, "t");
    for (u32 i = 0; i < send.size; i++) {
        give(send.bytes + i, 1);
    }
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply_v1().status, 0);
    EXPECT_EQ(rig.appends, 1);
    tear_down();
}

TEST(requests_of_generation_1_that_were_written_ahead_are_answered_in_order)
{
    set_up_v1();
    u64 now_us = 1;
    struct frame send = send_v1_frame(&now_us, 1, 500, "t");
    struct frame unknown = frame_v1_of(999, (struct span){0});
    struct frame ping = frame_v1_of(1, (struct span){0});
    for (u32 i = 0; i < 3; i++) {
        give(send.bytes, send.size);
        give(unknown.bytes, unknown.size);
        give(ping.bytes, ping.size);
    }
    run_for(US_PER_SECOND);
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(take_reply_v1().status, 0);
        EXPECT_EQ(take_reply_v1().status, WIRE_INVALID_COMMAND);
        EXPECT_EQ(take_reply_v1().status, 0);
    }
    EXPECT_EQ(rig.appends, 3);
    tear_down();
}

TEST(times_far_apart_make_several_appends_and_one_answer)
{
    set_up_v1();
    static const u64 origins_us[] = {0, 1776000000000000, 1776000000000001, 1, 2};
    struct frame send = send_v1_frame(origins_us, 5, 10, "t");
    give(send.bytes, send.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.appends, 3);
    EXPECT_EQ(take_reply_v1().status, 0);
    EXPECT_EQ(rig.received_bytes, 0);
    tear_down();
}

TEST(a_send_of_which_only_a_part_was_stored_is_not_answered)
{
    set_up_v1();
    static const u64 origins_us[] = {0, 1776000000000000};
    struct frame send = send_v1_frame(origins_us, 2, 10, "t");
    rig.withhold = true;
    give(send.bytes, send.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.withheld_count, 1);
    mailbox_reply(&rig.core, &rig.withheld[0], &(struct msg){0});
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.withheld_count, 2);
    mailbox_reply(&rig.core, &rig.withheld[1], &(struct msg){.error = WIRE_CANNOT_APPEND_MESSAGE});
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    EXPECT(rig.over);
    EXPECT_EQ(rig.received_bytes, 0);
    rig.withhold = false;
    rig.withheld_count = 0;
    tear_down();
}

TEST(a_send_that_was_refused_whole_is_told_so)
{
    set_up_v1();
    static const u64 origins_us[] = {0, 1776000000000000};
    struct frame send = send_v1_frame(origins_us, 2, 10, "t");
    rig.withhold = true;
    give(send.bytes, send.size);
    run_for(US_PER_SECOND);
    mailbox_reply(&rig.core, &rig.withheld[0], &(struct msg){.error = WIRE_CANNOT_APPEND_MESSAGE});
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply_v1().status, WIRE_CANNOT_APPEND_MESSAGE);
    rig.withhold = false;
    rig.withheld_count = 0;
    tear_down();
}

TEST(what_is_missing_is_told_after_the_messages_were_looked_at)
{
    set_up_v1();
    u64 now_us = 1;
    struct frame send = send_v1_frame(&now_us, 1, 10, "missing");
    give(send.bytes, send.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply_v1().status, WIRE_TOPIC_ID_NOT_FOUND);
    send.bytes[send.size - 10 - MESSAGE_V1_HEADER_BYTES + 52] = 11; /* the payload's length */
    give(send.bytes, send.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply_v1().status, WIRE_MISSING_INDEX);
    EXPECT_EQ(rig.appends, 0);
    tear_down();
}

TEST(a_poll_of_generation_1_gives_the_loan_home_and_is_whole)
{
    set_up_v1();
    for (u32 round = 0; round < 3; round++) {
        static const u32 sizes[] = {10, 70000, 100000}; /* below and above what goes in one piece */
        lend_batch(15, sizes[round]);
        struct frame poll = poll_v1_frame(15);
        give(poll.bytes, poll.size);
        run_for(10 * US_PER_SECOND);
        EXPECT_EQ(rig.loans_home, round + 1);
        EXPECT_EQ(get_u32(rig.received + FRAME_V1_HEADER_BYTES + 12), 15);
        const u8 *message = rig.received + FRAME_V1_HEADER_BYTES + POLL_REPLY_PREFIX_BYTES;
        EXPECT_EQ(get_u64(message), xxh3(message + 8, MESSAGE_V1_HEADER_BYTES - 8 + sizes[round]));
        EXPECT_EQ(take_reply_v1().payload_bytes,
                  POLL_REPLY_PREFIX_BYTES + 15 * (MESSAGE_V1_HEADER_BYTES + sizes[round]));
        EXPECT_EQ(rig.received_bytes, 0);
    }
    tear_down();
}

TEST(a_reader_of_generation_1_that_takes_nothing_gives_the_loan_back_and_gets_its_bytes)
{
    set_up_v1();
    lend_batch(18, 100000);
    sim_conn_cut(rig.conn, SIM_TO_CLIENT, 8 * US_PER_SECOND);
    struct frame poll = poll_v1_frame(18);
    give(poll.bytes, poll.size);
    run_for(6 * US_PER_SECOND);
    EXPECT_EQ(rig.loans_home, 1);
    memset(lent, 0, sizeof(lent)); /* as its owner may, now */
    run_for(20 * US_PER_SECOND);
    const u8 *last = rig.received + FRAME_V1_HEADER_BYTES + POLL_REPLY_PREFIX_BYTES +
                     17 * (MESSAGE_V1_HEADER_BYTES + 100000);
    EXPECT_EQ(get_u64(last), xxh3(last + 8, MESSAGE_V1_HEADER_BYTES - 8 + 100000));
    EXPECT_EQ(take_reply_v1().payload_bytes,
              POLL_REPLY_PREFIX_BYTES + 18 * (MESSAGE_V1_HEADER_BYTES + 100000));
    tear_down();
}

TEST(a_length_that_frames_nothing_is_answered_and_the_connection_ends)
{
    set_up_v1();
    static const u8 wrong[] = {3, 0, 0, 0, 1, 0, 0, 0};
    give(wrong, sizeof(wrong));
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply_v1().status, WIRE_INVALID_COMMAND);
    EXPECT(rig.over);
    tear_down();
}

TEST(a_frame_of_generation_1_that_does_not_move_closes_the_connection)
{
    set_up_v1();
    static const u8 begun[] = {100, 0, 0, 0, 200, 0, 0, 0, 2};
    give(begun, sizeof(begun));
    run_for(20 * US_PER_SECOND);
    EXPECT(rig.over);
    tear_down();
}

TEST(nobody_registers_with_a_client_id_that_is_given_to_generation_1)
{
    set_up();
    struct frame login = login_frame();
    put_u64(login.bytes + 136, 0x6c65762d67656e31ull);
    give(login.bytes, login.size);
    run_for(US_PER_SECOND);
    struct eviction eviction;
    EXPECT_EQ(eviction_decode(rig.received, &eviction), OK);
    EXPECT_EQ(eviction.reason, EVICTION_SESSION_ERROR);
    tear_down();
}

TEST(an_owner_without_a_place_is_asked_again_until_it_has_one)
{
    set_up();
    rig.withhold = true;
    log_in_v1();
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(rig.withheld_count, i + 1);
        mailbox_reply(&rig.core, &rig.withheld[i],
                      &(struct msg){.error = WIRE_TRANSIENT_NOT_ACCEPTED});
        sim_wake(rig.sim, 0, 0);
        run_for(US_PER_SECOND);
        EXPECT_EQ(rig.received_bytes, 0);
    }
    open_session();
    mailbox_reply(&rig.core, &rig.withheld[3], &(struct msg){.logged_in = {.session = SESSION}});
    sim_wake(rig.sim, 0, 0);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply_v1().status, 0);
    rig.withhold = false;
    rig.withheld_count = 0;
    tear_down();
}

TEST(an_owner_that_never_has_a_place_is_not_asked_for_ever)
{
    set_up();
    rig.withhold = true;
    log_in_v1();
    u32 asked = 0;
    for (; rig.received_bytes == 0 && asked < 60; asked++) {
        EXPECT_EQ(rig.withheld_count, 1);
        rig.withheld_count = 0;
        mailbox_reply(&rig.core, &rig.withheld[0],
                      &(struct msg){.error = WIRE_TRANSIENT_NOT_ACCEPTED});
        sim_wake(rig.sim, 0, 0);
        run_for(US_PER_SECOND);
    }
    EXPECT(asked >= 29);
    EXPECT_EQ(take_reply_v1().status, WIRE_UNSPECIFIED);
    rig.withhold = false;
    rig.withheld_count = 0;
    tear_down();
}
