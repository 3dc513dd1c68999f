#include "shard/notice.h"

#include "base/bug.h"
#include "base/check.h"
#include "shard/shard_inside.h"

static_assert(MAILBOX_CORES_MAX <= 32, "one bit a core");

void notice_hold(struct partition *partition, struct shard_request *request)
{
    u64 end = partition_seen_end(partition);
    check(partition->state == PARTITION_OPEN);
    partition->waiting_cores |= 1u << request->msg.from;
    struct msg reply = {.flags = MSG_WAITING, .waiting = {.current_offset = end > 0 ? end - 1 : 0}};
    shard_reply(request, &reply);
}

bool notice_is_wanted(const struct partition *partition)
{
    return partition->waiting_cores != 0;
}

void notice_soon(struct partition *partition)
{
    if (partition->waiting_cores != 0 && !list_node_is_linked(&partition->notice_node)) {
        list_add_last(&partition->shard->notices, &partition->notice_node);
    }
}

/* Room that is left to replies and loans: credits bound those. */
static bool lane_has_room(struct shard *shard, u32 to)
{
    return mailbox_room(&shard->core->mailbox, to, LANE_REPLY) > 3 * MAILBOX_CREDITS;
}

static void send(struct partition *partition, u32 to)
{
    struct core *core = partition->shard->core;
    bool closes = partition->state != PARTITION_OPEN;
    struct msg msg = {
        .kind = MSG_NOTICE,
        .to = (u8)to,
        .partition = {.slot = partition->slot, .generation = partition->generation},
        .notice = {.closes = closes},
    };
    if (!bug_is_on(BUG_LOSE_NOTICE)) {
        mailbox_send(core, &msg);
    }
}

/* True when all who wait were told. */
static bool send_to_all(struct partition *partition)
{
    struct shard *shard = partition->shard;
    for (u32 to = 0; to < shard->core->cores_count; to++) {
        u32 bit = 1u << to;
        if ((partition->waiting_cores & bit) != 0 && lane_has_room(shard, to)) {
            send(partition, to);
            partition->waiting_cores &= ~bit;
        }
    }
    return partition->waiting_cores == 0;
}

void notice_send_all(struct shard *shard)
{
    list_for_each(node, next, &shard->notices) {
        struct partition *partition = container_of(node, struct partition, notice_node);
        check(partition->magic == PARTITION_MAGIC);
        if (!send_to_all(partition)) {
            shard_wait_for_turn(shard); /* a millisecond empties the lane */
            continue;
        }
        list_remove(node);
        if (partition->state == PARTITION_CLOSING) {
            partition_close_soon(partition);
        }
    }
}
