#include "shard/shard_fixture.h"

struct asked {
    enum msg_kind kind;
    u32 flags;
    u32 consumer;
    u64 offset;
};

static struct msg ask(struct bed *bed, const struct asked *asked)
{
    struct msg msg = {.kind = (u8)asked->kind,
                      .flags = (u8)asked->flags,
                      .partition = bed_handle(bed, 0),
                      .member_session = 1,
                      .offset = {.offset = asked->offset, .consumer = asked->consumer}};
    u32 slot = bed_send(bed, &msg);
    bed_wait(bed);
    struct msg reply = bed->replies[slot].msg;
    bed_take_reply(bed, slot);
    return reply;
}

static u32 store(struct bed *bed, u32 flags, u32 consumer, u64 offset)
{
    return ask(bed, &(struct asked){MSG_OFFSET_STORE, flags | MSG_AFTER_COMMIT, consumer, offset})
        .error;
}

static u64 stored(struct bed *bed, u32 flags, u32 consumer)
{
    struct msg reply = ask(bed, &(struct asked){MSG_OFFSET_GET, flags, consumer, 0});
    EXPECT_EQ(reply.error, WIRE_OK);
    return reply.offset_got.stored;
}

static void open_with_messages(struct bed *bed, u64 seed)
{
    bed_open(bed, &(struct sim_options){.seed = seed});
    bed_topic(bed, 1);
    bed_start(bed);
    (void)bed_append_one(bed, 0, 100, 50);
}

TEST(an_offset_is_stored_got_moved_back_and_deleted)
{
    struct bed bed;
    open_with_messages(&bed, 1);
    EXPECT_EQ(stored(&bed, 0, 7), UINT64_MAX);
    EXPECT_EQ(store(&bed, 0, 7, 50), WIRE_OK);
    EXPECT_EQ(stored(&bed, 0, 7), 50);
    EXPECT_EQ(store(&bed, 0, 7, 0), WIRE_OK);
    EXPECT_EQ(stored(&bed, 0, 7), 0);
    struct asked delete = {MSG_OFFSET_DELETE, MSG_AFTER_COMMIT, 7, 0};
    EXPECT_EQ(ask(&bed, &delete).error, WIRE_OK);
    EXPECT_EQ(stored(&bed, 0, 7), UINT64_MAX);
    EXPECT_EQ(ask(&bed, &delete).error, WIRE_CONSUMER_OFFSET_NOT_FOUND);
    bed_close(&bed);
}

TEST(an_offset_beyond_the_newest_message_is_refused)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 2});
    bed_topic(&bed, 1);
    bed_start(&bed);
    EXPECT_EQ(store(&bed, 0, 1, 0), WIRE_INVALID_OFFSET);
    (void)bed_append_one(&bed, 0, 10, 50);
    EXPECT_EQ(store(&bed, 0, 1, 9), WIRE_OK);
    EXPECT_EQ(store(&bed, 0, 1, 10), WIRE_INVALID_OFFSET);
    EXPECT_EQ(stored(&bed, 0, 1), 9);
    bed_close(&bed);
}

TEST(numbers_names_and_groups_do_not_meet)
{
    struct bed bed;
    open_with_messages(&bed, 3);
    bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_USER, .name = span_of("u")});
    bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_GROUP, .name = span_of("g")});
    bed_command(&bed, &(struct state_command){.kind = STATE_OPEN_SESSION,
                                              .session = {.session = 1, .client = {1, 1}}});
    bed_command(&bed, &(struct state_command){.kind = STATE_JOIN_GROUP, .session = {.session = 1}});
    EXPECT_EQ(store(&bed, 0, 0, 1), WIRE_OK);
    EXPECT_EQ(store(&bed, MSG_NAMED_CONSUMER, 0, 2), WIRE_OK);
    EXPECT_EQ(store(&bed, MSG_GROUP_CONSUMER, 0, 3), WIRE_OK);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(stored(&bed, 0, 0), 1);
    EXPECT_EQ(stored(&bed, MSG_NAMED_CONSUMER, 0), 2);
    EXPECT_EQ(stored(&bed, MSG_GROUP_CONSUMER, 0), 3);
    bed_close(&bed);
}

