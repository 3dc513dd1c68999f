/* One command as typed: words, then options; and the connection it is carried out over. */
#pragma once

#include "client/client.h"

#define CLI_WORDS_MAX 64u

#define CLI_DONE 0
#define CLI_REFUSED 1
#define CLI_USAGE 2

struct command_line {
    const char *words[CLI_WORDS_MAX]; /* what is no option, the command's own words left out */
    u32 words_count;
    const char *server;
    const char *username;
    const char *password;
    const char *token;            /* or NULL: by name and password */
    const char *current_password; /* of the user that is changed; or NULL */
    const char *new_password;     /* or NULL */
    const char *file;
    const char *strategy; /* offset, timestamp, first, last or next */
    const char *consumer;
    u64 partition;
    u64 partitions;
    u64 value;
    u64 count;
    u64 batch_bytes;
    u64 wait_ms;
    u64 expiry_us; /* of a token, from now; 0: never */
    bool auto_commit;
    bool inactive;
    bool raw;
    bool yes;
};

/* Fills in defaults, environment and options; a sentence and false for what is wrong. */
must_check bool command_line_parse(struct command_line *line, int argc, char **argv,
                                   struct err *err);

/* Connects and, if `logs_in`, logs in; prints what went wrong and gives NULL. */
struct client *command_line_connect(const struct command_line *line, bool logs_in);

/* Prints the error; gives CLI_REFUSED. */
int command_line_refuse(const struct client_error *error);

/* The commands; each gives an exit code. */
int cli_ping(const struct command_line *line);
int cli_stats(const struct command_line *line);
int cli_snapshot(const struct command_line *line);
int cli_stream_create(const struct command_line *line);
int cli_stream_list(const struct command_line *line);
int cli_stream_get(const struct command_line *line);
int cli_stream_delete(const struct command_line *line);
int cli_topic_create(const struct command_line *line);
int cli_topic_list(const struct command_line *line);
int cli_topic_get(const struct command_line *line);
int cli_topic_delete(const struct command_line *line);
int cli_group_create(const struct command_line *line);
int cli_group_list(const struct command_line *line);
int cli_group_get(const struct command_line *line);
int cli_group_delete(const struct command_line *line);
int cli_message_send(const struct command_line *line);
int cli_message_poll(const struct command_line *line);
int cli_user_create(const struct command_line *line);
int cli_user_list(const struct command_line *line);
int cli_user_get(const struct command_line *line);
int cli_user_delete(const struct command_line *line);
int cli_user_rename(const struct command_line *line);
int cli_user_activate(const struct command_line *line);
int cli_user_deactivate(const struct command_line *line);
int cli_user_permissions(const struct command_line *line);
int cli_user_password(const struct command_line *line);
int cli_token_create(const struct command_line *line);
int cli_token_list(const struct command_line *line);
int cli_token_delete(const struct command_line *line);
