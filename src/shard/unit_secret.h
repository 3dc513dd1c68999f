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

/* In place; the head says how to undo it. */
void unit_encrypt(struct core *core, struct segment_unit *unit, u8 *batches);

/* In place, and unit->encrypted is taken back. ERR_CORRUPT: there is no key, it is another one, or
 * the bytes are not what was encrypted; then they are worth nothing. */
must_check enum status unit_decrypt(struct core *core, struct segment_unit *unit, u8 *batches);
