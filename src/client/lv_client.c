/* What levriero.h says of errors and of the client itself. */
#include "client/connection.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "wire/error.h"

#define LOGIN_FIELD_BYTES_MAX 255u

struct local_row {
    int error;
    int may_retry;
    const char *name;
    const char *text;
};

static const struct local_row local_rows[] = {
    {LV_ERROR_TIMEOUT, 1, "TIMEOUT", "the time was over before an answer came"},
    {LV_ERROR_CONNECTION, 1, "CONNECTION", "there is no connection to a server"},
    {LV_ERROR_UNKNOWN, 0, "UNKNOWN", "it may have happened or not: the answer was lost"},
    {LV_ERROR_INVALID, 0, "INVALID", "an argument does not fit"},
    {LV_ERROR_FULL, 1, "FULL", "the memory bound is reached"},
    {LV_ERROR_UNREADABLE, 0, "UNREADABLE", "the answer is not of this protocol"},
    {LV_ERROR_CLOSED, 0, "CLOSED", "closed before an answer came"},
    {LV_ERROR_NOT_FOUND, 0, "NOT_FOUND", "there is none"},
    {LV_ERROR_BUSY, 1, "BUSY", "a callback is under way, which cannot wait"},
};

static const struct local_row *local_row(int error)
{
    for (u32 i = 0; i < array_count(local_rows); i++) {
        if (local_rows[i].error == error) {
            return &local_rows[i];
        }
    }
    return NULL;
}

const char *lv_error_name(int error)
{
    const struct local_row *row = local_row(error);
    if (row != NULL) {
        return row->name;
    }
    const char *name = error < 0 ? "UNKNOWN" : wire_error_name((u32)error);
    return strcmp(name, "UNKNOWN") == 0 ? "UNKNOWN_ERROR" : name;
}

const char *lv_error_text(int error)
{
    const struct local_row *row = local_row(error);
    return row != NULL ? row->text : wire_error_text(error < 0 ? UINT32_MAX : (u32)error);
}

int lv_error_may_retry(int error)
{
    const struct local_row *row = local_row(error);
    return row != NULL ? row->may_retry : error > 0 && wire_error_is_retryable((u32)error);
}

const char *lv_version(void)
{
    return "0.1.0";
}

/* ---- The client ---- */

static bool is_login_field(const char *text)
{
    return text == NULL || strlen(text) <= LOGIN_FIELD_BYTES_MAX;
}

static bool options_fit(const struct lv_client_options *options)
{
    bool has_name = options->username != NULL && options->username[0] != 0;
    bool has_token = options->token != NULL && options->token[0] != 0;
    return options->addresses != NULL && is_login_field(options->username) &&
           is_login_field(options->password) && is_login_field(options->token) &&
           (options->username == NULL || (has_name && options->password != NULL)) &&
           (options->token == NULL || has_token) && options->connect_timeout_ms > 0 &&
           options->request_timeout_ms > 0 && options->reconnect_delay_ms_max > 0;
}

static bool is_address(const char *address)
{
    const char *colon = strrchr(address, ':');
    u64 port = 0;
    return colon != NULL && colon != address && colon - address < 250 &&
           str_to_u64(colon + 1, &port) && port >= 1 && port <= 65535;
}

static bool take_addresses(struct lv_client *client, const char *text)
{
    client->addresses_text = mem_copy_text(text);
    char *at = client->addresses_text;
    while (at != NULL) {
        char *comma = strchr(at, ',');
        if (comma != NULL) {
            *comma++ = 0;
        }
        if (client->addresses_count == CLIENT_ADDRESSES_MAX || !is_address(at)) {
            return false;
        }
        client->addresses[client->addresses_count++] = at;
        at = comma;
    }
    return true;
}

static u64 drawn(void)
{
    u64 value = 0;
    check(getrandom(&value, sizeof(value), 0) == sizeof(value));
    return value;
}

