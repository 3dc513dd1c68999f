#include "cli/cli_command.h"

static void put_stream_fields(struct output *output, const struct stream_info *info)
{
    output_number(output, "id", info->id);
    output_text(output, "name", info->name);
    output_number(output, "topics_count", info->topics_count);
    output_number(output, "messages_count", info->messages_count);
    output_bytes(output, "size_bytes", info->size_bytes);
    output_time(output, "created_at", info->created_at_us);
}

bool cli_stream_create(struct cli *cli)
{
    u32 id = 0;
    const char *name = cli->line->words[0];
    if (!client_stream_create(cli->client, name, &id, &cli->error)) {
        return false;
    }
    cli_say_created(cli, "stream", name, id);
    return true;
}

bool cli_stream_list(struct cli *cli)
{
    struct reader streams;
    if (!client_streams(cli->client, &streams, &cli->error)) {
        return false;
    }
    output_list(&cli->output, "streams");
    while (!streams.failed && reader_left(&streams) > 0) {
        struct stream_info info = read_stream_info(&streams);
        output_record(&cli->output);
        put_stream_fields(&cli->output, &info);
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    return !streams.failed || cli_fail(cli, CLI_REFUSED, "unreadable streams");
}

bool cli_stream_get(struct cli *cli)
{
    struct client_stream stream;
    const char *name = cli->line->words[0];
    if (!client_stream_get(cli->client, name, &stream, &cli->error)) {
        return false;
    }
    if (!stream.found) {
        return cli_fail(cli, CLI_NOT_FOUND, "no stream \"%s\"", name);
    }
    output_record(&cli->output);
    put_stream_fields(&cli->output, &stream.info);
    output_list(&cli->output, "topics");
    while (!stream.topics.failed && reader_left(&stream.topics) > 0) {
        struct topic_view topic = read_topic_view(&stream.topics);
        output_record(&cli->output);
        output_number(&cli->output, "id", topic.info.id);
        output_text(&cli->output, "name", topic.info.name);
        output_number(&cli->output, "partitions_count", topic.info.partitions_count);
        output_number(&cli->output, "messages_count", topic.info.messages_count);
        output_bytes(&cli->output, "size_bytes", topic.info.size_bytes);
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    output_record_end(&cli->output);
    return !stream.topics.failed || cli_fail(cli, CLI_REFUSED, "unreadable stream");
}

bool cli_stream_update(struct cli *cli)
{
    const char *const *words = cli->line->words;
    if (!client_stream_rename(cli->client, words[0], words[1], &cli->error)) {
        return false;
    }
    cli_say_done(cli, "stream \"%s\" is \"%s\" now", words[0], words[1]);
    return true;
}

bool cli_stream_purge(struct cli *cli)
{
    const char *stream = cli->line->words[0];
    if (!client_stream_purge(cli->client, stream, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "stream \"%s\" is empty", stream);
    return true;
}

bool cli_stream_delete(struct cli *cli)
{
    const char *stream = cli->line->words[0];
    if (!client_stream_delete(cli->client, stream, &cli->error)) {
        return false;
    }
    cli_say_done(cli, "stream \"%s\" deleted", stream);
    return true;
}
