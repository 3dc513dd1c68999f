#include "sim/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"

#define ID_MARK 0x4c455652ull /* the high half of every message id begins with it */

void model_init(struct model *model, struct verdict *verdict, enum model_level level,
                u32 streams_count)
{
    *model = (struct model){.verdict = verdict, .level = level, .streams_count = streams_count};
    for (u32 i = 0; i < streams_count; i++) {
        struct model_stream *stream = &model->streams[i];
        stream->index = i;
        (void)snprintf(stream->name, sizeof(stream->name), "stream-%u", i);
        for (u32 j = 0; j < MODEL_TOPICS_MAX; j++) {
            struct model_topic *topic = &stream->topics[j];
            topic->stream = stream;
            topic->index = j;
            (void)snprintf(topic->name, sizeof(topic->name), "topic-%u", j);
            for (u32 k = 0; k < MODEL_PARTITIONS_MAX; k++) {
                topic->partitions[k].topic = topic;
                topic->partitions[k].id = k;
            }
            topic->existence = MODEL_ABSENT;
            model_purge(model, topic, 0);
        }
    }
}

void model_deinit(struct model *model)
{
    for (u32 i = 0; i < model->streams_count; i++) {
        for (u32 j = 0; j < MODEL_TOPICS_MAX; j++) {
            for (u32 k = 0; k < MODEL_PARTITIONS_MAX; k++) {
                mem_return(model->streams[i].topics[j].partitions[k].runs);
            }
        }
    }
    for (u32 i = 0; i < model->sends_count; i++) {
        mem_return(model->sends[i]);
    }
    mem_return(model->sends);
}

/* ---- Topics ---- */

bool model_topic_is_there(const struct model_topic *topic)
{
    return topic->stream->existence == MODEL_PRESENT && topic->existence == MODEL_PRESENT;
}

static u32 changes_of(const struct model_topic *topic)
{
    return topic->changes + topic->stream->changes;
}

static bool is_changing(const struct model_topic *topic)
{
    return topic->is_changing || topic->stream->is_changing || topic->purge_unknown ||
           topic->existence == MODEL_UNKNOWN || topic->stream->existence == MODEL_UNKNOWN ||
           topic->partitions_count != topic->partitions_other;
}

struct model_glimpse model_glimpse(const struct model_topic *topic)
{
    return (struct model_glimpse){.changes = changes_of(topic), .was_changing = is_changing(topic)};
}

bool model_is_fuzzy(const struct model_topic *topic, struct model_glimpse glimpse)
{
    return glimpse.was_changing || is_changing(topic) || changes_of(topic) != glimpse.changes;
}

static void store_nothing(struct model_stored *stored)
{
    *stored = (struct model_stored){.values = {MODEL_NONE}, .values_count = 1};
}

static void keep_rot_of_next_life(struct model_partition *partition)
{
    u32 kept = 0;
    for (u32 i = 0; i < partition->rotten_count; i++) {
        if (partition->rotten[i].may_be_next) {
            partition->rotten[kept] = partition->rotten[i];
            partition->rotten[kept++].may_be_next = false;
        }
    }
    partition->rotten_count = kept;
    partition->tail_rotten = partition->tail_rotten && kept > 0;
}

/* What lies somewhere in the partition is gone with all the rest. */
static void purge_unplaced(const struct model *model, const struct model_partition *partition)
{
    for (u32 i = 0; partition->unplaced_count > 0 && i < model->sends_count; i++) {
        struct model_send *send = model->sends[i];
        if (send->partition == partition && send->is_unplaced) {
            send->is_unplaced = false;
            send->state = send->state == SEND_UNKNOWN ? SEND_PURGED : send->state;
        }
    }
}

