/* Where a command goes and as whom. What was named more closely wins:
 *
 *     where     --server, LEVRIERO_SERVER_URL, the context, 127.0.0.1:8090
 *     as whom   --token-file, LEVRIERO_TOKEN, --username, LEVRIERO_USERNAME, the context,
 *               the login kept for the server, IGGY_USERNAME, iggy
 *     password  --password-file, LEVRIERO_PASSWORD, the context's file, IGGY_PASSWORD, the
 *               terminal; of nobody named it is iggy
 *
 * A name that was typed wins over a token of the environment. */
#pragma once

#include "cli/command_line.h"
#include "cli/context_file.h"
#include "cli/secret.h"

struct identity {
    char server[CONTEXT_TEXT_BYTES];
    char username[CONTEXT_TEXT_BYTES];
    bool has_token;
    bool is_from_login;   /* the token of `levriero login` */
    struct secret secret; /* the token, or the password */
};

/* Only `server`: for commands that need no login. */
must_check bool identity_server(struct identity *identity, const struct command_line *line,
                                struct err *err);
must_check bool identity_find(struct identity *identity, const struct command_line *line,
                              struct err *err);
