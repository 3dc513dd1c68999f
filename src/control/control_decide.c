/* What a client's request means: names become ids, defaults become values, time is noted. The
 * result is a state command that means the same for ever; what it would run into is refused
 * here. */
#include "base/check.h"
#include "control/control_parts.h"
#include "wire/command.h"
#include "wire/group_info.h"
#include "wire/partition_info.h"
#include "wire/stream_info.h"
#include "wire/topic_info.h"

static struct span body_of(const struct decision *decision)
{
    const struct buf *body = decision->request.bufs[0];
    return body == NULL ? (struct span){0} : (struct span){body->data, body->size};
}

static struct topic_options topic_defaults(const struct settings *settings)
{
    struct topic_options options = topic_options_default();
    options.max_topic_size_bytes = settings->topic_bytes_max_default;
    options.message_expiry_us = settings->message_expiry_us_default;
    options.segment_size_bytes = settings->segment_bytes_default;
    return options;
}

static enum wire_error resolve_stream(const struct control *control,
                                      const struct identifier *identifier,
                                      struct state_command *command)
{
    const struct state_stream *stream = state_stream_find(control->decided, identifier);
    if (stream == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    command->stream_id = stream->id;
    return WIRE_OK;
}

static enum wire_error resolve_topic(const struct control *control, const struct identifier *stream,
                                     const struct identifier *identifier,
                                     struct state_command *command)
{
    enum wire_error error = resolve_stream(control, stream, command);
    if (error != WIRE_OK) {
        return error;
    }
    const struct state_topic *topic =
        state_topic_find(control->decided, command->stream_id, identifier);
    if (topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    command->topic_id = topic->id;
    return WIRE_OK;
}

static enum wire_error create_stream(const struct control *control, struct span body,
                                     struct state_command *command)
{
    struct create_stream_request request;
    enum wire_error error = create_stream_request_decode(body, &request);
    if (error != WIRE_OK) {
        return error;
    }
    command->kind = STATE_CREATE_STREAM;
    command->stream_id = state_stream_lowest_free(control->decided);
    command->name = request.name;
    return WIRE_OK;
}

static enum wire_error update_stream(const struct control *control, struct span body,
                                     struct state_command *command)
{
    struct update_stream_request request;
    enum wire_error error = update_stream_request_decode(body, &request);
    if (error != WIRE_OK) {
        return error;
    }
    command->kind = STATE_UPDATE_STREAM;
    command->name = request.name;
    return resolve_stream(control, &request.stream, command);
}

static enum wire_error on_stream(const struct control *control, struct span body,
                                 enum state_command_kind kind, struct state_command *command)
{
    struct stream_request request;
    enum wire_error error = stream_request_decode(body, &request);
    command->kind = kind;
    return error != WIRE_OK ? error : resolve_stream(control, &request.stream, command);
}

static enum wire_error create_topic(const struct control *control, struct span body,
                                    struct state_command *command)
{
    struct create_topic_request request;
    enum wire_error error = create_topic_request_decode(body, &request);
    if (error == WIRE_OK) {
        error = resolve_stream(control, &request.stream, command);
    }
    if (error == WIRE_OK && request.partitions_count > PARTITIONS_PER_REQUEST_MAX) {
        error = WIRE_TOO_MANY_PARTITIONS;
    }
    if (error != WIRE_OK) {
        return error;
    }
    struct topic_options defaults = topic_defaults(control->settings);
    command->kind = STATE_CREATE_TOPIC;
    command->topic_id = state_topic_lowest_free(control->decided, command->stream_id);
    command->partitions_count = request.partitions_count;
    command->name = request.name;
    return topic_options_decode(request.options, request.partitions_count, &defaults,
                                &command->options);
}

static enum wire_error update_topic(const struct control *control, struct span body,
                                    struct state_command *command)
{
    struct update_topic_request request;
    enum wire_error error = update_topic_request_decode(body, &request);
    if (error == WIRE_OK) {
        error = resolve_topic(control, &request.stream, &request.topic, command);
    }
    if (error != WIRE_OK) {
        return error;
    }
    struct topic_options defaults = topic_defaults(control->settings);
    const struct state_topic *topic =
        state_topic_get(control->decided, command->stream_id, command->topic_id);
    command->kind = STATE_UPDATE_TOPIC;
    command->name = request.name;
    return topic_options_decode_update(request.options, &topic->options, &defaults,
                                       &command->options);
}

static enum wire_error on_topic(const struct control *control, struct span body,
                                enum state_command_kind kind, struct state_command *command)
{
    struct topic_request request;
    enum wire_error error = topic_request_decode(body, &request);
    command->kind = kind;
    return error != WIRE_OK ? error
                            : resolve_topic(control, &request.stream, &request.topic, command);
}

static enum wire_error on_partitions(const struct control *control, struct span body,
                                     enum state_command_kind kind, struct state_command *command)
{
    struct partitions_request request;
    enum wire_error error = partitions_request_decode(body, &request);
    if (error != WIRE_OK) {
        return error;
    }
    command->kind = kind;
    command->partitions_count = request.count;
    return resolve_topic(control, &request.stream, &request.topic, command);
}

/* ---- Groups ---- */

static enum wire_error create_group(const struct control *control, struct span body,
                                    struct state_command *command)
{
    struct create_group_request request;
    enum wire_error error = create_group_request_decode(body, &request);
    if (error == WIRE_OK) {
        error = resolve_topic(control, &request.stream, &request.topic, command);
    }
    if (error != WIRE_OK) {
        return error;
    }
    const struct state_topic *topic =
        state_topic_get(control->decided, command->stream_id, command->topic_id);
    command->kind = STATE_CREATE_GROUP;
    command->group_id = topic->group_next_id;
    command->name = request.name;
    return WIRE_OK;
}

static enum wire_error on_group(const struct control *control, struct span body,
                                enum state_command_kind kind, struct state_command *command)
{
    struct group_request request;
    enum wire_error error = group_request_decode(body, &request);
    if (error == WIRE_OK) {
        error = resolve_topic(control, &request.stream, &request.topic, command);
    }
    if (error != WIRE_OK) {
        return error;
    }
    const struct state_group *group =
        state_group_find(control->decided, command->stream_id, command->topic_id, &request.group);
    if (group == NULL) {
        return WIRE_GROUP_ID_NOT_FOUND; /* by name as well */
    }
    command->kind = kind;
    command->group_id = group->id;
    return WIRE_OK;
}

static enum wire_error resolve(const struct control *control, const struct decision *decision,
                               struct span body, struct state_command *command)
{
    switch (decision->request.command.command) {
    case COMMAND_CREATE_STREAM: return create_stream(control, body, command);
    case COMMAND_UPDATE_STREAM: return update_stream(control, body, command);
    case COMMAND_DELETE_STREAM: return on_stream(control, body, STATE_DELETE_STREAM, command);
    case COMMAND_PURGE_STREAM: return on_stream(control, body, STATE_PURGE_STREAM, command);
    case COMMAND_CREATE_TOPIC: return create_topic(control, body, command);
    case COMMAND_UPDATE_TOPIC: return update_topic(control, body, command);
    case COMMAND_DELETE_TOPIC: return on_topic(control, body, STATE_DELETE_TOPIC, command);
    case COMMAND_PURGE_TOPIC: return on_topic(control, body, STATE_PURGE_TOPIC, command);
    case COMMAND_CREATE_PARTITIONS:
        return on_partitions(control, body, STATE_CREATE_PARTITIONS, command);
    case COMMAND_DELETE_PARTITIONS:
        return on_partitions(control, body, STATE_DELETE_PARTITIONS, command);
    case COMMAND_CREATE_USER:
    case COMMAND_UPDATE_USER:
    case COMMAND_DELETE_USER:
    case COMMAND_UPDATE_PERMISSIONS:
    case COMMAND_CHANGE_PASSWORD: return decide_user(control, decision, body, command);
    case COMMAND_CREATE_TOKEN:
    case COMMAND_DELETE_TOKEN: return decide_token(control, decision, body, command);
    case COMMAND_CREATE_GROUP: return create_group(control, body, command);
    case COMMAND_DELETE_GROUP: return on_group(control, body, STATE_DELETE_GROUP, command);
    case COMMAND_JOIN_GROUP: return on_group(control, body, STATE_JOIN_GROUP, command);
    case COMMAND_LEAVE_GROUP: return on_group(control, body, STATE_LEAVE_GROUP, command);
    default: return WIRE_FEATURE_UNAVAILABLE;
    }
}

/* Who asks must still be logged in: `decided` is ahead of the core that let the request pass. A
 * session of 0 is of a transport that has none; there the user alone counts. */
static enum wire_error check_asker(const struct control *control, const struct msg *request)
{
    const struct state_user *user = state_user_get(control->decided, request->command.user_id);
    u64 session = request->command.session;
    bool is_over = session != 0 && state_session_get(control->decided, session) == NULL;
    return user == NULL || !user->active || is_over ? WIRE_UNAUTHENTICATED : WIRE_OK;
}

/* The edge asked the same of its own copy; names may mean something else by now. */
static enum wire_error check_right(const struct control *control, const struct msg *request,
                                   const struct state_command *command)
{
    enum right right = (enum right)command_row((enum command)request->command.command)->right;
    struct state_target target = {command->stream_id, command->topic_id};
    bool allowed = right == RIGHT_PASSWORD_CHANGE ||
                   state_allows(control->decided, request->command.user_id, right, target);
    return allowed ? WIRE_OK : WIRE_UNAUTHORIZED;
}

static void note_created(struct decision *decision, const struct state_command *command)
{
    switch ((u32)command->kind) {
    case STATE_UPDATE_USER:
    case STATE_DELETE_USER:
    case STATE_SET_PERMISSIONS:
    case STATE_CHANGE_PASSWORD:
    case STATE_CREATE_TOKEN:
    case STATE_DELETE_TOKEN: return;
    case STATE_ADD_USER: decision->created_id = command->user_id; return;
    case STATE_CREATE_STREAM: decision->created_id = command->stream_id; return;
    case STATE_CREATE_GROUP:
        decision->created_id = command->group_id;
        decision->parent_id = command->topic_id;
        decision->grandparent_id = command->stream_id;
        return;
    default:
        decision->created_id = command->topic_id;
        decision->parent_id = command->stream_id;
        return;
    }
}

enum wire_error decide_command(struct control *control, struct decision *decision)
{
    struct state_command command = {
        .time_us = control->core->time.wall_us,
        .session = {.session = decision->request.command.session},
    };
    enum wire_error error = check_asker(control, &decision->request);
    if (error == WIRE_OK) {
        error = resolve(control, decision, body_of(decision), &command);
    }
    if (error == WIRE_OK) {
        error = check_right(control, &decision->request, &command);
    }
    if (error != WIRE_OK) {
        return error;
    }
    note_created(decision, &command);
    decision_set_command(decision, &command);
    return WIRE_OK;
}

/* ---- Logins ---- */

/* The command of a session that may be opened, or take the place of `replaced`: WIRE_OK, or why
 * not. */
static enum wire_error open_session(struct control *control, struct decision *decision,
                                    const struct registry_client *client, u64 replaced)
{
    decision->session = (u64)state_boot(control->decided) << 32 | ++control->logins.sessions_count;
    struct state_command command = {
        .kind = replaced == 0 ? STATE_OPEN_SESSION : STATE_REPLACE_SESSION,
        .time_us = control->core->time.wall_us,
        .old_session = replaced,
        .session = {.session = decision->session,
                    .client = decision->client,
                    .user_id = decision->user_id,
                    .client_number = client->number,
                    .home = client->home},
    };
    decision_set_command(decision, &command);
    return state_check(control->decided, (struct span){decision->command, decision->command_size});
}

static void answer_and_return(struct control *control, struct decision *decision,
                              const struct msg *answer)
{
    struct msg reply = *answer;
    reply.bufs[0] = decision->request.bufs[0];
    mailbox_reply(control->core, &decision->request, &reply);
    decision_return(control, decision);
}

/* Are the credentials those of the user still? */
static bool is_still_right(const struct control *control, const struct decision *decision)
{
    const struct state_user *user = state_user_get(control->decided, decision->user_id);
    return user != NULL && user->active && user->password_index == decision->password_index;
}

static void evict(struct control *control, struct decision *decision, enum eviction_reason reason)
{
    answer_and_return(control, decision, &(struct msg){.logged_in = {.eviction = reason}});
}

/* Does a session of this client stand in for one more, whose limit its user has reached? */
static bool needs_no_place(const struct control *control, const struct decision *decision,
                           const struct state_session *session)
{
    const struct registry_client *client =
        session == NULL ? NULL : registry_get(&control->registry, session->client_number);
    return client != NULL && !client->is_held && session->user_id == decision->user_id;
}

/* The session whose memberships pass to this login; 0: none. Its client said that it keeps its id
 * when it opened it, and says so again. Whether its connection is known to be lost by now is
 * nothing to go by: clients often know first. */
static u64 session_to_replace(const struct control *control, const struct decision *decision,
                              const struct state_session *same)
{
    const struct registry_client *before =
        same == NULL ? NULL : registry_get(&control->registry, same->client_number);
    bool comes_back = before != NULL && before->keeps_id && decision->keeps_id &&
                      control->settings->group_grace_us > 0;
    return comes_back ? same->session : 0;
}

/* One session a connection, and one a client: the newest. */
static void replace_sessions(struct control *control, struct decision *decision,
                             struct registry_client *client, const struct state_session *same)
{
    u64 same_session = same == NULL ? 0 : same->session;
    u64 replaced = session_to_replace(control, decision, same);
    if (replaced == 0) {
        control_end_session(control, same_session, GROUP_MEMBER_REPLACED, NULL);
    }
    control_end_session(control, client->session, GROUP_MEMBER_REPLACED, NULL);
    enum wire_error error = open_session(control, decision, client, replaced);
    if (error != WIRE_OK) {
        answer_and_return(control, decision, &(struct msg){.error = (u32)error});
        return;
    }
    if (replaced != 0) {
        counter_add(control->core->counters, COUNTER_sessions_taken_back, 1);
    }
    client->session = decision->session;
    client->keeps_id = decision->keeps_id;
    registry_set_user(&control->registry, client, decision->user_id);
    decision_order(control, decision);
    control_go_on(control);
}

void decide_login(struct control *control, struct decision *decision)
{
    struct registry_client *client =
        registry_get(&control->registry, decision->request.login.client_number);
    if (client == NULL || client->is_held) {
        /* The connection went while its password was hashed: nobody hears this. */
        answer_and_return(control, decision, &(struct msg){.error = WIRE_DISCONNECTED});
        return;
    }
    if (!is_still_right(control, decision)) {
        evict(control, decision, EVICTION_INVALID_CREDENTIALS);
        return;
    }
    const struct state_session *own = state_session_get(control->decided, client->session);
    if (own != NULL && u128_equal(own->client, decision->client) &&
        own->user_id == decision->user_id) {
        client->keeps_id = decision->keeps_id;
        struct msg again = {.logged_in = {.session = own->session, .user_id = own->user_id}};
        answer_and_return(control, decision, &again);
        return;
    }
    const struct state_session *same = state_session_of_client(control->decided, decision->client);
    if (same != NULL && same->user_id != decision->user_id) {
        evict(control, decision, EVICTION_SESSION_ERROR);
        return;
    }
    bool replaces =
        needs_no_place(control, decision, same) || needs_no_place(control, decision, own);
    if (!replaces && registry_user_is_full(&control->registry, decision->user_id)) {
        /* Clients wait before they come again after this one (wire-v2.md 2.5). */
        counter_add(control->core->counters, COUNTER_logins_over_user_limit, 1);
        evict(control, decision, EVICTION_SESSION_ERROR);
        return;
    }
    replace_sessions(control, decision, client, same);
}