static void purge_partition(struct model *model, struct model_partition *partition)
{
    purge_unplaced(model, partition);
    partition->unplaced_count = 0;
    for (u32 i = 0; i < partition->runs_count; i++) {
        struct model_send *send = model->sends[partition->runs[i].send - 1];
        /* One that is repeated meanwhile is new to the life that follows. */
        send->state = send->requests > 0 ? SEND_UNKNOWN : SEND_PURGED;
        send->stamp_us = 0;
    }
    partition->runs_count = 0;
    partition->first = 0;
    partition->segments_deleted = partition->deletion_may_be_next || partition->deletions_open > 0;
    partition->trims = partition->expires || partition->segments_deleted;
    partition->deletion_may_be_next = false;
    partition->seen_asked_us = 0;
    keep_rot_of_next_life(partition);
    partition->is_read_only = false;
    for (u32 i = 0; i < MODEL_CONSUMERS_MAX; i++) {
        /* What was stored while the purge was under way may be of the life after it; and a store
         * that got no answer may still come. */
        bool any = partition->stored[i].any;
        bool unsure = partition->stored[i].unsure;
        store_nothing(&partition->stored[i]);
        partition->stored[i].any = any;
        partition->stored[i].unsure = unsure;
    }
}

void model_topic_retains(struct model_topic *topic, u64 expiry_us, u64 bytes_max)
{
    topic->expiry_us = expiry_us;
    topic->bytes_max = bytes_max;
    for (u32 i = 0; i < MODEL_PARTITIONS_MAX; i++) {
        topic->partitions[i].expires = expiry_us != 0 || bytes_max != 0;
        topic->partitions[i].trims =
            topic->partitions[i].expires || topic->partitions[i].segments_deleted;
    }
}

static void note_deletion(struct model_partition *partition)
{
    partition->trims = true;
    partition->segments_deleted = true;
    partition->deletion_may_be_next =
        partition->deletion_may_be_next || is_changing(partition->topic);
}

void model_segments_delete_begin(struct model_partition *partition)
{
    partition->deletions_open++;
    note_deletion(partition);
}

void model_segments_delete_answered(struct model_partition *partition)
{
    check(partition->deletions_open > 0);
    partition->deletions_open--;
    if (is_changing(partition->topic)) {
        note_deletion(partition);
    }
}

void model_purge(struct model *model, struct model_topic *topic, u32 from_partition)
{
    for (u32 i = from_partition; i < MODEL_PARTITIONS_MAX; i++) {
        purge_partition(model, &topic->partitions[i]);
    }
}

enum model_level model_level_of(const struct model *model, const struct model_topic *topic)
{
    return topic->persisted ? MODEL_SYNC : model->level;
}

/* ---- Messages ---- */

struct model_send *model_send_begin(struct model *model, struct model_partition *partition,
                                    u32 count, u32 size_class, u64 origin_us)
{
    check(count > 0);
    if (model->sends_count == model->sends_room) {
        model->sends_room = u32_max(256, model->sends_room * 2);
        model->sends = mem_resize(model->sends, model->sends_room * sizeof(model->sends[0]));
    }
    struct model_send *send = mem_take(sizeof(*send));
    model->sends[model->sends_count++] = send;
    partition->messages_sent += count;
    *send = (struct model_send){
        .number = model->sends_count,
        .partition = partition,
        .count = count,
        .size_class = size_class,
        .origin_us = origin_us,
        .state = SEND_IN_FLIGHT,
        .requests = 1,
    };
    return send;
}

bool model_send_repeat(struct model_send *send)
{
    if (send->state == SEND_PURGED || send->state == SEND_LOST) {
        return false;
    }
    send->partition->messages_sent += send->count;
    if (send->state != SEND_BOUND) {
        send->state = SEND_IN_FLIGHT;
    }
    send->requests++;
    return true;
}

static void end_request(struct model_send *send)
{
    check(send->requests > 0);
    send->requests--;
}

/* No answer says where it lies, and this one does not, either. */
static void settle_open(struct model_send *send)
{
    if (send->state == SEND_IN_FLIGHT && send->requests == 0) {
        send->state = send->may_turn_up ? SEND_UNKNOWN : SEND_REFUSED;
    }
}

void model_send_refused(struct model_send *send)
{
    end_request(send);
    settle_open(send);
}

void model_send_lost(struct model_send *send)
{
    end_request(send);
    send->may_turn_up = true;
    settle_open(send);
}

struct u128 model_message_id(const struct model_send *send, u32 index)
{
    return (struct u128){.low = (u64)send->number << 32 | index, .high = ID_MARK};
}

u32 model_message_size(const struct model_send *send, u32 index)
{
    u64 draw = hash_u64_pair(send->number, index);
    static const u32 sizes[4] = {40, 400, 6000, 90000};
    return (u32)(draw % sizes[send->size_class % 4]);
}

