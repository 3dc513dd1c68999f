#include <string.h>

#include "base/quantity.h"
#include "cli/cli_command.h"

#define BLOCK_BYTES (CLI_LIST_MAX * 2u * (OPTION_FIELD_BYTES_MAX + 5u) + 2048u)

/* Never, unlimited: the largest number is none. */
static void put_limit(struct output *output, const char *name, u64 value, bool is_time)
{
    if (value == UINT64_MAX) {
        output_none(output, name);
    } else if (is_time) {
        output_seconds(output, name, value);
    } else {
        output_bytes(output, name, value);
    }
}

static void put_topic_fields(struct output *output, const struct topic_view *topic)
{
    output_number(output, "id", topic->info.id);
    output_text(output, "name", topic->info.name);
    output_number(output, "partitions_count", topic->info.partitions_count);
    output_number(output, "messages_count", topic->info.messages_count);
    output_bytes(output, "size_bytes", topic->info.size_bytes);
    put_limit(output, "message_expiry_seconds", topic->message_expiry_us, true);
    put_limit(output, "max_topic_size_bytes", topic->max_topic_size_bytes, false);
    output_text(output, "compression",
                span_of(topic->compression == TOPIC_COMPRESSION_GZIP ? "gzip" : "none"));
    output_time(output, "created_at", topic->info.created_at_us);
}

static void put_partition(struct output *output, const struct partition_info *info)
{
    output_record(output);
    output_number(output, "id", info->id);
    output_number(output, "segments_count", info->segments_count);
    if (info->messages_count == 0 && info->current_offset == 0) {
        output_none(output, "current_offset");
    } else {
        output_number(output, "current_offset", info->current_offset);
    }
    output_number(output, "messages_count", info->messages_count);
    output_bytes(output, "size_bytes", info->size_bytes);
    output_time(output, "created_at", info->created_at_us);
    output_record_end(output);
}

static bool put_partitions(struct cli *cli, struct reader *partitions)
{
    output_list(&cli->output, "partitions");
    while (!partitions->failed && reader_left(partitions) > 0) {
        struct partition_info info = read_partition_info(partitions);
        put_partition(&cli->output, &info);
    }
    output_list_end(&cli->output);
    return !partitions->failed || cli_fail(cli, CLI_REFUSED, "unreadable partitions");
}

/* ---- What can be set ---- */

static bool add_setting(struct cli *cli, struct writer *block, const char *setting)
{
    char key[OPTION_FIELD_BYTES_MAX + 1];
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting || equals[1] == 0) {
        return cli_fail(cli, CLI_USAGE, "--set %s: give KEY=VALUE", setting);
    }
    if (!str_format(key, sizeof(key), "%.*s", (int)(equals - setting), setting) ||
        strlen(equals + 1) > OPTION_FIELD_BYTES_MAX) {
        return cli_fail(cli, CLI_USAGE, "--set: a key and a value have at most %u bytes",
                        OPTION_FIELD_BYTES_MAX);
    }
    write_option_string(block, key, span_of(equals + 1));
    return true;
}

static bool add_expiry(struct cli *cli, struct writer *block)
{
    const char *text = cli->line->expiry;
    u64 expiry_us = 0;
    if (text == NULL) {
        return true;
    }
    if (quantity_parse_expiry_us(span_of(text), &expiry_us) != OK) {
        return cli_fail(cli, CLI_USAGE, "--expiry: \"%s\" is no time: give '7 days' or never",
                        text);
    }
    write_option_u64(block, "message_expiry", expiry_us);
    return true;
}

static bool add_size(struct cli *cli, struct writer *block, const char *key, const char *text)
{
    u64 bytes = 0;
    if (text == NULL) {
        return true;
    }
    if (quantity_parse_topic_size(span_of(text), &bytes) != OK) {
        return cli_fail(cli, CLI_USAGE, "%s: \"%s\" is no size: give 10 GiB, for example", key,
                        text);
    }
    write_option_u64(block, key, bytes);
    return true;
}

static bool write_settings(struct cli *cli, struct writer *block)
{
    const struct command_line *line = cli->line;
    if (line->compression != NULL) {
        write_option_string(block, "compression_algorithm", span_of(line->compression));
    }
    bool good = add_expiry(cli, block) && add_size(cli, block, "max_topic_size", line->max_size) &&
                add_size(cli, block, "segment_size", line->segment_size);
    for (u32 i = 0; good && i < line->settings.count; i++) {
        good = add_setting(cli, block, line->settings.items[i]);
    }
    return good;
}

/* ---- Commands ---- */

