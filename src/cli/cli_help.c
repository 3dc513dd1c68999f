#include "cli/cli_help.h"

#include <string.h>

#define COMMAND_COLUMN 58
#define OPTION_COLUMN 34

static const char *gap_of(const struct cli_row *row)
{
    return row->verb[0] == 0 ? "" : " ";
}

static void print_line(FILE *file, const struct cli_row *row)
{
    char left[COMMAND_COLUMN + 64];
    int width =
        snprintf(left, sizeof(left), "  %s%s%s %s", row->noun, gap_of(row), row->verb, row->words);
    fprintf(file, "%-*s%s%s\n", COMMAND_COLUMN, left, width >= COMMAND_COLUMN ? " " : "",
            row->help);
}

void cli_help_all(FILE *file)
{
    u32 count = 0;
    const struct cli_row *rows = cli_table_commands(&count);
    const char *noun = "";
    for (u32 i = 0; i < count; i++) {
        if (strcmp(noun, rows[i].noun) != 0 && (rows[i].verb[0] != 0 || i == 0)) {
            fputc('\n', file);
        }
        noun = rows[i].noun;
        print_line(file, &rows[i]);
    }
    fprintf(file, "\n`levriero COMMAND --help` explains one, with examples.\n");
}

void cli_help_noun(FILE *file, const char *noun)
{
    u32 count = 0;
    const struct cli_row *rows = cli_table_commands(&count);
    for (u32 i = 0; i < count; i++) {
        if (strcmp(rows[i].noun, cli_table_noun(noun)) == 0) {
            print_line(file, &rows[i]);
        }
    }
}

static void print_option(FILE *file, const struct cli_option *row)
{
    char left[OPTION_COLUMN + 64];
    char letter[8] = "    ";
    if (row->letter != 0) {
        snprintf(letter, sizeof(letter), "-%c, ", row->letter);
    }
    int width = snprintf(left, sizeof(left), "  %s--%s %s", letter, row->name, row->value);
    fprintf(file, "%-*s%s%s", OPTION_COLUMN, left, width >= OPTION_COLUMN ? " " : "", row->help);
    if (row->fallback[0] != 0) {
        fprintf(file, " [%s]", row->fallback);
    }
    if (row->environment[0] != 0) {
        fprintf(file, " (%s)", row->environment);
    }
    fputc('\n', file);
}

static void print_options(FILE *file, const struct cli_row *row, bool common)
{
    u32 count = 0;
    const struct cli_option *rows = cli_table_options(&count);
    const char *heading = common ? "\nOf every command:\n" : "\nOptions:\n";
    for (u32 i = 0; i < count; i++) {
        if (cli_table_is_common(&rows[i]) == common && cli_table_takes(row, &rows[i])) {
            fputs(heading, file);
            heading = "";
            print_option(file, &rows[i]);
        }
    }
}

static void print_alias(FILE *file, const struct cli_row *row, const struct cli_alias *alias)
{
    bool is_noun = alias->noun[0] == 0 && strcmp(alias->word, row->noun) == 0;
    bool is_verb = (strcmp(alias->noun, row->noun) == 0 || strcmp(alias->noun, "*") == 0) &&
                   row->verb[0] != 0 && cli_table_find(row->noun, alias->alias) == row;
    if (is_noun || is_verb) {
        fprintf(file, "  %s may be typed %s.\n", alias->word, alias->alias);
    }
}

static void print_aliases(FILE *file, const struct cli_row *row)
{
    u32 count = 0;
    const struct cli_alias *aliases = cli_table_aliases(&count);
    for (u32 i = 0; i < count; i++) {
        print_alias(file, row, &aliases[i]);
    }
}

static void print_examples(FILE *file, const char *examples)
{
    fputs("\nExamples:\n", file);
    for (const char *at = examples; *at != 0; at += *at == '\n') {
        size_t size = strcspn(at, "\n");
        fprintf(file, "  levriero %.*s\n", (int)size, at);
        at += size;
    }
}

void cli_help_command(FILE *file, const struct cli_row *row)
{
    fprintf(file, "levriero %s%s%s %s\n\n  %s.\n", row->noun, gap_of(row), row->verb, row->words,
            row->help);
    if (row->destroys[0] != 0) {
        fprintf(file, "  It destroys, and so asks first, or wants --yes.\n");
    }
    print_aliases(file, row);
    print_options(file, row, false);
    print_options(file, row, true);
    print_examples(file, row->examples);
}
