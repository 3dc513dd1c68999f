#include "cli/start_text.h"

#include <string.h>
#include <time.h>

#include "base/quantity.h"

#define MILLISECONDS_FROM 100000000000ull    /* as seconds this is in the year 5138 */
#define MICROSECONDS_FROM 100000000000000ull /* as milliseconds as well */

static bool digits_at(const char *text, u32 count, u32 *value)
{
    *value = 0;
    for (u32 i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *value = *value * 10 + (u32)(text[i] - '0');
    }
    return true;
}

/* ".123456": microseconds; more digits are cut. */
static const char *read_fraction(const char *at, u64 *us)
{
    u64 scale = US_PER_SECOND / 10;
    if (*at != '.') {
        return at;
    }
    for (at++; *at >= '0' && *at <= '9'; at++) {
        *us += scale * (u64)(*at - '0');
        scale /= 10;
    }
    return at;
}

/* "Z", nothing, or "+01:00". */
static bool read_zone(const char *at, s64 *offset_seconds)
{
    u32 hours = 0;
    u32 minutes = 0;
    *offset_seconds = 0;
    if (*at == 0 || strcmp(at, "Z") == 0) {
        return true;
    }
    if ((*at != '+' && *at != '-') || !digits_at(at + 1, 2, &hours) || at[3] != ':' ||
        !digits_at(at + 4, 2, &minutes) || at[6] != 0) {
        return false;
    }
    *offset_seconds = (*at == '-' ? -1 : 1) * (s64)(hours * 3600 + minutes * 60);
    return true;
}

static bool read_clock(const char *at, struct tm *parts, u64 *us, s64 *zone)
{
    u32 hour = 0;
    u32 minute = 0;
    u32 second = 0;
    if (*at == 0) {
        return true;
    }
    if ((*at != 'T' && *at != ' ') || !digits_at(at + 1, 2, &hour) || at[3] != ':' ||
        !digits_at(at + 4, 2, &minute) || at[6] != ':' || !digits_at(at + 7, 2, &second)) {
        return false;
    }
    parts->tm_hour = (int)hour;
    parts->tm_min = (int)minute;
    parts->tm_sec = (int)second;
    return hour < 24 && minute < 60 && second < 61 && read_zone(read_fraction(at + 9, us), zone);
}

static bool read_date(const char *text, u64 *time_us)
{
    struct tm parts = {0};
    u32 year = 0;
    u32 month = 0;
    u32 day = 0;
    u64 us = 0;
    s64 zone = 0;
    if (!digits_at(text, 4, &year) || text[4] != '-' || !digits_at(text + 5, 2, &month) ||
        text[7] != '-' || !digits_at(text + 8, 2, &day) || year < 1970 || month < 1 || month > 12 ||
        day < 1 || day > 31 || !read_clock(text + 10, &parts, &us, &zone)) {
        return false;
    }
    parts.tm_year = (int)year - 1900;
    parts.tm_mon = (int)month - 1;
    parts.tm_mday = (int)day;
    s64 seconds = (s64)timegm(&parts) - zone;
    *time_us = seconds < 0 ? 0 : (u64)seconds * US_PER_SECOND + us;
    return true;
}

static bool read_time(const char *text, u64 now_us, u64 *time_us)
{
    u64 number = 0;
    if (text[0] == '-' && quantity_parse_duration_us(span_of(text + 1), &number) == OK) {
        *time_us = now_us - u64_min(number, now_us);
        return true;
    }
    if (!str_to_u64(text, &number)) {
        return strlen(text) >= 10 && read_date(text, time_us);
    }
    u64 scale = number < MILLISECONDS_FROM   ? US_PER_SECOND
                : number < MICROSECONDS_FROM ? US_PER_MS
                                             : 1;
    *time_us = number * scale;
    return true;
}

bool start_text_read(const char *text, u64 now_us, struct start *start, struct err *err)
{
    static const struct {
        const char *word;
        enum poll_strategy strategy;
    } words[] = {{"first", POLL_FIRST}, {"last", POLL_LAST}, {"next", POLL_NEXT}};
    *start = (struct start){.strategy = POLL_OFFSET, .count = 1};
    for (u32 i = 0; i < array_count(words); i++) {
        if (strcmp(words[i].word, text) == 0) {
            start->strategy = words[i].strategy;
            return true;
        }
    }
    if (str_to_u64(text, &start->value)) {
        return true;
    }
    if (text[0] == '-' && str_to_u64(text + 1, &start->count) && start->count > 0) {
        start->strategy = POLL_LAST;
        return true;
    }
    if (text[0] == '@' && read_time(text + 1, now_us, &start->value)) {
        start->strategy = POLL_TIMESTAMP;
        return true;
    }
    return err_set(err,
                   "\"%s\" is no start: give first, last, next, 47, -10, @2026-02-14T09:00:00Z or "
                   "@-1h",
                   text);
}
