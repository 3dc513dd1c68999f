#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cli_command.h"
#include "cli/cli_message_group.h"
#include "cli/message_format.h"
#include "cli/start_text.h"

/* Messages asked for at once when a partition is read to its end. */
#define RAW_POLL_COUNT 10000u
#define FOLLOW_POLL_COUNT 1000u
#define POLL_COUNT 100u
#define TAIL_COUNT 10u

/* The longest a follower waits before it looks at ^C and the other partitions. */
#define SLICE_MS 200u

/* One partition on the way through it. */
struct cursor {
    u32 partition_id;
    struct client_poll poll; /* what is asked next */
};

struct reading {
    struct cli *cli;
    struct message_format format;
    struct cursor *cursors;
    u32 cursors_count;
    u64 printed;
};

/* ---- Where to begin ---- */

static bool strategy_of(const char *text, enum poll_strategy *strategy)
{
    static const char *const names[] = {"offset", "timestamp", "first", "last", "next"};
    for (u32 i = 0; i < array_count(names); i++) {
        if (strcmp(names[i], text) == 0) {
            *strategy = (enum poll_strategy)(POLL_OFFSET + i);
            return true;
        }
    }
    return false;
}

static bool read_start(struct cli *cli, struct client_poll *poll)
{
    struct err err;
    struct start start;
    const struct command_line *line = cli->line;
    if (line->from == NULL) {
        return true;
    }
    if (!start_text_read(line->from, cli_now_us(), &start, &err)) {
        return cli_fail(cli, CLI_USAGE, "--from: %s", err.text);
    }
    poll->strategy = start.strategy;
    poll->value = start.value;
    if (start.strategy == POLL_LAST && line->count == CLI_ABSENT) {
        poll->count = (u32)u64_min(start.count, UINT32_MAX);
    }
    return true;
}

/* The partitions that were meant: one, or those of the topic. */
static bool open_cursors(struct reading *reading, const struct client_poll *poll)
{
    struct cli *cli = reading->cli;
    struct client_topic topic;
    if (cli->line->partition != CLI_ABSENT) {
        reading->cursors = mem_take(sizeof(*reading->cursors));
        reading->cursors[0] = (struct cursor){(u32)cli->line->partition, *poll};
        reading->cursors_count = 1;
        return true;
    }
    if (!cli_topic(cli, &topic)) {
        return false;
    }
    u32 count = topic.view.info.partitions_count;
    reading->cursors = mem_take((count + 1) * sizeof(*reading->cursors));
    while (!topic.partitions.failed && reading->cursors_count < count) {
        struct partition_info info = read_partition_info(&topic.partitions);
        reading->cursors[reading->cursors_count++] = (struct cursor){info.id, *poll};
    }
    return !topic.partitions.failed || cli_fail(cli, CLI_REFUSED, "unreadable partitions");
}

static bool open_reading(struct reading *reading, const struct client_poll *poll)
{
    struct err err;
    const struct command_line *line = reading->cli->line;
    struct message_format_choice choice = {.format = line->raw ? "raw" : line->format,
                                           .template = line->template,
                                           .fields = line->fields,
                                           .json = line->json};
    if (!message_format_init(&reading->format, &choice, &err)) {
        return cli_fail(reading->cli, CLI_USAGE, "%s", err.text);
    }
    if (!open_cursors(reading, poll)) {
        return false;
    }
    choice.shows_partition = reading->cursors_count > 1;
    return message_format_init(&reading->format, &choice, &err);
}

static void close_reading(struct reading *reading)
{
    mem_return(reading->cursors);
}

/* ---- Reading ---- */

/* One poll, printed; the cursor stands behind what came. */
static bool poll_cursor(struct reading *reading, struct cursor *cursor, u32 *count)
{
    struct cli *cli = reading->cli;
    struct client_place place = {cli->line->words[0], cli->line->words[1], cursor->partition_id};
    struct poll_reply reply;
    struct polled_message message;
    if (!client_poll(cli->client, &place, &cursor->poll, &reply, &cli->error)) {
        return false;
    }
    struct poll_iterator iterator = poll_iterate(&reply);
    *count = 0;
    while (poll_next(&iterator, &message)) {
        message_format_print(&reading->format, cli->output.file, cursor->partition_id, &message);
        cursor->poll.value = message.offset + 1;
        cursor->poll.strategy = POLL_OFFSET;
        (*count)++;
    }
    reading->printed += *count;
    (void)fflush(cli->output.file); /* the next may be long in coming */
    return !iterator.failed || cli_fail(cli, CLI_REFUSED, "unreadable messages");
}

