#include "cli/header_text.h"

#include <errno.h>
#include <stdlib.h>

#define KIND_BOOL 3u
#define KIND_INT8 4u
#define KIND_INT128 8u
#define KIND_UINT8 9u
#define KIND_UINT128 13u
#define KIND_FLOAT32 14u
#define KIND_FLOAT64 15u

/* By their numbers. */
static const char *const kinds[] = {"",       "raw",     "string",  "bool",   "int8",   "int16",
                                    "int32",  "int64",   "int128",  "uint8",  "uint16", "uint32",
                                    "uint64", "uint128", "float32", "float64"};

typedef unsigned __int128 wide;

const char *header_kind_name(u8 kind)
{
    return kind > 0 && kind < array_count(kinds) ? kinds[kind] : "raw";
}

static u8 kind_of(struct span name)
{
    for (u32 kind = 1; kind < array_count(kinds); kind++) {
        if (span_equal(name, span_of(kinds[kind]))) {
            return (u8)kind;
        }
    }
    return name.size == 0 ? USER_HEADER_STRING : 0;
}

/* 1, 2, 4, 8 or 16. */
static u32 bytes_of(u8 kind)
{
    return 1u << (kind >= KIND_UINT8 ? kind - KIND_UINT8 : kind - KIND_INT8);
}

/* ---- Writing ---- */

static bool parse_wide(const char *digits, wide *number)
{
    *number = 0;
    if (*digits == 0) {
        return false;
    }
    for (; *digits != 0; digits++) {
        wide ten_times = *number * 10;
        wide next = ten_times + (u32)(*digits - '0');
        if (*digits < '0' || *digits > '9' || ten_times / 10 != *number || next < ten_times) {
            return false;
        }
        *number = next;
    }
    return true;
}

/* Two's complement in `bytes` bytes, if it fits there. */
static bool parse_integer(const char *text, u8 kind, u32 bytes, wide *number)
{
    bool is_signed = kind < KIND_UINT8;
    bool is_negative = is_signed && text[0] == '-';
    wide magnitude = 0;
    if (!parse_wide(text + is_negative, &magnitude)) {
        return false;
    }
    wide limit = (wide)1 << (8 * bytes - 1);
    wide largest = is_signed ? limit - 1 + is_negative : limit + (limit - 1);
    *number = is_negative ? 0 - magnitude : magnitude;
    return magnitude <= largest;
}

static bool write_integer(const char *text, u8 kind, struct writer *writer)
{
    wide number = 0;
    u32 bytes = bytes_of(kind);
    if (!parse_integer(text, kind, bytes, &number)) {
        return false;
    }
    write_bytes(writer, &number, bytes);
    return true;
}

static bool write_float(const char *text, u8 kind, struct writer *writer)
{
    char *end = NULL;
    errno = 0;
    double number = strtod(text, &end);
    float narrow = (float)number;
    if (end == text || *end != 0 || errno != 0) {
        return false;
    }
    write_bytes(writer, kind == KIND_FLOAT32 ? (void *)&narrow : (void *)&number,
                kind == KIND_FLOAT32 ? 4 : 8);
    return true;
}

static u32 hex_digit(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit == 0 ? NULL : strchr(digits, digit | ('a' - 'A'));
    return at == NULL ? 16 : (u32)(at - digits);
}

static bool write_hex(const char *text, struct writer *writer)
{
    if (strlen(text) % 2 != 0 || text[0] == 0) {
        return false;
    }
    for (; *text != 0; text += 2) {
        u32 high = hex_digit(text[0]);
        u32 low = hex_digit(text[1]);
        if (high > 15 || low > 15) {
            return false;
        }
        write_u8(writer, (u8)(high << 4 | low));
    }
    return true;
}

static bool write_value(const char *text, u8 kind, struct writer *writer)
{
    switch (kind) {
    case USER_HEADER_STRING: write_span(writer, span_of(text)); return text[0] != 0;
    case USER_HEADER_RAW: return write_hex(text, writer);
    case KIND_BOOL:
        write_u8(writer, strcmp(text, "true") == 0);
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    case KIND_FLOAT32:
    case KIND_FLOAT64: return write_float(text, kind, writer);
    default: return write_integer(text, kind, writer);
    }
}

