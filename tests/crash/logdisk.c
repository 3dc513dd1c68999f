/* A disk that remembers. A FUSE file system of three files, over which a loop device and a real
 * file system are put, so that every write and flush of the kernel passes here, in order:
 *
 *     server -> ext4 -> /dev/loopN -> MOUNT/image -> image file
 *                        client   -> MOUNT/mark  -> \ LOG, one order for all (disk_log.h)
 *
 *     image     the disk. A flush of the loop device arrives as fsync.
 *     mark      each line written is noted in the log, between the writes it fell between: the
 *               client says here what the server has promised. The write returns when it stands.
 *     control   reads as counters; a line written arms or heals a fault:
 *                   fail write eio from N count M            the n-th write from now on, m of them
 *                   fail write eio at POSITION size BYTES    every write that touches these bytes
 *                   fail flush enospc from N count M         (eio or enospc everywhere)
 *                   heal
 *
 * One thread serves everything: the order in the log is the order in which things happened, and a
 * flush in the log covers exactly the writes before it. A failed write changes nothing.
 *
 *     logdisk IMAGE LOG SIZE MOUNT        runs in the foreground until unmounted */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk_log.h"

/* One fault, armed by number or by place. `count` 0: not armed. */
struct fault {
    int error;
    u64 from;     /* lets this many pass first */
    u64 count;    /* then fails this many */
    u64 position; /* with `size` > 0: fails whatever touches these bytes, and only that */
    u64 size;
};

struct logdisk {
    int image;
    u64 image_size;
    struct disk_log_writer log;
    struct fault write_fault;
    struct fault flush_fault;
    u64 write_count;
    u64 flush_count;
    u64 failed_count;
};

static struct logdisk *disk(void)
{
    return fuse_get_context()->private_data;
}

static bool is_image(const char *path)
{
    return strcmp(path, "/image") == 0;
}

static bool is_mark(const char *path)
{
    return strcmp(path, "/mark") == 0;
}

static bool is_control(const char *path)
{
    return strcmp(path, "/control") == 0;
}

/* The log is the whole point: without it there is nothing to go on with. */
static void note(struct logdisk *self, enum disk_log_kind kind, u64 position, const void *data,
                 u32 size)
{
    if (!disk_log_append(&self->log, kind, position, data, size)) {
        perror("logdisk: cannot write the log");
        _exit(1);
    }
}

/* The error this operation must fail with, or 0. A flush has no place: `size` is 0. */
static int fault_strikes(struct fault *fault, u64 position, u64 size)
{
    if (fault->count == 0) {
        return 0;
    }
    if (fault->size > 0) {
        bool touches =
            position < fault->position + fault->size && fault->position < position + size;
        return touches ? fault->error : 0;
    }
    if (fault->from > 0) {
        fault->from--;
        return 0;
    }
    fault->count--;
    return fault->error;
}

/* "fail write eio from 3 count 1" and its relatives; false when the line is none of them. */
static bool control_obey(struct logdisk *self, const char *line)
{
    if (strncmp(line, "heal", 4) == 0) {
        self->write_fault = (struct fault){0};
        self->flush_fault = (struct fault){0};
        return true;
    }
    char what[8];
    char error[8];
    char how[8];
    unsigned long long first;
    char unit[8];
    unsigned long long second;
    if (sscanf(line, "fail %7s %7s %7s %llu %7s %llu", what, error, how, &first, unit, &second) !=
        6) {
        return false;
    }
    struct fault fault = {.error = strcmp(error, "enospc") == 0 ? ENOSPC : EIO};
    if (strcmp(how, "at") == 0) {
        fault.count = 1;
        fault.position = first;
        fault.size = second;
    } else {
        fault.from = first;
        fault.count = second;
    }
    *(strcmp(what, "flush") == 0 ? &self->flush_fault : &self->write_fault) = fault;
    return true;
}

static int control_print(const struct logdisk *self, char *buffer, size_t size)
{
    return snprintf(buffer, size, "sequence=%llu writes=%llu flushes=%llu failed=%llu\n",
                    (unsigned long long)self->log.sequence, (unsigned long long)self->write_count,
                    (unsigned long long)self->flush_count, (unsigned long long)self->failed_count);
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->use_ino = 0;
    config->kernel_cache = 0;
    config->direct_io = 1; /* nothing waits in a cache: what is acknowledged has passed here */
    return fuse_get_context()->private_data;
}

