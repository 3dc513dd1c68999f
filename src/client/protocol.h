/* The client's side of a connection without the connection: bytes in, bytes out, deadlines.
 *
 *     protocol_ask ─▶ unsent ─ protocol_output, _sent ─▶ waiting ─ protocol_received ─▶ on_answer
 *                       ▲                                   │
 *                       └────────── protocol_on_lost ◀──────┘   what may be repeated, in order
 *
 * Requests are pipelined: they leave in the order of protocol_ask, and an answer finds its request
 * by operation and number, whatever the order of answers. Every request has a number of its own,
 * given once: what is sent again carries the same number, the same body and the session of the new
 * connection, so that the server knows it again.
 *
 * Memory:  asks and their frames belong to who made them, until on_answer; it may ask anew from
 *          there. Buffers grow to the largest answer, at most the protocol's 64 MiB.
 * Errors:  enum lv_error. A connection that gave one is of no further use: protocol_on_lost. */
#pragma once

#include <sys/uio.h>

#include "base/bytes.h"
#include "base/list.h"
#include "wire/command.h"
#include "wire/frame.h"

struct ask {
    struct list_node node;
    enum command command;
    u64 request; /* 0: gets its number when it is asked */
    u8 *frame;   /* FRAME_HEADER_BYTES that the protocol fills in, then the body */
    u32 frame_bytes;
    u32 longer_ms; /* the server may hold the answer so much longer */
    bool repeats;  /* goes out again over the next connection; or else on_answer says it was lost */
    bool was_sent; /* at least one byte of it ever left */
    void (*on_answer)(struct ask *ask, int error, struct span body);
    void *owner;
};

enum protocol_state {
    PROTOCOL_DOWN,  /* no connection */
    PROTOCOL_LOGIN, /* the login is under way: nothing else leaves */
    PROTOCOL_READY,
};

struct protocol {
    enum protocol_state state;
    struct u128 id;
    u64 session;
    u64 request; /* the last number given */
    struct list unsent;
    struct list waiting;
    u32 sent_bytes; /* of the first unsent */
    bool is_broken; /* a request was cut: the connection must go */
    u64 heard_at_us;
    u64 said_at_us;
    u64 silence_us;
    u64 heartbeat_us; /* 0: none */
    struct ask login;
    struct ask ping;
    u8 ping_frame[FRAME_HEADER_BYTES];
    u8 *input;
    u32 input_capacity;
    u32 input_bytes;
};

struct protocol_options {
    struct u128 id;
    u32 request_timeout_ms;
    u32 heartbeat_ms;
    const char *username; /* NULL, and no token: nobody logs in */
    const char *password;
    const char *token;
};

void protocol_init(struct protocol *protocol, const struct protocol_options *options);
void protocol_deinit(struct protocol *protocol);

/* A connection stands: logs in, then sends what is unsent. */
void protocol_on_connected(struct protocol *protocol, u64 now_us);

/* It is gone. Asks that do not repeat are answered with `error`, in order. */
void protocol_on_lost(struct protocol *protocol, int error);

/* Nobody will connect any more: all are answered with `error`, in order. */
void protocol_fail_all(struct protocol *protocol, int error);

void protocol_ask(struct protocol *protocol, struct ask *ask, u64 now_us);

/* Its owner does not want the answer any more; a late one is dropped. May leave the protocol
 * broken. */
void protocol_cancel(struct protocol *protocol, struct ask *ask);

/* What can leave now, into at most `pieces_max` pieces; 0: nothing. */
u32 protocol_output(struct protocol *protocol, struct iovec *pieces, u32 pieces_max);
void protocol_sent(struct protocol *protocol, u64 bytes, u64 now_us);

/* Room for what comes in, never 0 bytes. */
u8 *protocol_room(struct protocol *protocol, u32 *bytes);

/* `bytes` of the room were filled: answers whatever is whole. LV_OK, or why the connection is of no
 * use any more. */
int protocol_received(struct protocol *protocol, u32 bytes, u64 now_us);

/* When protocol_on_time wants to be called; UINT64_MAX: never. */
u64 protocol_deadline_us(const struct protocol *protocol);

/* LV_OK, or LV_ERROR_CONNECTION: the server is silent for too long. */
int protocol_on_time(struct protocol *protocol, u64 now_us);
