#include "shard/retention.h"

#include "base/bug.h"
#include "base/check.h"
#include "base/map.h"
#include "base/str.h"
#include "shard/shard_inside.h"

/* Partitions looked at in one turn; the rest of the round follows a little later. */
#define PARTITIONS_BUDGET 64u
#define NEXT_PART_US (2 * US_PER_MS)

/* A partition not written to for this long needs no spare. */
#define SPARE_IDLE_US (60 * US_PER_SECOND)

static void removal_run(struct retention *retention);

/* ---- Removing files ---- */

static struct removal *oldest_removal(struct retention *retention)
{
    check(retention->removals_count > 0);
    return &retention->removals[retention->removals_first];
}

static void unlink_file(struct retention *retention, const char *suffix)
{
    const struct removal *removal = oldest_removal(retention);
    char path[SEGMENT_PATH_BYTES];
    segment_path(&removal->partition->log, removal->base_offset, suffix, path);
    io_path_unlink(retention->shard->core->io, &retention->op, path);
}

static void spare_path(const struct partition *partition, char path[IO_PATH_BYTES])
{
    (void)str_format(path, IO_PATH_BYTES, "streams/%u/topics/%u/partitions/%u/spare",
                     partition->stream_id, partition->topic_id, partition->id);
}

static void rename_to_spare(struct retention *retention)
{
    const struct removal *removal = oldest_removal(retention);
    char from[SEGMENT_PATH_BYTES];
    char to[IO_PATH_BYTES];
    segment_path(&removal->partition->log, removal->base_offset, "log", from);
    spare_path(removal->partition, to);
    io_path_rename(retention->shard->core->io, &retention->op, from, to);
}

static void unlink_log(struct retention *retention)
{
    const struct removal *removal = oldest_removal(retention);
    if (removal->kind != REMOVAL_OF_SPARE) {
        unlink_file(retention, bug_is_on(BUG_KEEP_SEGMENTS) ? "kept" : "log");
        return;
    }
    char path[IO_PATH_BYTES];
    spare_path(removal->partition, path);
    io_path_unlink(retention->shard->core->io, &retention->op, path);
}

static void open_directory(struct retention *retention)
{
    const struct partition *partition = oldest_removal(retention)->partition;
    char path[IO_PATH_BYTES];
    (void)str_format(path, IO_PATH_BYTES, "streams/%u/topics/%u/partitions/%u",
                     partition->stream_id, partition->topic_id, partition->id);
    io_file_open(retention->shard->core->io, &retention->op, path,
                 IO_OPEN_READ | IO_OPEN_DIRECTORY);
}

/* The spare has no place in the chain: it goes whenever it can. */
static bool is_of_chain(const struct removal *removal)
{
    return removal->kind != REMOVAL_OF_SPARE;
}

static enum removal_step step_of_name(const struct removal *removal)
{
    return removal->kind == REMOVAL_INTO_SPARE ? REMOVAL_RENAME : REMOVAL_UNLINK;
}

static void removal_drop(struct retention *retention)
{
    struct partition *partition = oldest_removal(retention)->partition;
    check(partition->removals_count > 0);
    if (oldest_removal(retention)->kind == REMOVAL_INTO_SPARE) {
        partition->log.spare = retention->renamed ? SPARE_THERE : SPARE_NONE;
        partition_publish(partition);
    }
    partition->removals_count--;
    retention->removals_first = (retention->removals_first + 1) % RETENTION_REMOVALS_MAX;
    retention->removals_count--;
    if (partition->state == PARTITION_CLOSING) {
        partition_close_soon(partition);
    }
}

/* Passes over what must stay, since a file before it stayed. */
static void removal_begin(struct retention *retention)
{
    retention->step = REMOVAL_IDLE;
    while (retention->removals_count > 0) {
        const struct removal *removal = oldest_removal(retention);
        retention->renamed = false;
        if (!is_of_chain(removal) || !removal->partition->log.removals_stopped) {
            retention->step = REMOVAL_OPEN_DIRECTORY;
            removal_run(retention);
            return;
        }
        removal_drop(retention);
    }
}

static void removal_done(struct retention *retention)
{
    removal_drop(retention);
    removal_begin(retention);
}

static void removal_run(struct retention *retention)
{
    struct io *io = retention->shard->core->io;
    switch (retention->step) {
    case REMOVAL_IDLE: break;
    case REMOVAL_OPEN_DIRECTORY: open_directory(retention); break;
    case REMOVAL_RENAME: rename_to_spare(retention); break;
    case REMOVAL_UNLINK: unlink_log(retention); break;
    case REMOVAL_UNLINK_INDEX: unlink_file(retention, "index"); break;
    case REMOVAL_SYNC_EARLIER:
    case REMOVAL_SYNC_DIRECTORY: io_file_sync(io, &retention->op, retention->directory); break;
    case REMOVAL_CLOSE_DIRECTORY: io_file_close(io, &retention->op, retention->directory); break;
    }
}

