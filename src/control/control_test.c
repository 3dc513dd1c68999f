#include "control/control.h"

#include "control/control_fixture.h"
#include "wire/options.h"

static const struct sim_crash_odds crash_old = {.sector_old = 100, .size_kept = 50};

static void expect_equal_states(void)
{
    for (u32 i = 1; i < node.cores_count; i++) {
        EXPECT_EQ(state_hash(node.cores[i].core.state), state_hash(node.cores[0].core.state));
    }
}

/* The wire error of a command that was sent. */
static u32 error_of(u32 slot)
{
    return node_wait(slot)->error;
}

TEST(a_first_start_walks_the_phases_and_makes_the_root_user)
{
    node_init(1, 2);
    node_start_well();
    node_run_ms(1000);
    static const enum phase phases[] = {PHASE_RECOVER, PHASE_FORGET_OLD, PHASE_SERVE};
    for (u32 i = 0; i < 2; i++) {
        const struct pump_core *pump = &node.cores[i];
        EXPECT_EQ(pump->phases_count, 3);
        EXPECT_EQ(memcmp(pump->phases, phases, sizeof(phases)), 0);
        EXPECT_EQ(state_boot(pump->core.state), 1);
        const struct state_user *root = state_user_get(pump->core.state, 0);
        EXPECT(root != NULL);
        EXPECT_EQ(root->created_at_us, 1);
        EXPECT_EQ(root->name_size, 4);
    }
    EXPECT(control_has_set_root(node.control));
    expect_equal_states();
    node_deinit();
}

TEST(a_command_is_answered_when_every_core_has_applied_it)
{
    node_init(2, 3);
    node_start_well();
    node_run_ms(100);
    node.cores[2].apply_delay_us = 300 * US_PER_MS;
    u64 begun_us = sim_now_us(node.sim);
    u32 first = node_create_stream(0, "first");
    u32 second = node_create_stream(1, "second");
    const struct msg *reply = node_wait(second);
    EXPECT_EQ(reply->error, WIRE_OK);
    EXPECT_EQ(node_wait(first)->commanded.id, 1 - reply->commanded.id);
    EXPECT(sim_now_us(node.sim) - begun_us >= 300 * US_PER_MS);
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(state_streams_count(node.cores[i].core.state), 2);
    }
    u64 index = state_stream_get(node.cores[0].core.state, reply->commanded.id)->life;
    EXPECT(reply->applied >= index);
    node_deinit();
}

TEST(what_does_not_exist_or_is_taken_is_refused_with_its_number)
{
    node_init(3, 2);
    node_start_well();
    EXPECT_EQ(error_of(node_delete_stream(1, 0)), WIRE_STREAM_ID_NOT_FOUND);
    EXPECT_EQ(error_of(node_create_topic(1, 0, "t", 1)), WIRE_STREAM_ID_NOT_FOUND);
    EXPECT_EQ(error_of(node_create_stream(1, "s")), WIRE_OK);
    EXPECT_EQ(error_of(node_create_stream(0, "s")), WIRE_STREAM_NAME_ALREADY_EXISTS);
    EXPECT_EQ(error_of(node_create_topic(1, 0, "t", 1001)), WIRE_TOO_MANY_PARTITIONS);
    EXPECT_EQ(error_of(node_create_topic(1, 0, "t", 3)), WIRE_OK);
    EXPECT_EQ(error_of(node_create_topic(1, 0, "t", 3)), WIRE_TOPIC_NAME_ALREADY_EXISTS);
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    EXPECT_EQ(error_of(node_command(1, COMMAND_CREATE_STREAM, body, &writer)),
              WIRE_INVALID_COMMAND);
    body = node_body(1, &writer);
    EXPECT_EQ(error_of(node_command(1, COMMAND_FLUSH_UNSAVED_BUFFER, body, &writer)),
              WIRE_FEATURE_UNAVAILABLE);
    expect_equal_states();
    node_deinit();
}

static u32 ask_topic(u32 command, u32 topic_id)
{
    struct writer writer;
    struct buf *body = node_body(0, &writer);
    struct topic_request request = {.stream = identifier_of_name(span_of("s")),
                                    .topic = identifier_of_id(topic_id)};
    topic_request_encode(&request, &writer);
    return node_command(0, command, body, &writer);
}

