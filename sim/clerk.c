#include "sim/clerk.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/operation.h"
#include "wire/frame.h"
#include "wire/login.h"
#include "wire/login_v1.h"

/* Until then not so many others ask that the server forgets. */
#define REMEMBERED_US (10 * US_PER_SECOND)

static u64 draw(struct clerk *clerk, u64 bound)
{
    return prng_below(&clerk->prng, bound);
}

static bool is_v1(const struct clerk *clerk)
{
    return clerk->client.is_v1;
}

static void disagree(const struct clerk *clerk, const char *what, u32 status)
{
    verdict_fail(clerk->workload->verdict, CHECK_model_agrees,
                 "clerk%s: %s (change %u, look %u, of clerk-%u/topic-%u/%u)%s was answered with %u "
                 "%s; expected %u",
                 is_v1(clerk) ? " (0.8)" : "", what, clerk->change.kind, clerk->look.kind,
                 clerk->asked == CLERK_LOOK ? clerk->look.stream : clerk->change.stream,
                 clerk->asked == CLERK_LOOK ? clerk->look.topic : clerk->change.topic,
                 clerk->asked == CLERK_LOOK ? clerk->look.name : clerk->change.name,
                 clerk->unsure ? ", unsure," : "", status, wire_error_name(status),
                 clerk->expected);
}

/* One line for whoever reads a failure. */
static void tell(const struct clerk *clerk, const char *end, u32 status)
{
    static const char *const asked[] = {
        [CLERK_LOGIN] = "login",   [CLERK_LOGOUT] = "logout",
        [CLERK_CHANGE] = "change", [CLERK_CHANGE_AGAIN] = "change again",
        [CLERK_LOOK] = "look",
    };
    const struct desk_change *change = &clerk->change;
    if (clerk->workload->prints) {
        fprintf(stderr,
                "%llu us: clerk%s %s (request %llu; change %u of %u/%u, name %u, count %u; look %u "
                "at %u/%u/%u)%s: %s %u\n",
                (unsigned long long)sim_now_us(clerk->workload->sim), is_v1(clerk) ? " (0.8)" : "",
                asked[clerk->asked], (unsigned long long)clerk->call.request, change->kind,
                change->stream, change->topic, change->name, change->count, clerk->look.kind,
                clerk->look.stream, clerk->look.topic, clerk->look.name,
                clerk->unsure ? " unsure" : "", end, status);
    }
}

/* ---- Asking ---- */

static void ask(struct clerk *clerk, enum clerk_ask asked, enum command command,
                const struct writer *body)
{
    check(!body->failed);
    check(!clerk->is_busy);
    clerk->is_busy = true;
    clerk->asked = asked;
    clerk->workload->operations_asked++;
    sim_client_call(&clerk->client, &clerk->call, command,
                    (struct span){body->data, body->position});
}

static struct writer body_of(struct clerk *clerk)
{
    clerk->call = (struct sim_client_call){0};
    return writer_over(clerk->body, sizeof(clerk->body));
}

/* One whose text it was told, whether it is still there or not. */
static u32 draw_token(struct clerk *clerk)
{
    u32 token = (u32)draw(clerk, DESK_TOKENS);
    return clerk->tokens[token][0] == 0 || draw(clerk, 2) == 0 ? DESK_TOKENS : token;
}

static void ask_login(struct clerk *clerk)
{
    struct writer body = body_of(clerk);
    clerk->token_tried = draw_token(clerk);
    bool by_token = clerk->token_tried < DESK_TOKENS;
    struct span token = by_token ? span_of(clerk->tokens[clerk->token_tried]) : (struct span){0};
    if (is_v1(clerk) && by_token) {
        login_token_v1_encode(&(struct login_token_v1){token}, &body);
    } else if (is_v1(clerk)) {
        operation_write_login_v1(WORKLOAD_PASSWORD, &body);
    } else {
        login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                                   .sdk_name = span_of("clerk"),
                                                   .sdk_version = span_of("1")},
                            &body);
    }
    if (!is_v1(clerk) && by_token) {
        login_token_encode(&(struct login_token){.token = token}, &body);
    } else if (!is_v1(clerk)) {
        login_password_encode(&(struct login_password){.username = span_of("root"),
                                                       .password = span_of(WORKLOAD_PASSWORD)},
                              &body);
    }
    enum command by_name = is_v1(clerk) ? COMMAND_LOGIN_USER : COMMAND_REGISTER;
    enum command with_token = is_v1(clerk) ? COMMAND_LOGIN_WITH_TOKEN : COMMAND_REGISTER_WITH_TOKEN;
    ask(clerk, CLERK_LOGIN, by_token ? with_token : by_name, &body);
}

