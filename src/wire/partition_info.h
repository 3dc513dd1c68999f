/* Partitions and segments on the wire: commands 402, 403, 503, and the records of a topic's reply.
 *
 *     Partition (40 bytes)  | id u32 | created_at u64 | segments u32 | current_offset u64 |
 *                           | size u64 | messages u64 |
 *     402 create, 403 delete partitions  | stream | topic | count u32 |
 *     503 delete segments                | stream | topic | partition u32 | count u32 |
 *     102 flush                          | stream | topic | partition u32 | fsync u8 | */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"
#include "wire/error.h"
#include "wire/identifier.h"

#define PARTITIONS_PER_REQUEST_MAX 1000u

struct partitions_request {
    struct identifier stream;
    struct identifier topic;
    u32 count; /* 1 to PARTITIONS_PER_REQUEST_MAX */
};

/* A count out of range is WIRE_TOO_MANY_PARTITIONS. */
must_check enum wire_error partitions_request_decode(struct span body,
                                                     struct partitions_request *request);
void partitions_request_encode(const struct partitions_request *request, struct writer *writer);

struct delete_segments_request {
    struct identifier stream;
    struct identifier topic;
    u32 partition_id;
    u32 count;
};

must_check enum wire_error delete_segments_request_decode(struct span body,
                                                          struct delete_segments_request *request);
void delete_segments_request_encode(const struct delete_segments_request *request,
                                    struct writer *writer);

/* 102, of generation 1 alone: what a partition has not written yet is written. */
struct flush_request {
    struct identifier stream;
    struct identifier topic;
    u32 partition_id;
    bool fsync;
};

must_check enum wire_error flush_request_decode(struct span body, struct flush_request *request);
void flush_request_encode(const struct flush_request *request, struct writer *writer);

#define PARTITION_INFO_BYTES 40u

struct partition_info {
    u32 id;
    u64 created_at_us;
    u32 segments_count;
    u64 current_offset; /* newest offset; 0 when empty */
    u64 size_bytes;
    u64 messages_count;
};

void write_partition_info(struct writer *writer, const struct partition_info *info);
struct partition_info read_partition_info(struct reader *reader);
