/* A simulated client: one connection, frames of either generation, requests in flight.
 *
 *     sim_client_call ─▶ out bytes ─▶ sim_conn ─▶ node
 *     on_reply  ◀─ frames ◀─ in bytes ◀─ sim_conn
 *
 * Replies of one connection come in the order of its requests, with their number and op, save that
 * polls that wait may pass one another: anything else is a violation. What is in flight when the
 * connection ends is lost: on_lost, oldest first.
 *
 * Owner: an actor. Memory: the client's buffers; calls are the actor's until their callback. */
#pragma once

#include "base/bytes.h"
#include "base/list.h"
#include "sim/checkers.h"
#include "sim/sim_net.h"
#include "wire/command.h"

struct sim_client_call {
    struct list_node node;
    enum command command;
    u64 request;
    u64 request_again; /* not 0: this number is used once more */
    u64 issued_us;
};

struct sim_client_reply {
    bool is_eviction;
    u8 eviction_reason;
    u32 status;
    struct span body;
};

struct sim_client {
    struct sim *sim;
    u32 index;
    struct verdict *verdict;
    void *context;
    void (*on_connected)(void *context);
    void (*on_reply)(void *context, struct sim_client_call *call,
                     const struct sim_client_reply *reply);
    void (*on_lost)(void *context, struct sim_client_call *call);
    void (*on_closed)(void *context); /* after on_lost of all */

    struct sim_conn *conn; /* NULL: not connected */
    bool is_connected;
    bool connecting_told;
    u64 reads_again_us; /* a slow reader: not before */
    bool is_v1;         /* it speaks generation 1: no ids, numbers, sessions or evictions */
    struct u128 id;
    bool keeps_id; /* over all its connections, and goes on counting */
    bool says_so;  /* when it logs in */
    u64 session;
    u64 request_last;
    u64 waits_count; /* polls that wait, so far */
    u64 connects_count;
    struct list calls; /* in flight, oldest first */
    u32 calls_count;
    u8 *in;
    u32 in_filled;
    u32 in_room;
    u8 *out;
    u32 out_filled;
    u32 out_sent;
    u32 out_room;
};

void sim_client_init(struct sim_client *client, struct sim *sim, u32 index,
                     struct verdict *verdict);
void sim_client_deinit(struct sim_client *client);

/* Dials; on_connected or on_closed follows. */
void sim_client_connect(struct sim_client *client, u32 node);

/* Sends one request whose body the caller wrote. `call` is in flight from here on. */
void sim_client_call(struct sim_client *client, struct sim_client_call *call, enum command command,
                     struct span body);

/* How the client ends its side. */
enum sim_client_ending { CLIENT_CLOSES, CLIENT_RESETS, CLIENT_VANISHES };
void sim_client_end(struct sim_client *client, enum sim_client_ending ending);

/* Reads nothing for a while. */
void sim_client_pause_reading(struct sim_client *client, u64 for_us);
