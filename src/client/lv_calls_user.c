/* Users, what they may do, and tokens. */
#include "client/lv_calls.h"

#include "base/mem.h"
#include "wire/token_info.h"
#include "wire/user_info.h"

struct lv_permissions {
    u16 global_bits;
    struct permission_entry *entries;
    u32 entries_count;
};

struct lv_permissions *lv_permissions_create(uint32_t bits)
{
    struct lv_permissions *permissions = mem_take(sizeof(*permissions));
    permissions->global_bits = (u16)(bits & ((1u << GLOBAL_PERMISSIONS_COUNT) - 1));
    return permissions;
}

void lv_permissions_destroy(struct lv_permissions *permissions)
{
    if (permissions != NULL) {
        mem_return(permissions->entries);
        mem_return(permissions);
    }
}

static int add_entry(struct lv_permissions *permissions, const struct permission_entry *entry)
{
    u32 count = permissions->entries_count++;
    permissions->entries =
        mem_resize(permissions->entries, (count + 1) * sizeof(permissions->entries[0]));
    permissions->entries[count] = *entry;
    return LV_OK;
}

int lv_permissions_add_stream(struct lv_permissions *permissions, uint32_t stream_id, uint32_t bits)
{
    u32 mask = (1u << STREAM_PERMISSIONS_COUNT) - 1;
    return add_entry(permissions, &(struct permission_entry){.scope = PERMISSION_STREAM,
                                                             .stream_id = stream_id,
                                                             .bits = (u16)(bits >> 4 & mask)});
}

int lv_permissions_add_topic(struct lv_permissions *permissions, uint32_t topic_id, uint32_t bits)
{
    u32 mask = (1u << TOPIC_PERMISSIONS_COUNT) - 1;
    if (permissions->entries_count == 0) {
        return LV_ERROR_INVALID; /* of which stream? */
    }
    u32 stream_id = permissions->entries[permissions->entries_count - 1].stream_id;
    return add_entry(permissions, &(struct permission_entry){.scope = PERMISSION_TOPIC,
                                                             .stream_id = stream_id,
                                                             .topic_id = topic_id,
                                                             .bits = (u16)(bits >> 6 & mask)});
}

/* The block, in memory that the caller returns. */
static u8 *permissions_block(const struct lv_permissions *permissions, struct span *block)
{
    u32 capacity = 64 + 16 * (permissions->entries_count + 1);
    u8 *memory = mem_take(capacity);
    struct writer writer = writer_over(memory, capacity);
    struct permission_writer entries = permissions_begin(&writer, permissions->global_bits);
    for (u32 i = 0; i < permissions->entries_count; i++) {
        permissions_add(&entries, &permissions->entries[i]);
    }
    permissions_end(&entries);
    *block = (struct span){memory, writer.position};
    return memory;
}

/* ---- Users ---- */

int lv_users(struct lv_client *client, struct lv_result *result)
{
    (void)connection_body(client, 0);
    return call_with_body(client, COMMAND_GET_USERS, result);
}

static bool write_user(struct lv_client *client, const char *user)
{
    if (!connection_name_fits(client, "user", user)) {
        return false;
    }
    user_request_encode(&(struct user_request){.user = identifier_of_text(user)},
                        connection_body(client, CLIENT_NAMES_MAX));
    return true;
}

int lv_user(struct lv_client *client, const char *user, struct lv_result *result)
{
    return write_user(client, user) ? call_to_find(client, COMMAND_GET_USER, result)
                                    : LV_ERROR_INVALID;
}

int lv_user_delete(struct lv_client *client, const char *user)
{
    return write_user(client, user) ? call_with_body(client, COMMAND_DELETE_USER, NULL)
                                    : LV_ERROR_INVALID;
}

static bool password_fits(struct lv_client *client, const char *password)
{
    bool fits = password != NULL && strlen(password) <= 255;
    if (!fits) {
        (void)connection_fail(client, LV_ERROR_INVALID, "a password has at most 255 bytes");
    }
    return fits;
}

int lv_user_create(struct lv_client *client, const struct lv_user_options *given,
                   struct lv_result *result)
{
    struct lv_user_options options = LV_USER_OPTIONS_INIT;
    if (given != NULL) {
        memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
    }
    if (!connection_name_fits(client, "user", options.name) ||
        !password_fits(client, options.password)) {
        return LV_ERROR_INVALID;
    }
    struct create_user_request request = {
        .username = span_of(options.name),
        .password = span_of(options.password),
        .status = options.inactive ? USER_INACTIVE : USER_ACTIVE,
        .has_permissions = options.permissions != NULL,
    };
    u8 *block = NULL;
    if (options.permissions != NULL) {
        block = permissions_block(options.permissions, &request.permissions);
    }
    create_user_request_encode(
        &request, connection_body(client, CLIENT_NAMES_MAX + request.permissions.size));
    mem_return(block);
    return call_with_body(client, COMMAND_CREATE_USER, result);
}

int lv_user_update(struct lv_client *client, const char *user, const char *name, int status)
{
    if (!connection_name_fits(client, "user", user) ||
        (name != NULL && !connection_name_fits(client, "user", name))) {
        return LV_ERROR_INVALID;
    }
    struct update_user_request request = {.user = identifier_of_text(user),
                                          .has_username = name != NULL,
                                          .has_status = status != 0,
                                          .status = (u8)status};
    if (name != NULL) {
        request.username = span_of(name);
    }
    update_user_request_encode(&request, connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_UPDATE_USER, NULL);
}

int lv_user_set_password(struct lv_client *client, const char *user, const char *current,
                         const char *password)
{
    if (!connection_name_fits(client, "user", user) || !password_fits(client, current) ||
        !password_fits(client, password)) {
        return LV_ERROR_INVALID;
    }
    struct change_password_request request = {
        .user = identifier_of_text(user), .current = span_of(current), .new = span_of(password)};
    change_password_request_encode(&request, connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_CHANGE_PASSWORD, NULL);
}

int lv_user_set_permissions(struct lv_client *client, const char *user,
                            const struct lv_permissions *permissions)
{
    if (!connection_name_fits(client, "user", user)) {
        return LV_ERROR_INVALID;
    }
    struct update_permissions_request request = {.user = identifier_of_text(user),
                                                 .has_permissions = permissions != NULL};
    u8 *block = permissions == NULL ? NULL : permissions_block(permissions, &request.permissions);
    update_permissions_request_encode(
        &request, connection_body(client, CLIENT_NAMES_MAX + request.permissions.size));
    mem_return(block);
    return call_with_body(client, COMMAND_UPDATE_PERMISSIONS, NULL);
}

/* ---- Tokens ---- */

int lv_tokens(struct lv_client *client, struct lv_result *result)
{
    (void)connection_body(client, 0);
    return call_with_body(client, COMMAND_GET_TOKENS, result);
}

int lv_token_create(struct lv_client *client, const char *name, uint64_t expiry_us,
                    struct lv_result *result)
{
    if (!connection_name_fits(client, "token name", name)) {
        return LV_ERROR_INVALID;
    }
    create_token_request_encode(
        &(struct create_token_request){.name = span_of(name), .expiry_us = expiry_us},
        connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_CREATE_TOKEN, result);
}

int lv_token_delete(struct lv_client *client, const char *name)
{
    if (!connection_name_fits(client, "token name", name)) {
        return LV_ERROR_INVALID;
    }
    delete_token_request_encode(span_of(name), connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_DELETE_TOKEN, NULL);
}
