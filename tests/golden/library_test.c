/* The library's calls against every frame that official clients and servers were seen to exchange:
 * what a call sends is, byte for byte, what they sent; what a server answered is read to its end.
 *
 * As in the recording are: the id of the client, its session, the number of the request, and of
 * messages the ids that were drawn and the times. The library sends no checksum of a body and no
 * time in its headers, which the protocol allows. Whatever else cannot be equal is in `unequal`. */
#include <sys/socket.h>

#include "client/lv_calls.h"
#include "client/producer.h"
#include "tests/golden/vectors.h"
#include "wire/client_info.h"
#include "wire/consumer.h"
#include "wire/group_info.h"
#include "wire/login.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/permissions.h"
#include "wire/poll.h"
#include "wire/snapshot_request.h"
#include "wire/token_info.h"
#include "wire/topic_info.h"
#include "wire/topic_options.h"
#include "wire/user_info.h"

#include "test.h"

/* Why a frame of others cannot be the library's, and how many there are in both recordings; 0: none
 * was recorded, but one would not be equal. */
enum reason {
    REASON_NONE, /* it is the same */
    REASON_NOT_ITS_OWN,
    REASON_NAME_OF_DIGITS,
    REASON_NO_PARTITION,
    REASON_NO_WAIT,
    REASON_PARTITIONING,
    REASON_OPTION,
    REASON_ORDER,
    REASON_MALFORMED,
    REASONS_COUNT
};

static const struct {
    const char *why;
    u32 count;
} unequal[REASONS_COUNT] = {
    [REASON_NONE] = {"equal", 353},
    [REASON_NOT_ITS_OWN] = {"a command that the library has no call for: it logs out by closing, "
                            "flushes nothing, since what is answered is stored, and a single "
                            "node needs no routing",
                            23},
    [REASON_NAME_OF_DIGITS] = {"a name of digits: text stands for the number then", 0},
    [REASON_NO_PARTITION] = {"no partition is named: the library always names one", 2},
    [REASON_NO_WAIT] = {"an offset that is not waited for: the library reports only what is done",
                        0},
    [REASON_PARTITIONING] = {"the server is to choose the partition: the library does, so that "
                             "what is sent again keeps its place",
                             0},
    [REASON_OPTION] = {"an option that is said although it is the default, or that the header "
                       "does not have",
                       10},
    [REASON_ORDER] = {"options in another order: the library's go by key", 2},
    [REASON_MALFORMED] = {"to be refused, of another protocol, or without a request", 5},
};

static enum reason reason; /* of the call that was looked at last */

static struct vectors vectors;
static struct lv_client *client;
static int server_fd;

/* A client that takes itself for logged in, whose server is this test. */
static void connect_to_test(void)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    int fds[2];
    EXPECT_EQ(lv_client_create(&options, &client), LV_OK);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    client->fd = fds[0];
    server_fd = fds[1];
    client->state = CONNECTION_OPEN;
    protocol_on_connected(&client->protocol, clock_now_us());
    client->timeout_ms = 5; /* nobody answers */
}

static void disconnect(void)
{
    lv_client_destroy(client);
    close(server_fd);
}

/* Names as text, numbers as digits; false for a name of digits, which text cannot tell from a
 * number. */
static bool text_of(const struct identifier *identifier, char text[260])
{
    u64 number = 0;
    if (identifier->kind == IDENTIFIER_NUMERIC) {
        return str_format(text, 260, "%u", identifier->id);
    }
    memcpy(text, identifier->name.data, identifier->name.size);
    text[identifier->name.size] = 0;
    reason = str_to_u64(text, &number) ? REASON_NAME_OF_DIGITS : reason;
    return reason != REASON_NAME_OF_DIGITS;
}

static bool cannot(enum reason why)
{
    reason = why;
    return false;
}

struct words {
    char stream[260];
    char topic[260];
    char third[260];
};

static void copy_span(struct span span, char text[260])
{
    memcpy(text, span.data, span.size);
    text[span.size] = 0;
}

/* --- each gives false when it is none of its commands, or the library cannot say it: then the
 * reason is set --- */

