#include "io/uring_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>

TEST(a_wait_ends_at_its_deadline_not_earlier_and_not_much_later)
{
    struct door door;
    door_open(&door, 1, 8);
    static const u64 waits_us[] = {0, 100, 1000, 20000};
    for (u32 i = 0; i < array_count(waits_us); i++) {
        u64 late_us_min = UINT64_MAX;
        for (u32 round = 0; round < 10; round++) {
            u64 deadline_us = io_monotonic_us() + waits_us[i];
            io_wait(door.ios[0], deadline_us, 0);
            u64 now_us = io_monotonic_us();
            EXPECT(now_us >= deadline_us);
            late_us_min = u64_min(late_us_min, now_us - deadline_us);
        }
        /* The machine may be busy, but not in ten rounds out of ten. */
        EXPECT(late_us_min < 5000);
    }
    u64 begin_us = io_monotonic_us();
    io_wait(door.ios[0], begin_us + 3000, 1000);
    EXPECT(io_monotonic_us() >= begin_us + 3000);
    io_wait(door.ios[0], begin_us, 1000);
    door_close(&door);
}

TEST(a_wait_that_sleeps_uses_no_cpu)
{
    struct door door;
    door_open(&door, 1, 8);
    struct rusage before;
    struct rusage after;
    EXPECT(getrusage(RUSAGE_THREAD, &before) == 0);
    u64 begin_us = io_monotonic_us();
    io_wait(door.ios[0], begin_us + 300000, 0);
    EXPECT(getrusage(RUSAGE_THREAD, &after) == 0);
    EXPECT(io_monotonic_us() >= begin_us + 300000);
    struct timeval user;
    struct timeval system;
    timersub(&after.ru_utime, &before.ru_utime, &user);
    timersub(&after.ru_stime, &before.ru_stime, &system);
    EXPECT(user.tv_sec == 0 && system.tv_sec == 0);
    EXPECT(user.tv_usec + system.tv_usec < 20000);
    door_close(&door);
}

static void *ring_later(void *argument)
{
    struct io *io = argument;
    (void)usleep(20000);
    io_ring_bell(io);
    return NULL;
}

TEST(a_bell_from_another_thread_ends_a_wait_without_a_deadline)
{
    struct door door;
    door_open(&door, 1, 8);
    for (u32 round = 0; round < 3; round++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, ring_later, door.ios[0]) == 0);
        io_wait(door.ios[0], UINT64_MAX, round == 2 ? 50000 : 0);
        EXPECT(pthread_join(thread, NULL) == 0);
    }
    door_close(&door);
}

TEST(a_bell_heard_while_reaping_keeps_the_next_wait_awake)
{
    struct door door;
    door_open(&door, 1, 8);
    struct io *io = door.ios[0];
    io_submit(io);
    io_ring_bell(io);
    /* The lanes were drained before this reap hears the bell, so the core must turn once more. */
    u64 end_us = io_monotonic_us() + 100000;
    while (io_monotonic_us() < end_us) {
        (void)io_reap(io, 64);
    }
    io_wait(io, UINT64_MAX, 0);

    /* And a bell rung before the first wait is not lost either. */
    io_ring_bell(io);
    io_ring_bell(io);
    io_wait(io, UINT64_MAX, 0);
    u64 begin_us = io_monotonic_us();
    io_wait(io, begin_us + 20000, 0);
    EXPECT(io_monotonic_us() >= begin_us + 20000);
    door_close(&door);
}

#define EXCHANGES 20000u

/* Two cores that hand a number back and forth through shared words and bells, as the lanes do. The
 * words are relaxed: what orders them is the bell, or, when it was rung already, its flag. */
struct player {
    struct io *io;
    u32 index;
    _Atomic u32 *words; /* [i]: what core i has been sent */
    struct core core;
    bool lost;
};

