/* Messages whose id was stored lately: not stored again, also after a restart or a crash. */
#include "shard/shard_fixture.h"

static struct bed bed;

/* Sends messages with these ids; the batch's story. */
static u32 send_ids(const u64 *ids, u32 count)
{
    u32 bytes = BATCH_HEADER_BYTES + count * (MESSAGE_FRAME_HEADER_BYTES + 16);
    struct buf *buf = shard_take_buf(bed.core->shard, UNIT_CONTROL_BYTES + bytes + 4096);
    EXPECT(buf != NULL);
    u32 number = ++bed.batches_count;
    struct batch_builder builder;
    batch_builder_init(&builder, buf->data + UNIT_CONTROL_BYTES, bytes, 1000);
    for (u32 i = 0; i < count; i++) {
        u8 payload[16] = {0};
        put_u64(payload, ids[i]);
        struct batch_message message = {
            .id = {.low = ids[i]}, .origin_timestamp_us = 1000, .payload = {payload, 16}};
        EXPECT_EQ(batch_builder_add(&builder, &message), OK);
    }
    struct msg msg = {.kind = MSG_APPEND,
                      .flags = MSG_BATCH_ALIGNED,
                      .partition = bed_handle(&bed, 0),
                      .bufs = {buf, NULL},
                      .append = {.batch_position = UNIT_CONTROL_BYTES,
                                 .batch_size = batch_builder_finish(&builder)}};
    u32 slot = bed_send(&bed, &msg);
    bed.replies[slot].batch = number;
    bed.replies[slot].buf = buf;
    return number - 1;
}

/* The offset that was answered. */
static u64 stored_at(const u64 *ids, u32 count)
{
    u32 index = send_ids(ids, count);
    bed_wait(&bed);
    bed_take_appends(&bed);
    EXPECT_EQ(bed.batches[index].state, BED_ACKNOWLEDGED);
    return bed.batches[index].base_offset;
}

#define IDS(...) ((const u64[]){__VA_ARGS__}), (u32)array_count(((const u64[]){__VA_ARGS__}))

/* Everything that is stored has these ids, in this order. */
static void expect_stored(const u64 *ids, u32 count)
{
    struct bed_polled polled =
        bed_poll(&bed, 0, &(struct bed_poll){.strategy = POLL_FIRST, .count = 1000});
    EXPECT_EQ(polled.error, WIRE_OK);
    EXPECT_EQ(polled.count, count);
    struct poll_reply reply = {.prefix = {.messages_count = polled.count},
                               .batches = {polled.body, polled.bytes}};
    struct poll_iterator iterator = poll_iterate(&reply);
    struct polled_message message;
    u32 at = 0;
    while (poll_next(&iterator, &message)) {
        EXPECT_EQ(message.offset, at);
        EXPECT_EQ(message.id.low, ids[at]);
        EXPECT_EQ(get_u64(message.payload.data), ids[at]);
        at++;
    }
    EXPECT_EQ(at, count);
    mem_return(polled.body);
}

static void set_up(u64 seed, u64 entries_max, u64 expiry_us)
{
    bed_open(&bed, &(struct sim_options){.seed = seed});
    bed.settings.dedup_enabled = true;
    bed.settings.dedup_entries_max = entries_max;
    bed.settings.dedup_expiry_us = expiry_us;
    bed_start(&bed);
    bed_topic(&bed, 2);
}

TEST(a_message_is_stored_once_and_its_sender_is_answered_each_time)
{
    for (u32 level = DURABILITY_SYNC; level <= DURABILITY_MEMORY; level++) {
        set_up(3, 100, 60 * US_PER_SECOND);
        bed.settings.durability = (enum durability)level;
        EXPECT_EQ(stored_at(IDS(1, 2, 3)), 0);
        EXPECT_EQ(stored_at(IDS(2)), 1);
        EXPECT_EQ(stored_at(IDS(1, 2, 3)), 0);
        EXPECT_EQ(stored_at(IDS(3, 4, 1, 5)), 3);
        EXPECT_EQ(stored_at(IDS(5, 5, 6, 6, 7)), 5);
        EXPECT_EQ(stored_at(IDS(4)), 3);
        expect_stored(IDS(1, 2, 3, 4, 5, 6, 7));
        bed_close(&bed);
    }
}

