/* liblevriero: Levriero for programs in C, C++ and whatever calls C.
 *
 *     lv_client ──┬─ lv_stream_*, lv_topic_*, lv_user_* …   one question, one answer
 *                 ├─ lv_producer ─▶ batches ─▶ server ─▶ the fate of each message
 *                 └─ lv_consumer ◀─ prefetch ◀─ server
 *     lv_mock        a server in memory, for tests of programs that use the library
 *
 * What holds for every call, unless it says otherwise:
 *
 * Thread.  A client, with the producers and consumers that stand on it, belongs to one thread at a
 *          time: hand it over between calls, never use it from two at once. Different clients share
 *          nothing and may run in different threads at once. Calls without a handle are for any
 *          thread at any time. The library starts no thread, save one for each lv_mock. After a
 *          fork the child leaves the parent's handles alone, and makes its own.
 * Memory.  What you pass is read during the call and stays yours. What you get is the library's and
 *          holds until the next call with the same handle. Every *_create and *_open is undone by
 *          its *_destroy or *_close, which take NULL too and after which the handle is gone; those
 *          of clients, producers and consumers are not for callbacks. Any other handle is never
 *          NULL. Of text, options and records NULL is LV_ERROR_INVALID, unless it says what it
 *          means. When memory runs out the process ends.
 * Waiting. A call waits at most as long as lv_client_set_timeout_ms says, in poll(2). Calls that
 *          never wait say so. Signals do not end a wait. Names of hosts are looked up by the
 *          system, which takes its own time: addresses of digits are never looked up.
 * Errors.  LV_OK or an error: a negative number of this library, or a positive one of the protocol.
 *          lv_error_name, lv_error_text and lv_error_may_retry explain it; lv_client_failure has
 *          the whole sentence. Any call that asks the server can give LV_ERROR_TIMEOUT,
 *          LV_ERROR_CONNECTION, LV_ERROR_UNREADABLE, LV_ERROR_INVALID (an argument), and what the
 *          server refuses with: most often 40 (not logged in) and 41 (no right).
 *
 * Streams, topics, groups, users and consumers are named by text: "orders", or "7" for number 7.
 * Options are structs that begin with their size: start from their _INIT, so that they can grow. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LV_API __attribute__((visibility("default")))

/* ---- Errors ---- */

enum lv_error {
    LV_OK = 0,
    LV_ERROR_TIMEOUT = -1,    /* the time was over; what was asked may still happen */
    LV_ERROR_CONNECTION = -2, /* no server, or the connection was lost before an answer */
    LV_ERROR_UNKNOWN = -3,    /* the fate of a message cannot be known: it may be stored */
    LV_ERROR_INVALID = -4,    /* an argument or option does not fit; nothing was sent */
    LV_ERROR_FULL = -5,       /* the memory bound is reached: run the client, then again */
    LV_ERROR_UNREADABLE = -6, /* the answer is not of this protocol */
    LV_ERROR_CLOSED = -7,     /* closed here before an answer came */
    LV_ERROR_NOT_FOUND = -8,  /* the answer is: there is none */
    LV_ERROR_BUSY = -9,       /* called from inside a callback, where it cannot wait */

    LV_ERROR_FEATURE_UNAVAILABLE = 5,
    LV_ERROR_RESOURCE_NOT_FOUND = 20,
    LV_ERROR_UNAUTHENTICATED = 40,
    LV_ERROR_UNAUTHORIZED = 41,
    LV_ERROR_INVALID_CREDENTIALS = 42,
    LV_ERROR_INVALID_TOKEN = 53,
    LV_ERROR_STREAM_NOT_FOUND = 1009,
    LV_ERROR_STREAM_EXISTS = 1012,
    LV_ERROR_TOPIC_NOT_FOUND = 2010,
    LV_ERROR_TOPIC_EXISTS = 2013,
    LV_ERROR_PARTITION_NOT_FOUND = 3007,
    LV_ERROR_OFFSET_NOT_FOUND = 3021,
    LV_ERROR_CANNOT_APPEND = 4010,
    LV_ERROR_TOO_LARGE = 4022,
    LV_ERROR_INVALID_OFFSET = 4100,
    LV_ERROR_GROUP_NOT_FOUND = 5000,
    LV_ERROR_GROUP_EXISTS = 5004,
    LV_ERROR_GROUP_MEMBER_NOT_FOUND = 5006,
    LV_ERROR_GROUP_PARTITION_NOT_OWNED = 5009
};

/* "TIMEOUT", "STREAM_NAME_ALREADY_EXISTS"; "UNKNOWN_ERROR" for a number nobody knows. Never NULL,
 * holds for ever, never waits. */
LV_API const char *lv_error_name(int error);

/* A sentence without its full stop: "no such stream". Never NULL, holds for ever, never waits. */
LV_API const char *lv_error_text(int error);

/* 1: the same call may succeed later although nobody changed anything; 0: it will not. Never
 * waits. */
LV_API int lv_error_may_retry(int error);

/* "0.1.0": of the library that runs, not of this header. Never waits. */
LV_API const char *lv_version(void);

/* ---- The client: a connection that comes back ---- */

struct lv_client;

struct lv_client_options {
    size_t size;
    const char *addresses; /* "127.0.0.1:8090", more after commas: tried in turn */
    const char *username;  /* with password; or else token; neither: no login */
    const char *password;
    const char *token;
    uint32_t connect_timeout_ms;     /* of one address, the login included */
    uint32_t request_timeout_ms;     /* of one request; silence as long ends a connection */
    uint32_t reconnect_delay_ms_min; /* doubles with every failure, with chance in it, */
    uint32_t reconnect_delay_ms_max; /* up to this */
    uint32_t heartbeat_ms;           /* a ping when nothing else was sent so long; 0: never */
    uint64_t client_id_low;          /* 0 and 0: drawn. Two clients never share an id */
    uint64_t client_id_high;
};