static void ask_logout(struct clerk *clerk)
{
    struct writer body = body_of(clerk);
    ask(clerk, CLERK_LOGOUT, COMMAND_LOGOUT, &body);
}

/* ---- Changes ---- */

/* A name that is there, most of the time. */
static u32 draw_stream(struct clerk *clerk)
{
    const struct desk_stream *stream = &clerk->desk.streams[draw(clerk, DESK_STREAMS)];
    return stream->exists && draw(clerk, 12) != 0 ? stream->name : (u32)draw(clerk, DESK_NAMES);
}

static u32 draw_topic(struct clerk *clerk, u32 stream_name)
{
    const struct desk_stream *stream = desk_stream(&clerk->desk, stream_name);
    const struct desk_topic *topic =
        stream == NULL ? NULL : &stream->topics[draw(clerk, DESK_TOPICS)];
    return topic != NULL && topic->exists && draw(clerk, 12) != 0 ? topic->name
                                                                  : (u32)draw(clerk, DESK_NAMES);
}

static enum desk_change_kind draw_kind(struct clerk *clerk)
{
    static const u8 shares[DESK_CHANGES_COUNT] = {
        [DESK_CREATE_STREAM] = 6,     [DESK_UPDATE_STREAM] = 6, [DESK_DELETE_STREAM] = 1,
        [DESK_PURGE_STREAM] = 2,      [DESK_CREATE_TOPIC] = 10, [DESK_UPDATE_TOPIC] = 10,
        [DESK_DELETE_TOPIC] = 2,      [DESK_PURGE_TOPIC] = 2,   [DESK_CREATE_PARTITIONS] = 5,
        [DESK_DELETE_PARTITIONS] = 4, [DESK_CREATE_GROUP] = 12, [DESK_DELETE_GROUP] = 7,
        [DESK_JOIN_GROUP] = 14,       [DESK_LEAVE_GROUP] = 6,   [DESK_CREATE_TOKEN] = 8,
        [DESK_DELETE_TOKEN] = 5,
    };
    u64 roll = draw(clerk, 100);
    u32 kind = 0;
    while (roll >= shares[kind]) {
        roll -= shares[kind++];
    }
    check(kind < DESK_CHANGES_COUNT);
    return (enum desk_change_kind)kind;
}

static bool has_room(struct desk *desk, const struct desk_change *change)
{
    if (change->kind == DESK_CREATE_STREAM) {
        for (u32 i = 0; i < DESK_STREAMS; i++) {
            if (!desk->streams[i].exists) {
                return true;
            }
        }
        return false;
    }
    const struct desk_stream *stream = desk_stream(desk, change->stream);
    return stream == NULL || desk_topics_count(stream) < DESK_TOPICS;
}

/* No more than there is room for on the desk. */
static void bound_change(struct clerk *clerk, struct desk_change *change)
{
    const struct desk_topic *topic = desk_topic(&clerk->desk, change->stream, change->topic);
    bool creates = change->kind == DESK_CREATE_STREAM || change->kind == DESK_CREATE_TOPIC;
    if (creates && !has_room(&clerk->desk, change)) {
        /* Of a name that is taken. */
        change->name = change->kind == DESK_CREATE_STREAM
                           ? clerk->desk.streams[0].name
                           : desk_stream(&clerk->desk, change->stream)->topics[0].name;
    } else if (change->kind == DESK_CREATE_PARTITIONS && topic != NULL &&
               topic->partitions_count + change->count > DESK_PARTITIONS_MAX) {
        change->kind = DESK_DELETE_PARTITIONS;
    }
}

