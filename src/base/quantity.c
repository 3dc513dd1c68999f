#include "base/quantity.h"

#define US_PER_MINUTE (60ull * US_PER_SECOND)
#define US_PER_HOUR (60ull * US_PER_MINUTE)
#define US_PER_DAY (24ull * US_PER_HOUR)
#define NS_PER_US 1000ull

/* Expiries are kept by clients in whole seconds of 32 bits. */
#define EXPIRY_SECONDS_MAX UINT32_MAX

static u8 lower(u8 letter)
{
    return letter >= 'A' && letter <= 'Z' ? (u8)(letter - 'A' + 'a') : letter;
}

static bool is_digit(u8 letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_space(u8 letter)
{
    return letter == ' ' || letter == '\t';
}

static bool equals(struct span text, const char *word, bool ignore_case)
{
    if (text.size != strlen(word)) {
        return false;
    }
    for (u32 i = 0; i < text.size; i++) {
        u8 letter = ignore_case ? lower(text.data[i]) : text.data[i];
        if (letter != (u8)word[i]) {
            return false;
        }
    }
    return true;
}

static bool equals_any(struct span text, const char *const *words, u32 words_count)
{
    for (u32 i = 0; i < words_count; i++) {
        if (equals(text, words[i], false)) {
            return true;
        }
    }
    return false;
}

static struct span without(struct span text, u32 count)
{
    return (struct span){text.data + count, text.size - count};
}

static struct span skip_spaces(struct span text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text = without(text, 1);
    }
    return text;
}

