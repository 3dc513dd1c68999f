/* Files of small records: recovery points (ends/) and stored offsets (offsets/). Which of them
 * count, and which record wins, is record_file's and its users' business. */
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor_parts.h"

#define READ_BYTES (1024u * 1024u)

struct record_kind {
    const char *what;
    struct record_file_user format; /* only directory, magic and record_bytes */
    void (*on_record)(struct doctor *doctor, const u8 *record);
    u64 (*life_of)(const u8 *record);
};

struct record_scan {
    const struct record_kind *kind;
    struct record_file_name names[RECORD_FILES_MAX];
    u32 names_count;
    u64 records_count;
    u64 damaged_count;
    u64 life_unknown;
    char life_unknown_path[IO_PATH_BYTES];
};

/* The partition in its present life, or NULL. */
static const struct state_partition *present(const struct doctor *doctor, u64 life,
                                             const struct partition_ids *ids)
{
    const struct state_partition *described =
        state_partition_find(doctor->state, ids->stream_id, ids->topic_id, ids->partition_id);
    return described != NULL && described->life == life ? described : NULL;
}

static void on_point(struct doctor *doctor, const u8 *bytes)
{
    struct ends_record record = ends_record_decode(bytes);
    struct partition_ids ids = {record.stream_id, record.topic_id, record.partition_id};
    const struct state_partition *described = present(doctor, record.life, &ids);
    if (described == NULL) {
        return;
    }
    struct doctor_partition *partition = &doctor->partitions[described->slot];
    if (!partition->has_point || record.point.next_unit >= partition->point.next_unit) {
        partition->has_point = true;
        partition->point = record.point;
    }
}

static u64 life_of_point(const u8 *bytes)
{
    return ends_record_decode(bytes).life;
}

static void on_offset(struct doctor *doctor, const u8 *bytes)
{
    struct offset_record record = offset_record_decode(bytes);
    struct partition_ids ids = {record.stream_id, record.topic_id, record.partition_id};
    const struct state_partition *described = present(doctor, record.life, &ids);
    if (described == NULL) {
        return;
    }
    if (doctor->offsets_count == doctor->offsets_room) {
        doctor->offsets_room = 2 * doctor->offsets_room + 64;
        doctor->offsets =
            mem_resize(doctor->offsets, sizeof(*doctor->offsets) * doctor->offsets_room);
    }
    doctor->offsets[doctor->offsets_count++] =
        (struct doctor_offset){.slot = described->slot, .record = record};
}

static u64 life_of_offset(const u8 *bytes)
{
    return offset_record_decode(bytes).life;
}

static int compare_u64(u64 a, u64 b)
{
    return a < b ? -1 : a > b;
}

/* By partition and consumer, the newest record first. */
static int compare_offsets(const void *left, const void *right)
{
    const struct doctor_offset *a = left;
    const struct doctor_offset *b = right;
    int order = compare_u64(a->slot, b->slot);
    order = order != 0 ? order : compare_u64(a->record.key.kind, b->record.key.kind);
    order = order != 0 ? order : compare_u64(a->record.key.consumer, b->record.key.consumer);
    order = order != 0 ? order : compare_u64(b->record.boot, a->record.boot);
    return order != 0 ? order : compare_u64(b->record.sequence, a->record.sequence);
}

static bool is_same_key(const struct doctor_offset *a, const struct doctor_offset *b)
{
    return a->slot == b->slot && a->record.key.kind == b->record.key.kind &&
           a->record.key.consumer == b->record.key.consumer;
}

/* Leaves one record a consumer, and none for those whose offset was deleted. */
static void merge_offsets(struct doctor *doctor)
{
    u32 kept = 0;
    struct doctor_offset *all = doctor->offsets;
    if (doctor->offsets_count > 0) {
        qsort(all, doctor->offsets_count, sizeof(*all), compare_offsets);
    }
    for (u32 i = 0; i < doctor->offsets_count; i++) {
        bool is_newest = i == 0 || !is_same_key(&all[i], &all[i - 1]);
        struct doctor_offset entry = all[i];
        if (is_newest && !entry.record.deleted) {
            /* Never behind i, and i - 1 is not looked at again unless it is kept in place. */
            all[kept++] = entry;
        }
    }
    doctor->offsets_count = kept;
}

