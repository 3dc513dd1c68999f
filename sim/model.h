/* The model broker: what exists, what every offset holds, what every consumer stored; tiny, and
 * obviously right. It is told what clients asked and what they were answered, and says what must
 * not have been.
 *
 *     send      in flight ─▶ acknowledged (bound to an offset) ─▶ purged, or lost by a lossy level
 *                  ├───────▶ unknown: no answer came; may turn up once, or never
 *                  └───────▶ refused: never turns up
 *
 * A send may be repeated: the same client, number and bytes. All its requests together are one.
 *
 * Every message carries its send's number and its own index in its id, and its bytes follow from
 * these two. So whatever a poll returns names what it claims to be, and can be judged alone.
 *
 * A topic that somebody is changing is *fuzzy* for requests that overlap the change: those are
 * judged by their bytes only. After a restart the audit reads everything and makes the model exact
 * again.
 *
 * Owner: the run. Memory: the model's own. */
#pragma once

#include "base/bytes.h"
#include "sim/checkers.h"
#include "wire/poll.h"

#define MODEL_STREAMS_MAX 8u
#define MODEL_TOPICS_MAX 3u /* of one stream */
#define MODEL_PARTITIONS_MAX 6u
#define MODEL_CONSUMERS_MAX 9u /* one an actor, and the auditor's */
#define MODEL_NONE UINT64_MAX

enum model_level { MODEL_SYNC, MODEL_OS, MODEL_MEMORY };

/* Does it exist? Unknown: somebody's change got no answer. */
enum model_existence { MODEL_ABSENT, MODEL_PRESENT, MODEL_UNKNOWN };

enum send_state {
    SEND_IN_FLIGHT,
    SEND_UNKNOWN,
    SEND_BOUND,
    SEND_REFUSED,
    SEND_PURGED,
    SEND_LOST /* by a power loss that its level allows, or not seen by an audit */
};

struct model_send {
    u32 number; /* from 1 */
    struct model_partition *partition;
    u32 count;
    u32 size_class;
    u64 origin_us;
    enum send_state state;
    u64 base_offset;
    u64 stamp_us;    /* base timestamp, once seen; 0 before */
    u64 bound_at_us; /* virtual time of the acknowledgement, or of the first sight */
    bool was_acknowledged;
    bool is_unplaced; /* acknowledged, but not where: it must be somewhere */
    bool may_turn_up; /* one of its requests got no answer */
    u32 requests;     /* in flight with it: the first, and repeats */
    u32 actor;
};

/* Offsets base .. base + count - 1 hold this send. */
struct model_run {
    u64 base;
    u32 count;
    u32 send;
};

/* What a consumer may have stored here: one value when nothing is in doubt. MODEL_NONE: nothing. */
struct model_stored {
    u64 values[8];
    u32 values_count;
    bool any;       /* an auto-commit got no answer, or what was stored rotted */
    bool unsure;    /* a lost request may still change it, until the next restart */
    u64 durable[8]; /* what a crash may go back to, besides `values` */
    u32 durable_count;
    bool durable_any; /* to more than fits above */
    u64 asked_us;     /* by the last store that was answered, since the start; 0: none was */
    u64 answered_us;
};

struct model_range {
    u64 from;
    u64 to;           /* exclusive */
    bool may_be_next; /* a change was under way: it may lie in the life after it */
};

struct model_partition {
    struct model_topic *topic;
    u32 id;
    u32 appended_boot;      /* the start of the server since which it has taken something */
    u32 unplaced_count;     /* sends that may be `is_unplaced` */
    u64 messages_sent;      /* whatever became of them */
    struct model_run *runs; /* rising, never overlapping */
    u32 runs_count;
    u32 runs_room;
    u64 first;                    /* the oldest offset that must still be there */
    bool trims;                   /* segments may have been deleted: `first` may rise */
    bool expires;                 /* everything may be gone after a while */
    bool segments_deleted;        /* by request, or it may be */
    u32 deletions_open;           /* such requests that got no answer: they may come yet */
    bool deletion_may_be_next;    /* one overlapped a change: it may be of the life after it */
    u64 seen_first;               /* what the last poll that showed something began with, ... */
    u64 seen_asked_us;            /* ... and when that was asked; 0: none did */
    u64 life_began_us;            /* virtual time of the answer to what created or purged it */
    struct model_range rotten[8]; /* offsets of segments in which a sector rotted */
    u32 rotten_count;
    bool tail_rotten;  /* one of them was the last segment */
    bool is_read_only; /* damaged: refuses appends */
    struct model_stored stored[MODEL_CONSUMERS_MAX];
};

struct model_topic {
    struct model_stream *stream;
    u32 index;
    char name[24];
    enum model_existence existence;
    bool is_changing;   /* a change is in flight */
    bool purge_unknown; /* a purge got no answer: all may be gone, or nothing */
    u32 changes;        /* how many changes ended */
    u32 deletions;      /* how many of them deleted it */
    u32 id;
    u32 partitions_count;
    u32 partitions_other; /* after an unanswered change of the count; same otherwise */
    bool persisted;
    u64 expiry_us; /* of its messages; 0: never */
    u64 bytes_max; /* of the topic; 0: any */
    struct model_partition partitions[MODEL_PARTITIONS_MAX];
};

