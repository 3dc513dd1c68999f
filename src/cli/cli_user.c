#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command_line.h"
#include "cli/rights_text.h"

#define SECRET_BYTES_MAX 300u
#define BLOCK_BYTES_MAX 4096u

/* A password that was not given as an option: the next line of standard input. */
static bool read_secret(const char *what, char *line, u32 capacity)
{
    if (fgets(line, (int)capacity, stdin) == NULL) {
        fprintf(stderr, "levriero: no %s: give it as an option or as a line of standard input\n",
                what);
        return false;
    }
    line[strcspn(line, "\n")] = 0;
    return true;
}

static void print_name(struct span name)
{
    fwrite(name.data, 1, name.size, stdout);
}

static int finish(struct client *client, bool good, const struct client_error *error)
{
    client_close(client);
    return good ? CLI_DONE : command_line_refuse(error);
}

/* The rights named by the words from `first` on. */
static bool read_rights(const struct command_line *line, u32 first, struct rights_text *rights)
{
    struct err err;
    for (u32 i = first; i < line->words_count; i++) {
        if (!rights_text_add(rights, line->words[i], &err)) {
            fprintf(stderr, "levriero: %s\n", err.text);
            return false;
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

int cli_user_create(const struct command_line *line)
{
    struct client_error error;
    struct rights_text rights = {0};
    char secret[SECRET_BYTES_MAX];
    u8 memory[BLOCK_BYTES_MAX];
    u32 id = 0;
    const char *password = line->new_password;
    if (!read_rights(line, 1, &rights)) {
        return CLI_USAGE;
    }
    if (password == NULL && !read_secret("new password", secret, sizeof(secret))) {
        return CLI_USAGE;
    }
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    struct client_new_user user = {.name = line->words[0],
                                   .password = password == NULL ? secret : password,
                                   .inactive = line->inactive,
                                   .has_permissions = line->words_count > 1,
                                   .permissions = block_of(&rights, memory)};
    bool good = client_user_create(client, &user, &id, &error);
    if (good) {
        printf("user %u \"%s\" created\n", id, user.name);
    }
    return finish(client, good, &error);
}

static void print_user_line(const struct user_info *info)
{
    printf("%-6u %-8s ", info->id, info->status == USER_ACTIVE ? "active" : "inactive");
    print_name(info->username);
    printf("\n");
}

int cli_user_list(const struct command_line *line)
{
    struct client_error error;
    struct reader users;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_users(client, &users, &error);
    while (good && !users.failed && reader_left(&users) > 0) {
        struct user_info info = read_user_info(&users);
        print_user_line(&info);
    }
    return finish(client, good, &error);
}

int cli_user_get(const struct command_line *line)
{
    struct client_error error = {0};
    struct client_user user = {0};
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_user_get(client, line->words[0], &user, &error);
    if (good && !user.found) {
        str_format(error.text, sizeof(error.text), "no user \"%s\"", line->words[0]);
        good = false;
    }
    if (good) {
        print_user_line(&user.info);
        rights_text_print(user.permissions, "  ");
    }
    return finish(client, good, &error);
}

int cli_user_delete(const struct command_line *line)
{
    struct client_error error;
    if (!line->yes) {
        fprintf(stderr,
                "levriero: this deletes user \"%s\" and its tokens, and ends its sessions: "
                "add --yes\n",
                line->words[0]);
        return CLI_USAGE;
    }
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    return finish(client, client_user_delete(client, line->words[0], &error), &error);
}

static int update(const struct command_line *line, const struct client_user_change *change)
{
    struct client_error error;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    return finish(client, client_user_update(client, line->words[0], change, &error), &error);
}

int cli_user_rename(const struct command_line *line)
{
    return update(line, &(struct client_user_change){.name = line->words[1]});
}

int cli_user_activate(const struct command_line *line)
{
    return update(line, &(struct client_user_change){.status = USER_ACTIVE});
}

int cli_user_deactivate(const struct command_line *line)
{
    return update(line, &(struct client_user_change){.status = USER_INACTIVE});
}

int cli_user_permissions(const struct command_line *line)
{
    struct client_error error;
    struct rights_text rights = {0};
    u8 memory[BLOCK_BYTES_MAX];
    bool takes_all = line->words_count == 1;
    if (!read_rights(line, 1, &rights)) {
        return CLI_USAGE;
    }
    if (takes_all && !line->yes) {
        fprintf(stderr,
                "levriero: this takes all rights from user \"%s\": name rights, or add "
                "--yes\n",
                line->words[0]);
        return CLI_USAGE;
    }
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    struct span block = block_of(&rights, memory);
    bool good = client_user_permit(client, line->words[0], takes_all ? NULL : &block, &error);
    return finish(client, good, &error);
}

int cli_user_password(const struct command_line *line)
{
    struct client_error error;
    char secrets[2][SECRET_BYTES_MAX];
    bool is_own = line->token == NULL && strcmp(line->words[0], line->username) == 0;
    const char *own = is_own ? line->password : NULL;
    struct client_passwords passwords = {
        .current = line->current_password != NULL ? line->current_password : own,
        .new = line->new_password,
    };
    if (passwords.current == NULL) {
        if (!read_secret("current password", secrets[0], sizeof(secrets[0]))) {
            return CLI_USAGE;
        }
        passwords.current = secrets[0];
    }
    if (passwords.new == NULL) {
        if (!read_secret("new password", secrets[1], sizeof(secrets[1]))) {
            return CLI_USAGE;
        }
        passwords.new = secrets[1];
    }
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    return finish(client, client_user_password(client, line->words[0], &passwords, &error), &error);
}

/* ---- Tokens ---- */

int cli_token_create(const struct command_line *line)
{
    struct client_error error;
    struct span token;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_token_create(client, line->words[0], line->expiry_us, &token, &error);
    if (good) {
        print_name(token); /* alone on its line: for a script, and never shown again */
        printf("\n");
    }
    return finish(client, good, &error);
}

static void print_token_line(const struct token_info *info)
{
    char text[32] = "never expires";
    time_t seconds = (time_t)(info->expires_at_us / US_PER_SECOND);
    struct tm parts;
    if (info->expires_at_us != 0 && gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    printf("%-22s ", text);
    print_name(info->name);
    printf("\n");
}

int cli_token_list(const struct command_line *line)
{
    struct client_error error;
    struct reader tokens;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_tokens(client, &tokens, &error);
    while (good && !tokens.failed && reader_left(&tokens) > 0) {
        struct token_info info = read_token_info(&tokens);
        print_token_line(&info);
    }
    return finish(client, good, &error);
}

int cli_token_delete(const struct command_line *line)
{
    struct client_error error;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    return finish(client, client_token_delete(client, line->words[0], &error), &error);
}
