/* Batches: messages as producers send them, partitions store them and polls return them.
 *
 *     | batch header 256 | frame 0 | frame 1 | ...            batch_length bytes in all
 *     | frame header 48 | payload | user headers |            each frame; tiled without gaps
 *
 * The byte layouts stand at the head of batch.c. A frame's checksum covers all of it but itself and
 * never changes; the batch checksum covers the header fields and the frames' checksums, so it is
 * recomputed when the server stamps the batch and when a poll cuts it.
 *
 * Here are views, not copies: pointers lead into the batch, which the caller keeps. Frames hold no
 * absolute position, so a batch may lie anywhere. Work that grows with the number of frames or
 * bytes is cut into steps: batch_check, batch_stamp, batch_slice. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"
#include "wire/error.h"
#include "wire/xxh3.h"

#define BATCH_HEADER_BYTES 256u
#define BATCH_RESERVED_POSITION 52u
#define BATCH_RESERVED_BYTES 204u
#define MESSAGE_FRAME_HEADER_BYTES 48u

/* What one turn of the loop should spend on batches. */
#define BATCH_STEP_BYTES (256u * 1024u)
#define BATCH_STEP_FRAMES 2000u

struct batch_header {
    u64 partition_id;
    u64 base_offset;         /* offset of delta 0 */
    u64 base_timestamp_us;   /* time of the append, one for the whole batch */
    u64 origin_timestamp_us; /* smallest client time */
    u64 batch_length;        /* header and frames */
    u64 batch_checksum;
    u32 message_count;
};

/* The fields as they stand; nothing is judged. `bytes` has BATCH_HEADER_BYTES. */
void batch_header_decode(const u8 *bytes, struct batch_header *header);

/* All BATCH_HEADER_BYTES; the reserved bytes become zero. */
void batch_header_encode(const struct batch_header *header, u8 *bytes);

/* Copies the header of a stored batch as clients may see it: zeros in the reserved bytes, where a
 * stored batch carries data of our own. */
void batch_serve_header(const u8 *stored, u8 served[BATCH_HEADER_BYTES]);

/* --- one frame --- */

struct message_frame {
    u64 checksum;
    struct u128 id;
    u32 offset_delta;
    u32 timestamp_delta_us; /* after origin_timestamp_us */
    struct span payload;
    struct span user_headers;
    u32 position; /* of the frame, from the start of the batch */
    u32 size;     /* of the frame */
};

/* Walks the frames of a batch that was checked. */
struct batch_iterator {
    const u8 *batch;
    u32 batch_bytes;
    u32 position;
};

struct batch_iterator batch_iterate(const u8 *batch, u32 batch_bytes);

/* False at the end. A frame that leaves the batch (it cannot, after a check) ends the walk too. */
bool batch_next(struct batch_iterator *iterator, struct message_frame *frame);

/* The first frame whose delta is at least `offset_delta`. False: all are below. */
must_check bool batch_find(const u8 *batch, u32 batch_bytes, u32 offset_delta,
                           struct message_frame *frame);

/* --- the batch checksum, fed frame by frame --- */

#define BATCH_DIGEST_GATHERED_BYTES 256u

/* XXH3-64 over 44 bytes of header fields and the frames' checksums in order. They are gathered
 * first, so that a batch of a few messages costs one short hash, a large one few long updates. */
struct batch_digest {
    u32 gathered_bytes;
    bool streaming;
    u8 gathered[BATCH_DIGEST_GATHERED_BYTES];
    struct xxh3_stream stream; /* not touched unless streaming */
};

/* All fields of `header` but batch_checksum are final. */
void batch_digest_init(struct batch_digest *digest, const struct batch_header *header);

/* `checksum` points at the 8 bytes as they stand in the frame. */
void batch_digest_add(struct batch_digest *digest, const u8 *checksum);

/* The same for `count` checksums that lie side by side. */
void batch_digest_add_run(struct batch_digest *digest, const u8 *checksums, u32 count);
u64 batch_digest_finish(struct batch_digest *digest);

/* --- is it sound? --- */

enum batch_check_result {
    BATCH_CHECK_WAITING, /* all that arrived is looked at: call again when more is there */
    BATCH_CHECK_PAUSED,  /* the budget is spent: call again in a later turn */
    BATCH_CHECK_GOOD,
    BATCH_CHECK_BAD, /* `error` says why */
};

/* Verifies a batch while it arrives: sizes, reserved bytes, that frames tile it exactly, deltas
 * equal to their index, the checksum of each frame and of the whole. Every byte is looked at once.
 *
 *     WIRE_INVALID_COMMAND            counts, lengths, deltas, reserved bytes
 *     WIRE_INVALID_MESSAGE_CHECKSUM   a frame
 *     WIRE_INVALID_BATCH_CHECKSUM     header fields and frame checksums
 *
 * Memory: refers to the batch, which must not move or change until the verdict. */
