#include "io/uring_test.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>

#define CREATE_FLAGS (IO_OPEN_READ | IO_OPEN_WRITE | IO_OPEN_CREATE)

static void bytes_fill(u8 *bytes, u64 size, u64 seed)
{
    for (u64 i = 0; i < size; i++) {
        bytes[i] = (u8)((i + seed) * 31 >> 3);
    }
}

static u8 *aligned_take(u64 size)
{
    void *memory = NULL;
    EXPECT(posix_memalign(&memory, SECTOR_BYTES_MAX, size) == 0);
    memset(memory, 0, size);
    return memory;
}

TEST(a_call_never_completes_from_inside)
{
    struct door door;
    door_open(&door, 1, 8);
    struct io_op op;
    io_op_init(&op, on_done);
    struct io_file file = file_open(&door, "file", CREATE_FLAGS);
    EXPECT_EQ(door.core.completions_count, 1);

    io_file_size(door.ios[0], &op, file);
    EXPECT(io_op_is_busy(&op));
    EXPECT_EQ(door.core.completions_count, 1);
    EXPECT_EQ(io_reap(door.ios[0], 64), 1);
    EXPECT(!io_op_is_busy(&op));
    EXPECT_EQ(op.count, 0);

    /* Nothing to write ends at once, which is still not from inside. */
    io_file_write(door.ios[0], &op, file, 0, NULL, 0, 0);
    EXPECT(io_op_is_busy(&op));
    EXPECT_EQ(io_reap(door.ios[0], 64), 1);
    EXPECT_EQ(op.status, OK);
    file_close(&door, file);
    door_close(&door);
}

TEST(many_pieces_are_written_one_after_the_other_and_read_back)
{
    struct door door;
    door_open(&door, 1, 8);
    u8 bytes[IO_PIECES_MAX * 100];
    bytes_fill(bytes, sizeof(bytes), 1);
    struct io_file file = file_open(&door, "file", CREATE_FLAGS);
    static const u32 counts[] = {1, 2, 3, IO_PIECES_MAX};
    for (u32 i = 0; i < array_count(counts); i++) {
        struct io_piece pieces[IO_PIECES_MAX];
        for (u32 j = 0; j < counts[i]; j++) {
            pieces[j] = (struct io_piece){bytes + j * 100, 100};
        }
        struct io_op op;
        io_op_init(&op, on_done);
        io_file_write(door.ios[0], &op, file, i * 10000, pieces, counts[i],
                      i % 2 == 0 ? 0 : IO_WRITE_SYNCED);
        /* The pieces were copied: only the bytes are lent. */
        memset(pieces, 0xff, sizeof(pieces));
        EXPECT_EQ(finish(&door, &op), OK);
        EXPECT_EQ(op.count, counts[i] * 100);

        u8 read[sizeof(bytes)] = {0};
        io_file_read(door.ios[0], &op, file, i * 10000, read, counts[i] * 100);
        EXPECT_EQ(finish(&door, &op), OK);
        EXPECT_EQ(op.count, counts[i] * 100);
        EXPECT_BYTES(read, bytes, counts[i] * 100);
    }
    file_close(&door, file);
    door_close(&door);
}

TEST(a_read_is_short_only_at_the_end_of_the_file)
{
    struct door door;
    door_open(&door, 1, 8);
    struct io_file file = file_open(&door, "file", CREATE_FLAGS);
    u8 bytes[5000];
    bytes_fill(bytes, sizeof(bytes), 2);
    struct io_piece piece = {bytes, sizeof(bytes)};
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_write(door.ios[0], &op, file, 0, &piece, 1, 0);
    EXPECT_EQ(finish(&door, &op), OK);

    u8 read[8192];
    io_file_read(door.ios[0], &op, file, 0, read, sizeof(read));
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, sizeof(bytes));
    EXPECT_BYTES(read, bytes, sizeof(bytes));
    io_file_read(door.ios[0], &op, file, 4999, read, 1);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 1);
    io_file_read(door.ios[0], &op, file, 5000, read, 1);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 0);
    io_file_size(door.ios[0], &op, file);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 5000);
    file_close(&door, file);
    door_close(&door);
}

