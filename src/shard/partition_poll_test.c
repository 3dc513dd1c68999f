#include "shard/shard_fixture.h"

/* Twenty batches of five messages, one a millisecond. */
static void open_with_batches(struct bed *bed, u64 seed, u32 payload_bytes)
{
    bed_open(bed, &(struct sim_options){.seed = seed});
    bed_topic(bed, 1);
    bed_start(bed);
    for (u32 i = 0; i < 20; i++) {
        (void)bed_append_one(bed, 0, 5, payload_bytes);
        bed_run(bed, US_PER_MS);
    }
}

struct expected {
    u64 first;
    u32 count;
    u32 records; /* batches in the reply */
};

static void expect_polled(struct bed *bed, const struct bed_poll *wanted,
                          const struct expected *expected)
{
    struct bed_polled polled = bed_poll(bed, 0, wanted);
    struct partition_handle handle = bed_handle(bed, 0);
    EXPECT_EQ(polled.error, WIRE_OK);
    EXPECT_EQ(polled.count, expected->count);
    EXPECT_EQ(polled.current_offset, 99);
    struct poll_reply reply = {.prefix = {.messages_count = polled.count},
                               .batches = {polled.body, polled.bytes}};
    struct poll_iterator iterator = poll_iterate(&reply);
    struct polled_message message;
    u64 offset = expected->first;
    u32 count = 0;
    while (poll_next(&iterator, &message)) {
        bed_check_message(bed, handle, &message, offset++);
        count++;
    }
    EXPECT(!iterator.failed);
    EXPECT_EQ(count, expected->count);
    u32 records = 0;
    for (u32 at = 0; at < polled.bytes; records++) {
        struct batch_check check_it;
        struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
        u32 bytes = (u32)get_u64(polled.body + at + 32);
        EXPECT(bytes <= polled.bytes - at);
        batch_check_init_stored(&check_it, polled.body + at, bytes);
        /* A slice has deltas that do not begin at 0, which only a poll may give. */
        if (get_u32(polled.body + at + 48) == 5) {
            EXPECT_EQ(batch_check_step(&check_it, bytes, &budget), BATCH_CHECK_GOOD);
        }
        at += bytes;
    }
    EXPECT_EQ(records, expected->records);
    mem_return(polled.body);
}

static void expect_strategies(struct bed *bed)
{
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_FIRST, .count = 7},
                  &(struct expected){.first = 0, .count = 7, .records = 2});
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_LAST, .count = 1},
                  &(struct expected){.first = 99, .count = 1, .records = 1});
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_LAST, .count = 8},
                  &(struct expected){.first = 92, .count = 8, .records = 2});
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_LAST, .count = 1000},
                  &(struct expected){.first = 0, .count = 100, .records = 20});
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_OFFSET, .value = 41, .count = 2},
                  &(struct expected){.first = 41, .count = 2, .records = 1});
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_OFFSET, .value = 41, .count = 20},
                  &(struct expected){.first = 41, .count = 20, .records = 5});
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_OFFSET, .value = 100, .count = 20},
                  &(struct expected){.count = 0});
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_OFFSET, .value = UINT64_MAX, .count = 1},
                  &(struct expected){.count = 0});
    expect_polled(bed, &(struct bed_poll){.strategy = POLL_FIRST, .count = 0},
                  &(struct expected){.count = 0});
}

TEST(every_strategy_gives_what_it_names_from_memory_and_from_disk)
{
    struct bed bed;
    open_with_batches(&bed, 1, 100);
    expect_strategies(&bed);
    expect_strategies(&bed);
    bed_stop(&bed);
    bed_start(&bed);
    expect_strategies(&bed);
    EXPECT(counter_get(bed.counters, COUNTER_cache_misses) > 0);
    EXPECT(counter_get(bed.counters, COUNTER_cache_hits) > 0);
    bed_close(&bed);
}

TEST(large_messages_are_lent_and_small_ones_copied_with_the_same_result)
{
    struct bed bed;
    open_with_batches(&bed, 2, 20000);
    expect_strategies(&bed);
    bed_kill(&bed);
    bed_start(&bed);
    expect_strategies(&bed);
    bed_close(&bed);
}

/* Reads all from `offset` on with polls of `count` messages; bytes read from disk for it. */
static u64 read_on(struct bed *bed, u64 offset, u32 count)
{
    u64 before = counter_get(bed->counters, COUNTER_poll_read_bytes);
    while (offset < 100) {
        struct bed_polled polled = bed_poll(
            bed, 0, &(struct bed_poll){.strategy = POLL_OFFSET, .value = offset, .count = count});
        EXPECT_EQ(polled.error, WIRE_OK);
        EXPECT(polled.count > 0);
        offset += polled.count;
        mem_return(polled.body);
    }
    return counter_get(bed->counters, COUNTER_poll_read_bytes) - before;
}

