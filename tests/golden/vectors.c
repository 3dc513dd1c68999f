#include "tests/golden/vectors.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES 512u
#define FRAME_BYTES (64u * 1024u)
#define ARENA_BYTES (64 * MIB)

struct parse {
    struct vectors *vectors;
    struct arena arena; /* of all files that this test reads */
    const char *name;
    u32 line_number;
    u8 frame[FRAME_BYTES]; /* the frame under way */
    u32 frame_bytes;
    char mark; /* '>' or '<' while a frame is under way, else 0 */
};

_Noreturn static void give_up(const struct parse *parse, const char *why)
{
    (void)fprintf(stderr, "%s:%u: %s\n", parse->name, parse->line_number, why);
    exit(1);
}

static void end_frame(struct parse *parse)
{
    if (parse->mark == 0) {
        return;
    }
    if (parse->vectors->count == 0) {
        give_up(parse, "a frame before the first title");
    }
    struct vector *vector = &parse->vectors->all[parse->vectors->count - 1];
    u8 *bytes = arena_take(&parse->arena, parse->frame_bytes, 1);
    memcpy(bytes, parse->frame, parse->frame_bytes);
    struct span frame = {bytes, parse->frame_bytes};
    if (parse->mark == '>') {
        vector->request = frame;
    } else {
        vector->response = frame;
    }
    parse->mark = 0;
    parse->frame_bytes = 0;
}

static void begin_vector(struct parse *parse, const char *title)
{
    end_frame(parse);
    if (parse->vectors->count == VECTORS_MAX) {
        give_up(parse, "more vectors than VECTORS_MAX");
    }
    struct vector *vector = &parse->vectors->all[parse->vectors->count++];
    *vector = (struct vector){0};
    (void)snprintf(vector->title, sizeof(vector->title), "%.*s", (int)sizeof(vector->title) - 1,
                   title);
    size_t size = strlen(title);
    vector->must_be_refused = size > 0 && title[size - 1] == '!';
}

static u32 hex_digit(const struct parse *parse, char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (u32)(digit - '0');
    }
    if (digit >= 'a' && digit <= 'f') {
        return (u32)(digit - 'a' + 10);
    }
    give_up(parse, "not a hexadecimal digit");
}

static void add_byte(struct parse *parse, u32 byte)
{
    if (parse->frame_bytes == FRAME_BYTES) {
        give_up(parse, "a frame larger than FRAME_BYTES");
    }
    parse->frame[parse->frame_bytes++] = (u8)byte;
}

static void add_line(struct parse *parse, const char *text)
{
    while (*text != 0) {
        if (*text == ' ') {
            text++;
        } else if (*text == '[') {
            char *end = NULL;
            for (unsigned long left = strtoul(text + 1, &end, 10); left > 0; left--) {
                add_byte(parse, 0);
            }
            text = end + 1;
        } else {
            u32 high = hex_digit(parse, text[0]);
            add_byte(parse, high << 4 | hex_digit(parse, text[1]));
            text += 2;
        }
    }
}

static void take_line(struct parse *parse, char *line)
{
    line[strcspn(line, "\n")] = 0;
    switch (line[0]) {
    case 0:
    case '#': end_frame(parse); return;
    case '=': begin_vector(parse, line + 2); return;
    case '>':
    case '<':
        if (parse->mark != line[0]) {
            end_frame(parse);
        }
        parse->mark = line[0];
        add_line(parse, line + 1);
        return;
    default: give_up(parse, "a line that is neither title, frame nor comment");
    }
}

void vectors_load(struct vectors *vectors, const char *name)
{
    static struct parse parse;
    parse = (struct parse){.vectors = vectors, .arena = parse.arena, .name = name};
    vectors->count = 0;
    if (parse.arena.base == NULL && !arena_create(&parse.arena, ARENA_BYTES)) {
        give_up(&parse, "no memory");
    }

    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/%s", GOLDEN_VECTORS, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        give_up(&parse, "cannot be opened");
    }
    char line[LINE_BYTES];
    while (fgets(line, sizeof(line), file) != NULL) {
        parse.line_number++;
        take_line(&parse, line);
    }
    (void)fclose(file);
    end_frame(&parse);
}
