/* Every frame of generation 1 that official clients and the reference server of 0.8 were seen to
 * exchange: decoded and encoded again they are the same bytes. */
#include "tests/golden/roundtrip.h"
#include "tests/golden/vectors.h"
#include "wire/consumer.h"
#include "wire/frame.h"
#include "wire/frame_v1.h"
#include "wire/login_v1.h"
#include "wire/message_v1.h"
#include "wire/partition_info.h"
#include "wire/poll.h"
#include "wire/topic_v1.h"
#include "wire/user_info.h"

#include "test.h"

#define BODY_BYTES (64u * 1024u)

static struct vectors vectors;
static u8 written[BODY_BYTES];

static struct span payload_of(struct span frame)
{
    return (struct span){frame.data + FRAME_V1_HEADER_BYTES, frame.size - FRAME_V1_HEADER_BYTES};
}

static void expect_for(const struct vector *vector, bool holds, const char *what)
{
    if (!holds) {
        print_error("in \"%s\"\n", vector->title);
        test_expect(holds, what, __FILE__, __LINE__);
    }
}

static void expect_same(const struct vector *vector, const struct writer *is, struct span wanted)
{
    expect_for(vector, !is->failed, "room for what is written");
    if (is->position != wanted.size || memcmp(is->data, wanted.data, wanted.size) != 0) {
        print_error("in \"%s\", %u bytes written, %u expected\n", vector->title, is->position,
                    wanted.size);
        EXPECT_BYTES(is->data, wanted.data, u32_min(is->position, wanted.size));
        EXPECT_EQ(is->position, wanted.size);
    }
}

static enum command command_of(const struct vector *vector)
{
    struct request_v1 request;
    enum command command = COMMAND_PING;
    request_v1_decode(vector->request.data, &request);
    expect_for(vector, command_find_v1(request.code, &command), "a command of generation 1");
    return command;
}

/* ---- Requests ---- */

#define ROUNDTRIP(name, type, decode, encode)                                                      \
    static bool name(struct span body, struct writer *writer)                                      \
    {                                                                                              \
        type request;                                                                              \
        if (decode(body, &request) != WIRE_OK) {                                                   \
            return false;                                                                          \
        }                                                                                          \
        encode(&request, writer);                                                                  \
        return true;                                                                               \
    }

ROUNDTRIP(login_user, struct login_user_v1, login_user_v1_decode, login_user_v1_encode)
ROUNDTRIP(login_token, struct login_token_v1, login_token_v1_decode, login_token_v1_encode)
ROUNDTRIP(create_stream, struct create_stream_request, create_stream_v1_decode,
          create_stream_request_encode)
ROUNDTRIP(update_stream, struct update_stream_request, update_stream_v1_decode,
          update_stream_request_encode)
ROUNDTRIP(create_topic, struct create_topic_v1, create_topic_v1_decode, create_topic_v1_encode)
ROUNDTRIP(update_topic, struct update_topic_v1, update_topic_v1_decode, update_topic_v1_encode)
ROUNDTRIP(create_user, struct create_user_request, create_user_v1_decode,
          create_user_request_encode)
ROUNDTRIP(update_user, struct update_user_request, update_user_v1_decode,
          update_user_request_encode)
ROUNDTRIP(store_offset, struct store_offset_request, store_offset_v1_decode, store_offset_v1_encode)
ROUNDTRIP(flush, struct flush_request, flush_request_decode, flush_request_encode)

static bool delete_offset(struct span body, struct writer *writer)
{
    struct delete_offset_request request;
    bool decodes = delete_offset_v1_decode(body, &request) == WIRE_OK;
    if (decodes) {
        get_offset_request_encode(&request.target, writer);
    }
    return decodes;
}

/* The metadata written anew, the index made anew from the messages, each message decoded. */
static bool send_messages(struct span body, struct writer *writer)
{
    struct send_v1 send;
    struct messages_v1_check check;
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    if (send_v1_decode(body, body.size, &send) != WIRE_OK) {
        return false;
    }
    send_v1_encode(&send.to, writer);
    messages_v1_check_init(&check, body.data, &send);
    if (messages_v1_check_step(&check, send.messages_bytes, &budget) != BATCH_CHECK_GOOD) {
        return false;
    }
    const u8 *messages = body.data + send.messages_position;
    u8 *index = write_room(writer, send.messages_position - send.index_position);
    memset(index, 0, send.messages_position - send.index_position);
    for (u32 end = 0; end < send.messages_bytes;) {
        struct message_v1 message;
        message_v1_decode(messages + end, &message);
        u8 *header = write_room(writer, MESSAGE_V1_HEADER_BYTES);
        message_v1_encode(&message, header);
        u32 content_bytes = message.payload_bytes + message.user_headers_bytes;
        write_bytes(writer, messages + end + MESSAGE_V1_HEADER_BYTES, content_bytes);
        end += MESSAGE_V1_HEADER_BYTES + content_bytes;
        put_u32(index + 4, end);
        index += MESSAGE_V1_INDEX_BYTES;
    }
    return true;
}

