#include "wire/identifier.h"

#include "wire/name.h"

#include "tests/fuzz/fuzz.h"

/* UTF-8 by another road: decode to a code point and see whether it needed so many bytes. */
static bool is_utf8_slowly(struct span text)
{
    u32 at = 0;
    while (at < text.size) {
        u8 first = text.data[at];
        u32 more = first < 0x80 ? 0 : first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
        if ((first >= 0x80 && first < 0xC0) || first >= 0xF8 || more >= text.size - at) {
            return false;
        }
        u32 code = more == 0 ? first : first & (0x3Fu >> more);
        for (u32 i = 1; i <= more; i++) {
            if ((text.data[at + i] & 0xC0) != 0x80) {
                return false;
            }
            code = code << 6 | (text.data[at + i] & 0x3Fu);
        }
        u32 needed = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        if (needed != more || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
            return false;
        }
        at += more + 1;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span input = {data, (u32)size};
    check(span_is_utf8(input) == is_utf8_slowly(input));

    struct decoder decoder = decoder_over(input);
    struct identifier identifier = decode_identifier(&decoder);
    if (decoder_result(&decoder) != WIRE_OK) {
        return 0;
    }
    u8 bytes[IDENTIFIER_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_identifier(&writer, &identifier);
    check(!writer.failed);
    check(writer.position == decoder.reader.position);
    check(memcmp(bytes, data, writer.position) == 0);
    return 0;
}
