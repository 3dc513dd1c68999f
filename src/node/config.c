#include "node/config.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"
#include "base/quantity.h"
#include "node/config_reference.h"
#include "node/config_toml.h"

#define CONFIG(field, kind, key, flag, fallback, help)                                             \
    [CONFIG_##field] = {CONFIG_KIND_##kind, key, flag, fallback, help},
static const struct config_row rows[CONFIG_COUNT] = {
#include "node/config.def"
};
#undef CONFIG

static const char *const level_names[] = {
    [DURABILITY_SYNC] = "sync", [DURABILITY_OS] = "os", [DURABILITY_MEMORY] = "memory"};

const struct config_row *config_row(enum config_field field)
{
    check(field < CONFIG_COUNT);
    return &rows[field];
}

/* ---- One value ---- */

static bool parse_bool(const char *text, u64 *value)
{
    bool yes = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    bool no = strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0;
    *value = yes ? 1 : 0;
    return yes || no;
}

static bool parse_level(const char *text, u64 *value)
{
    for (u32 i = 0; i < array_count(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

static bool parse_log_level(const char *text, u64 *value)
{
    enum event_level level = EVENT_INFO;
    if (!event_level_parse(text, &level)) {
        return false;
    }
    *value = (u64)level;
    return true;
}

/* Sizes follow the reference, where "64M" is 64,000,000. Memory is given as to other tools that
 * limit it, in powers of 1024, and what the documents call 64M must be enough for the least
 * plan. */
static bool parse_memory(const char *text, u64 *bytes)
{
    char unit_in_full[64];
    size_t size = strlen(text);
    bool ends_in_letter = size > 0 && strchr("kKmMgGtT", text[size - 1]) != NULL;
    return str_format(unit_in_full, sizeof(unit_in_full), "%s%s", text,
                      ends_in_letter ? "iB" : "") &&
           quantity_parse_size(span_of(unit_in_full), bytes) == OK;
}

static bool parse_kind(enum config_kind kind, const char *text, u64 *number)
{
    struct span span = span_of(text);
    switch (kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_SECRET: return span.size < CONFIG_TEXT_BYTES;
    case CONFIG_KIND_SIZE: return quantity_parse_size(span, number) == OK;
    case CONFIG_KIND_MEMORY: return parse_memory(text, number);
    case CONFIG_KIND_DURATION: return quantity_parse_duration_us(span, number) == OK;
    case CONFIG_KIND_COUNT: return str_to_u64(text, number) && *number <= UINT32_MAX;
    case CONFIG_KIND_BOOL: return parse_bool(text, number);
    case CONFIG_KIND_EXPIRY:
        return quantity_parse_expiry_us(span, number) == OK && *number != QUANTITY_DEFAULT;
    case CONFIG_KIND_LIMIT:
        return quantity_parse_topic_size(span, number) == OK && *number != QUANTITY_DEFAULT;
    case CONFIG_KIND_LEVEL: return parse_level(text, number);
    case CONFIG_KIND_LOG_LEVEL: return parse_log_level(text, number);
    }
    unreachable();
}

static const char *kind_example(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_SECRET: return "a text of at most 255 bytes";
    case CONFIG_KIND_SIZE:
    case CONFIG_KIND_MEMORY: return "a size such as 64 MiB";
    case CONFIG_KIND_DURATION: return "a duration such as 5 s";
    case CONFIG_KIND_COUNT: return "a whole number";
    case CONFIG_KIND_BOOL: return "true or false";
    case CONFIG_KIND_EXPIRY: return "never, or a duration such as 7 days";
    case CONFIG_KIND_LIMIT: return "unlimited, or a size such as 10 GiB";
    case CONFIG_KIND_LEVEL: return "sync, os or memory";
    case CONFIG_KIND_LOG_LEVEL: return "error, warn, info or debug";
    }
    unreachable();
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    for (enum config_field field = 0; field < CONFIG_COUNT; field++) {
        struct err err;
        check(config_set(config, field, rows[field].fallback, "built in", &err));
    }
}

bool config_set(struct config *config, enum config_field field, const char *text,
                const char *source, struct err *err)
{
    check(field < CONFIG_COUNT);
    u64 number = 0;
    enum config_kind kind = rows[field].kind;
    if (!parse_kind(kind, text, &number)) {
        const char *shown = kind == CONFIG_KIND_SECRET ? "(hidden)" : text;
        return err_set(err, "%s: \"%s\" is no value for %s: give %s", source, shown,
                       rows[field].key, kind_example(kind));
    }
    struct config_value *value = &config->values[field];
    value->number = number;
    bool fits = str_format(value->text, sizeof(value->text), "%s", text);
    if (!fits) {
        return err_set(err, "%s: the value of %s is longer than 255 bytes", source,
                       rows[field].key);
    }
    return true;
}

/* ---- Nearest words ---- */

const char *config_nearest_key(const char *key)
{
    const char *nearest = rows[0].key;
    for (u32 i = 1; i < CONFIG_COUNT; i++) {
        if (str_distance(key, rows[i].key) < str_distance(key, nearest)) {
            nearest = rows[i].key;
        }
    }
    return nearest;
}

const char *config_nearest_flag(const char *flag)
{
    static const char *const others[] = {"--config", "--fresh", "--help",
                                         "--with-default-root-credentials"};
    const char *nearest = others[0];
    for (u32 i = 1; i < array_count(others); i++) {
        if (str_distance(flag, others[i]) < str_distance(flag, nearest)) {
            nearest = others[i];
        }
    }
    for (u32 i = 0; i < CONFIG_COUNT; i++) {
        if (rows[i].flag != NULL &&
            str_distance(flag, rows[i].flag) < str_distance(flag, nearest)) {
            nearest = rows[i].flag;
        }
    }
    return nearest;
}

enum config_field config_find_flag(const char *flag)
{
    for (enum config_field field = 0; field < CONFIG_COUNT; field++) {
        if (rows[field].flag != NULL && strcmp(rows[field].flag, flag) == 0) {
            return field;
        }
    }
    return CONFIG_COUNT;
}

/* ---- The file ---- */

struct file_reader {
    struct config *config;
    const char *path;
    struct reference_ignored ignored;
    struct err *err;
};

/* Called by the parser for each value, in order; false ends the reading. */
static bool on_file_value(void *context, const char *key, const char *text)
{
    struct file_reader *reader = context;
    for (enum config_field field = 0; field < CONFIG_COUNT; field++) {
        if (strcmp(rows[field].key, key) == 0) {
            return text == NULL
                       ? err_set(reader->err, "%s: the value of \"%s\" is a list: give one value",
                                 reader->path, key)
                       : config_set(reader->config, field, text, reader->path, reader->err);
        }
    }
    const struct reference_row *row = reference_find(key);
    if (row != NULL && (text != NULL || row->ruling == REFERENCE_IGNORED)) {
        reference_note(&reader->ignored, row);
        return reference_take(row, reader->config, text, reader->path, reader->err);
    }
    return err_set(reader->err, "%s: unknown key \"%s\": did you mean \"%s\"?", reader->path, key,
                   config_nearest_key(key));
}

bool config_read_file(struct config *config, const char *path, void (*warn)(const char *sentence),
                      struct err *err)
{
    struct file_reader reader = {.config = config, .path = path, .err = err};
    if (!config_toml_read(path, on_file_value, &reader, err)) {
        return false;
    }
    reference_tell(&reader.ignored, path, warn);
    return true;
}

/* ---- The environment ---- */

/* "tcp.address" with prefix "LEVRIERO_" is LEVRIERO_TCP_ADDRESS. */
static void environment_name(const char *prefix, const char *key, char *name, u32 capacity)
{
    u32 position = 0;
    str_append(name, capacity, &position, "%s", prefix);
    for (; *key != 0 && position + 1 < capacity; key++) {
        name[position++] = isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_';
    }
    name[position] = 0;
}

static enum config_field find_environment(const char *prefix, const char *name, size_t name_size)
{
    for (enum config_field field = 0; field < CONFIG_COUNT; field++) {
        char candidate[CONFIG_TEXT_BYTES];
        environment_name(prefix, rows[field].key, candidate, sizeof(candidate));
        if (strlen(candidate) == name_size && memcmp(candidate, name, name_size) == 0) {
            return field;
        }
    }
    return CONFIG_COUNT;
}

/* Names that mean something to others, or to the tools around the server. */
static bool is_known_elsewhere(const char *name)
{
    static const char *const known[] = {
        "IGGY_CI_BUILD",       "IGGY_CONFIG_PATH",  "IGGY_ENV_PATH",
        "IGGY_DISPLAY_CONFIG", "IGGY_TEST_VERBOSE", "IGGY_TEST_CLEANUP_DISABLED",
        "IGGY_USERNAME",       "IGGY_PASSWORD",     "LEVRIERO_CONFIG",
        "LEVRIERO_USERNAME",   "LEVRIERO_PASSWORD", "LEVRIERO_SERVER_URL"};
    for (u32 i = 0; i < array_count(known); i++) {
        if (strcmp(known[i], name) == 0) {
            return true;
        }
    }
    return strncmp(name, "IGGY_CONNECTORS_", 16) == 0;
}

static const char *nearest_environment(const char *prefix, const char *name, char *nearest,
                                       u32 capacity)
{
    u32 best = UINT32_MAX;
    for (u32 i = 0; i < CONFIG_COUNT; i++) {
        char candidate[CONFIG_TEXT_BYTES];
        environment_name(prefix, rows[i].key, candidate, sizeof(candidate));
        u32 distance = str_distance(name, candidate);
        if (distance < best) {
            best = distance;
            str_format(nearest, capacity, "%s", candidate);
        }
    }
    return nearest;
}

struct environment_reader {
    struct config *config;
    const char *prefix;
    void (*warn)(const char *sentence);
    struct reference_ignored ignored;
};

static bool read_variable(struct environment_reader *reader, const char *variable, struct err *err)
{
    const char *equals = strchr(variable, '=');
    if (equals == NULL || equals[1] == 0) {
        return true; /* unset or empty: ignored */
    }
    char name[CONFIG_TEXT_BYTES];
    str_format(name, sizeof(name), "%.*s", (int)(equals - variable), variable);
    enum config_field field =
        find_environment(reader->prefix, variable, (size_t)(equals - variable));
    if (field != CONFIG_COUNT) {
        return config_set(reader->config, field, equals + 1, name, err);
    }
    if (is_known_elsewhere(name)) {
        return true;
    }
    const struct reference_row *row = reference_find_environment(name);
    if (row != NULL) {
        reference_note(&reader->ignored, row);
        return reference_take(row, reader->config, equals + 1, name, err);
    }
    char nearest[CONFIG_TEXT_BYTES];
    nearest_environment(reader->prefix, name, nearest, sizeof(nearest));
    if (reader->warn == NULL) {
        return err_set(err, "%s is in the environment but no such setting exists: did you mean %s?",
                       name, nearest);
    }
    struct err sentence;
    err_set(&sentence, "%s is in the environment and means nothing here (nearest: %s)", name,
            nearest);
    reader->warn(sentence.text);
    return true;
}

static bool read_prefix(struct environment_reader *reader, char *const *environment,
                        struct err *err)
{
    size_t prefix_size = strlen(reader->prefix);
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, reader->prefix, prefix_size) == 0 &&
            !read_variable(reader, *environment, err)) {
            return false;
        }
    }
    return true;
}

