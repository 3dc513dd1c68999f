#include "control/keyed_hash.h"

#include "test.h"

static const struct keyed_hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

TEST(the_published_vectors_are_met)
{
    static const u8 data[] = {0, 1};
    static const u8 of_nothing[] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                    0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    static const u8 of_two[] = {0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d, 0xc7,
                                0xfc, 0xa3, 0x8b, 0xde, 0xf6, 0x0a, 0xff, 0xe4};
    u8 hash[16];
    put_u128(hash, keyed_hash(key, data, 0));
    EXPECT_BYTES(hash, of_nothing, 16);
    put_u128(hash, keyed_hash(key, data, 2));
    EXPECT_BYTES(hash, of_two, 16);
}

TEST(another_key_or_length_gives_another_hash)
{
    static const u8 zeros[32];
    struct u128 hash = keyed_hash(key, zeros, 16);
    EXPECT(!u128_equal(hash, keyed_hash(key, zeros, 17)));
    EXPECT(!u128_equal(hash, keyed_hash(key, zeros, 8)));
    EXPECT(!u128_equal(hash, keyed_hash(keyed_hash_key_of(1), zeros, 16)));
    EXPECT(!u128_equal(keyed_hash(keyed_hash_key_of(1), zeros, 16),
                       keyed_hash(keyed_hash_key_of(2), zeros, 16)));
}
