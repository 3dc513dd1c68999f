#include "cli/json_read.h"

#define DEPTH_MAX 16u

struct json_read json_read_over(struct span text)
{
    return (struct json_read){.data = (u8 *)(uintptr_t)text.data, .size = text.size};
}

static bool fail(struct json_read *read)
{
    read->failed = true;
    return false;
}

static void skip_blanks(struct json_read *read)
{
    while (read->position < read->size && read->data[read->position] != 0 &&
           strchr(" \t\r\n", read->data[read->position]) != NULL) {
        read->position++;
    }
}

/* The next byte that is no blank, or 0; not taken. */
static u8 peek(struct json_read *read)
{
    skip_blanks(read);
    return read->position < read->size ? read->data[read->position] : 0;
}

static bool take(struct json_read *read, u8 byte)
{
    if (peek(read) != byte) {
        return false;
    }
    read->position++;
    return true;
}

/* ---- Texts ---- */

static bool read_hex4(const struct json_read *read, u32 at, u32 *code)
{
    *code = 0;
    if (read->size - at < 4) {
        return false;
    }
    for (u32 i = 0; i < 4; i++) {
        u8 digit = read->data[at + i];
        u32 value = digit >= '0' && digit <= '9'   ? (u32)(digit - '0')
                    : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10u
                    : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10u
                                                   : 16;
        if (value == 16) {
            return false;
        }
        *code = *code << 4 | value;
    }
    return true;
}

static u32 put_utf8(u8 *to, u32 code)
{
    if (code < 0x80) {
        to[0] = (u8)code;
        return 1;
    }
    u32 size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (u32 i = size - 1; i > 0; i--) {
        to[i] = (u8)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    to[0] = (u8)((0xf00u >> size & 0xf0) | code);
    return size;
}

/* "\u00e4", or a pair of surrogates; the position is behind the 'u'. The text never grows. */
static bool decode_unicode(struct json_read *read, u8 **to)
{
    u32 code = 0;
    u32 low = 0;
    if (!read_hex4(read, read->position, &code)) {
        return fail(read);
    }
    read->position += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        bool has_low = read->size - read->position >= 6 && read->data[read->position] == '\\' &&
                       read->data[read->position + 1] == 'u' &&
                       read_hex4(read, read->position + 2, &low) && low >= 0xdc00 && low < 0xe000;
        if (!has_low) {
            return fail(read);
        }
        read->position += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return fail(read);
    }
    *to += put_utf8(*to, code);
    return true;
}

static bool decode_escape(struct json_read *read, u8 **to)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (read->position == read->size) {
        return fail(read);
    }
    u8 letter = read->data[read->position++];
    if (letter == 'u') {
        return decode_unicode(read, to);
    }
    const char *at = letter == 0 ? NULL : strchr(letters, letter);
    if (at == NULL) {
        return fail(read);
    }
    *(*to)++ = (u8)meanings[at - letters];
    return true;
}

static bool read_text(struct json_read *read, struct span *text)
{
    if (!take(read, '"')) {
        return fail(read);
    }
    u8 *begin = read->data + read->position;
    u8 *to = begin;
    while (read->position < read->size && read->data[read->position] != '"') {
        u8 byte = read->data[read->position++];
        if (byte != '\\') {
            *to++ = byte;
        } else if (!decode_escape(read, &to)) {
            return false;
        }
    }
    if (read->position == read->size) {
        return fail(read);
    }
    read->position++;
    *text = (struct span){begin, (u32)(to - begin)};
    return true;
}

/* ---- Values ---- */

/* Behind a text that is not decoded. */
static bool skip_text(struct json_read *read)
{
    for (read->position++; read->position < read->size; read->position++) {
        if (read->data[read->position] == '\\') {
            read->position++;
        } else if (read->data[read->position] == '"') {
            read->position++;
            return true;
        }
    }
    read->position = read->size;
    return fail(read);
}

/* An array or object as it stands, to be read by a reader of its own. */
static bool take_nested(struct json_read *read, struct span *text)
{
    u32 begin = read->position;
    u32 depth = 0;
    while (read->position < read->size) {
        u8 byte = read->data[read->position];
        if (byte == '"') {
            if (!skip_text(read)) {
                return false;
            }
            continue;
        }
        read->position++;
        depth += byte == '[' || byte == '{';
        depth -= byte == ']' || byte == '}';
        if (depth > DEPTH_MAX) {
            return fail(read);
        }
        if (depth == 0) {
            *text = (struct span){read->data + begin, read->position - begin};
            return true;
        }
    }
    return fail(read);
}

static bool take_word(struct json_read *read, struct json_value *value)
{
    u32 begin = read->position;
    while (read->position < read->size && read->data[read->position] != 0 &&
           strchr(" \t\r\n,]}", read->data[read->position]) == NULL) {
        read->position++;
    }
    value->text = (struct span){read->data + begin, read->position - begin};
    value->kind = span_equal(value->text, span_of("true"))    ? JSON_TRUE
                  : span_equal(value->text, span_of("false")) ? JSON_FALSE
                  : span_equal(value->text, span_of("null"))  ? JSON_NULL
                                                              : JSON_NUMBER;
    u8 first = value->text.size == 0 ? 0 : value->text.data[0];
    return value->kind != JSON_NUMBER || first == '-' || (first >= '0' && first <= '9') ||
           fail(read);
}

/* Before an element or a member: the bracket or the comma. False at the end. */
static bool advance(struct json_read *read, u8 open, u8 close)
{
    if (read->failed) {
        return false;
    }
    if (!read->began) {
        read->began = true;
        if (!take(read, open)) {
            return fail(read);
        }
        return !take(read, close);
    }
    if (take(read, ',')) {
        return true;
    }
    return take(read, close) ? false : fail(read);
}

static bool value_here(struct json_read *read, struct json_value *value)
{
    *value = (struct json_value){0};
    switch (peek(read)) {
    case '"': value->kind = JSON_TEXT; return read_text(read, &value->text);
    case '[': value->kind = JSON_ARRAY; return take_nested(read, &value->text);
    case '{': value->kind = JSON_OBJECT; return take_nested(read, &value->text);
    default: return take_word(read, value);
    }
}

bool json_read_value(struct json_read *read, struct json_value *value)
{
    if (!read->value_pending && !advance(read, '[', ']')) {
        return false;
    }
    read->value_pending = false;
    return value_here(read, value);
}

bool json_read_member(struct json_read *read, struct span *key)
{
    struct json_value unwanted;
    if (read->value_pending && !json_read_value(read, &unwanted)) {
        return false;
    }
    if (!advance(read, '{', '}')) {
        return false;
    }
    if (!read_text(read, key) || !take(read, ':')) {
        return fail(read);
    }
    read->value_pending = true;
    return true;
}

bool json_decode_base64(struct span *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    u8 *to = (u8 *)(uintptr_t)text->data;
    u32 written = 0;
    u32 bits = 0;
    u32 bits_count = 0;
    u32 size = text->size;
    if (size % 4 != 0) {
        return false;
    }
    for (u32 i = 0; i < 2 && size > 0 && text->data[size - 1] == '='; i++) {
        size--;
    }
    for (u32 i = 0; i < size; i++) {
        const char *at = text->data[i] == 0 ? NULL : strchr(digits, text->data[i]);
        if (at == NULL) {
            return false;
        }
        bits = (bits << 6 | (u32)(at - digits)) & 0xffff;
        bits_count += 6;
        if (bits_count >= 8) {
            bits_count -= 8;
            to[written++] = (u8)(bits >> bits_count);
        }
    }
    text->size = written;
    return true;
}
