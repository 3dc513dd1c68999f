/* A part of a stored batch, as a poll returns it: batch.h.
 *
 * The new batch_length stands before the checksums in what is hashed, so the run is measured first
 * and then walked once more. */
#include "wire/batch.h"

#include "base/check.h"

enum slice_step { SLICE_MEASURE, SLICE_HASH, SLICE_DONE };

static void take_whole(struct batch_slice *slice, const struct batch_header *header)
{
    slice->frames_start = BATCH_HEADER_BYTES;
    slice->frames_bytes = slice->frames.batch_bytes - BATCH_HEADER_BYTES;
    slice->messages_count = header->message_count;
    batch_serve_header(slice->frames.batch, slice->header);
    slice->step = SLICE_DONE;
}

void batch_slice_init(struct batch_slice *slice, const u8 *batch, u32 batch_bytes, u32 first_delta,
                      u32 last_delta)
{
    slice->frames = batch_iterate(batch, batch_bytes);
    slice->first_delta = first_delta;
    slice->last_delta = last_delta;
    slice->step = SLICE_MEASURE;
    slice->frames_start = 0;
    slice->frames_bytes = 0;
    slice->messages_count = 0;

    struct batch_header header;
    batch_header_decode(batch, &header);
    if (first_delta == 0 && header.message_count > 0 && last_delta >= header.message_count - 1) {
        take_whole(slice, &header);
    }
}

/* The run is measured: what remains is its header and the second walk. */
static void begin_hash(struct batch_slice *slice)
{
    if (slice->messages_count == 0) {
        slice->step = SLICE_DONE;
        return;
    }
    struct batch_header header;
    batch_header_decode(slice->frames.batch, &header);
    header.batch_length = (u64)BATCH_HEADER_BYTES + slice->frames_bytes;
    header.message_count = slice->messages_count;
    batch_header_encode(&header, slice->header);
    batch_digest_init(&slice->digest, &header);
    slice->frames.position = slice->frames_start;
    slice->step = SLICE_HASH;
}

static void measure_next(struct batch_slice *slice)
{
    struct message_frame frame;
    if (!batch_next(&slice->frames, &frame) || frame.offset_delta > slice->last_delta) {
        begin_hash(slice);
        return;
    }
    if (frame.offset_delta < slice->first_delta) {
        return;
    }
    if (slice->messages_count == 0) {
        slice->frames_start = frame.position;
    }
    slice->messages_count++;
    slice->frames_bytes += frame.size;
}

static void hash_next(struct batch_slice *slice)
{
    struct message_frame frame;
    bool found = batch_next(&slice->frames, &frame);
    check(found);
    batch_digest_add(&slice->digest, slice->frames.batch + frame.position);
    if (slice->frames.position == slice->frames_start + slice->frames_bytes) {
        put_u64(slice->header + 40, batch_digest_finish(&slice->digest));
        slice->step = SLICE_DONE;
    }
}

bool batch_slice_step(struct batch_slice *slice, u32 frames_budget)
{
    check(frames_budget > 0);

    for (u32 i = 0; i < frames_budget && slice->step != SLICE_DONE; i++) {
        if (slice->step == SLICE_MEASURE) {
            measure_next(slice);
        } else {
            hash_next(slice);
        }
    }
    return slice->step == SLICE_DONE;
}
