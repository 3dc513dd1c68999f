#include "doctor/findings.h"

#include <stdarg.h>

#include "base/json_text.h"

static const char *level_name(enum finding_level level)
{
    switch (level) {
    case FINDING_FACT: return "fact";
    case FINDING_NOTE: return "note";
    case FINDING_PROBLEM: return "problem";
    }
    return "";
}

/* Names of files may hold any byte: what is no plain text is escaped, so that a name can forge
 * neither JSON nor a line. */
static void write_line_text(FILE *out, const char *text)
{
    for (const char *c = text; *c != 0; c++) {
        u8 byte = (u8)*c;
        (void)fprintf(out, byte < 0x20 || byte == 0x7f ? "\\x%02x" : "%c", byte);
    }
}

static void write_json_text(FILE *out, const char *text)
{
    char piece[JSON_PIECE_BYTES];
    struct span span = span_of(text);
    for (u32 at = 0; at < span.size;) {
        u32 size = json_text_next(span, &at, piece);
        (void)fwrite(piece, 1, size, out);
    }
}

static void write_json(const struct findings *findings, enum finding_level level, const char *text)
{
    (void)fputs("{\"about\":\"", findings->out);
    write_json_text(findings->out, findings->title);
    (void)fprintf(findings->out, "\",\"level\":\"%s\",\"text\":\"", level_name(level));
    write_json_text(findings->out, text);
    (void)fputs("\"}\n", findings->out);
}

void findings_init(struct findings *findings, FILE *out, bool json)
{
    *findings = (struct findings){.out = out, .json = json};
}

void findings_title(struct findings *findings, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(findings->title, sizeof(findings->title), format, arguments);
    va_end(arguments);
    if (!findings->json) {
        (void)fputc('\n', findings->out);
        write_line_text(findings->out, findings->title);
        (void)fputc('\n', findings->out);
    }
}

void findings_add(struct findings *findings, enum finding_level level, const char *format, ...)
{
    static const char marks[] = {' ', '-', '!'};
    char text[FINDING_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    findings->notes_count += level == FINDING_NOTE;
    findings->problems_count += level == FINDING_PROBLEM;
    if (findings->json) {
        write_json(findings, level, text);
        return;
    }
    (void)fprintf(findings->out, "%c ", marks[level]);
    write_line_text(findings->out, text);
    (void)fputc('\n', findings->out);
}
