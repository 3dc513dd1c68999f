/* What tcp.c and the translation of generation 1 share: the bytes at the front of a connection, and
 * how a frame begins. */
#pragma once

#include "base/check.h"
#include "edge/tables.h"

/* Bodies other than batches: names, options, permissions. */
#define PLAIN_BODY_BYTES_MAX (1024u * 1024u)

/* The body of a login: names, a password or token, a context. Whoever sends it is still a stranger,
 * so little memory is claimed for it. */
#define LOGIN_BODY_BYTES_MAX (16u * 1024u)

/* What is to be done with the header at the front of the inline bytes. */
enum verdict {
    VERDICT_WAIT,  /* more bytes, or those before it, or room */
    VERDICT_BEGUN, /* a request began */
    VERDICT_CLOSE
};

static inline const u8 *inline_data(const struct conn *conn)
{
    return conn->inline_bytes + conn->inline_start;
}

static inline u32 inline_left(const struct conn *conn)
{
    return conn->inline_filled - conn->inline_start;
}

static inline void inline_take(struct conn *conn, u32 bytes)
{
    check(bytes <= inline_left(conn));
    conn->inline_start += bytes; /* moved to the front only when no receive is under way */
}

/* The connection is tried again when somebody else's memory or slot has come back. */
void tcp_wait_for_room(struct edge *edge, struct conn *conn);

/* A buffer for what a client sends, or NULL: wait for room. */
struct buf *tcp_take_body(struct edge *edge, u32 bytes);

/* A batch lies behind a gap of 256 bytes at sector alignment, with room up to a sector boundary. */
u32 tcp_batch_buffer_bytes(u32 batch_bytes);

/* A buffer for a batch of so many bytes; NULL: the connection waits, in line when its batch is
 * large. What is kept for small ones is theirs alone, and no large one holds them up. */
struct buf *tcp_take_batch_body(struct edge *edge, struct conn *conn, u32 batch_bytes);

/* A sound batch, behind a gap of BATCH_HEADER_BYTES in `buf`, goes to its partition. */
void tcp_append(struct edge *edge, struct request *request, struct buf *buf, u32 batch_bytes);
