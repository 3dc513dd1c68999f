#include "control/keyed_hash.h"

#include "base/map.h"

struct sip {
    u64 v0;
    u64 v1;
    u64 v2;
    u64 v3;
};

static u64 rotate(u64 value, u32 bits)
{
    return value << bits | value >> (64 - bits);
}

static void rounds(struct sip *sip, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        sip->v0 += sip->v1;
        sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
        sip->v0 = rotate(sip->v0, 32);
        sip->v2 += sip->v3;
        sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
        sip->v0 += sip->v3;
        sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
        sip->v2 += sip->v1;
        sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
        sip->v2 = rotate(sip->v2, 32);
    }
}

static void absorb(struct sip *sip, u64 word)
{
    sip->v3 ^= word;
    rounds(sip, 2);
    sip->v0 ^= word;
}

static u64 squeeze(struct sip *sip)
{
    rounds(sip, 4);
    return sip->v0 ^ sip->v1 ^ sip->v2 ^ sip->v3;
}

struct keyed_hash_key keyed_hash_key_of(u64 secret)
{
    return (struct keyed_hash_key){
        .low = hash_u64(secret ^ 0x6b65796564686173),
        .high = hash_u64_pair(secret, 0x6c65767269657265),
    };
}

struct u128 keyed_hash(struct keyed_hash_key key, const void *data, u32 size)
{
    struct sip sip = {
        .v0 = key.low ^ 0x736f6d6570736575,
        .v1 = key.high ^ 0x646f72616e646f6d ^ 0xee,
        .v2 = key.low ^ 0x6c7967656e657261,
        .v3 = key.high ^ 0x7465646279746573,
    };
    const u8 *bytes = data;
    u32 whole = size / 8 * 8;
    for (u32 i = 0; i < whole; i += 8) {
        absorb(&sip, get_u64(bytes + i));
    }
    u64 last = (u64)size << 56;
    for (u32 i = whole; i < size; i++) {
        last |= (u64)bytes[i] << 8 * (i - whole);
    }
    absorb(&sip, last);

    sip.v2 ^= 0xee;
    struct u128 hash = {.low = squeeze(&sip)};
    sip.v1 ^= 0xdd;
    hash.high = squeeze(&sip);
    return hash;
}
