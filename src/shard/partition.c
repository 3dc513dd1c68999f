#include "shard/partition.h"

#include "base/bug.h"
#include "base/check.h"
#include "base/map.h"
#include "base/str.h"
#include "shard/shard_inside.h"

/* Cached runs dropped in one go. */
#define CLOSE_RUNS_BUDGET 256u

enum close_step {
    CLOSE_WAIT,
    CLOSE_RENAME,
    CLOSE_OPEN_PARENT,
    CLOSE_SYNC_PARENT,
    CLOSE_CLOSE_PARENT,
    CLOSE_DONE
};

static void close_on_io(struct core *core, struct io_op *op);

struct partition_wants partition_wants(const struct partition *partition)
{
    struct shard *shard = partition->shard;
    const struct state_topic *topic =
        state_topic_get(shard->core->state, partition->stream_id, partition->topic_id);
    struct partition_wants wants = {
        .level = (u8)shard->settings->durability,
        .segment_bytes = shard->settings->segment_bytes_default,
    };
    if (topic != NULL) {
        wants.segment_bytes = topic->options.segment_size_bytes;
        wants.preallocates = topic->options.preallocate_segments;
        if (topic->options.durability == TOPIC_DURABILITY_PERSISTED) {
            wants.level = DURABILITY_SYNC;
        }
    }
    bool gains =
        wants.level == DURABILITY_SYNC || (wants.level == DURABILITY_OS && partition->log.is_large);
    wants.direct = gains && shard->settings->direct && io_facts(shard->core->io).direct;
    return wants;
}

void partition_begin(struct partition *partition, struct shard *shard, u32 slot)
{
    *partition = (struct partition){.magic = PARTITION_MAGIC, .shard = shard, .slot = slot};
    list_node_init(&partition->ready_node);
    list_node_init(&partition->queue_node);
    list_node_init(&partition->ends_node);
    list_init(&partition->next_waiting);
    list_init(&partition->waiting);
    list_init(&partition->appends);
    list_init(&partition->late_polls);
    list_init(&partition->repeats);
    list_node_init(&partition->notice_node);
    io_op_init(&partition->op, close_on_io);
}

void partition_queue(struct partition *partition, const struct state_partition *described)
{
    struct shard *shard = partition->shard;
    check(partition->state == PARTITION_NONE);
    check(described->slot == partition->slot);
    partition_begin(partition, shard, described->slot);
    partition->state = PARTITION_QUEUED;
    partition->generation = described->generation;
    partition->purged_generation = described->generation;
    partition->stream_id = described->stream_id;
    partition->topic_id = described->topic_id;
    partition->id = described->id;
    partition->life = described->life;
    log_init(&partition->log, shard, partition);
    replica_init(&partition->replica, 0, 0);
    shard->partitions_count++;
    partition_publish(partition);
    list_add_last(&shard->opening, &partition->queue_node);
    shard_wait_for_turn(shard);
}

static u32 *leaving_count(const struct partition *partition)
{
    u64 ids = (u64)partition->stream_id << 32 | partition->topic_id;
    u64 hash = hash_u64_pair(ids, partition->id);
    return &partition->shard->leaving_counts[hash % SHARD_LEAVING_COUNTS];
}

bool partition_place_is_taken(const struct partition *partition)
{
    return *leaving_count(partition) > 0;
}

static void place_leave(struct partition *partition)
{
    if (!partition->is_leaving) {
        partition->is_leaving = true;
        ++*leaving_count(partition);
    }
}

static void place_left(struct partition *partition)
{
    check(partition->is_leaving);
    check(*leaving_count(partition) > 0);
    partition->is_leaving = false;
    --*leaving_count(partition);
}

/* ---- Open ---- */

static void answer_waiting(struct partition *partition)
{
    struct list_node *node;
    while ((node = list_pop(&partition->waiting)) != NULL) {
        partition_on_request(partition, container_of(node, struct shard_request, node));
    }
}

