#include "cli/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "client/client.h"

#define BATCH_BYTES_MAX (60 * MIB)

/* Where a value is kept, as the type it has there. */
static void *place_of(struct command_line *line, const struct cli_option *row)
{
    return (char *)line + row->place;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t size = strlen(text);
    for (const char *at = choices;; at++) {
        size_t word = strcspn(at, "|");
        if (word == size && memcmp(at, text, size) == 0) {
            return true;
        }
        at += word;
        if (*at == 0) {
            return false;
        }
    }
}

static bool set_duration(const struct cli_option *row, const char *text, u64 *ms, struct err *err)
{
    u64 us = 0;
    if (quantity_parse_duration_us(span_of(text), &us) != OK) {
        return err_set(err, "--%s: \"%s\" is no time: give 30 s, for example", row->name, text);
    }
    if (row->kind == VALUE_WAIT && us > POLL_WAIT_MS_MAX * US_PER_MS) {
        return err_set(err, "--%s: \"%s\" is no time up to 10 minutes: give 30 s, for example",
                       row->name, text);
    }
    *ms = us / US_PER_MS;
    return true;
}

static bool set_number(const struct cli_option *row, const char *text, u64 *value, struct err *err)
{
    u64 number = 0;
    if (!str_to_u64(text, &number)) {
        return err_set(err, "--%s: \"%s\" is no whole number", row->name, text);
    }
    if (row->kind == VALUE_COUNT && number > UINT32_MAX) {
        return err_set(err, "--%s: %s is too large: at most %u", row->name, text, UINT32_MAX);
    }
    *value = number;
    return true;
}

static bool set_bytes(const struct cli_option *row, const char *text, u64 *value, struct err *err)
{
    u64 number = 0;
    if (quantity_parse_size(span_of(text), &number) != OK || number == 0 ||
        number > BATCH_BYTES_MAX) {
        return err_set(err, "--%s: \"%s\" is no size up to 60 MiB: give 1 MiB, for example",
                       row->name, text);
    }
    *value = number;
    return true;
}

static bool add_text(const struct cli_option *row, const char *text, struct text_list *list,
                     struct err *err)
{
    if (list->count == CLI_LIST_MAX) {
        return err_set(err, "--%s is given more than %u times", row->name, CLI_LIST_MAX);
    }
    list->items[list->count++] = text;
    return true;
}

static bool set_option(struct command_line *line, const struct cli_option *row, const char *text,
                       struct err *err)
{
    void *place = place_of(line, row);
    switch (row->kind) {
    case VALUE_TEXT: *(const char **)place = text; return true;
    case VALUE_LIST: return add_text(row, text, place, err);
    case VALUE_CHOICE:
        *(const char **)place = text;
        return is_choice(row->value, text) ||
               err_set(err, "--%s: \"%s\" is none of %s", row->name, text, row->value);
    case VALUE_NUMBER:
    case VALUE_COUNT: return set_number(row, text, place, err);
    case VALUE_BYTES: return set_bytes(row, text, place, err);
    case VALUE_WAIT:
    case VALUE_DURATION: return set_duration(row, text, place, err);
    case VALUE_SWITCH: *(bool *)place = true; return true;
    }
    return false;
}

/* The environment, or the fallback, or nothing. */
static bool set_untyped(struct command_line *line, const struct cli_option *row, struct err *err)
{
    const char *text = row->environment[0] == 0 ? NULL : getenv(row->environment);
    text = text == NULL || text[0] == 0 ? row->fallback : text;
    if (text[0] != 0) {
        return set_option(line, row, text, err);
    }
    if (row->kind == VALUE_NUMBER || row->kind == VALUE_COUNT || row->kind == VALUE_DURATION) {
        *(u64 *)place_of(line, row) = CLI_ABSENT;
    }
    return true;
}

static bool set_all_untyped(struct command_line *line, struct err *err)
{
    u32 count = 0;
    const struct cli_option *rows = cli_table_options(&count);
    for (u32 i = 0; i < count; i++) {
        if (!set_untyped(line, &rows[i], err)) {
            return false;
        }
    }
    return true;
}