static void *play(void *argument)
{
    struct player *player = argument;
    io_start(player->io, &player->core);
    u32 other = 1 - player->index;
    u32 seen = 0;
    if (player->index == 0) {
        atomic_store(&player->words[other], 1);
        io_wake(player->io, other);
    }
    while (seen < EXCHANGES) {
        u64 deadline_us = io_monotonic_us() + PATIENCE_US;
        io_wait(player->io, deadline_us, player->index == 0 ? 0 : 5);
        if (io_monotonic_us() >= deadline_us) {
            player->lost = true;
            return NULL;
        }
        u32 word = atomic_load(&player->words[player->index]);
        (void)io_reap(player->io, 64);
        if (word > seen) {
            seen = word;
            atomic_store(&player->words[other], word + (player->index == 1 ? 0 : 1));
            io_wake(player->io, other);
        }
        io_submit(player->io);
    }
    return NULL;
}

TEST(two_cores_wake_each_other_and_no_bell_is_lost)
{
    char path[] = "/var/tmp/levriero-io-XXXXXX";
    EXPECT(mkdtemp(path) != NULL);
    struct io_options options = {
        .data_path = path,
        .cores_count = 2,
        .ops_max = 8,
        .sync_workers_max = 2,
    };
    struct io *ios[2];
    struct err err;
    EXPECT(io_create_all(&options, ios, &err));
    _Atomic u32 words[2] = {0, 0};
    struct player players[2] = {
        {.io = ios[0], .index = 0, .words = words},
        {.io = ios[1], .index = 1, .words = words},
    };
    pthread_t threads[2];
    for (u32 i = 0; i < 2; i++) {
        EXPECT(pthread_create(&threads[i], NULL, play, &players[i]) == 0);
    }
    for (u32 i = 0; i < 2; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
        EXPECT(!players[i].lost);
    }
    io_destroy_all(ios, 2);
    EXPECT(rmdir(path) == 0);
}

#define WRITES_PER_CORE 300u

static void *write_much(void *argument)
{
    struct player *player = argument;
    io_start(player->io, &player->core);
    struct door door = {.ios = {player->io}, .cores_count = 1};
    char name[32];
    EXPECT(str_format(name, sizeof(name), "core-%u", player->index));
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_open(player->io, &op, name, IO_OPEN_WRITE | IO_OPEN_CREATE);
    player->lost = finish(&door, &op) != OK;
    struct io_file file = op.file;
    struct io_op beside_op;
    io_op_init(&beside_op, on_done);
    for (u32 i = 0; i < WRITES_PER_CORE && !player->lost; i++) {
        struct io_piece piece = {(const u8 *)"0123456789", 10};
        io_file_truncate(player->io, &beside_op, file, i * 10ull);
        player->lost = finish(&door, &beside_op) != OK;
        io_file_write(player->io, &op, file, i * 10ull, &piece, 1, 0);
        io_disk_free(player->io, &beside_op);
        player->lost = player->lost || finish(&door, &op) != OK || finish(&door, &beside_op) != OK;
    }
    io_file_size(player->io, &op, file);
    player->lost = player->lost || finish(&door, &op) != OK || op.count != WRITES_PER_CORE * 10ull;
    io_file_close(player->io, &op, file);
    player->lost = player->lost || finish(&door, &op) != OK;
    io_path_unlink(player->io, &op, name);
    player->lost = player->lost || finish(&door, &op) != OK;
    return NULL;
}

TEST(two_doors_in_two_threads_share_the_thread_beside)
{
    char path[] = "/var/tmp/levriero-io-XXXXXX";
    EXPECT(mkdtemp(path) != NULL);
    struct io_options options = {
        .data_path = path,
        .cores_count = 2,
        .ops_max = 8,
        .sync_workers_max = 2,
    };
    struct io *ios[2];
    struct err err;
    EXPECT(io_create_all(&options, ios, &err));
    struct player players[2] = {{.io = ios[0], .index = 0}, {.io = ios[1], .index = 1}};
    pthread_t threads[2];
    for (u32 i = 0; i < 2; i++) {
        EXPECT(pthread_create(&threads[i], NULL, write_much, &players[i]) == 0);
    }
    for (u32 i = 0; i < 2; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
        EXPECT(!players[i].lost);
    }
    io_destroy_all(ios, 2);
    EXPECT(rmdir(path) == 0);
}
