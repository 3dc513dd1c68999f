#include "wire/topic_options.h"

#include "base/quantity.h"
#include "wire/options.h"

#include "test.h"

static u8 bytes[4096];
static struct writer block;
static struct topic_options options;

static void begin(void)
{
    block = writer_over(bytes, sizeof(bytes));
}

static struct span finish(void)
{
    EXPECT(!block.failed);
    return (struct span){bytes, block.position};
}

static enum wire_error create(u32 partitions_count)
{
    struct topic_options defaults = topic_options_default();
    return topic_options_decode(finish(), partitions_count, &defaults, &options);
}

/* One option as text. */
static enum wire_error create_with(const char *key, const char *text)
{
    begin();
    write_option_string(&block, key, span_of(text));
    return create(1);
}

static enum wire_error create_with_u64(const char *key, u64 value)
{
    begin();
    write_option_u64(&block, key, value);
    return create(1);
}

static bool is_explicit(enum topic_option option)
{
    return (options.explicit_set & (1u << option)) != 0;
}

TEST(an_empty_block_gives_the_defaults_and_all_of_them_derived)
{
    begin();
    EXPECT_EQ(create(3), WIRE_OK);
    struct topic_options defaults = topic_options_default();
    EXPECT_BYTES(&options, &defaults, sizeof(options));
    EXPECT_EQ(options.message_expiry_us, UINT64_MAX);
    EXPECT_EQ(options.max_topic_size_bytes, UINT64_MAX);
    EXPECT_EQ(options.segment_size_bytes, GIB);
    EXPECT_EQ(options.messages_required_to_save, 1024);
    EXPECT_EQ(options.size_of_messages_required_to_save, MIB);
}

TEST(what_released_clients_send_on_every_create_is_taken_and_explicit)
{
    begin();
    write_option_string(&block, "consumer_offset_durability", span_of("replicated"));
    write_option_string(&block, "durability", span_of("persisted"));
    EXPECT_EQ(create(3), WIRE_OK);
    EXPECT_EQ(options.durability, TOPIC_DURABILITY_PERSISTED);
    EXPECT_EQ(options.consumer_offset_durability, TOPIC_DURABILITY_REPLICATED);
    EXPECT(is_explicit(TOPIC_OPTION_DURABILITY));
    EXPECT(is_explicit(TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY));
    EXPECT(!is_explicit(TOPIC_OPTION_SEGMENT_SIZE));
}

TEST(words_are_compared_without_regard_to_case_and_stored_in_lower_case)
{
    EXPECT_EQ(create_with("compression_algorithm", "GZIP"), WIRE_OK);
    EXPECT_EQ(options.compression, TOPIC_COMPRESSION_GZIP);
    EXPECT_EQ(create_with("durability", "Persisted"), WIRE_OK);
    EXPECT_EQ(options.durability, TOPIC_DURABILITY_PERSISTED);
    EXPECT_EQ(create_with("compression_algorithm", "zstd"), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with("durability", "sync"), WIRE_INVALID_OPTION_VALUE);
}

TEST(durability_of_another_kind_than_text_is_refused)
{
    begin();
    write_option_bool(&block, "durability", true);
    EXPECT_EQ(create(1), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with_u64("consumer_offset_durability", 1), WIRE_INVALID_OPTION_VALUE);
}

TEST(the_option_of_pre_releases_is_unknown)
{
    EXPECT_EQ(create_with("enforce_fsync", "true"), WIRE_UNSUPPORTED_OPTION_KEY);
    EXPECT_EQ(create_with("replication_factor", "1"), WIRE_UNSUPPORTED_OPTION_KEY);
    EXPECT_EQ(create_with("Durability", "replicated"), WIRE_UNSUPPORTED_OPTION_KEY);
}

TEST(values_may_come_as_text_in_the_grammars_of_configuration)
{
    EXPECT_EQ(create_with("message_expiry", "7 days"), WIRE_OK);
    EXPECT_EQ(options.message_expiry_us, 7 * 86400 * US_PER_SECOND);
    EXPECT_EQ(create_with("segment_size", "128 MiB"), WIRE_OK);
    EXPECT_EQ(options.segment_size_bytes, 128 * MIB);
    EXPECT_EQ(create_with("max_topic_size", "10 GiB"), WIRE_OK);
    EXPECT_EQ(options.max_topic_size_bytes, 10 * GIB);
    EXPECT_EQ(create_with("preallocate_segments", "true"), WIRE_OK);
    EXPECT(options.preallocate_segments);
    EXPECT_EQ(create_with("messages_required_to_save", "5000"), WIRE_OK);
    EXPECT_EQ(options.messages_required_to_save, 5000);
    EXPECT_EQ(create_with("size_of_messages_required_to_save", "2 MiB"), WIRE_OK);
    EXPECT_EQ(options.size_of_messages_required_to_save, 2 * MIB);
}

TEST(text_that_says_nothing_is_refused)
{
    EXPECT_EQ(create_with("message_expiry", "soon"), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with("segment_size", "big"), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with("preallocate_segments", "yes"), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with("messages_required_to_save", "12x"), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with("messages_required_to_save", "99999999999999999999"),
              WIRE_INVALID_OPTION_VALUE);
}

