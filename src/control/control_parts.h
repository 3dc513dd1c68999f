/* The parts of control, for the sources of this folder alone.
 *
 *     msg ─▶ control_on_msg ─▶ decision ─▶ waiting ─▶ ordered ─▶ applying ─▶ answered
 *                                          │           │            └ on the lanes of all cores
 *                                          │           └ has its index; durable ones in the log
 *                                          └ durable ones, while the log takes none: sessions are
 *                                            decided at once
 *
 * Decisions are made against `decided`, a copy of the state that is ahead of all cores: what is
 * decided is applied there at once, logged, and then sent to all cores in one order. When the log
 * fails, what is lost with it goes from `decided`, too. */
#pragma once

#include "control/broadcast.h"
#include "control/control.h"
#include "control/control_log.h"
#include "control/credentials.h"
#include "control/history.h"
#include "control/registry.h"
#include "offload/offload.h"
#include "state/state_command.h"
#include "wire/frame.h"
#include "wire/login.h"
#include "wire/token_info.h"
#include "wire/user_info.h"

/* 50 random bytes as 68 letters of base 64. */
#define TOKEN_RANDOM_BYTES 50u
#define TOKEN_TEXT_BYTES 68u

#define CONTROL_MAGIC 0x6374726cu
#define DECISION_MAGIC 0x64636973u
#define LOGIN_ATTEMPT_MAGIC 0x6c67696eu

/* A login brings its own command and ends at most two sessions: its connection's, its client's. */
#define DECISIONS_PER_REQUEST 3u
#define DECISIONS_OF_CONTROL (8u + GRACE_ENDING_MAX + RESTORED_ENDING_MAX)

/* Held sessions that are being ended because their time is over, or their place is needed. */
#define GRACE_ENDING_MAX 16u

/* Sessions that came back when the log failed, and whose connections went meanwhile. */
#define RESTORED_ENDING_MAX 16u

/* Logins of one core that wait for a password hash: each holds a credit of that core. */
#define LOGIN_ATTEMPTS_PER_CORE 16u

/* Commands of one core that wait for a helper thread: likewise. */
#define PREPARATIONS_PER_CORE 8u

enum decision_kind {
    DECISION_COMMAND,  /* of a client */
    DECISION_LOGIN,    /* credentials hold: open the session */
    DECISION_CLOSE,    /* of a session: logged out, gone, or logged in elsewhere */
    DECISION_EXPIRY,   /* of a token */
    DECISION_NOT_BACK, /* end of a session that was held in vain */
    DECISION_ROOT
};

struct decision {
    u32 magic;
    struct list_node node;
    enum decision_kind kind;
    bool has_request; /* to be answered */
    bool is_durable;
    bool is_synced;
    struct msg request;
    u64 index;     /* once ordered */
    u64 broadcast; /* once applying: number of its broadcast */
    u64 session;   /* opened or closed */
    u32 user_id;
    struct u128 client; /* LOGIN */
    bool keeps_id;      /* LOGIN */
    u32 created_id;
    u32 parent_id;
    u32 grandparent_id;
    u64 password_index;              /* of the password that was verified for this */
    char secret[OFFLOAD_HASH_BYTES]; /* the hash of a new password, or a new token, with a zero
                                        byte */
    u8 token_hash[TOKEN_HASH_BYTES]; /* of the token in `secret` */
    u32 command_size;
    u8 command[STATE_COMMAND_BYTES_MAX];
};

/* A login whose password is hashed, or waits for that. */
struct login_attempt {
    u32 magic;
    struct list_node node;
    struct control *control;
    struct msg request; /* the spans of `login` point into its buffer */
    struct login_password login;
    struct u128 client;
    bool keeps_id;   /* it says so */
    struct u128 tag; /* of the credential that is being verified */
    u32 user_id;
    u64 password_index;
    bool is_known; /* there is such a user */
    struct offload_job job;
};

struct logins {
    struct credentials credentials;
    struct list free;
    struct list waiting; /* oldest first */
    u32 hashing_count;
    u32 per_core[MAILBOX_CORES_MAX];
    u64 sessions_count; /* of this boot: the low half of the last session number */
};

