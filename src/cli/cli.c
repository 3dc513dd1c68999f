#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command_line.h"

struct command_row {
    const char *noun;
    const char *verb; /* or NULL */
    u32 words_min;
    u32 words_max;
    int (*run)(const struct command_line *line);
    const char *words;
    const char *help;
};

static const struct command_row commands[] = {
    {"ping", NULL, 0, 0, cli_ping, "",
     "Asks the server for a sign of life and says how long it took"},
    {"stats", NULL, 0, 0, cli_stats, "", "The server in numbers"},
    {"snapshot", NULL, 0, 0, cli_snapshot, "[--file F]",
     "Saves what an answer to a question about this server needs: a ZIP file without secrets"},
    {"stream", "create", 1, 1, cli_stream_create, "NAME", "Creates a stream"},
    {"stream", "list", 0, 0, cli_stream_list, "", "Lists streams"},
    {"stream", "get", 1, 1, cli_stream_get, "STREAM", "One stream and its topics"},
    {"stream", "delete", 1, 1, cli_stream_delete, "STREAM --yes",
     "Deletes a stream with everything in it"},
    {"topic", "create", 2, 2, cli_topic_create, "STREAM NAME [--partitions N]", "Creates a topic"},
    {"topic", "list", 1, 1, cli_topic_list, "STREAM", "Lists the topics of a stream"},
    {"topic", "get", 2, 2, cli_topic_get, "STREAM TOPIC", "One topic and its partitions"},
    {"topic", "delete", 2, 2, cli_topic_delete, "STREAM TOPIC --yes",
     "Deletes a topic with everything in it"},
    {"group", "create", 3, 3, cli_group_create, "STREAM TOPIC NAME", "Creates a consumer group"},
    {"group", "list", 2, 2, cli_group_list, "STREAM TOPIC", "Lists the consumer groups of a topic"},
    {"group", "get", 3, 3, cli_group_get, "STREAM TOPIC GROUP",
     "One group, and which partitions each member reads"},
    {"group", "delete", 3, 3, cli_group_delete, "STREAM TOPIC GROUP --yes",
     "Deletes a consumer group with its offsets"},
    {"user", "create", 1, CLI_WORDS_MAX, cli_user_create,
     "NAME [RIGHT...] [--new-password TEXT] [--inactive]",
     "Creates a user; without --new-password its password is a line of standard input.\n"
     "      RIGHT: read_streams,send_messages or 7:read_stream (stream 7) or 7/3:send_messages "
     "(its topic 3)"},
    {"user", "list", 0, 0, cli_user_list, "", "Lists users"},
    {"user", "get", 1, 1, cli_user_get, "USER", "One user and its rights"},
    {"user", "delete", 1, 1, cli_user_delete, "USER --yes",
     "Deletes a user with its tokens, and ends its sessions"},
    {"user", "rename", 2, 2, cli_user_rename, "USER NAME", "Gives a user another name"},
    {"user", "activate", 1, 1, cli_user_activate, "USER", "Lets a user log in again"},
    {"user", "deactivate", 1, 1, cli_user_deactivate, "USER",
     "Ends the sessions of a user and lets it log in no more"},
    {"user", "permissions", 1, CLI_WORDS_MAX, cli_user_permissions, "USER [RIGHT...] [--yes]",
     "Gives a user these rights in place of those it has; none with --yes"},
    {"user", "password", 1, 1, cli_user_password,
     "USER [--current-password TEXT] [--new-password TEXT]",
     "Changes a password; what is not given as an option is a line of standard input"},
    {"token", "create", 1, 1, cli_token_create, "NAME [--expiry TIME]",
     "Makes an access token and prints it, this once"},
    {"token", "list", 0, 0, cli_token_list, "", "Lists one's own access tokens"},
    {"token", "delete", 1, 1, cli_token_delete, "NAME", "Deletes an access token"},
    {"message", "send", 2, CLI_WORDS_MAX, cli_message_send,
     "STREAM TOPIC [TEXT...] [--partition N] [--file F] [--batch-bytes SIZE]",
     "Sends each TEXT, or each line of the file, or of standard input"},
    {"message", "poll", 2, 2, cli_message_poll,
     "STREAM TOPIC [--partition N] [--strategy offset|timestamp|first|last|next] [--value V] "
     "[--count N] [--consumer C] [--auto-commit] [--raw] [--wait TIME]",
     "Prints messages; --raw: payloads only, one a line, until the end of the partition; --wait: "
     "with nothing to print, waits so long for more"},
};

int cli_knows(const char *word)
{
    for (u32 i = 0; i < array_count(commands); i++) {
        if (strcmp(commands[i].noun, word) == 0) {
            return 1;
        }
    }
    return 0;
}

