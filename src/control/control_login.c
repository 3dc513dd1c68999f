/* Logins, up to the moment the credentials are known to hold. The order of questions is that of
 * wire/login.h. A password hash takes tens of milliseconds on another thread, so: what was verified
 * lately is believed, few wait, and who finds no place is asked to come again at once. */
#include "base/check.h"
#include "control/control_parts.h"
#include "wire/name.h"

u64 logins_bytes(u32 cores_count)
{
    return (u64)cores_count * LOGIN_ATTEMPTS_PER_CORE * sizeof(struct login_attempt) + 64;
}

void logins_init(struct control *control, struct arena *arena)
{
    struct logins *logins = &control->logins;
    credentials_init(&logins->credentials, control->settings->boot_seed,
                     control->settings->login_failures_per_minute_max);
    list_init(&logins->free);
    list_init(&logins->waiting);
    u32 count = control->core->cores_count * LOGIN_ATTEMPTS_PER_CORE;
    struct login_attempt *attempts = arena_array(arena, struct login_attempt, count);
    for (u32 i = 0; i < count; i++) {
        attempts[i].control = control;
        list_add_last(&logins->free, &attempts[i].node);
    }
}

static void answer(struct control *control, const struct msg *request, enum wire_error error,
                   u32 eviction)
{
    struct msg reply = {.error = (u32)error, .logged_in = {.eviction = eviction}};
    reply.bufs[0] = request->bufs[0];
    mailbox_reply(control->core, request, &reply);
}

static void accept_login(struct control *control, const struct login_attempt *attempt)
{
    struct decision *decision = decision_take(control, DECISION_LOGIN);
    decision_set_request(decision, &attempt->request);
    decision->client = attempt->client;
    decision->keeps_id = attempt->keeps_id;
    decision->user_id = attempt->user_id;
    decision->password_index = attempt->password_index;
    decide_login(control, decision);
}

/* The user as the cores know it: what is only decided is nobody's yet. */
static const struct state_user *user_of(const struct control *control,
                                        const struct login_attempt *attempt)
{
    struct identifier name = identifier_of_name(attempt->login.username);
    return state_user_find(control->core->state, &name);
}

/* Fills in what is to be verified; true when that was done lately. */
static bool is_verified(struct control *control, struct login_attempt *attempt)
{
    const struct state_user *user = user_of(control, attempt);
    attempt->is_known = user != NULL && user->active;
    if (!attempt->is_known) {
        return false;
    }
    const struct credentials *credentials = &control->logins.credentials;
    attempt->user_id = user->id;
    attempt->password_index = user->password_index;
    attempt->tag =
        credentials_tag(credentials, user->id, user->password_index, attempt->login.password);
    return credentials_are_verified(credentials, attempt->tag);
}

/* ---- Hashing ---- */

static struct login_attempt *attempt_take(struct control *control, u32 home)
{
    struct logins *logins = &control->logins;
    if (logins->per_core[home] == LOGIN_ATTEMPTS_PER_CORE) {
        return NULL;
    }
    struct list_node *node = list_pop(&logins->free);
    check(node != NULL);
    logins->per_core[home]++;
    struct login_attempt *attempt = container_of(node, struct login_attempt, node);
    attempt->magic = LOGIN_ATTEMPT_MAGIC;
    return attempt;
}

static void attempt_return(struct control *control, struct login_attempt *attempt)
{
    struct logins *logins = &control->logins;
    check(attempt->magic == LOGIN_ATTEMPT_MAGIC);
    check(logins->per_core[attempt->request.from] > 0);
    attempt->magic = 0;
    logins->per_core[attempt->request.from]--;
    list_add_first(&logins->free, &attempt->node);
}

static void judge(struct control *control, const struct login_attempt *attempt, enum status status)
{
    struct logins *logins = &control->logins;
    if (status != OK && status != ERR_INVALID) {
        answer(control, &attempt->request, WIRE_TRANSIENT_NOT_ACCEPTED, 0);
        return;
    }
    /* While the hash was made the password may have been changed, or the user be gone. */
    const struct state_user *user = user_of(control, attempt);
    bool holds = status == OK && attempt->is_known && user != NULL && user->active &&
                 user->id == attempt->user_id && user->password_index == attempt->password_index;
    if (holds) {
        credentials_note_verified(&logins->credentials, attempt->tag);
        accept_login(control, attempt);
        return;
    }
    credentials_note_failure(&logins->credentials, attempt->login.username,
                             control->core->time.monotonic_us);
    answer(control, &attempt->request, WIRE_OK, EVICTION_INVALID_CREDENTIALS);
}

static void on_verified(struct core *core, struct offload_job *job)
{
    struct login_attempt *attempt = container_of(job, struct login_attempt, job);
    check(attempt->magic == LOGIN_ATTEMPT_MAGIC);
    struct control *control = core->control;
    check(control->logins.hashing_count > 0);
    control->logins.hashing_count--;
    judge(control, attempt, job->status);
    attempt_return(control, attempt);
    hashes_go_on(control);
}

