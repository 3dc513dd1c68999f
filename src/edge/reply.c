#include "edge/reply.h"

#include <string.h>

#include "base/check.h"
#include "edge/held.h"
#include "edge/translate.h"
#include "wire/frame_v1.h"
#include "wire/poll.h"

#define REPLY_BODY_BYTES_FIRST (4u * 1024u)

void reply_ready(struct edge *edge, struct request *request)
{
    check(request->state != REQUEST_READY);
    check(request->state != REQUEST_FREE);
    request->state = REQUEST_READY;
    list_remove(&request->work);
    if (request->body != NULL) {
        buf_return(request->body);
        request->body = NULL;
    }
    check(request->conn != NULL);
    if (request->command == COMMAND_POLL_MESSAGES_WAITING) {
        held_pass(request);
    }
    conn_on_progress(edge, request->conn);
}

/* The header in place, for a body of `body_bytes` in all. */
static void put_header(struct request *request, enum wire_error error, u32 body_bytes)
{
    if (request_is_v1(request)) {
        struct reply_v1 reply = {.status = wire_error_v1(error), .payload_bytes = body_bytes};
        reply_v1_encode(&reply, request->reply_inline);
        request->reply_inline_bytes = FRAME_V1_HEADER_BYTES;
        return;
    }
    struct reply_header header = reply_header_for(&request->header, error, body_bytes);
    reply_header_encode(&header, request->reply_inline);
    request->reply_inline_bytes = FRAME_HEADER_BYTES;
}

static void put_inline(struct request *request, const void *bytes, u32 size)
{
    check(request->reply_inline_bytes + size <= REPLY_INLINE_BYTES);
    memcpy(request->reply_inline + request->reply_inline_bytes, bytes, size);
    request->reply_inline_bytes += size;
}

void reply_status(struct edge *edge, struct request *request, enum wire_error error)
{
    bool is_framed = command_row(request->command)->framed && !request_is_v1(request);
    u32 section_bytes = error == WIRE_OK && is_framed ? 4 : 0;
    put_header(request, error, section_bytes);
    if (section_bytes > 0) {
        u8 section[RESULT_OK_BYTES] = {0};
        put_inline(request, section, sizeof(section));
    }
    if (request_is_v1(request) && wire_error_ends_v1(error)) {
        request->conn->ends = true;
    }
    if (error != WIRE_OK) {
        counter_add(edge->core->counters, COUNTER_requests_refused, 1);
        core_note(edge->core, "request.refused", request->command, error);
    }
    reply_ready(edge, request);
}

void reply_write_section(const struct request *request, struct writer *writer)
{
    if (!request_is_v1(request)) {
        write_result_ok(writer);
    }
}

void reply_eviction(struct edge *edge, struct request *request, enum eviction_reason reason)
{
    if (request_is_v1(request)) {
        reply_status(edge, request, translate_eviction(reason));
        return;
    }
    struct eviction eviction = eviction_for(request->header.client, reason);
    eviction_encode(&eviction, request->reply_inline);
    request->reply_inline_bytes = FRAME_HEADER_BYTES;
    counter_add(edge->core->counters, COUNTER_requests_refused, 1);
    reply_ready(edge, request);
}

void reply_open(struct request *request, u32 body_bytes, const void *first, u32 first_bytes)
{
    put_header(request, WIRE_OK, body_bytes);
    put_inline(request, first, first_bytes);
}

void reply_small(struct edge *edge, struct request *request, const void *body, u32 bytes)
{
    put_header(request, WIRE_OK, bytes);
    put_inline(request, body, bytes);
    reply_ready(edge, request);
}

void reply_buf(struct edge *edge, struct request *request, struct buf *body)
{
    put_header(request, WIRE_OK, body->size);
    request->reply_body = body;
    reply_ready(edge, request);
}

void reply_written(struct edge *edge, struct request *request,
                   void (*write)(struct edge *edge, const struct request *request,
                                 struct writer *writer))
{
    u32 capacity = REPLY_BODY_BYTES_FIRST;
    while (capacity <= edge->plan->frame_bytes_max) {
        struct buf *buf =
            buf_take_leaving(edge->core->bufs, capacity, edge->plan->finish_bytes_per_core / 2);
        if (buf == NULL) {
            break;
        }
        struct writer writer = writer_over(buf->data, buf->capacity);
        write(edge, request, &writer);
        if (!writer.failed) {
            buf->size = writer.position;
            reply_buf(edge, request, buf);
            return;
        }
        capacity = buf->capacity * 4;
        buf_return(buf);
    }
    conn_close(edge, request->conn, "no memory for a reply");
}

