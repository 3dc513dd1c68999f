/* One partition: takes appends in order, serves polls, and knows what of its log may be seen.
 *
 *     NONE ─▶ QUEUED ─▶ OPENING ─▶ OPEN ─▶ CLOSING ─▶ NONE (or QUEUED again, in its next life)
 *
 * Requests wait in the partition until it is open; a damaged one is open for reading only, one
 * whose log stopped answers errors. Closing waits for what is in flight, renames the directory
 * into the trash and syncs its parent; a next life that came meanwhile opens only then. A purge
 * takes what was stored: appends that are not being written yet go into the life after it.
 *
 * Owner: the shard of its home core. One struct per slot of the state's table, from the arena. */
#pragma once

#include "replica/replica.h"
#include "shard/cache.h"
#include "shard/dedup.h"
#include "shard/log.h"
#include "shard/offsets.h"
#include "shard/partition_request.h"
#include "state/state.h"

#define PARTITION_MAGIC 0x6e6f697469747261ull
#define PARTITION_HINTS 4u

enum partition_state {
    PARTITION_NONE,
    PARTITION_QUEUED, /* waits for a recovery struct, or for its last life to be gone */
    PARTITION_OPENING,
    PARTITION_OPEN,
    PARTITION_CLOSING
};

/* The window of ids, after an open. */
enum dedup_step {
    DEDUP_EMPTY, /* read back before the first append */
    DEDUP_FIND,  /* where does its time begin? */
    DEDUP_READ,
    DEDUP_READY
};

/* Where a reader's last read ended: its next one begins there, and is larger. */
struct partition_hint {
    u64 offset;
    u64 segment_base_offset;
    u32 position; /* 0: none */
    u32 read_bytes;
    u32 generation;
};

struct partition {
    u64 magic;
    struct shard *shard;
    struct list_node ready_node; /* in shard->ready */
    struct list_node queue_node; /* in shard->opening */
    struct list_node ends_node;  /* in ends.dirty */
    enum partition_state state;
    bool read_only;  /* damaged: serves what verifies, takes nothing */
    bool unreadable; /* cannot be opened at all */
    u32 slot;
    u32 generation;
    u32 purged_generation; /* from this one on only purges led to the newest life of the slot */
    u32 stream_id;
    u32 topic_id;
    u32 id;
    u64 life;
    bool has_next; /* another life waits for this slot */
    struct state_partition next;

    struct list next_waiting; /* requests for it */

    struct list waiting;    /* requests that came before it was open */
    struct list appends;    /* in order of arrival, not yet in the log */
    struct list late_polls; /* level memory: they wait until what is acknowledged is written */
    u32 waiting_cores;      /* whose edges hold polls until there is something: see notice.h */
    struct list_node notice_node; /* in shard->notices */
    struct dedup_window dedup;
    enum dedup_step dedup_step;
    bool dedup_reading;  /* a poll of ours is under way */
    u64 dedup_next;      /* to be read */
    struct list repeats; /* appends that came again, while the first is on its way */
    u32 removals_count;  /* segments out of the chain whose files are not gone yet */
    u32 polls_count;     /* under way, loans not counted */
    u32 appends_count;   /* in `appends` and in the log */
    struct log log;
    struct replica replica;
    u64 time_last_us; /* append time never falls */
    u64 polled_at_us; /* monotonic */
    struct partition_hint hints[PARTITION_HINTS];
    u32 hint_next;
    struct cache_run *cached; /* root of the tree of its cached runs */
    u32 offsets_first;        /* first of its stored offsets, OFFSET_NONE */
    u32 offsets_count;
    u32 group_holds_first; /* partition_group.h */
    bool has_point;        /* a recovery point was found for this life */
    u32 unit_bytes_max;    /* as the recovery points say: no unit of this life is larger */
    struct log_point point;
    u32 close_step;
    bool owns_place;   /* the directory is this life's: closing moves it away */
    bool is_leaving;   /* closed, and its place is not free yet */
    bool close_wanted; /* closed while it was being opened */
    struct io_op op;   /* closing */
    struct io_file close_directory;
};

