#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/cli_command.h"
#include "cli/cli_complete.h"
#include "cli/cli_confirm.h"
#include "cli/cli_help.h"
#include "cli/identity.h"
#include "cli/json_put.h"

#define CONNECT_TIMEOUT_MS 5000u
#define RED "\033[31m"
#define PLAIN "\033[0m"

/* ---- What a command says ---- */

bool cli_fail(struct cli *cli, enum cli_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cli->error = (struct client_error){0};
    (void)vsnprintf(cli->error.text, sizeof(cli->error.text), format, arguments);
    va_end(arguments);
    cli->code = code;
    return false;
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    va_list arguments;
    if (cli->line->quiet) {
        return;
    }
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* {"command":"stream create","stream":"orders"}: `rest` follows in the object. */
static void put_done(const struct cli *cli, const char *what)
{
    char name[WORD_NAME_BYTES];
    FILE *file = cli->output.file;
    fprintf(file, "{\"%s\":\"%s%s%s\"", what, cli->row->noun, cli->row->verb[0] == 0 ? "" : " ",
            cli->row->verb);
    for (u32 i = 0; i < cli->line->words_count && cli_table_word(cli->row, i, name); i++) {
        char key[WORD_NAME_BYTES];
        for (u32 at = 0; at < sizeof(key); at++) {
            key[at] = name[at];
            if (name[at] >= 'A' && name[at] <= 'Z') {
                key[at] |= ' '; /* its small form */
            }
        }
        if (strcmp(key, "right") == 0 || strcmp(key, "text") == 0) {
            break;
        }
        fprintf(file, ",\"%s\":", key);
        json_put_text(file, span_of(cli->line->words[i]));
    }
}

void cli_say_done(struct cli *cli, const char *format, ...)
{
    va_list arguments;
    if (cli->output.form == OUTPUT_JSON) {
        put_done(cli, "done");
        fputs("}\n", cli->output.file);
        return;
    }
    if (cli->line->quiet) {
        return;
    }
    va_start(arguments, format);
    (void)vfprintf(cli->output.file, format, arguments);
    va_end(arguments);
    fputc('\n', cli->output.file);
}

void cli_say_created(struct cli *cli, const char *what, const char *name, u32 id)
{
    if (cli->output.form != OUTPUT_JSON) {
        cli_say_done(cli, "%s %u \"%s\" created", what, id, name);
        return;
    }
    put_done(cli, "done");
    fprintf(cli->output.file, ",\"id\":%u}\n", id);
}

/* ---- What a command asks ---- */

const char *cli_word(const struct cli *cli, const char *name)
{
    char word[WORD_NAME_BYTES];
    for (u32 i = 0; i < cli->line->words_count && cli_table_word(cli->row, i, word); i++) {
        if (strcmp(word, name) == 0) {
            return cli->line->words[i];
        }
    }
    return NULL;
}

bool cli_word_u64(struct cli *cli, u32 index, u64 *number)
{
    char name[WORD_NAME_BYTES] = "";
    check(index < cli->line->words_count);
    (void)cli_table_word(cli->row, index, name);
    return str_to_u64(cli->line->words[index], number) ||
           cli_fail(cli, CLI_USAGE, "%s: \"%s\" is no whole number", name, cli->line->words[index]);
}

bool cli_word_u32(struct cli *cli, u32 index, u32 *number)
{
    u64 value = 0;
    if (!cli_word_u64(cli, index, &value)) {
        return false;
    }
    if (value > UINT32_MAX) {
        return cli_fail(cli, CLI_USAGE, "%s is too large: at most %u", cli->line->words[index],
                        UINT32_MAX);
    }
    *number = (u32)value;
    return true;
}

u64 cli_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

bool cli_topic(struct cli *cli, struct client_topic *topic)
{
    struct client_place place = {cli_word(cli, "STREAM"), cli_word(cli, "TOPIC"), 0};
    if (!client_topic_get(cli->client, &place, topic, &cli->error)) {
        return false;
    }
    return topic->found || cli_fail(cli, CLI_NOT_FOUND, "no topic \"%s\" in stream \"%s\"",
                                    place.topic, place.stream);
}

void cli_hold_interrupts(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

bool cli_is_interrupted(void)
{
    sigset_t set;
    return sigpending(&set) == 0 && sigismember(&set, SIGINT) == 1;
}

bool cli_is_unread(const struct cli *cli)
{
    struct pollfd output = {.fd = fileno(cli->output.file)};
    bool is_unread = poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
    if (is_unread) {
        (void)raise(SIGPIPE);
    }
    return is_unread;
}

/* ---- Errors ---- */

static enum cli_code code_of_number(u32 number)
{
    static const struct {
        u32 number;
        enum cli_code code;
    } codes[] = {
        {0, CLI_UNREACHABLE},
        {WIRE_DISCONNECTED, CLI_UNREACHABLE},
        {WIRE_STALE_CLIENT, CLI_UNREACHABLE},
        {WIRE_TASK_TIMEOUT, CLI_UNREACHABLE},
        {WIRE_UNAUTHENTICATED, CLI_NOT_ALLOWED},
        {WIRE_UNAUTHORIZED, CLI_NOT_ALLOWED},
        {WIRE_INVALID_CREDENTIALS, CLI_NOT_ALLOWED},
        {WIRE_USER_INACTIVE, CLI_NOT_ALLOWED},
        {WIRE_TOKEN_EXPIRED, CLI_NOT_ALLOWED},
        {WIRE_RESOURCE_NOT_FOUND, CLI_NOT_FOUND},
        {WIRE_CLIENT_NOT_FOUND, CLI_NOT_FOUND},
        {WIRE_STREAM_ID_NOT_FOUND, CLI_NOT_FOUND},
        {WIRE_TOPIC_ID_NOT_FOUND, CLI_NOT_FOUND},
        {WIRE_PARTITION_NOT_FOUND, CLI_NOT_FOUND},
        {WIRE_CONSUMER_OFFSET_NOT_FOUND, CLI_NOT_FOUND},
        {WIRE_GROUP_ID_NOT_FOUND, CLI_NOT_FOUND},
        {WIRE_GROUP_NAME_NOT_FOUND, CLI_NOT_FOUND},
    };
    for (u32 i = 0; i < array_count(codes); i++) {
        if (codes[i].number == number) {
            return codes[i].code;
        }
    }
    return CLI_REFUSED;
}

static bool wants_colours(const struct command_line *line, int fd)
{
    const char *never = getenv("NO_COLOR");
    if (strcmp(line->color, "auto") != 0) {
        return strcmp(line->color, "always") == 0;
    }
    return (never == NULL || never[0] == 0) && isatty(fd);
}

static void put_json_error(const struct client_error *error, enum cli_code code)
{
    fputs("{\"error\":", stderr);
    json_put_text(stderr, span_of(error->text));
    fprintf(stderr, ",\"number\":%u,\"retryable\":%s,\"exit_code\":%d}\n", error->number,
            error->retryable ? "true" : "false", (int)code);
}

/* The words could not be read, but one of them said who reads the answer. */
static int refuse_words(char **arguments, const char *sentence)
{
    for (; *arguments != NULL && strcmp(*arguments, "--") != 0; arguments++) {
        if (strcmp(*arguments, "--json") == 0) {
            struct client_error error = {0};
            str_format(error.text, sizeof(error.text), "%s", sentence);
            put_json_error(&error, CLI_USAGE);
            return CLI_USAGE;
        }
    }
    fprintf(stderr, "levriero: %s\n", sentence);
    return CLI_USAGE;
}

static int report(const struct cli *cli)
{
    enum cli_code code = cli->code != CLI_DONE ? cli->code : code_of_number(cli->error.number);
    if (cli->line->json) {
        put_json_error(&cli->error, code);
        return (int)code;
    }
    bool colours = wants_colours(cli->line, STDERR_FILENO);
    fprintf(stderr, "%slevriero:%s %s\n", colours ? RED : "", colours ? PLAIN : "",
            cli->error.text);
    return (int)code;
}

/* What could not be printed was not done: a script reads the exit code. */
static int finish_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return code;
    }
    fprintf(stderr, "levriero: standard output: %s\n", strerror(errno));
    return code == CLI_DONE ? CLI_REFUSED : code;
}

