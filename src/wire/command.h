/* Which command does a frame carry, who answers it, and in which shape?
 *
 * commands.def has one row per command. Mutations are named by the op byte of the header alone;
 * reads, pings and the rest travel as op 2 with their code beside it. */
#pragma once

#include "base/types.h"
#include "wire/error.h"
#include "wire/right.h"

#define COMMAND(name, code, op, plane, login, framed, right) COMMAND_##name,
enum command {
#include "wire/commands.def"
    COMMAND_COUNT
};
#undef COMMAND

enum command_plane {
    PLANE_LOCAL,     /* the connection's own core, from its copy of the state */
    PLANE_CONTROL,   /* core 0 decides */
    PLANE_PARTITION, /* the core that owns the partition */
    PLANE_SESSION,   /* changes the session of the connection itself */
};

#define OP_REGISTER 1u
#define OP_NON_REPLICATED 2u
#define OP_LOGOUT 3u
#define OP_METADATA_MIN 128u  /* first of the ops that change metadata */
#define OP_PARTITION_MIN 160u /* first of the ops that go to a partition */
#define OP_SEND_MESSAGES 160u
#define OP_STORE_CONSUMER_OFFSET 161u
#define OP_DELETE_CONSUMER_OFFSET 162u

struct command_row {
    const char *name; /* "CREATE_TOPIC" */
    u32 code;
    u8 op;
    u8 plane; /* enum command_plane */
    bool needs_login;
    bool framed; /* a success begins with the result section */
    u8 right;    /* enum right */
};

/* The row of a command. Never NULL; `command` is one of the enumeration. */
const struct command_row *command_row(enum command command);

/* The command that a header with this op byte and code names. Op 1 is always REGISTER: which login
 * it is shows in the body.
 *
 *   WIRE_INVALID_COMMAND      unknown code under op 2, or an op that is none of a client's
 *   WIRE_FEATURE_UNAVAILABLE  op 2 with the code of a command that has an op of its own */
must_check enum wire_error command_find(u8 op, u32 code, enum command *command);
