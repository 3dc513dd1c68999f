/* Personal access tokens: made, deleted, logged in with, and gone when they have expired.
 *
 * A token is 50 random bytes in base 64. It is shown once; what is kept is its hash. */
#include "base/bug.h"
#include "base/check.h"
#include "base/sha256.h"
#include "control/control_parts.h"
#include "wire/command.h"
#include "wire/name.h"

/* Expired tokens are looked for this often, while there are tokens that can expire. */
#define EXPIRY_INTERVAL_US (60 * US_PER_SECOND)

static_assert(SHA256_BYTES == TOKEN_HASH_BYTES, "what the state keeps of a token");

void token_write(const u8 random[TOKEN_RANDOM_BYTES], char text[TOKEN_TEXT_BYTES + 1])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const u32 padding = 64;
    u32 at = 0;
    for (u32 i = 0; i < TOKEN_RANDOM_BYTES; i += 3) {
        u32 left = TOKEN_RANDOM_BYTES - i;
        u32 bits = (u32)random[i] << 16 | (left > 1 ? (u32)random[i + 1] << 8 : 0) |
                   (left > 2 ? random[i + 2] : 0u);
        text[at++] = letters[bits >> 18];
        text[at++] = letters[bits >> 12 & 63];
        text[at++] = letters[left > 1 ? bits >> 6 & 63 : padding];
        text[at++] = letters[left > 2 ? bits & 63 : padding];
    }
    check(at == TOKEN_TEXT_BYTES);
    text[at] = 0;
}

/* ---- Commands ---- */

enum wire_error create_token_check(const struct control *control, const struct msg *request,
                                   struct span body, struct create_token_request *found)
{
    enum wire_error error = create_token_request_decode(body, found);
    if (error != WIRE_OK) {
        return error;
    }
    const struct state_user *user = state_user_get(control->decided, request->command.user_id);
    if (user == NULL) {
        return WIRE_UNAUTHENTICATED;
    }
    if (!token_name_is_valid(found->name)) {
        return WIRE_INVALID_TOKEN_NAME;
    }
    if (found->expiry_us != UINT64_MAX &&
        found->expiry_us >= UINT64_MAX - control->core->time.wall_us) {
        return WIRE_INVALID_TOKEN_EXPIRY;
    }
    if (user->tokens_count >= control->settings->tokens_per_user_max) {
        return WIRE_TOKENS_LIMIT_REACHED;
    }
    bool is_taken = state_token_named(control->decided, user->id, found->name) != NULL;
    return is_taken ? WIRE_TOKEN_ALREADY_EXISTS : WIRE_OK;
}

static enum wire_error create_token(const struct control *control, const struct decision *decision,
                                    struct span body, struct state_command *command)
{
    struct create_token_request found;
    enum wire_error error = create_token_check(control, &decision->request, body, &found);
    if (error != WIRE_OK) {
        return error;
    }
    bool expires = found.expiry_us != 0 && found.expiry_us != UINT64_MAX;
    command->kind = STATE_CREATE_TOKEN;
    command->user_id = decision->request.command.user_id;
    command->name = found.name;
    command->token_hash = (struct span){decision->token_hash, sizeof(decision->token_hash)};
    command->expires_at_us = expires ? control->core->time.wall_us + found.expiry_us : UINT64_MAX;
    return WIRE_OK;
}

static enum wire_error delete_token(const struct decision *decision, struct span body,
                                    struct state_command *command)
{
    command->kind = STATE_DELETE_TOKEN;
    command->user_id = decision->request.command.user_id;
    enum wire_error error = delete_token_request_decode(body, &command->name);
    bool is_name = error == WIRE_OK && command->name.size <= TOKEN_NAME_BYTES_MAX;
    return error == WIRE_OK && !is_name ? WIRE_RESOURCE_NOT_FOUND : error;
}

enum wire_error decide_token(const struct control *control, const struct decision *decision,
                             struct span body, struct state_command *command)
{
    return decision->request.command.command == COMMAND_CREATE_TOKEN
               ? create_token(control, decision, body, command)
               : delete_token(decision, body, command);
}

/* ---- Logins ---- */

enum eviction_reason token_login(const struct control *control, struct span token,
                                 const struct state_user **user)
{
    u8 hash[SHA256_BYTES];
    sha256(token.data, token.size, hash);
    const struct state *state = control->decided;
    const struct state_token *found = state_token_find(state, hash);
    bool is_over = found != NULL && found->expires_at_us <= control->core->time.wall_us &&
                   !bug_is_on(BUG_KEEP_TOKENS);
    if (found == NULL || is_over) {
        return EVICTION_INVALID_TOKEN;
    }
    *user = state_user_get(state, found->user_id);
    check(*user != NULL); /* tokens go with their user */
    return (*user)->active ? (enum eviction_reason)0 : EVICTION_USER_INACTIVE;
}

/* ---- Expiry ---- */

struct tokens_found {
    bool may_expire; /* some token is not for ever */
    const struct state_token *expired;
};

static struct tokens_found look_for_tokens(const struct control *control)
{
    const struct state *state = control->decided;
    struct tokens_found found = {0};
    for (const struct state_user *user = state_user_next(state, UINT32_MAX);
         user != NULL && found.expired == NULL; user = state_user_next(state, user->id)) {
        const struct state_token *token = state_token_next(state, user->id, NULL);
        for (; token != NULL && found.expired == NULL;
             token = state_token_next(state, user->id, token)) {
            found.may_expire |= token->expires_at_us != UINT64_MAX;
            bool is_over = token->expires_at_us <= control->core->time.wall_us;
            found.expired = is_over ? token : NULL;
        }
    }
    return found;
}

static void remove_expired(struct control *control)
{
    struct tokens_found found = look_for_tokens(control);
    bool may = !control->stops && !control->expiry_is_decided && control->step == CONTROL_RUNNING &&
               !control_log_has_failed(control->log);
    if (found.expired != NULL && may) {
        struct decision *decision = decision_take(control, DECISION_EXPIRY);
        const struct state_token *token = found.expired;
        decision_set_command(decision, &(struct state_command){
                                           .kind = STATE_DELETE_TOKEN,
                                           .time_us = control->core->time.wall_us,
                                           .user_id = token->user_id,
                                           .name = {token->name, token->name_size},
                                       });
        control->expiry_is_decided = true;
        decision_wait(control, decision);
        control_go_on(control);
    }
    expiry_watch(control);
}

static void on_expiry(struct core *core, struct timer *timer)
{
    check(timer == &core->control->expiry);
    remove_expired(core->control);
}

void expiry_init(struct control *control)
{
    timer_init(&control->expiry, on_expiry);
}

void expiry_watch(struct control *control)
{
    bool idle = !control->stops && !timer_is_set(&control->expiry);
    if (idle && look_for_tokens(control).may_expire) {
        timer_set(&control->core->timers, &control->expiry,
                  control->core->time.monotonic_us + EXPIRY_INTERVAL_US);
    }
}

void expiry_on_decided(struct control *control)
{
    control->expiry_is_decided = false;
    if (look_for_tokens(control).expired != NULL) {
        remove_expired(control);
    }
}

void expiry_stop(struct control *control)
{
    timer_cancel(&control->core->timers, &control->expiry);
}