static void path_in_door(const struct door *door, const char *name, char *path, u32 capacity)
{
    EXPECT(str_format(path, capacity, "%s/%s", door->path, name));
}

/* A pipe gives what is there; a disk that was interrupted does the same. */
TEST(a_short_read_is_continued)
{
    struct door door;
    door_open(&door, 1, 8);
    char path[128];
    path_in_door(&door, "pipe", path, sizeof(path));
    EXPECT(mkfifo(path, 0600) == 0);
    struct io_file file = file_open(&door, "pipe", IO_OPEN_READ | IO_OPEN_WRITE);
    struct io_op op;
    io_op_init(&op, on_done);
    char read[9] = {0};
    io_file_read(door.ios[0], &op, file, 0, read, 8);
    turn(&door, 1000);
    EXPECT(write(file.id, "abc", 3) == 3);
    turn(&door, 100000);
    EXPECT(io_op_is_busy(&op));
    EXPECT(write(file.id, "defgh", 5) == 5);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 8);
    EXPECT_STR(read, "abcdefgh");
    file_close(&door, file);
    door_close(&door);
}

/* The kernel moves less than 2 GiB at once, so each of these writes comes back short. */
TEST(a_short_write_is_continued_to_the_last_byte)
{
    struct door door;
    door_open(&door, 1, 8);
    char path[128];
    path_in_door(&door, "zero", path, sizeof(path));
    EXPECT(symlink("/dev/zero", path) == 0);
    u64 size = 3 * GIB;
    u8 *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT(bytes != MAP_FAILED);
    struct io_file file = file_open(&door, "zero", IO_OPEN_WRITE);
    for (u32 count = 1; count <= 5; count++) {
        struct io_piece pieces[5];
        u64 wanted = 0;
        for (u32 i = 0; i < count; i++) {
            pieces[i] = (struct io_piece){bytes + i, size - 1000 * i - i};
            wanted += pieces[i].size;
        }
        struct io_op op;
        io_op_init(&op, on_done);
        io_file_write(door.ios[0], &op, file, 0, pieces, count, 0);
        EXPECT_EQ(finish(&door, &op), OK);
        EXPECT_EQ(op.count, wanted);
    }
    EXPECT(munmap(bytes, size) == 0);
    file_close(&door, file);
    door_close(&door);
}

/* Root may do anything, so for one call this thread is nobody. */
TEST(what_the_process_may_not_do_is_a_permission)
{
    struct door door;
    door_open(&door, 1, 8);
    file_close(&door, file_open(&door, "file", CREATE_FLAGS));
    char path[128];
    path_in_door(&door, "file", path, sizeof(path));
    EXPECT(chmod(path, 0) == 0);
    struct io_op op;
    io_op_init(&op, on_done);
    (void)setfsuid(geteuid() == 0 ? 65534 : geteuid());
    io_file_open(door.ios[0], &op, "file", IO_OPEN_READ);
    enum status status = finish(&door, &op);
    (void)setfsuid(geteuid());
    EXPECT_EQ(status, ERR_PERMISSION);
    door_close(&door);
}