static u32 ask_partitions(u32 command, u32 count)
{
    struct writer writer;
    struct buf *body = node_body(0, &writer);
    struct partitions_request request = {.stream = identifier_of_name(span_of("s")),
                                         .topic = identifier_of_name(span_of("t")),
                                         .count = count};
    partitions_request_encode(&request, &writer);
    return node_command(0, command, body, &writer);
}

TEST(every_command_of_streams_topics_and_partitions_is_carried_out)
{
    node_init(4, 2);
    node_start_well();
    const struct state *state = node.cores[1].core.state;
    EXPECT_EQ(error_of(node_create_stream(0, "s")), WIRE_OK);
    EXPECT_EQ(error_of(node_create_topic(0, 0, "t", 2)), WIRE_OK);
    EXPECT_EQ(error_of(ask_partitions(COMMAND_CREATE_PARTITIONS, 3)), WIRE_OK);
    EXPECT_EQ(state_partitions_count(state), 5);
    EXPECT_EQ(error_of(ask_partitions(COMMAND_DELETE_PARTITIONS, 6)),
              WIRE_INVALID_PARTITIONS_COUNT);
    EXPECT_EQ(error_of(ask_partitions(COMMAND_DELETE_PARTITIONS, 0)), WIRE_TOO_MANY_PARTITIONS);
    EXPECT_EQ(error_of(ask_partitions(COMMAND_DELETE_PARTITIONS, 4)), WIRE_OK);
    u64 life = state_partition_find(state, 0, 0, 0)->life;
    EXPECT_EQ(error_of(ask_topic(COMMAND_PURGE_TOPIC, 0)), WIRE_OK);
    EXPECT(state_partition_find(state, 0, 0, 0)->life > life);
    EXPECT_EQ(error_of(ask_topic(COMMAND_PURGE_TOPIC, 1)), WIRE_TOPIC_ID_NOT_FOUND);
    EXPECT_EQ(error_of(ask_topic(COMMAND_DELETE_TOPIC, 0)), WIRE_OK);
    EXPECT_EQ(state_topics_count(state), 0);
    EXPECT_EQ(error_of(node_delete_stream(0, 0)), WIRE_OK);
    EXPECT_EQ(state_streams_count(state), 0);
    node_deinit();
}

TEST(options_left_out_or_zero_are_the_defaults_of_this_server)
{
    node_init(5, 1);
    node.settings.message_expiry_us_default = 77 * US_PER_SECOND;
    node_start_well();
    EXPECT_EQ(error_of(node_create_stream(0, "s")), WIRE_OK);
    struct writer writer;
    struct buf *body = node_body(0, &writer);
    u8 options[256];
    struct writer block = writer_over(options, sizeof(options));
    write_option_u64(&block, "message_expiry", 0);
    write_option_string(&block, "durability", span_of("persisted"));
    struct create_topic_request request = {.stream = identifier_of_id(0),
                                           .partitions_count = 1,
                                           .name = span_of("t"),
                                           .options = {options, block.position}};
    create_topic_request_encode(&request, &writer);
    EXPECT_EQ(error_of(node_command(0, COMMAND_CREATE_TOPIC, body, &writer)), WIRE_OK);
    const struct state_topic *topic = state_topic_get(node.cores[0].core.state, 0, 0);
    EXPECT_EQ(topic->options.message_expiry_us, 77 * US_PER_SECOND);
    EXPECT_EQ(topic->options.durability, TOPIC_DURABILITY_PERSISTED);
    EXPECT_EQ(topic->options.explicit_set, 1u << TOPIC_OPTION_DURABILITY);

    body = node_body(0, &writer);
    block = writer_over(options, sizeof(options));
    write_option_u64(&block, "message_expiry", 5 * US_PER_SECOND);
    struct update_topic_request update = {.stream = identifier_of_id(0),
                                          .topic = identifier_of_id(0),
                                          .name = span_of("renamed"),
                                          .options = {options, block.position}};
    update_topic_request_encode(&update, &writer);
    EXPECT_EQ(error_of(node_command(0, COMMAND_UPDATE_TOPIC, body, &writer)), WIRE_OK);
    EXPECT_EQ(topic->options.message_expiry_us, 5 * US_PER_SECOND);
    EXPECT_EQ(topic->options.explicit_set,
              1u << TOPIC_OPTION_DURABILITY | 1u << TOPIC_OPTION_MESSAGE_EXPIRY);
    EXPECT_EQ(topic->name_size, 7);
    node_deinit();
}

