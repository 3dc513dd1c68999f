/* The message is cut into blocks of 64 bytes, the last ones padded: a byte 0x80, zeros, and the
 * length in bits as u64, big-endian, as are all words here. */
#include "base/sha256.h"

#include <string.h>

#define BLOCK_BYTES 64u
#define ROUNDS 64u

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const u32 round_constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u32 turn_right(u32 word, u32 bits)
{
    return word >> bits | word << (32 - bits);
}

static u32 get_big_u32(const u8 *p)
{
    return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static void put_big_u32(u8 *p, u32 value)
{
    p[0] = (u8)(value >> 24);
    p[1] = (u8)(value >> 16);
    p[2] = (u8)(value >> 8);
    p[3] = (u8)value;
}

static void expand(const u8 *block, u32 words[ROUNDS])
{
    for (u32 i = 0; i < 16; i++) {
        words[i] = get_big_u32(block + i * 4);
    }
    for (u32 i = 16; i < ROUNDS; i++) {
        u32 early = words[i - 15];
        u32 late = words[i - 2];
        u32 small = turn_right(early, 7) ^ turn_right(early, 18) ^ early >> 3;
        u32 large = turn_right(late, 17) ^ turn_right(late, 19) ^ late >> 10;
        words[i] = words[i - 16] + small + words[i - 7] + large;
    }
}

/* The letters are the standard's: a to h are state[0] to state[7]. */
static void mix(u32 sums[8], const u8 *block)
{
    u32 words[ROUNDS];
    u32 state[8];
    expand(block, words);
    memcpy(state, sums, sizeof(state));
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 a = state[0];
        u32 e = state[4];
        u32 choice = (e & state[5]) ^ (~e & state[6]);
        u32 majority = (a & state[1]) ^ (a & state[2]) ^ (state[1] & state[2]);
        u32 first = state[7] + (turn_right(e, 6) ^ turn_right(e, 11) ^ turn_right(e, 25)) + choice +
                    round_constants[i] + words[i];
        u32 second = (turn_right(a, 2) ^ turn_right(a, 13) ^ turn_right(a, 22)) + majority;
        memmove(state + 1, state, 7 * sizeof(state[0]));
        state[4] += first;
        state[0] = first + second;
    }
    for (u32 i = 0; i < 8; i++) {
        sums[i] += state[i];
    }
}

void sha256(const void *data, u32 size, u8 hash[SHA256_BYTES])
{
    u32 sums[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const u8 *at = data;
    u32 left = size;
    for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES) {
        mix(sums, at);
        at += BLOCK_BYTES;
    }
    u8 last[2 * BLOCK_BYTES] = {0};
    u32 blocks = left + 9 <= BLOCK_BYTES ? 1 : 2;
    if (left > 0) {
        memcpy(last, at, left);
    }
    last[left] = 0x80;
    put_big_u32(last + blocks * BLOCK_BYTES - 8, size >> 29);
    put_big_u32(last + blocks * BLOCK_BYTES - 4, size << 3);
    for (u32 i = 0; i < blocks; i++) {
        mix(sums, last + i * BLOCK_BYTES);
    }
    for (u32 i = 0; i < 8; i++) {
        put_big_u32(hash + i * 4, sums[i]);
    }
}
