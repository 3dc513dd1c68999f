#include "core/mailbox.h"

#include <stdatomic.h>

#include "base/bug.h"
#include "base/check.h"
#include "core/core.h"

/* Requests: the credits. Replies: to the requests of the receiver (credits), loans coming home (no
 *           more than the receiver's outstanding polls, credits again), and answers to what control
 *           sent (control lane).
 * Control: connections handed over and applied commands; control bounds both by CONTROL_WINDOW. */
static const u32 lane_items[LANE_COUNT] = {
    [LANE_REQUEST] = MAILBOX_CREDITS,
    [LANE_REPLY] = 4 * MAILBOX_CREDITS,
    [LANE_CONTROL] = 4 * MAILBOX_CREDITS,
};

struct lanes {
    struct ring rings[LANE_COUNT];
};

struct bell {
    _Alignas(64) _Atomic u32 asleep;
};

struct mailbox_board {
    u32 cores_count;
    struct bell bells[MAILBOX_CORES_MAX];
    struct lanes lanes[]; /* [from * cores_count + to] */
};

static u64 ring_bytes(enum lane lane)
{
    return (u64)lane_items[lane] * sizeof(struct msg);
}

u64 mailbox_board_bytes(u32 cores_count)
{
    u64 pairs = (u64)cores_count * cores_count;
    u64 items = ring_bytes(LANE_REQUEST) + ring_bytes(LANE_REPLY) + ring_bytes(LANE_CONTROL);
    return sizeof(struct mailbox_board) + pairs * (sizeof(struct lanes) + items) + 4 * KIB;
}

static struct ring *ring_between(struct mailbox_board *board, u32 from, u32 to, enum lane lane)
{
    check(from < board->cores_count);
    check(to < board->cores_count);
    return &board->lanes[from * board->cores_count + to].rings[lane];
}

struct mailbox_board *mailbox_board_create(struct arena *arena, u32 cores_count)
{
    check(cores_count >= 1);
    check(cores_count <= MAILBOX_CORES_MAX);
    u64 pairs = (u64)cores_count * cores_count;
    struct mailbox_board *board =
        arena_take(arena, sizeof(*board) + pairs * sizeof(struct lanes), _Alignof(struct lanes));
    board->cores_count = cores_count;
    for (u32 pair = 0; pair < pairs; pair++) {
        for (enum lane lane = 0; lane < LANE_COUNT; lane++) {
            void *items = arena_take(arena, ring_bytes(lane), 64);
            ring_init(&board->lanes[pair].rings[lane], items, lane_items[lane], sizeof(struct msg));
        }
    }
    return board;
}

void mailbox_init(struct mailbox *mailbox, struct mailbox_board *board, u32 core_index)
{
    check(core_index < board->cores_count);
    *mailbox = (struct mailbox){
        .board = board,
        .core_index = core_index,
        .cores_count = board->cores_count,
    };
    for (u32 to = 0; to < board->cores_count; to++) {
        mailbox->credits[to] = MAILBOX_CREDITS;
        list_init(&mailbox->credit_waiters[to]);
        list_init(&mailbox->poll_waiters[to]);
    }
}

bool mailbox_has_credit(const struct mailbox *mailbox, u32 to, enum msg_kind kind)
{
    check(to < mailbox->cores_count);
    return mailbox->credits[to] > 0 &&
           (kind != MSG_POLL || mailbox->polls[to] < MAILBOX_CREDITS_POLLS);
}

void mailbox_wait_for_credit(struct mailbox *mailbox, u32 to, enum msg_kind kind,
                             struct credit_waiter *waiter)
{
    check(!mailbox_has_credit(mailbox, to, kind));
    check(waiter->resume != NULL);
    check(!list_node_is_linked(&waiter->node));
    struct list *waiters = kind == MSG_POLL ? mailbox->poll_waiters : mailbox->credit_waiters;
    list_add_last(&waiters[to], &waiter->node);
}

void mailbox_stop_waiting(struct credit_waiter *waiter)
{
    list_remove(&waiter->node);
}

void mailbox_send(struct core *core, struct msg *msg)
{
    struct mailbox *mailbox = &core->mailbox;
    check(msg->kind < MSG_KIND_COUNT);
    check(msg->to < mailbox->cores_count);
    enum lane lane = msg_lane(msg->kind, (msg->flags & MSG_IS_REPLY) != 0);
    if (lane == LANE_REQUEST) {
        check(mailbox_has_credit(mailbox, msg->to, (enum msg_kind)msg->kind));
        mailbox->credits[msg->to]--;
        mailbox->polls[msg->to] += msg->kind == MSG_POLL ? 1 : 0;
    }
    msg->from = (u8)mailbox->core_index;
    msg->applied = core->applied;
    if (bug_is_on(BUG_LOSE_MESSAGE) && msg->kind == MSG_APPEND &&
        prng_chance(&core->prng, 1, 300)) {
        return;
    }
    struct msg *slot =
        ring_reserve(ring_between(mailbox->board, mailbox->core_index, msg->to, lane));
    check(slot != NULL); /* credits and windows bound what is under way */
    *slot = *msg;
    mailbox->dirty |= 1ull << msg->to;
}