static bool call_streams(u32 code, struct span body, struct words *words)
{
    struct stream_request on;
    struct create_stream_request new;
    struct update_stream_request changed;
    if (code == 202 && create_stream_request_decode(body, &new) == WIRE_OK) {
        copy_span(new.name, words->stream);
        (void)lv_stream_create(client, words->stream, NULL);
        return true;
    }
    if (code == 204 && update_stream_request_decode(body, &changed) == WIRE_OK) {
        copy_span(changed.name, words->third);
        bool named = text_of(&changed.stream, words->stream);
        (void)lv_stream_rename(client, words->stream, words->third);
        return named;
    }
    bool on_stream = code == 200 || code == 203 || code == 205 || code == 301;
    if (!on_stream || stream_request_decode(body, &on) != WIRE_OK ||
        !text_of(&on.stream, words->stream)) {
        return false;
    }
    switch (code) {
    case 200: (void)lv_stream(client, words->stream, NULL); break;
    case 203: (void)lv_stream_delete(client, words->stream); break;
    case 205: (void)lv_stream_purge(client, words->stream); break;
    default: (void)lv_topics(client, words->stream, NULL); break;
    }
    return true;
}

static bool call_topics(u32 code, struct span body, struct words *words)
{
    struct topic_request on;
    struct partitions_request partitions;
    bool on_topic = code == 300 || code == 303 || code == 305 || code == 601;
    if (on_topic && topic_request_decode(body, &on) == WIRE_OK &&
        text_of(&on.stream, words->stream) && text_of(&on.topic, words->topic)) {
        switch (code) {
        case 300: (void)lv_topic(client, words->stream, words->topic, NULL); break;
        case 303: (void)lv_topic_delete(client, words->stream, words->topic); break;
        case 305: (void)lv_topic_purge(client, words->stream, words->topic); break;
        default: (void)lv_groups(client, words->stream, words->topic, NULL); break;
        }
        return true;
    }
    bool counts = code == 402 || code == 403;
    if (!counts || partitions_request_decode(body, &partitions) != WIRE_OK ||
        !text_of(&partitions.stream, words->stream) || !text_of(&partitions.topic, words->topic)) {
        return false;
    }
    if (code == 402) {
        (void)lv_partitions_add(client, words->stream, words->topic, partitions.count);
    } else {
        (void)lv_partitions_remove(client, words->stream, words->topic, partitions.count);
    }
    return true;
}

/* False: it says what the library's options cannot say. */
static bool options_of(struct span block, bool is_new, struct lv_topic_options *options)
{
    struct topic_options defaults = topic_options_default();
    struct topic_options is;
    enum wire_error error = is_new ? topic_options_decode(block, 1, &defaults, &is)
                                   : topic_options_decode_update(block, &defaults, &defaults, &is);
    if (error != WIRE_OK) {
        return cannot(REASON_OPTION);
    }
    *options = (struct lv_topic_options)LV_TOPIC_OPTIONS_INIT;
#define SAID(option) ((is.explicit_set & 1u << (option)) != 0)
    options->compression = SAID(TOPIC_OPTION_COMPRESSION_ALGORITHM) ? is.compression : 0;
    options->message_expiry_us = SAID(TOPIC_OPTION_MESSAGE_EXPIRY) ? is.message_expiry_us : 0;
    options->max_size_bytes = SAID(TOPIC_OPTION_MAX_TOPIC_SIZE) ? is.max_topic_size_bytes : 0;
    options->segment_bytes = SAID(TOPIC_OPTION_SEGMENT_SIZE) ? is.segment_size_bytes : 0;
    options->persisted = SAID(TOPIC_OPTION_DURABILITY);
    options->offsets_persisted = SAID(TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY);
    options->preallocate = SAID(TOPIC_OPTION_PREALLOCATE_SEGMENTS);
    bool other = SAID(TOPIC_OPTION_MESSAGES_REQUIRED_TO_SAVE) ||
                 SAID(TOPIC_OPTION_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE) ||
                 (options->persisted && is.durability != TOPIC_DURABILITY_PERSISTED) ||
                 (options->offsets_persisted &&
                  is.consumer_offset_durability != TOPIC_DURABILITY_PERSISTED) ||
                 (options->preallocate && !is.preallocate_segments);
#undef SAID
    u8 bytes[TOPIC_OPTIONS_BYTES_MAX];
    struct writer by_key = writer_over(bytes, sizeof(bytes));
    topic_options_write_request(&is, &by_key);
    if (other) {
        return cannot(REASON_OPTION);
    }
    bool sorted = by_key.position == block.size && memcmp(bytes, block.data, block.size) == 0;
    return sorted || cannot(REASON_ORDER);
}

