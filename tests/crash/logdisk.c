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
 * One thread serves everything. As a real disk does, it may take its time with a write: about half
 * of them are held until nothing else is asked for a moment, and finished in any order. A write is
 * in the log when it is finished, so a flush covers what was finished when it came, and no more:
 * whoever syncs beside a write instead of behind it is found out. A failed write changes nothing.
 *
 *     logdisk IMAGE LOG SIZE MOUNT [SEED]     runs in the foreground until unmounted */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "disk_log.h"
#include "recipe.h"

#define HELD_MAX 16u
#define HOLD_US 60
#define LINE_SIZE 128u

enum file { FILE_ROOT = FUSE_ROOT_ID, FILE_IMAGE, FILE_MARK, FILE_CONTROL, FILE_COUNT };

static const char *const file_names[FILE_COUNT] = {
    [FILE_IMAGE] = "image",
    [FILE_MARK] = "mark",
    [FILE_CONTROL] = "control",
};

/* One fault, armed by number or by place. `count` 0: not armed. */
struct fault {
    int error;
    u64 from;     /* lets this many pass first */
    u64 count;    /* then fails this many */
    u64 position; /* with `size` > 0: fails whatever touches these bytes, and only that */
    u64 size;
};

/* A write that the disk has been given and not finished. */
struct held_write {
    fuse_req_t request;
    u64 position;
    u32 size;
    u8 *data;
};

struct logdisk {
    int image;
    u64 image_size;
    u64 random;
    struct disk_log_writer log;
    struct fault write_fault;
    struct fault flush_fault;
    struct held_write held[HELD_MAX]; /* the oldest first */
    u32 held_count;
    u64 write_count;
    u64 flush_count;
    u64 failed_count;
};

/* The log is the whole point: without it there is nothing to go on with. */
static void note(struct logdisk *self, enum disk_log_kind kind, u64 position, struct span data)
{
    if (!disk_log_append(&self->log, kind, position, data.data, data.size)) {
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
        u64 end = fault->position + fault->size;
        bool touches = position < end && fault->position < position + size;
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
    int fields =
        sscanf(line, "fail %7s %7s %7s %llu %7s %llu", what, error, how, &first, unit, &second);
    if (fields != 6) {
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

/* Finishes one held write: it is on the disk, in the log, and answered. */
static void held_finish(struct logdisk *self, u32 index)
{
    struct held_write write = self->held[index];
    if (pwrite(self->image, write.data, write.size, (off_t)write.position) != (ssize_t)write.size) {
        perror("logdisk: cannot write the image");
        _exit(1);
    }
    note(self, DISK_LOG_WRITE, write.position, (struct span){write.data, write.size});
    (void)fuse_reply_write(write.request, write.size);
    free(write.data);
    self->held_count--;
    memmove(&self->held[index], &self->held[index + 1],
            (self->held_count - index) * sizeof(*self->held));
}

/* The oldest held write that touches the same bytes goes first, so that the order of writes to one
 * place is the order in which they came. */
static u32 held_oldest_at(const struct logdisk *self, u32 index)
{
    const struct held_write *write = &self->held[index];
    for (u32 i = 0; i < index; i++) {
        const struct held_write *other = &self->held[i];
        if (other->position < write->position + write->size &&
            write->position < other->position + other->size) {
            return i;
        }
    }
    return index;
}

static void held_finish_any(struct logdisk *self)
{
    u32 index = (u32)pick(&self->random, self->held_count);
    held_finish(self, held_oldest_at(self, index));
}

static void stat_fill(const struct logdisk *self, fuse_ino_t inode, struct stat *status)
{
    memset(status, 0, sizeof(*status));
    status->st_ino = inode;
    status->st_nlink = 1;
    status->st_blksize = 4096;
    status->st_mode = inode == FILE_ROOT ? S_IFDIR | 0755 : S_IFREG | 0600;
    status->st_size = inode == FILE_IMAGE ? (off_t)self->image_size : 0;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    for (fuse_ino_t inode = FILE_IMAGE; parent == FILE_ROOT && inode < FILE_COUNT; inode++) {
        if (strcmp(name, file_names[inode]) == 0) {
            struct fuse_entry_param entry = {
                .ino = inode,
                .attr_timeout = 60,
                .entry_timeout = 60,
            };
            stat_fill(fuse_req_userdata(request), inode, &entry.attr);
            (void)fuse_reply_entry(request, &entry);
            return;
        }
    }
    (void)fuse_reply_err(request, ENOENT);
}

static void on_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    (void)info;
    struct stat status;
    stat_fill(fuse_req_userdata(request), inode, &status);
    (void)fuse_reply_attr(request, &status, 60);
}

/* Opening with O_TRUNC is how a shell writes to `mark`; there is nothing to cut. */
static void on_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *wanted, int which,
                       struct fuse_file_info *info)
{
    (void)wanted;
    if (inode == FILE_IMAGE && (which & FUSE_SET_ATTR_SIZE) != 0) {
        (void)fuse_reply_err(request, EPERM);
        return;
    }
    on_getattr(request, inode, info);
}

/* Nothing waits in a cache of the kernel: what is answered has passed here. */
static void on_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    (void)inode;
    info->direct_io = 1;
    (void)fuse_reply_open(request, info);
}

