#include "wire/options.h"

#include "wire/topic_options.h"

#include "tests/fuzz/fixed_point.h"

/* Entry by entry a sound block is written to the same bytes. */
static void fuzz_block(struct span block)
{
    static u8 bytes[FUZZ_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    struct decoder decoder = decoder_over(block);
    struct option option;
    while (decode_option(&decoder, &option)) {
        write_option(&writer, &option);
    }
    enum wire_error error = options_validate(block);
    if (error == WIRE_OK) {
        check(decoder_result(&decoder) == WIRE_OK);
        check(span_equal(block, (struct span){bytes, writer.position}));
    }
    check((options_validate_empty(block) == WIRE_OK) == (block.size == 0));
}

static void expect_within_limits(const struct topic_options *options)
{
    check(options->segment_size_bytes >= TOPIC_SEGMENT_BYTES_MIN);
    check(options->segment_size_bytes <= TOPIC_SEGMENT_BYTES_MAX);
    check(options->segment_size_bytes % TOPIC_SEGMENT_BYTES_MULTIPLE == 0);
    check(options->max_topic_size_bytes >= options->segment_size_bytes);
    check(options->messages_required_to_save >= 1);
    check(options->messages_required_to_save <= TOPIC_SAVE_MESSAGES_MAX);
    check(options->size_of_messages_required_to_save >= 1);
    check(options->size_of_messages_required_to_save <= TOPIC_SAVE_BYTES_MAX);
    check(options->message_expiry_us > 0);
    check(options->compression >= 1 && options->compression <= 2);
    check(options->explicit_set < 1u << TOPIC_OPTION_COUNT);
}

/* What a topic keeps, sent as a request, gives the same topic again. */
static void fuzz_topic(struct span block, u32 partitions_count)
{
    struct topic_options defaults = topic_options_default();
    struct topic_options options;
    struct topic_options again;
    u8 bytes[TOPIC_OPTIONS_BYTES_MAX];
    if (topic_options_decode(block, partitions_count, &defaults, &options) != WIRE_OK) {
        return;
    }
    expect_within_limits(&options);
    struct writer writer = writer_over(bytes, sizeof(bytes));
    topic_options_write_request(&options, &writer);
    check(!writer.failed);
    check(topic_options_decode((struct span){bytes, writer.position}, partitions_count, &defaults,
                               &again) == WIRE_OK);
    check(memcmp(&options, &again, sizeof(options)) == 0);

    writer = writer_over(bytes, sizeof(bytes));
    topic_options_write_explicit(&options, &writer);
    topic_options_write_derived(&options, &writer);
    check(!writer.failed);
}

static void fuzz_update(struct span block)
{
    struct topic_options defaults = topic_options_default();
    struct topic_options options;
    if (topic_options_decode_update(block, &defaults, &defaults, &options) == WIRE_OK) {
        expect_within_limits(&options);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span block;
    u32 partitions_count = fuzz_choose(data, size, 200, &block);
    fuzz_block(block);
    fuzz_topic(block, partitions_count);
    fuzz_update(block);
    return 0;
}