static void print_command(const struct command_row *row)
{
    printf("  levriero %s%s%s %s\n      %s\n", row->noun, row->verb == NULL ? "" : " ",
           row->verb == NULL ? "" : row->verb, row->words, row->help);
}

void cli_print_commands(void)
{
    for (u32 i = 0; i < array_count(commands); i++) {
        print_command(&commands[i]);
    }
    printf("\nWhere, and as whom (an option, or the environment):\n"
           "  --server HOST:PORT   LEVRIERO_SERVER_URL   127.0.0.1:8090\n"
           "  --username NAME      LEVRIERO_USERNAME     iggy\n"
           "  --token TEXT         LEVRIERO_TOKEN        an access token in place of both\n"
           "  --password TEXT      LEVRIERO_PASSWORD     iggy (others can see options: prefer the "
           "environment)\n");
}

static int print_usage_of(const char *noun)
{
    fprintf(stderr, "levriero: these commands begin with %s:\n", noun);
    for (u32 i = 0; i < array_count(commands); i++) {
        if (strcmp(commands[i].noun, noun) == 0) {
            fprintf(stderr, "  levriero %s %s %s\n", noun,
                    commands[i].verb == NULL ? "" : commands[i].verb, commands[i].words);
        }
    }
    return CLI_USAGE;
}

static const struct command_row *find_command(const char *noun, const char *verb)
{
    for (u32 i = 0; i < array_count(commands); i++) {
        const struct command_row *row = &commands[i];
        if (strcmp(row->noun, noun) == 0 &&
            (row->verb == NULL || (verb != NULL && strcmp(row->verb, verb) == 0))) {
            return row;
        }
    }
    return NULL;
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

int cli_main(int argc, char **argv)
{
    const struct command_row *row = find_command(argv[0], argc > 1 ? argv[1] : NULL);
    if (row == NULL) {
        return print_usage_of(argv[0]);
    }
    int taken = row->verb == NULL ? 1 : 2;
    if (argc > taken && strcmp(argv[taken], "--help") == 0) {
        print_command(row);
        return CLI_DONE;
    }
    struct command_line line;
    struct err err;
    if (!command_line_parse(&line, argc - taken, argv + taken, &err)) {
        fprintf(stderr, "levriero: %s\n", err.text);
        return CLI_USAGE;
    }
    if (line.words_count < row->words_min || line.words_count > row->words_max) {
        fprintf(stderr, "levriero: usage: levriero %s %s %s\n", row->noun,
                row->verb == NULL ? "" : row->verb, row->words);
        return CLI_USAGE;
    }
    return finish_output(row->run(&line));
}

int cli_ping(const struct command_line *line)
{
    struct client_error error;
    struct timespec began;
    struct timespec ended;
    struct client *client = command_line_connect(line, false);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    clock_gettime(CLOCK_MONOTONIC, &began);
    bool good = client_ping(client, &error);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    client_close(client);
    if (!good) {
        return command_line_refuse(&error);
    }
    double us =
        (double)(ended.tv_sec - began.tv_sec) * 1e6 + (double)(ended.tv_nsec - began.tv_nsec) / 1e3;
    printf("%s answered in %.0f us\n", line->server, us);
    return CLI_DONE;
}

static void print_stats(const struct stats *stats)
{
    printf("server version   %.*s\n", (int)stats->server_version.size, stats->server_version.data);
    printf("process          %u (%u threads, %.1f %% CPU)\n", stats->process_id,
           stats->threads_count, (double)stats->process_cpu_percent);
    printf("running for      %llu s\n", (unsigned long long)(stats->run_time_us / US_PER_SECOND));
    printf("memory           %llu MiB of %llu MiB\n",
           (unsigned long long)(stats->memory_bytes / MIB),
           (unsigned long long)(stats->total_memory_bytes / MIB));
    printf("disk free        %llu MiB of %llu MiB\n",
           (unsigned long long)(stats->free_disk_bytes / MIB),
           (unsigned long long)(stats->total_disk_bytes / MIB));
    printf("streams          %u\n", stats->streams_count);
    printf("topics           %u\n", stats->topics_count);
    printf("partitions       %u\n", stats->partitions_count);
    printf("segments         %u\n", stats->segments_count);
    printf("messages         %llu in %llu bytes\n", (unsigned long long)stats->messages_count,
           (unsigned long long)stats->messages_size_bytes);
    printf("clients          %u\n", stats->clients_count);
}

int cli_stats(const struct command_line *line)
{
    struct client_error error;
    struct stats stats;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_stats(client, &stats, &error);
    if (good) {
        print_stats(&stats);
    }
    client_close(client);
    return good ? CLI_DONE : command_line_refuse(&error);
}
