/* A segment file in memory, made of real units: for the tests of the pure parts. */
#pragma once

#include "base/crc32c.h"
#include "base/mem.h"
#include "shard/segment_header.h"
#include "tests/test.h"
#include "wire/batch.h"

#define FILE_BYTES_MAX (4u * 1024u * 1024u)

struct file {
    struct segment_header header;
    u8 *bytes;
    u32 size; /* written */
    u32 room; /* of the file: zeros behind what was written */
    u64 next_offset;
    u64 next_unit;
    u64 next_write;
    u64 first_unit_of_write;
    u32 previous_crc;
    u64 time_us;
    u64 batches_bytes;
    u32 positions[64]; /* of the units */
    u32 units_count;
};

static inline void file_open(struct file *file, u8 level, u32 sector_bytes)
{
    *file = (struct file){
        .header = {.sector_bytes = sector_bytes,
                   .write_bytes_max = 64 * 1024,
                   .level = level,
                   .partition_id = 7,
                   .life = 9,
                   .base_offset = 1000,
                   .salt = {1, 2, 3, 4},
                   .first_unit = 50,
                   .first_write = 20},
        .bytes = mem_take(FILE_BYTES_MAX),
        .size = SEGMENT_HEADER_BYTES,
        .room = SEGMENT_HEADER_BYTES,
        .next_offset = 1000,
        .next_unit = 50,
        .next_write = 20,
        .time_us = 5000,
    };
}

static inline void file_close(struct file *file)
{
    mem_return(file->bytes);
}

static inline void file_begin_write(struct file *file)
{
    file->first_unit_of_write = file->next_unit;
    file->next_write++;
}

/* One unit of `batches_count` batches with `count` messages of `payload_bytes` each. */
static inline void file_add_unit(struct file *file, u32 batches_count, u32 count, u32 payload_bytes)
{
    u8 *control = file->bytes + file->size;
    u8 *payload = mem_take(payload_bytes);
    struct segment_unit unit = {
        .partition_id = file->header.partition_id,
        .base_offset = file->next_offset,
        .first_time_us = file->time_us,
        .life = file->header.life,
        .write_number = file->next_write - 1,
        .write_first_unit = file->first_unit_of_write,
        .unit_number = file->next_unit++,
        .previous_crc = file->previous_crc,
        .level = file->header.level,
    };
    memcpy(unit.salt, file->header.salt, SEGMENT_SALT_BYTES);
    for (u32 i = 0; i < batches_count; i++) {
        u8 *batch = control + UNIT_CONTROL_BYTES + unit.batches_bytes;
        struct batch_builder builder;
        batch_builder_init(&builder, batch, FILE_BYTES_MAX - file->size, 1);
        for (u32 j = 0; j < count; j++) {
            memset(payload, (int)(file->next_offset + j), payload_bytes);
            struct batch_message message = {
                .id = {1, 1}, .origin_timestamp_us = 1, .payload = {payload, payload_bytes}};
            EXPECT_EQ(batch_builder_add(&builder, &message), OK);
        }
        u32 size = batch_builder_finish(&builder);
        struct batch_stamp stamp;
        struct batch_stamp_values values = {.partition_id = file->header.partition_id,
                                            .base_offset = file->next_offset,
                                            .base_timestamp_us = file->time_us};
        batch_stamp_init(&stamp, batch, size, &values);
        EXPECT(batch_stamp_step(&stamp, UINT32_MAX));
        unit.headers_crc = crc32c(unit.headers_crc, batch, BATCH_HEADER_BYTES);
        unit.batches_bytes += size;
        unit.messages_count += count;
        unit.last_time_us = file->time_us;
        file->next_offset += count;
        file->time_us += 10;
    }
    segment_unit_encode(&unit, control);
    file->previous_crc = unit.control_crc;
    file->batches_bytes += unit.batches_bytes;
    file->positions[file->units_count++] = file->size;
    file->size += segment_unit_bytes(unit.batches_bytes, file->header.sector_bytes);
    file->room = file->room > file->size ? file->room : file->size;
    mem_return(payload);
}

/* A write of one unit. */
static inline void file_add(struct file *file)
{
    file_begin_write(file);
    file_add_unit(file, 1, 3, 100);
}