/* If those behind it went, the chain would have a gap where this file comes back. */
static void removal_stop(struct retention *retention)
{
    const struct removal *removal = oldest_removal(retention);
    struct partition *partition = removal->partition;
    if (is_of_chain(removal)) {
        partition->log.removals_stopped = true;
        event_error(retention->shard->core->events,
                    "partition.keeps_segments stream=%u topic=%u partition=%u base_offset=%llu "
                    "status=%s: none goes until the server is started again",
                    partition->stream_id, partition->topic_id, partition->id,
                    (unsigned long long)removal->base_offset, status_name(retention->op.status));
    }
}

static enum removal_step step_when_opened(struct retention *retention)
{
    const struct removal *removal = oldest_removal(retention);
    retention->directory = retention->op.file;
    return is_of_chain(removal) && removal->partition->log.removals_unsynced
               ? REMOVAL_SYNC_EARLIER
               : step_of_name(removal);
}

/* What follows the step that is over: one that `failed` may leave the file where it was. */
static enum removal_step step_after(struct retention *retention, bool failed)
{
    const struct removal *removal = oldest_removal(retention);
    struct log *log = &removal->partition->log;
    switch (retention->step) {
    case REMOVAL_OPEN_DIRECTORY: return step_when_opened(retention);
    case REMOVAL_SYNC_EARLIER:
        if (failed) {
            removal_stop(retention);
            return REMOVAL_CLOSE_DIRECTORY;
        }
        log->removals_unsynced = false;
        return step_of_name(removal);
    case REMOVAL_RENAME:
        retention->renamed = retention->op.status == OK;
        log->removals_unsynced = true;
        return retention->renamed ? REMOVAL_UNLINK_INDEX : REMOVAL_UNLINK;
    case REMOVAL_UNLINK:
        log->removals_unsynced = true;
        if (failed) {
            removal_stop(retention);
            return REMOVAL_CLOSE_DIRECTORY;
        }
        return REMOVAL_UNLINK_INDEX;
    case REMOVAL_UNLINK_INDEX: return REMOVAL_SYNC_DIRECTORY;
    case REMOVAL_SYNC_DIRECTORY:
        log->removals_unsynced = log->removals_unsynced && failed;
        return REMOVAL_CLOSE_DIRECTORY;
    case REMOVAL_CLOSE_DIRECTORY:
    case REMOVAL_IDLE: break;
    }
    unreachable();
}

/* A file that cannot be removed comes back at the next start, and goes then. */
static void removal_on_io(struct core *core, struct io_op *op)
{
    struct retention *retention = container_of(op, struct retention, op);
    bool failed = op->status != OK && op->status != ERR_NOT_FOUND;
    if (failed) {
        event_warn(core->events, "segment.not_removed base_offset=%llu status=%s",
                   (unsigned long long)oldest_removal(retention)->base_offset,
                   status_name(op->status));
    }
    if (retention->step == REMOVAL_CLOSE_DIRECTORY) {
        removal_done(retention);
    } else if (retention->step == REMOVAL_OPEN_DIRECTORY && op->status != OK) {
        removal_stop(retention);
        removal_done(retention);
    } else {
        retention->step = step_after(retention, failed);
        removal_run(retention);
    }
}

static void removal_add(struct retention *retention, const struct removal *removal)
{
    u32 place = (retention->removals_first + retention->removals_count) % RETENTION_REMOVALS_MAX;
    check(retention->removals_count < RETENTION_REMOVALS_MAX);
    retention->removals[place] = *removal;
    retention->removals_count++;
    removal->partition->removals_count++;
    if (retention->step == REMOVAL_IDLE) {
        removal_begin(retention);
    }
}

/* Worth keeping for its space? Only when nobody reads it, and one is enough. */
static bool becomes_spare(struct retention *retention, const struct segment *segment)
{
    const struct log *log = segment->log;
    return log->spare == SPARE_NONE && segment->readers == 0 && log->active != NULL &&
           log->active->header.level == DURABILITY_SYNC &&
           segment->header.level == DURABILITY_SYNC &&
           segment->header.direct == log->active->header.direct &&
           retention->shard->core->time.monotonic_us - log->written_at_us < SPARE_IDLE_US &&
           disk_has_room(&retention->shard->disk, log->active->header.write_bytes_max);
}

