#include "doctor/data_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* What is given up as unreadable at once. */
#define SECTOR_BYTES 4096u

#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_CLOEXEC)

static enum status status_of_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EACCES:
    case EPERM: return ERR_PERMISSION;
    case ELOOP: return ERR_INVALID;
    default: return ERR_IO;
    }
}

enum status data_file_open(struct data_file *file, int root, const char *path)
{
    struct stat facts;
    *file = (struct data_file){.fd = -1};
    int fd = openat(root, path, OPEN_FLAGS | O_NONBLOCK);
    if (fd < 0) {
        return status_of_errno();
    }
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        (void)close(fd);
        return ERR_INVALID;
    }
    file->fd = fd;
    file->bytes = (u64)facts.st_size;
    return OK;
}

void data_file_close(struct data_file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
}

/* Bytes read; 0: the end; -1: the device could not read the first of them. */
static ssize_t read_some(const struct data_file *file, u64 position, u8 *room, u32 size)
{
    ssize_t count = 0;
    do {
        count = pread(file->fd, room, size, (off_t)position);
    } while (count < 0 && errno == EINTR);
    return count;
}

/* From `position` to the end of its sector is zeros. */
static u32 pass_over(struct data_file *file, u64 position, u8 *room, u32 size)
{
    u32 to_boundary = SECTOR_BYTES - (u32)(position % SECTOR_BYTES);
    u32 bytes = u32_min(size, to_boundary);
    memset(room, 0, bytes);
    if (file->unreadable_bytes == 0) {
        file->unreadable_position = position;
    }
    file->unreadable_bytes += bytes;
    return bytes;
}

u32 data_file_read(struct data_file *file, u64 position, u8 *room, u32 size)
{
    u64 left = file->bytes > position ? file->bytes - position : 0;
    u32 wanted = (u32)u64_min(size, left);
    u32 done = 0;
    /* A read that failed is tried again sector by sector, then goes on at full width. */
    u32 width = wanted;
    while (done < wanted) {
        u32 at_once = u32_min(wanted - done, width);
        ssize_t count = read_some(file, position + done, room + done, at_once);
        if (count == 0) {
            break;
        }
        if (count > 0) {
            done += (u32)count;
            width = wanted;
        } else if (width > SECTOR_BYTES) {
            width = SECTOR_BYTES;
        } else {
            done += pass_over(file, position + done, room + done, at_once);
        }
    }
    return done;
}

/* ---- Names ---- */

static int compare(const void *left, const void *right)
{
    const char *a = *(char *const *)left;
    const char *b = *(char *const *)right;
    u64 number_a = 0;
    u64 number_b = 0;
    bool a_is_number = str_to_u64(a, &number_a);
    bool b_is_number = str_to_u64(b, &number_b);
    if (a_is_number != b_is_number) {
        return a_is_number ? -1 : 1;
    }
    if (number_a != number_b) {
        return number_a < number_b ? -1 : 1;
    }
    return strcmp(a, b);
}

static void add_name(struct data_names *names, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return;
    }
    /* Doubles at each power of two. */
    if ((names->count & (names->count + 1)) == 0) {
        names->names =
            mem_resize(names->names, sizeof(*names->names) * 2 * ((size_t)names->count + 1));
    }
    names->names[names->count++] = mem_copy_text(name);
}

enum status data_names_read(struct data_names *names, int root, const char *path)
{
    *names = (struct data_names){0};
    int fd = openat(root, path, OPEN_FLAGS | O_DIRECTORY);
    if (fd < 0) {
        return status_of_errno();
    }
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        (void)close(fd);
        return ERR_IO;
    }
    errno = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        add_name(names, entry->d_name);
    }
    enum status status = errno == 0 ? OK : ERR_IO;
    (void)closedir(directory);
    if (names->count > 0) {
        qsort(names->names, names->count, sizeof(*names->names), compare);
    }
    return status;
}

void data_names_free(struct data_names *names)
{
    for (u32 i = 0; i < names->count; i++) {
        mem_return(names->names[i]);
    }
    mem_return(names->names);
    *names = (struct data_names){0};
}
