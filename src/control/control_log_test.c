#include "control/control_log.h"

#include "base/crc32c.h"
#include "sim/sim.h"
#include "state/state_command.h"
#include "test.h"

#define EVENTS_MAX 64u

/* One server's log over a simulated disk that outlives it. */
struct log_fixture {
    struct sim *sim;
    struct core core;
    struct event_log events;
    struct event event_items[EVENTS_MAX];
    struct arena arena;
    struct state *state; /* loaded, then kept up with what is appended */
    struct control_log *log;
    bool opened;
    bool opened_ok;
    bool failed;
    bool closed;
    bool settled;
    bool settled_ok;
    u32 snapshots_count;
    bool snapshot_ok;
    u64 synced_index;
    u64 failed_index;
};

static struct log_fixture fixture;

static const struct state_options options = {
    .cores_count = 1,
    .streams_max = 4000,
    .topics_max = 16,
    .partitions_max = 16,
    .users_max = 4,
    .grants_max = 4,
    .tokens_max = 4,
    .sessions_max = 4,
};

static void on_opened(void *context, bool ok)
{
    struct log_fixture *f = context;
    f->opened = true;
    f->opened_ok = ok;
}

static void on_synced(void *context, u64 index)
{
    struct log_fixture *f = context;
    EXPECT(index > f->synced_index);
    f->synced_index = index;
}

static void on_failed(void *context, u64 index)
{
    struct log_fixture *f = context;
    EXPECT(!f->failed);
    f->failed = true;
    f->failed_index = index;
}

static void on_snapshotted(void *context, bool ok)
{
    struct log_fixture *f = context;
    f->snapshots_count++;
    f->snapshot_ok = ok;
}

static void on_settled(void *context, bool ok)
{
    struct log_fixture *f = context;
    f->settled = true;
    f->settled_ok = ok;
}

static void on_closed(void *context)
{
    struct log_fixture *f = context;
    f->closed = true;
}

static struct sim_turn turn(void *context, struct turn_time time)
{
    struct log_fixture *f = context;
    f->core.time = time;
    f->events.wall_us = time.wall_us;
    (void)io_reap(f->core.io, 64);
    io_submit(f->core.io);
    return (struct sim_turn){.deadline_us = UINT64_MAX};
}

static void run(void)
{
    io_submit(fixture.core.io);
    (void)sim_run_until(fixture.sim, NULL, NULL, 600 * US_PER_SECOND);
}

/* ---- What is examined without a door is judged as at the start that follows ---- */

struct examined {
    bool ok;
    u64 content_hash;
    char text[sizeof(struct err)];
};

static struct sim_inode *inode_of(u32 side, u32 slot)
{
    char path[IO_PATH_BYTES];
    EXPECT(str_format(path, sizeof(path), "control/%c/log.%u", (char)('a' + side), slot));
    return sim_disk_find(sim_disk(fixture.sim, 0), path);
}

/* Block by block; zeros for those that cannot be read. */
static u32 read_file(u32 side, u32 slot, u64 position, u8 *room)
{
    struct sim_inode *inode = inode_of(side, slot);
    u32 size = 0;
    while (inode != NULL && size < CONTROL_RECORD_BYTES_MAX && position + size < inode->size) {
        u64 count = CONTROL_BLOCK_BYTES;
        struct sim_room block = {room + size, CONTROL_BLOCK_BYTES};
        if (sim_disk_read(sim_disk(fixture.sim, 0), inode, position + size, block, &count) != OK) {
            memset(block.data, 0, CONTROL_BLOCK_BYTES);
        }
        size += (u32)count;
    }
    return size;
}

static void on_examined(void *context, bool ok)
{
    struct examined *examined = context;
    examined->ok = ok;
}

static struct control_log_sizes sizes_of_files(void)
{
    struct control_log_sizes sizes = {0};
    for (u32 i = 0; i < CONTROL_SIDES * CONTROL_SLOTS; i++) {
        struct sim_inode *inode = inode_of(i / CONTROL_SLOTS, i % CONTROL_SLOTS);
        sizes.bytes[i / CONTROL_SLOTS][i % CONTROL_SLOTS] = inode == NULL ? 0 : inode->size;
    }
    return sizes;
}