/* ---- Reading them ---- */

static void path_of(const struct record_scan *scan, const struct record_file_name *name,
                    char path[IO_PATH_BYTES])
{
    (void)str_format(path, IO_PATH_BYTES, "%s/%u-%u-%u", scan->kind->format.directory, name->boot,
                     name->core, name->number);
}

static void on_record(struct doctor *doctor, struct record_scan *scan, const u8 *record,
                      const char *path)
{
    switch (record_file_judge(record, scan->kind->format.record_bytes)) {
    case RECORD_SOUND:
        scan->records_count++;
        if (scan->kind->life_of(record) > state_life_max(doctor->state)) {
            scan->life_unknown = u64_max(scan->life_unknown, scan->kind->life_of(record));
            (void)str_format(scan->life_unknown_path, IO_PATH_BYTES, "%s", path);
            break;
        }
        scan->kind->on_record(doctor, record);
        break;
    case RECORD_EMPTY: break;
    case RECORD_DAMAGED: scan->damaged_count++; break;
    }
}

static void read_records(struct doctor *doctor, struct record_scan *scan, struct data_file *file,
                         const char *path)
{
    u32 record_bytes = scan->kind->format.record_bytes;
    u8 *room = doctor_room(doctor, READ_BYTES);
    u64 position = RECORD_FILE_RECORDS_POSITION;
    u32 count = 0;
    while ((count = data_file_read(file, position, room, READ_BYTES)) > 0) {
        for (u32 block = 0; block + RECORD_FILE_BLOCK_BYTES <= count;
             block += RECORD_FILE_BLOCK_BYTES) {
            for (u32 at = 0; at + record_bytes <= RECORD_FILE_BLOCK_BYTES; at += record_bytes) {
                on_record(doctor, scan, room + block + at, path);
            }
        }
        position += count;
    }
}

static void read_file(struct doctor *doctor, struct record_scan *scan,
                      struct record_file_name *name, bool records)
{
    char path[IO_PATH_BYTES];
    struct data_file file;
    path_of(scan, name, path);
    enum status status = data_file_open(&file, doctor->root, path);
    if (status != OK) {
        find_problem(&doctor->findings, "%s cannot be opened: %s.", path, status_text(status));
        return;
    }
    if (records) {
        read_records(doctor, scan, &file, path);
    } else {
        u8 block[RECORD_FILE_BLOCK_BYTES];
        for (u32 copy = 0; copy < 2 && !name->counts; copy++) {
            u64 position = (u64)copy * RECORD_FILE_BLOCK_BYTES;
            if (data_file_read(&file, position, block, sizeof(block)) == sizeof(block)) {
                record_file_decode_header(&scan->kind->format, block, name);
            }
        }
    }
    if (file.unreadable_bytes > 0) {
        find_problem(&doctor->findings,
                     "%s: the device cannot read %llu bytes from byte %llu on. A start does "
                     "without the records in them.",
                     path, (unsigned long long)file.unreadable_bytes,
                     (unsigned long long)file.unreadable_position);
    }
    data_file_close(&file);
}

/* Space that is given up when a record finds no room: "reserve-<core>". */
static bool is_reserve(const char *name)
{
    static const char prefix[] = "reserve-";
    u64 core = 0;
    return strncmp(name, prefix, strlen(prefix)) == 0 && str_to_u64(name + strlen(prefix), &core);
}

static void list_files(struct doctor *doctor, struct record_scan *scan)
{
    const char *directory = scan->kind->format.directory;
    struct data_names names;
    enum status status = data_names_read(&names, doctor->root, directory);
    if (status != OK && status != ERR_NOT_FOUND) {
        find_problem(&doctor->findings, "%s/ cannot be listed: %s.", directory,
                     status_text(status));
    }
    for (u32 i = 0; i < names.count; i++) {
        struct record_file_name name;
        if (is_reserve(names.names[i])) {
            continue;
        }
        if (!record_file_parse_name(names.names[i], &name)) {
            find_note(&doctor->findings, "%s/%s is no file of ours: nobody reads it.", directory,
                      names.names[i]);
        } else if (scan->names_count == RECORD_FILES_MAX) {
            find_problem(&doctor->findings,
                         "A start is refused: %s/ holds more than %u files. Move the oldest away.",
                         directory, RECORD_FILES_MAX);
            break;
        } else {
            scan->names[scan->names_count++] = name;
        }
    }
    data_names_free(&names);
}

