/* One request in flight: from its header until its reply has left the socket.
 *
 *     RECEIVING ─▶ CHECKING ─▶ ROUTED ─▶ (WAITING) ─▶ ASKED ─▶ READY ─▶ sent, slot free
 *        body        batch     by plane     credit     owner     reply
 *                                 ▲─────── HELD ◀──────┘  a poll that may wait (held.h)
 *
 * A slot with its generation is the token that travels in messages. When the connection goes away
 * while an owner still holds the request, the slot waits for the late reply, because buffers on
 * loan come home with it.
 *
 * Owner: the edge of one core. Memory: slots from its arena; bodies from the core's buffers. */
#pragma once

#include "core/core.h"
#include "wire/batch.h"
#include "wire/command.h"
#include "wire/frame.h"
#include "wire/message_v1.h"

struct conn;
struct edge;

enum request_state {
    REQUEST_FREE,
    REQUEST_RECEIVING, /* its body is not all here */
    REQUEST_CHECKING,  /* a batch, all here, not yet verified */
    REQUEST_WAITING,   /* for a credit of the owner */
    REQUEST_ASKED,     /* with its owner */
    REQUEST_OFFLOADED, /* with offload, which answers into the edge: it may be freed meanwhile */
    REQUEST_HELD,      /* a poll that found nothing, until its partition has news */
    REQUEST_AGAIN,     /* generation 1: its owner has no place for it, and is asked again soon */
    REQUEST_READY      /* its reply may be sent when those before it are */
};

/* Header, result section or fixed body: most replies are whole in here. */
#define REPLY_INLINE_BYTES (FRAME_HEADER_BYTES + 64u)

/* A send of generation 1 on its way into a batch: translate_send.c. */
struct send_translation {
    u8 step;       /* private */
    bool is_split; /* its messages do not fit one batch: one after the other goes out */
    enum wire_error error;
    struct send_v1 send;
    struct messages_v1_check check;
    struct batch_v1_rewrite rewrite;
    u32 messages_done;
    u32 messages_done_bytes;
};

/* A poll on its way out to generation 1, a piece at a time: translate_poll.c. */
struct poll_translation {
    const struct poll_loan_piece *pieces; /* of the loan, or `copied` */
    u32 pieces_count;
    u32 piece; /* where the walk stands: at a batch, or at its frames */
    u32 piece_position;
    bool in_batch;
    u64 left_bytes; /* of the reply, not yet written */
    struct poll_loan_piece copied;
    struct messages_v1_emit emit;
};

struct request {
    u32 magic;
    u32 slot;
    u32 generation;
    enum request_state state;
    struct list_node node; /* in conn->requests, in order of arrival; or free */
    struct list_node work; /* in edge->checking, or in edge->held */
    struct conn *conn;     /* NULL: gone, and an owner still holds the request */
    enum command command;
    struct request_header header;
    u64 deadline_us; /* monotonic; for its answer, once asked for or offloaded */

    /* A batch on its way in. */
    struct buf *body;
    u32 body_bytes; /* expected in `body` */
    u32 body_filled;
    u32 body_position; /* where the body begins in `body` */
    bool hash_body;    /* the header carries a checksum of the whole body */
    u64 prefix_hash;   /* of what comes before the batch */
    union {
        struct batch_check check;
        struct send_translation sending; /* generation 1 */
        struct poll_translation polling; /* generation 1 */
    };
    struct xxh3_stream body_hash;
    u32 body_hashed;

    /* To its owner. */
    struct msg msg;
    struct credit_waiter credit;
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
    u32 group_id;
    u32 user_id;        /* that is asked about */
    u64 wait_until_us;  /* monotonic; a poll that finds nothing is held until then */
    u64 current_offset; /* of the partition, when it was held */

    /* The reply. */
    u32 reply_inline_bytes;
    struct buf *reply_body;
    struct poll_loan *loan;
    u32 loan_from;       /* core that lent it */
    u32 stalled_bytes;   /* of the copy that was made because its reader takes nothing */
    u64 again_us;        /* AGAIN: monotonic */
    u64 again_until_us;  /* 0: it was not refused yet */
    struct buf *scratch; /* generation 1: one of the batches of a send, or the copy of a loan */
    u8 reply_inline[REPLY_INLINE_BYTES];
};

/* A free slot for `conn`, last in its order, or NULL: the caller waits for one. */
struct request *request_take(struct edge *edge, struct conn *conn,
                             const struct request_header *header);

/* Gives everything home and frees the slot. Not while an owner holds it. */
void request_free(struct edge *edge, struct request *request);

/* The connection is gone: frees, or leaves the slot to its late reply. */
void request_abandon(struct edge *edge, struct request *request);

/* What a frame is refused with before its body is looked at; neither: it may go on. */
struct refusal {
    enum wire_error error;
    u8 eviction; /* enum eviction_reason, or 0 */
};

/* The rules of login and session (wire-v2.md 3.4, 3.6), from the header alone. */
struct refusal request_refusal(const struct conn *conn, enum command command,
                               const struct request_header *header);

/* Everything but batches: the body is in `body`, whole, and may be gone when this returns. */
void request_run(struct edge *edge, struct request *request, struct span body);

/* It is with offload from now on; unanswered at its deadline, its connection is closed. */
void request_offload(struct edge *edge, struct request *request);

/* Sends `request->msg` to `to`, now or when there is credit. */
void request_ask(struct edge *edge, struct request *request, u32 to);

/* What a poll lent goes home: it was sent, or copied, or nobody wants it. */
void request_return_loan(struct edge *edge, struct request *request);

/* The copy of what a poll lent is gone: its share is free for another reader that takes nothing. */
void request_drop_stalled(struct edge *edge, struct request *request);

/* The owner answered. */
void request_on_reply(struct edge *edge, const struct msg *reply);
