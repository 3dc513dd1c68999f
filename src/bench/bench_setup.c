#include "bench/bench_setup.h"

#include "base/check.h"
#include "base/quantity.h"
#include "client/client_wire.h"

void bench_stream_name(char *name, u32 capacity, u32 number)
{
    (void)str_format(name, capacity, "bench-stream-%u", number + 1);
}

void bench_group_name(char *name, u32 capacity, u32 number)
{
    (void)str_format(name, capacity, "cg_bench-%u", number + 1);
}

static bool read_topic_options(const struct bench_options *options,
                               struct client_topic_options *topic, struct client_error *error)
{
    *topic = (struct client_topic_options){.partitions_count = (u32)options->partitions,
                                           .options = topic_options_default()};
    topic->options.max_topic_size_bytes = QUANTITY_UNLIMITED;
    topic->options.message_expiry_us = QUANTITY_NEVER;
    topic->options.explicit_set =
        1u << TOPIC_OPTION_MAX_TOPIC_SIZE | 1u << TOPIC_OPTION_MESSAGE_EXPIRY;
    if (options->max_topic_size != NULL &&
        quantity_parse_topic_size(span_of(options->max_topic_size),
                                  &topic->options.max_topic_size_bytes) != OK) {
        return client_fail(error, "--max-topic-size: \"%s\" is no size", options->max_topic_size);
    }
    if (options->message_expiry != NULL &&
        quantity_parse_expiry_us(span_of(options->message_expiry),
                                 &topic->options.message_expiry_us) != OK) {
        return client_fail(error, "--message-expiry: \"%s\" is no time", options->message_expiry);
    }
    return true;
}

static bool make_stream(const struct bench_options *options, struct client *client,
                        const char *name, const struct client_topic_options *topic,
                        struct client_error *error)
{
    struct client_stream stream;
    u32 id = 0;
    if (!client_stream_get(client, name, &stream, error)) {
        return false;
    }
    if (stream.found && options->reuse_streams) {
        return true;
    }
    return (!stream.found || client_stream_delete(client, name, error)) &&
           client_stream_create(client, name, &id, error) &&
           client_topic_create(client, name, BENCH_TOPIC, topic, error);
}

static bool find_stream(struct client *client, const char *name, struct client_error *error)
{
    struct client_topic topic;
    struct client_place place = {.stream = name, .topic = BENCH_TOPIC};
    if (!client_topic_get(client, &place, &topic, error)) {
        return false;
    }
    return topic.found ||
           client_fail(error, "there is no %s to be read: run a kind that writes it first", name);
}

/* A group is made anew, so that it begins at the first message. */
static bool make_group(const struct bench_options *options, struct client *client, u32 number,
                       struct client_error *error)
{
    char stream[64];
    char name[64];
    u32 id = 0;
    bench_stream_name(stream, sizeof(stream), number % (u32)options->streams);
    bench_group_name(name, sizeof(name), number);
    struct client_group_place place = {.stream = stream, .topic = BENCH_TOPIC, .group = name};
    struct client_group_view group;
    return client_group_get(client, &place, &group, error) &&
           (!group.found || client_group_delete(client, &place, error)) &&
           client_group_create(client, &place, &id, error);
}

/* Asks the first partition with a wait that ends at once. */
static bool server_waits(const struct bench_options *options, struct client *client)
{
    char stream[64];
    struct client_error error;
    struct poll_reply reply;
    bench_stream_name(stream, sizeof(stream), 0);
    struct client_place place = {.stream = stream, .topic = BENCH_TOPIC};
    struct client_poll poll = {.strategy = POLL_FIRST, .count = 1, .consumer = "1", .wait_ms = 1};
    return !options->no_wait && client_poll(client, &place, &poll, &reply, &error);
}

bool bench_setup(const struct bench_options *options, struct client *client, bool *waits,
                 struct client_error *error)
{
    check(options->streams > 0);
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    struct client_topic_options topic;
    if (!read_topic_options(options, &topic, error)) {
        return false;
    }
    for (u32 i = 0; i < options->streams; i++) {
        char name[64];
        bench_stream_name(name, sizeof(name), i);
        bool good = row->writes ? make_stream(options, client, name, &topic, error)
                                : find_stream(client, name, error);
        if (!good) {
            return false;
        }
    }
    for (u32 i = 0; row->by_groups && i < options->groups; i++) {
        if (!make_group(options, client, i, error)) {
            return false;
        }
    }
    *waits = server_waits(options, client);
    return true;
}
