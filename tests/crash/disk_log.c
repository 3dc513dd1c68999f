#include "disk_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"

bool disk_log_writer_open(struct disk_log_writer *writer, const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) {
        return false;
    }
    *writer = (struct disk_log_writer){.file = file};
    return true;
}

bool disk_log_append(struct disk_log_writer *writer, enum disk_log_kind kind, u64 position,
                     const void *data, u32 size)
{
    u8 header[DISK_LOG_HEADER_SIZE] = {0};
    put_u32(header, DISK_LOG_MAGIC);
    put_u32(header + 4, (u32)kind);
    put_u64(header + 8, writer->sequence + 1);
    put_u64(header + 16, position);
    put_u32(header + 24, size);

    /* writev only reads: the cast drops a const that struct iovec cannot express. */
    struct iovec parts[2] = {
        {.iov_base = header, .iov_len = sizeof(header)},
        {.iov_base = (void *)(uintptr_t)data, .iov_len = size},
    };
    ssize_t written = writev(writer->file, parts, size > 0 ? 2 : 1);
    if (written != (ssize_t)(sizeof(header) + size)) {
        return false;
    }
    writer->sequence++;
    return true;
}

void disk_log_writer_close(struct disk_log_writer *writer)
{
    (void)close(writer->file);
    writer->file = -1;
}

/* Reads the record at `position` of the map; false when it is cut short or makes no sense. */
static bool record_read(const struct disk_log *log, u64 position, struct disk_log_record *record)
{
    if (log->size - position < DISK_LOG_HEADER_SIZE) {
        return false;
    }
    const u8 *header = log->bytes + position;
    u32 size = get_u32(header + 24);
    if (get_u32(header) != DISK_LOG_MAGIC || log->size - position - DISK_LOG_HEADER_SIZE < size) {
        return false;
    }
    *record = (struct disk_log_record){
        .kind = (enum disk_log_kind)get_u32(header + 4),
        .sequence = get_u64(header + 8),
        .position = get_u64(header + 16),
        .size = size,
        .data = header + DISK_LOG_HEADER_SIZE,
    };
    return true;
}

/* Fills `log->records`; they are counted in a first pass, when the array is still NULL. */
static bool records_scan(struct disk_log *log)
{
    u64 count = 0;
    for (u64 position = 0; position < log->size;) {
        struct disk_log_record record;
        if (!record_read(log, position, &record) || record.sequence != count + 1) {
            (void)fprintf(stderr, "disk log: no valid record at byte %llu\n",
                          (unsigned long long)position);
            return false;
        }
        if (log->records != NULL) {
            log->records[count] = record;
        }
        count++;
        position += DISK_LOG_HEADER_SIZE + record.size;
    }
    log->count = count;
    return true;
}

bool disk_log_open(struct disk_log *log, const char *path)
{
    *log = (struct disk_log){0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0 || status.st_size == 0) {
        (void)fprintf(stderr, "disk log: cannot read %s\n", path);
        if (file >= 0) {
            (void)close(file);
        }
        return false;
    }
    void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    (void)close(file);
    if (map == MAP_FAILED) {
        (void)fprintf(stderr, "disk log: cannot map %s\n", path);
        return false;
    }
    log->bytes = map;
    log->size = (u64)status.st_size;
    if (!records_scan(log)) {
        disk_log_close(log);
        return false;
    }
    log->records = calloc(log->count, sizeof(*log->records));
    if (log->records == NULL || !records_scan(log)) {
        disk_log_close(log);
        return false;
    }
    return true;
}

void disk_log_close(struct disk_log *log)
{
    if (log->bytes != NULL) {
        (void)munmap((void *)(uintptr_t)log->bytes, (size_t)log->size);
    }
    free(log->records);
    *log = (struct disk_log){0};
}
