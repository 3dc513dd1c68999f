/* Little-endian integers in bytes that came from a wire or a disk, and two cursors over them that
 * cannot leave their bounds. No pointer into wire bytes is ever cast. */
#pragma once

#include <string.h>

#include "base/types.h"

static inline u16 get_u16(const void *p)
{
    u16 value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static inline u32 get_u32(const void *p)
{
    u32 value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static inline u64 get_u64(const void *p)
{
    u64 value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static inline struct u128 get_u128(const void *p)
{
    struct u128 value;
    memcpy(&value.low, p, 8);
    memcpy(&value.high, (const u8 *)p + 8, 8);
    return value;
}

static inline void put_u16(void *p, u16 value)
{
    memcpy(p, &value, sizeof(value));
}

static inline void put_u32(void *p, u32 value)
{
    memcpy(p, &value, sizeof(value));
}

static inline void put_u64(void *p, u64 value)
{
    memcpy(p, &value, sizeof(value));
}

static inline void put_u128(void *p, struct u128 value)
{
    memcpy(p, &value.low, 8);
    memcpy((u8 *)p + 8, &value.high, 8);
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "formats are copied as they lie in memory");

/* A run of bytes that belongs to somebody else. */
struct span {
    const u8 *data;
    u32 size;
};

static inline bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline struct span span_of(const char *text)
{
    return (struct span){(const u8 *)text, (u32)strlen(text)};
}

/* Reads forward. Past the end every read gives zero (or an empty span) and `failed` stays set, so a
 * decoder reads all its fields and asks once. */
struct reader {
    const u8 *data;
    u32 size;
    u32 position;
    bool failed;
};

static inline struct reader reader_over(const void *data, u32 size)
{
    return (struct reader){.data = data, .size = size};
}

static inline u32 reader_left(const struct reader *reader)
{
    return reader->size - reader->position;
}

/* True when everything was read, and nothing beyond the end was asked for. */
static inline bool reader_is_done(const struct reader *reader)
{
    return !reader->failed && reader->position == reader->size;
}

/* The next `size` bytes in place, or NULL. */
static inline const u8 *read_bytes(struct reader *reader, u32 size)
{
    if (reader->failed || size > reader_left(reader)) {
        reader->failed = true;
        return NULL;
    }
    const u8 *bytes = reader->data + reader->position;
    reader->position += size;
    return bytes;
}

static inline struct span read_span(struct reader *reader, u32 size)
{
    const u8 *bytes = read_bytes(reader, size);
    return (struct span){bytes, bytes == NULL ? 0 : size};
}

static inline u8 read_u8(struct reader *reader)
{
    const u8 *bytes = read_bytes(reader, 1);
    return bytes == NULL ? 0 : bytes[0];
}

static inline u16 read_u16(struct reader *reader)
{
    const u8 *bytes = read_bytes(reader, 2);
    return bytes == NULL ? 0 : get_u16(bytes);
}

static inline u32 read_u32(struct reader *reader)
{
    const u8 *bytes = read_bytes(reader, 4);
    return bytes == NULL ? 0 : get_u32(bytes);
}

static inline u64 read_u64(struct reader *reader)
{
    const u8 *bytes = read_bytes(reader, 8);
    return bytes == NULL ? 0 : get_u64(bytes);
}

static inline struct u128 read_u128(struct reader *reader)
{
    const u8 *bytes = read_bytes(reader, 16);
    return bytes == NULL ? (struct u128){0} : get_u128(bytes);
}

/* Writes forward into `capacity` bytes. When they do not suffice `failed` stays set and nothing is
 * written beyond the end: an encoder writes all its fields and asks once. */
struct writer {
    u8 *data;
    u32 capacity;
    u32 position;
    bool failed;
};

static inline struct writer writer_over(void *data, u32 capacity)
{
    return (struct writer){.data = data, .capacity = capacity};
}

/* Room for `size` bytes that the caller fills in, or NULL. */
static inline u8 *write_room(struct writer *writer, u32 size)
{
    if (writer->failed || size > writer->capacity - writer->position) {
        writer->failed = true;
        return NULL;
    }
    u8 *bytes = writer->data + writer->position;
    writer->position += size;
    return bytes;
}

static inline void write_bytes(struct writer *writer, const void *data, u32 size)
{
    u8 *bytes = write_room(writer, size);
    if (bytes != NULL && size > 0) {
        memcpy(bytes, data, size);
    }
}

static inline void write_span(struct writer *writer, struct span span)
{
    write_bytes(writer, span.data, span.size);
}

static inline void write_zeros(struct writer *writer, u32 size)
{
    u8 *bytes = write_room(writer, size);
    if (bytes != NULL) {
        memset(bytes, 0, size);
    }
}

static inline void write_u8(struct writer *writer, u8 value)
{
    write_bytes(writer, &value, sizeof(value));
}

static inline void write_u16(struct writer *writer, u16 value)
{
    write_bytes(writer, &value, sizeof(value));
}

static inline void write_u32(struct writer *writer, u32 value)
{
    write_bytes(writer, &value, sizeof(value));
}

static inline void write_u64(struct writer *writer, u64 value)
{
    write_bytes(writer, &value, sizeof(value));
}

static inline void write_u128(struct writer *writer, struct u128 value)
{
    write_u64(writer, value.low);
    write_u64(writer, value.high);
}
