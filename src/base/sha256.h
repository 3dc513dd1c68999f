/* SHA-256 (FIPS 180-4), for secrets of which only the hash is kept: access tokens, which are random
 * and long, so that neither salt nor slowness is needed. Passwords have Argon2id (offload). */
#pragma once

#include "base/types.h"

#define SHA256_BYTES 32u

void sha256(const void *data, u32 size, u8 hash[SHA256_BYTES]);
