/* What one simulated disk holds, now and after a power loss. No time here: sim_io says when things
 * happen, the disk what they do.
 *
 *     names     inode ─ place now, durable place       pending: [create][rename][unlink] …
 *     sectors   newest ─▶ older ─▶ older ─▶ durable    a crash picks one of them, or tears
 *     size      newest size, durable size, and those between
 *
 * A name change is pending until a directory it touches is synced; content is pending until the
 * file is synced, or was written synced. `order` numbers all changes of a disk: a sync keeps what
 * has an order up to the one noted when it was asked.
 *
 * Owner: the simulator. Memory: taken as needed, given back with the disk. */
#pragma once

#include "base/list.h"
#include "base/prng.h"
#include "base/status.h"
#include "base/types.h"

#define SIM_NAME_BYTES 64u

/* One content that a sector had, or has. */
struct sim_version {
    struct sim_version *older;
    u8 *data; /* NULL: zeros */
    u64 order;
    bool durable;    /* what the device holds for certain; nothing older is kept */
    bool unknown;    /* its sync failed: no later sync makes it durable */
    bool unreadable; /* reads answer ERR_IO until it is written again */
};

struct sim_sector {
    struct sim_version *newest; /* NULL: a hole that was always one */
    bool listed;                /* in the list of sectors that may be unsynced */
};

struct sim_size {
    u64 size;
    u64 order;
    bool unknown;
};

struct sim_place {
    struct sim_inode *directory; /* NULL: nowhere */
    char name[SIM_NAME_BYTES];
};

struct sim_inode {
    struct list_node node;    /* in sim_disk.inodes */
    struct list_node sibling; /* in the children of its directory */
    u64 number;
    bool is_directory;
    struct sim_place place;
    struct sim_place durable_place;
    struct list children; /* a directory's, as they are now */
    u32 users;            /* open numbers and operations in flight */
    u32 pending_count;    /* name changes that a crash may keep or undo */

    u64 size;
    u64 size_durable;
    struct sim_size *sizes; /* unsynced ones, oldest first */
    u32 sizes_count;
    struct sim_sector *sectors;
    u32 sectors_count;
    u32 *unsynced; /* indexes of sectors that may be unsynced */
    u32 unsynced_count;
    u32 unsynced_room;
    bool written_direct; /* since the node started: a file is never written both ways */
    bool written_buffered;
};

struct sim_name_change {
    struct list_node node;
    u64 order;
    struct sim_inode *inode;
    struct sim_inode *directory_from;
    struct sim_place to;
};

/* A durable sector that went bad. `path` as it was then. */
struct sim_rot {
    u64 inode;
    char path[192];
    u64 position;
    u32 size;
    bool unreadable;
};

/* How a crash treats unsynced things, in percent; what is left of `sector_old` + `sector_new`
 * tears. */
struct sim_crash_odds {
    u32 name_kept;
    u32 size_kept;
    u32 sector_old;
    u32 sector_new;
    u32 torn_unreadable; /* of the torn ones: reads fail; the others hold garbage */
};

struct sim_disk {
    struct prng prng;
    u32 sector_bytes;
    u64 capacity_bytes;
    u64 sectors_used;
    u64 order_last;
    u64 inode_last;
    struct list inodes;
    struct sim_inode *root;
    struct list changes; /* pending name changes, oldest first */
    struct sim_rot *rots;
    u32 rots_count;
};

/* Bytes to write, and room to read into. */
struct sim_bytes {
    const u8 *data;
    u64 size;
};
struct sim_room {
    u8 *data;
    u64 size;
};

void sim_disk_init(struct sim_disk *disk, u64 seed, u32 sector_bytes, u64 capacity_bytes);
void sim_disk_deinit(struct sim_disk *disk);

/* ---- Names ---- */

/* NULL when there is no such file or directory. "" and "." are the root. */
struct sim_inode *sim_disk_find(struct sim_disk *disk, const char *path);

/* The path as it is now, for stories and records. */
void sim_disk_path(const struct sim_inode *inode, char *path, u32 capacity);

/* ERR_NOT_FOUND when the directory above is missing; the name must not be there. */
must_check enum status sim_disk_create_file(struct sim_disk *disk, const char *path,
                                            struct sim_inode **inode);
must_check enum status sim_disk_create_directories(struct sim_disk *disk, const char *path);
must_check enum status sim_disk_rename(struct sim_disk *disk, const char *from, const char *to);
must_check enum status sim_disk_unlink(struct sim_disk *disk, const char *path);
must_check enum status sim_disk_remove_tree(struct sim_disk *disk, const char *path);

/* Sorted names, each with a zero byte behind it. */
must_check enum status sim_disk_list(struct sim_disk *disk, const char *path, char *names,
                                     u32 names_bytes, u64 *used_bytes);

/* An open number or an operation holds the inode; the last one lets an unlinked file go. */
void sim_inode_hold(struct sim_inode *inode);
void sim_inode_release(struct sim_disk *disk, struct sim_inode *inode);

/* Makes name changes durable that touch `directory` and are not younger than `order`. */
void sim_disk_sync_directory(struct sim_disk *disk, struct sim_inode *directory, u64 order);

/* ---- Content ---- */

/* Copies up to the end of the file; `count` says how much. ERR_IO over an unreadable sector. */
must_check enum status sim_disk_read(struct sim_disk *disk, struct sim_inode *inode, u64 position,
                                     struct sim_room room, u64 *count);

/* Sectors that the write would newly use. */
u64 sim_disk_sectors_needed(const struct sim_disk *disk, const struct sim_inode *inode,
                            u64 position, u64 size);
void sim_disk_write(struct sim_disk *disk, struct sim_inode *inode, u64 position,
                    struct sim_bytes bytes, bool synced);

/* A write that failed: each sector may have been written, and is not synced. */
void sim_disk_write_some(struct sim_disk *disk, struct sim_inode *inode, u64 position,
                         struct sim_bytes bytes);
void sim_disk_truncate(struct sim_disk *disk, struct sim_inode *inode, u64 size);
void sim_disk_allocate(struct sim_disk *disk, struct sim_inode *inode, u64 position, u64 size);
void sim_disk_sync_file(struct sim_disk *disk, struct sim_inode *inode, u64 order);

/* The sync failed: what is unsynced now stays so until it is written again. */
void sim_disk_sync_failed(struct sim_disk *disk, struct sim_inode *inode);

u64 sim_disk_free_bytes(const struct sim_disk *disk);

/* ---- Failure ---- */

/* Power loss: decides about everything unsynced. No number may be open any more. */
void sim_disk_lose_power(struct sim_disk *disk, const struct sim_crash_odds *odds);

/* The process ended: the next one may write a file the other way, and finds what a failed sync left
 * unknown as the device has it. */
void sim_disk_forget_writers(struct sim_disk *disk);

/* Lets one durable sector of a file whose path begins with `prefix` rot, if there is one. True when
 * it happened; it is then the last of `rots`. */
bool sim_disk_rot(struct sim_disk *disk, const char *prefix);

/* The same for one given place. */
void sim_disk_rot_at(struct sim_disk *disk, struct sim_inode *inode, u64 position, bool unreadable);

/* Hash of all names and content, as now: equal disks have equal hashes. */
u64 sim_disk_hash(const struct sim_disk *disk);
