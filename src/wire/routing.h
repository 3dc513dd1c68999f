/* The routing commands that released clients use when the roster has several nodes.
 *
 *     103, 104   requests: the body of PollMessages; 123: that of GetConsumerOffset
 *     103, 123   reply: | client u128 | session u64 | metadata_watermark u64 | node |
 *     14         request: | client u128 | session u64 | metadata_watermark u64 |, reply empty */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "wire/cluster.h"
#include "wire/error.h"

#define SESSION_REFERENCE_BYTES 32u

/* Whose session: of the requesting connection in the replies, to be attached in 14. */
struct session_reference {
    struct u128 client;
    u64 session;
    u64 metadata_watermark; /* at most the largest `commit` that we ever sent */
};

must_check enum wire_error attach_session_request_decode(struct span body,
                                                         struct session_reference *reference);
void attach_session_request_encode(const struct session_reference *reference,
                                   struct writer *writer);

struct routing_reply {
    struct session_reference reference;
    struct cluster_node node;
};

void routing_reply_encode(const struct routing_reply *reply, struct writer *writer);
must_check enum status routing_reply_decode(struct span body, struct routing_reply *reply);
