#include "base/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const char *const level_names[] = {
    [EVENT_ERROR] = "error",
    [EVENT_WARN] = "warn",
    [EVENT_INFO] = "info",
    [EVENT_DEBUG] = "debug",
};

void event_log_init(struct event_log *log, struct event *events, u32 events_max, u8 core,
                    enum event_level level)
{
    *log = (struct event_log){.level = level, .core = core};
    ring_init(&log->ring, events, events_max, sizeof(*events));
}

void event_note(struct event_log *log, enum event_level level, const char *format, ...)
{
    if (level > log->level) {
        return;
    }
    struct event *event = ring_reserve(&log->ring);
    if (event == NULL) {
        log->dropped++;
        log->dropped_total++;
        return;
    }
    event->wall_us = log->wall_us;
    event->level = (u8)level;
    event->core = log->core;
    event->dropped = log->dropped;
    log->dropped = 0;

    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(event->text, sizeof(event->text), format, arguments);
    va_end(arguments);
    check(length >= 0);
    ring_publish(&log->ring);
}

bool event_pace_passes(struct event_pace *pace, u64 now_us, u64 cause, u32 *left_out)
{
    bool is_news = !pace->has_said || pace->cause != cause;
    if (!is_news && now_us - pace->said_at_us < EVENT_PACE_US) {
        pace->left_out++;
        return false;
    }
    *left_out = pace->left_out;
    *pace = (struct event_pace){.has_said = true, .said_at_us = now_us, .cause = cause};
    return true;
}

bool event_next(struct event_log *log, struct event *event)
{
    const struct event *oldest = ring_peek(&log->ring);
    if (oldest == NULL) {
        return false;
    }
    *event = *oldest;
    ring_advance(&log->ring);
    return true;
}

const char *event_level_name(enum event_level level)
{
    check((u32)level < array_count(level_names));
    return level_names[level];
}

bool event_level_parse(const char *text, enum event_level *level)
{
    for (u32 i = 0; i < array_count(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum event_level)i;
            return true;
        }
    }
    return false;
}
