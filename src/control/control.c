#include "control/control.h"

#include "base/bug.h"
#include "base/check.h"
#include "control/control_parts.h"
#include "wire/command.h"
#include "wire/name.h"
#include "wire/xxh3.h"

/* A snapshot that found no room is tried again after this. */
#define SNAPSHOT_RETRY_US (5 * US_PER_SECOND)

static struct state_options state_options_of(const struct plan *plan)
{
    return (struct state_options){
        .cores_count = plan->cores_count,
        .streams_max = plan->streams_max,
        .topics_max = plan->topics_max,
        .partitions_max = plan->partitions_max,
        .users_max = plan->users_max,
        .grants_max = plan->grants_max,
        .tokens_max = plan->tokens_max,
        .sessions_max = plan->sessions_max,
    };
}

static u32 decisions_max(u32 cores_count)
{
    return cores_count * MAILBOX_CREDITS * DECISIONS_PER_REQUEST + DECISIONS_OF_CONTROL;
}

u64 control_bytes(const struct plan *plan)
{
    struct state_options options = state_options_of(plan);
    return sizeof(struct control) + state_bytes(&options) + control_log_bytes() +
           registry_bytes(plan->connections_max) + logins_bytes(plan->cores_count) +
           preparations_bytes(plan->cores_count) + histories_bytes(plan->sessions_max) +
           decisions_max(plan->cores_count) * (u64)sizeof(struct decision) + 4 * KIB;
}

/* ---- Decisions ---- */

struct decision *decision_take(struct control *control, enum decision_kind kind)
{
    struct list_node *node = list_pop(&control->decisions_free);
    if (node == NULL) {
        check(control->decisions_fresh < control->decisions_max); /* credits bound them */
        node = &control->decisions[control->decisions_fresh++].node;
        list_node_init(node);
    }
    struct decision *decision = container_of(node, struct decision, node);
    decision->magic = DECISION_MAGIC;
    decision->kind = kind;
    decision->has_request = false;
    decision->is_durable = false;
    decision->is_synced = false;
    decision->session = 0;
    decision->created_id = 0;
    decision->parent_id = 0;
    decision->password_index = 0;
    decision->secret[0] = 0;
    decision->grandparent_id = 0;
    decision->command_size = 0;
    control->decisions_used++;
    return decision;
}

void decision_return(struct control *control, struct decision *decision)
{
    check(decision->magic == DECISION_MAGIC);
    check(control->decisions_used > 0);
    decision->magic = 0;
    list_remove(&decision->node);
    list_add_first(&control->decisions_free, &decision->node);
    control->decisions_used--;
}

void decision_set_request(struct decision *decision, const struct msg *request)
{
    check((request->flags & MSG_IS_REPLY) == 0);
    decision->has_request = true;
    decision->request = *request;
}

void decision_set_command(struct decision *decision, const struct state_command *command)
{
    struct writer writer = writer_over(decision->command, sizeof(decision->command));
    state_command_encode(command, &writer);
    check(!writer.failed);
    decision->command_size = writer.position;
    decision->is_durable = state_command_is_durable(command->kind);
}

void decision_wait(struct control *control, struct decision *decision)
{
    list_add_last(&control->waiting, &decision->node);
}

void control_forget_session(struct control *control, struct registry_client *client, u64 session)
{
    if (client->session != session) {
        return;
    }
    client->session = 0;
    registry_set_user(&control->registry, client, CLIENT_USER_NONE);
    if (client->is_held) {
        registry_remove(&control->registry, client);
    }
}

/* Sessions end by themselves, too: with their user, or with its password. */
static void on_decided(void *context, const struct state_effect *effect)
{
    struct control *control = context;
    if (effect->kind != STATE_SESSION_CLOSED) {
        return;
    }
    struct registry_client *client =
        registry_get(&control->registry, effect->session.client_number);
    if (client != NULL) {
        control_forget_session(control, client, effect->session.session);
    }
}

void control_apply_decided(struct control *control, const struct decision *decision)
{
    state_apply(control->decided, decision->index, decision_command(decision), on_decided, control);
}

void decision_order(struct control *control, struct decision *decision)
{
    check(!list_node_is_linked(&decision->node));
    decision->index = state_index(control->decided) + 1;
    control_apply_decided(control, decision);
    list_add_last(&control->ordered, &decision->node);
}

