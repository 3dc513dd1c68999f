/* Packs a text in one call, by the methods that a ZIP file may name. Runs on an offload thread and
 * takes what memory the library needs meanwhile: at most 8 MiB, since all are set to their small
 * windows. */
#pragma once

#include "base/status.h"
#include "base/types.h"

/* As wire/snapshot_request.h numbers them. */
enum compress_method {
    COMPRESS_STORED = 1,
    COMPRESS_DEFLATE = 2,
    COMPRESS_BZIP2 = 3,
    COMPRESS_ZSTD = 4,
    COMPRESS_LZMA = 5, /* with the 4 + 5 bytes that ZIP wants before it (APPNOTE 5.8.8) */
    COMPRESS_XZ = 6,
};

/* Where the packed bytes go. */
struct compress_room {
    u8 *out;
    u32 capacity;
    u32 size; /* packed */
};

/* False when it does not fit or the library has no memory; `room->size` then means nothing. */
must_check bool compress_whole(enum compress_method method, const u8 *in, u32 bytes,
                               struct compress_room *room);
