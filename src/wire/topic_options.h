/* The settings of a topic: one struct of values, and which of them the client chose.
 *
 *     key                                kind    default      limits
 *     compression_algorithm              string  none         none, gzip; may be updated
 *     consumer_offset_durability         string  replicated   replicated, persisted
 *     durability                         string  replicated   replicated, persisted
 *     max_topic_size                     u64     unlimited    not < segment_size; may be updated
 *     message_expiry                     u64     never        microseconds; may be updated
 *     messages_required_to_save          u32     1024         1 to 16,777,216
 *     preallocate_segments               bool    false        segment_size x partitions <= 64 GiB
 *     segment_size                       u64     1 GiB        multiple of 512, 1 MiB to 1 GiB
 *     size_of_messages_required_to_save  u64     1 MiB        at most 1 GiB
 *
 * A value comes in the kind of its key, or as text in the grammars of base/quantity.h. The value 0
 * of max_topic_size, message_expiry, segment_size and size_of_messages_required_to_save means "the
 * default": it is resolved at once and counts as not chosen ("derived"). What a client chose is
 * "explicit" and stays so. The two sets together always cover the catalog.
 *
 * Plain values: no memory of others is referenced, the struct may be copied and stored. */
#pragma once

#include "base/bytes.h"
#include "base/types.h"
#include "wire/error.h"

enum topic_option {
    TOPIC_OPTION_COMPRESSION_ALGORITHM, /* in ascending order of their keys */
    TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY,
    TOPIC_OPTION_DURABILITY,
    TOPIC_OPTION_MAX_TOPIC_SIZE,
    TOPIC_OPTION_MESSAGE_EXPIRY,
    TOPIC_OPTION_MESSAGES_REQUIRED_TO_SAVE,
    TOPIC_OPTION_PREALLOCATE_SEGMENTS,
    TOPIC_OPTION_SEGMENT_SIZE,
    TOPIC_OPTION_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE,
    TOPIC_OPTION_COUNT
};

enum topic_compression { TOPIC_COMPRESSION_NONE = 1, TOPIC_COMPRESSION_GZIP = 2 };
enum topic_durability { TOPIC_DURABILITY_REPLICATED = 1, TOPIC_DURABILITY_PERSISTED = 2 };

#define TOPIC_SEGMENT_BYTES_MIN (1ull << 20)
#define TOPIC_SEGMENT_BYTES_MAX (1ull << 30)
#define TOPIC_SEGMENT_BYTES_MULTIPLE 512ull
#define TOPIC_SAVE_MESSAGES_MAX 16777216u
#define TOPIC_SAVE_BYTES_MAX (1ull << 30)
#define TOPIC_PREALLOCATE_BYTES_MAX (64ull << 30)

struct topic_options {
    u32 explicit_set; /* bit 1 << enum topic_option: the client chose it */
    u8 compression;   /* enum topic_compression; advisory: the server compresses nothing */
    u8 durability;    /* enum topic_durability: of messages */
    u8 consumer_offset_durability; /* enum topic_durability: of stored offsets */
    bool preallocate_segments;
    u32 messages_required_to_save;
    u32 reserved; /* 0: no padding, so that equal options are equal bytes */
    u64 size_of_messages_required_to_save;
    u64 max_topic_size_bytes; /* QUANTITY_UNLIMITED, or bytes */
    u64 message_expiry_us;    /* QUANTITY_NEVER, or microseconds */
    u64 segment_size_bytes;
};
static_assert(sizeof(struct topic_options) == 48, "no padding");

/* The defaults of the table above, nothing explicit. A server copies them and lays its
 * configuration over them. */
struct topic_options topic_options_default(void);

/* The options of a new topic: `block` over `defaults` (whose explicit_set is empty).
 *
 *   WIRE_UNSUPPORTED_OPTION_KEY   a key that is not in the catalog
 *   WIRE_INVALID_OPTION_VALUE     a kind or value out of range, or too much space to preallocate
 *   WIRE_INVALID_TOPIC_SIZE       max_topic_size finite and below segment_size
 *   and the structural errors of options_validate; a key twice is WIRE_INVALID_FORMAT */
must_check enum wire_error topic_options_decode(struct span block, u32 partitions_count,
                                                const struct topic_options *defaults,
                                                struct topic_options *options);

/* The options of a topic after an update: `block` over `current`. Only compression_algorithm,
 * max_topic_size and message_expiry may be in it; any other key is WIRE_UNSUPPORTED_OPTION_KEY. A
 * key sent as 0 goes back to the default, and is explicit like any key that was updated. */
must_check enum wire_error topic_options_decode_update(struct span block,
                                                       const struct topic_options *current,
                                                       const struct topic_options *defaults,
                                                       struct topic_options *options);

/* The two blocks of a TopicHeader: each is `[length u32][entries]`, keys ascending. */
void topic_options_write_explicit(const struct topic_options *options, struct writer *writer);
void topic_options_write_derived(const struct topic_options *options, struct writer *writer);

/* Exactly the entries of `explicit_set`, without a length: what a client sends in a request. */
void topic_options_write_request(const struct topic_options *options, struct writer *writer);

/* Bytes of one block with its length: upper bound for both blocks together. */
#define TOPIC_OPTIONS_BYTES_MAX 512u

/* The whole body of the DescribeOptions reply for topics. */
void topic_options_describe(const struct topic_options *defaults, struct writer *writer);

const char *topic_option_key(enum topic_option option);