/* Units of 600 KB: one is more than a first read and no two fit in a largest one. The first is
 * read in two goes. */
TEST(a_reader_that_goes_on_reads_each_unit_once)
{
    u32 const counts[] = {3, 5, 100};
    struct bed bed;
    open_with_batches(&bed, 5, 120 * 1000);
    for (u32 i = 0; i < array_count(counts); i++) {
        bed_stop(&bed);
        bed_start(&bed);
        u64 read_bytes = read_on(&bed, 0, counts[i]);
        EXPECT(read_bytes >= 20 * 600 * 1000);
        EXPECT(read_bytes < 215 * 60 * 1000);
    }
    bed_close(&bed);
}

static u64 time_of(struct bed *bed, u64 offset)
{
    struct bed_polled polled =
        bed_poll(bed, 0, &(struct bed_poll){.strategy = POLL_OFFSET, .value = offset, .count = 1});
    u64 time_us = get_u64(polled.body + 16);
    mem_return(polled.body);
    return time_us;
}

TEST(a_poll_by_time_begins_with_the_first_message_that_is_not_older)
{
    struct bed bed;
    open_with_batches(&bed, 3, 500);
    for (u32 round = 0; round < 2; round++) {
        for (u64 batch = 0; batch < 20; batch += 3) {
            u64 time_us = time_of(&bed, batch * 5);
            expect_polled(
                &bed, &(struct bed_poll){.strategy = POLL_TIMESTAMP, .value = time_us, .count = 3},
                &(struct expected){.first = batch * 5, .count = 3, .records = 1});
            if (batch > 0) {
                expect_polled(&bed,
                              &(struct bed_poll){.strategy = POLL_TIMESTAMP,
                                                 .value = time_of(&bed, batch * 5 - 1) + 1,
                                                 .count = 5},
                              &(struct expected){.first = batch * 5, .count = 5, .records = 1});
            }
        }
        expect_polled(&bed,
                      &(struct bed_poll){
                          .strategy = POLL_TIMESTAMP, .value = time_of(&bed, 99) + 1, .count = 5},
                      &(struct expected){.count = 0});
        expect_polled(&bed,
                      &(struct bed_poll){.strategy = POLL_TIMESTAMP, .value = 0, .count = 100},
                      &(struct expected){.first = 0, .count = 100, .records = 20});
        bed_stop(&bed);
        bed_start(&bed);
    }
    bed_close(&bed);
}

TEST(next_goes_on_behind_the_stored_offset_which_auto_commit_moves)
{
    struct bed bed;
    open_with_batches(&bed, 4, 50);
    struct bed_poll next = {.strategy = POLL_NEXT, .count = 12, .consumer = 3, .auto_commit = true};
    struct bed_poll other = {.strategy = POLL_NEXT, .count = 2, .consumer = 4};
    expect_polled(&bed, &next, &(struct expected){.first = 0, .count = 12, .records = 3});
    expect_polled(&bed, &other, &(struct expected){.first = 0, .count = 2, .records = 1});
    expect_polled(&bed, &next, &(struct expected){.first = 12, .count = 12, .records = 3});
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    expect_polled(&bed, &next, &(struct expected){.first = 24, .count = 12, .records = 4});
    expect_polled(&bed, &other, &(struct expected){.first = 0, .count = 2, .records = 1});
    bed_close(&bed);
}

TEST(an_empty_partition_answers_with_nothing)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 5});
    bed_topic(&bed, 1);
    bed_start(&bed);
    for (u32 strategy = POLL_OFFSET; strategy <= POLL_NEXT; strategy++) {
        struct bed_polled polled =
            bed_poll(&bed, 0, &(struct bed_poll){.strategy = strategy, .count = 10});
        EXPECT_EQ(polled.error, WIRE_OK);
        EXPECT_EQ(polled.count, 0);
        EXPECT_EQ(polled.current_offset, 0);
        mem_return(polled.body);
    }
    bed_close(&bed);
}

TEST(a_reply_ends_at_a_whole_batch_before_it_grows_too_large)
{
    struct bed bed;
    open_with_batches(&bed, 6, 100000);
    bed.plan.poll_reply_bytes_max = 1200 * 1000;
    expect_polled(&bed, &(struct bed_poll){.strategy = POLL_FIRST, .count = 1000},
                  &(struct expected){.first = 0, .count = 10, .records = 2});
    /* One batch is always given, however large. */
    bed.plan.poll_reply_bytes_max = 1000;
    expect_polled(&bed, &(struct bed_poll){.strategy = POLL_FIRST, .count = 1000},
                  &(struct expected){.first = 0, .count = 5, .records = 1});
    bed_close(&bed);
}

