#include "offload/compress.h"

#include <bzlib.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

#define ZSTD_LEVEL 3
#define BZIP2_BLOCKS_100K 1
#define LZMA_PRESET 0u
#define LZMA_ALONE_HEADER_BYTES 13u /* properties, dictionary, size unpacked */
#define LZMA_ZIP_HEADER_BYTES 9u    /* version, size of the properties, properties, dictionary */

static bool pack_deflate(const u8 *in, u32 bytes, struct compress_room *room)
{
    z_stream stream = {0};
    union {
        const u8 *given;
        u8 *taken;
    } input = {.given = in}; /* zlib does not write there, whatever its type says */
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    stream.next_in = input.taken;
    stream.avail_in = bytes;
    stream.next_out = room->out;
    stream.avail_out = room->capacity;
    int ended = deflate(&stream, Z_FINISH);
    room->size = (u32)stream.total_out;
    (void)deflateEnd(&stream);
    return ended == Z_STREAM_END;
}

static bool pack_bzip2(const u8 *in, u32 bytes, struct compress_room *room)
{
    union {
        const u8 *given;
        char *taken;
    } input = {.given = in}; /* likewise */
    unsigned int size = room->capacity;
    int ended = BZ2_bzBuffToBuffCompress((char *)room->out, &size, input.taken, bytes,
                                         BZIP2_BLOCKS_100K, 0, 0);
    room->size = size;
    return ended == BZ_OK;
}

static bool pack_zstd(const u8 *in, u32 bytes, struct compress_room *room)
{
    size_t size = ZSTD_compress(room->out, room->capacity, in, bytes, ZSTD_LEVEL);
    room->size = (u32)size;
    return ZSTD_isError(size) == 0;
}

static bool pack_xz(const u8 *in, u32 bytes, struct compress_room *room)
{
    size_t size = 0;
    lzma_ret ended = lzma_easy_buffer_encode(LZMA_PRESET, LZMA_CHECK_CRC32, NULL, in, bytes,
                                             room->out, &size, room->capacity);
    room->size = (u32)size;
    return ended == LZMA_OK;
}

/* The library writes the header of a .lzma file; ZIP has one of its own before the same stream. */
static bool pack_lzma(const u8 *in, u32 bytes, struct compress_room *room)
{
    static const u8 version_and_size[4] = {9, 20, 5, 0};
    lzma_options_lzma options;
    lzma_stream stream = LZMA_STREAM_INIT;
    if (room->capacity < LZMA_ALONE_HEADER_BYTES || lzma_lzma_preset(&options, LZMA_PRESET) ||
        lzma_alone_encoder(&stream, &options) != LZMA_OK) {
        return false;
    }
    stream.next_in = in;
    stream.avail_in = bytes;
    stream.next_out = room->out;
    stream.avail_out = room->capacity;
    lzma_ret ended = lzma_code(&stream, LZMA_FINISH);
    u32 size = (u32)stream.total_out;
    lzma_end(&stream);
    if (ended != LZMA_STREAM_END) {
        return false;
    }
    check(size >= LZMA_ALONE_HEADER_BYTES);
    u8 properties[LZMA_ZIP_HEADER_BYTES - sizeof(version_and_size)];
    memcpy(properties, room->out, sizeof(properties));
    memmove(room->out + LZMA_ZIP_HEADER_BYTES, room->out + LZMA_ALONE_HEADER_BYTES,
            size - LZMA_ALONE_HEADER_BYTES);
    memcpy(room->out, version_and_size, sizeof(version_and_size));
    memcpy(room->out + sizeof(version_and_size), properties, sizeof(properties));
    room->size = size - LZMA_ALONE_HEADER_BYTES + LZMA_ZIP_HEADER_BYTES;
    return true;
}

static bool pack_stored(const u8 *in, u32 bytes, struct compress_room *room)
{
    if (bytes > room->capacity) {
        return false;
    }
    memcpy(room->out, in, bytes);
    room->size = bytes;
    return true;
}

bool compress_whole(enum compress_method method, const u8 *in, u32 bytes,
                    struct compress_room *room)
{
    switch (method) {
    case COMPRESS_STORED: return pack_stored(in, bytes, room);
    case COMPRESS_DEFLATE: return pack_deflate(in, bytes, room);
    case COMPRESS_BZIP2: return pack_bzip2(in, bytes, room);
    case COMPRESS_ZSTD: return pack_zstd(in, bytes, room);
    case COMPRESS_LZMA: return pack_lzma(in, bytes, room);
    case COMPRESS_XZ: return pack_xz(in, bytes, room);
    }
    unreachable();
}
