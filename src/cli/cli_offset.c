#include <stdio.h>
#include <string.h>

#include "cli/cli_command.h"
#include "cli/lag.h"
#include "cli/start_text.h"

#define LOOKER "levriero-cli"

static struct client_consumer consumer_of(const struct cli *cli, u32 partition_id)
{
    return (struct client_consumer){
        .is_group = strcmp(cli->line->kind, "group") == 0,
        .name = cli_word(cli, "CONSUMER"),
        .place = {cli_word(cli, "STREAM"), cli_word(cli, "TOPIC"), partition_id}};
}

/* The partition that was named as a word, or CLI_ABSENT. */
static bool read_partition(struct cli *cli, u64 *partition)
{
    u32 number = 0;
    *partition = CLI_ABSENT;
    if (cli->line->words_count < 4) {
        return true;
    }
    if (!cli_word_u32(cli, 3, &number)) {
        return false;
    }
    *partition = number;
    return true;
}

bool cli_offset_get(struct cli *cli)
{
    struct lag_of of = {.is_group = strcmp(cli->line->kind, "group") == 0,
                        .consumer = cli->line->words[0]};
    struct lag_list lags;
    if (!read_partition(cli, &of.partition) || !lag_measure(cli, &of, &lags)) {
        return false;
    }
    bool found = false;
    for (u32 i = 0; i < lags.count; i++) {
        found |= lags.items[i].has_stored;
    }
    if (found) {
        lag_print(cli, &lags);
    }
    lag_list_deinit(&lags);
    return found || cli_fail(cli, CLI_NOT_FOUND, "%s has stored no offset there", of.consumer);
}

/* Offsets of a group are its members' to store. A command that changes them is the only member for
 * that long; readers at work would store theirs over it, so there must be none. */
static bool step_in(struct cli *cli)
{
    struct client_group_view group;
    struct client_group_place place = {cli_word(cli, "STREAM"), cli_word(cli, "TOPIC"),
                                       cli_word(cli, "CONSUMER")};
    if (strcmp(cli->line->kind, "group") != 0) {
        return true;
    }
    if (!client_group_get(cli->client, &place, &group, &cli->error)) {
        return false;
    }
    if (!group.found) {
        return cli_fail(cli, CLI_NOT_FOUND, "no group \"%s\" in topic \"%s\"", place.group,
                        place.topic);
    }
    if (group.info.members_count > 0) {
        return cli_fail(cli, CLI_REFUSED,
                        "group \"%s\" has %u members, which store their offsets themselves: stop "
                        "them first",
                        place.group, group.info.members_count);
    }
    return client_group_join(cli->client, &place, &cli->error);
}

/* What was done stays done, whatever becomes of leaving: the connection ends next. */
static void step_out(struct cli *cli)
{
    struct client_error ignored;
    struct client_group_place place = {cli_word(cli, "STREAM"), cli_word(cli, "TOPIC"),
                                       cli_word(cli, "CONSUMER")};
    if (strcmp(cli->line->kind, "group") == 0) {
        (void)!client_group_leave(cli->client, &place, &ignored);
    }
}

bool cli_offset_set(struct cli *cli)
{
    u32 partition_id = 0;
    u64 offset = 0;
    if (!cli_word_u32(cli, 3, &partition_id) || !cli_word_u64(cli, 4, &offset)) {
        return false;
    }
    struct client_consumer consumer = consumer_of(cli, partition_id);
    if (!step_in(cli)) {
        return false;
    }
    bool good = client_offset_set(cli->client, &consumer, offset, &cli->error);
    step_out(cli);
    if (!good) {
        return false;
    }
    cli_say_done(cli, "%s has offset %llu of partition %u now", consumer.name,
                 (unsigned long long)offset, partition_id);
    return true;
}

bool cli_offset_delete(struct cli *cli)
{
    u32 partition_id = 0;
    if (!cli_word_u32(cli, 3, &partition_id)) {
        return false;
    }
    struct client_consumer consumer = consumer_of(cli, partition_id);
    if (!step_in(cli)) {
        return false;
    }
    bool good = client_offset_delete(cli->client, &consumer, &cli->error);
    step_out(cli);
    if (!good) {
        return false;
    }
    cli_say_done(cli, "%s has no offset of partition %u any more", consumer.name, partition_id);
    return true;
}