static void remove_segment(struct retention *retention, struct segment *segment)
{
    struct partition *partition = segment->log->partition;
    struct removal removal = {.partition = partition, .base_offset = segment->header.base_offset};
    if (becomes_spare(retention, segment)) {
        removal.kind = REMOVAL_INTO_SPARE;
        partition->log.spare = SPARE_COMING;
    }
    counter_add(retention->shard->core->counters, COUNTER_segments_deleted, 1);
    log_remove_segment(&partition->log, segment);
    partition_publish(partition);
    removal_add(retention, &removal);
}

static void remove_idle_spare(struct retention *retention, struct partition *partition)
{
    struct log *log = &partition->log;
    u64 now_us = retention->shard->core->time.monotonic_us;
    bool is_idle = now_us - log->written_at_us >= SPARE_IDLE_US;
    if (log->spare != SPARE_THERE || log_is_busy(log) ||
        retention->removals_count == RETENTION_REMOVALS_MAX ||
        (!is_idle && disk_has_room(&retention->shard->disk, LOG_WRITE_BYTES_MAX))) {
        return;
    }
    log->spare = SPARE_NONE;
    partition_publish(partition);
    removal_add(retention, &(struct removal){.partition = partition, .kind = REMOVAL_OF_SPARE});
}

/* ---- What may go ---- */

/* The oldest segment, if it is sealed and nobody has something left in it. */
static struct segment *removable(struct partition *partition)
{
    struct shard *shard = partition->shard;
    const struct log *log = &partition->log;
    struct list_node *node = list_first(&log->segments);
    if (node == NULL || partition->read_only || partition->state != PARTITION_OPEN ||
        log->removals_stopped || shard->retention.removals_count == RETENTION_REMOVALS_MAX) {
        return NULL;
    }
    struct segment *segment = container_of(node, struct segment, node);
    if (segment == log->active || log_is_busy(log)) {
        return NULL;
    }
    u64 now_us = shard->core->time.wall_us;
    u64 hold_us = shard->settings->offset_hold_us_max;
    u64 lowest =
        offsets_lowest(&shard->offsets, partition, now_us > hold_us ? now_us - hold_us : 0);
    bool is_held = lowest != UINT64_MAX && lowest + 1 < segment->end_offset;
    return is_held && !bug_is_on(BUG_FORGET_READERS) ? NULL : segment;
}

u32 retention_remove_oldest(struct partition *partition, u32 count)
{
    u32 removed = 0;
    struct segment *segment;
    while (removed < count && (segment = removable(partition)) != NULL) {
        remove_segment(&partition->shard->retention, segment);
        removed++;
    }
    return removed;
}

/* Of its body: the count, told from a hash of a send. The partition is compared besides. */
static struct sent_send deletion_of(const struct shard_request *request)
{
    const struct msg *msg = &request->msg;
    u64 hash = hash_u64_pair(MSG_SEGMENTS_DELETE, msg->segments.count);
    return (struct sent_send){
        .sender = {.client = msg->client, .request = msg->segments.number},
        .hash = u64_max(hash, 1),
        .partition = msg->partition,
    };
}

void partition_segments_delete(struct partition *partition, struct shard_request *request)
{
    struct shard *shard = partition->shard;
    struct sent_send deletion = deletion_of(request);
    bool has_number = request->msg.segments.number != 0;
    u64 unused = 0;
    if (has_number && sent_find(&shard->sent, &deletion, &unused)) {
        counter_add(shard->core->counters, COUNTER_deletions_repeated, 1);
        shard_answer(request, WIRE_OK);
        return;
    }
    (void)retention_remove_oldest(partition, request->msg.segments.count);
    if (has_number) {
        sent_note(&shard->sent, &deletion, 0);
    }
    shard_answer(request, WIRE_OK);
}

static bool has_expired(const struct partition *partition, const struct segment *segment,
                        u64 expiry_us)
{
    u64 now_us = partition->shard->core->time.wall_us;
    u64 time_us = segment->end_time_us;
    if (bug_is_on(BUG_EXPIRE_EARLY)) {
        time_us = u64_min(time_us, segment->header.created_at_us);
    }
    return segment->end_offset > segment->header.base_offset && now_us > expiry_us &&
           time_us <= now_us - expiry_us;
}

static void remove_expired(struct partition *partition, u64 expiry_us)
{
    struct list_node *node;
    while ((node = list_first(&partition->log.segments)) != NULL) {
        struct segment *segment = container_of(node, struct segment, node);
        if (!has_expired(partition, segment, expiry_us)) {
            return;
        }
        if (segment == partition->log.active) {
            /* All of it is over: an empty one follows, and then it may go like the others. */
            log_roll_soon(&partition->log);
            return;
        }
        if (retention_remove_oldest(partition, 1) == 0) {
            return;
        }
    }
}

/* What a file takes: units begin at sectors, and zeros lie ahead of the tail. Of one that was
 * sealed before the start only the units and the bytes in them are known: it took at least so much,
 * and nothing is deleted for a guess that is too high. */
