/* What did each client send lately, and where did it go? Of each client its last 128 sends, with
 * the number that the client gave them, a hash of the whole body, and the offset that they got.
 * Deletions of segments are kept among them: done twice, one would take more than was meant.
 *
 *     client ─▶ | send | send | ... up to 128, the oldest gives way      sends lie in chunks of 16
 *
 * It answers: "is this append one that was admitted already?" Only the same client, number AND
 * hash mean the same send: some clients repeat numbers, so a number alone proves nothing. The
 * client's id travels in every request, so it does not matter over which connection it comes.
 *
 * Guaranteed: a send (or deletion) that comes again while it is remembered is stored once and gets
 * the offset of the first, however often it comes, also while the first is still being written:
 * then the answer waits for it. A send that was refused before any of it was written is forgotten.
 * Remembered are the last 128 sends of a client to partitions of this core, of the clients that
 * sent last when there are too many. Nothing of it outlives the process: after a restart a send is
 * stored anew.
 *
 * Owner:  the shard: an append is exclusive there. Memory: tables from the arena, taken at start.
 * */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/types.h"
#include "core/plan.h"
#include "msg/msg.h"

#define SENT_WINDOW 128u
#define SENT_CHUNK_SENDS 16u
#define SENT_CHUNKS (SENT_WINDOW / SENT_CHUNK_SENDS)

struct sent_client;
struct sent_chunk;

struct sent {
    struct sent_client *clients;
    u32 clients_max;
    u32 clients_used; /* ever */
    struct sent_chunk *chunks;
    u32 chunks_max;
    u32 chunks_used; /* ever */
    u32 chunk_free;  /* first of those given back, or SENT_NONE */
    struct list free;
    struct list lately; /* clients, least recent first */
    struct map by_client;
};

/* One send, as its edge signed it, or one deletion. */
struct sent_send {
    struct append_sender sender;
    u64 hash; /* of all that it says; not 0 */
    struct partition_handle partition;
};

u64 sent_arena_bytes(const struct plan *plan);
void sent_init(struct sent *sent, struct arena *arena, const struct plan *plan);

/* The offset that this send got, when it is remembered. */
bool sent_find(const struct sent *sent, const struct sent_send *send, u64 *base_offset);

/* It was admitted, and got this offset. */
void sent_note(struct sent *sent, const struct sent_send *send, u64 base_offset);

/* It was refused after all: when it comes again it is new. */
void sent_forget(struct sent *sent, const struct sent_send *send);
