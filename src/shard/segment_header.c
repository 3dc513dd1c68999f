/* The header block, 4,096 bytes, little-endian:
 *
 *       0  magic            u64   "LEVSEGMT"
 *       8  version          u32   1
 *      12  sector_bytes     u32   units begin at multiples of it
 *      16  write_bytes_max  u32
 *      20  level            u8    0 sync, 1 os, 2 memory
 *      21  direct           u8    1: written with direct I/O
 *      22  recycled         u8    1: the file was another segment before
 *      23  zero             u8
 *      24  stream_id        u32
 *      28  topic_id         u32
 *      32  partition_id     u32
 *      36  previous_crc     u32
 *      40  life             u64
 *      48  base_offset      u64
 *      56  salt             16 bytes
 *      72  term             u64
 *      80  created_at       u64   microseconds since 1970
 *      88  first_unit       u64   number of the first unit in this segment
 *      96  first_write      u64
 *     104  bytes_before     u64
 *     112  last_time        u64
 *     120  batches_before   u64
 *     128  zeros
 *    4092  crc              u32   CRC-32C over bytes 0 to 4091 */
#include "shard/segment_header.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

#define HEADER_MAGIC 0x544d47455356454cull /* "LEVSEGMT" */
#define HEADER_CRC_POSITION 4092u

void segment_header_encode(const struct segment_header *header, u8 *block)
{
    check(header->sector_bytes >= 512);
    check(header->sector_bytes <= SECTOR_BYTES_MAX);
    check(header->write_bytes_max > 0);

    memset(block, 0, SEGMENT_HEADER_BYTES);
    put_u64(block, HEADER_MAGIC);
    put_u32(block + 8, SEGMENT_VERSION);
    put_u32(block + 12, header->sector_bytes);
    put_u32(block + 16, header->write_bytes_max);
    block[20] = header->level;
    block[21] = header->direct;
    block[22] = header->recycled;
    put_u32(block + 24, header->stream_id);
    put_u32(block + 28, header->topic_id);
    put_u32(block + 32, header->partition_id);
    put_u32(block + 36, header->previous_crc);
    put_u64(block + 40, header->life);
    put_u64(block + 48, header->base_offset);
    memcpy(block + 56, header->salt, SEGMENT_SALT_BYTES);
    put_u64(block + 72, header->term);
    put_u64(block + 80, header->created_at_us);
    put_u64(block + 88, header->first_unit);
    put_u64(block + 96, header->first_write);
    put_u64(block + 104, header->bytes_before);
    put_u64(block + 112, header->last_time_us);
    put_u64(block + 120, header->batches_before);
    put_u32(block + HEADER_CRC_POSITION, crc32c(0, block, HEADER_CRC_POSITION));
}

static bool values_are_possible(const struct segment_header *header)
{
    u32 sector = header->sector_bytes;
    return sector >= 512 && sector <= SECTOR_BYTES_MAX && (sector & (sector - 1)) == 0 &&
           header->write_bytes_max > 0 && header->level <= 2;
}

enum status segment_header_decode(const u8 *block, struct segment_header *header)
{
    if (get_u64(block) != HEADER_MAGIC ||
        crc32c(0, block, HEADER_CRC_POSITION) != get_u32(block + HEADER_CRC_POSITION)) {
        return ERR_CORRUPT;
    }
    if (get_u32(block + 8) != SEGMENT_VERSION) {
        return ERR_UNSUPPORTED;
    }
    struct segment_header read = {
        .version = SEGMENT_VERSION,
        .sector_bytes = get_u32(block + 12),
        .write_bytes_max = get_u32(block + 16),
        .level = block[20],
        .direct = block[21] != 0,
        .recycled = block[22] != 0,
        .stream_id = get_u32(block + 24),
        .topic_id = get_u32(block + 28),
        .partition_id = get_u32(block + 32),
        .previous_crc = get_u32(block + 36),
        .life = get_u64(block + 40),
        .base_offset = get_u64(block + 48),
        .term = get_u64(block + 72),
        .created_at_us = get_u64(block + 80),
        .first_unit = get_u64(block + 88),
        .first_write = get_u64(block + 96),
        .bytes_before = get_u64(block + 104),
        .last_time_us = get_u64(block + 112),
        .batches_before = get_u64(block + 120),
    };
    memcpy(read.salt, block + 56, SEGMENT_SALT_BYTES);
    if (!values_are_possible(&read)) {
        return ERR_CORRUPT;
    }
    *header = read;
    return OK;
}
