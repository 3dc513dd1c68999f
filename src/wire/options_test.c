#include "wire/options.h"

#include "test.h"

static u8 bytes[256 * 1024];

static struct span block_of(const struct writer *writer)
{
    EXPECT(!writer->failed);
    return (struct span){writer->data, writer->position};
}

static enum wire_error verdict(const char *text, u32 size)
{
    return options_validate((struct span){(const u8 *)text, size});
}

TEST(an_empty_block_is_sound)
{
    EXPECT_EQ(verdict("", 0), WIRE_OK);
    EXPECT_EQ(options_validate_empty((struct span){0}), WIRE_OK);
}

TEST(entries_come_out_as_they_went_in)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_option_string(&writer, "a", span_of("text"));
    write_option_bool(&writer, "b", true);
    write_option_u32(&writer, "c", 7);
    write_option_u64(&writer, "d", 8);
    struct decoder decoder = decoder_over(block_of(&writer));
    struct option option;
    EXPECT(decode_option(&decoder, &option));
    EXPECT_EQ(option.kind, OPTION_STRING);
    EXPECT(span_equal(option.value, span_of("text")));
    EXPECT(decode_option(&decoder, &option));
    EXPECT_EQ(option.kind, OPTION_BOOL);
    EXPECT_EQ(option.value.data[0], 1);
    EXPECT(decode_option(&decoder, &option));
    EXPECT_EQ(get_u32(option.value.data), 7);
    EXPECT(decode_option(&decoder, &option));
    EXPECT(span_equal(option.key, span_of("d")));
    EXPECT_EQ(get_u64(option.value.data), 8);
    EXPECT(!decode_option(&decoder, &option));
    EXPECT_EQ(decoder_result(&decoder), WIRE_OK);
}

TEST(a_value_of_unknown_kind_is_structurally_legal)
{
    EXPECT_EQ(verdict("\x02\x01\0\0\0k\x63\x01\0\0\0v", 12), WIRE_OK);
}

TEST(a_key_that_is_no_string_breaks_the_format)
{
    EXPECT_EQ(verdict("\x01\x01\0\0\0k\x02\x01\0\0\0v", 12), WIRE_INVALID_FORMAT);
}

TEST(empty_and_overlong_fields_break_the_format)
{
    EXPECT_EQ(verdict("\x02\0\0\0\0\x02\x01\0\0\0v", 11), WIRE_INVALID_FORMAT);
    EXPECT_EQ(verdict("\x02\x01\0\0\0k\x02\0\0\0\0", 11), WIRE_INVALID_FORMAT);
    EXPECT_EQ(verdict("\x02\0\x01\0\0k", 6), WIRE_INVALID_FORMAT);
    EXPECT_EQ(verdict("\x02\xff\xff\xff\xffk", 6), WIRE_INVALID_FORMAT);
}

TEST(a_block_cut_short_is_an_invalid_command)
{
    const char *whole = "\x02\x01\0\0\0k\x02\x01\0\0\0v";
    for (u32 size = 1; size < 12; size++) {
        EXPECT_EQ(verdict(whole, size), WIRE_INVALID_COMMAND);
    }
    EXPECT_EQ(verdict(whole, 12), WIRE_OK);
}

TEST(a_key_that_is_not_utf8_is_an_invalid_command)
{
    EXPECT_EQ(verdict("\x02\x01\0\0\0\xff\x02\x01\0\0\0v", 12), WIRE_INVALID_COMMAND);
}

TEST(entries_and_bytes_have_a_limit)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    for (u32 i = 0; i < OPTIONS_ENTRIES_MAX; i++) {
        write_option_bool(&writer, "k", true);
    }
    EXPECT_EQ(options_validate(block_of(&writer)), WIRE_OK);
    write_option_bool(&writer, "k", true);
    EXPECT_EQ(options_validate(block_of(&writer)), WIRE_OPTIONS_BLOCK_TOO_LARGE);

    u8 value[255] = {1};
    writer = writer_over(bytes, sizeof(bytes));
    while (writer.position <= OPTIONS_BYTES_MAX) {
        write_option_string(&writer, "k", (struct span){value, sizeof(value)});
    }
    EXPECT_EQ(options_validate(block_of(&writer)), WIRE_OPTIONS_BLOCK_TOO_LARGE);
}

TEST(streams_and_users_know_no_option)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_option_bool(&writer, "enforce_fsync", true);
    EXPECT_EQ(options_validate_empty(block_of(&writer)), WIRE_UNSUPPORTED_OPTION_KEY);
    EXPECT_EQ(options_validate_empty((struct span){bytes, 3}), WIRE_INVALID_COMMAND);
}

TEST(three_scopes_can_be_described)
{
    enum options_scope scope;
    EXPECT_EQ(describe_options_request_decode(span_of("\x01"), &scope), WIRE_OK);
    EXPECT_EQ(scope, OPTIONS_OF_TOPIC);
    EXPECT_EQ(describe_options_request_decode(span_of("\x03"), &scope), WIRE_OK);
    EXPECT_EQ(scope, OPTIONS_OF_USER);
    EXPECT_EQ(describe_options_request_decode(span_of("\x04"), &scope), WIRE_INVALID_COMMAND);
    EXPECT_EQ(describe_options_request_decode((struct span){(const u8 *)"\0", 1}, &scope),
              WIRE_INVALID_COMMAND);
    EXPECT_EQ(describe_options_request_decode(span_of(""), &scope), WIRE_INVALID_COMMAND);
}
