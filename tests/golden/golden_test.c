/* Every frame that official clients and servers were seen to exchange, and the golden frames of the
 * specification: decoded and encoded again they are the same bytes. */
#include "tests/golden/roundtrip.h"
#include "tests/golden/vectors.h"
#include "wire/batch.h"
#include "wire/cluster.h"
#include "wire/consumer.h"
#include "wire/frame.h"
#include "wire/group_info.h"
#include "wire/login.h"
#include "wire/poll.h"
#include "wire/routing.h"
#include "wire/send.h"
#include "wire/stream_info.h"
#include "wire/topic_info.h"

#include "test.h"

#define BODY_BYTES (64u * 1024u)

static struct vectors vectors;
static u8 written[BODY_BYTES];

static struct span body_of(struct span frame)
{
    return (struct span){frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES};
}

static void expect_same(const struct vector *vector, const void *is, u32 size, struct span wanted)
{
    if (size != wanted.size || memcmp(is, wanted.data, size) != 0) {
        print_error("in \"%s\", %u bytes written, %u expected\n", vector->title, size, wanted.size);
        EXPECT_BYTES(is, wanted.data, u32_min(size, wanted.size));
        EXPECT_EQ(size, wanted.size);
    }
}

static void expect_for(const struct vector *vector, bool holds, const char *what)
{
    if (!holds) {
        print_error("in \"%s\"\n", vector->title);
        test_expect(holds, what, __FILE__, __LINE__);
    }
}

/* Which command a request is; false for codes that nobody knows. */
static bool command_of(struct span request, enum command *command)
{
    struct request_header header;
    request_header_decode(request.data, &header);
    return command_find(header.operation, header.code, command) == WIRE_OK;
}

static void expect_request_header(const struct vector *vector)
{
    struct request_header header;
    u8 again[FRAME_HEADER_BYTES];
    request_header_decode(vector->request.data, &header);
    expect_for(vector, frame_generation(vector->request.data) == FRAME_GENERATION_2,
               "generation 2");
    expect_for(vector, request_header_validate(&header, FRAME_BYTES_MAX) == OK, "a valid header");
    expect_for(vector, request_header_rules(&header) == WIRE_OK, "a header that keeps the rules");
    expect_for(vector, header.size == vector->request.size, "the size of the frame");
    request_header_encode(&header, again);
    expect_same(vector, again, FRAME_HEADER_BYTES,
                (struct span){vector->request.data, FRAME_HEADER_BYTES});
}

static void expect_request_body(const struct vector *vector)
{
    enum command command;
    struct span body = body_of(vector->request);
    if (!command_of(vector->request, &command)) {
        return;
    }
    struct writer writer = writer_over(written, sizeof(written));
    expect_for(vector, roundtrip_request(command, body, &writer), "a body that decodes");
    expect_same(vector, written, writer.position, body);
}

/* The reference names its cluster in some headers, where we send zeros. */
static void expect_reply_header(const struct vector *vector)
{
    u8 wanted[FRAME_HEADER_BYTES];
    u8 again[FRAME_HEADER_BYTES];
    memcpy(wanted, vector->response.data, FRAME_HEADER_BYTES);
    memset(wanted + 32, 0, 16);
    struct reply_header header;
    struct eviction eviction;
    if (eviction_decode(vector->response.data, &eviction) == OK) {
        eviction_encode(&eviction, again);
    } else {
        expect_for(vector, reply_header_decode(vector->response.data, &header) == OK, "a reply");
        expect_for(vector, header.size == vector->response.size, "the size of the frame");
        expect_for(vector, header.status == 0 || vector->response.size == FRAME_HEADER_BYTES,
                   "no body beside a status");
        reply_header_encode(&header, again);
    }
    expect_same(vector, again, FRAME_HEADER_BYTES, (struct span){wanted, FRAME_HEADER_BYTES});
}

static void expect_login_reply(const struct vector *vector, struct span body)
{
    struct login_reply reply;
    u32 error;
    bool accepted = login_reply_decode(body, &reply, &error) == OK;
    expect_for(vector, accepted != vector->must_be_refused, "taken or refused as the title says");
    if (accepted) {
        struct writer writer = writer_over(written, sizeof(written));
        login_reply_encode(&reply, &writer);
        expect_same(vector, written, writer.position, body);
    }
}