TEST(what_was_answered_is_there_after_a_crash_and_the_boot_number_rises)
{
    node_init(6, 2);
    node_start_well();
    for (u32 i = 0; i < 10; i++) {
        char name[16];
        EXPECT(str_format(name, sizeof(name), "s%u", i));
        EXPECT_EQ(error_of(node_create_stream(i % 2, name)), WIRE_OK);
        EXPECT_EQ(error_of(node_create_topic(1, i, name, i)), WIRE_OK);
    }
    node_run_ms(500);
    u64 hash = state_content_hash(node.cores[0].core.state);
    node_crash(&crash_old);
    node_start_well();
    node_run_ms(100);
    const struct state *state = node.cores[1].core.state;
    EXPECT_EQ(state_streams_count(state), 10);
    EXPECT_EQ(state_partitions_count(state), 45);
    EXPECT_EQ(state_boot(state), 2);
    EXPECT(state_content_hash(state) != hash); /* the boot number is part of it */
    EXPECT(!control_has_set_root(node.control));
    EXPECT_EQ(error_of(node_create_stream(1, "another")), WIRE_OK);
    expect_equal_states();
    node_deinit();
}

TEST(pipelined_commands_of_all_cores_keep_one_order_through_many_snapshots)
{
    node_init(7, 3);
    node_start_well();
    u32 done = 0;
    u32 slots[3][30];
    for (u32 round = 0; round < 60; round++) {
        for (u32 i = 0; i < 30; i++) {
            for (u32 from = 0; from < 3; from++) {
                char name[24];
                EXPECT(str_format(name, sizeof(name), "%u-%u-%u", round, from, i));
                slots[from][i] =
                    i % 2 == 0 ? node_create_stream(from, name) : node_delete_stream(from, i / 2);
            }
        }
        for (u32 from = 0; from < 3; from++) {
            for (u32 i = 0; i < 30; i++) {
                done += error_of(slots[from][i]) == WIRE_OK;
            }
        }
    }
    EXPECT(done > 3000);
    node_run_ms(100);
    expect_equal_states();
    u32 count = state_streams_count(node.cores[0].core.state);
    node_crash(&crash_old);
    node_start_well();
    EXPECT_EQ(state_streams_count(node.cores[2].core.state), count);
    node_deinit();
}

TEST(a_failed_write_closes_the_connection_then_commands_are_refused_and_logins_go_on)
{
    node_init(8, 2);
    node_start_well();
    EXPECT_EQ(error_of(node_create_stream(0, "good")), WIRE_OK);
    struct sim_conn *conn;
    u32 home = 0;
    u32 number = node_connect(&home, &conn);
    sim_fail_next(node.sim, 0, SIM_WRITE, "control/a", ERR_IO);
    u32 bad = node_create_stream(1, "bad");
    const struct msg *reply = node_wait(bad);
    EXPECT_EQ(reply->error, WIRE_IO_ERROR);
    EXPECT((reply->flags & MSG_CLOSE_CONNECTION) != 0);
    u32 after = node_create_stream(1, "after");
    EXPECT_EQ(error_of(after), WIRE_IO_ERROR);
    EXPECT((node.replies[after].flags & MSG_CLOSE_CONNECTION) == 0);
    EXPECT_EQ(state_streams_count(node.cores[1].core.state), 1);
    reply = node_wait(node_login(home, number, 5, "iggy"));
    EXPECT_EQ(reply->error, WIRE_OK);
    EXPECT(reply->logged_in.session != 0);
    node_run_ms(100);
    expect_equal_states();
    node_crash(&crash_old);
    node_start_well();
    EXPECT_EQ(error_of(node_create_stream(0, "again")), WIRE_OK);
    node_deinit();
}

