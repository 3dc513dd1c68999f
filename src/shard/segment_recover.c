#include "shard/segment_recover.h"

#include "base/bug.h"
#include "base/check.h"
#include "shard/segment_unit.h"

void segment_recover_init(struct segment_recover *recover, const struct segment_header *header,
                          u64 file_bytes, const struct recover_point *point)
{
    check(point->position % header->sector_bytes == 0);
    *recover = (struct segment_recover){
        .header = *header,
        /* A torn size is no sector. */
        .file_bytes = align_down(u64_min(file_bytes, UINT32_MAX), header->sector_bytes),
        .state = RECOVER_SCAN,
        .end = *point,
        .verdict = RECOVER_ENDS,
    };
}

/* True when [position, position + bytes) is in the window; otherwise notes what is wanted. */
static bool have(struct segment_recover *recover, u32 position, u32 bytes)
{
    u64 window_end = (u64)recover->window_position + recover->window.size;
    if (position >= recover->window_position && (u64)position + bytes <= window_end) {
        return true;
    }
    recover->want_position = position;
    u64 left = recover->file_bytes - position;
    recover->want_bytes = (u32)u64_min(u32_max(bytes, RECOVER_READ_BYTES), left);
    return false;
}

static const u8 *at(const struct segment_recover *recover, u32 position)
{
    return recover->window.data + (position - recover->window_position);
}

