#include "wire/topic_options.h"

#include "base/check.h"
#include "base/quantity.h"
#include "wire/options.h"

struct catalog_row {
    const char *key;
    const char *text; /* for DescribeOptions */
    bool may_be_updated;
};

static const struct catalog_row catalog[TOPIC_OPTION_COUNT] = {
    [TOPIC_OPTION_COMPRESSION_ALGORITHM] = {"compression_algorithm",
                                            "How clients compress payloads: none or gzip", true},
    [TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY] =
        {"consumer_offset_durability",
         "When a stored offset is acknowledged: replicated or persisted", false},
    [TOPIC_OPTION_DURABILITY] = {"durability",
                                 "When messages are acknowledged: replicated or persisted", false},
    [TOPIC_OPTION_MAX_TOPIC_SIZE] =
        {"max_topic_size",
         "Bytes after which the oldest segments go, or text like 10 GiB; at least segment_size",
         true},
    [TOPIC_OPTION_MESSAGE_EXPIRY] = {"message_expiry",
                                     "Microseconds after which messages go, or text like 7 days",
                                     true},
    [TOPIC_OPTION_MESSAGES_REQUIRED_TO_SAVE] =
        {"messages_required_to_save",
         "Messages that may wait in memory where the durability level allows it; 1 to 16777216",
         false},
    [TOPIC_OPTION_PREALLOCATE_SEGMENTS] =
        {"preallocate_segments",
         "Reserve the space of a segment when it begins; at most 64 GiB over all partitions",
         false},
    [TOPIC_OPTION_SEGMENT_SIZE] =
        {"segment_size",
         "Bytes of a segment, or text like 128 MiB: a multiple of 512 from 1 MiB to 1 GiB", false},
    [TOPIC_OPTION_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE] =
        {"size_of_messages_required_to_save",
         "Bytes that may wait in memory where the durability level allows it, or text like 1 MiB; "
         "at most 1 GiB",
         false},
};

static const char *const compression_words[] = {"none", "gzip"};
static const char *const durability_words[] = {"replicated", "persisted"};
static_assert(TOPIC_COMPRESSION_NONE == 1, "the number of a word is its place, from 1");
static_assert(TOPIC_DURABILITY_REPLICATED == 1, "likewise");

struct topic_options topic_options_default(void)
{
    return (struct topic_options){
        .compression = TOPIC_COMPRESSION_NONE,
        .durability = TOPIC_DURABILITY_REPLICATED,
        .consumer_offset_durability = TOPIC_DURABILITY_REPLICATED,
        .messages_required_to_save = 1024,
        .size_of_messages_required_to_save = MIB,
        .max_topic_size_bytes = QUANTITY_UNLIMITED,
        .message_expiry_us = QUANTITY_NEVER,
        .segment_size_bytes = GIB,
    };
}

const char *topic_option_key(enum topic_option option)
{
    check((u32)option < TOPIC_OPTION_COUNT);
    return catalog[option].key;
}

/* TOPIC_OPTION_COUNT: not in the catalog. */
static u32 find_option(struct span key)
{
    u32 found = 0;
    while (found < TOPIC_OPTION_COUNT && !span_equal(key, span_of(catalog[found].key))) {
        found++;
    }
    return found;
}

static bool equals_ignoring_case(struct span text, const char *word)
{
    if (text.size != strlen(word)) {
        return false;
    }
    for (u32 i = 0; i < text.size; i++) {
        u8 letter = text.data[i];
        u8 lower = letter >= 'A' && letter <= 'Z' ? (u8)(letter - 'A' + 'a') : letter;
        if (lower != (u8)word[i]) {
            return false;
        }
    }
    return true;
}

/* The number of a word, from 1; words are compared without regard to case. */
static bool parse_word(const struct option *option, const char *const words[2], u8 *number)
{
    if (option->kind != OPTION_STRING) {
        return false;
    }
    for (u8 i = 0; i < 2; i++) {
        if (equals_ignoring_case(option->value, words[i])) {
            *number = (u8)(i + 1);
            return true;
        }
    }
    return false;
}

static bool parse_bool(const struct option *option, bool *value)
{
    static const char *const words[] = {"false", "true"};
    if (option->kind == OPTION_BOOL && option->value.size == 1 && option->value.data[0] <= 1) {
        *value = option->value.data[0] == 1;
        return true;
    }
    u8 number;
    if (!parse_word(option, words, &number)) {
        return false;
    }
    *value = number == 2;
    return true;
}

static bool parse_u64(const struct option *option,
                      enum status (*parse_text)(struct span text, u64 *value), u64 *value)
{
    if (option->kind == OPTION_U64 && option->value.size == 8) {
        *value = get_u64(option->value.data);
        return true;
    }
    return option->kind == OPTION_STRING && parse_text(option->value, value) == OK;
}