TEST(direct_synced_writes_and_direct_reads_up_to_an_uneven_end)
{
    struct door door;
    door_open(&door, 1, 8);
    if (!io_facts(door.ios[0]).direct) {
        door_close(&door);
        SKIP("the file system of /var/tmp takes no direct writes");
    }
    u32 sector = io_facts(door.ios[0]).sector_bytes;
    EXPECT(sector >= 512);
    EXPECT(sector <= SECTOR_BYTES_MAX);
    u8 *bytes = aligned_take(64 * SECTOR_BYTES_MAX);
    bytes_fill(bytes, 64 * SECTOR_BYTES_MAX, 3);
    struct io_piece pieces[3] = {
        {bytes, SECTOR_BYTES_MAX},
        {bytes + SECTOR_BYTES_MAX, 2 * SECTOR_BYTES_MAX},
        {bytes + 3 * SECTOR_BYTES_MAX, SECTOR_BYTES_MAX},
    };
    struct io_file file = file_open(&door, "file", CREATE_FLAGS | IO_OPEN_DIRECT);
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_write(door.ios[0], &op, file, SECTOR_BYTES_MAX, pieces, 3, IO_WRITE_SYNCED);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 4 * SECTOR_BYTES_MAX);
    io_file_truncate(door.ios[0], &op, file, 5 * SECTOR_BYTES_MAX - 100);
    EXPECT_EQ(finish(&door, &op), OK);

    u8 *read = aligned_take(16 * SECTOR_BYTES_MAX);
    io_file_read(door.ios[0], &op, file, SECTOR_BYTES_MAX, read, 16 * SECTOR_BYTES_MAX);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 4 * SECTOR_BYTES_MAX - 100);
    EXPECT_BYTES(read, bytes, op.count);
    io_file_read(door.ios[0], &op, file, 0, read, SECTOR_BYTES_MAX);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, SECTOR_BYTES_MAX);
    EXPECT_EQ(read[0], 0);
    file_close(&door, file);
    free(bytes);
    free(read);
    door_close(&door);
}

TEST(missing_existing_and_replaced_names_have_their_own_answers)
{
    struct door door;
    door_open(&door, 1, 8);
    struct io *io = door.ios[0];
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_open(io, &op, "missing", IO_OPEN_READ);
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);
    EXPECT_EQ(op.file.id, -1);
    io_file_open(io, &op, "missing/file", CREATE_FLAGS);
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);
    io_path_unlink(io, &op, "missing");
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);
    io_path_rename(io, &op, "missing", "other");
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);

    struct io_file file = file_open(&door, "a", CREATE_FLAGS | IO_OPEN_EXCLUSIVE);
    io_file_open(io, &op, "a", CREATE_FLAGS | IO_OPEN_EXCLUSIVE);
    EXPECT_EQ(finish(&door, &op), ERR_EXISTS);
    struct io_piece piece = {(const u8 *)"new", 3};
    io_file_write(io, &op, file, 0, &piece, 1, 0);
    EXPECT_EQ(finish(&door, &op), OK);
    file_close(&door, file);
    file_close(&door, file_open(&door, "b", CREATE_FLAGS));
    io_path_rename(io, &op, "a", "b");
    EXPECT_EQ(finish(&door, &op), OK);
    io_file_open(io, &op, "a", IO_OPEN_READ);
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);
    file = file_open(&door, "b", IO_OPEN_READ);
    io_file_size(io, &op, file);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 3);
    file_close(&door, file);
    io_path_unlink(io, &op, "b");
    EXPECT_EQ(finish(&door, &op), OK);

    char path[sizeof(door.path) + 8];
    EXPECT(str_format(path, sizeof(path), "%s/mode", door.path));
    file_close(&door, file_open(&door, "mode", CREATE_FLAGS));
    struct stat facts;
    EXPECT(stat(path, &facts) == 0);
    EXPECT_EQ(facts.st_mode & 0777u, 0600);
    door_close(&door);
}

