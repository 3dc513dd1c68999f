/* Commands that need something of a helper thread before they can be decided:
 *
 *     CREATE_USER      ─────────────────────────▶ hash the password ─▶ decision
 *     CHANGE_PASSWORD  ─▶ verify the current one ─▶ hash the new one ─▶ decision
 *     CREATE_TOKEN     ─────────────────────────▶ random bytes ──────▶ decision
 *
 * What would be refused anyway is refused before; what came to be refused meanwhile, when it is
 * decided. As with logins few wait, and who finds no place is asked to come again. */
#include "base/check.h"
#include "base/sha256.h"
#include "control/control_parts.h"
#include "wire/command.h"

#define PREPARATION_MAGIC 0x70726570u

u64 preparations_bytes(u32 cores_count)
{
    return (u64)cores_count * PREPARATIONS_PER_CORE * sizeof(struct preparation) + 64;
}

void preparations_init(struct control *control, struct arena *arena)
{
    struct preparations *preparations = &control->preparations;
    list_init(&preparations->free);
    list_init(&preparations->waiting);
    u32 count = control->core->cores_count * PREPARATIONS_PER_CORE;
    struct preparation *slots = arena_array(arena, struct preparation, count);
    for (u32 i = 0; i < count; i++) {
        slots[i].control = control;
        list_add_last(&preparations->free, &slots[i].node);
    }
}

bool preparations_are_over(const struct control *control)
{
    const struct preparations *preparations = &control->preparations;
    return preparations->helping_count == 0 && list_is_empty(&preparations->waiting);
}

static struct preparation *preparation_take(struct control *control, u32 home)
{
    struct preparations *preparations = &control->preparations;
    if (preparations->per_core[home] == PREPARATIONS_PER_CORE) {
        return NULL;
    }
    struct list_node *node = list_pop(&preparations->free);
    check(node != NULL);
    preparations->per_core[home]++;
    struct preparation *preparation = container_of(node, struct preparation, node);
    preparation->magic = PREPARATION_MAGIC;
    preparation->is_verified = false;
    return preparation;
}

static void preparation_return(struct control *control, struct preparation *preparation)
{
    struct preparations *preparations = &control->preparations;
    u32 home = preparation->request.from;
    check(preparation->magic == PREPARATION_MAGIC);
    check(preparations->per_core[home] > 0);
    preparation->magic = 0;
    preparations->per_core[home]--;
    list_add_first(&preparations->free, &preparation->node);
}

static void refuse(struct control *control, struct preparation *preparation, enum wire_error error)
{
    control_refuse(control, &preparation->request, error);
    preparation_return(control, preparation);
}

static struct span body_of(const struct preparation *preparation)
{
    const struct buf *body = preparation->request.bufs[0];
    return (struct span){body->data, body->size};
}

/* ---- The helper ---- */

static void on_helped(struct core *core, struct offload_job *job);

static void help(struct control *control, struct preparation *preparation, enum offload_kind kind,
                 struct span password)
{
    struct offload_job *job = &preparation->job;
    *job = (struct offload_job){.done = on_helped, .kind = kind, .password_size = password.size};
    check(password.size < sizeof(job->password));
    if (password.size > 0) {
        memcpy(job->password, password.data, password.size);
    }
    const struct state_user *user = state_user_get(control->decided, preparation->user_id);
    if (kind == OFFLOAD_PASSWORD_VERIFY && user != NULL) {
        memcpy(job->hash, user->password_hash, sizeof(job->hash));
    }
    control->preparations.helping_count++;
    offload_submit(control->core->offload, control->core->index, job);
}

static void begin_create(struct control *control, struct preparation *preparation)
{
    struct create_user_request found;
    enum wire_error error =
        create_user_check(control, &preparation->request, body_of(preparation), &found);
    if (error != WIRE_OK) {
        refuse(control, preparation, error);
        return;
    }
    help(control, preparation, OFFLOAD_PASSWORD_HASH, found.password);
}

static void begin_change(struct control *control, struct preparation *preparation)
{
    struct credentials *credentials = &control->logins.credentials;
    struct change_password_request found;
    const struct state_user *user = NULL;
    enum wire_error error =
        change_password_check(control, &preparation->request, body_of(preparation), &found, &user);
    if (error != WIRE_OK) {
        refuse(control, preparation, error);
        return;
    }
    struct span name = {user->name, user->name_size};
    preparation->user_id = user->id;
    preparation->password_index = user->password_index;
    preparation->is_verified = credentials_are_verified(
        credentials, credentials_tag(credentials, user->id, user->password_index, found.current));
    if (preparation->is_verified) {
        help(control, preparation, OFFLOAD_PASSWORD_HASH, found.new);
    } else if (credentials_are_blocked(credentials, name, control->core->time.monotonic_us)) {
        refuse(control, preparation, WIRE_INVALID_CREDENTIALS);
    } else {
        help(control, preparation, OFFLOAD_PASSWORD_VERIFY, found.current);
    }
}

