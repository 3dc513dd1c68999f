#include "base/counters.h"

#include "base/check.h"

#define COUNTER(name, help) [COUNTER_##name] = #name,
static const char *const names[COUNTER_COUNT] = {
#include "base/counters.def"
};
#undef COUNTER

#define COUNTER(name, help) [COUNTER_##name] = help,
static const char *const helps[COUNTER_COUNT] = {
#include "base/counters.def"
};
#undef COUNTER

const char *counter_name(enum counter counter)
{
    check((u32)counter < COUNTER_COUNT);
    return names[counter];
}

const char *counter_help(enum counter counter)
{
    check((u32)counter < COUNTER_COUNT);
    return helps[counter];
}
