#include "shard/segment_recover.h"

#include "shard/segment_fixture.h"

/* What recovery says of the file, read from its first unit on. */
static struct segment_recover recovered_from(const struct file *file,
                                             const struct recover_point *point)
{
    struct segment_recover recover;
    segment_recover_init(&recover, &file->header, file->room, point);
    u32 believed = 0;
    for (;;) {
        struct batch_budget budget = {.bytes = 100000, .frames = 50};
        switch (segment_recover_step(&recover, &budget)) {
        case RECOVER_READ: {
            u32 left = file->room - recover.want_position;
            struct span bytes = {file->bytes + recover.want_position,
                                 left < recover.want_bytes ? left : recover.want_bytes};
            segment_recover_give(&recover, bytes);
            break;
        }
        case RECOVER_PAUSED: break;
        case RECOVER_UNIT:
            believed++;
            EXPECT(believed <= file->units_count);
            break;
        case RECOVER_DONE: return recover;
        }
    }
}

static struct segment_recover recovered(const struct file *file)
{
    struct recover_point point = {
        .position = SEGMENT_HEADER_BYTES,
        .next_offset = file->header.base_offset,
        .next_unit = file->header.first_unit,
        .next_write = file->header.first_write,
    };
    return recovered_from(file, &point);
}

static void expect_end(const struct segment_recover *recover, const struct file *file,
                       u32 units_count)
{
    u32 position = units_count < file->units_count ? file->positions[units_count] : file->size;
    EXPECT_EQ(recover->end.position, position);
    EXPECT_EQ(recover->end.next_unit, file->header.first_unit + units_count);
    EXPECT_EQ(recover->end.next_offset, file->header.base_offset + 3ull * units_count);
}

static void damage(struct file *file, u32 unit_index, u32 at)
{
    file->bytes[file->positions[unit_index] + at] ^= 0x10;
}

TEST(a_log_that_ends_in_nothing_simply_ends)
{
    struct file file;
    file_open(&file, 0, 512);
    for (u32 i = 0; i < 10; i++) {
        file_add(&file);
    }
    struct segment_recover recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_ENDS);
    expect_end(&recover, &file, 10);
    file.room += 100 * 1024; /* zeros written ahead */
    recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_ENDS);
    expect_end(&recover, &file, 10);
    EXPECT_EQ(recover.end.bytes, file.batches_bytes);
    EXPECT_EQ(recover.end.next_write, file.next_write);
    EXPECT_EQ(recover.end.previous_crc, file.previous_crc);
    EXPECT_EQ(recover.end.last_time_us, file.time_us - 10);
    file_close(&file);
}

TEST(a_torn_last_write_is_an_unfinished_tail)
{
    for (u32 at = 0; at < 600; at += 150) {
        struct file file;
        file_open(&file, 0, 512);
        for (u32 i = 0; i < 5; i++) {
            file_add(&file);
        }
        damage(&file, 4, at);
        file.room += 8192;
        struct segment_recover recover = recovered(&file);
        EXPECT_EQ(recover.verdict, RECOVER_UNFINISHED);
        expect_end(&recover, &file, 4);
        EXPECT_EQ(recover.damage_position, file.positions[4]);
        EXPECT_EQ(recover.damage_end, file.size);
        file_close(&file);
    }
}

TEST(a_first_unit_torn_out_of_a_gathered_write_takes_the_whole_write)
{
    struct file file;
    file_open(&file, 0, 512);
    file_add(&file);
    file_begin_write(&file);
    for (u32 i = 0; i < 4; i++) {
        file_add_unit(&file, 1, 3, 100);
    }
    damage(&file, 1, 60);
    struct segment_recover recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_UNFINISHED);
    expect_end(&recover, &file, 1);
    EXPECT_EQ(recover.damage_end, file.size);
    file_close(&file);
}

TEST(damage_followed_by_a_later_write_is_rot_and_the_rest_is_still_there)
{
    for (u32 at = 0; at < 600; at += 150) {
        struct file file;
        file_open(&file, 0, 512);
        for (u32 i = 0; i < 8; i++) {
            file_add(&file);
        }
        damage(&file, 3, at);
        struct segment_recover recover = recovered(&file);
        EXPECT_EQ(recover.verdict, RECOVER_ROT);
        expect_end(&recover, &file, 8);
        EXPECT_EQ(recover.holes_count, 1);
        EXPECT_EQ(recover.hole_offset, 1009);
        EXPECT_EQ(recover.hole_end_offset, 1012);
        file_close(&file);
    }
}

TEST(damage_in_the_second_unit_of_a_write_that_another_write_follows_is_rot)
{
    struct file file;
    file_open(&file, 0, 512);
    file_begin_write(&file);
    file_add_unit(&file, 1, 3, 100);
    file_add_unit(&file, 1, 3, 100);
    file_add(&file);
    damage(&file, 1, 70);
    struct segment_recover recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_ROT);
    expect_end(&recover, &file, 3);
    file_close(&file);
}

