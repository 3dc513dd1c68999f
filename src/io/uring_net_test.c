#include "io/uring_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* One connection: `peer` is a plain socket of the test, `socket` the door's. */
struct pair {
    struct io_socket listener;
    struct io_socket socket;
    s32 peer;
    u16 port;
    u32 accepted_address;
    u16 accepted_port;
};

static s32 peer_connect(u16 port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    s32 peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(peer >= 0);
    EXPECT(connect(peer, (struct sockaddr *)&address, sizeof(address)) == 0);
    return peer;
}

static struct io_socket accept_one(struct door *door, struct io_socket listener, struct io_op *op)
{
    io_op_init(op, on_done);
    io_accept(door->ios[0], op, listener);
    EXPECT_EQ(finish(door, op), OK);
    EXPECT(op->socket.id >= 0);
    return op->socket;
}

static void listener_open(struct pair *pair)
{
    struct err err = {0};
    *pair = (struct pair){.listener = IO_SOCKET_NONE};
    EXPECT(io_listen("127.0.0.1:0", &pair->listener, &pair->port, &err));
}

static void pair_open(struct pair *pair, struct door *door)
{
    listener_open(pair);
    pair->peer = peer_connect(pair->port);
    struct io_op op;
    pair->socket = accept_one(door, pair->listener, &op);
    pair->accepted_address = op.peer_address;
    pair->accepted_port = op.peer_port;
}

static void socket_close(struct door *door, struct io_socket socket)
{
    struct io_op op;
    io_op_init(&op, on_done);
    io_socket_close(door->ios[0], &op, socket);
    EXPECT_EQ(finish(door, &op), OK);
}

static void pair_close(struct pair *pair, struct door *door)
{
    socket_close(door, pair->socket);
    socket_close(door, pair->listener);
    if (pair->peer >= 0) {
        (void)close(pair->peer);
    }
}

static int option_of(struct io_socket socket, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT(getsockopt(socket.id, level, option, &value, &size) == 0);
    return value;
}

TEST(an_accepted_socket_is_ready_for_use)
{
    struct door door;
    door_open(&door, 1, 8);
    struct pair pair;
    pair_open(&pair, &door);
    struct sockaddr_in own = {0};
    socklen_t size = sizeof(own);
    EXPECT(getsockname(pair.peer, (struct sockaddr *)&own, &size) == 0);
    EXPECT_EQ(pair.accepted_address, INADDR_LOOPBACK);
    EXPECT_EQ(pair.accepted_port, ntohs(own.sin_port));
    EXPECT_EQ(option_of(pair.socket, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option_of(pair.socket, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option_of(pair.socket, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option_of(pair.socket, IPPROTO_TCP, TCP_USER_TIMEOUT), 60000);
    EXPECT((fcntl(pair.socket.id, F_GETFD) & FD_CLOEXEC) != 0);
    pair_close(&pair, &door);
    door_close(&door);
}

TEST(bytes_go_both_ways_in_one_piece_and_in_many)
{
    struct door door;
    door_open(&door, 1, 8);
    struct pair pair;
    pair_open(&pair, &door);
    struct io_op op;
    io_op_init(&op, on_done);
    u8 hello[16];
    io_receive(door.ios[0], &op, pair.socket, hello, sizeof(hello));
    turn(&door, 1000);
    EXPECT(io_op_is_busy(&op));
    EXPECT(write(pair.peer, "hello", 5) == 5);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 5);
    EXPECT_BYTES(hello, "hello", 5);

    static const u32 counts[] = {1, 2, 3, IO_PIECES_MAX};
    for (u32 i = 0; i < array_count(counts); i++) {
        struct io_piece pieces[IO_PIECES_MAX];
        for (u32 j = 0; j < counts[i]; j++) {
            pieces[j] = (struct io_piece){(const u8 *)"abcd" + j % 4, 1};
        }
        io_send(door.ios[0], &op, pair.socket, pieces, counts[i]);
        memset(pieces, 0xff, sizeof(pieces));
        EXPECT_EQ(finish(&door, &op), OK);
        EXPECT_EQ(op.count, counts[i]);
        char received[IO_PIECES_MAX];
        EXPECT(recv(pair.peer, received, counts[i], MSG_WAITALL) == (ssize_t)counts[i]);
        for (u32 j = 0; j < counts[i]; j++) {
            EXPECT_EQ(received[j], "abcd"[j % 4]);
        }
    }
    EXPECT(write(pair.peer, "world!", 6) == 6);
    u8 buffer[4];
    io_receive(door.ios[0], &op, pair.socket, buffer, sizeof(buffer));
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 4);
    EXPECT_BYTES(buffer, "worl", 4);
    (void)close(pair.peer);
    pair.peer = -1;
    io_receive(door.ios[0], &op, pair.socket, buffer, sizeof(buffer));
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 2);
    io_receive(door.ios[0], &op, pair.socket, buffer, sizeof(buffer));
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 0);
    pair_close(&pair, &door);
    door_close(&door);
}

