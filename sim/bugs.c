/* Which seeded bug is on: the other side of base/bug.h. One process runs with at most one. */
#include "sim/bugs.h"

#include <string.h>

static enum bug bug_now = BUG_COUNT;

#define BUG_NAME(name, text, help) [BUG_##name] = text,
static const char *const bug_names[BUG_COUNT] = {BUG_LIST(BUG_NAME)};
#undef BUG_NAME

bool bug_is_on_now(enum bug bug)
{
    return bug == bug_now;
}

bool bug_switch_on(const char *name)
{
    for (u32 i = 0; i < BUG_COUNT; i++) {
        if (strcmp(bug_names[i], name) == 0) {
            bug_now = (enum bug)i;
            return true;
        }
    }
    return false;
}

const char *bug_name(enum bug bug)
{
    return bug_names[bug];
}
