#include "offload/offload_log.h"

#include <string.h>

#include "base/check.h"

void offload_log_init(struct offload_log *log)
{
    log->written = 0;
    check(pthread_mutex_init(&log->lock, NULL) == 0);
}

void offload_log_deinit(struct offload_log *log)
{
    check(pthread_mutex_destroy(&log->lock) == 0);
}

void offload_log_note(struct offload_log *log, struct span text)
{
    u32 size = u32_min(text.size, OFFLOAD_LOG_BYTES);
    check(pthread_mutex_lock(&log->lock) == 0);
    u32 at = (u32)(log->written % OFFLOAD_LOG_BYTES);
    u32 first = u32_min(size, OFFLOAD_LOG_BYTES - at);
    memcpy(log->bytes + at, text.data, first);
    memcpy(log->bytes, text.data + first, size - first);
    log->written += size;
    check(pthread_mutex_unlock(&log->lock) == 0);
}

u32 offload_log_copy(struct offload_log *log, u8 *text, u32 capacity)
{
    check(pthread_mutex_lock(&log->lock) == 0);
    u64 kept = u64_min(log->written, OFFLOAD_LOG_BYTES);
    u32 size = (u32)u64_min(kept, capacity);
    bool is_cut = size < log->written;
    u32 at = (u32)((log->written - size) % OFFLOAD_LOG_BYTES);
    u32 first = u32_min(size, OFFLOAD_LOG_BYTES - at);
    memcpy(text, log->bytes + at, first);
    memcpy(text + first, log->bytes, size - first);
    check(pthread_mutex_unlock(&log->lock) == 0);

    const u8 *line_end = is_cut ? memchr(text, '\n', size) : NULL;
    if (line_end != NULL) {
        size -= (u32)(line_end + 1 - text);
        memmove(text, line_end + 1, size);
    }
    return size;
}
