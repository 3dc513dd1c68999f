/* What a client's request about users and tokens means. The order of questions is the protocol's:
 * is it a request at all, may the client ask it, are its words of the right length, is there such a
 * user; the rest is state_check's. */
#include "base/check.h"
#include "control/control_parts.h"
#include "wire/command.h"
#include "wire/name.h"
#include "wire/user_info.h"

bool control_user_may(const struct control *control, const struct msg *request, enum right right)
{
    return state_allows(control->decided, request->command.user_id, right,
                        (struct state_target){0, 0});
}

static enum wire_error resolve_user(const struct control *control,
                                    const struct identifier *identifier,
                                    struct state_command *command)
{
    const struct state_user *user = state_user_find(control->decided, identifier);
    if (user == NULL) {
        return WIRE_RESOURCE_NOT_FOUND;
    }
    command->user_id = user->id;
    return WIRE_OK;
}

static enum wire_error permissions_fit(struct span permissions)
{
    return permissions.size <= STATE_PERMISSIONS_BYTES_MAX ? WIRE_OK : WIRE_TOO_BIG_MESSAGE_PAYLOAD;
}

enum wire_error create_user_check(const struct control *control, const struct msg *request,
                                  struct span body, struct create_user_request *found)
{
    enum wire_error error = create_user_request_decode(body, found);
    if (error != WIRE_OK) {
        return error;
    }
    if (!control_user_may(control, request, RIGHT_USERS_MANAGE)) {
        return WIRE_UNAUTHORIZED;
    }
    if (!username_is_valid(found->username)) {
        return WIRE_INVALID_USERNAME;
    }
    if (!password_is_valid(found->password)) {
        return WIRE_INVALID_PASSWORD;
    }
    struct identifier name = identifier_of_name(found->username);
    if (state_user_find(control->decided, &name) != NULL) {
        return WIRE_USER_ALREADY_EXISTS;
    }
    return permissions_fit(found->permissions);
}

enum wire_error change_password_check(const struct control *control, const struct msg *request,
                                      struct span body, struct change_password_request *found,
                                      const struct state_user **user)
{
    enum wire_error error = change_password_request_decode(body, found);
    if (error != WIRE_OK) {
        return error;
    }
    if (!password_is_valid(found->current) || !password_is_valid(found->new)) {
        return WIRE_INVALID_PASSWORD;
    }
    *user = state_user_find(control->decided, &found->user);
    if (*user == NULL) {
        return WIRE_RESOURCE_NOT_FOUND;
    }
    bool is_own = (*user)->id == request->command.user_id;
    bool may = is_own || control_user_may(control, request, RIGHT_PASSWORD_CHANGE);
    return may ? WIRE_OK : WIRE_UNAUTHORIZED;
}

static enum wire_error create_user(const struct control *control, const struct decision *decision,
                                   struct span body, struct state_command *command)
{
    struct create_user_request found;
    enum wire_error error = create_user_check(control, &decision->request, body, &found);
    if (error != WIRE_OK) {
        return error;
    }
    command->kind = STATE_ADD_USER;
    command->user_id = state_user_lowest_free(control->decided);
    command->active = found.status == USER_ACTIVE;
    command->name = found.username;
    command->password_hash = span_of(decision->secret);
    command->has_permissions = found.has_permissions;
    command->permissions = found.permissions;
    return WIRE_OK;
}

static enum wire_error update_user(const struct control *control, const struct decision *decision,
                                   struct span body, struct state_command *command)
{
    struct update_user_request found;
    enum wire_error error = update_user_request_decode(body, &found);
    if (error != WIRE_OK) {
        return error;
    }
    if (!control_user_may(control, &decision->request, RIGHT_USERS_MANAGE)) {
        return WIRE_UNAUTHORIZED;
    }
    if (found.has_username && !username_is_valid(found.username)) {
        return WIRE_INVALID_USERNAME;
    }
    error = resolve_user(control, &found.user, command);
    if (error != WIRE_OK) {
        return error;
    }
    const struct state_user *user = state_user_get(control->decided, command->user_id);
    command->kind = STATE_UPDATE_USER;
    command->name =
        found.has_username ? found.username : (struct span){user->name, user->name_size};
    command->active = found.has_status ? found.status == USER_ACTIVE : user->active;
    return WIRE_OK;
}

static enum wire_error delete_user(const struct control *control, const struct decision *decision,
                                   struct span body, struct state_command *command)
{
    struct user_request found;
    enum wire_error error = user_request_decode(body, &found);
    if (error != WIRE_OK) {
        return error;
    }
    if (!control_user_may(control, &decision->request, RIGHT_USERS_MANAGE)) {
        return WIRE_UNAUTHORIZED;
    }
    command->kind = STATE_DELETE_USER;
    return resolve_user(control, &found.user, command);
}

static enum wire_error update_permissions(const struct control *control,
                                          const struct decision *decision, struct span body,
                                          struct state_command *command)
{
    struct update_permissions_request found;
    enum wire_error error = update_permissions_request_decode(body, &found);
    if (error != WIRE_OK) {
        return error;
    }
    if (!control_user_may(control, &decision->request, RIGHT_USERS_MANAGE)) {
        return WIRE_UNAUTHORIZED;
    }
    command->kind = STATE_SET_PERMISSIONS;
    command->has_permissions = found.has_permissions;
    command->permissions = found.permissions;
    error = resolve_user(control, &found.user, command);
    return error != WIRE_OK ? error : permissions_fit(found.permissions);
}

/* The current password was verified against what the user had at `password_index`. */
static enum wire_error change_password(const struct control *control,
                                       const struct decision *decision, struct span body,
                                       struct state_command *command)
{
    struct change_password_request found;
    const struct state_user *user = NULL;
    enum wire_error error = change_password_check(control, &decision->request, body, &found, &user);
    if (error != WIRE_OK) {
        return error;
    }
    if (user->password_index != decision->password_index) {
        return WIRE_INVALID_CREDENTIALS; /* changed by another meanwhile */
    }
    bool is_own = user->id == decision->request.command.user_id;
    command->kind = STATE_CHANGE_PASSWORD;
    command->user_id = user->id;
    command->password_hash = span_of(decision->secret);
    command->session.session = is_own ? decision->request.command.session : 0;
    return WIRE_OK;
}

enum wire_error decide_user(const struct control *control, const struct decision *decision,
                            struct span body, struct state_command *command)
{
    switch (decision->request.command.command) {
    case COMMAND_CREATE_USER: return create_user(control, decision, body, command);
    case COMMAND_UPDATE_USER: return update_user(control, decision, body, command);
    case COMMAND_DELETE_USER: return delete_user(control, decision, body, command);
    case COMMAND_UPDATE_PERMISSIONS: return update_permissions(control, decision, body, command);
    case COMMAND_CHANGE_PASSWORD: return change_password(control, decision, body, command);
    default: unreachable();
    }
}
