#include "cli/json_put.h"

/* Bytes of the character at `at`, 0 when it is none. */
static u32 character_bytes(struct span text, u32 at)
{
    static const u32 smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    u8 first = text.data[at];
    u32 size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (size == 1) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4 || size > text.size - at) {
        return 0;
    }
    u32 code = first & (0x7fu >> size);
    for (u32 i = 1; i < size; i++) {
        if ((text.data[at + i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text.data[at + i] & 0x3fu);
    }
    bool is_good = code >= smallest[size] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return is_good ? size : 0;
}

bool json_put_is_text(struct span bytes)
{
    for (u32 at = 0; at < bytes.size;) {
        u32 size = character_bytes(bytes, at);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

static void put_ascii(FILE *file, u8 character)
{
    switch (character) {
    case '"': fputs("\\\"", file); return;
    case '\\': fputs("\\\\", file); return;
    case '\n': fputs("\\n", file); return;
    case '\r': fputs("\\r", file); return;
    case '\t': fputs("\\t", file); return;
    default: break;
    }
    if (character < 0x20 || character == 0x7f) {
        fprintf(file, "\\u%04x", character);
    } else {
        fputc(character, file);
    }
}

void json_put_text(FILE *file, struct span text)
{
    fputc('"', file);
    for (u32 at = 0; at < text.size;) {
        u32 size = character_bytes(text, at);
        if (size == 0) {
            fputs("\xef\xbf\xbd", file);
            size = 1;
        } else if (size == 1) {
            put_ascii(file, text.data[at]);
        } else {
            fwrite(text.data + at, 1, size, file);
        }
        at += size;
    }
    fputc('"', file);
}

void json_put_base64(FILE *file, struct span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fputc('"', file);
    for (u32 at = 0; at < bytes.size; at += 3) {
        u32 left = u32_min(3, bytes.size - at);
        u32 three = (u32)bytes.data[at] << 16;
        three |= left > 1 ? (u32)bytes.data[at + 1] << 8 : 0;
        three |= left > 2 ? bytes.data[at + 2] : 0;
        fputc(digits[three >> 18], file);
        fputc(digits[three >> 12 & 63], file);
        fputc(left > 1 ? digits[three >> 6 & 63] : '=', file);
        fputc(left > 2 ? digits[three & 63] : '=', file);
    }
    fputc('"', file);
}
