/* A record, 64 bytes, little-endian:
 *
 *       0  boot        u32   with sequence: the highest wins, whatever the file
 *       4  kind        u8    1 number, 2 hash of a name, 3 group
 *       5  deleted     u8    1: nothing is stored any more
 *       6  zeros       u16
 *       8  sequence    u64
 *      16  life        u64
 *      24  stream_id   u32
 *      28  topic_id    u32
 *      32  partition   u32
 *      36  consumer    u32
 *      40  offset      u64
 *      48  stored_at   u64   microseconds since 1970
 *      56  zeros       u32
 *      60  crc         u32   CRC-32C over bytes 0 to 59 */
#include "shard/offsets.h"

#include "base/bug.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/map.h"
#include "shard/shard_inside.h"

static u32 bucket_of(const struct offsets *offsets, u32 slot, u8 kind, u32 consumer)
{
    u64 hash = hash_u64_pair((u64)slot << 8 | kind, consumer);
    return (u32)hash & (offsets->buckets_count - 1);
}

static struct stored_offset *entry_at(const struct offsets *offsets, u32 index)
{
    check(index != OFFSET_NONE);
    check(index <= offsets->used_count);
    return &offsets->entries[index];
}

static struct stored_offset *find(const struct offsets *offsets, u32 slot, struct offset_key key)
{
    u32 index = offsets->buckets[bucket_of(offsets, slot, key.kind, key.consumer)];
    while (index != OFFSET_NONE) {
        struct stored_offset *entry = entry_at(offsets, index);
        if (entry->slot == slot && entry->kind == key.kind && entry->consumer == key.consumer) {
            return entry;
        }
        index = entry->next_in_bucket;
    }
    return NULL;
}

static struct stored_offset *add(struct offsets *offsets, struct partition *partition,
                                 struct offset_key key)
{
    u32 index = offsets->free_first;
    if (index != OFFSET_NONE) {
        offsets->free_first = offsets->entries[index].next_in_bucket;
    } else if (offsets->used_count < offsets->entries_max) {
        index = ++offsets->used_count;
    } else {
        return NULL;
    }
    u32 *bucket = &offsets->buckets[bucket_of(offsets, partition->slot, key.kind, key.consumer)];
    struct stored_offset *entry = entry_at(offsets, index);
    *entry = (struct stored_offset){
        .next_in_bucket = *bucket,
        .next_in_partition = partition->offsets_first,
        .slot = partition->slot,
        .consumer = key.consumer,
        .kind = key.kind,
    };
    *bucket = index;
    partition->offsets_first = index;
    partition->offsets_count++;
    offsets->count++;
    return entry;
}

static void unlink_entry(struct offsets *offsets, struct partition *partition, u32 index)
{
    struct stored_offset *entry = entry_at(offsets, index);
    u32 *at = &offsets->buckets[bucket_of(offsets, entry->slot, entry->kind, entry->consumer)];
    while (*at != index) {
        at = &entry_at(offsets, *at)->next_in_bucket;
    }
    *at = entry->next_in_bucket;
    at = &partition->offsets_first;
    while (*at != index) {
        at = &entry_at(offsets, *at)->next_in_partition;
    }
    *at = entry->next_in_partition;
    entry->next_in_bucket = offsets->free_first;
    offsets->free_first = index;
    check(partition->offsets_count > 0);
    partition->offsets_count--;
    offsets->count--;
}

static void encode(const struct partition *partition, const struct stored_offset *entry, u8 *record)
{
    memset(record, 0, OFFSETS_RECORD_BYTES);
    put_u32(record, entry->boot);
    record[4] = entry->kind;
    record[5] = entry->deleted;
    put_u64(record + 8, entry->sequence);
    put_u64(record + 16, partition->life);
    put_u32(record + 24, partition->stream_id);
    put_u32(record + 28, partition->topic_id);
    put_u32(record + 32, partition->id);
    put_u32(record + 36, entry->consumer);
    put_u64(record + 40, entry->offset);
    put_u64(record + 48, entry->stored_at_us);
}

/* ---- The file's questions ---- */

