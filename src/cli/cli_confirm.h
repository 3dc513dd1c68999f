/* Before something is destroyed: what it is, and whether that is meant. */
#pragma once

#include "cli/cli_command.h"

/* True with `goes_on` when somebody said yes, or --yes; true without for a dry run, after saying
 * what would be done. False: nobody can be asked, or the answer was no. */
must_check bool cli_confirm(struct cli *cli, bool *goes_on);