TEST(what_was_lent_does_not_change_until_it_comes_back_and_then_nothing_is_held)
{
    struct bed bed;
    open_with_batches(&bed, 7, 30000);
    struct msg msg = {.kind = MSG_POLL,
                      .partition = bed_handle(&bed, 0),
                      .poll = {.count_strategy = 20u | (u32)POLL_FIRST << 24}};
    u32 slot = bed_send(&bed, &msg);
    bed_wait(&bed);
    struct poll_loan *loan = bed.replies[slot].msg.loan;
    bed_take_reply(&bed, slot);
    u8 *copy = mem_take(loan->bytes);
    u64 at = 0;
    for (u32 i = 0; i < loan->pieces_count; i++) {
        memcpy(copy + at, loan->pieces[i].data, loan->pieces[i].size);
        at += loan->pieces[i].size;
    }
    while (cache_drop_oldest(&bed.core->shard->cache)) {
    }
    for (u32 i = 0; i < 20; i++) {
        (void)bed_append_one(&bed, 0, 5, 30000);
    }
    at = 0;
    for (u32 i = 0; i < loan->pieces_count; i++) {
        EXPECT_BYTES(loan->pieces[i].data, copy + at, loan->pieces[i].size);
        at += loan->pieces[i].size;
    }
    mem_return(copy);
    bed_return_loan(&bed, loan);
    while (cache_drop_oldest(&bed.core->shard->cache)) {
    }
    /* What is left is the index of the active segment. */
    EXPECT(buf_pool_taken_bytes(bed.core->bufs) <= 8 * KIB);
    EXPECT_EQ(bed.core->shard->requests.taken_count, 0);
    bed_close(&bed);
}

TEST(what_is_not_there_is_not_found)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 8});
    bed_topic(&bed, 1);
    bed_start(&bed);
    struct msg msg = {.kind = MSG_POLL,
                      .partition = {.slot = 17, .generation = 1},
                      .poll = {.count_strategy = 20u | (u32)POLL_FIRST << 24}};
    u32 slot = bed_send(&bed, &msg);
    bed_wait(&bed);
    EXPECT_EQ(bed.replies[slot].msg.error, WIRE_PARTITION_NOT_FOUND);
    bed_take_reply(&bed, slot);
    msg.partition = bed_handle(&bed, 0);
    msg.partition.generation++;
    slot = bed_send(&bed, &msg);
    bed_wait(&bed);
    EXPECT_EQ(bed.replies[slot].msg.error, WIRE_PARTITION_NOT_FOUND);
    bed_close(&bed);
}

TEST(the_index_of_the_newest_segment_survives_a_stop_and_a_crash_and_a_cut_of_the_log)
{
    for (u64 seed = 20; seed < 30; seed++) {
        struct bed bed;
        bed_open(&bed, &(struct sim_options){.seed = seed});
        bed.encrypts = seed % 2 == 1;
        bed.settings.segment_bytes_default = GIB;
        bed_topic(&bed, 1);
        bed_start(&bed);
        for (u32 round = 0; round < 4; round++) {
            for (u32 i = 0; i < 40; i++) {
                (void)bed_append(&bed, 0, 1, 20000);
                bed_run(&bed, prng_below(&bed.prng, US_PER_MS));
                bed_take_appends(&bed);
            }
            if (round % 2 == 0) {
                bed_wait(&bed);
                bed_take_appends(&bed);
                bed_run(&bed, prng_below(&bed.prng, 2 * US_PER_SECOND));
                bed_stop(&bed);
            } else {
                bed_crash(&bed, &sim_crash_default);
            }
            bed_start(&bed);
            (void)bed_check_all(&bed, 0, 3);
        }
        const struct log *log = &bed.core->shard->partitions[bed_handle(&bed, 0).slot].log;
        EXPECT(log->active->index_buf != NULL);
        EXPECT(log->active->index.entries_count >= 1);
        bed_close(&bed);
    }
}

static bool is_encrypting(void *context)
{
    struct bed *bed = context;
    return bed->core->shard->partitions[bed_handle(bed, 0).slot].log.step == LOG_ENCRYPT;
}

static bool is_decrypting(void *context)
{
    struct bed *bed = context;
    list_for_each(node, next, &bed->core->shard->waiters) {
        if (container_of(node, struct shard_request, node)->poll.secret.begun) {
            return true;
        }
    }
    return false;
}

