/* What may a command need, and which bits of a user's permissions grant it?
 *
 *     commands.def: command ─▶ right      rights.def: right ─▶ bits at each level
 *
 * Whether a user has it is for the state to say (state_allows). */
#pragma once

#include "wire/permissions.h"

#define RIGHT(name, where, global, stream, topic) RIGHT_##name,
enum right {
#include "wire/rights.def"
    RIGHT_COUNT
};
#undef RIGHT

enum right_scope { RIGHT_OF_SERVER, RIGHT_OF_STREAM, RIGHT_OF_TOPIC };

struct right_row {
    const char *name; /* "TOPIC_READ" */
    u8 scope;         /* enum right_scope: what it is asked about */
    u8 stream;        /* enum stream_permission: any of these */
    u8 topic;         /* enum topic_permission: any of these */
    u16 global;       /* enum global_permission: any of these */
};

/* Never NULL; `right` is one of the enumeration. */
const struct right_row *right_row(enum right right);
