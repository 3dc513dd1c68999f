#include "control/credentials.h"

#include "base/str.h"
#include "test.h"

static struct credentials credentials;

static struct u128 tag(u32 user_id, u64 password_index, const char *password)
{
    return credentials_tag(&credentials, user_id, password_index, span_of(password));
}

TEST(a_verified_password_is_known_until_it_is_changed)
{
    credentials_init(&credentials, 5, 3);
    EXPECT(!credentials_are_verified(&credentials, tag(0, 7, "secret")));
    credentials_note_verified(&credentials, tag(0, 7, "secret"));
    EXPECT(credentials_are_verified(&credentials, tag(0, 7, "secret")));
    EXPECT(!credentials_are_verified(&credentials, tag(0, 8, "secret")));
    EXPECT(!credentials_are_verified(&credentials, tag(1, 7, "secret")));
    EXPECT(!credentials_are_verified(&credentials, tag(0, 7, "secreT")));
}

TEST(another_process_knows_nothing)
{
    credentials_init(&credentials, 5, 3);
    struct u128 before = tag(0, 7, "secret");
    credentials_init(&credentials, 6, 3);
    EXPECT(!u128_equal(before, tag(0, 7, "secret")));
}

TEST(the_oldest_credential_makes_room)
{
    credentials_init(&credentials, 5, 3);
    for (u32 i = 0; i <= CREDENTIALS_MAX; i++) {
        credentials_note_verified(&credentials, tag(i, 1, "same"));
    }
    EXPECT(!credentials_are_verified(&credentials, tag(0, 1, "same")));
    EXPECT(credentials_are_verified(&credentials, tag(1, 1, "same")));
    EXPECT(credentials_are_verified(&credentials, tag(CREDENTIALS_MAX, 1, "same")));
}

TEST(a_name_is_blocked_after_its_failures_and_free_a_minute_later)
{
    credentials_init(&credentials, 5, 3);
    struct span name = span_of("iggy");
    u64 now_us = 1000 * US_PER_SECOND;
    for (u32 i = 0; i < 3; i++) {
        EXPECT(!credentials_are_blocked(&credentials, name, now_us));
        credentials_note_failure(&credentials, name, now_us + i);
    }
    EXPECT(credentials_are_blocked(&credentials, name, now_us + 59 * US_PER_SECOND));
    EXPECT(!credentials_are_blocked(&credentials, span_of("other"), now_us));
    EXPECT(!credentials_are_blocked(&credentials, name, now_us + 60 * US_PER_SECOND));
    credentials_note_failure(&credentials, name, now_us + 61 * US_PER_SECOND);
    EXPECT(!credentials_are_blocked(&credentials, name, now_us + 61 * US_PER_SECOND));
}

TEST(trying_many_names_does_not_unblock_one)
{
    credentials_init(&credentials, 5, 2);
    struct span name = span_of("iggy");
    credentials_note_failure(&credentials, name, 1);
    credentials_note_failure(&credentials, name, 1);
    for (u32 i = 0; i < 3 * FAILURES_MAX; i++) {
        char other[16];
        EXPECT(str_format(other, sizeof(other), "n%u", i));
        credentials_note_failure(&credentials, span_of(other), 2);
    }
    EXPECT(credentials_are_blocked(&credentials, name, 3));
}

TEST(without_a_limit_nobody_is_blocked)
{
    credentials_init(&credentials, 5, 0);
    for (u32 i = 0; i < 100; i++) {
        credentials_note_failure(&credentials, span_of("iggy"), 1);
    }
    EXPECT(!credentials_are_blocked(&credentials, span_of("iggy"), 1));
}
