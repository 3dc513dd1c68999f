#include "cli/cli_command.h"
#include "cli/lag.h"

static struct client_group_place place_of(const struct command_line *line)
{
    return (struct client_group_place){line->words[0], line->words[1], line->words[2]};
}

static void put_group_fields(struct output *output, const struct group_info *info)
{
    output_number(output, "id", info->id);
    output_text(output, "name", info->name);
    output_number(output, "partitions_count", info->partitions_count);
    output_number(output, "members_count", info->members_count);
}

/* "0 1 4": a list in a cell. */
static void put_member(struct output *output, const struct group_member *member)
{
    char text[4096] = "";
    u32 position = 0;
    for (u32 i = 0; i < member->partitions_count; i++) {
        (void)str_append(text, sizeof(text), &position, "%s%u", i == 0 ? "" : " ",
                         get_u32(member->partitions + 4 * i));
    }
    output_record(output);
    output_number(output, "id", member->id);
    output_text(output, "partitions", span_of(text));
    output_record_end(output);
}

bool cli_group_create(struct cli *cli)
{
    u32 id = 0;
    struct client_group_place place = place_of(cli->line);
    if (!client_group_create(cli->client, &place, &id, &cli->error)) {
        return false;
    }
    cli_say_created(cli, "group", place.group, id);
    return true;
}

bool cli_group_list(struct cli *cli)
{
    struct reader groups;
    const char *const *words = cli->line->words;
    struct client_topic topic;
    if (!client_groups(cli->client, words[0], words[1], &groups, &cli->error)) {
        return false;
    }
    /* A topic that does not exist has an empty list, too. */
    if (reader_left(&groups) == 0) {
        groups = (struct reader){0};
        if (!cli_topic(cli, &topic)) {
            return false;
        }
    }
    output_list(&cli->output, "groups");
    while (!groups.failed && reader_left(&groups) > 0) {
        struct group_info info = read_group_info(&groups);
        output_record(&cli->output);
        put_group_fields(&cli->output, &info);
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    return !groups.failed || cli_fail(cli, CLI_REFUSED, "unreadable groups");
}

static bool find_group(struct cli *cli, struct client_group_view *group)
{
    struct client_group_place place = place_of(cli->line);
    if (!client_group_get(cli->client, &place, group, &cli->error)) {
        return false;
    }
    return group->found || cli_fail(cli, CLI_NOT_FOUND, "no group \"%s\" in topic \"%s\"",
                                    place.group, place.topic);
}

bool cli_group_get(struct cli *cli)
{
    struct client_group_view group;
    if (!find_group(cli, &group)) {
        return false;
    }
    output_record(&cli->output);
    put_group_fields(&cli->output, &group.info);
    output_list(&cli->output, "members");
    while (!group.members.failed && reader_left(&group.members) > 0) {
        struct group_member member = read_group_member(&group.members);
        put_member(&cli->output, &member);
    }
    output_list_end(&cli->output);
    output_record_end(&cli->output);
    return !group.members.failed || cli_fail(cli, CLI_REFUSED, "unreadable group");
}

bool cli_group_delete(struct cli *cli)
{
    struct client_group_place place = place_of(cli->line);
    if (!client_group_delete(cli->client, &place, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "group \"%s\" deleted", place.group);
    return true;
}

bool cli_group_lag(struct cli *cli)
{
    struct client_group_view group;
    struct lag_list lags;
    struct lag_of of = {.is_group = true, .consumer = cli->line->words[2], .partition = CLI_ABSENT};
    if (!find_group(cli, &group) || !lag_measure(cli, &of, &lags)) {
        return false;
    }
    lag_print(cli, &lags);
    lag_list_deinit(&lags);
    return true;
}
