#include "cli/cli_complete.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_command.h"
#include "cli/identity.h"

/* Who presses a key does not wait longer. */
#define TIMEOUT_MS 2000u

static void offer(const char *last, const char *word)
{
    if (strncmp(word, last, strlen(last)) == 0) {
        printf("%s\n", word);
    }
}

/* A name with a line end cannot be offered in a line. */
static void offer_name(const char *last, struct span name)
{
    char text[512];
    bool is_line = memchr(name.data, '\n', name.size) == NULL;
    if (is_line && str_format(text, sizeof(text), "%.*s", (int)name.size, name.data)) {
        offer(last, text);
    }
}

static void offer_choices(const char *last, const char *choices)
{
    char word[64];
    for (const char *at = choices; *at != 0; at += *at == '|') {
        size_t size = strcspn(at, "|");
        str_format(word, sizeof(word), "%.*s", (int)size, at);
        offer(last, word);
        at += size;
    }
}

/* ---- Nouns, verbs, options ---- */

static void offer_nouns(const char *last)
{
    static const char *const others[] = {"server", "doctor", "bench", "help"};
    u32 count = 0;
    const struct cli_row *rows = cli_table_commands(&count);
    const char *noun = "";
    for (u32 i = 0; i < count; i++) {
        if (strcmp(noun, rows[i].noun) != 0) {
            noun = rows[i].noun;
            offer(last, noun);
        }
    }
    for (u32 i = 0; i < array_count(others); i++) {
        offer(last, others[i]);
    }
}

static void offer_verbs(const char *noun, const char *last)
{
    u32 count = 0;
    const struct cli_row *rows = cli_table_commands(&count);
    for (u32 i = 0; i < count; i++) {
        if (strcmp(rows[i].noun, cli_table_noun(noun)) == 0) {
            offer(last, rows[i].verb);
        }
    }
}

static void offer_options(const struct cli_row *row, const char *last)
{
    char name[64];
    u32 count = 0;
    const struct cli_option *rows = cli_table_options(&count);
    for (u32 i = 0; i < count; i++) {
        if (cli_table_takes(row, &rows[i])) {
            str_format(name, sizeof(name), "--%s", rows[i].name);
            offer(last, name);
        }
    }
    offer(last, "--help");
}

/* ---- Names from the server ---- */

static struct client *connect_as(const struct command_line *line)
{
    struct err err;
    struct client_error error;
    struct identity identity;
    if (!identity_find(&identity, line, &err)) {
        return NULL;
    }
    struct client *client =
        client_connect(&(struct client_options){.address = identity.server,
                                                .connect_timeout_ms = TIMEOUT_MS,
                                                .request_timeout_ms = TIMEOUT_MS},
                       &error);
    if (client == NULL) {
        return NULL;
    }
    const char *secret = identity.secret.text;
    bool good = identity.has_token ? client_login_token(client, secret, &error)
                                   : client_login(client, identity.username, secret, &error);
    if (!good) {
        client_close(client);
    }
    return good ? client : NULL;
}

static void offer_streams(struct client *client, const char *last)
{
    struct client_error error;
    struct reader streams;
    if (!client_streams(client, &streams, &error)) {
        return;
    }
    while (!streams.failed && reader_left(&streams) > 0) {
        offer_name(last, read_stream_info(&streams).name);
    }
}

static void offer_topics(struct client *client, const char *stream, const char *last)
{
    struct client_error error;
    struct reader topics;
    if (stream == NULL || !client_topics(client, stream, &topics, &error)) {
        return;
    }
    while (!topics.failed && reader_left(&topics) > 0) {
        offer_name(last, read_topic_view(&topics).info.name);
    }
}

static void offer_groups(struct client *client, const struct cli *cli, const char *last)
{
    struct client_error error;
    struct reader groups;
    const char *stream = cli_word(cli, "STREAM");
    const char *topic = cli_word(cli, "TOPIC");
    if (stream == NULL || topic == NULL || !client_groups(client, stream, topic, &groups, &error)) {
        return;
    }
    while (!groups.failed && reader_left(&groups) > 0) {
        offer_name(last, read_group_info(&groups).name);
    }
}

static void offer_users(struct client *client, const char *last)
{
    struct client_error error;
    struct reader users;
    if (!client_users(client, &users, &error)) {
        return;
    }
    while (!users.failed && reader_left(&users) > 0) {
        offer_name(last, read_user_info(&users).username);
    }
}

static void offer_tokens(struct client *client, const char *last)
{
    struct client_error error;
    struct reader tokens;
    if (!client_tokens(client, &tokens, &error)) {
        return;
    }
    while (!tokens.failed && reader_left(&tokens) > 0) {
        offer_name(last, read_token_info(&tokens).name);
    }
}

static void offer_contexts(const char *last)
{
    struct err err;
    char path[CONTEXT_PATH_BYTES];
    DIR *folder = context_folder(path, &err) ? opendir(path) : NULL;
    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (context_name_fits(entry->d_name, &err)) {
            offer(last, entry->d_name);
        }
    }
    (void)closedir(folder);
}

