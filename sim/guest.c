#include "sim/guest.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/operation.h"
#include "wire/frame.h"
#include "wire/login.h"
#include "wire/send.h"
#include "wire/stream_info.h"
#include "wire/token_info.h"
#include "wire/user_info.h"

#define LOOK_US 20000u
#define TOKEN_NAME "token"

/* ---- The user ---- */

static const struct model_topic *topic_of(const struct guest *guest)
{
    return guest->partition == NULL ? NULL : guest->partition->topic;
}

static bool may(const struct guest *guest, const struct guest_user *user)
{
    return user->exists && user->active &&
           guest_rights_allow(&user->rights, guest_act(guest->act), topic_of(guest));
}

/* Whatever the answer is, it may be right. */
static bool is_left_open(const struct guest *guest)
{
    const struct guest_act *act = guest_act(guest->act);
    return guest_rights_leave_open(&guest->user.rights, act) ||
           (guest->unsure && guest_rights_leave_open(&guest->other.rights, act));
}

/* One line for whoever reads a failure. */
static void tell(const struct guest *guest, const char *end, u32 status)
{
    static const char *const asked[] = {
        [GUEST_ADMIN_LOGIN] = "admin login",
        [GUEST_CREATE] = "create",
        [GUEST_DELETE] = "delete",
        [GUEST_GRANT] = "grant",
        [GUEST_PASSWORD] = "new password",
        [GUEST_ACTIVATE] = "activate",
        [GUEST_TOKEN_CREATE] = "create token",
        [GUEST_TOKEN_DELETE] = "delete token",
        [GUEST_READ] = "look",
        [GUEST_TOKENS] = "tokens",
        [GUEST_LOGIN] = "login",
        [GUEST_TOKEN_LOGIN] = "token login",
        [GUEST_ACT] = "act",
    };
    if (guest->workload->prints) {
        fprintf(
            stderr, "%llu us: %s %s (there %d active %d rights %x password %u token %d%s): %s %u\n",
            (unsigned long long)sim_now_us(guest->workload->sim), guest->name, asked[guest->asked],
            guest->user.exists, guest->user.active, guest->user.rights.global, guest->user.password,
            guest->user.has_token, guest->unsure ? ", unsure" : "", end, status);
    }
}

/* ---- Asking ---- */

static u64 draw(struct guest *guest, u64 bound)
{
    return prng_below(&guest->prng, bound);
}

static struct writer body_of(struct guest *guest)
{
    return writer_over(guest->body, sizeof(guest->body));
}

static void ask(struct guest *guest, struct guest_line *line, enum guest_ask asked,
                enum command command, const struct writer *body)
{
    check(!body->failed);
    check(!guest->is_busy);
    guest->is_busy = true;
    guest->asked = asked;
    guest->call = (struct sim_client_call){0};
    guest->workload->operations_asked++;
    sim_client_call(&line->client, &guest->call, command,
                    (struct span){body->data, body->position});
}

static void write_password(u32 number, char text[24])
{
    (void)snprintf(text, 24, "password-%u", number);
}

static void ask_login(struct guest *guest, struct guest_line *line, enum guest_ask asked,
                      const char *password)
{
    struct writer body = body_of(guest);
    const char *name = line == &guest->admin ? "root" : guest->name;
    login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                               .sdk_name = span_of("guest"),
                                               .sdk_version = span_of("1")},
                        &body);
    login_password_encode(
        &(struct login_password){.username = span_of(name), .password = span_of(password)}, &body);
    ask(guest, line, asked, COMMAND_REGISTER, &body);
}

static void ask_token_login(struct guest *guest)
{
    struct writer body = body_of(guest);
    login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                               .sdk_name = span_of("guest"),
                                               .sdk_version = span_of("1")},
                        &body);
    login_token_encode(&(struct login_token){.token = span_of(guest->token)}, &body);
    ask(guest, &guest->line, GUEST_TOKEN_LOGIN, COMMAND_REGISTER_WITH_TOKEN, &body);
}

