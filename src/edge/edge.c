#include "edge/edge.h"

#include "base/check.h"
#include "base/map.h"
#include "edge/conn_move.h"
#include "edge/group_turns.h"
#include "edge/held.h"
#include "edge/tables.h"
#include "edge/tcp.h"

/* Connections that waited for room and are tried again in one turn. */
#define RESUMES_A_TURN 64u

/* How long the first in line for memory has all that comes free to itself, and how long those
 * behind it may pass when that was not enough. */
#define LINE_KEPT_US US_PER_SECOND

/* A drain that clients do not let end is ended. */
#define DRAIN_US_MAX (2 * US_PER_SECOND)

/* One more than control counts here: it may be on its way to another core already. */
static u32 conns_max(const struct plan *plan)
{
    return plan->connections_per_core_max + 1;
}

u64 edge_bytes(const struct plan *plan)
{
    return sizeof(struct edge) + (u64)conns_max(plan) * sizeof(struct conn) +
           slot_index_bytes(conns_max(plan)) +
           (u64)plan->requests_per_core_max * sizeof(struct request) +
           (u64)plan->partitions_max * sizeof(struct topic_turn) + group_turns_bytes(plan) +
           64 * KIB;
}

static void make_conn(struct edge *edge, u32 slot)
{
    struct conn *conn = &edge->conns[slot];
    conn->magic = CONN_MAGIC;
    conn->slot = slot;
    conn->socket = IO_SOCKET_NONE;
    list_node_init(&conn->waiting);
    list_node_init(&conn->sending);
    list_node_init(&conn->closed_credit.node);
    list_init(&conn->requests);
    list_add_last(&edge->conns_free, &conn->node);
}

static void make_request(struct edge *edge, u32 slot)
{
    struct request *request = &edge->requests[slot];
    request->magic = REQUEST_MAGIC;
    request->slot = slot;
    list_node_init(&request->work);
    list_node_init(&request->credit.node);
    list_add_last(&edge->requests_free, &request->node);
}

void edge_make_room(struct edge *edge)
{
    if (list_is_empty(&edge->conns_free) && edge->conns_made < edge->conns_count) {
        make_conn(edge, edge->conns_made++);
    }
    if (list_is_empty(&edge->requests_free) && edge->requests_made < edge->requests_count) {
        make_request(edge, edge->requests_made++);
    }
}

/* The turn that it brings looks at the line: see edge_flush. */
static void on_line_timer(struct core *core, struct timer *timer)
{
    (void)core;
    (void)timer;
}

struct edge *edge_create(struct core *core, struct arena *arena, const struct plan *plan,
                         const struct settings *settings)
{
    struct edge *edge = arena_new(arena, struct edge);
    edge->magic = EDGE_MAGIC;
    edge->core = core;
    edge->plan = plan;
    edge->settings = settings;
    edge->conns_count = conns_max(plan);
    edge->conns = arena_array(arena, struct conn, edge->conns_count);
    slot_index_init(&edge->sessions, arena, edge->conns_count);
    edge->requests_count = plan->requests_per_core_max;
    edge->requests = arena_array(arena, struct request, edge->requests_count);
    edge->turns = arena_array(arena, struct topic_turn, plan->partitions_max);
    group_turns_init(edge, arena, plan);
    list_init(&edge->conns_free);
    list_init(&edge->conns_open);
    list_init(&edge->requests_free);
    list_init(&edge->waiting);
    list_init(&edge->line);
    timer_init(&edge->line_timer, on_line_timer);
    list_init(&edge->checking);
    list_init(&edge->sending);
    list_init(&edge->facts_waiting);
    held_init(edge);
    core->edge = edge;
    return edge;
}

void edge_on_msg(struct edge *edge, const struct msg *msg)
{
    check(edge->magic == EDGE_MAGIC);
    if (msg->kind == MSG_CONNECTION) {
        check((msg->flags & MSG_IS_REPLY) == 0);
        conn_open(edge, msg);
        return;
    }
    if (msg->kind == MSG_NOTICE) {
        held_on_notice(edge, msg);
        return;
    }
    if (msg->kind == MSG_CONNECTION_TAKEN) {
        conn_move_on_taken(edge);
        return;
    }
    check((msg->flags & MSG_IS_REPLY) != 0);
    if (msg->kind == MSG_CONNECTION_LEAVES) {
        conn_move_on_answer(edge, msg);
        return;
    }
    if (msg->kind == MSG_CONNECTION_CLOSED) {
        return; /* control knows; the slot was free already */
    }
    request_on_reply(edge, msg);
}