static void draw_change(struct clerk *clerk)
{
    u64 segment_bytes = clerk->desk.segment_bytes;
    const u64 sizes[] = {0, 0, segment_bytes * 2, segment_bytes * 3, segment_bytes / 2};
    struct desk_change *change = &clerk->change;
    *change = (struct desk_change){.kind = draw_kind(clerk), .stream = draw_stream(clerk)};
    change->topic = draw_topic(clerk, change->stream);
    change->count = 1 + (u32)draw(clerk, 2);
    change->expiry_us = draw(clerk, 2) * (1 + draw(clerk, 50)) * US_PER_SECOND;
    change->bytes_max = sizes[draw(clerk, array_count(sizes))];
    change->keeps_old = !is_v1(clerk) && change->kind == DESK_UPDATE_TOPIC && draw(clerk, 3) == 0;
    bool is_token = change->kind == DESK_CREATE_TOKEN || change->kind == DESK_DELETE_TOKEN;
    change->name = (u32)draw(clerk, is_token ? DESK_TOKENS : DESK_NAMES);
    bound_change(clerk, change);
}

static void keep_change(struct clerk *clerk, enum command command, const struct writer *body)
{
    struct clerk_kept *kept = &clerk->kept;
    check(body->position <= sizeof(kept->body));
    *kept = (struct clerk_kept){
        .is_kept = !is_v1(clerk),
        .command = command,
        .request = clerk->call.request,
        .connects_count = clerk->client.connects_count,
        .starts_count = clerk->workload->schedule->starts_count,
        .asked_us = sim_now_us(clerk->workload->sim),
        .bytes = body->position,
    };
    memcpy(kept->body, body->data, body->position);
}

static void ask_change(struct clerk *clerk)
{
    draw_change(clerk);
    clerk->wanted = clerk->desk;
    clerk->expected = desk_apply(&clerk->wanted, &clerk->change);
    if (clerk->expected != WIRE_OK) {
        clerk->wanted = clerk->desk;
    }
    struct writer body = body_of(clerk);
    enum command command = clerk_write_change(clerk, &body);
    ask(clerk, CLERK_CHANGE, command, &body);
    keep_change(clerk, command, &body);
}

static bool is_remembered(const struct clerk *clerk)
{
    const struct clerk_kept *kept = &clerk->kept;
    return kept->is_kept && kept->starts_count == clerk->workload->schedule->starts_count &&
           sim_now_us(clerk->workload->sim) - kept->asked_us < REMEMBERED_US;
}

/* The change that is kept, with its number: one that was answered, or one whose answer was lost. */
static void ask_kept(struct clerk *clerk, enum clerk_ask asked)
{
    const struct clerk_kept *kept = &clerk->kept;
    struct writer body = body_of(clerk);
    clerk->call.request_again = kept->request;
    write_span(&body, (struct span){kept->body, kept->bytes});
    ask(clerk, asked, kept->command, &body);
}

/* ---- Looks ---- */

static void ask_look(struct clerk *clerk)
{
    struct writer body = body_of(clerk);
    enum command command = clerk_write_look(clerk, &body);
    ask(clerk, CLERK_LOOK, command, &body);
}

static void draw_look(struct clerk *clerk)
{
    u32 kinds_count = is_v1(clerk) ? CLERK_SEES_SNAPSHOT + 1 : CLERK_LOOKS_COUNT;
    struct clerk_look *look = &clerk->look;
    /* Half the time at what it has made. */
    bool is_own = draw(clerk, 2) == 0;
    *look = (struct clerk_look){
        .kind = (enum clerk_look_kind)draw(clerk, is_own ? CLERK_SEES_TOKENS + 1 : kinds_count),
        .stream = draw_stream(clerk),
        .name = (u32)draw(clerk, DESK_GROUPS),
    };
    look->topic = draw_topic(clerk, look->stream);
    if (look->kind == CLERK_SEES_CLIENT && clerk->client_number == 0) {
        look->kind = CLERK_SEES_ME;
    }
    if (look->kind == CLERK_SEES_ATTACHMENT) {
        look->name = (u32)draw(clerk, 4);
    }
}

