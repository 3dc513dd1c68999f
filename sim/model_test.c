#include "sim/model.h"

#include "test.h"

static struct model model;
static struct verdict verdict;

static struct model_partition *begin(enum model_level level)
{
    verdict = (struct verdict){0};
    model_init(&model, &verdict, level, 1);
    struct model_stream *stream = &model.streams[0];
    stream->existence = MODEL_PRESENT;
    stream->topics[0].existence = MODEL_PRESENT;
    stream->topics[0].partitions_count = 1;
    stream->topics[0].partitions_other = 1;
    return &stream->topics[0].partitions[0];
}

static struct model_send *send_at(struct model_partition *partition, u32 count, u64 base)
{
    struct model_send *send = model_send_begin(&model, partition, count, 0, 1000);
    model_send_acknowledged(&model, send, base, 5, false);
    return send;
}

static void audit(struct model_partition *partition, u64 end, bool may_lose, u64 lost_before_us)
{
    struct model_found found = {.end = end, .may_lose = may_lose, .lost_before_us = lost_before_us};
    model_audit_partition(&model, partition, &found);
}

/* Message `index` of the send, as a poll would show it at `offset`. */
static void see(struct model_partition *partition, const struct model_send *send, u32 index,
                u64 offset, u8 flip)
{
    static u8 payload[90000];
    u32 size = model_message_size(send, index);
    model_message_fill(send, index, payload);
    payload[0] ^= flip;
    struct polled_message message = {
        .offset = offset,
        .timestamp_us = 7,
        .origin_timestamp_us = send->origin_us + index,
        .id = model_message_id(send, index),
        .payload = {payload, size},
    };
    model_saw(&model, partition, &message, 9, false);
}

static bool caught(enum checker checker)
{
    bool right = verdict.failed && verdict.checker == checker;
    model_deinit(&model);
    return right;
}

static bool content(void)
{
    bool right = !verdict.failed;
    model_deinit(&model);
    return right;
}

TEST(what_was_acknowledged_and_is_seen_again_is_right)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    struct model_send *first = send_at(partition, 3, 0);
    struct model_send *second = send_at(partition, 2, 3);
    see(partition, first, 2, 2, 0);
    see(partition, second, 0, 3, 0);
    EXPECT_EQ(model_end(partition), 5);
    audit(partition, 5, false, 0);
    EXPECT(content());
}

TEST(an_offset_given_twice_is_caught)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    (void)send_at(partition, 3, 0);
    (void)send_at(partition, 3, 2);
    EXPECT(caught(CHECK_offsets_are_dense));
}

TEST(changed_bytes_are_caught)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    struct model_send *send = NULL;
    do { /* an empty payload has no byte to change */
        send = send_at(partition, 1, model_end(partition));
    } while (model_message_size(send, 0) == 0);
    see(partition, send, 0, send->base_offset, 1);
    EXPECT(caught(CHECK_never_served_wrong));
}

TEST(an_acknowledged_message_that_is_gone_is_caught_at_sync)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    (void)send_at(partition, 3, 0);
    (void)send_at(partition, 3, 3);
    audit(partition, 3, false, 0);
    EXPECT(caught(CHECK_acknowledged_is_readable));
}

TEST(a_lossy_level_may_lose_a_suffix_of_whole_sends_that_is_young)
{
    struct model_partition *partition = begin(MODEL_OS);
    struct model_send *lost = NULL;
    (void)send_at(partition, 3, 0);
    lost = send_at(partition, 3, 3);
    audit(partition, 3, true, 5);
    EXPECT_EQ(lost->state, SEND_LOST);
    EXPECT_EQ(model_end(partition), 3);
    EXPECT(content());

    partition = begin(MODEL_OS);
    (void)send_at(partition, 3, 0);
    audit(partition, 2, true, 5);
    EXPECT(caught(CHECK_acknowledged_is_readable));

    partition = begin(MODEL_OS);
    (void)send_at(partition, 3, 0);
    audit(partition, 0, true, 6);
    EXPECT(caught(CHECK_acknowledged_is_readable));
}

TEST(what_was_trimmed_may_come_back_with_a_restart_and_only_then)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    (void)send_at(partition, 3, 0);
    (void)send_at(partition, 3, 3);
    partition->trims = true;
    struct model_found found = {.first = 3, .end = 6};
    model_audit_partition(&model, partition, &found);
    EXPECT_EQ(partition->first, 3);
    found.first = 0;
    model_audit_partition(&model, partition, &found);
    EXPECT_EQ(partition->first, 0);
    EXPECT(!verdict.failed);

    partition->trims = false;
    found.first = 3;
    model_audit_partition(&model, partition, &found);
    EXPECT(caught(CHECK_acknowledged_is_readable));
}

/* The log of a life that a purge began: its first messages are gone. */
static void audit_a_log_that_begins_late(struct model_partition *partition)
{
    (void)send_at(partition, 3, 3);
    struct model_found found = {.first = 3, .end = 6};
    model_audit_partition(&model, partition, &found);
}

TEST(segments_deleted_before_a_purge_excuse_nothing_after_it)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    model_segments_delete_begin(partition);
    model_segments_delete_answered(partition);
    model_purge(&model, partition->topic, 0);
    audit_a_log_that_begins_late(partition);
    EXPECT(caught(CHECK_acknowledged_is_readable));
}

