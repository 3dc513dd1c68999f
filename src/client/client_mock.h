/* The insides of lv_mock: a server in memory for tests, on one thread, over real sockets.
 *
 *     client_mock.c       thread, sockets, faults      lv_mock_*
 *     mock_streams.c      streams, topics, logins
 *     mock_messages.c     sends, polls, stored offsets
 *     mock_groups.c       members and who has which partition
 *
 * It is simple, not fast: plain arrays, looked through from the start.
 *
 * Thread:  everything below the lock, which the thread holds while it works and every call takes.
 * Memory:  the heap, without a limit. */
#pragma once

#include <pthread.h>

#include "base/bytes.h"
#include "levriero.h"
#include "wire/command.h"
#include "wire/consumer.h"
#include "wire/frame.h"
#include "wire/identifier.h"
#include "wire/send.h"

#define MOCK_CONNECTIONS_MAX 64u
#define MOCK_SENDS_MAX 128u
#define MOCK_RULES_MAX 32u
#define MOCK_HELD_MAX 16u
#define MOCK_HELD_ANEW UINT64_MAX
#define MOCK_CODES_MAX 128u

struct mock_batch {
    u64 base_offset;
    u32 messages_count;
    u32 bytes_count;
    u8 *bytes;
};

struct mock_offset {
    u8 kind; /* enum consumer_kind */
    u32 key;
    u64 offset;
};

struct mock_partition {
    struct mock_batch *batches;
    u32 batches_count;
    u64 next_offset;
    struct mock_offset *offsets;
    u32 offsets_count;
};

struct mock_group {
    char *name;
    u32 id;
    u64 generation;
    struct u128 *members; /* client ids */
    u32 members_count;
};

struct mock_topic {
    char *name;
    u32 id;
    struct mock_partition *partitions;
    u32 partitions_count;
    struct mock_group *groups;
    u32 groups_count;
};

struct mock_stream {
    char *name;
    u32 id;
    struct mock_topic *topics;
    u32 topics_count;
};

struct mock_send {
    struct u128 client;
    u64 request;
    u64 hash;
    struct send_confirmation confirmation;
};

struct mock_rule {
    u32 code; /* 0: any */
    u32 count;
    int error; /* refuse, or 0: lose */
    int moment;
};

/* A poll that waits; frame NULL: none. */
struct mock_held {
    u8 *frame;
    u64 until_us;
};

struct mock_connection {
    int fd;        /* -1: free */
    bool is_known; /* logged in */
    bool must_close;
    struct u128 client;
    u8 *input;
    u32 input_bytes;
    u32 input_capacity;
    u8 *output;
    u32 output_bytes;
    u32 output_capacity;
    struct mock_held held[MOCK_HELD_MAX];
};

struct lv_mock {
    pthread_mutex_t lock;
    pthread_t thread;
    int listener;
    int wake[2]; /* a pipe: the thread waits for it too */
    bool is_ending;
    bool is_paused;
    char address[32];
    u64 session;
    struct mock_connection connections[MOCK_CONNECTIONS_MAX];
    struct mock_stream *streams;
    u32 streams_count;
    struct mock_send sends[MOCK_SENDS_MAX];
    u64 sends_count;
    struct mock_rule rules[MOCK_RULES_MAX];
    u32 rules_count;
    u64 requests[MOCK_CODES_MAX]; /* by enum command */
};

/* One request as it is carried out. The reply's body, without result section, goes to `reply`. */
struct mock_request {
    struct lv_mock *mock;
    struct mock_connection *connection;
    enum command command;
    struct request_header header;
    struct span body;
    struct writer *reply;
    u64 hold_until_us; /* 0: a poll may not wait; MOCK_HELD_ANEW: as long as it says */
    bool holds;        /* it waits for messages */
    u32 hold_ms;
};

/* Each carries out some commands and gives the error to answer with. */
enum wire_error mock_streams_do(struct mock_request *request);
enum wire_error mock_messages_do(struct mock_request *request);
enum wire_error mock_groups_do(struct mock_request *request);

/* NULL: there is none. */
struct mock_stream *mock_find_stream(struct lv_mock *mock, const struct identifier *stream);
struct mock_topic *mock_find_topic(struct lv_mock *mock, const struct identifier *stream,
                                   const struct identifier *topic);
struct mock_group *mock_find_group(struct mock_topic *topic, const struct identifier *group);
struct mock_stream *mock_add_stream(struct lv_mock *mock, struct span name);
struct mock_topic *mock_add_topic(struct mock_stream *stream, struct span name, u32 partitions);
void mock_destroy_streams(struct lv_mock *mock);
void mock_destroy_topic(struct mock_topic *topic);

/* A client is gone, and with it its memberships. */
void mock_leave_all(struct lv_mock *mock, struct u128 client);
bool mock_owns(const struct mock_topic *topic, const struct mock_group *group, struct u128 client,
               u32 partition_id);
