/* `message poll --group`: reads as a member of a consumer group, and commits what it printed.
 *
 *     join ─▶ [ sync ─▶ poll each partition of its own ─▶ print ─▶ commit ]… ─▶ leave
 *
 * It ends after `--count` messages, when nothing came for `--wait`, or with ^C, and leaves the
 * group whatever happened. A message is committed when standard output has it, so one that could
 * not be printed is handed out again. */
#pragma once

#include "cli/cli_command.h"

must_check bool cli_message_poll_group(struct cli *cli);