struct offset_record offset_record_decode(const u8 *record)
{
    return (struct offset_record){
        .boot = get_u32(record),
        .sequence = get_u64(record + 8),
        .life = get_u64(record + 16),
        .stream_id = get_u32(record + 24),
        .topic_id = get_u32(record + 28),
        .partition_id = get_u32(record + 32),
        .key = {.kind = record[4], .consumer = get_u32(record + 36)},
        .deleted = record[5] != 0,
        .offset = get_u64(record + 40),
        .stored_at_us = get_u64(record + 48),
    };
}

static void on_record(struct shard *shard, const u8 *bytes)
{
    struct offsets *offsets = &shard->offsets;
    const struct state *state = shard->core->state;
    struct offset_record record = offset_record_decode(bytes);
    if (record.life > state_life_max(state) && !bug_is_on(BUG_OPEN_UNKNOWN_LIFE)) {
        offsets->life_unknown = u64_max(offsets->life_unknown, record.life);
        return;
    }
    const struct state_partition *described =
        state_partition_find(state, record.stream_id, record.topic_id, record.partition_id);
    if (described == NULL || described->life != record.life ||
        described->home != shard->core->index) {
        return;
    }
    if (record.key.kind == OFFSET_GROUP &&
        (bug_is_on(BUG_LOSE_GROUP_OFFSETS) ||
         state_group_get(state, record.stream_id, record.topic_id, record.key.consumer) == NULL)) {
        return;
    }
    struct partition *partition = &shard->partitions[described->slot];
    struct stored_offset *entry = find(offsets, described->slot, record.key);
    if (entry == NULL) {
        entry = add(offsets, partition, record.key);
    } else if (entry->boot > record.boot ||
               (entry->boot == record.boot && entry->sequence >= record.sequence)) {
        return;
    }
    if (entry == NULL) {
        offsets->failed = true; /* more than the plan holds: said when the start is over */
        return;
    }
    entry->boot = record.boot;
    entry->sequence = record.sequence;
    entry->deleted = record.deleted;
    entry->offset = record.offset;
    entry->stored_at_us = record.stored_at_us;
}

static bool next_record(struct shard *shard, u64 *cursor, u8 *record)
{
    struct offsets *offsets = &shard->offsets;
    while (*cursor < offsets->used_count) {
        struct stored_offset *entry = entry_at(offsets, (u32)++ * cursor);
        /* A free entry belongs to no kind. */
        if (entry->kind != 0 && !entry->deleted) {
            encode(&shard->partitions[entry->slot], entry, record);
            return true;
        }
    }
    return false;
}

static void forget_deleted(struct offsets *offsets)
{
    for (u32 index = 1; index <= offsets->used_count; index++) {
        struct stored_offset *entry = entry_at(offsets, index);
        if (entry->kind != 0 && entry->deleted) {
            unlink_entry(offsets, &offsets->shard->partitions[entry->slot], index);
            entry->kind = 0;
        }
    }
}

static void on_started(struct shard *shard, enum status status)
{
    struct offsets *offsets = &shard->offsets;
    forget_deleted(offsets);
    if (status == OK && offsets->failed) {
        event_error(shard->core->events, "offsets.too_many max=%u: give --memory more",
                    offsets->entries_max);
        status = ERR_LIMIT;
    }
    if (offsets->life_unknown != 0) {
        event_error(shard->core->events,
                    "offsets.life_unknown life=%llu life_max=%llu: control lost its tail",
                    (unsigned long long)offsets->life_unknown,
                    (unsigned long long)state_life_max(shard->core->state));
        status = ERR_CORRUPT;
    }
    shard_on_phase_done(shard, status == OK ? WIRE_OK : WIRE_IO_ERROR);
}

static void on_forgotten(struct shard *shard)
{
    shard_on_phase_done(shard, WIRE_OK);
}

static void answer(struct shard_request *request, enum status status)
{
    if (status != OK) {
        shard_answer_by_closing(request);
    } else if (request->msg.kind == MSG_POLL) {
        request->poll.step = POLL_REPLY;
        partition_poll_resume(request);
    } else {
        shard_answer(request, WIRE_OK);
    }
}

