/* The library's calls against every frame that official clients and servers were seen to exchange:
 * what a call sends is, byte for byte, what they sent; what a server answered is read to its end. */
#include <sys/socket.h>

#include "client/lv_calls.h"
#include "tests/golden/vectors.h"
#include "wire/client_info.h"
#include "wire/consumer.h"
#include "wire/group_info.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/poll.h"
#include "wire/token_info.h"
#include "wire/topic_info.h"
#include "wire/user_info.h"

#include "test.h"

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
    return !str_to_u64(text, &number);
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

/* --- each gives false when it is none of its commands, or the library cannot say it in words --- */

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
        store.wait_for_commit && place_of(&store.target, words, &place)) {
        (void)lv_offset_store(client, &place, store.offset);
        return true;
    }
    if (code == 122 && delete_offset_request_decode(body, &removal) == WIRE_OK &&
        removal.wait_for_commit && place_of(&removal.target, words, &place)) {
        (void)lv_offset_delete(client, &place);
        return true;
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

static bool call_the_server(u32 code, struct span body)
{
    enum options_scope scope;
    u32 number = 0;
    switch (code) {
    case 1: (void)lv_ping(client); return true;
    case 10: (void)lv_stats(client, NULL); return true;
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
           call_messages(code, body, &words) || call_users(code, body, &words);
}

static bool sends_the_same(const struct vector *vector)
{
    static u8 sent[64 * 1024];
    struct request_header wanted;
    struct request_header is;
    enum command command;
    request_header_decode(vector->request.data, &wanted);
    struct span body = {vector->request.data + FRAME_HEADER_BYTES,
                        vector->request.size - FRAME_HEADER_BYTES};
    if (command_find(wanted.operation, wanted.code, &command) != WIRE_OK ||
        !call_it(command_row(command)->code, body)) {
        while (recv(server_fd, sent, sizeof(sent), 0) > 0) {
        }
        return false;
    }
    ssize_t got = recv(server_fd, sent, sizeof(sent), 0);
    if (got != (ssize_t)vector->request.size) {
        print_error("in \"%s\": %zd bytes\n", vector->title, got);
    }
    EXPECT_EQ(got, vector->request.size);
    request_header_decode(sent, &is);
    EXPECT_EQ(is.operation, wanted.operation);
    EXPECT_EQ(is.code, wanted.code);
    EXPECT_EQ(is.size, wanted.size);
    EXPECT_BYTES(sent + FRAME_HEADER_BYTES, body.data, body.size);
    return true;
}

static u32 compare_requests(const char *name)
{
    u32 compared = 0;
    vectors_load(&vectors, name);
    connect_to_test();
    for (u32 i = 0; i < vectors.count; i++) {
        const struct vector *vector = &vectors.all[i];
        bool is_sound = vector->request.size > 0 && !vector->must_be_refused;
        compared += is_sound && sends_the_same(vector) ? 1 : 0;
    }
    disconnect();
    return compared;
}

TEST(calls_send_what_official_clients_send)
{
    EXPECT(compare_requests("exchanges_clients.txt") >= 60);
    EXPECT(compare_requests("exchanges_reference.txt") >= 40);
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
