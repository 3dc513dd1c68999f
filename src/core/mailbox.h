/* Lanes between cores: for each ordered pair three single-producer single-consumer rings of
 * messages (request, reply, control), credits, and a doorbell. The local pair uses the same calls
 * and rings.
 *
 * A core has at most `credits` requests outstanding at another core, so a request lane of that
 * length and a reply lane of a few times that length are never full: no owner ever waits for room.
 * Without credit the caller parks the request in its slot and asks to be called when credit
 * returns. Polls have at most half of the credits: theirs stay away until the reader has taken
 * what was lent, and readers that take nothing must not hold up appends.
 *
 * Owner:   a core sends from its own row and drains its own column. The rings are the only memory
 *          two cores touch; ordering is the ring's release and acquire.
 * Bells:   mailbox_flush publishes what was written this turn and wakes each receiver whose
 *          `asleep` flag is set, once. The driver sets its own flag before it sleeps and looks
 *          again. */
#pragma once

#include "base/mem.h"
#include "base/ring.h"
#include "msg/msg.h"

struct core;
struct mailbox_board; /* all lanes of a process (or of one simulated node) */

#define MAILBOX_CREDITS 64u                         /* requests outstanding per ordered pair */
#define MAILBOX_CREDITS_POLLS (MAILBOX_CREDITS / 2) /* of which polls */
#define MAILBOX_CORES_MAX 32u

/* Bytes of arena that mailbox_board_create takes. */
u64 mailbox_board_bytes(u32 cores_count);
struct mailbox_board *mailbox_board_create(struct arena *arena, u32 cores_count);

/* One core's end. */
struct mailbox {
    struct mailbox_board *board;
    u32 core_index;
    u32 cores_count;
    u32 credits[MAILBOX_CORES_MAX]; /* left, per receiver */
    u32 polls[MAILBOX_CORES_MAX];   /* credits that are out with polls, per receiver */
    u64 dirty;                      /* bit per receiver written to since the last flush */
    struct list credit_waiters[MAILBOX_CORES_MAX]; /* of struct credit_waiter, oldest first */
    struct list poll_waiters[MAILBOX_CORES_MAX];   /* the same, for polls */
};

/* Somebody who wants to send a request to `to` when credit is there. One waiter per credit, oldest
 * first; it may queue again. */
struct credit_waiter {
    struct list_node node;
    void (*resume)(struct core *core, struct credit_waiter *waiter);
};

void mailbox_init(struct mailbox *mailbox, struct mailbox_board *board, u32 core_index);
bool mailbox_has_credit(const struct mailbox *mailbox, u32 to, enum msg_kind kind);
void mailbox_wait_for_credit(struct mailbox *mailbox, u32 to, enum msg_kind kind,
                             struct credit_waiter *waiter);
void mailbox_stop_waiting(struct credit_waiter *waiter);

/* Copies `msg` into the lane of its kind, to msg->to; fills in `from` and `applied`. A request
 * spends a credit, which must be there (a failed check otherwise). */
void mailbox_send(struct core *core, struct msg *msg);

/* How many messages still fit into the lane to `to`: for what no credit bounds. */
u32 mailbox_room(struct mailbox *mailbox, u32 to, enum lane lane);

/* The reply to `request`: same kind, token and partition; the caller has set error, bufs and
 * words. */
void mailbox_reply(struct core *core, const struct msg *request, struct msg *reply);

/* Gives the credit of a request of that kind back (replies do it by themselves, save a poll reply
 * with a loan: whoever sends the loan home does). */
void mailbox_credit_return(struct core *core, u32 to, enum msg_kind kind);

/* The next message for this core on `lane`, from the cores in turn, or false. Copied out. */
bool mailbox_next(struct core *core, enum lane lane, struct msg *msg);

/* Nothing for this core in any lane. */
bool mailbox_is_empty(struct mailbox *mailbox);

/* Publishes and rings. At the end of each turn, before io_submit. */
void mailbox_flush(struct core *core);

/* The driver's: announce sleep (false: there is something to do, do not sleep), and take it
 * back. */
bool mailbox_sleep_begin(struct mailbox *mailbox);
void mailbox_sleep_end(struct mailbox *mailbox);
