#include "bench/json_writer.h"

#include <math.h>

#include "base/json_text.h"

static void write_quoted(FILE *file, const char *text)
{
    (void)fputc('"', file);
    char piece[JSON_PIECE_BYTES];
    struct span span = span_of(text);
    for (u32 at = 0; at < span.size;) {
        u32 size = json_text_next(span, &at, piece);
        (void)fwrite(piece, 1, size, file);
    }
    (void)fputc('"', file);
}

static void begin(struct json_writer *json, const char *key)
{
    if (json->needs_comma) {
        (void)fputs(", ", json->file);
    }
    if (key != NULL) {
        write_quoted(json->file, key);
        (void)fputs(": ", json->file);
    }
    json->needs_comma = true;
}

void json_open(struct json_writer *json, const char *key, char bracket)
{
    begin(json, key);
    (void)fputc(bracket, json->file);
    json->needs_comma = false;
}

void json_close(struct json_writer *json, char bracket)
{
    (void)fputc(bracket, json->file);
    json->needs_comma = true;
}

void json_string(struct json_writer *json, const char *key, const char *text)
{
    begin(json, key);
    write_quoted(json->file, text);
}

void json_count(struct json_writer *json, const char *key, u64 number)
{
    begin(json, key);
    (void)fprintf(json->file, "%llu", (unsigned long long)number);
}

void json_bool(struct json_writer *json, const char *key, bool value)
{
    begin(json, key);
    (void)fputs(value ? "true" : "false", json->file);
}

void json_number(struct json_writer *json, const char *key, double number)
{
    begin(json, key);
    (void)fprintf(json->file, "%.3f", isfinite(number) ? number : 0);
}

void json_null(struct json_writer *json, const char *key)
{
    begin(json, key);
    (void)fputs("null", json->file);
}
