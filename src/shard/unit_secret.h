/* Units at rest: encrypted before they are written, decrypted when they were read.
 *
 *     control batch (clear: numbers, lengths, checksums, nonce, tag) | batches, encrypted | zeros
 *
 * Recovery and doctor need no key: a checksum over the encrypted bytes stands in the control batch,
 * so a wrong or missing key never looks like damage and never cuts a log. A poll with no key, or
 * with another one, is answered as for damage; nothing is removed.
 *
 * A nonce is 96 bits: where a process begins is random, and each unit takes the next. So none is
 * used twice with a key, also when a directory is copied and both copies go on.
 *
 * Guaranteed: with a key, no byte of a message, its headers or its id lies in a segment written
 * since; numbers, times of append, lengths and names do.
 *
 * Owner: the shard. */
#pragma once

#include "shard/segment_unit.h"

struct core;

/* Does this core encrypt what it writes? */
bool unit_secret_is_on(const struct core *core);

/* So many bytes are encrypted, and as many decrypted, in one turn of a core, whatever their units;
 * what is larger goes on in the next turn. */
#define UNIT_SECRET_BYTES (1024u * 1024u)

/* Where a unit stands that is encrypted or decrypted. All zeros begin. */
struct unit_secret {
    bool begun;
    u32 position;
};

enum unit_secret_result {
    UNIT_SECRET_DONE,
    UNIT_SECRET_PAUSED, /* the turn's bytes are spent, or another large unit is under way */
    UNIT_SECRET_BAD
};

/* In place; once it is done the head says how to undo it. `*budget_bytes` is what is left of the
 * turn's. What was begun must be gone on with until it is done. Never BAD. */
must_check enum unit_secret_result unit_encrypt_step(struct core *core, struct unit_secret *secret,
                                                     struct segment_unit *unit, u8 *batches,
                                                     u32 *budget_bytes);

/* The same back, and unit->encrypted is taken back. BAD: there is no key, it is another one, or the
 * bytes are not what was encrypted; then they are worth nothing. */
must_check enum unit_secret_result unit_decrypt_step(struct core *core, struct unit_secret *secret,
                                                     struct segment_unit *unit, u8 *batches,
                                                     u32 *budget_bytes);

/* All of it at once, for units of at most UNIT_SECRET_BYTES. ERR_CORRUPT as above. */
must_check enum status unit_decrypt(struct core *core, struct segment_unit *unit, u8 *batches);