static void say_uncounted(struct doctor *doctor, const struct record_scan *scan)
{
    for (u32 i = 0; i < scan->names_count; i++) {
        char path[IO_PATH_BYTES];
        path_of(scan, &scan->names[i], path);
        if (!scan->names[i].counts) {
            find_note(&doctor->findings,
                      "%s has no sound header: a start was ended while it was written. It does not "
                      "count, and is removed.",
                      path);
        }
    }
}

/* The number of a start is in the control log before its files are made. */
static void say_unknown_starts(struct doctor *doctor, const struct record_scan *scan)
{
    for (u32 i = 0; i < scan->names_count; i++) {
        if (doctor->has_state && scan->names[i].boot > state_boot(doctor->state)) {
            char path[IO_PATH_BYTES];
            path_of(scan, &scan->names[i], path);
            find_problem(&doctor->findings,
                         "A start is refused: %s is of start %u, and the control log knows %u. It "
                         "lost its end, or is of another data directory: restore control/.",
                         path, scan->names[i].boot, state_boot(doctor->state));
        }
    }
}

static void say_records(struct doctor *doctor, const struct record_scan *scan, u32 files_count)
{
    struct findings *findings = &doctor->findings;
    find_fact(findings, "%s: %llu records in %u files (%s/).", scan->kind->what,
              (unsigned long long)scan->records_count, files_count, scan->kind->format.directory);
    if (scan->damaged_count > 0) {
        find_note(findings,
                  "%llu records do not verify: the last write was not finished, or a sector is "
                  "rotten. A start does without them.",
                  (unsigned long long)scan->damaged_count);
    }
    if (scan->life_unknown != 0 && doctor->has_state) {
        find_problem(findings,
                     "A start is refused: %s holds a record of life %llu, and the control log "
                     "never gave a life above %llu. It lost its end, or is of another data "
                     "directory: restore control/.",
                     scan->life_unknown_path, (unsigned long long)scan->life_unknown,
                     (unsigned long long)state_life_max(doctor->state));
    }
}

static void look_at(struct doctor *doctor, const struct record_kind *kind)
{
    struct record_scan *scan = mem_take(sizeof(*scan));
    scan->kind = kind;
    list_files(doctor, scan);
    for (u32 i = 0; i < scan->names_count; i++) {
        read_file(doctor, scan, &scan->names[i], false);
    }
    record_file_choose(scan->names, scan->names_count);
    u32 files_count = 0;
    for (u32 i = 0; i < scan->names_count; i++) {
        if (!scan->names[i].replaced) {
            files_count++;
            read_file(doctor, scan, &scan->names[i], true);
        }
    }
    say_uncounted(doctor, scan);
    say_unknown_starts(doctor, scan);
    say_records(doctor, scan, files_count);
    mem_return(scan);
}

void doctor_records(struct doctor *doctor)
{
    static const struct record_kind points = {
        .what = "Recovery points",
        .format = {.directory = "ends", .magic = ENDS_MAGIC, .record_bytes = ENDS_RECORD_BYTES},
        .on_record = on_point,
        .life_of = life_of_point,
    };
    static const struct record_kind offsets = {
        .what = "Stored offsets",
        .format = {.directory = "offsets",
                   .magic = OFFSETS_MAGIC,
                   .record_bytes = OFFSETS_RECORD_BYTES},
        .on_record = on_offset,
        .life_of = life_of_offset,
    };
    findings_title(&doctor->findings, "Recovery points and stored offsets");
    look_at(doctor, &points);
    look_at(doctor, &offsets);
    merge_offsets(doctor);
    find_fact(&doctor->findings, "Consumers with a stored offset: %u.", doctor->offsets_count);
}
