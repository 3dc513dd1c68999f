#include "cli/context_file.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static void read_text(struct context *context, const void *data, size_t size)
{
    char copy[65536];
    FILE *file = NULL;
    size = size < sizeof(copy) ? size : sizeof(copy);
    *context = (struct context){0};
    if (size > 0) {
        memcpy(copy, data, size);
        file = fmemopen(copy, size, "r");
        check(file != NULL);
        context_read_lines(context, file);
        (void)fclose(file);
    }
}

static bool is_text(const char text[CONTEXT_TEXT_BYTES])
{
    return memchr(text, 0, CONTEXT_TEXT_BYTES) != NULL && strpbrk(text, "\r\n") == NULL;
}

static bool is_same(const struct context *a, const struct context *b)
{
    return strcmp(a->server, b->server) == 0 && strcmp(a->username, b->username) == 0 &&
           strcmp(a->password_file, b->password_file) == 0 &&
           strcmp(a->token_name, b->token_name) == 0 && strcmp(a->token, b->token) == 0;
}

/* Any bytes are a context, if perhaps an empty one; what was read is written, and read again as it
 * was. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct err err;
    struct context context;
    struct context again;
    char text[CONTEXT_FILE_BYTES];
    read_text(&context, data, size);
    check(is_text(context.server));
    check(is_text(context.username));
    check(is_text(context.password_file));
    check(is_text(context.token_name));
    check(is_text(context.token));
    check(context_write_lines(&context, text, &err));
    read_text(&again, text, strlen(text));
    check(is_same(&context, &again));
    return 0;
}
