#include "wire/error.h"

struct error_row {
    u32 number;
    bool retryable;
    const char *name;
    const char *text;
};

static const struct error_row rows[] = {
    {0, false, "OK", "ok"},
#define WIRE_ERROR(name, number, text, retryable) {(number), (retryable), #name, (text)},
#include "wire/errors.def"
#undef WIRE_ERROR
};

/* NULL for a number that is not in the list. Errors are rare: a plain scan will do. */
static const struct error_row *row_of(u32 number)
{
    for (u32 i = 0; i < array_count(rows); i++) {
        if (rows[i].number == number) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *wire_error_name(u32 number)
{
    const struct error_row *row = row_of(number);
    return row == NULL ? "UNKNOWN" : row->name;
}

const char *wire_error_text(u32 number)
{
    const struct error_row *row = row_of(number);
    return row == NULL ? "an error that this version does not know" : row->text;
}

bool wire_error_is_retryable(u32 number)
{
    const struct error_row *row = row_of(number);
    return row != NULL && row->retryable;
}