bool config_read_environment(struct config *config, char *const *environment,
                             void (*warn)(const char *sentence), struct err *err)
{
    struct environment_reader iggy = {.config = config, .prefix = "IGGY_", .warn = warn};
    struct environment_reader ours = {.config = config, .prefix = "LEVRIERO_"};
    if (!read_prefix(&iggy, environment, err) || !read_prefix(&ours, environment, err)) {
        return false;
    }
    reference_tell(&iggy.ignored, "the environment (IGGY_*)", warn);
    return true;
}

/* ---- Out ---- */

static bool is_quoted(enum config_kind kind)
{
    return kind != CONFIG_KIND_COUNT && kind != CONFIG_KIND_BOOL;
}

/* Inside a basic string of TOML. */
static void append_quoted(char *text, u32 capacity, u32 *position, const char *value)
{
    str_append(text, capacity, position, "\"");
    for (; *value != 0; value++) {
        unsigned char byte = (unsigned char)*value;
        if (byte == '"' || byte == '\\') {
            str_append(text, capacity, position, "\\%c", byte);
        } else if (byte < 0x20 || byte == 0x7f) {
            str_append(text, capacity, position, "\\u%04x", byte);
        } else {
            str_append(text, capacity, position, "%c", byte);
        }
    }
    str_append(text, capacity, position, "\"");
}

