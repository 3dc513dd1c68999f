/* Reads one JSON object from a line, member by member, in place.
 *
 *     json_read_begin(&read, line);
 *     while (json_read_member(&read, &key)) { ... json_read_value(&read, &value) ... }
 *     if (read.failed) ...
 *
 * Texts are decoded over the line itself, so the line must be the caller's to change. Values that
 * nobody asks for are skipped by the next json_read_member. Nesting has a limit. */
#pragma once

#include "base/bytes.h"

enum json_kind {
    JSON_TEXT,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_value {
    enum json_kind kind;
    struct span text; /* decoded text, or a number as written; an array or object as it stands */
};

struct json_read {
    u8 *data;
    u32 size;
    u32 position;
    bool is_array;
    bool began;
    bool value_pending; /* a key was read, its value not */
    bool failed;
};

/* Over an object, or an array that a value named. */
struct json_read json_read_over(struct span text);

/* The next key of an object; false at its end, and when it failed. */
must_check bool json_read_member(struct json_read *read, struct span *key);

/* The value of the key, or the next element of an array; false at the end of the array, and when it
 * failed. */
must_check bool json_read_value(struct json_read *read, struct json_value *value);

/* Base64 decoded over itself; false when it is none. */
must_check bool json_decode_base64(struct span *text);
