/* One command as typed: words, then options, each from the first place that names it: what was
 * typed, the environment, the fallback of its row in cli_options.def. */
#pragma once

#include "base/str.h"
#include "cli/cli_table.h"

#define CLI_WORDS_MAX 64u
#define CLI_LIST_MAX 16u

/* What a number is that nobody gave. */
#define CLI_ABSENT UINT64_MAX

struct text_list {
    const char *items[CLI_LIST_MAX];
    u32 count;
};

struct command_line {
    const char *words[CLI_WORDS_MAX]; /* what is no option, the command's own words left out */
    u32 words_count;
    const char *server; /* texts that nobody gave are NULL */
    const char *context;
    const char *username;
    bool username_is_typed; /* not from the environment */
    const char *password_file;
    const char *token_file;
    const char *color;
    const char *compression;
    const char *consumer;
    const char *current_password_file;
    const char *expiry;
    const char *fields;
    const char *file;
    const char *format;
    const char *from;
    const char *group;
    const char *input;
    const char *key;
    const char *kind;
    const char *max_size;
    const char *name;
    const char *new_password_file;
    const char *segment_size;
    const char *strategy;
    const char *template;
    const char *to;
    struct text_list headers;
    struct text_list settings;
    u64 timeout_ms;
    u64 batch_bytes;
    u64 count;
    u64 every_ms;
    u64 idle_ms;
    u64 partition;
    u64 partitions;
    u64 value;
    u64 wait_ms;
    bool auto_commit;
    bool dry_run;
    bool follow;
    bool inactive;
    bool json;
    bool quiet;
    bool raw;
    bool watch;
    bool yes;
};

/* Reads what follows the words of `row`; a sentence and false for what is wrong. */
must_check bool command_line_parse(struct command_line *line, const struct cli_row *row,
                                   char **arguments, struct err *err);