static void retry_blocked(struct offsets *offsets)
{
    struct list blocked;
    list_init(&blocked);
    struct list_node *node;
    while ((node = list_pop(&offsets->blocked)) != NULL) {
        list_add_last(&blocked, node);
    }
    while ((node = list_pop(&blocked)) != NULL) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        if (request->msg.kind == MSG_POLL) {
            partition_poll_resume(request);
        } else {
            partition_offset_request(request->partition, request);
        }
    }
}

static void on_written(struct shard *shard, u64 count, enum status status)
{
    struct offsets *offsets = &shard->offsets;
    offsets->failed = offsets->failed || status != OK;
    list_for_each(node, next, &offsets->waiting) {
        struct shard_request *request = container_of(node, struct shard_request, node);
        if (request->offset_record > count) {
            break;
        }
        list_remove(node);
        answer(request, status);
    }
    if (status == OK) {
        offsets->durable_count = count;
    }
    retry_blocked(offsets);
    shard_on_partition_settled(shard);
}

static const struct record_file_user user = {
    .directory = "offsets",
    .magic = OFFSETS_MAGIC,
    .record_bytes = OFFSETS_RECORD_BYTES,
    .on_record = on_record,
    .next_record = next_record,
    .on_started = on_started,
    .on_forgotten = on_forgotten,
    .on_written = on_written,
};

/* ---- Public ---- */

static u32 buckets_for(u32 entries_max)
{
    u32 count = 64;
    while (count < entries_max) {
        count *= 2;
    }
    return count;
}

u64 offsets_arena_bytes(const struct plan *plan)
{
    u32 entries_max = plan->consumer_offsets_per_core_max;
    return sizeof(struct stored_offset) * ((u64)entries_max + 1) +
           sizeof(u32) * (u64)buckets_for(entries_max) + record_file_arena_bytes() + 256;
}

void offsets_init(struct offsets *offsets, struct shard *shard, struct arena *arena)
{
    u32 entries_max = shard->plan->consumer_offsets_per_core_max;
    *offsets = (struct offsets){
        .shard = shard,
        .entries = arena_array(arena, struct stored_offset, (u64)entries_max + 1),
        .entries_max = entries_max,
        .buckets_count = buckets_for(entries_max),
    };
    offsets->buckets = arena_array(arena, u32, offsets->buckets_count);
    list_init(&offsets->waiting);
    list_init(&offsets->blocked);
    record_file_init(&offsets->file, shard, arena, &user);
}

void offsets_start(struct offsets *offsets)
{
    record_file_start(&offsets->file, state_boot(offsets->shard->core->state));
}

bool offsets_get(const struct offsets *offsets, const struct partition *partition,
                 struct offset_key key, u64 *offset)
{
    const struct stored_offset *entry = find(offsets, partition->slot, key);
    if (entry == NULL || entry->deleted) {
        return false;
    }
    *offset = entry->offset;
    return true;
}

bool offsets_has_room(const struct offsets *offsets, const struct partition *partition,
                      struct offset_key key)
{
    return offsets->free_first != OFFSET_NONE || offsets->used_count < offsets->entries_max ||
           find(offsets, partition->slot, key) != NULL;
}

/* Gathers the entry's record; the request, if any, waits until it is durable. */
static enum status gather(struct offsets *offsets, struct partition *partition,
                          struct stored_offset *entry, struct shard_request *request)
{
    struct core *core = offsets->shard->core;
    u8 record[OFFSETS_RECORD_BYTES];
    entry->boot = state_boot(core->state);
    entry->sequence = ++offsets->sequence;
    entry->stored_at_us = core->time.wall_us;
    encode(partition, entry, record);
    u64 number = record_file_add(&offsets->file, record);
    counter_add(core->counters, COUNTER_offsets_stored, 1);
    if (request == NULL) {
        return OK;
    }
    request->offset_record = number;
    list_add_last(&offsets->waiting, &request->node);
    return ERR_AGAIN;
}

