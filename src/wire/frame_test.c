#include "wire/frame.h"

#include "wire/command.h"
#include "wire/login.h"

#include "test.h"

static const struct u128 client = {.low = 77, .high = 1};

static struct request_header request_of(u8 operation)
{
    return (struct request_header){.client = client,
                                   .size = FRAME_HEADER_BYTES,
                                   .operation = operation,
                                   .command = FRAME_COMMAND_REQUEST,
                                   .request = 5,
                                   .session = 7};
}

TEST(four_zero_bytes_are_generation_2_and_anything_else_is_a_length)
{
    EXPECT_EQ(frame_generation((const u8[]){0, 0, 0, 0}), FRAME_GENERATION_2);
    EXPECT_EQ(frame_generation((const u8[]){4, 0, 0, 0}), FRAME_GENERATION_1);
    EXPECT_EQ(frame_generation((const u8[]){0, 0, 0, 1}), FRAME_GENERATION_1);
    EXPECT_EQ(frame_generation((const u8[]){0x16, 3, 1, 2}), FRAME_GENERATION_1);
}

TEST(a_request_header_is_read_from_its_places)
{
    u8 bytes[FRAME_HEADER_BYTES] = {0};
    put_u32(bytes + 48, 300);
    bytes[60] = 5;
    put_u64(bytes + 128, 1);
    put_u64(bytes + 136, 2);
    put_u64(bytes + 144, 3);
    put_u64(bytes + 160, 4);
    put_u64(bytes + 168, 5);
    bytes[176] = 2;
    put_u64(bytes + 184, 6);
    put_u32(bytes + 196, 606);
    struct request_header header;
    request_header_decode(bytes, &header);
    EXPECT_EQ(header.size, 300);
    EXPECT_EQ(header.client.low, 1);
    EXPECT_EQ(header.client.high, 2);
    EXPECT_EQ(header.request_checksum.low, 3);
    EXPECT_EQ(header.timestamp, 4);
    EXPECT_EQ(header.request, 5);
    EXPECT_EQ(header.operation, 2);
    EXPECT_EQ(header.session, 6);
    EXPECT_EQ(header.code, 606);
    EXPECT_EQ(request_body_bytes(&header), 44);
}

TEST(what_we_ignore_in_a_request_may_hold_anything)
{
    u8 bytes[FRAME_HEADER_BYTES];
    struct request_header wanted = request_of(160);
    request_header_encode(&wanted, bytes);
    memset(bytes + 4, 0xAA, 44);
    memset(bytes + 52, 0xAA, 8);
    memset(bytes + 61, 0xAA, 67);
    memset(bytes + 177, 0xAA, 7);
    memset(bytes + 192, 0xAA, 4);
    memset(bytes + 200, 0xAA, 56);
    struct request_header header;
    request_header_decode(bytes, &header);
    u8 clean[FRAME_HEADER_BYTES];
    u8 again[FRAME_HEADER_BYTES];
    request_header_encode(&wanted, clean);
    request_header_encode(&header, again);
    EXPECT_BYTES(again, clean, FRAME_HEADER_BYTES);
}

TEST(only_a_register_keeps_its_client_id_and_only_by_a_one_in_byte_62)
{
    u8 bytes[FRAME_HEADER_BYTES];
    struct request_header header = {
        .client = {1, 2}, .size = FRAME_HEADER_BYTES, .operation = OP_REGISTER};
    request_header_encode(&header, bytes);
    EXPECT_EQ(bytes[62], 0);
    header.keeps_client = true;
    request_header_encode(&header, bytes);
    EXPECT_EQ(bytes[62], 1);
    struct request_header found;
    request_header_decode(bytes, &found);
    EXPECT(found.keeps_client);
    for (u32 value = 0; value < 256; value++) {
        bytes[62] = (u8)value;
        request_header_decode(bytes, &found);
        EXPECT_EQ(found.keeps_client, value == 1);
    }
    for (u32 operation = 0; operation < 256; operation++) {
        bytes[62] = 1;
        bytes[176] = (u8)operation;
        request_header_decode(bytes, &found);
        EXPECT_EQ(found.keeps_client, operation == OP_REGISTER);
    }
}

