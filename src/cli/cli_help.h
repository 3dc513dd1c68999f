/* Help out of the rows of the commands: what there is, and one command with its options and
 * examples. */
#pragma once

#include <stdio.h>

#include "cli/cli_table.h"

/* One line a command, and how to go on. */
void cli_help_all(FILE *file);

/* The commands of a noun. */
void cli_help_noun(FILE *file, const char *noun);
void cli_help_command(FILE *file, const struct cli_row *row);