static struct examined examine(void)
{
    struct examined examined = {0};
    struct arena arena;
    EXPECT(arena_create(&arena, control_log_bytes() + state_bytes(&options)));
    struct state *state = state_create(&arena, &options);
    struct control_log_events events = {.context = &examined, .opened = on_examined};
    struct control_log *log = control_log_create(&fixture.core, &arena, &events);
    struct control_log_sizes sizes = sizes_of_files();
    control_log_examine(log, state, &sizes);
    u32 slot = 0;
    u64 position = 0;
    while (control_log_wanted(log, &slot, &position)) {
        u32 bytes[CONTROL_SIDES];
        for (u32 side = 0; side < CONTROL_SIDES; side++) {
            bytes[side] = read_file(side, slot, position, control_log_room(log, side));
        }
        control_log_give(log, bytes);
    }
    examined.content_hash = state_content_hash(state);
    memcpy(examined.text, control_log_error(log)->text, sizeof(examined.text));
    arena_destroy(&arena);
    return examined;
}

/* A process begins over whatever the disk holds. */
static void start(void)
{
    struct log_fixture *f = &fixture;
    struct sim *sim = f->sim;
    *f = (struct log_fixture){.sim = sim};
    event_log_init(&f->events, f->event_items, EVENTS_MAX, 0, EVENT_DEBUG);
    f->core = (struct core){
        .cores_count = 1,
        .io = sim_io(sim, 0, 0),
        .events = &f->events,
        .time = sim_time(sim, 0),
    };
    prng_init(&f->core.prng, sim_now_us(sim) + 99);
    EXPECT(arena_create(&f->arena, control_log_bytes() + state_bytes(&options)));
    f->state = state_create(&f->arena, &options);
    struct control_log_events events = {
        .context = f,
        .opened = on_opened,
        .synced = on_synced,
        .failed = on_failed,
        .snapshotted = on_snapshotted,
        .settled = on_settled,
        .closed = on_closed,
    };
    f->log = control_log_create(&f->core, &f->arena, &events);
    struct examined examined = examine();
    sim_attach(sim, 0, 0, &f->core, turn, f);
    control_log_open(f->log, f->state);
    run();
    EXPECT(f->opened);
    EXPECT_EQ(examined.ok, f->opened_ok);
    EXPECT_EQ(examined.content_hash, state_content_hash(f->state));
    EXPECT_STR(examined.text, control_log_error(f->log)->text);
}

static void forget(void)
{
    arena_destroy(&fixture.arena);
}

static void crash(const struct sim_crash_odds *odds)
{
    sim_crash(fixture.sim, 0, odds);
    forget();
}

static void snapshot(void)
{
    u32 before = fixture.snapshots_count;
    control_log_snapshot(fixture.log, fixture.state);
    run();
    EXPECT_EQ(fixture.snapshots_count, before + 1);
}

static void start_well(void)
{
    start();
    EXPECT(fixture.opened_ok);
    if (control_log_needs_snapshot(fixture.log)) {
        snapshot();
        EXPECT(fixture.snapshot_ok);
        EXPECT(!control_log_needs_snapshot(fixture.log));
    }
}

static struct span encode_stream(u8 *bytes, u32 capacity, const char *name)
{
    struct state_command command = {
        .kind = STATE_CREATE_STREAM,
        .stream_id = state_stream_lowest_free(fixture.state),
        .name = span_of(name),
    };
    struct writer writer = writer_over(bytes, capacity);
    state_command_encode(&command, &writer);
    EXPECT(!writer.failed);
    return (struct span){bytes, writer.position};
}

/* Appends a stream of this name, and applies it; false when the log does not take it now. */
static bool append(const char *name)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct span command = encode_stream(bytes, sizeof(bytes), name);
    u64 index = state_index(fixture.state) + 1;
    if (!control_log_append(fixture.log, index, command)) {
        return false;
    }
    EXPECT_EQ(state_check(fixture.state, command), WIRE_OK);
    state_apply(fixture.state, index, command, NULL, NULL);
    return true;
}

static void append_numbered(u32 first, u32 count)
{
    for (u32 i = first; i < first + count; i++) {
        char name[16];
        EXPECT(str_format(name, sizeof(name), "s%u", i));
        EXPECT(append(name));
        run();
    }
    EXPECT_EQ(fixture.synced_index, state_index(fixture.state));
}

