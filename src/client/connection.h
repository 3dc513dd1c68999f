/* The connection under lv_client: sockets, deadlines, coming back; and one call over it.
 *
 *     DOWN ─ retry_at_us ─▶ CONNECTING ─▶ OPEN: login, then asks
 *       ▲                       │           │
 *       └───── back-off ◀───────┴───────────┘     each address in turn before the back-off
 *
 * A turn does what is due, waits in ppoll(2) at most until a time, reads, writes. Producers and
 * consumers are parts: they ask over the protocol, and are called in every turn.
 *
 * Thread:  one at a time. Memory: the heap. Errors: enum lv_error, the sentence in `failure`. */
#pragma once

#include "base/prng.h"
#include "base/str.h"
#include "client/protocol.h"
#include "levriero.h"
#include "wire/identifier.h"

#define CLIENT_ADDRESSES_MAX 16u
#define CLIENT_NAMES_MAX 2048u /* a body that names things holds no more */

/* What stands on a client. */
struct client_part {
    struct list_node node;
    void (*on_turn)(struct client_part *part, u64 now_us);
    u64 (*deadline_us)(struct client_part *part);
};

enum connection_state { CONNECTION_DOWN, CONNECTION_CONNECTING, CONNECTION_OPEN };

struct addrinfo;

struct lv_client {
    enum connection_state state;
    struct protocol protocol;
    struct list parts;
    bool in_turn;
    bool is_wanted; /* somebody asked for a connection, and no login was refused since */
    int refusal;    /* of the last login, or LV_OK */
    u32 timeout_ms;
    u32 longer_ms; /* the server may hold the answer of the next call */
    u32 connect_timeout_ms;
    u32 delay_ms_min;
    u32 delay_ms_max;
    char *addresses_text; /* cut at its commas */
    const char *addresses[CLIENT_ADDRESSES_MAX];
    u32 addresses_count;
    u32 address;            /* the next to try */
    struct addrinfo *found; /* what its name stands for */
    struct addrinfo *trying;
    int fd;
    int loop_fd; /* an epoll that holds fd; -1: nobody asked for it */
    u32 loop_events;
    u64 connect_deadline_us; /* of connection and login */
    u64 retry_at_us;
    u32 failures_count;
    u64 connections_count;
    struct prng prng;
    char failure[512];
    u8 *frame; /* of the one call that waits */
    u32 frame_capacity;
    u8 *spare; /* of one that is refused because it comes out of a callback */
    u32 spare_capacity;
    struct writer body;
    u8 *reply;
    u32 reply_capacity;
};

u64 clock_now_us(void);  /* that never steps */
u64 clock_wall_us(void); /* since 1970 */

/* Remembers the sentence and gives the error back. */
int connection_fail(struct lv_client *client, int error, const char *format, ...) printf_like(3, 4);

/* Remembers what the server refused, and for what. */
int connection_refused(struct lv_client *client, int error, const char *what);

/* One turn that waits at most until `until_us`. LV_ERROR_BUSY inside a turn; the refusal of a
 * login; LV_OK. */
int connection_turn(struct lv_client *client, u64 until_us);

/* Closes the socket: it comes back after the back-off. */
void connection_drop(struct lv_client *client, int error);
void connection_shut(struct lv_client *client);

/* Keeps what lv_client_descriptor gave in step with the socket. */
void connection_tell_loop(struct lv_client *client);

/* When a turn is due, without anything coming in. */
u64 connection_deadline_us(const struct lv_client *client);

/* The body of the next call, with room for `bytes_max`. */
struct writer *connection_body(struct lv_client *client, u32 bytes_max);

/* Asks with the body and waits for the answer, which holds until the next call. */
int connection_call(struct lv_client *client, enum command command, struct span *reply);

/* True when `name` has 1 to 255 bytes; or else the sentence is set. */
bool connection_name_fits(struct lv_client *client, const char *what, const char *name);

/* "7" is number 7, all else a name. */
struct identifier identifier_of_text(const char *text);