#define LV_CLIENT_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(struct lv_client_options), "127.0.0.1:8090", NULL, NULL, NULL, 5000, 30000, 50,     \
            5000, 5000, 0, 0                                                                       \
    }

/* Takes the options over (NULL: all as they are in _INIT) and connects nowhere yet. All text is
 * copied: at most 16 addresses, 255 bytes of each other text. LV_ERROR_INVALID: an address or an
 * option does not fit; then *client is NULL. Never waits.
 *
 *     struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
 *     options.addresses = address;
 *     options.username = "iggy";
 *     options.password = "iggy";
 *     struct lv_client *client = NULL;
 *     expect(lv_client_create(&options, &client) == LV_OK);
 *     expect(lv_client_connect(client) == LV_OK);
 *     expect(lv_ping(client) == LV_OK);
 *     lv_client_destroy(client);
 */
LV_API int lv_client_create(const struct lv_client_options *options, struct lv_client **client);

/* Closes the connection. Producers and consumers that stand on it are closed before. Never waits.
 * */
LV_API void lv_client_destroy(struct lv_client *client);

/* Connects and logs in, unless that is so already: every other call does it too, when it must. A
 * lost connection comes back by itself, under the same client id, whenever the client runs. 42 or
 * 53: wrong credentials. */
LV_API int lv_client_connect(struct lv_client *client);

/* How long each later call with this client may wait; at first request_timeout_ms. Never waits. */
LV_API void lv_client_set_timeout_ms(struct lv_client *client, uint32_t timeout_ms);

/* What went wrong last, as a whole sentence with names and numbers. Never NULL. Never waits. */
LV_API const char *lv_client_failure(const struct lv_client *client);

/* 1: connected and logged in, as far as one knows. Never waits. */
LV_API int lv_client_is_connected(const struct lv_client *client);

/* How many connections were made so far. Never waits. */
LV_API uint64_t lv_client_connections_count(const struct lv_client *client);

/* Under which id the server knows this client, in halves. Never waits. */
LV_API void lv_client_id(const struct lv_client *client, uint64_t *low, uint64_t *high);

/* Does what is due (sends, receives, connects, lingers, calls back), and waits for the next thing
 * to happen, at most `timeout_ms`; with 0 it never waits. Producers and consumers work only while
 * this or another call that waits is under way. LV_ERROR_BUSY: called from a callback. A server
 * that is away is no error: it is tried again. 42 or 53: the login was refused. */
LV_API int lv_client_run(struct lv_client *client, uint32_t timeout_ms);

/* For a loop of your own (poll, epoll, libuv): one descriptor for the life of the client. When it
 * is readable, or lv_client_wait_ms is over, call lv_client_run(client, 0). Do nothing else with
 * it. -1: the system gave none. Never waits. */
LV_API int lv_client_descriptor(struct lv_client *client);

/* Milliseconds until something is due by the clock; UINT32_MAX: nothing is. Ask anew before every
 * wait: it changes with every call. Never waits. */
LV_API uint32_t lv_client_wait_ms(const struct lv_client *client);

/* Asks nothing, to see whether the server answers. */
LV_API int lv_ping(struct lv_client *client);

/* ---- Headers of a message ---- */

enum lv_header_kind {
    LV_HEADER_RAW = 1,
    LV_HEADER_TEXT = 2,
    LV_HEADER_BOOL = 3,
    LV_HEADER_INT8 = 4,
    LV_HEADER_INT16 = 5,
    LV_HEADER_INT32 = 6,
    LV_HEADER_INT64 = 7,
    LV_HEADER_INT128 = 8,
    LV_HEADER_UINT8 = 9,
    LV_HEADER_UINT16 = 10,
    LV_HEADER_UINT32 = 11,
    LV_HEADER_UINT64 = 12,
    LV_HEADER_UINT128 = 13,
    LV_HEADER_FLOAT32 = 14,
    LV_HEADER_FLOAT64 = 15
};

struct lv_headers;

/* Empty headers, to be filled or read into. Belong to one thread at a time. Never waits.
 *
 *     struct lv_headers *headers = lv_headers_create();
 *     uint64_t tries = 3;
 *     size_t size = 0;
 *     expect(lv_headers_add_text(headers, "type", "order") == LV_OK);
 *     expect(lv_headers_add(headers, LV_HEADER_UINT64, "tries", &tries, sizeof(tries)) == LV_OK);
 *     expect(lv_headers_count(headers) == 2);
 *     expect(strcmp(lv_headers_key(headers, 1, &size), "tries") == 0);
 *     lv_headers_destroy(headers);
 */
LV_API struct lv_headers *lv_headers_create(void);
LV_API void lv_headers_destroy(struct lv_headers *headers);

/* Takes all entries out. Never waits. */
LV_API void lv_headers_clear(struct lv_headers *headers);

/* Adds an entry with a key of text: key and value have 1 to 255 bytes; numbers lie little-endian,
 * as in memory, in the size of their kind. LV_ERROR_INVALID: a size or kind does not fit.
 * LV_ERROR_FULL: a message has at most 100,000 bytes of headers. Never waits. */
LV_API int lv_headers_add(struct lv_headers *headers, int kind, const char *key, const void *value,
                          size_t size);

/* The same for text that ends in a zero byte. */
LV_API int lv_headers_add_text(struct lv_headers *headers, const char *key, const char *value);

/* Puts the entries of a message in place of what was there. LV_ERROR_UNREADABLE: its bytes are no
 * headers; those before the fault are there. Never waits. */
