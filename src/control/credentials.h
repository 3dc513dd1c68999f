/* Was this password verified for this user lately? And has this user name failed too often?
 *
 * A repeated correct login then costs microseconds instead of a password hash, so that a storm of
 * reconnects is served. What is remembered is a keyed hash over user, the command that set the
 * password, and the password itself: changing it makes the entry worthless at once.
 *
 * Failures count per user name and minute; successes never do. Both tables are bounded: the oldest
 * goes. Owner: control. */
#pragma once

#include "control/keyed_hash.h"

#define CREDENTIALS_MAX 512u
#define FAILURES_MAX 512u

struct credential_failure {
    u64 name_hash; /* 0: free */
    u64 since_us;  /* when this minute began */
    u32 count;
};

struct credentials {
    struct keyed_hash_key key;
    u32 failures_per_minute_max; /* 0: no limit */
    u32 next;
    struct u128 verified[CREDENTIALS_MAX]; /* zero: free */
    struct credential_failure failures[FAILURES_MAX];
};

void credentials_init(struct credentials *credentials, u64 secret, u32 failures_per_minute_max);

/* What stands for this password of this user. */
struct u128 credentials_tag(const struct credentials *credentials, u32 user_id, u64 password_index,
                            struct span password);
bool credentials_are_verified(const struct credentials *credentials, struct u128 tag);
void credentials_note_verified(struct credentials *credentials, struct u128 tag);

/* True when this name has failed as often as is allowed, this minute. Times are monotonic. */
bool credentials_are_blocked(const struct credentials *credentials, struct span username,
                             u64 now_us);
void credentials_note_failure(struct credentials *credentials, struct span username, u64 now_us);
