#include "bench/prepared.h"

#include "base/check.h"
#include "base/mem.h"
#include "wire/frame_v1.h"
#include "wire/message_v1.h"

/* Of what one actor keeps: enough that payloads differ, little enough for many actors. */
#define PREPARED_BYTES_MAX (16 * MIB)
#define PREPARED_FIXED_MAX 16u
#define PREPARED_RANGE_MAX 64u
#define REQUEST_NUMBER_POSITION 168u
#define COUNT_BYTES 4u /* of the messages, between the key and the batch */

static u64 draw(struct prng *prng, struct bench_range range)
{
    return range.min + prng_below(prng, range.max - range.min + 1);
}

/* Letters and digits, as in the reference, or fewer of them; above that any bytes. */
static void fill(struct prng *prng, u32 entropy, u8 *payload, u32 size)
{
    u32 mask = (1u << entropy) - 1;
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-+";
    for (u32 i = 0; i < size; i += 8) {
        u64 bits = prng_next(prng);
        for (u32 j = i; j < size && j < i + 8; j++) {
            payload[j] = (u8)(entropy <= 6 ? (u8)letters[bits & mask] : bits & mask);
            bits >>= 8;
        }
    }
}

/* Writes messages behind `builder`'s header; their checksums, and how much payload they carry. */
static void add_messages(struct prepared_batch *batch, struct batch_builder *builder,
                         const struct prepared_options *options, struct prng *prng, u32 messages)
{
    u8 *payload = mem_take(options->message_bytes.max);
    for (u32 i = 0; i < messages; i++) {
        u32 size = (u32)draw(prng, options->message_bytes);
        fill(prng, options->entropy, payload, size);
        struct batch_message message = {
            .id = {prng_next(prng), prng_next(prng) | 1},
            .origin_timestamp_us = (u64)(options->interval_us * i),
            .payload = {payload, size},
        };
        u32 position = builder->position;
        check(batch_builder_add(builder, &message) == OK);
        memcpy(batch->checksums + 8ull * i, builder->batch + position, 8);
        batch->payload_bytes += size;
    }
    mem_return(payload);
}

static void make_batch(struct prepared_batch *batch, const struct prepared_options *options,
                       struct prng *prng)
{
    u32 messages = (u32)draw(prng, options->batch_messages);
    u64 room = FRAME_HEADER_BYTES + SEND_PREFIX_BYTES_MAX + BATCH_HEADER_BYTES +
               messages * (MESSAGE_FRAME_HEADER_BYTES + options->message_bytes.max);
    check(room <= UINT32_MAX);
    *batch = (struct prepared_batch){.frame = mem_take(room), .checksums = mem_take(8 * messages)};

    struct send_request place = options->place;
    place.messages_count = messages;
    struct writer prefix = writer_over(batch->frame + FRAME_HEADER_BYTES, SEND_PREFIX_BYTES_MAX);
    send_request_encode(&place, &prefix);
    check(!prefix.failed);
    batch->batch_position = FRAME_HEADER_BYTES + prefix.position;
    batch->key_position = batch->batch_position - COUNT_BYTES - PREPARED_KEY_BYTES;

    struct batch_builder builder;
    batch_builder_init(&builder, batch->frame + batch->batch_position,
                       (u32)room - batch->batch_position, 0);
    add_messages(batch, &builder, options, prng, messages);
    batch->frame_bytes = batch->batch_position + batch_builder_finish(&builder);
    batch_header_decode(builder.batch, &batch->header);

    struct request_header header = options->header;
    header.size = batch->frame_bytes;
    request_header_encode(&header, batch->frame);
}