static bool is_zero(const u8 *bytes, u32 size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Do the numbers follow those of the unit before? */
static bool unit_follows(const struct segment_recover *recover, const struct segment_unit *unit)
{
    const struct recover_point *end = &recover->end;
    if (bug_is_on(BUG_BELIEVE_OLD_SALT) &&
        memcmp(unit->salt, recover->header.salt, SEGMENT_SALT_BYTES) != 0) {
        return true;
    }
    if (unit->unit_number != end->next_unit || unit->base_offset != end->next_offset ||
        unit->partition_id != recover->header.partition_id) {
        return false;
    }
    if (recover->chain_broken) {
        return true;
    }
    bool begins_write =
        unit->write_number == end->next_write && unit->write_first_unit == unit->unit_number;
    bool in_same_write =
        unit->write_number + 1 == end->next_write && unit->write_first_unit < unit->unit_number;
    return (begins_write || in_same_write) && unit->previous_crc == end->previous_crc &&
           unit->first_time_us >= end->last_time_us;
}

static u32 unit_end(const struct segment_recover *recover, const struct segment_unit *unit,
                    u32 position)
{
    u64 bytes =
        align_up(UNIT_CONTROL_BYTES + (u64)unit->batches_bytes, recover->header.sector_bytes);
    return (u32)u64_min(position + bytes, recover->file_bytes);
}

static void look_begin(struct segment_recover *recover)
{
    u64 ahead = 2ull * recover->header.write_bytes_max;
    recover->state = RECOVER_LOOK;
    recover->damage_position = recover->end.position;
    recover->damage_end = recover->end.position;
    recover->damage_seen = false;
    recover->later_write_seen = false;
    recover->look_position = recover->end.position;
    recover->look_end = (u32)u64_min(recover->end.position + ahead, recover->file_bytes);
}

/* The sector at the end of what is believed: is there a next unit? */
static enum recover_result scan(struct segment_recover *recover)
{
    u32 position = recover->end.position;
    u32 sector_bytes = recover->header.sector_bytes;
    if ((u64)position + sector_bytes > recover->file_bytes) {
        recover->state = RECOVER_OVER;
        return RECOVER_DONE;
    }
    if (!have(recover, position, sector_bytes)) {
        return RECOVER_READ;
    }
    struct segment_unit unit;
    if (segment_unit_decode(at(recover, position), recover->header.salt, recover->header.life,
                            &unit) != OK ||
        !unit_follows(recover, &unit) ||
        (u64)position + UNIT_CONTROL_BYTES + unit.batches_bytes > recover->file_bytes) {
        look_begin(recover);
        return RECOVER_PAUSED;
    }
    if (!have(recover, position, UNIT_CONTROL_BYTES + unit.batches_bytes)) {
        return RECOVER_READ;
    }
    recover->unit = unit;
    unit_check_init(&recover->check, &unit, at(recover, position) + UNIT_CONTROL_BYTES);
    recover->state = RECOVER_CHECK;
    return RECOVER_PAUSED;
}

/* What the bug makes of a unit that lay here before the file was recycled. */
static void pretend_it_follows(struct segment_recover *recover)
{
    recover->unit.base_offset = recover->end.next_offset;
    recover->unit.first_time_us = u64_max(recover->unit.first_time_us, recover->end.last_time_us);
    recover->unit.last_time_us = u64_max(recover->unit.last_time_us, recover->unit.first_time_us);
}

static enum recover_result believe(struct segment_recover *recover)
{
    if (bug_is_on(BUG_BELIEVE_OLD_SALT)) {
        pretend_it_follows(recover);
    }
    const struct segment_unit *unit = &recover->unit;
    struct recover_point *end = &recover->end;
    recover->unit_position = end->position;
    end->position = unit_end(recover, unit, end->position);
    end->next_offset = unit->base_offset + unit->messages_count;
    end->next_unit = unit->unit_number + 1;
    end->next_write = unit->write_number + 1;
    end->previous_crc = unit->control_crc;
    end->bytes += unit->batches_bytes;
    end->batches += recover->check.batches_count;
    end->last_time_us = unit->last_time_us;
    recover->chain_broken = false;
    recover->state = RECOVER_SCAN;
    return RECOVER_UNIT;
}

/* One sector ahead: a unit of ours, something else, or nothing? */
static void look_at(struct segment_recover *recover, u32 position)
{
    const u8 *sector = at(recover, position);
    u32 sector_end = position + recover->header.sector_bytes;
    struct segment_unit unit;
    if (segment_unit_decode(sector, recover->header.salt, recover->header.life, &unit) != OK) {
        /* In a file that was recycled, anything may lie there from before. */
        if (!recover->header.recycled && !is_zero(sector, recover->header.sector_bytes)) {
            recover->damage_seen = true;
            recover->damage_end = u32_max(recover->damage_end, sector_end);
        }
        return;
    }
    if (unit.unit_number < recover->end.next_unit) {
        return; /* overwritten in part: it counts no more */
    }
    recover->damage_seen = true;
    recover->damage_end = u32_max(recover->damage_end, unit_end(recover, &unit, position));
    bool is_later = unit.write_first_unit > recover->end.next_unit;
    if (is_later && !recover->later_write_seen) {
        recover->later_write_seen = true;
        recover->resume_position = position;
        recover->resume = unit;
    }
}

/* On it goes behind the hole: what is in it can be served no more, what follows can. */
static void resume(struct segment_recover *recover)
{
    const struct segment_unit *unit = &recover->resume;
    if (recover->holes_count == 0) {
        recover->hole_offset = recover->end.next_offset;
        recover->hole_end_offset = unit->base_offset;
    }
    recover->holes_count++;
    recover->end.position = recover->resume_position;
    recover->end.next_offset = unit->base_offset;
    recover->end.next_unit = unit->unit_number;
    recover->end.next_write = unit->write_number;
    recover->end.last_time_us = unit->first_time_us;
    recover->chain_broken = true;
    recover->state = RECOVER_SCAN;
}

static enum recover_result judge(struct segment_recover *recover)
{
    bool synced = recover->header.level == 0;
    if (synced && recover->later_write_seen) {
        resume(recover);
        return RECOVER_PAUSED;
    }
    recover->state = RECOVER_OVER;
    if (recover->holes_count > 0) {
        recover->verdict = RECOVER_ROT;
    } else if (recover->damage_seen) {
        recover->verdict = RECOVER_UNFINISHED;
    }
    return RECOVER_DONE;
}

static enum recover_result look(struct segment_recover *recover, struct batch_budget *budget)
{
    u32 sector_bytes = recover->header.sector_bytes;
    while ((u64)recover->look_position + sector_bytes <=
           u64_min(recover->look_end, recover->file_bytes)) {
        if (!have(recover, recover->look_position, sector_bytes)) {
            return RECOVER_READ;
        }
        if (budget->bytes < sector_bytes) {
            return RECOVER_PAUSED;
        }
        budget->bytes -= sector_bytes;
        look_at(recover, recover->look_position);
        recover->look_position += sector_bytes;
    }
    return judge(recover);
}

static enum recover_result over(struct segment_recover *recover)
{
    if (recover->holes_count > 0) {
        recover->verdict = RECOVER_ROT;
    }
    return RECOVER_DONE;
}

enum recover_result segment_recover_step(struct segment_recover *recover,
                                         struct batch_budget *budget)
{
    for (;;) {
        enum recover_result result = RECOVER_PAUSED;
        switch (recover->state) {
        case RECOVER_SCAN: result = scan(recover); break;
        case RECOVER_CHECK:
            switch (unit_check_step(&recover->check, budget)) {
            case UNIT_CHECK_PAUSED: return RECOVER_PAUSED;
            case UNIT_CHECK_GOOD: return believe(recover);
            case UNIT_CHECK_BAD: look_begin(recover); break;
            }
            break;
        case RECOVER_LOOK:
            result = look(recover, budget);
            if (result == RECOVER_PAUSED && recover->state == RECOVER_LOOK) {
                return RECOVER_PAUSED;
            }
            break;
        case RECOVER_OVER: return over(recover);
        }
        if (result != RECOVER_PAUSED) {
            return result == RECOVER_DONE ? over(recover) : result;
        }
    }
}

void segment_recover_give(struct segment_recover *recover, struct span bytes)
{
    check(bytes.size <= recover->want_bytes);
    recover->window = bytes;
    recover->window_position = recover->want_position;
    if (bytes.size < recover->want_bytes) {
        /* Shorter than it said it was. */
        recover->file_bytes =
            align_down((u64)recover->want_position + bytes.size, recover->header.sector_bytes);
    }
}