static void send_error(struct control *control, const struct msg *request, enum wire_error error)
{
    struct msg reply = {.error = (u32)error, .bufs = {request->bufs[0], NULL}};
    mailbox_reply(control->core, request, &reply);
}

/* A command's `number` is the handle of its history from on_command on. */
static void note_answer(struct control *control, const struct msg *request,
                        const struct history_answer *answer)
{
    if (request->kind == MSG_COMMAND) {
        history_note_answer(&control->histories, request->number, answer);
    }
}

void control_refuse(struct control *control, const struct msg *request, enum wire_error error)
{
    note_answer(control, request, &(struct history_answer){.error = (u32)error});
    send_error(control, request, error);
}

void control_end_session(struct control *control, u64 session, enum state_group_reason reason,
                         const struct msg *request)
{
    if (state_session_get(control->decided, session) == NULL) {
        if (request != NULL) {
            control_refuse(control, request, WIRE_OK);
        }
        return;
    }
    struct decision *decision = decision_take(control, DECISION_CLOSE);
    if (request != NULL) {
        decision_set_request(decision, request);
    }
    decision->session = session;
    decision_set_command(decision, &(struct state_command){
                                       .kind = STATE_END_SESSION,
                                       .time_us = control->core->time.wall_us,
                                       .session = {.session = session},
                                       .reason = (u8)reason,
                                   });
    decision_order(control, decision);
}

/* ---- Deciding ---- */

/* True when the log takes commands now. Else something is under way that ends with an event. */
static bool log_is_open(struct control *control)
{
    if (!control_log_wants_snapshot(control->log) ||
        control->core->time.monotonic_us < control->snapshot_retry_us) {
        return true;
    }
    if (control_log_is_idle(control->log)) {
        control_log_snapshot(control->log, control->decided);
    }
    return false;
}

static enum wire_error decide(struct control *control, struct decision *decision)
{
    if (control_log_has_failed(control->log)) {
        return WIRE_IO_ERROR;
    }
    if (decision->kind == DECISION_COMMAND) {
        enum wire_error error = decide_command(control, decision);
        if (error != WIRE_OK) {
            return error;
        }
    }
    return state_check(control->decided, decision_command(decision));
}

static void refuse_decision(struct control *control, struct decision *decision,
                            enum wire_error error)
{
    if (decision->has_request) {
        control_refuse(control, &decision->request, error);
        decision_return(control, decision);
        return;
    }
    bool is_of_start = decision->kind == DECISION_ROOT;
    decision_return(control, decision);
    if (is_of_start) {
        control_on_start_unwritten(control);
    } else {
        control->expiry_is_decided = false; /* tried again a while later */
    }
}

/* Decides the oldest waiting one; false when it must go on waiting. */
static bool decide_next(struct control *control, struct decision *decision)
{
    enum wire_error error = decide(control, decision);
    if (error != WIRE_OK) {
        refuse_decision(control, decision, error);
        return true;
    }
    if (!log_is_open(control)) {
        return false;
    }
    check(decision->is_durable);
    u64 index = state_index(control->decided) + 1;
    if (!control_log_append(control->log, index, decision_command(decision))) {
        if (!control_log_is_idle(control->log)) {
            return false;
        }
        /* The file is full, and there is no room for a snapshot. */
        refuse_decision(control, decision, WIRE_CANNOT_WRITE_TO_FILE);
        return true;
    }
    list_remove(&decision->node);
    decision_order(control, decision);
    return true;
}

static void send_ordered(struct control *control)
{
    while (!list_is_empty(&control->ordered) && broadcast_has_room(&control->broadcast)) {
        struct decision *decision =
            container_of(list_first(&control->ordered), struct decision, node);
        if (decision->is_durable && !decision->is_synced) {
            return;
        }
        struct writer writer = broadcast_writer(&control->broadcast);
        write_span(&writer, decision_command(decision));
        decision->broadcast =
            broadcast_send(&control->broadcast, &writer, decision->index, BROADCAST_COMMAND);
        list_remove(&decision->node);
        list_add_last(&control->applying, &decision->node);
    }
}

void control_go_on(struct control *control)
{
    while (!list_is_empty(&control->waiting)) {
        struct decision *decision =
            container_of(list_first(&control->waiting), struct decision, node);
        if (!decide_next(control, decision)) {
            break;
        }
    }
    send_ordered(control);
    bool idle = control->step == CONTROL_RUNNING && list_is_empty(&control->waiting) &&
                !control_log_has_failed(control->log) && control_log_is_idle(control->log);
    if (idle && !control->spare_is_asked) {
        control->spare_is_asked = true;
        control_log_prepare_spare(control->log);
    }
}