/* A command that needs a helper thread before it can be decided. */
struct preparation {
    u32 magic;
    struct list_node node;
    struct control *control;
    struct msg request;
    bool is_verified; /* the current password was right */
    u32 user_id;      /* whose password is changed */
    u64 password_index;
    struct offload_job job;
};

struct preparations {
    struct list free;
    struct list waiting; /* oldest first */
    u32 helping_count;
    u32 per_core[MAILBOX_CORES_MAX];
};

/* Sessions without a connection: see control_grace.c. The registry has them. */
struct grace {
    struct timer timer;
    u32 ending_count;
};

enum control_step {
    CONTROL_NEW,
    CONTROL_OPEN_LOG,
    CONTROL_NEW_EPOCH, /* with the boot, before anything else is decided */
    CONTROL_LOG_BOOT,  /* there was no room for one: the boot is a command of its own */
    CONTROL_SEND_STATE,
    CONTROL_RECOVER,
    CONTROL_FORGET_OLD,
    CONTROL_SERVE,
    CONTROL_RUNNING,
    CONTROL_DRAIN_EDGES,
    CONTROL_DRAIN_DECISIONS,
    CONTROL_DRAIN_SHARDS,
    CONTROL_CLOSE_LOG,
    CONTROL_DRAINED,
    CONTROL_FAILED
};

enum root_step { ROOT_UNKNOWN, ROOT_HASHING, ROOT_HASHED, ROOT_DECIDED, ROOT_THERE };

struct accepting {
    struct io_op op;
    struct io_op close_op;
    struct timer retry;
    struct io_socket socket; /* accepted, and no lane has room for it yet */
    u32 peer_address;
    u16 peer_port;
};

struct control {
    u32 magic;
    struct core *core;
    const struct settings *settings;
    struct io_socket listener;
    enum control_step step;
    bool stops; /* control_stop was called */
    bool has_set_root;
    struct err err;

    struct state *decided;
    struct control_log *log;
    struct broadcast broadcast;
    struct registry registry;
    struct logins logins;
    struct preparations preparations;
    struct histories histories;
    struct grace grace;
    struct timer expiry;    /* looks for tokens that have expired */
    bool expiry_is_decided; /* one is on its way out */
    struct accepting accepting;

    struct decision *decisions;
    u32 decisions_max;
    u32 decisions_fresh; /* from here on never taken, and not touched */
    struct list decisions_free;
    struct list waiting; /* durable ones, until the log takes them */
    struct list ordered;
    struct list applying;
    u32 decisions_used;
    bool spare_is_asked;
    u64 snapshot_retry_us; /* monotonic: not before, after one found no room */

    struct state_cursor cursor; /* CONTROL_SEND_STATE */
    bool state_is_sent;
    u32 phase_answers_missing;
    enum root_step root_step;
    struct offload_job root_job;
};

/* ---- Decisions: control.c ---- */

/* Always there: as many as credits allow. */
struct decision *decision_take(struct control *control, enum decision_kind kind);
void decision_return(struct control *control, struct decision *decision);
void decision_set_request(struct decision *decision, const struct msg *request);

/* Encodes what the decision asks for. */
void decision_set_command(struct decision *decision, const struct state_command *command);

/* A durable one that has, or gets, its command: decided as soon as the log takes it. */
void decision_wait(struct control *control, struct decision *decision);

static inline struct span decision_command(const struct decision *decision)
{
    return (struct span){decision->command, decision->command_size};
}

/* Applied to `decided` and put at the end of the order; durable ones are in the log already. */
void decision_order(struct control *control, struct decision *decision);

/* The same to `decided` alone: it has its place in the order. */
void control_apply_decided(struct control *control, const struct decision *decision);

/* The session of this client is over, if it is this one. */
void control_forget_session(struct control *control, struct registry_client *client, u64 session);

/* Decides what can be decided, and sends what can be sent. */
void control_go_on(struct control *control);

/* Ends a session, whoever had it, and then answers `request`, if there is one. Nothing is ended
 * when it is over already. `reason`: why groups lose a member with it. */
void control_end_session(struct control *control, u64 session, enum state_group_reason reason,
                         const struct msg *request);
void control_refuse(struct control *control, const struct msg *request, enum wire_error error);

