/* Reading a data directory without ever writing to it: every open is O_RDONLY, links are not
 * followed, and what a device cannot read is zeros, counted.
 *
 * Paths are relative to the data directory, which `root` is open on.
 *
 * Owner: doctor, on the main thread; everything here may block and allocate. */
#pragma once

#include "base/status.h"
#include "base/types.h"

struct data_file {
    int fd; /* -1: not there, or it cannot be opened */
    u64 bytes;
    u64 unreadable_bytes;    /* that were read as zeros so far */
    u64 unreadable_position; /* of the first */
};

/* ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO; ERR_INVALID when it is no regular file. */
must_check enum status data_file_open(struct data_file *file, int root, const char *path);
void data_file_close(struct data_file *file);

/* Reads up to `size` bytes, fewer only at the end of the file. */
u32 data_file_read(struct data_file *file, u64 position, u8 *room, u32 size);

/* The names in a directory, sorted: numbers first, by value, then all else by its bytes. */
struct data_names {
    char **names;
    u32 count;
};

/* ERR_NOT_FOUND when there is no such directory; then the list is empty. */
must_check enum status data_names_read(struct data_names *names, int root, const char *path);
void data_names_free(struct data_names *names);
