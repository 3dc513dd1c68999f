#include "offload/zip.h"

#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/str.h"

#define LOCAL_HEADER_SIGNATURE 0x04034b50u
#define DIRECTORY_SIGNATURE 0x02014b50u
#define END_SIGNATURE 0x06054b50u
#define LOCAL_HEADER_BYTES 30u
#define DIRECTORY_ENTRY_BYTES 46u
#define END_BYTES 22u
#define MADE_ON_UNIX_BY_6_3 (3u << 8 | 63u)
#define MODE_OF_FILE (0100600u << 16)
#define FLAG_LZMA_HAS_END 2u

static u16 method_number(enum compress_method method)
{
    switch (method) {
    case COMPRESS_STORED: return 0;
    case COMPRESS_DEFLATE: return 8;
    case COMPRESS_BZIP2: return 12;
    case COMPRESS_LZMA: return 14;
    case COMPRESS_ZSTD: return 93;
    case COMPRESS_XZ: return 95;
    }
    unreachable();
}

/* Ten times the version of the format that a reader must know. */
static u16 version_needed(enum compress_method method)
{
    switch (method) {
    case COMPRESS_STORED:
    case COMPRESS_DEFLATE: return 20;
    case COMPRESS_BZIP2: return 46;
    case COMPRESS_LZMA:
    case COMPRESS_ZSTD:
    case COMPRESS_XZ: return 63;
    }
    unreachable();
}

void zip_begin(struct zip *zip, u8 *data, u32 capacity, u64 wall_s)
{
    check(capacity >= KIB);
    *zip = (struct zip){.data = data, .capacity = capacity};
    time_t seconds = (time_t)wall_s;
    struct tm now;
    if (gmtime_r(&seconds, &now) != NULL && now.tm_year >= 80) {
        zip->dos_time = (u16)(now.tm_hour << 11 | now.tm_min << 5 | now.tm_sec / 2);
        zip->dos_date = (u16)((now.tm_year - 80) << 9 | (now.tm_mon + 1) << 5 | now.tm_mday);
    }
}

/* The directory at the end of all entries so far, and of one more. */
static u32 directory_bytes_max(const struct zip *zip)
{
    return END_BYTES + (zip->entries_count + 1) * (DIRECTORY_ENTRY_BYTES + ZIP_NAME_BYTES_MAX);
}

/* What the local header and the directory say alike. */
static void write_facts(struct writer *writer, const struct zip *zip, const struct zip_entry *entry)
{
    write_u16(writer, version_needed(entry->method));
    write_u16(writer, entry->method == COMPRESS_LZMA ? FLAG_LZMA_HAS_END : 0);
    write_u16(writer, method_number(entry->method));
    write_u16(writer, zip->dos_time);
    write_u16(writer, zip->dos_date);
    write_u32(writer, entry->crc32);
    write_u32(writer, entry->packed_bytes);
    write_u32(writer, entry->bytes);
    write_u16(writer, (u16)strlen(entry->name));
    write_u16(writer, 0); /* nothing extra */
}

bool zip_add(struct zip *zip, const char *name, enum compress_method method, struct span content)
{
    check(strlen(name) <= ZIP_NAME_BYTES_MAX);
    u32 head = LOCAL_HEADER_BYTES + (u32)strlen(name);
    u32 taken = zip->size + head + directory_bytes_max(zip);
    if (zip->entries_count == ZIP_ENTRIES_MAX || taken >= zip->capacity) {
        return false;
    }
    struct compress_room room = {.out = zip->data + zip->size + head,
                                 .capacity = zip->capacity - taken};
    if (!compress_whole(method, content.data, content.size, &room)) {
        return false;
    }
    struct zip_entry *entry = &zip->entries[zip->entries_count++];
    *entry = (struct zip_entry){.position = zip->size,
                                .crc32 = (u32)crc32(0, content.data, content.size),
                                .packed_bytes = room.size,
                                .bytes = content.size,
                                .method = method};
    (void)str_format(entry->name, sizeof(entry->name), "%s", name);
    struct writer writer = writer_over(zip->data + zip->size, head);
    write_u32(&writer, LOCAL_HEADER_SIGNATURE);
    write_facts(&writer, zip, entry);
    write_span(&writer, span_of(entry->name));
    check(!writer.failed);
    zip->size += head + room.size;
    return true;
}

static void write_directory_entry(struct writer *writer, const struct zip *zip,
                                  const struct zip_entry *entry)
{
    write_u32(writer, DIRECTORY_SIGNATURE);
    write_u16(writer, MADE_ON_UNIX_BY_6_3);
    write_facts(writer, zip, entry);
    write_u16(writer, 0); /* no comment */
    write_u16(writer, 0); /* on the first disk */
    write_u16(writer, 0);
    write_u32(writer, MODE_OF_FILE);
    write_u32(writer, entry->position);
    write_span(writer, span_of(entry->name));
}

u32 zip_end(struct zip *zip)
{
    struct writer writer = writer_over(zip->data + zip->size, zip->capacity - zip->size);
    for (u32 i = 0; i < zip->entries_count; i++) {
        write_directory_entry(&writer, zip, &zip->entries[i]);
    }
    u32 directory_bytes = writer.position;
    write_u32(&writer, END_SIGNATURE);
    write_u32(&writer, 0); /* one disk */
    write_u16(&writer, (u16)zip->entries_count);
    write_u16(&writer, (u16)zip->entries_count);
    write_u32(&writer, directory_bytes);
    write_u32(&writer, zip->size);
    write_u16(&writer, 0); /* no comment */
    check(!writer.failed);
    zip->size += writer.position;
    return zip->size;
}
