/* A unit: what one append, or several that gathered, look like in a segment file.
 *
 *     | control batch 256 | batch | batch | ...  | zeros |
 *     ^ sector boundary                                  ^ sector boundary
 *
 * It answers: "is this a unit of this segment, the next one, and are its bytes as they were
 * written?" The control batch is a batch header without messages, so whatever walks batches walks
 * over it; polls leave it out. Its layout stands at the head of segment_unit.c.
 *
 * Pure: bytes in, verdict out. Work that grows with the bytes is cut into steps. */
#pragma once

#include "base/status.h"
#include "base/types.h"
#include "wire/batch.h"

#define UNIT_CONTROL_BYTES 256u
#define SEGMENT_SALT_BYTES 16u
#define UNIT_NONCE_BYTES 12u
#define UNIT_TAG_BYTES 16u

struct segment_unit {
    u64 partition_id;
    u64 base_offset;
    u64 first_time_us; /* base timestamp of the first batch */
    u64 last_time_us;  /* base timestamp of the last batch */
    u64 life;
    u64 write_number;     /* of the gathered write that carried it: rises through the life */
    u64 write_first_unit; /* number of the first unit of that write */
    u64 unit_number;      /* rises by one through the life, across segments */
    u64 term;
    u32 previous_crc;  /* control CRC of the unit before, 0 for the first of a life */
    u32 batches_bytes; /* of the batches, without control batch and zeros */
    u32 messages_count;
    u32 headers_crc; /* CRC-32C over the 256 bytes of every batch header, before encryption */
    bool encrypted;  /* the batches are: unit_secret.h */
    u32 body_crc;    /* then: CRC-32C over them as they lie there */
    u32 batches_count;
    u8 nonce[UNIT_NONCE_BYTES];
    u8 tag[UNIT_TAG_BYTES];
    u32 control_crc; /* result of encode and decode */
    u8 level;        /* enum durability at which it was written */
    u8 salt[SEGMENT_SALT_BYTES];
};

/* Bytes of a unit in the file. */
u32 segment_unit_bytes(u32 batches_bytes, u32 sector_bytes);

/* Length of the batches behind a control batch that was encoded or decoded here. */
u32 segment_unit_batches_bytes(const u8 *control);

/* Writes UNIT_CONTROL_BYTES and sets unit->control_crc. */
void segment_unit_encode(struct segment_unit *unit, u8 *control);

/* ERR_CORRUPT when this is no control batch of that salt and life whose checksum holds. */
must_check enum status segment_unit_decode(const u8 *control, const u8 *salt, u64 life,
                                           struct segment_unit *unit);

/* ---- Are the bytes behind the control batch as they were written? ---- */

enum unit_check_result { UNIT_CHECK_PAUSED, UNIT_CHECK_GOOD, UNIT_CHECK_BAD };

struct unit_check {
    struct segment_unit unit;
    const u8 *batches;
    u32 position; /* of the batch under way */
    u32 headers_crc;
    u32 body_crc; /* of encrypted ones: nothing else of them can be judged without the key */
    u64 next_offset;
    u64 last_time_us;
    u32 batches_count; /* begun */
    bool batch_begun;
    struct batch_check batch;
};

/* `batches` has unit->batches_bytes and must not change until the verdict. */
void unit_check_init(struct unit_check *check, const struct segment_unit *unit, const u8 *batches);

/* Goes on within `budget`, from which it takes off what it used. */
enum unit_check_result unit_check_step(struct unit_check *check, struct batch_budget *budget);
