/* A guest: a user with bounded rights, and the administrator who changes them, one request at a
 * time over two connections. So it is always known what the user may do, and the very next request
 * must be judged by it, on whichever core it arrives.
 *
 *     administrator   create ─▶ grant, revoke, new password, deactivate … ─▶ delete
 *     user            log in ─▶ read, poll, send, create: answered, or refused for want of a right
 *
 * A change that got no answer leaves two possible users until the next restart: `user` as it was
 * and `other` as it would be. The audit after a restart says which, and that nothing that was
 * acknowledged is lost: the user, its rights, its password, its token. A token that expires opens
 * until then, never after, and may be gone any time from then on.
 *
 * Owner: the workload. */
#pragma once

#include "sim/guest_rights.h"
#include "sim/model.h"
#include "sim/sim_client.h"

struct workload;
struct guest;

/* When a token expires: somewhere between two times, if the wall clock does not jump meanwhile. */
struct guest_expiry {
    bool expires;
    u64 from_us; /* virtual time */
    u64 to_us;
    u64 wall_jumps; /* when it was asked for */
};

struct guest_user {
    bool exists;
    bool active;
    struct guest_rights rights;
    u32 password; /* its number */
    bool has_token;
    struct guest_expiry expiry; /* of the token */
};

enum guest_ask {
    GUEST_ADMIN_LOGIN,
    GUEST_CREATE,
    GUEST_DELETE,
    GUEST_GRANT,
    GUEST_PASSWORD,
    GUEST_ACTIVATE,
    GUEST_TOKEN_CREATE,
    GUEST_TOKEN_DELETE,
    GUEST_READ,
    GUEST_TOKENS,
    GUEST_LOGIN,
    GUEST_TOKEN_LOGIN,
    GUEST_ACT
};

enum guest_audit {
    GUEST_AUDIT_NONE,
    GUEST_AUDIT_READ,
    GUEST_AUDIT_LOGIN,
    GUEST_AUDIT_TOKENS,
    GUEST_AUDIT_TOKEN_LOGIN
};

/* What a grant that is under way was drawn for. */
struct guest_granted {
    struct model_topic *topic;
    struct model_glimpse glimpse;
};

/* One of the two connections. */
struct guest_line {
    struct guest *guest;
    struct sim_client client;
    bool logged_in;
    bool is_over; /* its session ended with a change of the user: nothing succeeds over it */
};

struct guest {
    struct workload *workload;
    u32 index;
    char name[16];
    struct prng prng;
    struct guest_line admin;
    struct guest_line line;
    struct guest_user user;
    struct guest_user other; /* when unsure */
    bool unsure;
    enum guest_audit audit;

    /* The request in flight. */
    struct sim_client_call call;
    bool is_busy;
    enum guest_ask asked;
    struct guest_user wanted;                       /* what the change makes of the user */
    struct guest_granted granted[GUEST_GRANTS_MAX]; /* of `wanted`, if it is new */
    u32 password_tried;
    char token[80]; /* of `user.has_token`; empty: its answer was lost */
    u32 act;
    struct model_partition *partition;
    struct model_glimpse glimpse;
    struct model_send *send;
    u8 body[4096];
};

void guest_init(struct guest *guest, struct workload *workload, u32 index, u64 seed);
void guest_deinit(struct guest *guest);
void guest_start(struct guest *guest);
void guest_disconnect(struct guest *guest);

/* Of guest_act.c: the body of the act that was drawn. */
void guest_write_act(struct guest *guest, enum command command, struct writer *body);

/* After a restart, while nobody works. */
void guest_audit_begin(struct guest *guest);
bool guest_audit_is_done(const struct guest *guest);
