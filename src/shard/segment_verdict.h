/* What a start makes of one file of a partition's directory, from its name and first block alone.
 *
 *     name ─▶ a segment?        block ─▶ ours, damaged, of another version, of another life?
 *
 * It answers for recovery, which acts on it, and for `levriero doctor`, which explains it.
 * Pure: nothing is read or written here. */
#pragma once

#include "shard/log.h"
#include "shard/segment_recover.h"
#include "state/state.h"

enum segment_verdict {
    SEGMENT_SOUND,           /* of this partition, in its present life */
    SEGMENT_UNSOUND,         /* the header does not verify, or is not of this name */
    SEGMENT_OTHER_VERSION,   /* it verifies, and is of a version we do not know */
    SEGMENT_LIFE_OVER,       /* of a life that control ended: trash */
    SEGMENT_LIFE_NOT_OVER,   /* of a life that is neither the present one nor over */
    SEGMENT_LIFE_UNKNOWN,    /* of a life above all that control gave: control lost its tail */
    SEGMENT_OTHER_PARTITION, /* of the present life, but the file lies in the wrong place */
};

/* Where a file was found, and what state says of that place: life 0 when nothing is there. */
struct segment_place {
    const struct state *state;
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
    u64 life;
};

/* "<20 digits><suffix>": the name of a segment, of its index (".index"), of one that is being made
 * (".new"). */
bool segment_verdict_name(const char *text, const char *suffix, u64 *base_offset);

/* `block` is the first block of the file, shorter when the file is. `header` is filled in unless
 * the verdict is SEGMENT_UNSOUND or SEGMENT_OTHER_VERSION. */
enum segment_verdict segment_verdict_of(const struct segment_place *place, struct span block,
                                        u64 base_offset, struct segment_header *header);

/* Where the scan of the newest segment begins: at the recovery point when it lies in it, else
 * behind its header. `point` may be NULL. */
struct recover_point segment_verdict_begin(const struct segment_header *header,
                                           const struct log_point *point);
