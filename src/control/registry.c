#include "control/registry.h"

#include "base/check.h"
#include "base/map.h"
#include "base/str.h"

u64 registry_bytes(u32 clients_max)
{
    return (u64)clients_max * sizeof(struct registry_client) + slot_pool_bytes(clients_max) +
           slot_index_bytes(clients_max) * 3 + 256;
}

void registry_init(struct registry *registry, struct arena *arena,
                   const struct registry_options *options)
{
    check(options->cores_count <= MAILBOX_CORES_MAX);
    *registry = (struct registry){
        .slots = arena_array(arena, struct registry_client, options->clients_max),
        .held_max = options->clients_max / 2,
        .cores_count = options->cores_count,
        .clients_per_core_max = options->clients_per_core_max,
        .per_address_max = options->per_address_max,
        .per_user_max = options->per_user_max,
    };
    slot_pool_init(&registry->pool, arena, options->clients_max);
    slot_index_init(&registry->numbers, arena, options->clients_max);
    slot_index_init(&registry->addresses, arena, options->clients_max);
    slot_index_init(&registry->users, arena, options->clients_max);
    list_init(&registry->clients);
    list_init(&registry->held);
}

bool registry_pick_core(const struct registry *registry, u64 allowed, u32 *core)
{
    if (slot_pool_free_count(&registry->pool) == 0) {
        return false;
    }
    u32 fewest = registry->clients_per_core_max;
    bool found = false;
    for (u32 i = 0; i < registry->cores_count; i++) {
        if ((allowed >> i & 1) != 0 && registry->per_core[i] < fewest) {
            fewest = registry->per_core[i];
            *core = i;
            found = true;
        }
    }
    return found;
}

/* Spreads numbers that differ in few bits. */
static u64 hash_of(u32 number)
{
    return hash_u64_pair(number, 0);
}

/* The walk ends at the limit: what it costs does not grow with the crowd. */
bool registry_address_is_full(const struct registry *registry, u32 peer_address)
{
    u32 count = 0;
    u32 slot = registry->per_address_max == 0
                   ? SLOT_NONE
                   : slot_index_first(&registry->addresses, hash_of(peer_address));
    for (; slot != SLOT_NONE && count < registry->per_address_max;
         slot = slot_index_next(&registry->addresses, slot)) {
        count += registry->slots[slot].peer_address == peer_address ? 1 : 0;
    }
    return registry->per_address_max > 0 && count == registry->per_address_max;
}

bool registry_user_is_full(const struct registry *registry, u32 user_id)
{
    u32 count = 0;
    u32 slot = registry->per_user_max == 0 ? SLOT_NONE
                                           : slot_index_first(&registry->users, hash_of(user_id));
    for (; slot != SLOT_NONE && count < registry->per_user_max;
         slot = slot_index_next(&registry->users, slot)) {
        count += registry->slots[slot].user_id == user_id ? 1 : 0;
    }
    return registry->per_user_max > 0 && count == registry->per_user_max;
}

void registry_set_user(struct registry *registry, struct registry_client *client, u32 user_id)
{
    u32 slot = (u32)(client - registry->slots);
    if (client->user_id != CLIENT_USER_NONE) {
        slot_index_remove(&registry->users, hash_of(client->user_id), slot);
    }
    client->user_id = user_id;
    if (user_id != CLIENT_USER_NONE) {
        slot_index_add(&registry->users, hash_of(user_id), slot);
    }
}

struct registry_client *registry_add(struct registry *registry, u32 home, u32 peer_address)
{
    check(home < registry->cores_count);
    u32 slot = slot_pool_take(&registry->pool);
    struct registry_client *client = &registry->slots[slot];
    *client = (struct registry_client){
        .number = ++registry->number_last,
        .home = home,
        .peer_address = peer_address,
        .user_id = CLIENT_USER_NONE,
    };
    list_add_last(&registry->clients, &client->node);
    slot_index_add(&registry->numbers, client->number, slot);
    slot_index_add(&registry->addresses, hash_of(peer_address), slot);
    registry->per_core[home]++;
    return client;
}

void registry_move(struct registry *registry, struct registry_client *client, u32 home)
{
    check(home < registry->cores_count);
    check(registry->per_core[client->home] > 0);
    registry->per_core[client->home]--;
    registry->per_core[home]++;
    client->home = home;
}

