/* A record, 128 bytes, little-endian:
 *
 *       0  boot           u32
 *       4  position       u32   in the segment: where the next unit goes
 *       8  sequence       u64   with boot: the highest wins
 *      16  life           u64
 *      24  stream_id      u32
 *      28  topic_id       u32
 *      32  partition_id   u32
 *      36  previous_crc   u32   control CRC of the last unit
 *      40  segment        u64   base offset of the segment
 *      48  next_offset    u64
 *      56  next_unit      u64
 *      64  next_write     u64
 *      72  bytes          u64   lengths of all batches of the life
 *      80  last_time      u64   append time of the last batch
 *      88  unit_bytes_max u32   no unit of the life is larger
 *      92  zeros
 *      96  batches        u64   how many they are: batches of the life
 *     104  zeros
 *     124  crc            u32   CRC-32C over bytes 0 to 123 */
#include "shard/ends.h"

#include "base/bug.h"
#include "base/bytes.h"
#include "base/check.h"
#include "shard/shard_inside.h"

/* The index of a segment that is written to is saved when it has learned this much. */
#define INDEX_ENTRIES_MIN 16u

#define TICK_US (500 * US_PER_MS)

/* The largest unit that this memory can read back. */
static u32 buffer_bytes_max(const struct shard *shard)
{
    return shard->plan->frame_bytes_max + 2 * SECTOR_BYTES_MAX;
}

/* A roll never lowers what a segment may hold in one write, so the active one knows. */
static u32 unit_bytes_max(const struct partition *partition)
{
    const struct segment *active = partition->log.active;
    u32 here = active == NULL ? 0 : active->header.write_bytes_max;
    /* A write may gather more than the largest frame; a unit is never larger than one. */
    here = u32_min(here, buffer_bytes_max(partition->shard));
    return u32_max(partition->unit_bytes_max, here);
}

static void encode(const struct shard *shard, const struct partition *partition, u64 sequence,
                   u8 *record)
{
    const struct log_point *point = &partition->point;
    memset(record, 0, ENDS_RECORD_BYTES);
    put_u32(record, state_boot(shard->core->state));
    put_u32(record + 4, point->position);
    put_u64(record + 8, sequence);
    put_u64(record + 16, partition->life);
    put_u32(record + 24, partition->stream_id);
    put_u32(record + 28, partition->topic_id);
    put_u32(record + 32, partition->id);
    put_u32(record + 36, point->previous_crc);
    put_u64(record + 40, point->segment_base_offset);
    put_u64(record + 48, point->next_offset);
    put_u64(record + 56, point->next_unit);
    put_u64(record + 64, point->next_write);
    put_u64(record + 72, point->bytes);
    put_u64(record + 80, point->last_time_us);
    put_u32(record + 88, unit_bytes_max(partition));
    put_u64(record + 96, point->batches);
}

struct ends_record ends_record_decode(const u8 *record)
{
    return (struct ends_record){
        .life = get_u64(record + 16),
        .stream_id = get_u32(record + 24),
        .topic_id = get_u32(record + 28),
        .partition_id = get_u32(record + 32),
        .unit_bytes_max = get_u32(record + 88),
        .point =
            {
                .position = get_u32(record + 4),
                .previous_crc = get_u32(record + 36),
                .segment_base_offset = get_u64(record + 40),
                .next_offset = get_u64(record + 48),
                .next_unit = get_u64(record + 56),
                .next_write = get_u64(record + 64),
                .bytes = get_u64(record + 72),
                .batches = get_u64(record + 96),
                .last_time_us = get_u64(record + 80),
            },
    };
}

static void on_record(struct shard *shard, const u8 *bytes)
{
    struct ends_record record = ends_record_decode(bytes);
    const struct state *state = shard->core->state;
    if (record.life > state_life_max(state) && !bug_is_on(BUG_OPEN_UNKNOWN_LIFE)) {
        shard->ends.life_unknown = u64_max(shard->ends.life_unknown, record.life);
        return;
    }
    const struct state_partition *described =
        state_partition_find(state, record.stream_id, record.topic_id, record.partition_id);
    if (described == NULL || described->life != record.life ||
        described->home != shard->core->index) {
        return;
    }
    struct partition *partition = &shard->partitions[described->slot];
    partition->unit_bytes_max = u32_max(partition->unit_bytes_max, record.unit_bytes_max);
    if (record.unit_bytes_max > buffer_bytes_max(shard)) {
        event_error(shard->core->events,
                    "ends.unit_too_large stream=%u topic=%u partition=%u bytes=%u readable=%u: "
                    "start with the --memory it was written with",
                    record.stream_id, record.topic_id, record.partition_id, record.unit_bytes_max,
                    buffer_bytes_max(shard));
        shard->ends.unit_too_large = true;
    }
    if (!partition->has_point || record.point.next_unit >= partition->point.next_unit) {
        partition->has_point = true;
        partition->point = record.point;
    }
}

