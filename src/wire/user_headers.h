/* User headers of a message: entries without a count, after the payload.
 *
 *     | key kind u8 | length u32 | key | value kind u8 | length u32 | value | ... and so on
 *
 * The server stores and returns them as they are; only clients look inside. */
#pragma once

#include "base/bytes.h"

#define USER_HEADERS_BYTES_MAX 100000u
#define USER_HEADER_FIELD_BYTES_MAX 255u

/* Kinds 3 to 15 are those of numbers: bool, i8 to i128, u8 to u128, f32, f64. */
enum user_header_kind { USER_HEADER_RAW = 1, USER_HEADER_STRING = 2 };

struct user_header {
    u8 key_kind;
    struct span key;
    u8 value_kind;
    struct span value;
};

void write_user_header(struct writer *writer, const struct user_header *header);

/* False at the end, or with the reader failed when the bytes are no headers. */
bool read_user_header(struct reader *reader, struct user_header *header);
