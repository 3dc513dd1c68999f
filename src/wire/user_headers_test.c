#include "wire/user_headers.h"

#include "test.h"

static u8 bytes[1024];

TEST(headers_come_out_as_they_went_in)
{
    struct user_header header = {USER_HEADER_STRING, span_of("kind"), 11, {(const u8 *)"abcd", 4}};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_user_header(&writer, &header);
    write_user_header(&writer, &header);
    struct reader reader = reader_over(bytes, writer.position);
    struct user_header again;
    for (u32 i = 0; i < 2; i++) {
        EXPECT(read_user_header(&reader, &again));
        EXPECT(span_equal(again.key, span_of("kind")));
        EXPECT_EQ(again.value_kind, 11);
        EXPECT_EQ(again.value.size, 4);
    }
    EXPECT(!read_user_header(&reader, &again));
    EXPECT(!reader.failed);
}

TEST(bytes_that_are_no_headers_fail_the_reader)
{
    struct user_header header;
    struct reader reader = reader_over("user-header-bytes", 17);
    EXPECT(!read_user_header(&reader, &header));
    EXPECT(reader.failed);
    reader = reader_over("\x02\0\0\0\0\x02\x01\0\0\0v", 11);
    EXPECT(!read_user_header(&reader, &header));
    EXPECT(reader.failed);
}
