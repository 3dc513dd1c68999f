#include "edge/lookup_user.h"

#include "base/check.h"
#include "edge/reply.h"
#include "wire/permissions.h"
#include "wire/token_info.h"
#include "wire/user_info.h"

static void write_user(const struct request *request, const struct state_user *user,
                       struct writer *writer)
{
    struct user_info info = {.id = user->id,
                             .created_at_us = user->created_at_us,
                             .status = user->active ? USER_ACTIVE : USER_INACTIVE,
                             .username = {user->name, user->name_size}};
    if (request_is_v1(request)) {
        write_user_record_v1(writer, &info);
    } else {
        write_user_info(writer, &info);
    }
}

/* The block goes where it belongs, and its size in front of it afterwards. */
static void write_block(const struct state *state, const struct state_user *user,
                        struct writer *writer)
{
    write_u8(writer, 1);
    u32 position = writer->position;
    write_u32(writer, 0);
    state_permissions_write(state, user->id, writer);
    if (!writer->failed) {
        put_u32(writer->data + position, writer->position - position - 4);
    }
}

/* request->user_id says whose. */
static void write_user_details(struct edge *edge, const struct request *request,
                               struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct state_user *user = state_user_get(state, request->user_id);
    check(user != NULL);
    write_user(request, user, writer);
    if (user->has_permissions) {
        write_block(state, user, writer);
    } else {
        write_user_permissions(writer, false, (struct span){0});
    }
}

static void write_created_user(struct edge *edge, const struct request *request,
                               struct writer *writer)
{
    reply_write_section(request, writer);
    write_user_details(edge, request, writer);
}

static void write_users(struct edge *edge, const struct request *request, struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct state_user *user = state_user_next(state, UINT32_MAX);
    for (; user != NULL; user = state_user_next(state, user->id)) {
        write_user(request, user, writer);
    }
}

void lookup_get_user(struct edge *edge, struct request *request, struct span body)
{
    struct user_request get;
    enum wire_error error = user_request_decode(body, &get);
    const struct state_user *user =
        error == WIRE_OK ? state_user_find(edge->core->state, &get.user) : NULL;
    if (user == NULL) {
        reply_status(edge, request, error); /* 0: empty, no such user */
        return;
    }
    request->user_id = user->id;
    reply_written(edge, request, write_user_details);
}

void lookup_get_users(struct edge *edge, struct request *request)
{
    reply_written(edge, request, write_users);
}

void lookup_created_user(struct edge *edge, struct request *request, u32 id)
{
    if (state_user_get(edge->core->state, id) == NULL) {
        reply_status(edge, request, WIRE_RESOURCE_NOT_FOUND); /* deleted again meanwhile */
        return;
    }
    request->user_id = id;
    reply_written(edge, request, write_created_user);
}

/* ---- Tokens ---- */

static void write_tokens(struct edge *edge, const struct request *request, struct writer *writer)
{
    const struct state *state = edge->core->state;
    u32 user_id = request->conn->user_id;
    const struct state_token *token = state_token_next(state, user_id, NULL);
    for (; token != NULL; token = state_token_next(state, user_id, token)) {
        bool expires = token->expires_at_us != UINT64_MAX;
        write_token_info(writer, &(struct token_info){
                                     .name = {token->name, token->name_size},
                                     .expires_at_us = expires ? token->expires_at_us : 0,
                                 });
    }
}

static void write_created_token(struct edge *edge, const struct request *request,
                                struct writer *writer)
{
    (void)edge;
    reply_write_section(request, writer);
    write_bytes(writer, request->body->data, request->body->size);
}

void lookup_get_tokens(struct edge *edge, struct request *request)
{
    reply_written(edge, request, write_tokens);
}

void lookup_created_token(struct edge *edge, struct request *request)
{
    check(request->body != NULL);
    reply_written(edge, request, write_created_token);
}
