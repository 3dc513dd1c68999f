/* Topics and streams as generation 1 has them: fixed fields where generation 2 has options.
 *
 *     topic record   | id u32 | created_at u64 | partitions u32 | message_expiry u64 |
 *                    | compression u8 | max_topic_size u64 | replication_factor u8 | size u64 |
 *                    | messages u64 | name |
 *     302 create     | stream | partitions u32 | compression u8 | message_expiry u64 |
 *                    | max_topic_size u64 | replication_factor u8 | name |
 *     304 update     | stream | topic | compression u8 | message_expiry u64 |
 *                    | max_topic_size u64 | replication_factor u8 | name |
 *     stream record  | id u32 | created_at u64 | topics u32 | size u64 | messages u64 | name |
 *     202 create     | name |
 *     204 update     | stream | name |
 *
 * Lists are records to the end, without a count. The replication factor is taken and reported as 1.
 * Sizes are those of generation 1: 64 bytes, payload and user headers of each message. */
#pragma once

#include "base/bytes.h"
#include "wire/stream_info.h"
#include "wire/topic_info.h"

/* What is fixed in both requests. 0 in a u64 is "the server's default". */
struct topic_settings_v1 {
    u8 compression; /* enum topic_compression */
    u64 message_expiry_us;
    u64 max_topic_size_bytes;
    u8 replication_factor;
};

struct create_topic_v1 {
    struct identifier stream;
    u32 partitions_count;
    struct topic_settings_v1 settings;
    struct span name;
};

struct update_topic_v1 {
    struct identifier stream;
    struct identifier topic;
    struct topic_settings_v1 settings;
    struct span name;
};

/* An unknown compression is WIRE_INVALID_COMMAND. */
must_check enum wire_error create_topic_v1_decode(struct span body,
                                                  struct create_topic_v1 *request);
void create_topic_v1_encode(const struct create_topic_v1 *request, struct writer *writer);

must_check enum wire_error update_topic_v1_decode(struct span body,
                                                  struct update_topic_v1 *request);
void update_topic_v1_encode(const struct update_topic_v1 *request, struct writer *writer);

/* The same requests as generation 2 writes them: all three settings become explicit options. */
void create_topic_v1_translate(const struct create_topic_v1 *request, struct writer *writer);
void update_topic_v1_translate(const struct update_topic_v1 *request, struct writer *writer);

/* Bytes that a translation may be longer than what it was made from. */
#define TOPIC_V1_TRANSLATED_BYTES_MORE 256u

must_check enum wire_error create_stream_v1_decode(struct span body,
                                                   struct create_stream_request *request);
must_check enum wire_error update_stream_v1_decode(struct span body,
                                                   struct update_stream_request *request);

struct topic_record_v1 {
    struct topic_info info;
    struct topic_settings_v1 settings;
};

void write_topic_record_v1(struct writer *writer, const struct topic_record_v1 *record);
struct topic_record_v1 read_topic_record_v1(struct reader *reader);

void write_stream_record_v1(struct writer *writer, const struct stream_info *info);
struct stream_info read_stream_record_v1(struct reader *reader);