/* True when the line is logged in; otherwise the next step towards it is taken. */
static bool admin_is_there(struct guest *guest)
{
    struct sim_client *client = &guest->admin.client;
    if (client->conn == NULL) {
        sim_client_connect(client, 0);
    } else if (client->is_connected && !guest->admin.logged_in) {
        ask_login(guest, &guest->admin, GUEST_ADMIN_LOGIN, WORKLOAD_PASSWORD);
    }
    return client->is_connected && guest->admin.logged_in;
}

/* ---- Changes ---- */

static struct model_topic *draw_topic(struct guest *guest)
{
    struct model *model = guest->workload->model;
    for (u32 tries = 0; tries < 12; tries++) {
        struct model_stream *stream = &model->streams[draw(guest, model->streams_count)];
        struct model_topic *topic = &stream->topics[draw(guest, MODEL_TOPICS_MAX)];
        if (model_topic_is_there(topic) && topic->partitions_count > 0) {
            return topic;
        }
    }
    return NULL;
}

static u16 draw_bits(struct guest *guest, u32 bits_count, u64 share)
{
    u16 bits = 0;
    for (u32 i = 0; i < bits_count; i++) {
        bits |= (u16)((draw(guest, 6) < share ? 1u : 0u) << i);
    }
    return bits;
}

static struct guest_rights draw_rights(struct guest *guest)
{
    struct guest_rights rights = {
        .global = draw_bits(guest, GLOBAL_PERMISSIONS_COUNT, draw(guest, 3)),
    };
    for (u64 grants = draw(guest, GUEST_GRANTS_MAX + 1); grants > 0; grants--) {
        struct model_topic *topic = draw_topic(guest);
        bool whole_stream = draw(guest, 2) == 0;
        u32 bits_count = whole_stream ? STREAM_PERMISSIONS_COUNT : TOPIC_PERMISSIONS_COUNT;
        u8 bits = (u8)draw_bits(guest, bits_count, 2);
        if (topic != NULL && guest_rights_add(&rights, topic, whole_stream, bits)) {
            guest->granted[rights.grants_count - 1] =
                (struct guest_granted){topic, model_glimpse(topic)};
        }
    }
    return rights;
}

static void create_user(struct guest *guest)
{
    u8 block[128];
    char password[24];
    guest->wanted = (struct guest_user){
        .exists = true,
        .active = true,
        .rights = draw_rights(guest),
        .password = (u32)draw(guest, 1000),
    };
    write_password(guest->wanted.password, password);
    struct writer body = body_of(guest);
    create_user_request_encode(
        &(struct create_user_request){
            .username = span_of(guest->name),
            .password = span_of(password),
            .status = USER_ACTIVE,
            .has_permissions = true,
            .permissions = {block, guest_rights_write(&guest->wanted.rights, block, sizeof(block))},
        },
        &body);
    ask(guest, &guest->admin, GUEST_CREATE, COMMAND_CREATE_USER, &body);
}

static void change_rights(struct guest *guest)
{
    u8 block[128];
    guest->wanted.rights = draw_rights(guest);
    struct writer body = body_of(guest);
    update_permissions_request_encode(
        &(struct update_permissions_request){
            .user = identifier_of_name(span_of(guest->name)),
            .has_permissions = true,
            .permissions = {block, guest_rights_write(&guest->wanted.rights, block, sizeof(block))},
        },
        &body);
    ask(guest, &guest->admin, GUEST_GRANT, COMMAND_UPDATE_PERMISSIONS, &body);
}

static void change_password(struct guest *guest)
{
    char current[24];
    char next[24];
    guest->wanted.password++;
    write_password(guest->user.password, current);
    write_password(guest->wanted.password, next);
    struct writer body = body_of(guest);
    change_password_request_encode(
        &(struct change_password_request){
            .user = identifier_of_name(span_of(guest->name)),
            .current = span_of(current),
            .new = span_of(next),
        },
        &body);
    ask(guest, &guest->admin, GUEST_PASSWORD, COMMAND_CHANGE_PASSWORD, &body);
}

static void change_status(struct guest *guest)
{
    guest->wanted.active = !guest->user.active;
    struct writer body = body_of(guest);
    update_user_request_encode(
        &(struct update_user_request){
            .user = identifier_of_name(span_of(guest->name)),
            .has_status = true,
            .status = guest->wanted.active ? USER_ACTIVE : USER_INACTIVE,
        },
        &body);
    ask(guest, &guest->admin, GUEST_ACTIVATE, COMMAND_UPDATE_USER, &body);
}

