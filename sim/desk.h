/* What a clerk has made: streams, their topics, the groups of these, and tokens; and what must come
 * of each change. Tiny, and obviously right: it is the model that every answer is compared with.
 *
 *     desk + change ─▶ desk_apply ─▶ the status that must be answered, and the desk afterwards
 *
 * Nobody else touches these streams, so the outcome of a change follows from the desk alone. Names
 * are numbers here: "clerk-2", "topic-1", "group-0". A plain value: it may be copied and compared.
 *
 * Owner: the clerk. */
#pragma once

#include "wire/error.h"

#define DESK_STREAMS 2u
#define DESK_TOPICS 2u /* of one stream */
#define DESK_NAMES 3u  /* of streams, and of topics: one more than there are */
#define DESK_GROUPS 3u
#define DESK_TOKENS 5u
#define DESK_TOKENS_MAX 4u /* that one user may have */
#define DESK_PARTITIONS_MAX 4u

struct desk_topic {
    bool exists;
    u32 name;
    u32 partitions_count;
    u64 expiry_us; /* UINT64_MAX: never */
    u64 bytes_max; /* UINT64_MAX: any */
    u32 groups;    /* bits: these are there */
    u32 members;   /* bits: the clerk's session is a member of them */
    u32 ghosts;    /* bits: a session of before may still be one */
};

struct desk_stream {
    bool exists;
    u32 name;
    struct desk_topic topics[DESK_TOPICS];
};

struct desk {
    struct desk_stream streams[DESK_STREAMS];
    u32 tokens; /* bits: these are there */
    u64 segment_bytes;
};

enum desk_change_kind {
    DESK_CREATE_STREAM,
    DESK_UPDATE_STREAM,
    DESK_DELETE_STREAM,
    DESK_PURGE_STREAM,
    DESK_CREATE_TOPIC,
    DESK_UPDATE_TOPIC,
    DESK_DELETE_TOPIC,
    DESK_PURGE_TOPIC,
    DESK_CREATE_PARTITIONS,
    DESK_DELETE_PARTITIONS,
    DESK_CREATE_GROUP,
    DESK_DELETE_GROUP,
    DESK_JOIN_GROUP,
    DESK_LEAVE_GROUP,
    DESK_CREATE_TOKEN,
    DESK_DELETE_TOKEN,
    DESK_CHANGES_COUNT
};

struct desk_change {
    enum desk_change_kind kind;
    u32 stream; /* the names that are given */
    u32 topic;
    u32 name;       /* of what is made, or what it is called from now on; of the group, the token */
    u32 count;      /* of partitions */
    u64 expiry_us;  /* 0: as the server does without */
    u64 bytes_max;  /* likewise */
    bool keeps_old; /* an update says nothing of these two */
};

/* The change is made, or the desk stays as it is: returns the status that must be answered. */
u32 desk_apply(struct desk *desk, const struct desk_change *change);

/* NULL: there is none of this name. */
struct desk_stream *desk_stream(struct desk *desk, u32 name);
struct desk_topic *desk_topic(struct desk *desk, u32 stream, u32 name);
u32 desk_topics_count(const struct desk_stream *stream);

/* The clerk's session is over: what it was a member of it may be, as a ghost, for a while. */
void desk_session_ends(struct desk *desk, bool leaves_ghosts);

/* The server started: who was in a group is not. */
void desk_server_starts(struct desk *desk);
