/* One segment file, byte by byte.
 *
 *     |header|unit|unit|unit|unit|unit|unit|zeros written ahead|
 *            └ as a poll reads ┘ └ as a start scans ┘
 *                               ^ recovery point, or the header when there is none
 *
 * What lies below the recovery point, and all of a sealed segment, is verified by a start never and
 * by a poll when it is asked for it: so that part is walked as polls walk, unit by unit. The rest
 * of the newest segment is judged by segment_recover, whose verdict is what a start will do. */
#include <string.h>

#include "doctor/doctor_parts.h"

#define WINDOW_BYTES (1024u * 1024u)

/* So many damaged places of one segment are told one by one. */
#define HOLES_TOLD_MAX 16u

struct segment_walk {
    struct doctor *doctor;
    struct doctor_segment *segment;
    u64 window_position; /* in doctor->room */
    u32 window_bytes;
    u64 units_count;
    u64 encrypted_count; /* units: without the key only their checksums can be judged */
    u64 batches_count;
    u64 messages_count;
    u64 bytes; /* of batches */
    u64 next_offset;
    u64 hole_position; /* where what does not verify begins; 0: nowhere */
    u32 holes_count;
};

static const char *level_name(u8 level)
{
    static const char *const names[] = {"sync", "os", "memory"};
    return names[level % array_count(names)];
}

/* `bytes` at `position`, or NULL when the file ends before. */
static const u8 *look(struct segment_walk *walk, u64 position, u32 bytes)
{
    u64 end = walk->window_position + walk->window_bytes;
    if (position < walk->window_position || position + bytes > end) {
        u32 wanted = u32_max(bytes, WINDOW_BYTES);
        u8 *room = doctor_room(walk->doctor, wanted);
        walk->window_position = position;
        walk->window_bytes = data_file_read(&walk->segment->file, position, room, wanted);
    }
    bool is_there = walk->window_bytes >= bytes && position >= walk->window_position;
    return is_there ? walk->doctor->room + (position - walk->window_position) : NULL;
}

static void count_unit(struct segment_walk *walk, const struct segment_unit *unit,
                       const u8 *batches)
{
    struct batch_header header;
    walk->encrypted_count += unit->encrypted ? 1 : 0;
    walk->batches_count += unit->batches_count;
    for (u32 at = 0; !unit->encrypted && at + BATCH_HEADER_BYTES <= unit->batches_bytes;
         at += (u32)header.batch_length) {
        batch_header_decode(batches + at, &header);
        walk->batches_count++;
    }
    walk->units_count++;
    walk->messages_count += unit->messages_count;
    walk->bytes += unit->batches_bytes;
    walk->next_offset = unit->base_offset + unit->messages_count;
}

/* Offsets up to `end` cannot be served; what is damaged ends at byte `position`. */
static void tell_hole(struct segment_walk *walk, u64 end, u64 position)
{
    walk->holes_count++;
    if (walk->holes_count > HOLES_TOLD_MAX) {
        return;
    }
    find_problem(&walk->doctor->findings,
                 "%s: offsets %llu to %llu are damaged, between bytes %llu and %llu. Polls of them "
                 "are answered with error %u; what lies before and behind is served, and nothing "
                 "is deleted.",
                 walk->segment->name, (unsigned long long)walk->next_offset,
                 (unsigned long long)end - 1, (unsigned long long)walk->hole_position,
                 (unsigned long long)position, WIRE_CANNOT_READ_MESSAGE);
}

/* ---- As a poll reads ---- */

static bool unit_is_sound(const struct segment_unit *unit, const u8 *batches)
{
    struct unit_check check;
    enum unit_check_result result = UNIT_CHECK_PAUSED;
    unit_check_init(&check, unit, batches);
    while (result == UNIT_CHECK_PAUSED) {
        struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
        result = unit_check_step(&check, &budget);
    }
    return result == UNIT_CHECK_GOOD;
}

/* Bytes to go on by from `position`; `limit` is where the walk ends. */
static u32 walk_step(struct segment_walk *walk, u64 position, u64 limit)
{
    const struct segment_header *header = &walk->segment->header;
    struct segment_unit unit;
    const u8 *control = look(walk, position, header->sector_bytes);
    if (control == NULL || segment_unit_decode(control, header->salt, header->life, &unit) != OK ||
        position + UNIT_CONTROL_BYTES + unit.batches_bytes > limit ||
        unit.base_offset < walk->next_offset) {
        walk->hole_position = walk->hole_position == 0 ? position : walk->hole_position;
        return header->sector_bytes;
    }
    control = look(walk, position, UNIT_CONTROL_BYTES + unit.batches_bytes);
    if (control == NULL || !unit_is_sound(&unit, control + UNIT_CONTROL_BYTES)) {
        walk->hole_position = walk->hole_position == 0 ? position : walk->hole_position;
        return segment_unit_bytes(unit.batches_bytes, header->sector_bytes);
    }
    if (unit.base_offset > walk->next_offset) {
        tell_hole(walk, unit.base_offset, position);
    }
    walk->hole_position = 0;
    count_unit(walk, &unit, control + UNIT_CONTROL_BYTES);
    return segment_unit_bytes(unit.batches_bytes, header->sector_bytes);
}

