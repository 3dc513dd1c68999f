/* What only the process (src/node) asks of the real door: making it, listening, and waiting.
 *
 * Owner: the main thread creates all doors; each then belongs to its core's thread. */
#pragma once

#include "base/str.h"
#include "io/io.h"

struct io_options {
    const char *data_path; /* absolute; exists */
    u32 cores_count;
    u32 ops_max; /* file ops at the kernel at once, per core; sockets may rest: uncounted */
    u32 sync_workers_max; /* bound of the kernel's worker threads for file work, per core */
};

/* All doors of a process know each other, for io_wake. Fills `ios[cores_count]`. False with the
 * cause and the remedy when the kernel refuses io_uring (sysctl kernel.io_uring_disabled, a
 * container's seccomp profile, the locked-memory limit), or lacks what we need (Linux 6.1). */
must_check bool io_create_all(const struct io_options *options, struct io **ios, struct err *err);

/* Before the core's first turn, from the core's own thread: the ring wants a single issuer. */
void io_start(struct io *io, struct core *core);
void io_destroy_all(struct io **ios, u32 cores_count);

/* Sleeps until a completion, a bell, or the deadline (monotonic microseconds; UINT64_MAX: none).
 * Submits first. `spin_us` of busy polling come before the sleep. */
void io_wait(struct io *io, u64 deadline_us, u32 spin_us);

/* Binds and listens, SO_REUSEPORT set. Refuses when another socket already *listens* on the address
 * (asks sock_diag, else tries to connect); a socket merely bound there does not matter. `address`
 * is "127.0.0.1:8090" or "[::1]:8090"; port 0 picks one, returned in `port`. */
must_check bool io_listen(const char *address, struct io_socket *listener, u16 *port,
                          struct err *err);

/* Wakes the core that owns `target`, from any thread (offload workers, signals). */
void io_ring_bell(struct io *target);

/* Monotonic and wall time in microseconds, for the driver that feeds thread_turn. */
u64 io_monotonic_us(void);
u64 io_wall_us(void);
