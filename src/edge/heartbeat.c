#include "edge/heartbeat.h"

#include "base/check.h"
#include "edge/reply.h"

void heartbeat_on_ping(struct edge *edge, struct conn *conn)
{
    if (conn->pings_count < HEARTBEAT_PINGS_MIN) {
        conn->pings_count++;
    }
    heartbeat_watch(edge, conn);
}

u64 heartbeat_deadline_us(const struct edge *edge, const struct conn *conn)
{
    u64 silence_us = edge->settings->heartbeat_us;
    bool expected = silence_us > 0 && conn->logged_in && conn->pings_count == HEARTBEAT_PINGS_MIN;
    if (!expected) {
        return UINT64_MAX;
    }
    u64 since_us = conn->requests_count > 0 ? edge->core->time.monotonic_us : conn->heard_us;
    return since_us + silence_us;
}

void heartbeat_watch(struct edge *edge, struct conn *conn)
{
    u64 deadline_us = heartbeat_deadline_us(edge, conn);
    if (deadline_us != UINT64_MAX) {
        conn_watch(edge, conn, deadline_us);
    }
}

void heartbeat_missed(struct edge *edge, struct conn *conn)
{
    check(conn->state == CONN_OPEN);
    check(conn->requests_count == 0);
    struct request_header header = {.client = conn->client, .size = FRAME_HEADER_BYTES};
    struct request *request =
        conn->speaks == FRAME_GENERATION_2 ? request_take(edge, conn, &header) : NULL;
    counter_add(edge->core->counters, COUNTER_heartbeats_missed, 1);
    core_note(edge->core, "heartbeats missed", conn->client_number, conn->session);
    conn->was_silent = true;
    if (request == NULL) {
        conn_close(edge, conn, "heartbeats missed");
        return;
    }
    conn->ends = true; /* once this is sent */
    reply_eviction(edge, request, EVICTION_STALE_CLIENT);
}
