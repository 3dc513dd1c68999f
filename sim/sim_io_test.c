#include "sim/sim.h"

#include "sim/sim_net.h"
#include "test.h"

static u32 done_count;

static void on_done(struct core *core, struct io_op *op)
{
    (void)core;
    (void)op;
    done_count++;
}

static _Alignas(4096) u8 memory[16384];

static struct io_file open_file(struct sim *sim, const char *path, u32 flags)
{
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_open(sim_io(sim, 0, 0), &op, path, IO_OPEN_READ | IO_OPEN_WRITE | flags);
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT_EQ(op.status, OK);
    return op.file;
}

static enum status write_at(struct sim *sim, struct io_file file, u64 position, u32 size, u32 flags)
{
    u8 byte = 9;
    struct io_op op;
    io_op_init(&op, on_done);
    memset(memory, byte, size);
    io_file_write(sim_io(sim, 0, 0), &op, file, position, &(struct io_piece){memory, size}, 1,
                  flags);
    EXPECT(io_op_is_busy(&op));
    (void)sim_run_until(sim, NULL, NULL, 60 * US_PER_SECOND);
    EXPECT(!io_op_is_busy(&op));
    return op.status;
}

static enum status sync_path(struct sim *sim, const char *path)
{
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_open(sim_io(sim, 0, 0), &op, path, IO_OPEN_DIRECTORY);
    (void)sim_run_until(sim, NULL, NULL, US_PER_SECOND);
    EXPECT_EQ(op.status, OK);
    struct io_file directory = op.file;
    io_file_sync(sim_io(sim, 0, 0), &op, directory);
    (void)sim_run_until(sim, NULL, NULL, US_PER_SECOND);
    return op.status;
}

TEST(a_call_completes_from_reap_and_never_from_inside)
{
    struct sim *sim = sim_create(&(struct sim_options){.seed = 1});
    struct io_op op;
    io_op_init(&op, on_done);
    done_count = 0;
    io_file_open(sim_io(sim, 0, 0), &op, "missing/a", IO_OPEN_READ);
    EXPECT_EQ(done_count, 0);
    EXPECT_EQ(io_reap(sim_io(sim, 0, 0), 10), 0);
    io_submit(sim_io(sim, 0, 0));
    EXPECT_EQ(io_reap(sim_io(sim, 0, 0), 10), 0);
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT_EQ(done_count, 1);
    EXPECT_EQ(op.status, ERR_NOT_FOUND);
    sim_destroy(sim);
}

TEST(a_synced_direct_write_survives_a_crash)
{
    struct sim *sim = sim_create(&(struct sim_options){.seed = 1});
    struct io_file file = open_file(sim, "a", IO_OPEN_CREATE | IO_OPEN_DIRECT);
    EXPECT_EQ(sync_path(sim, ""), OK);
    EXPECT_EQ(write_at(sim, file, 4096, 8192, IO_WRITE_SYNCED), OK);
    sim_crash(sim, 0, &(struct sim_crash_odds){.sector_old = 100});
    file = open_file(sim, "a", IO_OPEN_DIRECT);
    struct io_op op;
    io_op_init(&op, on_done);
    memset(memory, 0, sizeof(memory));
    io_file_read(sim_io(sim, 0, 0), &op, file, 0, memory, sizeof(memory));
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT_EQ(op.status, OK);
    EXPECT_EQ(op.count, 12288);
    EXPECT_EQ(memory[0], 0);
    EXPECT_EQ(memory[4096], 9);
    EXPECT_EQ(memory[12287], 9);
    sim_destroy(sim);
}

TEST(a_crash_forgets_operations_in_flight)
{
    struct sim *sim = sim_create(&(struct sim_options){.seed = 1});
    struct io_file file = open_file(sim, "a", IO_OPEN_CREATE);
    struct io_op op;
    io_op_init(&op, on_done);
    done_count = 0;
    io_file_write(sim_io(sim, 0, 0), &op, file, 0, &(struct io_piece){memory, 100}, 1, 0);
    io_submit(sim_io(sim, 0, 0));
    sim_crash(sim, 0, &sim_crash_default);
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT_EQ(done_count, 0);
    sim_destroy(sim);
}

