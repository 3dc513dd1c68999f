#include "wire/right.h"

#include "test.h"
#include "wire/command.h"

TEST(bits_stand_only_where_the_scope_of_a_right_reaches)
{
    for (u32 right = 0; right < RIGHT_COUNT; right++) {
        const struct right_row *row = right_row((enum right)right);
        EXPECT(row->name != NULL);
        EXPECT_EQ(row->global == 0, right == RIGHT_NONE);
        EXPECT(row->global < 1u << GLOBAL_PERMISSIONS_COUNT);
        EXPECT_EQ(row->stream != 0, row->scope != RIGHT_OF_SERVER);
        EXPECT_EQ(row->topic != 0, row->scope == RIGHT_OF_TOPIC);
    }
}

TEST(what_needs_a_right_needs_a_login)
{
    for (u32 command = 0; command < COMMAND_COUNT; command++) {
        const struct command_row *row = command_row((enum command)command);
        EXPECT(row->needs_login || row->right == RIGHT_NONE);
    }
}
