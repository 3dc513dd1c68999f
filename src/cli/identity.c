#include "cli/identity.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_SERVER "127.0.0.1:8090"
#define DEFAULT_NAME "iggy"

/* The context that was named, or the one in use. One in use that is gone is no reason to do
 * nothing. */
static bool read_context(const struct command_line *line, struct context *context, struct err *err)
{
    char name[CONTEXT_TEXT_BYTES];
    bool found = false;
    context_active(name);
    bool is_named = line->context != NULL;
    if (is_named) {
        str_format(name, sizeof(name), "%s", line->context);
    }
    *context = (struct context){0};
    if (name[0] == 0 || strcmp(name, "default") == 0) {
        return true;
    }
    if (!context_name_fits(name, err) || !context_read(CONTEXT_NAMED, name, context, &found, err)) {
        return false;
    }
    return found || !is_named ||
           err_set(err, "there is no context %s: `levriero context list` lists them", name);
}

static void choose_server(struct identity *identity, const struct command_line *line,
                          const struct context *context)
{
    const char *server = line->server != NULL      ? line->server
                         : context->server[0] != 0 ? context->server
                                                   : DEFAULT_SERVER;
    str_format(identity->server, sizeof(identity->server), "%s", server);
}

bool identity_server(struct identity *identity, const struct command_line *line, struct err *err)
{
    struct context context;
    *identity = (struct identity){0};
    if (!read_context(line, &context, err)) {
        return false;
    }
    choose_server(identity, line, &context);
    return true;
}

static bool find_password(struct identity *identity, const struct command_line *line,
                          const struct context *context, struct err *err)
{
    char question[CONTEXT_TEXT_BYTES + 32];
    if (line->password_file != NULL) {
        return secret_from_file(&identity->secret, line->password_file, err);
    }
    if (secret_from_environment(&identity->secret, "LEVRIERO_PASSWORD")) {
        return true;
    }
    if (context->password_file[0] != 0 && line->username == NULL) {
        return secret_from_file(&identity->secret, context->password_file, err);
    }
    if (secret_from_environment(&identity->secret, "IGGY_PASSWORD")) {
        return true;
    }
    str_format(question, sizeof(question), "Password of %s", identity->username);
    return secret_from_terminal(&identity->secret, question) ||
           err_set(err,
                   "no password for %s: use --password-file or LEVRIERO_PASSWORD; there is no "
                   "terminal to ask",
                   identity->username);
}

static bool use_name(struct identity *identity, const char *name)
{
    str_format(identity->username, sizeof(identity->username), "%s", name);
    return true;
}

/* The token of a login, or the name and password that everybody begins with. */
static bool find_unnamed(struct identity *identity, const struct context *context,
                         const struct command_line *line, struct err *err)
{
    struct context login;
    bool found = false;
    bool has_password = line->password_file != NULL || getenv("LEVRIERO_PASSWORD") != NULL;
    if (!has_password && !context_read(CONTEXT_LOGIN, identity->server, &login, &found, err)) {
        return false;
    }
    if (found) {
        identity->has_token = true;
        identity->is_from_login = true;
        use_name(identity, login.username);
        return str_format(identity->secret.text, sizeof(identity->secret.text), "%s", login.token);
    }
    const char *name = getenv("IGGY_USERNAME");
    use_name(identity, name != NULL && name[0] != 0 ? name : DEFAULT_NAME);
    if (has_password || getenv("IGGY_PASSWORD") != NULL) {
        return find_password(identity, line, context, err);
    }
    return str_format(identity->secret.text, sizeof(identity->secret.text), DEFAULT_NAME);
}

bool identity_find(struct identity *identity, const struct command_line *line, struct err *err)
{
    struct context context;
    *identity = (struct identity){0};
    if (!read_context(line, &context, err)) {
        return false;
    }
    choose_server(identity, line, &context);
    if (line->token_file != NULL && !line->username_is_typed) {
        identity->has_token = true;
        return secret_from_file(&identity->secret, line->token_file, err);
    }
    if (!line->username_is_typed && secret_from_environment(&identity->secret, "LEVRIERO_TOKEN")) {
        identity->has_token = true;
        return true;
    }
    if (line->username != NULL) {
        return use_name(identity, line->username) && find_password(identity, line, &context, err);
    }
    if (context.username[0] != 0) {
        struct context login;
        bool found = false;
        if (!context_read(CONTEXT_LOGIN, identity->server, &login, &found, err)) {
            return false;
        }
        if (!found || strcmp(login.username, context.username) != 0) {
            return use_name(identity, context.username) &&
                   find_password(identity, line, &context, err);
        }
    }
    return find_unnamed(identity, &context, line, err);
}
