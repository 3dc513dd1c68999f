/* One request of an actor, from its body to the judgement of its answer. */
#pragma once

#include "sim/workload.h"
#include "wire/topic_info.h"

enum operation_kind {
    OPERATION_REGISTER,
    OPERATION_WRONG_PASSWORD,
    OPERATION_PLAIN, /* a read whose answer has nothing to judge but its status */
    OPERATION_SEND,
    OPERATION_SEND_DAMAGED,
    OPERATION_POLL,
    OPERATION_OFFSET_GET,
    OPERATION_OFFSET_STORE,
    OPERATION_OFFSET_DELETE,
    OPERATION_SEGMENTS_DELETE,
    OPERATION_CHANGE,      /* of a stream or topic by its owner */
    OPERATION_CHANGE_AGAIN /* one that was answered comes again */
};

enum change_kind {
    CHANGE_CREATE_STREAM,
    CHANGE_DELETE_STREAM,
    CHANGE_PURGE_STREAM,
    CHANGE_CREATE_TOPIC,
    CHANGE_DELETE_TOPIC,
    CHANGE_PURGE_TOPIC,
    CHANGE_CREATE_PARTITIONS,
    CHANGE_DELETE_PARTITIONS
};

struct operation {
    struct sim_client_call call;
    struct actor *actor;
    enum operation_kind kind;
    u32 expected; /* the status; 0: success */
    struct model_stream *stream;
    struct model_topic *topic;
    struct model_partition *partition;
    struct model_glimpse glimpse;

    struct model_send *send;
    bool is_repeat;

    u8 strategy; /* enum poll_strategy */
    u64 value;
    u32 count;
    bool auto_commit;
    u32 wait_ms; /* not 0: it waits so long for something */
    u64 end_at_issue;
    u64 first_at_issue;

    struct model_stored *stored;
    u64 offset;
    bool wait_for_commit;
    u64 session_max_at_issue;

    enum change_kind change;
    u32 partitions_count; /* of a new topic, or how many more or fewer */
    bool persisted;
    u64 expiry_us;
    u64 bytes_max;
};

/* A send that may come again: the same client, number and bytes, while the server lives. */
struct repeat {
    struct model_send *send; /* NULL: none is kept */
    struct model_glimpse glimpse;
    u32 starts_count; /* of the server, then */
    u32 sends_since;
    u64 messages_then; /* sent to its partition before it */
    struct u128 client;
    u64 request;
    u8 *body;
    u32 bytes;
};

/* The last change of an actor, which may come again: the same client, number and bytes. */
struct kept_change {
    bool is_kept;
    bool is_answered; /* otherwise the answer was lost, or is still to come */
    bool is_lost;
    u32 status; /* of the answer, */
    u32 id;     /* and what was created */
    struct operation change;
    u32 starts_count; /* of the server, then */
    u64 asked_us;
    struct u128 client;
    u64 request;
    u32 bytes;
    u8 body[1024];
};

struct actor {
    struct sim_client client;
    struct workload *workload;
    struct prng prng;
    u32 index;
    bool logged_in;
    u32 window; /* appends in flight at once */
    u8 *body;   /* of the request being written */
    bool step_planned;
    bool busy_alone; /* an operation is in flight that allows no other */
    struct repeat repeat;
    struct kept_change kept;
};

#define OPERATION_BODY_BYTES (1024u * 1024u)

/* A random operation, issued; false when there was nothing to do now. */
bool operation_begin(struct actor *actor);
void operation_register(struct actor *actor);

/* Of operation_ask.c, for the sources that ask. */
struct operation *operation_create(struct actor *actor, enum operation_kind kind);
void operation_issue(struct actor *actor, struct operation *operation, enum command command,
                     const struct writer *body);

/* Where this send goes, as both generations say it. */
struct send_request operation_send_request(const struct model_send *send);

/* The body of a send of what the model says; returns where the batch begins. */
u32 operation_write_send(const struct model_send *send, struct writer *body);

/* A send was issued: it may be kept, to be repeated later. */
void operation_keep_send(const struct operation *operation, const struct writer *body);

/* Repeats the send that is kept; false when there is none, or it would be a new one. */
bool operation_repeat_send(struct actor *actor);

/* A change was issued: it is kept. */
void operation_keep_change(const struct operation *operation, const struct writer *body);

/* It was answered, and the model knows; or its answer was lost. */
void operation_change_answered(const struct operation *operation, u32 status);
void operation_change_lost(const struct operation *operation);

/* The change that is kept comes again; false when there is none, or nobody remembers it. */
bool operation_repeat_change(struct actor *actor);
bool operation_has_lost_change(const struct actor *actor);

void operation_on_reply(struct operation *operation, const struct sim_client_reply *reply);
void operation_on_lost(struct operation *operation);

/* A poll began later than was asked for: may what lies between be gone? */
void retention_judge(struct operation *operation, u64 start, u64 first);

/* After so long in peace what has expired, or is too much, must be gone from the disk. 0: there is
 * nothing to wait for. */
u64 retention_ends_after_us(const struct workload *workload);
void retention_judge_disk(const struct workload *workload);

/* Judges the body of a poll of `partition` and shows it to the model. `messages` counts them,
 * `next` is the offset after the last. False after a violation. */
struct poll_judgement {
    u32 messages;
    u64 first;
    u64 next;
    u64 first_stamp_us;
    u64 current_offset;
};
struct poll_answer {
    struct span body;
    bool is_v1;
};
bool poll_judge(struct workload *workload, struct model_partition *partition, bool is_fuzzy,
                const struct poll_answer *answer, struct poll_judgement *judgement);

/* Of operation_v1.c: bodies that generation 1 writes otherwise. */
void operation_write_login_v1(const char *password, struct writer *body);
void operation_write_send_v1(const struct model_send *send, struct writer *body);
