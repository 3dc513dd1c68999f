/* One partition's directory: what its files are, what a start makes of each, and of all of them. */
#include <string.h>

#include "doctor/doctor_parts.h"

struct partition_look {
    struct doctor *doctor;
    const struct partition_ids *ids;
    const struct state_partition *described;
    struct segment_place place;
    const struct log_point *point; /* or NULL */
    char path[96];
    struct data_names names;
    struct doctor_segment *segments;
    u32 segments_count;
    bool ends_here; /* a start looks no further: refused, or moved to the trash */
    bool read_only;
    bool has_end;
    u64 end_offset;
};

static void file_path(const struct partition_look *look, const char *name, char path[IO_PATH_BYTES])
{
    (void)str_format(path, IO_PATH_BYTES, "%s/%s", look->path, name);
}

static u64 file_bytes(const struct partition_look *look, const char *name)
{
    char path[IO_PATH_BYTES];
    struct data_file file;
    file_path(look, name, path);
    if (data_file_open(&file, look->doctor->root, path) != OK) {
        return 0;
    }
    data_file_close(&file);
    return file.bytes;
}

/* ---- Names ---- */

/* "<20 digits>-<boot>.cut" */
static bool is_cut(const char *name, u64 *first_offset)
{
    char offset[32];
    const char *dash = strchr(name, '-');
    size_t size = strlen(name);
    if (dash == NULL || size < 5 || strcmp(name + size - 4, ".cut") != 0 ||
        !str_format(offset, sizeof(offset), "%.*s.log", (int)(dash - name), name)) {
        return false;
    }
    return segment_verdict_name(offset, ".log", first_offset);
}

static bool has_segment(const struct partition_look *look, u64 base_offset)
{
    for (u32 i = 0; i < look->segments_count; i++) {
        if (look->segments[i].base_offset == base_offset) {
            return true;
        }
    }
    return false;
}

static void tell_other_file(struct partition_look *look, const char *name)
{
    struct findings *findings = &look->doctor->findings;
    u64 offset = 0;
    if (segment_verdict_name(name, ".index", &offset)) {
        if (!has_segment(look, offset)) {
            find_note(findings, "%s is an index without its segment: nobody reads it.", name);
        }
    } else if (strcmp(name, "spare") == 0) {
        find_fact(findings,
                  "spare: %llu bytes of a segment that retention let go, kept for the next one.",
                  (unsigned long long)file_bytes(look, name));
    } else if (segment_verdict_name(name, ".new", &offset)) {
        find_note(findings,
                  "%s was being made when the server ended: a start removes it, nothing was ever "
                  "in it.",
                  name);
    } else if (is_cut(name, &offset)) {
        find_note(findings,
                  "%s holds %llu bytes of a last write that was not whole, cut off by a start. "
                  "Offsets from %llu on were given again. It stays until somebody removes it.",
                  name, (unsigned long long)file_bytes(look, name), (unsigned long long)offset);
    } else {
        find_note(findings, "%s is no file of ours: nobody reads it.", name);
    }
}

static void find_segments(struct partition_look *look)
{
    u64 base_offset = 0;
    look->segments = mem_take(sizeof(*look->segments) * ((size_t)look->names.count + 1));
    for (u32 i = 0; i < look->names.count; i++) {
        const char *name = look->names.names[i];
        if (segment_verdict_name(name, ".log", &base_offset)) {
            struct doctor_segment *segment = &look->segments[look->segments_count++];
            *segment = (struct doctor_segment){.base_offset = base_offset, .file = {.fd = -1}};
            (void)str_format(segment->name, sizeof(segment->name), "%s", name);
        }
    }
    for (u32 i = 0; i < look->names.count; i++) {
        if (!segment_verdict_name(look->names.names[i], ".log", &base_offset)) {
            tell_other_file(look, look->names.names[i]);
        }
    }
}

/* ---- Headers ---- */

/* Without the control log a header's own life is taken for the present one. */
static void adopt_life(struct partition_look *look, struct span block)
{
    struct segment_header header;
    if (!look->doctor->has_state && look->place.life == 0 && block.size >= SEGMENT_HEADER_BYTES &&
        segment_header_decode(block.data, &header) == OK) {
        look->place.life = header.life;
    }
}

static void tell_refused(struct partition_look *look, const struct doctor_segment *segment,
                         const char *why)
{
    find_problem(&look->doctor->findings,
                 "%s %s. The partition is refused: nothing of it is served, nothing is touched.",
                 segment->name, why);
    look->ends_here = true;
}

static void tell_life_over(struct partition_look *look, const struct doctor_segment *segment)
{
    find_note(&look->doctor->findings, "%s is of life %llu, which the control log ended. %s",
              segment->name, (unsigned long long)segment->header.life,
              look->described != NULL
                  ? "A start moves the directory to the trash and begins the present life anew."
                  : "Nobody reads it; it goes to the trash when these ids are given again.");
    look->ends_here = true;
}

