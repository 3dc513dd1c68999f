#include "cli/lag.h"

#include "base/mem.h"

/* A consumer that stores nothing: looking leaves no trace. */
#define LOOKER "levriero-cli"

void lag_list_deinit(struct lag_list *list)
{
    mem_return(list->items);
}

/* The partitions first: the reply is gone with the next call. */
static bool list_partitions(struct cli *cli, u64 partition, struct lag_list *list)
{
    struct client_topic topic;
    if (!cli_topic(cli, &topic)) {
        return false;
    }
    *list = (struct lag_list){
        .items = mem_take((topic.view.info.partitions_count + 1u) * sizeof(struct lag))};
    while (!topic.partitions.failed && reader_left(&topic.partitions) > 0 &&
           list->count < topic.view.info.partitions_count) {
        struct partition_info info = read_partition_info(&topic.partitions);
        if (partition != CLI_ABSENT && partition != info.id) {
            continue;
        }
        list->items[list->count++] =
            (struct lag){.partition_id = info.id,
                         .has_messages = info.messages_count > 0 || info.current_offset > 0,
                         .current_offset = info.current_offset,
                         .messages = info.messages_count};
    }
    if (partition != CLI_ABSENT && list->count == 0) {
        lag_list_deinit(list);
        return cli_fail(cli, CLI_NOT_FOUND, "no partition %llu in topic \"%s\"",
                        (unsigned long long)partition, cli_word(cli, "TOPIC"));
    }
    return true;
}

/* When the first message that is left was appended. */
static bool measure_time(struct cli *cli, const struct client_place *place, struct lag *lag)
{
    struct client_poll poll = {.strategy = lag->has_stored ? POLL_OFFSET : POLL_FIRST,
                               .value = lag->stored_offset + 1,
                               .count = 1,
                               .consumer = LOOKER};
    struct poll_reply reply;
    struct polled_message message;
    if (!client_poll(cli->client, place, &poll, &reply, &cli->error)) {
        return false;
    }
    struct poll_iterator iterator = poll_iterate(&reply);
    u64 now_us = cli_now_us();
    if (poll_next(&iterator, &message) && now_us > message.timestamp_us) {
        lag->behind_us = now_us - message.timestamp_us;
    }
    return true;
}

static bool measure(struct cli *cli, const struct lag_of *of, struct lag *lag)
{
    struct client_consumer consumer = {
        .is_group = of->is_group,
        .name = of->consumer,
        .place = {cli_word(cli, "STREAM"), cli_word(cli, "TOPIC"), lag->partition_id}};
    struct client_stored_offset stored;
    if (!client_offset_get(cli->client, &consumer, &stored, &cli->error)) {
        return false;
    }
    lag->has_stored = stored.found;
    if (stored.found) {
        lag->stored_offset = stored.offsets.stored_offset;
        lag->current_offset = stored.offsets.current_offset;
        lag->messages = u64_min(lag->messages, lag->current_offset > lag->stored_offset
                                                   ? lag->current_offset - lag->stored_offset
                                                   : 0);
    }
    return lag->messages == 0 || measure_time(cli, &consumer.place, lag);
}

bool lag_measure(struct cli *cli, const struct lag_of *of, struct lag_list *list)
{
    if (!list_partitions(cli, of->partition, list)) {
        return false;
    }
    for (u32 i = 0; i < list->count; i++) {
        if (!measure(cli, of, &list->items[i])) {
            lag_list_deinit(list);
            return false;
        }
    }
    return true;
}

static void put_offset(struct output *output, const char *name, bool is_there, u64 offset)
{
    if (is_there) {
        output_number(output, name, offset);
    } else {
        output_none(output, name);
    }
}

void lag_print(struct cli *cli, const struct lag_list *list)
{
    struct output *output = &cli->output;
    output_list(output, "partitions");
    for (u32 i = 0; i < list->count; i++) {
        const struct lag *lag = &list->items[i];
        output_record(output);
        output_number(output, "partition", lag->partition_id);
        put_offset(output, "current_offset", lag->has_messages, lag->current_offset);
        put_offset(output, "stored_offset", lag->has_stored, lag->stored_offset);
        output_number(output, "lag_messages", lag->messages);
        output_seconds(output, "lag_seconds", lag->behind_us);
        output_record_end(output);
    }
    output_list_end(output);
}