bool header_text_write(const struct header_parts *parts, struct writer *writer, struct err *err)
{
    char text[USER_HEADER_FIELD_BYTES_MAX + 1];
    u8 memory[USER_HEADER_FIELD_BYTES_MAX];
    struct writer value = writer_over(memory, sizeof(memory));
    u8 kind = kind_of(parts->kind);
    if (kind == 0) {
        return err_set(err,
                       "\"%.*s\" is no kind of a header: string, raw, bool, int32, uint64, "
                       "float64, ...",
                       (int)u32_min(parts->kind.size, 40), parts->kind.data);
    }
    if (parts->key.size == 0 || parts->key.size > USER_HEADER_FIELD_BYTES_MAX ||
        parts->value.size > USER_HEADER_FIELD_BYTES_MAX) {
        return err_set(err, "a header has 1 to 255 bytes of key and of value");
    }
    str_format(text, sizeof(text), "%.*s", (int)parts->value.size, parts->value.data);
    if (!write_value(text, kind, &value) || value.failed) {
        return err_set(err, "header %.*s: \"%.40s\" is no value of kind %s",
                       (int)u32_min(parts->key.size, 40), parts->key.data, text, kinds[kind]);
    }
    write_user_header(writer, &(struct user_header){.key_kind = USER_HEADER_STRING,
                                                    .key = parts->key,
                                                    .value_kind = kind,
                                                    .value = {memory, value.position}});
    return !writer->failed || err_set(err, "more headers than a message can carry");
}

bool header_text_split(const char *text, struct header_parts *parts, struct err *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return err_set(err, "header \"%.60s\": give KEY=VALUE or KEY:KIND=VALUE", text);
    }
    const char *colon = equals;
    while (colon > text && *colon != ':') {
        colon--;
    }
    bool has_kind = *colon == ':';
    const char *key_end = has_kind ? colon : equals;
    *parts = (struct header_parts){
        .key = {(const u8 *)text, (u32)(key_end - text)},
        .kind = has_kind ? (struct span){(const u8 *)colon + 1, (u32)(equals - colon - 1)}
                         : (struct span){0},
        .value = span_of(equals + 1)};
    return true;
}

/* ---- Reading ---- */

static void put_wide(wide number, bool is_negative, char text[HEADER_TEXT_BYTES])
{
    char digits[48];
    u32 at = sizeof(digits) - 1;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + (u32)(number % 10));
        number /= 10;
    } while (number != 0);
    str_format(text, HEADER_TEXT_BYTES, "%s%s", is_negative ? "-" : "", digits + at);
}

static void integer_text(const struct user_header *header, char text[HEADER_TEXT_BYTES])
{
    wide number = 0;
    memcpy(&number, header->value.data, header->value.size);
    wide sign = (wide)1 << (8 * header->value.size - 1);
    bool is_negative = header->value_kind < KIND_UINT8 && (number & sign) != 0;
    put_wide(is_negative ? sign + (sign - number) : number, is_negative, text);
}

static void hex_text(struct span value, char text[HEADER_TEXT_BYTES])
{
    u32 position = 0;
    text[0] = 0;
    for (u32 i = 0; i < value.size; i++) {
        (void)str_append(text, HEADER_TEXT_BYTES, &position, "%02x", value.data[i]);
    }
}

static void float_text(const struct user_header *header, char text[HEADER_TEXT_BYTES])
{
    float narrow = 0;
    double number = 0;
    if (header->value_kind == KIND_FLOAT32) {
        memcpy(&narrow, header->value.data, 4);
        str_format(text, HEADER_TEXT_BYTES, "%.9g", (double)narrow);
        return;
    }
    memcpy(&number, header->value.data, 8);
    str_format(text, HEADER_TEXT_BYTES, "%.17g", number);
}

/* What the kind says the value should have; 0: any. */
static u32 size_of_kind(u8 kind)
{
    switch (kind) {
    case KIND_BOOL: return 1;
    case KIND_FLOAT32: return 4;
    case KIND_FLOAT64: return 8;
    default: return kind >= KIND_INT8 && kind <= KIND_UINT128 ? bytes_of(kind) : 0;
    }
}

void header_value_text(const struct user_header *header, char text[HEADER_TEXT_BYTES])
{
    u32 size = size_of_kind(header->value_kind);
    if (header->value_kind == USER_HEADER_STRING) {
        str_format(text, HEADER_TEXT_BYTES, "%.*s", (int)header->value.size, header->value.data);
    } else if (size == 0 || size != header->value.size) {
        hex_text(header->value, text);
    } else if (header->value_kind == KIND_BOOL) {
        str_format(text, HEADER_TEXT_BYTES, "%s", header->value.data[0] != 0 ? "true" : "false");
    } else if (header->value_kind >= KIND_FLOAT32) {
        float_text(header, text);
    } else {
        integer_text(header, text);
    }
}
