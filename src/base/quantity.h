/* Sizes and durations as people write them: "128 MiB", "7 days", "1h 30m", "never_expire".
 *
 * One grammar for configuration files, command lines and option values sent as text:
 *
 *     size      number (a fraction is allowed), spaces, unit: none or B = 1; K KB M MB G GB T TB P
 *               PB E EB = powers of 1000; KiB MiB GiB TiB PiB EiB = powers of 1024; case is ignored
 *     duration  groups of integer, spaces, unit, with or without spaces between: ns us ms s m h d w
 *               M y and their long forms (months are 30.44 days, years 365.25 days)
 *
 * Every function gives ERR_INVALID for text that is none of this and for values beyond 64 bits. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"

#define QUANTITY_DEFAULT 0ull     /* "whatever the server's default is" */
#define QUANTITY_NEVER UINT64_MAX /* messages never expire */
#define QUANTITY_UNLIMITED UINT64_MAX

/* Bytes. A fraction is cut off to whole bytes: "1.5 KiB" is 1536. */
must_check enum status quantity_parse_size(struct span text, u64 *bytes);

/* A plain duration, in microseconds (nanoseconds are cut off). Case is ignored, so "1M" is a
 * minute; "0", "none", "unlimited" and "disabled" are 0. */
must_check enum status quantity_parse_duration_us(struct span text, u64 *duration_us);

/* How long messages live: "none", "unlimited", "never_expire", "never" give QUANTITY_NEVER;
 * "default", "server_default" QUANTITY_DEFAULT; otherwise a duration of at most 2^32 - 1 seconds,
 * here with its case: "1M" is a month, "1m" a minute. */
must_check enum status quantity_parse_expiry_us(struct span text, u64 *expiry_us);

/* How large a topic may become: "unlimited" gives QUANTITY_UNLIMITED; "0", "server_default"
 * QUANTITY_DEFAULT; otherwise a size. */
must_check enum status quantity_parse_topic_size(struct span text, u64 *bytes);
