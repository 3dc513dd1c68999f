/* Options: the key/value block in which generation 2 carries the settings of streams, topics and
 * users. The block itself; what the keys of a topic mean is topic_options.h.
 *
 *     | kind u8 = 2 | length u32 | key, UTF-8 | kind u8 | length u32 | value | ... and so on
 *
 * Keys and values have 1 to 255 bytes, keys are unique, at most 1024 entries and 100,000 bytes. In
 * a request the block runs to the end of the body and may be empty; in a reply a u32 length
 * precedes it. The catalogs of streams and users are empty: any key there is unsupported. */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"

#define OPTIONS_ENTRIES_MAX 1024u
#define OPTIONS_BYTES_MAX 100000u
#define OPTION_FIELD_BYTES_MAX 255u

enum option_kind {
    OPTION_RAW = 1,
    OPTION_STRING = 2,
    OPTION_BOOL = 3,
    OPTION_U8 = 9,
    OPTION_U16 = 10,
    OPTION_U32 = 11,
    OPTION_U64 = 12,
    OPTION_U128 = 13,
};

struct option {
    struct span key;
    u8 kind; /* enum option_kind or another code of the table: structurally legal */
    struct span value;
};

/* Takes the next entry off `decoder`, which stands over a block and nothing else. False at the end
 * and after a fault: ask decoder_result. Structural faults: WIRE_INVALID_COMMAND when truncated,
 * else WIRE_INVALID_FORMAT. */
bool decode_option(struct decoder *decoder, struct option *option);

/* The structure of a whole block: WIRE_OK, WIRE_INVALID_COMMAND, WIRE_INVALID_FORMAT, or
 * WIRE_OPTIONS_BLOCK_TOO_LARGE. Uniqueness is for the catalog to see, which knows its few keys. */
enum wire_error options_validate(struct span block);

/* For streams and users: sound and empty, or WIRE_UNSUPPORTED_OPTION_KEY and the like. */
enum wire_error options_validate_empty(struct span block);

/* Ends a request of theirs: takes the rest off as options and gives the verdict on all of it. */
enum wire_error decode_no_options(struct decoder *decoder);

void write_option(struct writer *writer, const struct option *option);
void write_option_string(struct writer *writer, const char *key, struct span value);
void write_option_bool(struct writer *writer, const char *key, bool value);
void write_option_u32(struct writer *writer, const char *key, u32 value);
void write_option_u64(struct writer *writer, const char *key, u64 value);

/* --- DescribeOptions (13) --- */

enum options_scope { OPTIONS_OF_TOPIC = 1, OPTIONS_OF_STREAM = 2, OPTIONS_OF_USER = 3 };

/* Another scope than these three: WIRE_INVALID_COMMAND. */
must_check enum wire_error describe_options_request_decode(struct span body,
                                                           enum options_scope *scope);
void describe_options_request_encode(enum options_scope scope, struct writer *writer);

struct option_description {
    struct option option; /* key, kind, and the default as value */
    struct span text;
};

/* The reply: write the count u32, then each; the count must be exact. Topic scope as a whole:
 * topic_options_describe. */
void write_option_description(struct writer *writer, const struct option_description *description);
struct option_description read_option_description(struct reader *reader);
