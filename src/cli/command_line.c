#include "cli/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"

#define CONNECT_TIMEOUT_MS 5000u
#define REQUEST_TIMEOUT_MS 30000u

enum option_kind {
    OPTION_TEXT,
    OPTION_NUMBER, /* an offset, a time: 64 bits */
    OPTION_COUNT,  /* what is 32 bits on the wire */
    OPTION_BYTES,
    OPTION_DURATION, /* kept in milliseconds */
    OPTION_EXPIRY,   /* kept in microseconds */
    OPTION_SWITCH
};

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t place; /* in struct command_line */
};

static const struct option_row options[] = {
    {"--server", OPTION_TEXT, offsetof(struct command_line, server)},
    {"--username", OPTION_TEXT, offsetof(struct command_line, username)},
    {"--password", OPTION_TEXT, offsetof(struct command_line, password)},
    {"--token", OPTION_TEXT, offsetof(struct command_line, token)},
    {"--current-password", OPTION_TEXT, offsetof(struct command_line, current_password)},
    {"--new-password", OPTION_TEXT, offsetof(struct command_line, new_password)},
    {"--file", OPTION_TEXT, offsetof(struct command_line, file)},
    {"--strategy", OPTION_TEXT, offsetof(struct command_line, strategy)},
    {"--consumer", OPTION_TEXT, offsetof(struct command_line, consumer)},
    {"--partition", OPTION_COUNT, offsetof(struct command_line, partition)},
    {"--partitions", OPTION_COUNT, offsetof(struct command_line, partitions)},
    {"--value", OPTION_NUMBER, offsetof(struct command_line, value)},
    {"--count", OPTION_COUNT, offsetof(struct command_line, count)},
    {"--batch-bytes", OPTION_BYTES, offsetof(struct command_line, batch_bytes)},
    {"--wait", OPTION_DURATION, offsetof(struct command_line, wait_ms)},
    {"--auto-commit", OPTION_SWITCH, offsetof(struct command_line, auto_commit)},
    {"--expiry", OPTION_EXPIRY, offsetof(struct command_line, expiry_us)},
    {"--inactive", OPTION_SWITCH, offsetof(struct command_line, inactive)},
    {"--raw", OPTION_SWITCH, offsetof(struct command_line, raw)},
    {"--yes", OPTION_SWITCH, offsetof(struct command_line, yes)},
};

static const struct option_row *find_option(const char *name)
{
    for (u32 i = 0; i < array_count(options); i++) {
        if (strcmp(options[i].name, name) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static const char *nearest_option(const char *name)
{
    const char *nearest = options[0].name;
    for (u32 i = 1; i < array_count(options); i++) {
        if (str_distance(name, options[i].name) < str_distance(name, nearest)) {
            nearest = options[i].name;
        }
    }
    return nearest;
}

static bool set_option(struct command_line *line, const struct option_row *row, const char *text,
                       struct err *err)
{
    void *place = (char *)line + row->place;
    u64 number = 0;
    switch (row->kind) {
    case OPTION_TEXT: *(const char **)place = text; return true;
    case OPTION_NUMBER:
    case OPTION_COUNT:
        if (!str_to_u64(text, &number)) {
            return err_set(err, "%s: \"%s\" is no whole number", row->name, text);
        }
        if (row->kind == OPTION_COUNT && number > UINT32_MAX) {
            return err_set(err, "%s: %s is too large: at most %u", row->name, text, UINT32_MAX);
        }
        *(u64 *)place = number;
        return true;
    case OPTION_BYTES:
        if (quantity_parse_size(span_of(text), &number) != OK || number == 0 || number > 60 * MIB) {
            return err_set(err, "%s: \"%s\" is no size up to 60 MiB: give 1 MiB, for example",
                           row->name, text);
        }
        *(u64 *)place = number;
        return true;
    case OPTION_DURATION:
        if (quantity_parse_duration_us(span_of(text), &number) != OK ||
            number > POLL_WAIT_MS_MAX * US_PER_MS) {
            return err_set(err, "%s: \"%s\" is no time up to 10 minutes: give 30 s, for example",
                           row->name, text);
        }
        *(u64 *)place = number / US_PER_MS;
        return true;
    case OPTION_EXPIRY:
        if (quantity_parse_duration_us(span_of(text), &number) != OK || number == 0) {
            return err_set(err, "%s: \"%s\" is no time: give 30 days, for example", row->name,
                           text);
        }
        *(u64 *)place = number;
        return true;
    case OPTION_SWITCH: *(bool *)place = true; return true;
    }
    return false;
}

static const char *environment_or(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != 0 ? value : fallback;
}

bool command_line_parse(struct command_line *line, int argc, char **argv, struct err *err)
{
    *line = (struct command_line){
        .server = environment_or("LEVRIERO_SERVER_URL", "127.0.0.1:8090"),
        .username = environment_or("LEVRIERO_USERNAME", environment_or("IGGY_USERNAME", "iggy")),
        .password = environment_or("LEVRIERO_PASSWORD", environment_or("IGGY_PASSWORD", "iggy")),
        .token = environment_or("LEVRIERO_TOKEN", NULL),
        .current_password = environment_or("LEVRIERO_CURRENT_PASSWORD", NULL),
        .new_password = environment_or("LEVRIERO_NEW_PASSWORD", NULL),
        .strategy = "offset",
        .consumer = "levriero-cli",
        .partitions = 1,
        .count = 100,
        .batch_bytes = MIB,
    };
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
            continue;
        }
        if (only_words || strncmp(argv[i], "--", 2) != 0) {
            if (line->words_count == CLI_WORDS_MAX) {
                return err_set(err, "more than %u words: send them from a file", CLI_WORDS_MAX);
            }
            line->words[line->words_count++] = argv[i];
            continue;
        }
        const struct option_row *row = find_option(argv[i]);
        if (row == NULL) {
            return err_set(err, "unknown option %s: did you mean %s?", argv[i],
                           nearest_option(argv[i]));
        }
        bool takes_value = row->kind != OPTION_SWITCH;
        if (takes_value && i + 1 == argc) {
            return err_set(err, "%s needs a value", argv[i]);
        }
        if (!set_option(line, row, takes_value ? argv[++i] : NULL, err)) {
            return false;
        }
    }
    return true;
}

int command_line_refuse(const struct client_error *error)
{
    fprintf(stderr, "levriero: %s\n", error->text);
    return CLI_REFUSED;
}

struct client *command_line_connect(const struct command_line *line, bool logs_in)
{
    struct client_error error;
    struct client_options connection = {.address = line->server,
                                        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                        .request_timeout_ms = REQUEST_TIMEOUT_MS};
    struct client *client = client_connect(&connection, &error);
    if (client == NULL) {
        command_line_refuse(&error);
        return NULL;
    }
    bool good = !logs_in || (line->token != NULL
                                 ? client_login_token(client, line->token, &error)
                                 : client_login(client, line->username, line->password, &error));
    if (!good) {
        command_line_refuse(&error);
        client_close(client);
        return NULL;
    }
    return client;
}
