#include "core/mailbox.h"

#include <pthread.h>

#include "core/core.h"
#include "test.h"

/* Two cores without doors or state: their lanes are all they have. Bells are not rung, since nobody
 * announces sleep here. */
static struct arena arena;
static struct core cores[2];

static void two_cores(void)
{
    EXPECT(arena_create(&arena, mailbox_board_bytes(2)));
    struct mailbox_board *board = mailbox_board_create(&arena, 2);
    for (u32 i = 0; i < 2; i++) {
        cores[i] = (struct core){.index = i, .cores_count = 2};
        mailbox_init(&cores[i].mailbox, board, i);
    }
}

static void gone(void)
{
    arena_destroy(&arena);
}

static struct msg request_to(u32 to, u32 slot)
{
    return (struct msg){.kind = MSG_APPEND, .to = (u8)to, .token = {.slot = slot, .generation = 9}};
}

TEST(a_message_arrives_after_the_flush_and_not_before)
{
    two_cores();
    struct msg msg = request_to(1, 5);
    mailbox_send(&cores[0], &msg);
    EXPECT(!mailbox_next(&cores[1], LANE_REQUEST, &msg));
    mailbox_flush(&cores[0]);
    EXPECT(mailbox_next(&cores[1], LANE_REQUEST, &msg));
    EXPECT_EQ(msg.from, 0);
    EXPECT_EQ(msg.token.slot, 5);
    gone();
}

TEST(a_reply_brings_token_and_credit_back)
{
    two_cores();
    struct msg msg = request_to(1, 5);
    mailbox_send(&cores[0], &msg);
    mailbox_flush(&cores[0]);
    EXPECT_EQ(cores[0].mailbox.credits[1], MAILBOX_CREDITS - 1);
    EXPECT(mailbox_next(&cores[1], LANE_REQUEST, &msg));
    struct msg reply = {.error = 3};
    mailbox_reply(&cores[1], &msg, &reply);
    mailbox_flush(&cores[1]);
    EXPECT(mailbox_next(&cores[0], LANE_REPLY, &msg));
    EXPECT_EQ(msg.token.generation, 9);
    EXPECT_EQ(msg.error, 3);
    EXPECT_EQ(cores[0].mailbox.credits[1], MAILBOX_CREDITS);
    gone();
}

TEST(a_poll_that_lends_keeps_its_credit_until_the_loan_is_home)
{
    two_cores();
    struct msg msg = request_to(1, 5);
    msg.kind = MSG_POLL;
    mailbox_send(&cores[0], &msg);
    mailbox_flush(&cores[0]);
    EXPECT(mailbox_next(&cores[1], LANE_REQUEST, &msg));
    struct poll_loan loan = {0};
    struct msg reply = {.flags = MSG_LOAN, .loan = &loan};
    mailbox_reply(&cores[1], &msg, &reply);
    mailbox_flush(&cores[1]);
    EXPECT(mailbox_next(&cores[0], LANE_REPLY, &msg));
    EXPECT(msg.loan == &loan);
    EXPECT_EQ(cores[0].mailbox.credits[1], MAILBOX_CREDITS - 1);
    gone();
}

struct resumed {
    struct credit_waiter waiter;
    u32 count;
};

static void on_credit(struct core *core, struct credit_waiter *waiter)
{
    (void)core;
    container_of(waiter, struct resumed, waiter)->count++;
}

