/* The key of the data directory: where it comes from, and whether it is the right one.
 *
 *     DATA/encryption, 64 bytes: "LEVKEY01", fingerprint of the key (32 bytes, unit_cipher.h),
 *     20 zeros, CRC-32C over the 60 bytes before
 *
 * The file appears when encryption is first switched on and stays as long as the directory. With
 * it, a server without the key, or with another one, does not start: it says so before anything is
 * read, written or judged. Switched off again, what is there stays readable with the key, and what
 * comes is written in the clear.
 *
 * Runs once at start, on the main thread, when the directory is locked. */
#pragma once

#include "base/str.h"
#include "core/settings.h"
#include "node/config.h"

/* Fills in the key of `settings`; false with the sentence for a key that cannot be read or is
 * another one. */
must_check bool data_key_take(const struct config *config, struct settings *settings,
                              struct err *err);

/* 32 bytes from standard base64, with or without padding and a newline behind it. */
must_check bool data_key_decode(const char *text, u8 key[32]);