/* How it is written, by its topic's options and the server's settings, as they are now. */
struct partition_wants {
    u8 level; /* enum durability */
    bool direct;
    bool preallocates; /* a segment's space is reserved when it is made */
    u64 segment_bytes;
};

struct partition_wants partition_wants(const struct partition *partition);

/* ---- Its life ---- */

void partition_begin(struct partition *partition, struct shard *shard, u32 slot);
void partition_queue(struct partition *partition, const struct state_partition *described);
void partition_on_opened(struct partition *partition);

/* `is_purge`: the next life follows at once. */
void partition_close(struct partition *partition, bool is_purge);

void partition_refuse_next(struct partition *partition);

/* A life of the same ids, in another slot, is being closed: its directory may still be there. */
bool partition_place_is_taken(const struct partition *partition);

/* Something that held up the closing is over. */
void partition_close_soon(struct partition *partition);

/* Goes on closing when nothing is in flight any more. */
void partition_close_run(struct partition *partition);

/* Offsets below are acknowledged, so whoever asks now must see them: what is committed, at level
 * memory also what waits to be written. */
u64 partition_seen_end(const struct partition *partition);

/* Publishes the gauges. */
void partition_publish(const struct partition *partition);

/* A request for it: append, poll, offsets, segments. */
void partition_on_request(struct partition *partition, struct shard_request *request);

/* What is to be done this turn: appends that waited, the next write. */
void partition_turn(struct partition *partition);

/* ---- partition_append.c ---- */

void partition_append(struct partition *partition, struct shard_request *request);

/* Admits, stamps and hands in as many appends as the turn's budget and memory allow. */
void partition_append_run(struct partition *partition);

/* The log persisted this unit: its messages are committed, its requests answered. */
void partition_on_written(struct partition *partition, struct log_unit *unit);
void partition_on_commit(struct partition *partition, u64 committed_end);

/* Refuses one that was counted, and is in no list any more. */
void partition_refuse(struct shard_request *request, u32 error);

/* Refuses every append that is not yet in the log. */
void partition_refuse_appends(struct partition *partition, u32 error);

/* Its life is purged: every append that is not being written yet waits for the next one, in order,
 * and is appended to that. */
void partition_pass_on_appends(struct partition *partition);

/* It is not stored, or nobody knows: when it comes again it is not taken for stored. */
void partition_forget_sent(struct shard_request *request);

/* The log gave up the offsets from its end on, or stopped: who waits for a first send that had one
 * of them is answered by closing. */
void partition_give_up_repeats(struct partition *partition);

/* ---- partition_poll.c ---- */

void partition_poll(struct partition *partition, struct shard_request *request);
void partition_poll_resume(struct shard_request *request);

/* What they wait for will not come: they see what is committed. */
void partition_resume_late_polls(struct partition *partition);

/* Its stored offset could not be made durable: lets go of everything, the answer follows. */
void partition_poll_give_up(struct shard_request *request);

/* The edge has sent, or will never send, what was lent. */
void partition_poll_return(struct shard_request *request);

/* ---- partition_dedup.c ---- */

bool partition_deduplicates(const struct partition *partition);

/* False: ids are still being read back; the partition is woken when there are more. */
bool partition_dedup_is_ready(struct partition *partition);

/* A poll of ours is done. */
void partition_dedup_on_read(struct shard_request *request);

/* Takes out what was stored before; true when all messages were looked at. */
void partition_dedup_begin(struct partition *partition, struct shard_request *request);
bool partition_dedup_step(struct partition *partition, struct shard_request *request);

/* ---- partition_offsets.c: what partitions answer about stored offsets ---- */

void partition_offset_request(struct partition *partition, struct shard_request *request);
struct offset_key partition_offset_key(const struct shard_request *request, u32 consumer);
u32 partition_offset_error(enum status status);

/* Are stored offsets durable before they are answered? */
bool partition_offsets_are_synced(const struct partition *partition);
