#include "edge/permit.h"

#include "base/check.h"
#include "wire/consumer.h"

static bool has_right(const struct edge *edge, const struct conn *conn, enum right right,
                      struct state_target target)
{
    return state_allows(edge->core->state, conn->user_id, right, target);
}

/* Every body that names a stream begins with it, or with a consumer before it. */
static bool begins_with_consumer(enum command command)
{
    return command != COMMAND_SEND_MESSAGES && command_row(command)->right == RIGHT_POLL;
}

/* False when what is named is not there, or cannot be read. */
static bool find_target(const struct edge *edge, const struct request *request, struct span body,
                        struct state_target *target)
{
    const struct state *state = edge->core->state;
    const struct command_row *command = command_row(request->command);
    struct decoder decoder = decoder_over(body);
    if (begins_with_consumer(request->command)) {
        (void)decode_consumer(&decoder);
    }
    struct identifier name = decode_identifier(&decoder);
    const struct state_stream *stream =
        decoder_result(&decoder) == WIRE_OK ? state_stream_find(state, &name) : NULL;
    if (stream == NULL) {
        return false;
    }
    *target = (struct state_target){stream->id, STATE_TOPIC_NONE};
    if (right_row((enum right)command->right)->scope == RIGHT_OF_STREAM) {
        return true;
    }
    name = decode_identifier(&decoder);
    const struct state_topic *topic =
        decoder_result(&decoder) == WIRE_OK ? state_topic_find(state, stream->id, &name) : NULL;
    if (topic != NULL) {
        target->topic_id = topic->id;
    }
    return topic != NULL;
}

/* One's own record is always readable; whether another exists is told to everybody. */
static bool may_read_user(const struct edge *edge, const struct request *request, struct span body)
{
    struct decoder decoder = decoder_over(body);
    struct identifier name = decode_identifier(&decoder);
    const struct state_user *user =
        decoder_result(&decoder) == WIRE_OK ? state_user_find(edge->core->state, &name) : NULL;
    return user == NULL || user->id == request->conn->user_id;
}

static bool may_elsewhere(const struct edge *edge, const struct request *request, struct span body,
                          enum right right)
{
    struct state_target target;
    switch ((enum right_scope)right_row(right)->scope) {
    case RIGHT_OF_SERVER: return right == RIGHT_USER_READ && may_read_user(edge, request, body);
    case RIGHT_OF_STREAM:
    case RIGHT_OF_TOPIC:
        return !find_target(edge, request, body, &target) ||
               has_right(edge, request->conn, right, target);
    }
    unreachable();
}

enum wire_error permit_request(const struct edge *edge, const struct request *request,
                               struct span body)
{
    enum right right = (enum right)command_row(request->command)->right;
    struct state_target nowhere = {UINT32_MAX, STATE_TOPIC_NONE};
    /* 0.8 gives the archive to whoever is logged in. */
    if (request_is_v1(request) && request->command == COMMAND_GET_SNAPSHOT) {
        return WIRE_OK;
    }
    /* The password of another user: control says first whether there is one. */
    if (right == RIGHT_NONE || right == RIGHT_PASSWORD_CHANGE) {
        return WIRE_OK;
    }
    /* Rights of the whole server first: then nothing needs to be looked up. */
    bool allowed =
        has_right(edge, request->conn, right, nowhere) || may_elsewhere(edge, request, body, right);
    return allowed ? WIRE_OK : WIRE_UNAUTHORIZED;
}

enum wire_error permit_send(const struct edge *edge, const struct conn *conn,
                            struct state_target topic)
{
    return has_right(edge, conn, RIGHT_SEND, topic) ? WIRE_OK : WIRE_UNAUTHORIZED;
}