static struct sim_inode *file_of(u32 side, u32 slot)
{
    char path[IO_PATH_BYTES];
    EXPECT(str_format(path, sizeof(path), "control/%c/log.%u", (char)('a' + side), slot));
    struct sim_inode *inode = sim_disk_find(sim_disk(fixture.sim, 0), path);
    EXPECT(inode != NULL);
    return inode;
}

/* A block of one side's file goes bad: reads fail, or a bit of what matters flips. */
static void rot(u32 side, u32 slot, u64 position, bool unreadable)
{
    struct sim_disk *disk = sim_disk(fixture.sim, 0);
    struct sim_inode *inode = file_of(side, slot);
    if (unreadable) {
        sim_disk_rot_at(disk, inode, position, true);
        return;
    }
    u8 block[CONTROL_BLOCK_BYTES];
    u64 count = 0;
    EXPECT_EQ(sim_disk_read(disk, inode, position, (struct sim_room){block, sizeof(block)}, &count),
              OK);
    EXPECT_EQ(count, sizeof(block));
    block[50] ^= 4;
    sim_disk_write(disk, inode, position, (struct sim_bytes){block, sizeof(block)}, true);
}

static const struct sim_crash_odds crash_old = {.sector_old = 100, .size_kept = 50};

static void begin(u64 seed)
{
    fixture.sim = sim_create(&(struct sim_options){.seed = seed});
}

static void end(void)
{
    forget();
    sim_destroy(fixture.sim);
}

static void expect_refused(const char *part)
{
    start();
    EXPECT(!fixture.opened_ok);
    const char *text = control_log_error(fixture.log)->text;
    if (strstr(text, part) == NULL) {
        EXPECT_STR(text, part);
    }
}

TEST(a_new_directory_begins_with_an_empty_snapshot)
{
    begin(1);
    start();
    EXPECT(fixture.opened_ok);
    EXPECT(control_log_needs_snapshot(fixture.log));
    snapshot();
    EXPECT(fixture.snapshot_ok);
    EXPECT(!control_log_wants_snapshot(fixture.log));
    EXPECT(control_log_is_idle(fixture.log));
    end();
}

TEST(what_was_synced_is_there_after_a_crash)
{
    begin(2);
    start_well();
    append_numbered(0, 20);
    u64 hash = state_content_hash(fixture.state);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 20);
    EXPECT_EQ(state_content_hash(fixture.state), hash);
    EXPECT_EQ(fixture.snapshots_count, 0);
    append_numbered(20, 5);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 25);
    end();
}

TEST(what_gathers_during_a_write_goes_out_as_one_record)
{
    begin(3);
    start_well();
    u64 writes_before = sim_counts(fixture.sim)->completions;
    for (u32 i = 0; i < 50; i++) {
        char name[16];
        EXPECT(str_format(name, sizeof(name), "s%u", i));
        EXPECT(append(name));
    }
    EXPECT_EQ(fixture.synced_index, 0);
    run();
    EXPECT_EQ(fixture.synced_index, state_index(fixture.state));
    /* The first alone, the other 49 together: two records on two sides. */
    EXPECT_EQ(sim_counts(fixture.sim)->completions - writes_before, 4);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 50);
    end();
}

TEST(a_full_file_is_followed_by_a_snapshot_in_the_other_pair)
{
    begin(4);
    start_well();
    u32 snapshots = 0;
    for (u32 i = 0; i < 2500; i++) {
        char name[16];
        EXPECT(str_format(name, sizeof(name), "s%u", i));
        if (control_log_wants_snapshot(fixture.log)) {
            snapshot();
            EXPECT(fixture.snapshot_ok);
            snapshots++;
        }
        EXPECT(append(name));
        run();
    }
    EXPECT(snapshots >= 2);
    u64 hash = state_content_hash(fixture.state);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_content_hash(fixture.state), hash);
    end();
}

TEST(one_good_side_suffices_and_the_other_is_healed_before_anything_is_decided)
{
    for (u32 side = 0; side < 2; side++) {
        for (u32 block = 0; block < 7; block++) {
            begin(100 + block);
            start_well();
            append_numbered(0, 5);
            u64 hash = state_content_hash(fixture.state);
            crash(&crash_old);
            rot(side, 0, block * CONTROL_BLOCK_BYTES, block % 2 == 0);
            start();
            EXPECT(fixture.opened_ok);
            EXPECT(control_log_needs_snapshot(fixture.log));
            EXPECT_EQ(state_content_hash(fixture.state), hash);
            snapshot();
            EXPECT(fixture.snapshot_ok);
            crash(&crash_old);
            /* Now the other side may rot: the healed one holds everything. */
            rot(1 - side, 1, CONTROL_BLOCK_BYTES, false);
            start();
            EXPECT(fixture.opened_ok);
            EXPECT_EQ(state_content_hash(fixture.state), hash);
            end();
        }
    }
}

