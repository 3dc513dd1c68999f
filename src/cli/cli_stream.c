#include <stdio.h>

#include "cli/command_line.h"

static void print_name(struct span name)
{
    fwrite(name.data, 1, name.size, stdout);
}

static void print_stream_line(const struct stream_info *info)
{
    printf("%-6u topics=%-5u messages=%-12llu bytes=%-14llu ", info->id, info->topics_count,
           (unsigned long long)info->messages_count, (unsigned long long)info->size_bytes);
    print_name(info->name);
    printf("\n");
}

static void print_topic_line(const struct topic_info *info)
{
    printf("%-6u partitions=%-5u messages=%-12llu bytes=%-14llu ", info->id, info->partitions_count,
           (unsigned long long)info->messages_count, (unsigned long long)info->size_bytes);
    print_name(info->name);
    printf("\n");
}

static int finish(struct client *client, bool good, const struct client_error *error)
{
    client_close(client);
    return good ? CLI_DONE : command_line_refuse(error);
}

static int refuse_without_yes(const struct command_line *line, const char *what)
{
    fprintf(stderr, "levriero: this deletes %s \"%s\" and all its messages for ever: add --yes\n",
            what, line->words[line->words_count - 1]);
    return CLI_USAGE;
}

int cli_stream_create(const struct command_line *line)
{
    struct client_error error;
    u32 id = 0;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_stream_create(client, line->words[0], &id, &error);
    if (good) {
        printf("stream %u \"%s\" created\n", id, line->words[0]);
    }
    return finish(client, good, &error);
}

int cli_stream_list(const struct command_line *line)
{
    struct client_error error;
    struct reader streams;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_streams(client, &streams, &error);
    while (good && !streams.failed && reader_left(&streams) > 0) {
        struct stream_info info = read_stream_info(&streams);
        print_stream_line(&info);
    }
    return finish(client, good, &error);
}

int cli_stream_get(const struct command_line *line)
{
    struct client_error error = {0};
    struct client_stream stream = {0};
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_stream_get(client, line->words[0], &stream, &error);
    if (good && !stream.found) {
        str_format(error.text, sizeof(error.text), "no stream \"%s\"", line->words[0]);
        good = false;
    }
    if (good) {
        print_stream_line(&stream.info);
    }
    while (good && !stream.topics.failed && reader_left(&stream.topics) > 0) {
        struct topic_view topic = read_topic_view(&stream.topics);
        printf("  ");
        print_topic_line(&topic.info);
    }
    return finish(client, good, &error);
}

int cli_stream_delete(const struct command_line *line)
{
    struct client_error error;
    if (!line->yes) {
        return refuse_without_yes(line, "stream");
    }
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    return finish(client, client_stream_delete(client, line->words[0], &error), &error);
}

int cli_topic_create(const struct command_line *line)
{
    struct client_error error;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    struct client_topic_options options = {
        .partitions_count = (u32)u64_min(line->partitions, UINT32_MAX),
        .options = topic_options_default(),
    };
    bool good = client_topic_create(client, line->words[0], line->words[1], &options, &error);
    if (good) {
        printf("topic \"%s\" created with %u partitions\n", line->words[1],
               options.partitions_count);
    }
    return finish(client, good, &error);
}

int cli_topic_list(const struct command_line *line)
{
    struct client_error error;
    struct reader topics;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_topics(client, line->words[0], &topics, &error);
    while (good && !topics.failed && reader_left(&topics) > 0) {
        struct topic_view topic = read_topic_view(&topics);
        print_topic_line(&topic.info);
    }
    return finish(client, good, &error);
}

int cli_topic_get(const struct command_line *line)
{
    struct client_error error = {0};
    struct client_topic topic = {0};
    struct client_place place = {line->words[0], line->words[1], 0};
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_topic_get(client, &place, &topic, &error);
    if (good && !topic.found) {
        str_format(error.text, sizeof(error.text), "no topic \"%s\" in stream \"%s\"",
                   line->words[1], line->words[0]);
        good = false;
    }
    if (good) {
        print_topic_line(&topic.view.info);
    }
    while (good && !topic.partitions.failed && reader_left(&topic.partitions) > 0) {
        struct partition_info info = read_partition_info(&topic.partitions);
        printf("  partition %-5u segments=%-5u newest=%-12llu messages=%-12llu bytes=%llu\n",
               info.id, info.segments_count, (unsigned long long)info.current_offset,
               (unsigned long long)info.messages_count, (unsigned long long)info.size_bytes);
    }
    return finish(client, good, &error);
}

int cli_topic_delete(const struct command_line *line)
{
    struct client_error error;
    if (!line->yes) {
        return refuse_without_yes(line, "topic");
    }
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    bool good = client_topic_delete(client, line->words[0], line->words[1], &error);
    return finish(client, good, &error);
}
