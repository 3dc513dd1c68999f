#include "wire/topic_v1.h"

#include "base/quantity.h"

#include "test.h"

static u8 bytes[1024];

static const struct create_topic_v1 golden_request = {
    .stream = {.kind = IDENTIFIER_NUMERIC},
    .partitions_count = 1,
    .settings = {.compression = TOPIC_COMPRESSION_NONE, .replication_factor = 1},
    .name = {(const u8 *)"t", 1},
};

TEST(a_created_topic_reads_as_the_golden_one)
{
    static const u8 golden[] = {1, 4, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0,
                                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 't'};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_topic_v1_encode(&golden_request, &writer);
    EXPECT_EQ(writer.position, sizeof(golden));
    EXPECT_BYTES(bytes, golden, sizeof(golden));
}

TEST(an_unknown_compression_is_refused)
{
    struct create_topic_v1 request = golden_request;
    struct create_topic_v1 again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_topic_v1_encode(&request, &writer);
    struct span body = {bytes, writer.position};
    EXPECT_EQ(create_topic_v1_decode(body, &again), WIRE_OK);
    bytes[10] = 3;
    EXPECT_EQ(create_topic_v1_decode(body, &again), WIRE_INVALID_COMMAND);
    bytes[10] = 0;
    EXPECT_EQ(create_topic_v1_decode(body, &again), WIRE_INVALID_COMMAND);
}

TEST(settings_become_explicit_options_and_zero_becomes_the_default)
{
    struct create_topic_v1 request = golden_request;
    request.settings.compression = TOPIC_COMPRESSION_GZIP;
    request.settings.message_expiry_us = 77;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_topic_v1_translate(&request, &writer);
    struct create_topic_request translated;
    struct topic_options defaults = topic_options_default();
    struct topic_options options;
    EXPECT_EQ(create_topic_request_decode((struct span){bytes, writer.position}, &translated),
              WIRE_OK);
    EXPECT_EQ(topic_options_decode(translated.options, 1, &defaults, &options), WIRE_OK);
    EXPECT_EQ(options.compression, TOPIC_COMPRESSION_GZIP);
    EXPECT_EQ(options.message_expiry_us, 77);
    EXPECT_EQ(options.max_topic_size_bytes, QUANTITY_UNLIMITED);
    EXPECT_EQ(options.explicit_set,
              1u << TOPIC_OPTION_COMPRESSION_ALGORITHM | 1u << TOPIC_OPTION_MESSAGE_EXPIRY);
}

TEST(an_update_patches_the_three_settings)
{
    struct update_topic_v1 request = {.stream = identifier_of_id(1),
                                      .topic = identifier_of_name(span_of("old")),
                                      .settings = {.compression = TOPIC_COMPRESSION_NONE,
                                                   .message_expiry_us = 1,
                                                   .max_topic_size_bytes = UINT64_MAX},
                                      .name = span_of("new")};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    update_topic_v1_translate(&request, &writer);
    struct update_topic_request translated;
    struct topic_options current = topic_options_default();
    struct topic_options options;
    EXPECT_EQ(update_topic_request_decode((struct span){bytes, writer.position}, &translated),
              WIRE_OK);
    EXPECT(span_equal(translated.name, span_of("new")));
    EXPECT_EQ(topic_options_decode_update(translated.options, &current, &current, &options),
              WIRE_OK);
    EXPECT_EQ(options.message_expiry_us, 1);
    EXPECT_EQ(options.max_topic_size_bytes, QUANTITY_UNLIMITED);
}

TEST(a_topic_record_reads_as_the_golden_one)
{
    static const u8 golden[] = {0,    0,    0, 0,    0,    0,    0x1f, 0x39, 0x43, 0x4f, 6,
                                0,    1,    0, 0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                1,    0,    0, 0,    0,    0,    0,    0,    0,    0,    0,
                                0,    0,    0, 0,    0,    0,    1,    't'};
    struct topic_record_v1 record = {
        .info = {.created_at_us = 1776000000000000, .partitions_count = 1, .name = span_of("t")},
        .settings = {.compression = TOPIC_COMPRESSION_NONE,
                     .message_expiry_us = UINT64_MAX,
                     .max_topic_size_bytes = UINT64_MAX,
                     .replication_factor = 1}};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_topic_record_v1(&writer, &record);
    EXPECT_EQ(writer.position, sizeof(golden));
    EXPECT_BYTES(bytes, golden, sizeof(golden));
}

TEST(bytes_after_a_name_are_ignored)
{
    static const u8 create[] = {1, 's', 9, 9, 9};
    static const u8 update[] = {1, 4, 0, 0, 0, 0, 1, 's', 9};
    struct create_stream_request created;
    struct update_stream_request updated;
    EXPECT_EQ(create_stream_v1_decode((struct span){create, sizeof(create)}, &created), WIRE_OK);
    EXPECT(span_equal(created.name, span_of("s")));
    EXPECT_EQ(update_stream_v1_decode((struct span){update, sizeof(update)}, &updated), WIRE_OK);
    EXPECT(span_equal(updated.name, span_of("s")));
}
