#include "cli/output.h"

#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/json_put.h"
#include "cli/text_cells.h"

#define NUMBER_BYTES 64u
#define COLUMNS_MAX 32u
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct output_cell {
    const char *name;
    char *text;
    bool is_right; /* numbers stand right, so that they can be compared */
};

void output_init(struct output *output, FILE *file, enum output_form form, bool colours)
{
    *output = (struct output){.file = file, .form = form, .colours = colours};
}

static void forget_cells(struct output *output)
{
    for (u32 i = 0; i < output->cells_count; i++) {
        mem_return(output->cells[i].text);
    }
    output->cells_count = 0;
}

void output_deinit(struct output *output)
{
    forget_cells(output);
    mem_return(output->cells);
}

/* ---- Cells of a table ---- */

static void keep_cell(struct output *output, const char *name, const char *text, bool is_right)
{
    if (output->cells_count == output->cells_capacity) {
        output->cells_capacity = u32_max(64, 2 * output->cells_capacity);
        output->cells =
            mem_resize(output->cells, output->cells_capacity * sizeof(output->cells[0]));
    }
    output->cells[output->cells_count++] =
        (struct output_cell){name, mem_copy_text(text), is_right};
}

static u32 width_of(const char *text)
{
    return text_cells(span_of(text));
}

static void pad(FILE *file, u32 count)
{
    fprintf(file, "%*s", (int)count, "");
}

/* How much of a name stands in a heading: values say their unit themselves there, and what is
 * counted is clear without the word. Names are ASCII: so many bytes are so many characters. */
static u32 heading_size(const char *name)
{
    static const char *const needless[] = {"_count", "_bytes", "_seconds"};
    u32 size = (u32)strlen(name);
    for (u32 i = 0; i < array_count(needless); i++) {
        u32 end = (u32)strlen(needless[i]);
        if (size > end && strcmp(name + size - end, needless[i]) == 0) {
            return size - end;
        }
    }
    return size;
}

static void put_heading(FILE *file, const char *name)
{
    u32 size = heading_size(name);
    for (u32 i = 0; i < size; i++) {
        bool is_small = name[i] >= 'a' && name[i] <= 'z';
        fputc(name[i] == '_' ? ' ' : is_small ? name[i] - 'a' + 'A' : name[i], file);
    }
}

/* One field a line, as wide as the longest name. */
static void flush_properties(struct output *output)
{
    u32 width = 0;
    for (u32 i = 0; i < output->cells_count; i++) {
        width = u32_max(width, heading_size(output->cells[i].name));
    }
    for (u32 i = 0; i < output->cells_count; i++) {
        const struct output_cell *cell = &output->cells[i];
        fputs(output->colours ? BOLD : "", output->file);
        put_heading(output->file, cell->name);
        fputs(output->colours ? PLAIN : "", output->file);
        pad(output->file, width + 2 - heading_size(cell->name));
        fprintf(output->file, "%s\n", cell->text);
    }
    forget_cells(output);
}

struct columns {
    u32 count;
    u32 widths[COLUMNS_MAX];
};

static struct columns measure_columns(const struct output *output)
{
    struct columns columns = {.count = output->cells_count / output->rows_count};
    check(columns.count * output->rows_count == output->cells_count);
    check(columns.count > 0);
    check(columns.count <= COLUMNS_MAX);
    for (u32 i = 0; i < output->cells_count; i++) {
        const struct output_cell *cell = &output->cells[i];
        u32 *width = &columns.widths[i % columns.count];
        *width = u32_max(*width, u32_max(heading_size(cell->name), width_of(cell->text)));
    }
    return columns;
}

