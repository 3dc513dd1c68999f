/* Simulated TCP: pipes with bounded buffers, late and piecemeal arrival, cuts and resets; and the
 * socket calls of io.h over them. */
#include "sim/sim_net.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_world.h"

#define BACKLOG_MAX 128u
#define DEAD_PEER_US (20 * US_PER_SECOND) /* TCP_USER_TIMEOUT and keepalive */

/* One direction. `held` bytes from `head` on, of which the first `arrived` may be read. */
struct sim_pipe {
    u8 *bytes;
    u32 room;
    u32 head;
    u32 held;
    u32 arrived;
    u64 last_arrival_us;
    u64 cut_until_us;
    bool end_sent;
    bool end_arrived;
};

struct sim_conn {
    struct list_node node;    /* in sim.conns */
    struct list_node waiting; /* in the backlog of its node */
    struct sim *sim;
    struct sim_node *machine;
    u64 number;
    u32 incarnation; /* of the node, when connected */
    struct sim_pipe to_node;
    struct sim_pipe to_client;
    void (*on_event)(void *context, struct sim_conn *conn);
    void *context;
    bool event_planned;
    bool connected;
    bool refused;
    bool reset; /* both ways; each side sees it when it looks */
    bool client_gone;
    bool client_silent; /* vanished: nobody reads, nobody says so */
    bool node_gone;     /* closed by the node */
    bool node_shut;
    u32 small_pieces; /* in a hundred receives */
};

/* ---- Pipes ---- */

static void pipe_put(struct sim_pipe *pipe, const u8 *bytes, u32 size)
{
    check(size <= pipe->room - pipe->held);
    if (pipe->bytes == NULL) {
        pipe->bytes = mem_take(pipe->room);
    }
    u32 at = (pipe->head + pipe->held) % pipe->room;
    u32 first = u32_min(size, pipe->room - at);
    memcpy(pipe->bytes + at, bytes, first);
    memcpy(pipe->bytes, bytes + first, size - first);
    pipe->held += size;
}

static void pipe_get(struct sim_pipe *pipe, u8 *bytes, u32 size)
{
    check(size <= pipe->arrived);
    u32 first = u32_min(size, pipe->room - pipe->head);
    memcpy(bytes, pipe->bytes + pipe->head, first);
    memcpy(bytes + first, pipe->bytes, size - first);
    pipe->head = (pipe->head + size) % pipe->room;
    pipe->held -= size;
    pipe->arrived -= size;
}

static void pipe_drop(struct sim_pipe *pipe)
{
    mem_return(pipe->bytes);
    pipe->bytes = NULL;
    pipe->head = 0;
    pipe->held = 0;
    pipe->arrived = 0;
}

static bool pipe_is_at_end(const struct sim_pipe *pipe)
{
    return pipe->end_arrived && pipe->held == 0;
}

static struct sim_pipe *pipe_of(struct sim_conn *conn, u64 direction)
{
    return direction == SIM_TO_NODE ? &conn->to_node : &conn->to_client;
}

static u64 latency_us(struct sim *sim)
{
    if (sim_happens(sim, sim->options.faults.network_late, &sim->counts.network_lates)) {
        return sim_between(sim, 1000, 1000000);
    }
    return sim_between(sim, 10, 400);
}

/* ---- Telling either side ---- */

static void tell_client(void *context, u64 word)
{
    (void)word;
    struct sim_conn *conn = context;
    conn->event_planned = false;
    if (!conn->client_gone && conn->on_event != NULL) {
        conn->on_event(conn->context, conn);
    }
}

static void plan_client_event(struct sim_conn *conn)
{
    if (!conn->event_planned && !conn->client_gone) {
        conn->event_planned = true;
        sim_clock_at(&conn->sim->clock, conn->sim->clock.now_us + 1, tell_client, conn, 0);
    }
}

static bool request_try(struct sim_request *request);

/* Something changed for the node: what waits on this connection looks again. */
static void poke_node(struct sim_conn *conn)
{
    for (u32 i = 0; i < conn->sim->cores_count; i++) {
        list_for_each(node, next, &conn->machine->ios[i].running) {
            struct sim_request *request = container_of(node, struct sim_request, node);
            if (request->conn == conn && !request->scheduled) {
                (void)request_try(request);
            }
        }
    }
}