TEST(directories_are_made_with_their_parents_listed_in_order_and_synced)
{
    struct door door;
    door_open(&door, 1, 8);
    struct io *io = door.ios[0];
    struct io_op op;
    io_op_init(&op, on_done);
    io_directory_create(io, &op, "one/two/three");
    EXPECT_EQ(finish(&door, &op), OK);
    io_directory_create(io, &op, "one/two/three");
    EXPECT_EQ(finish(&door, &op), OK);
    static const char *const names[] = {"one/two/b", "one/two/a", "one/two/10", "one/two/9"};
    for (u32 i = 0; i < array_count(names); i++) {
        file_close(&door, file_open(&door, names[i], CREATE_FLAGS));
    }
    char listed[64];
    io_directory_list(io, &op, "one/two", listed, sizeof(listed));
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 15);
    EXPECT_BYTES(listed, "10\0009\0a\0b\0three", 15);
    io_directory_list(io, &op, "one/two", listed, 14);
    EXPECT_EQ(finish(&door, &op), ERR_TOO_LARGE);
    io_directory_list(io, &op, "one/two/three", listed, sizeof(listed));
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 0);
    io_directory_list(io, &op, "one/four", listed, sizeof(listed));
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);
    io_directory_create(io, &op, "one/two/a");
    EXPECT_EQ(finish(&door, &op), ERR_EXISTS);
    io_directory_create(io, &op, "one/two/a/b");
    EXPECT_EQ(finish(&door, &op), ERR_EXISTS);

    struct io_file directory = file_open(&door, "one/two", IO_OPEN_DIRECTORY);
    io_file_sync(io, &op, directory);
    EXPECT_EQ(finish(&door, &op), OK);
    file_close(&door, directory);
    io_file_open(io, &op, "one/two/a", IO_OPEN_DIRECTORY);
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);
    door_close(&door);
}

TEST(a_long_listing_is_whole_and_sorted)
{
    struct door door;
    door_open(&door, 1, 64);
    struct io_op op;
    io_op_init(&op, on_done);
    io_directory_create(door.ios[0], &op, "d");
    EXPECT_EQ(finish(&door, &op), OK);
    for (u32 i = 0; i < 500; i++) {
        char path[32];
        EXPECT(str_format(path, sizeof(path), "d/%020u.log", i * 7919 % 500));
        file_close(&door, file_open(&door, path, CREATE_FLAGS));
    }
    u32 size = 500 * 25;
    char *names = mem_take(size);
    io_directory_list(door.ios[0], &op, "d", names, size);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, size);
    for (u32 i = 0; i < 500; i++) {
        char wanted[32];
        EXPECT(str_format(wanted, sizeof(wanted), "%020u.log", i));
        EXPECT_STR(names + i * 25, wanted);
    }
    mem_return(names);
    door_close(&door);
}

TEST(trees_are_removed_whole_and_other_jobs_come_in_between)
{
    struct door door;
    door_open(&door, 1, 64);
    struct io *io = door.ios[0];
    struct io_op op;
    io_op_init(&op, on_done);
    for (u32 i = 0; i < 300; i++) {
        char path[64];
        EXPECT(str_format(path, sizeof(path), "trash/%u/partitions/%u", i % 3, i));
        io_directory_create(io, &op, path);
        EXPECT_EQ(finish(&door, &op), OK);
        EXPECT(str_format(path, sizeof(path), "trash/%u/partitions/%u/log", i % 3, i));
        file_close(&door, file_open(&door, path, CREATE_FLAGS));
    }
    struct io_op other;
    io_op_init(&other, on_done);
    io_tree_remove(io, &op, "trash");
    io_disk_free(io, &other);
    EXPECT_EQ(finish(&door, &other), OK);
    EXPECT(other.count > 0);
    EXPECT(io_op_is_busy(&op));
    EXPECT_EQ(finish(&door, &op), OK);
    char names[64];
    io_directory_list(io, &op, "trash", names, sizeof(names));
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);
    io_tree_remove(io, &op, "trash");
    EXPECT_EQ(finish(&door, &op), ERR_NOT_FOUND);

    /* A link is removed, not followed. */
    file_close(&door, file_open(&door, "kept", CREATE_FLAGS));
    char link_path[sizeof(door.path) + 8];
    EXPECT(str_format(link_path, sizeof(link_path), "%s/link", door.path));
    EXPECT(symlink(".", link_path) == 0);
    io_tree_remove(io, &op, "link");
    EXPECT_EQ(finish(&door, &op), OK);
    io_tree_remove(io, &op, "kept");
    EXPECT_EQ(finish(&door, &op), OK);
    door_close(&door);
}

