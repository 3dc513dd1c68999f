/* What an edge has: its connections, its requests, and who waits for what.
 *
 * Owner: one core; only the files of this folder look inside. */
#pragma once

#include "edge/conn.h"
#include "edge/edge.h"
#include "edge/request.h"
#include "offload/offload.h"
#include "state/slot_index.h"
#include "state/state.h"

/* What clients are told: the line whose protocol is spoken. */
#define SERVER_VERSION "0.9.0"
#define SERVER_VERSION_V1 "0.8.0"

#define EDGE_MAGIC 0x65646765u
#define CONN_MAGIC 0x636f6e6eu
#define REQUEST_MAGIC 0x72657175u

struct group_turn;

/* Whose turn it is among the partitions of a topic, for balanced sends of generation 1. */
struct topic_turn {
    u64 created_at_us; /* of the topic: another one begins anew */
    u32 next;
};
/* So that news of one partition are told to its own waiters, more or less: a power of two. */
#define EDGE_HELD_LISTS 1024u

struct edge {
    u32 magic;
    struct core *core;
    const struct plan *plan;
    const struct settings *settings;

    struct conn *conns;
    u32 conns_count;
    u32 conns_made;             /* slots ever used: pages of the others are not touched */
    struct slot_index sessions; /* number of a session ─▶ slot of its connection */
    bool has_attached;          /* some connection was attached to another's session */
    struct list conns_free;
    struct list conns_open;
    struct request *requests;
    u32 requests_count;
    u32 requests_made;
    struct list requests_free;
    u32 requests_used;

    struct list waiting;   /* conns that wait for a slot, or memory for a command, oldest first */
    struct list line;      /* conns that wait for memory for a batch, in order of arrival */
    struct conn *resuming; /* of the line: it alone may take what there is */
    u64 line_moved_us;     /* when its first became the first */
    struct timer line_timer;
    u64 stalled_bytes;    /* in copies of replies whose readers take nothing */
    struct list checking; /* requests with bytes of a batch to verify */
    struct list sending;  /* conns with something to send */
    u32 held_count;
    u32 held_max;
    struct list held[EDGE_HELD_LISTS]; /* polls that wait for news, by the slot of the partition */
    struct conn *moving;               /* one at a time: see conn_move.h */
    bool move_answered;
    bool move_taken;

    /* One look at the process serves all who asked meanwhile. */
    struct offload_job facts_job;
    struct process_facts facts;
    bool facts_busy;
    struct list facts_waiting; /* requests, by `work` */

    /* One diagnostics archive at a time. */
    struct offload_job archive_job;
    struct archive archive;
    struct buf *archive_buf; /* NULL: none is being made */
    struct msg_token archive_for;

    struct topic_turn *turns;       /* by the slot of a topic's first partition */
    struct group_turn *group_turns; /* by the slot of the member */
    u32 group_turns_count;

    bool serving;
    bool draining;
    bool drain_answered;
    struct msg drain_msg;
    struct timer drain_timer;
};

/* Its session may have ended while nobody here looked after it. */
void edge_look_at_session(struct edge *edge, struct conn *conn);

/* May this connection's batch have memory now, or are others before it? */
bool edge_line_lets(const struct edge *edge, const struct conn *conn);

/* Its batch has memory; or it waits for some, behind all that do. */
void edge_line_leave(struct edge *edge, struct conn *conn);
void edge_line_join(struct edge *edge, struct conn *conn);

/* The connection is found by its session from now on, or no more if it has none here: after each
 * login and logout, and when it comes or goes. */
void edge_note_session(struct edge *edge, struct conn *conn);

/* Makes one more slot of each table when its free list is empty. */
void edge_make_room(struct edge *edge);
