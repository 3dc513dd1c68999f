#include "wire/error.h"

#include "test.h"

TEST(numbers_are_those_of_the_protocol)
{
    EXPECT_EQ(WIRE_OK, 0);
    EXPECT_EQ(WIRE_INVALID_COMMAND, 3);
    EXPECT_EQ(WIRE_FEATURE_UNAVAILABLE, 5);
    EXPECT_EQ(WIRE_UNAUTHENTICATED, 40);
    EXPECT_EQ(WIRE_STREAM_ID_NOT_FOUND, 1009);
    EXPECT_EQ(WIRE_INVALID_TOPIC_SIZE, 1019);
    EXPECT_EQ(WIRE_TOPIC_ID_NOT_FOUND, 2010);
    EXPECT_EQ(WIRE_PARTITION_NOT_FOUND, 3007);
    EXPECT_EQ(WIRE_CONSUMER_OFFSET_NOT_FOUND, 3021);
    EXPECT_EQ(WIRE_TOO_MANY_CONSUMER_OFFSETS, 3024);
    EXPECT_EQ(WIRE_INVALID_MESSAGE_CHECKSUM, 4027);
    EXPECT_EQ(WIRE_INVALID_BATCH_CHECKSUM, 4039);
    EXPECT_EQ(WIRE_UNSUPPORTED_OPTION_KEY, 4041);
    EXPECT_EQ(WIRE_INVALID_OPTION_VALUE, 4042);
    EXPECT_EQ(WIRE_OPTIONS_BLOCK_TOO_LARGE, 4043);
    EXPECT_EQ(WIRE_INVALID_OFFSET, 4100);
    EXPECT_EQ(WIRE_GROUP_PARTITION_NOT_OWNED, 5009);
    EXPECT_EQ(WIRE_INCOMPATIBLE_PROTOCOL_VERSION, 14003);
}

TEST(every_number_has_a_name_and_a_sentence)
{
    EXPECT_STR(wire_error_name(1009), "STREAM_ID_NOT_FOUND");
    EXPECT_STR(wire_error_text(1009), "no such stream");
    EXPECT_STR(wire_error_name(0), "OK");
    EXPECT_STR(wire_error_text(0), "ok");
}

TEST(a_number_of_a_later_server_is_unknown_but_never_null)
{
    EXPECT_STR(wire_error_name(999999), "UNKNOWN");
    EXPECT(strlen(wire_error_text(999999)) > 0);
    EXPECT(!wire_error_is_retryable(999999));
}

TEST(only_what_may_pass_by_itself_is_retryable)
{
    EXPECT(wire_error_is_retryable(WIRE_TRANSIENT_NOT_COMMITTED));
    EXPECT(wire_error_is_retryable(WIRE_TRANSIENT_NOT_ACCEPTED));
    EXPECT(wire_error_is_retryable(WIRE_CANNOT_APPEND_MESSAGE));
    EXPECT(!wire_error_is_retryable(WIRE_OK));
    EXPECT(!wire_error_is_retryable(WIRE_STREAM_ID_NOT_FOUND));
    EXPECT(!wire_error_is_retryable(WIRE_INVALID_CREDENTIALS));
}

TEST(no_number_is_listed_twice)
{
    static const u32 numbers[] = {
#define WIRE_ERROR(name, number, text, retryable) (number),
#include "wire/errors.def"
#undef WIRE_ERROR
    };
    for (u32 i = 1; i < array_count(numbers); i++) {
        EXPECT(numbers[i] > numbers[i - 1]);
    }
}
