#include "secure/unit_cipher.h"

#include "base/bytes.h"
#include "tests/test.h"

/* Test case 16 of the GCM specification's AES-256 set, with additional data. */
TEST(sealed_bytes_are_those_of_the_published_vector)
{
    static const u8 key[32] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f,
                               0x94, 0x67, 0x30, 0x83, 0x08, 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65,
                               0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
    static const u8 place[20] = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
                                 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
    struct unit_seal seal = {
        .nonce = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88},
        .place = place,
        .place_bytes = sizeof(place)};
    u8 bytes[60] = {0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5,
                    0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda,
                    0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95,
                    0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25,
                    0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39};
    struct unit_cipher *cipher = unit_cipher_create(key);
    EXPECT(cipher != NULL);
    unit_cipher_seal(cipher, &seal, bytes, sizeof(bytes));
    EXPECT_BYTES(bytes, "\x52\x2d\xc1\xf0\x99\x56\x7d\x07\xf4\x7f\x37\xa3\x2a\x84\x42\x7d", 16);
    EXPECT_BYTES(seal.tag, "\x76\xfc\x6e\xce\x0f\x4e\x17\x68\xcd\xdf\x88\x53\xbb\x2d\x55\x1b", 16);
    EXPECT_EQ(unit_cipher_open(cipher, &seal, bytes, sizeof(bytes)), OK);
    EXPECT_BYTES(bytes, "\xd9\x31\x32\x25\xf8\x84\x06\xe5", 8);
    unit_cipher_destroy(cipher);
}

static void fill(u8 *bytes, u32 size)
{
    for (u32 i = 0; i < size; i++) {
        bytes[i] = (u8)(i * 7);
    }
}

TEST(steps_of_any_size_give_what_one_call_gives_with_others_between_them)
{
    static u8 whole[10000];
    static u8 stepped[10000];
    static u8 other[500];
    u8 key[32] = {1};
    u8 place[8] = {5};
    struct unit_cipher *cipher = unit_cipher_create(key);
    for (u32 step = 1; step < 4000; step = step * 3 + 1) {
        struct unit_seal one = {.nonce = {9}, .place = place, .place_bytes = sizeof(place)};
        struct unit_seal two = one;
        struct unit_seal between = {.nonce = {10}, .place = place, .place_bytes = sizeof(place)};
        fill(whole, sizeof(whole));
        fill(stepped, sizeof(stepped));
        unit_cipher_seal(cipher, &one, whole, sizeof(whole));
        EXPECT(unit_cipher_seal_begin(cipher, &two));
        EXPECT(!unit_cipher_seal_begin(cipher, &between));
        for (u32 at = 0; at < sizeof(stepped); at += step) {
            unit_cipher_seal_step(cipher, stepped + at, u32_min(step, sizeof(stepped) - at));
            unit_cipher_seal(cipher, &between, other, sizeof(other));
        }
        unit_cipher_seal_end(cipher, &two);
        EXPECT_BYTES(stepped, whole, sizeof(whole));
        EXPECT_BYTES(two.tag, one.tag, CIPHER_TAG_BYTES);

        EXPECT(unit_cipher_open_begin(cipher, &two));
        EXPECT(!unit_cipher_open_begin(cipher, &two));
        for (u32 at = 0; at < sizeof(stepped); at += step) {
            unit_cipher_open_step(cipher, stepped + at, u32_min(step, sizeof(stepped) - at));
        }
        EXPECT_EQ(unit_cipher_open_end(cipher, &two), OK);
        fill(whole, sizeof(whole));
        EXPECT_BYTES(stepped, whole, sizeof(whole));
        EXPECT(unit_cipher_open_begin(cipher, &two));
        unit_cipher_open_step(cipher, stepped, 10);
        EXPECT_EQ(unit_cipher_open_end(cipher, &two), ERR_CORRUPT);
    }
    unit_cipher_destroy(cipher);
}

TEST(another_key_nonce_place_tag_or_byte_is_noticed)
{
    u8 key[32] = {1};
    u8 place[8] = {5};
    static u8 bytes[10000];
    for (u32 story = 0; story < 6; story++) {
        struct unit_seal seal = {.nonce = {9}, .place = place, .place_bytes = sizeof(place)};
        struct unit_cipher *cipher = unit_cipher_create(key);
        fill(bytes, sizeof(bytes));
        unit_cipher_seal(cipher, &seal, bytes, sizeof(bytes));
        u8 other_key[32] = {2};
        u8 other_place[8] = {6};
        if (story == 1) {
            unit_cipher_destroy(cipher);
            cipher = unit_cipher_create(other_key);
        }
        seal.nonce[11] ^= story == 2;
        seal.place = story == 3 ? other_place : place;
        seal.tag[0] ^= story == 4;
        bytes[9999] ^= story == 5;
        EXPECT_EQ(unit_cipher_open(cipher, &seal, bytes, sizeof(bytes)),
                  story == 0 ? OK : ERR_CORRUPT);
        unit_cipher_destroy(cipher);
    }
}

TEST(a_cipher_goes_on_after_it_was_shown_garbage)
{
    u8 key[32] = {1};
    u8 bytes[100] = {0};
    struct unit_seal seal = {.nonce = {1}, .place = key, .place_bytes = 4};
    struct unit_cipher *cipher = unit_cipher_create(key);
    EXPECT_EQ(unit_cipher_open(cipher, &seal, bytes, sizeof(bytes)), ERR_CORRUPT);
    fill(bytes, sizeof(bytes));
    unit_cipher_seal(cipher, &seal, bytes, sizeof(bytes));
    EXPECT_EQ(unit_cipher_open(cipher, &seal, bytes, sizeof(bytes)), OK);
    EXPECT_EQ(bytes[99], (u8)(99 * 7));
    unit_cipher_destroy(cipher);
}

TEST(fingerprints_tell_keys_apart)
{
    u8 first[CIPHER_FINGERPRINT_BYTES];
    u8 again[CIPHER_FINGERPRINT_BYTES];
    u8 other[CIPHER_FINGERPRINT_BYTES];
    unit_cipher_fingerprint((const u8[32]){1}, first);
    unit_cipher_fingerprint((const u8[32]){1}, again);
    unit_cipher_fingerprint((const u8[32]){2}, other);
    EXPECT_BYTES(first, again, sizeof(first));
    EXPECT(memcmp(first, other, sizeof(first)) != 0);
}
