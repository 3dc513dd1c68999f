#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli_command.h"
#include "cli/cli_watch.h"

#define PINGS_MAX 1000000u

/* ---- Ping ---- */

static u64 monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

struct pings {
    u64 count;
    u64 smallest_us;
    u64 largest_us;
    u64 sum_us;
};

static bool ping_once(struct cli *cli, struct pings *pings)
{
    u64 began_us = monotonic_us();
    if (!client_ping(cli->client, &cli->error)) {
        return false;
    }
    u64 us = monotonic_us() - began_us;
    pings->smallest_us = pings->count == 0 ? us : u64_min(pings->smallest_us, us);
    pings->largest_us = u64_max(pings->largest_us, us);
    pings->sum_us += us;
    pings->count++;
    if (cli->output.form == OUTPUT_JSON) {
        output_record(&cli->output);
        output_number(&cli->output, "sequence", pings->count);
        output_number(&cli->output, "duration_us", us);
        output_record_end(&cli->output);
    } else {
        fprintf(cli->output.file, "answered in %llu us\n", (unsigned long long)us);
    }
    (void)fflush(cli->output.file);
    return true;
}

bool cli_ping(struct cli *cli)
{
    struct pings pings = {0};
    u64 count = cli->line->count == CLI_ABSENT ? 1 : u64_min(cli->line->count, PINGS_MAX);
    cli_hold_interrupts();
    for (u64 i = 0; i < count && !cli_is_interrupted(); i++) {
        if (i > 0) {
            watch_sleep(cli->line->every_ms);
        }
        if (!ping_once(cli, &pings)) {
            return false;
        }
    }
    if (pings.count > 1) {
        cli_note(cli, "%llu pings: %llu us at least, %llu us on average, %llu us at most",
                 (unsigned long long)pings.count, (unsigned long long)pings.smallest_us,
                 (unsigned long long)(pings.sum_us / pings.count),
                 (unsigned long long)pings.largest_us);
    }
    return true;
}

/* ---- The server in numbers ---- */

static void put_stats(struct output *output, const struct stats *stats)
{
    output_record(output);
    output_text(output, "server_version", stats->server_version);
    output_number(output, "process_id", stats->process_id);
    output_seconds(output, "run_time_seconds", stats->run_time_us);
    output_time(output, "started_at", stats->start_time_us);
    output_number(output, "streams_count", stats->streams_count);
    output_number(output, "topics_count", stats->topics_count);
    output_number(output, "partitions_count", stats->partitions_count);
    output_number(output, "segments_count", stats->segments_count);
    output_number(output, "messages_count", stats->messages_count);
    output_bytes(output, "messages_size_bytes", stats->messages_size_bytes);
    output_number(output, "clients_count", stats->clients_count);
    output_number(output, "groups_count", stats->groups_count);
    output_number(output, "threads_count", stats->threads_count);
    output_decimal(output, "process_cpu_percent", (double)stats->process_cpu_percent);
    output_decimal(output, "total_cpu_percent", (double)stats->total_cpu_percent);
    output_bytes(output, "memory_bytes", stats->memory_bytes);
    output_bytes(output, "total_memory_bytes", stats->total_memory_bytes);
    output_bytes(output, "available_memory_bytes", stats->available_memory_bytes);
    output_bytes(output, "free_disk_bytes", stats->free_disk_bytes);
    output_bytes(output, "total_disk_bytes", stats->total_disk_bytes);
    output_bytes(output, "read_bytes", stats->read_bytes);
    output_bytes(output, "written_bytes", stats->written_bytes);
    output_text(output, "hostname", stats->hostname);
    output_text(output, "os_name", stats->os_name);
    output_text(output, "os_version", stats->os_version);
    output_text(output, "kernel_version", stats->kernel_version);
    output_record_end(output);
}

bool cli_stats(struct cli *cli)
{
    struct stats stats;
    if (cli->line->watch) {
        return watch_stats(cli);
    }
    if (!client_stats(cli->client, &stats, &cli->error)) {
        return false;
    }
    put_stats(&cli->output, &stats);
    return true;
}

/* ---- Connections ---- */

static const char *transport_name(u8 transport)
{
    switch (transport) {
    case TRANSPORT_TCP: return "tcp";
    case TRANSPORT_QUIC: return "quic";
    case TRANSPORT_WEBSOCKET: return "websocket";
    default: return "unknown"; /* a later server's */
    }
}

static void put_connection_fields(struct output *output, const struct client_info *info)
{
    output_number(output, "id", info->client_id);
    if (info->user_id == CLIENT_USER_NONE) {
        output_none(output, "user_id");
    } else {
        output_number(output, "user_id", info->user_id);
    }
    output_text(output, "transport", span_of(transport_name(info->transport)));
    output_text(output, "address", info->address);
    output_number(output, "groups_count", info->groups_count);
}