/* ---- What ends a decision ---- */

/* A token is shown this once: in the buffer of its request, as it goes over the wire. */
static void give_token(const struct decision *decision)
{
    struct buf *buf = decision->request.bufs[0];
    if (decision->request.command.command != COMMAND_CREATE_TOKEN) {
        return;
    }
    check(buf != NULL);
    struct writer writer = writer_over(buf->data, buf->capacity);
    write_name(&writer, span_of(decision->secret));
    check(!writer.failed); /* the buffer had room for the header of a frame */
    buf->size = writer.position;
}

static void answer_decision(struct control *control, const struct decision *decision)
{
    struct msg reply = {.bufs = {decision->request.bufs[0], NULL}};
    struct history_answer answer = {
        .created_id = decision->created_id,
        .parent_id = decision->parent_id,
        .grandparent_id = decision->grandparent_id,
    };
    if (decision->kind == DECISION_COMMAND) {
        reply.commanded.id = decision->created_id;
        reply.commanded.parent_id = decision->parent_id;
        reply.commanded.grandparent_id = decision->grandparent_id;
        give_token(decision);
        note_answer(control, &decision->request, &answer);
    } else if (decision->kind == DECISION_LOGIN) {
        reply.logged_in.session = decision->session;
        reply.logged_in.user_id = decision->user_id;
    }
    mailbox_reply(control->core, &decision->request, &reply);
}

static void finish_decision(struct control *control, struct decision *decision)
{
    enum decision_kind kind = decision->kind;
    bool made_token = decision->has_request && decision->request.kind == MSG_COMMAND &&
                      decision->request.command.command == COMMAND_CREATE_TOKEN;
    if (decision->has_request) {
        answer_decision(control, decision);
    }
    decision_return(control, decision);
    if (kind == DECISION_ROOT) {
        control_on_root_set(control);
    } else if (kind == DECISION_EXPIRY) {
        expiry_on_decided(control);
    } else if (kind == DECISION_NOT_BACK) {
        grace_on_ended(control);
    } else if (made_token) {
        expiry_watch(control);
    }
}

static void on_applied(struct control *control, const struct msg *msg)
{
    if (!broadcast_on_applied(&control->broadcast, msg)) {
        return;
    }
    if (control->step == CONTROL_SEND_STATE) {
        control_send_state(control);
        return;
    }
    while (!list_is_empty(&control->applying)) {
        struct decision *decision =
            container_of(list_first(&control->applying), struct decision, node);
        if (decision->broadcast > control->broadcast.done) {
            break;
        }
        finish_decision(control, decision);
    }
    control_go_on(control);
    control_drain_on(control);
}

/* ---- What the log tells ---- */

static void on_log_opened(void *context, bool ok)
{
    control_on_log_opened(context, ok);
}

static void on_log_synced(void *context, u64 index)
{
    struct control *control = context;
    if (control->step == CONTROL_LOG_BOOT) {
        control_on_boot_logged(control);
        return;
    }
    list_for_each(node, next, &control->ordered) {
        struct decision *decision = container_of(node, struct decision, node);
        decision->is_synced |= decision->is_durable && decision->index <= index;
    }
    control_go_on(control);
    control_drain_on(control);
}

/* What was under way may be on disk or not, so its client learns nothing that might prove false. */
static void on_log_failed(void *context, u64 index)
{
    struct control *control = context;
    bool start_is_lost = control->step == CONTROL_LOG_BOOT;
    list_for_each(node, next, &control->ordered) {
        struct decision *decision = container_of(node, struct decision, node);
        if (!decision->is_durable || decision->is_synced) {
            continue;
        }
        if (decision->has_request) {
            struct msg reply = {
                .error = WIRE_IO_ERROR,
                .flags = decision->index <= index ? MSG_CLOSE_CONNECTION : 0,
                .bufs = {decision->request.bufs[0], NULL},
            };
            /* Nobody knows what came of it: no answer is kept for it. */
            note_answer(control, &decision->request,
                        &(struct history_answer){.error = WIRE_TRANSIENT_NOT_COMMITTED});
            mailbox_reply(control->core, &decision->request, &reply);
        } else {
            start_is_lost |= decision->kind == DECISION_ROOT;
        }
        decision_return(control, decision);
    }
    bool has_cores = control->step > CONTROL_SEND_STATE && control->step != CONTROL_FAILED;
    if (start_is_lost) {
        control_on_start_unwritten(control);
    } else if (has_cores) {
        control_rebuild_decided(control);
    }
    control_go_on(control);
    control_drain_on(control);
}

