/* Where reading begins, in one word:
 *
 *     first, last, next       the oldest, the newest, after the stored offset
 *     47                      that offset
 *     -10                     the last ten
 *     @1786708800             seconds since 1970, or milliseconds, or microseconds, by their size
 *     @2026-02-14             a day, in UTC
 *     @2026-02-14T09:00:00Z   that time; also +01:00 and a fraction
 *     @-1h                    so long ago */
#pragma once

#include "base/str.h"
#include "client/client.h"

struct start {
    enum poll_strategy strategy;
    u64 value; /* the offset, or microseconds */
    u64 count; /* of POLL_LAST */
};

must_check bool start_text_read(const char *text, u64 now_us, struct start *start, struct err *err);
