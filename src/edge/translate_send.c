/* Messages on their way in: they are looked at while they arrive, and rewritten into a batch.
 *
 *     body   | gap 256 | room 256 | metadata | index | messages |
 *     then   | gap 256 | batch header | frames ...                     in the same memory
 *
 * The payload is received behind room for a batch header, so that the batch, which is shorter, can
 * be written over it: what is written never overtakes what is read. Only when origin times lie too
 * far apart for one batch are there several, each in a buffer of its own, one after the other. */
#include "base/check.h"
#include "edge/reply.h"
#include "edge/route.h"
#include "edge/translate.h"
#include "wire/frame_v1.h"

#define PAYLOAD_POSITION (2 * BATCH_HEADER_BYTES)

/* Messages of one batch where a send becomes several: finding its end is not cut into steps. */
#define SPLIT_MESSAGES_MAX 2000u

enum send_step { SEND_PREFIX, SEND_CHECK, SEND_ROUTE, SEND_REWRITE, SEND_REFUSED };

enum verdict translate_begin_send(struct edge *edge, struct conn *conn, u32 payload_bytes)
{
    struct buf *body = tcp_take_batch_body(edge, conn, BATCH_HEADER_BYTES + payload_bytes);
    if (body == NULL) {
        return VERDICT_WAIT;
    }
    struct request *request = translate_take_request(edge, conn, COMMAND_SEND_MESSAGES);
    if (request == NULL) {
        buf_return(body);
        return VERDICT_WAIT;
    }
    inline_take(conn, FRAME_V1_HEADER_BYTES);
    u32 here = u32_min(payload_bytes, inline_left(conn));
    memcpy(body->data + PAYLOAD_POSITION, inline_data(conn), here);
    inline_take(conn, here);
    request->body = body;
    request->body_position = PAYLOAD_POSITION;
    request->body_bytes = PAYLOAD_POSITION + payload_bytes;
    request->body_filled = PAYLOAD_POSITION + here;
    request->sending.step = SEND_PREFIX;
    request->sending.error = WIRE_OK;
    request->sending.messages_done = 0;
    request->sending.messages_done_bytes = 0;
    conn->receiving = request;
    return VERDICT_BEGUN;
}

static bool is_whole(const struct request *request)
{
    return request->body_filled == request->body_bytes;
}

/* What of the payload is here. */
static struct span payload_here(const struct request *request)
{
    return (struct span){request->body->data + PAYLOAD_POSITION,
                         request->body_filled - PAYLOAD_POSITION};
}

static void go_on_later(struct edge *edge, struct request *request)
{
    if (!list_node_is_linked(&request->work)) {
        list_add_last(&edge->checking, &request->work);
    }
}

static void refuse_when_whole(struct request *request, enum wire_error error)
{
    request->sending.step = SEND_REFUSED;
    request->sending.error = error;
}

/* ---- Steps: true when the next one may be taken at once ---- */

static bool step_prefix(struct request *request)
{
    struct span here = payload_here(request);
    if (!is_whole(request) && here.size < send_v1_prefix_bytes(here)) {
        return false;
    }
    u32 payload_bytes = request->body_bytes - PAYLOAD_POSITION;
    struct send_translation *sending = &request->sending;
    enum wire_error error = send_v1_decode(here, payload_bytes, &sending->send);
    if (error != WIRE_OK) {
        refuse_when_whole(request, error);
        return true;
    }
    messages_v1_check_init(&sending->check, here.data, &sending->send);
    sending->step = SEND_CHECK;
    return true;
}

static bool step_check(struct edge *edge, struct request *request, struct batch_budget *budget)
{
    struct send_translation *sending = &request->sending;
    u32 here = payload_here(request).size;
    if (here < sending->send.messages_position) {
        return false;
    }
    switch (
        messages_v1_check_step(&sending->check, here - sending->send.messages_position, budget)) {
    case BATCH_CHECK_WAITING: return false;
    case BATCH_CHECK_PAUSED: go_on_later(edge, request); return false;
    case BATCH_CHECK_GOOD: sending->step = SEND_ROUTE; return true;
    case BATCH_CHECK_BAD: refuse_when_whole(request, sending->check.error); return true;
    }
    unreachable();
}

