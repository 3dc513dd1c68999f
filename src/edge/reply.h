/* Makes replies: a header that echoes the request, and a body, inline or in a buffer.
 *
 * Every function turns its request READY and lets the connection know. A request is answered
 * once. */
#pragma once

#include "edge/tables.h"
#include "wire/poll.h"

/* An error, by status, without a body; 0: an empty success (framed commands get their section). */
void reply_status(struct edge *edge, struct request *request, enum wire_error error);

/* Takes the place of a reply. */
void reply_eviction(struct edge *edge, struct request *request, enum eviction_reason reason);

/* The header of a success of `body_bytes`, and the first of them (64 at most): what follows comes
 * in pieces, and each is sent when `reply_ready` is called. */
void reply_open(struct request *request, u32 body_bytes, const void *first, u32 first_bytes);

/* Everything of the reply, or of its next piece, is there: it may be sent. */
void reply_ready(struct edge *edge, struct request *request);

/* A body of at most 64 bytes, copied. */
void reply_small(struct edge *edge, struct request *request, const void *body, u32 bytes);

/* What a success of a framed command begins with: nothing in generation 1. */
void reply_write_section(const struct request *request, struct writer *writer);

/* A body that is written already, in a buffer that from now on belongs to the request. */
void reply_buf(struct edge *edge, struct request *request, struct buf *body);

/* A body written by `write`, into a buffer as large as it needs. Without memory for it the
 * connection closes: a wrong or missing answer would be worse. `write` may be called again with
 * more room. */
void reply_written(struct edge *edge, struct request *request,
                   void (*write)(struct edge *edge, const struct request *request,
                                 struct writer *writer));

/* The answer to a member's poll of a partition that it does not own: generation 2 is told to ask
 * for its assignment anew, generation 1 that there is nothing. */
void reply_not_owned(struct edge *edge, struct request *request);

/* An empty poll of this partition. */
void reply_poll_nothing(struct edge *edge, struct request *request, u32 partition_id);

/* What a polled body begins with, in both generations. */
void reply_poll_prefix(const struct poll_loan *loan, u8 prefix[POLL_REPLY_PREFIX_BYTES]);

/* The prefix and what the shard lent. */
void reply_poll(struct edge *edge, struct request *request, struct poll_loan *loan, u32 from);

/* Fills pieces with what is ready, beginning `skip` bytes into the first reply; returns how many,
 * and the bytes in them. */
u32 reply_pieces(const struct conn *conn, struct io_piece *pieces, u32 pieces_max, u64 *bytes);

/* All bytes of a ready reply. */
u64 reply_bytes(const struct request *request);
