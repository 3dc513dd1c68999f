/* Frames out of a checked batch, in place: batch.h. */
#include "base/check.h"
#include "wire/batch.h"

void batch_filter_init(struct batch_filter *filter, u8 *batch, u32 batch_bytes)
{
    struct batch_header header;
    check(batch_bytes >= BATCH_HEADER_BYTES + MESSAGE_FRAME_HEADER_BYTES);
    batch_header_decode(batch, &header);
    check(header.batch_length == batch_bytes);
    *filter = (struct batch_filter){.batch = batch,
                                    .batch_bytes = batch_bytes,
                                    .position = BATCH_HEADER_BYTES,
                                    .kept_bytes = BATCH_HEADER_BYTES,
                                    .frames_left = header.message_count};
}

static u32 frame_bytes_at(const struct batch_filter *filter)
{
    const u8 *frame = filter->batch + filter->position;
    check(filter->batch_bytes - filter->position >= MESSAGE_FRAME_HEADER_BYTES);
    u64 size = (u64)MESSAGE_FRAME_HEADER_BYTES + get_u32(frame + 32) + get_u32(frame + 36);
    check(size <= filter->batch_bytes - filter->position);
    return (u32)size;
}

bool batch_filter_next(const struct batch_filter *filter, struct u128 *id)
{
    if (filter->frames_left == 0) {
        return false;
    }
    check(filter->batch_bytes - filter->position >= MESSAGE_FRAME_HEADER_BYTES);
    *id = get_u128(filter->batch + filter->position + 8);
    return true;
}

/* Moves the frame to its new place, with its new number, which its checksum covers. */
static void keep(struct batch_filter *filter, u32 size)
{
    u8 *to = filter->batch + filter->kept_bytes;
    if (filter->kept_bytes < filter->position) {
        memmove(to, filter->batch + filter->position, size);
        put_u32(to + 24, filter->kept_count);
        put_u64(to, xxh3(to + 8, size - 8));
    }
    filter->kept_bytes += size;
    filter->kept_count++;
}

void batch_filter_decide(struct batch_filter *filter, bool keeps)
{
    check(filter->frames_left > 0);
    u32 size = frame_bytes_at(filter);
    if (keeps) {
        keep(filter, size);
    }
    filter->position += size;
    filter->frames_left--;
}

u32 batch_filter_finish(struct batch_filter *filter)
{
    check(filter->frames_left == 0);
    check(filter->position == filter->batch_bytes);
    put_u64(filter->batch + 32, filter->kept_bytes);
    put_u32(filter->batch + 48, filter->kept_count);
    return filter->kept_bytes;
}