void reply_poll_nothing(struct edge *edge, struct request *request, u32 partition_id)
{
    u8 prefix[POLL_REPLY_PREFIX_BYTES];
    struct writer writer = writer_over(prefix, sizeof(prefix));
    poll_reply_prefix_encode(&(struct poll_reply_prefix){.partition_id = partition_id}, &writer);
    check(!writer.failed);
    reply_small(edge, request, prefix, writer.position);
}

void reply_not_owned(struct edge *edge, struct request *request)
{
    if (request_is_v1(request)) {
        reply_poll_nothing(edge, request, 0);
        return;
    }
    u8 marker[POLL_REPLY_PREFIX_BYTES];
    struct writer writer = writer_over(marker, sizeof(marker));
    poll_reply_resync(&writer);
    check(!writer.failed);
    reply_small(edge, request, marker, writer.position);
}

void reply_poll_prefix(const struct poll_loan *loan, u8 prefix[POLL_REPLY_PREFIX_BYTES])
{
    struct writer writer = writer_over(prefix, POLL_REPLY_PREFIX_BYTES);
    poll_reply_prefix_encode(&(struct poll_reply_prefix){.partition_id = loan->partition_id,
                                                         .current_offset = loan->current_offset,
                                                         .messages_count = loan->messages_count},
                             &writer);
    check(!writer.failed);
}

void reply_poll(struct edge *edge, struct request *request, struct poll_loan *loan, u32 from)
{
    u8 prefix[POLL_REPLY_PREFIX_BYTES];
    reply_poll_prefix(loan, prefix);
    check(loan->bytes + sizeof(prefix) + FRAME_HEADER_BYTES <= FRAME_BYTES_MAX);
    put_header(request, WIRE_OK, (u32)(sizeof(prefix) + loan->bytes));
    put_inline(request, prefix, sizeof(prefix));
    request->loan = loan;
    request->loan_from = from;
    reply_ready(edge, request);
}

/* What is lent is sent as it lies, save to generation 1, for which it is written anew. */
static const struct poll_loan *sent_loan(const struct request *request)
{
    return request_is_v1(request) ? NULL : request->loan;
}

u64 reply_bytes(const struct request *request)
{
    u64 bytes = request->reply_inline_bytes;
    if (request->reply_body != NULL) {
        bytes += request->reply_body->size;
    }
    if (sent_loan(request) != NULL) {
        bytes += request->loan->bytes;
    }
    return bytes;
}

struct gather {
    struct io_piece *pieces;
    u32 count;
    u32 max;
    u64 skip;
    u64 bytes;
};

/* False when there is no room for one more piece. */
static bool gather_add(struct gather *gather, const u8 *data, u64 size)
{
    if (gather->skip >= size) {
        gather->skip -= size;
        return true;
    }
    if (gather->count == gather->max) {
        return false;
    }
    gather->pieces[gather->count++] = (struct io_piece){data + gather->skip, size - gather->skip};
    gather->bytes += size - gather->skip;
    gather->skip = 0;
    return true;
}

static bool gather_reply(struct gather *gather, const struct request *request)
{
    if (!gather_add(gather, request->reply_inline, request->reply_inline_bytes)) {
        return false;
    }
    if (request->reply_body != NULL &&
        !gather_add(gather, request->reply_body->data, request->reply_body->size)) {
        return false;
    }
    const struct poll_loan *loan = sent_loan(request);
    for (u32 i = 0; loan != NULL && i < loan->pieces_count; i++) {
        if (!gather_add(gather, loan->pieces[i].data, loan->pieces[i].size)) {
            return false;
        }
    }
    return true;
}

u32 reply_pieces(const struct conn *conn, struct io_piece *pieces, u32 pieces_max, u64 *bytes)
{
    struct gather gather = {.pieces = pieces, .max = pieces_max, .skip = conn->sent_bytes};
    list_for_each(node, next, &conn->requests) {
        const struct request *request = container_of(node, struct request, node);
        if (request->state != REQUEST_READY || !gather_reply(&gather, request)) {
            break;
        }
    }
    *bytes = gather.bytes;
    return gather.count;
}
