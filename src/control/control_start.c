/* From nothing to serving, and back:
 *
 *     open the log ─▶ a new epoch, with this start's number ─▶ send the state to all cores
 *       ─▶ RECOVER ─▶ FORGET_OLD ─▶ SERVE ─▶ accept                      running
 *     stop: DRAIN_EDGES ─▶ all decisions end ─▶ DRAIN_SHARDS ─▶ close the log
 *
 * The password of a root user that is still to be made is hashed beside all that; logins wait. */
#include "base/check.h"
#include "control/control_parts.h"

static void begin_root(struct control *control);
static void decide_root(struct control *control);

void control_give_up(struct control *control)
{
    check(control->err.text[0] != 0);
    if (control->step != CONTROL_FAILED) {
        event_error(control->core->events, "control.start_failed %s", control->err.text);
        control->step = CONTROL_FAILED;
    }
}

void control_on_start_unwritten(struct control *control)
{
    err_set(&control->err,
            "control/a and control/b cannot be written: check the disk, and free some "
            "room if it is full");
    control_give_up(control);
}

/* ---- Phases ---- */

static const char *phase_name(enum phase phase)
{
    switch (phase) {
    case PHASE_RECOVER: return "recover its partitions";
    case PHASE_FORGET_OLD: return "forget old files";
    case PHASE_SERVE: return "begin to serve";
    case PHASE_DRAIN_EDGES: return "answer its connections";
    case PHASE_DRAIN_SHARDS: return "write its partitions";
    }
    return "go on";
}

static enum phase phase_of(enum control_step step)
{
    switch ((u32)step) {
    case CONTROL_RECOVER: return PHASE_RECOVER;
    case CONTROL_FORGET_OLD: return PHASE_FORGET_OLD;
    case CONTROL_SERVE: return PHASE_SERVE;
    case CONTROL_DRAIN_EDGES: return PHASE_DRAIN_EDGES;
    case CONTROL_DRAIN_SHARDS: return PHASE_DRAIN_SHARDS;
    default: unreachable();
    }
}

static void begin_phase(struct control *control, enum control_step step)
{
    struct core *core = control->core;
    control->step = step;
    control->phase_answers_missing = core->cores_count;
    core_note(core, "control.phase", phase_of(step), state_index(control->decided));
    event_debug(core->events, "control.phase each=\"%s\"", phase_name(phase_of(step)));
    for (u32 to = 0; to < core->cores_count; to++) {
        struct msg msg = {.kind = MSG_PHASE, .to = (u8)to, .words = {phase_of(step)}};
        mailbox_send(core, &msg);
    }
}

static void begin_running(struct control *control)
{
    struct core *core = control->core;
    control->step = CONTROL_RUNNING;
    event_info(core->events, "control.serving boot=%u streams=%u topics=%u partitions=%u",
               state_boot(control->decided), state_streams_count(control->decided),
               state_topics_count(control->decided), state_partitions_count(control->decided));
    if (control->stops) {
        begin_phase(control, CONTROL_DRAIN_EDGES);
        return;
    }
    accept_begin(control);
    expiry_watch(control);
    control_go_on(control);
}

static void phase_ended(struct control *control)
{
    switch ((u32)control->step) {
    case CONTROL_RECOVER: begin_phase(control, CONTROL_FORGET_OLD); return;
    case CONTROL_FORGET_OLD: begin_phase(control, CONTROL_SERVE); return;
    case CONTROL_SERVE: begin_running(control); return;
    case CONTROL_DRAIN_EDGES:
        control->step = CONTROL_DRAIN_DECISIONS;
        control_drain_on(control);
        return;
    case CONTROL_DRAIN_SHARDS:
        control->step = CONTROL_CLOSE_LOG;
        control_log_close(control->log);
        return;
    default: unreachable();
    }
}