/* The messages that no batch has taken yet. */
static const u8 *messages_left(const struct request *request)
{
    const struct send_translation *sending = &request->sending;
    return request->body->data + PAYLOAD_POSITION + sending->send.messages_position +
           sending->messages_done_bytes;
}

/* A batch of its own for the next run. False: no memory for it. */
static bool begin_part(struct edge *edge, struct request *request)
{
    struct send_translation *sending = &request->sending;
    struct messages_v1_run run;
    messages_v1_first_run(messages_left(request),
                          sending->send.messages_bytes - sending->messages_done_bytes,
                          SPLIT_MESSAGES_MAX, &run);
    request->scratch = tcp_take_body(edge, tcp_batch_buffer_bytes(messages_v1_batch_bytes(&run)));
    if (request->scratch == NULL) {
        return false;
    }
    batch_v1_rewrite_init(&sending->rewrite, request->scratch->data + BATCH_HEADER_BYTES,
                          messages_left(request), &run);
    sending->step = SEND_REWRITE;
    return true;
}

static bool step_route(struct edge *edge, struct request *request)
{
    if (!is_whole(request)) {
        return false;
    }
    struct send_translation *sending = &request->sending;
    enum wire_error error = route_send_v1(edge, request, &sending->send.to);
    if (error != WIRE_OK) {
        refuse_when_whole(request, error);
        return true;
    }
    struct messages_v1_run run;
    sending->is_split = !messages_v1_whole_run(&sending->check, &run);
    if (!sending->is_split) {
        batch_v1_rewrite_init(&sending->rewrite, request->body->data + BATCH_HEADER_BYTES,
                              messages_left(request), &run);
        sending->step = SEND_REWRITE;
    } else if (!begin_part(edge, request)) {
        refuse_when_whole(request, WIRE_CANNOT_APPEND_MESSAGE);
    }
    return true;
}

static void step_rewrite(struct edge *edge, struct request *request, struct batch_budget *budget)
{
    struct batch_v1_rewrite *rewrite = &request->sending.rewrite;
    if (!batch_v1_rewrite_step(rewrite, &edge->core->prng, budget)) {
        go_on_later(edge, request);
        return;
    }
    struct buf *buf = request->sending.is_split ? request->scratch : request->body;
    tcp_append(edge, request, buf, messages_v1_batch_bytes(&rewrite->run));
}

void translate_send_step(struct edge *edge, struct request *request, struct batch_budget *budget)
{
    for (bool goes_on = true; goes_on;) {
        switch ((enum send_step)request->sending.step) {
        case SEND_PREFIX: goes_on = step_prefix(request); break;
        case SEND_CHECK: goes_on = step_check(edge, request, budget); break;
        case SEND_ROUTE: goes_on = step_route(edge, request); break;
        case SEND_REWRITE: step_rewrite(edge, request, budget); return;
        case SEND_REFUSED:
            /* The kernel may be writing into the body: the rest arrives there first. */
            if (is_whole(request)) {
                reply_status(edge, request, request->sending.error);
            }
            return;
        }
    }
}

/* With a part of its messages stored, neither success nor an error would be true. */
static void answer_failure(struct edge *edge, struct request *request, enum wire_error error)
{
    if (request->sending.messages_done > 0) {
        conn_close(edge, request->conn, "only a part of a send was stored");
        return;
    }
    reply_status(edge, request, error);
}

void translate_on_appended(struct edge *edge, struct request *request, enum wire_error error)
{
    struct send_translation *sending = &request->sending;
    request->state = REQUEST_CHECKING; /* ours again */
    if (request->scratch != NULL) {
        buf_return(request->scratch);
        request->scratch = NULL;
    }
    if (error != WIRE_OK) {
        answer_failure(edge, request, error);
        return;
    }
    sending->messages_done += sending->rewrite.run.messages_count;
    sending->messages_done_bytes += sending->rewrite.run.messages_bytes;
    if (sending->messages_done == sending->send.to.messages_count) {
        reply_status(edge, request, WIRE_OK);
        return;
    }
    check(sending->is_split);
    if (!begin_part(edge, request)) {
        answer_failure(edge, request, WIRE_CANNOT_APPEND_MESSAGE);
        return;
    }
    go_on_later(edge, request);
}