static void delete_user(struct guest *guest)
{
    guest->wanted = (struct guest_user){0};
    struct writer body = body_of(guest);
    user_request_encode(&(struct user_request){.user = identifier_of_name(span_of(guest->name))},
                        &body);
    ask(guest, &guest->admin, GUEST_DELETE, COMMAND_DELETE_USER, &body);
}

/* By the user itself: tokens are nobody else's business. */
static void change_token(struct guest *guest)
{
    struct writer body = body_of(guest);
    guest->wanted = guest->user;
    guest->wanted.has_token = !guest->user.has_token;
    if (guest->wanted.has_token) {
        u64 expiry_us = draw(guest, 3) == 0 ? 0 : US_PER_SECOND + draw(guest, 20 * US_PER_SECOND);
        guest->wanted.expiry = (struct guest_expiry){
            .expires = expiry_us != 0,
            .from_us = sim_now_us(guest->workload->sim) + expiry_us,
            .to_us = UINT64_MAX,
            .wall_jumps = sim_counts(guest->workload->sim)->wall_jumps,
        };
        create_token_request_encode(
            &(struct create_token_request){.name = span_of(TOKEN_NAME), .expiry_us = expiry_us},
            &body);
        ask(guest, &guest->line, GUEST_TOKEN_CREATE, COMMAND_CREATE_TOKEN, &body);
    } else {
        delete_token_request_encode(span_of(TOKEN_NAME), &body);
        ask(guest, &guest->line, GUEST_TOKEN_DELETE, COMMAND_DELETE_TOKEN, &body);
    }
}

static void change(struct guest *guest)
{
    guest->wanted = guest->user;
    if (!guest->user.exists) {
        create_user(guest);
        return;
    }
    u64 roll = draw(guest, 10);
    if (!guest->user.active || roll == 0) {
        change_status(guest);
    } else if (roll == 1) {
        delete_user(guest);
    } else if (roll < 4) {
        change_password(guest);
    } else {
        change_rights(guest);
    }
}

/* Sessions end with their user, its password, and its being active. */
static bool ends_sessions(const struct guest *guest)
{
    return guest->asked == GUEST_DELETE || guest->asked == GUEST_PASSWORD ||
           (guest->asked == GUEST_ACTIVATE && !guest->wanted.active);
}

/* ---- What the user does ---- */

/* Mostly where it was granted something. */
static struct model_topic *draw_target(struct guest *guest)
{
    const struct guest_rights *rights = &guest->user.rights;
    if (rights->grants_count > 0 && draw(guest, 3) != 0) {
        const struct guest_grant *grant = &rights->grants[draw(guest, rights->grants_count)];
        struct model_topic *topic = &grant->stream->topics[draw(guest, MODEL_TOPICS_MAX)];
        topic = grant->topic != NULL && draw(guest, 2) == 0 ? grant->topic : topic;
        if (model_topic_is_there(topic) && topic->partitions_count > 0) {
            return topic;
        }
    }
    return draw_topic(guest);
}

static void act(struct guest *guest)
{
    guest->act = (u32)draw(guest, guest_acts_count());
    const struct guest_act *chosen = guest_act(guest->act);
    guest->partition = NULL;
    guest->send = NULL;
    if (chosen->on_topic) {
        struct model_topic *topic = draw_target(guest);
        if (topic == NULL) {
            return;
        }
        guest->partition = &topic->partitions[draw(guest, topic->partitions_count)];
        guest->glimpse = model_glimpse(topic);
    }
    struct writer body = body_of(guest);
    guest_write_act(guest, chosen->command, &body);
    ask(guest, &guest->line, GUEST_ACT, chosen->command, &body);
}

static void log_in(struct guest *guest, u32 password)
{
    char text[24];
    guest->password_tried = password;
    write_password(password, text);
    ask_login(guest, &guest->line, GUEST_LOGIN, text);
}

