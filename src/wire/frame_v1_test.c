#include "wire/frame_v1.h"

#include "test.h"
#include "wire/frame.h"

TEST(the_smallest_frame_of_generation_1_is_told_by_four_bytes_and_whole_with_eight)
{
    static const u8 ping[] = {4, 0, 0, 0, 1, 0, 0, 0};
    struct request_v1 request;
    u8 again[FRAME_V1_HEADER_BYTES];
    enum command command = COMMAND_COUNT;
    EXPECT_EQ(frame_generation(ping), FRAME_GENERATION_1);
    request_v1_decode(ping, &request);
    EXPECT(request_v1_is_framed(&request));
    EXPECT_EQ(request_v1_payload_bytes(&request), 0);
    EXPECT(command_find_v1(request.code, &command));
    EXPECT_EQ(command, COMMAND_PING);
    request_v1_encode(&request, again);
    EXPECT_BYTES(again, ping, sizeof(ping));
}

TEST(a_length_below_four_frames_nothing)
{
    EXPECT(!request_v1_is_framed(&(struct request_v1){.length = 3}));
    EXPECT(request_v1_is_framed(&(struct request_v1){.length = 4}));
}

TEST(an_error_is_a_status_without_a_payload)
{
    static const u8 unauthenticated[] = {40, 0, 0, 0, 0, 0, 0, 0};
    u8 bytes[FRAME_V1_HEADER_BYTES];
    struct reply_v1 reply;
    reply_v1_encode(&(struct reply_v1){.status = WIRE_UNAUTHENTICATED}, bytes);
    EXPECT_BYTES(bytes, unauthenticated, sizeof(unauthenticated));
    reply_v1_decode(bytes, &reply);
    EXPECT_EQ(reply.status, 40);
    EXPECT_EQ(reply.payload_bytes, 0);
}

TEST(generation_1_has_its_two_logins_and_nothing_that_came_later)
{
    static const u32 later[] = {13, 14, 40, 45, 103, 104, 123, 606, 0, 2, 77, UINT32_MAX};
    enum command command = COMMAND_COUNT;
    for (u32 i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        EXPECT(!command_find_v1(later[i], &command));
    }
    EXPECT(command_find_v1(38, &command));
    EXPECT_EQ(command, COMMAND_LOGIN_USER);
    EXPECT(command_find_v1(44, &command));
    EXPECT_EQ(command, COMMAND_LOGIN_WITH_TOKEN);
    EXPECT(command_find_v1(102, &command));
    EXPECT_EQ(command, COMMAND_FLUSH_UNSAVED_BUFFER);
    u32 count = 0;
    for (u32 code = 0; code < 1000; code++) {
        count += command_find_v1(code, &command) ? 1 : 0;
    }
    EXPECT_EQ(count, 47);
}

TEST(only_a_ping_and_the_logins_need_no_login)
{
    u32 open = 0;
    for (u32 code = 0; code < 1000; code++) {
        enum command command;
        open += command_find_v1(code, &command) && !command_v1_needs_login(command) ? 1 : 0;
    }
    EXPECT_EQ(open, 3);
    EXPECT(command_v1_needs_login(COMMAND_LOGOUT));
}

TEST(errors_that_came_with_generation_2_are_told_by_older_numbers)
{
    EXPECT_EQ(wire_error_v1(WIRE_OK), WIRE_OK);
    EXPECT_EQ(wire_error_v1(WIRE_STREAM_ID_NOT_FOUND), WIRE_STREAM_ID_NOT_FOUND);
    EXPECT_EQ(wire_error_v1(WIRE_INVALID_TOKEN), WIRE_RESOURCE_NOT_FOUND);
    EXPECT_EQ(wire_error_v1(WIRE_GROUP_PARTITION_NOT_OWNED), WIRE_NOT_RESOLVED_CONSUMER);
    EXPECT_EQ(wire_error_v1(WIRE_TRANSIENT_NOT_ACCEPTED), WIRE_UNSPECIFIED);
    EXPECT_EQ(wire_error_v1(WIRE_TOO_MANY_STREAMS), WIRE_UNSPECIFIED);
}