static void on_log_snapshotted(void *context, bool ok)
{
    struct control *control = context;
    if (control->step == CONTROL_NEW_EPOCH) {
        control_on_epoch_begun(control, ok);
        return;
    }
    if (!ok) {
        control->snapshot_retry_us = control->core->time.monotonic_us + SNAPSHOT_RETRY_US;
    }
    control_go_on(control);
    control_drain_on(control);
}

static void on_log_settled(void *context, bool ok)
{
    control_on_log_settled(context, ok);
}

static void on_log_closed(void *context)
{
    control_on_log_closed(context);
}

/* ---- Requests ---- */

/* Members come and go without the log. What is decided and not applied anywhere yet may never be,
 * when the log fails: nobody can know of it, so for them it is not there. */
static void decide_at_once(struct control *control, struct decision *decision)
{
    enum wire_error error = decide_command(control, decision);
    if (error == WIRE_OK) {
        error = state_check(control->decided, decision_command(decision));
    }
    if (error == WIRE_OK) {
        error = state_check(control->core->state, decision_command(decision));
    }
    if (error != WIRE_OK) {
        refuse_decision(control, decision, error);
        return;
    }
    check(!decision->is_durable);
    decision_order(control, decision);
}

static void begin_command(struct control *control, const struct msg *msg)
{
    if (preparation_is_needed(msg->command.command)) {
        preparation_on_msg(control, msg);
        return;
    }
    struct decision *decision = decision_take(control, DECISION_COMMAND);
    decision_set_request(decision, msg);
    if (msg->command.command == COMMAND_JOIN_GROUP || msg->command.command == COMMAND_LEAVE_GROUP) {
        decide_at_once(control, decision);
    } else {
        decision_wait(control, decision);
    }
    control_go_on(control);
}

/* A token is shown once: its answer is not there to be repeated. */
static void answer_again(struct control *control, const struct msg *msg,
                         const struct history_answer *answer)
{
    bool shows_token = msg->command.command == COMMAND_CREATE_TOKEN && answer->error == WIRE_OK;
    struct msg reply = {
        .error = shows_token ? WIRE_REQUEST_ALREADY_APPLIED : answer->error,
        .bufs = {msg->bufs[0], NULL},
        .commanded = {.id = answer->created_id,
                      .parent_id = answer->parent_id,
                      .grandparent_id = answer->grandparent_id},
    };
    mailbox_reply(control->core, msg, &reply);
}

static void on_command(struct control *control, const struct msg *msg)
{
    const struct state_session *session =
        msg->number == 0 ? NULL : state_session_get(control->decided, msg->command.session);
    struct msg noted = *msg;
    struct history_answer answer;
    noted.number = 0;
    if (session == NULL || bug_is_on(BUG_FORGET_COMMANDS)) {
        begin_command(control, &noted);
        return;
    }
    const struct buf *body = msg->bufs[0];
    struct history_request request = {
        .client = session->client,
        .user_id = session->user_id,
        .command = msg->command.command,
        .number = msg->number,
        .body_hash = xxh3(body->data, body->size),
    };
    switch (history_look(&control->histories, &request, &noted.number, &answer)) {
    case HISTORY_NEW: begin_command(control, &noted); return;
    case HISTORY_ANSWERED: answer_again(control, msg, &answer); return;
    case HISTORY_RUNNING: control_refuse(control, &noted, WIRE_TRANSIENT_NOT_COMMITTED); return;
    case HISTORY_FORGOTTEN: control_refuse(control, &noted, WIRE_REQUEST_ALREADY_APPLIED); return;
    }
    unreachable();
}

static void on_logout(struct control *control, const struct msg *msg)
{
    const struct registry_client *client =
        registry_get(&control->registry, msg->login.client_number);
    u64 number = client == NULL ? 0 : client->session;
    const struct state_session *session = state_session_get(control->decided, number);
    if (session != NULL) {
        history_end(&control->histories, session->client);
    }
    control_end_session(control, number, GROUP_MEMBER_LOGGED_OUT, msg);
    control_go_on(control);
}