static void image_read(const struct logdisk *self, fuse_req_t request, size_t size, off_t offset)
{
    char *buffer = malloc(size);
    ssize_t got = buffer == NULL ? -1 : pread(self->image, buffer, size, offset);
    if (got < 0) {
        (void)fuse_reply_err(request, EIO);
    } else {
        (void)fuse_reply_buf(request, buffer, (size_t)got);
    }
    free(buffer);
}

static void on_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)info;
    const struct logdisk *self = fuse_req_userdata(request);
    if (inode == FILE_IMAGE) {
        image_read(self, request, size, offset);
        return;
    }
    char text[LINE_SIZE] = {0};
    if (inode == FILE_CONTROL && offset == 0) {
        (void)snprintf(text, sizeof(text), "sequence=%llu writes=%llu flushes=%llu failed=%llu\n",
                       (unsigned long long)self->log.sequence,
                       (unsigned long long)self->write_count, (unsigned long long)self->flush_count,
                       (unsigned long long)self->failed_count);
    }
    (void)fuse_reply_buf(request, text, strnlen(text, size));
}

/* Takes over the data: they are freed when the write is finished or refused. */
static void image_write(struct logdisk *self, struct held_write write)
{
    int error = write.position + write.size > self->image_size ? ENOSPC : 0;
    self->write_count++;
    if (error == 0) {
        error = fault_strikes(&self->write_fault, write.position, write.size);
    }
    if (error != 0) {
        self->failed_count++;
        note(self, DISK_LOG_WRITE_FAILED, write.position, (struct span){0});
        (void)fuse_reply_err(write.request, error);
        free(write.data);
        return;
    }
    if (self->held_count == HELD_MAX) {
        held_finish_any(self);
    }
    self->held[self->held_count++] = write;
    if (pick(&self->random, 2) == 0) {
        u32 newest = self->held_count - 1;
        while (held_oldest_at(self, newest) != newest) {
            held_finish(self, held_oldest_at(self, newest));
            newest--;
        }
        held_finish(self, newest);
    }
}

static void line_write(struct logdisk *self, fuse_req_t request, fuse_ino_t inode, struct span data)
{
    bool good = true;
    if (inode == FILE_MARK) {
        note(self, DISK_LOG_MARK, 0, data);
    } else {
        char line[LINE_SIZE] = {0};
        memcpy(line, data.data, u32_min(data.size, LINE_SIZE - 1));
        good = control_obey(self, line);
    }
    (void)(good ? fuse_reply_write(request, data.size) : fuse_reply_err(request, EINVAL));
}