static void use(struct guest *guest)
{
    struct sim_client *client = &guest->line.client;
    if (client->conn == NULL) {
        sim_client_connect(client, 0);
    } else if (client->is_connected && !guest->line.logged_in) {
        bool is_wrong = draw(guest, 15) == 0;
        if (guest->token[0] != 0 && draw(guest, 2) == 0) {
            ask_token_login(guest);
            return;
        }
        log_in(guest, is_wrong ? guest->user.password + 5000 : guest->user.password);
    } else if (client->is_connected && !guest->unsure && !guest->line.is_over &&
               draw(guest, 8) == 0) {
        change_token(guest);
    } else if (client->is_connected) {
        act(guest);
    }
}

/* ---- Judging ---- */

static void disagree(const struct guest *guest, enum checker checker, const char *what, u32 status)
{
    verdict_fail(guest->workload->verdict, checker,
                 "guest %s (rights %x, %s%s%s): %s was answered with %u %s", guest->name,
                 guest->user.rights.global, guest->user.exists ? "there" : "absent",
                 guest->user.active ? "" : ", inactive", guest->unsure ? ", unsure" : "", what,
                 status, wire_error_name(status));
}

/* Takes the session of a login that succeeded. */
static bool take_login(struct guest_line *line, const struct sim_client_reply *reply)
{
    struct login_reply login;
    u32 error = WIRE_OK;
    line->logged_in = !reply->is_eviction && reply->status == WIRE_OK &&
                      login_reply_decode(reply->body, &login, &error) == OK && error == WIRE_OK;
    if (line->logged_in) {
        line->client.session = login.session;
        line->is_over = false;
    }
    return line->logged_in;
}

static bool comes_again(const struct guest *guest, u32 status)
{
    return status == WIRE_TRANSIENT_NOT_ACCEPTED || workload_excuses(guest->workload, status);
}

static bool opens(const struct guest_user *user, u32 password)
{
    return user->exists && user->active && user->password == password;
}

static bool has_jumped(const struct guest *guest, const struct guest_expiry *expiry)
{
    return sim_counts(guest->workload->sim)->wall_jumps != expiry->wall_jumps;
}

/* Has it been over since before the present request? */
static bool is_over(const struct guest *guest, const struct guest_expiry *expiry)
{
    return expiry->expires && !has_jumped(guest, expiry) && guest->call.issued_us > expiry->to_us;
}

/* Is it still good, by the answer of the present request? */
static bool is_good(const struct guest *guest, const struct guest_expiry *expiry)
{
    bool is_early = sim_now_us(guest->workload->sim) < expiry->from_us;
    return !expiry->expires || (is_early && !has_jumped(guest, expiry));
}

/* May the login with the token succeed, and may it fail? */
static bool may_open(const struct guest *guest, const struct guest_user *user)
{
    return user->exists && user->active && user->has_token && !is_over(guest, &user->expiry);
}

static bool may_not_open(const struct guest *guest, const struct guest_user *user)
{
    return !user->exists || !user->active || !user->has_token || !is_good(guest, &user->expiry);
}

static void judge_token_login(struct guest *guest, bool succeeds)
{
    bool may = may_open(guest, &guest->user) || (guest->unsure && may_open(guest, &guest->other));
    bool may_not =
        may_not_open(guest, &guest->user) || (guest->unsure && may_not_open(guest, &guest->other));
    if (succeeds ? !may : !may_not) {
        disagree(guest, CHECK_rights_hold, succeeds ? "a token that is void" : "a token",
                 succeeds ? WIRE_OK : WIRE_INVALID_TOKEN);
    }
}

static void on_token_login(struct guest *guest, const struct sim_client_reply *reply)
{
    bool succeeds = take_login(&guest->line, reply);
    if (reply->is_eviction || !comes_again(guest, reply->status)) {
        judge_token_login(guest, succeeds);
    }
}

static void on_login(struct guest *guest, const struct sim_client_reply *reply)
{
    bool succeeds = take_login(&guest->line, reply);
    if (!reply->is_eviction && comes_again(guest, reply->status)) {
        return;
    }
    bool expected = opens(&guest->user, guest->password_tried);
    bool other = guest->unsure ? opens(&guest->other, guest->password_tried) : expected;
    if (expected == other && succeeds != expected) {
        disagree(guest, CHECK_rights_hold, expected ? "a login" : "a login that must fail",
                 reply->is_eviction ? WIRE_INVALID_CREDENTIALS : reply->status);
    }
}