TEST(numbers_must_be_of_the_kind_of_their_key)
{
    begin();
    write_option_u32(&block, "segment_size", 1 << 20);
    EXPECT_EQ(create(1), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with_u64("messages_required_to_save", 5), WIRE_INVALID_OPTION_VALUE);
    u8 two = 2;
    begin();
    write_option(&block, &(struct option){span_of("preallocate_segments"), OPTION_BOOL, {&two, 1}});
    EXPECT_EQ(create(1), WIRE_INVALID_OPTION_VALUE);
    begin();
    write_option(&block, &(struct option){span_of("segment_size"), OPTION_U64, {&two, 1}});
    EXPECT_EQ(create(1), WIRE_INVALID_OPTION_VALUE);
}

TEST(segments_are_multiples_of_512_between_1_mib_and_1_gib)
{
    EXPECT_EQ(create_with_u64("segment_size", MIB), WIRE_OK);
    EXPECT_EQ(create_with_u64("segment_size", GIB), WIRE_OK);
    EXPECT_EQ(create_with_u64("segment_size", MIB + 512), WIRE_OK);
    EXPECT_EQ(create_with_u64("segment_size", MIB - 512), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with_u64("segment_size", MIB + 100), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with_u64("segment_size", GIB + 512), WIRE_INVALID_OPTION_VALUE);
}

TEST(the_thresholds_of_saving_have_limits)
{
    begin();
    write_option_u32(&block, "messages_required_to_save", 0);
    EXPECT_EQ(create(1), WIRE_INVALID_OPTION_VALUE);
    begin();
    write_option_u32(&block, "messages_required_to_save", 16777216);
    EXPECT_EQ(create(1), WIRE_OK);
    begin();
    write_option_u32(&block, "messages_required_to_save", 16777217);
    EXPECT_EQ(create(1), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create_with_u64("size_of_messages_required_to_save", GIB), WIRE_OK);
    EXPECT_EQ(create_with_u64("size_of_messages_required_to_save", GIB + 1),
              WIRE_INVALID_OPTION_VALUE);
}

TEST(zero_means_the_default_and_counts_as_not_chosen)
{
    begin();
    write_option_u64(&block, "max_topic_size", 0);
    write_option_u64(&block, "message_expiry", 0);
    write_option_u64(&block, "segment_size", 0);
    write_option_u64(&block, "size_of_messages_required_to_save", 0);
    EXPECT_EQ(create(1), WIRE_OK);
    struct topic_options defaults = topic_options_default();
    EXPECT_BYTES(&options, &defaults, sizeof(options));
}

TEST(a_finite_topic_holds_at_least_one_segment)
{
    EXPECT_EQ(create_with_u64("max_topic_size", GIB - 1), WIRE_INVALID_TOPIC_SIZE);
    EXPECT_EQ(create_with_u64("max_topic_size", GIB), WIRE_OK);
    begin();
    write_option_u64(&block, "max_topic_size", 2 * MIB);
    write_option_u64(&block, "segment_size", MIB);
    EXPECT_EQ(create(1), WIRE_OK);
}

TEST(preallocated_segments_take_at_most_64_gib_in_all)
{
    begin();
    write_option_bool(&block, "preallocate_segments", true);
    EXPECT_EQ(create(64), WIRE_OK);
    EXPECT_EQ(create(65), WIRE_INVALID_OPTION_VALUE);
    EXPECT_EQ(create(0), WIRE_OK);
}

TEST(a_key_twice_breaks_the_format)
{
    begin();
    write_option_string(&block, "durability", span_of("replicated"));
    write_option_string(&block, "durability", span_of("replicated"));
    EXPECT_EQ(create(1), WIRE_INVALID_FORMAT);
}

TEST(nothing_is_written_when_a_block_is_refused)
{
    struct topic_options before;
    memset(&options, 0x5A, sizeof(options));
    before = options;
    begin();
    write_option_string(&block, "durability", span_of("persisted"));
    write_option_string(&block, "unknown", span_of("x"));
    EXPECT_EQ(create(1), WIRE_UNSUPPORTED_OPTION_KEY);
    EXPECT_BYTES(&options, &before, sizeof(options));
}

static enum wire_error update(const struct topic_options *current)
{
    struct topic_options defaults = topic_options_default();
    return topic_options_decode_update(finish(), current, &defaults, &options);
}

TEST(an_update_takes_three_keys_and_no_other)
{
    struct topic_options current = topic_options_default();
    begin();
    write_option_string(&block, "compression_algorithm", span_of("gzip"));
    write_option_u64(&block, "max_topic_size", 2 * GIB);
    write_option_u64(&block, "message_expiry", 5);
    EXPECT_EQ(update(&current), WIRE_OK);
    EXPECT_EQ(options.compression, TOPIC_COMPRESSION_GZIP);
    EXPECT_EQ(options.max_topic_size_bytes, 2 * GIB);
    EXPECT_EQ(options.message_expiry_us, 5);
    for (u32 i = 0; i < TOPIC_OPTION_COUNT; i++) {
        bool may = i == TOPIC_OPTION_COMPRESSION_ALGORITHM || i == TOPIC_OPTION_MAX_TOPIC_SIZE ||
                   i == TOPIC_OPTION_MESSAGE_EXPIRY;
        begin();
        write_option_string(&block, topic_option_key((enum topic_option)i), span_of("none"));
        EXPECT_EQ(update(&current) == WIRE_UNSUPPORTED_OPTION_KEY, !may);
    }
}