TEST(sides_that_are_damaged_in_different_places_complete_each_other)
{
    begin(5);
    start_well();
    append_numbered(0, 8);
    u64 hash = state_content_hash(fixture.state);
    crash(&crash_old);
    rot(0, 0, 3 * CONTROL_BLOCK_BYTES, false);
    rot(1, 0, 5 * CONTROL_BLOCK_BYTES, true);
    rot(0, 0, 7 * CONTROL_BLOCK_BYTES, true);
    start_well();
    EXPECT_EQ(state_content_hash(fixture.state), hash);
    EXPECT_EQ(fixture.snapshots_count, 1);
    end();
}

TEST(a_lost_side_is_written_anew)
{
    begin(6);
    start_well();
    append_numbered(0, 3);
    u64 hash = state_content_hash(fixture.state);
    crash(&crash_old);
    EXPECT_EQ(sim_disk_remove_tree(sim_disk(fixture.sim, 0), "control/b"), OK);
    start_well();
    EXPECT_EQ(state_content_hash(fixture.state), hash);
    crash(&crash_old);
    EXPECT_EQ(sim_disk_remove_tree(sim_disk(fixture.sim, 0), "control/a"), OK);
    start_well();
    EXPECT_EQ(state_content_hash(fixture.state), hash);
    end();
}

TEST(a_break_on_both_sides_with_records_after_it_is_refused_by_name)
{
    for (u32 block = 2; block < 6; block++) {
        begin(200 + block);
        start_well();
        append_numbered(0, 5);
        crash(&crash_old);
        rot(0, 0, block * CONTROL_BLOCK_BYTES, false);
        rot(1, 0, block * CONTROL_BLOCK_BYTES, true);
        expect_refused("are both damaged at");
        end();
    }
}

TEST(damage_to_the_last_record_on_both_sides_looks_like_a_torn_end)
{
    begin(7);
    start_well();
    append_numbered(0, 5);
    crash(&crash_old);
    rot(0, 0, 6 * CONTROL_BLOCK_BYTES, false);
    rot(1, 0, 6 * CONTROL_BLOCK_BYTES, true);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 4);
    append_numbered(4, 3);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 7);
    end();
}

TEST(damage_to_a_snapshot_or_header_on_both_sides_is_refused_while_commands_follow)
{
    for (u32 block = 0; block < 2; block++) {
        begin(300 + block);
        start_well();
        append_numbered(0, 2);
        crash(&crash_old);
        rot(0, 0, block * CONTROL_BLOCK_BYTES, false);
        rot(1, 0, block * CONTROL_BLOCK_BYTES, false);
        expect_refused(block == 0 ? "damaged at their head" : "are both damaged at");
        end();
    }
}

TEST(an_epoch_whose_snapshot_is_damaged_before_any_command_gives_way_to_the_one_before)
{
    begin(8);
    start_well();
    append_numbered(0, 4);
    u64 hash = state_content_hash(fixture.state);
    snapshot();
    crash(&crash_old);
    rot(0, 1, CONTROL_BLOCK_BYTES, false);
    rot(1, 1, CONTROL_BLOCK_BYTES, false);
    start_well();
    EXPECT_EQ(state_content_hash(fixture.state), hash);
    EXPECT_EQ(fixture.snapshots_count, 1);
    append_numbered(4, 1);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 5);
    end();
}

TEST(a_log_of_another_format_version_is_refused_by_name)
{
    begin(9);
    start_well();
    append_numbered(0, 1);
    crash(&crash_old);
    u8 block[CONTROL_BLOCK_BYTES];
    u64 count = 0;
    struct sim_disk *disk = sim_disk(fixture.sim, 0);
    EXPECT_EQ(
        sim_disk_read(disk, file_of(0, 0), 0, (struct sim_room){block, sizeof(block)}, &count), OK);
    put_u32(block + 8, 2);
    put_u32(block + 12, 0);
    put_u32(block + 12, crc32c(0, block, sizeof(block)));
    sim_disk_write(disk, file_of(0, 0), 0, (struct sim_bytes){block, sizeof(block)}, true);
    expect_refused("control/a/log.0 has format version 2, this server reads version 1");
    end();
}