static struct span trim(struct span text)
{
    text = skip_spaces(text);
    while (text.size > 0 && is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

/* Takes the digits at the start of `text` off it. False when there are none or too many. */
static bool take_integer(struct span *text, u64 *value)
{
    u64 sum = 0;
    u32 count = 0;
    while (count < text->size && is_digit(text->data[count])) {
        u64 digit = (u64)(text->data[count] - '0');
        if (__builtin_mul_overflow(sum, 10ull, &sum) || __builtin_add_overflow(sum, digit, &sum)) {
            return false;
        }
        count++;
    }
    *text = without(*text, count);
    *value = sum;
    return count > 0;
}

/* Takes ".25" off `text`, if it is there, as a numerator over a power of ten. Digits beyond the
 * ninth change nothing that matters. */
static bool take_fraction(struct span *text, u64 *numerator, u64 *denominator)
{
    *numerator = 0;
    *denominator = 1;
    if (text->size == 0 || text->data[0] != '.') {
        return true;
    }
    u32 count = 1;
    while (count < text->size && is_digit(text->data[count])) {
        if (*denominator < 1000000000ull) {
            *numerator = *numerator * 10 + (u64)(text->data[count] - '0');
            *denominator *= 10;
        }
        count++;
    }
    *text = without(*text, count);
    return count > 1;
}

/* The factor of a unit of size, or 0. */
static u64 size_factor(struct span unit)
{
    static const char prefixes[] = "kmgtpe";
    if (unit.size == 0 || equals(unit, "b", true)) {
        return 1;
    }
    u64 decimal = 1;
    u64 binary = 1;
    for (const char *prefix = prefixes; *prefix != 0; prefix++) {
        decimal *= 1000;
        binary *= 1024;
        if (lower(unit.data[0]) != (u8)*prefix) {
            continue;
        }
        struct span rest = without(unit, 1);
        if (rest.size == 0 || equals(rest, "b", true)) {
            return decimal;
        }
        return equals(rest, "ib", true) ? binary : 0;
    }
    return 0;
}

enum status quantity_parse_size(struct span text, u64 *bytes)
{
    text = trim(text);
    u64 whole;
    u64 numerator;
    u64 denominator;
    if (!take_integer(&text, &whole) || !take_fraction(&text, &numerator, &denominator)) {
        return ERR_INVALID;
    }
    u64 factor = size_factor(skip_spaces(text));
    if (factor == 0) {
        return ERR_INVALID;
    }
    /* 128 bits: the numerator has at most nine digits, the factor at most 2^60. */
    unsigned __int128 sum = (unsigned __int128)whole * factor;
    sum += (unsigned __int128)numerator * factor / denominator;
    if (sum > UINT64_MAX) {
        return ERR_INVALID;
    }
    *bytes = (u64)sum;
    return OK;
}

struct duration_unit {
    const char *name;
    u64 ns;
};

static const struct duration_unit duration_units[] = {
    {"nanos", 1},
    {"nsec", 1},
    {"ns", 1},
    {"usec", NS_PER_US},
    {"us", NS_PER_US},
    {"\xC2\xB5s", NS_PER_US}, /* the micro sign */
    {"millis", NS_PER_US *US_PER_MS},
    {"msec", NS_PER_US *US_PER_MS},
    {"ms", NS_PER_US *US_PER_MS},
    {"seconds", NS_PER_US *US_PER_SECOND},
    {"second", NS_PER_US *US_PER_SECOND},
    {"secs", NS_PER_US *US_PER_SECOND},
    {"sec", NS_PER_US *US_PER_SECOND},
    {"s", NS_PER_US *US_PER_SECOND},
    {"minutes", NS_PER_US *US_PER_MINUTE},
    {"minute", NS_PER_US *US_PER_MINUTE},
    {"mins", NS_PER_US *US_PER_MINUTE},
    {"min", NS_PER_US *US_PER_MINUTE},
    {"m", NS_PER_US *US_PER_MINUTE},
    {"hours", NS_PER_US *US_PER_HOUR},
    {"hour", NS_PER_US *US_PER_HOUR},
    {"hrs", NS_PER_US *US_PER_HOUR},
    {"hr", NS_PER_US *US_PER_HOUR},
    {"h", NS_PER_US *US_PER_HOUR},
    {"days", NS_PER_US *US_PER_DAY},
    {"day", NS_PER_US *US_PER_DAY},
    {"d", NS_PER_US *US_PER_DAY},
    {"weeks", NS_PER_US * 7 * US_PER_DAY},
    {"week", NS_PER_US * 7 * US_PER_DAY},
    {"wks", NS_PER_US * 7 * US_PER_DAY},
    {"wk", NS_PER_US * 7 * US_PER_DAY},
    {"w", NS_PER_US * 7 * US_PER_DAY},
    {"months", NS_PER_US * 2630016 * US_PER_SECOND},
    {"month", NS_PER_US * 2630016 * US_PER_SECOND},
    {"M", NS_PER_US * 2630016 * US_PER_SECOND}, /* not met when case is ignored: "m" comes first */
    {"years", NS_PER_US * 31557600 * US_PER_SECOND},
    {"year", NS_PER_US * 31557600 * US_PER_SECOND},
    {"yrs", NS_PER_US * 31557600 * US_PER_SECOND},
    {"yr", NS_PER_US * 31557600 * US_PER_SECOND},
    {"y", NS_PER_US * 31557600 * US_PER_SECOND},
};

static const struct duration_unit *find_duration_unit(struct span name, bool ignore_case)
{
    for (u32 i = 0; i < array_count(duration_units); i++) {
        if (equals(name, duration_units[i].name, ignore_case)) {
            return &duration_units[i];
        }
    }
    return NULL;
}

/* The unit at the start of `text`: everything up to a digit or a space. */
static const struct duration_unit *take_duration_unit(struct span *text, bool ignore_case)
{
    u32 count = 0;
    while (count < text->size && !is_digit(text->data[count]) && !is_space(text->data[count])) {
        count++;
    }
    const struct duration_unit *unit =
        find_duration_unit((struct span){text->data, count}, ignore_case);
    *text = without(*text, count);
    return unit;
}

static enum status parse_groups(struct span text, bool ignore_case, u64 *duration_us)
{
    unsigned __int128 sum_ns = 0;
    text = trim(text);
    if (text.size == 0) {
        return ERR_INVALID;
    }
    while (text.size > 0) {
        u64 amount;
        if (!take_integer(&text, &amount)) {
            return ERR_INVALID;
        }
        text = skip_spaces(text);
        const struct duration_unit *unit = take_duration_unit(&text, ignore_case);
        if (unit == NULL) {
            return ERR_INVALID;
        }
        sum_ns += (unsigned __int128)amount * unit->ns;
        if (sum_ns / NS_PER_US > UINT64_MAX) {
            return ERR_INVALID;
        }
        text = skip_spaces(text);
    }
    *duration_us = (u64)(sum_ns / NS_PER_US);
    return OK;
}

enum status quantity_parse_duration_us(struct span text, u64 *duration_us)
{
    static const char *const zeros[] = {"0", "none", "unlimited", "disabled"};
    struct span word = trim(text);
    for (u32 i = 0; i < array_count(zeros); i++) {
        if (equals(word, zeros[i], true)) {
            *duration_us = 0;
            return OK;
        }
    }
    return parse_groups(text, true, duration_us);
}

enum status quantity_parse_expiry_us(struct span text, u64 *expiry_us)
{
    static const char *const never[] = {"none",      "None",         "unlimited",
                                        "Unlimited", "never_expire", "never"};
    static const char *const defaults[] = {"default", "Default", "server_default",
                                           "Server_default"};
    struct span word = trim(text);
    if (equals_any(word, never, array_count(never))) {
        *expiry_us = QUANTITY_NEVER;
        return OK;
    }
    if (equals_any(word, defaults, array_count(defaults))) {
        *expiry_us = QUANTITY_DEFAULT;
        return OK;
    }
    u64 duration_us;
    enum status status = parse_groups(text, false, &duration_us);
    if (status != OK) {
        return status;
    }
    if (duration_us / US_PER_SECOND > EXPIRY_SECONDS_MAX) {
        return ERR_INVALID;
    }
    *expiry_us = duration_us;
    return OK;
}

enum status quantity_parse_topic_size(struct span text, u64 *bytes)
{
    struct span word = trim(text);
    if (equals(word, "unlimited", true)) {
        *bytes = QUANTITY_UNLIMITED;
        return OK;
    }
    if (equals(word, "server_default", true)) {
        *bytes = QUANTITY_DEFAULT;
        return OK;
    }
    return quantity_parse_size(text, bytes);
}
