#include "cli/cli_message_group.h"

#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "cli/message_format.h"

#define COUNT_DEFAULT 100u

/* The longest it waits before it looks at ^C and at who owns what. */
#define SLICE_MS 200u

struct group_reading {
    struct cli *cli;
    struct message_format format;
    struct client_group_place place;
    u32 *partitions; /* its own, by the last sync */
    u32 partitions_count;
    u64 left;     /* messages that may still be printed */
    u64 heard_us; /* when one came, or it began */
    u32 wait_ms;  /* of the next poll */
};

static bool open_format(struct group_reading *reading)
{
    struct err err;
    const struct command_line *line = reading->cli->line;
    struct message_format_choice choice = {.format = line->raw ? "raw" : line->format,
                                           .template = line->template,
                                           .fields = line->fields,
                                           .json = line->json,
                                           .shows_partition = true};
    return message_format_init(&reading->format, &choice, &err) ||
           cli_fail(reading->cli, CLI_USAGE, "%s", err.text);
}

/* Which partitions are its own by now. */
static bool sync_partitions(struct group_reading *reading)
{
    struct cli *cli = reading->cli;
    struct client_assignment found;
    if (!client_group_sync(cli->client, &reading->place, &found, &cli->error)) {
        return false;
    }
    if (!found.is_member) {
        return cli_fail(cli, CLI_NOT_FOUND, "no member of group \"%s\" any more",
                        reading->place.group);
    }
    u32 count = found.assignment.partitions_count;
    reading->partitions =
        mem_resize(reading->partitions, ((u64)count + 1) * sizeof(*reading->partitions));
    for (u32 i = 0; i < count; i++) {
        reading->partitions[i] = get_u32(found.assignment.partitions + 4 * (size_t)i);
    }
    reading->partitions_count = count;
    return true;
}

/* Somebody else may have the partition by now: then what was printed is handed out again. */
static bool commit(struct group_reading *reading, const struct client_place *place, u64 offset)
{
    struct cli *cli = reading->cli;
    struct client_consumer consumer = {true, reading->place.group, *place};
    return client_offset_set(cli->client, &consumer, offset, &cli->error) ||
           cli->error.number == WIRE_GROUP_PARTITION_NOT_OWNED;
}

static bool read_partition(struct group_reading *reading, u32 partition_id)
{
    struct cli *cli = reading->cli;
    struct client_place place = {reading->place.stream, reading->place.topic, partition_id};
    struct client_poll poll = {.strategy = POLL_NEXT,
                               .count = (u32)u64_min(reading->left, UINT32_MAX),
                               .consumer = reading->place.group,
                               .is_group = true,
                               .wait_ms = reading->wait_ms};
    struct poll_reply reply;
    struct polled_message message = {0};
    if (!client_poll(cli->client, &place, &poll, &reply, &cli->error)) {
        return false;
    }
    struct poll_iterator iterator = poll_iterate(&reply);
    u64 count = 0;
    while (poll_next(&iterator, &message)) {
        message_format_print(&reading->format, cli->output.file, partition_id, &message);
        count++;
    }
    if (iterator.failed) {
        return cli_fail(cli, CLI_REFUSED, "unreadable messages");
    }
    if (count == 0) {
        return true; /* nothing there, or not its own any more: the next sync says so */
    }
    u64 offset = message.offset;
    reading->left -= u64_min(count, reading->left);
    reading->heard_us = cli_now_us();
    bool is_printed = fflush(cli->output.file) == 0 && !ferror(cli->output.file);
    return !is_printed || commit(reading, &place, offset);
}

static void sleep_ms(u32 ms)
{
    struct timespec time = {.tv_nsec = (long)ms * 1000000};
    (void)nanosleep(&time, NULL);
}

static bool read_all(struct group_reading *reading)
{
    const struct cli *cli = reading->cli;
    u64 patience_us = cli->line->wait_ms * US_PER_MS;
    bool goes_on = true;
    while (goes_on) {
        u64 before = reading->left;
        if (!sync_partitions(reading)) {
            return false;
        }
        for (u32 i = 0; i < reading->partitions_count && reading->left > 0; i++) {
            if (!read_partition(reading, reading->partitions[i])) {
                return false;
            }
        }
        bool is_quiet = reading->left == before;
        goes_on = reading->left > 0 && !cli_is_interrupted() && !ferror(cli->output.file) &&
                  !cli_is_unread(cli) &&
                  (!is_quiet || cli_now_us() - reading->heard_us < patience_us);
        reading->wait_ms =
            is_quiet ? u32_max(1, SLICE_MS / u32_max(1, reading->partitions_count)) : 0;
        if (goes_on && reading->partitions_count == 0) {
            sleep_ms(SLICE_MS);
        }
    }
    return true;
}

/* Also after a failure, whose story is kept. */
static bool leave(struct group_reading *reading, bool good)
{
    struct cli *cli = reading->cli;
    struct client_error error;
    if (client_group_leave(cli->client, &reading->place, &error) || !good) {
        return good;
    }
    cli->error = error;
    return false;
}

bool cli_message_poll_group(struct cli *cli)
{
    const struct command_line *line = cli->line;
    struct group_reading reading = {
        .cli = cli,
        .place = {line->words[0], line->words[1], line->group},
        .left = line->count == CLI_ABSENT ? COUNT_DEFAULT : line->count,
        .heard_us = cli_now_us(),
    };
    if (line->partition != CLI_ABSENT || line->from != NULL) {
        return cli_fail(cli, CLI_USAGE,
                        "--group: a member reads its own partitions from where the group is, not "
                        "--partition and --from");
    }
    if (!open_format(&reading) || !client_group_join(cli->client, &reading.place, &cli->error)) {
        return false;
    }
    cli_hold_interrupts();
    bool good = leave(&reading, read_all(&reading));
    mem_return(reading.partitions);
    return good;
}
