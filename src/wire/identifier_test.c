#include "wire/identifier.h"

#include "test.h"

static enum wire_error decode(const void *bytes, u32 size, struct identifier *identifier)
{
    struct decoder decoder = decoder_over((struct span){bytes, size});
    *identifier = decode_identifier(&decoder);
    return decoder_result(&decoder);
}

TEST(a_number_and_a_name_are_two_kinds_of_identifier)
{
    struct identifier identifier;
    EXPECT_EQ(decode("\x01\x04\x7b\0\0\0", 6, &identifier), WIRE_OK);
    EXPECT_EQ(identifier.kind, IDENTIFIER_NUMERIC);
    EXPECT_EQ(identifier.id, 123);
    EXPECT_EQ(decode("\x02\x05Hello", 7, &identifier), WIRE_OK);
    EXPECT_EQ(identifier.kind, IDENTIFIER_NAME);
    EXPECT(span_equal(identifier.name, span_of("Hello")));
}

TEST(zero_is_a_number_like_any_other)
{
    struct identifier identifier;
    EXPECT_EQ(decode("\x01\x04\0\0\0\0", 6, &identifier), WIRE_OK);
    EXPECT_EQ(identifier.id, 0);
}

TEST(a_name_of_digits_is_a_name)
{
    struct identifier identifier;
    EXPECT_EQ(decode("\x02\x01"
                     "5",
                     3, &identifier),
              WIRE_OK);
    EXPECT_EQ(identifier.kind, IDENTIFIER_NAME);
}

TEST(malformed_identifiers_are_told_apart)
{
    struct identifier identifier;
    EXPECT_EQ(decode("", 0, &identifier), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\0\x04\0\0\0\0", 6, &identifier), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x03\x04\0\0\0\0", 6, &identifier), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x01\x04\0\0\0", 5, &identifier), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x01\x08\0\0\0\0\0\0\0\0", 10, &identifier), WIRE_INVALID_FORMAT);
    EXPECT_EQ(decode("\x01\x03\0\0\0", 5, &identifier), WIRE_INVALID_FORMAT);
    EXPECT_EQ(decode("\x02\0", 2, &identifier), WIRE_INVALID_FORMAT);
    EXPECT_EQ(decode("\x02\x05Hell", 6, &identifier), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x02\x01\xFF", 3, &identifier), WIRE_INVALID_COMMAND);
}

TEST(what_is_written_is_what_is_read)
{
    u8 bytes[IDENTIFIER_BYTES_MAX];
    u8 text[255];
    memset(text, 'x', sizeof(text));
    struct identifier longest = identifier_of_name((struct span){text, sizeof(text)});
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_identifier(&writer, &longest);
    EXPECT(!writer.failed);
    EXPECT_EQ(writer.position, IDENTIFIER_BYTES_MAX);
    struct identifier again;
    EXPECT_EQ(decode(bytes, writer.position, &again), WIRE_OK);
    EXPECT(identifier_equal(&longest, &again));
}

TEST(identifiers_of_different_kinds_are_never_equal)
{
    struct identifier number = identifier_of_id(5);
    struct identifier other = identifier_of_id(6);
    struct identifier name = identifier_of_name(span_of("5"));
    EXPECT(!identifier_equal(&number, &name));
    EXPECT(!identifier_equal(&number, &other));
    EXPECT(identifier_equal(&number, &number));
}
