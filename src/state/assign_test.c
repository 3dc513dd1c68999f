#include "state/assign.h"

#include <string.h>

#include "test.h"

#define PARTITIONS_MAX 6u
#define MEMBERS_MAX 4u

struct trial {
    u32 partitions_count;
    u32 members_count;
    u32 before[PARTITIONS_MAX];
    u32 after[PARTITIONS_MAX];
    u32 moves;
};

static bool is_even(const u32 *owners, u32 partitions_count, u32 members_count)
{
    u32 owned[MEMBERS_MAX] = {0};
    for (u32 i = 0; i < partitions_count; i++) {
        owned[owners[i]]++;
    }
    for (u32 i = 0; i < members_count; i++) {
        if (owned[i] < partitions_count / members_count ||
            owned[i] > (partitions_count + members_count - 1) / members_count) {
            return false;
        }
    }
    return true;
}

static u32 moves_between(const u32 *before, const u32 *after, u32 partitions_count)
{
    u32 moves = 0;
    for (u32 i = 0; i < partitions_count; i++) {
        moves += before[i] != ASSIGN_NOBODY && before[i] != after[i];
    }
    return moves;
}

/* Counts `owners` up as digits to `base`; false when all were seen. */
static bool next_owners(u32 *owners, u32 count, u32 base)
{
    for (u32 i = 0; i < count; i++) {
        if (++owners[i] < base) {
            return true;
        }
        owners[i] = 0;
    }
    return false;
}

/* By trying every even answer there is. */
static u32 fewest_moves(const struct trial *trial)
{
    u32 fewest = UINT32_MAX;
    u32 owners[PARTITIONS_MAX] = {0};
    do {
        if (is_even(owners, trial->partitions_count, trial->members_count)) {
            u32 moves = moves_between(trial->before, owners, trial->partitions_count);
            fewest = moves < fewest ? moves : fewest;
        }
    } while (next_owners(owners, trial->partitions_count, trial->members_count));
    return fewest;
}

static void run(struct trial *trial)
{
    struct assign_share shares[MEMBERS_MAX];
    memcpy(trial->after, trial->before, sizeof(trial->after));
    trial->moves = assign(trial->after, trial->partitions_count, shares, trial->members_count);
    u32 owned = 0;
    for (u32 i = 0; i < trial->members_count; i++) {
        EXPECT_EQ(shares[i].owned, shares[i].quota);
        owned += shares[i].owned;
    }
    EXPECT_EQ(owned, trial->partitions_count);
}

static void try_every_beginning(u32 partitions_count, u32 members_count)
{
    u32 digits[PARTITIONS_MAX] = {0};
    do {
        struct trial trial = {partitions_count, members_count, {0}, {0}, 0};
        for (u32 i = 0; i < partitions_count; i++) {
            trial.before[i] = digits[i] == members_count ? ASSIGN_NOBODY : digits[i];
        }
        run(&trial);
        EXPECT(is_even(trial.after, partitions_count, members_count));
        EXPECT_EQ(trial.moves, moves_between(trial.before, trial.after, partitions_count));
        EXPECT_EQ(trial.moves, fewest_moves(&trial));
    } while (next_owners(digits, partitions_count, members_count + 1));
}

TEST(every_small_case_is_even_and_no_even_answer_has_fewer_moves)
{
    for (u32 members_count = 1; members_count <= MEMBERS_MAX; members_count++) {
        u32 most = members_count == MEMBERS_MAX ? PARTITIONS_MAX - 1 : PARTITIONS_MAX;
        for (u32 partitions_count = 0; partitions_count <= most; partitions_count++) {
            try_every_beginning(partitions_count, members_count);
        }
    }
}

TEST(the_first_members_get_partitions_in_turn)
{
    struct trial trial = {5, 2, {0}, {0}, 0};
    memset(trial.before, 0xff, sizeof(trial.before));
    run(&trial);
    u32 expected[5] = {0, 1, 0, 1, 0};
    EXPECT_BYTES(trial.after, expected, sizeof(expected));
}

TEST(a_member_that_has_its_share_keeps_it_when_another_comes_or_goes)
{
    struct trial comes = {3, 3, {0, 0, 1}, {0}, 0};
    run(&comes);
    u32 expected[3] = {0, 2, 1};
    EXPECT_BYTES(comes.after, expected, sizeof(expected));

    struct trial goes = {3, 2, {0, ASSIGN_NOBODY, 1}, {0}, 0};
    run(&goes);
    EXPECT_EQ(goes.moves, 0);
}

TEST(without_members_nobody_owns_anything)
{
    u32 owners[2] = {0, 1};
    EXPECT_EQ(assign(owners, 2, NULL, 0), 0);
    EXPECT_EQ(owners[0], ASSIGN_NOBODY);
    EXPECT_EQ(owners[1], ASSIGN_NOBODY);
}
