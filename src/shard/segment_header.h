/* The first 4 KiB of a segment file: whose it is, how it is written, and where the log stood when
 * it began. Written once, synced before the file gets its name, never changed; a file that is
 * recycled gets a new one, with a new salt.
 *
 * "Where the log stood" makes a segment enough to itself: recovery begins at the newest header or
 * at a later recovery point, and the size of what lies before it is known without reading it.
 *
 * Pure: the layout stands at the head of segment_header.c. */
#pragma once

#include "base/status.h"
#include "base/types.h"
#include "shard/segment_unit.h"

#define SEGMENT_HEADER_BYTES 4096u
#define SEGMENT_VERSION 1u

struct segment_header {
    u32 version;
    u32 sector_bytes;
    u32 write_bytes_max; /* no gathered write into this segment is larger */
    u8 level;            /* enum durability */
    bool direct;
    bool recycled; /* what lies behind the tail may be from an earlier use of the file */
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
    u64 life;
    u64 base_offset;
    u8 salt[SEGMENT_SALT_BYTES];
    u64 term;
    u64 created_at_us;
    /* Where the log stood. */
    u64 first_unit;
    u64 first_write;
    u64 bytes_before;   /* lengths of all batches of the life before this segment */
    u64 batches_before; /* and how many they are */
    u64 last_time_us;   /* append time of the last batch before this segment, 0: none */
    u32 previous_crc;   /* control CRC of the last unit before it */
};

void segment_header_encode(const struct segment_header *header, u8 *block);

/* ERR_CORRUPT: does not verify. ERR_UNSUPPORTED: it does, and is of a version we do not know. */
must_check enum status segment_header_decode(const u8 *block, struct segment_header *header);
