#include "shard/segment_verdict.h"

#include <string.h>

#include "base/bug.h"
#include "base/check.h"
#include "base/str.h"

#define NAME_DIGITS 20u

static bool is_digits(const char *text, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return true;
}

bool segment_verdict_name(const char *text, const char *suffix, u64 *base_offset)
{
    char digits[NAME_DIGITS + 1];
    if (strlen(text) != NAME_DIGITS + strlen(suffix) || !is_digits(text, NAME_DIGITS) ||
        strcmp(text + NAME_DIGITS, suffix) != 0) {
        return false;
    }
    memcpy(digits, text, NAME_DIGITS);
    digits[NAME_DIGITS] = 0;
    return str_to_u64(digits, base_offset);
}

static enum segment_verdict judge_life(const struct segment_place *place, u64 life)
{
    if (bug_is_on(BUG_OPEN_UNKNOWN_LIFE)) {
        return SEGMENT_SOUND;
    }
    if (life > state_life_max(place->state)) {
        return SEGMENT_LIFE_UNKNOWN;
    }
    bool is_over = state_life_is_over(place->state, life, place->stream_id, place->topic_id,
                                      place->partition_id);
    if (is_over && bug_is_on(BUG_SERVE_PURGED_LIFE)) {
        return SEGMENT_SOUND;
    }
    return is_over ? SEGMENT_LIFE_OVER : SEGMENT_LIFE_NOT_OVER;
}

enum segment_verdict segment_verdict_of(const struct segment_place *place, struct span block,
                                        u64 base_offset, struct segment_header *header)
{
    enum status sound = ERR_CORRUPT;
    if (block.size >= SEGMENT_HEADER_BYTES) {
        sound = segment_header_decode(block.data, header);
    }
    if (sound == ERR_UNSUPPORTED) {
        return SEGMENT_OTHER_VERSION;
    }
    if (sound != OK || header->base_offset != base_offset) {
        return SEGMENT_UNSOUND;
    }
    if (header->life != place->life) {
        return judge_life(place, header->life);
    }
    bool is_here = header->stream_id == place->stream_id && header->topic_id == place->topic_id &&
                   header->partition_id == place->partition_id;
    return is_here ? SEGMENT_SOUND : SEGMENT_OTHER_PARTITION;
}

struct recover_point segment_verdict_begin(const struct segment_header *header,
                                           const struct log_point *point)
{
    if (point != NULL && point->segment_base_offset == header->base_offset &&
        point->next_unit >= header->first_unit && point->position >= SEGMENT_HEADER_BYTES) {
        return (struct recover_point){
            .position = point->position,
            .next_offset = point->next_offset,
            .next_unit = point->next_unit,
            .next_write = point->next_write,
            .previous_crc = point->previous_crc,
            .bytes = point->bytes,
            .batches = point->batches,
            .last_time_us = point->last_time_us,
        };
    }
    return (struct recover_point){
        .position = SEGMENT_HEADER_BYTES,
        .next_offset = header->base_offset,
        .next_unit = header->first_unit,
        .next_write = header->first_write,
        .previous_crc = header->previous_crc,
        .bytes = header->bytes_before,
        .batches = header->batches_before,
        .last_time_us = header->last_time_us,
    };
}