static void tell_life_unknown(struct partition_look *look, const struct doctor_segment *segment)
{
    find_problem(&look->doctor->findings,
                 "%s is of life %llu, and the control log never gave a life above %llu: it lost "
                 "its end, or is of another data directory. %s Restore control/ from a backup.",
                 segment->name, (unsigned long long)segment->header.life,
                 (unsigned long long)state_life_max(look->doctor->state),
                 look->described != NULL
                     ? "The partition is refused: nothing of it is served, nothing is touched."
                     : "Nothing touches it until these ids are given again, and then the new "
                       "partition is refused.");
    look->ends_here = true;
}

/* Was it only being made? Then there are zeros behind its header. */
static bool was_being_made(struct partition_look *look, struct doctor_segment *segment, u32 at)
{
    if (at != 0 || segment->base_offset != 0 || look->point != NULL) {
        return false;
    }
    u8 *room = doctor_room(look->doctor, RECOVER_READ_BYTES);
    u32 count = data_file_read(&segment->file, SEGMENT_HEADER_BYTES, room, RECOVER_READ_BYTES);
    for (u32 i = 0; i < count; i++) {
        if (room[i] != 0) {
            return false;
        }
    }
    return segment->file.unreadable_bytes == 0;
}

static void tell_unsound(struct partition_look *look, struct doctor_segment *segment, u32 at)
{
    struct findings *findings = &look->doctor->findings;
    if (was_being_made(look, segment, at)) {
        find_note(findings,
                  "%s: its header does not verify and nothing is behind it: it was being made when "
                  "the server ended. A start makes it again.",
                  segment->name);
        look->ends_here = true;
        return;
    }
    look->read_only = true;
    if (look->described == NULL && look->doctor->has_state) {
        find_problem(findings,
                     "%s: its header does not verify. Nobody reads it: no such partition exists.",
                     segment->name);
        return;
    }
    char range[64];
    if (at + 1 < look->segments_count) {
        (void)str_format(range, sizeof(range), "offsets %llu to %llu are",
                         (unsigned long long)segment->base_offset,
                         (unsigned long long)look->segments[at + 1].base_offset - 1);
    } else {
        (void)str_format(range, sizeof(range), "offsets from %llu on are",
                         (unsigned long long)segment->base_offset);
    }
    find_problem(findings,
                 "%s: its header does not verify: %s damaged, and polls of them are answered with "
                 "error %u. The partition opens for reading only, and nothing is deleted.",
                 segment->name, range, WIRE_CANNOT_READ_MESSAGE);
}

static void judge_header(struct partition_look *look, struct doctor_segment *segment, u32 at)
{
    char path[IO_PATH_BYTES];
    u8 *block = doctor_room(look->doctor, SEGMENT_HEADER_BYTES);
    file_path(look, segment->name, path);
    enum status status = data_file_open(&segment->file, look->doctor->root, path);
    if (status != OK) {
        tell_refused(look, segment, status_text(status));
        return;
    }
    struct span bytes = {block, data_file_read(&segment->file, 0, block, SEGMENT_HEADER_BYTES)};
    adopt_life(look, bytes);
    segment->verdict =
        segment_verdict_of(&look->place, bytes, segment->base_offset, &segment->header);
    switch (segment->verdict) {
    case SEGMENT_SOUND: break;
    case SEGMENT_UNSOUND: tell_unsound(look, segment, at); break;
    case SEGMENT_OTHER_VERSION:
        tell_refused(look, segment, "is of a format version this server does not know");
        break;
    case SEGMENT_LIFE_OVER: tell_life_over(look, segment); break;
    case SEGMENT_LIFE_NOT_OVER:
        tell_refused(look, segment, "is of a life that is neither present nor over");
        break;
    case SEGMENT_LIFE_UNKNOWN: tell_life_unknown(look, segment); break;
    case SEGMENT_OTHER_PARTITION:
        tell_refused(look, segment, "is of another partition: it lies in the wrong place");
        break;
    }
}

/* ---- Segments, and what hangs on them ---- */

static void look_at_index(struct partition_look *look, const struct doctor_segment *segment)
{
    char name[32];
    char path[IO_PATH_BYTES];
    struct data_file file;
    u8 bytes[SEGMENT_INDEX_FILE_BYTES_MAX];
    u32 stride_bytes = 0;
    u32 count = 0;
    (void)str_format(name, sizeof(name), "%020llu.index", (unsigned long long)segment->base_offset);
    file_path(look, name, path);
    if (data_file_open(&file, look->doctor->root, path) != OK) {
        return;
    }
    u32 size = data_file_read(&file, 0, bytes, sizeof(bytes));
    data_file_close(&file);
    if (segment_index_decode((struct span){bytes, size}, segment->header.salt, segment->base_offset,
                             &stride_bytes, &count) != OK) {
        find_note(&look->doctor->findings,
                  "%s does not fit its segment: nobody believes it, the segment is scanned "
                  "instead. Nothing is lost.",
                  name);
    }
}