static bool parse_u32(const struct option *option, u32 *value)
{
    if (option->kind == OPTION_U32 && option->value.size == 4) {
        *value = get_u32(option->value.data);
        return true;
    }
    u64 number = 0;
    if (option->kind != OPTION_STRING) {
        return false;
    }
    for (u32 i = 0; i < option->value.size; i++) {
        u8 digit = option->value.data[i];
        if (digit < '0' || digit > '9') {
            return false;
        }
        number = number * 10 + (u64)(digit - '0');
        if (number > UINT32_MAX) {
            return false;
        }
    }
    *value = (u32)number;
    return true;
}

/* Takes one value over. `*is_default` is set when it was the 0 that stands for the default, which
 * then is what `defaults` says. False: the value is not valid. */
static bool take_value(enum topic_option which, const struct option *option,
                       const struct topic_options *defaults, struct topic_options *options,
                       bool *is_default)
{
    u64 number = 0;
    switch (which) {
    case TOPIC_OPTION_COMPRESSION_ALGORITHM:
        return parse_word(option, compression_words, &options->compression);
    case TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY:
        return parse_word(option, durability_words, &options->consumer_offset_durability);
    case TOPIC_OPTION_DURABILITY: return parse_word(option, durability_words, &options->durability);
    case TOPIC_OPTION_PREALLOCATE_SEGMENTS:
        return parse_bool(option, &options->preallocate_segments);
    case TOPIC_OPTION_MESSAGES_REQUIRED_TO_SAVE:
        return parse_u32(option, &options->messages_required_to_save) &&
               options->messages_required_to_save >= 1 &&
               options->messages_required_to_save <= TOPIC_SAVE_MESSAGES_MAX;
    case TOPIC_OPTION_MAX_TOPIC_SIZE:
        if (!parse_u64(option, quantity_parse_topic_size, &number)) {
            return false;
        }
        *is_default = number == QUANTITY_DEFAULT;
        options->max_topic_size_bytes = *is_default ? defaults->max_topic_size_bytes : number;
        return true;
    case TOPIC_OPTION_MESSAGE_EXPIRY:
        if (!parse_u64(option, quantity_parse_expiry_us, &number)) {
            return false;
        }
        *is_default = number == QUANTITY_DEFAULT;
        options->message_expiry_us = *is_default ? defaults->message_expiry_us : number;
        return true;
    case TOPIC_OPTION_SEGMENT_SIZE:
        if (!parse_u64(option, quantity_parse_size, &number)) {
            return false;
        }
        *is_default = number == QUANTITY_DEFAULT;
        options->segment_size_bytes = *is_default ? defaults->segment_size_bytes : number;
        return *is_default ||
               (number >= TOPIC_SEGMENT_BYTES_MIN && number <= TOPIC_SEGMENT_BYTES_MAX &&
                number % TOPIC_SEGMENT_BYTES_MULTIPLE == 0);
    case TOPIC_OPTION_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE:
        if (!parse_u64(option, quantity_parse_size, &number)) {
            return false;
        }
        *is_default = number == QUANTITY_DEFAULT;
        options->size_of_messages_required_to_save =
            *is_default ? defaults->size_of_messages_required_to_save : number;
        return number <= TOPIC_SAVE_BYTES_MAX;
    case TOPIC_OPTION_COUNT: break;
    }
    unreachable();
}

/* Lays `block` over `*options`. */
static enum wire_error take_block(struct span block, bool is_update,
                                  const struct topic_options *defaults,
                                  struct topic_options *options)
{
    enum wire_error error = options_validate(block);
    if (error != WIRE_OK) {
        return error;
    }
    struct decoder decoder = decoder_over(block);
    struct option option;
    u32 seen_set = 0;
    while (decode_option(&decoder, &option)) {
        u32 which = find_option(option.key);
        if (which == TOPIC_OPTION_COUNT || (is_update && !catalog[which].may_be_updated)) {
            return WIRE_UNSUPPORTED_OPTION_KEY;
        }
        u32 bit = 1u << which;
        if ((seen_set & bit) != 0) {
            return WIRE_INVALID_FORMAT;
        }
        seen_set |= bit;
        bool is_default = false;
        if (!take_value((enum topic_option)which, &option, defaults, options, &is_default)) {
            return WIRE_INVALID_OPTION_VALUE;
        }
        if (is_update || !is_default) {
            options->explicit_set |= bit;
        }
    }
    return decoder_result(&decoder);
}

static bool size_is_too_small(const struct topic_options *options)
{
    return options->max_topic_size_bytes != QUANTITY_UNLIMITED &&
           options->max_topic_size_bytes < options->segment_size_bytes;
}

enum wire_error topic_options_decode(struct span block, u32 partitions_count,
                                     const struct topic_options *defaults,
                                     struct topic_options *options)
{
    check(defaults->explicit_set == 0);

    struct topic_options found = *defaults;
    enum wire_error error = take_block(block, false, defaults, &found);
    if (error != WIRE_OK) {
        return error;
    }
    if (size_is_too_small(&found)) {
        return WIRE_INVALID_TOPIC_SIZE;
    }
    if (found.preallocate_segments && partitions_count > 0 &&
        found.segment_size_bytes > TOPIC_PREALLOCATE_BYTES_MAX / partitions_count) {
        return WIRE_INVALID_OPTION_VALUE;
    }
    *options = found;
    return WIRE_OK;
}

