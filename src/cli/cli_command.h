/* One command being carried out: what was typed, the connection, where the result goes. The
 * functions named in cli_commands.def have this alone.
 *
 * A command returns false when it did not do what was asked, with the reason in `error` and, when
 * that does not follow from the reason, the exit code in `code`. */
#pragma once

#include "cli/command_line.h"
#include "cli/output.h"
#include "client/client.h"

/* The exit codes of a command; documented in docs/command-line.md. */
enum cli_code {
    CLI_DONE = 0,
    CLI_REFUSED = 1,     /* the server said no, or something went wrong here */
    CLI_USAGE = 2,       /* the words are wrong, and nothing was sent */
    CLI_NOT_FOUND = 3,   /* what was named does not exist */
    CLI_NOT_ALLOWED = 4, /* not logged in, or without the right */
    CLI_UNREACHABLE = 5, /* no server, no answer, or no answer in time */
    CLI_PARTLY = 6,      /* some was done, some not */
};

struct cli {
    const struct cli_row *row;
    const struct command_line *line;
    struct client *client; /* NULL when offline */
    struct client_error error;
    struct output output;
    enum cli_code code; /* of a failure; CLI_DONE: as the error number says */
};

#define CLI_COMMAND(noun, verb, run, reach, words, options, destroys, help, examples)              \
    bool cli_##run(struct cli *cli);
#include "cli/cli_commands.def"
#undef CLI_COMMAND

/* Fills in the error and the code; always false. */
bool cli_fail(struct cli *cli, enum cli_code code, const char *format, ...) printf_like(3, 4);

/* Something is done and there is nothing else to print: a sentence for people, an object with the
 * command and its words for programs. */
void cli_say_done(struct cli *cli, const char *format, ...) printf_like(2, 3);

/* The same of what was created, with its number. */
void cli_say_created(struct cli *cli, const char *what, const char *name, u32 id);

/* What is said beside the result: standard error, unless --quiet. */
void cli_note(const struct cli *cli, const char *format, ...) printf_like(2, 3);

/* A word as a number of 32 or 64 bits. */
must_check bool cli_word_u32(struct cli *cli, u32 index, u32 *number);
must_check bool cli_word_u64(struct cli *cli, u32 index, u64 *number);

/* The word that is called `name` in the row, or NULL. */
const char *cli_word(const struct cli *cli, const char *name);

/* Wall time, microseconds since 1970. */
u64 cli_now_us(void);

/* The topic whose names are typed for STREAM and TOPIC; false with CLI_NOT_FOUND when it is not
 * there. */
must_check bool cli_topic(struct cli *cli, struct client_topic *topic);

/* Between two waits: ^C was pressed, and the command is to end as if it were done. Works after
 * cli_hold_interrupts. */
void cli_hold_interrupts(void);
bool cli_is_interrupted(void);

/* Who waits long before it prints again asks whether somebody still reads: `tail -f | head -1`. If
 * not, it ends as the next print would have: silently, of SIGPIPE. True when that is ignored. */
must_check bool cli_is_unread(const struct cli *cli);
