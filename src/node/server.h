/* `levriero server`: configuration, start, signals, stop. The main thread never touches data: it
 * waits for signals and writes log lines. */
#pragma once

/* Returns the exit code: 0 after a clean stop, 1 when the start failed or data could not be
 * written, 2 for a wrong command line. */
int server_main(int argc, char **argv);
