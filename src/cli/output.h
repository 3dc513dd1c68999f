/* Results, printed for who reads them: records of named fields, alone or in lists.
 *
 *     a terminal      a table with headings; a record alone: one field a line
 *     a pipe or file  one line a record, fields between tabs, no heading; a record alone: one line
 *                     a field, its name before it. A tab, a line end or a backslash in a text
 *                     is written \t, \n or \\
 *     --json          one object a line; a list inside a record is an array of it
 *
 *     output_record(o);  output_number(o, "id", 7);  output_list(o, "topics");
 *         output_record(o);  output_text(o, "name", name);  output_record_end(o);
 *     output_list_end(o);  output_record_end(o);
 *
 * All records of a list have the same fields in the same order. Times are RFC 3339 in UTC; sizes
 * and durations are short on a terminal alone.
 *
 * Memory: cells of a table are kept until its end, to know how wide they are; nothing else is. */
#pragma once

#include <stdio.h>

#include "base/bytes.h"

enum output_form { OUTPUT_TABLE, OUTPUT_LINES, OUTPUT_JSON };

struct output_cell;

struct output {
    FILE *file;
    enum output_form form;
    bool colours;
    bool in_record;
    const char *list; /* the list under way, or NULL */
    bool list_is_inner;
    bool in_row;
    u32 fields_count; /* printed of the record under way */
    u32 rows_count;
    struct output_cell *cells;
    u32 cells_count;
    u32 cells_capacity;
};

void output_init(struct output *output, FILE *file, enum output_form form, bool colours);
void output_deinit(struct output *output);

void output_record(struct output *output);
void output_record_end(struct output *output);

/* Inside a record or alone. At most one list in a record, and at its end, but for JSON. */
void output_list(struct output *output, const char *name);
void output_list_end(struct output *output);

void output_number(struct output *output, const char *name, u64 value);
void output_text(struct output *output, const char *name, struct span text);
void output_switch(struct output *output, const char *name, bool value);
void output_bytes(struct output *output, const char *name, u64 bytes);
void output_decimal(struct output *output, const char *name, double value);

/* Microseconds since 1970; `name` ends in _at. */
void output_time(struct output *output, const char *name, u64 time_us);

/* Seconds with a fraction. */
void output_seconds(struct output *output, const char *name, u64 duration_us);

/* There is none: null, "-", or nothing. */
void output_none(struct output *output, const char *name);

#define TIME_TEXT_BYTES 40u

/* "2026-02-14T09:00:00.000001Z". */
void output_time_text(char text[TIME_TEXT_BYTES], u64 time_us);