TEST(a_file_shrinks_grows_and_reserves)
{
    struct door door;
    door_open(&door, 1, 8);
    struct io *io = door.ios[0];
    struct io_file file = file_open(&door, "file", CREATE_FLAGS);
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_allocate(io, &op, file, 0, MIB);
    enum status status = finish(&door, &op);
    EXPECT(status == OK || status == ERR_UNSUPPORTED);
    if (status == OK) {
        io_file_size(io, &op, file);
        EXPECT_EQ(finish(&door, &op), OK);
        EXPECT_EQ(op.count, MIB);
    }
    io_file_truncate(io, &op, file, 123);
    EXPECT_EQ(finish(&door, &op), OK);
    io_file_size(io, &op, file);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 123);
    io_file_sync(io, &op, file);
    EXPECT_EQ(finish(&door, &op), OK);
    file_close(&door, file);
    door_close(&door);
}

TEST(jobs_beside_the_ring_are_done_in_the_order_asked)
{
    struct door door;
    door_open(&door, 1, 8);
    struct io_file file = file_open(&door, "file", CREATE_FLAGS);
    struct io_op ops[50];
    for (u32 round = 0; round < 20; round++) {
        for (u32 i = 0; i < array_count(ops); i++) {
            io_op_init(&ops[i], on_done);
            io_file_truncate(door.ios[0], &ops[i], file, round + i * 7 % 50);
        }
        for (u32 i = 0; i < array_count(ops); i++) {
            EXPECT_EQ(finish(&door, &ops[i]), OK);
        }
        io_file_size(door.ios[0], &ops[0], file);
        EXPECT_EQ(finish(&door, &ops[0]), OK);
        EXPECT_EQ(ops[0].count, round + 49 * 7 % 50);
    }
    file_close(&door, file);
    door_close(&door);
}

TEST(ops_beyond_the_limit_wait_in_order_and_all_end)
{
    struct door door;
    door_open(&door, 1, 4);
    struct io *io = door.ios[0];
    struct io_file file = file_open(&door, "file", CREATE_FLAGS);
    u32 count = 5000;
    struct io_op *ops = mem_take(count * sizeof(*ops));
    u8 *bytes = mem_take(count * 16);
    bytes_fill(bytes, count * 16, 4);
    for (u32 i = 0; i < count; i++) {
        struct io_piece pieces[3] = {
            {bytes + i * 16, 5}, {bytes + i * 16 + 5, 5}, {bytes + i * 16 + 10, 6}};
        io_op_init(&ops[i], on_done);
        io_file_write(io, &ops[i], file, i * 16, pieces, 3, 0);
    }
    /* A close behind them lets them finish first. */
    struct io_op close_op;
    io_op_init(&close_op, on_done);
    io_file_close(io, &close_op, file);
    EXPECT_EQ(finish(&door, &close_op), OK);
    for (u32 i = 0; i < count; i++) {
        EXPECT_EQ(finish(&door, &ops[i]), OK);
        EXPECT_EQ(ops[i].count, 16);
    }
    file = file_open(&door, "file", IO_OPEN_READ);
    u8 *read = mem_take(count * 16);
    io_file_read(io, &ops[0], file, 0, read, count * 16);
    EXPECT_EQ(finish(&door, &ops[0]), OK);
    EXPECT_EQ(ops[0].count, count * 16);
    EXPECT_BYTES(read, bytes, count * 16);
    file_close(&door, file);
    mem_return(read);
    mem_return(bytes);
    mem_return(ops);
    door_close(&door);
}

