/* What a guest may do: bits for the whole server, and what is granted to it for streams and topics,
 * as the specification has it; and what it tries.
 *
 *     allowed = global bits, or those of the stream, or those of the topic
 *
 * A grant goes with its stream or topic: whatever has its number afterwards is another's. A grant
 * that was asked for while its stream or topic was being changed may have met either, or, by its
 * number, one that comes later: such rights are *vague*, and only the global ones are judged.
 *
 * Owner: the guest. */
#pragma once

#include "sim/model.h"
#include "wire/command.h"
#include "wire/permissions.h"

#define GUEST_GRANTS_MAX 2u

struct guest_grant {
    struct model_stream *stream;
    struct model_topic *topic; /* NULL: the whole stream */
    u32 deletions;             /* of either, when it was given */
    u8 bits;                   /* enum stream_permission, or enum topic_permission */
};

struct guest_rights {
    u16 global; /* enum global_permission */
    u32 grants_count;
    struct guest_grant grants[GUEST_GRANTS_MAX];
    bool is_vague;
};

/* Something that a guest tries. */
struct guest_act {
    enum command command;
    u16 global;   /* bits, one of which is enough, whatever it is about */
    u8 stream;    /* of the stream */
    u8 topic;     /* of the topic */
    bool is_open; /* everybody may who is logged in */
    bool on_topic;
    u32 expected; /* when it is allowed */
};

u32 guest_acts_count(void);
const struct guest_act *guest_act(u32 index);

/* `topic` is that of the act, if it is about one. */
bool guest_rights_allow(const struct guest_rights *rights, const struct guest_act *act,
                        const struct model_topic *topic);

/* Can it not be told whether the act is allowed? */
bool guest_rights_leave_open(const struct guest_rights *rights, const struct guest_act *act);

/* A grant for a topic that is there, or its stream; false when it has one already. */
bool guest_rights_add(struct guest_rights *rights, struct model_topic *topic, bool whole_stream,
                      u8 bits);

/* The block of a request; returns its size. */
u32 guest_rights_write(const struct guest_rights *rights, u8 *block, u32 block_bytes);

/* Does the block that the server shows say the same? False too when it cannot be read. */
bool guest_rights_match(const struct guest_rights *rights, struct span block);
