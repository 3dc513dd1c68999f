/* Completion: the shells' scripts ask `levriero __complete WORD... LAST`, and get what LAST may
 * become, one a line. Names of streams, topics, groups, users and tokens come from the server, if
 * it answers soon. */
#pragma once

/* The words behind `__complete`, ended by NULL. Always 0: a shell has no use for complaints. */
int cli_complete(char **words);
