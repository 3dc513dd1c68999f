/* The commands of an operator, over the client library like anyone's program.
 *
 * Results go to standard output, errors to standard error. Exit codes: 0 done, 1 the server or the
 * connection said no, 2 the command line is wrong. */
#pragma once

/* `argv[0]` is the first word of the command ("stream"). Returns the exit code. */
int cli_main(int argc, char **argv);

/* True for a word that begins a command of ours. */
int cli_knows(const char *word);

/* The list of commands, for `levriero --help`. */
void cli_print_commands(void);