static void end_both_ways(struct sim_conn *conn)
{
    if (conn->reset) {
        return;
    }
    conn->reset = true;
    pipe_drop(&conn->to_node);
    pipe_drop(&conn->to_client);
    sim_trace(conn->sim, SIM_STEP_END, conn->number);
    if (list_node_is_linked(&conn->waiting)) {
        list_remove(&conn->waiting);
        conn->machine->backlog_count--;
    }
    poke_node(conn);
    plan_client_event(conn);
}

static void reset_later(void *context, u64 word)
{
    (void)word;
    end_both_ways(context);
}

static void plan_reset(struct sim_conn *conn, u64 after_us)
{
    sim_clock_at(&conn->sim->clock, conn->sim->clock.now_us + after_us, reset_later, conn, 0);
}

/* ---- Arrival ---- */

#define ARRIVES_END (1ull << 40)

static void on_arrival(void *context, u64 word)
{
    struct sim_conn *conn = context;
    struct sim *sim = conn->sim;
    u64 direction = word & 3;
    u32 size = (u32)(word >> 2) & 0x3fffffff;
    struct sim_pipe *pipe = pipe_of(conn, direction);
    if (conn->reset) {
        return;
    }
    if (sim->clock.now_us < pipe->cut_until_us) {
        sim_clock_at(&sim->clock, pipe->cut_until_us + latency_us(sim), on_arrival, conn, word);
        return;
    }
    pipe->arrived += size;
    pipe->end_arrived |= (word & ARRIVES_END) != 0;
    sim_trace(sim, SIM_STEP_ARRIVE | direction << 8, conn->number << 32 | size);
    bool nobody_reads = direction == SIM_TO_NODE ? conn->node_gone : conn->client_gone;
    if (nobody_reads && size > 0 && !(direction == SIM_TO_CLIENT && conn->client_silent)) {
        end_both_ways(conn);
    } else if (direction == SIM_TO_NODE) {
        poke_node(conn);
    } else {
        plan_client_event(conn);
    }
}

static void plan_arrival(struct sim_conn *conn, u64 direction, u32 size, u64 end)
{
    struct sim *sim = conn->sim;
    struct sim_pipe *pipe = pipe_of(conn, direction);
    u64 at_us = u64_max(sim->clock.now_us + latency_us(sim), pipe->last_arrival_us);
    pipe->last_arrival_us = at_us;
    sim_clock_at(&sim->clock, at_us, on_arrival, conn, direction | (u64)size << 2 | end);
}

static void send_end(struct sim_conn *conn, u64 direction)
{
    struct sim_pipe *pipe = pipe_of(conn, direction);
    if (!pipe->end_sent) {
        pipe->end_sent = true;
        plan_arrival(conn, direction, 0, ARRIVES_END);
    }
}

static void maybe_fail(struct sim_conn *conn)
{
    struct sim *sim = conn->sim;
    if (sim_happens(sim, sim->options.faults.network_cut, &sim->counts.network_cuts)) {
        u32 directions = 1 + (u32)prng_below(&sim->prng, 3);
        sim_conn_cut(conn, directions, sim_between(sim, 1000, 5 * US_PER_SECOND));
    }
    if (sim_happens(sim, sim->options.faults.network_reset, &sim->counts.network_resets)) {
        plan_reset(conn, sim_between(sim, 0, 1000));
    }
}

/* ---- The client's side ---- */

static void on_connect(void *context, u64 word)
{
    (void)word;
    struct sim_conn *conn = context;
    struct sim_node *node = conn->machine;
    bool listens = false;
    for (u32 i = 0; i < node->numbers_count; i++) {
        listens = listens || node->numbers[i].kind == SIM_NUMBER_LISTENER;
    }
    conn->incarnation = node->incarnation;
    if (!listens || node->backlog_count == BACKLOG_MAX) {
        conn->refused = true;
        plan_client_event(conn);
        return;
    }
    conn->connected = true;
    sim_trace(conn->sim, SIM_STEP_CONNECT, conn->number);
    list_add_last(&node->backlog, &conn->waiting);
    node->backlog_count++;
    plan_client_event(conn);
    for (u32 i = 0; i < conn->sim->cores_count; i++) {
        list_for_each(at, next, &node->ios[i].running) {
            struct sim_request *request = container_of(at, struct sim_request, node);
            if (request->kind == SIM_REQUEST_ACCEPT && !request->scheduled) {
                (void)request_try(request);
            }
        }
    }
}

