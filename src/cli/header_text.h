/* User headers of a message as people type and read them: KEY=VALUE or KEY:KIND=VALUE, with the
 * kinds of the protocol by name: raw (in hex), string, bool, int8 to int128, uint8 to uint128,
 * float32, float64. Numbers are little-endian in a message, floats IEEE 754. */
#pragma once

#include "base/str.h"
#include "client/client.h"

#define HEADER_TEXT_BYTES 600u

/* The name of a kind of value; "raw" for one that is not known. */
const char *header_kind_name(u8 kind);

struct header_parts {
    struct span key;
    struct span kind; /* empty: string */
    struct span value;
};

/* Appends the entry; a sentence and false for a kind or value that is none. */
must_check bool header_text_write(const struct header_parts *parts, struct writer *writer,
                                  struct err *err);

/* "source=shop" or "attempt:uint32=3", split. */
must_check bool header_text_split(const char *text, struct header_parts *parts, struct err *err);

/* The value as text, without a line end of its own making. */
void header_value_text(const struct user_header *header, char text[HEADER_TEXT_BYTES]);
