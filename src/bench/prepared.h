/* Batches made before the clock runs: whole frames of SendMessages, sent again and again.
 *
 *     | request header 256 | where to | batch header 256 | message | message | ...
 *
 * What differs from one sending to the next is the request's number and the batch's time of origin.
 * The second changes the checksum of the batch, which covers the messages' checksums: those lie
 * gathered beside the frame, so that a new stamp does not walk through a megabyte.
 *
 * Generation 1 has no batch around its messages and nothing to stamp:
 *
 *     | length, code 8 | where to | index entry 16 | ... | header 64, payload | ...
 *
 * With an interval between messages each is `interval_us` younger than the one before it, as it
 * would be if they had come one by one.
 *
 * Thread: one at a time. Memory: from the heap, at create. */
#pragma once

#include "base/bytes.h"
#include "base/prng.h"
#include "bench/bench_options.h"
#include "wire/batch.h"
#include "wire/frame.h"
#include "wire/send.h"

#define PREPARED_KEY_BYTES 8u

struct prepared_batch {
    u8 *frame;
    u32 frame_bytes;
    u32 batch_position; /* in the frame */
    u32 key_position;   /* in the frame, of a key of PREPARED_KEY_BYTES */
    u64 payload_bytes;
    struct batch_header header;
    u8 *checksums; /* of the messages, 8 bytes each; NULL: a frame of generation 1 */
};

struct prepared {
    struct prepared_batch *batches;
    u32 count;
    u32 next;
};

struct prepared_options {
    struct bench_range message_bytes;
    struct bench_range batch_messages;
    double interval_us; /* between messages; 0: all of one moment */
    u64 seed;
    u32 entropy; /* bits of chance in a byte of payload, 0 to 8 */
    bool is_v1;  /* then `header` is not looked at */
    struct request_header header;
    struct send_request place; /* messages_count is filled in here */
};

void prepared_init(struct prepared *prepared, const struct prepared_options *options);
void prepared_deinit(struct prepared *prepared);

/* The next one, in turn. */
static inline struct prepared_batch *prepared_next(struct prepared *prepared)
{
    struct prepared_batch *batch = &prepared->batches[prepared->next];
    prepared->next = prepared->next + 1 == prepared->count ? 0 : prepared->next + 1;
    return batch;
}

/* Gives the frame another key, if it was made with one. */
static inline void prepared_set_key(struct prepared_batch *batch, u64 key)
{
    put_u64(batch->frame + batch->key_position, key);
}

/* Gives the frame its number and its messages their time; the first message is of `origin_us`. */
void prepared_stamp(struct prepared_batch *batch, u64 request, u64 origin_us);
