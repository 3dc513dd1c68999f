#include "sim/rollback.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

static void save_file(struct rollback *rollback, struct sim_disk *disk, struct sim_inode *inode)
{
    check(rollback->files_count < ROLLBACK_FILES_MAX);
    struct rollback_file *file = &rollback->files[rollback->files_count++];
    sim_disk_path(inode, file->path, sizeof(file->path));
    file->size = inode->size;
    file->bytes = mem_resize(NULL, inode->size + disk->sector_bytes);
    for (u64 at = 0; at < file->size; at += disk->sector_bytes) {
        u64 count = 0;
        struct sim_room room = {file->bytes + at, disk->sector_bytes};
        if (sim_disk_read(disk, inode, at, room, &count) != OK) {
            memset(room.data, 0, room.size); /* a torn sector: it verifies neither way */
        }
    }
}

void rollback_forget(struct rollback *rollback)
{
    for (u32 i = 0; i < rollback->files_count; i++) {
        mem_return(rollback->files[i].bytes);
    }
    rollback->files_count = 0;
}

void rollback_save(struct rollback *rollback, struct sim_disk *disk)
{
    rollback_forget(rollback);
    list_for_each(node, next, &disk->inodes) {
        struct sim_inode *inode = container_of(node, struct sim_inode, node);
        char path[96];
        sim_disk_path(inode, path, sizeof(path));
        if (!inode->is_directory && strncmp(path, "control/", 8) == 0) {
            save_file(rollback, disk, inode);
        }
    }
}

static void sync_above(struct sim_disk *disk, const char *path)
{
    char above[96];
    (void)snprintf(above, sizeof(above), "%s", path);
    for (char *slash = strrchr(above, '/'); slash != NULL; slash = strrchr(above, '/')) {
        *slash = 0;
        sim_disk_sync_directory(disk, sim_disk_find(disk, above), disk->order_last);
    }
    sim_disk_sync_directory(disk, disk->root, disk->order_last);
}

static void put_file(struct sim_disk *disk, const struct rollback_file *file)
{
    struct sim_inode *inode = NULL;
    char above[96];
    (void)snprintf(above, sizeof(above), "%s", file->path);
    *strrchr(above, '/') = 0;
    check(sim_disk_create_directories(disk, above) == OK);
    check(sim_disk_create_file(disk, file->path, &inode) == OK);
    if (file->size > 0) {
        sim_disk_write(disk, inode, 0, (struct sim_bytes){file->bytes, file->size}, true);
    }
    sync_above(disk, file->path);
}

void rollback_swap(struct rollback *rollback, struct sim_disk *disk)
{
    check(rollback->files_count > 0);
    struct rollback present = {0};
    rollback_save(&present, disk);
    check(sim_disk_remove_tree(disk, "control") == OK);
    for (u32 i = 0; i < rollback->files_count; i++) {
        put_file(disk, &rollback->files[i]);
    }
    rollback_forget(rollback);
    *rollback = present;
}