static bool is_fuzzy(const struct guest *guest)
{
    return guest->partition != NULL && model_is_fuzzy(guest->partition->topic, guest->glimpse);
}

static void end_send(struct guest *guest, u32 status, struct span body)
{
    struct send_confirmation confirmation;
    if (status != WIRE_OK) {
        model_send_refused(guest->send);
    } else if (send_reply_decode(body, &confirmation) != OK) {
        disagree(guest, CHECK_model_agrees, "a send, unreadably", status);
    } else {
        const struct workload *workload = guest->workload;
        bool may_forget = workload_disk_failed(workload) &&
                          model_level_of(workload->model, guest->partition->topic) == MODEL_MEMORY;
        model_send_acknowledged(workload->model, guest->send, confirmation.base_offset,
                                sim_now_us(workload->sim), may_forget || is_fuzzy(guest));
    }
}

static bool other_ends_sessions(const struct guest *guest)
{
    return !guest->other.exists || !guest->other.active ||
           guest->user.password != guest->other.password;
}

static void on_act(struct guest *guest, const struct sim_client_reply *reply)
{
    const struct guest_act *act = guest_act(guest->act);
    u32 status = reply->is_eviction ? WIRE_UNAUTHENTICATED : reply->status;
    if (guest->send != NULL) {
        end_send(guest, status, reply->body);
    }
    if (guest->line.is_over) {
        if (status == act->expected) {
            disagree(guest, CHECK_rights_hold, "a request of a session that is over", status);
        }
        if (guest->line.client.conn != NULL) {
            sim_client_end(&guest->line.client, CLIENT_CLOSES);
        }
        return;
    }
    bool is_allowed = may(guest, &guest->user);
    if (is_fuzzy(guest) || is_left_open(guest) ||
        (guest->unsure && is_allowed != may(guest, &guest->other)) ||
        (guest->unsure && other_ends_sessions(guest)) ||
        workload_excuses(guest->workload, status)) {
        return;
    }
    if (status != (is_allowed ? act->expected : WIRE_UNAUTHORIZED)) {
        disagree(guest, CHECK_rights_hold, command_row(act->command)->name, status);
    }
}

/* A new one is told once; a deleted one is kept, to be refused. */
static void take_token(struct guest *guest, struct reader *reader)
{
    if (guest->asked == GUEST_CREATE) {
        guest->token[0] = 0;
    } else if (guest->asked == GUEST_TOKEN_CREATE) {
        struct guest_expiry *expiry = &guest->user.expiry;
        u64 lasts_us = expiry->from_us - guest->call.issued_us;
        expiry->to_us = sim_now_us(guest->workload->sim) + lasts_us;
        u8 size = read_u8(reader);
        const u8 *text = read_bytes(reader, size);
        if (reader->failed || size >= sizeof(guest->token)) {
            disagree(guest, CHECK_model_agrees, "a new token, unreadably", WIRE_OK);
            return;
        }
        memcpy(guest->token, text, size);
        guest->token[size] = 0;
    }
}

/* Did the streams and topics that were granted change while that was under way? */
static bool met_changes(const struct guest *guest)
{
    bool is_grant = guest->asked == GUEST_CREATE || guest->asked == GUEST_GRANT;
    for (u32 i = 0; is_grant && i < guest->wanted.rights.grants_count; i++) {
        if (model_is_fuzzy(guest->granted[i].topic, guest->granted[i].glimpse)) {
            return true;
        }
    }
    return false;
}