void control_on_phase_done(struct control *control, const struct msg *msg)
{
    if (control->step == CONTROL_FAILED) {
        return;
    }
    check(control->phase_answers_missing > 0);
    control->phase_answers_missing--;
    bool starts = control->step < CONTROL_RUNNING;
    if (msg->error != WIRE_OK && starts) {
        err_set(&control->err,
                "core %u could not %s: %s. The lines before this one say what and why", msg->from,
                phase_name(phase_of(control->step)), wire_error_text(msg->error));
        control_give_up(control);
        return;
    }
    if (control->phase_answers_missing == 0) {
        phase_ended(control);
    }
}

/* ---- Start ---- */

void control_start(struct control *control)
{
    check(control->magic == CONTROL_MAGIC);
    check(control->step == CONTROL_NEW);
    control->step = CONTROL_OPEN_LOG;
    control_log_open(control->log, control->decided);
}

static void begin_state(struct control *control)
{
    control->step = CONTROL_SEND_STATE;
    control_send_state(control);
}

/* Each start has a number, and it is durable before anybody uses it: for session numbers, and in
 * the names and records of shards. */
static struct span encode_boot(struct control *control, u8 bytes[STATE_COMMAND_BYTES_MAX], u32 boot)
{
    struct state_command command = {
        .kind = STATE_BOOT,
        .time_us = control->core->time.wall_us,
        .boot = boot,
    };
    struct writer writer = writer_over(bytes, STATE_COMMAND_BYTES_MAX);
    state_command_encode(&command, &writer);
    check(!writer.failed);
    return (struct span){bytes, writer.position};
}

void control_on_log_opened(struct control *control, bool ok)
{
    if (!ok) {
        control->err = *control_log_error(control->log);
        control_give_up(control);
        return;
    }
    event_debug(control->core->events, "control.log_open index=%llu heal=%u",
                (unsigned long long)state_index(control->decided),
                control_log_needs_snapshot(control->log));
    begin_root(control);
    if (control->step == CONTROL_FAILED) {
        return;
    }
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct span boot = encode_boot(control, bytes, state_boot(control->decided) + 1);
    state_apply(control->decided, state_index(control->decided) + 1, boot, NULL, NULL);
    control->step = CONTROL_NEW_EPOCH;
    control_log_snapshot(control->log, control->decided);
}

void control_on_epoch_begun(struct control *control, bool ok)
{
    if (ok) {
        begin_state(control);
    } else if (control_log_has_failed(control->log) || control_log_needs_snapshot(control->log)) {
        control_on_start_unwritten(control);
    } else {
        control_log_settle(control->log);
    }
}

void control_on_log_settled(struct control *control, bool ok)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct span boot = encode_boot(control, bytes, state_boot(control->decided));
    control->step = CONTROL_LOG_BOOT;
    if (!ok || !control_log_append(control->log, state_index(control->decided), boot)) {
        control_on_start_unwritten(control);
    }
}

void control_on_boot_logged(struct control *control)
{
    begin_state(control);
}

void control_send_state(struct control *control)
{
    struct broadcast *broadcast = &control->broadcast;
    while (!control->state_is_sent && broadcast_has_room(broadcast)) {
        struct writer writer = broadcast_writer(broadcast);
        bool more = state_save(control->decided, &control->cursor, &writer);
        control->state_is_sent = !more;
        (void)broadcast_send(broadcast, &writer, state_index(control->decided),
                             more ? BROADCAST_PIECE : BROADCAST_LAST_PIECE);
    }
    if (control->state_is_sent && broadcast->done == broadcast->sent) {
        begin_phase(control, CONTROL_RECOVER);
        decide_root(control);
    }
}

/* ---- Root ---- */

static void on_root_hashed(struct core *core, struct offload_job *job)
{
    struct control *control = core->control;
    check(job == &control->root_job);
    if (job->status != OK) {
        err_set(&control->err, "the password of the root user could not be hashed: %s",
                status_text(job->status));
        control_give_up(control);
        return;
    }
    control->root_step = ROOT_HASHED;
    decide_root(control);
}