/* `text` NULL: the heading. The last column is not padded. */
static void put_cell(struct output *output, u32 index, const struct columns *columns,
                     const char *text)
{
    check(columns->count > 0);
    const struct output_cell *cell = &output->cells[index];
    u32 column = index % columns->count;
    u32 own_width = text == NULL ? heading_size(cell->name) : width_of(text);
    u32 gap = columns->widths[column] - own_width;
    bool is_last = column + 1 == columns->count;
    if (cell->is_right) {
        pad(output->file, gap);
    }
    if (text == NULL) {
        put_heading(output->file, cell->name);
    } else {
        fputs(text, output->file);
    }
    if (!cell->is_right && !is_last) {
        pad(output->file, gap);
    }
    fputs(is_last ? "" : "  ", output->file);
}

static void flush_table(struct output *output)
{
    if (output->rows_count == 0) {
        fprintf(output->file, "no %s\n", output->list);
        return;
    }
    struct columns columns = measure_columns(output);
    fputs(output->colours ? BOLD : "", output->file);
    for (u32 i = 0; i < columns.count; i++) {
        put_cell(output, i, &columns, NULL);
    }
    fprintf(output->file, "%s\n", output->colours ? PLAIN : "");
    for (u32 i = 0; i < output->cells_count;) {
        for (u32 column = 0; column < columns.count; column++, i++) {
            put_cell(output, i, &columns, output->cells[i].text);
        }
        fputc('\n', output->file);
    }
    forget_cells(output);
}

/* ---- Records and lists ---- */

void output_record(struct output *output)
{
    check(!output->in_row);
    if (output->list == NULL) {
        check(!output->in_record);
        output->in_record = true;
    } else {
        output->in_row = true;
    }
    output->fields_count = 0;
    if (output->form == OUTPUT_JSON) {
        fputs(output->list_is_inner && output->rows_count > 0 ? ",{" : "{", output->file);
    } else if (output->form == OUTPUT_LINES && output->list_is_inner) {
        fputs(output->list, output->file);
        output->fields_count = 1;
    }
}

void output_record_end(struct output *output)
{
    bool is_row = output->in_row;
    check(is_row || output->in_record);
    output->rows_count += is_row;
    if (output->form == OUTPUT_JSON) {
        fputs(is_row && output->list_is_inner ? "}" : "}\n", output->file);
    } else if (output->form == OUTPUT_LINES && is_row) {
        fputc('\n', output->file);
    } else if (output->form == OUTPUT_TABLE && !is_row) {
        flush_properties(output);
    }
    output->in_row = false;
    output->in_record = is_row && output->in_record;
    output->fields_count = 1;
}

void output_list(struct output *output, const char *name)
{
    check(output->list == NULL);
    output->list_is_inner = output->in_record;
    output->list = name;
    output->rows_count = 0;
    if (output->form == OUTPUT_JSON && output->list_is_inner) {
        fprintf(output->file, "%s\"%s\":[", output->fields_count == 0 ? "" : ",", name);
    } else if (output->form == OUTPUT_TABLE && output->list_is_inner) {
        flush_properties(output);
        fputc('\n', output->file);
    }
}

void output_list_end(struct output *output)
{
    check(output->list != NULL);
    if (output->form == OUTPUT_JSON && output->list_is_inner) {
        fputc(']', output->file);
    } else if (output->form == OUTPUT_TABLE) {
        flush_table(output);
    }
    output->list = NULL;
    output->list_is_inner = false;
    output->fields_count = 1;
}

/* ---- Fields ---- */

/* What precedes the value of a field. */
static void begin_field(struct output *output, const char *name)
{
    check(output->in_row || output->in_record);
    bool is_first = output->fields_count++ == 0;
    if (output->form == OUTPUT_JSON) {
        fprintf(output->file, "%s\"%s\":", is_first ? "" : ",", name);
    } else if (output->in_row) {
        fputs(is_first ? "" : "\t", output->file);
    } else {
        fprintf(output->file, "%s\t", name);
    }
}

static void end_field(struct output *output)
{
    if (output->form == OUTPUT_LINES && !output->in_row) {
        fputc('\n', output->file);
    }
}

/* A value that is the same for programs in JSON and in lines, and perhaps another for people. */
static void put_plain(struct output *output, const char *name, const char *value,
                      const char *for_people)
{
    if (output->form == OUTPUT_TABLE) {
        keep_cell(output, name, for_people, true);
        return;
    }
    begin_field(output, name);
    fputs(value, output->file);
    end_field(output);
}

