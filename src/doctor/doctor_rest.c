/* The walk through streams/, and what else lies in the data directory. */
#include <string.h>

#include "doctor/doctor_parts.h"

static void not_ours(struct doctor *doctor, const char *path, const char *name)
{
    find_note(&doctor->findings, "%s%s is no file of ours: nobody reads it.", path, name);
}

/* The number that a directory is named by; false when it is none of ours. */
static bool id_of(const char *name, u32 *id)
{
    u64 number = 0;
    if (!str_to_u64(name, &number) || number > UINT32_MAX || (name[0] == '0' && name[1] != 0)) {
        return false;
    }
    *id = (u32)number;
    return true;
}

/* Calls `visit` for every numbered directory under `path`, ids[depth] set. */
static void walk_level(struct doctor *doctor, const char *path, u32 ids[3], u32 depth);

static void visit(struct doctor *doctor, const char *path, u32 ids[3], u32 depth)
{
    static const char *const below[] = {"topics", "partitions"};
    if (depth == 2) {
        struct partition_ids where = {ids[0], ids[1], ids[2]};
        const struct state_partition *described =
            doctor->has_state ? state_partition_find(doctor->state, ids[0], ids[1], ids[2]) : NULL;
        if (described != NULL) {
            doctor->partitions[described->slot].seen = true;
        }
        doctor_partition(doctor, &where, described);
        return;
    }
    char next[IO_PATH_BYTES];
    (void)str_format(next, sizeof(next), "%s/%s", path, below[depth]);
    walk_level(doctor, next, ids, depth + 1);
}

static void walk_level(struct doctor *doctor, const char *path, u32 ids[3], u32 depth)
{
    struct data_names names;
    enum status status = data_names_read(&names, doctor->root, path);
    if (status != OK && status != ERR_NOT_FOUND) {
        find_problem(&doctor->findings, "%s cannot be listed: %s.", path, status_text(status));
    }
    for (u32 i = 0; i < names.count; i++) {
        char next[IO_PATH_BYTES];
        if (id_of(names.names[i], &ids[depth])) {
            (void)str_format(next, sizeof(next), "%s/%s", path, names.names[i]);
            visit(doctor, next, ids, depth);
        }
    }
    for (u32 i = 0; i < names.count; i++) {
        u32 id = 0;
        if (!id_of(names.names[i], &id)) {
            findings_title(&doctor->findings, "%s", path);
            not_ours(doctor, "", names.names[i]);
        }
    }
    data_names_free(&names);
}

static void tell_missing(struct doctor *doctor)
{
    for (u32 slot = 0; slot < state_partitions_max(doctor->state); slot++) {
        const struct state_partition *described = state_partition_at(doctor->state, slot);
        if (described != NULL && !doctor->partitions[slot].seen) {
            struct partition_ids ids = {described->stream_id, described->topic_id, described->id};
            doctor_partition(doctor, &ids, described);
        }
    }
}

void doctor_streams(struct doctor *doctor)
{
    u32 ids[3] = {0};
    walk_level(doctor, "streams", ids, 0);
    if (doctor->has_state) {
        tell_missing(doctor);
    }
}

static bool is_ours(const char *name)
{
    static const char *const ours[] = {"lock",  "control", "offsets", "ends",
                                       "trash", "runtime", "streams"};
    for (u32 i = 0; i < array_count(ours); i++) {
        if (strcmp(ours[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_trash(struct doctor *doctor)
{
    struct data_names names;
    enum status status = data_names_read(&names, doctor->root, "trash");
    if (status == OK && names.count > 0) {
        find_fact(&doctor->findings,
                  "%u directories of lives that are over lie in trash/: a start removes them.",
                  names.count);
    }
    data_names_free(&names);
}

void doctor_rest(struct doctor *doctor)
{
    struct data_names names;
    u32 strays_count = 0;
    findings_title(&doctor->findings, "What else is there");
    enum status status = data_names_read(&names, doctor->root, ".");
    if (status != OK) {
        find_problem(&doctor->findings, "The directory cannot be listed: %s.", status_text(status));
    }
    for (u32 i = 0; i < names.count; i++) {
        if (!is_ours(names.names[i])) {
            not_ours(doctor, "", names.names[i]);
            strays_count++;
        }
    }
    if (strays_count == 0) {
        find_fact(&doctor->findings, "Beside its own files the directory holds nothing.");
    }
    tell_trash(doctor);
    data_names_free(&names);
}