static bool call_topic_changes(u32 code, struct span body, struct words *words)
{
    struct create_topic_request new;
    struct update_topic_request changed;
    struct delete_segments_request segments;
    struct lv_topic_options options;
    if (code == 302 && create_topic_request_decode(body, &new) == WIRE_OK) {
        copy_span(new.name, words->topic);
        bool said = options_of(new.options, true, &options) && text_of(&new.stream, words->stream);
        options.partitions = new.partitions_count;
        return said && (lv_topic_create(client, words->stream, words->topic, &options, NULL), true);
    }
    if (code == 304 && update_topic_request_decode(body, &changed) == WIRE_OK) {
        copy_span(changed.name, words->third);
        bool said = options_of(changed.options, false, &options) &&
                    text_of(&changed.stream, words->stream) &&
                    text_of(&changed.topic, words->topic);
        return said &&
               (lv_topic_update(client, words->stream, words->topic, words->third, &options), true);
    }
    if (code == 503 && delete_segments_request_decode(body, &segments) == WIRE_OK &&
        text_of(&segments.stream, words->stream) && text_of(&segments.topic, words->topic)) {
        (void)lv_segments_delete(client, words->stream, words->topic, segments.partition_id,
                                 segments.count);
        return true;
    }
    return false;
}

static bool call_groups(u32 code, struct span body, struct words *words)
{
    struct group_request on;
    struct create_group_request new;
    const char *stream = words->stream;
    const char *topic = words->topic;
    const char *group = words->third;
    if (code == 602 && create_group_request_decode(body, &new) == WIRE_OK) {
        copy_span(new.name, words->third);
        bool named = text_of(&new.stream, words->stream) && text_of(&new.topic, words->topic);
        (void)lv_group_create(client, stream, topic, group, NULL);
        return named;
    }
    bool on_group = code == 600 || (code >= 603 && code <= 606);
    if (!on_group || group_request_decode(body, &on) != WIRE_OK ||
        !text_of(&on.stream, words->stream) || !text_of(&on.topic, words->topic) ||
        !text_of(&on.group, words->third)) {
        return false;
    }
    switch (code) {
    case 600: (void)lv_group(client, stream, topic, group, NULL); break;
    case 603: (void)lv_group_delete(client, stream, topic, group); break;
    case 604: (void)lv_group_join(client, stream, topic, group); break;
    case 605: (void)lv_group_leave(client, stream, topic, group); break;
    default: (void)lv_group_sync(client, stream, topic, group, NULL); break;
    }
    return true;
}

static bool place_of(const struct offset_request *target, struct words *words,
                     struct lv_place *place)
{
    *place = (struct lv_place)LV_PLACE_INIT;
    place->stream = words->stream;
    place->topic = words->topic;
    place->consumer = words->third;
    place->is_group = target->consumer.kind == CONSUMER_GROUP;
    place->partition = target->partition.partition_id;
    reason = target->partition.present ? reason : REASON_NO_PARTITION;
    return target->partition.present && text_of(&target->stream, words->stream) &&
           text_of(&target->topic, words->topic) &&
           text_of(&target->consumer.identifier, words->third);
}

