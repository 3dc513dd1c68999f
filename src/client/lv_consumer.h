/* How a consumer works inside. One question at a time, the first of these that has a reason:
 *
 *     join ─▶ which partitions? ─▶ what is stored for this one?
 *
 * and when there is none, polls, one a partition, CONSUMER_FETCHES_MAX at most: the server holds
 * those that find nothing, so that a message of any partition comes at once. With more partitions
 * than that they take turns, and wait shorter.
 *
 * A source is a partition that is read. Its position is the consumer's own: polls ask for offsets,
 * never for "the next", so an answer that is lost costs nothing. What polls brought waits in order
 * of arrival in `chunks`; positions of delivery decide what of it is still wanted. Offsets are
 * stored beside all that, one at a time.
 *
 * Any other request ends the polls that wait, on the server: they are asked again, but ever later
 * while that goes on, so that partitions with nothing in them cost little when others are busy.
 *
 * A connection that comes back: a consumer by itself goes on where it was. A member joins again,
 * throws away what it read ahead, and begins behind what it delivered or what is stored, whichever
 * is further: others may have gone on in its place. */
#pragma once

#include "client/connection.h"
#include "client/lv_message.h"
#include "wire/consumer.h"
#include "wire/poll.h"

#define CONSUMER_FETCHES_MAX 16u /* a server holds no more polls of one connection */

struct source {
    u32 partition_id;
    bool is_owned;    /* false: drains what was read ahead, then goes */
    bool was_owned;   /* before the assignment that is being looked at */
    bool needs_start; /* asks what is stored before it reads */
    bool needs_end;   /* begins with what comes from now on: asks where that is */
    u8 strategy;      /* enum poll_strategy, of the first poll */
    u64 strategy_value;
    u64 fetch_offset;   /* of the next poll */
    u64 deliver_offset; /* no message before it is handed out any more */
    u64 passed;         /* messages before it are done; 0: none */
    u64 stored;         /* likewise, as the server knows it */
    u64 newest;         /* the largest end that was ever seen: when it falls, a purge was */
    bool is_due;        /* for storing */
    u64 poll_at_us;     /* not before */
    u32 early_count;    /* polls in a row that were ended before their time */
};

/* A poll that is under way, while its ask is linked. */
struct fetch {
    struct ask ask;
    u32 partition_id;
    u64 asked_at_us;
    u8 *frame;
};

/* The answer of one poll. */
struct chunk {
    struct list_node node;
    u32 partition_id;
    u32 bytes_count;
    u8 *bytes;
    struct poll_iterator messages;
};

struct lv_consumer {
    struct client_part part;
    struct lv_client *client;
    char *stream_text;
    char *topic_text;
    char *name_text; /* of the consumer or the group */
    struct identifier stream;
    struct identifier topic;
    struct consumer consumer;
    struct lv_consumer_options options;
    struct source *sources;
    u32 sources_count;
    u32 turn;        /* the source to poll next */
    u32 empty_count; /* polls in a row that found nothing and could not wait */
    bool is_joined;
    bool must_find; /* which partitions there are, or are ours */
    bool can_wait;
    bool is_closing;
    u64 found_at_us;
    u64 retry_at_us;
    u64 store_at_us; /* by interval */
    u64 connections_count;
    int error;         /* to be told once */
    u32 message_bytes; /* a running mean */
    struct list chunks;
    u64 held_bytes;
    struct ask ask;
    u32 asked_partition;
    u8 *frame;
    struct fetch fetches[CONSUMER_FETCHES_MAX];
    struct ask store;
    u32 stored_partition;
    u64 stored_offset;
    u8 *store_frame;
    struct lv_message message; /* that was handed out last */
    bool has_message;
};

/* Everything that is due; called in every turn of the client. */
void consumer_steps(struct lv_consumer *consumer, u64 now_us);
u64 consumer_deadline_us(struct lv_consumer *consumer);

/* NULL: it does not read that partition. */
struct source *consumer_source(struct lv_consumer *consumer, u32 partition_id);
struct source *consumer_add_source(struct lv_consumer *consumer, u32 partition_id);

/* A poll of the partition that is under way is of no use any more. */
void consumer_stop_fetch(struct lv_consumer *consumer, u32 partition_id);
void consumer_stop_all(struct lv_consumer *consumer);

/* The message handed out last is done, and with it its chunk, or not; offsets become due by the
 * policy. */
void consumer_pass(struct lv_consumer *consumer, bool chunk_ended);
void consumer_drop_chunk(struct lv_consumer *consumer, struct chunk *chunk);
void consumer_drop_all(struct lv_consumer *consumer);

/* What a store of `offset` says. */
void consumer_write_store(const struct lv_consumer *consumer, struct writer *body, u32 partition_id,
                          u64 offset);