LV_API int lv_headers_read(struct lv_headers *headers, const void *data, size_t size);

/* Entries, and the parts of the one at `index` (from 0): NULL, 0 past the end. Keys end in a zero
 * byte that *size does not count; keys of other kinds than text come as their bytes. All hold until
 * the headers change. Never wait. */
LV_API uint32_t lv_headers_count(const struct lv_headers *headers);
LV_API const char *lv_headers_key(const struct lv_headers *headers, uint32_t index, size_t *size);
LV_API int lv_headers_kind(const struct lv_headers *headers, uint32_t index);
LV_API const void *lv_headers_value(const struct lv_headers *headers, uint32_t index, size_t *size);

/* The entries as they travel, for lv_record. Hold until the headers change. Never waits. */
LV_API const void *lv_headers_bytes(const struct lv_headers *headers, size_t *size);

/* ---- The producer ---- */

struct lv_producer;

#define LV_PARTITION_ANY UINT32_MAX /* in turn, batch by batch; with a key: by its hash */

/* What to do with a batch whose answer was lost with its connection. The server remembers the last
 * 128 sends of a client while it runs: a send that comes again is stored once. When it was started
 * anew in between it has forgotten. */
enum lv_repeat {
    LV_REPEAT_LOOK = 0,  /* reads the partition first, and sends again only what is not there. Needs
                         * the right to poll; without it, as LV_REPEAT_NEVER */
    LV_REPEAT_BLIND = 1, /* sends again at once: for servers that deduplicate by message id; with
                            others a restart at the wrong moment stores a batch twice */
    LV_REPEAT_NEVER = 2  /* reports LV_ERROR_UNKNOWN */
};

/* The fate of one message, told once: `error` LV_OK with partition and offset, or why it is not
 * stored. `tag` is yours, from the record. It may call anything that does not wait. */
typedef void (*lv_fate_function)(void *context, uint64_t tag, int error, uint32_t partition,
                                 uint64_t offset);

struct lv_producer_options {
    size_t size;
    const char *stream;
    const char *topic;
    uint32_t batch_messages_max; /* a batch is sent when it has so many messages (1 and more), */
    uint32_t batch_bytes_max;  /* or the next would not fit into so many bytes (1 KiB and more), */
    uint32_t linger_us;        /* or its first message has waited so long */
    uint32_t in_flight_max;    /* batches of a partition sent and not yet answered: 1 and more */
    uint64_t buffer_bytes_max; /* of all messages without a fate, and fates not taken: 1 KiB on */
    uint32_t message_timeout_ms; /* from lv_producer_send to its fate; 0: for ever */
    uint32_t full_wait_ms;       /* how long lv_producer_send may wait for room */
    int repeat;                  /* enum lv_repeat */
    lv_fate_function on_fate;    /* NULL: fates are taken with lv_producer_take */
    void *context;
};

#define LV_PRODUCER_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(struct lv_producer_options), NULL, NULL, 1000, 1048576, 1000, 4, 67108864, 120000,  \
            30000, LV_REPEAT_LOOK, NULL, NULL                                                      \
    }

struct lv_record {
    size_t size;
    const void *payload; /* copied, like all the rest */
    size_t payload_size;
    const void *key; /* decides the partition when that is LV_PARTITION_ANY */
    size_t key_size;
    const void *headers; /* lv_headers_bytes */
    size_t headers_size;
    uint64_t id_low; /* of the message; 0 and 0: drawn */
    uint64_t id_high;
    uint32_t partition; /* or LV_PARTITION_ANY */
    uint64_t tag;       /* comes back with the fate */
};

#define LV_RECORD_INIT                                                                             \
    {                                                                                              \
        sizeof(struct lv_record), NULL, 0, NULL, 0, NULL, 0, 0, 0, LV_PARTITION_ANY, 0             \
    }

/* A producer for one topic, over the connection of `client`, which may serve other calls, producers
 * and consumers of the same thread. Asks how many partitions there are, so it may wait. 2010: no
 * such stream or topic.
 *
 * What is promised, with the server at durability `sync`:
 *
 * - Each message has one fate, told once. LV_OK: it is stored, durable, at that offset.
 * - Messages of a partition lie in it in the order of lv_producer_send, those that failed left out.
 * - A message is not stored twice by anything this library does, with LV_REPEAT_LOOK: over lost
 *   connections, time-outs and restarts of the server. The look reads from the last offset that was
 *   confirmed to this producer: when retention, a purge or a deletion takes the messages away
 *   before the look, the batch is sent again. With LV_REPEAT_BLIND that holds while the server
 *   runs.
 * - LV_ERROR_UNKNOWN: it may be stored or not; any other error: it is not. LV_ERROR_TIMEOUT is
 *   given to what was never sent, LV_ERROR_UNKNOWN to what was.
 *
 * A batch is refused as a whole. What may be tried again (lv_error_may_retry) is, in order, until
 * message_timeout_ms is over, unless a later batch of the partition was stored meanwhile.
 *
 *     struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
 *     options.stream = "orders";
 *     options.topic = "new";
 *     struct lv_producer *producer = NULL;
 *     expect(lv_producer_open(client, &options, &producer) == LV_OK);
 *     struct lv_record record = LV_RECORD_INIT;
 *     record.payload = "hello";
 *     record.payload_size = 5;
 *     record.tag = 42;
 *     expect(lv_producer_send(producer, &record) == LV_OK);
 *     expect(lv_producer_flush(producer, 10000) == LV_OK);
 *     uint64_t tag = 0, offset = 0;
 *     int error = -1;
 *     expect(lv_producer_take(producer, &tag, &error, NULL, &offset) == 1);
 *     expect(tag == 42 && error == LV_OK);
 *     lv_producer_close(producer);
 */