static void hash_password(struct control *control, struct login_attempt *attempt)
{
    struct offload_job *job = &attempt->job;
    const struct state_user *user = attempt->is_known ? user_of(control, attempt) : NULL;
    *job = (struct offload_job){
        .done = on_verified,
        .kind = OFFLOAD_PASSWORD_VERIFY,
        .password_size = attempt->login.password.size,
    };
    check(job->password_size < sizeof(job->password));
    if (job->password_size > 0) {
        memcpy(job->password, attempt->login.password.data, job->password_size);
    }
    /* For a name that nobody has the empty hash is verified: same cost, and it never matches. */
    if (user != NULL) {
        memcpy(job->hash, user->password_hash, sizeof(job->hash));
    }
    control->logins.hashing_count++;
    offload_submit(control->core->offload, control->core->index, job);
}

/* Decides one attempt at once if possible; else hands it to a hash. */
static void try_attempt(struct control *control, struct login_attempt *attempt)
{
    bool verified = is_verified(control, attempt);
    if (verified) {
        accept_login(control, attempt);
        attempt_return(control, attempt);
        return;
    }
    if (credentials_are_blocked(&control->logins.credentials, attempt->login.username,
                                control->core->time.monotonic_us)) {
        answer(control, &attempt->request, WIRE_OK, EVICTION_INVALID_CREDENTIALS);
        attempt_return(control, attempt);
        return;
    }
    hash_password(control, attempt);
}

/* False when none waits. */
static bool login_next(struct control *control)
{
    struct list_node *node = list_pop(&control->logins.waiting);
    if (node == NULL) {
        return false;
    }
    try_attempt(control, container_of(node, struct login_attempt, node));
    return true;
}

static bool has_help(const struct control *control)
{
    return control->root_step == ROOT_THERE &&
           offload_has_room(control->core->offload, control->core->index);
}

void hashes_go_on(struct control *control)
{
    bool goes_on = true;
    while (goes_on) {
        goes_on = has_help(control) && login_next(control);
        goes_on |= has_help(control) && preparation_next(control);
    }
}

/* ---- The request ---- */

/* A token needs no hash that takes long, and nobody guesses one. */
static void on_token(struct control *control, struct login_attempt *found, struct span token)
{
    const struct state_user *user = NULL;
    enum eviction_reason reason = token_login(control, token, &user);
    if (reason != 0) {
        answer(control, &found->request, WIRE_OK, reason);
        return;
    }
    found->user_id = user->id;
    found->password_index = user->password_index;
    accept_login(control, found);
}

static void on_password(struct control *control, struct login_attempt *found)
{
    if (!username_is_valid(found->login.username) || !password_is_valid(found->login.password)) {
        answer(control, &found->request, WIRE_OK, EVICTION_INVALID_CREDENTIALS);
        return;
    }
    if (control->root_step == ROOT_THERE && is_verified(control, found)) {
        accept_login(control, found);
        return;
    }
    struct login_attempt *attempt = attempt_take(control, found->request.from);
    if (attempt == NULL) {
        answer(control, &found->request, WIRE_TRANSIENT_NOT_ACCEPTED, 0);
        return;
    }
    attempt->request = found->request;
    attempt->login = found->login;
    attempt->client = found->client;
    attempt->keeps_id = found->keeps_id;
    list_add_last(&control->logins.waiting, &attempt->node);
    hashes_go_on(control);
}

void login_on_msg(struct control *control, const struct msg *msg)
{
    const struct buf *frame = msg->bufs[0];
    u32 position = msg->login.body_position;
    check(frame != NULL);
    check(position >= FRAME_HEADER_BYTES);
    check(position <= frame->size);
    struct request_header header;
    request_header_decode(frame->data + position - FRAME_HEADER_BYTES, &header);
    struct span body = {frame->data + position, frame->size - position};

    struct login_prefix prefix;
    struct login_attempt found = {
        .request = *msg, .client = header.client, .keeps_id = header.keeps_client};
    struct login_token token;
    if (!login_prefix_decode(body, &prefix)) {
        answer(control, msg, WIRE_OK, EVICTION_MALFORMED_LOGIN);
    } else if (!login_version_is_accepted(prefix.version)) {
        answer(control, msg, WIRE_OK, EVICTION_INCOMPATIBLE_PROTOCOL);
    } else if (!request_checksum_holds(&header, body)) {
        answer(control, msg, WIRE_INVALID_FORMAT, 0);
    } else if (login_password_decode(body, &prefix, &found.login)) {
        on_password(control, &found);
    } else if (login_token_decode(body, &prefix, &token)) {
        on_token(control, &found, token.token);
    } else {
        answer(control, msg, WIRE_OK, EVICTION_MALFORMED_LOGIN);
    }
}
