/* Where all actors of a run meet: at the start, and whenever the run pauses.
 *
 *     actor   ... work ... gate_wait ────────────┐         ┌─ work ...
 *     actor   ..... work ....... gate_wait ──────┤         ├─ work ...
 *     main    gate_close, gate_gather ───────────────────────┘ (alone) gate_release
 *
 * Between gather and release nobody but the main thread does anything, so it may measure the
 * machine, or change what actors read. An actor that has ended leaves and is waited for no more.
 *
 * Thread: any; inside is a mutex, which no actor touches unless the gate is being closed. */
#pragma once

#include <pthread.h>

#include "base/types.h"

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    u32 members;
    u32 waiting;
    u64 generation;
    bool is_closing;
};

void gate_init(struct gate *gate, u32 members);
void gate_deinit(struct gate *gate);

/* For actors: one relaxed load, on every turn. */
static inline bool gate_is_closing(struct gate *gate)
{
    return __atomic_load_n(&gate->is_closing, __ATOMIC_RELAXED);
}

void gate_wait(struct gate *gate);
void gate_leave(struct gate *gate);

/* For the main thread: from now on who asks gate_is_closing comes here. */
void gate_close(struct gate *gate);

/* Waits until every member stands there. The number of members left; 0: all have ended. */
u32 gate_gather(struct gate *gate);
void gate_release(struct gate *gate);

/* Waits for members to leave, at most so long; true when none is left. */
bool gate_is_empty(struct gate *gate, u32 wait_ms);
