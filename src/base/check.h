/* `check(x)` states what must hold and stays in every build: when it fails the process prints the
 * story (file, line, expression, the recorder of each core that registered one) and aborts.
 * `verify(x)` may be slow; it runs in test, fuzz and simulation builds (LEVRIERO_VERIFY).
 * Input from outside is never checked this way: it is validated and answered. */
#pragma once

#include "base/types.h"

#define check(condition)                                                                           \
    (__builtin_expect(!!(condition), 1) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

#ifdef LEVRIERO_VERIFY
#define verify(condition) check(condition)
#else
#define verify(condition) ((void)sizeof(condition))
#endif

/* A switch arm that cannot be reached unless memory was overwritten. */
#define unreachable() check_failed("unreachable", __FILE__, __LINE__)

_Noreturn void check_failed(const char *expression, const char *file, int line);

/* Called once by check_failed before it aborts, to print what the owner knows (recorders). One per
 * process, set at start by the main thread or by the simulator; NULL takes it away. */
void check_set_story(void (*print_story)(void));