TEST(byte_60_and_the_size_decide_whether_it_is_a_request_at_all)
{
    struct request_header header = request_of(2);
    EXPECT_EQ(request_header_validate(&header, FRAME_BYTES_MAX), OK);
    header.command = FRAME_COMMAND_REPLY;
    EXPECT_EQ(request_header_validate(&header, FRAME_BYTES_MAX), ERR_INVALID);
    header = request_of(2);
    header.size = 255;
    EXPECT_EQ(request_header_validate(&header, FRAME_BYTES_MAX), ERR_INVALID);
    header.size = 0;
    EXPECT_EQ(request_header_validate(&header, FRAME_BYTES_MAX), ERR_INVALID);
    header.size = FRAME_BYTES_MAX;
    EXPECT_EQ(request_header_validate(&header, FRAME_BYTES_MAX), OK);
    header.size = FRAME_BYTES_MAX + 1;
    EXPECT_EQ(request_header_validate(&header, FRAME_BYTES_MAX), ERR_INVALID);
    header.size = UINT32_MAX;
    EXPECT_EQ(request_header_validate(&header, FRAME_BYTES_MAX), ERR_INVALID);
}

TEST(a_frame_beyond_our_own_limit_is_discarded_not_cut_off)
{
    struct request_header header = request_of(160);
    header.size = MIB + 1;
    EXPECT_EQ(request_header_validate(&header, MIB), ERR_TOO_LARGE);
    header.size = MIB;
    EXPECT_EQ(request_header_validate(&header, MIB), OK);
}

TEST(a_request_needs_a_client_id)
{
    struct request_header header = request_of(2);
    EXPECT_EQ(request_header_rules(&header), WIRE_OK);
    header.client = (struct u128){0};
    EXPECT_EQ(request_header_rules(&header), WIRE_INVALID_COMMAND);
    header.client.high = 1;
    EXPECT_EQ(request_header_rules(&header), WIRE_OK);
}

TEST(a_register_carries_neither_session_nor_request_number)
{
    struct request_header header = request_of(OP_REGISTER);
    EXPECT_EQ(request_header_rules(&header), WIRE_INVALID_COMMAND);
    header.session = 0;
    EXPECT_EQ(request_header_rules(&header), WIRE_INVALID_COMMAND);
    header.request = 0;
    EXPECT_EQ(request_header_rules(&header), WIRE_OK);
}

TEST(a_mutation_carries_a_request_number_and_a_read_need_not)
{
    struct request_header header = request_of(OP_SEND_MESSAGES);
    header.request = 0;
    EXPECT_EQ(request_header_rules(&header), WIRE_INVALID_COMMAND);
    header.operation = OP_NON_REPLICATED;
    EXPECT_EQ(request_header_rules(&header), WIRE_OK);
}

TEST(a_read_is_never_refused_for_its_session_number)
{
    struct request_header header = request_of(OP_NON_REPLICATED);
    header.session = 0;
    EXPECT_EQ(request_header_rules(&header), WIRE_OK);
}

TEST(a_request_checksum_of_zero_is_none)
{
    struct request_header header = request_of(128);
    EXPECT(request_checksum_holds(&header, span_of("any body")));
    header.request_checksum = request_checksum_of(span_of("any body"));
    EXPECT(request_checksum_holds(&header, span_of("any body")));
    EXPECT(!request_checksum_holds(&header, span_of("another")));
    header.request_checksum.high = 1;
    EXPECT(!request_checksum_holds(&header, span_of("any body")));
}

TEST(a_reply_echoes_client_checksum_request_number_and_op_exactly)
{
    struct request_header request = request_of(136);
    request.request = 0x1122334455667788;
    request.request_checksum.low = 99;
    struct reply_header reply = reply_header_for(&request, WIRE_OK, 12);
    u8 bytes[FRAME_HEADER_BYTES];
    reply_header_encode(&reply, bytes);
    EXPECT_EQ(get_u32(bytes + 48), 268);
    EXPECT_EQ(bytes[60], 8);
    EXPECT_EQ(get_u64(bytes + 128), 99);
    EXPECT(u128_equal(get_u128(bytes + 160), client));
    EXPECT_EQ(get_u64(bytes + 200), 0x1122334455667788);
    EXPECT_EQ(bytes[208], 136);
    EXPECT_EQ(get_u32(bytes + 216), 0);
}

TEST(a_reply_with_a_status_has_no_body)
{
    struct request_header request = request_of(2);
    struct reply_header reply = reply_header_for(&request, WIRE_UNAUTHENTICATED, 0);
    EXPECT_EQ(reply.size, FRAME_HEADER_BYTES);
    EXPECT_EQ(reply.status, 40);
    EXPECT_CHECK_FAILS(reply_header_for(&request, WIRE_UNAUTHENTICATED, 4));
}

