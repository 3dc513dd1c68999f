/* The server's fields in a checked batch: batch.h. */
#include "wire/batch.h"

#include "base/check.h"

void batch_stamp_init(struct batch_stamp *stamp, u8 *batch, u32 batch_bytes,
                      const struct batch_stamp_values *values)
{
    check(batch_bytes >= BATCH_HEADER_BYTES + MESSAGE_FRAME_HEADER_BYTES);
    batch_header_decode(batch, &stamp->header);
    check(stamp->header.batch_length == batch_bytes);
    check(stamp->header.message_count > 0);

    stamp->batch = batch;
    stamp->batch_bytes = batch_bytes;
    stamp->position = BATCH_HEADER_BYTES;
    stamp->frames_left = stamp->header.message_count;
    stamp->header.partition_id = values->partition_id;
    stamp->header.base_offset = values->base_offset;
    stamp->header.base_timestamp_us = values->base_timestamp_us;
    batch_digest_init(&stamp->digest, &stamp->header);
}

/* Only the fields that changed: what the reserved bytes hold is not this function's business. */
static void write_stamp(const struct batch_stamp *stamp)
{
    put_u64(stamp->batch, stamp->header.partition_id);
    put_u64(stamp->batch + 8, stamp->header.base_offset);
    put_u64(stamp->batch + 16, stamp->header.base_timestamp_us);
    put_u64(stamp->batch + 40, stamp->header.batch_checksum);
}

bool batch_stamp_step(struct batch_stamp *stamp, u32 frames_budget)
{
    check(frames_budget > 0);

    u32 frames = u32_min(stamp->frames_left, frames_budget);
    for (u32 i = 0; i < frames; i++) {
        check(stamp->batch_bytes - stamp->position >= MESSAGE_FRAME_HEADER_BYTES);
        const u8 *frame = stamp->batch + stamp->position;
        u64 size = (u64)MESSAGE_FRAME_HEADER_BYTES + get_u32(frame + 32) + get_u32(frame + 36);
        check(size <= stamp->batch_bytes - stamp->position);
        batch_digest_add(&stamp->digest, frame);
        stamp->position += (u32)size;
    }
    stamp->frames_left -= frames;
    if (stamp->frames_left > 0) {
        return false;
    }
    check(stamp->position == stamp->batch_bytes);
    stamp->header.batch_checksum = batch_digest_finish(&stamp->digest);
    write_stamp(stamp);
    return true;
}
