/* The newest log lines, kept for the diagnostics archive. Older bytes make room.
 *
 * Written by the main thread, read by an offload thread; the lock is held for a copy of at most
 * OFFLOAD_LOG_BYTES and no core ever takes it. */
#pragma once

#include <pthread.h>

#include "base/bytes.h"

#define OFFLOAD_LOG_BYTES (128u * KIB)

struct offload_log {
    pthread_mutex_t lock;
    u64 written; /* bytes ever; the place of the next one is its remainder */
    u8 bytes[OFFLOAD_LOG_BYTES];
};

void offload_log_init(struct offload_log *log);
void offload_log_deinit(struct offload_log *log);

void offload_log_note(struct offload_log *log, struct span text);

/* Copies the newest bytes, from the beginning of a line on; returns how many. */
u32 offload_log_copy(struct offload_log *log, u8 *text, u32 capacity);
