#include "replica/replica.h"

#include "tests/test.h"

TEST(a_group_of_one_commits_what_it_persisted)
{
    struct replica replica;
    replica_init(&replica, 3, 10);
    EXPECT_EQ(replica.committed_end, 10);
    replica_propose(&replica, 15);
    replica_propose(&replica, 20);
    EXPECT_EQ(replica.committed_end, 10);
    EXPECT_EQ(replica_on_persisted(&replica, 15), 15);
    EXPECT_EQ(replica_on_persisted(&replica, 20), 20);
}

TEST(what_was_not_persisted_can_be_given_up_and_proposed_again)
{
    struct replica replica;
    replica_init(&replica, 0, 0);
    replica_propose(&replica, 5);
    EXPECT_EQ(replica_on_persisted(&replica, 5), 5);
    replica_propose(&replica, 9);
    replica_propose(&replica, 12);
    replica_give_up(&replica, 9);
    replica_give_up(&replica, 5);
    replica_propose(&replica, 7);
    EXPECT_EQ(replica_on_persisted(&replica, 7), 7);
}

TEST(nothing_is_committed_that_was_not_proposed)
{
    struct replica replica;
    replica_init(&replica, 0, 0);
    replica_propose(&replica, 5);
    EXPECT_CHECK_FAILS((void)replica_on_persisted(&replica, 6));
}