bool cli_topic_create(struct cli *cli)
{
    u8 memory[BLOCK_BYTES];
    struct writer block = writer_over(memory, sizeof(memory));
    u32 id = 0;
    if (!write_settings(cli, &block)) {
        return false;
    }
    struct client_topic_change topic = {.stream = cli->line->words[0],
                                        .name = cli->line->words[1],
                                        .partitions_count = (u32)cli->line->partitions,
                                        .options = {memory, block.position}};
    if (!client_topic_create_as(cli->client, &topic, &id, &cli->error)) {
        return false;
    }
    cli_say_created(cli, "topic", topic.name, id);
    return true;
}

bool cli_topic_list(struct cli *cli)
{
    struct reader topics;
    if (!client_topics(cli->client, cli->line->words[0], &topics, &cli->error)) {
        return false;
    }
    /* A stream that does not exist has an empty list, too. */
    struct client_stream stream;
    if (reader_left(&topics) == 0) {
        if (!client_stream_get(cli->client, cli->line->words[0], &stream, &cli->error)) {
            return false;
        }
        if (!stream.found) {
            return cli_fail(cli, CLI_NOT_FOUND, "no stream \"%s\"", cli->line->words[0]);
        }
        topics = (struct reader){0};
    }
    output_list(&cli->output, "topics");
    while (!topics.failed && reader_left(&topics) > 0) {
        struct topic_view topic = read_topic_view(&topics);
        output_record(&cli->output);
        put_topic_fields(&cli->output, &topic);
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    return !topics.failed || cli_fail(cli, CLI_REFUSED, "unreadable topics");
}

bool cli_topic_get(struct cli *cli)
{
    struct client_topic topic;
    if (!cli_topic(cli, &topic)) {
        return false;
    }
    output_record(&cli->output);
    put_topic_fields(&cli->output, &topic.view);
    bool good = put_partitions(cli, &topic.partitions);
    output_record_end(&cli->output);
    return good;
}

/* The protocol wants a name in every update: without --name, the one it has. */
bool cli_topic_update(struct cli *cli)
{
    u8 memory[BLOCK_BYTES];
    char name[256];
    struct writer block = writer_over(memory, sizeof(memory));
    struct client_topic found;
    if (!write_settings(cli, &block) || !cli_topic(cli, &found)) {
        return false;
    }
    struct span old_name = found.view.info.name;
    if (cli->line->name == NULL) {
        str_format(name, sizeof(name), "%.*s", (int)old_name.size, old_name.data);
    }
    struct client_topic_change topic = {.stream = cli->line->words[0],
                                        .topic = cli->line->words[1],
                                        .name = cli->line->name == NULL ? name : cli->line->name,
                                        .options = {memory, block.position}};
    if (!client_topic_update(cli->client, &topic, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "topic \"%s\" updated", topic.name);
    return true;
}

bool cli_topic_purge(struct cli *cli)
{
    const char *const *words = cli->line->words;
    if (!client_topic_purge(cli->client, words[0], words[1], &cli->error)) {
        return false;
    }
    cli_say_done(cli, "topic \"%s\" is empty", words[1]);
    return true;
}

bool cli_topic_delete(struct cli *cli)
{
    const char *const *words = cli->line->words;
    if (!client_topic_delete(cli->client, words[0], words[1], &cli->error)) {
        return false;
    }
    cli_say_done(cli, "topic \"%s\" deleted", words[1]);
    return true;
}

bool cli_partition_list(struct cli *cli)
{
    struct client_topic topic;
    return cli_topic(cli, &topic) && put_partitions(cli, &topic.partitions);
}

static bool read_partitions(struct cli *cli, struct client_partitions *partitions)
{
    *partitions =
        (struct client_partitions){.stream = cli->line->words[0], .topic = cli->line->words[1]};
    return cli_word_u32(cli, cli->line->words_count - 1, &partitions->count);
}

bool cli_partition_create(struct cli *cli)
{
    struct client_partitions partitions;
    if (!read_partitions(cli, &partitions) ||
        !client_partitions_create(cli->client, &partitions, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "%u partitions added to topic \"%s\"", partitions.count, partitions.topic);
    return true;
}

bool cli_partition_delete(struct cli *cli)
{
    struct client_partitions partitions;
    if (!read_partitions(cli, &partitions) ||
        !client_partitions_delete(cli->client, &partitions, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "%u partitions of topic \"%s\" deleted", partitions.count, partitions.topic);
    return true;
}

bool cli_segment_delete(struct cli *cli)
{
    struct client_partitions partitions;
    if (!read_partitions(cli, &partitions) || !cli_word_u32(cli, 2, &partitions.partition_id) ||
        !client_segments_delete(cli->client, &partitions, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "up to %u segments of partition %u deleted", partitions.count,
                 partitions.partition_id);
    return true;
}
