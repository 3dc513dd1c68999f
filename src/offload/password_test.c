#include "test.h"

#include <argon2.h>
#include <time.h>

#include "offload/password.h"

/* Small, so that the tests are quick; the text tells each hash's own. */
static const struct password_cost cost = {.memory_kib = 256, .passes = 2, .lanes = 1};

static u64 now_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (u64)time.tv_sec * US_PER_SECOND + (u64)time.tv_nsec / 1000;
}

static enum status verify_text(struct password_room *room, const char *password, const char *hash)
{
    return password_verify(room, &cost, (const u8 *)password, (u32)strlen(password), hash);
}

TEST(a_hash_verifies_its_password_and_no_other)
{
    struct password_room room;
    EXPECT(password_room_create(&room, cost.memory_kib));
    char hash[OFFLOAD_HASH_BYTES];
    EXPECT_EQ(password_hash(&room, &cost, (const u8 *)"secret", 6, hash), OK);
    EXPECT_EQ(verify_text(&room, "secret", hash), OK);
    EXPECT_EQ(verify_text(&room, "Secret", hash), ERR_INVALID);
    EXPECT_EQ(verify_text(&room, "secret ", hash), ERR_INVALID);
    EXPECT_EQ(verify_text(&room, "", hash), ERR_INVALID);

    char other[OFFLOAD_HASH_BYTES];
    EXPECT_EQ(password_hash(&room, &cost, (const u8 *)"secret", 6, other), OK);
    EXPECT(strcmp(hash, other) != 0);
    EXPECT_EQ(verify_text(&room, "secret", other), OK);
    password_room_release(&room);
    EXPECT_EQ(verify_text(&room, "secret", hash), OK);
    password_room_destroy(&room);
}

TEST(the_text_is_what_the_argon2_library_reads_and_writes)
{
    struct password_room room;
    EXPECT(password_room_create(&room, cost.memory_kib));
    char hash[OFFLOAD_HASH_BYTES];
    EXPECT_EQ(password_hash(&room, &cost, (const u8 *)"secret", 6, hash), OK);
    EXPECT(strncmp(hash, "$argon2id$v=19$m=256,t=2,p=1$", 29) == 0);
    EXPECT_EQ(argon2id_verify(hash, "secret", 6), ARGON2_OK);
    EXPECT_EQ(argon2id_verify(hash, "secreT", 6), ARGON2_VERIFY_MISMATCH);

    /* Theirs, with other passes, other lanes and more memory than the room has. */
    char theirs[OFFLOAD_HASH_BYTES];
    EXPECT_EQ(argon2id_hash_encoded(3, 1024, 2, "pass", 4, "sixteen bytes ok", 16,
                                    PASSWORD_TAG_BYTES, theirs, sizeof(theirs)),
              ARGON2_OK);
    EXPECT_EQ(verify_text(&room, "pass", theirs), OK);
    EXPECT_EQ(verify_text(&room, "Pass", theirs), ERR_INVALID);
    password_room_destroy(&room);
}

TEST(the_longest_password_counts_to_its_last_byte)
{
    struct password_room room;
    EXPECT(password_room_create(&room, cost.memory_kib));
    u8 password[OFFLOAD_PASSWORD_BYTES_MAX];
    memset(password, 'x', sizeof(password));
    char hash[OFFLOAD_HASH_BYTES];
    EXPECT_EQ(password_hash(&room, &cost, password, sizeof(password), hash), OK);
    EXPECT_EQ(password_verify(&room, &cost, password, sizeof(password), hash), OK);
    password[sizeof(password) - 1] = 'y';
    EXPECT_EQ(password_verify(&room, &cost, password, sizeof(password), hash), ERR_INVALID);
    EXPECT_EQ(password_verify(&room, &cost, password, sizeof(password) - 1, hash), ERR_INVALID);
    password_room_destroy(&room);
}

TEST(what_is_no_hash_of_ours_is_corrupt_and_never_matches)
{
    struct password_room room;
    EXPECT(password_room_create(&room, cost.memory_kib));
    char hash[OFFLOAD_HASH_BYTES];
    EXPECT_EQ(password_hash(&room, &cost, (const u8 *)"secret", 6, hash), OK);
    u32 size = (u32)strlen(hash);
    for (u32 i = 1; i < size; i++) {
        char cut[OFFLOAD_HASH_BYTES] = {0};
        memcpy(cut, hash, i);
        EXPECT_EQ(verify_text(&room, "secret", cut), ERR_CORRUPT);
    }
    char longer[OFFLOAD_HASH_BYTES + 1];
    (void)snprintf(longer, sizeof(longer), "%sA", hash);
    EXPECT_EQ(verify_text(&room, "secret", longer), ERR_CORRUPT);
    static const char *const wrong[] = {
        "$argon2i$v=19$m=256,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=16$m=256,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=256,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=256,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAB$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for (u32 i = 0; i < array_count(wrong); i++) {
        EXPECT_EQ(verify_text(&room, "secret", wrong[i]), ERR_CORRUPT);
    }
    password_room_destroy(&room);
}

/* The least of some rounds each: the machine may be busy. */
TEST(an_empty_hash_costs_what_a_real_one_does)
{
    static const struct password_cost dear = {.memory_kib = 8192, .passes = 2, .lanes = 1};
    struct password_room room;
    EXPECT(password_room_create(&room, dear.memory_kib));
    char hash[OFFLOAD_HASH_BYTES];
    EXPECT_EQ(password_hash(&room, &dear, (const u8 *)"secret", 6, hash), OK);
    u64 real_us = UINT64_MAX;
    u64 empty_us = UINT64_MAX;
    for (u32 i = 0; i < 5; i++) {
        u64 begin_us = now_us();
        EXPECT_EQ(password_verify(&room, &dear, (const u8 *)"wrong", 5, hash), ERR_INVALID);
        u64 middle_us = now_us();
        EXPECT_EQ(password_verify(&room, &dear, (const u8 *)"wrong", 5, ""), ERR_INVALID);
        real_us = u64_min(real_us, middle_us - begin_us);
        empty_us = u64_min(empty_us, now_us() - middle_us);
    }
    EXPECT(empty_us > real_us / 2);
    EXPECT(real_us > empty_us / 2);
    password_room_destroy(&room);
}