TEST(sides_of_two_servers_are_refused)
{
    begin(10);
    start_well();
    append_numbered(0, 1);
    crash(&crash_old);
    u8 block[CONTROL_BLOCK_BYTES];
    struct control_header header = {.epoch = 1, .salt = 123};
    control_header_encode(&header, block);
    sim_disk_write(sim_disk(fixture.sim, 0), file_of(1, 0), 0,
                   (struct sim_bytes){block, sizeof(block)}, true);
    expect_refused("begin differently");
    end();
}

TEST(after_a_failed_write_nothing_more_is_taken)
{
    begin(11);
    start_well();
    append_numbered(0, 2);
    u64 good = fixture.synced_index;
    sim_fail_next(fixture.sim, 0, SIM_WRITE, "control/b", ERR_IO);
    EXPECT(append("bad"));
    EXPECT(append("behind it"));
    run();
    EXPECT(fixture.failed);
    EXPECT_EQ(fixture.synced_index, good);
    EXPECT_EQ(fixture.failed_index, good + 1);
    EXPECT(control_log_has_failed(fixture.log));
    EXPECT(!append("after"));
    control_log_close(fixture.log);
    run();
    EXPECT(fixture.closed);
    crash(&crash_old);
    start_well();
    u32 count = state_streams_count(fixture.state);
    EXPECT(count == 2 || count == 3);
    end();
}

TEST(a_snapshot_that_finds_no_room_is_postponed_and_the_log_goes_on)
{
    begin(12);
    start_well();
    append_numbered(0, 3);
    struct sim_disk *disk = sim_disk(fixture.sim, 0);
    sim_disk_resize(fixture.sim, 0, disk->sectors_used * disk->sector_bytes);
    snapshot();
    EXPECT(!fixture.snapshot_ok);
    EXPECT(!fixture.failed);
    append_numbered(3, 3);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 6);
    sim_disk_resize(fixture.sim, 0, GIB);
    snapshot();
    EXPECT(fixture.snapshot_ok);
    append_numbered(6, 1);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 7);
    end();
}

TEST(with_a_spare_pair_a_full_disk_does_not_stop_snapshots)
{
    begin(13);
    start_well();
    control_log_prepare_spare(fixture.log);
    run();
    EXPECT_EQ(fixture.snapshots_count, 2);
    EXPECT(fixture.snapshot_ok);
    struct sim_disk *disk = sim_disk(fixture.sim, 0);
    sim_disk_resize(fixture.sim, 0, disk->sectors_used * disk->sector_bytes);
    for (u32 round = 0; round < 4; round++) {
        append_numbered(round * 3, 3);
        snapshot();
        EXPECT(fixture.snapshot_ok);
    }
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_streams_count(fixture.state), 12);
    end();
}

TEST(a_snapshot_that_fails_to_sync_ends_the_log_and_loses_nothing)
{
    begin(14);
    start_well();
    append_numbered(0, 3);
    u64 hash = state_content_hash(fixture.state);
    sim_fail_next(fixture.sim, 0, SIM_SYNC, "control/a/log.1", ERR_IO);
    snapshot();
    EXPECT(!fixture.snapshot_ok);
    EXPECT(fixture.failed);
    crash(&crash_old);
    start_well();
    EXPECT_EQ(state_content_hash(fixture.state), hash);
    end();
}

/* SIGKILL leaves a record readable that no sync has reached. Whoever appends behind it must not
 * leave it so. */
TEST(a_record_that_only_the_kernel_held_is_durable_before_anything_follows)
{
    for (u64 seed = 1; seed < 30; seed++) {
        begin(400 + seed);
        start_well();
        append_numbered(0, 3);
        EXPECT(append("unsynced"));
        (void)sim_run_until(fixture.sim, NULL, NULL, seed * 20);
        sim_kill(fixture.sim, 0);
        forget();
        start();
        EXPECT(fixture.opened_ok);
        u32 found = state_streams_count(fixture.state);
        snapshot();
        EXPECT(fixture.snapshot_ok);
        append_numbered(10, 1);
        crash(&crash_old);
        start();
        EXPECT(fixture.opened_ok);
        EXPECT_EQ(state_streams_count(fixture.state), found + 1);
        end();
    }
}

