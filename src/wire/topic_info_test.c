#include "wire/topic_info.h"

#include "base/quantity.h"

#include "test.h"

static u8 bytes[2048];

TEST(a_topic_may_be_created_without_partitions_or_options)
{
    struct create_topic_request request = {.stream = identifier_of_id(1), .name = span_of("t")};
    struct create_topic_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_topic_request_encode(&request, &writer);
    struct span body = {bytes, writer.position};
    EXPECT_EQ(create_topic_request_decode(body, &again), WIRE_OK);
    EXPECT_EQ(again.partitions_count, 0);
    EXPECT_EQ(again.options.size, 0);
    body.size--;
    EXPECT_EQ(create_topic_request_decode(body, &again), WIRE_INVALID_COMMAND);
}

TEST(options_are_the_rest_of_the_body)
{
    struct create_topic_request create = {.stream = identifier_of_name(span_of("orders")),
                                          .partitions_count = 3,
                                          .name = span_of("events"),
                                          .options = span_of("rest")};
    struct create_topic_request create_again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_topic_request_encode(&create, &writer);
    EXPECT_EQ(create_topic_request_decode((struct span){bytes, writer.position}, &create_again),
              WIRE_OK);
    EXPECT_EQ(create_again.partitions_count, 3);
    EXPECT(span_equal(create_again.options, span_of("rest")));

    struct update_topic_request update = {.stream = identifier_of_id(1),
                                          .topic = identifier_of_id(2),
                                          .name = span_of("events"),
                                          .options = span_of("rest")};
    struct update_topic_request update_again;
    writer = writer_over(bytes, sizeof(bytes));
    update_topic_request_encode(&update, &writer);
    EXPECT_EQ(update_topic_request_decode((struct span){bytes, writer.position}, &update_again),
              WIRE_OK);
    EXPECT(span_equal(update_again.options, span_of("rest")));
}

TEST(a_header_mirrors_its_options_and_has_two_blocks)
{
    struct topic_info info = {1, 2, 3, 4, 5, span_of("events")};
    struct topic_options options = topic_options_default();
    options.compression = TOPIC_COMPRESSION_GZIP;
    options.message_expiry_us = 77;
    options.explicit_set = 1u << TOPIC_OPTION_COMPRESSION_ALGORITHM;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_topic_info(&writer, &info, &options);
    EXPECT_EQ(get_u32(bytes), 1);
    EXPECT_EQ(get_u64(bytes + 4), 2);
    EXPECT_EQ(get_u32(bytes + 12), 3);
    EXPECT_EQ(get_u64(bytes + 16), 77);
    EXPECT_EQ(bytes[24], 2);
    EXPECT_EQ(get_u64(bytes + 25), UINT64_MAX);
    EXPECT_EQ(get_u64(bytes + 33), 4);
    EXPECT_EQ(get_u64(bytes + 41), 5);
    EXPECT_EQ(bytes[49], 6);

    struct reader reader = reader_over(bytes, writer.position);
    struct topic_view view = read_topic_view(&reader);
    EXPECT(reader_is_done(&reader));
    EXPECT_EQ(view.message_expiry_us, 77);
    EXPECT_EQ(view.explicit_options.size, 5 + 21 + 5 + 4);
    EXPECT(view.derived_options.size > 200);
}

TEST(a_view_is_written_as_it_was_read)
{
    u8 again[1024];
    struct topic_info info = {.id = 9, .name = span_of("x")};
    struct topic_options options = topic_options_default();
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_topic_info(&writer, &info, &options);
    struct reader reader = reader_over(bytes, writer.position);
    struct topic_view view = read_topic_view(&reader);
    struct writer second = writer_over(again, sizeof(again));
    write_topic_view(&second, &view);
    EXPECT_EQ(second.position, writer.position);
    EXPECT_BYTES(again, bytes, writer.position);
}