static bool next_record(struct shard *shard, u64 *cursor, u8 *record)
{
    while (*cursor < shard->slots_used) {
        struct partition *partition = &shard->partitions[(*cursor)++];
        if (partition->state != PARTITION_NONE && partition->has_point) {
            encode(shard, partition, ++shard->ends.sequence, record);
            return true;
        }
    }
    return false;
}

static void on_started(struct shard *shard, enum status status)
{
    if (shard->ends.life_unknown != 0) {
        event_error(shard->core->events,
                    "ends.life_unknown life=%llu life_max=%llu: control lost its tail",
                    (unsigned long long)shard->ends.life_unknown,
                    (unsigned long long)state_life_max(shard->core->state));
        status = ERR_CORRUPT;
    }
    if (shard->ends.unit_too_large) {
        status = ERR_MEMORY;
    }
    shard_on_phase_done(shard, status == OK ? WIRE_OK : WIRE_IO_ERROR);
}

static void on_forgotten(struct shard *shard)
{
    shard_on_phase_done(shard, WIRE_OK);
}

static void on_written(struct shard *shard, u64 count, enum status status)
{
    (void)count;
    (void)status; /* failed: said by the file; recovery will begin further back */
    shard_on_partition_settled(shard);
}

static const struct record_file_user user = {
    .directory = "ends",
    .magic = ENDS_MAGIC,
    .record_bytes = ENDS_RECORD_BYTES,
    .on_record = on_record,
    .next_record = next_record,
    .on_started = on_started,
    .on_forgotten = on_forgotten,
    .on_written = on_written,
};

static u64 tick_us(const struct shard *shard)
{
    u64 flush_us = shard->settings->flush_interval_us;
    bool all_sync = shard->settings->durability == DURABILITY_SYNC || flush_us == 0;
    return all_sync ? TICK_US : u64_min(TICK_US, flush_us);
}

/* What is synced gets its record; what is not is asked to sync, and gets it then. */
static void on_tick(struct core *core, struct timer *timer)
{
    struct ends *ends = container_of(timer, struct ends, timer);
    struct shard *shard = core->shard;
    check(shard == ends->shard);
    list_for_each(node, next, &ends->dirty) {
        struct partition *partition = container_of(node, struct partition, ends_node);
        if (!log_is_synced(&partition->log)) {
            partition->log.sync_wanted = true;
            shard_wake(shard, partition);
        } else {
            ends_note(ends, partition);
            if (log_index_wants_saving(&partition->log, INDEX_ENTRIES_MIN)) {
                log_save_index(&partition->log);
            }
        }
    }
    if (!list_is_empty(&ends->dirty)) {
        timer_set(&core->timers, &ends->timer, core->time.monotonic_us + tick_us(shard));
    }
}

u64 ends_arena_bytes(void)
{
    return record_file_arena_bytes();
}

void ends_init(struct ends *ends, struct shard *shard, struct arena *arena)
{
    *ends = (struct ends){.shard = shard};
    list_init(&ends->dirty);
    timer_init(&ends->timer, on_tick);
    record_file_init(&ends->file, shard, arena, &user);
}

void ends_start(struct ends *ends)
{
    record_file_start(&ends->file, state_boot(ends->shard->core->state));
}

void ends_on_written(struct ends *ends, struct partition *partition)
{
    struct core *core = ends->shard->core;
    if (!list_node_is_linked(&partition->ends_node)) {
        list_add_last(&ends->dirty, &partition->ends_node);
    }
    if (!timer_is_set(&ends->timer)) {
        timer_set(&core->timers, &ends->timer, core->time.monotonic_us + tick_us(ends->shard));
    }
}

void ends_note(struct ends *ends, struct partition *partition)
{
    struct log *log = &partition->log;
    check(!log->stopped);
    if (record_file_has_failed(&ends->file)) {
        /* No point any more until the next start; a clean stop does not wait for one. */
        if (log_is_synced(log)) {
            list_remove(&partition->ends_node);
        }
        return;
    }
    if (!record_file_has_room(&ends->file)) {
        ends_on_written(ends, partition);
        return;
    }
    u8 record[ENDS_RECORD_BYTES];
    partition->has_point = true;
    partition->point = log->synced;
    encode(ends->shard, partition, ++ends->sequence, record);
    (void)record_file_add(&ends->file, record);
    if (log_is_synced(log)) {
        list_remove(&partition->ends_node);
    }
}

void ends_drop(struct ends *ends, struct partition *partition)
{
    (void)ends;
    list_remove(&partition->ends_node);
}

void ends_flush(struct ends *ends)
{
    record_file_flush(&ends->file);
}

bool ends_is_idle(const struct ends *ends)
{
    return record_file_is_idle(&ends->file);
}
