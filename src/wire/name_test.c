#include "wire/name.h"

#include "test.h"

static enum wire_error decode(const void *bytes, u32 size, struct span *name)
{
    struct decoder decoder = decoder_over((struct span){bytes, size});
    *name = decode_name(&decoder);
    return decoder_result(&decoder);
}

TEST(a_name_is_a_length_byte_and_utf8)
{
    struct span name;
    EXPECT_EQ(decode("\x06orders", 7, &name), WIRE_OK);
    EXPECT(span_equal(name, span_of("orders")));
}

TEST(an_empty_name_breaks_the_format)
{
    struct span name;
    EXPECT_EQ(decode("\0", 1, &name), WIRE_INVALID_FORMAT);
}

TEST(a_name_cut_short_is_an_invalid_command)
{
    struct span name;
    EXPECT_EQ(decode("", 0, &name), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x06order", 6, &name), WIRE_INVALID_COMMAND);
}

TEST(a_name_may_hold_anything_that_is_utf8)
{
    struct span name;
    EXPECT_EQ(decode("\x05"
                     "a/b\0c",
                     6, &name),
              WIRE_OK);
    EXPECT_EQ(name.size, 5);
}

TEST(a_name_that_is_not_utf8_is_an_invalid_command)
{
    struct span name;
    EXPECT_EQ(decode("\x02\xC3\x28", 3, &name), WIRE_INVALID_COMMAND);
}

TEST(well_formed_utf8_is_told_from_the_rest)
{
    EXPECT(span_is_utf8(span_of("")));
    EXPECT(span_is_utf8(span_of("plain")));
    EXPECT(span_is_utf8(span_of("\xC2\x80 \xDF\xBF")));
    EXPECT(span_is_utf8(span_of("\xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80")));
    EXPECT(span_is_utf8(span_of("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF")));

    EXPECT(!span_is_utf8(span_of("\x80")));             /* a continuation alone */
    EXPECT(!span_is_utf8(span_of("\xC0\xAF")));         /* overlong */
    EXPECT(!span_is_utf8(span_of("\xE0\x9F\xBF")));     /* overlong */
    EXPECT(!span_is_utf8(span_of("\xF0\x8F\xBF\xBF"))); /* overlong */
    EXPECT(!span_is_utf8(span_of("\xED\xA0\x80")));     /* a surrogate */
    EXPECT(!span_is_utf8(span_of("\xF4\x90\x80\x80"))); /* above U+10FFFF */
    EXPECT(!span_is_utf8(span_of("\xF5\x80\x80\x80")));
    EXPECT(!span_is_utf8(span_of("\xC3")));     /* cut short */
    EXPECT(!span_is_utf8(span_of("\xE2\x82"))); /* cut short */
    EXPECT(!span_is_utf8(span_of("\xE2\x82\x28")));
}

TEST(a_name_too_long_to_write_fails_the_writer_and_writes_nothing)
{
    u8 bytes[600];
    u8 text[256] = {0};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_name(&writer, (struct span){text, 255});
    EXPECT(!writer.failed);
    EXPECT_EQ(writer.position, 256);
    write_name(&writer, (struct span){text, 256});
    EXPECT(writer.failed);
    EXPECT_EQ(writer.position, 256);
}

TEST(users_passwords_and_tokens_have_lengths_of_their_own)
{
    u8 text[128] = {0};
    EXPECT(!username_is_valid((struct span){text, 2}));
    EXPECT(username_is_valid((struct span){text, 3}));
    EXPECT(username_is_valid((struct span){text, 50}));
    EXPECT(!username_is_valid((struct span){text, 51}));
    EXPECT(!password_is_valid((struct span){text, 2}));
    EXPECT(password_is_valid((struct span){text, 100}));
    EXPECT(!password_is_valid((struct span){text, 101}));
    EXPECT(!token_name_is_valid((struct span){text, 2}));
    EXPECT(token_name_is_valid((struct span){text, 30}));
    EXPECT(!token_name_is_valid((struct span){text, 31}));
}

TEST(the_first_fault_decides_the_error)
{
    struct decoder decoder = decoder_over(span_of("\x01"
                                                  "a"));
    (void)read_u64(&decoder.reader);
    decoder_refuse(&decoder, WIRE_INVALID_FORMAT);
    EXPECT_EQ(decoder_result(&decoder), WIRE_INVALID_COMMAND);

    decoder = decoder_over(span_of("ab"));
    decoder_refuse(&decoder, WIRE_INVALID_FORMAT);
    decoder_refuse(&decoder, WIRE_UNSUPPORTED_OPTION_KEY);
    EXPECT_EQ(read_u8(&decoder.reader), 0);
    EXPECT_EQ(decoder_result(&decoder), WIRE_INVALID_FORMAT);
}