int lv_client_create(const struct lv_client_options *options, struct lv_client **client_out)
{
    struct lv_client_options given = LV_CLIENT_OPTIONS_INIT;
    *client_out = NULL;
    if (options != NULL) {
        memcpy(&given, options, options->size < sizeof(given) ? options->size : sizeof(given));
    }
    if (!options_fit(&given)) {
        return LV_ERROR_INVALID;
    }
    struct lv_client *client = mem_take(sizeof(*client));
    *client = (struct lv_client){
        .fd = -1,
        .loop_fd = -1,
        .timeout_ms = given.request_timeout_ms,
        .connect_timeout_ms = given.connect_timeout_ms,
        .delay_ms_min = u32_max(given.reconnect_delay_ms_min, 1),
        .delay_ms_max = given.reconnect_delay_ms_max,
    };
    list_init(&client->parts);
    prng_init(&client->prng, drawn());
    struct protocol_options protocol = {
        .id = {given.client_id_low, given.client_id_high},
        .request_timeout_ms = given.request_timeout_ms,
        .heartbeat_ms = given.heartbeat_ms,
        .username = given.username,
        .password = given.password,
        .token = given.token,
    };
    if (u128_is_zero(protocol.id)) {
        protocol.id = (struct u128){drawn(), drawn() | 1};
    }
    protocol_init(&client->protocol, &protocol);
    if (!take_addresses(client, given.addresses)) {
        lv_client_destroy(client);
        return LV_ERROR_INVALID;
    }
    *client_out = client;
    return LV_OK;
}

void lv_client_destroy(struct lv_client *client)
{
    if (client == NULL) {
        return;
    }
    check(list_is_empty(&client->parts)); /* producers and consumers go first */
    connection_shut(client);
    if (client->loop_fd >= 0) {
        close(client->loop_fd);
    }
    protocol_deinit(&client->protocol);
    mem_return(client->addresses_text);
    mem_return(client->frame);
    mem_return(client->spare);
    mem_return(client->reply);
    mem_return(client);
}

int lv_client_connect(struct lv_client *client)
{
    u64 deadline_us = clock_now_us() + client->timeout_ms * US_PER_MS;
    client->is_wanted = true;
    client->refusal = LV_OK;
    while (client->protocol.state != PROTOCOL_READY) {
        int error = connection_turn(client, deadline_us);
        if (error != LV_OK) {
            return error;
        }
        if (client->protocol.state != PROTOCOL_READY && clock_now_us() >= deadline_us) {
            return LV_ERROR_CONNECTION;
        }
    }
    return LV_OK;
}

void lv_client_set_timeout_ms(struct lv_client *client, uint32_t timeout_ms)
{
    client->timeout_ms = timeout_ms;
}

const char *lv_client_failure(const struct lv_client *client)
{
    return client->failure;
}

int lv_client_is_connected(const struct lv_client *client)
{
    return client->protocol.state == PROTOCOL_READY;
}

uint64_t lv_client_connections_count(const struct lv_client *client)
{
    return client->connections_count;
}

void lv_client_id(const struct lv_client *client, uint64_t *low, uint64_t *high)
{
    *low = client->protocol.id.low;
    *high = client->protocol.id.high;
}

int lv_client_run(struct lv_client *client, uint32_t timeout_ms)
{
    if (!client->is_wanted && client->refusal == LV_OK) {
        client->is_wanted = true;
    }
    return connection_turn(client, clock_now_us() + timeout_ms * US_PER_MS);
}

int lv_client_descriptor(struct lv_client *client)
{
    if (client->loop_fd < 0) {
        client->loop_fd = epoll_create1(EPOLL_CLOEXEC);
        connection_tell_loop(client);
    }
    return client->loop_fd;
}

uint32_t lv_client_wait_ms(const struct lv_client *client)
{
    u64 deadline_us = connection_deadline_us(client);
    if (deadline_us == UINT64_MAX) {
        return UINT32_MAX;
    }
    u64 now_us = clock_now_us();
    u64 wait_us = deadline_us > now_us ? deadline_us - now_us : 0;
    return (u32)u64_min((wait_us + US_PER_MS - 1) / US_PER_MS, UINT32_MAX - 1);
}