/* The start cannot go on: `control->err` says why. */
void control_give_up(struct control *control);

/* ---- What clients ask: control_decide.c ---- */

/* Resolves the command of a client against `decided` into the decision's command. */
enum wire_error decide_command(struct control *control, struct decision *decision);

/* Opens the session of a login, or answers it, and takes the decision. */
void decide_login(struct control *control, struct decision *decision);

/* ---- What they ask about users: control_user.c ---- */

enum wire_error decide_user(const struct control *control, const struct decision *decision,
                            struct span body, struct state_command *command);

/* Rights of the whole server, of who asks. */
bool control_user_may(const struct control *control, const struct msg *request, enum right right);

/* Would these be refused, as far as can be said before a password is hashed? */
enum wire_error create_user_check(const struct control *control, const struct msg *request,
                                  struct span body, struct create_user_request *found);
enum wire_error change_password_check(const struct control *control, const struct msg *request,
                                      struct span body, struct change_password_request *found,
                                      const struct state_user **user);

/* ---- Tokens: control_token.c ---- */

enum wire_error decide_token(const struct control *control, const struct decision *decision,
                             struct span body, struct state_command *command);

/* Would this be refused, as far as can be said before a token is made? */
enum wire_error create_token_check(const struct control *control, const struct msg *request,
                                   struct span body, struct create_token_request *found);

/* Random bytes as the text of a token, with a zero byte. */
void token_write(const u8 random[TOKEN_RANDOM_BYTES], char text[TOKEN_TEXT_BYTES + 1]);

/* The user of a token that may log in, or why not. */
enum eviction_reason token_login(const struct control *control, struct span token,
                                 const struct state_user **user);

/* Expired tokens go by themselves: looks for them from now on, if there may be some; or that one
 * of them is gone, so that the next may go. */
void expiry_init(struct control *control);
void expiry_watch(struct control *control);
void expiry_on_decided(struct control *control);
void expiry_stop(struct control *control);

/* ---- What a helper thread does for a command first: control_prepare.c ---- */

u64 preparations_bytes(u32 cores_count);
void preparations_init(struct control *control, struct arena *arena);
bool preparation_is_needed(u32 command);
void preparation_on_msg(struct control *control, const struct msg *msg);
bool preparations_are_over(const struct control *control);

/* Begins with the oldest that waits; false when none does. There is room for a job. */
bool preparation_next(struct control *control);

/* ---- Logins: control_login.c ---- */

void logins_init(struct control *control, struct arena *arena);
u64 logins_bytes(u32 cores_count);
void login_on_msg(struct control *control, const struct msg *msg);

/* Goes on with what waits for a helper thread, logins and commands in turn: root is there, or a
 * job was done. */
void hashes_go_on(struct control *control);

/* ---- Members that are to come back: control_grace.c ---- */

void grace_init(struct control *control);
void grace_stop(struct control *control);

/* The connection is lost. True: its session is held, and `request` answered. */
bool grace_hold(struct control *control, struct registry_client *client, const struct msg *request);

/* Frees the place of one that is held: there is one. False: too many are being ended, later. */
bool grace_give_way(struct control *control);
void grace_on_ended(struct control *control);

/* ---- After the log failed: control_rebuild.c ---- */

void control_rebuild_decided(struct control *control);

/* ---- Start and stop: control_start.c ---- */

void control_on_log_opened(struct control *control, bool ok);
void control_on_epoch_begun(struct control *control, bool ok);
void control_on_log_settled(struct control *control, bool ok);
void control_on_boot_logged(struct control *control);
void control_on_root_set(struct control *control);
void control_on_start_unwritten(struct control *control);
void control_on_phase_done(struct control *control, const struct msg *msg);
void control_on_log_closed(struct control *control);

/* Sends pieces of the state while the window has room. */
void control_send_state(struct control *control);

/* After anything ended: may a drain go on? */
void control_drain_on(struct control *control);

/* ---- Connections: control_accept.c ---- */

void accept_init(struct control *control);
/* A connection asks to move to another core. */
void accept_move(struct control *control, const struct msg *msg);
void accept_begin(struct control *control);
void accept_stop(struct control *control);
bool accept_is_over(const struct control *control);