/* ---- The connection ---- */

static bool reach(struct cli *cli)
{
    struct err err;
    struct identity identity;
    bool logs_in = cli->row->reach == REACH_LOGS_IN;
    bool known = logs_in ? identity_find(&identity, cli->line, &err)
                         : identity_server(&identity, cli->line, &err);
    if (!known) {
        return cli_fail(cli, CLI_USAGE, "%s", err.text);
    }
    cli->client =
        client_connect(&(struct client_options){.address = identity.server,
                                                .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                .request_timeout_ms = (u32)u64_min(
                                                    cli->line->timeout_ms, UINT32_MAX / 2)},
                       &cli->error);
    if (cli->client == NULL) {
        cli->code = CLI_UNREACHABLE;
        return false;
    }
    if (!logs_in) {
        return true;
    }
    const char *secret = identity.secret.text;
    if (identity.has_token ? client_login_token(cli->client, secret, &cli->error)
                           : client_login(cli->client, identity.username, secret, &cli->error)) {
        return true;
    }
    /* To a login, an unknown token is what a wrong password is. */
    cli->code = cli->error.number == WIRE_INVALID_TOKEN ? CLI_NOT_ALLOWED : CLI_DONE;
    if (identity.is_from_login && cli->code == CLI_NOT_ALLOWED) {
        return cli_fail(cli, CLI_NOT_ALLOWED,
                        "the login kept for %s is over: `levriero logout`, then `levriero login`",
                        identity.server);
    }
    return false;
}

