#include "edge/diagnostics.h"

#include <string.h>

#include "base/check.h"
#include "edge/reply.h"
#include "wire/snapshot_request.h"

#define ARCHIVE_BYTES (1024u * 1024u)

/* The request it was made for; NULL when its connection went meanwhile. */
static struct request *asked_by(struct edge *edge)
{
    struct request *request = &edge->requests[edge->archive_for.slot];
    bool is_there =
        request->generation == edge->archive_for.generation && request->state != REQUEST_FREE;
    return is_there ? request : NULL;
}

static void on_archive(struct core *core, struct offload_job *job)
{
    struct edge *edge = container_of(job, struct edge, archive_job);
    check(edge->magic == EDGE_MAGIC);
    (void)core;
    struct buf *buf = edge->archive_buf;
    edge->archive_buf = NULL;
    struct request *request = asked_by(edge);
    if (request == NULL) {
        buf_return(buf);
    } else if (job->status != OK) {
        buf_return(buf);
        reply_status(edge, request, WIRE_SNAPSHOT_FAILED);
    } else {
        check(edge->archive.size <= buf->capacity);
        buf->size = edge->archive.size;
        reply_buf(edge, request, buf);
    }
}

/* "All" is everything but the test. */
static void choose_parts(struct archive *archive, struct span types)
{
    static const u8 all[] = {SNAPSHOT_FILESYSTEM_OVERVIEW, SNAPSHOT_PROCESS_LIST,
                             SNAPSHOT_RESOURCE_USAGE, SNAPSHOT_SERVER_LOGS, SNAPSHOT_SERVER_CONFIG};
    if (types.size == 1 && types.data[0] == SNAPSHOT_ALL) {
        types = (struct span){all, sizeof(all)};
    }
    for (u32 i = 0; i < types.size; i++) {
        bool is_there = memchr(archive->parts, types.data[i], archive->parts_count) != NULL;
        if (!is_there) {
            check(archive->parts_count < ARCHIVE_PARTS_MAX);
            archive->parts[archive->parts_count++] = types.data[i];
        }
    }
}

/* Many cores in little memory have no buffers that large. */
static u32 archive_bytes(const struct edge *edge)
{
    return u32_min(ARCHIVE_BYTES, edge->plan->frame_bytes_max);
}

void diagnostics_run(struct edge *edge, struct request *request, struct span body)
{
    struct core *core = edge->core;
    struct snapshot_request wanted;
    enum wire_error error = snapshot_request_decode(body, &wanted);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    if (edge->archive_buf != NULL || !offload_has_room(core->offload, core->index) ||
        (edge->archive_buf = buf_take(core->bufs, archive_bytes(edge))) == NULL) {
        reply_status(edge, request, WIRE_TASK_TIMEOUT);
        return;
    }
    edge->archive = (struct archive){.data = edge->archive_buf->data,
                                     .capacity = edge->archive_buf->capacity,
                                     .wall_us = core->time.wall_us,
                                     .method = wanted.compression};
    choose_parts(&edge->archive, wanted.types);
    edge->archive_for =
        (struct msg_token){.slot = request->slot, .generation = request->generation};
    edge->archive_job = (struct offload_job){
        .done = on_archive, .kind = OFFLOAD_ARCHIVE, .archive = &edge->archive};
    list_node_init(&edge->archive_job.node);
    offload_submit(core->offload, core->index, &edge->archive_job);
    request_offload(edge, request);
}