static bool request_roundtrip(enum command command, struct span body, struct writer *writer)
{
    switch ((u32)command) {
    case COMMAND_LOGIN_USER: return login_user(body, writer);
    case COMMAND_LOGIN_WITH_TOKEN: return login_token(body, writer);
    case COMMAND_CREATE_STREAM: return create_stream(body, writer);
    case COMMAND_UPDATE_STREAM: return update_stream(body, writer);
    case COMMAND_CREATE_TOPIC: return create_topic(body, writer);
    case COMMAND_UPDATE_TOPIC: return update_topic(body, writer);
    case COMMAND_CREATE_USER: return create_user(body, writer);
    case COMMAND_UPDATE_USER: return update_user(body, writer);
    case COMMAND_STORE_CONSUMER_OFFSET: return store_offset(body, writer);
    case COMMAND_DELETE_CONSUMER_OFFSET: return delete_offset(body, writer);
    case COMMAND_FLUSH_UNSAVED_BUFFER: return flush(body, writer);
    case COMMAND_SEND_MESSAGES: return send_messages(body, writer);
    default: return roundtrip_request(command, body, writer);
    }
}

static void expect_request(const struct vector *vector)
{
    struct request_v1 request;
    u8 header[FRAME_V1_HEADER_BYTES];
    request_v1_decode(vector->request.data, &request);
    expect_for(vector, frame_generation(vector->request.data) == FRAME_GENERATION_1,
               "generation 1");
    expect_for(vector, request_v1_is_framed(&request), "a length that frames");
    expect_for(vector,
               request_v1_payload_bytes(&request) + FRAME_V1_HEADER_BYTES == vector->request.size,
               "the size of the frame");
    request_v1_encode(&request, header);
    EXPECT_BYTES(header, vector->request.data, sizeof(header));

    struct span body = payload_of(vector->request);
    struct writer writer = writer_over(written, sizeof(written));
    expect_for(vector, request_roundtrip(command_of(vector), body, &writer), "a body that decodes");
    expect_same(vector, &writer, body);
}

/* ---- Replies ---- */

static void user_reply(struct reader *reader, struct writer *writer, bool with_permissions)
{
    struct user_info info = read_user_record_v1(reader);
    write_user_record_v1(writer, &info);
    if (with_permissions) {
        bool has_permissions;
        struct span permissions = read_user_permissions(reader, &has_permissions);
        write_user_permissions(writer, has_permissions, permissions);
    }
}

static u32 topic_reply(struct reader *reader, struct writer *writer)
{
    struct topic_record_v1 record = read_topic_record_v1(reader);
    write_topic_record_v1(writer, &record);
    return record.info.partitions_count;
}

static void topic_details_reply(struct reader *reader, struct writer *writer)
{
    u32 count = topic_reply(reader, writer);
    for (u32 i = 0; i < count && !reader->failed; i++) {
        struct partition_info info = read_partition_info(reader);
        write_partition_info(writer, &info);
    }
}

static u32 stream_reply(struct reader *reader, struct writer *writer)
{
    struct stream_info info = read_stream_record_v1(reader);
    write_stream_record_v1(writer, &info);
    return info.topics_count;
}

static void stream_details_reply(struct reader *reader, struct writer *writer)
{
    u32 count = stream_reply(reader, writer);
    for (u32 i = 0; i < count && !reader->failed; i++) {
        (void)topic_reply(reader, writer);
    }
}

/* `checksums`: the server that answered computes them. */
static void poll_reply(struct reader *reader, struct writer *writer, bool checksums)
{
    struct poll_reply_prefix prefix = {.partition_id = read_u32(reader)};
    prefix.current_offset = read_u64(reader);
    prefix.messages_count = read_u32(reader);
    poll_reply_prefix_encode(&prefix, writer);
    for (u32 i = 0; i < prefix.messages_count && !reader->failed; i++) {
        struct message_v1 message;
        const u8 *bytes = read_bytes(reader, MESSAGE_V1_HEADER_BYTES);
        EXPECT(bytes != NULL);
        message_v1_decode(bytes, &message);
        message_v1_encode(&message, write_room(writer, MESSAGE_V1_HEADER_BYTES));
        u32 content_bytes = message.payload_bytes + message.user_headers_bytes;
        write_span(writer, read_span(reader, content_bytes));
        EXPECT(!checksums ||
               message.checksum == xxh3(bytes + 8, MESSAGE_V1_HEADER_BYTES - 8 + content_bytes));
    }
}

