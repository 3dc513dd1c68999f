#include "base/json_text.h"

#include "base/check.h"
#include "base/str.h"

#define REPLACEMENT "\xef\xbf\xbd"

u32 utf8_character(struct span text, u32 at, u32 *code)
{
    static const u32 smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    check(at < text.size);
    u8 first = text.data[at];
    u32 size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (size == 1) {
        *code = first;
        return 1;
    }
    if (first < 0xc2 || first > 0xf4 || size > text.size - at) {
        return 0;
    }
    u32 number = first & (0x7fu >> size);
    for (u32 i = 1; i < size; i++) {
        if ((text.data[at + i] & 0xc0) != 0x80) {
            return 0;
        }
        number = number << 6 | (text.data[at + i] & 0x3fu);
    }
    if (number < smallest[size] || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff)) {
        return 0;
    }
    *code = number;
    return size;
}

bool utf8_is_text(struct span bytes)
{
    u32 code = 0;
    for (u32 at = 0; at < bytes.size;) {
        u32 size = utf8_character(bytes, at, &code);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

static u32 put_piece(char piece[JSON_PIECE_BYTES], const char *text)
{
    u32 size = (u32)strlen(text);
    check(size < JSON_PIECE_BYTES);
    memcpy(piece, text, size + 1);
    return size;
}

static u32 escape(char piece[JSON_PIECE_BYTES], u32 code)
{
    char text[JSON_PIECE_BYTES];
    switch (code) {
    case '"': return put_piece(piece, "\\\"");
    case '\\': return put_piece(piece, "\\\\");
    case '\n': return put_piece(piece, "\\n");
    case '\r': return put_piece(piece, "\\r");
    case '\t': return put_piece(piece, "\\t");
    default: break;
    }
    check(str_format(text, sizeof(text), code < 0x20 || code == 0x7f ? "\\u%04x" : "%c", code));
    return put_piece(piece, text);
}

u32 json_text_next(struct span text, u32 *at, char piece[JSON_PIECE_BYTES])
{
    u32 code = 0;
    u32 size = utf8_character(text, *at, &code);
    const u8 *from = text.data + *at;
    *at += size == 0 ? 1 : size;
    if (size == 0) {
        return put_piece(piece, REPLACEMENT);
    }
    if (size == 1) {
        return escape(piece, code);
    }
    memcpy(piece, from, size);
    return size;
}