static void expect_poll_pauses(struct bed *bed)
{
    struct msg msg = {.kind = MSG_POLL,
                      .partition = bed_handle(bed, 0),
                      .poll = {.count_strategy = 1 | (u32)POLL_FIRST << 24}};
    while (cache_drop_oldest(&bed->core->shard->cache)) {
    }
    u32 slot = bed_send(bed, &msg);
    EXPECT(sim_run_until(bed->sim, is_decrypting, bed, BED_LIMIT_US));
    bed_wait(bed);
    EXPECT_EQ(bed->replies[slot].msg.error, WIRE_OK);
    bed_return_loan(bed, bed->replies[slot].msg.loan);
    bed_take_reply(bed, slot);
}

TEST(what_is_too_large_for_a_turn_is_encrypted_and_decrypted_over_several)
{
    for (u32 level = DURABILITY_SYNC; level <= DURABILITY_MEMORY; level++) {
        struct bed bed;
        bed_open(&bed, &(struct sim_options){.seed = 50 + level});
        bed.encrypts = true;
        bed.settings.durability = (enum durability)level;
        bed.settings.flush_bytes = 1000;
        bed_topic(&bed, 3);
        bed_start(&bed);
        (void)bed_append(&bed, 0, 3, 1500000);
        EXPECT(sim_run_until(bed.sim, is_encrypting, &bed, BED_LIMIT_US));
        (void)bed_append(&bed, 1, 2, 1500000); /* waits for the first */
        (void)bed_append(&bed, 2, 2, 100);     /* does not */
        (void)bed_append(&bed, 0, 2, 900000);
        bed_wait(&bed);
        bed_take_appends(&bed);
        bed_run(&bed, 2 * US_PER_SECOND);
        expect_poll_pauses(&bed);
        for (u32 round = 0; round < 2; round++) {
            while (cache_drop_oldest(&bed.core->shard->cache)) {
            }
            EXPECT_EQ(bed_check_all(&bed, 0, 100), 5);
            EXPECT_EQ(bed_check_all(&bed, 1, 100), 2);
            EXPECT_EQ(bed_check_all(&bed, 2, 100), 2);
            bed_stop(&bed);
            bed_start(&bed);
        }
        bed_close(&bed);
    }
}

TEST(a_purge_while_a_large_batch_is_encrypted_waits_for_its_write)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 60});
    bed.encrypts = true;
    bed_topic(&bed, 1);
    bed_start(&bed);
    u32 large = bed_append(&bed, 0, 3, 1500000);
    EXPECT(sim_run_until(bed.sim, is_encrypting, &bed, BED_LIMIT_US));
    bed_command(&bed, &(struct state_command){.kind = STATE_PURGE_TOPIC});
    EXPECT_EQ(bed_append_one(&bed, 0, 2, 1500000)->base_offset, 0);
    EXPECT_EQ(bed.batches[large - 1].state, BED_ACKNOWLEDGED);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 2);
    bed_close(&bed);
}

TEST(indexes_of_sealed_segments_are_bounded_and_come_back)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 40});
    bed_topic(&bed, 1);
    bed_start(&bed);
    for (u32 i = 0; i < 100; i++) {
        (void)bed_append_one(&bed, 0, 1, 100000);
    }
    struct shard *shard = bed.core->shard;
    shard->cache.bytes_max = 8 * 2 * 16 * KIB; /* two of them */
    for (u32 round = 0; round < 3; round++) {
        for (u64 offset = 0; offset < 100; offset += 7) {
            while (cache_drop_oldest(&shard->cache)) {
            }
            struct bed_polled polled = bed_poll(
                &bed, 0, &(struct bed_poll){.strategy = POLL_OFFSET, .value = offset, .count = 1});
            EXPECT_EQ(polled.count, 1);
            EXPECT_EQ(get_u64(polled.body + 8), offset);
            mem_return(polled.body);
            EXPECT(shard->indexes_count <= 2);
        }
    }
    EXPECT_EQ(shard->indexes_count, 2);
    bed_close(&bed);
}

TEST(polls_and_appends_go_on_when_descriptors_are_few)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 50, .descriptors_max = 14});
    bed_topic(&bed, 4);
    bed_start(&bed);
    u32 acknowledged = 0;
    for (u32 i = 0; i < 120; i++) {
        struct bed_batch *batch = bed_append_one(&bed, i % 4, 1, 100000);
        acknowledged += batch->state == BED_ACKNOWLEDGED ? 1 : 0;
    }
    EXPECT(acknowledged >= 100);
    for (u32 i = 0; i < 4; i++) {
        (void)bed_check_all(&bed, i, 5);
    }
    EXPECT_EQ(bed.errors_logged, 0);
    bed_close(&bed);
}