TEST(on_a_full_disk_commands_go_on)
{
    node_init(9, 1);
    node_start_well();
    node_run_ms(1000);
    struct sim_disk *disk = sim_disk(node.sim, 0);
    sim_disk_resize(node.sim, 0, disk->sectors_used * disk->sector_bytes);
    for (u32 i = 0; i < 2500; i++) {
        EXPECT_EQ(error_of(node_create_stream(0, "s")), WIRE_OK);
        EXPECT_EQ(error_of(node_delete_stream(0, 0)), WIRE_OK);
    }
    node_crash(&crash_old);
    node_start_well();
    EXPECT_EQ(state_streams_count(node.cores[0].core.state), 0);
    node_deinit();
}

static void on_removed(struct core *core, struct io_op *op)
{
    (void)core;
    EXPECT_EQ(op->status, OK);
}

static void remove_file(const char *path)
{
    struct io_op op;
    io_op_init(&op, on_removed);
    io_path_unlink(sim_io(node.sim, 0, 0), &op, path);
    sim_wake(node.sim, 0, 0);
    node_run_ms(1000);
    EXPECT(!io_op_is_busy(&op));
}

TEST(a_start_on_a_full_disk_without_a_spare_pair_logs_its_boot_in_the_old_epoch)
{
    node_init(91, 2);
    node_start();
    EXPECT(sim_run_until(node.sim, node_is_started, NULL, 60 * US_PER_SECOND));
    EXPECT_EQ(error_of(node_create_stream(0, "s")), WIRE_OK);
    remove_file("control/a/log.1");
    remove_file("control/b/log.1");
    struct sim_disk *disk = sim_disk(node.sim, 0);
    EXPECT(sim_disk_find(disk, "control/a/log.1") == NULL);
    sim_disk_resize(node.sim, 0, disk->sectors_used * disk->sector_bytes);
    sim_kill(node.sim, 0);
    node_forget();
    node_start_well();
    EXPECT_EQ(state_boot(node.cores[1].core.state), 2);
    EXPECT_EQ(error_of(node_delete_stream(1, 0)), WIRE_OK);
    node_crash(&crash_old);
    sim_disk_resize(node.sim, 0, GIB);
    node_start_well();
    EXPECT_EQ(state_boot(node.cores[1].core.state), 3);
    EXPECT_EQ(state_streams_count(node.cores[1].core.state), 0);
    node_deinit();
}

TEST(without_root_or_credentials_the_start_is_refused)
{
    node_init(10, 1);
    node.settings.root_username[0] = 0;
    node_start();
    EXPECT(sim_run_until(node.sim, node_is_started, NULL, 60 * US_PER_SECOND));
    struct err err;
    EXPECT(control_has_failed(node.control, &err));
    EXPECT(strstr(err.text, "no root user") != NULL);
    node_deinit();
}

TEST(a_reset_gives_root_another_password_and_keeps_its_name)
{
    node_init(92, 2);
    node_start_well();
    node_run_ms(1000);
    struct state_user before = *state_user_get(node.cores[1].core.state, 0);
    node_crash(&crash_old);
    node.settings.root_reset = true;
    EXPECT(str_format(node.settings.root_username, sizeof(node.settings.root_username), "ignored"));
    EXPECT(str_format(node.settings.root_password, sizeof(node.settings.root_password), "new one"));
    node_start_well();
    node_run_ms(1000);
    EXPECT(control_has_set_root(node.control));
    const struct state_user *after = state_user_get(node.cores[1].core.state, 0);
    EXPECT_EQ(after->name_size, before.name_size);
    EXPECT(strcmp(after->password_hash, before.password_hash) != 0);
    struct sim_conn *conn;
    u32 home = 0;
    u32 number = node_connect(&home, &conn);
    EXPECT_EQ(node_wait(node_login(home, number, 5, "iggy"))->logged_in.session, 0);
    EXPECT(node_wait(node_login(home, number, 5, "new one"))->logged_in.session != 0);
    node_deinit();
}

TEST(a_reset_that_expects_another_name_is_refused)
{
    node_init(93, 1);
    node_start_well();
    node_run_ms(1000);
    node_crash(&crash_old);
    node.settings.root_reset = true;
    node.settings.root_is_named = true;
    EXPECT(str_format(node.settings.root_username, sizeof(node.settings.root_username), "iggyx"));
    node_start();
    EXPECT(sim_run_until(node.sim, node_is_started, NULL, 60 * US_PER_SECOND));
    struct err err;
    EXPECT(control_has_failed(node.control, &err));
    EXPECT(strstr(err.text, "the root user is \"iggy\"") != NULL);
    node_deinit();
}

