/* Password hashes: Argon2id (RFC 9106) as PHC text, "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>",
 * the form every Argon2 library reads. Salt 16 bytes, hash 32 bytes, base 64 without padding.
 *
 * Runs for milliseconds: only on an offload thread, which lends its own `password_room`.
 * Nothing here keeps a password or what was computed from it: wiped before return. */
#pragma once

#include "base/status.h"
#include "base/types.h"
#include "offload/offload.h"

#define PASSWORD_SALT_BYTES 16u
#define PASSWORD_TAG_BYTES 32u

/* Named, because the library takes them as three numbers in a row: passes, memory, lanes. */
struct password_cost {
    u32 memory_kib;
    u32 passes;
    u32 lanes;
};

/* Where the library computes. Address space of one thread; pages are touched on use. */
struct password_room {
    u8 *memory;
    u64 bytes;
};

must_check bool password_room_create(struct password_room *room, u32 memory_kib);
void password_room_destroy(struct password_room *room);

/* Gives the pages back to the system; the next hash touches them anew. */
void password_room_release(struct password_room *room);

/* Into `hash`, of OFFLOAD_HASH_BYTES, with a fresh random salt. ERR_MEMORY, ERR_IO (no random
 * numbers), ERR_INVALID (the cost is out of the library's range). */
must_check enum status password_hash(struct password_room *room, const struct password_cost *cost,
                                     const u8 *password, u32 password_size, char *hash);

/* OK when `password` is the one `hash` was made from, else ERR_INVALID; ERR_CORRUPT for a text
 * that is no hash of ours. An empty or corrupt hash costs what a hash of `cost` does, so that
 * time does not tell whether a user exists. */
must_check enum status password_verify(struct password_room *room, const struct password_cost *cost,
                                       const u8 *password, u32 password_size, const char *hash);
