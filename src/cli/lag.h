/* How far a consumer or a group is behind: the newest offset of each partition, the one stored, the
 * messages between, and for how long the first of those has waited.
 *
 * A partition without a stored offset is behind by all that it holds. */
#pragma once

#include "cli/cli_command.h"

struct lag_of {
    bool is_group;
    const char *consumer;
    u64 partition; /* that one alone, or CLI_ABSENT */
};

struct lag {
    u32 partition_id;
    bool has_messages;
    bool has_stored;
    u64 current_offset; /* newest */
    u64 stored_offset;
    u64 messages;  /* left to read */
    u64 behind_us; /* since the first of them was appended; 0: none left */
};

struct lag_list {
    struct lag *items;
    u32 count;
};

/* Of the topic named by STREAM and TOPIC. On true the list is to be given back. */
must_check bool lag_measure(struct cli *cli, const struct lag_of *of, struct lag_list *list);
void lag_list_deinit(struct lag_list *list);
void lag_print(struct cli *cli, const struct lag_list *list);