struct model_stream {
    u32 index;
    char name[24];
    enum model_existence existence;
    bool is_changing;
    u32 changes;
    u32 deletions;
    u32 id;
    struct model_topic topics[MODEL_TOPICS_MAX];
};

struct model {
    struct verdict *verdict;
    enum model_level level;
    u32 streams_count;
    struct model_stream streams[MODEL_STREAMS_MAX];
    struct model_send **sends; /* by number - 1 */
    u32 sends_count;
    u32 sends_room;
    bool offsets_rotted;
    u64 messages_acknowledged;
    u64 messages_seen;
};

void model_init(struct model *model, struct verdict *verdict, enum model_level level,
                u32 streams_count);
void model_deinit(struct model *model);

/* ---- Topics ---- */

bool model_topic_is_there(const struct model_topic *topic);

/* A request looked at the topic from here to there: did a change overlap? */
struct model_glimpse {
    u32 changes;
    bool was_changing;
};
struct model_glimpse model_glimpse(const struct model_topic *topic);
bool model_is_fuzzy(const struct model_topic *topic, struct model_glimpse glimpse);

/* Messages of a topic that is new expire, or do not; it has a largest size, or none. */
void model_topic_retains(struct model_topic *topic, u64 expiry_us, u64 bytes_max);

/* Somebody asks that the oldest segments go; and is answered. What such a request took of the life
 * after a purge is still taken when the purge is answered: it may have been done long before. */
void model_segments_delete_begin(struct model_partition *partition);
void model_segments_delete_answered(struct model_partition *partition);

/* All that is bound in these partitions is gone for good; so are stored offsets. */
void model_purge(struct model *model, struct model_topic *topic, u32 from_partition);
enum model_level model_level_of(const struct model *model, const struct model_topic *topic);

/* ---- Messages ---- */

/* A new send, in flight. */
struct model_send *model_send_begin(struct model *model, struct model_partition *partition,
                                    u32 count, u32 size_class, u64 origin_us);
struct u128 model_message_id(const struct model_send *send, u32 index);
u32 model_message_size(const struct model_send *send, u32 index);

/* `bytes` has room for model_message_size. */
void model_message_fill(const struct model_send *send, u32 index, u8 *bytes);

/* The same send again: whatever becomes of both, it is stored once. False when it is known to be
 * gone, so that a repeat would be new. */
bool model_send_repeat(struct model_send *send);

/* A request with it was refused, or got no answer. */
void model_send_refused(struct model_send *send);
void model_send_lost(struct model_send *send);

/* The answer: it lies at `base_offset`. A fuzzy one is left unknown. */
void model_send_acknowledged(struct model *model, struct model_send *send, u64 base_offset,
                             u64 now_us, bool is_fuzzy);

/* The same of generation 1, which is not told where it lies. */
void model_send_stored(struct model *model, struct model_send *send, u64 now_us, bool is_fuzzy);

/* A purge got no answer: such sends may be gone. */
void model_doubt_unplaced(struct model *model, struct model_partition *partition);

/* The oldest offset that no acknowledged or seen message has reached: 0 for none. */
u64 model_end(const struct model_partition *partition);

/* Judges one message that a poll of `partition` returned; binds its send unless fuzzy. */
void model_saw(struct model *model, struct model_partition *partition,
               const struct polled_message *message, u64 now_us, bool is_fuzzy);

/* The run that holds `offset`, or NULL. */
const struct model_run *model_run_at(const struct model_partition *partition, u64 offset);
bool model_offset_is_rotten(const struct model_partition *partition, u64 offset);

/* A sector of the segment that begins at `from` and ends before `to` rotted. */
void model_note_rot(struct model_partition *partition, u64 from, u64 to, bool is_last_segment);

/* ---- After a restart ---- */

/* The disk failed since then: what was bound at `memory` may be there, elsewhere, or gone. */
void model_doubt_memory(struct model *model, u64 since_us);

/* The audit read offsets `first` .. `end` - 1 of the partition, and nothing is in flight any more.
 * `lost_before_us`: what was bound before must be there; a lossy level may have lost the rest.
 * Sends still unknown are now known to be lost. */
struct model_found {
    u64 first;
    u64 end;
    bool may_lose;
    u64 lost_before_us;
};
void model_audit_partition(struct model *model, struct model_partition *partition,
                           const struct model_found *found);

/* ---- Stored offsets ---- */

void model_store_begin(struct model_stored *stored, u64 offset);
void model_store_done(struct model_stored *stored, u64 offset, bool is_durable);
void model_store_refused(struct model_stored *stored, u64 offset);
bool model_stored_allows(const struct model_stored *stored, u64 offset);

/* A crash or kill: the durable ones are possible again, of all consumers everywhere. */
void model_crash(struct model *model);
void model_stored_crash(struct model_stored *stored);

/* A request that would change it got no answer, and may still be under way. */
void model_store_lost(struct model_stored *stored);

/* What a read in peace showed. */
void model_stored_settle(struct model_stored *stored, u64 offset);
