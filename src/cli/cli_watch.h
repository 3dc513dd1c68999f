/* `stats --watch`: the server and its topics, look after look, as rates. */
#pragma once

#include "cli/cli_command.h"

must_check bool watch_stats(struct cli *cli);

/* Until the time is over, or ^C. */
void watch_sleep(u64 ms);