/* Others on the machine read the arguments of every process. */
static bool refuse_secret(const char *typed, size_t size, struct err *err)
{
    static const char *const secrets[][2] = {{"--password", "LEVRIERO_PASSWORD"},
                                             {"--new-password", "LEVRIERO_NEW_PASSWORD"},
                                             {"--current-password", "LEVRIERO_CURRENT_PASSWORD"},
                                             {"--token", "LEVRIERO_TOKEN"}};
    for (u32 i = 0; i < array_count(secrets); i++) {
        if (strlen(secrets[i][0]) == size && memcmp(secrets[i][0], typed, size) == 0) {
            return err_set(err,
                           "%s would show a secret to everybody who lists processes: use %s-file, "
                           "or %s in the environment",
                           secrets[i][0], secrets[i][0], secrets[i][1]);
        }
    }
    return true;
}

static bool refuse_option(const struct cli_row *row, const char *typed, size_t size,
                          struct err *err)
{
    if (!refuse_secret(typed, size, err)) {
        return false;
    }
    const char *nearest = cli_table_nearest_option(row, typed);
    const char *gap = row->verb[0] == 0 ? "" : " ";
    if (nearest == NULL) {
        return err_set(err, "unknown option %.*s: `levriero %s%s%s --help` lists them", (int)size,
                       typed, row->noun, gap, row->verb);
    }
    return err_set(err, "unknown option %.*s: did you mean --%s?", (int)size, typed, nearest);
}

/* Takes the option at `*at`, and the argument behind it when that is its value. */
static bool take_option(struct command_line *line, const struct cli_row *row, char ***at,
                        struct err *err)
{
    const char *typed = **at;
    size_t size = typed[1] == '-' ? strcspn(typed, "=") : strlen(typed);
    const struct cli_option *option = cli_table_option(row, typed, size);
    if (option == NULL) {
        return refuse_option(row, typed, size, err);
    }
    const char *text = typed[size] == '=' ? typed + size + 1 : NULL;
    if (option->kind == VALUE_SWITCH && text != NULL) {
        return err_set(err, "--%s takes no value", option->name);
    }
    if (option->kind != VALUE_SWITCH && text == NULL) {
        text = (*at)[1];
        if (text == NULL) {
            return err_set(err, "--%s needs a value: %s", option->name, option->value);
        }
        (*at)++;
    }
    line->username_is_typed |= option->place == offsetof(struct command_line, username);
    return set_option(line, option, text, err);
}

static bool add_word(struct command_line *line, const char *word, struct err *err)
{
    if (line->words_count == CLI_WORDS_MAX) {
        return err_set(err, "more than %u words: send them from a file", CLI_WORDS_MAX);
    }
    line->words[line->words_count++] = word;
    return true;
}

/* "-5" is a word, "-" as well: options begin with a letter. */
static bool is_option(const char *argument)
{
    return argument[0] == '-' && argument[1] != 0 && (argument[1] < '0' || argument[1] > '9');
}

static bool judge_words(const struct command_line *line, const struct cli_row *row, struct err *err)
{
    if (line->words_count >= cli_table_words_min(row) &&
        line->words_count <= cli_table_words_max(row)) {
        return true;
    }
    return err_set(err, "usage: levriero %s%s%s %s", row->noun, row->verb[0] == 0 ? "" : " ",
                   row->verb, row->words);
}

bool command_line_parse(struct command_line *line, const struct cli_row *row, char **arguments,
                        struct err *err)
{
    *line = (struct command_line){0};
    if (!set_all_untyped(line, err)) {
        return false;
    }
    bool only_words = false;
    for (char **at = arguments; *at != NULL; at++) {
        bool taken = true;
        if (!only_words && strcmp(*at, "--") == 0) {
            only_words = true;
        } else if (!only_words && is_option(*at)) {
            taken = take_option(line, row, &at, err);
        } else {
            taken = add_word(line, *at, err);
        }
        if (!taken) {
            return false;
        }
    }
    return judge_words(line, row, err);
}