LV_API int lv_producer_open(struct lv_client *client, const struct lv_producer_options *options,
                            struct lv_producer **producer);

/* Tells the fate of all that is left, LV_ERROR_CLOSED for what was never sent and LV_ERROR_UNKNOWN
 * for what was and is not answered, by the callback (fates that nobody takes are lost with it).
 * Flush first. Never waits. */
LV_API void lv_producer_close(struct lv_producer *producer);

/* Copies the message into a batch. LV_OK: its fate will be told. Any error: it will not be, nothing
 * happened. Waits only when there is no room, at most full_wait_ms, then LV_ERROR_FULL; inside a
 * callback it never waits. LV_ERROR_INVALID: a key has at most 255 bytes, headers 100,000.
 * LV_ERROR_TOO_LARGE: it can fit into no batch (batch_bytes_max less 1 KiB).
 * LV_ERROR_PARTITION_NOT_FOUND: the topic had no such partition when last asked. */
LV_API int lv_producer_send(struct lv_producer *producer, const struct lv_record *record);

/* Sends what lingers and waits until every message has its fate, at most `timeout_ms`: then
 * LV_ERROR_TIMEOUT, and all goes on. */
LV_API int lv_producer_flush(struct lv_producer *producer, uint32_t timeout_ms);

/* The next fate, when there is no callback. 1: there was one; 0: none now. Each pointer may be
 * NULL. Never waits. */
LV_API int lv_producer_take(struct lv_producer *producer, uint64_t *tag, int *error,
                            uint32_t *partition, uint64_t *offset);

/* Messages that wait for their fate, and bytes held for them. Never wait. */
LV_API uint64_t lv_producer_waiting_count(const struct lv_producer *producer);
LV_API uint64_t lv_producer_buffer_bytes(const struct lv_producer *producer);

/* Partitions of the topic when last asked. Never waits. */
LV_API uint32_t lv_producer_partitions_count(const struct lv_producer *producer);

/* Batches sent again, and batches found to be stored by a look. Never wait. */
LV_API uint64_t lv_producer_repeats_count(const struct lv_producer *producer);
LV_API uint64_t lv_producer_found_count(const struct lv_producer *producer);

/* ---- Messages that were read ---- */

struct lv_message;

/* The parts of a message. Hold until the next lv_consumer_next, lv_consumer_seek or
 * lv_consumer_close of its consumer, or the next call with its client when it came from lv_poll.
 * Never wait. Times are microseconds since 1970: when the server took it in, when it was sent. */
LV_API const void *lv_message_payload(const struct lv_message *message, size_t *size);
LV_API const void *lv_message_headers(const struct lv_message *message, size_t *size);
LV_API uint32_t lv_message_partition(const struct lv_message *message);
LV_API uint64_t lv_message_offset(const struct lv_message *message);
LV_API uint64_t lv_message_timestamp_us(const struct lv_message *message);
LV_API uint64_t lv_message_origin_us(const struct lv_message *message);
LV_API void lv_message_id(const struct lv_message *message, uint64_t *low, uint64_t *high);

/* ---- The consumer ---- */

struct lv_consumer;

#define LV_PARTITION_ALL UINT32_MAX

/* Where to begin in a partition for which no offset is stored. */
enum lv_start {
    LV_START_FIRST = 0,  /* with the oldest message that is there */
    LV_START_NEW = 1,    /* with what comes once it has asked */
    LV_START_OFFSET = 2, /* at start_value */
    LV_START_TIME = 3    /* with the first message taken in at or after start_value, microseconds */
};

/* When the offset of the last message that was passed is stored. A message is passed when the next
 * one is asked for, or the consumer is closed. */
enum lv_commit {
    LV_COMMIT_NEVER = 0,
    LV_COMMIT_BATCH = 1,    /* when what one poll brought is passed */
    LV_COMMIT_INTERVAL = 2, /* every commit_interval_ms, while the client runs */
    LV_COMMIT_BY_HAND = 3   /* lv_consumer_commit, lv_consumer_store */
};

struct lv_consumer_options {
    size_t size;
    const char *stream;
    const char *topic;
    const char *name;   /* of a consumer by itself: its offsets are stored under it */
    const char *group;  /* or the group it is a member of; then name is not looked at */
    uint32_t partition; /* of a consumer by itself, or LV_PARTITION_ALL */
    int create_group;   /* 1: the group is made when it is not there */
    int start;          /* enum lv_start */
    uint64_t start_value;
    int ignore_stored; /* 1: begins at `start` whatever is stored */
    int commit;        /* enum lv_commit */
    uint32_t commit_interval_ms;
    uint64_t prefetch_bytes_max; /* polls while less is held; what is under way may go beyond */
    uint32_t poll_messages_max;  /* of one poll */
    uint32_t wait_ms; /* how long the server may hold a poll that finds nothing: up to 600,000; 0:
                         not at all */
    uint32_t idle_ms; /* with 0 there, or a server that cannot: asks again so often */
    uint32_t sync_ms; /* how often a member asks which partitions it has */
};

#define LV_CONSUMER_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(struct lv_consumer_options), NULL, NULL, "levriero", NULL, LV_PARTITION_ALL, 0,     \
            LV_START_FIRST, 0, 0, LV_COMMIT_BATCH, 1000, 4194304, 1000, 1000, 50, 3000             \
    }

