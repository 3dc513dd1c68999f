#include "base/check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* The one thing a failing check needs and cannot be handed: it may fail anywhere, on any thread. */
static _Atomic(void (*)(void)) story;

_Noreturn void check_failed(const char *expression, const char *file, int line)
{
    (void)fprintf(stderr, "check failed: %s, at %s:%d\n", expression, file, line);
    /* Taken away first: a story that fails a check itself must not be told again. */
    void (*print_story)(void) = atomic_exchange(&story, NULL);
    if (print_story != NULL) {
        print_story();
    }
    (void)fflush(stderr);
    abort();
}

void check_set_story(void (*print_story)(void))
{
    atomic_store(&story, print_story);
}
