/* Names and secrets that people choose: one length byte, then UTF-8.
 *
 *     | length u8, 1..255 | UTF-8 bytes |
 *
 * Streams, topics and groups take any UTF-8 of 1 to 255 bytes, zero bytes and slashes included, so
 * a name is never used as a file name. They are compared byte for byte. */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"

#define NAME_BYTES_MAX 255u

/* A name. Length 0 is WIRE_INVALID_FORMAT, bytes that are not UTF-8 WIRE_INVALID_COMMAND. */
struct span decode_name(struct decoder *decoder);

/* A password: as a name, but it may be empty here and any bytes will do; its length is for the
 * command to judge. */
struct span decode_password(struct decoder *decoder);

/* For the client, which takes what the server sends: a length byte and that many bytes. */
static inline struct span read_name(struct reader *reader)
{
    u32 size = read_u8(reader);
    return read_span(reader, size);
}

/* Writes one length byte and the bytes: a name or a password. Fails the writer when longer than
 * NAME_BYTES_MAX. */
void write_name(struct writer *writer, struct span name);

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool span_is_utf8(struct span text);

/* The lengths that users, passwords and tokens may have: 3 to 50, 3 to 100, 3 to 30 bytes. */
bool username_is_valid(struct span username);
bool password_is_valid(struct span password);
bool token_name_is_valid(struct span name);
