/* Between the parts of the simulator: what a simulated machine is made of. Tests use sim.h. */
#pragma once

#include "sim/sim.h"
#include "sim/sim_clock.h"
#include "sim/sim_net.h"

#define SIM_NODES_MAX 8u
#define SIM_CORES_MAX 16u
#define SIM_FAIL_MAX 8u
#define SIM_WALL_START_US 1767225600000000ull /* 1 January 2026 */

enum sim_request_kind {
    SIM_REQUEST_OPEN,
    SIM_REQUEST_CLOSE,
    SIM_REQUEST_READ,
    SIM_REQUEST_WRITE,
    SIM_REQUEST_SYNC,
    SIM_REQUEST_TRUNCATE,
    SIM_REQUEST_ALLOCATE,
    SIM_REQUEST_SIZE,
    SIM_REQUEST_RENAME,
    SIM_REQUEST_UNLINK,
    SIM_REQUEST_DIRECTORY_CREATE,
    SIM_REQUEST_DIRECTORY_LIST,
    SIM_REQUEST_TREE_REMOVE,
    SIM_REQUEST_DISK_FREE,
    SIM_REQUEST_ACCEPT,
    SIM_REQUEST_RECEIVE,
    SIM_REQUEST_SEND,
    SIM_REQUEST_SOCKET_CLOSE,
    SIM_REQUEST_KINDS
};

/* One op between its call and its `done`. */
struct sim_request {
    struct list_node node; /* in asked, running or completed of its io */
    struct io *io;
    struct io_op *op;
    enum sim_request_kind kind;
    u32 flags;
    bool dropped;   /* the node crashed: freed when its event comes */
    bool scheduled; /* an event points here */
    bool ended;     /* `status` and `count` are decided */
    bool cancelled;
    enum status status;
    u64 count;

    struct sim_inode *inode; /* held */
    bool direct;
    u64 position;
    u64 size;
    u64 sync_order;
    u8 *buffer; /* read, receive, list: the caller's */
    u8 *copy;   /* write, send: the bytes as they were when lent */
    struct io_piece *pieces;
    u32 pieces_count;
    char *path;
    char *path_to;
    struct sim_conn *conn;
};

/* An open number of a node. */
enum sim_number_kind { SIM_NUMBER_FREE, SIM_NUMBER_FILE, SIM_NUMBER_SOCKET, SIM_NUMBER_LISTENER };

struct sim_number {
    enum sim_number_kind kind;
    u32 flags;
    struct sim_inode *inode;
    struct sim_conn *conn;
};

struct io {
    struct sim *sim;
    struct sim_node *node;
    u32 core_index;
    struct core *core;
    struct sim_turn (*turn)(void *context, struct turn_time time);
    void *context;
    struct list asked; /* not yet submitted */
    struct list running;
    struct list completed; /* waiting for io_reap */
    bool reaping;
    u64 turn_at_us;     /* when the next turn is planned; UINT64_MAX: not */
    u64 rests_until_us; /* the last turn took until then, or the core is starved */
};

struct offload_lane {
    struct list running;
    struct list finished;
    u32 jobs_count;
};

struct offload {
    struct sim *sim;
    struct sim_node *node;
    struct offload_lane lanes[SIM_CORES_MAX];
};

struct sim_fail {
    enum sim_operation operation;
    char part[96];
    enum status status;
};

struct sim_node {
    struct sim *sim;
    u32 index;
    u32 incarnation; /* rises with each crash */
    struct sim_disk disk;
    struct io ios[SIM_CORES_MAX];
    struct offload offload;
    struct sim_number *numbers;
    u32 numbers_count;
    struct list backlog; /* of struct sim_conn, to be accepted */
    u32 backlog_count;
    s64 clock_drift_ppm;
    s64 monotonic_offset_us;
    s64 wall_offset_us;
    u64 slow_until_us;
    u64 space_error_until_us;
    struct sim_fail fails[SIM_FAIL_MAX];
    u32 fails_count;
};

struct sim {
    struct sim_options options;
    struct sim_clock clock;
    struct prng prng;
    struct sim_counts counts;
    struct list conns;
    u64 conns_last;
    struct list job_timers;
    struct list orphans; /* dropped requests that an event still points to */
    u64 trace_hash;
    u64 trace_steps;
    bool trace_prints;
    u32 nodes_count;
    u32 cores_count;
    struct sim_node nodes[SIM_NODES_MAX];
};

/* Rolls the dice for a fault and counts it. */
bool sim_happens(struct sim *sim, u32 per_million, u64 *count);

/* Uniform in from .. to. */
u64 sim_between(struct sim *sim, u64 from, u64 to);

/* Plans a turn of this core, soon. */
void sim_core_wake(struct io *io);

/* ---- Requests: sim_io.c ---- */

struct sim_request *sim_request_create(struct io *io, struct io_op *op, enum sim_request_kind kind);

/* Decided now: `done` runs at the core's next reap. */
void sim_request_end(struct sim_request *request, enum status status, u64 count);

/* Frees it; `done` will not run. */
void sim_request_drop(struct sim_request *request);
void sim_orphans_destroy(struct sim *sim);
void sim_request_start_file(struct sim_request *request);
void sim_request_start_net(struct sim_request *request);

/* Power loss: a write in flight may be on the disk or not. */
void sim_request_leave_traces(struct sim_request *request);

struct sim_number *sim_number_of(struct io *io, s32 id, enum sim_number_kind kind);

/* -1 when the node has no number left. */
s32 sim_number_take(struct sim_node *node, enum sim_number_kind kind);
void sim_number_return(struct sim_node *node, s32 id);

/* ---- Connections: sim_net.c ---- */

void sim_conn_node_lost(struct sim_node *node);
void sim_conns_destroy(struct sim *sim);

/* ---- Jobs: sim_offload.c ---- */

void sim_offload_forget(struct sim_node *node);
void sim_job_timers_destroy(struct sim *sim);
