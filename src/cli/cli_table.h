/* The commands and their options as rows: cli_commands.def and cli_options.def in C.
 *
 * It answers which command is meant, what it takes, and what somebody may have meant that there is
 * not. Nothing here reads or prints. */
#pragma once

#include "base/types.h"

struct cli;

enum command_reach { REACH_OFFLINE, REACH_CONNECTS, REACH_LOGS_IN };

struct cli_row {
    const char *noun;
    const char *verb; /* "": the noun stands alone */
    bool (*run)(struct cli *cli);
    enum command_reach reach;
    const char *words;
    const char *options;
    const char *destroys; /* "": nothing */
    const char *help;
    const char *examples;
};

struct cli_alias {
    const char *noun; /* whose verb it is; "*": of every noun, "": the noun itself */
    const char *word;
    const char *alias;
};

enum value_kind {
    VALUE_TEXT,
    VALUE_LIST,     /* texts, as often as one likes */
    VALUE_CHOICE,   /* one of the words of the row */
    VALUE_NUMBER,   /* an offset, a time: 64 bits */
    VALUE_COUNT,    /* what is 32 bits on the wire */
    VALUE_BYTES,    /* of a request */
    VALUE_WAIT,     /* a time the server waits, kept in milliseconds */
    VALUE_DURATION, /* kept in milliseconds */
    VALUE_SWITCH
};

struct cli_option {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    enum value_kind kind;
    size_t place; /* in struct command_line */
    const char *value;
    const char *fallback;
    const char *environment;
    const char *help;
};

const struct cli_row *cli_table_commands(u32 *count);
const struct cli_option *cli_table_options(u32 *count);

const struct cli_alias *cli_table_aliases(u32 *count);

/* The noun that a word means: itself, if it is no alias. */
const char *cli_table_noun(const char *word);

/* `verb` may be NULL. NULL: there is none. */
const struct cli_row *cli_table_find(const char *noun, const char *verb);
bool cli_table_has_noun(const char *noun);

/* What a mistyped word was probably meant to be, or NULL when nothing is near. */
const char *cli_table_nearest_noun(const char *word);
const char *cli_table_nearest_verb(const char *noun, const char *word);

/* An option of `row` as typed, "--count" or "-n"; NULL: it has none such. */
const struct cli_option *cli_table_option(const struct cli_row *row, const char *typed,
                                          size_t size);
const char *cli_table_nearest_option(const struct cli_row *row, const char *typed);
bool cli_table_takes(const struct cli_row *row, const struct cli_option *option);

/* Those of every command come first in the rows. */
bool cli_table_is_common(const struct cli_option *option);

#define WORD_NAME_BYTES 24u

/* The name of the word that stands at `index`, "STREAM"; false: no more are taken. */
bool cli_table_word(const struct cli_row *row, u32 index, char name[WORD_NAME_BYTES]);
u32 cli_table_words_min(const struct cli_row *row);
u32 cli_table_words_max(const struct cli_row *row);