/* Paths and many pieces are kept in a table; when it is full the call still ends from io_reap. */
TEST(more_pieces_than_the_table_holds_is_a_limit)
{
    enum { SLOTS = 65536, COUNT = SLOTS + 10 };
    struct door door;
    door_open(&door, 1, 4);
    struct io_file file = file_open(&door, "file", CREATE_FLAGS);
    struct io_op *ops = mem_take(COUNT * sizeof(*ops));
    struct io_piece pieces[3] = {{(const u8 *)"a", 1}, {(const u8 *)"b", 1}, {(const u8 *)"c", 1}};
    for (u32 i = 0; i < COUNT; i++) {
        io_op_init(&ops[i], on_done);
        io_file_write(door.ios[0], &ops[i], file, i * 3ull, pieces, 3, 0);
        EXPECT(io_op_is_busy(&ops[i]));
    }
    for (u32 i = 0; i < COUNT; i++) {
        EXPECT_EQ(finish(&door, &ops[i]), i < SLOTS ? OK : ERR_LIMIT);
    }
    io_file_write(door.ios[0], &ops[0], file, 0, pieces, 3, 0);
    EXPECT_EQ(finish(&door, &ops[0]), OK);
    mem_return(ops);
    file_close(&door, file);
    door_close(&door);
}

TEST(numbers_are_used_again_while_others_open_and_close)
{
    struct door door;
    door_open(&door, 1, 64);
    struct io *io = door.ios[0];
    struct io_op opens[32];
    struct io_op closes[32];
    for (u32 i = 0; i < 32; i++) {
        io_op_init(&opens[i], on_done);
        io_op_init(&closes[i], on_done);
    }
    for (u32 round = 0; round < 50; round++) {
        for (u32 i = 0; i < 32; i++) {
            char path[32];
            EXPECT(str_format(path, sizeof(path), "file-%u", i));
            io_file_open(io, &opens[i], path, CREATE_FLAGS);
        }
        for (u32 i = 0; i < 32; i++) {
            EXPECT_EQ(finish(&door, &opens[i]), OK);
            EXPECT(round == 0 || finish(&door, &closes[i]) == OK);
            io_file_close(io, &closes[i], opens[i].file);
        }
    }
    for (u32 i = 0; i < 32; i++) {
        EXPECT_EQ(finish(&door, &closes[i]), OK);
    }
    door_close(&door);
}

TEST(a_full_disk_is_a_status_and_what_is_freed_can_be_written_again)
{
    if (geteuid() != 0) {
        SKIP("mounting a small file system needs root");
    }
    char path[] = "/var/tmp/levriero-full-XXXXXX";
    EXPECT(mkdtemp(path) != NULL);
    if (mount("none", path, "tmpfs", 0, "size=1m") != 0) {
        (void)rmdir(path);
        SKIP("this machine mounts no tmpfs");
    }
    struct door door;
    door_open_at(&door, path, 1, 8);
    struct io *io = door.ios[0];
    struct io_file file = file_open(&door, "file", CREATE_FLAGS);
    u8 *bytes = mem_take(2 * MIB);
    bytes_fill(bytes, 2 * MIB, 5);
    struct io_piece pieces[3] = {{bytes, 300 * KIB}, {bytes, 300 * KIB}, {bytes, MIB}};
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_write(io, &op, file, 0, pieces, 3, 0);
    EXPECT_EQ(finish(&door, &op), ERR_SPACE);
    io_disk_free(io, &op);
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 0);
    io_file_truncate(io, &op, file, 0);
    EXPECT_EQ(finish(&door, &op), OK);
    io_file_write(io, &op, file, 0, pieces, 2, IO_WRITE_SYNCED);
    EXPECT_EQ(finish(&door, &op), OK);
    io_file_allocate(io, &op, file, 0, 2 * MIB);
    EXPECT_EQ(finish(&door, &op), ERR_SPACE);
    file_close(&door, file);
    mem_return(bytes);
    io_destroy_all(door.ios, 1);
    EXPECT(umount(path) == 0);
    EXPECT(rmdir(path) == 0);
}