TEST(two_holes_are_both_passed)
{
    struct file file;
    file_open(&file, 0, 512);
    for (u32 i = 0; i < 9; i++) {
        file_add(&file);
    }
    damage(&file, 2, 300);
    damage(&file, 5, 10);
    struct segment_recover recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_ROT);
    EXPECT_EQ(recover.holes_count, 2);
    expect_end(&recover, &file, 9);
    file_close(&file);
}

TEST(at_the_weaker_levels_any_damage_is_an_unfinished_tail)
{
    for (u8 level = 1; level <= 2; level++) {
        struct file file;
        file_open(&file, level, 512);
        for (u32 i = 0; i < 8; i++) {
            file_add(&file);
        }
        damage(&file, 3, 100);
        struct segment_recover recover = recovered(&file);
        EXPECT_EQ(recover.verdict, RECOVER_UNFINISHED);
        expect_end(&recover, &file, 3);
        EXPECT_EQ(recover.damage_end, file.size);
        file_close(&file);
    }
}

TEST(a_later_write_beyond_two_largest_writes_is_not_looked_for)
{
    struct file file;
    file_open(&file, 0, 512);
    for (u32 i = 0; i < 4; i++) {
        file_add(&file);
    }
    damage(&file, 1, 0);
    /* The third is out of reach: as if the file went on much later. */
    u32 far = file.positions[1] + 3 * file.header.write_bytes_max;
    memmove(file.bytes + far, file.bytes + file.positions[2], file.size - file.positions[2]);
    memset(file.bytes + file.positions[1], 0, far - file.positions[1]);
    file.room = far + 4096;
    struct segment_recover recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_ENDS);
    expect_end(&recover, &file, 1);
    file_close(&file);
}

TEST(units_of_an_older_salt_are_never_believed)
{
    struct file file;
    file_open(&file, 0, 512);
    for (u32 i = 0; i < 6; i++) {
        file_add(&file);
    }
    u8 *old = mem_take(file.size);
    memcpy(old, file.bytes, file.size);
    u32 old_size = file.size;
    mem_return(file.bytes);
    /* The file is recycled: numbers go on, the salt is another. */
    file_open(&file, 0, 512);
    memcpy(file.bytes, old, old_size);
    file.header.salt[0] = 77;
    file.header.recycled = true;
    file_add(&file);
    file_add(&file);
    file.room = old_size;
    struct segment_recover recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_ENDS);
    expect_end(&recover, &file, 2);
    mem_return(old);
    file_close(&file);
}

TEST(garbage_behind_the_end_is_saved_unless_the_file_was_recycled)
{
    struct file file;
    file_open(&file, 0, 512);
    file_add(&file);
    memset(file.bytes + file.size + 512, 0xee, 512);
    file.room = file.size + 4096;
    struct segment_recover recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_UNFINISHED);
    EXPECT_EQ(recover.damage_end, file.size + 1024);
    file.header.recycled = true;
    recover = recovered(&file);
    EXPECT_EQ(recover.verdict, RECOVER_ENDS);
    file_close(&file);
}

TEST(a_unit_that_is_moved_or_repeated_is_not_believed)
{
    struct file file;
    file_open(&file, 0, 512);
    for (u32 i = 0; i < 3; i++) {
        file_add(&file);
    }
    u32 unit_bytes = file.size - file.positions[2];
    memcpy(file.bytes + file.size, file.bytes + file.positions[2], unit_bytes);
    file.room = file.size + unit_bytes;
    struct segment_recover recover = recovered(&file);
    expect_end(&recover, &file, 3);
    file_close(&file);
}

TEST(the_scan_begins_at_the_recovery_point_and_asks_for_the_unit_before_it)
{
    struct file file;
    file_open(&file, 0, 512);
    for (u32 i = 0; i < 6; i++) {
        file_add(&file);
    }
    damage(&file, 0, 100); /* below the point: found when it is read, not now */
    struct recover_point point = {
        .position = file.positions[4],
        .next_offset = 1012,
        .next_unit = 54,
        .next_write = 24,
        .previous_crc = get_u32(file.bytes + file.positions[3] + UNIT_CONTROL_BYTES - 4),
        .last_time_us = 5030,
    };
    struct segment_recover recover = recovered_from(&file, &point);
    EXPECT_EQ(recover.verdict, RECOVER_ENDS);
    expect_end(&recover, &file, 6);
    point.previous_crc++;
    recover = recovered_from(&file, &point);
    EXPECT_EQ(recover.verdict, RECOVER_ROT);
    file_close(&file);
}

TEST(every_cut_of_the_file_ends_in_whole_units)
{
    struct file file;
    file_open(&file, 0, 512);
    for (u32 i = 0; i < 4; i++) {
        file_begin_write(&file);
        file_add_unit(&file, 1, 3, 400);
    }
    u32 whole = 0;
    for (u32 room = SEGMENT_HEADER_BYTES; room <= file.size; room += 256) {
        file.room = room;
        while (whole < 4 && (whole + 1 < 4 ? file.positions[whole + 1] : file.size) <= room) {
            whole++;
        }
        struct segment_recover recover = recovered(&file);
        expect_end(&recover, &file, whole);
        EXPECT(recover.verdict != RECOVER_ROT);
    }
    file_close(&file);
}