TEST(segments_deleted_before_the_late_answer_to_a_purge_may_be_of_the_life_after_it)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    partition->topic->purge_unknown = true;
    model_segments_delete_begin(partition);
    model_segments_delete_answered(partition);
    partition->topic->purge_unknown = false;
    model_purge(&model, partition->topic, 0);
    audit_a_log_that_begins_late(partition);
    EXPECT(content());

    partition = begin(MODEL_SYNC);
    model_segments_delete_begin(partition);
    partition->topic->is_changing = true;
    model_segments_delete_answered(partition);
    partition->topic->is_changing = false;
    model_purge(&model, partition->topic, 0);
    audit_a_log_that_begins_late(partition);
    EXPECT(!verdict.failed);
    model_purge(&model, partition->topic, 0);
    audit_a_log_that_begins_late(partition);
    EXPECT(caught(CHECK_acknowledged_is_readable));
}

TEST(a_deletion_of_segments_without_an_answer_may_come_to_a_next_life_until_a_restart)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    model_segments_delete_begin(partition);
    model_purge(&model, partition->topic, 0);
    model_topic_retains(partition->topic, 0, 0);
    audit_a_log_that_begins_late(partition);
    EXPECT(!verdict.failed);
    model_purge(&model, partition->topic, 0);
    audit_a_log_that_begins_late(partition);
    EXPECT(caught(CHECK_acknowledged_is_readable));
}

TEST(an_unanswered_send_in_what_was_trimmed_may_come_back_with_it)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    struct model_send *send = model_send_begin(&model, partition, 2, 0, 1000);
    model_send_lost(send);
    partition->trims = true;
    struct model_found found = {.first = 2, .end = 2};
    model_audit_partition(&model, partition, &found);
    see(partition, send, 0, 0, 0);
    EXPECT(content());
}

TEST(a_purged_send_that_comes_back_is_caught)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    struct model_send *send = send_at(partition, 3, 0);
    model_purge(&model, partition->topic, 0);
    see(partition, send, 0, 0, 0);
    EXPECT(caught(CHECK_purged_is_gone));
}

TEST(an_unanswered_send_may_turn_up_once_and_not_after_an_audit)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    struct model_send *send = model_send_begin(&model, partition, 2, 0, 1000);
    send->state = SEND_UNKNOWN;
    see(partition, send, 1, 1, 0);
    EXPECT_EQ(model_end(partition), 2);
    EXPECT(content());

    partition = begin(MODEL_SYNC);
    send = model_send_begin(&model, partition, 2, 0, 1000);
    send->state = SEND_UNKNOWN;
    audit(partition, 0, false, 0);
    see(partition, send, 0, 0, 0);
    EXPECT(caught(CHECK_offsets_are_dense));
}

TEST(a_send_that_comes_again_is_one_send_whichever_request_is_answered)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    struct model_send *send = model_send_begin(&model, partition, 2, 0, 1000);
    EXPECT(model_send_repeat(send));
    model_send_refused(send); /* the other may be stored all the same */
    EXPECT_EQ(send->state, SEND_IN_FLIGHT);
    model_send_lost(send);
    EXPECT_EQ(send->state, SEND_UNKNOWN);
    EXPECT(model_send_repeat(send));
    model_send_acknowledged(&model, send, 0, 5, false);
    EXPECT_EQ(model_end(partition), 2);
    EXPECT(model_send_repeat(send));
    model_purge(&model, partition->topic, 0);
    EXPECT_EQ(send->state, SEND_UNKNOWN);
    model_send_refused(send);
    EXPECT(content());

    partition = begin(MODEL_SYNC);
    send = send_at(partition, 2, 0);
    EXPECT(model_send_repeat(send));
    model_send_acknowledged(&model, send, 2, 5, false);
    EXPECT(caught(CHECK_model_agrees));
}

TEST(a_log_that_holds_more_than_was_sent_is_caught)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    (void)send_at(partition, 3, 0);
    (void)send_at(partition, 3, 5);
    audit(partition, 8, false, 0);
    EXPECT(caught(CHECK_offsets_are_dense));
}

TEST(rot_excuses_the_offsets_of_its_segment_and_no_others)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    model_note_rot(partition, 10, 20, false);
    EXPECT(model_offset_is_rotten(partition, 10));
    EXPECT(!model_offset_is_rotten(partition, 20));
    EXPECT(content());
}

TEST(rot_during_a_purge_may_lie_in_the_life_after_it)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    model_note_rot(partition, 0, 10, false);
    partition->topic->is_changing = true;
    model_note_rot(partition, 10, 20, false);
    model_purge(&model, partition->topic, 0);
    EXPECT(!model_offset_is_rotten(partition, 5));
    EXPECT(model_offset_is_rotten(partition, 15));
    model_purge(&model, partition->topic, 0);
    EXPECT(!model_offset_is_rotten(partition, 15));
    EXPECT(content());
}

TEST(a_stored_offset_has_one_value_until_a_store_gets_no_answer)
{
    struct model_partition *partition = begin(MODEL_SYNC);
    struct model_stored *stored = &partition->stored[0];
    EXPECT(model_stored_allows(stored, MODEL_NONE));
    model_store_begin(stored, 5);
    EXPECT(model_stored_allows(stored, 5));
    EXPECT(model_stored_allows(stored, MODEL_NONE));
    model_store_done(stored, 5, true);
    EXPECT(!model_stored_allows(stored, MODEL_NONE));
    model_store_begin(stored, 6);
    model_store_done(stored, 6, false);
    EXPECT(!model_stored_allows(stored, 5));
    model_stored_crash(stored);
    EXPECT(model_stored_allows(stored, 5));
    EXPECT(model_stored_allows(stored, 6));
    model_stored_settle(stored, 6);
    EXPECT(!model_stored_allows(stored, 5));
    EXPECT(content());
}
