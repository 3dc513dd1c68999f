#include <string.h>

#include "base/quantity.h"
#include "cli/cli_command.h"
#include "cli/identity.h"
#include "cli/rights_text.h"

#define BLOCK_BYTES_MAX 4096u

/* The rights named by the words from `first` on. */
static bool read_rights(struct cli *cli, u32 first, struct rights_text *rights)
{
    struct err err;
    for (u32 i = first; i < cli->line->words_count; i++) {
        if (!rights_text_add(rights, cli->line->words[i], &err)) {
            return cli_fail(cli, CLI_USAGE, "%s", err.text);
        }
    }
    return true;
}

static struct span block_of(const struct rights_text *rights, u8 *memory)
{
    struct writer writer = writer_over(memory, BLOCK_BYTES_MAX);
    rights_text_write(rights, &writer);
    return (struct span){memory, writer.position};
}

static bool ask_secret(struct cli *cli, const struct secret_places *places, struct secret *secret)
{
    struct err err;
    return secret_ask(secret, places, &err) || cli_fail(cli, CLI_USAGE, "%s", err.text);
}

static bool ask_new_password(struct cli *cli, struct secret *secret)
{
    return ask_secret(cli,
                      &(struct secret_places){.what = "new password",
                                              .path = cli->line->new_password_file,
                                              .variable = "LEVRIERO_NEW_PASSWORD"},
                      secret);
}

bool cli_user_create(struct cli *cli)
{
    struct rights_text rights = {0};
    struct secret secret;
    u8 memory[BLOCK_BYTES_MAX];
    u32 id = 0;
    if (!read_rights(cli, 1, &rights) || !ask_new_password(cli, &secret)) {
        return false;
    }
    struct client_new_user user = {.name = cli->line->words[0],
                                   .password = secret.text,
                                   .inactive = cli->line->inactive,
                                   .has_permissions = cli->line->words_count > 1,
                                   .permissions = block_of(&rights, memory)};
    if (!client_user_create(cli->client, &user, &id, &cli->error)) {
        return false;
    }
    cli_say_created(cli, "user", user.name, id);
    return true;
}

static void put_user_fields(struct output *output, const struct user_info *info)
{
    output_number(output, "id", info->id);
    output_text(output, "name", info->username);
    output_text(output, "status", span_of(info->status == USER_ACTIVE ? "active" : "inactive"));
    output_time(output, "created_at", info->created_at_us);
}

