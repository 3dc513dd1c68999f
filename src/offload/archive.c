#include "offload/archive.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "offload/offload_log.h"
#include "offload/zip.h"

#define PATH_BYTES 1024u
#define DEPTH_MAX 8u
#define FILES_SHOWN_MAX 4000u
#define PROCESSES_SHOWN_MAX 2000u

/* A text being put together; what does not fit is cut. */
struct text {
    char *data;
    u32 capacity;
    u32 size;
};

#define text_add(text, ...)                                                                        \
    ((void)str_append((text)->data, (text)->capacity, &(text)->size, __VA_ARGS__))

/* Up to the end of the file or of the room. */
static bool add_file(struct text *text, const char *path)
{
    s32 file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    ssize_t got = 1;
    while (got > 0 && text->size + 1 < text->capacity) {
        got = read(file, text->data + text->size, text->capacity - 1 - text->size);
        text->size += got > 0 ? (u32)got : 0;
    }
    text->data[text->size] = 0;
    (void)close(file);
    return got >= 0;
}

static void add_file_under(struct text *text, const char *path)
{
    text_add(text, "--- %s\n", path);
    if (!add_file(text, path)) {
        text_add(text, "(cannot be read)\n");
    }
    text_add(text, "\n");
}

/* ---- Files ---- */

struct listing {
    struct text *text;
    u32 shown;
    u64 bytes;
    u64 files;
    char path[PATH_BYTES];
};

static void list_directory(struct listing *listing, u32 depth);

static void list_one(struct listing *listing, const char *name, u32 depth)
{
    struct stat facts;
    size_t end = strlen(listing->path);
    if (!str_format(listing->path + end, PATH_BYTES - (u32)end, "/%s", name) ||
        lstat(listing->path, &facts) != 0) {
        listing->path[end] = 0;
        return;
    }
    if (S_ISDIR(facts.st_mode)) {
        list_directory(listing, depth + 1);
    } else {
        listing->files++;
        listing->bytes += (u64)facts.st_blocks * 512;
        if (listing->shown++ < FILES_SHOWN_MAX) {
            text_add(listing->text, "%12lld %12lld %lld %s\n", (long long)facts.st_size,
                     (long long)facts.st_blocks * 512, (long long)facts.st_mtim.tv_sec,
                     listing->path);
        }
    }
    listing->path[end] = 0;
}

static void list_directory(struct listing *listing, u32 depth)
{
    DIR *directory = depth > DEPTH_MAX ? NULL : opendir(listing->path);
    if (directory == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            list_one(listing, entry->d_name, depth);
        }
    }
    (void)closedir(directory);
}

static bool add_filesystem(struct text *text, const char *data_path)
{
    struct statvfs disk;
    if (statvfs(data_path, &disk) == 0) {
        text_add(text, "%s: %llu of %llu bytes free, %llu of %llu files free\n\n", data_path,
                 (unsigned long long)disk.f_bavail * disk.f_frsize,
                 (unsigned long long)disk.f_blocks * disk.f_frsize,
                 (unsigned long long)disk.f_favail, (unsigned long long)disk.f_files);
    }
    text_add(text, "%12s %12s changed    file\n", "size", "on disk");
    struct listing listing = {.text = text};
    if (!str_format(listing.path, sizeof(listing.path), "%s", data_path)) {
        return false;
    }
    list_directory(&listing, 0);
    text_add(text, "\n%llu files, %llu bytes on disk%s\n", (unsigned long long)listing.files,
             (unsigned long long)listing.bytes,
             listing.shown > FILES_SHOWN_MAX ? " (not all are listed)" : "");
    return true;
}

/* ---- Processes and resources ---- */

/* The one line of a /proc stat file that says what runs: name, state, ticks used, pages held. */
static void add_stat_line(struct text *text, const char *path, const char *id)
{
    char stat_text[1024];
    struct text line = {.data = stat_text, .capacity = sizeof(stat_text)};
    const char *name = NULL;
    char *name_end = NULL;
    if (!add_file(&line, path) || (name = strchr(stat_text, '(')) == NULL ||
        (name_end = strrchr(stat_text, ')')) == NULL || name_end[1] == 0) {
        return;
    }
    *name_end = 0;
    u64 numbers[22] = {0}; /* proc(5) counts from 1; 4, the parent, is the first number here */
    char *at = name_end + 3;
    for (u32 i = 0; i < array_count(numbers) && *at != 0; i++) {
        numbers[i] = strtoull(at + 1, &at, 10);
    }
    text_add(text, "%8s %c %8llu %12llu %10llu %4llu %s\n", id, name_end[2],
             (unsigned long long)numbers[0], (unsigned long long)(numbers[10] + numbers[11]),
             (unsigned long long)numbers[20], (unsigned long long)numbers[16], name + 1);
}

