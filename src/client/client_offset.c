/* Stored offsets of consumers and groups. */
#include "client/client_wire.h"
#include "wire/consumer.h"

static bool write_target(const struct client_consumer *consumer, struct offset_request *target,
                         struct client_error *error)
{
    if (!client_name_fits("stream", consumer->place.stream, error) ||
        !client_name_fits("topic", consumer->place.topic, error) ||
        !client_name_fits("consumer", consumer->name, error)) {
        return false;
    }
    *target = (struct offset_request){
        .consumer = {consumer->is_group ? CONSUMER_GROUP : CONSUMER_SINGLE,
                     client_identifier(consumer->name)},
        .stream = client_identifier(consumer->place.stream),
        .topic = client_identifier(consumer->place.topic),
        .partition = {.present = true, .partition_id = consumer->place.partition_id},
    };
    return true;
}

bool client_offset_get(struct client *client, const struct client_consumer *consumer,
                       struct client_stored_offset *stored, struct client_error *error)
{
    struct span reply;
    struct offset_request target;
    if (!write_target(consumer, &target, error)) {
        return false;
    }
    get_offset_request_encode(&target, client_body(client, CLIENT_NAMES_BYTES_MAX));
    if (!client_ask(client, COMMAND_GET_CONSUMER_OFFSET, &reply, error)) {
        return false;
    }
    *stored = (struct client_stored_offset){0};
    enum status status = offset_reply_decode(reply, &stored->offsets);
    stored->found = status == OK;
    return status == OK || status == ERR_NOT_FOUND || client_fail(error, "unreadable offset");
}

bool client_offset_set(struct client *client, const struct client_consumer *consumer, u64 offset,
                       struct client_error *error)
{
    struct span reply;
    struct store_offset_request request = {.offset = offset, .wait_for_commit = true};
    if (!write_target(consumer, &request.target, error)) {
        return false;
    }
    store_offset_request_encode(&request, client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_STORE_CONSUMER_OFFSET, &reply, error);
}

bool client_offset_delete(struct client *client, const struct client_consumer *consumer,
                          struct client_error *error)
{
    struct span reply;
    struct delete_offset_request request = {.wait_for_commit = true};
    if (!write_target(consumer, &request.target, error)) {
        return false;
    }
    delete_offset_request_encode(&request, client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_DELETE_CONSUMER_OFFSET, &reply, error);
}
