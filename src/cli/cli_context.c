#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_command.h"
#include "cli/context_file.h"

static bool fail(struct cli *cli, enum cli_code code, const struct err *err)
{
    return cli_fail(cli, code, "%s", err->text);
}

static void put_context(struct output *output, const char *name, bool is_active,
                        const struct context *context)
{
    output_text(output, "name", span_of(name));
    output_switch(output, "active", is_active);
    output_text(output, "server", span_of(context->server));
    output_text(output, "username", span_of(context->username));
    output_text(output, "password_file", span_of(context->password_file));
}

/* What cannot be read is listed without its fields: a list is no reason to fail. */
static void put_row(struct output *output, const char *name)
{
    struct context context;
    char active[CONTEXT_TEXT_BYTES];
    bool found = false;
    if (!context_name_fits(name, NULL) || strstr(name, ".new") != NULL) {
        return;
    }
    (void)!context_read(CONTEXT_NAMED, name, &context, &found, NULL);
    context_active(active);
    output_record(output);
    put_context(output, name, strcmp(name, active) == 0, &context);
    output_record_end(output);
}

bool cli_context_list(struct cli *cli)
{
    struct err err;
    char path[CONTEXT_PATH_BYTES];
    struct dirent **entries = NULL;
    if (!context_folder(path, &err)) {
        return fail(cli, CLI_REFUSED, &err);
    }
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0 && errno != ENOENT) {
        return cli_fail(cli, CLI_REFUSED, "%s: %s", path, strerror(errno));
    }
    output_list(&cli->output, "contexts");
    for (int i = 0; i < count; i++) {
        put_row(&cli->output, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    output_list_end(&cli->output);
    return true;
}

static bool find_context(struct cli *cli, const char *name, struct context *context)
{
    struct err err;
    bool found = false;
    if (!context_name_fits(name, &err) ||
        !context_read(CONTEXT_NAMED, name, context, &found, &err)) {
        return fail(cli, CLI_USAGE, &err);
    }
    return found || cli_fail(cli, CLI_NOT_FOUND, "there is no context %s", name);
}

bool cli_context_show(struct cli *cli)
{
    char active[CONTEXT_TEXT_BYTES];
    struct context context;
    context_active(active);
    const char *name = cli->line->words_count > 0 ? cli->line->words[0] : active;
    if (name[0] == 0) {
        return cli_fail(cli, CLI_NOT_FOUND, "no context is in use");
    }
    if (!find_context(cli, name, &context)) {
        return false;
    }
    output_record(&cli->output);
    put_context(&cli->output, name, strcmp(name, active) == 0, &context);
    output_record_end(&cli->output);
    return true;
}

static void take(char text[CONTEXT_TEXT_BYTES], const char *value)
{
    str_format(text, CONTEXT_TEXT_BYTES, "%s", value == NULL ? "" : value);
}

bool cli_context_create(struct cli *cli)
{
    struct err err;
    struct context context;
    bool found = false;
    const char *name = cli->line->words[0];
    if (!context_name_fits(name, &err) ||
        !context_read(CONTEXT_NAMED, name, &context, &found, &err)) {
        return fail(cli, CLI_USAGE, &err);
    }
    if (found || strcmp(name, "default") == 0) {
        return cli_fail(cli, CLI_REFUSED, "there is a context %s already", name);
    }
    take(context.server, cli->line->server);
    take(context.username, cli->line->username);
    take(context.password_file, cli->line->password_file);
    if (!context_write(CONTEXT_NAMED, name, &context, &err)) {
        return fail(cli, CLI_REFUSED, &err);
    }
    cli_say_done(cli, "context %s created; `levriero context use %s` makes it yours", name, name);
    return true;
}

bool cli_context_use(struct cli *cli)
{
    struct err err;
    struct context context;
    const char *name = cli->line->words[0];
    if (strcmp(name, "default") != 0 && !find_context(cli, name, &context)) {
        return false;
    }
    if (!context_set_active(name, &err)) {
        return fail(cli, CLI_REFUSED, &err);
    }
    cli_say_done(cli, "context %s is in use", name);
    return true;
}

bool cli_context_delete(struct cli *cli)
{
    struct err err;
    struct context context;
    char active[CONTEXT_TEXT_BYTES];
    const char *name = cli->line->words[0];
    context_active(active);
    if (!find_context(cli, name, &context)) {
        return false;
    }
    if (!context_remove(CONTEXT_NAMED, name, &err) ||
        (strcmp(name, active) == 0 && !context_set_active("default", &err))) {
        return fail(cli, CLI_REFUSED, &err);
    }
    cli_say_done(cli, "context %s deleted", name);
    return true;
}