static void offer_from_server(const struct cli *cli, const char *name, const char *last)
{
    struct client *client = connect_as(cli->line);
    if (client == NULL) {
        return;
    }
    if (strcmp(name, "STREAM") == 0) {
        offer_streams(client, last);
    } else if (strcmp(name, "TOPIC") == 0) {
        offer_topics(client, cli_word(cli, "STREAM"), last);
    } else if (strcmp(name, "GROUP") == 0) {
        offer_groups(client, cli, last);
    } else if (strcmp(name, "USER") == 0) {
        offer_users(client, last);
    } else {
        offer_tokens(client, last);
    }
    client_close(client);
}

static void offer_word(const struct cli *cli, const char *name, const char *last)
{
    static const char *const from_server[] = {"STREAM", "TOPIC", "GROUP", "USER", "TOKEN"};
    if (strcmp(name, "CONTEXT") == 0) {
        offer_contexts(last);
    } else if (strcmp(name, "SHELL") == 0) {
        offer_choices(last, "bash|zsh|fish");
    } else if (strcmp(name, "SCOPE") == 0) {
        offer_choices(last, "topic|stream|user");
    }
    for (u32 i = 0; i < array_count(from_server); i++) {
        if (strcmp(name, from_server[i]) == 0) {
            offer_from_server(cli, name, last);
        }
    }
}

/* ---- What stands before the last word ---- */

/* The option whose value is being typed, or NULL. */
static const struct cli_option *pending_option(const struct cli_row *row, const char *before)
{
    if (before == NULL || before[0] != '-' || before[1] == 0) {
        return NULL;
    }
    const struct cli_option *option = cli_table_option(row, before, strlen(before));
    return option != NULL && option->kind != VALUE_SWITCH ? option : NULL;
}

static void offer_value(const struct cli_option *option, const char *last)
{
    if (option->kind == VALUE_CHOICE) {
        offer_choices(last, option->value);
    } else if (strcmp(option->value, "CONTEXT") == 0) {
        offer_contexts(last);
    }
}

/* `words` are those behind noun and verb, `count` of them before the last. */
static void complete_command(const struct cli_row *row, char **words, u32 count, const char *last)
{
    struct err err;
    struct command_line line;
    char name[WORD_NAME_BYTES];
    const struct cli_option *pending = pending_option(row, count == 0 ? NULL : words[count - 1]);
    if (pending != NULL) {
        offer_value(pending, last);
        return;
    }
    if (last[0] == '-') {
        offer_options(row, last);
        return;
    }
    char *kept = words[count];
    words[count] = NULL;
    /* Too few words are what completion is there for: those read so far stay in the line. */
    (void)!command_line_parse(&line, row, words, &err);
    words[count] = kept;
    struct cli cli = {.row = row, .line = &line};
    if (cli_table_word(row, line.words_count, name)) {
        offer_word(&cli, name, last);
    }
}

int cli_complete(char **words)
{
    u32 count = 0;
    while (words[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return CLI_DONE;
    }
    const char *last = words[count - 1];
    if (count == 1) {
        offer_nouns(last);
        return CLI_DONE;
    }
    const struct cli_row *row = cli_table_find(words[0], words[1]);
    if (count == 2 && (row == NULL || row->verb[0] != 0)) {
        offer_verbs(words[0], last);
    } else if (row != NULL) {
        u32 taken = row->verb[0] == 0 ? 1 : 2;
        complete_command(row, words + taken, count - 1 - taken, last);
    }
    return CLI_DONE;
}

/* ---- The scripts ---- */

static const char bash_script[] =
    "_levriero() {\n"
    "    local IFS=$'\\n' words\n"
    "    words=(\"${COMP_WORDS[@]:1:COMP_CWORD}\")\n"
    "    COMPREPLY=($(\"${COMP_WORDS[0]}\" __complete \"${words[@]}\" 2>/dev/null))\n"
    "    COMPREPLY=(\"${COMPREPLY[@]// /\\\\ }\")\n"
    "}\n"
    "complete -o default -F _levriero levriero\n";

static const char zsh_script[] =
    "#compdef levriero\n"
    "_levriero() {\n"
    "    local -a found\n"
    "    found=(\"${(@f)$(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    found=(${found:#})\n"
    "    if (( ${#found} )); then\n"
    "        compadd -- \"${found[@]}\"\n"
    "    else\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _levriero ]; then\n"
    "    _levriero \"$@\"\n"
    "else\n"
    "    compdef _levriero levriero\n"
    "fi\n";

static const char fish_script[] =
    "function __levriero_complete\n"
    "    set -l words (commandline -opc)\n"
    "    $words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null\n"
    "end\n"
    "complete -c levriero -f -a '(__levriero_complete)'\n";

bool cli_completion(struct cli *cli)
{
    static const char *const scripts[][2] = {
        {"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    for (u32 i = 0; i < array_count(scripts); i++) {
        if (strcmp(scripts[i][0], cli->line->words[0]) == 0) {
            fputs(scripts[i][1], cli->output.file);
            return true;
        }
    }
    return cli_fail(cli, CLI_USAGE, "\"%s\" is none of bash, zsh, fish", cli->line->words[0]);
}
