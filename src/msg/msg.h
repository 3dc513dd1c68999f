/* What owners say to one another: one cache line, copied by value through a lane.
 *
 *     kind from to flags │ error │ token │ applied │ partition │ bufs or loan │ words
 *
 * A buffer in a message is on loan: the receiver may read (and, for APPEND, stamp) it, and it goes
 * home with the reply. Late replies to a connection that is gone are recognised by the token's
 * generation. */
#pragma once

#include "base/buf.h"
#include "base/bytes.h"
#include "base/types.h"

enum lane { LANE_REQUEST, LANE_REPLY, LANE_CONTROL, LANE_COUNT };

#define MSG(name, lane, from, to) MSG_##name,
enum msg_kind {
#include "msg/msg.def"
    MSG_KIND_COUNT
};
#undef MSG

enum msg_flags {
    MSG_IS_REPLY = 1,
    MSG_GROUP_CONSUMER = 2, /* POLL, OFFSET_*: the consumer is a group */
    MSG_AUTO_COMMIT = 4,    /* POLL */
    MSG_AFTER_COMMIT = 8,   /* OFFSET_STORE, OFFSET_DELETE: answer after it is durable */
    MSG_BATCH_ALIGNED = 16, /* APPEND: the batch lies behind a 256-byte gap at sector alignment */
    MSG_MAY_WAIT = 16,      /* POLL: when there is nothing, the answer may be MSG_WAITING */
    MSG_WAITING = 16,       /* POLL reply, no loan: a NOTICE follows when there is something */
    MSG_CLOSE_CONNECTION = 32, /* reply: the mutation may be on disk all the same, so no answer is
                                  true: close the connection instead (its write or sync failed) */
    MSG_LOAN = 64,             /* a poll reply that lends `loan` */
    MSG_NAMED_CONSUMER = 128   /* POLL, OFFSET_*: `consumer` is XXH32 of a name, not a number */
};

struct conn; /* of an edge; whoever else sees one passes it on */

/* Which request of which connection: a slot of the edge's request table, and its generation. */
struct msg_token {
    u32 slot;
    u32 generation;
};

/* A partition as the sender's state knew it: the slot is reused, the generation is not. */
struct partition_handle {
    u32 slot;
    u32 generation;
};

/* APPEND with a request_hash: who sends it, in the 256 bytes ahead of the batch, where the log puts
 * a unit's control batch once the append is admitted. A send that comes again has the same client,
 * number and hash: the number alone proves nothing, since some clients repeat it. */
#define APPEND_GAP_BYTES 256u
struct append_sender {
    struct u128 client;
    u64 request;
};
static inline void append_sender_put(u8 *batch, const struct append_sender *sender)
{
    put_u128(batch - APPEND_GAP_BYTES, sender->client);
    put_u64(batch - APPEND_GAP_BYTES + 16, sender->request);
}
static inline struct append_sender append_sender_get(const u8 *batch)
{
    return (struct append_sender){.client = get_u128(batch - APPEND_GAP_BYTES),
                                  .request = get_u64(batch - APPEND_GAP_BYTES + 16)};
}

/* What a poll lends to the edge: runs of bytes in memory of the shard, in order, to be sent behind
 * the reply's header; until LOAN_RETURN comes home nobody changes or reuses them. The shard owns
 * the struct. */
#define MSG_POLL_COUNT_MAX 0xffffffu
#define POLL_LOAN_PIECES_MAX 48u
struct poll_loan_piece {
    const u8 *data;
    u32 size;
};
struct poll_loan {
    u32 pieces_count;
    u32 messages_count;
    u64 bytes;          /* of all pieces */
    u64 current_offset; /* newest offset at poll time */
    u32 partition_id;
    u32 batches_count; /* headers in the pieces */
    struct poll_loan_piece pieces[POLL_LOAN_PIECES_MAX];
};

