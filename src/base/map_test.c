#include "base/map.h"

#include "base/mem.h"
#include "base/prng.h"
#include "test.h"

TEST(what_was_put_is_found_until_it_is_removed)
{
    struct map_slot slots[16];
    struct map map;
    EXPECT(map_slots_for(10) <= array_count(slots));
    map_init(&map, slots, 10);
    u64 value = 77;
    EXPECT(!map_get(&map, 5, &value));
    EXPECT_EQ(value, 77);
    EXPECT(map_put(&map, 5, 50));
    EXPECT(map_put(&map, 0, 1));
    EXPECT(map_get(&map, 5, &value));
    EXPECT_EQ(value, 50);
    EXPECT(map_get(&map, 0, &value));
    EXPECT_EQ(value, 1);
    EXPECT(map_put(&map, 5, 51));
    EXPECT(map_get(&map, 5, &value));
    EXPECT_EQ(value, 51);
    EXPECT_EQ(map.entries_count, 2);
    EXPECT(map_remove(&map, 5));
    EXPECT(!map_remove(&map, 5));
    EXPECT(!map_get(&map, 5, &value));
    map_clear(&map);
    EXPECT(!map_get(&map, 0, &value));
    EXPECT_EQ(map.entries_count, 0);
}

TEST(a_full_map_refuses_new_keys_and_still_replaces)
{
    struct map_slot slots[16];
    struct map map;
    map_init(&map, slots, 12);
    EXPECT_EQ(map.slots_count, 16);
    for (u64 key = 0; key < 12; key++) {
        EXPECT(map_put(&map, key, key));
    }
    EXPECT(!map_put(&map, 12, 12));
    EXPECT(map_put(&map, 11, 99));
    u64 value = 0;
    EXPECT(map_get(&map, 11, &value));
    EXPECT_EQ(value, 99);
    EXPECT(map_remove(&map, 3));
    EXPECT(map_put(&map, 12, 12));
}

TEST(slots_keep_a_quarter_free_and_are_a_power_of_two)
{
    for (u32 entries_max = 0; entries_max < 5000; entries_max++) {
        u32 slots_count = map_slots_for(entries_max);
        EXPECT_EQ(slots_count & (slots_count - 1), 0);
        EXPECT((u64)entries_max * 4 <= (u64)slots_count * 3);
    }
    EXPECT_EQ(map_slots_for(1u << 30), 1u << 31);
}

/* Every key of a small space against an array that says what must be there. */
TEST(a_long_random_life_agrees_with_a_plain_array)
{
    enum { KEYS = 100, ENTRIES_MAX = 60 };
    struct map_slot *slots = mem_take(sizeof(*slots) * map_slots_for(ENTRIES_MAX));
    struct map map;
    map_init(&map, slots, ENTRIES_MAX);
    u64 values[KEYS] = {0};
    u32 count = 0;
    struct prng prng;
    prng_init(&prng, 3);
    for (u32 i = 0; i < 50000; i++) {
        u64 key = prng_below(&prng, KEYS);
        if (prng_chance(&prng, 1, 2)) {
            bool fits = values[key] != 0 || count < ENTRIES_MAX;
            EXPECT_EQ(map_put(&map, key * 0x100000001, i + 1), fits);
            count += fits && values[key] == 0 ? 1 : 0;
            values[key] = fits ? i + 1 : values[key];
        } else {
            EXPECT_EQ(map_remove(&map, key * 0x100000001), values[key] != 0);
            count -= values[key] != 0 ? 1 : 0;
            values[key] = 0;
        }
        u64 asked = prng_below(&prng, KEYS);
        u64 value = 0;
        EXPECT_EQ(map_get(&map, asked * 0x100000001, &value), values[asked] != 0);
        EXPECT_EQ(value, values[asked]);
        EXPECT_EQ(map.entries_count, count);
    }
    mem_return(slots);
}

TEST(hashes_spread_keys_that_look_alike)
{
    u32 low_bits[256] = {0};
    for (u64 i = 0; i < 25600; i++) {
        low_bits[hash_u64(i << 20) & 255]++;
    }
    for (u32 i = 0; i < 256; i++) {
        EXPECT(low_bits[i] > 50);
        EXPECT(low_bits[i] < 150);
    }
    EXPECT(hash_u64_pair(1, 2) != hash_u64_pair(2, 1));
    EXPECT(hash_u64_pair(0, 1) != hash_u64_pair(1, 0));
}

TEST(hashes_of_bytes_see_every_byte_and_the_size)
{
    u8 bytes[40] = {0};
    for (u32 size = 0; size < sizeof(bytes); size++) {
        u64 hash = hash_bytes(bytes, size);
        EXPECT(hash != hash_bytes(bytes, size + 1));
        for (u32 i = 0; i < size; i++) {
            bytes[i] = 1;
            EXPECT(hash != hash_bytes(bytes, size));
            bytes[i] = 0;
        }
    }
}
