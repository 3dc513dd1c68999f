/* Consumers and their stored offsets: commands 120, 121, 122.
 *
 *     consumer         | kind u8: 1 single, 2 group | identifier |
 *     partition        | flag u8: 1 present | partition u32 |         always five bytes
 *     120 get          | consumer | stream | topic | partition |
 *     121 store        | consumer | stream | topic | partition | offset u64 | ack u8 |
 *     122 delete       | consumer | stream | topic | partition | ack u8 |
 *     reply of 120     | partition u32 | current_offset u64 | stored_offset u64 |, or empty: none
 *
 * The stored offset is that of the last message processed. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "wire/decode.h"
#include "wire/error.h"
#include "wire/identifier.h"

enum consumer_kind { CONSUMER_SINGLE = 1, CONSUMER_GROUP = 2 };

struct consumer {
    u8 kind; /* enum consumer_kind */
    struct identifier identifier;
};

/* Another kind: WIRE_INVALID_COMMAND. */
struct consumer decode_consumer(struct decoder *decoder);
void write_consumer(struct writer *writer, const struct consumer *consumer);

/* Under which number a single consumer's offset is stored: its number, or XXH32 of its name. Groups
 * have a key space of their own, by group id, so the kind must be kept beside it. */
u32 consumer_key(const struct consumer *consumer);

struct partition_choice {
    bool present;
    u32 partition_id; /* 0 when absent */
};

struct partition_choice decode_partition_choice(struct decoder *decoder);
void write_partition_choice(struct writer *writer, const struct partition_choice *partition);

/* What 120, 121 and 122 have in common. */
struct offset_request {
    struct consumer consumer;
    struct identifier stream;
    struct identifier topic;
    struct partition_choice partition;
};

struct store_offset_request {
    struct offset_request target;
    u64 offset;
    bool wait_for_commit; /* ack: answer after commit, the default of clients */
};

struct delete_offset_request {
    struct offset_request target;
    bool wait_for_commit;
};

must_check enum wire_error get_offset_request_decode(struct span body,
                                                     struct offset_request *request);
void get_offset_request_encode(const struct offset_request *request, struct writer *writer);

/* A body without the ack byte is malformed. */
must_check enum wire_error store_offset_request_decode(struct span body,
                                                       struct store_offset_request *request);
void store_offset_request_encode(const struct store_offset_request *request, struct writer *writer);

must_check enum wire_error delete_offset_request_decode(struct span body,
                                                        struct delete_offset_request *request);
void delete_offset_request_encode(const struct delete_offset_request *request,
                                  struct writer *writer);

/* 121 and 122 of generation 1 have no ack byte, and are always answered after commit. The body of
 * 122 is that of 120. */
must_check enum wire_error store_offset_v1_decode(struct span body,
                                                  struct store_offset_request *request);
void store_offset_v1_encode(const struct store_offset_request *request, struct writer *writer);
must_check enum wire_error delete_offset_v1_decode(struct span body,
                                                   struct delete_offset_request *request);

struct offset_reply {
    u32 partition_id;
    u64 current_offset;
    u64 stored_offset;
};

#define OFFSET_REPLY_BYTES 20u

void offset_reply_encode(const struct offset_reply *reply, struct writer *writer);

/* ERR_NOT_FOUND: an empty body, nothing is stored. ERR_INVALID: no such body. */
must_check enum status offset_reply_decode(struct span body, struct offset_reply *reply);
