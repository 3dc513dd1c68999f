/* JSON written as it is thought of: objects and lists opened and closed, commas where they belong.
 *
 *     json_open(json, NULL, '{');
 *     json_number(json, "seconds", 1.5);
 *     json_close(json, '}');                   {"seconds": 1.5}
 *
 * Numbers that are not finite become 0: JSON has no word for them.
 *
 * Thread: one at a time. Errors: those of the stream, which the caller asks in the end. */
#pragma once

#include <stdio.h>

#include "base/types.h"

struct json_writer {
    FILE *file;
    bool needs_comma;
};

/* `bracket` is { or [; `key` NULL in lists and outside. */
void json_open(struct json_writer *json, const char *key, char bracket);
void json_close(struct json_writer *json, char bracket);
void json_string(struct json_writer *json, const char *key, const char *text);
void json_count(struct json_writer *json, const char *key, u64 number);
void json_bool(struct json_writer *json, const char *key, bool value);

/* With three decimals, as the reference rounds. */
void json_number(struct json_writer *json, const char *key, double number);
void json_null(struct json_writer *json, const char *key);