/* What tells whether the change was made. */
static void aim_at_change(struct clerk *clerk)
{
    const struct desk_change *change = &clerk->change;
    bool names_topic = change->kind == DESK_CREATE_TOPIC || change->kind == DESK_UPDATE_TOPIC;
    bool names_stream = change->kind == DESK_CREATE_STREAM || change->kind == DESK_UPDATE_STREAM;
    clerk->look = (struct clerk_look){
        .kind = change->kind <= DESK_PURGE_STREAM        ? CLERK_SEES_STREAM
                : change->kind <= DESK_DELETE_PARTITIONS ? CLERK_SEES_TOPIC
                : change->kind <= DESK_LEAVE_GROUP       ? CLERK_SEES_GROUP
                                                         : CLERK_SEES_TOKENS,
        .stream = names_stream ? change->name : change->stream,
        .topic = names_topic ? change->name : change->topic,
        .name = change->name,
    };
}

/* ---- Judging ---- */

static bool comes_again(const struct clerk *clerk, u32 status)
{
    return status == WIRE_TRANSIENT_NOT_ACCEPTED || workload_excuses(clerk->workload, status);
}

static bool token_is_in_doubt(const struct clerk *clerk)
{
    bool is_token =
        clerk->change.kind == DESK_CREATE_TOKEN || clerk->change.kind == DESK_DELETE_TOKEN;
    return clerk->unsure && is_token && clerk->change.name == clerk->token_tried;
}

static bool take_login(struct clerk *clerk, const struct sim_client_reply *reply)
{
    struct login_reply login;
    struct reader reader = reader_over(reply->body.data, reply->body.size);
    u32 error = WIRE_OK;
    if (reply->is_eviction || reply->status != WIRE_OK) {
        return false;
    }
    if (is_v1(clerk)) {
        clerk->user_id = read_u32(&reader);
        return reader_is_done(&reader);
    }
    if (login_reply_decode(reply->body, &login, &error) != OK || error != WIRE_OK) {
        return false;
    }
    clerk->user_id = login.user_id;
    clerk->client.session = login.session;
    return true;
}

static void on_login(struct clerk *clerk, const struct sim_client_reply *reply)
{
    bool by_token = clerk->token_tried < DESK_TOKENS;
    bool may = !by_token || (clerk->desk.tokens >> clerk->token_tried & 1) != 0;
    bool is_open = by_token && token_is_in_doubt(clerk);
    clerk->logged_in = take_login(clerk, reply);
    bool is_excused = !reply->is_eviction && comes_again(clerk, reply->status);
    if (clerk->logged_in != may && !is_open && !(is_excused && !clerk->logged_in)) {
        clerk->expected = may ? WIRE_OK : WIRE_INVALID_TOKEN;
        disagree(clerk, by_token ? "a login with a token" : "a login",
                 reply->is_eviction ? reply->eviction_reason : reply->status);
    }
}

/* Its memberships went with the session, and what it did is forgotten. */
static void on_logout(struct clerk *clerk, u32 status)
{
    if (comes_again(clerk, status)) {
        return;
    }
    if (status != WIRE_OK) {
        clerk->expected = WIRE_OK;
        disagree(clerk, "a logout", status);
        return;
    }
    clerk->logged_in = false;
    clerk->client.session = 0;
    clerk->kept.is_kept = false;
    desk_session_ends(&clerk->desk, false);
    desk_session_ends(&clerk->other, false);
}

/* It was done, or not, or will be. */
static void be_unsure(struct clerk *clerk)
{
    bool is_membership =
        clerk->change.kind == DESK_JOIN_GROUP || clerk->change.kind == DESK_LEAVE_GROUP;
    struct desk_topic *topic = desk_topic(&clerk->desk, clerk->change.stream, clerk->change.topic);
    if (clerk->expected != WIRE_OK) {
        return; /* it could only be refused */
    }
    if (!is_membership) {
        clerk->unsure = true;
        clerk->other = clerk->wanted;
        clerk->unsure_starts_count = clerk->workload->schedule->starts_count;
    } else if (is_v1(clerk)) {
        topic->ghosts |= 1u << clerk->change.name;
    }
}

static void take_token(struct clerk *clerk, struct span body)
{
    if (clerk->change.kind == DESK_CREATE_TOKEN && body.size < sizeof(clerk->tokens[0])) {
        char *text = clerk->tokens[clerk->change.name];
        u32 size = body.size == 0 ? 0 : body.size - 1;
        memcpy(text, body.data + 1, size);
        text[size] = 0;
    }
}

static void change_is_made(struct clerk *clerk, struct span body)
{
    clerk->desk = clerk->unsure ? clerk->other : clerk->wanted;
    clerk->unsure = false;
    take_token(clerk, body);
}

