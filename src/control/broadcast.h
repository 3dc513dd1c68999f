/* Sends commands, or pieces of the state, to all cores, a bounded number at a time, and knows when
 * all have applied them.
 *
 *     broadcast_send ─▶ APPLY on the control lane of every core
 *     broadcast_on_applied ◀─ APPLIED of one core; `done` is what all have applied
 *
 * The buffers that travel belong to the window: they are taken at start and stay.
 *
 * Owner: control. */
#pragma once

#include "base/bytes.h"
#include "core/core.h"

#define BROADCAST_WINDOW 16u
#define BROADCAST_BYTES_MAX 16384u

enum broadcast_what { BROADCAST_COMMAND, BROADCAST_PIECE, BROADCAST_LAST_PIECE };

struct broadcast {
    struct core *core;
    struct buf *bufs[BROADCAST_WINDOW];
    u64 sent; /* number of the last one */
    u64 done; /* up to which all cores have applied */
    u64 applied[MAILBOX_CORES_MAX];
};

void broadcast_init(struct broadcast *broadcast, struct core *core);
bool broadcast_has_room(const struct broadcast *broadcast);

/* The bytes of the next one are written here: BROADCAST_BYTES_MAX. There is room. */
struct writer broadcast_writer(struct broadcast *broadcast);

/* Sends what was written; gives its number: 1, 2, 3, … */
u64 broadcast_send(struct broadcast *broadcast, const struct writer *writer, u64 index,
                   enum broadcast_what what);

/* True when `done` has risen. */
bool broadcast_on_applied(struct broadcast *broadcast, const struct msg *msg);
