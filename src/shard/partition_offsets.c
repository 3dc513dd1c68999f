/* What partitions answer about stored offsets. */
#include "base/check.h"
#include "shard/partition.h"
#include "shard/shard_inside.h"

struct offset_key partition_offset_key(const struct shard_request *request, u32 consumer)
{
    u8 kind = OFFSET_NUMERIC;
    if ((request->msg.flags & MSG_GROUP_CONSUMER) != 0) {
        kind = OFFSET_GROUP;
    } else if ((request->msg.flags & MSG_NAMED_CONSUMER) != 0) {
        kind = OFFSET_NAMED;
    }
    return (struct offset_key){.kind = kind, .consumer = consumer};
}

u32 partition_offset_error(enum status status)
{
    switch (status) {
    case ERR_NOT_FOUND: return WIRE_CONSUMER_OFFSET_NOT_FOUND;
    case ERR_LIMIT: return WIRE_TOO_MANY_CONSUMER_OFFSETS;
    case OK:
    case ERR_AGAIN:
    case ERR_MEMORY: return WIRE_OK;
    case ERR_CANCELLED:
    case ERR_CLOSED:
    case ERR_CORRUPT:
    case ERR_EXISTS:
    case ERR_INVALID:
    case ERR_IO:
    case ERR_PERMISSION:
    case ERR_SPACE:
    case ERR_TIMEOUT:
    case ERR_TOO_LARGE:
    case ERR_UNSUPPORTED:
    case STATUS_COUNT: return WIRE_CANNOT_WRITE_TO_FILE;
    }
    unreachable();
}

static void get(struct partition *partition, struct shard_request *request, struct offset_key key)
{
    u64 end = partition_seen_end(partition);
    struct msg reply = {.offset_got = {.current = end > 0 ? end - 1 : 0, .stored = UINT64_MAX}};
    u64 stored = 0;
    if (offsets_get(&partition->shard->offsets, partition, key, &stored)) {
        reply.offset_got.stored = stored;
    }
    shard_reply(request, &reply);
}

/* Is the answer to wait until it is durable? At the weaker levels it is written soon all the
 * same. */
static bool waits(const struct partition *partition, const struct shard_request *request)
{
    return (request->msg.flags & MSG_AFTER_COMMIT) != 0 && partition_offsets_are_synced(partition);
}

bool partition_offsets_are_synced(const struct partition *partition)
{
    struct shard *shard = partition->shard;
    const struct state_topic *topic =
        state_topic_get(shard->core->state, partition->stream_id, partition->topic_id);
    bool persisted =
        topic != NULL && topic->options.consumer_offset_durability == TOPIC_DURABILITY_PERSISTED;
    return persisted || shard->settings->durability == DURABILITY_SYNC;
}

void partition_offset_request(struct partition *partition, struct shard_request *request)
{
    struct offset_key key = partition_offset_key(request, request->msg.offset.consumer);
    struct shard_request *waiting = waits(partition, request) ? request : NULL;
    if (request->msg.kind == MSG_OFFSET_GET) {
        get(partition, request, key);
        return;
    }
    bool is_group = (request->msg.flags & MSG_GROUP_CONSUMER) != 0;
    if (is_group && !partition_group_may_write(partition, request)) {
        shard_answer(request, WIRE_GROUP_PARTITION_NOT_OWNED);
        return;
    }
    enum status status = OK;
    if (request->msg.kind == MSG_OFFSET_STORE) {
        if (request->msg.offset.offset >= partition_seen_end(partition)) {
            shard_answer(request, WIRE_INVALID_OFFSET);
            return;
        }
        status =
            offsets_store(partition, key, request->msg.offset.offset, request, waiting != NULL);
        if (is_group) {
            partition_group_on_stored(partition, key.consumer);
        }
    } else {
        status = offsets_delete(partition, key, request, waiting != NULL);
    }
    if (status != ERR_AGAIN && status != ERR_MEMORY) {
        shard_answer(request, partition_offset_error(status));
    }
}
