#include "sim/sim_disk.h"

#include "test.h"

static const struct sim_crash_odds all_lost = {.sector_old = 100};
static const struct sim_crash_odds all_kept = {
    .name_kept = 100, .size_kept = 100, .sector_new = 100};
static const struct sim_crash_odds all_torn = {
    .name_kept = 100, .size_kept = 100, .torn_unreadable = 100};

static struct sim_disk disk;
static u8 block[4096];

static void begin(void)
{
    sim_disk_init(&disk, 7, 4096, MIB);
}

static struct sim_bytes block_of(u8 byte)
{
    memset(block, byte, sizeof(block));
    return (struct sim_bytes){block, sizeof(block)};
}

static struct sim_inode *create(const char *path)
{
    struct sim_inode *inode = NULL;
    EXPECT_EQ(sim_disk_create_file(&disk, path, &inode), OK);
    return inode;
}

/* A file whose name is durable. */
static struct sim_inode *create_synced(const char *path)
{
    struct sim_inode *inode = create(path);
    sim_disk_sync_directory(&disk, disk.root, disk.order_last);
    return inode;
}

static u8 byte_at(const char *path, u64 position)
{
    struct sim_inode *inode = sim_disk_find(&disk, path);
    EXPECT(inode != NULL);
    u8 byte = 0;
    u64 count = 0;
    EXPECT_EQ(sim_disk_read(&disk, inode, position, (struct sim_room){&byte, 1}, &count), OK);
    EXPECT_EQ(count, 1);
    return byte;
}

TEST(what_is_written_can_be_read_at_once_and_is_lost_when_not_synced)
{
    begin();
    struct sim_inode *inode = create_synced("a");
    sim_disk_write(&disk, inode, 0, block_of(1), true);
    sim_disk_write(&disk, inode, 0, block_of(2), false);
    EXPECT_EQ(byte_at("a", 5), 2);
    sim_disk_lose_power(&disk, &all_lost);
    EXPECT_EQ(byte_at("a", 5), 1);
    sim_disk_deinit(&disk);
}

TEST(a_synced_write_keeps_itself_and_the_size_but_not_an_earlier_write)
{
    begin();
    struct sim_inode *inode = create_synced("a");
    sim_disk_write(&disk, inode, 0, block_of(1), false);
    sim_disk_write(&disk, inode, 4096, block_of(2), true);
    sim_disk_lose_power(&disk, &all_lost);
    EXPECT_EQ(sim_disk_find(&disk, "a")->size, 8192);
    EXPECT_EQ(byte_at("a", 0), 0);
    EXPECT_EQ(byte_at("a", 4096), 2);
    sim_disk_deinit(&disk);
}

TEST(a_file_sync_keeps_what_had_finished_when_it_was_asked)
{
    begin();
    struct sim_inode *inode = create_synced("a");
    sim_disk_write(&disk, inode, 0, block_of(1), false);
    u64 asked = disk.order_last;
    sim_disk_write(&disk, inode, 0, block_of(2), false);
    sim_disk_sync_file(&disk, inode, asked);
    EXPECT_EQ(byte_at("a", 0), 2);
    sim_disk_lose_power(&disk, &all_lost);
    EXPECT_EQ(byte_at("a", 0), 1);
    sim_disk_deinit(&disk);
}

TEST(a_file_is_gone_without_the_sync_of_its_directory)
{
    begin();
    EXPECT_EQ(sim_disk_create_directories(&disk, "d/e"), OK);
    struct sim_inode *inode = create("d/e/a");
    sim_disk_write(&disk, inode, 0, block_of(1), true);
    sim_disk_sync_directory(&disk, sim_disk_find(&disk, "d/e"), disk.order_last);
    sim_disk_lose_power(&disk, &all_lost);
    EXPECT(sim_disk_find(&disk, "d") == NULL);

    EXPECT_EQ(sim_disk_create_directories(&disk, "d/e"), OK);
    sim_disk_sync_directory(&disk, disk.root, disk.order_last);
    (void)create("d/e/a");
    sim_disk_sync_directory(&disk, sim_disk_find(&disk, "d"), disk.order_last);
    sim_disk_lose_power(&disk, &all_lost);
    EXPECT(sim_disk_find(&disk, "d/e") != NULL);
    EXPECT(sim_disk_find(&disk, "d/e/a") == NULL);
    sim_disk_deinit(&disk);
}

TEST(a_rename_is_kept_or_undone_as_a_whole)
{
    for (u32 kept = 0; kept < 2; kept++) {
        begin();
        struct sim_inode *old = create_synced("to");
        sim_disk_write(&disk, old, 0, block_of(1), true);
        struct sim_inode *new = create("from");
        sim_disk_write(&disk, new, 0, block_of(2), true);
        sim_disk_sync_directory(&disk, disk.root, disk.order_last);
        EXPECT_EQ(sim_disk_rename(&disk, "from", "to"), OK);
        EXPECT_EQ(byte_at("to", 0), 2);
        sim_disk_lose_power(&disk, kept ? &all_kept : &all_lost);
        EXPECT_EQ(byte_at("to", 0), kept ? 2 : 1);
        EXPECT_EQ(sim_disk_find(&disk, "from") == NULL, kept);
        sim_disk_deinit(&disk);
    }
}

