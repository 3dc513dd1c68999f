#include "cli/cli_confirm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/json_put.h"

#define SENTENCE_BYTES 1024u

/* The sentence of the row with what was typed in place of the words in braces. */
static void fill_in(const struct cli *cli, char sentence[SENTENCE_BYTES])
{
    u32 position = 0;
    char name[WORD_NAME_BYTES];
    sentence[0] = 0;
    for (const char *at = cli->row->destroys; *at != 0;) {
        size_t plain = strcspn(at, "{");
        (void)str_append(sentence, SENTENCE_BYTES, &position, "%.*s", (int)plain, at);
        at += plain;
        if (*at == 0) {
            return;
        }
        size_t size = strcspn(at, "}");
        str_format(name, sizeof(name), "%.*s", (int)size - 1, at + 1);
        const char *word = cli_word(cli, name);
        (void)str_append(sentence, SENTENCE_BYTES, &position, "%s", word == NULL ? name : word);
        at += size + 1;
    }
}

/* How much it is, as far as the server says it: and so that it is there at all. */
static bool weigh(struct cli *cli, char sentence[SENTENCE_BYTES])
{
    u32 position = (u32)strlen(sentence);
    const char *stream = cli_word(cli, "STREAM");
    u64 messages = 0;
    u64 bytes = 0;
    if (stream == NULL) {
        return true;
    }
    if (cli_word(cli, "TOPIC") != NULL) {
        struct client_topic topic;
        if (!cli_topic(cli, &topic)) {
            return false;
        }
        messages = topic.view.info.messages_count;
        bytes = topic.view.info.size_bytes;
    } else {
        struct client_stream found;
        if (!client_stream_get(cli->client, stream, &found, &cli->error)) {
            return false;
        }
        if (!found.found) {
            return cli_fail(cli, CLI_NOT_FOUND, "no stream \"%s\"", stream);
        }
        messages = found.info.messages_count;
        bytes = found.info.size_bytes;
    }
    (void)str_append(sentence, SENTENCE_BYTES, &position, " (the %s has %llu messages, %llu bytes)",
                     cli_word(cli, "TOPIC") != NULL ? "topic" : "stream",
                     (unsigned long long)messages, (unsigned long long)bytes);
    return true;
}

static bool answer_is_yes(const char *sentence)
{
    char answer[16];
    fprintf(stderr, "This destroys %s.\nGo on? [y/N] ", sentence);
    (void)fflush(stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static void say_dry_run(struct cli *cli, const char *sentence)
{
    if (cli->output.form != OUTPUT_JSON) {
        fprintf(cli->output.file, "would destroy %s\n", sentence);
        return;
    }
    fprintf(cli->output.file, "{\"would\":\"%s %s\",\"destroys\":", cli->row->noun, cli->row->verb);
    json_put_text(cli->output.file, span_of(sentence));
    fputs("}\n", cli->output.file);
}

bool cli_confirm(struct cli *cli, bool *goes_on)
{
    char sentence[SENTENCE_BYTES];
    const struct command_line *line = cli->line;
    *goes_on = line->yes && !line->dry_run;
    if (*goes_on) {
        return true;
    }
    fill_in(cli, sentence);
    bool can_ask = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    if (!line->dry_run && !can_ask) {
        return cli_fail(cli, CLI_USAGE, "this destroys %s: add --yes, or look first with --dry-run",
                        sentence);
    }
    if (!weigh(cli, sentence)) {
        return false;
    }
    if (line->dry_run) {
        /* Where offsets go is the command's to say. */
        *goes_on = strcmp(cli->row->verb, "reset") == 0;
        if (!*goes_on) {
            say_dry_run(cli, sentence);
        }
        return true;
    }
    *goes_on = answer_is_yes(sentence);
    return *goes_on || cli_fail(cli, CLI_REFUSED, "nothing was done");
}
