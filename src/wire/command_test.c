#include "wire/command.h"

#include "test.h"

/* What a header names, or COMMAND_COUNT together with the error. */
static enum command find(u8 op, u32 code, enum wire_error *error)
{
    enum command command = COMMAND_COUNT;
    *error = command_find(op, code, &command);
    return command;
}

TEST(reads_are_found_by_their_code_and_mutations_by_their_op)
{
    enum wire_error error;
    EXPECT_EQ(find(2, 1, &error), COMMAND_PING);
    EXPECT_EQ(find(2, 606, &error), COMMAND_SYNC_GROUP);
    EXPECT_EQ(find(2, 123, &error), COMMAND_GET_CONSUMER_OFFSET_ROUTING);
    EXPECT_EQ(find(128, 0, &error), COMMAND_CREATE_STREAM);
    EXPECT_EQ(find(138, 0, &error), COMMAND_DELETE_SEGMENTS);
    EXPECT_EQ(find(160, 0, &error), COMMAND_SEND_MESSAGES);
    EXPECT_EQ(find(3, 0, &error), COMMAND_LOGOUT);
}

TEST(the_code_beside_an_op_of_its_own_is_not_looked_at)
{
    enum wire_error error;
    EXPECT_EQ(find(128, 9999, &error), COMMAND_CREATE_STREAM);
    EXPECT_EQ(error, WIRE_OK);
}

TEST(both_logins_are_op_1_and_found_as_one)
{
    enum wire_error error;
    EXPECT_EQ(find(1, 0, &error), COMMAND_REGISTER);
    EXPECT_EQ(command_row(COMMAND_REGISTER_WITH_TOKEN)->op, 1);
}

TEST(the_old_logins_are_found_so_that_they_can_be_evicted)
{
    enum wire_error error;
    EXPECT_EQ(find(2, 38, &error), COMMAND_LOGIN_USER);
    EXPECT_EQ(find(2, 44, &error), COMMAND_LOGIN_WITH_TOKEN);
}

TEST(an_unknown_code_is_an_invalid_command)
{
    enum wire_error error;
    static const u32 codes[] = {0, 2, 15, 16, 17, 105, 106, 9999, UINT32_MAX};
    for (u32 i = 0; i < array_count(codes); i++) {
        EXPECT_EQ(find(2, codes[i], &error), COMMAND_COUNT);
        EXPECT_EQ(error, WIRE_INVALID_COMMAND);
    }
}

TEST(a_mutation_sent_as_a_read_is_an_unavailable_feature)
{
    enum wire_error error;
    static const u32 codes[] = {33, 39, 40, 45, 101, 121, 202, 302, 503, 604};
    for (u32 i = 0; i < array_count(codes); i++) {
        EXPECT_EQ(find(2, codes[i], &error), COMMAND_COUNT);
        EXPECT_EQ(error, WIRE_FEATURE_UNAVAILABLE);
    }
}

TEST(ops_that_servers_use_among_themselves_are_refused)
{
    enum wire_error error;
    for (u32 op = 0; op < 256; op++) {
        bool is_client_op =
            (op >= 1 && op <= 3) || (op >= 128 && op <= 149) || (op >= 160 && op <= 162);
        bool is_found = op == 2 || find((u8)op, 0, &error) != COMMAND_COUNT;
        EXPECT_EQ(is_found, is_client_op);
    }
}

TEST(every_row_is_found_by_what_it_says)
{
    for (u32 i = 0; i < COMMAND_COUNT; i++) {
        const struct command_row *row = command_row((enum command)i);
        enum wire_error error;
        enum command found = find(row->op, row->code, &error);
        EXPECT(found == (enum command)i || i == COMMAND_REGISTER_WITH_TOKEN);
    }
}

TEST(codes_rise_from_row_to_row)
{
    for (u32 i = 1; i < COMMAND_COUNT; i++) {
        EXPECT(command_row((enum command)i)->code > command_row((enum command)(i - 1))->code);
    }
}

TEST(metadata_offsets_and_register_are_framed_but_not_sends_logout_and_delete_segments)
{
    for (u32 i = 0; i < COMMAND_COUNT; i++) {
        const struct command_row *row = command_row((enum command)i);
        bool framed = row->op == 1 || (row->op >= 128 && row->op <= 149 && row->op != 138) ||
                      row->op == 161 || row->op == 162;
        EXPECT_EQ(row->framed, framed);
    }
    EXPECT(!command_row(COMMAND_SEND_MESSAGES)->framed);
    EXPECT(!command_row(COMMAND_DELETE_SEGMENTS)->framed);
    EXPECT(!command_row(COMMAND_LOGOUT)->framed);
}

TEST(before_a_login_only_pings_logins_and_logouts_pass)
{
    for (u32 i = 0; i < COMMAND_COUNT; i++) {
        bool passes = i == COMMAND_PING || i == COMMAND_REGISTER ||
                      i == COMMAND_REGISTER_WITH_TOKEN || i == COMMAND_LOGOUT ||
                      i == COMMAND_LOGIN_USER || i == COMMAND_LOGIN_WITH_TOKEN;
        EXPECT_EQ(command_row((enum command)i)->needs_login, !passes);
    }
}
