#include "sim/group_model.h"

#include "test.h"

#define HANDOVER_US 5000u

static struct group_model model;
static struct verdict verdict;

static void begin(void)
{
    verdict = (struct verdict){0};
    group_model_init(&model, &verdict, HANDOVER_US);
}

static bool failed_by(enum checker checker)
{
    return verdict.failed && verdict.checker == checker;
}

static void commit(u32 member, u64 next, bool is_durable, u64 at_us)
{
    group_model_ask(&model, member, 0, next, at_us);
    group_model_committed(&model, member, is_durable, at_us + 1);
}

static void look(u32 member, u64 next)
{
    group_model_ask(&model, member, 0, 0, 9);
    group_model_looked(&model, member, next);
}

static void read_from(u32 member, u64 first, u64 asked_us)
{
    group_model_ask(&model, member, 0, 0, asked_us);
    group_model_read(&model, member, &(struct group_model_read){.first = first, .next = first + 5},
                     asked_us + 10);
}

TEST(what_was_committed_by_a_group_is_next)
{
    begin();
    commit(1, 7, true, 5);
    look(2, 7);
    EXPECT(!verdict.failed);
    look(2, 6);
    EXPECT(failed_by(CHECK_stored_offset_stays));
    begin();
    commit(1, 7, true, 5);
    look(2, 8);
    EXPECT(failed_by(CHECK_stored_offset_stays));
}

TEST(a_crash_takes_only_commits_of_a_group_that_are_not_durable)
{
    begin();
    commit(1, 4, true, 5);
    commit(1, 7, false, 6);
    group_model_crash(&model);
    look(2, 4);
    EXPECT(!verdict.failed);
    look(2, 3);
    EXPECT(failed_by(CHECK_stored_offset_stays));
}

TEST(a_log_that_was_cut_takes_what_was_stored_beyond_its_end)
{
    begin();
    commit(1, 7, true, 5);
    group_model_cut(&model);
    look(2, 6);
    EXPECT(!verdict.failed);
    commit(1, 7, true, 10);
    look(2, 6);
    EXPECT(failed_by(CHECK_stored_offset_stays));
}

TEST(a_commit_without_an_answer_may_come_later)
{
    begin();
    group_model_ask(&model, 1, 0, 4, 5);
    group_model_lost(&model, 1);
    commit(2, 9, true, 6);
    look(3, 4);
    look(3, 9);
    EXPECT(!verdict.failed);
    group_model_started(&model);
    commit(2, 9, true, 7);
    look(3, 4);
    EXPECT(failed_by(CHECK_stored_offset_stays));
}

TEST(commits_at_once_may_be_done_in_either_order)
{
    begin();
    group_model_ask(&model, 1, 0, 4, 5);
    group_model_ask(&model, 2, 0, 9, 5);
    group_model_committed(&model, 2, true, 6);
    group_model_committed(&model, 1, true, 7);
    look(3, 4);
    look(3, 9);
    EXPECT(!verdict.failed);
}

TEST(nobody_reads_what_another_member_was_handed_and_did_not_commit)
{
    begin();
    read_from(1, 0, 100);
    read_from(2, 0, 200);
    group_model_is_member(&model, 1, 205); /* asked before the other was served */
    EXPECT(!verdict.failed);
    group_model_is_member(&model, 1, 300);
    EXPECT(failed_by(CHECK_groups_hold));
}

TEST(a_member_that_left_or_had_its_time_holds_nothing)
{
    begin();
    read_from(1, 0, 100);
    group_model_left(&model, 1);
    read_from(2, 0, 200);
    group_model_is_member(&model, 1, 300);
    read_from(3, 0, 200 + HANDOVER_US);
    group_model_is_member(&model, 2, 300 + HANDOVER_US);
    EXPECT(!verdict.failed);
}

TEST(a_member_that_is_committing_may_have_let_go)
{
    begin();
    read_from(1, 0, 100);
    group_model_ask(&model, 1, 0, 5, 150);
    read_from(2, 5, 200);
    group_model_committed(&model, 1, true, 250);
    group_model_is_member(&model, 1, 300);
    EXPECT(!verdict.failed);
}

TEST(a_holder_of_a_partition_may_commit)
{
    begin();
    read_from(1, 0, 100);
    group_model_ask(&model, 1, 0, 5, 200);
    group_model_not_owned(&model, 1, 210);
    EXPECT(failed_by(CHECK_groups_hold));
    begin();
    read_from(1, 0, 100);
    group_model_ask(&model, 1, 0, 5, 200 + HANDOVER_US);
    group_model_not_owned(&model, 1, 210 + HANDOVER_US);
    EXPECT(!verdict.failed);
}
