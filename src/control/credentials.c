#include "control/credentials.h"

#include "base/check.h"

#define MINUTE_US (60 * US_PER_SECOND)
#define PASSWORD_BYTES_LIMIT 255u

void credentials_init(struct credentials *credentials, u64 secret, u32 failures_per_minute_max)
{
    *credentials = (struct credentials){
        .key = keyed_hash_key_of(secret),
        .failures_per_minute_max = failures_per_minute_max,
    };
}

struct u128 credentials_tag(const struct credentials *credentials, u32 user_id, u64 password_index,
                            struct span password)
{
    check(password.size <= PASSWORD_BYTES_LIMIT);
    u8 text[16 + PASSWORD_BYTES_LIMIT];
    struct writer writer = writer_over(text, sizeof(text));
    write_u32(&writer, user_id);
    write_u64(&writer, password_index);
    write_span(&writer, password);
    check(!writer.failed);
    struct u128 tag = keyed_hash(credentials->key, text, writer.position);
    tag.low |= 1; /* never zero, which marks a free entry */
    return tag;
}

bool credentials_are_verified(const struct credentials *credentials, struct u128 tag)
{
    check(!u128_is_zero(tag));
    for (u32 i = 0; i < CREDENTIALS_MAX; i++) {
        if (u128_equal(credentials->verified[i], tag)) {
            return true;
        }
    }
    return false;
}

void credentials_note_verified(struct credentials *credentials, struct u128 tag)
{
    if (!credentials_are_verified(credentials, tag)) {
        credentials->verified[credentials->next] = tag;
        credentials->next = (credentials->next + 1) % CREDENTIALS_MAX;
    }
}

static u64 name_hash_of(const struct credentials *credentials, struct span username)
{
    return keyed_hash(credentials->key, username.data, username.size).low | 1;
}

static bool is_current(const struct credential_failure *failure, u64 now_us)
{
    return failure->name_hash != 0 && now_us - failure->since_us < MINUTE_US;
}

bool credentials_are_blocked(const struct credentials *credentials, struct span username,
                             u64 now_us)
{
    u32 count_max = credentials->failures_per_minute_max;
    u64 name_hash = name_hash_of(credentials, username);
    for (u32 i = 0; i < FAILURES_MAX && count_max > 0; i++) {
        const struct credential_failure *failure = &credentials->failures[i];
        if (failure->name_hash == name_hash && is_current(failure, now_us)) {
            return failure->count >= count_max;
        }
    }
    return false;
}

/* The entry of this name, else one that is free or over, else the one with the fewest failures: who
 * tries many names cannot make room for more guesses at one. */
static struct credential_failure *failure_of(struct credentials *credentials, u64 name_hash,
                                             u64 now_us)
{
    struct credential_failure *worst = &credentials->failures[0];
    for (u32 i = 0; i < FAILURES_MAX; i++) {
        struct credential_failure *failure = &credentials->failures[i];
        if (failure->name_hash == name_hash) {
            return failure;
        }
        bool better = !is_current(failure, now_us) || failure->count < worst->count;
        if (is_current(worst, now_us) && better) {
            worst = failure;
        }
    }
    return worst;
}

void credentials_note_failure(struct credentials *credentials, struct span username, u64 now_us)
{
    u64 name_hash = name_hash_of(credentials, username);
    struct credential_failure *failure = failure_of(credentials, name_hash, now_us);
    if (failure->name_hash != name_hash || !is_current(failure, now_us)) {
        *failure = (struct credential_failure){.name_hash = name_hash, .since_us = now_us};
    }
    failure->count++;
}