static bool call_messages(u32 code, struct span body, struct words *words)
{
    struct lv_place place;
    struct offset_request get;
    struct store_offset_request store;
    struct delete_offset_request removal;
    struct poll_request poll;
    if (code == 120 && get_offset_request_decode(body, &get) == WIRE_OK &&
        place_of(&get, words, &place)) {
        (void)lv_offset(client, &place, NULL);
        return true;
    }
    if (code == 121 && store_offset_request_decode(body, &store) == WIRE_OK &&
        place_of(&store.target, words, &place)) {
        (void)lv_offset_store(client, &place, store.offset);
        return store.wait_for_commit || cannot(REASON_NO_WAIT);
    }
    if (code == 122 && delete_offset_request_decode(body, &removal) == WIRE_OK &&
        place_of(&removal.target, words, &place)) {
        (void)lv_offset_delete(client, &place);
        return removal.wait_for_commit || cannot(REASON_NO_WAIT);
    }
    if (code != 100 || poll_request_decode(body, &poll) != WIRE_OK) {
        return false;
    }
    struct offset_request target = {poll.consumer, poll.stream, poll.topic, poll.partition};
    struct lv_poll_options options = LV_POLL_OPTIONS_INIT;
    options.strategy = poll.strategy;
    options.value = poll.value;
    options.count = poll.count;
    options.auto_commit = poll.auto_commit;
    bool named = place_of(&target, words, &place);
    (void)lv_poll(client, &place, &options, NULL);
    return named;
}

static bool call_users(u32 code, struct span body, struct words *words)
{
    struct user_request on;
    struct create_token_request token;
    struct span name;
    if ((code == 31 || code == 34) && user_request_decode(body, &on) == WIRE_OK &&
        text_of(&on.user, words->stream)) {
        (void)(code == 31 ? lv_user(client, words->stream, NULL)
                          : lv_user_delete(client, words->stream));
        return true;
    }
    if (code == 42 && create_token_request_decode(body, &token) == WIRE_OK) {
        copy_span(token.name, words->stream);
        (void)lv_token_create(client, words->stream, token.expiry_us, NULL);
        return true;
    }
    if (code == 43 && delete_token_request_decode(body, &name) == WIRE_OK) {
        copy_span(name, words->stream);
        (void)lv_token_delete(client, words->stream);
        return true;
    }
    return false;
}

static struct lv_permissions *permissions_of(struct span block)
{
    struct permission_iterator iterator = permissions_iterate(block);
    struct permission_entry entry;
    struct lv_permissions *permissions = NULL;
    while (permissions_next(&iterator, &entry)) {
        switch ((enum permission_scope)entry.scope) {
        case PERMISSION_GLOBAL: permissions = lv_permissions_create(entry.bits); break;
        case PERMISSION_STREAM:
            (void)lv_permissions_add_stream(permissions, entry.stream_id, (u32)entry.bits << 4);
            break;
        case PERMISSION_TOPIC:
            (void)lv_permissions_add_topic(permissions, entry.topic_id, (u32)entry.bits << 6);
            break;
        }
    }
    return permissions;
}

static bool create_user(const struct create_user_request *new, struct words *words)
{
    struct lv_user_options options = LV_USER_OPTIONS_INIT;
    copy_span(new->username, words->stream);
    copy_span(new->password, words->topic);
    options.name = words->stream;
    options.password = words->topic;
    options.inactive = new->status == USER_INACTIVE;
    options.permissions = new->has_permissions ? permissions_of(new->permissions) : NULL;
    (void)lv_user_create(client, &options, NULL);
    lv_permissions_destroy(options.permissions);
    return true;
}

static bool call_user_changes(u32 code, struct span body, struct words *words)
{
    struct create_user_request new;
    struct update_user_request changed;
    struct update_permissions_request permitted;
    struct change_password_request password;
    if (code == 33 && create_user_request_decode(body, &new) == WIRE_OK) {
        return create_user(&new, words);
    }
    if (code == 35 && update_user_request_decode(body, &changed) == WIRE_OK &&
        text_of(&changed.user, words->stream)) {
        copy_span(changed.username, words->topic);
        (void)lv_user_update(client, words->stream, changed.has_username ? words->topic : NULL,
                             changed.has_status ? changed.status : 0);
        return true;
    }
    if (code == 36 && update_permissions_request_decode(body, &permitted) == WIRE_OK &&
        text_of(&permitted.user, words->stream)) {
        struct lv_permissions *permissions =
            permitted.has_permissions ? permissions_of(permitted.permissions) : NULL;
        (void)lv_user_set_permissions(client, words->stream, permissions);
        lv_permissions_destroy(permissions);
        return true;
    }
    if (code == 37 && change_password_request_decode(body, &password) == WIRE_OK &&
        text_of(&password.user, words->stream)) {
        copy_span(password.current, words->topic);
        copy_span(password.new, words->third);
        (void)lv_user_set_password(client, words->stream, words->topic, words->third);
        return true;
    }
    return false;
}

