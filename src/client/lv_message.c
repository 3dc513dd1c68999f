/* What levriero.h says of messages that were read, and of headers. */
#include "client/lv_message.h"

#include "base/mem.h"
#include "wire/user_headers.h"

const void *lv_message_payload(const struct lv_message *message, size_t *size)
{
    *size = message->polled.payload.size;
    return message->polled.payload.data;
}

const void *lv_message_headers(const struct lv_message *message, size_t *size)
{
    *size = message->polled.user_headers.size;
    return message->polled.user_headers.data;
}

uint32_t lv_message_partition(const struct lv_message *message)
{
    return message->partition_id;
}

uint64_t lv_message_offset(const struct lv_message *message)
{
    return message->polled.offset;
}

uint64_t lv_message_timestamp_us(const struct lv_message *message)
{
    return message->polled.timestamp_us;
}

uint64_t lv_message_origin_us(const struct lv_message *message)
{
    return message->polled.origin_timestamp_us;
}

void lv_message_id(const struct lv_message *message, uint64_t *low, uint64_t *high)
{
    *low = message->polled.id.low;
    *high = message->polled.id.high;
}

/* ---- Headers ---- */

/* Bytes as they travel; for each entry where it begins, and a copy of its key that ends in zero. */
struct entry {
    u32 position;
    char key[USER_HEADER_FIELD_BYTES_MAX + 1];
};

struct lv_headers {
    u8 *bytes;
    u32 bytes_count;
    struct entry *entries;
    u32 entries_count;
};

struct lv_headers *lv_headers_create(void)
{
    struct lv_headers *headers = mem_take(sizeof(*headers));
    headers->bytes = mem_take(USER_HEADERS_BYTES_MAX);
    return headers;
}

void lv_headers_destroy(struct lv_headers *headers)
{
    if (headers != NULL) {
        mem_return(headers->bytes);
        mem_return(headers->entries);
        mem_return(headers);
    }
}

void lv_headers_clear(struct lv_headers *headers)
{
    headers->bytes_count = 0;
    headers->entries_count = 0;
}

static void note_entry(struct lv_headers *headers, u32 position, struct span key)
{
    u32 count = headers->entries_count++;
    headers->entries = mem_resize(headers->entries, (count + 1) * sizeof(headers->entries[0]));
    struct entry *entry = &headers->entries[count];
    *entry = (struct entry){.position = position};
    memcpy(entry->key, key.data, key.size);
}

/* 0: any from 1 to 255. */
static size_t size_of_kind(int kind)
{
    static const u8 sizes[] = {0, 0, 0, 1, 1, 2, 4, 8, 16, 1, 2, 4, 8, 16, 4, 8};
    return kind < 0 || (size_t)kind >= sizeof(sizes) ? 0 : sizes[kind];
}

int lv_headers_add(struct lv_headers *headers, int kind, const char *key, const void *value,
                   size_t size)
{
    size_t key_size = key == NULL ? 0 : strlen(key);
    size_t wanted = size_of_kind(kind);
    if (kind < LV_HEADER_RAW || kind > LV_HEADER_FLOAT64 || key_size < 1 ||
        key_size > USER_HEADER_FIELD_BYTES_MAX || size < 1 || size > USER_HEADER_FIELD_BYTES_MAX ||
        (wanted != 0 && size != wanted)) {
        return LV_ERROR_INVALID;
    }
    u32 position = headers->bytes_count;
    struct writer writer = writer_over(headers->bytes, USER_HEADERS_BYTES_MAX);
    struct user_header header = {.key_kind = USER_HEADER_STRING,
                                 .key = {(const u8 *)key, (u32)key_size},
                                 .value_kind = (u8)kind,
                                 .value = {value, (u32)size}};
    writer.position = position;
    write_user_header(&writer, &header);
    if (writer.failed) {
        return LV_ERROR_FULL;
    }
    headers->bytes_count = writer.position;
    note_entry(headers, position, header.key);
    return LV_OK;
}

int lv_headers_add_text(struct lv_headers *headers, const char *key, const char *value)
{
    return value == NULL ? LV_ERROR_INVALID
                         : lv_headers_add(headers, LV_HEADER_TEXT, key, value, strlen(value));
}

int lv_headers_read(struct lv_headers *headers, const void *data, size_t size)
{
    lv_headers_clear(headers);
    if (size > USER_HEADERS_BYTES_MAX) {
        return LV_ERROR_UNREADABLE;
    }
    if (size > 0) {
        memcpy(headers->bytes, data, size);
    }
    struct reader reader = reader_over(headers->bytes, (u32)size);
    struct user_header header;
    u32 position = 0;
    while (read_user_header(&reader, &header)) {
        if (header.key.size > USER_HEADER_FIELD_BYTES_MAX) {
            return LV_ERROR_UNREADABLE;
        }
        note_entry(headers, position, header.key);
        position = reader.position;
        headers->bytes_count = position;
    }
    return reader.failed ? LV_ERROR_UNREADABLE : LV_OK;
}

uint32_t lv_headers_count(const struct lv_headers *headers)
{
    return headers->entries_count;
}

static bool entry_at(const struct lv_headers *headers, u32 index, struct user_header *header)
{
    if (index >= headers->entries_count) {
        return false;
    }
    u32 position = headers->entries[index].position;
    struct reader reader = reader_over(headers->bytes + position, headers->bytes_count - position);
    return read_user_header(&reader, header);
}

const char *lv_headers_key(const struct lv_headers *headers, uint32_t index, size_t *size)
{
    struct user_header header;
    *size = 0;
    if (!entry_at(headers, index, &header)) {
        return NULL;
    }
    *size = header.key.size;
    return headers->entries[index].key;
}

int lv_headers_kind(const struct lv_headers *headers, uint32_t index)
{
    struct user_header header;
    return entry_at(headers, index, &header) ? header.value_kind : 0;
}

const void *lv_headers_value(const struct lv_headers *headers, uint32_t index, size_t *size)
{
    struct user_header header;
    *size = 0;
    if (!entry_at(headers, index, &header)) {
        return NULL;
    }
    *size = header.value.size;
    return header.value.data;
}

const void *lv_headers_bytes(const struct lv_headers *headers, size_t *size)
{
    *size = headers->bytes_count;
    return headers->bytes;
}
