/* What synced direct writes cost through the door, for one bound of the kernel's worker threads.
 *
 *     ninja -C build/release tools/measure/io_policy
 *     cd build/release/tools/measure
 *     ./io_policy DIRECTORY WORKERS FILES BYTES MILLISECONDS written|growing
 *
 * Every file has one write at a time, as a partition does; the next is asked from the completion of
 * the last. `written` writes into zeros that were written and synced before, `growing` at the end
 * of the file. One line: rate, time of a write as its owner sees it, CPU a write (kernel workers
 * included). docs/decisions/0001-io-workers.md tells what came out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/io.h"
#include "io/io_uring_driver.h"

#define WINDOW_BYTES (4 * MIB) /* of zeros in each file; then the writes begin again at its front */
#define SAMPLES_MAX (1u << 20)

struct core {
    struct io *io;
    u32 busy_count;
    u64 end_us;
    u64 writes_count;
    u32 bytes;
    bool is_growing;
    const u8 *data;
    u32 *times_us;
};

struct writer {
    struct io_op op;
    struct io_file file;
    u64 position;
    u64 begun_us;
};

static void write_next(struct core *core, struct writer *writer)
{
    struct io_piece piece = {core->data, core->bytes};
    if (!core->is_growing && writer->position + core->bytes > WINDOW_BYTES) {
        writer->position = 0;
    }
    writer->begun_us = io_monotonic_us();
    core->busy_count++;
    io_file_write(core->io, &writer->op, writer->file, writer->position, &piece, 1,
                  IO_WRITE_SYNCED);
    writer->position += core->bytes;
}

static void on_written(struct core *core, struct io_op *op)
{
    struct writer *writer = container_of(op, struct writer, op);
    check(op->status == OK);
    u64 now_us = io_monotonic_us();
    core->busy_count--;
    core->times_us[core->writes_count++ % SAMPLES_MAX] = (u32)(now_us - writer->begun_us);
    if (now_us < core->end_us) {
        write_next(core, writer);
    }
}

static void on_done(struct core *core, struct io_op *op)
{
    check(op->status == OK);
    core->busy_count--;
}

static void turn_until_idle(struct core *core)
{
    while (core->busy_count > 0) {
        io_wait(core->io, UINT64_MAX, 0);
        (void)io_reap(core->io, UINT32_MAX);
        io_submit(core->io);
    }
}

static void writer_begin(struct core *core, struct writer *writer, u32 index, const u8 *zeros)
{
    char name[32];
    check(str_format(name, sizeof(name), "measure-%u", index));
    io_op_init(&writer->op, on_done);
    core->busy_count++;
    io_file_open(core->io, &writer->op, name, IO_OPEN_WRITE | IO_OPEN_CREATE | IO_OPEN_DIRECT);
    turn_until_idle(core);
    writer->file = writer->op.file;
    if (!core->is_growing) {
        struct io_piece piece = {zeros, WINDOW_BYTES};
        core->busy_count++;
        io_file_write(core->io, &writer->op, writer->file, 0, &piece, 1, IO_WRITE_SYNCED);
        turn_until_idle(core);
    }
    writer->op.done = on_written;
}

static void writer_end(struct core *core, struct writer *writer, u32 index)
{
    char name[32];
    check(str_format(name, sizeof(name), "measure-%u", index));
    writer->op.done = on_done;
    core->busy_count++;
    io_file_close(core->io, &writer->op, writer->file);
    turn_until_idle(core);
    core->busy_count++;
    io_path_unlink(core->io, &writer->op, name);
    turn_until_idle(core);
}

static u64 cpu_us(void)
{
    struct rusage usage;
    check(getrusage(RUSAGE_SELF, &usage) == 0);
    u64 seconds = (u64)usage.ru_utime.tv_sec + (u64)usage.ru_stime.tv_sec;
    return seconds * US_PER_SECOND + (u64)usage.ru_utime.tv_usec + (u64)usage.ru_stime.tv_usec;
}

static int compare_times(const void *a, const void *b)
{
    const u32 *left = a;
    const u32 *right = b;
    return (*left > *right) - (*left < *right);
}

static void measure(struct core *core, u32 files_count, u64 milliseconds)
{
    struct writer *writers = mem_take(files_count * sizeof(*writers));
    struct arena arena;
    check(arena_create(&arena, 2 * WINDOW_BYTES));
    const u8 *zeros = arena_take(&arena, WINDOW_BYTES, SECTOR_BYTES_MAX);
    u8 *data = arena_take(&arena, WINDOW_BYTES, SECTOR_BYTES_MAX);
    memset(data, 7, WINDOW_BYTES);
    core->data = data;
    for (u32 i = 0; i < files_count; i++) {
        writer_begin(core, &writers[i], i, zeros);
    }
    u64 begin_us = io_monotonic_us();
    u64 begin_cpu_us = cpu_us();
    core->end_us = begin_us + milliseconds * US_PER_MS;
    for (u32 i = 0; i < files_count; i++) {
        write_next(core, &writers[i]);
    }
    turn_until_idle(core);
    u64 passed_us = io_monotonic_us() - begin_us;
    u64 used_us = cpu_us() - begin_cpu_us;
    u64 count = core->writes_count;
    u64 samples = u64_min(count, SAMPLES_MAX);
    qsort(core->times_us, samples, sizeof(u32), compare_times);
    printf("%8llu writes/s %7.1f MB/s  p50 %6u us  p99 %6u us  CPU %5llu us a write\n",
           (unsigned long long)(count * US_PER_SECOND / passed_us),
           (double)(count * core->bytes) / (double)passed_us, core->times_us[samples / 2],
           core->times_us[samples * 99 / 100], (unsigned long long)(used_us / count));
    for (u32 i = 0; i < files_count; i++) {
        writer_end(core, &writers[i], i);
    }
    arena_destroy(&arena);
    mem_return(writers);
}

int main(int arguments_count, char **arguments)
{
    u64 numbers[4];
    bool good = arguments_count == 7;
    for (u32 i = 0; good && i < array_count(numbers); i++) {
        good = str_to_u64(arguments[2 + i], &numbers[i]) && numbers[i] > 0;
    }
    if (!good || numbers[2] > WINDOW_BYTES || numbers[2] % SECTOR_BYTES_MAX != 0) {
        (void)fprintf(stderr, "usage: io_policy DIRECTORY WORKERS FILES BYTES MILLISECONDS "
                              "written|growing\n");
        return 2;
    }
    struct io_options options = {
        .data_path = arguments[1],
        .cores_count = 1,
        .ops_max = 1024,
        .sync_workers_max = (u32)numbers[0],
    };
    struct core core = {
        .bytes = (u32)numbers[2],
        .is_growing = strcmp(arguments[6], "growing") == 0,
        .times_us = mem_take(SAMPLES_MAX * sizeof(u32)),
    };
    struct err err;
    if (!io_create_all(&options, &core.io, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    io_start(core.io, &core);
    printf("%-7s workers %2u files %2u bytes %7u ", arguments[6], options.sync_workers_max,
           (u32)numbers[1], core.bytes);
    measure(&core, (u32)numbers[1], numbers[3]);
    io_destroy_all(&core.io, 1);
    mem_return(core.times_us);
    return 0;
}
