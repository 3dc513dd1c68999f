/* Where does the log end, after anything may have happened? Reads the newest segment from the
 * recovery point on and judges what it finds.
 *
 *     |header| believed ........ |good|good|?....
 *                     point ─────^         ^─ look at most two largest writes ahead
 *
 * A unit is believed when its salt, life and numbers follow and all its checksums hold. Where
 * that ends:
 *
 *     nothing of this salt ahead, only zeros      the log simply ends           RECOVER_ENDS
 *       (or anything, in a recycled file)
 *     something ahead, all of one write           an unfinished tail: cut
 *     RECOVER_UNFINISHED at `sync`, a later write ahead              rot: it was synced before
 *     RECOVER_ROT, and on it goes
 *                                                 that write was issued           behind the hole
 *     at `os` and `memory`, anything ahead        an unfinished tail: cut       RECOVER_UNFINISHED
 *
 * Pure: it says which bytes it wants, is given them, and goes on, in steps. A sector that could
 * not be read is
 * given as zeros. Memory: none of its own. */
#pragma once

#include "base/bytes.h"
#include "shard/segment_header.h"
#include "shard/segment_unit.h"

/* What the unit before the next one left behind. */
struct recover_point {
    u32 position;
    u64 next_offset;
    u64 next_unit;
    u64 next_write;
    u32 previous_crc;
    u64 bytes;
    u64 batches;
    u64 last_time_us;
};

enum recover_verdict { RECOVER_ENDS, RECOVER_UNFINISHED, RECOVER_ROT };

enum recover_result {
    RECOVER_READ,   /* give bytes from want_position on, want_bytes unless the file ends before */
    RECOVER_PAUSED, /* the budget is spent */
    RECOVER_UNIT,   /* `unit` at `unit_position` is believed; go on */
    RECOVER_DONE    /* see `end`, `verdict`, `damage_*` */
};

enum recover_state { RECOVER_SCAN, RECOVER_CHECK, RECOVER_LOOK, RECOVER_OVER };

struct segment_recover {
    struct segment_header header;
    u64 file_bytes;
    enum recover_state state;

    /* The bytes given last. */
    struct span window;
    u32 window_position;
    u32 want_position;
    u32 want_bytes;

    struct recover_point end; /* behind the last unit believed */
    bool chain_broken;        /* the unit before the next one is not known: behind a hole */
    struct segment_unit unit;
    u32 unit_position;
    struct unit_check check;

    u32 look_position;
    u32 look_end;
    bool damage_seen; /* something that is not the clean end of a log */
    bool later_write_seen;
    u32 resume_position; /* of the first unit of a later write */
    struct segment_unit resume;

    enum recover_verdict verdict;
    u32 damage_position; /* RECOVER_UNFINISHED: what is to be saved and cut */
    u32 damage_end;
    u32 holes_count; /* RECOVER_ROT */
    u64 hole_offset; /* the first lost offset of the first hole, and the first one behind it */
    u64 hole_end_offset;
};

/* Bytes that are read at once, unless a single unit is larger. */
#define RECOVER_READ_BYTES (256u * 1024u)

void segment_recover_init(struct segment_recover *recover, const struct segment_header *header,
                          u64 file_bytes, const struct recover_point *point);

enum recover_result segment_recover_step(struct segment_recover *recover,
                                         struct batch_budget *budget);

/* The bytes that were wanted; fewer only when the file ends there. They stay until the next call
 * of this. */
void segment_recover_give(struct segment_recover *recover, struct span bytes);