/* A reset may say which name it expects, so that it is not done to another directory's root. */
static bool root_has_expected_name(const struct control *control, const struct state_user *root)
{
    const struct settings *settings = control->settings;
    struct span name = {root->name, root->name_size};
    return !settings->root_is_named || span_equal(name, span_of(settings->root_username));
}

static void begin_root(struct control *control)
{
    const struct settings *settings = control->settings;
    const struct state_user *root = state_user_get(control->decided, USER_ID_ROOT);
    if (root != NULL && !settings->root_reset) {
        control->root_step = ROOT_THERE;
        return;
    }
    if (root != NULL && !root_has_expected_name(control, root)) {
        err_set(&control->err, "the root user is \"%.*s\", not \"%s\": nothing was changed",
                root->name_size, (const char *)root->name, settings->root_username);
        control_give_up(control);
        return;
    }
    if (settings->root_username[0] == 0 || settings->root_password[0] == 0) {
        err_set(
            &control->err,
            "there is no root user yet, and none was given: set root.username and root.password, "
            "or start with --with-default-root-credentials");
        control_give_up(control);
        return;
    }
    struct offload_job *job = &control->root_job;
    *job = (struct offload_job){
        .done = on_root_hashed,
        .kind = OFFLOAD_PASSWORD_HASH,
        .password_size = (u32)strlen(settings->root_password),
    };
    memcpy(job->password, settings->root_password, job->password_size);
    control->root_step = ROOT_HASHING;
    offload_submit(control->core->offload, control->core->index, job);
}

/* Once the cores have the state, and the hash is there. */
static void decide_root(struct control *control)
{
    bool booted = control->step >= CONTROL_RECOVER && control->step <= CONTROL_RUNNING;
    if (control->root_step != ROOT_HASHED || !booted) {
        return;
    }
    control->root_step = ROOT_DECIDED;
    bool exists = state_user_get(control->decided, USER_ID_ROOT) != NULL;
    struct state_command command = {
        .kind = exists ? STATE_SET_PASSWORD : STATE_CREATE_USER,
        .time_us = 1, /* created at: as the reference shows it */
        .user_id = USER_ID_ROOT,
        .active = true,
        .name = span_of(control->settings->root_username),
        .password_hash = span_of(control->root_job.hash),
    };
    struct decision *decision = decision_take(control, DECISION_ROOT);
    decision_set_command(decision, &command);
    decision_wait(control, decision);
    control_go_on(control);
}

void control_on_root_set(struct control *control)
{
    const struct state_user *root = state_user_get(control->decided, USER_ID_ROOT);
    control->root_step = ROOT_THERE;
    control->has_set_root = true;
    event_info(control->core->events, "control.root_set username=%.*s", root->name_size,
               (const char *)root->name);
    hashes_go_on(control);
}

/* ---- Stop ---- */

void control_stop(struct control *control)
{
    check(control->magic == CONTROL_MAGIC);
    if (control->stops) {
        return;
    }
    control->stops = true;
    expiry_stop(control);
    grace_stop(control);
    /* In the middle of a start the drain begins when the start is through. */
    if (control->step == CONTROL_RUNNING) {
        accept_stop(control);
        begin_phase(control, CONTROL_DRAIN_EDGES);
    }
}

void control_drain_on(struct control *control)
{
    const struct logins *logins = &control->logins;
    bool log_is_done = control_log_has_failed(control->log) || control_log_is_idle(control->log);
    if (control->step == CONTROL_DRAIN_DECISIONS && control->decisions_used == 0 &&
        logins->hashing_count == 0 && list_is_empty(&logins->waiting) &&
        preparations_are_over(control) && log_is_done && accept_is_over(control)) {
        begin_phase(control, CONTROL_DRAIN_SHARDS);
    }
}

void control_on_log_closed(struct control *control)
{
    check(control->step == CONTROL_CLOSE_LOG);
    control->step = CONTROL_DRAINED;
    event_info(control->core->events, "control.stopped boot=%u index=%llu",
               state_boot(control->decided), (unsigned long long)state_index(control->decided));
}
