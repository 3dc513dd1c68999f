#include "wire/stream_info.h"

#include "wire/options.h"

#include "test.h"

static u8 bytes[1024];

TEST(a_stream_is_created_from_its_name)
{
    struct create_stream_request request;
    EXPECT_EQ(create_stream_request_decode(span_of("\x06orders"), &request), WIRE_OK);
    EXPECT(span_equal(request.name, span_of("orders")));
    EXPECT_EQ(create_stream_request_decode(span_of(""), &request), WIRE_INVALID_COMMAND);
    EXPECT_EQ(create_stream_request_decode((struct span){(const u8 *)"\0", 1}, &request),
              WIRE_INVALID_FORMAT);
}

TEST(a_stream_has_no_options)
{
    struct create_stream_request create = {.name = span_of("orders")};
    struct update_stream_request update = {identifier_of_id(1), span_of("orders")};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_stream_request_encode(&create, &writer);
    write_option_bool(&writer, "key", true);
    EXPECT_EQ(create_stream_request_decode((struct span){bytes, writer.position}, &create),
              WIRE_UNSUPPORTED_OPTION_KEY);
    writer = writer_over(bytes, sizeof(bytes));
    update_stream_request_encode(&update, &writer);
    EXPECT_EQ(update_stream_request_decode((struct span){bytes, writer.position}, &update),
              WIRE_OK);
    write_option_bool(&writer, "key", true);
    EXPECT_EQ(update_stream_request_decode((struct span){bytes, writer.position}, &update),
              WIRE_UNSUPPORTED_OPTION_KEY);
    EXPECT_EQ(update_stream_request_decode((struct span){bytes, writer.position - 1}, &update),
              WIRE_INVALID_COMMAND);
}

TEST(a_header_ends_in_empty_options)
{
    struct stream_info info = {1, 2, 3, 4, 5, span_of("orders")};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_stream_info(&writer, &info);
    EXPECT_EQ(writer.position, 32 + 7 + 4);
    EXPECT_EQ(get_u32(bytes), 1);
    EXPECT_EQ(get_u64(bytes + 4), 2);
    EXPECT_EQ(get_u32(bytes + 12), 3);
    EXPECT_EQ(get_u64(bytes + 16), 4);
    EXPECT_EQ(get_u64(bytes + 24), 5);
    EXPECT_EQ(get_u32(bytes + 39), 0);
}

TEST(a_list_of_streams_is_read_to_its_end)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    for (u32 i = 0; i < 3; i++) {
        struct stream_info info = {.id = i, .name = span_of("name")};
        write_stream_info(&writer, &info);
    }
    struct reader reader = reader_over(bytes, writer.position);
    u32 count = 0;
    while (reader_left(&reader) > 0) {
        EXPECT_EQ(read_stream_info(&reader).id, count);
        count++;
    }
    EXPECT(reader_is_done(&reader));
    EXPECT_EQ(count, 3);
}
