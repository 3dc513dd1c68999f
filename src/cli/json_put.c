#include "cli/json_put.h"

#include "base/json_text.h"

void json_put_text(FILE *file, struct span text)
{
    char piece[JSON_PIECE_BYTES];
    fputc('"', file);
    for (u32 at = 0; at < text.size;) {
        u32 size = json_text_next(text, &at, piece);
        fwrite(piece, 1, size, file);
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
