/* File work that io_uring of Linux 6.1 has no operation for: truncation, directories, free space.
 * One small thread per process does it, one job at a time; a tree is removed a few files at a time,
 * so that others' jobs come in between.
 *
 *     core ── push ──▶ asked ──▶ thread beside ── push ──▶ io.beside_done, bell ──▶ uring_harvest
 *
 * Neither side ever waits for the other: both hand-overs are a compare-and-swap on a stack whose
 * links are inside the ops. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/list.h"
#include "io/io.h"

/* Any thread pushes, one takes all. */
struct uring_stack {
    _Atomic(struct list_node *) top;
};

struct uring_beside {
    pthread_t thread;
    sem_t work;
    struct uring_stack asked;
    _Atomic bool ending;
    s32 directory; /* the data directory */
};

void uring_stack_push(struct uring_stack *stack, struct list_node *node);

/* Moves all nodes to the end of `list`, the one pushed first in front. */
void uring_stack_take_all(struct uring_stack *stack, struct list *list);

/* False when the system gives no thread. */
must_check bool uring_beside_start(struct uring_beside *beside, s32 directory);

/* Finishes the job in hand; what is still queued is dropped: no core is left to hear of it. */
void uring_beside_stop(struct uring_beside *beside);

/* The op is begun, its path in its slot. */
void uring_beside_ask(struct uring_beside *beside, struct io_op *op);