/* ---- The drain ---- */

static bool is_drained(const struct edge *edge)
{
    return list_is_empty(&edge->conns_open) && edge->requests_used == 0 && edge->moving == NULL;
}

static void answer_drain(struct edge *edge)
{
    struct msg done = {.kind = MSG_PHASE_DONE,
                       .flags = MSG_IS_REPLY,
                       .to = edge->drain_msg.from,
                       .apply = {.index = edge->drain_msg.words[0]}};
    timer_cancel(&edge->core->timers, &edge->drain_timer);
    edge->drain_answered = true;
    mailbox_send(edge->core, &done);
}

/* What has been answered in full goes; what is in flight has until the timer. */
static void drain_step(struct edge *edge, bool force)
{
    list_for_each(node, next, &edge->conns_open) {
        struct conn *conn = container_of(node, struct conn, node);
        held_end(edge, conn);
        if (force || conn->requests_count == 0) {
            conn_close(edge, conn, "the server stops");
        }
    }
    if (is_drained(edge) && !edge->drain_answered) {
        answer_drain(edge);
    }
}

static void on_drain_timer(struct core *core, struct timer *timer)
{
    (void)timer;
    drain_step(core->edge, true);
    if (!core->edge->drain_answered) {
        timer_set(&core->timers, timer, core->time.monotonic_us + 10 * US_PER_MS);
    }
}

void edge_on_phase(struct edge *edge, const struct msg *msg)
{
    if (msg->words[0] == PHASE_SERVE) {
        edge->serving = true;
        struct msg done = {.kind = MSG_PHASE_DONE,
                           .flags = MSG_IS_REPLY,
                           .to = msg->from,
                           .apply = {.index = msg->words[0]}};
        mailbox_send(edge->core, &done);
        return;
    }
    check(msg->words[0] == PHASE_DRAIN_EDGES);
    edge->draining = true;
    edge->drain_msg = *msg;
    timer_init(&edge->drain_timer, on_drain_timer);
    timer_set(&edge->core->timers, &edge->drain_timer,
              edge->core->time.monotonic_us + DRAIN_US_MAX);
    drain_step(edge, false);
}

void edge_look_at_session(struct edge *edge, struct conn *conn)
{
    conn->logged_in =
        conn->logged_in && state_session_get(edge->core->state, conn->session) != NULL;
    if (conn->attached_session != 0) {
        edge->has_attached = true;
        bool is_over = state_session_get(edge->core->state, conn->attached_session) == NULL;
        conn->attached_session = is_over ? 0 : conn->attached_session;
    }
    edge_note_session(edge, conn);
}

void edge_note_session(struct edge *edge, struct conn *conn)
{
    bool is_here = conn->state == CONN_OPEN && conn->logged_in;
    u64 session = is_here ? conn->session : 0;
    if (conn->found_by == session) {
        return;
    }
    if (conn->found_by != 0) {
        slot_index_remove(&edge->sessions, hash_u64(conn->found_by), conn->slot);
    }
    if (session != 0) {
        slot_index_add(&edge->sessions, hash_u64(session), conn->slot);
    }
    conn->found_by = session;
}

/* Whose memberships count on other connections (command 14), which hardly anybody asks for. */
static void forget_attached(struct edge *edge, u64 session)
{
    list_for_each(node, next, &edge->conns_open) {
        struct conn *conn = container_of(node, struct conn, node);
        if (conn->attached_session == session) {
            conn->attached_session = 0;
        }
    }
}

void edge_on_session_closed(struct edge *edge, u64 session)
{
    u32 slot = slot_index_first(&edge->sessions, hash_u64(session));
    while (slot != SLOT_NONE && edge->conns[slot].found_by != session) {
        slot = slot_index_next(&edge->sessions, slot);
    }
    if (edge->has_attached) {
        forget_attached(edge, session);
    }
    if (slot == SLOT_NONE) {
        return;
    }
    struct conn *conn = &edge->conns[slot];
    check(conn->magic == CONN_MAGIC);
    check(conn->session == session);
    held_end(edge, conn);
    conn->logged_in = false;
    conn->attached_session = 0;
    edge_note_session(edge, conn);
}