/* A consumer over the connection of `client`, which may serve other calls of the same thread. The
 * server holds polls of up to 16 partitions, so that a message of any of them comes at once, but
 * only while nothing else is asked over the connection: a consumer that waits is best alone on its
 * client. Joins its group and finds its partitions, so it may wait.
 *
 * What is promised, whatever happens to connections and server:
 *
 * - By itself: messages of a partition come in order, without a gap, and none twice in the life of
 *   the consumer. Whoever comes after it begins behind the last stored offset: at least once.
 * - In a group: no message is lost, and none comes before the one in front of it was handed out,
 *   by whichever member. While connections hold, none comes twice: when a partition is taken away,
 *   what was read ahead is still handed out and its offset stored, and the next owner goes on
 *   behind it.
 * - A member that loses its connection drops what it read ahead, and it or another goes on behind
 *   the stored offset. So what was handed out and not stored comes again: with LV_COMMIT_BATCH at
 *   most what is read ahead and one poll, with LV_COMMIT_INTERVAL what was handed out in an
 *   interval and as much; with LV_COMMIT_BY_HAND whatever was not stored, with LV_COMMIT_NEVER
 *   everything.
 * - After a purge of the topic it begins at its new beginning.
 *
 *     struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
 *     options.stream = "orders";
 *     options.topic = "new";
 *     options.name = "billing";
 *     struct lv_consumer *consumer = NULL;
 *     expect(lv_consumer_open(client, &options, &consumer) == LV_OK);
 *     const struct lv_message *message = NULL;
 *     while (lv_consumer_next(consumer, 100, &message) == LV_OK) {
 *         size_t size = 0;
 *         expect(lv_message_payload(message, &size) != NULL && size > 0);
 *     }
 *     lv_consumer_close(consumer);
 */
LV_API int lv_consumer_open(struct lv_client *client, const struct lv_consumer_options *options,
                            struct lv_consumer **consumer);

/* Stores what was passed, unless that is never or by hand, and leaves the group. Waits for both. */
LV_API void lv_consumer_close(struct lv_consumer *consumer);

/* The next message, within `timeout_ms`; with 0 it never waits, and takes what was read ahead. How
 * long it holds is said above. LV_ERROR_TIMEOUT: there was none; LV_ERROR_BUSY: in a callback.
 * Anything else is what stands in the way, told once; the consumer goes on trying. *message is NULL
 * with any error. */
LV_API int lv_consumer_next(struct lv_consumer *consumer, uint32_t timeout_ms,
                            const struct lv_message **message);

/* Stores the offsets of everything that was handed out, the last message included, and waits for
 * each. The first error that there was; the others are stored all the same. */
LV_API int lv_consumer_commit(struct lv_consumer *consumer);

/* Stores `offset` for the partition: that of the last message that is done. 5009: not its own. */
LV_API int lv_consumer_store(struct lv_consumer *consumer, uint32_t partition, uint64_t offset);

/* The next message of the partition is the one at `offset`, or the first behind it.
 * LV_ERROR_PARTITION_NOT_FOUND: the consumer does not read it. Never waits. */
LV_API int lv_consumer_seek(struct lv_consumer *consumer, uint32_t partition, uint64_t offset);

/* Partitions that it reads now, and the one at `index` (UINT32_MAX past the end). Never wait. */
LV_API uint32_t lv_consumer_partitions_count(const struct lv_consumer *consumer);
LV_API uint32_t lv_consumer_partition(const struct lv_consumer *consumer, uint32_t index);

/* Bytes that were read ahead. Never waits. */
LV_API uint64_t lv_consumer_held_bytes(const struct lv_consumer *consumer);

/* ---- Answers ---- */

struct lv_result;

/* An answer is rows, one after the other; what a row is: */
enum lv_row {
    LV_ROW_NONE = 0, /* no more rows */
    LV_ROW_STREAM = 1,
    LV_ROW_TOPIC = 2,
    LV_ROW_PARTITION = 3,
    LV_ROW_USER = 4,
    LV_ROW_PERMISSION = 5, /* of the user before it */
    LV_ROW_TOKEN = 6,
    LV_ROW_GROUP = 7,
    LV_ROW_MEMBER = 8, /* of the group before it; its partitions follow */
    LV_ROW_CONNECTION = 9,
    LV_ROW_MEMBERSHIP = 10, /* of the connection before it */
    LV_ROW_STATISTICS = 11,
    LV_ROW_NODE = 12,
    LV_ROW_OPTION = 13,
    LV_ROW_OFFSET = 14,
    LV_ROW_MESSAGE = 15, /* lv_result_message */
    LV_ROW_BYTES = 16    /* LV_FIELD_BYTES: an archive, or an answer as it came */
};

