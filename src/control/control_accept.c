/* Connections: accepted one after the other, each given a number and to the core with the fewest.
 * At the limit a connection is closed at once, which its client notices, and counted.
 *
 * Later one may ask to move to the core where all its requests go. It is let go unless that core
 * has more connections than its own: many that talk to one partition still share the work. */
#include "base/check.h"
#include "control/control_parts.h"

/* Left free in a control lane for commands and phases, which come first. */
#define LANE_RESERVE (2u * BROADCAST_WINDOW)

#define ACCEPT_RETRY_US (10 * US_PER_MS)

static void accept_next(struct control *control);
static void hand_over(struct control *control);

static void on_closed(struct core *core, struct io_op *op)
{
    struct control *control = core->control;
    check(op == &control->accepting.close_op);
    accept_next(control);
}

static void close_accepted(struct control *control)
{
    struct accepting *accepting = &control->accepting;
    io_op_init(&accepting->close_op, on_closed);
    io_socket_close(control->core->io, &accepting->close_op, accepting->socket);
    accepting->socket = IO_SOCKET_NONE;
}

static void on_retry(struct core *core, struct timer *timer)
{
    struct control *control = core->control;
    check(timer == &control->accepting.retry);
    if (control->accepting.socket.id >= 0) {
        hand_over(control);
    } else {
        accept_next(control);
    }
}

static void retry_later(struct control *control)
{
    struct core *core = control->core;
    timer_set(&core->timers, &control->accepting.retry, core->time.monotonic_us + ACCEPT_RETRY_US);
}

/* Cores whose control lane has room for one more connection. */
static u64 cores_with_room(struct control *control)
{
    u64 cores = 0;
    for (u32 i = 0; i < control->core->cores_count; i++) {
        if (mailbox_room(&control->core->mailbox, i, LANE_CONTROL) > LANE_RESERVE) {
            cores |= 1ull << i;
        }
    }
    return cores;
}

static void hand_over(struct control *control)
{
    struct accepting *accepting = &control->accepting;
    u32 home = 0;
    if (registry_address_is_full(&control->registry, accepting->peer_address)) {
        counter_add(control->core->counters, COUNTER_connections_over_address_limit, 1);
        counter_add(control->core->counters, COUNTER_connections_refused, 1);
        close_accepted(control);
        return;
    }
    if (!control->stops && registry_is_full(&control->registry) &&
        registry_held_longest(&control->registry) != NULL && !grace_give_way(control)) {
        retry_later(control);
        return;
    }
    if (control->stops || !registry_pick_core(&control->registry, UINT64_MAX, &home)) {
        counter_add(control->core->counters, COUNTER_connections_refused, 1);
        close_accepted(control);
        return;
    }
    if (!registry_pick_core(&control->registry, cores_with_room(control), &home)) {
        retry_later(control);
        return;
    }
    struct registry_client *client =
        registry_add(&control->registry, home, accepting->peer_address);
    client->peer_port = accepting->peer_port;
    struct msg msg = {
        .kind = MSG_CONNECTION,
        .to = (u8)home,
        .connection = {.socket = accepting->socket.id,
                       .client_number = client->number,
                       .peer_address = accepting->peer_address,
                       .peer_port = accepting->peer_port},
    };
    mailbox_send(control->core, &msg);
    accepting->socket = IO_SOCKET_NONE;
    accept_next(control);
}

static void on_accepted(struct core *core, struct io_op *op)
{
    struct control *control = core->control;
    struct accepting *accepting = &control->accepting;
    check(op == &accepting->op);
    if (op->status != OK) {
        if (control->stops) {
            control_drain_on(control);
        } else {
            retry_later(control); /* no descriptors left, or a peer that went at once */
        }
        return;
    }
    accepting->socket = op->socket;
    accepting->peer_address = op->peer_address;
    accepting->peer_port = op->peer_port;
    hand_over(control);
}

static void accept_next(struct control *control)
{
    struct accepting *accepting = &control->accepting;
    check(accepting->socket.id < 0);
    if (control->stops) {
        control_drain_on(control);
        return;
    }
    io_op_init(&accepting->op, on_accepted);
    io_accept(control->core->io, &accepting->op, control->listener);
}

/* It goes when it makes no core fuller than the fullest was by more than itself. */
static bool may_move(struct control *control, const struct registry_client *client, u32 to)
{
    const struct registry *registry = &control->registry;
    return !control->stops && to != client->home &&
           registry->per_core[to] <= registry->per_core[client->home] &&
           registry->per_core[to] < registry->clients_per_core_max &&
           (cores_with_room(control) >> to & 1) != 0;
}

void accept_move(struct control *control, const struct msg *msg)
{
    u32 to = msg->leaves.core;
    struct registry_client *client = registry_get(&control->registry, msg->leaves.client_number);
    check(client != NULL);
    check(client->home == msg->from);
    check(to < control->core->cores_count);
    struct msg reply = {.error = WIRE_OK};
    if (!may_move(control, client, to)) {
        reply.error = WIRE_FEATURE_UNAVAILABLE;
        mailbox_reply(control->core, msg, &reply);
        return;
    }
    registry_move(&control->registry, client, to);
    struct msg on_its_way = {
        .kind = MSG_CONNECTION,
        .to = (u8)to,
        .conn = msg->conn,
        .connection = {.client_number = client->number, .left = msg->from},
    };
    mailbox_send(control->core, &on_its_way);
    mailbox_reply(control->core, msg, &reply);
}

void accept_init(struct control *control)
{
    struct accepting *accepting = &control->accepting;
    accepting->socket = IO_SOCKET_NONE;
    io_op_init(&accepting->op, on_accepted);
    io_op_init(&accepting->close_op, on_closed);
    timer_init(&accepting->retry, on_retry);
}

void accept_begin(struct control *control)
{
    if (control->listener.id >= 0) {
        accept_next(control);
    }
}

void accept_stop(struct control *control)
{
    struct accepting *accepting = &control->accepting;
    check(control->stops);
    if (io_op_is_busy(&accepting->op)) {
        io_cancel(control->core->io, &accepting->op);
    }
    if (timer_is_set(&accepting->retry)) {
        timer_cancel(&control->core->timers, &accepting->retry);
        on_retry(control->core, &accepting->retry);
    }
}

bool accept_is_over(const struct control *control)
{
    const struct accepting *accepting = &control->accepting;
    return !io_op_is_busy(&accepting->op) && !io_op_is_busy(&accepting->close_op) &&
           !timer_is_set(&accepting->retry);
}
