#include "control/broadcast.h"

#include "base/check.h"

void broadcast_init(struct broadcast *broadcast, struct core *core)
{
    *broadcast = (struct broadcast){.core = core};
    for (u32 i = 0; i < BROADCAST_WINDOW; i++) {
        broadcast->bufs[i] = buf_take(core->bufs, BROADCAST_BYTES_MAX);
        check(broadcast->bufs[i] != NULL); /* the pool is new, and larger than this */
    }
}

bool broadcast_has_room(const struct broadcast *broadcast)
{
    return broadcast->sent - broadcast->done < BROADCAST_WINDOW;
}

static struct buf *next_buf(const struct broadcast *broadcast)
{
    return broadcast->bufs[(broadcast->sent + 1) % BROADCAST_WINDOW];
}

struct writer broadcast_writer(struct broadcast *broadcast)
{
    check(broadcast_has_room(broadcast));
    return writer_over(next_buf(broadcast)->data, BROADCAST_BYTES_MAX);
}

u64 broadcast_send(struct broadcast *broadcast, const struct writer *writer, u64 index,
                   enum broadcast_what what)
{
    check(broadcast_has_room(broadcast));
    check(!writer->failed);
    struct buf *buf = next_buf(broadcast);
    check(writer->data == buf->data);
    buf->size = writer->position;
    broadcast->sent++;
    for (u32 to = 0; to < broadcast->core->cores_count; to++) {
        struct msg msg = {
            .kind = MSG_APPLY,
            .to = (u8)to,
            .bufs = {buf, NULL},
            .apply = {.index = index, .piece = (u32)what},
        };
        mailbox_send(broadcast->core, &msg);
    }
    return broadcast->sent;
}

bool broadcast_on_applied(struct broadcast *broadcast, const struct msg *msg)
{
    check(msg->from < broadcast->core->cores_count);
    broadcast->applied[msg->from]++;
    check(broadcast->applied[msg->from] <= broadcast->sent);
    u64 done = UINT64_MAX;
    for (u32 i = 0; i < broadcast->core->cores_count; i++) {
        done = u64_min(done, broadcast->applied[i]);
    }
    bool rose = done > broadcast->done;
    broadcast->done = done;
    return rose;
}