TEST(a_core_that_cannot_recover_refuses_the_start)
{
    node_init(11, 2);
    node_start();
    node.cores[1].phase_error = WIRE_IO_ERROR;
    EXPECT(sim_run_until(node.sim, node_is_started, NULL, 60 * US_PER_SECOND));
    struct err err;
    EXPECT(control_has_failed(node.control, &err));
    EXPECT(strstr(err.text, "core 1 could not recover") != NULL);
    EXPECT(control_is_drained(node.control));
    node_deinit();
}

TEST(a_damaged_log_refuses_the_start_by_name)
{
    node_init(12, 1);
    node_start_well();
    for (u32 i = 0; i < 4; i++) {
        char name[16];
        EXPECT(str_format(name, sizeof(name), "s%u", i));
        EXPECT_EQ(error_of(node_create_stream(0, name)), WIRE_OK);
    }
    node_crash(&crash_old);
    struct sim_disk *disk = sim_disk(node.sim, 0);
    sim_disk_rot_at(disk, sim_disk_find(disk, "control/a/log.0"), 12288, true);
    sim_disk_rot_at(disk, sim_disk_find(disk, "control/b/log.0"), 12288, true);
    node_start();
    EXPECT(sim_run_until(node.sim, node_is_started, NULL, 60 * US_PER_SECOND));
    struct err err;
    EXPECT(control_has_failed(node.control, &err));
    EXPECT(strstr(err.text, "control/a/log.0 and control/b/log.0 are both damaged at 12288") !=
           NULL);
    node_deinit();
}

/* ---- Stop ---- */

static bool node_is_drained(void *context)
{
    (void)context;
    return control_is_drained(node.control);
}

TEST(a_stop_drains_edges_then_shards_and_refuses_new_commands)
{
    node_init(13, 2);
    node_start_well();
    node_run_ms(100);
    u32 before = node_create_stream(1, "before");
    EXPECT_EQ(error_of(before), WIRE_OK);
    control_stop(node.control);
    u32 after = node_create_stream(1, "after");
    EXPECT(sim_run_until(node.sim, node_is_drained, NULL, 60 * US_PER_SECOND));
    EXPECT_EQ(error_of(after), WIRE_DISCONNECTED);
    for (u32 i = 0; i < 2; i++) {
        EXPECT_EQ(node.cores[i].phases_count, 5);
        EXPECT_EQ(node.cores[i].phases[3], PHASE_DRAIN_EDGES);
        EXPECT_EQ(node.cores[i].phases[4], PHASE_DRAIN_SHARDS);
    }
    struct err err;
    EXPECT(!control_has_failed(node.control, &err));
    node_crash(&crash_old);
    node_start_well();
    EXPECT_EQ(state_streams_count(node.cores[1].core.state), 1);
    node_deinit();
}

TEST(a_stop_in_the_middle_of_a_start_drains_once_it_is_through)
{
    for (u64 seed = 0; seed < 12; seed++) {
        node_init(1400 + seed, 2);
        node.cores[1].apply_delay_us = 2 * US_PER_MS;
        node_start();
        (void)sim_run_until(node.sim, NULL, NULL, seed * 500);
        control_stop(node.control);
        sim_wake(node.sim, 0, 0);
        EXPECT(sim_run_until(node.sim, node_is_drained, NULL, 60 * US_PER_SECOND));
        node_deinit();
    }
}

TEST(a_stop_with_commands_under_way_answers_them_all)
{
    node_init(15, 2);
    node_start_well();
    u32 slots[40];
    for (u32 i = 0; i < 40; i++) {
        char name[16];
        EXPECT(str_format(name, sizeof(name), "s%u", i));
        slots[i] = node_create_stream(i % 2, name);
    }
    (void)sim_run_until(node.sim, NULL, NULL, 300);
    control_stop(node.control);
    sim_wake(node.sim, 0, 0);
    EXPECT(sim_run_until(node.sim, node_is_drained, NULL, 60 * US_PER_SECOND));
    u32 created = 0;
    for (u32 i = 0; i < 40; i++) {
        u32 error = error_of(slots[i]);
        EXPECT(error == WIRE_OK || error == WIRE_DISCONNECTED);
        created += error == WIRE_OK;
    }
    node_crash(&crash_old);
    node_start_well();
    EXPECT_EQ(state_streams_count(node.cores[0].core.state), created);
    node_deinit();
}