TEST(idle_receives_take_no_room_of_the_files)
{
    enum { COUNT = 24 };
    struct door door;
    door_open(&door, 1, 2);
    struct pair pairs[COUNT];
    struct io_op ops[COUNT];
    u8 bytes[COUNT];
    for (u32 i = 0; i < COUNT; i++) {
        pair_open(&pairs[i], &door);
        io_op_init(&ops[i], on_done);
        io_receive(door.ios[0], &ops[i], pairs[i].socket, &bytes[i], 1);
    }
    file_close(&door, file_open(&door, "file", IO_OPEN_WRITE | IO_OPEN_CREATE));
    EXPECT(write(pairs[COUNT - 1].peer, "x", 1) == 1);
    EXPECT_EQ(finish(&door, &ops[COUNT - 1]), OK);
    EXPECT_EQ(ops[COUNT - 1].count, 1);
    for (u32 i = 0; i < COUNT; i++) {
        io_socket_shutdown(door.ios[0], pairs[i].socket);
        (void)finish(&door, &ops[i]);
        pair_close(&pairs[i], &door);
    }
    door_close(&door);
}

TEST(a_cancelled_op_ends_as_cancelled)
{
    struct door door;
    door_open(&door, 1, 8);
    struct pair pair;
    pair_open(&pair, &door);
    struct io *io = door.ios[0];
    struct io_op ops[2];
    u8 buffer[16];
    for (u32 i = 0; i < array_count(ops); i++) {
        io_op_init(&ops[i], on_done);
    }
    /* Once at the kernel, and once before they have been submitted. */
    for (u32 round = 0; round < 2; round++) {
        io_accept(io, &ops[0], pair.listener);
        io_receive(io, &ops[1], pair.socket, buffer, sizeof(buffer));
        if (round == 0) {
            turn(&door, 1000);
        }
        for (u32 i = 0; i < array_count(ops); i++) {
            EXPECT(io_op_is_busy(&ops[i]));
            io_cancel(io, &ops[i]);
        }
        for (u32 i = 0; i < array_count(ops); i++) {
            EXPECT_EQ(finish(&door, &ops[i]), ERR_CANCELLED);
        }
    }
    /* What has ended is left alone, and the op can be used again at once. */
    io_cancel(io, &ops[1]);
    io_receive(io, &ops[1], pair.socket, buffer, sizeof(buffer));
    EXPECT(write(pair.peer, "x", 1) == 1);
    EXPECT_EQ(finish(&door, &ops[1]), OK);
    EXPECT_EQ(ops[1].count, 1);
    pair_close(&pair, &door);
    door_close(&door);
}

TEST(a_slow_reader_makes_sends_partial_and_a_rest_can_be_cancelled)
{
    struct door door;
    door_open(&door, 1, 8);
    struct pair pair;
    pair_open(&pair, &door);
    struct io *io = door.ios[0];
    u64 size = 32 * MIB;
    u8 *bytes = mem_take(size);
    for (u64 i = 0; i < size; i++) {
        bytes[i] = (u8)(i * 31 >> 8);
    }
    struct io_op op;
    io_op_init(&op, on_done);
    struct io_piece pieces[2] = {{bytes, size / 2}, {bytes + size / 2, size / 2}};
    io_send(io, &op, pair.socket, pieces, 2);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT(op.count > 0);
    EXPECT(op.count < size);
    u64 sent = op.count;

    /* Nobody reads: once the socket's buffers are full a send rests until it is cancelled. */
    u64 end_us = io_monotonic_us() + PATIENCE_US;
    bool rests = false;
    while (!rests && io_monotonic_us() < end_us) {
        struct io_piece rest = {bytes + sent, size - sent};
        io_send(io, &op, pair.socket, &rest, 1);
        turn(&door, 50000);
        rests = io_op_is_busy(&op);
        sent += rests ? 0 : op.count;
    }
    EXPECT(rests);
    io_cancel(io, &op);
    enum status status = finish(&door, &op);
    EXPECT(status == ERR_CANCELLED || status == OK);
    sent += status == OK ? op.count : 0;

    u8 *received = mem_take(sent);
    EXPECT(recv(pair.peer, received, sent, MSG_WAITALL) == (ssize_t)sent);
    EXPECT_BYTES(received, bytes, sent);
    mem_return(received);
    mem_return(bytes);
    pair_close(&pair, &door);
    door_close(&door);
}

TEST(a_shutdown_ends_what_is_in_flight)
{
    struct door door;
    door_open(&door, 1, 8);
    struct pair pair;
    pair_open(&pair, &door);
    struct io *io = door.ios[0];
    struct io_op receive_op;
    struct io_op accept_op;
    io_op_init(&receive_op, on_done);
    io_op_init(&accept_op, on_done);
    u8 byte;
    io_receive(io, &receive_op, pair.socket, &byte, 1);
    io_accept(io, &accept_op, pair.listener);
    turn(&door, 1000);
    io_socket_shutdown(io, pair.socket);
    io_socket_shutdown(io, pair.listener);
    enum status status = finish(&door, &receive_op);
    EXPECT(status == ERR_CLOSED || (status == OK && receive_op.count == 0));
    EXPECT_EQ(finish(&door, &accept_op), ERR_CLOSED);
    struct io_piece piece = {(const u8 *)"x", 1};
    io_send(io, &receive_op, pair.socket, &piece, 1);
    EXPECT_EQ(finish(&door, &receive_op), ERR_CLOSED);
    pair_close(&pair, &door);
    door_close(&door);
}

