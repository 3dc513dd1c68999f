/* What may happen to the state: one struct, and its bytes in the control log and in APPLY messages.
 *
 * Everything is resolved: times, ids, defaults, hashes stand in the command, so that every copy of
 * the state, and every later start, comes to the same result. The layouts stand at the head of
 * state_command.c; a kind never changes its layout or its number.
 *
 * Durable kinds are logged before they are answered; volatile ones (sessions, members of groups)
 * share the order and the numbers but are never written: nobody is logged in after a start. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "state/state.h"
#include "wire/topic_options.h"

/* With permissions for a few hundred streams and topics; anything else is far smaller. */
#define STATE_COMMAND_BYTES_MAX 8192u
#define STATE_PERMISSIONS_BYTES_MAX 7680u

enum state_command_kind {
    STATE_BOOT = 1,
    STATE_CREATE_STREAM = 2,
    STATE_UPDATE_STREAM = 3,
    STATE_DELETE_STREAM = 4,
    STATE_PURGE_STREAM = 5,
    STATE_CREATE_TOPIC = 6,
    STATE_UPDATE_TOPIC = 7,
    STATE_DELETE_TOPIC = 8,
    STATE_PURGE_TOPIC = 9,
    STATE_CREATE_PARTITIONS = 10,
    STATE_DELETE_PARTITIONS = 11,
    STATE_CREATE_USER = 12,
    STATE_SET_PASSWORD = 13, /* of a root that is reset */
    STATE_ADD_USER = 14,     /* with permissions */
    STATE_UPDATE_USER = 15,
    STATE_DELETE_USER = 16,
    STATE_SET_PERMISSIONS = 17,
    STATE_CHANGE_PASSWORD = 18,
    STATE_CREATE_TOKEN = 20,
    STATE_DELETE_TOKEN = 21,

    STATE_CREATE_GROUP = 25,
    STATE_DELETE_GROUP = 26,

    STATE_OPEN_SESSION = 128,
    STATE_CLOSE_SESSION = 129,
    STATE_JOIN_GROUP = 140,
    STATE_LEAVE_GROUP = 141,
    STATE_END_SESSION = 142,    /* as CLOSE_SESSION, and why its groups lose a member */
    STATE_REPLACE_SESSION = 143 /* the client came back: its memberships pass to a new session */
};

/* The fields that a kind uses are in its layout; the others are zero. */
struct state_command {
    enum state_command_kind kind;
    u64 time_us;
    u32 boot;
    u32 stream_id;
    u32 topic_id;
    u32 partitions_count; /* of a new topic; to add; to delete */
    u32 group_id;
    u32 user_id;
    bool active;
    bool has_permissions;
    u8 reason;                 /* enum state_group_reason */
    struct span name;          /* of a stream, topic, group, user or token */
    struct span password_hash; /* PHC text without a zero byte, below 128 bytes */
    struct span permissions;   /* a block of wire/permissions.h, sound */
    struct span token_hash;    /* 32 bytes */
    u64 expires_at_us;         /* of a token */
    struct topic_options options;
    u64 old_session; /* STATE_REPLACE_SESSION */
    /* Its number alone: CLOSE_SESSION, END_SESSION, JOIN_GROUP, LEAVE_GROUP; CHANGE_PASSWORD: of
     * the one session of the user that goes on, or 0. */
    struct state_session session;
};

bool state_command_is_durable(enum state_command_kind kind);

/* "CREATE_STREAM": for logs. Never NULL. */
const char *state_command_name(enum state_command_kind kind);

/* Fails the writer when there is no room; STATE_COMMAND_BYTES_MAX always suffices. */
void state_command_encode(const struct state_command *command, struct writer *writer);

/* ERR_CORRUPT when the bytes are no command. Spans point into `bytes`. */
must_check enum status state_command_decode(struct span bytes, struct state_command *command);

/* The options as they lie in commands and in snapshots. */
void state_options_write(struct writer *writer, const struct topic_options *options);
must_check bool state_options_read(struct reader *reader, struct topic_options *options);
