/* Reads a partition's log through poll replies and checks every byte of it.
 *
 * It answers: "is what the server serves from here on a row of whole batches of ours, each exactly
 * as it was sent, with offsets that neither jump nor repeat?" Batches may come in slices; a slice
 * must continue where the last one ended. Checked are: the reply's shape and count, batch header
 * (partition, offsets, append time never falling, origin time, length, reserved bytes, checksum),
 * and all frames against the recipe.
 *
 * Owner:   one thread.
 * Memory:  grows on the heap until reading_deinit(). */
#pragma once

#include "base/bytes.h"
#include "base/types.h"
#include "recipe.h"

/* A batch that was read to its end. */
struct found_batch {
    u32 producer;
    u32 count;
    u64 sequence;
    u64 offset;
    u32 era;
};

struct reading {
    u32 topic;
    u32 partition;
    u64 offset_next;    /* of the message expected next */
    u64 current_offset; /* as the last reply said */
    u32 taken_count;    /* messages in the last reply */
    u64 append_time_us; /* of the last batch */
    bool is_inside;     /* a batch has been begun and not ended: */
    struct batch_name name;
    u32 index_next;
    bool is_anywhere; /* the first message may be in the midst of a batch */
    struct found_batch *found;
    u64 found_count;
    u64 found_capacity;
    u8 *expected; /* the batch as the recipe has it */
    u32 expected_size;
    char complaint[256];
};

/* `offset` is the first expected. With 0 the first message must begin a batch. */
void reading_init(struct reading *reading, u32 topic, u32 partition, u64 offset);
void reading_deinit(struct reading *reading);

/* Takes the body of a poll reply. False: `complaint` says what is wrong with it. */
must_check bool reading_take(struct reading *reading, struct span body);