struct sim_conn *sim_connect(struct sim *sim, u32 node,
                             void (*on_event)(void *context, struct sim_conn *conn), void *context)
{
    check(node < sim->nodes_count);
    struct sim_conn *conn = mem_take(sizeof(*conn));
    conn->sim = sim;
    conn->machine = &sim->nodes[node];
    conn->number = ++sim->conns_last;
    conn->to_node.room = sim->options.socket_bytes;
    conn->to_client.room = sim->options.socket_bytes;
    conn->on_event = on_event;
    conn->context = context;
    conn->small_pieces = (u32)prng_below(&sim->prng, 60);
    list_node_init(&conn->waiting);
    list_add_last(&sim->conns, &conn->node);
    sim_clock_at(&sim->clock, sim->clock.now_us + latency_us(sim), on_connect, conn, 0);
    return conn;
}

bool sim_conn_is_connected(const struct sim_conn *conn)
{
    return conn->connected && !conn->reset;
}

bool sim_conn_is_over(const struct sim_conn *conn)
{
    return conn->refused || conn->reset || pipe_is_at_end(&conn->to_client);
}

u32 sim_conn_send(struct sim_conn *conn, const void *bytes, u32 size)
{
    check(!conn->client_gone);
    if (!conn->connected || conn->reset) {
        return 0;
    }
    u32 taken = u32_min(size, conn->to_node.room - conn->to_node.held);
    if (taken > 0) {
        pipe_put(&conn->to_node, bytes, taken);
        plan_arrival(conn, SIM_TO_NODE, taken, 0);
        maybe_fail(conn);
    }
    return taken;
}

u32 sim_conn_receive(struct sim_conn *conn, void *bytes, u32 size)
{
    check(!conn->client_gone);
    u32 taken = conn->reset ? 0 : u32_min(size, conn->to_client.arrived);
    if (taken > 0) {
        pipe_get(&conn->to_client, bytes, taken);
        poke_node(conn);
    }
    return taken;
}

static void client_leaves(struct sim_conn *conn)
{
    check(!conn->client_gone);
    conn->client_gone = true;
    conn->on_event = NULL;
}

void sim_conn_close(struct sim_conn *conn)
{
    client_leaves(conn);
    if (conn->to_client.held > 0 && prng_chance(&conn->sim->prng, 1, 2)) {
        plan_reset(conn, latency_us(conn->sim));
    } else {
        send_end(conn, SIM_TO_NODE);
    }
}

void sim_conn_reset(struct sim_conn *conn)
{
    client_leaves(conn);
    plan_reset(conn, latency_us(conn->sim));
}

void sim_conn_vanish(struct sim_conn *conn)
{
    client_leaves(conn);
    conn->client_silent = true;
    plan_reset(conn, sim_between(conn->sim, DEAD_PEER_US, 2 * DEAD_PEER_US));
}

void sim_conn_cut(struct sim_conn *conn, u32 directions, u64 for_us)
{
    u64 until_us = conn->sim->clock.now_us + for_us;
    for (u64 direction = SIM_TO_NODE; direction <= SIM_TO_CLIENT; direction <<= 1) {
        if ((directions & direction) != 0) {
            struct sim_pipe *pipe = pipe_of(conn, direction);
            pipe->cut_until_us = u64_max(pipe->cut_until_us, until_us);
        }
    }
    sim_trace(conn->sim, SIM_STEP_FAULT, conn->number << 8 | directions);
    if (for_us > DEAD_PEER_US) {
        plan_reset(conn, DEAD_PEER_US);
    }
}

/* ---- The node's side ---- */

static struct sim_request *ask(struct io *io, struct io_op *op, enum sim_request_kind kind,
                               struct io_socket socket)
{
    struct sim_number *number = sim_number_of(io, socket.id, SIM_NUMBER_SOCKET);
    struct sim_request *request = sim_request_create(io, op, kind);
    request->conn = number->conn;
    return request;
}

