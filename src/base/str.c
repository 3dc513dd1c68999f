#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define WORD_BYTES_MAX 64u

static bool append_arguments(char *text, u32 capacity, u32 *position, const char *format,
                             va_list arguments) __attribute__((format(printf, 4, 0)));

static bool append_arguments(char *text, u32 capacity, u32 *position, const char *format,
                             va_list arguments)
{
    check(capacity > 0);
    check(*position < capacity);

    u32 room = capacity - *position;
    int length = vsnprintf(text + *position, room, format, arguments);
    check(length >= 0);
    bool fits = (u32)length < room;
    *position += fits ? (u32)length : room - 1;
    return fits;
}

bool str_append(char *text, u32 capacity, u32 *position, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool fits = append_arguments(text, capacity, position, format, arguments);
    va_end(arguments);
    return fits;
}

bool str_format(char *text, u32 capacity, const char *format, ...)
{
    u32 position = 0;
    va_list arguments;
    va_start(arguments, format);
    bool fits = append_arguments(text, capacity, &position, format, arguments);
    va_end(arguments);
    return fits;
}

bool str_to_u64(const char *text, u64 *value)
{
    if (*text == 0) {
        return false;
    }
    u64 number = 0;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        u64 digit = (u64)(*text - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}

u32 str_distance(const char *a, const char *b)
{
    u32 a_size = (u32)strnlen(a, WORD_BYTES_MAX);
    u32 b_size = (u32)strnlen(b, WORD_BYTES_MAX);

    /* row[j]: edits from the first i bytes of a to the first j bytes of b. */
    u32 row[WORD_BYTES_MAX + 1];
    for (u32 j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (u32 i = 1; i <= a_size; i++) {
        u32 diagonal = row[0];
        row[0] = i;
        for (u32 j = 1; j <= b_size; j++) {
            u32 replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = u32_min(replaced, u32_min(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_size];
}

bool err_set(struct err *err, const char *format, ...)
{
    if (err == NULL) {
        return false;
    }
    u32 position = 0;
    va_list arguments;
    va_start(arguments, format);
    (void)append_arguments(err->text, sizeof(err->text), &position, format, arguments);
    va_end(arguments);
    return false;
}