struct msg {
    u8 kind;   /* enum msg_kind */
    u8 from;   /* core */
    u8 to;     /* core */
    u8 flags;  /* enum msg_flags */
    u32 error; /* reply: enum wire_error, 0 is success. APPEND request: unused */
    struct msg_token token;
    u64 applied; /* the sender's applied state index: a receiver that is behind catches up first */
    union {
        struct partition_handle partition;
        u64 number; /* COMMAND request: the client's own of it, which rises; 0: it has none */
    };
    union {
        struct buf *bufs[2];
        struct poll_loan *loan;
        struct conn *conn;  /* CONNECTION_LEAVES, CONNECTION: what is on its way; NULL: accepted */
        u64 member_session; /* POLL, OFFSET_STORE, OFFSET_DELETE requests of a group: who asks */
        struct u128 client; /* SEGMENTS_DELETE request: who asks */
    };
    union {
        u64 words[2];
        struct { /* APPEND request: where the batch lies in bufs[0] */
            u32 batch_position;
            u32 batch_size;
            u64 request_hash; /* of the whole body; 0: a send that comes again is not recognised */
        } append;
        struct { /* APPEND reply */
            u64 base_offset;
            u64 unused;
        } appended;
        struct
        { /* POLL request; strategy: enum polling_strategy in the top byte of count_strategy */
            u64 value;
            u32 consumer;
            u32 count_strategy; /* count in the low 24 bits (more is cut to that), strategy above */
        } poll;
        struct { /* POLL reply with MSG_WAITING */
            u64 current_offset;
            u64 unused;
        } waiting;
        struct {        /* NOTICE: the partition it is about stands in `partition` */
            u32 closes; /* 1: it is gone, nothing will come */
            u32 reserved;
            u64 unused;
        } notice;
        struct { /* OFFSET_* request: consumer; reply to OFFSET_GET: current and stored */
            u64 offset;
            u32 consumer;
            u32 reserved;
        } offset;
        struct { /* OFFSET_GET reply; error is 0 and has_stored false when nothing is stored */
            u64 current;
            u64 stored; /* UINT64_MAX: nothing stored */
        } offset_got;
        struct { /* SEGMENTS_DELETE */
            u32 count;
            u32 reserved;
            u64 number; /* the client's own of it; 0: one that comes again is not recognised */
        } segments;
        struct {         /* COMMAND request */
            u32 command; /* enum command of wire/commands.def */
            u32 user_id;
            u64 session;
        } command;
        struct { /* COMMAND reply: what was created, and in what */
            u32 id;
            u32 parent_id;
            u32 grandparent_id; /* of a group: its stream */
            u32 reserved;
        } commanded;
        struct { /* LOGIN request; LOGOUT: client_number only */
            u32 client_number;
            u32 body_position; /* of the body in bufs[0]; its size is to the buffer's end */
            u64 unused;
        } login;
        struct { /* CONNECTION_CLOSED */
            u32 client_number;
            u32 was_silent; /* 1: its heartbeats stopped, and it was closed for that */
            u64 unused;
        } closed;
        struct
        { /* LOGIN reply: error is a wire error; eviction is a reason of wire-v2.md 2.5 or 0 */
            u64 session;
            u32 user_id;
            u32 eviction;
        } logged_in;
        struct { /* CLIENTS: the reply fills bufs[0] with the body as it goes over the wire */
            u32 client_number; /* UINT32_MAX: all */
            u32 detailed;      /* 1: as GetMe and GetClient, 0: as GetClients */
            u64 unused;
        } clients;
        struct { /* CONNECTION */
            s32 socket;
            u32 client_number;
            u32 peer_address;
            u16 peer_port;
            u16 left; /* the core it comes from, when it is on its way */
        } connection;
        struct { /* CONNECTION_LEAVES */
            u32 client_number;
            u32 core;
            u64 unused;
        } leaves;
        struct { /* APPLY: index of the command; words for PHASE: enum phase */
            u64 index;
            u32 piece; /* 0: a command. 1: snapshot piece. 2: last snapshot piece */
            u32 reserved;
        } apply;
    };
};
static_assert(sizeof(struct msg) == 64, "a message is one cache line");

/* Start and stop, in order; control sends each to all cores and goes on when all have answered. */
enum phase {
    PHASE_RECOVER = 1, /* state is complete: shards read ends and offsets, then open partitions
                            in the background; answered when offsets are merged and synced */
    PHASE_FORGET_OLD,  /* all cores have merged: files of older boots may go */
    PHASE_SERVE,       /* edges may serve (control also starts to accept) */
    PHASE_DRAIN_EDGES, /* stop reading; answered when all requests in flight are answered */
    PHASE_DRAIN_SHARDS /* write and sync everything, note all ends; answered when done */
};

enum lane msg_lane(enum msg_kind kind, bool is_reply);
const char *msg_kind_name(enum msg_kind kind);