static void on_change(struct guest *guest, const struct sim_client_reply *reply)
{
    struct reader reader = reader_over(reply->body.data, reply->body.size);
    u32 status = reply->is_eviction ? WIRE_UNAUTHENTICATED : reply->status;
    if (status == WIRE_OK) {
        status = read_result(&reader);
    }
    if (status == WIRE_OK) {
        guest->line.is_over =
            guest->line.is_over || (guest->line.logged_in && ends_sessions(guest));
        guest->user = guest->wanted;
        guest->user.rights.is_vague = guest->user.rights.is_vague || met_changes(guest);
        take_token(guest, &reader);
    } else if (status == WIRE_IO_ERROR && ends_sessions(guest)) {
        /* It did not happen; but until the restart the user may be refused as if it had. */
        guest->unsure = workload_excuses(guest->workload, status);
        guest->other = guest->wanted;
    } else if (guest->asked == GUEST_TOKEN_DELETE && status == WIRE_RESOURCE_NOT_FOUND &&
               !is_good(guest, &guest->user.expiry)) {
        guest->user.has_token = false; /* it had expired, and was swept away */
    } else if (!comes_again(guest, status)) {
        disagree(guest, CHECK_model_agrees, "a change of the user", status);
    }
}

/* ---- After a restart ---- */

/* The user as the server shows it, and the block of its rights. */
static bool read_user(struct span body, struct guest_user *user, struct span *rights)
{
    struct reader reader = reader_over(body.data, body.size);
    bool has_permissions = false;
    *user = (struct guest_user){.exists = body.size > 0};
    if (!user->exists) {
        return true;
    }
    user->active = read_user_info(&reader).status == USER_ACTIVE;
    *rights = read_user_permissions(&reader, &has_permissions);
    return !reader.failed;
}

static bool looks_like(const struct guest_user *found, struct span rights,
                       const struct guest_user *user)
{
    return found->exists == user->exists &&
           (!user->exists ||
            (found->active == user->active && guest_rights_match(&user->rights, rights)));
}

static void settle(struct guest *guest, bool is_other)
{
    /* Which grants these are may still be open. */
    bool is_vague = guest->unsure && guest->other.rights.is_vague;
    if (is_other) {
        if (!guest->other.exists || guest->other.has_token != guest->user.has_token) {
            guest->token[0] = 0;
        }
        guest->user = guest->other;
    }
    guest->user.rights.is_vague = guest->user.rights.is_vague || is_vague;
    guest->unsure = false;
}

static void on_read(struct guest *guest, const struct sim_client_reply *reply)
{
    struct guest_user found;
    struct span rights = {0};
    if (reply->is_eviction || reply->status != WIRE_OK) {
        return; /* once more */
    }
    if (!read_user(reply->body, &found, &rights)) {
        disagree(guest, CHECK_model_agrees, "a look at the user, unreadably", reply->status);
        return;
    }
    bool is_user = looks_like(&found, rights, &guest->user);
    bool is_other = guest->unsure && looks_like(&found, rights, &guest->other);
    if (!is_user && !is_other) {
        verdict_fail(guest->workload->verdict, CHECK_users_stay,
                     "after a restart guest %s is %s, %s, with other rights; it was %s with rights "
                     "%x and %u grants",
                     guest->name, found.exists ? "there" : "absent",
                     found.active ? "active" : "inactive", guest->user.exists ? "there" : "absent",
                     guest->user.rights.global, guest->user.rights.grants_count);
        return;
    }
    if (guest->unsure && is_user != is_other) {
        settle(guest, is_other);
    }
    bool can_log_in = found.exists && found.active;
    guest->audit = can_log_in ? GUEST_AUDIT_LOGIN : GUEST_AUDIT_NONE;
    guest->password_tried = guest->user.password;
    if (!can_log_in) {
        settle(guest, false);
    }
}

static void on_audit_login(struct guest *guest, const struct sim_client_reply *reply)
{
    if (take_login(&guest->line, reply)) {
        if (guest->unsure && guest->user.password != guest->other.password) {
            settle(guest, guest->password_tried != guest->user.password);
        }
        guest->audit = GUEST_AUDIT_TOKENS;
    } else if (!reply->is_eviction && comes_again(guest, reply->status)) {
        return;
    } else if (guest->unsure && guest->password_tried != guest->other.password) {
        guest->password_tried = guest->other.password;
    } else {
        verdict_fail(guest->workload->verdict, CHECK_users_stay,
                     "after a restart guest %s cannot log in with password %u", guest->name,
                     guest->user.password);
    }
}

/* Does such a user have a token, or none? */
static bool shows_token(const struct guest *guest, const struct guest_user *user, bool has_token)
{
    return has_token == user->has_token ||
           (!has_token && !is_good(guest, &user->expiry)); /* it was swept away */
}