static void look_at_segment(struct partition_look *look, u32 at)
{
    struct doctor_segment *segment = &look->segments[at];
    if (segment->verdict != SEGMENT_SOUND) {
        return;
    }
    /* A segment whose own header is lost is known by its name. */
    struct segment_header named = {0};
    if (at + 1 < look->segments_count) {
        named = look->segments[at + 1].header;
        named.base_offset = look->segments[at + 1].base_offset;
        segment->next = &named;
    }
    segment->point = look->point;
    segment->read_only = look->read_only;
    doctor_segment(look->doctor, segment);
    segment->next = NULL;
    look->read_only = look->read_only || segment->read_only;
    look_at_index(look, segment);
    if (at + 1 == look->segments_count) {
        look->has_end = true;
        look->end_offset = segment->end_offset;
    }
}

static void tell_no_segment(struct partition_look *look)
{
    if (look->point != NULL) {
        find_problem(&look->doctor->findings,
                     "All segments are missing, and a recovery point says that there were messages "
                     "up to offset %llu. The partition opens for reading only.",
                     (unsigned long long)look->point->next_offset - 1);
        look->read_only = true;
    } else {
        find_fact(&look->doctor->findings, "There is no segment: a start makes the first.");
    }
}

/* ---- Stored offsets ---- */

static u32 first_offset_of(const struct doctor *doctor, u32 slot)
{
    u32 low = 0;
    u32 high = doctor->offsets_count;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (doctor->offsets[middle].slot < slot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void look_at_offsets(struct partition_look *look)
{
    const struct doctor *doctor = look->doctor;
    u32 count = 0;
    u32 beyond_count = 0;
    if (look->described == NULL) {
        return;
    }
    for (u32 i = first_offset_of(doctor, look->described->slot);
         i < doctor->offsets_count && doctor->offsets[i].slot == look->described->slot; i++) {
        count++;
        beyond_count += look->has_end && doctor->offsets[i].record.offset >= look->end_offset;
    }
    if (count > 0) {
        find_fact(&look->doctor->findings, "Consumers with a stored offset here: %u.", count);
    }
    if (beyond_count > 0) {
        find_note(&look->doctor->findings,
                  "Stored offsets beyond the end: %u, and the log ends before offset %llu: %s.",
                  beyond_count, (unsigned long long)look->end_offset,
                  look->read_only ? "they stay, since the partition opens for reading only"
                                  : "a start sets them back to the last message");
    }
}

/* ---- All of it ---- */

static void title(struct partition_look *look)
{
    const struct partition_ids *ids = look->ids;
    const struct state *state = look->doctor->state;
    const struct state_stream *stream = state_stream_get(state, ids->stream_id);
    const struct state_topic *topic =
        stream == NULL ? NULL : state_topic_get(state, ids->stream_id, ids->topic_id);
    if (look->described == NULL || topic == NULL) {
        findings_title(&look->doctor->findings, "%s%s", look->path,
                       look->doctor->has_state ? ": no such partition exists" : "");
        return;
    }
    findings_title(&look->doctor->findings, "%s: partition %u of topic \"%.*s\" of stream \"%.*s\"",
                   look->path, ids->partition_id, topic->name_size, (const char *)topic->name,
                   stream->name_size, (const char *)stream->name);
}

static void look_at_segments(struct partition_look *look)
{
    for (u32 i = 0; i < look->segments_count && !look->ends_here; i++) {
        judge_header(look, &look->segments[i], i);
    }
    for (u32 i = 0; i < look->segments_count && !look->ends_here; i++) {
        look_at_segment(look, i);
    }
    if (look->segments_count == 0) {
        tell_no_segment(look);
    }
}

void doctor_partition(struct doctor *doctor, const struct partition_ids *ids,
                      const struct state_partition *described)
{
    struct partition_look look = {
        .doctor = doctor,
        .ids = ids,
        .described = described,
        .place = {.state = doctor->state,
                  .stream_id = ids->stream_id,
                  .topic_id = ids->topic_id,
                  .partition_id = ids->partition_id,
                  .life = described == NULL ? 0 : described->life},
    };
    if (described != NULL && doctor->partitions[described->slot].has_point) {
        look.point = &doctor->partitions[described->slot].point;
    }
    (void)str_format(look.path, sizeof(look.path), "streams/%u/topics/%u/partitions/%u",
                     ids->stream_id, ids->topic_id, ids->partition_id);
    title(&look);
    enum status status = data_names_read(&look.names, doctor->root, look.path);
    if (status != OK && status != ERR_NOT_FOUND) {
        find_problem(&doctor->findings, "The directory cannot be listed: %s.", status_text(status));
    }
    if (look.point != NULL) {
        find_fact(&doctor->findings,
                  "Recovery point: synced up to offset %llu, byte %u of %020llu.log.",
                  (unsigned long long)look.point->next_offset, look.point->position,
                  (unsigned long long)look.point->segment_base_offset);
    }
    find_segments(&look);
    look_at_segments(&look);
    look_at_offsets(&look);
    doctor->partitions_count++;
    for (u32 i = 0; i < look.segments_count; i++) {
        data_file_close(&look.segments[i].file);
    }
    mem_return(look.segments);
    data_names_free(&look.names);
}
