/* Who is connected: every connection by its number, in order of acceptance, logged in or not; and
 * how many each core has.
 *
 *     number ─▶ index ─▶ slot ─▶ client      clients are linked in rising number: 1, 2, 3, …
 *
 * A client whose connection is lost may be held for a while: it keeps its slot and its number, but
 * counts as no connection any more, and nobody sees it. At most half of all slots are such.
 *
 * Numbers are not reused while the process runs. Owner: control. Memory: from the arena. */
#pragma once

#include "base/bytes.h"
#include "base/list.h"
#include "base/mem.h"
#include "core/mailbox.h"
#include "state/slot_index.h"
#include "state/slot_pool.h"
#include "state/state.h"
#include "wire/client_info.h"

struct registry_client {
    struct list_node node; /* in clients, or in held */
    u32 number;
    u32 home; /* core */
    u32 peer_address;
    u16 peer_port;
    u32 user_id;   /* CLIENT_USER_NONE: not logged in */
    u64 session;   /* 0: none */
    bool keeps_id; /* its session may be held */
    bool is_held;
    u64 held_until_us; /* monotonic */
};

struct registry {
    struct registry_client *slots;
    struct slot_pool pool;
    struct slot_index numbers;
    struct slot_index addresses;
    struct slot_index users; /* of those that are logged in */
    struct list clients;
    struct list held; /* longest first */
    u32 held_count;
    u32 held_max;
    u32 number_last;
    u32 cores_count;
    u32 clients_per_core_max;
    u32 per_address_max; /* 0: no limit */
    u32 per_user_max;    /* likewise */
    u32 per_core[MAILBOX_CORES_MAX];
};

struct registry_options {
    u32 clients_max;
    u32 clients_per_core_max;
    u32 cores_count;
    u32 per_address_max;
    u32 per_user_max;
};

u64 registry_bytes(u32 clients_max);
void registry_init(struct registry *registry, struct arena *arena,
                   const struct registry_options *options);

/* The core with the fewest connections of those in `allowed` (a bit a core); false when all of them
 * have as many as they may, or there is no slot. */
must_check bool registry_pick_core(const struct registry *registry, u64 allowed, u32 *core);

/* As many connections as they may have: from this address, and logged in as this user. */
bool registry_address_is_full(const struct registry *registry, u32 peer_address);
bool registry_user_is_full(const struct registry *registry, u32 user_id);

/* registry_pick_core has found `home`. */
struct registry_client *registry_add(struct registry *registry, u32 home, u32 peer_address);

/* Who is logged in there from now on; CLIENT_USER_NONE: nobody. */
void registry_set_user(struct registry *registry, struct registry_client *client, u32 user_id);
/* It is to live on core `home`. */
void registry_move(struct registry *registry, struct registry_client *client, u32 home);
void registry_remove(struct registry *registry, struct registry_client *client);

/* Its connection is gone, its session is not. */
void registry_hold(struct registry *registry, struct registry_client *client);
bool registry_is_full(const struct registry *registry);
bool registry_held_are_full(const struct registry *registry);

/* NULL when none is held. */
struct registry_client *registry_held_longest(const struct registry *registry);

/* Who has been held longest of those from this address; of all, if there is none. One is held. */
struct registry_client *registry_held_to_give_way(const struct registry *registry,
                                                  u32 peer_address);

/* NULL when the connection is gone. */
struct registry_client *registry_get(const struct registry *registry, u32 number);

/* The records as they go over the wire; what does not fit is left out whole. With `number` that of
 * one client, with its groups as `state` has them; nothing when it is gone. */
void registry_write_all(const struct registry *registry, const struct state *state,
                        struct writer *writer);
void registry_write_one(const struct registry *registry, const struct state *state, u32 number,
                        struct writer *writer);