/* Shown once: when it comes again, only that it was done is said. */
static bool is_told_once(const struct clerk *clerk, u32 status)
{
    return clerk->change.kind == DESK_CREATE_TOKEN && clerk->expected == WIRE_OK &&
           clerk->call.request_again != 0 && status == WIRE_REQUEST_ALREADY_APPLIED;
}

static void on_changed(struct clerk *clerk, u32 status, struct span body)
{
    bool is_open = status == WIRE_TRANSIENT_NOT_COMMITTED || comes_again(clerk, status);
    bool is_retry = clerk->call.request_again != 0;
    if (status == clerk->expected || is_told_once(clerk, status)) {
        clerk->kept.is_answered = true;
        if (status == WIRE_OK && !clerk_shows_created(clerk, body)) {
            disagree(clerk, "a change, with another result,", status);
        } else if (clerk->expected == WIRE_OK) {
            change_is_made(clerk, status == WIRE_OK ? body : (struct span){0});
        }
    } else if (is_open && is_retry) {
        return; /* as unsure as before */
    } else if (is_open) {
        clerk->kept.is_kept = false;
        if (status == WIRE_IO_ERROR) {
            be_unsure(clerk); /* until the restart it may be refused as if it had been done */
        }
    } else {
        disagree(clerk, "a change", status);
    }
}

static void on_changed_again(struct clerk *clerk, u32 status, struct span body)
{
    if (status != clerk->expected && !is_told_once(clerk, status) && !comes_again(clerk, status)) {
        disagree(clerk, "a change that came again", status);
    } else if (status == WIRE_OK && !clerk_shows_created(clerk, body)) {
        disagree(clerk, "a change that came again, with another result,", status);
    }
}

/* The server started anew since the answer was lost: now it is known. */
static bool may_settle(const struct clerk *clerk)
{
    return clerk->unsure && clerk->unsure_starts_count != clerk->workload->schedule->starts_count;
}

static void on_look(struct clerk *clerk, u32 status, struct span body)
{
    bool fits_other = clerk->unsure && clerk_fits(clerk, &clerk->other, status, body);
    if (!clerk_fits(clerk, &clerk->desk, status, body) && !fits_other) {
        if (!workload_excuses(clerk->workload, status)) {
            clerk->expected = WIRE_OK;
            disagree(clerk, "a look", status);
        }
        return;
    }
    if (clerk->look.kind == CLERK_SEES_ME) {
        struct reader reader = reader_over(body.data, body.size);
        clerk->client_number = read_u32(&reader);
    }
    if (may_settle(clerk)) {
        clerk->desk = fits_other ? clerk->other : clerk->desk;
        if (fits_other) {
            take_token(clerk, (struct span){0});
        }
        clerk->unsure = false;
    }
}

static void take_answer(struct clerk *clerk, u32 status, struct span body)
{
    struct reader reader = reader_over(body.data, body.size);
    if (status == WIRE_OK && command_row(clerk->call.command)->framed && !is_v1(clerk)) {
        status = read_result(&reader);
        body = (struct span){body.data + reader.position, body.size - reader.position};
    }
    tell(clerk, "answered", status);
    switch (clerk->asked) {
    case CLERK_LOGIN: return;
    case CLERK_LOGOUT: on_logout(clerk, status); return;
    case CLERK_CHANGE: on_changed(clerk, status, body); return;
    case CLERK_CHANGE_AGAIN: on_changed_again(clerk, status, body); return;
    case CLERK_LOOK: on_look(clerk, status, body); return;
    }
}

/* ---- Steps ---- */

static void leave(struct clerk *clerk)
{
    switch (draw(clerk, 4)) {
    case 0: sim_client_end(&clerk->client, CLIENT_RESETS); break;
    case 1: sim_client_end(&clerk->client, CLIENT_VANISHES); break;
    case 2: ask_logout(clerk); break;
    default: sim_client_end(&clerk->client, CLIENT_CLOSES); break;
    }
}

