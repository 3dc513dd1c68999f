/* The verdict on a run: what must hold, by name, and the first thing that did not.
 *
 * Whoever sees a violation says which promise it breaks and why; the run then ends. The promises
 * are described in README.md. Owner: the run of one seed. */
#pragma once

#include "base/types.h"

#define CHECKER_LIST(X)                                                                            \
    X(acknowledged_is_readable)                                                                    \
    X(never_served_wrong)                                                                          \
    X(offsets_are_dense)                                                                           \
    X(stored_offset_stays)                                                                         \
    X(purged_is_gone)                                                                              \
    X(unknown_life_is_refused)                                                                     \
    X(every_request_ends)                                                                          \
    X(cores_agree)                                                                                 \
    X(memory_is_bounded)                                                                           \
    X(catches_up)                                                                                  \
    X(rights_hold)                                                                                 \
    X(groups_hold)                                                                                 \
    X(retention_holds)                                                                             \
    X(users_stay)                                                                                  \
    X(model_agrees)                                                                                \
    X(seed_is_full)

#define CHECKER_ENUM(name) CHECK_##name,
enum checker { CHECKER_LIST(CHECKER_ENUM) CHECKER_COUNT };
#undef CHECKER_ENUM

struct verdict {
    bool failed;
    enum checker checker;
    char story[512];
};

const char *checker_name(enum checker checker);

/* Notes a violation; the first one stays. */
void verdict_fail(struct verdict *verdict, enum checker checker, const char *format, ...)
    printf_like(3, 4);
