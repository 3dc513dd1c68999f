/* A hash that only who knows the key can aim: SipHash-2-4 with 128 bits. For what an attacker may
 * choose and must not be able to make collide: credentials in the cache, user names in the table of
 * failed logins. Not a password hash: what it covers never leaves memory. */
#pragma once

#include "base/bytes.h"

struct keyed_hash_key {
    u64 low;
    u64 high;
};

/* A key from the process's secret. */
struct keyed_hash_key keyed_hash_key_of(u64 secret);
struct u128 keyed_hash(struct keyed_hash_key key, const void *data, u32 size);
