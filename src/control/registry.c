#include "control/registry.h"

#include "base/check.h"
#include "base/str.h"

u64 registry_bytes(u32 clients_max)
{
    return (u64)clients_max * sizeof(struct registry_client) +
           (u64)map_slots_for(clients_max) * sizeof(struct map_slot) + 128;
}

void registry_init(struct registry *registry, struct arena *arena,
                   const struct registry_options *options)
{
    check(options->cores_count <= MAILBOX_CORES_MAX);
    *registry = (struct registry){
        .slots = arena_array(arena, struct registry_client, options->clients_max),
        .cores_count = options->cores_count,
        .clients_per_core_max = options->clients_per_core_max,
    };
    struct map_slot *slots =
        arena_array(arena, struct map_slot, map_slots_for(options->clients_max));
    map_init(&registry->numbers, slots, options->clients_max);
    list_init(&registry->clients);
    list_init(&registry->free);
    for (u32 i = 0; i < options->clients_max; i++) {
        list_add_last(&registry->free, &registry->slots[i].node);
    }
}

bool registry_pick_core(const struct registry *registry, u64 allowed, u32 *core)
{
    if (list_is_empty(&registry->free)) {
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

struct registry_client *registry_add(struct registry *registry, u32 home)
{
    check(home < registry->cores_count);
    struct list_node *node = list_pop(&registry->free);
    check(node != NULL);
    struct registry_client *client = container_of(node, struct registry_client, node);
    *client = (struct registry_client){
        .number = ++registry->number_last,
        .home = home,
        .user_id = CLIENT_USER_NONE,
    };
    list_add_last(&registry->clients, &client->node);
    bool added = map_put(&registry->numbers, client->number, (u64)(client - registry->slots));
    check(added);
    registry->clients_count++;
    registry->per_core[home]++;
    return client;
}

void registry_remove(struct registry *registry, struct registry_client *client)
{
    bool removed = map_remove(&registry->numbers, client->number);
    check(removed);
    check(registry->per_core[client->home] > 0);
    registry->per_core[client->home]--;
    registry->clients_count--;
    list_remove(&client->node);
    list_add_first(&registry->free, &client->node);
}

struct registry_client *registry_get(const struct registry *registry, u32 number)
{
    u64 slot = 0;
    return map_get(&registry->numbers, number, &slot) ? &registry->slots[slot] : NULL;
}

static void write_client(const struct registry_client *client, struct writer *writer)
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
    };
    struct writer attempt = *writer;
    write_client_info(&attempt, &info);
    if (!attempt.failed) {
        *writer = attempt;
    }
}

void registry_write_all(const struct registry *registry, struct writer *writer)
{
    list_for_each(node, next, &registry->clients) {
        write_client(container_of(node, struct registry_client, node), writer);
    }
}

void registry_write_one(const struct registry *registry, u32 number, struct writer *writer)
{
    const struct registry_client *client = registry_get(registry, number);
    if (client != NULL) {
        write_client(client, writer);
    }
}