/* What a row can have. A row answers 0, or an empty text, for what it has not. */
enum lv_field {
    LV_FIELD_ID = 0,
    LV_FIELD_NAME = 1,
    LV_FIELD_CREATED_AT_US = 2,
    LV_FIELD_SIZE_BYTES = 3,
    LV_FIELD_MESSAGES_COUNT = 4,
    LV_FIELD_TOPICS_COUNT = 5,
    LV_FIELD_PARTITIONS_COUNT = 6,
    LV_FIELD_SEGMENTS_COUNT = 7,
    LV_FIELD_MEMBERS_COUNT = 8,
    LV_FIELD_STREAMS_COUNT = 9,
    LV_FIELD_CLIENTS_COUNT = 10,
    LV_FIELD_GROUPS_COUNT = 11,
    LV_FIELD_CURRENT_OFFSET = 12, /* the newest of the partition */
    LV_FIELD_STORED_OFFSET = 13,
    LV_FIELD_MESSAGE_EXPIRY_US = 14, /* UINT64_MAX: never */
    LV_FIELD_MAX_SIZE_BYTES = 15,    /* UINT64_MAX: no limit */
    LV_FIELD_COMPRESSION = 16,       /* 1 none, 2 gzip */
    LV_FIELD_STATUS = 17,            /* of a user: 1 active, 2 inactive; of a node: 0 healthy */
    LV_FIELD_EXPIRES_AT_US = 18,     /* 0: never */
    LV_FIELD_STREAM_ID = 19,         /* of a permission: UINT32_MAX for the whole server */
    LV_FIELD_TOPIC_ID = 20,          /* of a permission: UINT32_MAX for the whole stream */
    LV_FIELD_GROUP_ID = 21,
    LV_FIELD_BITS = 22,      /* enum lv_permission */
    LV_FIELD_USER_ID = 23,   /* UINT32_MAX: not logged in */
    LV_FIELD_TRANSPORT = 24, /* 1 TCP, 2 QUIC, 4 WebSocket */
    LV_FIELD_ADDRESS = 25,
    LV_FIELD_GENERATION = 26,
    LV_FIELD_TEXT = 27, /* a token; what an option is for */
    LV_FIELD_BYTES = 28,
    LV_FIELD_KIND = 29, /* of an option: enum lv_header_kind */
    LV_FIELD_PORT = 30,
    LV_FIELD_ROLE = 31, /* 0 leader, 1 follower */
    LV_FIELD_PROCESS_ID = 32,
    LV_FIELD_CPU_PERMILLE = 33,
    LV_FIELD_MEMORY_BYTES = 34,
    LV_FIELD_TOTAL_MEMORY_BYTES = 35,
    LV_FIELD_RUN_TIME_US = 36,
    LV_FIELD_READ_BYTES = 37,
    LV_FIELD_WRITTEN_BYTES = 38,
    LV_FIELD_HOSTNAME = 39,
    LV_FIELD_SERVER_VERSION = 40,
    LV_FIELD_FREE_DISK_BYTES = 41,
    LV_FIELD_TOTAL_DISK_BYTES = 42
};
#define LV_FIELDS_COUNT 43

/* Room for answers, used again and again. Belongs to one thread at a time. Never waits.
 *
 *     struct lv_result *result = lv_result_create();
 *     size_t size = 0;
 *     expect(lv_stream_create(client, "invoices", NULL) == LV_OK);
 *     expect(lv_streams(client, result) == LV_OK);
 *     while (lv_result_next(result) == LV_ROW_STREAM) {
 *         expect(strlen(lv_result_text(result, LV_FIELD_NAME, &size)) == size);
 *     }
 *     expect(lv_stream_delete(client, "invoices") == LV_OK);
 *     lv_result_destroy(result);
 */
LV_API struct lv_result *lv_result_create(void);
LV_API void lv_result_destroy(struct lv_result *result);

/* Goes to the next row and says what it is (enum lv_row); LV_ROW_NONE at the end. An answer that
 * cannot be read ends early, and lv_result_is_broken says 1 then. Never wait. */
LV_API int lv_result_next(struct lv_result *result);
LV_API int lv_result_is_broken(const struct lv_result *result);

/* A field of the row. A text ends in a zero byte that *size does not count; it holds until the next
 * row. Never wait. */
LV_API uint64_t lv_result_number(const struct lv_result *result, int field);
LV_API const char *lv_result_text(const struct lv_result *result, int field, size_t *size);

/* The message of an LV_ROW_MESSAGE, or NULL. Holds until the result is used again. Never waits. */
LV_API const struct lv_message *lv_result_message(const struct lv_result *result);

/* ---- One question, one answer ----
 *
 * Each waits for the answer. `result` may be NULL where nothing of the answer is wanted. What is
 * lost with a connection is asked again under its number; a server that was not started anew in
 * between does nothing twice. */

/* A command of the protocol by its code, with its body as it travels: LV_ROW_BYTES. Not for logins,
 * and `body` may be NULL when `size` is 0 (LV_ERROR_INVALID). */
LV_API int lv_call(struct lv_client *client, uint32_t code, const void *body, size_t size,
                   struct lv_result *result);

/* The server: LV_ROW_STATISTICS; LV_ROW_NODE each; a ZIP file as LV_ROW_BYTES; LV_ROW_OPTION each
 * (scope 1 topics, 2 streams, 3 users); LV_ROW_CONNECTION, of this one, of all, of one by number.
 * */
LV_API int lv_stats(struct lv_client *client, struct lv_result *result);
LV_API int lv_cluster(struct lv_client *client, struct lv_result *result);
LV_API int lv_snapshot(struct lv_client *client, struct lv_result *result);
LV_API int lv_options(struct lv_client *client, int scope, struct lv_result *result);
LV_API int lv_me(struct lv_client *client, struct lv_result *result);
LV_API int lv_connections(struct lv_client *client, struct lv_result *result);
LV_API int lv_connection(struct lv_client *client, uint32_t number, struct lv_result *result);

/* Streams: LV_ROW_STREAM each; one, and its LV_ROW_TOPICs. LV_ERROR_NOT_FOUND: no such stream to
 * get; 1009: to change; 1012: the name is taken. */
LV_API int lv_streams(struct lv_client *client, struct lv_result *result);
LV_API int lv_stream(struct lv_client *client, const char *stream, struct lv_result *result);
LV_API int lv_stream_create(struct lv_client *client, const char *name, struct lv_result *result);
LV_API int lv_stream_rename(struct lv_client *client, const char *stream, const char *name);
LV_API int lv_stream_purge(struct lv_client *client, const char *stream);
LV_API int lv_stream_delete(struct lv_client *client, const char *stream);