struct batch_check {
    const u8 *batch;
    u32 batch_bytes;        /* announced: the rest of the body, or the stored length */
    u32 messages_count;     /* announced beside the batch; 0: only the header's own counts */
    u32 position;           /* start of the frame under way */
    u32 frame_bytes;        /* its size; 0: its header is not there yet */
    u32 frame_hashed_bytes; /* how much of it went into frame_hash */
    u32 frames_done;
    bool header_done;
    bool stored; /* the reserved bytes of the header are our own */
    enum wire_error error;
    struct batch_header header; /* valid once header_done */
    struct batch_digest digest;
    struct xxh3_stream frame_hash; /* of a frame that is hashed in pieces */
};

/* A batch from a producer: `batch_bytes` is the whole rest of the body, `messages_count` the number
 * that the request announced. Nothing needs to be there yet. */
void batch_check_init(struct batch_check *check, const u8 *batch, u32 batch_bytes,
                      u32 messages_count);

/* A batch that comes back from disk: as above, the fields as stamped, reserved bytes ignored. */
void batch_check_init_stored(struct batch_check *check, const u8 *batch, u32 batch_bytes);

struct batch_budget {
    u32 bytes;
    u32 frames;
};

/* Goes on with what of the batch is there (`bytes_available`, never less than before), spending
 * `budget`, from which it takes off what it used, so that one budget serves several checks. A
 * single frame larger than the budget is hashed over several turns. */
enum batch_check_result batch_check_step(struct batch_check *check, u32 bytes_available,
                                         struct batch_budget *budget);

/* --- the server's stamp --- */

struct batch_stamp_values {
    u64 partition_id;
    u64 base_offset;
    u64 base_timestamp_us;
};

/* Writes the server's three fields into a checked batch, and the batch checksum that follows from
 * them. The header changes only when the last step is done. */
struct batch_stamp {
    u8 *batch;
    u32 batch_bytes;
    u32 position; /* of the next frame */
    u32 frames_left;
    struct batch_header header; /* as it will be */
    struct batch_digest digest;
};

void batch_stamp_init(struct batch_stamp *stamp, u8 *batch, u32 batch_bytes,
                      const struct batch_stamp_values *values);

/* True when the batch is stamped; false: `frames_budget` frames were walked, call again. */
bool batch_stamp_step(struct batch_stamp *stamp, u32 frames_budget);

/* --- without some of its messages --- */

/* Takes messages out of a checked batch that is not stamped yet: those that stay move together, get
 * numbers without a gap and, with those, new checksums of their own; the checksum of the batch is
 * the stamp's business. Frame by frame, so that the caller decides how many a turn. */
struct batch_filter {
    u8 *batch;
    u32 batch_bytes;
    u32 position;   /* of the frame to decide about */
    u32 kept_bytes; /* with the header */
    u32 kept_count;
    u32 frames_left;
};

void batch_filter_init(struct batch_filter *filter, u8 *batch, u32 batch_bytes);

/* The id of the next message; false: all are decided. */
bool batch_filter_next(const struct batch_filter *filter, struct u128 *id);
void batch_filter_decide(struct batch_filter *filter, bool keeps);

/* Writes what is left into the header and gives its length; without a message it is no batch. */
u32 batch_filter_finish(struct batch_filter *filter);

/* --- a part of it --- */

/* Cuts the frames with first_delta <= delta <= last_delta out of a stored batch, as a poll returns
 * them: a header of its own with batch_length, message_count and batch_checksum rewritten, and a
 * run of frames in place. Base offset, deltas and times stay as they are. */
struct batch_slice {
    struct batch_iterator frames; /* measures the run first, then hashes it */
    u32 first_delta;
    u32 last_delta;
    u8 step;                       /* private to batch_slice.c */
    u32 frames_start;              /* result: where the run begins in the batch */
    u32 frames_bytes;              /* result: its length */
    u32 messages_count;            /* result; 0: no frame lies between the deltas */
    u8 header[BATCH_HEADER_BYTES]; /* result, valid when messages_count is not 0 */
    struct batch_digest digest;
};

void batch_slice_init(struct batch_slice *slice, const u8 *batch, u32 batch_bytes, u32 first_delta,
                      u32 last_delta);

/* True when the results stand; false: `frames_budget` frames were walked, call again. A slice that
 * takes the whole batch is done at once, whatever the budget. */
bool batch_slice_step(struct batch_slice *slice, u32 frames_budget);

/* --- making one --- */

struct batch_message {
    struct u128 id; /* not 0: producers draw it */
    u64 origin_timestamp_us;
    struct span payload;
    struct span user_headers; /* TLV entries: user_headers.h */
};

/* Builds a batch from messages, in memory that the caller lends. */
struct batch_builder {
    u8 *batch;
    u32 capacity;
    u32 position;
    u32 message_count;
    u64 origin_timestamp_us;
};

/* `origin_timestamp_us` is that of the batch: no message may be older. `capacity` is at least
 * BATCH_HEADER_BYTES. */
void batch_builder_init(struct batch_builder *builder, u8 *memory, u32 capacity,
                        u64 origin_timestamp_us);

/* Appends one frame with its checksum. ERR_TOO_LARGE: no room for it, nothing changed, finish and
 * send. ERR_INVALID: its time is before the batch's or more than 2^32 - 1 microseconds after. */
must_check enum status batch_builder_add(struct batch_builder *builder,
                                         const struct batch_message *message);

/* Writes the header and gives the size of the batch. At least one message was added. */
u32 batch_builder_finish(struct batch_builder *builder);