/* May one more record be gathered now? */
static enum status admit(struct offsets *offsets, struct shard_request *request)
{
    if (offsets->failed) {
        return ERR_IO;
    }
    if (!record_file_has_room(&offsets->file)) {
        check(request != NULL);
        list_add_last(&offsets->blocked, &request->node);
        return ERR_MEMORY;
    }
    return OK;
}

enum status offsets_store(struct partition *partition, struct offset_key key, u64 offset,
                          struct shard_request *request, bool waits)
{
    struct offsets *offsets = &partition->shard->offsets;
    enum status status = admit(offsets, request);
    if (status != OK) {
        return status;
    }
    struct stored_offset *entry = find(offsets, partition->slot, key);
    if (entry == NULL) {
        entry = add(offsets, partition, key);
    }
    if (entry == NULL) {
        return ERR_LIMIT;
    }
    entry->offset = offset;
    return gather(offsets, partition, entry, waits ? request : NULL);
}

enum status offsets_delete(struct partition *partition, struct offset_key key,
                           struct shard_request *request, bool waits)
{
    struct offsets *offsets = &partition->shard->offsets;
    struct stored_offset *entry = find(offsets, partition->slot, key);
    if (entry == NULL) {
        return ERR_NOT_FOUND;
    }
    enum status status = admit(offsets, request);
    if (status != OK) {
        return status;
    }
    entry->deleted = true;
    status = gather(offsets, partition, entry, waits ? request : NULL);
    unlink_entry(offsets, partition, (u32)(entry - offsets->entries));
    entry->kind = 0;
    return status;
}

u64 offsets_lowest(const struct offsets *offsets, const struct partition *partition, u64 since_us)
{
    u64 lowest = UINT64_MAX;
    for (u32 index = partition->offsets_first; index != OFFSET_NONE;
         index = entry_at(offsets, index)->next_in_partition) {
        const struct stored_offset *entry = entry_at(offsets, index);
        if (entry->stored_at_us >= since_us) {
            lowest = u64_min(lowest, entry->offset);
        }
    }
    return lowest;
}

u64 offsets_cut(struct offsets *offsets, struct partition *partition, u64 end)
{
    u64 last = 0;
    u32 index = partition->offsets_first;
    while (index != OFFSET_NONE) {
        struct stored_offset *entry = entry_at(offsets, index);
        u32 next = entry->next_in_partition;
        if (entry->offset >= end && record_file_has_room(&offsets->file)) {
            event_warn(offsets->shard->core->events,
                       "offset.cut stream=%u topic=%u partition=%u consumer=%u from=%llu end=%llu",
                       partition->stream_id, partition->topic_id, partition->id, entry->consumer,
                       (unsigned long long)entry->offset, (unsigned long long)end);
            entry->deleted = end == 0;
            entry->offset = end == 0 ? 0 : end - 1;
            (void)gather(offsets, partition, entry, NULL);
            last = offsets->file.gathered_count;
            if (entry->deleted) {
                unlink_entry(offsets, partition, index);
                entry->kind = 0;
            }
        }
        index = next;
    }
    return last;
}

bool offsets_is_durable(const struct offsets *offsets, u64 record)
{
    return record <= offsets->durable_count;
}

void offsets_drop(struct offsets *offsets, struct partition *partition)
{
    while (partition->offsets_first != OFFSET_NONE) {
        u32 index = partition->offsets_first;
        unlink_entry(offsets, partition, index);
        offsets->entries[index].kind = 0;
    }
}

void offsets_forget_group(struct offsets *offsets, struct partition *partition, u32 group_id)
{
    struct offset_key key = {.kind = OFFSET_GROUP, .consumer = group_id};
    struct stored_offset *entry = find(offsets, partition->slot, key);
    if (entry != NULL) {
        unlink_entry(offsets, partition, (u32)(entry - offsets->entries));
        entry->kind = 0;
    }
}

void offsets_flush(struct offsets *offsets)
{
    record_file_flush(&offsets->file);
}

bool offsets_is_idle(const struct offsets *offsets)
{
    return record_file_is_idle(&offsets->file);
}
