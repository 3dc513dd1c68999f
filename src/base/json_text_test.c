#include "base/json_text.h"

#include <string.h>

#include "base/str.h"
#include "test.h"

static bool becomes(const char *text, u32 size, const char *expected)
{
    char out[256];
    char piece[JSON_PIECE_BYTES];
    u32 position = 0;
    struct span span = {(const u8 *)text, size};
    for (u32 at = 0; at < size;) {
        u32 bytes = json_text_next(span, &at, piece);
        EXPECT(bytes >= 1 && bytes < JSON_PIECE_BYTES);
        EXPECT(at <= size);
        EXPECT(str_append(out, sizeof(out), &position, "%.*s", (int)bytes, piece));
    }
    return position == strlen(expected) && memcmp(out, expected, position) == 0;
}

TEST(what_json_reserves_is_escaped)
{
    EXPECT(becomes("a\"b\\c", 5, "a\\\"b\\\\c"));
    EXPECT(becomes("\n\r\t\x01\x7f", 5, "\\n\\r\\t\\u0001\\u007f"));
    EXPECT(becomes("a\0b", 3, "a\\u0000b"));
    EXPECT(becomes("", 0, ""));
}

TEST(utf8_stays_as_it_is)
{
    EXPECT(becomes("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 11,
                   "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"));
}

TEST(what_is_no_utf8_is_replaced_byte_by_byte)
{
    EXPECT(becomes("\xff", 1, "\xef\xbf\xbd"));
    EXPECT(becomes("\xc3", 1, "\xef\xbf\xbd"));
    EXPECT(becomes("\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd"));
    EXPECT(becomes("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
    EXPECT(becomes("\xf4\x90\x80\x80x", 5, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx"));
}

TEST(characters_have_their_numbers)
{
    u32 code = 77;
    EXPECT_EQ(utf8_character(span_of("\xe2\x82\xac"), 0, &code), 3);
    EXPECT_EQ(code, 0x20ac);
    EXPECT_EQ(utf8_character(span_of("\xf4\x8f\xbf\xbf"), 0, &code), 4);
    EXPECT_EQ(code, 0x10ffff);
    EXPECT_EQ(utf8_character(span_of("\xe0\x80\x80"), 0, &code), 0);
    EXPECT_EQ(code, 0x10ffff);
    EXPECT(utf8_is_text(span_of("\xc3\xa4")));
    EXPECT(!utf8_is_text(span_of("\xa4")));
}