static u64 file_bytes(const struct segment *segment, const struct segment *following)
{
    if (segment->tail != UINT32_MAX) {
        return u32_max(segment->tail, segment->ahead_end);
    }
    const struct segment_header *header = &segment->header;
    u64 batches_bytes = segment->end_bytes - u64_min(header->bytes_before, segment->end_bytes);
    if (following == NULL || following->header.first_unit <= header->first_unit) {
        return batches_bytes;
    }
    u64 units = following->header.first_unit - header->first_unit;
    u64 least_bytes = units * header->sector_bytes;
    return SEGMENT_HEADER_BYTES + u64_max(least_bytes, units * UNIT_CONTROL_BYTES + batches_bytes);
}

static void publish_disk_bytes(const struct partition *partition)
{
    u64 bytes = 0;
    list_for_each(node, next, &partition->log.segments) {
        bool is_last = next == &partition->log.segments.head;
        bytes += file_bytes(container_of(node, struct segment, node),
                            is_last ? NULL : container_of(next, struct segment, node));
    }
    gauge_set(&partition->shard->core->gauges[partition->slot].disk_bytes, bytes);
}

/* What a partition takes: its segments, and the file that it keeps for its space. */
static u64 bytes_taken(const struct partition_gauges *gauges)
{
    return gauge_get(&gauges->disk_bytes) + gauge_get(&gauges->spare_bytes);
}

/* Bytes of all partitions of the topic, as their owners published them. */
static u64 topic_bytes(const struct shard *shard, const struct state_topic *topic)
{
    u64 bytes = 0;
    for (u32 id = 0; id < topic->partitions_count; id++) {
        const struct state_partition *described =
            state_partition_find(shard->core->state, topic->stream_id, topic->id, id);
        if (described != NULL) {
            const struct partition_gauges *gauges = &shard->core->gauges[described->slot];
            bytes += gauge_get(&gauges->life) == described->life ? bytes_taken(gauges) : 0;
        }
    }
    return bytes;
}

static u64 bytes_of(const struct partition *partition)
{
    return bytes_taken(&partition->shard->core->gauges[partition->slot]);
}

/* Each partition keeps its share: the fullest ones give, and somebody always can. */
static void remove_oversize(struct partition *partition, const struct state_topic *topic)
{
    u64 limit = topic->options.max_topic_size_bytes / 10 * 9;
    u64 share = limit / u32_max(topic->partitions_count, 1);
    while (bytes_of(partition) >= share && topic_bytes(partition->shard, topic) >= limit &&
           retention_remove_oldest(partition, 1) > 0) {
        publish_disk_bytes(partition);
    }
}

static void look_at(struct partition *partition)
{
    struct shard *shard = partition->shard;
    const struct state_topic *topic =
        state_topic_get(shard->core->state, partition->stream_id, partition->topic_id);
    if (topic == NULL || partition->state != PARTITION_OPEN || partition->read_only) {
        return;
    }
    remove_idle_spare(&shard->retention, partition);
    publish_disk_bytes(partition);
    if (topic->options.message_expiry_us != UINT64_MAX) {
        remove_expired(partition, topic->options.message_expiry_us);
        publish_disk_bytes(partition);
    }
    if (topic->options.max_topic_size_bytes != UINT64_MAX && !bug_is_on(BUG_IGNORE_SIZE)) {
        remove_oversize(partition, topic);
    }
}

static void on_timer(struct core *core, struct timer *timer)
{
    struct retention *retention = container_of(timer, struct retention, timer);
    struct shard *shard = retention->shard;
    u32 budget = PARTITIONS_BUDGET;
    while (retention->slot < shard->plan->partitions_max && budget > 0) {
        struct partition *partition = &shard->partitions[retention->slot++];
        if (partition->state != PARTITION_NONE) {
            look_at(partition);
            budget--;
        }
        if (retention->slot >= shard->slots_used) {
            retention->slot = shard->plan->partitions_max;
        }
    }
    u64 wait_us = NEXT_PART_US;
    if (retention->slot >= shard->plan->partitions_max) {
        retention->slot = 0;
        wait_us = shard->settings->retention_interval_us;
    }
    timer_set(&core->timers, timer, core->time.monotonic_us + wait_us);
}

void retention_init(struct retention *retention, struct shard *shard)
{
    *retention = (struct retention){.shard = shard, .directory = IO_FILE_NONE};
    timer_init(&retention->timer, on_timer);
    io_op_init(&retention->op, removal_on_io);
}

void retention_start(struct retention *retention)
{
    const struct shard *shard = retention->shard;
    if (shard->settings->retention_interval_us > 0) {
        timer_set(&shard->core->timers, &retention->timer,
                  shard->core->time.monotonic_us + shard->settings->retention_interval_us);
    }
}
