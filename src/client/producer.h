/* How a producer works inside. One lane a partition, one queue of batches a lane:
 *
 *     lv_producer_send ─▶ FILLING ─ full, or lingered ─▶ READY ─▶ IN_FLIGHT ─▶ fate
 *                                                         ▲           │
 *                              retry, in order ─ REFUSED ◀┼───────────┤ "not now"
 *                              the lane looks ────────────┴───────────┘ the connection was lost
 *
 * A lane sends its batches in order, `in_flight_max` at once. What was refused for the moment waits
 * until nothing of the lane is in flight and goes again in order; when a later batch was stored
 * meanwhile it fails, because order comes first. After a loss the lane reads its partition from the
 * last confirmed offset and looks for the ids of its batches: what is there is stored, what is not
 * goes again under its old request number, so that the server, if it is still the same process,
 * knows it again. What a server receives late over the old connection is so never doubled either.
 *
 * Memory: a batch is built where it is sent from, behind the room for its header. */
#pragma once

#include "client/connection.h"
#include "wire/batch.h"
#include "wire/send.h"

enum batch_state { BATCH_FILLING, BATCH_READY, BATCH_IN_FLIGHT, BATCH_REFUSED };

struct outgoing {
    struct list_node node;
    struct ask ask;
    struct lane *lane;
    enum batch_state state;
    int error; /* when refused */
    u64 opened_at_us;
    u64 deadline_us;
    u64 held_bytes; /* what it counts for in the bound */
    struct u128 first_id;
    struct batch_builder builder;
    u32 frame_capacity;
    u64 *tags;
    u32 tags_capacity;
    u32 messages_count;
    u32 taken_count; /* fates taken, once it is done */
    u64 base_offset; /* likewise */
};

enum lane_state {
    LANE_NEW,    /* does not know where the partition ends */
    LANE_ASKING, /* asks for it */
    LANE_READY,
    LANE_LOST, /* must look before it sends */
    LANE_LOOKING,
};

struct lane {
    struct list_node node; /* among those that have something to do */
    struct lv_producer *producer;
    u32 partition_id;
    enum lane_state state;
    bool can_look;
    struct list batches; /* oldest first */
    u32 in_flight_count;
    u64 look_from;
    u64 retry_at_us;
    struct ask look;
    u8 *look_frame;
};

struct lv_producer {
    struct client_part part;
    struct lv_client *client;
    struct identifier stream;
    struct identifier topic;
    char *stream_text;
    char *topic_text;
    u32 batch_messages_max;
    u32 batch_bytes_max;
    u32 linger_us;
    u32 in_flight_max;
    u64 buffer_bytes_max;
    u64 message_timeout_us;
    u32 full_wait_ms;
    enum lv_repeat repeat;
    lv_fate_function on_fate;
    void *context;
    u32 prefix_bytes; /* of a body, before its batch */
    struct lane **lanes;
    u32 lanes_count;
    u32 turn;         /* the lane of messages that may go anywhere */
    struct list busy; /* lanes */
    struct list done; /* batches whose fates nobody took yet */
    struct prng ids;
    bool is_flushing;
    u64 buffer_bytes;
    u64 waiting_count;
    u64 repeats_count;
    u64 found_count;
    u64 asked_at_us; /* for the topic */
    struct ask topic_ask;
    u8 *topic_frame;
};

struct lane *lane_create(struct lv_producer *producer, u32 partition_id);
void lane_destroy(struct lane *lane);

/* Everything that is due in a lane: fates of what took too long, batches that go, looks. */
void lane_step(struct lane *lane, u64 now_us);
u64 lane_deadline_us(const struct lane *lane);

/* No more messages for it: it may go. */
void outgoing_seal(struct outgoing *batch);

/* Tells the fate of all its messages. */
void outgoing_finish(struct outgoing *batch, int error, u64 base_offset);
void outgoing_destroy(struct outgoing *batch);

/* A request for messages of the lane's partition, from `offset`. */
void lane_ask_poll(struct lane *lane, u64 offset, u32 count, u64 now_us);
