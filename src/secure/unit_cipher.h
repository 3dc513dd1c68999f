/* AES-256-GCM over the units of segments: bytes are sealed in place and opened in place.
 *
 *     key, nonce, place ─┬─▶ seal(bytes) ─▶ bytes of the same length, and a tag of 16
 *                        └─▶ open(bytes, tag) ─▶ the bytes, or ERR_CORRUPT: another key, or changed
 *
 * It answers: "are these exactly the bytes that were sealed with this key, for this place?" The
 * place is not secret and not stored with the bytes: it is known anyway, and binds them to it.
 *
 * Owner:  whoever created it; not shared between threads. A nonce must never be used twice with one
 *         key: that is the caller's to see to. */
#pragma once

#include "base/status.h"
#include "base/types.h"

#define CIPHER_KEY_BYTES 32u
#define CIPHER_NONCE_BYTES 12u
#define CIPHER_TAG_BYTES 16u
#define CIPHER_FINGERPRINT_BYTES 32u

struct unit_cipher;

/* NULL: the library has no AES-256-GCM. */
struct unit_cipher *unit_cipher_create(const u8 key[CIPHER_KEY_BYTES]);
void unit_cipher_destroy(struct unit_cipher *cipher);

struct unit_seal {
    u8 nonce[CIPHER_NONCE_BYTES];
    u8 tag[CIPHER_TAG_BYTES]; /* result of sealing */
    const void *place;
    u32 place_bytes;
};

void unit_cipher_seal(struct unit_cipher *cipher, struct unit_seal *seal, u8 *bytes, u32 size);

/* On ERR_CORRUPT the bytes are worth nothing. */
must_check enum status unit_cipher_open(struct unit_cipher *cipher, const struct unit_seal *seal,
                                        u8 *bytes, u32 size);

/* The same in steps, of any size but in order: for what is too large for one turn. One is under way
 * in each direction at a time, beside any number of whole ones. False: another is under way. */
must_check bool unit_cipher_seal_begin(struct unit_cipher *cipher, const struct unit_seal *seal);
void unit_cipher_seal_step(struct unit_cipher *cipher, u8 *bytes, u32 size);
void unit_cipher_seal_end(struct unit_cipher *cipher, struct unit_seal *seal);

must_check bool unit_cipher_open_begin(struct unit_cipher *cipher, const struct unit_seal *seal);
void unit_cipher_open_step(struct unit_cipher *cipher, u8 *bytes, u32 size);
must_check enum status unit_cipher_open_end(struct unit_cipher *cipher,
                                            const struct unit_seal *seal);

/* Tells keys apart and says nothing about them: kept beside the data, so that a wrong key is known
 * before anything is read with it. */
void unit_cipher_fingerprint(const u8 key[CIPHER_KEY_BYTES],
                             u8 fingerprint[CIPHER_FINGERPRINT_BYTES]);