/* ---- The turn ---- */

static void put_back_first(struct list *list, struct list *nodes)
{
    for (struct list_node *node; (node = list_last(nodes)) != NULL;) {
        list_remove(node);
        list_add_first(list, node);
    }
}

/* Memory for batches goes in order of arrival: were small ones let past, they would take each bit
 * that comes free, and a large one would never begin. But what it waits for may be held for long,
 * by readers that take nothing: so every other second the others may pass. */
static bool line_is_kept(const struct edge *edge)
{
    u64 waited_us = edge->core->time.monotonic_us - edge->line_moved_us;
    return waited_us / LINE_KEPT_US % 2 == 0;
}

bool edge_line_lets(const struct edge *edge, const struct conn *conn)
{
    bool is_empty = list_is_empty(&edge->line) && edge->resuming == NULL;
    return is_empty || edge->resuming == conn || !line_is_kept(edge);
}

void edge_line_leave(struct edge *edge, struct conn *conn)
{
    list_remove(&conn->waiting);
    if (edge->resuming == conn) {
        edge->resuming = NULL;
        edge->line_moved_us = edge->core->time.monotonic_us;
    }
}

void edge_line_join(struct edge *edge, struct conn *conn)
{
    if (list_node_is_linked(&conn->waiting)) {
        return;
    }
    counter_add(edge->core->counters, COUNTER_requests_parked, 1);
    if (list_is_empty(&edge->line) && edge->resuming == NULL) {
        edge->line_moved_us = edge->core->time.monotonic_us;
    }
    list_add_last(&edge->line, &conn->waiting);
}

/* The first, and those behind it as far as they may go. Who goes on waiting keeps its place. */
static void resume_line(struct edge *edge)
{
    struct list still;
    list_init(&still);
    for (u32 i = 0; i < RESUMES_A_TURN; i++) {
        struct list_node *node = list_pop(&edge->line);
        if (node == NULL) {
            break;
        }
        struct conn *conn = container_of(node, struct conn, waiting);
        check(conn->magic == CONN_MAGIC);
        edge->resuming = conn;
        conn_advance(edge, conn);
        bool goes_on_waiting = edge->resuming == conn && list_node_is_linked(&conn->waiting);
        edge->resuming = NULL;
        if (goes_on_waiting) {
            list_remove(&conn->waiting);
            list_add_last(&still, &conn->waiting);
            if (line_is_kept(edge)) {
                break;
            }
        }
    }
    put_back_first(&edge->line, &still);
    if (!list_is_empty(&edge->line) && !timer_is_set(&edge->line_timer)) {
        timer_set(&edge->core->timers, &edge->line_timer,
                  edge->core->time.monotonic_us + LINE_KEPT_US);
    }
}

/* Oldest first; who goes on waiting keeps its place. */
static void resume_waiting(struct edge *edge)
{
    struct list still;
    list_init(&still);
    for (u32 i = 0; i < RESUMES_A_TURN; i++) {
        struct list_node *node = list_pop(&edge->waiting);
        if (node == NULL) {
            break;
        }
        struct conn *conn = container_of(node, struct conn, waiting);
        check(conn->magic == CONN_MAGIC);
        conn_advance(edge, conn);
        if (list_node_is_linked(&conn->waiting)) {
            list_remove(&conn->waiting);
            list_add_last(&still, &conn->waiting);
        }
    }
    put_back_first(&edge->waiting, &still);
}

void edge_flush(struct edge *edge)
{
    tcp_check_batches(edge);
    resume_line(edge);
    resume_waiting(edge);
    for (struct list_node *node; (node = list_pop(&edge->sending)) != NULL;) {
        struct conn *conn = container_of(node, struct conn, sending);
        check(conn->magic == CONN_MAGIC);
        tcp_send(edge, conn);
    }
    if (edge->draining && !edge->drain_answered) {
        drain_step(edge, false);
    }
}

bool edge_is_busy(const struct edge *edge)
{
    return !list_is_empty(&edge->checking);
}