TEST(what_callers_owe_the_door_is_checked)
{
    struct sim *sim = sim_create(&(struct sim_options){.seed = 1});
    struct io_file direct = open_file(sim, "a", IO_OPEN_CREATE | IO_OPEN_DIRECT);
    struct io_file buffered = open_file(sim, "a", 0);
    EXPECT_CHECK_FAILS((void)write_at(sim, direct, 100, 4096, 0));
    EXPECT_CHECK_FAILS((void)write_at(sim, direct, 0, 100, 0));
    EXPECT_EQ(write_at(sim, direct, 0, 4096, 0), OK);
    EXPECT_CHECK_FAILS((void)write_at(sim, buffered, 0, 4096, 0));

    struct io_op first;
    struct io_op second;
    io_op_init(&first, on_done);
    io_op_init(&second, on_done);
    struct io *io = sim_io(sim, 0, 0);
    io_file_write(io, &first, direct, 0, &(struct io_piece){memory, 8192}, 1, 0);
    EXPECT_CHECK_FAILS(
        io_file_write(io, &second, direct, 4096, &(struct io_piece){memory, 4096}, 1, 0));
    memory[3]++;
    EXPECT_CHECK_FAILS((void)sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    memory[3]--;
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    io_file_close(io, &first, direct);
    EXPECT_CHECK_FAILS(io_file_sync(io, &second, direct));
    sim_destroy(sim);
}

TEST(a_full_disk_and_a_failed_sync_are_told)
{
    struct sim *sim = sim_create(&(struct sim_options){.seed = 1, .disk_bytes = 8192});
    struct io_file file = open_file(sim, "a", IO_OPEN_CREATE);
    EXPECT_EQ(write_at(sim, file, 0, 8192, 0), OK);
    EXPECT_EQ(write_at(sim, file, 8192, 1, 0), ERR_SPACE);
    EXPECT_EQ(write_at(sim, file, 0, 8192, 0), OK);
    sim_fail_next(sim, 0, SIM_SYNC, "a", ERR_IO);
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_sync(sim_io(sim, 0, 0), &op, file);
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT_EQ(op.status, ERR_IO);
    sim_disk_resize(sim, 0, 16384);
    EXPECT_EQ(write_at(sim, file, 8192, 1, 0), OK);
    sim_destroy(sim);
}

/* ---- Network: a client sends 200 KB, the node sends them back ---- */

#define ECHO_BYTES 200000u

struct echo {
    struct sim *sim;
    struct io_op accept;
    struct io_op receive;
    struct io_op send;
    struct io_socket socket;
    u8 buffer[5000];
    struct io_piece piece;
    u32 sent;
    u32 received;
    u8 next_out;
    u8 next_in;
    bool wrong;
};

static struct echo echo;

static void echo_on_received(struct core *core, struct io_op *op);

static void echo_on_sent(struct core *core, struct io_op *op)
{
    EXPECT_EQ(op->status, OK);
    echo.piece.data += op->count;
    echo.piece.size -= op->count;
    if (echo.piece.size > 0) {
        io_send(sim_io(echo.sim, 0, 0), &echo.send, echo.socket, &echo.piece, 1);
    } else {
        io_receive(sim_io(echo.sim, 0, 0), &echo.receive, echo.socket, echo.buffer,
                   sizeof(echo.buffer));
    }
    (void)core;
}

static void echo_on_received(struct core *core, struct io_op *op)
{
    (void)core;
    if (op->status != OK || op->count == 0) {
        io_socket_close(sim_io(echo.sim, 0, 0), &echo.receive, echo.socket);
        echo.receive.done = on_done;
        return;
    }
    echo.piece = (struct io_piece){echo.buffer, op->count};
    io_send(sim_io(echo.sim, 0, 0), &echo.send, echo.socket, &echo.piece, 1);
}

static void echo_on_accepted(struct core *core, struct io_op *op)
{
    (void)core;
    EXPECT_EQ(op->status, OK);
    EXPECT_EQ(op->peer_address, 0x7f000001);
    echo.socket = op->socket;
    io_receive(sim_io(echo.sim, 0, 0), &echo.receive, echo.socket, echo.buffer,
               sizeof(echo.buffer));
}

static void echo_on_event(void *context, struct sim_conn *conn)
{
    (void)context;
    u8 bytes[3000];
    while (echo.sent < ECHO_BYTES) {
        u8 next = echo.next_out;
        u32 size = u32_min(sizeof(bytes), ECHO_BYTES - echo.sent);
        for (u32 i = 0; i < size; i++) {
            bytes[i] = next++;
        }
        u32 taken = sim_conn_send(conn, bytes, size);
        if (taken == 0) {
            break;
        }
        echo.sent += taken;
        echo.next_out = (u8)(echo.next_out + taken);
    }
    u32 count;
    while ((count = sim_conn_receive(conn, bytes, sizeof(bytes))) > 0) {
        for (u32 i = 0; i < count; i++) {
            echo.wrong |= bytes[i] != echo.next_in++;
        }
        echo.received += count;
    }
}

static bool echo_is_complete(void *context)
{
    (void)context;
    return echo.received == ECHO_BYTES;
}

static u64 run_echo(u64 seed)
{
    echo = (struct echo){0};
    echo.sim =
        sim_create(&(struct sim_options){.seed = seed,
                                         .socket_bytes = 8192,
                                         .faults = {.network_cut = 20000, .network_late = 20000}});
    io_op_init(&echo.accept, echo_on_accepted);
    io_op_init(&echo.receive, echo_on_received);
    io_op_init(&echo.send, echo_on_sent);
    io_accept(sim_io(echo.sim, 0, 0), &echo.accept, sim_listener(echo.sim, 0));
    struct sim_conn *conn = sim_connect(echo.sim, 0, echo_on_event, NULL);
    EXPECT(sim_run_until(echo.sim, echo_is_complete, NULL, 600 * US_PER_SECOND));
    EXPECT(!echo.wrong);
    EXPECT(sim_counts(echo.sim)->network_cuts > 0);
    sim_conn_close(conn);
    EXPECT(sim_run_until(echo.sim, NULL, NULL, 60 * US_PER_SECOND));
    u64 hash = sim_trace_hash(echo.sim);
    sim_destroy(echo.sim);
    return hash;
}

TEST(bytes_arrive_in_order_through_small_buffers_cuts_and_delays)
{
    for (u64 seed = 1; seed <= 5; seed++) {
        (void)run_echo(seed);
    }
}

TEST(the_same_seed_leaves_the_same_trace)
{
    u64 hash = run_echo(3);
    EXPECT_EQ(run_echo(3), hash);
    EXPECT(run_echo(4) != hash);
}

static void on_refused(void *context, struct sim_conn *conn)
{
    *(bool *)context = sim_conn_is_over(conn);
}

TEST(nobody_answers_on_a_node_that_is_down)
{
    struct sim *sim = sim_create(&(struct sim_options){.seed = 1});
    bool over = false;
    struct sim_conn *conn = sim_connect(sim, 0, on_refused, &over);
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT(over);
    sim_conn_close(conn);
    sim_destroy(sim);
}

TEST(a_cancelled_receive_ends_soon)
{
    struct sim *sim = sim_create(&(struct sim_options){.seed = 1});
    struct io *io = sim_io(sim, 0, 0);
    struct io_op accept;
    io_op_init(&accept, on_done);
    io_accept(io, &accept, sim_listener(sim, 0));
    struct sim_conn *conn = sim_connect(sim, 0, NULL, NULL);
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT_EQ(accept.status, OK);
    struct io_op receive;
    io_op_init(&receive, on_done);
    u8 byte;
    io_receive(io, &receive, accept.socket, &byte, 1);
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT(io_op_is_busy(&receive));
    io_cancel(io, &receive);
    EXPECT(sim_run_until(sim, NULL, NULL, US_PER_SECOND));
    EXPECT_EQ(receive.status, ERR_CANCELLED);
    sim_conn_close(conn);
    sim_destroy(sim);
}

/* ---- Offload ---- */

static enum status job_status;

static void on_job(struct core *core, struct offload_job *job)
{
    (void)core;
    job_status = job->status;
    done_count++;
}

static enum status run_job(struct sim *sim, struct offload_job *job, enum offload_kind kind,
                           const char *password)
{
    job->done = on_job;
    job->kind = kind;
    job->password_size = (u32)strlen(password);
    memcpy(job->password, password, job->password_size);
    done_count = 0;
    offload_submit(sim_offload(sim, 0), 0, job);
    EXPECT(sim_run_until(sim, NULL, NULL, 10 * US_PER_SECOND));
    EXPECT_EQ(done_count, 1);
    EXPECT_EQ(job->password[0], 0);
    return job_status;
}

TEST(a_password_matches_its_hash_and_no_other)
{
    struct sim *sim = sim_create(&(struct sim_options){.seed = 1});
    struct offload_job job = {0};
    EXPECT_EQ(run_job(sim, &job, OFFLOAD_PASSWORD_HASH, "secret"), OK);
    EXPECT(strncmp(job.hash, "$argon2id$v=19$", 15) == 0);
    EXPECT_EQ(run_job(sim, &job, OFFLOAD_PASSWORD_VERIFY, "secret"), OK);
    EXPECT_EQ(run_job(sim, &job, OFFLOAD_PASSWORD_VERIFY, "sesame"), ERR_INVALID);
    job.hash[0] = 0;
    EXPECT_EQ(run_job(sim, &job, OFFLOAD_PASSWORD_VERIFY, "secret"), ERR_INVALID);
    sim_destroy(sim);
}