/* ---- Elsewhere ---- */

/* The offset that is read next in a partition; past the newest when nothing is that late. */
static bool find_next(struct cli *cli, const struct start *start, const struct lag *lag, u64 *next)
{
    u64 end = lag->has_messages ? lag->current_offset + 1 : 0;
    struct client_place place = {cli_word(cli, "STREAM"), cli_word(cli, "TOPIC"),
                                 lag->partition_id};
    struct client_poll poll = {
        .strategy = POLL_TIMESTAMP, .value = start->value, .count = 1, .consumer = LOOKER};
    struct poll_reply reply;
    struct polled_message message;
    *next = end;
    switch (start->strategy) {
    case POLL_FIRST: *next = 0; return true;
    case POLL_OFFSET: *next = u64_min(start->value, end); return true;
    case POLL_LAST: *next = end - u64_min(end, start->count); return true;
    case POLL_NEXT: return true;
    case POLL_TIMESTAMP: break;
    }
    if (!client_poll(cli->client, &place, &poll, &reply, &cli->error)) {
        return false;
    }
    struct poll_iterator iterator = poll_iterate(&reply);
    if (poll_next(&iterator, &message)) {
        *next = message.offset;
    }
    return true;
}

/* What is stored is the last message that was worked through: one before the next, or none. */
static bool move(struct cli *cli, const struct lag *lag, u64 next)
{
    struct client_consumer consumer = consumer_of(cli, lag->partition_id);
    if (cli->line->dry_run) {
        return true;
    }
    if (next > 0) {
        return client_offset_set(cli->client, &consumer, next - 1, &cli->error);
    }
    return !lag->has_stored || client_offset_delete(cli->client, &consumer, &cli->error);
}

static bool move_all(struct cli *cli, const struct start *start, const struct lag_list *lags)
{
    output_list(&cli->output, "partitions");
    bool good = true;
    u32 moved = 0;
    for (u32 i = 0; good && i < lags->count; i++) {
        const struct lag *lag = &lags->items[i];
        u64 next = 0;
        good = find_next(cli, start, lag, &next) && move(cli, lag, next);
        if (!good) {
            break;
        }
        moved++;
        output_record(&cli->output);
        output_number(&cli->output, "partition", lag->partition_id);
        output_number(&cli->output, "next_before", lag->has_stored ? lag->stored_offset + 1 : 0);
        output_number(&cli->output, "next_after", next);
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    cli->code = !good && moved > 0 ? CLI_PARTLY : CLI_DONE;
    return good;
}

/* "latest" is where `next` of an empty hand would be: the end. */
static bool read_target(struct cli *cli, struct start *start)
{
    struct err err;
    const char *to = cli->line->to;
    if (to == NULL) {
        return cli_fail(cli, CLI_USAGE, "--to is missing: earliest, latest, an offset, or @time");
    }
    if (strcmp(to, "earliest") == 0 || strcmp(to, "latest") == 0) {
        *start = (struct start){.strategy = to[0] == 'e' ? POLL_FIRST : POLL_NEXT};
        return true;
    }
    return start_text_read(to, cli_now_us(), start, &err) ||
           cli_fail(cli, CLI_USAGE, "--to: %s", err.text);
}

bool cli_offset_reset(struct cli *cli)
{
    struct start start;
    struct lag_of of = {.is_group = strcmp(cli->line->kind, "group") == 0,
                        .consumer = cli->line->words[0]};
    struct lag_list lags;
    if (!read_target(cli, &start) || !read_partition(cli, &of.partition) ||
        !lag_measure(cli, &of, &lags)) {
        return false;
    }
    bool dry = cli->line->dry_run;
    bool good = dry || step_in(cli);
    if (good) {
        good = move_all(cli, &start, &lags);
        if (!dry) {
            step_out(cli);
        }
    }
    lag_list_deinit(&lags);
    if (good && dry) {
        cli_note(cli, "nothing was done: this was a dry run");
    }
    return good;
}