struct lv_topic_options {
    size_t size;
    uint32_t partitions; /* only when it is made */
    int compression;     /* 1 none, 2 gzip; of an option 0 means: as the server has it */
    uint64_t message_expiry_us;
    uint64_t max_size_bytes;
    uint64_t segment_bytes; /* only when it is made, like all below */
    int persisted;          /* 1: answered only when on the disk, whatever the server's level */
    int offsets_persisted;  /* 1: likewise for stored offsets */
    int preallocate;        /* 1: the space of a segment is reserved when it begins */
};

#define LV_TOPIC_OPTIONS_INIT                                                                      \
    {                                                                                              \
        sizeof(struct lv_topic_options), 1, 0, 0, 0, 0, 0, 0, 0                                    \
    }

/* Topics: LV_ROW_TOPIC each; one, and its LV_ROW_PARTITIONs. LV_ERROR_NOT_FOUND: no such topic to
 * get; 1009, 2010: to change; 2013: the name is taken; 2015, 2019: too many partitions. An update
 * sets name, compression, expiry and size. */
LV_API int lv_topics(struct lv_client *client, const char *stream, struct lv_result *result);
LV_API int lv_topic(struct lv_client *client, const char *stream, const char *topic,
                    struct lv_result *result);
LV_API int lv_topic_create(struct lv_client *client, const char *stream, const char *name,
                           const struct lv_topic_options *options, struct lv_result *result);
LV_API int lv_topic_update(struct lv_client *client, const char *stream, const char *topic,
                           const char *name, const struct lv_topic_options *options);
LV_API int lv_topic_purge(struct lv_client *client, const char *stream, const char *topic);
LV_API int lv_topic_delete(struct lv_client *client, const char *stream, const char *topic);
LV_API int lv_partitions_add(struct lv_client *client, const char *stream, const char *topic,
                             uint32_t count);
LV_API int lv_partitions_remove(struct lv_client *client, const char *stream, const char *topic,
                                uint32_t count);

/* Deletes the oldest `count` sealed segments of the partition. 3007: no such partition. */
LV_API int lv_segments_delete(struct lv_client *client, const char *stream, const char *topic,
                              uint32_t partition, uint32_t count);

/* What users may do, as bits: the first ten for the whole server, and for streams and topics those
 * that make sense there. */
enum lv_permission {
    LV_MAY_MANAGE_SERVERS = 1,
    LV_MAY_READ_SERVERS = 2,
    LV_MAY_MANAGE_USERS = 4,
    LV_MAY_READ_USERS = 8,
    LV_MAY_MANAGE_STREAMS = 16, /* of one stream: that stream */
    LV_MAY_READ_STREAMS = 32,
    LV_MAY_MANAGE_TOPICS = 64, /* of one topic: that topic */
    LV_MAY_READ_TOPICS = 128,
    LV_MAY_POLL = 256,
    LV_MAY_SEND = 512
};

struct lv_permissions;

/* Bits for the whole server; then streams by number, each before its topics (LV_ERROR_INVALID: a
 * topic before any stream). Bits that make no sense there are left out. Belong to one thread at a
 * time. Never wait. */
LV_API struct lv_permissions *lv_permissions_create(uint32_t bits);
LV_API void lv_permissions_destroy(struct lv_permissions *permissions);
LV_API int lv_permissions_add_stream(struct lv_permissions *permissions, uint32_t stream_id,
                                     uint32_t bits);
LV_API int lv_permissions_add_topic(struct lv_permissions *permissions, uint32_t topic_id,
                                    uint32_t bits);

struct lv_user_options {
    size_t size;
    const char *name;
    const char *password;
    int inactive;
    struct lv_permissions *permissions; /* NULL: none */
};

#define LV_USER_OPTIONS_INIT                                                                       \
    {                                                                                              \
        sizeof(struct lv_user_options), NULL, NULL, 0, NULL                                        \
    }

/* Users: LV_ROW_USER each; one, and its LV_ROW_PERMISSIONs. LV_ERROR_NOT_FOUND: no such user to
 * get; 20: to change; 46: the name is taken; 42: the current password is wrong; 48, 49: not with
 * root. An update leaves a name of NULL and a status of 0 as they are. */
LV_API int lv_users(struct lv_client *client, struct lv_result *result);
LV_API int lv_user(struct lv_client *client, const char *user, struct lv_result *result);
LV_API int lv_user_create(struct lv_client *client, const struct lv_user_options *options,
                          struct lv_result *result);
LV_API int lv_user_update(struct lv_client *client, const char *user, const char *name, int status);
LV_API int lv_user_delete(struct lv_client *client, const char *user);
LV_API int lv_user_set_password(struct lv_client *client, const char *user, const char *current,
                                const char *password);
LV_API int lv_user_set_permissions(struct lv_client *client, const char *user,
                                   const struct lv_permissions *permissions);

/* Tokens of who is logged in: LV_ROW_TOKEN each. A new one is shown once, as LV_FIELD_TEXT;
 * `expiry_us` from now, 0: never. 51: the name is taken; 20: no such token. */
LV_API int lv_tokens(struct lv_client *client, struct lv_result *result);
LV_API int lv_token_create(struct lv_client *client, const char *name, uint64_t expiry_us,
                           struct lv_result *result);
LV_API int lv_token_delete(struct lv_client *client, const char *name);

/* Groups of a topic: LV_ROW_GROUP each; one, and its LV_ROW_MEMBERs with their LV_ROW_PARTITIONs.
 * Joining makes the client a member; sync: LV_ROW_GROUP with LV_FIELD_GENERATION, and the
 * LV_ROW_PARTITIONs that are its own. 5000: no such group; 5004: the name is taken; 5006, and
 * LV_ERROR_NOT_FOUND of a sync: not a member. */
LV_API int lv_groups(struct lv_client *client, const char *stream, const char *topic,
                     struct lv_result *result);
