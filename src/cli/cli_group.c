#include <stdio.h>

#include "cli/command_line.h"

static struct client_group_place place_of(const struct command_line *line)
{
    return (struct client_group_place){line->words[0], line->words[1], line->words[2]};
}

static int finish(struct client *client, bool good, const struct client_error *error)
{
    client_close(client);
    return good ? CLI_DONE : command_line_refuse(error);
}

static void print_group_line(const struct group_info *info)
{
    printf("%-6u partitions=%-5u members=%-5u ", info->id, info->partitions_count,
           info->members_count);
    fwrite(info->name.data, 1, info->name.size, stdout);
    printf("\n");
}

static void print_member_line(const struct group_member *member)
{
    printf("  member %-5u partitions", member->id);
    for (u32 i = 0; i < member->partitions_count; i++) {
        printf(" %u", get_u32(member->partitions + 4 * i));
    }
    printf("\n");
}

int cli_group_create(const struct command_line *line)
{
    struct client_error error;
    u32 id = 0;
    struct client_group_place place = place_of(line);
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_group_create(client, &place, &id, &error);
    if (good) {
        printf("group %u \"%s\" created\n", id, place.group);
    }
    return finish(client, good, &error);
}

int cli_group_list(const struct command_line *line)
{
    struct client_error error;
    struct reader groups;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_groups(client, line->words[0], line->words[1], &groups, &error);
    while (good && !groups.failed && reader_left(&groups) > 0) {
        struct group_info info = read_group_info(&groups);
        print_group_line(&info);
    }
    return finish(client, good, &error);
}

int cli_group_get(const struct command_line *line)
{
    struct client_error error = {0};
    struct client_group_view group = {0};
    struct client_group_place place = place_of(line);
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_group_get(client, &place, &group, &error);
    if (good && !group.found) {
        str_format(error.text, sizeof(error.text), "no group \"%s\" in topic \"%s\"", place.group,
                   place.topic);
        good = false;
    }
    if (good) {
        print_group_line(&group.info);
    }
    while (good && !group.members.failed && reader_left(&group.members) > 0) {
        struct group_member member = read_group_member(&group.members);
        print_member_line(&member);
    }
    return finish(client, good, &error);
}

int cli_group_delete(const struct command_line *line)
{
    struct client_error error;
    struct client_group_place place = place_of(line);
    if (!line->yes) {
        fprintf(stderr,
                "levriero: this deletes group \"%s\" and all its offsets for ever: add --yes\n",
                place.group);
        return CLI_USAGE;
    }
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    return finish(client, client_group_delete(client, &place, &error), &error);
}
