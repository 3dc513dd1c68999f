#include "shard/trash.h"

#include "base/check.h"
#include "base/str.h"
#include "shard/shard_inside.h"

static void run(struct trash *trash);

void trash_path(u64 life, u32 stream_id, u32 topic_id, u32 partition_id, char path[IO_PATH_BYTES])
{
    (void)str_format(path, IO_PATH_BYTES, "trash/%llu-%u-%u-%u", (unsigned long long)life,
                     stream_id, topic_id, partition_id);
}

static void next_step(struct trash *trash, enum trash_step step)
{
    trash->step = step;
    run(trash);
}

static void round_over(struct trash *trash)
{
    if (trash->names != NULL) {
        buf_return(trash->names);
        trash->names = NULL;
    }
    trash->step = TRASH_IDLE;
    if (trash->again) {
        trash_empty(trash);
    }
}

static void list_names(struct trash *trash)
{
    trash->names = shard_take_buf(trash->shard, TRASH_NAMES_BYTES);
    if (trash->names == NULL) {
        round_over(trash); /* no memory now: the next round, or the next start */
        return;
    }
    io_directory_list(trash->shard->core->io, &trash->op, "trash", (char *)trash->names->data,
                      TRASH_NAMES_BYTES);
}

static void remove_next(struct trash *trash)
{
    if (trash->names_position >= trash->names_bytes) {
        round_over(trash);
        return;
    }
    char path[IO_PATH_BYTES];
    const char *name = (const char *)trash->names->data + trash->names_position;
    trash->names_position += (u32)strlen(name) + 1;
    (void)str_format(path, IO_PATH_BYTES, "trash/%s", name);
    io_tree_remove(trash->shard->core->io, &trash->op, path);
}

static void run(struct trash *trash)
{
    switch (trash->step) {
    case TRASH_IDLE: break;
    case TRASH_MAKE_DIRECTORY:
        io_directory_create(trash->shard->core->io, &trash->op, "trash");
        break;
    case TRASH_LIST: list_names(trash); break;
    case TRASH_REMOVE: remove_next(trash); break;
    }
}

static void on_io(struct core *core, struct io_op *op)
{
    struct trash *trash = container_of(op, struct trash, op);
    (void)core;
    switch (trash->step) {
    case TRASH_MAKE_DIRECTORY: next_step(trash, TRASH_LIST); break;
    case TRASH_LIST:
        trash->names_bytes = op->status == OK ? (u32)op->count : 0;
        trash->names_position = 0;
        next_step(trash, TRASH_REMOVE);
        break;
    case TRASH_REMOVE: remove_next(trash); break;
    case TRASH_IDLE: unreachable();
    }
}

void trash_init(struct trash *trash, struct shard *shard)
{
    *trash = (struct trash){.shard = shard};
    io_op_init(&trash->op, on_io);
}

void trash_empty(struct trash *trash)
{
    if (trash->step != TRASH_IDLE) {
        trash->again = true;
        return;
    }
    trash->again = false;
    next_step(trash, TRASH_MAKE_DIRECTORY);
}
