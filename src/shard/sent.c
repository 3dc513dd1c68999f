#include "shard/sent.h"

#include "base/bug.h"
#include "base/check.h"

#define SENT_NONE UINT32_MAX

struct sent_entry {
    u64 request;
    u64 hash; /* 0: forgotten */
    u64 base_offset;
    struct partition_handle partition;
};

struct sent_chunk {
    struct sent_entry entries[SENT_CHUNK_SENDS];
};

struct sent_client {
    struct list_node node; /* in `lately`, or free */
    struct u128 client;
    u64 request_max;         /* the highest number that was ever noted */
    u64 count;               /* sends ever noted; the next goes into count % SENT_WINDOW */
    u32 chunks[SENT_CHUNKS]; /* SENT_NONE: not there yet */
};

/* Most clients send little: on average two chunks are enough for each. */
static u32 clients_max(const struct plan *plan)
{
    return plan->topics_max;
}

static u32 chunks_max(const struct plan *plan)
{
    return 2 * clients_max(plan);
}

u64 sent_arena_bytes(const struct plan *plan)
{
    return sizeof(struct sent_client) * (u64)clients_max(plan) +
           sizeof(struct sent_chunk) * (u64)chunks_max(plan) +
           sizeof(struct map_slot) * (u64)map_slots_for(clients_max(plan));
}

void sent_init(struct sent *sent, struct arena *arena, const struct plan *plan)
{
    *sent = (struct sent){
        .clients_max = clients_max(plan), .chunks_max = chunks_max(plan), .chunk_free = SENT_NONE};
    sent->clients = arena_array(arena, struct sent_client, sent->clients_max);
    sent->chunks = arena_array(arena, struct sent_chunk, sent->chunks_max);
    list_init(&sent->free);
    list_init(&sent->lately);
    struct map_slot *slots = arena_array(arena, struct map_slot, map_slots_for(sent->clients_max));
    map_init(&sent->by_client, slots, sent->clients_max);
}

static u64 key_of(struct u128 client)
{
    return hash_u64_pair(client.low, client.high);
}

static struct sent_client *client_find(const struct sent *sent, struct u128 client)
{
    u64 index = 0;
    if (!map_get(&sent->by_client, key_of(client), &index)) {
        return NULL;
    }
    check(index < sent->clients_used);
    struct sent_client *found = &sent->clients[index];
    return u128_equal(found->client, client) ? found : NULL;
}

/* ---- Chunks: free ones are linked by the first word of their first entry ---- */

static void chunk_return(struct sent *sent, u32 index)
{
    check(index < sent->chunks_used);
    sent->chunks[index].entries[0].request = sent->chunk_free;
    sent->chunk_free = index;
}

static u32 chunk_take(struct sent *sent)
{
    u32 index = sent->chunk_free;
    if (index != SENT_NONE) {
        sent->chunk_free = (u32)sent->chunks[index].entries[0].request;
    } else if (sent->chunks_used < sent->chunks_max) {
        index = sent->chunks_used++;
    } else {
        return SENT_NONE;
    }
    sent->chunks[index] = (struct sent_chunk){0};
    return index;
}

static void client_forget(struct sent *sent, struct sent_client *client)
{
    for (u32 i = 0; i < SENT_CHUNKS; i++) {
        if (client->chunks[i] != SENT_NONE) {
            chunk_return(sent, client->chunks[i]);
        }
    }
    (void)map_remove(&sent->by_client, key_of(client->client));
    list_remove(&client->node);
    list_add_first(&sent->free, &client->node);
}

static struct sent_client *client_oldest(const struct sent *sent)
{
    struct list_node *node = list_first(&sent->lately);
    check(node != NULL);
    return container_of(node, struct sent_client, node);
}

static struct sent_client *client_add(struct sent *sent, struct u128 id)
{
    u64 index = 0;
    if (map_get(&sent->by_client, key_of(id), &index)) {
        client_forget(sent, &sent->clients[index]); /* another one with this hash gives way */
    }
    struct list_node *node = list_pop(&sent->free);
    if (node == NULL && sent->clients_used < sent->clients_max) {
        node = &sent->clients[sent->clients_used++].node;
        list_node_init(node);
    }
    if (node == NULL) {
        client_forget(sent, client_oldest(sent));
        node = list_pop(&sent->free);
    }
    struct sent_client *client = container_of(node, struct sent_client, node);
    client->client = id;
    client->request_max = 0;
    client->count = 0;
    for (u32 i = 0; i < SENT_CHUNKS; i++) {
        client->chunks[i] = SENT_NONE;
    }
    index = (u64)(client - sent->clients);
    bool put = map_put(&sent->by_client, key_of(id), index);
    check(put);
    list_add_last(&sent->lately, &client->node);
    return client;
}

/* The entry of a send of this client, counted from the first it ever sent. */
static struct sent_entry *entry_at(const struct sent *sent, const struct sent_client *client,
                                   u64 number)
{
    u32 place = (u32)(number % SENT_WINDOW);
    u32 chunk = client->chunks[place / SENT_CHUNK_SENDS];
    check(chunk != SENT_NONE);
    return &sent->chunks[chunk].entries[place % SENT_CHUNK_SENDS];
}

/* ---- Questions ---- */

static bool entry_is(const struct sent_entry *entry, const struct sent_send *send)
{
    return entry->request == send->sender.request && entry->hash == send->hash &&
           entry->partition.slot == send->partition.slot &&
           entry->partition.generation == send->partition.generation;
}

static struct sent_entry *entry_find(const struct sent *sent, const struct sent_send *send)
{
    check(send->hash != 0);
    const struct sent_client *client = client_find(sent, send->sender.client);
    if (client == NULL || send->sender.request > client->request_max) {
        return NULL; /* a new number: nothing to look through */
    }
    u64 kept = u64_min(client->count, SENT_WINDOW);
    for (u64 back = 1; back <= kept; back++) {
        struct sent_entry *entry = entry_at(sent, client, client->count - back);
        if (entry_is(entry, send)) {
            return entry;
        }
    }
    return NULL;
}

bool sent_find(const struct sent *sent, const struct sent_send *send, u64 *base_offset)
{
    const struct sent_entry *entry = entry_find(sent, send);
    if (entry == NULL || bug_is_on(BUG_FORGET_SENDS)) {
        return false;
    }
    *base_offset = entry->base_offset;
    return true;
}

void sent_note(struct sent *sent, const struct sent_send *send, u64 base_offset)
{
    check(send->hash != 0);
    struct sent_client *client = client_find(sent, send->sender.client);
    if (client == NULL) {
        client = client_add(sent, send->sender.client);
    }
    list_remove(&client->node);
    list_add_last(&sent->lately, &client->node);
    u32 *chunk = &client->chunks[client->count % SENT_WINDOW / SENT_CHUNK_SENDS];
    if (*chunk == SENT_NONE) {
        *chunk = chunk_take(sent);
    }
    while (*chunk == SENT_NONE) {
        check(client_oldest(sent) != client); /* there are more chunks than one client can have */
        client_forget(sent, client_oldest(sent));
        *chunk = chunk_take(sent);
    }
    *entry_at(sent, client, client->count) = (struct sent_entry){
        .request = send->sender.request,
        .hash = send->hash,
        .base_offset = base_offset,
        .partition = send->partition,
    };
    client->count++;
    client->request_max = u64_max(client->request_max, send->sender.request);
}

void sent_forget(struct sent *sent, const struct sent_send *send)
{
    struct sent_entry *entry = entry_find(sent, send);
    if (entry != NULL) {
        entry->hash = 0;
    }
}