static bool same_table(const char *a, const char *b)
{
    const char *a_end = strrchr(a, '.');
    const char *b_end = strrchr(b, '.');
    check(a_end != NULL);
    check(b_end != NULL);
    return a_end - a == b_end - b && strncmp(a, b, (size_t)(a_end - a)) == 0;
}

struct description {
    const struct config *config;
    const char *address;
    char *text;
    u32 capacity;
    u32 position;
};

static void describe_field(struct description *out, enum config_field field)
{
    const struct config_row *row = &rows[field];
    const char *value = out->config->values[field].text;
    if (field == CONFIG_tcp_address) {
        value = out->address;
    }
    if (row->kind == CONFIG_KIND_SECRET) {
        value = value[0] == 0 ? "" : "******";
    }
    str_append(out->text, out->capacity, &out->position, "%s = ", strrchr(row->key, '.') + 1);
    if (is_quoted(row->kind)) {
        append_quoted(out->text, out->capacity, &out->position, value);
    } else {
        str_append(out->text, out->capacity, &out->position, "%s", value);
    }
    str_append(out->text, out->capacity, &out->position, "\n");
}

void config_describe(const struct config *config, const char *address, char *text, u32 capacity)
{
    struct description out = {
        .config = config, .address = address, .text = text, .capacity = capacity};
    bool done[CONFIG_COUNT] = {false};
    for (enum config_field first = 0; first < CONFIG_COUNT; first++) {
        if (done[first]) {
            continue;
        }
        const char *key = rows[first].key;
        str_append(text, capacity, &out.position, "%s[%.*s]\n", out.position == 0 ? "" : "\n",
                   (int)(strrchr(key, '.') - key), key);
        for (enum config_field field = first; field < CONFIG_COUNT; field++) {
            if (same_table(rows[field].key, key)) {
                describe_field(&out, field);
                done[field] = true;
            }
        }
    }
}