void model_message_fill(const struct model_send *send, u32 index, u8 *bytes)
{
    u32 size = model_message_size(send, index);
    u64 word = hash_u64_pair(send->number, ~(u64)index);
    u32 position = 0;
    for (; position + 8 <= size; position += 8) {
        word = word * 6364136223846793005ull + 1442695040888963407ull;
        memcpy(bytes + position, &word, 8);
    }
    for (; position < size; position++) {
        bytes[position] = (u8)(word >> (position % 8 * 8));
    }
}

u64 model_end(const struct model_partition *partition)
{
    if (partition->runs_count == 0) {
        return 0;
    }
    const struct model_run *last = &partition->runs[partition->runs_count - 1];
    return last->base + last->count;
}

/* Index of the first run that ends after `offset`. */
static u32 run_index(const struct model_partition *partition, u64 offset)
{
    u32 low = 0;
    u32 high = partition->runs_count;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (partition->runs[middle].base + partition->runs[middle].count <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct model_run *model_run_at(const struct model_partition *partition, u64 offset)
{
    u32 index = run_index(partition, offset);
    return index < partition->runs_count && partition->runs[index].base <= offset
               ? &partition->runs[index]
               : NULL;
}

bool model_offset_is_rotten(const struct model_partition *partition, u64 offset)
{
    for (u32 i = 0; i < partition->rotten_count; i++) {
        if (offset >= partition->rotten[i].from && offset < partition->rotten[i].to) {
            return true;
        }
    }
    return false;
}

void model_note_rot(struct model_partition *partition, u64 from, u64 to, bool is_last_segment)
{
    check(partition->rotten_count < array_count(partition->rotten));
    bool may_be_next = is_changing(partition->topic);
    partition->rotten[partition->rotten_count++] = (struct model_range){from, to, may_be_next};
    partition->tail_rotten = partition->tail_rotten || is_last_segment;
}

static void describe(const struct model_partition *partition, char *text, u32 bytes)
{
    (void)snprintf(text, bytes, "%s/%s/%u", partition->topic->stream->name, partition->topic->name,
                   partition->id);
}

/* The send lies at `base`: nobody else may. */
static void bind_send(struct model *model, struct model_send *send, u64 base, u64 now_us)
{
    struct model_partition *partition = send->partition;
    u32 index = run_index(partition, base);
    if (index < partition->runs_count && partition->runs[index].base < base + send->count) {
        const struct model_run *other = &partition->runs[index];
        char where[64];
        describe(partition, where, sizeof(where));
        verdict_fail(model->verdict, CHECK_offsets_are_dense,
                     "%s: offsets %" PRIu64 " to %" PRIu64
                     " were given to send %u, but send %u lies"
                     " at %" PRIu64 " to %" PRIu64,
                     where, base, base + send->count - 1, send->number, other->send, other->base,
                     other->base + other->count - 1);
        return;
    }
    if (partition->runs_count == partition->runs_room) {
        partition->runs_room = u32_max(64, partition->runs_room * 2);
        partition->runs =
            mem_resize(partition->runs, partition->runs_room * sizeof(struct model_run));
    }
    memmove(&partition->runs[index + 1], &partition->runs[index],
            (partition->runs_count - index) * sizeof(struct model_run));
    partition->runs[index] = (struct model_run){base, send->count, send->number};
    partition->runs_count++;
    send->state = SEND_BOUND;
    send->is_unplaced = false;
    send->base_offset = base;
    send->bound_at_us = now_us;
}

/* False when nobody can say what the answer is worth: it may turn up, or not. */
static bool note_acknowledged(struct model *model, struct model_send *send, bool is_fuzzy)
{
    model->messages_acknowledged += send->count;
    end_request(send);
    if (is_fuzzy) {
        send->may_turn_up = true;
        settle_open(send);
        return false;
    }
    send->was_acknowledged = true;
    return true;
}

void model_send_acknowledged(struct model *model, struct model_send *send, u64 base_offset,
                             u64 now_us, bool is_fuzzy)
{
    if (!note_acknowledged(model, send, is_fuzzy)) {
        return;
    }
    if (send->state == SEND_BOUND) { /* a poll was faster */
        if (send->base_offset != base_offset) {
            verdict_fail(model->verdict, CHECK_model_agrees,
                         "send %u was seen at %" PRIu64 " and acknowledged at %" PRIu64,
                         send->number, send->base_offset, base_offset);
        }
        return;
    }
    check(send->state == SEND_IN_FLIGHT || send->state == SEND_UNKNOWN);
    bind_send(model, send, base_offset, now_us);
}

void model_send_stored(struct model *model, struct model_send *send, u64 now_us, bool is_fuzzy)
{
    if (!note_acknowledged(model, send, is_fuzzy)) {
        return;
    }
    if (send->state != SEND_BOUND) {
        send->is_unplaced = true;
        send->partition->unplaced_count++;
        send->bound_at_us = now_us;
        send->state = SEND_UNKNOWN;
    }
}

void model_doubt_unplaced(struct model *model, struct model_partition *partition)
{
    for (u32 i = 0; partition->unplaced_count > 0 && i < model->sends_count; i++) {
        if (model->sends[i]->partition == partition) {
            model->sends[i]->is_unplaced = false;
        }
    }
    partition->unplaced_count = 0;
}

static bool content_is_right(const struct model_send *send, u32 index,
                             const struct polled_message *message)
{
    u32 size = model_message_size(send, index);
    if (message->payload.size != size || message->origin_timestamp_us != send->origin_us + index) {
        return false;
    }
    static u8 expected[90000];
    model_message_fill(send, index, expected);
    return size == 0 || memcmp(expected, message->payload.data, size) == 0;
}

/* A send that should not be readable any more is. */
static void judge_ghost(struct model *model, const struct model_send *send, const char *where,
                        u64 offset)
{
    enum checker checker = CHECK_model_agrees;
    const char *why = "was refused";
    if (send->state == SEND_PURGED) {
        checker = CHECK_purged_is_gone;
        why = "was purged";
    } else if (send->state == SEND_LOST) {
        checker = CHECK_offsets_are_dense;
        why = "was not there after a restart";
    }
    verdict_fail(model->verdict, checker, "%s: send %u, which %s, is served at offset %" PRIu64,
                 where, send->number, why, offset);
}

static void judge_place(struct model *model, struct model_send *send, u64 base, u64 now_us,
                        const char *where)
{
    switch (send->state) {
    case SEND_BOUND:
        if (send->base_offset != base) {
            verdict_fail(model->verdict, CHECK_offsets_are_dense,
                         "%s: send %u lies at %" PRIu64 " and is served at %" PRIu64, where,
                         send->number, send->base_offset, base);
        }
        return;
    case SEND_IN_FLIGHT:
    case SEND_UNKNOWN: bind_send(model, send, base, now_us); return;
    case SEND_REFUSED:
    case SEND_PURGED:
    case SEND_LOST: judge_ghost(model, send, where, base); return;
    }
}

void model_saw(struct model *model, struct model_partition *partition,
               const struct polled_message *message, u64 now_us, bool is_fuzzy)
{
    char where[64];
    describe(partition, where, sizeof(where));
    model->messages_seen++;
    u64 number = message->id.low >> 32;
    u32 index = (u32)message->id.low;
    struct model_send *send =
        message->id.high != ID_MARK || number == 0 || number > model->sends_count
            ? NULL
            : model->sends[number - 1];
    if (send == NULL || index >= send->count || send->partition != partition ||
        message->offset < index || !content_is_right(send, index, message)) {
        verdict_fail(model->verdict, CHECK_never_served_wrong,
                     "%s: offset %" PRIu64 " holds what nobody sent there (id %" PRIx64 " %" PRIx64
                     ", %u bytes)",
                     where, message->offset, message->id.high, message->id.low,
                     message->payload.size);
        return;
    }
    if (is_fuzzy) {
        return;
    }
    judge_place(model, send, message->offset - index, now_us, where);
    if (send->stamp_us != 0 && send->stamp_us != message->timestamp_us) {
        verdict_fail(model->verdict, CHECK_never_served_wrong,
                     "%s: the time of offset %" PRIu64 " changed", where, message->offset);
    }
    send->stamp_us = message->timestamp_us;
}

/* ---- After a restart ---- */

static void doubt_partition(struct model *model, struct model_partition *partition, u64 since_us)
{
    u32 kept = 0;
    for (u32 i = 0; i < model->sends_count; i++) {
        struct model_send *send = model->sends[i];
        if (send->partition == partition && send->bound_at_us >= since_us) {
            send->is_unplaced = false;
        }
    }
    for (u32 i = 0; i < partition->runs_count; i++) {
        struct model_send *send = model->sends[partition->runs[i].send - 1];
        if (send->bound_at_us >= since_us) {
            send->state = SEND_UNKNOWN;
            send->stamp_us = 0;
        } else {
            partition->runs[kept++] = partition->runs[i];
        }
    }
    partition->runs_count = kept;
    for (u32 i = 0; i < MODEL_CONSUMERS_MAX; i++) {
        partition->stored[i].any = true;
    }
}

static void doubt_topic(struct model *model, struct model_topic *topic, u64 since_us)
{
    if (model_level_of(model, topic) != MODEL_MEMORY) {
        return;
    }
    for (u32 i = 0; i < MODEL_PARTITIONS_MAX; i++) {
        doubt_partition(model, &topic->partitions[i], since_us);
    }
}

void model_doubt_memory(struct model *model, u64 since_us)
{
    for (u32 i = 0; i < model->streams_count; i++) {
        for (u32 j = 0; j < MODEL_TOPICS_MAX; j++) {
            doubt_topic(model, &model->streams[i].topics[j], since_us);
        }
    }
}

static bool loss_is_excused(const struct model_partition *partition, const struct model_send *send,
                            u64 offset, const struct model_found *found)
{
    if (found->may_lose && send->bound_at_us >= found->lost_before_us) {
        return true;
    }
    /* Rot in the last write looks like an unfinished tail: it may be cut. */
    return partition->tail_rotten && model_offset_is_rotten(partition, offset);
}

/* The last run is not there any more, or not all of it. */
static bool lose_run(struct model *model, struct model_partition *partition,
                     const struct model_found *found)
{
    const struct model_run *last = &partition->runs[partition->runs_count - 1];
    struct model_send *send = model->sends[last->send - 1];
    char where[64];
    describe(partition, where, sizeof(where));
    if (!loss_is_excused(partition, send, last->base, found)) {
        verdict_fail(model->verdict, CHECK_acknowledged_is_readable,
                     "%s: %s send %u at %" PRIu64 " to %" PRIu64
                     " is gone: the log ends at %" PRIu64,
                     where, send->was_acknowledged ? "acknowledged" : "seen", send->number,
                     last->base, last->base + last->count - 1, found->end);
        return false;
    }
    if (last->base < found->end) {
        verdict_fail(model->verdict, CHECK_acknowledged_is_readable,
                     "%s: a part of send %u is gone: the log ends at %" PRIu64, where, send->number,
                     found->end);
        return false;
    }
    send->state = SEND_LOST;
    partition->runs_count--;
    return true;
}

static void lose_suffix(struct model *model, struct model_partition *partition,
                        const struct model_found *found)
{
    while (model_end(partition) > found->end && lose_run(model, partition, found)) {
    }
}

static void find_holes(struct model *model, const struct model_partition *partition, u64 first,
                       u64 end)
{
    u64 next = first;
    for (u32 i = run_index(partition, first); i < partition->runs_count; i++) {
        const struct model_run *run = &partition->runs[i];
        if (run->base > next && !model_offset_is_rotten(partition, next)) {
            break;
        }
        next = run->base + run->count;
    }
    if (next < end && !model_offset_is_rotten(partition, next)) {
        char where[64];
        describe(partition, where, sizeof(where));
        verdict_fail(model->verdict, CHECK_offsets_are_dense,
                     "%s: nothing was ever sent to offset %" PRIu64
                     ", but the log goes on to %" PRIu64,
                     where, next, end);
    }
}

static void give_up(struct model *model, struct model_send *send, const struct model_found *found)
{
    bool is_excused = found->may_lose && send->bound_at_us >= found->lost_before_us;
    if (send->is_unplaced && !is_excused) {
        char where[64];
        describe(send->partition, where, sizeof(where));
        verdict_fail(model->verdict, CHECK_acknowledged_is_readable,
                     "%s: acknowledged send %u of generation 1 is nowhere", where, send->number);
    }
    send->state = SEND_LOST;
}

static void give_up_unknown(struct model *model, const struct model_partition *partition,
                            const struct model_found *found)
{
    for (u32 i = 0; i < model->sends_count; i++) {
        struct model_send *send = model->sends[i];
        if (send->partition == partition &&
            (send->state == SEND_UNKNOWN || send->state == SEND_IN_FLIGHT)) {
            give_up(model, send, found);
        }
    }
}

void model_audit_partition(struct model *model, struct model_partition *partition,
                           const struct model_found *found)
{
    if (found->first > partition->first && !partition->trims) {
        char where[64];
        describe(partition, where, sizeof(where));
        verdict_fail(model->verdict, CHECK_acknowledged_is_readable,
                     "%s (numbers %u, %u): the log begins at %" PRIu64
                     ", but nobody deleted anything",
                     where, partition->topic->stream->id, partition->topic->id, found->first);
    }
    /* What was trimmed comes back when the crash undid the removal of its file. */
    partition->first = found->first;
    partition->deletions_open = 0;
    lose_suffix(model, partition, found);
    find_holes(model, partition, found->first, found->end);
    /* Otherwise they may lie where nothing could be read, or in what was trimmed and comes back. */
    if (partition->rotten_count == 0 && !partition->trims) {
        give_up_unknown(model, partition, found);
    }
}

/* ---- Stored offsets ---- */

static void add_value(u64 *values, u32 *count, u32 room, u64 value)
{
    for (u32 i = 0; i < *count; i++) {
        if (values[i] == value) {
            return;
        }
    }
    check(*count < room);
    values[(*count)++] = value;
}

void model_store_begin(struct model_stored *stored, u64 offset)
{
    if (stored->values_count == array_count(stored->values)) {
        stored->any = true;
        return;
    }
    add_value(stored->values, &stored->values_count, array_count(stored->values), offset);
}

/* What is possible now may come back after a crash. */
static void keep_possible(struct model_stored *stored)
{
    for (u32 i = 0; i < stored->values_count; i++) {
        if (stored->durable_count == array_count(stored->durable)) {
            stored->durable_any = true;
            return;
        }
        add_value(stored->durable, &stored->durable_count, array_count(stored->durable),
                  stored->values[i]);
    }
    stored->durable_any = stored->durable_any || stored->any;
}

void model_store_done(struct model_stored *stored, u64 offset, bool is_durable)
{
    if (is_durable) {
        stored->durable_count = 0;
        stored->durable_any = false;
    } else {
        keep_possible(stored);
    }
    stored->values[0] = offset;
    stored->values_count = 1;
    stored->any = stored->unsure;
}

void model_store_refused(struct model_stored *stored, u64 offset)
{
    u32 kept = 0;
    for (u32 i = 0; i < stored->values_count; i++) {
        if (stored->values[i] != offset || stored->values_count == 1) {
            stored->values[kept++] = stored->values[i];
        }
    }
    stored->values_count = kept;
}

bool model_stored_allows(const struct model_stored *stored, u64 offset)
{
    for (u32 i = 0; i < stored->values_count; i++) {
        if (stored->values[i] == offset) {
            return true;
        }
    }
    return stored->any || stored->unsure;
}

void model_stored_crash(struct model_stored *stored)
{
    for (u32 i = 0; i < stored->durable_count; i++) {
        if (stored->values_count == array_count(stored->values)) {
            stored->any = true;
            break;
        }
        add_value(stored->values, &stored->values_count, array_count(stored->values),
                  stored->durable[i]);
    }
    stored->any = stored->any || stored->durable_any || stored->unsure;
    stored->durable_any = false;
    stored->durable_count = 0;
}

static void topic_crash(struct model_topic *topic)
{
    for (u32 i = 0; i < MODEL_PARTITIONS_MAX; i++) {
        for (u32 j = 0; j < MODEL_CONSUMERS_MAX; j++) {
            model_stored_crash(&topic->partitions[i].stored[j]);
        }
    }
}

void model_crash(struct model *model)
{
    for (u32 i = 0; i < model->streams_count; i++) {
        for (u32 j = 0; j < MODEL_TOPICS_MAX; j++) {
            topic_crash(&model->streams[i].topics[j]);
        }
    }
}

void model_store_lost(struct model_stored *stored)
{
    stored->unsure = true;
}

void model_stored_settle(struct model_stored *stored, u64 offset)
{
    store_nothing(stored);
    stored->values[0] = offset;
}