bool cli_user_list(struct cli *cli)
{
    struct reader users;
    if (!client_users(cli->client, &users, &cli->error)) {
        return false;
    }
    output_list(&cli->output, "users");
    while (!users.failed && reader_left(&users) > 0) {
        struct user_info info = read_user_info(&users);
        output_record(&cli->output);
        put_user_fields(&cli->output, &info);
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    return !users.failed || cli_fail(cli, CLI_REFUSED, "unreadable users");
}

bool cli_user_get(struct cli *cli)
{
    struct client_user user;
    char word[RIGHTS_WORD_BYTES];
    if (!client_user_get(cli->client, cli->line->words[0], &user, &cli->error)) {
        return false;
    }
    if (!user.found) {
        return cli_fail(cli, CLI_NOT_FOUND, "no user \"%s\"", cli->line->words[0]);
    }
    output_record(&cli->output);
    put_user_fields(&cli->output, &user.info);
    output_list(&cli->output, "rights");
    struct permission_iterator iterator = permissions_iterate(user.permissions);
    while (rights_text_next(&iterator, word)) {
        output_record(&cli->output);
        output_text(&cli->output, "right", span_of(word));
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    output_record_end(&cli->output);
    return true;
}

bool cli_user_delete(struct cli *cli)
{
    const char *user = cli->line->words[0];
    if (!client_user_delete(cli->client, user, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "user \"%s\" deleted", user);
    return true;
}

static bool update(struct cli *cli, const struct client_user_change *change)
{
    const char *user = cli->line->words[0];
    if (!client_user_update(cli->client, user, change, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "user \"%s\" updated", user);
    return true;
}

bool cli_user_rename(struct cli *cli)
{
    return update(cli, &(struct client_user_change){.name = cli->line->words[1]});
}

bool cli_user_activate(struct cli *cli)
{
    return update(cli, &(struct client_user_change){.status = USER_ACTIVE});
}

bool cli_user_deactivate(struct cli *cli)
{
    return update(cli, &(struct client_user_change){.status = USER_INACTIVE});
}

bool cli_user_permissions(struct cli *cli)
{
    struct rights_text rights = {0};
    u8 memory[BLOCK_BYTES_MAX];
    const char *user = cli->line->words[0];
    bool takes_all = cli->line->words_count == 1;
    if (!read_rights(cli, 1, &rights)) {
        return false;
    }
    struct span block = block_of(&rights, memory);
    if (!client_user_permit(cli->client, user, takes_all ? NULL : &block, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "user \"%s\" has %s now", user, takes_all ? "no rights" : "these rights");
    return true;
}

/* One's own password of before is the one that was just logged in with. */
static bool ask_current_password(struct cli *cli, struct secret *secret)
{
    struct err err;
    struct identity own;
    const struct command_line *line = cli->line;
    struct secret_places places = {.what = "current password",
                                   .path = line->current_password_file,
                                   .variable = "LEVRIERO_CURRENT_PASSWORD"};
    bool is_named = line->username != NULL && strcmp(line->words[0], line->username) == 0;
    bool is_asked = line->current_password_file != NULL ||
                    secret_from_environment(secret, "LEVRIERO_CURRENT_PASSWORD");
    if (is_named && !is_asked && identity_find(&own, line, &err) && !own.has_token) {
        *secret = own.secret;
        return true;
    }
    return ask_secret(cli, &places, secret);
}

bool cli_user_password(struct cli *cli)
{
    struct secret current;
    struct secret new;
    if (!ask_current_password(cli, &current) || !ask_new_password(cli, &new)) {
        return false;
    }
    const char *user = cli->line->words[0];
    struct client_passwords passwords = {.current = current.text, .new = new.text};
    if (!client_user_password(cli->client, user, &passwords, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "password of user \"%s\" changed", user);
    return true;
}

/* ---- Tokens ---- */

static bool read_expiry(struct cli *cli, u64 *expiry_us)
{
    const char *text = cli->line->expiry;
    *expiry_us = 0;
    if (text == NULL || strcmp(text, "never") == 0) {
        return true;
    }
    return (quantity_parse_duration_us(span_of(text), expiry_us) == OK && *expiry_us > 0) ||
           cli_fail(cli, CLI_USAGE, "--expiry: \"%s\" is no time: give 30 days, for example", text);
}

bool cli_token_create(struct cli *cli)
{
    struct span token;
    u64 expiry_us = 0;
    if (!read_expiry(cli, &expiry_us) ||
        !client_token_create(cli->client, cli->line->words[0], expiry_us, &token, &cli->error)) {
        return false;
    }
    if (cli->output.form != OUTPUT_JSON) {
        /* Alone on its line: for a script, and never shown again. */
        fprintf(cli->output.file, "%.*s\n", (int)token.size, token.data);
        return true;
    }
    output_record(&cli->output);
    output_text(&cli->output, "name", span_of(cli->line->words[0]));
    output_text(&cli->output, "token", token);
    output_record_end(&cli->output);
    return true;
}

bool cli_token_list(struct cli *cli)
{
    struct reader tokens;
    if (!client_tokens(cli->client, &tokens, &cli->error)) {
        return false;
    }
    output_list(&cli->output, "tokens");
    while (!tokens.failed && reader_left(&tokens) > 0) {
        struct token_info info = read_token_info(&tokens);
        output_record(&cli->output);
        output_text(&cli->output, "name", info.name);
        if (info.expires_at_us == 0) {
            output_none(&cli->output, "expires_at");
        } else {
            output_time(&cli->output, "expires_at", info.expires_at_us);
        }
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    return !tokens.failed || cli_fail(cli, CLI_REFUSED, "unreadable tokens");
}

bool cli_token_delete(struct cli *cli)
{
    const char *name = cli->line->words[0];
    if (!client_token_delete(cli->client, name, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "token \"%s\" deleted", name);
    return true;
}

/* ---- Logins: tokens that are kept here ---- */

#define LOGIN_TOKEN_BYTES 64u

/* Other machines of the user keep theirs: the name says where and when this one was made. */
static void name_login(char name[LOGIN_TOKEN_BYTES])
{
    str_format(name, LOGIN_TOKEN_BYTES, "login-%016llx", (unsigned long long)cli_now_us());
}

bool cli_login(struct cli *cli)
{
    struct err err;
    struct identity identity;
    struct context login = {0};
    struct span token;
    u64 expiry_us = 0;
    if (!identity_find(&identity, cli->line, &err)) {
        return cli_fail(cli, CLI_USAGE, "%s", err.text);
    }
    if (identity.is_from_login) {
        cli_say_done(cli, "logged in at %s already, as %s", identity.server, identity.username);
        return true;
    }
    name_login(login.token_name);
    if (!read_expiry(cli, &expiry_us) ||
        !client_token_create(cli->client, login.token_name, expiry_us, &token, &cli->error)) {
        return false;
    }
    str_format(login.token, sizeof(login.token), "%.*s", (int)token.size, token.data);
    str_format(login.server, sizeof(login.server), "%s", identity.server);
    str_format(login.username, sizeof(login.username), "%s", identity.username);
    if (!context_write(CONTEXT_LOGIN, identity.server, &login, &err)) {
        struct client_error ignored;
        (void)!client_token_delete(cli->client, login.token_name, &ignored);
        return cli_fail(cli, CLI_REFUSED, "%s", err.text);
    }
    cli_say_done(cli, "logged in at %s as %s", login.server, login.username);
    return true;
}

/* The token goes from the server as well, if it still knows it. */
static void forget_token(struct cli *cli, const struct context *login)
{
    struct client_error error;
    struct client_options options = {
        .address = login->server, .connect_timeout_ms = 5000, .request_timeout_ms = 10000};
    struct client *client = client_connect(&options, &error);
    bool good = client != NULL && client_login_token(client, login->token, &error) &&
                client_token_delete(client, login->token_name, &error);
    if (!good) {
        cli_note(cli, "levriero: the token was not deleted on the server: %s", error.text);
    }
    if (client != NULL) {
        client_close(client);
    }
}

bool cli_logout(struct cli *cli)
{
    struct err err;
    struct identity identity;
    struct context login;
    bool found = false;
    if (!identity_server(&identity, cli->line, &err) ||
        !context_read(CONTEXT_LOGIN, identity.server, &login, &found, &err)) {
        return cli_fail(cli, CLI_USAGE, "%s", err.text);
    }
    if (!found) {
        return cli_fail(cli, CLI_NOT_FOUND, "there is no login at %s", identity.server);
    }
    forget_token(cli, &login);
    if (!context_remove(CONTEXT_LOGIN, identity.server, &err)) {
        return cli_fail(cli, CLI_REFUSED, "%s", err.text);
    }
    cli_say_done(cli, "logged out at %s", identity.server);
    return true;
}
