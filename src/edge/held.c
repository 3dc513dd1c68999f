#include "edge/held.h"

#include "base/check.h"
#include "edge/reply.h"
#include "wire/poll.h"

static struct list *list_for(struct edge *edge, struct partition_handle partition)
{
    static_assert((EDGE_HELD_LISTS & (EDGE_HELD_LISTS - 1)) == 0, "a power of two");
    return &edge->held[partition.slot & (EDGE_HELD_LISTS - 1)];
}

void held_init(struct edge *edge)
{
    edge->held_max = edge->requests_count / 2;
    for (u32 i = 0; i < EDGE_HELD_LISTS; i++) {
        list_init(&edge->held[i]);
    }
}

void held_forget(struct edge *edge, struct request *request)
{
    if (request->state == REQUEST_HELD && list_node_is_linked(&request->work)) {
        check(edge->held_count > 0);
        edge->held_count--;
        list_remove(&request->work);
    }
}

void held_answer_empty(struct edge *edge, struct request *request)
{
    u8 prefix[POLL_REPLY_PREFIX_BYTES];
    struct writer writer = writer_over(prefix, sizeof(prefix));
    poll_reply_prefix_encode(&(struct poll_reply_prefix){.partition_id = request->partition_id,
                                                         .current_offset = request->current_offset},
                             &writer);
    check(!writer.failed);
    held_forget(edge, request);
    reply_small(edge, request, prefix, writer.position);
}

void held_add(struct edge *edge, struct request *request, u64 current_offset)
{
    struct conn *conn = request->conn;
    check(conn != NULL);
    check(!list_node_is_linked(&request->work));
    request->state = REQUEST_HELD;
    request->current_offset = current_offset;
    if (edge->draining || conn->state != CONN_OPEN || !conn->logged_in ||
        edge->held_count >= edge->held_max ||
        request->wait_until_us <= edge->core->time.monotonic_us) {
        held_answer_empty(edge, request);
        return;
    }
    list_add_last(list_for(edge, request->msg.partition), &request->work);
    edge->held_count++;
    counter_add(edge->core->counters, COUNTER_polls_held, 1);
    conn_watch(edge, conn, request->wait_until_us);
    conn_advance(edge, conn); /* what came meanwhile ends it */
}

/* Those that have their answers stand before it already, so what is being sent stays first. */
void held_pass(struct request *request)
{
    check(request->conn != NULL);
    check(request->state == REQUEST_READY);
    list_for_each(node, next, &request->conn->requests) {
        const struct request *other = container_of(node, struct request, node);
        if (other == request) {
            return;
        }
        if (other->state != REQUEST_READY) {
            check(other->command == request->command);
            list_remove(&request->node);
            list_insert_before(node, &request->node);
            return;
        }
    }
}

void held_end(struct edge *edge, struct conn *conn)
{
    list_for_each(node, next, &conn->requests) {
        struct request *request = container_of(node, struct request, node);
        check(request->magic == REQUEST_MAGIC);
        if (request->state == REQUEST_HELD) {
            held_answer_empty(edge, request);
        }
    }
}

void held_on_notice(struct edge *edge, const struct msg *notice)
{
    list_for_each(node, next, list_for(edge, notice->partition)) {
        struct request *request = container_of(node, struct request, work);
        check(request->magic == REQUEST_MAGIC);
        check(request->state == REQUEST_HELD);
        if (request->msg.partition.slot != notice->partition.slot ||
            request->msg.partition.generation != notice->partition.generation) {
            continue;
        }
        if (notice->notice.closes != 0) {
            held_answer_empty(edge, request);
            continue;
        }
        held_forget(edge, request);
        request_ask(edge, request, request->msg.to);
    }
}