void output_number(struct output *output, const char *name, u64 value)
{
    char text[NUMBER_BYTES];
    str_format(text, sizeof(text), "%llu", (unsigned long long)value);
    put_plain(output, name, text, text);
}

void output_decimal(struct output *output, const char *name, double value)
{
    char text[NUMBER_BYTES];
    str_format(text, sizeof(text), "%.1f", value);
    put_plain(output, name, text, text);
}

void output_switch(struct output *output, const char *name, bool value)
{
    put_plain(output, name, value ? "true" : "false", value ? "yes" : "no");
}

void output_bytes(struct output *output, const char *name, u64 bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    char text[NUMBER_BYTES];
    char short_text[NUMBER_BYTES];
    double value = (double)bytes;
    u32 unit = 0;
    while (value >= 1024 && unit + 1 < array_count(units)) {
        value /= 1024;
        unit++;
    }
    str_format(text, sizeof(text), "%llu", (unsigned long long)bytes);
    str_format(short_text, sizeof(short_text), unit == 0 ? "%.0f %s" : "%.1f %s", value,
               units[unit]);
    put_plain(output, name, text, short_text);
}

void output_seconds(struct output *output, const char *name, u64 duration_us)
{
    char text[NUMBER_BYTES];
    str_format(text, sizeof(text), "%llu.%06llu", (unsigned long long)(duration_us / US_PER_SECOND),
               (unsigned long long)(duration_us % US_PER_SECOND));
    char short_text[NUMBER_BYTES];
    str_format(short_text, sizeof(short_text), "%.1f s", (double)duration_us / US_PER_SECOND);
    put_plain(output, name, text, short_text);
}

void output_none(struct output *output, const char *name)
{
    put_plain(output, name, output->form == OUTPUT_JSON ? "null" : "", "-");
}

/* A line end inside would make two records of one. */
static void put_line_text(FILE *file, struct span text)
{
    for (u32 i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '\t': fputs("\\t", file); break;
        case '\n': fputs("\\n", file); break;
        case '\\': fputs("\\\\", file); break;
        default: fputc(text.data[i], file); break;
        }
    }
}

/* A terminal obeys control characters: those of a name are not its owner's to send. */
static void keep_text(struct output *output, const char *name, struct span text)
{
    char *copy = mem_take(text.size + 1u);
    u32 position = 0;
    for (u32 at = 0; at < text.size;) {
        u32 code = 0;
        u32 size = utf8_character(text, at, &code);
        if (size == 0 || !text_is_shown(code)) {
            copy[position++] = '?';
        } else {
            memcpy(copy + position, text.data + at, size);
            position += size;
        }
        at += u32_max(1, size);
    }
    copy[position] = 0;
    keep_cell(output, name, copy, false);
    mem_return(copy);
}

void output_text(struct output *output, const char *name, struct span text)
{
    if (output->form == OUTPUT_TABLE) {
        keep_text(output, name, text);
        return;
    }
    begin_field(output, name);
    if (output->form == OUTPUT_JSON) {
        json_put_text(output->file, text);
    } else {
        put_line_text(output->file, text);
    }
    end_field(output);
}

void output_time_text(char text[TIME_TEXT_BYTES], u64 time_us)
{
    time_t seconds = (time_t)(time_us / US_PER_SECOND);
    struct tm parts = {0};
    char day[TIME_TEXT_BYTES] = "?";
    if (gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
    }
    str_format(text, TIME_TEXT_BYTES, "%.30s.%06uZ", day, (u32)(time_us % US_PER_SECOND));
}

void output_time(struct output *output, const char *name, u64 time_us)
{
    char text[TIME_TEXT_BYTES];
    output_time_text(text, time_us);
    if (output->form == OUTPUT_TABLE) {
        str_format(strchr(text, '.'), 2, "Z"); /* people read seconds */
    }
    output_text(output, name, span_of(text));
}
