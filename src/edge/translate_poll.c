/* Messages on their way out: what the shard lent is written anew, a piece at a time.
 *
 *     loan   | batch header | frames ... | batch header | frames ... |
 *     reply  | header | prefix |  then pieces of  | message | message | ...
 *
 * A piece is written when the one before it has left the socket, so that a poll of any size takes
 * one small buffer. The length of the whole stands in the header: it follows from the sums of the
 * loan. When the last message is written the loan goes home. */
#include "base/check.h"
#include "edge/reply.h"
#include "edge/tcp.h"
#include "edge/translate.h"
#include "wire/poll.h"

#define PIECE_BYTES (1024u * 1024u)

/* When memory is short. No smaller than any message that is written in one go. */
#define PIECE_BYTES_SHORT (80u * 1024u)

static u64 messages_bytes(const struct poll_loan *loan)
{
    u64 headers_bytes = (u64)loan->batches_count * BATCH_HEADER_BYTES;
    check(loan->bytes >= headers_bytes);
    return loan->bytes - headers_bytes +
           (u64)loan->messages_count * (MESSAGE_V1_HEADER_BYTES - MESSAGE_FRAME_HEADER_BYTES);
}

static void go_on_later(struct edge *edge, struct request *request)
{
    if (!list_node_is_linked(&request->work)) {
        list_add_last(&edge->checking, &request->work);
    }
}

void translate_on_polled(struct edge *edge, struct request *request, const struct msg *reply)
{
    struct poll_loan *loan = reply->loan;
    struct poll_translation *polling = &request->polling;
    u8 prefix[POLL_REPLY_PREFIX_BYTES];
    reply_poll_prefix(loan, prefix);
    request->state = REQUEST_CHECKING; /* ours again */
    request->loan = loan;
    request->loan_from = reply->from;
    polling->pieces = loan->pieces;
    polling->pieces_count = loan->pieces_count;
    polling->piece = 0;
    polling->piece_position = 0;
    polling->in_batch = false;
    polling->left_bytes = messages_bytes(loan);
    check(polling->left_bytes + sizeof(prefix) <= UINT32_MAX);
    reply_open(request, (u32)(polling->left_bytes + sizeof(prefix)), prefix, sizeof(prefix));
    if (polling->left_bytes == 0) {
        request_return_loan(edge, request);
        reply_ready(edge, request);
        return;
    }
    go_on_later(edge, request);
}

/* ---- The walk over what was lent ---- */

/* `bytes` in a row from where the walk stands. */
static const u8 *lent(struct poll_translation *polling, u32 bytes)
{
    if (polling->piece_position == polling->pieces[polling->piece].size) {
        polling->piece++;
        polling->piece_position = 0;
    }
    check(polling->piece < polling->pieces_count);
    check(polling->pieces[polling->piece].size - polling->piece_position >= bytes);
    return polling->pieces[polling->piece].data + polling->piece_position;
}

static void begin_batch(struct poll_translation *polling)
{
    struct batch_header header;
    batch_header_decode(lent(polling, BATCH_HEADER_BYTES), &header);
    polling->piece_position += BATCH_HEADER_BYTES;
    u32 frames_bytes = (u32)header.batch_length - BATCH_HEADER_BYTES;
    messages_v1_emit_init(&polling->emit, &header, lent(polling, frames_bytes));
    polling->in_batch = true;
}

/* Writes until the room or the budget is used up, or all is written. */
static void write_messages(struct poll_translation *polling, struct writer *writer,
                           struct batch_budget *budget)
{
    u32 start = writer->position;
    while (polling->left_bytes > writer->position - start) {
        if (!polling->in_batch) {
            begin_batch(polling);
        }
        if (!messages_v1_emit_step(&polling->emit, writer, budget)) {
            break;
        }
        polling->piece_position += polling->emit.frames_bytes;
        polling->in_batch = false;
    }
    check(!writer->failed);
    polling->left_bytes -= writer->position - start;
}

/* ---- Pieces ---- */

static bool take_piece(struct edge *edge, struct request *request)
{
    if (request->reply_body == NULL) {
        u32 wanted = (u32)u64_min(request->polling.left_bytes, PIECE_BYTES);
        request->reply_body =
            buf_take_leaving(edge->core->bufs, wanted, edge->plan->finish_bytes_per_core / 2);
    }
    if (request->reply_body == NULL) {
        u32 wanted = (u32)u64_min(request->polling.left_bytes, PIECE_BYTES_SHORT);
        request->reply_body =
            buf_take_leaving(edge->core->bufs, wanted, edge->plan->finish_bytes_per_core / 4);
    }
    return request->reply_body != NULL;
}

static void give_home(struct edge *edge, struct request *request)
{
    if (request->loan != NULL) {
        request_return_loan(edge, request);
    }
    if (request->scratch != NULL) {
        buf_return(request->scratch);
        request->scratch = NULL;
        request_drop_stalled(edge, request);
    }
}

void translate_poll_step(struct edge *edge, struct request *request, struct batch_budget *budget)
{
    struct poll_translation *polling = &request->polling;
    if (!take_piece(edge, request)) {
        conn_close(edge, request->conn, "no memory for a reply");
        return;
    }
    struct buf *piece = request->reply_body;
    struct writer writer = writer_over(piece->data, u32_min(piece->capacity, PIECE_BYTES));
    writer.position = piece->size;
    write_messages(polling, &writer, budget);
    piece->size = writer.position;
    bool has_budget = budget->bytes > 0 && budget->frames > 0;
    if (polling->left_bytes > 0 && !has_budget) {
        go_on_later(edge, request);
        return;
    }
    check(piece->size > 0);
    if (polling->left_bytes == 0) {
        give_home(edge, request);
    }
    reply_ready(edge, request);
}

bool translate_poll_goes_on(struct edge *edge, struct request *request)
{
    if (request->loan == NULL && request->scratch == NULL) {
        return false;
    }
    check(request->command == COMMAND_POLL_MESSAGES);
    check(request->polling.left_bytes > 0);
    request->state = REQUEST_CHECKING;
    request->reply_inline_bytes = 0;
    request->reply_body->size = 0;
    go_on_later(edge, request);
    return true;
}

bool translate_keep_copy(struct edge *edge, struct request *request)
{
    struct poll_translation *polling = &request->polling;
    check(request->loan != NULL);
    check(request->scratch == NULL);
    struct buf *copy = tcp_take_stalled(edge, request);
    if (copy == NULL) {
        return false;
    }
    u32 position = polling->piece_position;
    for (u32 i = 0; i < polling->pieces_count; i++) {
        const struct poll_loan_piece *piece = &polling->pieces[i];
        position += i < polling->piece ? piece->size : 0;
        memcpy(copy->data + copy->size, piece->data, piece->size);
        copy->size += piece->size;
    }
    if (polling->in_batch) {
        polling->emit.frames = copy->data + position;
    }
    polling->copied = (struct poll_loan_piece){.data = copy->data, .size = copy->size};
    polling->pieces = &polling->copied;
    polling->pieces_count = 1;
    polling->piece = 0;
    polling->piece_position = position;
    request->scratch = copy;
    request_return_loan(edge, request);
    return true;
}
