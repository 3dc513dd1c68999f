/* Passwords and tokens: from files, the environment, a terminal without echo, or a line of standard
 * input. Never from arguments, which every process on the machine can read. */
#pragma once

#include "base/str.h"

#define SECRET_BYTES_MAX 512u

struct secret {
    char text[SECRET_BYTES_MAX];
};

/* The first line of the file. */
must_check bool secret_from_file(struct secret *secret, const char *path, struct err *err);

/* The variable, when it is set and not empty. */
must_check bool secret_from_environment(struct secret *secret, const char *name);

/* Asks the terminal of the process; false when it has none. `what` is the question. */
must_check bool secret_from_terminal(struct secret *secret, const char *what);

struct secret_places {
    const char *what;     /* "new password", for questions and complaints */
    const char *path;     /* of a file, or NULL */
    const char *variable; /* of the environment */
};

/* The first there is: file, variable, a terminal that standard input is, a line of it. */
must_check bool secret_ask(struct secret *secret, const struct secret_places *places,
                           struct err *err);
