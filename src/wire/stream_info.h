/* Streams on the wire: commands 200 to 205.
 *
 *     StreamHeader  | id u32 | created_at u64 | topics u32 | size u64 | messages u64 | name |
 *                   | options |
 *     200 get       | stream |                      reply: StreamHeader, then its TopicHeaders
 *     201 list      empty                           reply: StreamHeaders to the end, no count
 *     202 create    | name | options to the end |   reply: as 200
 *     203 delete, 205 purge  | stream |
 *     204 update    | stream | name | options to the end |
 *
 * `options` in a header is `[length u32][block]`, for streams always empty. */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"
#include "wire/error.h"
#include "wire/identifier.h"

/* 200, 203, 205, and GetTopics (301). */
struct stream_request {
    struct identifier stream;
};

struct create_stream_request {
    struct span name;
};

struct update_stream_request {
    struct identifier stream;
    struct span name;
};

must_check enum wire_error stream_request_decode(struct span body, struct stream_request *request);
void stream_request_encode(const struct stream_request *request, struct writer *writer);

/* Any option is WIRE_UNSUPPORTED_OPTION_KEY; likewise in an update. */
must_check enum wire_error create_stream_request_decode(struct span body,
                                                        struct create_stream_request *request);
void create_stream_request_encode(const struct create_stream_request *request,
                                  struct writer *writer);

must_check enum wire_error update_stream_request_decode(struct span body,
                                                        struct update_stream_request *request);
void update_stream_request_encode(const struct update_stream_request *request,
                                  struct writer *writer);

struct stream_info {
    u32 id;
    u64 created_at_us;
    u32 topics_count;
    u64 size_bytes;
    u64 messages_count;
    struct span name;
};

void write_stream_info(struct writer *writer, const struct stream_info *info);

/* For the client: one header; a list is read while bytes are left. Its options are skipped. */
struct stream_info read_stream_info(struct reader *reader);