/* One record of a reply; those that are the same in both generations elsewhere. */
static bool is_written_here(enum command command, struct reader *reader, struct writer *writer,
                            bool checksums)
{
    switch ((u32)command) {
    case COMMAND_LOGIN_USER:
    case COMMAND_LOGIN_WITH_TOKEN: write_u32(writer, read_u32(reader)); return true;
    case COMMAND_GET_STREAMS: (void)stream_reply(reader, writer); return true;
    case COMMAND_GET_STREAM:
    case COMMAND_CREATE_STREAM: stream_details_reply(reader, writer); return true;
    case COMMAND_GET_TOPICS: (void)topic_reply(reader, writer); return true;
    case COMMAND_GET_TOPIC:
    case COMMAND_CREATE_TOPIC: topic_details_reply(reader, writer); return true;
    case COMMAND_GET_USERS: user_reply(reader, writer, false); return true;
    case COMMAND_GET_USER:
    case COMMAND_CREATE_USER: user_reply(reader, writer, true); return true;
    case COMMAND_POLL_MESSAGES: poll_reply(reader, writer, checksums); return true;
    default: return false;
    }
}

static void expect_reply(const struct vector *vector, bool checksums)
{
    struct reply_v1 reply;
    u8 header[FRAME_V1_HEADER_BYTES];
    enum command command = command_of(vector);
    reply_v1_decode(vector->response.data, &reply);
    expect_for(vector, reply.payload_bytes + FRAME_V1_HEADER_BYTES == vector->response.size,
               "the size of the frame");
    reply_v1_encode(&reply, header);
    EXPECT_BYTES(header, vector->response.data, sizeof(header));
    expect_for(vector, wire_error_v1((enum wire_error)reply.status) == reply.status,
               "an error that generation 1 knows");

    struct span body = payload_of(vector->response);
    struct reader reader = reader_over(body.data, body.size);
    struct writer writer = writer_over(written, sizeof(written));
    while (reader_left(&reader) > 0 && is_written_here(command, &reader, &writer, checksums)) {
        expect_for(vector, !reader.failed, "a record that is whole");
    }
    if (reader_left(&reader) > 0) {
        expect_for(vector, roundtrip_reply(command, body, &writer), "a reply that decodes");
    }
    expect_same(vector, &writer, body);
}

static void expect_exchanges(const char *name, u32 count, bool checksums)
{
    vectors_load(&vectors, name);
    EXPECT_EQ(vectors.count, count);
    for (u32 i = 0; i < vectors.count; i++) {
        expect_request(&vectors.all[i]);
        expect_reply(&vectors.all[i], checksums);
    }
}

TEST(what_clients_of_0_8_and_the_reference_exchanged_is_written_to_the_same_bytes)
{
    expect_exchanges("exchanges_v1_reference.txt", 145, true);
}

TEST(what_clients_of_0_8_sent_and_took_is_written_to_the_same_bytes)
{
    expect_exchanges("exchanges_v1_clients.txt", 125, false);
}

/* What came over the wire into a batch, and out of it with what the reference assigned, is what the
 * reference served. */
TEST(messages_that_went_through_a_batch_are_those_that_the_reference_served)
{
    vectors_load(&vectors, "exchanges_v1_reference.txt");
    u32 compared = 0;
    for (u32 i = 0; i < vectors.count; i++) {
        const struct vector *vector = &vectors.all[i];
        struct span body = payload_of(vector->response);
        if (command_of(vector) != COMMAND_POLL_MESSAGES || body.size <= POLL_REPLY_PREFIX_BYTES) {
            continue;
        }
        const u8 *messages = body.data + POLL_REPLY_PREFIX_BYTES;
        u32 messages_bytes = body.size - POLL_REPLY_PREFIX_BYTES;
        struct message_v1 first;
        message_v1_decode(messages, &first);
        struct messages_v1_run run;
        messages_v1_first_run(messages, messages_bytes, 1, &run);

        static u8 batch[BODY_BYTES];
        struct batch_v1_rewrite rewrite;
        struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
        struct prng prng;
        prng_init(&prng, 1);
        batch_v1_rewrite_init(&rewrite, batch, messages, &run);
        EXPECT(batch_v1_rewrite_step(&rewrite, &prng, &budget));
        struct batch_header header;
        batch_header_decode(batch, &header);
        header.base_offset = first.offset;
        header.base_timestamp_us = first.timestamp_us;
        struct messages_v1_emit emit;
        messages_v1_emit_init(&emit, &header, batch + BATCH_HEADER_BYTES);
        struct writer writer = writer_over(written, sizeof(written));
        EXPECT(messages_v1_emit_step(&emit, &writer, &budget));
        expect_same(vector, &writer, (struct span){messages, run.messages_bytes});
        compared++;
    }
    EXPECT(compared > 10);
}