/* Every number that is a name in `directory`. */
static bool add_stat_lines(struct text *text, const char *directory_path)
{
    DIR *directory = opendir(directory_path);
    if (directory == NULL) {
        return false;
    }
    text_add(text, "%8s s %8s %12s %10s thr name\n", "id", "parent", "cpu ticks", "pages");
    u32 shown = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[PATH_BYTES];
        if (isdigit((unsigned char)entry->d_name[0]) && shown++ < PROCESSES_SHOWN_MAX &&
            str_format(path, sizeof(path), "%s/%s/stat", directory_path, entry->d_name)) {
            add_stat_line(text, path, entry->d_name);
        }
    }
    (void)closedir(directory);
    return true;
}

static bool add_resources(struct text *text)
{
    static const char *const files[] = {
        "/proc/self/status",      "/proc/self/io",     "/proc/self/limits",
        "/proc/loadavg",          "/proc/meminfo",     "/proc/pressure/cpu",
        "/proc/pressure/memory",  "/proc/pressure/io", "/proc/diskstats",
        "/proc/net/sockstat",     "/proc/version",     "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/cpu.max",
    };
    text_add(text, "--- threads of the server\n");
    (void)add_stat_lines(text, "/proc/self/task");
    text_add(text, "\n");
    for (u32 i = 0; i < array_count(files); i++) {
        add_file_under(text, files[i]);
    }
    return true;
}

/* ---- The archive ---- */

static bool add_config(struct text *text, const char *data_path)
{
    char path[PATH_BYTES];
    return str_format(path, sizeof(path), "%s/runtime/current_config.toml", data_path) &&
           add_file(text, path);
}

static bool add_part(struct text *text, enum archive_part part, const char *data_path,
                     struct offload_log *log)
{
    switch (part) {
    case ARCHIVE_FILESYSTEM_OVERVIEW: return add_filesystem(text, data_path);
    case ARCHIVE_PROCESS_LIST: return add_stat_lines(text, "/proc");
    case ARCHIVE_RESOURCE_USAGE: return add_resources(text);
    case ARCHIVE_TEST: text_add(text, "test\n"); return true;
    case ARCHIVE_SERVER_LOGS:
        text->size = offload_log_copy(log, (u8 *)text->data, text->capacity);
        return true;
    case ARCHIVE_SERVER_CONFIG: return add_config(text, data_path);
    }
    unreachable();
}

static const char *part_name(enum archive_part part)
{
    switch (part) {
    case ARCHIVE_FILESYSTEM_OVERVIEW: return "filesystem_overview.txt";
    case ARCHIVE_PROCESS_LIST: return "process_list.txt";
    case ARCHIVE_RESOURCE_USAGE: return "resource_usage.txt";
    case ARCHIVE_TEST: return "test.txt";
    case ARCHIVE_SERVER_LOGS: return "server_logs.txt";
    case ARCHIVE_SERVER_CONFIG: return "server_config.txt";
    }
    unreachable();
}

void archive_make(struct archive *archive, const char *data_path, struct offload_log *log)
{
    check(archive->capacity >= 64 * KIB);
    check(archive->parts_count <= ARCHIVE_PARTS_MAX);
    u32 text_bytes = archive->capacity / 4;
    u32 zip_bytes = archive->capacity - text_bytes;
    struct zip zip;
    zip_begin(&zip, archive->data, zip_bytes, archive->wall_us / US_PER_SECOND);
    for (u32 i = 0; i < archive->parts_count; i++) {
        enum archive_part part = (enum archive_part)archive->parts[i];
        struct text text = {.data = (char *)archive->data + zip_bytes, .capacity = text_bytes};
        if (add_part(&text, part, data_path, log)) {
            struct span content = {(const u8 *)text.data, text.size};
            (void)zip_add(&zip, part_name(part), (enum compress_method)archive->method, content);
        }
    }
    archive->size = zip_end(&zip);
}
