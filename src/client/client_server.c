/* What the server says of itself and of the connections it has. */
#include "client/client_wire.h"

static bool read_connection(struct span reply, struct client_connection *connection,
                            struct client_error *error)
{
    *connection = (struct client_connection){.found = reply.size > 0};
    if (connection->found) {
        connection->groups = client_reader_of(reply);
        connection->info = read_client_info(&connection->groups);
    }
    return !connection->groups.failed || client_fail(error, "unreadable connection");
}

bool client_me(struct client *client, struct client_connection *connection,
               struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    return client_ask(client, COMMAND_GET_ME, &reply, error) &&
           read_connection(reply, connection, error);
}

bool client_connection_get(struct client *client, u32 client_id,
                           struct client_connection *connection, struct client_error *error)
{
    struct span reply;
    get_client_request_encode(client_id, client_body(client, 8));
    return client_ask(client, COMMAND_GET_CLIENT, &reply, error) &&
           read_connection(reply, connection, error);
}

bool client_connections(struct client *client, struct reader *connections,
                        struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    if (!client_ask(client, COMMAND_GET_CLIENTS, &reply, error)) {
        return false;
    }
    *connections = client_reader_of(reply);
    return true;
}

bool client_cluster(struct client *client, struct client_cluster *cluster,
                    struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    if (!client_ask(client, COMMAND_GET_CLUSTER_METADATA, &reply, error)) {
        return false;
    }
    cluster->nodes = client_reader_of(reply);
    cluster->name = read_cluster_header(&cluster->nodes, &cluster->nodes_count);
    return !cluster->nodes.failed || client_fail(error, "unreadable cluster");
}

bool client_options_described(struct client *client, enum options_scope scope,
                              struct reader *options, struct client_error *error)
{
    struct span reply;
    describe_options_request_encode(scope, client_body(client, 8));
    if (!client_ask(client, COMMAND_DESCRIBE_OPTIONS, &reply, error)) {
        return false;
    }
    *options = client_reader_of(reply);
    (void)read_u32(options); /* the count: they run to the end of the body */
    return !options->failed || client_fail(error, "unreadable options");
}