static bool call_the_server(u32 code, struct span body)
{
    enum options_scope scope;
    u32 number = 0;
    switch (code) {
    case 1: (void)lv_ping(client); return true;
    case 10: (void)lv_stats(client, NULL); return true;
    case 11: {
        struct snapshot_request snapshot;
        bool whole = snapshot_request_decode(body, &snapshot) == WIRE_OK &&
                     snapshot.compression == SNAPSHOT_DEFLATE && snapshot.types.size == 1 &&
                     snapshot.types.data[0] == SNAPSHOT_ALL;
        (void)lv_snapshot(client, NULL);
        return whole || cannot(REASON_OPTION);
    }
    case 12: (void)lv_cluster(client, NULL); return true;
    case 13:
        if (describe_options_request_decode(body, &scope) != WIRE_OK) {
            return false;
        }
        (void)lv_options(client, (int)scope, NULL);
        return true;
    case 20: (void)lv_me(client, NULL); return true;
    case 21:
        if (get_client_request_decode(body, &number) != WIRE_OK) {
            return false;
        }
        (void)lv_connection(client, number, NULL);
        return true;
    case 22: (void)lv_connections(client, NULL); return true;
    case 32: (void)lv_users(client, NULL); return true;
    case 41: (void)lv_tokens(client, NULL); return true;
    case 201: (void)lv_streams(client, NULL); return true;
    default: return false;
    }
}

/* True when the library has a call for what this request asks; then it was made. */
static bool call_it(u32 code, struct span body)
{
    struct words words;
    return call_the_server(code, body) || call_streams(code, body, &words) ||
           call_topics(code, body, &words) || call_groups(code, body, &words) ||
           call_messages(code, body, &words) || call_users(code, body, &words) ||
           call_user_changes(code, body, &words) || call_topic_changes(code, body, &words);
}

/* The header as the library makes it, of what the recording gives. */
static void expect_header(const u8 *sent, const struct vector *vector)
{
    u8 wanted[FRAME_HEADER_BYTES];
    memcpy(wanted, vector->request.data, sizeof(wanted));
    memset(wanted + 144, 0, 24); /* checksum and time */
    EXPECT_BYTES(sent, wanted, sizeof(wanted));
}

static void expect_body(const struct vector *vector, const u8 *body, size_t size)
{
    if (size != vector->request.size - FRAME_HEADER_BYTES) {
        print_error("in \"%s\": %zu bytes\n", vector->title, size);
    }
    EXPECT_EQ(size, vector->request.size - FRAME_HEADER_BYTES);
    EXPECT_BYTES(body, vector->request.data + FRAME_HEADER_BYTES, (u32)size);
}

/* --- logins: a client with the same credentials, which says its own name and that it keeps its
 * id --- */

static void expect_login(const struct vector *vector, struct span body)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct login_prefix prefix;
    struct login_prefix own;
    struct login_password password;
    struct login_token token;
    struct words words;
    struct lv_client *other = NULL;
    if (!login_prefix_decode(body, &prefix)) {
        reason = REASON_MALFORMED;
        return;
    }
    if (login_password_decode(body, &prefix, &password)) {
        copy_span(password.username, words.stream);
        copy_span(password.password, words.topic);
        options.username = words.stream;
        options.password = words.topic;
    } else if (login_token_decode(body, &prefix, &token)) {
        copy_span(token.token, words.third);
        options.token = words.third;
    } else {
        reason = REASON_MALFORMED;
        return;
    }
    EXPECT_EQ(lv_client_create(&options, &other), LV_OK);
    struct span is = {other->protocol.login.frame + FRAME_HEADER_BYTES,
                      other->protocol.login.frame_bytes - FRAME_HEADER_BYTES};
    EXPECT(login_prefix_decode(is, &own));
    EXPECT_EQ(own.version, prefix.version);
    u32 left = is.size - own.credentials_position;
    if (left != body.size - prefix.credentials_position) {
        print_error("in \"%s\"\n", vector->title);
    }
    EXPECT_EQ(left, body.size - prefix.credentials_position);
    EXPECT_BYTES(is.data + own.credentials_position, body.data + prefix.credentials_position, left);
    lv_client_destroy(other);
}

