#include "base/status.h"

#include "base/check.h"

#define STATUS_NAME(name, text) [name] = #name,
static const char *const names[STATUS_COUNT] = {STATUS_LIST(STATUS_NAME)};
#undef STATUS_NAME

#define STATUS_TEXT(name, text) [name] = text,
static const char *const texts[STATUS_COUNT] = {STATUS_LIST(STATUS_TEXT)};
#undef STATUS_TEXT

const char *status_name(enum status status)
{
    check((u32)status < STATUS_COUNT);
    return names[status];
}

const char *status_text(enum status status)
{
    check((u32)status < STATUS_COUNT);
    return texts[status];
}