void partition_on_opened(struct partition *partition)
{
    struct shard *shard = partition->shard;
    check(partition->state == PARTITION_OPENING);
    struct log *log = &partition->log;
    partition->state = PARTITION_OPEN;
    log->next_unit = log->written.next_unit;
    log->next_write = log->written.next_write;
    log->previous_crc = log->written.previous_crc;
    log->next_offset = log->written.next_offset;
    log->is_large = log->active != NULL && log->active->header.direct;
    /* A kill may have come between the rename of the newest segment and the sync of its directory;
     * a recovery point in it is written only after both. */
    log->names_unsynced = !partition->has_point || log->active == NULL ||
                          partition->point.segment_base_offset != log->active->header.base_offset;
    log->removals_unsynced = true; /* or between an unlink and that sync */
    partition->time_last_us = log->written.last_time_us;
    replica_init(&partition->replica, 0, log->written.next_offset);
    partition_publish(partition);
    if (partition->close_wanted) {
        partition_close(partition, false); /* what waits came after the purge, if it was one */
    } else {
        answer_waiting(partition);
        shard_wake(shard, partition);
    }
    shard_on_partition_settled(shard);
}

u64 partition_seen_end(const struct partition *partition)
{
    bool at_once = partition->state == PARTITION_OPEN && !partition->log.stopped &&
                   partition_wants(partition).level == DURABILITY_MEMORY;
    return at_once ? partition->replica.proposed_end : partition->replica.committed_end;
}

/* Lengths of batches, and how many they are. */
struct batches_sum {
    u64 bytes;
    u64 count;
};

static void add_units(struct batches_sum *sum, const struct list *units)
{
    list_for_each(node, next, units) {
        const struct log_unit *unit = container_of(node, struct log_unit, node);
        sum->bytes += unit->head.batches_bytes;
        sum->count += unit->batches_count;
    }
}

/* Batches that readers may see, written or not. */
static struct batches_sum seen_batches(const struct partition *partition)
{
    const struct log *log = &partition->log;
    struct batches_sum sum = {.bytes = log->written.bytes, .count = log->written.batches};
    if (partition_seen_end(partition) != partition->replica.committed_end) {
        add_units(&sum, &log->gathering);
        add_units(&sum, &log->writing);
    }
    struct list_node *node = list_first(&log->segments);
    if (node != NULL) {
        const struct segment_header *first = &container_of(node, struct segment, node)->header;
        sum.bytes -= u64_min(first->bytes_before, sum.bytes);
        sum.count -= u64_min(first->batches_before, sum.count);
    }
    return sum;
}

void partition_publish(const struct partition *partition)
{
    struct partition_gauges *gauges = &partition->shard->core->gauges[partition->slot];
    const struct log *log = &partition->log;
    u64 first = log_first_offset(log);
    u64 end = partition_seen_end(partition);
    struct batches_sum batches = seen_batches(partition);
    if (gauge_get(&gauges->life) != partition->life) {
        gauge_set(&gauges->disk_bytes, 0); /* retention looks at it soon */
    }
    gauge_set(&gauges->life, partition->life);
    gauge_set(&gauges->bytes, batches.bytes);
    gauge_set(&gauges->spare_bytes,
              log->spare == SPARE_NONE ? 0 : partition_wants(partition).segment_bytes);
    gauge_set(&gauges->batches_count, batches.count);
    gauge_set(&gauges->messages_count, end > first ? end - first : 0);
    gauge_set(&gauges->segments_count, u32_max(log->segments_count, 1));
    gauge_set(&gauges->current_offset, end > 0 ? end - 1 : 0);
}

/* ---- Requests ---- */

static u32 not_found_error(const struct shard_request *request)
{
    return request->msg.kind == MSG_POLL || request->msg.kind == MSG_OFFSET_GET
               ? WIRE_PARTITION_NOT_FOUND
               : WIRE_RESOURCE_NOT_FOUND;
}

static void dispatch(struct partition *partition, struct shard_request *request)
{
    switch ((enum msg_kind)request->msg.kind) {
    case MSG_APPEND: partition_append(partition, request); break;
    case MSG_POLL: partition_poll(partition, request); break;
    case MSG_OFFSET_GET:
    case MSG_OFFSET_STORE:
    case MSG_OFFSET_DELETE: partition_offset_request(partition, request); break;
    case MSG_SEGMENTS_DELETE: partition_segments_delete(partition, request); break;
    case MSG_NOTICE:
    case MSG_LOAN_RETURN:
    case MSG_COMMAND:
    case MSG_LOGIN:
    case MSG_LOGOUT:
    case MSG_CONNECTION_CLOSED:
    case MSG_CLIENTS:
    case MSG_CONNECTION_LEAVES:
    case MSG_CONNECTION:
    case MSG_CONNECTION_TAKEN:
    case MSG_APPLY:
    case MSG_APPLIED:
    case MSG_PHASE:
    case MSG_PHASE_DONE:
    case MSG_KIND_COUNT: unreachable();
    }
}

