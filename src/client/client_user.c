#include "client/client_wire.h"

static bool password_fits(const char *password, struct client_error *error)
{
    return strlen(password) <= 255 || client_fail(error, "a password has at most 255 bytes");
}

static bool write_user_request(struct client *client, const char *user, struct client_error *error)
{
    if (!client_name_fits("user", user, error)) {
        return false;
    }
    user_request_encode(&(struct user_request){.user = client_identifier(user)},
                        client_body(client, CLIENT_NAMES_BYTES_MAX));
    return true;
}

bool client_user_create(struct client *client, const struct client_new_user *user, u32 *id,
                        struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("user name", user->name, error) ||
        !password_fits(user->password, error)) {
        return false;
    }
    create_user_request_encode(
        &(struct create_user_request){.username = span_of(user->name),
                                      .password = span_of(user->password),
                                      .status = user->inactive ? USER_INACTIVE : USER_ACTIVE,
                                      .has_permissions = user->has_permissions,
                                      .permissions = user->permissions},
        client_body(client, CLIENT_NAMES_BYTES_MAX + user->permissions.size));
    if (!client_ask(client, COMMAND_CREATE_USER, &reply, error)) {
        return false;
    }
    struct reader reader = client_reader_of(reply);
    *id = read_user_info(&reader).id;
    return !reader.failed || client_fail(error, "unreadable user");
}

bool client_user_delete(struct client *client, const char *user, struct client_error *error)
{
    struct span reply;
    return write_user_request(client, user, error) &&
           client_ask(client, COMMAND_DELETE_USER, &reply, error);
}

bool client_user_update(struct client *client, const char *user,
                        const struct client_user_change *change, struct client_error *error)
{
    struct span reply;
    bool renames = change->name != NULL;
    if (!client_name_fits("user", user, error) ||
        (renames && !client_name_fits("user name", change->name, error))) {
        return false;
    }
    update_user_request_encode(&(struct update_user_request){.user = client_identifier(user),
                                                             .has_username = renames,
                                                             .username = renames
                                                                             ? span_of(change->name)
                                                                             : (struct span){0},
                                                             .has_status = change->status != 0,
                                                             .status = change->status},
                               client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_UPDATE_USER, &reply, error);
}

bool client_user_permit(struct client *client, const char *user, const struct span *permissions,
                        struct client_error *error)
{
    struct span reply;
    struct span block = permissions == NULL ? (struct span){0} : *permissions;
    if (!client_name_fits("user", user, error)) {
        return false;
    }
    update_permissions_request_encode(
        &(struct update_permissions_request){.user = client_identifier(user),
                                             .has_permissions = permissions != NULL,
                                             .permissions = block},
        client_body(client, CLIENT_NAMES_BYTES_MAX + block.size));
    return client_ask(client, COMMAND_UPDATE_PERMISSIONS, &reply, error);
}

bool client_user_password(struct client *client, const char *user,
                          const struct client_passwords *passwords, struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("user", user, error) || !password_fits(passwords->current, error) ||
        !password_fits(passwords->new, error)) {
        return false;
    }
    change_password_request_encode(
        &(struct change_password_request){.user = client_identifier(user),
                                          .current = span_of(passwords->current),
                                          .new = span_of(passwords->new)},
        client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_CHANGE_PASSWORD, &reply, error);
}

bool client_user_get(struct client *client, const char *name, struct client_user *user,
                     struct client_error *error)
{
    struct span reply;
    if (!write_user_request(client, name, error) ||
        !client_ask(client, COMMAND_GET_USER, &reply, error)) {
        return false;
    }
    struct reader reader = client_reader_of(reply);
    *user = (struct client_user){.found = reply.size > 0};
    if (user->found) {
        user->info = read_user_info(&reader);
        user->permissions = read_user_permissions(&reader, &user->has_permissions);
    }
    return !reader.failed || client_fail(error, "unreadable user");
}

bool client_users(struct client *client, struct reader *users, struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    if (!client_ask(client, COMMAND_GET_USERS, &reply, error)) {
        return false;
    }
    *users = client_reader_of(reply);
    return true;
}

/* ---- Tokens ---- */

bool client_token_create(struct client *client, const char *name, u64 expiry_us, struct span *token,
                         struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("token name", name, error)) {
        return false;
    }
    create_token_request_encode(
        &(struct create_token_request){.name = span_of(name), .expiry_us = expiry_us},
        client_body(client, CLIENT_NAMES_BYTES_MAX));
    if (!client_ask(client, COMMAND_CREATE_TOKEN, &reply, error)) {
        return false;
    }
    bool whole = reply.size > 1 && reply.size == 1u + reply.data[0];
    *token = whole ? (struct span){reply.data + 1, reply.size - 1} : (struct span){0};
    return whole || client_fail(error, "unreadable token");
}

bool client_token_delete(struct client *client, const char *name, struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("token name", name, error)) {
        return false;
    }
    delete_token_request_encode(span_of(name), client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_DELETE_TOKEN, &reply, error);
}

bool client_tokens(struct client *client, struct reader *tokens, struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    if (!client_ask(client, COMMAND_GET_TOKENS, &reply, error)) {
        return false;
    }
    *tokens = client_reader_of(reply);
    return true;
}