static void on_tokens(struct guest *guest, const struct sim_client_reply *reply)
{
    if (reply->is_eviction || reply->status != WIRE_OK) {
        return; /* once more */
    }
    struct reader reader = reader_over(reply->body.data, reply->body.size);
    bool has_token = reply->body.size > 0;
    bool is_known = !has_token || span_equal(read_token_info(&reader).name, span_of(TOKEN_NAME));
    bool is_user = shows_token(guest, &guest->user, has_token);
    bool is_other = guest->unsure && shows_token(guest, &guest->other, has_token);
    if (!is_known || (!is_user && !is_other)) {
        verdict_fail(guest->workload->verdict, CHECK_users_stay,
                     "after a restart guest %s has %s token", guest->name, has_token ? "a" : "no");
        return;
    }
    settle(guest, !is_user);
    guest->user.has_token = has_token;
    bool can_log_in = guest->user.has_token && guest->token[0] != 0;
    guest->audit = can_log_in ? GUEST_AUDIT_TOKEN_LOGIN : GUEST_AUDIT_NONE;
    if (can_log_in) {
        sim_client_end(&guest->line.client, CLIENT_CLOSES); /* a session of its own */
    }
}

static void on_audit_token_login(struct guest *guest, const struct sim_client_reply *reply)
{
    bool succeeds = take_login(&guest->line, reply);
    if (!succeeds && !reply->is_eviction && comes_again(guest, reply->status)) {
        return;
    }
    guest->audit = GUEST_AUDIT_NONE;
    if (succeeds || may_not_open(guest, &guest->user)) {
        judge_token_login(guest, succeeds);
    } else {
        verdict_fail(guest->workload->verdict, CHECK_users_stay,
                     "after a restart guest %s cannot log in with its token", guest->name);
    }
}

/* The next request of the audit over the user's own connection. */
static void audit_as_user(struct guest *guest)
{
    struct writer body = body_of(guest);
    switch (guest->audit) {
    case GUEST_AUDIT_LOGIN: log_in(guest, guest->password_tried); break;
    case GUEST_AUDIT_TOKENS:
        if (guest->line.logged_in) {
            ask(guest, &guest->line, GUEST_TOKENS, COMMAND_GET_TOKENS, &body);
        } else {
            log_in(guest, guest->user.password);
        }
        break;
    case GUEST_AUDIT_TOKEN_LOGIN: ask_token_login(guest); break;
    case GUEST_AUDIT_NONE:
    case GUEST_AUDIT_READ: unreachable();
    }
}

static void audit(struct guest *guest)
{
    struct sim_client *client = &guest->line.client;
    if (guest->audit == GUEST_AUDIT_READ) {
        if (admin_is_there(guest)) {
            struct writer body = body_of(guest);
            user_request_encode(
                &(struct user_request){.user = identifier_of_name(span_of(guest->name))}, &body);
            ask(guest, &guest->admin, GUEST_READ, COMMAND_GET_USER, &body);
        }
    } else if (client->conn == NULL) {
        sim_client_connect(client, 0);
    } else if (client->is_connected) {
        audit_as_user(guest);
    }
}

void guest_audit_begin(struct guest *guest)
{
    guest->audit = GUEST_AUDIT_READ;
}

bool guest_audit_is_done(const struct guest *guest)
{
    return guest->audit == GUEST_AUDIT_NONE;
}

/* ---- Steps ---- */

static void work(struct guest *guest)
{
    if (!admin_is_there(guest)) {
        return;
    }
    if (!guest->unsure &&
        (!guest->user.exists || guest->user.rights.is_vague || draw(guest, 4) == 0)) {
        change(guest);
    } else {
        use(guest);
    }
}

static void guest_step(void *context, u64 word)
{
    struct guest *guest = context;
    struct workload *workload = guest->workload;
    (void)word;
    if (workload->is_over || workload->verdict->failed) {
        return;
    }
    if (!guest->is_busy && workload->schedule->is_up) {
        if (guest->audit != GUEST_AUDIT_NONE) {
            audit(guest);
        } else if (!workload->is_paused) {
            work(guest);
        }
    }
    u64 think_us = guest->audit != GUEST_AUDIT_NONE ? 1000 : LOOK_US + draw(guest, 300000);
    sim_after(workload->sim, think_us, guest_step, guest, 0);
}

