/* Batches out of messages, for producers: batch.h. */
#include "wire/batch.h"

#include "base/check.h"

void batch_builder_init(struct batch_builder *builder, u8 *memory, u32 capacity,
                        u64 origin_timestamp_us)
{
    check(capacity >= BATCH_HEADER_BYTES);
    *builder = (struct batch_builder){
        .batch = memory,
        .capacity = capacity,
        .position = BATCH_HEADER_BYTES,
        .origin_timestamp_us = origin_timestamp_us,
    };
}

enum status batch_builder_add(struct batch_builder *builder, const struct batch_message *message)
{
    u64 delta_us = message->origin_timestamp_us - builder->origin_timestamp_us;
    if (message->origin_timestamp_us < builder->origin_timestamp_us || delta_us > UINT32_MAX) {
        return ERR_INVALID;
    }
    u64 size = (u64)MESSAGE_FRAME_HEADER_BYTES + message->payload.size + message->user_headers.size;
    if (size > builder->capacity - builder->position) {
        return ERR_TOO_LARGE;
    }
    u8 *frame = builder->batch + builder->position;
    put_u128(frame + 8, message->id);
    put_u32(frame + 24, builder->message_count);
    put_u32(frame + 28, (u32)delta_us);
    put_u32(frame + 32, message->user_headers.size);
    put_u32(frame + 36, message->payload.size);
    put_u64(frame + 40, 0);

    u32 room = builder->capacity - builder->position - MESSAGE_FRAME_HEADER_BYTES;
    struct writer body = writer_over(frame + MESSAGE_FRAME_HEADER_BYTES, room);
    write_span(&body, message->payload);
    write_span(&body, message->user_headers);
    check(!body.failed);

    put_u64(frame, xxh3(frame + sizeof(u64), (u32)size - sizeof(u64)));
    builder->position += (u32)size;
    builder->message_count++;
    return OK;
}

u32 batch_builder_finish(struct batch_builder *builder)
{
    check(builder->message_count > 0);

    struct batch_header header = {
        .origin_timestamp_us = builder->origin_timestamp_us,
        .batch_length = builder->position,
        .message_count = builder->message_count,
    };
    struct batch_digest digest;
    batch_digest_init(&digest, &header);
    struct batch_iterator iterator = batch_iterate(builder->batch, builder->position);
    struct message_frame frame;
    while (batch_next(&iterator, &frame)) {
        batch_digest_add(&digest, builder->batch + frame.position);
    }
    header.batch_checksum = batch_digest_finish(&digest);
    batch_header_encode(&header, builder->batch);
    return builder->position;
}
