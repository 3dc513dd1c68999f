#include "shard/segment_unit.h"

#include "shard/segment_fixture.h"

static enum unit_check_result judged(const struct file *file, u32 unit_index)
{
    const u8 *control = file->bytes + file->positions[unit_index];
    struct segment_unit unit;
    if (segment_unit_decode(control, file->header.salt, file->header.life, &unit) != OK) {
        return UNIT_CHECK_BAD;
    }
    struct unit_check check_it;
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    unit_check_init(&check_it, &unit, control + UNIT_CONTROL_BYTES);
    return unit_check_step(&check_it, &budget);
}

TEST(a_unit_comes_back_with_all_its_fields)
{
    struct file file;
    file_open(&file, 1, 512);
    file_begin_write(&file);
    file_add_unit(&file, 2, 3, 100);
    file_add_unit(&file, 1, 1, 10);
    struct segment_unit unit;
    EXPECT_EQ(segment_unit_decode(file.bytes + file.positions[1], file.header.salt, 9, &unit), OK);
    EXPECT_EQ(unit.partition_id, 7);
    EXPECT_EQ(unit.base_offset, 1006);
    EXPECT_EQ(unit.first_time_us, 5020);
    EXPECT_EQ(unit.last_time_us, 5020);
    EXPECT_EQ(unit.life, 9);
    EXPECT_EQ(unit.write_number, 20);
    EXPECT_EQ(unit.write_first_unit, 50);
    EXPECT_EQ(unit.unit_number, 51);
    EXPECT_EQ(unit.messages_count, 1);
    EXPECT_EQ(unit.batches_bytes, 256 + 48 + 10);
    EXPECT_EQ(unit.level, 1);
    EXPECT_EQ(unit.previous_crc, get_u32(file.bytes + file.positions[0] + UNIT_CONTROL_BYTES - 4));
    EXPECT_EQ(judged(&file, 0), UNIT_CHECK_GOOD);
    EXPECT_EQ(judged(&file, 1), UNIT_CHECK_GOOD);
    file_close(&file);
}

TEST(a_unit_of_another_salt_or_life_is_not_ours)
{
    struct file file;
    file_open(&file, 0, 512);
    file_add(&file);
    struct segment_unit unit;
    u8 salt[SEGMENT_SALT_BYTES] = {1, 2, 3, 5};
    const u8 *control = file.bytes + file.positions[0];
    EXPECT_EQ(segment_unit_decode(control, salt, 9, &unit), ERR_CORRUPT);
    EXPECT_EQ(segment_unit_decode(control, file.header.salt, 10, &unit), ERR_CORRUPT);
    EXPECT_EQ(segment_unit_decode(control, file.header.salt, 9, &unit), OK);
    file_close(&file);
}

TEST(any_flipped_bit_of_a_unit_is_found)
{
    struct file file;
    file_open(&file, 0, 512);
    file_begin_write(&file);
    file_add_unit(&file, 2, 2, 20);
    u32 bytes = UNIT_CONTROL_BYTES + segment_unit_batches_bytes(file.bytes + file.positions[0]);
    for (u32 bit = 0; bit < bytes * 8; bit++) {
        u8 *at = file.bytes + file.positions[0] + bit / 8;
        *at ^= (u8)(1u << bit % 8);
        EXPECT_EQ(judged(&file, 0), UNIT_CHECK_BAD);
        *at ^= (u8)(1u << bit % 8);
    }
    EXPECT_EQ(judged(&file, 0), UNIT_CHECK_GOOD);
    file_close(&file);
}

TEST(a_large_unit_is_checked_in_steps)
{
    struct file file;
    file_open(&file, 0, 4096);
    file_begin_write(&file);
    file_add_unit(&file, 4, 100, 1000);
    struct segment_unit unit;
    const u8 *control = file.bytes + file.positions[0];
    EXPECT_EQ(segment_unit_decode(control, file.header.salt, 9, &unit), OK);
    struct unit_check check_it;
    unit_check_init(&check_it, &unit, control + UNIT_CONTROL_BYTES);
    u32 steps = 0;
    enum unit_check_result result = UNIT_CHECK_PAUSED;
    while (result == UNIT_CHECK_PAUSED) {
        struct batch_budget budget = {.bytes = 64 * 1024, .frames = 50};
        result = unit_check_step(&check_it, &budget);
        steps++;
        EXPECT(steps < 100);
    }
    EXPECT_EQ(result, UNIT_CHECK_GOOD);
    EXPECT(steps >= 7);
    file_close(&file);
}