TEST(what_was_read_is_settled_where_a_snapshot_has_no_room)
{
    begin(16);
    start_well();
    append_numbered(0, 3);
    crash(&crash_old);
    start();
    control_log_settle(fixture.log);
    run();
    EXPECT(fixture.settled);
    EXPECT(fixture.settled_ok);
    append_numbered(3, 1);
    crash(&crash_old);
    start();
    sim_fail_next(fixture.sim, 0, SIM_SYNC, "control/b", ERR_IO);
    control_log_settle(fixture.log);
    run();
    EXPECT(fixture.settled);
    EXPECT(!fixture.settled_ok);
    EXPECT(fixture.failed);
    EXPECT_EQ(state_streams_count(fixture.state), 4);
    end();
}

/* A process that was killed may have left files whose names no sync has reached. */
TEST(a_file_that_was_merely_there_has_a_durable_name_before_it_is_relied_on)
{
    for (u64 seed = 1; seed < 30; seed++) {
        begin(500 + seed);
        start_well();
        append_numbered(0, 2);
        control_log_prepare_spare(fixture.log);
        io_submit(fixture.core.io);
        (void)sim_run_until(fixture.sim, NULL, NULL, seed * 100);
        sim_kill(fixture.sim, 0);
        forget();
        start();
        snapshot();
        EXPECT(fixture.snapshot_ok);
        append_numbered(2, 2);
        crash(&(struct sim_crash_odds){.sector_old = 100, .name_kept = 0});
        start();
        EXPECT(fixture.opened_ok);
        EXPECT_EQ(state_streams_count(fixture.state), 4);
        end();
    }
}

TEST(a_passing_read_error_is_read_again)
{
    begin(15);
    start_well();
    append_numbered(0, 3);
    crash(&crash_old);
    sim_fail_next(fixture.sim, 0, SIM_READ, "control/a/log.0", ERR_IO);
    start();
    EXPECT(fixture.opened_ok);
    EXPECT_EQ(state_streams_count(fixture.state), 3);
    EXPECT(!control_log_needs_snapshot(fixture.log));
    end();
}

/* One run with crashes at any moment: what was synced must be there, and at most what was
 * appended. */
static void crash_at_random(u64 seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    begin(seed);
    u32 acknowledged = 0;
    u32 appended = 0;
    for (u32 boot = 0; boot < 12; boot++) {
        start();
        if (!fixture.opened_ok) {
            EXPECT_STR(control_log_error(fixture.log)->text, "");
        }
        u32 found = state_streams_count(fixture.state);
        EXPECT(found >= acknowledged);
        EXPECT(found <= appended);
        appended = found;
        bool snapshots = control_log_needs_snapshot(fixture.log);
        if (snapshots) {
            control_log_snapshot(fixture.log, fixture.state);
        }
        u64 begun_us = sim_now_us(fixture.sim);
        u64 ends_us = begun_us + prng_below(&prng, 30000);
        while (sim_now_us(fixture.sim) < ends_us && !fixture.failed) {
            bool may_append = !snapshots || fixture.snapshots_count > 0;
            if (may_append && prng_chance(&prng, 1, 8) && control_log_is_idle(fixture.log)) {
                control_log_snapshot(fixture.log, fixture.state);
                snapshots = true;
                fixture.snapshots_count = 0;
            } else if (may_append && prng_chance(&prng, 1, 2)) {
                char name[16];
                EXPECT(str_format(name, sizeof(name), "s%u", appended));
                appended += append(name);
            }
            io_submit(fixture.core.io);
            (void)sim_run_until(fixture.sim, NULL, NULL, 1 + prng_below(&prng, 400));
        }
        acknowledged = found;
        for (u32 id = found; id < appended; id++) {
            const struct state_stream *stream = state_stream_get(fixture.state, id);
            acknowledged += stream->life <= fixture.synced_index;
        }
        crash(&sim_crash_default);
    }
    start_well();
    EXPECT(state_streams_count(fixture.state) >= acknowledged);
    end();
}

TEST(after_crashes_at_any_moment_what_was_synced_is_there)
{
    for (u64 seed = 1; seed <= 60; seed++) {
        crash_at_random(seed * 1000);
    }
}