/* --- batches: a producer of the same topic, given the same messages --- */

static struct lv_mock *mock;
static struct lv_client *mock_client;

static struct lv_producer *producer_like(const struct send_request *send)
{
    struct lv_client_options connect = LV_CLIENT_OPTIONS_INIT;
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct lv_producer *producer = NULL;
    EXPECT_EQ(lv_mock_create(&mock), LV_OK);
    lv_mock_topic(mock, "s", "t", 1);
    connect.addresses = lv_mock_address(mock);
    connect.username = "iggy";
    connect.password = "iggy";
    EXPECT_EQ(lv_client_create(&connect, &mock_client), LV_OK);
    options.stream = "s";
    options.topic = "t";
    options.batch_messages_max = UINT32_MAX; /* nothing goes before it is looked at */
    options.linger_us = UINT32_MAX;
    EXPECT_EQ(lv_producer_open(mock_client, &options, &producer), LV_OK);
    u8 bytes[SEND_PREFIX_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    send_request_encode(send, &writer);
    producer->stream = send->stream;
    producer->topic = send->topic;
    producer->prefix_bytes = writer.position;
    return producer;
}

/* The batch with the times of the recording, and its ids where they were left to chance. */
static u32 with_recorded_times(const u8 *is, u32 is_bytes, struct span recorded, u8 *to)
{
    struct batch_iterator ours = batch_iterate(is, is_bytes);
    struct batch_iterator theirs = batch_iterate(recorded.data, recorded.size);
    struct batch_header header;
    struct batch_builder builder;
    struct message_frame our;
    struct message_frame their;
    batch_header_decode(recorded.data, &header);
    batch_builder_init(&builder, to, recorded.size, header.origin_timestamp_us);
    while (batch_next(&theirs, &their)) {
        EXPECT(batch_next(&ours, &our));
        struct batch_message message = {.id = u128_is_zero(their.id) ? their.id : our.id,
                                        .origin_timestamp_us =
                                            header.origin_timestamp_us + their.timestamp_delta_us,
                                        .payload = our.payload,
                                        .user_headers = our.user_headers};
        EXPECT_EQ(batch_builder_add(&builder, &message), OK);
    }
    EXPECT(!batch_next(&ours, &our));
    return batch_builder_finish(&builder);
}

static bool expect_batch(const struct vector *vector, struct span body)
{
    static u8 rebuilt[64 * 1024];
    struct send_request send;
    EXPECT_EQ(send_request_decode(body, body.size, &send), WIRE_OK);
    if (send.partitioning.kind != PARTITIONING_PARTITION) {
        return cannot(REASON_PARTITIONING);
    }
    struct lv_producer *producer = producer_like(&send);
    struct span recorded = {body.data + send.batch_position, send.batch_bytes};
    struct batch_iterator frames = batch_iterate(recorded.data, recorded.size);
    struct message_frame frame;
    while (batch_next(&frames, &frame)) {
        struct lv_record record = LV_RECORD_INIT;
        record.id_low = frame.id.low;
        record.id_high = frame.id.high;
        record.payload = frame.payload.data;
        record.payload_size = frame.payload.size;
        record.headers = frame.user_headers.data;
        record.headers_size = frame.user_headers.size;
        record.partition = 0;
        EXPECT_EQ(lv_producer_send(producer, &record), LV_OK);
    }
    struct lane *lane = producer->lanes[0];
    lane->partition_id = send.partitioning.partition_id; /* the topic has it */
    struct outgoing *batch = container_of(list_first(&lane->batches), struct outgoing, node);
    outgoing_seal(batch);
    const u8 *is = batch->ask.frame + FRAME_HEADER_BYTES;
    u32 is_bytes = batch->ask.frame_bytes - FRAME_HEADER_BYTES - producer->prefix_bytes;
    EXPECT_EQ(producer->prefix_bytes, send.batch_position);
    memcpy(rebuilt, is, producer->prefix_bytes);
    u32 bytes = with_recorded_times(is + producer->prefix_bytes, is_bytes, recorded,
                                    rebuilt + producer->prefix_bytes);
    expect_body(vector, rebuilt, producer->prefix_bytes + bytes);
    lv_producer_close(producer);
    lv_client_destroy(mock_client);
    lv_mock_destroy(mock);
    return true;
}

/* --- all of them --- */

static void drain(void)
{
    u8 sent[4096];
    while (recv(server_fd, sent, sizeof(sent), 0) > 0) {
    }
}

static void expect_call(const struct vector *vector)
{
    static u8 sent[64 * 1024];
    ssize_t got = recv(server_fd, sent, sizeof(sent), 0);
    if (got < (ssize_t)FRAME_HEADER_BYTES) {
        print_error("in \"%s\": %zd bytes\n", vector->title, got);
    }
    EXPECT(got >= (ssize_t)FRAME_HEADER_BYTES);
    expect_body(vector, sent + FRAME_HEADER_BYTES, (size_t)got - FRAME_HEADER_BYTES);
    expect_header(sent, vector);
}

static void compare(const struct vector *vector)
{
    struct request_header wanted;
    enum command command;
    request_header_decode(vector->request.data, &wanted);
    struct span body = {vector->request.data + FRAME_HEADER_BYTES,
                        vector->request.size - FRAME_HEADER_BYTES};
    client->protocol.id = wanted.client;
    client->protocol.session = wanted.session;
    client->protocol.request = wanted.request - 1;
    reason = REASON_NONE;
    if (command_find(wanted.operation, wanted.code, &command) != WIRE_OK) {
        reason = REASON_NOT_ITS_OWN;
    } else if (command == COMMAND_REGISTER) {
        expect_login(vector, body);
    } else if (command == COMMAND_SEND_MESSAGES) {
        (void)expect_batch(vector, body);
    } else if (call_it(command_row(command)->code, body)) {
        expect_call(vector);
    } else if (reason == REASON_NONE) {
        reason = REASON_NOT_ITS_OWN;
    }
    drain();
}

static void compare_requests(const char *name, u32 counts[REASONS_COUNT])
{
    vectors_load(&vectors, name);
    connect_to_test();
    for (u32 i = 0; i < vectors.count; i++) {
        const struct vector *vector = &vectors.all[i];
        if (vector->request.size == 0 || vector->must_be_refused) {
            counts[REASON_MALFORMED]++;
            continue;
        }
        compare(vector);
        counts[reason]++;
    }
    disconnect();
}

TEST(calls_send_what_official_clients_send)
{
    u32 counts[REASONS_COUNT] = {0};
    compare_requests("exchanges_clients.txt", counts);
    compare_requests("exchanges_reference.txt", counts);
    for (u32 i = 0; i < REASONS_COUNT; i++) {
        if (counts[i] != unequal[i].count) {
            print_error("%u, not %u: %s\n", counts[i], unequal[i].count, unequal[i].why);
        }
    }
    for (u32 i = 0; i < REASONS_COUNT; i++) {
        EXPECT_EQ(counts[i], unequal[i].count);
    }
}

/* --- answers --- */

static bool reads_to_its_end(const struct vector *vector, struct lv_result *result)
{
    struct request_header request;
    struct reply_header reply;
    enum command command;
    request_header_decode(vector->request.data, &request);
    if (command_find(request.operation, request.code, &command) != WIRE_OK ||
        reply_header_decode(vector->response.data, &reply) != OK || reply.status != 0 ||
        command == COMMAND_REGISTER || command == COMMAND_SEND_MESSAGES) {
        return false;
    }
    struct reader body = reader_over(vector->response.data + FRAME_HEADER_BYTES,
                                     vector->response.size - FRAME_HEADER_BYTES);
    if (command_row(command)->framed && read_result(&body) != 0) {
        return false;
    }
    result_fill(result, command, (struct span){body.data + body.position, reader_left(&body)});
    u32 rows = 0;
    while (lv_result_next(result) != LV_ROW_NONE) {
        rows++;
    }
    if (lv_result_is_broken(result) || reader_left(&result->reader) != 0) {
        print_error("in \"%s\"\n", vector->title);
    }
    EXPECT(!lv_result_is_broken(result));
    EXPECT_EQ(reader_left(&result->reader), 0);
    return rows > 0;
}

/* What the login makes of an answer, and the producer of a confirmation. */
static void take_answer(const struct vector *vector, u32 *logins, u32 *sends)
{
    struct request_header request;
    struct reply_header reply;
    struct eviction eviction;
    struct send_confirmation confirmation;
    enum command command;
    request_header_decode(vector->request.data, &request);
    if (command_find(request.operation, request.code, &command) != WIRE_OK) {
        return;
    }
    struct span body = {vector->response.data + FRAME_HEADER_BYTES,
                        vector->response.size - FRAME_HEADER_BYTES};
    bool is_reply = reply_header_decode(vector->response.data, &reply) == OK && reply.status == 0;
    if (command == COMMAND_SEND_MESSAGES && is_reply) {
        EXPECT_EQ(send_reply_decode(body, &confirmation), OK);
        (*sends)++;
    }
    if (command != COMMAND_REGISTER) {
        return;
    }
    struct protocol *protocol = &client->protocol;
    struct iovec piece;
    u32 room = 0;
    protocol_on_connected(protocol, 1);
    EXPECT_EQ(protocol_output(protocol, &piece, 1), 1);
    protocol_sent(protocol, piece.iov_len, 2);
    u8 *to = protocol_room(protocol, &room);
    EXPECT(room >= vector->response.size);
    memcpy(to, vector->response.data, vector->response.size);
    int error = protocol_received(protocol, vector->response.size, 3);
    bool is_refusal = eviction_decode(vector->response.data, &eviction) == OK;
    EXPECT(error != LV_ERROR_UNREADABLE);
    EXPECT_EQ(protocol->state == PROTOCOL_READY, error == LV_OK);
    if (is_refusal) {
        EXPECT_EQ(error, (int)eviction_error(&eviction));
    } else {
        EXPECT(error != LV_OK || protocol->session > 0);
    }
    (*logins)++;
    protocol_on_lost(protocol, LV_ERROR_CONNECTION);
}

TEST(what_servers_answered_to_logins_and_sends_is_understood)
{
    static const char *names[] = {"exchanges_clients.txt", "exchanges_reference.txt"};
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    u32 logins = 0;
    u32 sends = 0;
    options.username = "iggy";
    options.password = "iggy";
    EXPECT_EQ(lv_client_create(&options, &client), LV_OK);
    for (u32 n = 0; n < array_count(names); n++) {
        vectors_load(&vectors, names[n]);
        for (u32 i = 0; i < vectors.count; i++) {
            const struct vector *vector = &vectors.all[i];
            if (vector->request.size > 0 && vector->response.size >= FRAME_HEADER_BYTES &&
                !vector->must_be_refused) {
                take_answer(vector, &logins, &sends);
            }
        }
    }
    lv_client_destroy(client);
    EXPECT(logins >= 25);
    EXPECT_EQ(sends, 13);
}

static u32 read_answers(const char *name)
{
    u32 read = 0;
    struct lv_result *result = lv_result_create();
    vectors_load(&vectors, name);
    for (u32 i = 0; i < vectors.count; i++) {
        const struct vector *vector = &vectors.all[i];
        bool is_sound = vector->request.size > 0 && vector->response.size >= FRAME_HEADER_BYTES &&
                        !vector->must_be_refused;
        read += is_sound && reads_to_its_end(vector, result) ? 1 : 0;
    }
    lv_result_destroy(result);
    return read;
}

TEST(what_servers_answered_is_read_to_its_end)
{
    EXPECT(read_answers("exchanges_clients.txt") >= 40);
    EXPECT(read_answers("exchanges_reference.txt") >= 40);
}
