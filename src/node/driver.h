/* Drives the threads of a process: each core waits for I/O and turns; the main thread is told when
 * one of them became ready, failed, drained, or has log lines to write.
 *
 * Owner: `driver` is shared by the main thread and the cores through a few atomics and one
 * eventfd; all else in it is set before the cores start. */
#pragma once

#include <pthread.h>

#include "core/plan.h"
#include "node/config.h"
#include "node/thread.h"

#define DRIVER_EVENTS_PER_CORE 1024u

struct driver_core {
    struct driver *driver;
    u32 index;
    pthread_t id;
    struct arena arena;
    struct thread *thread;
    struct event_log events;
    struct event *event_items;
    u32 turns_gathered; /* since the last submit */
};

struct driver {
    struct plan plan;
    struct settings settings;
    bool pin;
    struct io_socket listener;
    struct arena shared; /* lanes, gauges, counters, events */
    struct io *ios[MAILBOX_CORES_MAX];
    struct offload *offload;
    struct mailbox_board *board;
    struct partition_gauges *gauges;
    struct counters *counters;
    struct driver_core cores[MAILBOX_CORES_MAX];
    int bell; /* eventfd: something for the main thread */

    /* Flags: 0 or 1. What they announce is ordered by the bell that is rung after them. */
    struct gauge ready;
    struct gauge root_set;
    struct gauge failed;
    struct gauge drained;
    struct gauge stop_asked; /* by the main thread: core 0 drains */
    struct gauge quit;       /* all cores end */
    struct err failure;      /* set before `failed` */
};

/* Takes memory, makes doors and threads; nothing runs yet. `driver->plan`, `settings`, `pin` and
 * `listener` are filled in. */
must_check bool driver_create(struct driver *driver, const char *data_path, enum event_level level,
                              u64 seed, struct err *err);
void driver_start(struct driver *driver);

/* From the main thread: begin to drain. */
void driver_stop(struct driver *driver);

/* Ends the threads and waits for them. */
void driver_join(struct driver *driver);
void driver_destroy(struct driver *driver);
