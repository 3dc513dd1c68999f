/* A clerk: one client, of either generation, who makes streams, topics, groups and tokens of its
 * own, renames them, joins and leaves, deletes them with whoever is in them, and looks at all of it
 * with every command that shows something. What must be answered follows from its desk (desk.h).
 *
 *     clerk ─▶ change ─▶ answered: the desk is as desk_apply said; refused: as it was
 *        │         └───▶ lost: `desk` or `other`, until it comes again, or the server did
 *        └───▶ look ─▶ must fit the desk, or either of the two
 *
 * A change that comes again, with the same number and bytes, is answered as it was and done once;
 * so generation 2 finds out what became of one whose answer was lost. Generation 1 numbers nothing
 * and waits for the next start of the server. Then a look tells which of the two it is.
 *
 * Owner: the workload. */
#pragma once

#include "base/bytes.h"
#include "base/prng.h"
#include "sim/desk.h"
#include "sim/sim_client.h"
#include "wire/identifier.h"

struct workload;

enum clerk_ask { CLERK_LOGIN, CLERK_LOGOUT, CLERK_CHANGE, CLERK_CHANGE_AGAIN, CLERK_LOOK };

/* Up to CLERK_SEES_SNAPSHOT also for generation 1. */
enum clerk_look_kind {
    CLERK_SEES_STREAM,
    CLERK_SEES_TOPIC,
    CLERK_SEES_TOPICS,
    CLERK_SEES_GROUP,
    CLERK_SEES_GROUPS,
    CLERK_SEES_TOKENS,
    CLERK_SEES_ME,
    CLERK_SEES_CLIENT,
    CLERK_SEES_CLUSTER,
    CLERK_SEES_FLUSH,
    CLERK_SEES_SNAPSHOT,
    CLERK_SEES_ASSIGNMENT,
    CLERK_SEES_OPTIONS,
    CLERK_SEES_POLL_ROUTE,
    CLERK_SEES_OFFSET_ROUTE,
    CLERK_SEES_ATTACHMENT,
    CLERK_LOOKS_COUNT
};

struct clerk_look {
    enum clerk_look_kind kind;
    u32 stream;
    u32 topic;
    u32 name; /* of the group; or which of the ways to ask */
};

/* A change as it was sent, to be sent again. */
struct clerk_kept {
    bool is_kept;
    bool is_answered;
    enum command command;
    u64 request;
    u64 connects_count; /* of the client, then */
    u32 starts_count;   /* of the server, then */
    u64 asked_us;
    u32 bytes;
    u8 body[1024];
};

struct clerk {
    struct workload *workload;
    struct prng prng;
    struct sim_client client;
    bool logged_in;
    u32 user_id;
    u32 client_number; /* 0: it did not ask yet */
    u32 starts_count;  /* of the server, when it last looked */

    struct desk desk;
    struct desk other; /* when unsure */
    bool unsure;
    u32 unsure_starts_count; /* of the server, since when */

    /* The request in flight, or the last one. */
    struct sim_client_call call;
    bool is_busy;
    enum clerk_ask asked;
    struct desk_change change;
    struct desk wanted; /* what it makes of the desk */
    u32 expected;
    struct clerk_look look;
    u32 token_tried; /* DESK_TOKENS: the password was */
    struct clerk_kept kept;
    char tokens[DESK_TOKENS][80]; /* empty: never told */
    u8 body[2048];
};

void clerk_init(struct clerk *clerk, struct workload *workload, u64 seed);
void clerk_deinit(struct clerk *clerk);
void clerk_start(struct clerk *clerk);
void clerk_disconnect(struct clerk *clerk);

/* ---- Of clerk_write.c ---- */

struct clerk_name {
    char text[16];
};
struct clerk_name clerk_name(const char *kind, u32 number);

/* Write a body, and say under which command it goes. */
enum command clerk_write_change(const struct clerk *clerk, struct writer *body);
enum command clerk_write_look(const struct clerk *clerk, struct writer *body);

/* ---- Of clerk_judge.c ---- */

/* Is this the answer to the look, as far as it depends on a desk? */
bool clerk_fits(const struct clerk *clerk, struct desk *desk, u32 status, struct span body);

/* Does the answer to a change that created something show just that? */
bool clerk_shows_created(const struct clerk *clerk, struct span body);