/* Is another request on this connection in the list, of this kind, or any for SIM_REQUEST_KINDS? */
static bool is_in_list(const struct list *list, const struct sim_request *but,
                       enum sim_request_kind kind)
{
    list_for_each(node, next, list) {
        const struct sim_request *request = container_of(node, struct sim_request, node);
        if (request != but && request->conn == but->conn &&
            (kind == SIM_REQUEST_KINDS || request->kind == kind)) {
            return true;
        }
    }
    return false;
}

static bool is_in_flight(const struct sim_request *but, enum sim_request_kind kind)
{
    const struct sim_node *node = but->io->node;
    for (u32 i = 0; i < node->sim->cores_count; i++) {
        if (is_in_list(&node->ios[i].asked, but, kind) ||
            is_in_list(&node->ios[i].running, but, kind)) {
            return true;
        }
    }
    return false;
}

void io_accept(struct io *io, struct io_op *op, struct io_socket listener)
{
    (void)sim_number_of(io, listener.id, SIM_NUMBER_LISTENER);
    (void)sim_request_create(io, op, SIM_REQUEST_ACCEPT);
}

void io_receive(struct io *io, struct io_op *op, struct io_socket socket, void *buffer, u32 size)
{
    struct sim_request *request = ask(io, op, SIM_REQUEST_RECEIVE, socket);
    check(!is_in_flight(request, SIM_REQUEST_RECEIVE));
    check(size > 0);
    request->buffer = buffer;
    request->size = size;
}

/* Copies at most what a socket buffer can hold: more cannot be sent by one call. */
static void lend_pieces(struct sim_request *request, const struct io_piece *pieces,
                        u32 pieces_count)
{
    u64 bound = request->io->sim->options.socket_bytes;
    request->copy = mem_resize(NULL, bound);
    request->pieces = mem_take(pieces_count * sizeof(struct io_piece));
    for (u32 i = 0; i < pieces_count && request->size < bound; i++) {
        u64 size = u64_min(pieces[i].size, bound - request->size);
        memcpy(request->copy + request->size, pieces[i].data, size);
        request->pieces[i] = (struct io_piece){pieces[i].data, size};
        request->pieces_count = i + 1;
        request->size += size;
    }
}

void io_send(struct io *io, struct io_op *op, struct io_socket socket,
             const struct io_piece *pieces, u32 pieces_count)
{
    check(pieces_count > 0);
    check(pieces_count <= IO_PIECES_MAX);
    struct sim_request *request = ask(io, op, SIM_REQUEST_SEND, socket);
    /* Two sends at once would mix their bytes. */
    check(!is_in_flight(request, SIM_REQUEST_SEND));
    lend_pieces(request, pieces, pieces_count);
    check(request->size > 0);
}

void io_socket_shutdown(struct io *io, struct io_socket socket)
{
    struct sim_conn *conn = sim_number_of(io, socket.id, SIM_NUMBER_SOCKET)->conn;
    conn->node_shut = true;
    send_end(conn, SIM_TO_CLIENT);
    poke_node(conn);
}

void io_socket_close(struct io *io, struct io_op *op, struct io_socket socket)
{
    struct sim_request *request = ask(io, op, SIM_REQUEST_SOCKET_CLOSE, socket);
    struct sim_conn *conn = request->conn;
    /* The owner waits for what is in flight, then closes. */
    check(!is_in_flight(request, SIM_REQUEST_KINDS));
    request->conn = NULL;
    conn->node_gone = true;
    sim_number_return(io->node, socket.id);
    if (conn->reset) {
        return;
    }
    if (conn->to_node.arrived > 0) {
        plan_reset(conn, latency_us(io->sim));
    } else {
        send_end(conn, SIM_TO_CLIENT);
    }
}

static bool try_accept(struct sim_request *request)
{
    struct sim_node *node = request->io->node;
    if (node->backlog_count == 0) {
        return false;
    }
    s32 id = sim_number_take(node, SIM_NUMBER_SOCKET);
    if (id < 0) {
        sim_request_end(request, ERR_LIMIT, 0);
        return true;
    }
    struct sim_conn *conn = container_of(list_pop(&node->backlog), struct sim_conn, waiting);
    node->backlog_count--;
    node->numbers[id].conn = conn;
    request->op->socket = (struct io_socket){id};
    request->op->peer_address = 0x7f000001;
    request->op->peer_port = (u16)(10000 + conn->number % 50000);
    sim_request_end(request, OK, 0);
    return true;
}