/* For one of 20 consumers; `wanted` is what each must have, UINT64_MAX for none. */
static void store_or_delete(struct bed *bed, u64 *wanted)
{
    u32 consumer = (u32)prng_below(&bed->prng, 20);
    if (wanted[consumer] != UINT64_MAX && prng_chance(&bed->prng, 1, 3)) {
        struct asked delete = {MSG_OFFSET_DELETE, MSG_AFTER_COMMIT, consumer, 0};
        EXPECT_EQ(ask(bed, &delete).error, WIRE_OK);
        wanted[consumer] = UINT64_MAX;
    } else {
        wanted[consumer] = prng_below(&bed->prng, 100);
        EXPECT_EQ(store(bed, 0, consumer, wanted[consumer]), WIRE_OK);
    }
}

TEST(what_was_answered_survives_crash_after_crash_and_what_was_deleted_does_not_come_back)
{
    for (u64 seed = 10; seed < 30; seed++) {
        struct bed bed;
        u64 wanted[20];
        open_with_messages(&bed, seed);
        for (u32 i = 0; i < 20; i++) {
            wanted[i] = UINT64_MAX;
        }
        for (u32 round = 0; round < 5; round++) {
            for (u32 i = 0; i < 30; i++) {
                store_or_delete(&bed, wanted);
            }
            bed_crash(&bed, &sim_crash_default);
            bed_start(&bed);
            for (u32 i = 0; i < 20; i++) {
                EXPECT_EQ(stored(&bed, 0, i), wanted[i]);
            }
        }
        bed_close(&bed);
    }
}

TEST(many_that_store_at_once_share_a_write)
{
    struct bed bed;
    open_with_messages(&bed, 4);
    u64 before = sim_now_us(bed.sim);
    EXPECT_EQ(store(&bed, 0, 0, 1), WIRE_OK);
    u64 one_us = sim_now_us(bed.sim) - before;
    before = sim_now_us(bed.sim);
    for (u32 i = 0; i < 60; i++) {
        struct msg msg = {.kind = MSG_OFFSET_STORE,
                          .flags = MSG_AFTER_COMMIT,
                          .partition = bed_handle(&bed, 0),
                          .offset = {.offset = i, .consumer = i}};
        (void)bed_send(&bed, &msg);
    }
    bed_wait(&bed);
    EXPECT(sim_now_us(bed.sim) - before < 10 * one_us);
    bed_close(&bed);
}

TEST(the_file_is_begun_anew_when_most_of_it_is_stale)
{
    struct bed bed;
    open_with_messages(&bed, 5);
    for (u32 i = 0; i < 1200; i++) {
        EXPECT_EQ(store(&bed, 0, i % 3, i % 100), WIRE_OK);
    }
    EXPECT(bed.core->shard->offsets.file.number > 1);
    EXPECT(bed.core->shard->offsets.file.position < 4 * MIB);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(stored(&bed, 0, 0), 1197 % 100);
    EXPECT_EQ(stored(&bed, 0, 1), 1198 % 100);
    EXPECT_EQ(stored(&bed, 0, 2), 1199 % 100);
    bed_close(&bed);
}

TEST(a_failed_sync_ends_storing_and_nothing_else)
{
    struct bed bed;
    open_with_messages(&bed, 6);
    sim_fail_next(bed.sim, 0, SIM_WRITE, "offsets", ERR_IO);
    struct asked asked = {MSG_OFFSET_STORE, MSG_AFTER_COMMIT, 1, 5};
    EXPECT((ask(&bed, &asked).flags & MSG_CLOSE_CONNECTION) != 0);
    EXPECT_EQ(store(&bed, 0, 1, 6), WIRE_CANNOT_WRITE_TO_FILE);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 10)->state, BED_ACKNOWLEDGED);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 105);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(store(&bed, 0, 1, 7), WIRE_OK);
    bed_close(&bed);
}

/* More than the zeros that a new file begins with: 128 bytes each. */
#define MANY_CONSUMERS 6000u

TEST(live_offsets_beyond_the_first_zeros_are_not_overwritten_by_the_next)
{
    struct bed bed;
    open_with_messages(&bed, 31);
    for (u32 i = 0; i < MANY_CONSUMERS; i++) {
        EXPECT_EQ(store(&bed, 0, i, i % 50), WIRE_OK);
    }
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed); /* writes all of them into a new file */
    EXPECT_EQ(store(&bed, 0, 1, 49), WIRE_OK);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(stored(&bed, 0, 1), 49);
    for (u32 i = 2; i < MANY_CONSUMERS; i++) {
        EXPECT_EQ(stored(&bed, 0, i), i % 50);
    }
    bed_close(&bed);
}