static bool put_connection(struct cli *cli, struct client_connection *connection)
{
    struct output *output = &cli->output;
    output_record(output);
    put_connection_fields(output, &connection->info);
    output_list(output, "groups");
    while (!connection->groups.failed && reader_left(&connection->groups) > 0) {
        struct client_group group = read_client_group(&connection->groups);
        output_record(output);
        output_number(output, "stream_id", group.stream_id);
        output_number(output, "topic_id", group.topic_id);
        output_number(output, "group_id", group.group_id);
        output_record_end(output);
    }
    output_list_end(output);
    output_record_end(output);
    return !connection->groups.failed || cli_fail(cli, CLI_REFUSED, "unreadable connection");
}

bool cli_me(struct cli *cli)
{
    struct client_connection connection;
    return client_me(cli->client, &connection, &cli->error) && put_connection(cli, &connection);
}

bool cli_client_get(struct cli *cli)
{
    struct client_connection connection;
    u32 id = 0;
    if (!cli_word_u32(cli, 0, &id) ||
        !client_connection_get(cli->client, id, &connection, &cli->error)) {
        return false;
    }
    return connection.found ? put_connection(cli, &connection)
                            : cli_fail(cli, CLI_NOT_FOUND, "no client %u", id);
}

bool cli_client_list(struct cli *cli)
{
    struct reader connections;
    if (!client_connections(cli->client, &connections, &cli->error)) {
        return false;
    }
    output_list(&cli->output, "clients");
    while (!connections.failed && reader_left(&connections) > 0) {
        struct client_info info = read_client_info(&connections);
        output_record(&cli->output);
        put_connection_fields(&cli->output, &info);
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    return !connections.failed || cli_fail(cli, CLI_REFUSED, "unreadable clients");
}

/* ---- The cluster, and what can be set ---- */

static const char *node_status(u8 status)
{
    static const char *const names[] = {"healthy", "starting", "stopping", "unreachable",
                                        "maintenance"};
    return status < array_count(names) ? names[status] : "unknown";
}

bool cli_cluster_metadata(struct cli *cli)
{
    struct client_cluster cluster;
    struct output *output = &cli->output;
    if (!client_cluster(cli->client, &cluster, &cli->error)) {
        return false;
    }
    output_record(output);
    output_text(output, "name", cluster.name);
    output_list(output, "nodes");
    for (u32 i = 0; i < cluster.nodes_count && !cluster.nodes.failed; i++) {
        struct cluster_node node = read_cluster_node(&cluster.nodes);
        output_record(output);
        output_text(output, "name", node.name);
        output_text(output, "ip", node.ip);
        output_number(output, "tcp_port", node.tcp_port);
        output_number(output, "quic_port", node.quic_port);
        output_number(output, "http_port", node.http_port);
        output_number(output, "websocket_port", node.websocket_port);
        output_text(output, "role", span_of(node.role == CLUSTER_LEADER ? "leader" : "follower"));
        output_text(output, "status", span_of(node_status(node.status)));
        output_record_end(output);
    }
    output_list_end(output);
    output_record_end(output);
    return !cluster.nodes.failed || cli_fail(cli, CLI_REFUSED, "unreadable cluster");
}

static bool read_scope(struct cli *cli, enum options_scope *scope)
{
    static const char *const names[] = {"topic", "stream", "user"};
    for (u32 i = 0; i < array_count(names); i++) {
        if (strcmp(cli->line->words[0], names[i]) == 0) {
            *scope = (enum options_scope)(OPTIONS_OF_TOPIC + i);
            return true;
        }
    }
    return cli_fail(cli, CLI_USAGE, "\"%s\" is none of topic, stream, user", cli->line->words[0]);
}

/* A default as people write it. */
static void put_option_value(struct output *output, const struct option *option)
{
    const u8 *value = option->value.data;
    if (option->kind == OPTION_STRING || option->value.size > 8) {
        output_text(output, "default", option->value);
    } else if (option->kind == OPTION_BOOL) {
        output_text(output, "default", span_of(value[0] != 0 ? "true" : "false"));
    } else {
        char text[32];
        u64 number = 0;
        memcpy(&number, value, option->value.size);
        str_format(text, sizeof(text), "%llu", (unsigned long long)number);
        output_text(output, "default", span_of(number == UINT64_MAX ? "unlimited" : text));
    }
}

bool cli_options(struct cli *cli)
{
    enum options_scope scope = OPTIONS_OF_TOPIC;
    struct reader options;
    if (!read_scope(cli, &scope) ||
        !client_options_described(cli->client, scope, &options, &cli->error)) {
        return false;
    }
    output_list(&cli->output, "options");
    while (!options.failed && reader_left(&options) > 0) {
        struct option_description description = read_option_description(&options);
        if (options.failed) {
            break;
        }
        output_record(&cli->output);
        output_text(&cli->output, "key", description.option.key);
        put_option_value(&cli->output, &description.option);
        output_text(&cli->output, "description", description.text);
        output_record_end(&cli->output);
    }
    output_list_end(&cli->output);
    return !options.failed || cli_fail(cli, CLI_REFUSED, "unreadable options");
}
