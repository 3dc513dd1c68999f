/* A door over a fresh directory on a real file system, for the tests of src/io. */
#pragma once

#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/mem.h"
#include "io/io.h"
#include "io/io_uring_driver.h"

#define PATIENCE_US (20 * US_PER_SECOND)

/* The door hands the owner back and looks no further, so a test's own may be anything. */
struct core {
    u32 completions_count;
};

struct door {
    struct io *ios[4];
    u32 cores_count;
    struct core core;
    char path[64];
};

static inline void on_done(struct core *core, struct io_op *op)
{
    (void)op;
    core->completions_count++;
}

/* Tests expect inside helpers, and an expectation that fails leaves by longjmp: what is left open
 * ends with the process. */
static inline void door_open_at(struct door *door, const char *path, u32 cores_count, u32 ops_max)
{
    *door = (struct door){.cores_count = cores_count};
    EXPECT(strlen(path) < sizeof(door->path));
    memcpy(door->path, path, strlen(path));
    struct io_options options = {
        .data_path = door->path,
        .cores_count = cores_count,
        .ops_max = ops_max,
        .sync_workers_max = 4,
    };
    struct err err = {0};
    if (!io_create_all(&options, door->ios, &err)) {
        print_error("%s\n", err.text);
        test_failed(__FILE__, __LINE__);
    }
    io_start(door->ios[0], &door->core);
}

static inline void door_open(struct door *door, u32 cores_count, u32 ops_max)
{
    char path[] = "/var/tmp/levriero-io-XXXXXX";
    EXPECT(mkdtemp(path) != NULL);
    door_open_at(door, path, cores_count, ops_max);
}

static inline void turn(struct door *door, u64 wait_us)
{
    struct io *io = door->ios[0];
    io_wait(io, io_monotonic_us() + wait_us, 0);
    (void)io_reap(io, 64);
    io_submit(io);
}

/* Turns until the op has ended. */
static inline enum status finish(struct door *door, struct io_op *op)
{
    u64 end_us = io_monotonic_us() + PATIENCE_US;
    while (io_op_is_busy(op) && io_monotonic_us() < end_us) {
        turn(door, US_PER_SECOND);
    }
    EXPECT(!io_op_is_busy(op));
    return op->status;
}

static inline void door_close(struct door *door)
{
    struct io_op op;
    io_op_init(&op, on_done);
    io_directory_create(door->ios[0], &op, "left");
    (void)finish(door, &op);
    char names[4096];
    io_directory_list(door->ios[0], &op, ".", names, sizeof(names));
    EXPECT_EQ(finish(door, &op), OK);
    u64 size = op.count;
    for (u64 at = 0; at < size; at += strlen(names + at) + 1) {
        io_tree_remove(door->ios[0], &op, names + at);
        (void)finish(door, &op);
    }
    io_destroy_all(door->ios, door->cores_count);
    (void)rmdir(door->path);
}

static inline struct io_file file_open(struct door *door, const char *path, u32 flags)
{
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_open(door->ios[0], &op, path, flags);
    EXPECT_EQ(finish(door, &op), OK);
    EXPECT(op.file.id >= 0);
    return op.file;
}

static inline void file_close(struct door *door, struct io_file file)
{
    struct io_op op;
    io_op_init(&op, on_done);
    io_file_close(door->ios[0], &op, file);
    EXPECT_EQ(finish(door, &op), OK);
}
