/* Text into fixed room, and the sentence that explains a failure to a person. */
#pragma once

#include "base/types.h"

/* Appends formatted text at `*position` of `capacity` bytes, always ends it with a zero byte and
 * advances `*position` to that byte. False when it had to be cut. */
bool str_append(char *text, u32 capacity, u32 *position, const char *format, ...) printf_like(4, 5);

/* Like snprintf but returns false when it had to be cut. */
bool str_format(char *text, u32 capacity, const char *format, ...) printf_like(3, 4);

/* Decimal digits only, the whole text, no sign: false for anything else or an overflow. */
must_check bool str_to_u64(const char *text, u64 *value);

/* Number of edits from one word to another, for "did you mean". At most 64 bytes each are
 * compared. */
u32 str_distance(const char *a, const char *b);

/* One sentence that names the file, the value and the remedy: for start, configuration and CLI. */
struct err {
    char text[512];
};

/* Fills in the sentence; always returns false, so that a parser can `return err_set(...)`. `err`
 * may be NULL. */
bool err_set(struct err *err, const char *format, ...) printf_like(2, 3);