static void begin_token(struct control *control, struct preparation *preparation)
{
    struct create_token_request found;
    enum wire_error error =
        create_token_check(control, &preparation->request, body_of(preparation), &found);
    if (error != WIRE_OK) {
        refuse(control, preparation, error);
        return;
    }
    help(control, preparation, OFFLOAD_RANDOM, (struct span){0});
}

static void begin(struct control *control, struct preparation *preparation)
{
    switch (preparation->request.command.command) {
    case COMMAND_CREATE_USER: begin_create(control, preparation); return;
    case COMMAND_CHANGE_PASSWORD: begin_change(control, preparation); return;
    case COMMAND_CREATE_TOKEN: begin_token(control, preparation); return;
    default: unreachable();
    }
}

/* ---- What it came to ---- */

static void decide(struct control *control, struct preparation *preparation)
{
    struct decision *decision = decision_take(control, DECISION_COMMAND);
    decision_set_request(decision, &preparation->request);
    decision->password_index = preparation->password_index;
    static_assert(sizeof(decision->secret) == OFFLOAD_HASH_BYTES, "a hash with its zero byte");
    if (preparation->job.kind == OFFLOAD_RANDOM) {
        token_write((const u8 *)preparation->job.hash, decision->secret);
        sha256(decision->secret, TOKEN_TEXT_BYTES, decision->token_hash);
    } else {
        memcpy(decision->secret, preparation->job.hash, sizeof(decision->secret));
    }
    preparation_return(control, preparation);
    decision_wait(control, decision);
    control_go_on(control);
}

/* The user whose current password was looked at, if it is still that password's. */
static const struct state_user *user_of(const struct control *control,
                                        const struct preparation *preparation)
{
    const struct state_user *user = state_user_get(control->decided, preparation->user_id);
    bool same = user != NULL && user->password_index == preparation->password_index;
    return same ? user : NULL;
}

static void on_current_verified(struct control *control, struct preparation *preparation)
{
    struct credentials *credentials = &control->logins.credentials;
    const struct state_user *user = user_of(control, preparation);
    struct change_password_request found;
    enum wire_error error = change_password_request_decode(body_of(preparation), &found);
    check(error == WIRE_OK);
    if (preparation->job.status == OK && user != NULL) {
        preparation->is_verified = true;
        help(control, preparation, OFFLOAD_PASSWORD_HASH, found.new);
        return;
    }
    if (user != NULL) {
        credentials_note_failure(credentials, (struct span){user->name, user->name_size},
                                 control->core->time.monotonic_us);
    }
    refuse(control, preparation, WIRE_INVALID_CREDENTIALS);
}

static void on_helped(struct core *core, struct offload_job *job)
{
    struct preparation *preparation = container_of(job, struct preparation, job);
    check(preparation->magic == PREPARATION_MAGIC);
    struct control *control = core->control;
    check(control->preparations.helping_count > 0);
    control->preparations.helping_count--;
    bool verified = job->kind == OFFLOAD_PASSWORD_VERIFY;
    if (job->status != OK && !(verified && job->status == ERR_INVALID)) {
        refuse(control, preparation, WIRE_TRANSIENT_NOT_ACCEPTED);
    } else if (verified) {
        on_current_verified(control, preparation);
    } else {
        decide(control, preparation);
    }
    hashes_go_on(control);
}

/* ---- The request ---- */

bool preparation_next(struct control *control)
{
    struct list_node *node = list_pop(&control->preparations.waiting);
    if (node == NULL) {
        return false;
    }
    begin(control, container_of(node, struct preparation, node));
    return true;
}

bool preparation_is_needed(u32 command)
{
    return command == COMMAND_CREATE_USER || command == COMMAND_CHANGE_PASSWORD ||
           command == COMMAND_CREATE_TOKEN;
}

void preparation_on_msg(struct control *control, const struct msg *msg)
{
    if (control_log_has_failed(control->log)) {
        /* What was decided last does not come about: nothing is to be judged by it. */
        control_refuse(control, msg, WIRE_IO_ERROR);
        return;
    }
    struct preparation *preparation = preparation_take(control, msg->from);
    if (preparation == NULL) {
        control_refuse(control, msg, WIRE_TRANSIENT_NOT_ACCEPTED);
        return;
    }
    preparation->request = *msg;
    preparation->user_id = UINT32_MAX;
    preparation->password_index = 0;
    list_add_last(&control->preparations.waiting, &preparation->node);
    hashes_go_on(control);
}
