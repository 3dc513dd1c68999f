#include "base/crc32c.h"

#include "base/crc32c_table.h"
#include "base/prng.h"
#include "test.h"

TEST(known_answers_are_met)
{
    u8 bytes[32] = {0};
    EXPECT_EQ(crc32c(0, "123456789", 9), 0xe3069283);
    EXPECT_EQ(crc32c(0, bytes, 0), 0);
    EXPECT_EQ(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    EXPECT_EQ(crc32c(0, bytes, 32), 0x62a8ab43);
    for (u8 i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    EXPECT_EQ(crc32c(0, bytes, 32), 0x46dd794e);
    EXPECT_EQ(crc32c_table(0, bytes, 32), 0x46dd794e);
}

TEST(the_instruction_and_the_table_agree_at_every_size_and_alignment)
{
    static u8 bytes[20000];
    struct prng prng;
    prng_init(&prng, 1);
    for (u32 i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u8)prng_next(&prng);
    }
    for (u32 size = 0; size < 600; size++) {
        for (u32 start = 0; start < 8; start++) {
            u32 crc = (u32)prng_next(&prng);
            EXPECT_EQ(crc32c(crc, bytes + start, size), crc32c_table(crc, bytes + start, size));
        }
    }
    for (u32 i = 0; i < 200; i++) {
        u32 start = (u32)prng_below(&prng, sizeof(bytes));
        u32 size = (u32)prng_below(&prng, sizeof(bytes) - start + 1);
        EXPECT_EQ(crc32c(0, bytes + start, size), crc32c_table(0, bytes + start, size));
    }
}

TEST(pieces_give_the_same_as_the_whole)
{
    u8 bytes[200];
    struct prng prng;
    prng_init(&prng, 2);
    for (u32 i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u8)prng_next(&prng);
    }
    u32 whole = crc32c(0, bytes, sizeof(bytes));
    for (u32 cut = 0; cut <= sizeof(bytes); cut++) {
        EXPECT_EQ(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof(bytes) - cut), whole);
    }
}