TEST(duplicates_in_flight_are_answered_with_the_first)
{
    set_up(4, 100, 0);
    (void)stored_at(IDS(1));
    u32 sent[4];
    for (u32 i = 0; i < 4; i++) {
        sent[i] = send_ids(IDS(2, 3));
    }
    bed_wait(&bed);
    bed_take_appends(&bed);
    for (u32 i = 0; i < 4; i++) {
        EXPECT_EQ(bed.batches[sent[i]].state, BED_ACKNOWLEDGED);
        EXPECT_EQ(bed.batches[sent[i]].base_offset, 1);
    }
    expect_stored(IDS(1, 2, 3));
    bed_close(&bed);
}

TEST(ids_are_remembered_over_a_stop_a_kill_and_a_power_cut)
{
    for (u32 way = 0; way < 3; way++) {
        set_up(5 + way, 100, 0);
        for (u64 id = 1; id <= 40; id++) {
            EXPECT_EQ(stored_at(&id, 1), id - 1);
        }
        if (way == 0) {
            bed_stop(&bed);
        } else if (way == 1) {
            bed_kill(&bed);
        } else {
            bed_crash(&bed, &sim_crash_default);
        }
        bed_start(&bed);
        for (u64 id = 40; id >= 1; id--) {
            EXPECT_EQ(stored_at(&id, 1), id - 1);
        }
        EXPECT_EQ(stored_at(IDS(41, 1)), 40);
        bed_close(&bed);
    }
}

TEST(the_window_forgets_the_oldest_beyond_its_count)
{
    set_up(8, 10, 0);
    for (u64 id = 1; id <= 20; id++) {
        (void)stored_at(&id, 1);
    }
    EXPECT_EQ(stored_at(IDS(11)), 10);
    EXPECT_EQ(stored_at(IDS(10)), 20); /* it was the eleventh: stored anew, and 11 goes */
    bed_kill(&bed);
    bed_start(&bed);
    EXPECT_EQ(stored_at(IDS(12)), 11);
    EXPECT_EQ(stored_at(IDS(10)), 20);
    EXPECT_EQ(stored_at(IDS(11)), 21);
    bed_close(&bed);
}

TEST(the_window_forgets_what_is_too_old)
{
    set_up(9, 0, 10 * US_PER_SECOND);
    EXPECT_EQ(stored_at(IDS(1)), 0);
    bed_run(&bed, 6 * US_PER_SECOND);
    EXPECT_EQ(stored_at(IDS(2, 1)), 1);
    bed_kill(&bed);
    bed_start(&bed);
    bed_run(&bed, 5 * US_PER_SECOND);
    EXPECT_EQ(stored_at(IDS(2)), 1);
    EXPECT_EQ(stored_at(IDS(1)), 2);
    bed_run(&bed, 20 * US_PER_SECOND);
    EXPECT_EQ(stored_at(IDS(1, 2)), 3);
    bed_close(&bed);
}

TEST(an_id_is_known_only_to_its_partition_and_its_life)
{
    set_up(10, 100, 0);
    EXPECT_EQ(stored_at(IDS(1, 2)), 0);
    bed_command(&bed, &(struct state_command){.kind = STATE_PURGE_TOPIC});
    EXPECT_EQ(stored_at(IDS(1, 2)), 0);
    expect_stored(IDS(1, 2));
    bed_close(&bed);
}

TEST(what_was_refused_is_no_duplicate_later)
{
    set_up(11, 100, 0);
    (void)stored_at(IDS(1));
    sim_fail_next(bed.sim, 0, SIM_WRITE, "partitions/0/", ERR_SPACE);
    u32 first = send_ids(IDS(2));
    u32 second = send_ids(IDS(2, 3));
    bed_wait(&bed);
    bed_take_appends(&bed);
    EXPECT(bed.batches[first].state != BED_ACKNOWLEDGED);
    EXPECT(bed.batches[second].state != BED_ACKNOWLEDGED);
    bed_run(&bed, 5 * US_PER_SECOND);
    EXPECT_EQ(stored_at(IDS(2)), 1);
    EXPECT_EQ(stored_at(IDS(3, 2)), 2);
    expect_stored(IDS(1, 2, 3));
    bed_close(&bed);
}

TEST(messages_without_an_id_are_never_duplicates)
{
    set_up(12, 100, 0);
    EXPECT_EQ(stored_at(IDS(0, 0)), 0);
    EXPECT_EQ(stored_at(IDS(0)), 2);
    bed_close(&bed);
}