TEST(a_reset_by_the_peer_is_closed_and_raises_no_signal)
{
    struct door door;
    door_open(&door, 1, 8);
    struct pair pair;
    pair_open(&pair, &door);
    struct io_op op;
    io_op_init(&op, on_done);
    u8 byte;
    io_receive(door.ios[0], &op, pair.socket, &byte, 1);
    turn(&door, 1000);
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    EXPECT(setsockopt(pair.peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    (void)close(pair.peer);
    pair.peer = -1;
    EXPECT_EQ(finish(&door, &op), ERR_CLOSED);
    struct io_piece pieces[2] = {{(const u8 *)"x", 1}, {(const u8 *)"y", 1}};
    for (u32 count = 1; count <= 2; count++) {
        io_send(door.ios[0], &op, pair.socket, pieces, count);
        EXPECT_EQ(finish(&door, &op), ERR_CLOSED);
    }
    pair_close(&pair, &door);
    door_close(&door);
}

TEST(no_descriptor_left_is_a_limit_and_accepting_goes_on_afterwards)
{
    struct door door;
    door_open(&door, 1, 8);
    struct pair listening;
    listener_open(&listening);
    s32 peer = peer_connect(listening.port);
    struct rlimit before;
    EXPECT(getrlimit(RLIMIT_NOFILE, &before) == 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    EXPECT(setrlimit(RLIMIT_NOFILE, &none) == 0);
    struct io_op op;
    io_op_init(&op, on_done);
    io_accept(door.ios[0], &op, listening.listener);
    enum status status = finish(&door, &op);
    struct io_op open_op;
    io_op_init(&open_op, on_done);
    io_file_open(door.ios[0], &open_op, "file", IO_OPEN_WRITE | IO_OPEN_CREATE);
    enum status open_status = finish(&door, &open_op);
    EXPECT(setrlimit(RLIMIT_NOFILE, &before) == 0);
    EXPECT_EQ(status, ERR_LIMIT);
    EXPECT_EQ(open_status, ERR_LIMIT);
    struct io_socket socket = accept_one(&door, listening.listener, &op);
    socket_close(&door, socket);
    socket_close(&door, listening.listener);
    (void)close(peer);
    door_close(&door);
}

/* Far more sends than the ring has entries, asked in one turn. */
TEST(thousands_of_sends_in_one_turn_all_arrive_in_order)
{
    enum { COUNT = 5000 };
    struct door door;
    door_open(&door, 1, 8);
    struct pair pair;
    pair_open(&pair, &door);
    struct io_op *ops = mem_take(COUNT * sizeof(*ops));
    u8 bytes[256];
    for (u32 i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u8)i;
    }
    for (u32 i = 0; i < COUNT; i++) {
        io_op_init(&ops[i], on_done);
        struct io_piece pieces[2] = {{&bytes[i % 256], 1}, {&bytes[i / 256], 1}};
        io_send(door.ios[0], &ops[i], pair.socket, pieces, 2);
    }
    for (u32 i = 0; i < COUNT; i++) {
        EXPECT_EQ(finish(&door, &ops[i]), OK);
        EXPECT_EQ(ops[i].count, 2);
    }
    u8 received[2 * COUNT];
    EXPECT(recv(pair.peer, received, sizeof(received), MSG_WAITALL) == (ssize_t)sizeof(received));
    for (u32 i = 0; i < COUNT; i++) {
        EXPECT_EQ(received[2 * i], i % 256);
        EXPECT_EQ(received[2 * i + 1], i / 256);
    }
    mem_return(ops);
    pair_close(&pair, &door);
    door_close(&door);
}

/* More gathered sends one after the other than the table of pieces has rows: each gives back. */
TEST(gathered_sends_do_not_use_the_table_up)
{
    enum { COUNT = 70000, ROUND = 700 };
    struct door door;
    door_open(&door, 1, 8);
    struct pair pair;
    pair_open(&pair, &door);
    struct io_op *ops = mem_take(ROUND * sizeof(*ops));
    struct io_piece pieces[2] = {{(const u8 *)"a", 1}, {(const u8 *)"b", 1}};
    for (u32 sent = 0; sent < COUNT; sent += ROUND) {
        for (u32 i = 0; i < ROUND; i++) {
            io_op_init(&ops[i], on_done);
            io_send(door.ios[0], &ops[i], pair.socket, pieces, 2);
        }
        for (u32 i = 0; i < ROUND; i++) {
            EXPECT_EQ(finish(&door, &ops[i]), OK);
        }
        u8 received[2 * ROUND];
        EXPECT(recv(pair.peer, received, sizeof(received), MSG_WAITALL) ==
               (ssize_t)sizeof(received));
    }
    mem_return(ops);
    pair_close(&pair, &door);
    door_close(&door);
}
