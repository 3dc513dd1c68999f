/* The bodies of what a guest tries. None of them changes anything but a send. */
#include "base/check.h"
#include "sim/guest.h"
#include "sim/operation.h"
#include "wire/consumer.h"
#include "wire/partition_info.h"
#include "wire/stream_info.h"
#include "wire/user_info.h"

static void write_poll(const struct guest *guest, struct writer *body)
{
    const struct model_topic *topic = guest->partition->topic;
    poll_request_encode(
        &(struct poll_request){
            .consumer = {.kind = CONSUMER_SINGLE, .identifier = identifier_of_id(77)},
            .stream = identifier_of_name(span_of(topic->stream->name)),
            .topic = identifier_of_name(span_of(topic->name)),
            .partition = {true, guest->partition->id},
            .strategy = POLL_LAST,
            .count = 3,
        },
        body);
}

static void write_offset(const struct guest *guest, bool is_store, struct writer *body)
{
    const struct model_topic *topic = guest->partition->topic;
    struct offset_request target = {
        .consumer = {.kind = CONSUMER_SINGLE, .identifier = identifier_of_id(77)},
        .stream = identifier_of_name(span_of(topic->stream->name)),
        .topic = identifier_of_name(span_of(topic->name)),
        .partition = {true, guest->partition->id},
    };
    if (is_store) { /* of what is not there: it must be refused all the same */
        store_offset_request_encode(&(struct store_offset_request){target, 1ull << 40, true}, body);
    } else {
        get_offset_request_encode(&target, body);
    }
}

/* To root, who keeps what it has. */
static void write_on_root(enum command command, struct writer *body)
{
    struct identifier root = identifier_of_name(span_of("root"));
    if (command == COMMAND_DELETE_USER) {
        user_request_encode(&(struct user_request){.user = root}, body);
    } else {
        update_permissions_request_encode(&(struct update_permissions_request){.user = root}, body);
    }
}

/* Without a name, or too much: nothing changes, whether it is allowed or not, and whatever was
 * deleted since the guest chose. */
static void write_change(const struct guest *guest, enum command command, struct writer *body)
{
    const struct model_topic *topic = guest->partition->topic;
    struct identifier stream_name = identifier_of_name(span_of(topic->stream->name));
    if (command == COMMAND_CREATE_STREAM) {
        create_stream_request_encode(&(struct create_stream_request){0}, body);
    } else if (command == COMMAND_CREATE_TOPIC) {
        create_topic_request_encode(
            &(struct create_topic_request){.stream = stream_name,
                                           .partitions_count = PARTITIONS_PER_REQUEST_MAX + 1,
                                           .name = span_of(topic->name)},
            body);
    } else {
        partitions_request_encode(
            &(struct partitions_request){.stream = stream_name,
                                         .topic = identifier_of_name(span_of(topic->name)),
                                         .count = MODEL_PARTITIONS_MAX + 10},
            body);
    }
}

static void write_read(const struct guest *guest, bool with_topic, struct writer *body)
{
    const struct model_topic *topic = guest->partition->topic;
    struct identifier stream_name = identifier_of_name(span_of(topic->stream->name));
    struct identifier topic_name = identifier_of_name(span_of(topic->name));
    write_identifier(body, &stream_name);
    if (with_topic) {
        write_identifier(body, &topic_name);
    }
}

void guest_write_act(struct guest *guest, enum command command, struct writer *body)
{
    switch ((u32)command) {
    case COMMAND_DELETE_USER:
    case COMMAND_UPDATE_PERMISSIONS: write_on_root(command, body); break;
    case COMMAND_GET_STREAM:
    case COMMAND_GET_TOPICS: write_read(guest, false, body); break;
    case COMMAND_GET_TOPIC:
    case COMMAND_GET_GROUPS: write_read(guest, true, body); break;
    case COMMAND_POLL_MESSAGES: write_poll(guest, body); break;
    case COMMAND_GET_CONSUMER_OFFSET: write_offset(guest, false, body); break;
    case COMMAND_STORE_CONSUMER_OFFSET: write_offset(guest, true, body); break;
    case COMMAND_SEND_MESSAGES:
        guest->send = model_send_begin(guest->workload->model, guest->partition, 1, 0,
                                       sim_time(guest->workload->sim, 0).wall_us);
        operation_write_send(guest->send, body);
        break;
    case COMMAND_CREATE_STREAM:
    case COMMAND_CREATE_TOPIC:
    case COMMAND_DELETE_PARTITIONS: write_change(guest, command, body); break;
    default: check(!guest_act(guest->act)->on_topic); break;
    }
}
