/* The parts of doctor, for the sources of this folder alone.
 *
 *     doctor ─▶ control log ─▶ state ─▶ points, stored offsets ─▶ each partition ─▶ the rest
 *                                                                   └ segment by segment
 *
 * What a byte means is never decided here: the questions are those of recovery (control_log,
 * state, segment_verdict, segment_recover, segment_unit, record_file, ends, offsets). Here files
 * are read and answers are put into sentences. */
#pragma once

#include "base/mem.h"
#include "core/core.h"
#include "core/plan.h"
#include "doctor/data_file.h"
#include "doctor/findings.h"
#include "shard/ends.h"
#include "shard/offsets.h"
#include "shard/segment_verdict.h"
#include "state/state.h"

#define DOCTOR_EVENTS 64u

/* What is known of a partition that state describes, by its slot there. */
struct doctor_partition {
    bool seen;      /* it has a directory */
    bool has_point; /* a recovery point of its present life */
    struct log_point point;
};

/* A stored offset of a present life. */
struct doctor_offset {
    u32 slot;
    struct offset_record record;
};

struct doctor {
    struct findings findings;
    const char *path; /* as given */
    int root;         /* open on it */
    struct plan plan;
    struct arena arena;
    struct core core; /* what the control log stands on: nothing but somewhere to log */
    struct event_log events;
    struct event event_items[DOCTOR_EVENTS];
    struct state *state;
    bool has_state; /* the control log could be read to its end */
    struct doctor_partition *partitions;
    struct doctor_offset *offsets; /* sorted by slot, one a consumer, once all are read */
    u32 offsets_count;
    u32 offsets_room;
    u8 *room; /* what was read last of a segment or a record file */
    u32 room_bytes;
    u64 partitions_count;
    u64 segments_count;
    u64 messages_count;
    u64 bytes_count;
};

/* Room for that many bytes; what was in it is gone when it had to grow. */
u8 *doctor_room(struct doctor *doctor, u32 bytes);

/* ---- doctor_control.c ---- */

struct state_options doctor_state_options(const struct plan *plan);
void doctor_control(struct doctor *doctor);

/* ---- doctor_records.c ---- */

void doctor_records(struct doctor *doctor);

/* ---- doctor_partition.c ---- */

struct partition_ids {
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
};

/* Looks into the directory; `described` is NULL when state knows nothing there. */
void doctor_partition(struct doctor *doctor, const struct partition_ids *ids,
                      const struct state_partition *described);

/* ---- doctor_segment.c ---- */

struct doctor_segment {
    struct data_file file;
    char name[32];
    u64 base_offset;
    enum segment_verdict verdict;
    struct segment_header header;      /* when the verdict says there is one */
    const struct segment_header *next; /* of the segment behind it; NULL: the newest */
    const struct log_point *point;     /* of the partition, or NULL */
    bool read_only;                    /* the partition opens so, whatever is found here */
    bool unreadable_point;             /* result: the file ends before the recovery point */
    u64 end_offset;                    /* result: behind the last message */
};

void doctor_segment(struct doctor *doctor, struct doctor_segment *segment);

/* ---- doctor_rest.c ---- */

/* Walks streams/, and says what lies beside. */
void doctor_streams(struct doctor *doctor);
void doctor_rest(struct doctor *doctor);
