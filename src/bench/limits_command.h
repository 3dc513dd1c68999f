/* `levriero bench limits`: what this machine can do at best, by size and connections. */
#pragma once

/* `argv` begins after the word `limits`; gives an exit code. */
int limits_command(int argc, char **argv);
