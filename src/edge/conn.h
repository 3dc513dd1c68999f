/* One connection: what arrived, what is in flight, what goes out.
 *
 *     socket ─▶ inline bytes ─▶ header, small bodies ─▶ request
 *                      └──────▶ large bodies straight into the request's buffer
 *     socket ◀─ one gathered send ◀─ replies, in request order (of polls that wait, as they come)
 *
 * Reading stops by itself: with a request that must wait (for those before it, a slot, memory), at
 * most CONN_INLINE_BYTES are taken off the socket, and TCP slows the sender down.
 *
 * Owner: the edge of one core. */
#pragma once

#include "core/core.h"
#include "edge/request.h"

#define CONN_INLINE_BYTES 2048u

/* Requests of one connection in flight: several only while all of them are appends, or polls that
 * wait. */
#define CONN_WINDOW 16u

enum conn_state {
    CONN_FREE,
    CONN_OPEN,
    CONN_MOVING, /* on its way to another core, which reads it: see conn_move.h */
    CONN_CLOSING /* shut down; waits for its ops, then for control to know */
};

struct conn {
    u32 magic;
    u32 slot;
    enum conn_state state;
    struct list_node node;    /* in edge->open or edge->free */
    struct list_node waiting; /* in edge->waiting or edge->line: for a slot or memory */
    struct list_node sending; /* in edge->sending: has something to send this turn */
    struct io_socket socket;
    u32 client_number;
    u32 peer_address;
    u16 peer_port;

    /* Login. */
    bool logged_in;
    u32 user_id;
    u64 session;
    u64 found_by; /* the session under which edge->sessions has it; 0: none */
    struct u128 client;
    u64 attached_session; /* whose memberships count here (command 14); 0: its own */
    bool takes_turns;     /* of its groups' partitions: they are kept here, so it stays */

    /* Signs of life: see heartbeat.h. */
    u64 heard_us;    /* monotonic: the last request began, or was answered */
    u32 pings_count; /* no further than it takes */
    bool was_silent; /* for too long: it is being closed */

    /* Where its requests go. */
    u32 asks_core;
    u32 asks_count;     /* in a row */
    u64 stays_until_us; /* it was refused, or came just now */
    bool leaving;       /* its receive is being cancelled: it moves if nothing came meanwhile */

    /* In. */
    struct io_op receive_op;
    bool receives_inline; /* where the receive under way goes */
    u8 speaks;            /* enum frame_generation, by its first bytes; 0: they are not here */
    bool ends;            /* what was asked is answered, then the connection closes */
    u32 inline_start;
    u32 inline_filled;
    struct request *receiving; /* its body goes straight into its buffer */
    u64 discard_bytes;         /* of a body that is refused */
    u64 frame_began_us;        /* monotonic; 0: no frame is incomplete */
    u64 frame_moved_bytes;     /* since then */

    /* Out. */
    struct list requests; /* in the order of their answers: see held.h for who passes whom */
    u32 requests_count;
    struct io_op send_op;
    u32 sent_bytes;    /* of the first reply */
    u64 send_began_us; /* of the send in flight */
    bool send_cancelled;
    u32 stalls_count; /* in a row without a byte taken and without memory for a copy */

    struct timer
        timer; /* the earliest deadline, when there is one; looked at again when it fires */
    struct io_op close_op;
    struct credit_waiter closed_credit;
    u8 inline_bytes[CONN_INLINE_BYTES];
};

/* True when it is answered in the frames of generation 1. Of a request that has its connection. */
static inline bool request_is_v1(const struct request *request)
{
    return request->conn->speaks == FRAME_GENERATION_1;
}

/* A connection handed over by control. Without a free slot it is closed at once. */
void conn_open(struct edge *edge, const struct msg *msg);

/* Goes on with what is there: parses frames, arms the next receive. */
void conn_advance(struct edge *edge, struct conn *conn);

/* No more is read, nothing more is answered. Ends by itself; may be called twice. `why` is a word
 * for the recorder. */
void conn_close(struct edge *edge, struct conn *conn, const char *why);

/* A request was freed or became ready: the reply may leave, the next frame may begin. */
void conn_on_progress(struct edge *edge, struct conn *conn);

/* Looks at the connection's deadlines no later than this. */
void conn_watch(struct edge *edge, struct conn *conn, u64 deadline_us);
