/* What a function that can fail returns. These are the world's faults, by name; the numbers that go
 * over the wire are another list (wire/errors.def), and our own faults stop the process
 * (check.h). */
#pragma once

#include "base/types.h"

#define STATUS_LIST(X)                                                                             \
    X(OK, "ok")                                                                                    \
    X(ERR_AGAIN, "not now, try again after progress")                                              \
    X(ERR_CANCELLED, "cancelled by its owner")                                                     \
    X(ERR_CLOSED, "the other side closed")                                                         \
    X(ERR_CORRUPT, "the bytes do not verify")                                                      \
    X(ERR_EXISTS, "exists already")                                                                \
    X(ERR_INVALID, "not a valid value")                                                            \
    X(ERR_IO, "the device failed")                                                                 \
    X(ERR_LIMIT, "a configured limit is reached")                                                  \
    X(ERR_MEMORY, "no memory left in the plan")                                                    \
    X(ERR_NOT_FOUND, "does not exist")                                                             \
    X(ERR_PERMISSION, "not allowed")                                                               \
    X(ERR_SPACE, "no space left on the device")                                                    \
    X(ERR_TIMEOUT, "took too long")                                                                \
    X(ERR_TOO_LARGE, "larger than allowed")                                                        \
    X(ERR_UNSUPPORTED, "not supported here")

#define STATUS_ENUM(name, text) name,
enum status { STATUS_LIST(STATUS_ENUM) STATUS_COUNT };
#undef STATUS_ENUM

/* "ERR_SPACE": for logs and the recorder. Never NULL. */
const char *status_name(enum status status);

/* "no space left on the device": for sentences. Never NULL. */
const char *status_text(enum status status);