TEST(without_credit_the_sender_waits_and_is_resumed_once_per_reply)
{
    two_cores();
    struct msg msg;
    for (u32 i = 0; i < MAILBOX_CREDITS; i++) {
        msg = request_to(1, i);
        mailbox_send(&cores[0], &msg);
    }
    EXPECT(!mailbox_has_credit(&cores[0].mailbox, 1, MSG_APPEND));
    struct resumed first = {.waiter = {.resume = on_credit}};
    struct resumed second = {.waiter = {.resume = on_credit}};
    list_node_init(&first.waiter.node);
    list_node_init(&second.waiter.node);
    mailbox_wait_for_credit(&cores[0].mailbox, 1, MSG_APPEND, &first.waiter);
    mailbox_wait_for_credit(&cores[0].mailbox, 1, MSG_APPEND, &second.waiter);
    mailbox_flush(&cores[0]);
    EXPECT(mailbox_next(&cores[1], LANE_REQUEST, &msg));
    struct msg reply = {0};
    mailbox_reply(&cores[1], &msg, &reply);
    mailbox_flush(&cores[1]);
    EXPECT(mailbox_next(&cores[0], LANE_REPLY, &msg));
    EXPECT_EQ(first.count, 1);
    EXPECT_EQ(second.count, 0);
    gone();
}

TEST(polls_whose_loans_stay_away_leave_half_of_the_credits_to_others)
{
    two_cores();
    for (u32 i = 0; i < MAILBOX_CREDITS_POLLS; i++) {
        struct msg poll = {.kind = MSG_POLL, .to = 1, .token = {.slot = i}};
        EXPECT(mailbox_has_credit(&cores[0].mailbox, 1, MSG_POLL));
        mailbox_send(&cores[0], &poll);
    }
    EXPECT(!mailbox_has_credit(&cores[0].mailbox, 1, MSG_POLL));
    struct resumed poll = {.waiter = {.resume = on_credit}};
    list_node_init(&poll.waiter.node);
    mailbox_wait_for_credit(&cores[0].mailbox, 1, MSG_POLL, &poll.waiter);

    /* Appends come and go meanwhile, and what they give back is not for polls. */
    struct msg msg = request_to(1, 50);
    EXPECT(mailbox_has_credit(&cores[0].mailbox, 1, MSG_APPEND));
    mailbox_send(&cores[0], &msg);
    mailbox_credit_return(&cores[0], 1, MSG_APPEND);
    EXPECT_EQ(poll.count, 0);
    mailbox_credit_return(&cores[0], 1, MSG_POLL); /* a loan came home */
    EXPECT_EQ(poll.count, 1);
    gone();
}

TEST(mail_forbids_sleep)
{
    two_cores();
    EXPECT(mailbox_sleep_begin(&cores[1].mailbox));
    mailbox_sleep_end(&cores[1].mailbox);
    struct msg msg = request_to(1, 5);
    mailbox_send(&cores[0], &msg);
    mailbox_flush(&cores[0]);
    EXPECT(!mailbox_sleep_begin(&cores[1].mailbox));
    gone();
}

#define EXCHANGES 100000u

static void *answer_all(void *context)
{
    struct core *core = context;
    u32 answered = 0;
    while (answered < EXCHANGES) {
        struct msg msg;
        while (mailbox_next(core, LANE_REQUEST, &msg)) {
            struct msg reply = {.words = {msg.words[0] + 1, 0}};
            mailbox_reply(core, &msg, &reply);
            answered++;
        }
        mailbox_flush(core);
        sched_yield();
    }
    return NULL;
}

TEST(two_threads_exchange_requests_and_replies_without_losing_one)
{
    two_cores();
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, NULL, answer_all, &cores[1]), 0);
    u64 sent = 0;
    u64 received = 0;
    while (received < EXCHANGES) {
        while (sent < EXCHANGES && mailbox_has_credit(&cores[0].mailbox, 1, MSG_APPEND)) {
            struct msg msg = request_to(1, (u32)sent);
            msg.words[0] = sent++;
            mailbox_send(&cores[0], &msg);
        }
        mailbox_flush(&cores[0]);
        struct msg reply;
        while (mailbox_next(&cores[0], LANE_REPLY, &reply)) {
            EXPECT_EQ(reply.token.slot, received);
            EXPECT_EQ(reply.words[0], received + 1);
            received++;
        }
        sched_yield();
    }
    pthread_join(thread, NULL);
    gone();
}
