/* A ZIP file in memory, entry after entry (APPNOTE.TXT 6.3.10, without ZIP64).
 *
 *     zip_begin(&zip, memory, capacity)   zip_add(&zip, …) …   zip_end(&zip) == bytes of the file
 *
 * Owner: the caller's stack; the memory is the caller's. An entry that does not fit is left out, so
 * that the file is always whole. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"
#include "offload/compress.h"

#define ZIP_ENTRIES_MAX 8u
#define ZIP_NAME_BYTES_MAX 31u

struct zip_entry {
    char name[ZIP_NAME_BYTES_MAX + 1];
    u32 position; /* of its local header */
    u32 crc32;
    u32 packed_bytes;
    u32 bytes;
    enum compress_method method;
};

struct zip {
    u8 *data;
    u32 capacity;
    u32 size;
    u16 dos_time;
    u16 dos_date;
    u32 entries_count;
    struct zip_entry entries[ZIP_ENTRIES_MAX];
};

/* `capacity` is at least 1 KiB; `wall_s` (seconds since 1970) stands beside every entry. */
void zip_begin(struct zip *zip, u8 *data, u32 capacity, u64 wall_s);

/* False: it does not fit, and the file is as if it had not been asked for. */
bool zip_add(struct zip *zip, const char *name, enum compress_method method, struct span content);

/* Writes the directory; returns the bytes of the whole file. */
u32 zip_end(struct zip *zip);