/* DeleteSegments is framed only under the op that the reference answers with. */
static bool reply_is_framed(enum command command, const struct vector *vector)
{
    struct reply_header header;
    EXPECT_EQ(reply_header_decode(vector->response.data, &header), OK);
    return command_row(command)->framed ||
           (command == COMMAND_DELETE_SEGMENTS && header.operation != command_row(command)->op);
}

static void expect_reply_body(const struct vector *vector)
{
    enum command command;
    struct span body = body_of(vector->response);
    if (!command_of(vector->request, &command)) {
        expect_for(vector, body.size == 0, "no body for an unknown code");
        return;
    }
    if (command == COMMAND_REGISTER && (body.size > 0 || vector->must_be_refused)) {
        expect_login_reply(vector, body);
        return;
    }
    struct writer writer = writer_over(written, sizeof(written));
    struct reader reader = reader_over(body.data, body.size);
    if (body.size > 0 && reply_is_framed(command, vector)) {
        u32 error = read_result(&reader);
        if (error == 0) {
            write_result_ok(&writer);
        } else {
            write_result_rejection(&writer, (enum wire_error)error);
        }
    }
    struct span payload = {body.data + reader.position, reader_left(&reader)};
    expect_for(vector, payload.size == 0 || roundtrip_reply(command, payload, &writer),
               "a reply that decodes");
    expect_same(vector, written, writer.position, body);
}

static void expect_exchanges(const char *name, u32 count)
{
    vectors_load(&vectors, name);
    EXPECT_EQ(vectors.count, count);
    for (u32 i = 0; i < vectors.count; i++) {
        const struct vector *vector = &vectors.all[i];
        expect_request_header(vector);
        expect_request_body(vector);
        expect_reply_header(vector);
        expect_reply_body(vector);
    }
}

TEST(what_released_clients_exchanged_decodes_and_encodes_to_the_same_bytes)
{
    expect_exchanges("exchanges_clients.txt", 224);
}

TEST(what_the_reference_server_exchanged_decodes_and_encodes_to_the_same_bytes)
{
    expect_exchanges("exchanges_reference.txt", 171);
}

TEST(every_request_checksum_that_a_client_stamped_holds)
{
    vectors_load(&vectors, "exchanges_clients.txt");
    u32 stamped = 0;
    u32 refused = 0;
    for (u32 i = 0; i < vectors.count; i++) {
        struct request_header header;
        struct span body = body_of(vectors.all[i].request);
        request_header_decode(vectors.all[i].request.data, &header);
        stamped += u128_is_zero(header.request_checksum) ? 0 : 1;
        if (!request_checksum_holds(&header, body)) {
            struct login_prefix prefix;
            EXPECT(login_prefix_decode(body, &prefix));
            EXPECT(!login_version_is_accepted(prefix.version));
            refused++;
        }
    }
    EXPECT(stamped > 50);
    /* A client of the version after fills the field by another rule: it is why the version is
     * looked at first. */
    EXPECT_EQ(refused, 1);
}

/* What the client asked for, through our catalog, is what the reply says it got. */
static void expect_topic_header(const struct vector *vector)
{
    struct create_topic_request request;
    struct topic_options defaults = topic_options_default();
    struct topic_options options;
    EXPECT_EQ(create_topic_request_decode(body_of(vector->request), &request), WIRE_OK);
    EXPECT_EQ(topic_options_decode(request.options, request.partitions_count, &defaults, &options),
              WIRE_OK);

    struct span body = body_of(vector->response);
    struct reader reader = reader_over(body.data, body.size);
    EXPECT_EQ(read_result(&reader), 0);
    u32 start = reader.position;
    struct topic_view view = read_topic_view(&reader);
    struct writer writer = writer_over(written, sizeof(written));
    write_topic_info(&writer, &view.info, &options);
    expect_same(vector, written, writer.position,
                (struct span){body.data + start, reader.position - start});
}

TEST(a_topic_that_clients_created_is_described_with_the_options_they_chose)
{
    vectors_load(&vectors, "exchanges_clients.txt");
    u32 count = 0;
    for (u32 i = 0; i < vectors.count; i++) {
        enum command command;
        if (command_of(vectors.all[i].request, &command) && command == COMMAND_CREATE_TOPIC &&
            vectors.all[i].response.size > FRAME_HEADER_BYTES) {
            expect_topic_header(&vectors.all[i]);
            count++;
        }
    }
    EXPECT_EQ(count, 6);
}