void partition_on_request(struct partition *partition, struct shard_request *request)
{
    request->partition = partition;
    switch (partition->state) {
    case PARTITION_NONE:
    case PARTITION_CLOSING: shard_answer(request, not_found_error(request)); break;
    case PARTITION_QUEUED:
        /* Somebody waits for it: before the others. */
        list_remove(&partition->queue_node);
        list_add_first(&partition->shard->opening, &partition->queue_node);
        list_add_last(&partition->waiting, &request->node);
        break;
    case PARTITION_OPENING: list_add_last(&partition->waiting, &request->node); break;
    case PARTITION_OPEN: dispatch(partition, request); break;
    }
}

void partition_turn(struct partition *partition)
{
    switch (partition->state) {
    case PARTITION_OPEN:
        partition_append_run(partition);
        log_flush(&partition->log);
        if (partition->log.sync_wanted && list_is_empty(&partition->log.gathering)) {
            log_sync(&partition->log);
        }
        break;
    case PARTITION_CLOSING:
        log_flush(&partition->log); /* what is being encrypted is written to its end */
        partition_close_run(partition);
        break;
    case PARTITION_NONE:
    case PARTITION_QUEUED:
    case PARTITION_OPENING: break;
    }
}

/* ---- Closing ---- */

static void end_waiting(struct partition *partition, bool is_purge)
{
    struct list_node *node;
    while ((node = list_pop(&partition->waiting)) != NULL) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        if (is_purge && request->msg.kind == MSG_APPEND) {
            list_add_last(&partition->next_waiting, node);
        } else {
            shard_answer(request, not_found_error(request));
        }
    }
}

static void end_appends(struct partition *partition, bool is_purge)
{
    if (is_purge) {
        partition_pass_on_appends(partition);
        return;
    }
    partition_refuse_appends(partition, WIRE_RESOURCE_NOT_FOUND);
    log_refuse_gathered(&partition->log, WIRE_RESOURCE_NOT_FOUND);
}

void partition_refuse_next(struct partition *partition)
{
    struct list_node *node;
    while ((node = list_pop(&partition->next_waiting)) != NULL) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        shard_answer(request, not_found_error(request));
    }
}

void partition_close(struct partition *partition, bool is_purge)
{
    end_waiting(partition, is_purge);
    place_leave(partition);
    if (partition->state == PARTITION_OPENING) {
        partition->close_wanted = true;
        return;
    }
    /* Before it was looked at, only what a start found on disk is ours to move. */
    partition->owns_place = partition->state == PARTITION_QUEUED
                                ? partition->life <= partition->shard->boot_index
                                : !list_is_empty(&partition->log.segments);
    list_remove(&partition->queue_node);
    partition->state = PARTITION_CLOSING;
    partition->close_step = CLOSE_WAIT;
    end_appends(partition, is_purge);
    partition_resume_late_polls(partition);
    notice_soon(partition);
    partition_group_drop_all(partition);
    ends_drop(&partition->shard->ends, partition);
    shard_wake(partition->shard, partition);
}

void partition_close_soon(struct partition *partition)
{
    shard_wake(partition->shard, partition);
}

static bool is_quiet(const struct partition *partition)
{
    return !log_is_busy(&partition->log) && partition->polls_count == 0 &&
           partition->appends_count == 0 && partition->removals_count == 0 &&
           !notice_is_wanted(partition);
}

static void path_of(const struct partition *partition, bool parent, char path[IO_PATH_BYTES])
{
    u32 at = 0;
    (void)str_append(path, IO_PATH_BYTES, &at, "streams/%u/topics/%u/partitions",
                     partition->stream_id, partition->topic_id);
    if (!parent) {
        (void)str_append(path, IO_PATH_BYTES, &at, "/%u", partition->id);
    }
}

static void close_rename(struct partition *partition)
{
    char from[IO_PATH_BYTES];
    char to[IO_PATH_BYTES];
    path_of(partition, false, from);
    trash_path(partition->life, partition->stream_id, partition->topic_id, partition->id, to);
    io_path_rename(partition->shard->core->io, &partition->op, from, to);
}