static void work(struct clerk *clerk)
{
    u64 roll = draw(clerk, 100);
    bool may_repeat = is_remembered(clerk) && clerk->kept.is_answered &&
                      clerk->kept.connects_count == clerk->client.connects_count;
    if (may_settle(clerk)) {
        aim_at_change(clerk);
        ask_look(clerk);
    } else if (roll < 3) {
        leave(clerk);
    } else if (clerk->unsure && is_remembered(clerk) && roll < 60) {
        ask_kept(clerk, CLERK_CHANGE);
    } else if (!clerk->unsure && may_repeat && roll < 12) {
        ask_kept(clerk, CLERK_CHANGE_AGAIN);
    } else if (!clerk->unsure && roll < 60) {
        ask_change(clerk);
    } else {
        draw_look(clerk);
        ask_look(clerk);
    }
}

static void notice_start(struct clerk *clerk)
{
    u32 starts_count = clerk->workload->schedule->starts_count;
    if (clerk->starts_count != starts_count) {
        clerk->starts_count = starts_count;
        desk_server_starts(&clerk->desk);
        desk_server_starts(&clerk->other);
    }
}

static void step(struct clerk *clerk)
{
    notice_start(clerk);
    if (clerk->client.conn == NULL) {
        sim_client_connect(&clerk->client, 0);
    } else if (!clerk->client.is_connected) {
        return;
    } else if (!clerk->logged_in) {
        ask_login(clerk);
    } else {
        work(clerk);
    }
}

static void clerk_step(void *context, u64 word)
{
    struct clerk *clerk = context;
    const struct workload *workload = clerk->workload;
    (void)word;
    if (workload->is_over || workload->verdict->failed) {
        return;
    }
    if (!clerk->is_busy && !workload->is_paused && workload->schedule->is_up) {
        step(clerk);
    }
    sim_after(workload->sim, 10000 + draw(clerk, 200000), clerk_step, clerk, 0);
}

static void on_connected(void *context)
{
    (void)context;
}

static void on_reply(void *context, struct sim_client_call *call,
                     const struct sim_client_reply *reply)
{
    struct clerk *clerk = context;
    check(call == &clerk->call);
    clerk->is_busy = false;
    clerk->workload->operations_count++;
    if (clerk->asked == CLERK_LOGIN) {
        tell(clerk, "answered", reply->is_eviction ? reply->eviction_reason : reply->status);
        on_login(clerk, reply);
    } else if (reply->is_eviction) {
        disagree(clerk, "a request after the login, by eviction,", reply->eviction_reason);
    } else {
        take_answer(clerk, reply->status, reply->body);
    }
}

static void on_lost(void *context, struct sim_client_call *call)
{
    struct clerk *clerk = context;
    check(call == &clerk->call);
    clerk->is_busy = false;
    clerk->workload->operations_lost++;
    tell(clerk, "lost", 0);
    if (clerk->asked == CLERK_CHANGE && !clerk->unsure) {
        be_unsure(clerk);
    }
}

static void on_closed(void *context)
{
    struct clerk *clerk = context;
    clerk->logged_in = false;
    clerk->client_number = 0;
    /* A session of generation 2 ends with the next login of its client, at the latest. */
    desk_session_ends(&clerk->desk, is_v1(clerk));
    desk_session_ends(&clerk->other, is_v1(clerk));
}

void clerk_init(struct clerk *clerk, struct workload *workload, u64 seed)
{
    *clerk = (struct clerk){.workload = workload, .token_tried = DESK_TOKENS};
    clerk->desk.segment_bytes = workload->schedule->settings.segment_bytes_default;
    prng_init(&clerk->prng, seed);
    sim_client_init(&clerk->client, workload->sim, 60, workload->verdict);
    clerk->client.is_v1 = draw(clerk, 3) == 0;
    clerk->client.keeps_id = true;
    clerk->client.context = clerk;
    clerk->client.on_connected = on_connected;
    clerk->client.on_reply = on_reply;
    clerk->client.on_lost = on_lost;
    clerk->client.on_closed = on_closed;
}

void clerk_start(struct clerk *clerk)
{
    sim_after(clerk->workload->sim, 1, clerk_step, clerk, 0);
}

void clerk_disconnect(struct clerk *clerk)
{
    if (clerk->client.conn != NULL) {
        sim_client_end(&clerk->client, CLIENT_CLOSES);
    }
}

void clerk_deinit(struct clerk *clerk)
{
    clerk_disconnect(clerk);
    sim_client_deinit(&clerk->client);
}