u32 mailbox_room(struct mailbox *mailbox, u32 to, enum lane lane)
{
    return ring_room(ring_between(mailbox->board, mailbox->core_index, to, lane));
}

void mailbox_reply(struct core *core, const struct msg *request, struct msg *reply)
{
    check((request->flags & MSG_IS_REPLY) == 0);
    reply->kind = request->kind;
    reply->to = request->from;
    reply->flags |= MSG_IS_REPLY;
    reply->token = request->token;
    reply->partition = request->partition;
    mailbox_send(core, reply);
}

/* Polls first, as there are never more than half of them out: neither kind waits for ever. */
static struct list_node *next_waiter(struct mailbox *mailbox, u32 to)
{
    struct list_node *node = NULL;
    if (mailbox_has_credit(mailbox, to, MSG_POLL)) {
        node = list_pop(&mailbox->poll_waiters[to]);
    }
    return node != NULL ? node : list_pop(&mailbox->credit_waiters[to]);
}

void mailbox_credit_return(struct core *core, u32 to, enum msg_kind kind)
{
    struct mailbox *mailbox = &core->mailbox;
    check(mailbox->credits[to] < MAILBOX_CREDITS);
    mailbox->credits[to]++;
    if (kind == MSG_POLL) {
        check(mailbox->polls[to] > 0);
        mailbox->polls[to]--;
    }
    struct list_node *node = next_waiter(mailbox, to);
    if (node != NULL) {
        struct credit_waiter *waiter = container_of(node, struct credit_waiter, node);
        waiter->resume(core, waiter);
    }
}

static bool reply_gives_credit_back(const struct msg *msg)
{
    bool to_a_request = msg_lane(msg->kind, false) == LANE_REQUEST;
    return to_a_request && (msg->flags & MSG_IS_REPLY) != 0 && (msg->flags & MSG_LOAN) == 0;
}

bool mailbox_next(struct core *core, enum lane lane, struct msg *msg)
{
    struct mailbox *mailbox = &core->mailbox;
    /* Round robin over the senders, beginning where the turn's number says, so none is always
     * last. */
    u32 first = (u32)(core->time.monotonic_us % mailbox->cores_count);
    for (u32 i = 0; i < mailbox->cores_count; i++) {
        u32 from = (first + i) % mailbox->cores_count;
        struct ring *ring = ring_between(mailbox->board, from, mailbox->core_index, lane);
        const struct msg *item = ring_peek(ring);
        if (item != NULL) {
            *msg = *item;
            ring_advance(ring);
            check(msg->to == mailbox->core_index);
            check(msg->from == from);
            if (reply_gives_credit_back(msg)) {
                mailbox_credit_return(core, from, (enum msg_kind)msg->kind);
            }
            return true;
        }
    }
    return false;
}

bool mailbox_is_empty(struct mailbox *mailbox)
{
    for (u32 from = 0; from < mailbox->cores_count; from++) {
        for (enum lane lane = 0; lane < LANE_COUNT; lane++) {
            if (!ring_is_empty(ring_between(mailbox->board, from, mailbox->core_index, lane))) {
                return false;
            }
        }
    }
    return true;
}

void mailbox_flush(struct core *core)
{
    struct mailbox *mailbox = &core->mailbox;
    struct mailbox_board *board = mailbox->board;
    u64 dirty = mailbox->dirty;
    mailbox->dirty = 0;
    for (u32 to = 0; dirty != 0; to++, dirty >>= 1) {
        if ((dirty & 1) == 0) {
            continue;
        }
        for (enum lane lane = 0; lane < LANE_COUNT; lane++) {
            ring_publish(ring_between(board, mailbox->core_index, to, lane));
        }
        /* This exchange and the sleeper's are ordered: either we see its flag, or it sees what we
         * published. */
        if (to != mailbox->core_index && atomic_exchange(&board->bells[to].asleep, 0) != 0) {
            io_wake(core->io, to);
        }
    }
}

bool mailbox_sleep_begin(struct mailbox *mailbox)
{
    struct bell *bell = &mailbox->board->bells[mailbox->core_index];
    atomic_exchange(&bell->asleep, 1);
    if (!mailbox_is_empty(mailbox)) {
        atomic_exchange(&bell->asleep, 0);
        return false;
    }
    return true;
}

void mailbox_sleep_end(struct mailbox *mailbox)
{
    atomic_exchange(&mailbox->board->bells[mailbox->core_index].asleep, 0);
}
