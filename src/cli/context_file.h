/* What is kept between two commands, in files of the user's alone (mode 0600, folders 0700):
 *
 *     $XDG_CONFIG_HOME/levriero/contexts/NAME   where and as whom, under a name
 *     $XDG_CONFIG_HOME/levriero/active          the name of the context in use
 *     $XDG_STATE_HOME/levriero/logins/SERVER    the token that `levriero login` made there
 *
 * each a few lines `key = value`. Passwords are in none of them: a context names the file of one. A
 * file that others may read is refused with the remedy. */
#pragma once

#include <stdio.h>

#include "base/str.h"

#define CONTEXT_TEXT_BYTES 512u
#define CONTEXT_PATH_BYTES 1024u
#define CONTEXT_FILE_BYTES 4096u

struct context {
    char server[CONTEXT_TEXT_BYTES]; /* "": it says nothing */
    char username[CONTEXT_TEXT_BYTES];
    char password_file[CONTEXT_TEXT_BYTES];
    char token_name[CONTEXT_TEXT_BYTES]; /* of a login */
    char token[CONTEXT_TEXT_BYTES];
};

enum context_place { CONTEXT_NAMED, CONTEXT_LOGIN };

/* Letters, digits, dot, dash and underscore, and no dot first. */
must_check bool context_name_fits(const char *name, struct err *err);

/* A missing file is an empty context with `found` false. */
must_check bool context_read(enum context_place place, const char *name, struct context *context,
                             bool *found, struct err *err);
must_check bool context_write(enum context_place place, const char *name,
                              const struct context *context, struct err *err);
must_check bool context_remove(enum context_place place, const char *name, struct err *err);

/* The lines of such a file alone, wherever they are. What is none is skipped; a value with a line
 * end is refused. */
void context_read_lines(struct context *context, FILE *file);
must_check bool context_write_lines(const struct context *context, char text[CONTEXT_FILE_BYTES],
                                    struct err *err);

/* The name of the one in use; "" for none. */
void context_active(char name[CONTEXT_TEXT_BYTES]);

/* "" or "default": none. */
must_check bool context_set_active(const char *name, struct err *err);

/* The folder of named contexts, for a list. */
must_check bool context_folder(char path[CONTEXT_PATH_BYTES], struct err *err);
