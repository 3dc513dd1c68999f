/* The commands of an operator, over the client library like anyone's program.
 *
 * Results go to standard output, everything said about them to standard error. The exit codes are
 * enum cli_code. */
#pragma once

/* `argv[0]` is the first word of the command ("stream"); a NULL ends the array. Returns the exit
 * code. */
int cli_main(int argc, char **argv);

/* True for a word that begins a command of ours. */
int cli_knows(const char *word);

/* `levriero help stream create`: what stands behind "help". Returns the exit code. */
int cli_help_words(int argc, char **argv);

/* Says that there is no such command, and what may have been meant. Returns the exit code. */
int cli_refuse_word(const char *word);

/* The list of commands, for `levriero --help`. */
void cli_print_commands(void);