/* A name that the protocol cannot carry is refused before anything is sent. */
static bool judge_names(struct cli *cli)
{
    static const char *const names[] = {"STREAM", "TOPIC",    "GROUP", "USER",
                                        "TOKEN",  "CONSUMER", "NAME"};
    for (u32 i = 0; i <= array_count(names); i++) {
        bool is_last = i == array_count(names);
        const char *name = is_last ? "--consumer" : names[i];
        const char *word = is_last ? cli->line->consumer : cli_word(cli, name);
        if (word != NULL && (word[0] == 0 || strlen(word) > 255)) {
            return cli_fail(cli, CLI_USAGE, "%s: a name has 1 to 255 bytes, this one %zu", name,
                            strlen(word));
        }
    }
    return true;
}

static bool carry_out(struct cli *cli)
{
    if (!judge_names(cli)) {
        return false;
    }
    if (cli->row->reach != REACH_OFFLINE && !reach(cli)) {
        return false;
    }
    bool goes_on = true;
    if (cli->row->destroys[0] != 0 && !cli_confirm(cli, &goes_on)) {
        return false;
    }
    return !goes_on || cli->row->run(cli);
}

static int run(const struct cli_row *row, const struct command_line *line)
{
    struct cli cli = {.row = row, .line = line};
    enum output_form form = line->json              ? OUTPUT_JSON
                            : isatty(STDOUT_FILENO) ? OUTPUT_TABLE
                                                    : OUTPUT_LINES;
    output_init(&cli.output, stdout, form, wants_colours(line, STDOUT_FILENO));
    bool good = carry_out(&cli);
    if (cli.client != NULL) {
        client_close(cli.client);
    }
    output_deinit(&cli.output);
    return finish_output(good ? CLI_DONE : report(&cli));
}

/* ---- Words ---- */

int cli_knows(const char *word)
{
    return cli_table_has_noun(word) || strcmp(word, "__complete") == 0;
}

void cli_print_commands(void)
{
    cli_help_all(stdout);
}

int cli_refuse_word(const char *word)
{
    const char *nearest = cli_table_nearest_noun(word);
    fprintf(stderr, "levriero: there is no command %s", word);
    if (nearest != NULL) {
        fprintf(stderr, ": did you mean %s?\n", nearest);
    } else {
        fprintf(stderr, "; `levriero --help` lists them\n");
    }
    return CLI_USAGE;
}

static bool asks_for_help(char **arguments)
{
    for (; *arguments != NULL && strcmp(*arguments, "--") != 0; arguments++) {
        if (strcmp(*arguments, "--help") == 0 || strcmp(*arguments, "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int refuse_verb(const char *noun, const char *verb)
{
    const char *nearest = verb == NULL ? NULL : cli_table_nearest_verb(noun, verb);
    if (nearest != NULL) {
        fprintf(stderr, "levriero: there is no %s %s: did you mean %s %s?\n", noun, verb, noun,
                nearest);
    } else {
        fprintf(stderr, "levriero: these commands begin with %s:\n", noun);
        cli_help_noun(stderr, noun);
    }
    return CLI_USAGE;
}

int cli_help_words(int argc, char **argv)
{
    const struct cli_row *row = cli_table_find(argv[0], argc > 1 ? argv[1] : NULL);
    if (row != NULL) {
        cli_help_command(stdout, row);
    } else if (cli_table_has_noun(argv[0])) {
        cli_help_noun(stdout, argv[0]);
    } else {
        return cli_refuse_word(argv[0]);
    }
    return finish_output(CLI_DONE);
}

int cli_main(int argc, char **argv)
{
    if (strcmp(argv[0], "__complete") == 0) {
        return cli_complete(argv + 1);
    }
    const char *verb = argc > 1 ? argv[1] : NULL;
    const struct cli_row *row = cli_table_find(argv[0], verb);
    if (row == NULL && asks_for_help(argv)) {
        cli_help_noun(stdout, argv[0]);
        return finish_output(CLI_DONE);
    }
    if (row == NULL) {
        return refuse_verb(argv[0], verb);
    }
    char **arguments = argv + (row->verb[0] == 0 ? 1 : 2);
    if (asks_for_help(arguments)) {
        cli_help_command(stdout, row);
        return finish_output(CLI_DONE);
    }
    struct command_line line;
    struct err err;
    if (!command_line_parse(&line, row, arguments, &err)) {
        return refuse_words(arguments, err.text);
    }
    return run(row, &line);
}