/* The bytes may lie in a pipe; they are copied to memory of our own. */
static void on_write(fuse_req_t request, fuse_ino_t inode, struct fuse_bufvec *bytes, off_t offset,
                     struct fuse_file_info *info)
{
    (void)info;
    struct logdisk *self = fuse_req_userdata(request);
    size_t size = fuse_buf_size(bytes);
    struct fuse_bufvec copy = FUSE_BUFVEC_INIT(size);
    copy.buf[0].mem = malloc(size);
    if (copy.buf[0].mem == NULL || fuse_buf_copy(&copy, bytes, 0) != (ssize_t)size) {
        free(copy.buf[0].mem);
        (void)fuse_reply_err(request, EIO);
        return;
    }
    u8 *data = copy.buf[0].mem;
    if (inode == FILE_IMAGE) {
        image_write(self, (struct held_write){request, (u64)offset, (u32)size, data});
        return;
    }
    line_write(self, request, inode, (struct span){data, (u32)size});
    free(data);
}

static void on_fsync(fuse_req_t request, fuse_ino_t inode, int data_only,
                     struct fuse_file_info *info)
{
    (void)data_only;
    (void)info;
    struct logdisk *self = fuse_req_userdata(request);
    int error = 0;
    if (inode == FILE_IMAGE) {
        self->flush_count++;
        error = fault_strikes(&self->flush_fault, 0, 0);
        self->failed_count += error != 0;
        note(self, error != 0 ? DISK_LOG_FLUSH_FAILED : DISK_LOG_FLUSH, 0, (struct span){0});
    }
    (void)fuse_reply_err(request, error);
}

/* Discards and zeroing by range are not implemented, so the kernel writes zeros. */
static const struct fuse_lowlevel_ops operations = {
    .lookup = on_lookup,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .open = on_open,
    .read = on_read,
    .write_buf = on_write,
    .fsync = on_fsync,
};

/* One request, or, when none comes for a moment, the end of one held write. */
static bool turn(struct logdisk *self, struct fuse_session *session, struct fuse_buf *buffer)
{
    struct pollfd polled = {.fd = fuse_session_fd(session), .events = POLLIN};
    struct timespec moment = {.tv_nsec = HOLD_US * 1000};
    int ready = ppoll(&polled, 1, self->held_count > 0 ? &moment : NULL, NULL);
    if (ready == 0) {
        held_finish_any(self);
        return true;
    }
    int size = fuse_session_receive_buf(session, buffer);
    if (size == -EINTR || size == -EAGAIN) {
        return true;
    }
    if (size <= 0) {
        return false;
    }
    fuse_session_process_buf(session, buffer);
    return true;
}

static int serve(struct logdisk *self, char *program, const char *mount)
{
    char *arguments[] = {program, NULL};
    struct fuse_args options = FUSE_ARGS_INIT(1, arguments);
    struct fuse_session *session =
        fuse_session_new(&options, &operations, sizeof(operations), self);
    if (session == NULL || fuse_session_mount(session, mount) != 0) {
        return 1;
    }
    struct fuse_buf buffer = {0};
    while (!fuse_session_exited(session) && turn(self, session, &buffer)) {
    }
    while (self->held_count > 0) {
        held_finish(self, 0);
    }
    free(buffer.mem);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6) {
        (void)fprintf(stderr, "usage: logdisk IMAGE LOG SIZE MOUNT [SEED]\n");
        return 2;
    }
    struct logdisk self = {
        .image_size = strtoull(argv[3], NULL, 10),
        .random = mix(argc == 6 ? strtoull(argv[5], NULL, 10) : 0),
    };
    self.image = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (self.image < 0 || ftruncate(self.image, (off_t)self.image_size) != 0) {
        perror("logdisk: cannot open the image");
        return 1;
    }
    if (!disk_log_writer_open(&self.log, argv[2])) {
        perror("logdisk: cannot create the log");
        return 1;
    }
    int result = serve(&self, argv[0], argv[4]);
    disk_log_writer_close(&self.log);
    (void)close(self.image);
    return result;
}
