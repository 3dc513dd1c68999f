#include "cli/message_format.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

/* What is accepted is printed, of a message whose headers are the bytes as well. */
static void print(const struct message_format *format, struct span bytes)
{
    char *text = NULL;
    size_t size = 0;
    struct polled_message message = {
        .offset = 7, .timestamp_us = UINT64_MAX, .payload = bytes, .user_headers = bytes};
    FILE *file = open_memstream(&text, &size);
    check(file != NULL);
    message_format_print(format, file, 3, &message);
    check(fclose(file) == 0);
    free(text);
}

/* The bytes are a template, and then a list of fields. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct err err;
    struct message_format format;
    char *text = mem_take(size + 1);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = 0;
    struct span bytes = {data, (u32)size};
    struct message_format_choice template = {.format = "text", .template = text};
    struct message_format_choice fields = {.format = "json", .fields = text, .json = true};
    if (message_format_init(&format, &template, &err)) {
        print(&format, bytes);
    }
    if (message_format_init(&format, &fields, &err)) {
        print(&format, bytes);
    }
    mem_return(text);
    return 0;
}