/* To its end with --raw, else once. */
static bool poll_partition(struct reading *reading, struct cursor *cursor)
{
    u32 count = 0;
    do {
        if (!poll_cursor(reading, cursor, &count)) {
            return false;
        }
    } while (reading->cli->line->raw && count > 0 && !ferror(reading->cli->output.file));
    return true;
}

/* Nothing was there: waits for the first message in any of the partitions. */
static bool wait_for_some(struct reading *reading)
{
    u64 until_us = cli_now_us() + reading->cli->line->wait_ms * US_PER_MS;
    for (u32 i = 0;
         reading->printed == 0 && cli_now_us() < until_us && !cli_is_unread(reading->cli); i++) {
        struct cursor *cursor = &reading->cursors[i % reading->cursors_count];
        u64 left_ms = (until_us - cli_now_us()) / US_PER_MS;
        u32 count = 0;
        cursor->poll.wait_ms =
            reading->cursors_count == 1 ? (u32)left_ms : (u32)u64_min(left_ms, SLICE_MS);
        if (!poll_cursor(reading, cursor, &count)) {
            return false;
        }
    }
    return true;
}

bool cli_message_poll(struct cli *cli)
{
    const struct command_line *line = cli->line;
    struct reading reading = {.cli = cli};
    struct client_poll poll = {.value = line->value,
                               .count = line->count == CLI_ABSENT ? POLL_COUNT : (u32)line->count,
                               .consumer = line->consumer,
                               .auto_commit = line->auto_commit};
    if (line->group != NULL) {
        return cli_message_poll_group(cli);
    }
    if (!strategy_of(line->strategy, &poll.strategy) || !read_start(cli, &poll)) {
        return false;
    }
    poll.count = line->raw ? RAW_POLL_COUNT : poll.count;
    bool good = open_reading(&reading, &poll);
    bool waits_alone = line->wait_ms > 0 && reading.cursors_count == 1;
    if (good && waits_alone) {
        reading.cursors[0].poll.wait_ms = (u32)line->wait_ms;
    }
    for (u32 i = 0; good && i < reading.cursors_count; i++) {
        good = poll_partition(&reading, &reading.cursors[i]);
    }
    if (good && line->wait_ms > 0 && reading.cursors_count > 1) {
        good = wait_for_some(&reading);
    }
    close_reading(&reading);
    return good;
}

/* ---- Following ---- */

/* A partition that gave nothing is followed from its end. */
static void stand_at_end(struct cursor *cursor, u64 current_offset)
{
    if (cursor->poll.strategy == POLL_LAST) {
        cursor->poll.strategy = POLL_OFFSET;
        cursor->poll.value = current_offset == 0 ? 0 : current_offset + 1;
    }
}

static bool follow(struct reading *reading)
{
    const struct command_line *line = reading->cli->line;
    u64 heard_us = cli_now_us();
    u32 slice_ms = u32_max(1, SLICE_MS / u32_max(1, reading->cursors_count));
    for (u32 i = 0; !cli_is_interrupted() && !ferror(reading->cli->output.file) &&
                    !cli_is_unread(reading->cli);
         i++) {
        struct cursor *cursor = &reading->cursors[i % reading->cursors_count];
        u32 count = 0;
        cursor->poll.count = FOLLOW_POLL_COUNT;
        cursor->poll.wait_ms = slice_ms;
        if (!poll_cursor(reading, cursor, &count)) {
            return false;
        }
        u64 now_us = cli_now_us();
        heard_us = count > 0 ? now_us : heard_us;
        if (line->idle_ms != CLI_ABSENT && now_us - heard_us > line->idle_ms * US_PER_MS) {
            break;
        }
    }
    cli_note(reading->cli, "%llu messages", (unsigned long long)reading->printed);
    return true;
}

bool cli_message_tail(struct cli *cli)
{
    const struct command_line *line = cli->line;
    struct reading reading = {.cli = cli};
    struct client_poll poll = {.strategy = POLL_LAST,
                               .count = line->count == CLI_ABSENT ? TAIL_COUNT : (u32)line->count,
                               .consumer = line->consumer};
    if (!read_start(cli, &poll)) {
        return false;
    }
    bool good = open_reading(&reading, &poll);
    if (good && line->follow) {
        cli_hold_interrupts();
    }
    for (u32 i = 0; good && i < reading.cursors_count; i++) {
        u32 count = 0;
        good = poll_cursor(&reading, &reading.cursors[i], &count);
        stand_at_end(&reading.cursors[i], 0);
    }
    if (good && line->follow && reading.cursors_count > 0) {
        good = follow(&reading);
    }
    close_reading(&reading);
    return good;
}