/* CRC-32 as zlib computes it, bit by bit. */
static u32 crc32_of(struct span bytes)
{
    u32 crc = UINT32_MAX;
    for (u32 i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        for (u32 bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
}

TEST(the_golden_frames_have_their_length_and_crc)
{
    vectors_load(&vectors, "golden_frames.txt");
    EXPECT_EQ(vectors.count, 30);
    for (u32 i = 0; i < vectors.count; i++) {
        const struct vector *vector = &vectors.all[i];
        struct span frame = vector->request.size > 0 ? vector->request : vector->response;
        char name[16];
        u32 size = 0;
        u32 crc = 0;
        EXPECT_EQ(sscanf(vector->title, "%15s len %u crc32 %x", name, &size, &crc), 3);
        expect_for(vector, frame.size == size, "the length of the title");
        expect_for(vector, crc32_of(frame) == crc, "the CRC-32 of the title");
    }
}

TEST(the_golden_requests_and_headers_decode_and_encode_to_the_same_bytes)
{
    vectors_load(&vectors, "golden_frames.txt");
    for (u32 i = 0; i < vectors.count; i++) {
        if (vectors.all[i].request.size > 0) {
            expect_request_header(&vectors.all[i]);
            expect_request_body(&vectors.all[i]);
        } else {
            expect_reply_header(&vectors.all[i]);
        }
    }
}

/* --- the golden frames from nothing: struct to bytes --- */

static const struct u128 golden_client = {.low = 0x090a0b0c0d0e0f10, .high = 0x0102030405060708};

static const struct vector *golden(const char *name)
{
    vectors_load(&vectors, "golden_frames.txt");
    size_t size = strlen(name);
    for (u32 i = 0; i < vectors.count; i++) {
        if (strncmp(vectors.all[i].title, name, size) == 0 && vectors.all[i].title[size] == ' ') {
            return &vectors.all[i];
        }
    }
    test_expect(false, name, __FILE__, __LINE__);
    return NULL;
}

/* Where the body goes; the header is put in front of it by the two functions below. */
static struct writer golden_body(void)
{
    return writer_over(written + FRAME_HEADER_BYTES, sizeof(written) - FRAME_HEADER_BYTES);
}

static void expect_golden_request(const char *name, struct request_header header,
                                  const struct writer *body)
{
    EXPECT(!body->failed);
    header.client = u128_is_zero(header.client) ? golden_client : header.client;
    header.size = FRAME_HEADER_BYTES + body->position;
    request_header_encode(&header, written);
    const struct vector *vector = golden(name);
    expect_same(vector, written, header.size, vector->request);
}

/* The reply to the golden request `request`, or to none that is written down. */
static void expect_golden_reply(const char *name, const char *request, enum wire_error status,
                                const struct writer *body)
{
    struct request_header asked = {.client = golden_client, .request = 4, .operation = 2};
    if (request != NULL) {
        request_header_decode(golden(request)->request.data, &asked);
    }
    struct reply_header header = reply_header_for(&asked, status, body->position);
    if (asked.operation == OP_REGISTER) {
        header.op = 7;
        header.commit = 7;
    } else if (asked.operation == 128) {
        header.op = 8;
        header.commit = 8;
    }
    reply_header_encode(&header, written);
    const struct vector *vector = golden(name);
    /* G12b is the one reply to a metadata request without a log position. */
    if (status != WIRE_OK) {
        put_u64(written + 176, 0);
        put_u64(written + 184, 0);
    }
    expect_same(vector, written, header.size, vector->response);
}

static struct u128 checksum_of(const struct writer *body)
{
    return request_checksum_of((struct span){body->data, body->position});
}

TEST(golden_frames_1_to_5_logins)
{
    struct writer body = golden_body();
    struct login_prefix prefix = {PROTOCOL_VERSION, span_of("rust-sdk"), span_of("0.11.0"), 0};
    struct login_password password = {span_of("iggy"), span_of("iggy"), span_of("")};
    login_prefix_encode(&prefix, &body);
    login_password_encode(&password, &body);
    expect_golden_request(
        "G1", (struct request_header){.operation = 1, .request_checksum = checksum_of(&body)},
        &body);

    body = golden_body();
    prefix = (struct login_prefix){PROTOCOL_VERSION, span_of("go-sdk"), span_of("0.9.0"), 0};
    struct login_token token = {span_of("tok123"), span_of("")};
    login_prefix_encode(&prefix, &body);
    login_token_encode(&token, &body);
    expect_golden_request("G2", (struct request_header){.operation = 1}, &body);

    body = golden_body();
    struct login_reply reply = {0, 7, PROTOCOL_VERSION, span_of("0.9.0")};
    login_reply_encode(&reply, &body);
    expect_golden_reply("G3", "G1", WIRE_OK, &body);

    struct eviction eviction = eviction_for(golden_client, EVICTION_INVALID_CREDENTIALS);
    eviction_encode(&eviction, written);
    expect_same(golden("G4"), written, FRAME_HEADER_BYTES, golden("G4")->response);
    eviction = eviction_for(golden_client, EVICTION_INCOMPATIBLE_PROTOCOL);
    eviction_encode(&eviction, written);
    expect_same(golden("G5"), written, FRAME_HEADER_BYTES, golden("G5")->response);
}

static struct cluster_node golden_node(void)
{
    return (struct cluster_node){.name = span_of("iggy-node"),
                                 .ip = span_of("127.0.0.1"),
                                 .tcp_port = 8090,
                                 .http_port = 3000,
                                 .websocket_port = 8092};
}

TEST(golden_frames_6_to_9_before_and_after_a_login)
{
    struct writer body = golden_body();
    expect_golden_request("G6", (struct request_header){.operation = 2, .code = 1, .request = 1},
                          &body);
    expect_golden_reply("G7", "G6", WIRE_OK, &body);
    expect_golden_reply("G8", "G6", WIRE_UNAUTHENTICATED, &body);

    struct cluster_node node = golden_node();
    write_cluster_header(&body, span_of("single-node"), 1);
    write_cluster_node(&body, &node);
    expect_golden_reply("G9", "G6", WIRE_OK, &body);
}

TEST(golden_frames_10_to_13_a_stream_and_a_topic)
{
    struct writer body = golden_body();
    struct create_stream_request stream = {.name = span_of("orders")};
    create_stream_request_encode(&stream, &body);
    expect_golden_request(
        "G10",
        (struct request_header){
            .operation = 128, .request = 1, .session = 7, .request_checksum = checksum_of(&body)},
        &body);

    body = golden_body();
    struct stream_info info = {.created_at_us = 1750000000000000, .name = span_of("orders")};
    write_result_ok(&body);
    write_stream_info(&body, &info);
    expect_golden_reply("G11", "G10", WIRE_OK, &body);

    body = golden_body();
    write_result_rejection(&body, WIRE_STREAM_NAME_ALREADY_EXISTS);
    expect_golden_reply("G12", "G10", WIRE_OK, &body);
    body = golden_body();
    expect_golden_reply("G12b", "G10", WIRE_STREAM_NAME_ALREADY_EXISTS, &body);

    struct topic_options options = topic_options_default();
    options.explicit_set =
        1u << TOPIC_OPTION_DURABILITY | 1u << TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY;
    struct create_topic_request topic = {.stream = identifier_of_name(span_of("orders")),
                                         .partitions_count = 3,
                                         .name = span_of("events")};
    create_topic_request_encode(&topic, &body);
    topic_options_write_request(&options, &body);
    expect_golden_request(
        "G13",
        (struct request_header){
            .operation = 132, .request = 2, .session = 7, .request_checksum = checksum_of(&body)},
        &body);
}

/* The two messages of G14. */
static u32 golden_batch(u8 *memory, u32 capacity)
{
    struct batch_builder builder;
    batch_builder_init(&builder, memory, capacity, 1000);
    struct batch_message first = {{.low = 7}, 1000, span_of("first-payload"), span_of("")};
    struct batch_message second = {
        {.low = 8}, 1050, span_of("second-payload"), span_of("user-header-bytes")};
    EXPECT_EQ(batch_builder_add(&builder, &first), OK);
    EXPECT_EQ(batch_builder_add(&builder, &second), OK);
    return batch_builder_finish(&builder);
}

TEST(golden_frames_14_and_15_a_send_and_its_confirmation)
{
    struct writer body = golden_body();
    struct send_request request = {.stream = identifier_of_id(1),
                                   .topic = identifier_of_id(2),
                                   .partitioning = {.kind = PARTITIONING_PARTITION},
                                   .messages_count = 2};
    send_request_encode(&request, &body);
    body.position += golden_batch(body.data + body.position, body.capacity - body.position);
    expect_golden_request(
        "G14", (struct request_header){.operation = 160, .request = 3, .session = 7}, &body);

    body = golden_body();
    struct send_confirmation confirmation = {1, 2, 0, 100};
    send_reply_encode(&confirmation, &body);
    EXPECT_EQ(body.position, SEND_REPLY_BYTES);
    expect_golden_reply("G15", "G14", WIRE_OK, &body);
}

static struct poll_request golden_poll(bool auto_commit)
{
    return (struct poll_request){
        .consumer = {.kind = CONSUMER_SINGLE, .identifier = identifier_of_id(1)},
        .stream = identifier_of_id(1),
        .topic = identifier_of_id(2),
        .partition = {.present = true},
        .strategy = POLL_NEXT,
        .count = 10,
        .auto_commit = auto_commit,
    };
}

TEST(golden_frames_16_to_18_a_poll_its_messages_and_the_resync_marker)
{
    struct writer body = golden_body();
    struct poll_request request = golden_poll(false);
    poll_request_encode(&request, &body);
    struct request_header header = {.operation = 2, .code = 100, .request = 4, .session = 7};
    expect_golden_request("G16", header, &body);

    body = golden_body();
    struct poll_reply_prefix prefix = {.current_offset = 101, .messages_count = 2};
    poll_reply_prefix_encode(&prefix, &body);
    u8 *batch = body.data + body.position;
    u32 batch_bytes = golden_batch(batch, body.capacity - body.position);
    struct batch_stamp stamp;
    struct batch_stamp_values values = {.base_offset = 100, .base_timestamp_us = 5000};
    batch_stamp_init(&stamp, batch, batch_bytes, &values);
    EXPECT(batch_stamp_step(&stamp, BATCH_STEP_FRAMES));
    body.position += batch_bytes;
    expect_golden_reply("G17", "G16", WIRE_OK, &body);

    body = golden_body();
    poll_reply_resync(&body);
    expect_golden_reply("G18", "G16", WIRE_OK, &body);
}

TEST(golden_frames_19_to_25_groups_offsets_and_a_logout)
{
    struct request_header header = {.operation = 2, .code = 606, .request = 4, .session = 7};
    struct writer body = golden_body();
    struct group_request group = {identifier_of_id(1), identifier_of_id(2), identifier_of_id(0)};
    group_request_encode(&group, &body);
    expect_golden_request("G19", header, &body);

    body = golden_body();
    u8 partitions[8];
    put_u32(partitions, 0);
    put_u32(partitions + 4, 2);
    struct group_assignment assignment = {2, 2, partitions};
    group_assignment_encode(&assignment, &body);
    expect_golden_reply("G20", "G19", WIRE_OK, &body);

    body = golden_body();
    struct store_offset_request store = {
        .target = {.consumer = {.kind = CONSUMER_GROUP, .identifier = identifier_of_id(0)},
                   .stream = identifier_of_id(1),
                   .topic = identifier_of_id(2),
                   .partition = {.present = true}},
        .offset = 101,
        .wait_for_commit = true,
    };
    store_offset_request_encode(&store, &body);
    header = (struct request_header){.operation = 161, .request = 4, .session = 7};
    expect_golden_request("G21", header, &body);
    body = golden_body();
    write_result_ok(&body);
    expect_golden_reply("G22", "G21", WIRE_OK, &body);

    body = golden_body();
    header = (struct request_header){
        .operation = 3, .request = 5, .session = 7, .request_checksum = checksum_of(&body)};
    expect_golden_request("G23", header, &body);
    expect_golden_reply("G24", "G23", WIRE_OK, &body);
    expect_golden_reply("G25", NULL, WIRE_FEATURE_UNAVAILABLE, &body);
}

TEST(golden_frames_26_to_29_routing)
{
    struct writer body = golden_body();
    struct poll_request request = golden_poll(true);
    poll_request_encode(&request, &body);
    struct request_header header = {.operation = 2, .code = 103, .request = 4, .session = 7};
    expect_golden_request("G26", header, &body);

    body = golden_body();
    struct routing_reply reply = {.reference = {golden_client, 7, 8}, .node = golden_node()};
    routing_reply_encode(&reply, &body);
    expect_golden_reply("G27", "G26", WIRE_OK, &body);

    body = golden_body();
    attach_session_request_encode(&reply.reference, &body);
    header = (struct request_header){
        .client = {.low = 0x191a1b1c1d1e1f20, .high = 0x1112131415161718},
        .operation = 2,
        .code = 14,
        .request = 1,
        .session = 9,
    };
    expect_golden_request("G28", header, &body);
    body = golden_body();
    expect_golden_reply("G29", "G28", WIRE_OK, &body);
}
