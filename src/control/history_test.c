#include "control/history.h"

#include "test.h"

static struct arena arena;
static struct histories histories;
static u64 handle;
static struct history_answer answer;

static void begin(u32 slots_max)
{
    EXPECT(arena_create(&arena, histories_bytes(slots_max)));
    histories_init(&histories, &arena, slots_max);
}

static struct history_request request_of(u64 client, u64 number)
{
    return (struct history_request){
        .client = {client, 1}, .user_id = 3, .command = 7, .number = number, .body_hash = 99};
}

static enum history_verdict look(u64 client, u64 number)
{
    struct history_request request = request_of(client, number);
    return history_look(&histories, &request, &handle, &answer);
}

static void end(u32 error, u32 created_id)
{
    history_note_answer(&histories, handle,
                        &(struct history_answer){.error = error, .created_id = created_id});
}

TEST(what_comes_again_gets_the_answer_of_the_first)
{
    begin(4);
    EXPECT_EQ(look(1, 1), HISTORY_NEW);
    u64 first = handle;
    EXPECT_EQ(look(1, 1), HISTORY_RUNNING);
    handle = first;
    end(WIRE_OK, 42);
    EXPECT_EQ(look(1, 1), HISTORY_ANSWERED);
    EXPECT_EQ(answer.created_id, 42);
    EXPECT_EQ(look(1, 2), HISTORY_NEW);
    end(WIRE_UNAUTHORIZED, 0);
    EXPECT_EQ(look(1, 2), HISTORY_ANSWERED);
    EXPECT_EQ(answer.error, WIRE_UNAUTHORIZED);
    EXPECT_EQ(look(2, 1), HISTORY_NEW);
    end(WIRE_OK, 1);
    arena_destroy(&arena);
}

TEST(another_command_or_body_under_the_same_number_is_not_the_same)
{
    begin(4);
    EXPECT_EQ(look(1, 5), HISTORY_NEW);
    end(WIRE_OK, 1);
    struct history_request other = request_of(1, 5);
    other.body_hash++;
    EXPECT_EQ(history_look(&histories, &other, &handle, &answer), HISTORY_FORGOTTEN);
    other = request_of(1, 5);
    other.command++;
    EXPECT_EQ(history_look(&histories, &other, &handle, &answer), HISTORY_FORGOTTEN);
    arena_destroy(&arena);
}

TEST(only_the_last_answers_are_kept_and_older_numbers_are_not_carried_out)
{
    begin(4);
    for (u64 number = 2; number <= 20; number += 2) {
        EXPECT_EQ(look(1, number), HISTORY_NEW);
        end(WIRE_OK, (u32)number);
    }
    EXPECT_EQ(look(1, 10), HISTORY_FORGOTTEN);
    EXPECT_EQ(look(1, 13), HISTORY_FORGOTTEN);
    EXPECT_EQ(look(1, 12), HISTORY_ANSWERED);
    EXPECT_EQ(answer.created_id, 12);
    arena_destroy(&arena);
}

TEST(what_may_pass_is_tried_again)
{
    begin(4);
    EXPECT_EQ(look(1, 3), HISTORY_NEW);
    end(WIRE_TRANSIENT_NOT_ACCEPTED, 0);
    EXPECT_EQ(look(1, 3), HISTORY_NEW);
    end(WIRE_OK, 8);
    EXPECT_EQ(look(1, 3), HISTORY_ANSWERED);
    arena_destroy(&arena);
}

TEST(a_command_whose_session_was_over_before_it_was_decided_is_tried_again)
{
    begin(4);
    EXPECT_EQ(look(1, 3), HISTORY_NEW);
    end(WIRE_UNAUTHENTICATED, 0);
    EXPECT_EQ(look(1, 3), HISTORY_NEW);
    end(WIRE_OK, 8);
    EXPECT_EQ(look(1, 3), HISTORY_ANSWERED);
    arena_destroy(&arena);
}

TEST(another_user_of_the_same_client_id_sees_nothing_and_a_logout_ends_it)
{
    begin(4);
    EXPECT_EQ(look(1, 3), HISTORY_NEW);
    end(WIRE_OK, 8);
    struct history_request other = request_of(1, 3);
    other.user_id++;
    EXPECT_EQ(history_look(&histories, &other, &handle, &answer), HISTORY_NEW);
    end(WIRE_OK, 9);
    history_end(&histories, (struct u128){1, 1});
    EXPECT_EQ(history_look(&histories, &other, &handle, &answer), HISTORY_NEW);
    end(WIRE_OK, 10);
    arena_destroy(&arena);
}

TEST(the_client_that_was_silent_longest_makes_room_unless_it_waits)
{
    begin(2);
    EXPECT_EQ(look(1, 1), HISTORY_NEW);
    u64 waits = handle;
    EXPECT_EQ(look(2, 1), HISTORY_NEW);
    end(WIRE_OK, 2);
    EXPECT_EQ(look(3, 1), HISTORY_NEW);
    u64 waits_too = handle;
    EXPECT_EQ(look(4, 1), HISTORY_NEW);
    EXPECT_EQ(handle, 0); /* no room: carried out, and not known afterwards */
    end(WIRE_OK, 4);
    handle = waits;
    end(WIRE_OK, 1);
    handle = waits_too;
    end(WIRE_OK, 3);
    EXPECT_EQ(look(1, 1), HISTORY_ANSWERED);
    EXPECT_EQ(look(2, 1), HISTORY_NEW); /* in place of 3 */
    end(WIRE_OK, 2);
    EXPECT_EQ(look(1, 1), HISTORY_ANSWERED);
    EXPECT_EQ(look(3, 1), HISTORY_NEW);
    end(WIRE_OK, 3);
    arena_destroy(&arena);
}
