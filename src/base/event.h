/* Log lines: an event and its fields, `segment.rolled partition=7 base_offset=120000 bytes=…`.
 *
 * The owner formats into its own ring; another thread drains the ring and writes. A full ring is a
 * counted drop, never a wait. Times are the caller's: nothing here reads a clock.
 *
 * Owner: the core writes (event_*), the drainer reads (event_next): single producer, single
 *        consumer. */
#pragma once

#include "base/ring.h"
#include "base/types.h"

enum event_level { EVENT_ERROR, EVENT_WARN, EVENT_INFO, EVENT_DEBUG };

#define EVENT_TEXT_BYTES 494u

struct event {
    u64 wall_us;
    u8 level;
    u8 core;
    char text[EVENT_TEXT_BYTES]; /* ends with a zero byte */
    u64 dropped;                 /* events dropped just before this one */
};
static_assert(sizeof(struct event) == 512, "events fill whole cache lines");

struct event_log {
    struct ring ring;
    enum event_level level; /* what is below is not even formatted */
    u8 core;
    u64 dropped;       /* since the last event that fitted */
    u64 dropped_total; /* for the counter */
    u64 wall_us;       /* kept up by the owner once a turn */
};

/* `events` has room for events_max (a power of two). */
void event_log_init(struct event_log *log, struct event *events, u32 events_max, u8 core,
                    enum event_level level);

void event_note(struct event_log *log, enum event_level level, const char *format, ...)
    printf_like(3, 4);

#define event_error(log, ...) event_note((log), EVENT_ERROR, __VA_ARGS__)
#define event_warn(log, ...) event_note((log), EVENT_WARN, __VA_ARGS__)
#define event_info(log, ...) event_note((log), EVENT_INFO, __VA_ARGS__)
#define event_debug(log, ...) event_note((log), EVENT_DEBUG, __VA_ARGS__)

/* One kind of event that may come many times a second while something lasts: it is said at once,
 * then every ten seconds with how many were left out. Another `cause` is news, and said at once.
 *
 *     if (event_pace_passes(&shard->full_pace, now_us, status, &left_out)) { event_warn(...); }
 *
 * Owner: who notes the event. All zeros begin. */
#define EVENT_PACE_US (10 * US_PER_SECOND)

struct event_pace {
    bool has_said;
    u32 left_out; /* since */
    u64 said_at_us;
    u64 cause;
};

must_check bool event_pace_passes(struct event_pace *pace, u64 now_us, u64 cause, u32 *left_out);

/* Drainer: copies the oldest event out; false when there is none. */
bool event_next(struct event_log *log, struct event *event);

const char *event_level_name(enum event_level level);
must_check bool event_level_parse(const char *text, enum event_level *level);