enum wire_error topic_options_decode_update(struct span block, const struct topic_options *current,
                                            const struct topic_options *defaults,
                                            struct topic_options *options)
{
    struct topic_options found = *current;
    enum wire_error error = take_block(block, true, defaults, &found);
    if (error != WIRE_OK) {
        return error;
    }
    if (size_is_too_small(&found)) {
        return WIRE_INVALID_TOPIC_SIZE;
    }
    *options = found;
    return WIRE_OK;
}

static void write_value(struct writer *writer, enum topic_option which,
                        const struct topic_options *options)
{
    const char *key = catalog[which].key;
    switch (which) {
    case TOPIC_OPTION_COMPRESSION_ALGORITHM:
        write_option_string(writer, key, span_of(compression_words[options->compression - 1]));
        return;
    case TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY:
        write_option_string(writer, key,
                            span_of(durability_words[options->consumer_offset_durability - 1]));
        return;
    case TOPIC_OPTION_DURABILITY:
        write_option_string(writer, key, span_of(durability_words[options->durability - 1]));
        return;
    case TOPIC_OPTION_MAX_TOPIC_SIZE:
        write_option_u64(writer, key, options->max_topic_size_bytes);
        return;
    case TOPIC_OPTION_MESSAGE_EXPIRY:
        write_option_u64(writer, key, options->message_expiry_us);
        return;
    case TOPIC_OPTION_MESSAGES_REQUIRED_TO_SAVE:
        write_option_u32(writer, key, options->messages_required_to_save);
        return;
    case TOPIC_OPTION_PREALLOCATE_SEGMENTS:
        write_option_bool(writer, key, options->preallocate_segments);
        return;
    case TOPIC_OPTION_SEGMENT_SIZE:
        write_option_u64(writer, key, options->segment_size_bytes);
        return;
    case TOPIC_OPTION_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE:
        write_option_u64(writer, key, options->size_of_messages_required_to_save);
        return;
    case TOPIC_OPTION_COUNT: break;
    }
    unreachable();
}

static void write_set(struct writer *writer, const struct topic_options *options, u32 set)
{
    check(options->compression >= 1 && options->compression <= 2);
    check(options->durability >= 1 && options->durability <= 2);
    check(options->consumer_offset_durability >= 1 && options->consumer_offset_durability <= 2);
    for (u32 which = 0; which < TOPIC_OPTION_COUNT; which++) {
        if ((set & (1u << which)) != 0) {
            write_value(writer, (enum topic_option)which, options);
        }
    }
}

/* The length first: it is filled in when the entries stand behind it. */
static void write_block(struct writer *writer, const struct topic_options *options, u32 set)
{
    u8 *length = write_room(writer, 4);
    u32 start = writer->position;
    write_set(writer, options, set);
    if (length != NULL) {
        put_u32(length, writer->position - start);
    }
}

void topic_options_write_explicit(const struct topic_options *options, struct writer *writer)
{
    write_block(writer, options, options->explicit_set);
}

void topic_options_write_derived(const struct topic_options *options, struct writer *writer)
{
    write_block(writer, options, ~options->explicit_set);
}

void topic_options_write_request(const struct topic_options *options, struct writer *writer)
{
    write_set(writer, options, options->explicit_set);
}

/* One entry as `write_value` writes it, taken apart again: its kind and value are the default. */
static void describe(struct writer *writer, enum topic_option which,
                     const struct topic_options *defaults)
{
    u8 bytes[128];
    struct writer entry = writer_over(bytes, sizeof(bytes));
    write_value(&entry, which, defaults);
    check(!entry.failed);
    struct option_description description = {.text = span_of(catalog[which].text)};
    struct decoder decoder = decoder_over((struct span){bytes, entry.position});
    bool found = decode_option(&decoder, &description.option);
    check(found);
    write_option_description(writer, &description);
}

void topic_options_describe(const struct topic_options *defaults, struct writer *writer)
{
    /* The order in which the released server lists them. */
    static const enum topic_option order[] = {
        TOPIC_OPTION_COMPRESSION_ALGORITHM,
        TOPIC_OPTION_MESSAGE_EXPIRY,
        TOPIC_OPTION_MAX_TOPIC_SIZE,
        TOPIC_OPTION_SEGMENT_SIZE,
        TOPIC_OPTION_DURABILITY,
        TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY,
        TOPIC_OPTION_MESSAGES_REQUIRED_TO_SAVE,
        TOPIC_OPTION_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE,
        TOPIC_OPTION_PREALLOCATE_SEGMENTS,
    };
    static_assert(array_count(order) == TOPIC_OPTION_COUNT, "every option is described");

    write_u32(writer, TOPIC_OPTION_COUNT);
    for (u32 i = 0; i < array_count(order); i++) {
        describe(writer, order[i], defaults);
    }
}