static int on_getattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
    (void)info;
    memset(status, 0, sizeof(*status));
    if (strcmp(path, "/") == 0) {
        status->st_mode = S_IFDIR | 0755;
        status->st_nlink = 2;
        return 0;
    }
    if (!is_image(path) && !is_mark(path) && !is_control(path)) {
        return -ENOENT;
    }
    status->st_mode = S_IFREG | 0600;
    status->st_nlink = 1;
    status->st_blksize = 4096;
    status->st_size = is_image(path) ? (off_t)disk()->image_size : 0;
    return 0;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
    info->direct_io = 1;
    return is_image(path) || is_mark(path) || is_control(path) ? 0 : -ENOENT;
}

/* Opening with O_TRUNC is how a shell writes to `mark`; there is nothing to cut. */
static int on_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
    (void)size;
    (void)info;
    return is_image(path) ? -EPERM : 0;
}

static int on_read(const char *path, char *buffer, size_t size, off_t offset,
                   struct fuse_file_info *info)
{
    (void)info;
    struct logdisk *self = disk();
    if (is_control(path)) {
        char text[128];
        int length = control_print(self, text, sizeof(text));
        if (offset >= length) {
            return 0;
        }
        size_t left = (size_t)(length - offset);
        memcpy(buffer, text + offset, left < size ? left : size);
        return (int)(left < size ? left : size);
    }
    if (!is_image(path)) {
        return 0;
    }
    ssize_t got = pread(self->image, buffer, size, offset);
    return got < 0 ? -errno : (int)got;
}

static int image_write(struct logdisk *self, const char *data, size_t size, off_t offset)
{
    if ((u64)offset + size > self->image_size) {
        return -ENOSPC;
    }
    self->write_count++;
    int error = fault_strikes(&self->write_fault, (u64)offset, size);
    if (error != 0) {
        self->failed_count++;
        note(self, DISK_LOG_WRITE_FAILED, (u64)offset, NULL, 0);
        return -error;
    }
    if (pwrite(self->image, data, size, offset) != (ssize_t)size) {
        perror("logdisk: cannot write the image");
        _exit(1);
    }
    note(self, DISK_LOG_WRITE, (u64)offset, data, (u32)size);
    return (int)size;
}

static int on_write(const char *path, const char *data, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)info;
    struct logdisk *self = disk();
    if (is_image(path)) {
        return image_write(self, data, size, offset);
    }
    if (is_mark(path)) {
        note(self, DISK_LOG_MARK, 0, data, (u32)size);
        return (int)size;
    }
    char line[128] = {0};
    memcpy(line, data, size < sizeof(line) ? size : sizeof(line) - 1);
    return control_obey(self, line) ? (int)size : -EINVAL;
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
    (void)data_only;
    (void)info;
    struct logdisk *self = disk();
    if (!is_image(path)) {
        return 0;
    }
    self->flush_count++;
    int error = fault_strikes(&self->flush_fault, 0, 0);
    if (error != 0) {
        self->failed_count++;
        note(self, DISK_LOG_FLUSH_FAILED, 0, NULL, 0);
        return -error;
    }
    note(self, DISK_LOG_FLUSH, 0, NULL, 0);
    return 0;
}

/* Discards and zeroing by range would have to be logged: refused, the kernel writes zeros. */
static int on_fallocate(const char *path, int mode, off_t offset, off_t length,
                        struct fuse_file_info *info)
{
    (void)path;
    (void)mode;
    (void)offset;
    (void)length;
    (void)info;
    return -EOPNOTSUPP;
}

static const struct fuse_operations operations = {
    .init = on_init,
    .getattr = on_getattr,
    .open = on_open,
    .truncate = on_truncate,
    .read = on_read,
    .write = on_write,
    .fsync = on_fsync,
    .fallocate = on_fallocate,
};

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fprintf(stderr, "usage: logdisk IMAGE LOG SIZE MOUNT\n");
        return 2;
    }
    struct logdisk self = {.image_size = strtoull(argv[3], NULL, 10)};
    self.image = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (self.image < 0 || ftruncate(self.image, (off_t)self.image_size) != 0) {
        perror("logdisk: cannot open the image");
        return 1;
    }
    if (!disk_log_writer_open(&self.log, argv[2])) {
        perror("logdisk: cannot create the log");
        return 1;
    }
    /* -s: one thread, and with it one order. -f: the caller watches this process. */
    char *arguments[] = {argv[0], (char[]){"-f"}, (char[]){"-s"}, argv[4], NULL};
    int result = fuse_main(4, arguments, &operations, &self);
    disk_log_writer_close(&self.log);
    (void)close(self.image);
    return result;
}