static struct guest *guest_of(void *context)
{
    const struct guest_line *line = context;
    return line->guest;
}

static void on_connected(void *context)
{
    (void)context;
}

static void on_reply(void *context, struct sim_client_call *call,
                     const struct sim_client_reply *reply)
{
    struct guest *guest = guest_of(context);
    check(call == &guest->call);
    guest->is_busy = false;
    guest->workload->operations_count++;
    tell(guest, "answered", reply->is_eviction ? reply->eviction_reason : reply->status);
    switch (guest->asked) {
    case GUEST_ADMIN_LOGIN: (void)take_login(&guest->admin, reply); break;
    case GUEST_LOGIN:
        if (guest->audit != GUEST_AUDIT_NONE) {
            on_audit_login(guest, reply);
        } else {
            on_login(guest, reply);
        }
        break;
    case GUEST_ACT: on_act(guest, reply); break;
    case GUEST_READ: on_read(guest, reply); break;
    case GUEST_TOKENS: on_tokens(guest, reply); break;
    case GUEST_TOKEN_LOGIN:
        if (guest->audit != GUEST_AUDIT_NONE) {
            on_audit_token_login(guest, reply);
        } else {
            on_token_login(guest, reply);
        }
        break;
    case GUEST_CREATE:
    case GUEST_DELETE:
    case GUEST_GRANT:
    case GUEST_PASSWORD:
    case GUEST_ACTIVATE:
    case GUEST_TOKEN_CREATE:
    case GUEST_TOKEN_DELETE: on_change(guest, reply); break;
    }
}

static void on_lost(void *context, struct sim_client_call *call)
{
    struct guest *guest = guest_of(context);
    check(call == &guest->call);
    guest->is_busy = false;
    guest->workload->operations_lost++;
    tell(guest, "lost", 0);
    if (guest->asked == GUEST_ACT && guest->send != NULL) {
        model_send_lost(guest->send);
    }
    if (guest->asked >= GUEST_CREATE && guest->asked <= GUEST_TOKEN_DELETE) {
        bool is_grant = guest->asked == GUEST_CREATE || guest->asked == GUEST_GRANT;
        guest->unsure = true;
        guest->other = guest->wanted;
        /* Nobody knows what they will meet. */
        guest->other.rights.is_vague =
            guest->other.rights.is_vague || (is_grant && guest->other.rights.grants_count > 0);
    }
}

static void on_closed(void *context)
{
    struct guest_line *line = context;
    line->logged_in = false;
    line->is_over = false;
}

static void line_init(struct guest *guest, struct guest_line *line, u32 number)
{
    *line = (struct guest_line){.guest = guest};
    sim_client_init(&line->client, guest->workload->sim, number, guest->workload->verdict);
    line->client.context = line;
    line->client.on_connected = on_connected;
    line->client.on_reply = on_reply;
    line->client.on_lost = on_lost;
    line->client.on_closed = on_closed;
}

void guest_init(struct guest *guest, struct workload *workload, u32 index, u64 seed)
{
    *guest = (struct guest){.workload = workload, .index = index};
    prng_init(&guest->prng, seed);
    (void)snprintf(guest->name, sizeof(guest->name), "guest-%u", index);
    line_init(guest, &guest->admin, 30 + 2 * index);
    line_init(guest, &guest->line, 31 + 2 * index);
}

void guest_disconnect(struct guest *guest)
{
    struct guest_line *const lines[] = {&guest->admin, &guest->line};
    for (u32 i = 0; i < array_count(lines); i++) {
        if (lines[i]->client.conn != NULL) {
            sim_client_end(&lines[i]->client, CLIENT_CLOSES);
        }
    }
}

void guest_deinit(struct guest *guest)
{
    guest_disconnect(guest);
    sim_client_deinit(&guest->admin.client);
    sim_client_deinit(&guest->line.client);
}

void guest_start(struct guest *guest)
{
    sim_after(guest->workload->sim, 1 + guest->index, guest_step, guest, 0);
}