static bool try_receive(struct sim_request *request)
{
    struct sim_conn *conn = request->conn;
    struct sim *sim = conn->sim;
    if (conn->reset || conn->node_shut) {
        sim_request_end(request, ERR_CLOSED, 0);
        return true;
    }
    if (conn->to_node.arrived == 0) {
        if (!pipe_is_at_end(&conn->to_node)) {
            return false;
        }
        sim_request_end(request, OK, 0);
        return true;
    }
    u32 size = u32_min(conn->to_node.arrived, (u32)request->size);
    if (prng_below(&sim->prng, 100) < conn->small_pieces) {
        size = 1 +
               (u32)prng_below(&sim->prng, prng_chance(&sim->prng, 1, 4) ? u32_min(size, 8) : size);
    }
    pipe_get(&conn->to_node, request->buffer, size);
    sim_request_end(request, OK, size);
    plan_client_event(conn);
    return true;
}

static void check_loan(const struct sim_request *request)
{
    u64 seen = 0;
    for (u32 i = 0; i < request->pieces_count; i++) {
        check(memcmp(request->copy + seen, request->pieces[i].data, request->pieces[i].size) == 0);
        seen += request->pieces[i].size;
    }
}

static bool try_send(struct sim_request *request)
{
    struct sim_conn *conn = request->conn;
    struct sim *sim = conn->sim;
    check_loan(request);
    if (conn->reset || conn->node_shut) {
        sim_request_end(request, ERR_CLOSED, 0);
        return true;
    }
    u32 room = conn->to_client.room - conn->to_client.held;
    if (room == 0) {
        return false;
    }
    u32 size = (u32)u64_min(room, request->size);
    if (prng_below(&sim->prng, 100) < conn->small_pieces) {
        size = 1 + (u32)prng_below(&sim->prng, size);
    }
    pipe_put(&conn->to_client, request->copy, size);
    plan_arrival(conn, SIM_TO_CLIENT, size, 0);
    sim_request_end(request, OK, size);
    maybe_fail(conn);
    return true;
}

/* True when it ended; otherwise it waits to be poked. */
static bool request_try(struct sim_request *request)
{
    if (request->kind == SIM_REQUEST_ACCEPT) {
        return try_accept(request);
    }
    if (request->kind == SIM_REQUEST_RECEIVE) {
        return try_receive(request);
    }
    if (request->kind == SIM_REQUEST_SEND) {
        return try_send(request);
    }
    check(request->kind == SIM_REQUEST_SOCKET_CLOSE);
    sim_request_end(request, OK, 0);
    return true;
}

static void on_started(void *context, u64 word)
{
    (void)word;
    struct sim_request *request = context;
    request->scheduled = false;
    if (request->dropped) {
        sim_request_drop(request);
    } else if (request->cancelled) {
        sim_request_end(request, ERR_CANCELLED, 0);
    } else {
        (void)request_try(request);
    }
}

void sim_request_start_net(struct sim_request *request)
{
    struct sim *sim = request->io->sim;
    if (request->scheduled) {
        return; /* cancelled before it was submitted */
    }
    request->scheduled = true;
    sim_clock_at(&sim->clock, sim->clock.now_us + sim_between(sim, 1, 20), on_started, request, 0);
}

/* The machine is gone: its peers hear of it soon, or only when they would have given up. */
void sim_conn_node_lost(struct sim_node *node)
{
    struct sim *sim = node->sim;
    list_for_each(at, next, &sim->conns) {
        struct sim_conn *conn = container_of(at, struct sim_conn, node);
        if (conn->machine != node || conn->reset || !conn->connected) {
            continue;
        }
        conn->node_gone = true;
        if (list_node_is_linked(&conn->waiting)) {
            list_remove(&conn->waiting);
        }
        bool silent = prng_chance(&sim->prng, 1, 4);
        plan_reset(conn, silent ? sim_between(sim, 1000000, 3000000) : latency_us(sim));
    }
    node->backlog_count = 0;
    check(list_is_empty(&node->backlog));
}

void sim_conns_destroy(struct sim *sim)
{
    list_for_each(node, next, &sim->conns) {
        struct sim_conn *conn = container_of(node, struct sim_conn, node);
        pipe_drop(&conn->to_node);
        pipe_drop(&conn->to_client);
        mem_return(conn);
    }
}