/* From byte `position`, where a unit begins, up to offset `end`, or byte `limit`. */
static void walk_units(struct segment_walk *walk, u64 position, u64 limit, u64 end)
{
    u32 sector_bytes = walk->segment->header.sector_bytes;
    while (position + sector_bytes <= limit && walk->next_offset < end) {
        position += walk_step(walk, position, limit);
    }
    if (walk->next_offset < end) {
        walk->hole_position = walk->hole_position == 0 ? position : walk->hole_position;
        tell_hole(walk, end, limit);
        walk->next_offset = end;
    }
}

/* ---- As a start scans ---- */

static void scan_units(struct segment_walk *walk, struct segment_recover *scan)
{
    struct doctor *doctor = walk->doctor;
    walk->window_bytes = 0; /* the room is the scan's now */
    for (;;) {
        struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
        switch (segment_recover_step(scan, &budget)) {
        case RECOVER_READ: {
            u8 *room = doctor_room(doctor, scan->want_bytes);
            u32 count =
                data_file_read(&walk->segment->file, scan->want_position, room, scan->want_bytes);
            segment_recover_give(scan, (struct span){room, count});
            break;
        }
        case RECOVER_PAUSED: break;
        case RECOVER_UNIT:
            count_unit(walk, &scan->unit,
                       scan->window.data + (scan->unit_position - scan->window_position) +
                           UNIT_CONTROL_BYTES);
            break;
        case RECOVER_DONE: return;
        }
    }
}

static void tell_unfinished(struct segment_walk *walk, const struct segment_recover *scan)
{
    struct doctor_segment *segment = walk->segment;
    struct findings *findings = &walk->doctor->findings;
    unsigned long long end = scan->end.next_offset;
    u32 bytes = scan->damage_end - scan->damage_position;
    if (segment->read_only) {
        find_problem(findings,
                     "%s: the last write is not whole (%u bytes from byte %u on). It stays as it "
                     "is, since the partition opens for reading only.",
                     segment->name, bytes, scan->damage_position);
        return;
    }
    enum finding_level level = scan->header.level == 0 ? FINDING_NOTE : FINDING_PROBLEM;
    const char *lost =
        scan->header.level == 0
            ? "At level sync no answered message lies there unless the device lost it"
            : "At this level answered messages may have been among them";
    findings_add(findings, level,
                 "%s: the last write is not whole: %u bytes from byte %u on. A start copies them "
                 "to %020llu-%u.cut, cuts the log there, and gives offsets from %llu on again. %s.",
                 segment->name, bytes, scan->damage_position, end,
                 state_boot(walk->doctor->state) + 1, end, lost);
}

/* What was synced does not verify. The places are told as polls meet them, which go unit by unit
 * where recovery goes write by write: so the walk begins again where the scan began. */
static void tell_rot(struct segment_walk *walk, const struct segment_recover *scan, u32 begin)
{
    struct findings *findings = &walk->doctor->findings;
    walk_units(walk, begin, scan->end.position, scan->end.next_offset);
    find_problem(findings,
                 "%s: a write does not verify although a later one follows: it was on the device "
                 "once. The partition opens for reading only: what verifies is served, appends are "
                 "refused, and nothing is deleted.",
                 walk->segment->name);
    if (scan->damage_seen && scan->damage_position == scan->end.position) {
        find_problem(findings,
                     "%s: the log ends before offset %llu: %u bytes from byte %u on are no whole "
                     "write. They stay as they are.",
                     walk->segment->name, (unsigned long long)scan->end.next_offset,
                     scan->damage_end - scan->damage_position, scan->damage_position);
    }
}

/* ---- What lies behind the end ---- */