LV_API int lv_group(struct lv_client *client, const char *stream, const char *topic,
                    const char *group, struct lv_result *result);
LV_API int lv_group_create(struct lv_client *client, const char *stream, const char *topic,
                           const char *name, struct lv_result *result);
LV_API int lv_group_delete(struct lv_client *client, const char *stream, const char *topic,
                           const char *group);
LV_API int lv_group_join(struct lv_client *client, const char *stream, const char *topic,
                         const char *group);
LV_API int lv_group_leave(struct lv_client *client, const char *stream, const char *topic,
                          const char *group);
LV_API int lv_group_sync(struct lv_client *client, const char *stream, const char *topic,
                         const char *group, struct lv_result *result);

/* Whose offsets or messages, and where. */
struct lv_place {
    size_t size;
    const char *stream;
    const char *topic;
    const char *consumer;
    int is_group; /* 1: the consumer is a group, of which the client is a member */
    uint32_t partition;
};

#define LV_PLACE_INIT                                                                              \
    {                                                                                              \
        sizeof(struct lv_place), NULL, NULL, "levriero", 0, 0                                      \
    }

/* Stored offsets: LV_ROW_OFFSET. LV_ERROR_NOT_FOUND: none is stored; 3021: none to delete; 4100:
 * beyond the partition; 5009: the partition is not the member's. */
LV_API int lv_offset(struct lv_client *client, const struct lv_place *place,
                     struct lv_result *result);
LV_API int lv_offset_store(struct lv_client *client, const struct lv_place *place, uint64_t offset);
LV_API int lv_offset_delete(struct lv_client *client, const struct lv_place *place);

enum lv_strategy {
    LV_POLL_OFFSET = 1, /* from `value` on */
    LV_POLL_TIME = 2,   /* from the first taken in at or after `value`, microseconds */
    LV_POLL_FIRST = 3,
    LV_POLL_LAST = 4, /* the last `count` */
    LV_POLL_NEXT = 5  /* behind the stored offset */
};

struct lv_poll_options {
    size_t size;
    int strategy; /* enum lv_strategy */
    uint64_t value;
    uint32_t count;   /* of messages, at most; the server sends fewer when they are large */
    int auto_commit;  /* 1: stores the offset of the last one */
    uint32_t wait_ms; /* with nothing to be had the server may hold the poll so long, beyond what
                         the call may wait */
};

#define LV_POLL_OPTIONS_INIT                                                                       \
    {                                                                                              \
        sizeof(struct lv_poll_options), LV_POLL_NEXT, 0, 100, 0, 0                                 \
    }

/* One poll: LV_ROW_MESSAGE each. 3007: no such partition; 5009: it is not the member's. */
LV_API int lv_poll(struct lv_client *client, const struct lv_place *place,
                   const struct lv_poll_options *options, struct lv_result *result);

/* ---- A server in memory, for your tests ---- */

struct lv_mock;

/* When a request that is to be lost goes: before the server did it, or when only the answer is
 * missing. Either way the connection closes. */
enum lv_mock_moment { LV_MOCK_BEFORE = 0, LV_MOCK_AFTER = 1 };

/* Starts a server on a loopback port, on a thread of its own, with the user "iggy", password "iggy"
 * (and the token "token"). It knows streams, topics, messages, polls that wait, stored offsets and
 * groups; other commands are refused with 5. Nothing is kept when it goes. Its calls are for any
 * thread at any time; they never wait. LV_ERROR_CONNECTION: the system gave no socket or thread.
 *
 *     struct lv_mock *mock = NULL;
 *     expect(lv_mock_create(&mock) == LV_OK);
 *     struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
 *     options.addresses = lv_mock_address(mock);
 *     options.username = "iggy";
 *     options.password = "iggy";
 *     struct lv_client *client = NULL;
 *     expect(lv_client_create(&options, &client) == LV_OK);
 *     lv_mock_refuse(mock, 1, 41, 1);
 *     expect(lv_ping(client) == LV_ERROR_UNAUTHORIZED);
 *     expect(lv_ping(client) == LV_OK);
 *     lv_client_destroy(client);
 *     lv_mock_destroy(mock);
 */
LV_API int lv_mock_create(struct lv_mock **mock);
LV_API void lv_mock_destroy(struct lv_mock *mock);

/* "127.0.0.1:40123", as long as the mock lives. */
LV_API const char *lv_mock_address(const struct lv_mock *mock);

/* A topic with so many partitions; makes the stream too, unless they are there. */
LV_API void lv_mock_topic(struct lv_mock *mock, const char *stream, const char *topic,
                          uint32_t partitions);

/* The next `count` requests of a command (its code, 101 to send; 0: any) are refused with `error`.
 * */
LV_API void lv_mock_refuse(struct lv_mock *mock, uint32_t code, int error, uint32_t count);

/* The next `count` requests of a command are lost with their connection. */
LV_API void lv_mock_lose(struct lv_mock *mock, uint32_t code, int moment, uint32_t count);

/* Closes all connections and forgets what a restart forgets: sessions, members of groups, and which
 * sends it has seen. Messages and stored offsets stay. */
LV_API void lv_mock_restart(struct lv_mock *mock);

/* 1: reads and answers nothing, like a stopped process, until 0. */
LV_API void lv_mock_pause(struct lv_mock *mock, int paused);

/* Messages that lie in a partition; requests of a command (0: of all) that came. */
LV_API uint64_t lv_mock_messages_count(struct lv_mock *mock, const char *stream, const char *topic,
                                       uint32_t partition);
LV_API uint64_t lv_mock_requests_count(struct lv_mock *mock, uint32_t code);

#ifdef __cplusplus
}
#endif
