/* Topics on the wire: commands 300 to 305.
 *
 *     TopicHeader  | id u32 | created_at u64 | partitions u32 | message_expiry u64 |
 *                  | compression u8 | max_topic_size u64 | size u64 | messages u64 | name |
 *                  | explicit | derived |
 *     300 get      | stream | topic |           reply: TopicHeader, then its Partitions
 *     301 list     | stream |                   reply: count u32, TopicHeaders (only here a count)
 *     302 create   | stream | partitions u32 | name | options to the end |    reply: as 300
 *     303 delete, 305 purge  | stream | topic |
 *     304 update   | stream | topic | name | options to the end |
 *
 * `explicit` and `derived` are options blocks, each after its u32 length (topic_options.h). */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"
#include "wire/error.h"
#include "wire/identifier.h"
#include "wire/stream_info.h"
#include "wire/topic_options.h"

/* 300, 303, 305, and GetConsumerGroups (601). */
struct topic_request {
    struct identifier stream;
    struct identifier topic;
};

struct create_topic_request {
    struct identifier stream;
    u32 partitions_count; /* 0 is allowed; the upper limit is the server's */
    struct span name;
    struct span options; /* structure judged by topic_options_decode */
};

struct update_topic_request {
    struct identifier stream;
    struct identifier topic;
    struct span name;
    struct span options;
};

must_check enum wire_error topic_request_decode(struct span body, struct topic_request *request);
void topic_request_encode(const struct topic_request *request, struct writer *writer);

must_check enum wire_error create_topic_request_decode(struct span body,
                                                       struct create_topic_request *request);
void create_topic_request_encode(const struct create_topic_request *request, struct writer *writer);

must_check enum wire_error update_topic_request_decode(struct span body,
                                                       struct update_topic_request *request);
void update_topic_request_encode(const struct update_topic_request *request, struct writer *writer);

struct topic_info {
    u32 id;
    u64 created_at_us;
    u32 partitions_count;
    u64 size_bytes;
    u64 messages_count;
    struct span name;
};

/* The server's TopicHeader: the fixed fields mirror the options. */
void write_topic_info(struct writer *writer, const struct topic_info *info,
                      const struct topic_options *options);

/* For the client: a header as it came. */
struct topic_view {
    struct topic_info info;
    u64 message_expiry_us;
    u8 compression;
    u64 max_topic_size_bytes;
    struct span explicit_options;
    struct span derived_options;
};

struct topic_view read_topic_view(struct reader *reader);
void write_topic_view(struct writer *writer, const struct topic_view *view);
