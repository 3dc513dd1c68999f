/* Switches a seeded bug on, by its name in base/bug.h. Owner: sim_main. */
#pragma once

#include "base/bug.h"

/* False when there is no such bug. */
bool bug_switch_on(const char *name);
const char *bug_name(enum bug bug);

#ifndef LEVRIERO_BUGS
bool bug_is_on_now(enum bug bug);
#endif