static bool is_zero(const u8 *bytes, u32 size)
{
    for (u32 i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static void tell_space(struct segment_walk *walk, u64 end)
{
    struct doctor_segment *segment = walk->segment;
    struct findings *findings = &walk->doctor->findings;
    u64 position = end;
    const u8 *sector = NULL;
    while (position < segment->file.bytes &&
           (sector = look(walk, position, (u32)u64_min(512, segment->file.bytes - position))) &&
           is_zero(sector, (u32)u64_min(512, segment->file.bytes - position))) {
        position += u64_min(512, segment->file.bytes - position);
    }
    if (position > end) {
        find_fact(findings, "%s: then %llu bytes of zeros, written ahead.", segment->name,
                  (unsigned long long)(position - end));
    }
    if (position < segment->file.bytes) {
        find_fact(findings, "%s: then %llu bytes that are no part of the log%s.", segment->name,
                  (unsigned long long)(segment->file.bytes - position),
                  segment->header.recycled ? ", from an earlier use of the file" : "");
    }
}

static void tell_segment(const struct segment_walk *walk)
{
    const struct doctor_segment *segment = walk->segment;
    const struct segment_header *header = &segment->header;
    char offsets[64] = "no messages yet";
    if (walk->messages_count > 0) {
        (void)str_format(offsets, sizeof(offsets), "offsets %llu to %llu",
                         (unsigned long long)header->base_offset,
                         (unsigned long long)walk->next_offset - 1);
    }
    find_fact(&walk->doctor->findings,
              "%s: header verified, version %u, life %llu, level %s, %s, %u-byte sectors; %s "
              "(units: %llu, batches: %llu, messages: %llu, bytes: %llu).",
              segment->name, header->version, (unsigned long long)header->life,
              level_name(header->level), header->direct ? "direct" : "buffered",
              header->sector_bytes, offsets, (unsigned long long)walk->units_count,
              (unsigned long long)walk->batches_count, (unsigned long long)walk->messages_count,
              (unsigned long long)walk->bytes);
    if (walk->encrypted_count > 0) {
        find_fact(&walk->doctor->findings,
                  "%s: %llu of these units are encrypted (AES-256-GCM): the checksums over them as "
                  "they lie there were verified, and only a "
                  "server with the key can read them.",
                  segment->name, (unsigned long long)walk->encrypted_count);
    }
}

/* The end of the log, as a start finds it from `begin` on. */
static void scan_end(struct segment_walk *walk, struct segment_recover *scan, u32 begin)
{
    struct segment_walk before = *walk;
    scan_units(walk, scan);
    walk->next_offset = scan->end.next_offset;
    switch (scan->verdict) {
    case RECOVER_ENDS:
        tell_segment(walk);
        tell_space(walk, scan->end.position);
        break;
    case RECOVER_UNFINISHED:
        tell_segment(walk);
        tell_unfinished(walk, scan);
        break;
    case RECOVER_ROT:
        *walk = before;
        walk->window_bytes = 0;
        tell_rot(walk, scan, begin);
        tell_segment(walk);
        walk->segment->read_only = true;
        break;
    }
}

static void scan_newest(struct segment_walk *walk)
{
    struct doctor_segment *segment = walk->segment;
    struct recover_point begin = segment_verdict_begin(&segment->header, segment->point);
    struct segment_recover scan;
    segment_recover_init(&scan, &segment->header, segment->file.bytes, &begin);
    walk_units(walk, SEGMENT_HEADER_BYTES, u64_min(begin.position, segment->file.bytes),
               begin.next_offset);
    if (begin.position > scan.file_bytes) {
        tell_segment(walk);
        find_problem(&walk->doctor->findings,
                     "%s: the file ends at byte %llu, before its recovery point at byte %u. The "
                     "partition opens for reading only, and nothing is deleted.",
                     segment->name, (unsigned long long)segment->file.bytes, begin.position);
        segment->read_only = true;
        return;
    }
    scan_end(walk, &scan, begin.position);
}

void doctor_segment(struct doctor *doctor, struct doctor_segment *segment)
{
    struct segment_walk walk = {
        .doctor = doctor,
        .segment = segment,
        .next_offset = segment->header.base_offset,
    };
    if (segment->next != NULL) {
        walk_units(&walk, SEGMENT_HEADER_BYTES, segment->file.bytes, segment->next->base_offset);
        tell_segment(&walk);
    } else {
        scan_newest(&walk);
    }
    if (walk.holes_count > HOLES_TOLD_MAX) {
        find_problem(&doctor->findings, "%s: %u more places are damaged.", segment->name,
                     walk.holes_count - HOLES_TOLD_MAX);
    }
    if (segment->file.unreadable_bytes > 0) {
        find_problem(&doctor->findings,
                     "%s: the device cannot read %llu bytes, the first of them at byte %llu.",
                     segment->name, (unsigned long long)segment->file.unreadable_bytes,
                     (unsigned long long)segment->file.unreadable_position);
    }
    segment->end_offset = walk.next_offset;
    doctor->segments_count++;
    doctor->messages_count += walk.messages_count;
    doctor->bytes_count += walk.bytes;
}
