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
#define USERNAME_BYTES_MIN 3u
#define USERNAME_BYTES_MAX 50u
#define PASSWORD_BYTES_MIN 3u
#define PASSWORD_BYTES_MAX 100u
#define TOKEN_NAME_BYTES_MIN 3u
#define TOKEN_NAME_BYTES_MAX 30u

/* A name. Length 0 is WIRE_INVALID_FORMAT, bytes that are not UTF-8 WIRE_INVALID_COMMAND. */
struct span decode_name(struct decoder *decoder);

/* A password: as a name, but it may be empty here and any bytes will do; its length is for the
 * command to judge. */
struct span decode_password(struct decoder *decoder);

/* Writes one length byte and the bytes: a name or a password. Fails the writer when longer than
 * NAME_BYTES_MAX. */
void write_name(struct writer *writer, struct span name);

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool span_is_utf8(struct span text);

bool username_is_valid(struct span username);
bool password_is_valid(struct span password);
bool token_name_is_valid(struct span name);