/* Index and messages; the bytes they take. */
static u32 add_messages_v1(struct prepared_batch *batch, u8 *index,
                           const struct prepared_options *options, struct prng *prng)
{
    u32 messages = batch->header.message_count;
    u8 *first = index + (u64)messages * MESSAGE_V1_INDEX_BYTES;
    u32 end = 0;
    for (u32 i = 0; i < messages; i++) {
        u32 size = (u32)draw(prng, options->message_bytes);
        struct message_v1 message = {.id = {prng_next(prng), prng_next(prng) | 1},
                                     .origin_timestamp_us = 1,
                                     .payload_bytes = size};
        message_v1_encode(&message, first + end);
        fill(prng, options->entropy, first + end + MESSAGE_V1_HEADER_BYTES, size);
        end += MESSAGE_V1_HEADER_BYTES + size;
        put_u32(index + (u64)i * MESSAGE_V1_INDEX_BYTES + 4, end);
        batch->payload_bytes += size;
    }
    return messages * MESSAGE_V1_INDEX_BYTES + end;
}

static void make_batch_v1(struct prepared_batch *batch, const struct prepared_options *options,
                          struct prng *prng)
{
    u32 messages = (u32)draw(prng, options->batch_messages);
    u64 room =
        FRAME_V1_HEADER_BYTES + SEND_PREFIX_BYTES_MAX +
        messages * (MESSAGE_V1_HEADER_BYTES + MESSAGE_V1_INDEX_BYTES + options->message_bytes.max);
    check(room <= UINT32_MAX);
    *batch = (struct prepared_batch){.frame = mem_take(room), .header.message_count = messages};

    struct send_request place = options->place;
    place.messages_count = messages;
    struct writer prefix = writer_over(batch->frame + FRAME_V1_HEADER_BYTES, SEND_PREFIX_BYTES_MAX);
    send_v1_encode(&place, &prefix);
    check(!prefix.failed);
    u8 *index = batch->frame + FRAME_V1_HEADER_BYTES + prefix.position;
    batch->key_position =
        FRAME_V1_HEADER_BYTES + prefix.position - COUNT_BYTES - PREPARED_KEY_BYTES;
    u32 payload_bytes = prefix.position + add_messages_v1(batch, index, options, prng);
    request_v1_encode(&(struct request_v1){.length = FRAME_V1_LENGTH_BYTES + payload_bytes,
                                           .code = command_row(COMMAND_SEND_MESSAGES)->code},
                      batch->frame);
    batch->frame_bytes = FRAME_V1_HEADER_BYTES + payload_bytes;
}

void prepared_init(struct prepared *prepared, const struct prepared_options *options)
{
    struct prng prng;
    prng_init(&prng, options->seed);
    bool varies = options->message_bytes.min < options->message_bytes.max ||
                  options->batch_messages.min < options->batch_messages.max;
    u64 bytes = options->message_bytes.max * options->batch_messages.max;
    u64 fits = u64_max(1, PREPARED_BYTES_MAX / u64_max(1, bytes));
    prepared->count = (u32)u64_min(fits, varies ? PREPARED_RANGE_MAX : PREPARED_FIXED_MAX);
    prepared->next = 0;
    prepared->batches = mem_take(prepared->count * sizeof(struct prepared_batch));
    for (u32 i = 0; i < prepared->count; i++) {
        if (options->is_v1) {
            make_batch_v1(&prepared->batches[i], options, &prng);
        } else {
            make_batch(&prepared->batches[i], options, &prng);
        }
    }
}

void prepared_deinit(struct prepared *prepared)
{
    for (u32 i = 0; i < prepared->count; i++) {
        mem_return(prepared->batches[i].frame);
        mem_return(prepared->batches[i].checksums);
    }
    mem_return(prepared->batches);
    *prepared = (struct prepared){0};
}

void prepared_stamp(struct prepared_batch *batch, u64 request, u64 origin_us)
{
    struct batch_digest digest;
    if (batch->checksums == NULL) {
        return;
    }
    put_u64(batch->frame + REQUEST_NUMBER_POSITION, request);
    batch->header.origin_timestamp_us = origin_us;
    batch_digest_init(&digest, &batch->header);
    batch_digest_add_run(&digest, batch->checksums, batch->header.message_count);
    batch->header.batch_checksum = batch_digest_finish(&digest);
    batch_header_encode(&batch->header, batch->frame + batch->batch_position);
}
