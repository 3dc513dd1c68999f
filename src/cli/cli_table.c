#include "cli/cli_table.h"

#include <string.h>

#include "base/str.h"
#include "cli/cli_command.h"

#define NEAR_EDITS 3u /* more are another word */

static const struct cli_row commands[] = {
#define CLI_COMMAND(noun, verb, run, reach, words, options, destroys, help, examples)              \
    {noun, verb, cli_##run, REACH_##reach, words, options, destroys, help, examples},
#include "cli/cli_commands.def"
#undef CLI_COMMAND
};

static const struct cli_option options[] = {
#define CLI_OPTION(name, letter, field, kind, value, fallback, environment, help)                  \
    {name,  letter,   VALUE_##kind, offsetof(struct command_line, field),                          \
     value, fallback, environment,  help},
#include "cli/cli_options.def"
#undef CLI_OPTION
};

/* Words that others use, and short ones. Nothing that destroys has a short one: `p` is another word
 * behind every noun, and a slip of one letter is no reason to lose a topic. */
static const struct cli_alias aliases[] = {
#define CLI_ALIAS(noun, word, alias) {noun, word, alias},
#include "cli/cli_aliases.def"
#undef CLI_ALIAS
};

const struct cli_alias *cli_table_aliases(u32 *count)
{
    *count = array_count(aliases);
    return aliases;
}

static const char *meant_by(const char *noun, const char *word)
{
    for (u32 i = 0; i < array_count(aliases); i++) {
        if (strcmp(aliases[i].noun, noun) == 0 && strcmp(aliases[i].alias, word) == 0) {
            return aliases[i].word;
        }
    }
    return word;
}

const char *cli_table_noun(const char *word)
{
    return meant_by("", word);
}

/* What a noun says itself goes before what all say. */
static const char *verb_of(const char *noun, const char *verb)
{
    const char *own = meant_by(noun, verb);
    return own != verb ? own : meant_by("*", verb);
}

const struct cli_row *cli_table_commands(u32 *count)
{
    *count = array_count(commands);
    return commands;
}

const struct cli_option *cli_table_options(u32 *count)
{
    *count = array_count(options);
    return options;
}

bool cli_table_has_noun(const char *noun)
{
    for (u32 i = 0; i < array_count(commands); i++) {
        if (strcmp(commands[i].noun, cli_table_noun(noun)) == 0) {
            return true;
        }
    }
    return false;
}

const struct cli_row *cli_table_find(const char *noun, const char *verb)
{
    for (u32 i = 0; i < array_count(commands); i++) {
        const struct cli_row *row = &commands[i];
        bool is_verb =
            row->verb[0] == 0 || (verb != NULL && strcmp(row->verb, verb_of(row->noun, verb)) == 0);
        if (is_verb && strcmp(row->noun, cli_table_noun(noun)) == 0) {
            return row;
        }
    }
    return NULL;
}

static const char *nearer(const char *word, const char *candidate, const char *best)
{
    u32 distance = str_distance(word, candidate);
    bool is_near = distance <= NEAR_EDITS && distance < strlen(candidate);
    return is_near && (best == NULL || distance < str_distance(word, best)) ? candidate : best;
}

const char *cli_table_nearest_noun(const char *word)
{
    const char *best = NULL;
    for (u32 i = 0; i < array_count(commands); i++) {
        best = nearer(word, commands[i].noun, best);
    }
    return best;
}

const char *cli_table_nearest_verb(const char *noun, const char *word)
{
    const char *best = NULL;
    for (u32 i = 0; i < array_count(commands); i++) {
        if (strcmp(commands[i].noun, cli_table_noun(noun)) == 0) {
            best = nearer(word, commands[i].verb, best);
        }
    }
    return best;
}

/* ---- Options ---- */

static bool list_names(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; *at != 0; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == size && memcmp(at, name, size) == 0) {
            return true;
        }
        at += word;
    }
    return false;
}

bool cli_table_is_common(const struct cli_option *option)
{
    for (u32 i = 0; i < array_count(options); i++) {
        if (strcmp(options[i].name, "yes") == 0) {
            return option < &options[i];
        }
    }
    return false;
}

bool cli_table_takes(const struct cli_row *row, const struct cli_option *option)
{
    bool confirms = strcmp(option->name, "yes") == 0 || strcmp(option->name, "dry-run") == 0;
    return cli_table_is_common(option) || (confirms && row->destroys[0] != 0) ||
           list_names(row->options, option->name);
}

static bool is_typed(const struct cli_option *option, const char *typed, size_t size)
{
    if (typed[1] != '-') {
        return size == 2 && option->letter != 0 && typed[1] == option->letter;
    }
    return strlen(option->name) == size - 2 && memcmp(option->name, typed + 2, size - 2) == 0;
}

const struct cli_option *cli_table_option(const struct cli_row *row, const char *typed, size_t size)
{
    for (u32 i = 0; i < array_count(options); i++) {
        if (is_typed(&options[i], typed, size) && cli_table_takes(row, &options[i])) {
            return &options[i];
        }
    }
    return NULL;
}

const char *cli_table_nearest_option(const struct cli_row *row, const char *typed)
{
    const char *best = NULL;
    const char *name = typed + strspn(typed, "-");
    for (u32 i = 0; i < array_count(options); i++) {
        best = cli_table_takes(row, &options[i]) ? nearer(name, options[i].name, best) : best;
    }
    return best;
}

/* ---- Words ---- */

/* The word at `index` as it stands in the row, brackets and dots included. */
static bool find_word(const struct cli_row *row, u32 index, const char **word, size_t *size)
{
    const char *at = row->words;
    for (u32 i = 0; *at != 0; i++) {
        *word = at;
        *size = strcspn(at, " ");
        if (i == index || (*size > 4 && memcmp(at + *size - 4, "...]", 4) == 0)) {
            return true;
        }
        at += *size;
        at += strspn(at, " ");
    }
    return false;
}

bool cli_table_word(const struct cli_row *row, u32 index, char name[WORD_NAME_BYTES])
{
    const char *word = NULL;
    size_t size = 0;
    if (!find_word(row, index, &word, &size)) {
        return false;
    }
    size_t from = word[0] == '[' ? 1 : 0;
    return str_format(name, WORD_NAME_BYTES, "%.*s", (int)strcspn(word + from, " .]"), word + from);
}

u32 cli_table_words_min(const struct cli_row *row)
{
    u32 count = 0;
    const char *word = NULL;
    size_t size = 0;
    while (find_word(row, count, &word, &size) && word[0] != '[') {
        count++;
    }
    return count;
}

u32 cli_table_words_max(const struct cli_row *row)
{
    u32 count = 0;
    const char *word = NULL;
    size_t size = 0;
    while (count < CLI_WORDS_MAX && find_word(row, count, &word, &size)) {
        count++;
    }
    return count;
}