TEST(keys_that_an_update_leaves_out_keep_value_and_origin)
{
    EXPECT_EQ(create_with("compression_algorithm", "gzip"), WIRE_OK);
    struct topic_options current = options;
    begin();
    write_option_u64(&block, "message_expiry", 9);
    EXPECT_EQ(update(&current), WIRE_OK);
    EXPECT_EQ(options.compression, TOPIC_COMPRESSION_GZIP);
    EXPECT(is_explicit(TOPIC_OPTION_COMPRESSION_ALGORITHM));
    EXPECT(is_explicit(TOPIC_OPTION_MESSAGE_EXPIRY));
    EXPECT(!is_explicit(TOPIC_OPTION_MAX_TOPIC_SIZE));
}

TEST(zero_in_an_update_goes_back_to_the_default_in_field_and_option_alike)
{
    EXPECT_EQ(create_with_u64("message_expiry", 77), WIRE_OK);
    struct topic_options current = options;
    begin();
    write_option_u64(&block, "message_expiry", 0);
    write_option_u64(&block, "max_topic_size", 0);
    EXPECT_EQ(update(&current), WIRE_OK);
    EXPECT_EQ(options.message_expiry_us, UINT64_MAX);
    EXPECT_EQ(options.max_topic_size_bytes, UINT64_MAX);
    EXPECT(is_explicit(TOPIC_OPTION_MAX_TOPIC_SIZE));
}

TEST(an_update_may_not_make_a_topic_smaller_than_a_segment)
{
    struct topic_options current = topic_options_default();
    begin();
    write_option_u64(&block, "max_topic_size", MIB);
    EXPECT_EQ(update(&current), WIRE_INVALID_TOPIC_SIZE);
}

/* Keys of a block in the order they stand, with how often each topic option was met. */
static u32 count_keys(struct reader *reader, u32 met[TOPIC_OPTION_COUNT])
{
    struct decoder decoder = decoder_over(read_text(reader));
    struct option option;
    struct span before = span_of("");
    u32 count = 0;
    while (decode_option(&decoder, &option)) {
        u32 size = u32_min(before.size, option.key.size);
        int order = memcmp(before.data, option.key.data, size);
        EXPECT(order < 0 || (order == 0 && before.size < option.key.size));
        before = option.key;
        for (u32 i = 0; i < TOPIC_OPTION_COUNT; i++) {
            met[i] += span_equal(option.key, span_of(topic_option_key((enum topic_option)i)));
        }
        count++;
    }
    EXPECT_EQ(decoder_result(&decoder), WIRE_OK);
    return count;
}

TEST(the_two_blocks_cover_the_catalog_with_ascending_keys)
{
    begin();
    write_option_string(&block, "durability", span_of("persisted"));
    write_option_u64(&block, "message_expiry", 123);
    EXPECT_EQ(create(1), WIRE_OK);
    struct writer writer = writer_over(bytes, sizeof(bytes));
    topic_options_write_explicit(&options, &writer);
    topic_options_write_derived(&options, &writer);
    EXPECT(!writer.failed);
    EXPECT(writer.position <= TOPIC_OPTIONS_BYTES_MAX);
    struct reader reader = reader_over(bytes, writer.position);
    u32 met[TOPIC_OPTION_COUNT] = {0};
    EXPECT_EQ(count_keys(&reader, met), 2);
    EXPECT_EQ(count_keys(&reader, met), 7);
    EXPECT(reader_is_done(&reader));
    for (u32 i = 0; i < TOPIC_OPTION_COUNT; i++) {
        EXPECT_EQ(met[i], 1);
    }
}

TEST(the_description_lists_nine_keys_with_their_defaults)
{
    struct topic_options defaults = topic_options_default();
    struct writer writer = writer_over(bytes, sizeof(bytes));
    topic_options_describe(&defaults, &writer);
    EXPECT(!writer.failed);
    struct reader reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_u32(&reader), 9);
    struct option_description first = read_option_description(&reader);
    EXPECT(span_equal(first.option.key, span_of("compression_algorithm")));
    EXPECT(span_equal(first.option.value, span_of("none")));
    struct option_description second = read_option_description(&reader);
    EXPECT(span_equal(second.option.key, span_of("message_expiry")));
    EXPECT_EQ(second.option.kind, OPTION_U64);
    EXPECT_EQ(get_u64(second.option.value.data), UINT64_MAX);
    EXPECT(second.text.size > 0);
    for (u32 i = 2; i < 9; i++) {
        EXPECT(read_option_description(&reader).text.size > 0);
    }
    EXPECT(reader_is_done(&reader));
}