static void on_connection_closed(struct control *control, const struct msg *msg)
{
    struct registry_client *client = registry_get(&control->registry, msg->closed.client_number);
    bool was_silent = msg->closed.was_silent != 0;
    check(client != NULL);
    check(client->home == msg->from);
    check(!client->is_held);
    if (was_silent || !grace_hold(control, client, msg)) {
        u64 session = client->session;
        registry_remove(&control->registry, client);
        control_end_session(control, session,
                            was_silent ? GROUP_MEMBER_SILENT : GROUP_MEMBER_DISCONNECTED, msg);
    }
    control_go_on(control);
}

static void on_clients(struct control *control, const struct msg *msg)
{
    struct buf *buf = msg->bufs[0];
    check(buf != NULL);
    struct writer writer = writer_over(buf->data, buf->capacity);
    if (msg->clients.client_number == UINT32_MAX) {
        registry_write_all(&control->registry, control->core->state, &writer);
    } else {
        registry_write_one(&control->registry, control->core->state, msg->clients.client_number,
                           &writer);
    }
    buf->size = writer.position;
    control_refuse(control, msg, WIRE_OK);
}

static void on_request(struct control *control, const struct msg *msg)
{
    switch ((u32)msg->kind) {
    case MSG_COMMAND: on_command(control, msg); return;
    case MSG_LOGIN: login_on_msg(control, msg); return;
    case MSG_LOGOUT: on_logout(control, msg); return;
    case MSG_CONNECTION_CLOSED: on_connection_closed(control, msg); return;
    case MSG_CLIENTS: on_clients(control, msg); return;
    case MSG_CONNECTION_LEAVES: accept_move(control, msg); return;
    default: unreachable();
    }
}

void control_on_msg(struct control *control, const struct msg *msg)
{
    check(control->magic == CONTROL_MAGIC);
    bool changes = msg->kind == MSG_COMMAND || msg->kind == MSG_LOGIN;
    if (msg->kind == MSG_APPLIED) {
        on_applied(control, msg);
    } else if (msg->kind == MSG_PHASE_DONE) {
        control_on_phase_done(control, msg);
    } else if (changes && control->stops) {
        send_error(control, msg, WIRE_DISCONNECTED);
    } else {
        on_request(control, msg);
    }
}

/* ---- The owner ---- */

static void decisions_init(struct control *control, struct arena *arena)
{
    list_init(&control->decisions_free);
    list_init(&control->waiting);
    list_init(&control->ordered);
    list_init(&control->applying);
    control->decisions_max = decisions_max(control->core->cores_count);
    control->decisions = arena_array(arena, struct decision, control->decisions_max);
}

struct control *control_create(struct core *core, struct arena *arena, const struct plan *plan,
                               const struct settings *settings, struct io_socket listener)
{
    check(core->index == 0);
    struct control *control = arena_new(arena, struct control);
    control->magic = CONTROL_MAGIC;
    control->core = core;
    control->settings = settings;
    control->listener = listener;
    core->control = control;

    struct state_options options = state_options_of(plan);
    control->decided = state_create(arena, &options);
    struct control_log_events events = {
        .context = control,
        .opened = on_log_opened,
        .synced = on_log_synced,
        .failed = on_log_failed,
        .snapshotted = on_log_snapshotted,
        .settled = on_log_settled,
        .closed = on_log_closed,
    };
    control->log = control_log_create(core, arena, &events);
    broadcast_init(&control->broadcast, core);
    registry_init(&control->registry, arena,
                  &(struct registry_options){
                      .clients_max = plan->connections_max,
                      .clients_per_core_max = plan->connections_per_core_max,
                      .cores_count = plan->cores_count,
                      .per_address_max = settings->connections_per_address_max,
                      .per_user_max = settings->connections_per_user_max,
                  });
    logins_init(control, arena);
    preparations_init(control, arena);
    histories_init(&control->histories, arena, plan->sessions_max);
    expiry_init(control);
    grace_init(control);
    decisions_init(control, arena);
    accept_init(control);
    return control;
}

bool control_is_ready(const struct control *control)
{
    return control->step == CONTROL_RUNNING;
}

bool control_is_drained(const struct control *control)
{
    return control->step == CONTROL_DRAINED || control->step == CONTROL_FAILED;
}

bool control_has_failed(const struct control *control, struct err *err)
{
    if (control->step != CONTROL_FAILED) {
        return false;
    }
    *err = control->err;
    return true;
}

bool control_has_set_root(const struct control *control)
{
    return control->has_set_root;
}
