/* What a user may do: bits for the whole server, for streams, and for topics in them.
 *
 *     block   | 10 bytes: global bits | has_streams u8 | stream entries |
 *     stream  | id u32 | 6 bytes: bits | has_topics u8 | topic entries | has_next u8 |
 *     topic   | id u32 | 4 bytes: bits | has_next u8 |
 *
 * Each bit is a byte, and any value but 0 sets it. There are no counts: has_next says whether
 * another entry follows. A block is a view over bytes, walked with an iterator. */
#pragma once

#include "base/bytes.h"
#include "wire/error.h"

enum global_permission {
    GLOBAL_MANAGE_SERVERS = 1 << 0,
    GLOBAL_READ_SERVERS = 1 << 1,
    GLOBAL_MANAGE_USERS = 1 << 2,
    GLOBAL_READ_USERS = 1 << 3,
    GLOBAL_MANAGE_STREAMS = 1 << 4,
    GLOBAL_READ_STREAMS = 1 << 5,
    GLOBAL_MANAGE_TOPICS = 1 << 6,
    GLOBAL_READ_TOPICS = 1 << 7,
    GLOBAL_POLL_MESSAGES = 1 << 8,
    GLOBAL_SEND_MESSAGES = 1 << 9,
};
#define GLOBAL_PERMISSIONS_COUNT 10u

enum stream_permission {
    STREAM_MANAGE_STREAM = 1 << 0,
    STREAM_READ_STREAM = 1 << 1,
    STREAM_MANAGE_TOPICS = 1 << 2,
    STREAM_READ_TOPICS = 1 << 3,
    STREAM_POLL_MESSAGES = 1 << 4,
    STREAM_SEND_MESSAGES = 1 << 5,
};
#define STREAM_PERMISSIONS_COUNT 6u

enum topic_permission {
    TOPIC_MANAGE_TOPIC = 1 << 0,
    TOPIC_READ_TOPIC = 1 << 1,
    TOPIC_POLL_MESSAGES = 1 << 2,
    TOPIC_SEND_MESSAGES = 1 << 3,
};
#define TOPIC_PERMISSIONS_COUNT 4u

/* One entry on the way through a block, in the order of the bytes. */
enum permission_scope { PERMISSION_GLOBAL, PERMISSION_STREAM, PERMISSION_TOPIC };

struct permission_entry {
    u8 scope; /* enum permission_scope */
    u32 stream_id;
    u32 topic_id;
    u16 bits; /* of the enumeration that belongs to the scope */
};

struct permission_iterator {
    struct reader reader;
    u32 stream_id;
    u8 next; /* what stands next: private to permissions.c */
};

struct permission_iterator permissions_iterate(struct span block);

/* The next entry; false at the end, or when the block is broken (reader.failed). */
bool permissions_next(struct permission_iterator *iterator, struct permission_entry *entry);

/* The structure of a whole block. WIRE_INVALID_COMMAND: it is truncated. WIRE_INVALID_FORMAT: bytes
 * are left over. */
enum wire_error permissions_validate(struct span block);

/* Writes a block entry by entry, in the order of the iterator: the global entry first, a stream
 * before its topics. */
struct permission_writer {
    struct writer *writer;
    u8 open; /* enum permission_scope of the last entry */
};

struct permission_writer permissions_begin(struct writer *writer, u16 global_bits);
void permissions_add(struct permission_writer *permissions, const struct permission_entry *entry);
void permissions_end(struct permission_writer *permissions);
