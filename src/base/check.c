#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

/* The one thing a failing check needs and cannot be handed. Set before the threads start. */
static void (*story)(void);

_Noreturn void check_failed(const char *expression, const char *file, int line)
{
    (void)fprintf(stderr, "check failed: %s, at %s:%d\n", expression, file, line);
    /* Taken away first: a story that fails a check itself must not be told again. */
    void (*print_story)(void) = story;
    story = NULL;
    if (print_story != NULL) {
        print_story();
    }
    (void)fflush(stderr);
    abort();
}

void check_set_story(void (*print_story)(void))
{
    story = print_story;
}