void config_to_settings(const struct config *config, struct settings *settings)
{
    const struct config_value *values = config->values;
    *settings = (struct settings){
        .durability = (enum durability)values[CONFIG_durability].number,
        .direct = values[CONFIG_direct].number != 0,
        .flush_interval_us = values[CONFIG_flush_interval].number,
        .flush_bytes = (u32)u64_min(values[CONFIG_flush_bytes].number, GIB),
        .segment_bytes_default = values[CONFIG_segment_size].number,
        .disk_reserve_bytes = values[CONFIG_disk_reserve].number,
        .message_expiry_us_default = values[CONFIG_message_expiry].number,
        .topic_bytes_max_default = values[CONFIG_max_topic_size].number,
        .retention_interval_us =
            values[CONFIG_retention].number == 0 ? 0 : values[CONFIG_retention_interval].number,
        .offset_hold_us_max = values[CONFIG_offset_hold].number,
        .group_handover_us = values[CONFIG_group_handover].number,
        .group_grace_us = values[CONFIG_group_grace].number,
        .dedup_enabled = values[CONFIG_dedup].number != 0,
        .dedup_entries_max = values[CONFIG_dedup_entries].number,
        .dedup_expiry_us = values[CONFIG_dedup_expiry].number,
        .frame_timeout_us = values[CONFIG_frame_timeout].number,
        .heartbeat_us = values[CONFIG_heartbeat].number,
        .request_deadline_us = values[CONFIG_request_timeout].number,
        .direct_after_writes = 8,
        .move_after_requests = 64,
        .send_stall_us = values[CONFIG_send_stall].number,
        .connections_per_address_max = (u32)values[CONFIG_connections_per_address].number,
        .connections_per_user_max = (u32)values[CONFIG_connections_per_user].number,
        .poll_wait_us = u64_min(values[CONFIG_poll_wait].number, POLL_WAIT_US_MAX),
        .tokens_per_user_max = (u32)values[CONFIG_tokens_per_user].number,
        .login_failures_per_minute_max = (u32)values[CONFIG_login_failures].number,
    };
    str_format(settings->root_username, sizeof(settings->root_username), "%s",
               values[CONFIG_root_username].text);
    str_format(settings->root_password, sizeof(settings->root_password), "%s",
               values[CONFIG_root_password].text);
}