/* ---- Crashes and faults at any moment ---- */

/* What a run has promised: streams are only created, so what was answered must be there. */
struct promise {
    struct prng prng;
    u32 acknowledged;
    u32 asked;
    u32 slots[512];
    u32 slots_count;
};

static void ask_at_random(struct promise *promise)
{
    u32 from = (u32)prng_below(&promise->prng, node.cores_count);
    bool may_ask = control_is_ready(node.control) &&
                   promise->slots_count < array_count(promise->slots) &&
                   mailbox_has_credit(&node.cores[from].core.mailbox, 0, MSG_COMMAND);
    if (may_ask && prng_chance(&promise->prng, 1, 2)) {
        char name[16];
        EXPECT(str_format(name, sizeof(name), "s%u", promise->asked++));
        promise->slots[promise->slots_count++] = node_create_stream(from, name);
    }
    (void)sim_run_until(node.sim, NULL, NULL, 1 + prng_below(&promise->prng, 500));
}

static void note_answers(struct promise *promise)
{
    for (u32 i = 0; i < promise->slots_count; i++) {
        const struct msg *reply = &node.replies[promise->slots[i]];
        promise->acknowledged += reply->kind == MSG_COMMAND && reply->error == WIRE_OK;
    }
    promise->slots_count = 0;
    if (control_is_ready(node.control)) {
        EXPECT(state_streams_count(node.cores[0].core.state) >= promise->acknowledged);
    }
}

/* A disk that was short of space stays so for a while. */
static void start_once_there_is_room(void)
{
    struct err err;
    node_start();
    EXPECT(sim_run_until(node.sim, node_is_started, NULL, 60 * US_PER_SECOND));
    if (control_has_failed(node.control, &err)) {
        EXPECT(strstr(err.text, "cannot be written") != NULL);
        node_sleep_ms(60000);
        sim_kill(node.sim, 0);
        node_forget();
        node_start_well();
    }
}

static void crash_at_random(u64 seed, const struct sim_faults *faults)
{
    static const struct sim_faults none;
    static struct promise promise;
    promise = (struct promise){0};
    prng_init(&promise.prng, seed);
    node_init(seed, 1 + (u32)prng_below(&promise.prng, 3));
    for (u32 boot = 0; boot < 8; boot++) {
        node.cores[node.cores_count - 1].apply_delay_us = prng_below(&promise.prng, 3) * 200;
        sim_set_faults(node.sim, faults);
        node_start();
        u64 ends_us = sim_now_us(node.sim) + prng_below(&promise.prng, 60000);
        /* Where nothing happens no time passes, so the turns are bounded too. */
        for (u32 turn = 0; turn < 2000 && sim_now_us(node.sim) < ends_us; turn++) {
            ask_at_random(&promise);
        }
        note_answers(&promise);
        if (prng_chance(&promise.prng, 1, 3)) {
            sim_kill(node.sim, 0);
            node_forget();
        } else {
            node_crash(&sim_crash_default);
        }
    }
    sim_set_faults(node.sim, &none);
    start_once_there_is_room();
    u32 there = state_streams_count(node.cores[0].core.state);
    EXPECT(there >= promise.acknowledged);
    EXPECT(there <= promise.asked);
    node_run_ms(5000); /* the root user may be on its way */
    expect_equal_states();
    node_deinit();
}

TEST(after_crashes_at_any_moment_what_was_answered_is_there)
{
    static const struct sim_faults none;
    for (u64 seed = 1; seed <= 40; seed++) {
        crash_at_random(seed * 7, &none);
    }
}

TEST(with_a_failing_disk_what_was_answered_is_there)
{
    static const struct sim_faults faults = {
        .write_error = 3000,
        .sync_error = 3000,
        .read_error = 3000,
        .space_error = 2000,
        .disk_slow = 2000,
        .offload_late = 20000,
        .core_starved = 200,
    };
    for (u64 seed = 1; seed <= 60; seed++) {
        crash_at_random(seed * 11, &faults);
    }
}