static void close_open_parent(struct partition *partition)
{
    char path[IO_PATH_BYTES];
    path_of(partition, true, path);
    io_file_open(partition->shard->core->io, &partition->op, path,
                 IO_OPEN_READ | IO_OPEN_DIRECTORY);
}

static void close_done(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct state_partition next = partition->next;
    bool has_next = partition->has_next;
    u32 purged_generation = partition->purged_generation;
    struct list waiting;
    list_init(&waiting);
    struct list_node *node;
    while ((node = list_pop(&partition->next_waiting)) != NULL) {
        list_add_last(&waiting, node);
    }
    check(has_next || list_is_empty(&waiting));
    list_remove(&partition->ready_node);
    ends_drop(&shard->ends,
              partition); /* a write that was under way at the close has noted itself */
    check(shard->partitions_count > 0);
    shard->partitions_count--;
    place_left(partition);
    partition_begin(partition, shard, partition->slot);
    trash_empty(&shard->trash);
    if (has_next) {
        partition_queue(partition, &next);
        partition->purged_generation = purged_generation;
    }
    while ((node = list_pop(&waiting)) != NULL) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        request->msg.partition.generation = partition->generation;
        partition_on_request(partition, request);
    }
    shard_on_partition_settled(shard);
}

static void close_step_run(struct partition *partition)
{
    struct io *io = partition->shard->core->io;
    switch ((enum close_step)partition->close_step) {
    case CLOSE_WAIT: break;
    case CLOSE_RENAME: close_rename(partition); break;
    case CLOSE_OPEN_PARENT: close_open_parent(partition); break;
    case CLOSE_SYNC_PARENT: io_file_sync(io, &partition->op, partition->close_directory); break;
    case CLOSE_CLOSE_PARENT: io_file_close(io, &partition->op, partition->close_directory); break;
    case CLOSE_DONE: close_done(partition); break;
    }
}

/* Whatever fails here leaves the directory where it is: its header names a life that is over, so
 * the next life or the next start moves it away. */
static void close_on_io(struct core *core, struct io_op *op)
{
    struct partition *partition = container_of(op, struct partition, op);
    check(partition->magic == PARTITION_MAGIC);
    check(partition->state == PARTITION_CLOSING);
    if (op->status != OK && op->status != ERR_NOT_FOUND) {
        event_error(core->events, "partition.not_trashed stream=%u topic=%u partition=%u status=%s",
                    partition->stream_id, partition->topic_id, partition->id,
                    status_name(op->status));
    }
    bool failed = op->status != OK;
    switch ((enum close_step)partition->close_step) {
    case CLOSE_RENAME: partition->close_step = failed ? CLOSE_DONE : CLOSE_OPEN_PARENT; break;
    case CLOSE_OPEN_PARENT:
        partition->close_directory = op->file;
        partition->close_step = failed ? CLOSE_DONE : CLOSE_SYNC_PARENT;
        break;
    case CLOSE_SYNC_PARENT: partition->close_step = CLOSE_CLOSE_PARENT; break;
    case CLOSE_CLOSE_PARENT: partition->close_step = CLOSE_DONE; break;
    case CLOSE_WAIT:
    case CLOSE_DONE: unreachable();
    }
    close_step_run(partition);
}

void partition_close_run(struct partition *partition)
{
    struct shard *shard = partition->shard;
    if (partition->close_step != CLOSE_WAIT || !is_quiet(partition)) {
        return;
    }
    if (!cache_drop_all(&shard->cache, &partition->cached, CLOSE_RUNS_BUDGET) ||
        !dedup_drop(&shard->dedup, partition, CLOSE_RUNS_BUDGET)) {
        shard_wake(shard, partition);
        return;
    }
    while (!list_is_empty(&partition->log.segments)) {
        log_remove_segment(&partition->log, container_of(list_first(&partition->log.segments),
                                                         struct segment, node));
    }
    if (partition->log.header_buf != NULL) {
        buf_return(partition->log.header_buf);
        partition->log.header_buf = NULL;
    }
    offsets_drop(&shard->offsets, partition);
    bool moves = partition->owns_place && !bug_is_on(BUG_SERVE_PURGED_LIFE);
    partition->close_step = moves ? CLOSE_RENAME : CLOSE_DONE;
    close_step_run(partition);
}
