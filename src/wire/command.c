#include "wire/command.h"

#include "base/check.h"

static const struct command_row rows[COMMAND_COUNT] = {
#define COMMAND(name, code, op, plane, login, framed, right)                                       \
    [COMMAND_##                                                                                    \
        name] = {#name, (code), (op), PLANE_##plane, (login) != 0, (framed) != 0, RIGHT_##right},
#include "wire/commands.def"
#undef COMMAND
};

const struct command_row *command_row(enum command command)
{
    check((u32)command < COMMAND_COUNT);
    return &rows[command];
}

/* Codes rise from row to row, so that this is a plain binary search. */
static const struct command_row *row_of_code(u32 code)
{
    u32 low = 0;
    u32 high = COMMAND_COUNT;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (rows[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < COMMAND_COUNT && rows[low].code == code ? &rows[low] : NULL;
}

/* The first row with an op of its own: REGISTER comes before its twin. */
static const struct command_row *row_of_op(u8 op)
{
    for (u32 i = 0; i < COMMAND_COUNT; i++) {
        if (rows[i].op == op) {
            return &rows[i];
        }
    }
    return NULL;
}

enum wire_error command_find(u8 op, u32 code, enum command *command)
{
    const struct command_row *row = op == OP_NON_REPLICATED ? row_of_code(code) : row_of_op(op);
    if (row == NULL) {
        return WIRE_INVALID_COMMAND;
    }
    if (row->op != op) {
        return WIRE_FEATURE_UNAVAILABLE;
    }
    *command = (enum command)(row - rows);
    return WIRE_OK;
}