/* It counts as a connection no more. */
static void leave(struct registry *registry, struct registry_client *client)
{
    check(registry->per_core[client->home] > 0);
    u32 slot = (u32)(client - registry->slots);
    registry_set_user(registry, client, CLIENT_USER_NONE);
    slot_index_remove(&registry->addresses, hash_of(client->peer_address), slot);
    registry->per_core[client->home]--;
    list_remove(&client->node);
}

void registry_remove(struct registry *registry, struct registry_client *client)
{
    u32 slot = (u32)(client - registry->slots);
    if (client->is_held) {
        check(registry->held_count > 0);
        registry->held_count--;
        list_remove(&client->node);
    } else {
        leave(registry, client);
    }
    slot_index_remove(&registry->numbers, client->number, slot);
    slot_pool_return(&registry->pool, slot);
}

void registry_hold(struct registry *registry, struct registry_client *client)
{
    check(!client->is_held);
    check(client->session != 0);
    leave(registry, client);
    client->is_held = true;
    list_add_last(&registry->held, &client->node);
    registry->held_count++;
}

bool registry_is_full(const struct registry *registry)
{
    return slot_pool_free_count(&registry->pool) == 0;
}

bool registry_held_are_full(const struct registry *registry)
{
    return registry->held_count >= registry->held_max;
}

static struct registry_client *client_of(struct list_node *node)
{
    return node == NULL ? NULL : container_of(node, struct registry_client, node);
}

struct registry_client *registry_held_longest(const struct registry *registry)
{
    return client_of(list_first(&registry->held));
}

struct registry_client *registry_held_to_give_way(const struct registry *registry, u32 peer_address)
{
    list_for_each(node, next, &registry->held) {
        if (client_of(node)->peer_address == peer_address) {
            return client_of(node);
        }
    }
    struct registry_client *longest = registry_held_longest(registry);
    check(longest != NULL);
    return longest;
}

struct registry_client *registry_get(const struct registry *registry, u32 number)
{
    u32 slot = slot_index_first(&registry->numbers, number);
    while (slot != SLOT_NONE && registry->slots[slot].number != number) {
        slot = slot_index_next(&registry->numbers, slot);
    }
    return slot == SLOT_NONE ? NULL : &registry->slots[slot];
}

static u32 groups_count(const struct registry_client *client, const struct state *state)
{
    u32 count = 0;
    const struct state_member *member = NULL;
    while ((member = state_member_of_session_next(state, client->session, member)) != NULL) {
        count++;
    }
    return count;
}

static void write_groups(const struct registry_client *client, const struct state *state,
                         struct writer *writer)
{
    const struct state_member *member = NULL;
    while ((member = state_member_of_session_next(state, client->session, member)) != NULL) {
        const struct state_group *group = state_group_of_member(state, member);
        write_client_group(writer, &(struct client_group){.stream_id = group->stream_id,
                                                          .topic_id = group->topic_id,
                                                          .group_id = group->id});
    }
}

static void write_client(const struct registry_client *client, const struct state *state,
                         struct writer *writer)
{
    char address[32];
    u32 ip = client->peer_address;
    bool fits = str_format(address, sizeof(address), "%u.%u.%u.%u:%u", ip >> 24, ip >> 16 & 255,
                           ip >> 8 & 255, ip & 255, client->peer_port);
    check(fits);
    struct client_info info = {
        .client_id = client->number,
        .user_id = client->user_id,
        .transport = TRANSPORT_TCP,
        .address = span_of(address),
        .groups_count = groups_count(client, state),
    };
    write_client_info(writer, &info);
}

void registry_write_all(const struct registry *registry, const struct state *state,
                        struct writer *writer)
{
    list_for_each(node, next, &registry->clients) {
        struct writer attempt = *writer;
        write_client(container_of(node, struct registry_client, node), state, &attempt);
        if (!attempt.failed) {
            *writer = attempt;
        }
    }
}

void registry_write_one(const struct registry *registry, const struct state *state, u32 number,
                        struct writer *writer)
{
    const struct registry_client *client = registry_get(registry, number);
    if (client == NULL || client->is_held) {
        return;
    }
    struct writer attempt = *writer;
    write_client(client, state, &attempt);
    write_groups(client, state, &attempt);
    if (!attempt.failed) {
        *writer = attempt;
    }
}
