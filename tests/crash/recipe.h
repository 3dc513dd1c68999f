/* What a batch of ours contains, to the byte, from its name alone.
 *
 * It answers: "is this exactly what producer P sent as its batch number N?" Nothing needs to be
 * remembered for that: count, sizes and every byte follow from the name, and each message carries
 * the name in its first bytes, so a batch met in a log tells who sent it and can be sent again in
 * thought.
 *
 *     payload of message i   | prologue, 40 bytes | words that follow from the name and from i |
 *
 *     prologue  offset  size  field
 *               0       4     magic "RCPE"
 *               4       4     topic, our own number for one life of a name
 *               8       4     partition
 *               12      4     producer, never used twice
 *               16      8     sequence: 0, 1, 2, ... within producer and partition
 *               24      4     era: purges of the topic known to be done when it was sent
 *               28      4     index of the message in the batch
 *               32      4     count of messages in the batch
 *               36      4     payload size, the smallest of the batch
 *
 * The layout of batches and frames is that of generation 2 of the wire protocol, written down here
 * once more on purpose: a judge does not borrow the code of the judged. */
#pragma once

#include "base/bytes.h"
#include "base/types.h"

#define BATCH_HEADER_SIZE 256u
#define FRAME_HEADER_SIZE 48u
#define PROLOGUE_SIZE 40u

struct batch_name {
    u32 topic;
    u32 partition;
    u32 producer;
    u32 era;
    u64 sequence;
    u32 message_count;
    u32 payload_size; /* of the smallest message, at least PROLOGUE_SIZE */
};

/* One step of splitmix64: well mixed bits from any number. */
u64 mix(u64 value);

/* A number below `limit` from `*state`, which moves on. */
u64 pick(u64 *state, u64 limit);

/* Bytes of the whole batch, header included. */
u32 recipe_size(const struct batch_name *name);

/* Writes the batch as a producer sends it into `batch`, which has room for recipe_size(). */
void recipe_cook(const struct batch_name *name, u8 *batch);

/* Reads the name from the payload of any message of a batch; `index` is its place in it. */
must_check bool recipe_name(struct span payload, struct batch_name *name, u32 *index);

/* Checksum of a batch header as it stands and of the `frame_checksums` that follow in the frames.
 * `frames` must tile exactly: see recipe_frames_tile(). */
u64 recipe_batch_checksum(const u8 *header, const u8 *frames, u32 frames_size);

/* True when `frames` is a row of whole frames, `count` of them. */
must_check bool recipe_frames_tile(const u8 *frames, u32 frames_size, u32 count);