TEST(what_is_no_reply_is_refused_by_the_client)
{
    struct request_header request = request_of(2);
    struct reply_header reply = reply_header_for(&request, WIRE_OK, 0);
    struct reply_header again;
    u8 bytes[FRAME_HEADER_BYTES];
    reply_header_encode(&reply, bytes);
    EXPECT_EQ(reply_header_decode(bytes, &again), OK);
    bytes[60] = 2; /* a pong: no client takes it */
    EXPECT_EQ(reply_header_decode(bytes, &again), ERR_INVALID);
    bytes[60] = FRAME_COMMAND_REPLY;
    put_u32(bytes + 48, 255);
    EXPECT_EQ(reply_header_decode(bytes, &again), ERR_INVALID);
    put_u32(bytes + 48, FRAME_BYTES_MAX + 1);
    EXPECT_EQ(reply_header_decode(bytes, &again), ERR_INVALID);
}

TEST(a_success_begins_with_a_count_of_zero_and_a_rejection_names_the_error)
{
    u8 bytes[16];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_result_ok(&writer);
    EXPECT_EQ(writer.position, RESULT_OK_BYTES);
    EXPECT_EQ(get_u32(bytes), 0);
    writer = writer_over(bytes, sizeof(bytes));
    write_result_rejection(&writer, WIRE_STREAM_NAME_ALREADY_EXISTS);
    EXPECT_EQ(writer.position, RESULT_REJECTION_BYTES);
    EXPECT_BYTES(bytes, "\x01\0\0\0\0\0\0\0\xf4\x03\0\0", 12);
    struct reader reader = reader_over(bytes, 12);
    EXPECT_EQ(read_result(&reader), 1012);
    EXPECT(reader_is_done(&reader));
}

TEST(a_missing_or_short_result_section_fails_the_reader)
{
    struct reader reader = reader_over("\0\0\0", 3);
    (void)read_result(&reader);
    EXPECT(reader.failed);
    reader = reader_over("\xff\xff\xff\xff\0\0\0\0", 8);
    (void)read_result(&reader);
    EXPECT(reader.failed);
}

TEST(only_the_version_gate_names_a_window)
{
    u8 bytes[FRAME_HEADER_BYTES];
    struct eviction eviction = eviction_for(client, EVICTION_INCOMPATIBLE_PROTOCOL);
    eviction_encode(&eviction, bytes);
    EXPECT_EQ(get_u32(bytes + 144), PROTOCOL_VERSION);
    EXPECT_EQ(get_u32(bytes + 148), PROTOCOL_VERSION);
    EXPECT_EQ(bytes[255], 14);
    eviction = eviction_for(client, EVICTION_NO_SESSION);
    eviction_encode(&eviction, bytes);
    EXPECT_EQ(get_u64(bytes + 144), 0);
    EXPECT_EQ(bytes[255], 1);
    EXPECT_EQ(bytes[60], 13);
    EXPECT_EQ(get_u32(bytes + 48), 256);
    EXPECT(u128_equal(get_u128(bytes + 128), client));
}

TEST(each_eviction_is_an_error_for_the_client)
{
    static const struct {
        u8 reason;
        enum wire_error error;
    } wanted[] = {
        {1, WIRE_UNAUTHENTICATED},
        {4, WIRE_INVALID_COMMAND},
        {7, WIRE_UNAUTHENTICATED},
        {9, WIRE_INVALID_CREDENTIALS},
        {10, WIRE_INVALID_TOKEN},
        {11, WIRE_UNAUTHENTICATED},
        {12, WIRE_UNAUTHENTICATED},
        {13, WIRE_STALE_CLIENT},
        {14, WIRE_INCOMPATIBLE_PROTOCOL_VERSION},
        {15, WIRE_INVALID_FORMAT},
        {99, WIRE_UNAUTHENTICATED},
    };
    for (u32 i = 0; i < array_count(wanted); i++) {
        struct eviction eviction = eviction_for(client, (enum eviction_reason)wanted[i].reason);
        u8 bytes[FRAME_HEADER_BYTES];
        eviction_encode(&eviction, bytes);
        struct eviction again;
        EXPECT_EQ(eviction_decode(bytes, &again), OK);
        EXPECT_EQ(eviction_error(&again), wanted[i].error);
    }
}

TEST(a_version_refusal_without_a_usable_window_says_unauthenticated)
{
    struct eviction eviction = {.reason = EVICTION_INCOMPATIBLE_PROTOCOL, .version = 5};
    EXPECT_EQ(eviction_error(&eviction), WIRE_UNAUTHENTICATED);
    eviction.version_min = 6;
    EXPECT_EQ(eviction_error(&eviction), WIRE_UNAUTHENTICATED);
    eviction.version_min = 5;
    EXPECT_EQ(eviction_error(&eviction), WIRE_INCOMPATIBLE_PROTOCOL_VERSION);
}
