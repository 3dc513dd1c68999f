#include "sim/checkers.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"

#define CHECKER_NAME(name) [CHECK_##name] = #name,
static const char *const checker_names[CHECKER_COUNT] = {CHECKER_LIST(CHECKER_NAME)};
#undef CHECKER_NAME

const char *checker_name(enum checker checker)
{
    check(checker < CHECKER_COUNT);
    return checker_names[checker];
}

void verdict_fail(struct verdict *verdict, enum checker checker, const char *format, ...)
{
    if (verdict->failed) {
        return;
    }
    verdict->failed = true;
    verdict->checker = checker;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(verdict->story, sizeof(verdict->story), format, arguments);
    va_end(arguments);
}