TEST(a_rename_between_directories_takes_the_creation_with_it)
{
    begin();
    EXPECT_EQ(sim_disk_create_directories(&disk, "d"), OK);
    sim_disk_sync_directory(&disk, disk.root, disk.order_last);
    (void)create("a");
    EXPECT_EQ(sim_disk_rename(&disk, "a", "d/b"), OK);
    sim_disk_sync_directory(&disk, sim_disk_find(&disk, "d"), disk.order_last);
    sim_disk_lose_power(&disk, &all_kept);
    EXPECT(sim_disk_find(&disk, "a") == NULL);
    EXPECT(sim_disk_find(&disk, "d/b") != NULL);
    sim_disk_deinit(&disk);
}

TEST(an_unlinked_file_lives_while_a_number_names_it)
{
    begin();
    struct sim_inode *inode = create_synced("a");
    sim_inode_hold(inode);
    sim_disk_write(&disk, inode, 0, block_of(3), true);
    EXPECT_EQ(sim_disk_unlink(&disk, "a"), OK);
    sim_disk_sync_directory(&disk, disk.root, disk.order_last);
    EXPECT(sim_disk_find(&disk, "a") == NULL);
    u64 count = 0;
    EXPECT_EQ(sim_disk_read(&disk, inode, 0, (struct sim_room){block, 4096}, &count), OK);
    EXPECT_EQ(block[0], 3);
    EXPECT_EQ(disk.sectors_used, 1);
    sim_inode_release(&disk, inode);
    EXPECT_EQ(disk.sectors_used, 0);
    sim_disk_deinit(&disk);
}

TEST(after_a_failed_sync_only_writing_again_makes_durable)
{
    begin();
    struct sim_inode *inode = create_synced("a");
    sim_disk_write(&disk, inode, 0, block_of(1), true);
    sim_disk_write(&disk, inode, 0, block_of(2), false);
    sim_disk_sync_failed(&disk, inode);
    sim_disk_sync_file(&disk, inode, disk.order_last);
    EXPECT_EQ(byte_at("a", 0), 2);
    sim_disk_write(&disk, inode, 4096, block_of(3), false);
    sim_disk_sync_file(&disk, inode, disk.order_last);
    sim_disk_lose_power(&disk, &all_lost);
    EXPECT_EQ(byte_at("a", 0), 1);
    EXPECT_EQ(byte_at("a", 4096), 3);
    sim_disk_deinit(&disk);
}

TEST(a_torn_sector_answers_with_an_error_until_it_is_written)
{
    begin();
    struct sim_inode *inode = create_synced("a");
    sim_disk_write(&disk, inode, 0, block_of(1), true);
    sim_disk_write(&disk, inode, 4096, block_of(2), false);
    sim_disk_lose_power(&disk, &all_torn);
    inode = sim_disk_find(&disk, "a");
    u64 count = 0;
    EXPECT_EQ(byte_at("a", 0), 1);
    EXPECT_EQ(sim_disk_read(&disk, inode, 4096, (struct sim_room){block, 4096}, &count), ERR_IO);
    sim_disk_write(&disk, inode, 4096, block_of(4), true);
    EXPECT_EQ(byte_at("a", 4096), 4);
    sim_disk_deinit(&disk);
}

TEST(a_truncation_is_kept_or_undone)
{
    begin();
    struct sim_inode *inode = create_synced("a");
    sim_disk_write(&disk, inode, 0, block_of(1), true);
    sim_disk_write(&disk, inode, 4096, block_of(2), true);
    sim_disk_truncate(&disk, inode, 4096);
    EXPECT_EQ(inode->size, 4096);
    sim_disk_lose_power(&disk, &all_lost);
    inode = sim_disk_find(&disk, "a");
    EXPECT_EQ(inode->size, 8192);
    EXPECT_EQ(byte_at("a", 4096), 2);
    sim_disk_truncate(&disk, inode, 4096);
    sim_disk_sync_file(&disk, inode, disk.order_last);
    sim_disk_lose_power(&disk, &all_lost);
    EXPECT_EQ(sim_disk_find(&disk, "a")->size, 4096);
    EXPECT_EQ(disk.sectors_used, 1);
    sim_disk_deinit(&disk);
}

TEST(rot_changes_a_durable_sector_and_is_recorded)
{
    begin();
    EXPECT(!sim_disk_rot(&disk, ""));
    struct sim_inode *inode = create_synced("a");
    sim_disk_write(&disk, inode, 0, block_of(1), true);
    EXPECT(!sim_disk_rot(&disk, "b"));
    u64 hash = sim_disk_hash(&disk);
    sim_disk_rot_at(&disk, inode, 0, false);
    EXPECT(sim_disk_hash(&disk) != hash);
    EXPECT_EQ(disk.rots_count, 1);
    EXPECT_STR(disk.rots[0].path, "a");
    EXPECT_EQ(disk.rots[0].size, 4096);
    sim_disk_deinit(&disk);
}

TEST(names_are_listed_sorted)
{
    begin();
    (void)create("b");
    (void)create("a");
    EXPECT_EQ(sim_disk_create_directories(&disk, "c/d"), OK);
    char names[16];
    u64 used = 0;
    EXPECT_EQ(sim_disk_list(&disk, "", names, sizeof(names), &used), OK);
    EXPECT_EQ(used, 6);
    EXPECT_BYTES(names, "a\0b\0c\0", 6);
    EXPECT_EQ(sim_disk_list(&disk, "", names, 5, &used), ERR_TOO_LARGE);
    EXPECT_EQ(sim_disk_list(&disk, "e", names, 5, &used), ERR_NOT_FOUND);
    EXPECT_EQ(sim_disk_remove_tree(&disk, "c"), OK);
    EXPECT(sim_disk_find(&disk, "c/d") == NULL);
    sim_disk_deinit(&disk);
}
