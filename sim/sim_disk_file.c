/* The content of one simulated file: sectors with the versions that a power loss may bring back. */
#include "sim/sim_disk_file.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "wire/xxh3.h"

/* More contents of one sector between two syncs than this are not told apart. */
#define VERSIONS_MAX 5u
#define SIZES_MAX 8u

static void version_destroy(struct sim_version *version)
{
    while (version != NULL) {
        struct sim_version *older = version->older;
        mem_return(version->data);
        mem_return(version);
        version = older;
    }
}

static u32 versions_count(const struct sim_version *version)
{
    u32 count = 0;
    for (; version != NULL; version = version->older) {
        count++;
    }
    return count;
}

static bool sector_is_unsynced(const struct sim_sector *sector)
{
    return sector->newest != NULL && !sector->newest->durable;
}

void sim_file_forget(struct sim_disk *disk, struct sim_inode *inode, u32 from)
{
    for (u32 i = from; i < inode->sectors_count; i++) {
        if (inode->sectors[i].newest != NULL) {
            version_destroy(inode->sectors[i].newest);
            inode->sectors[i].newest = NULL;
            check(disk->sectors_used > 0);
            disk->sectors_used--;
        }
    }
}

static struct sim_sector *sector_at(struct sim_inode *inode, u32 index)
{
    if (index >= inode->sectors_count) {
        u32 count = u32_max(index + 1, inode->sectors_count + inode->sectors_count / 2);
        inode->sectors = mem_resize(inode->sectors, count * sizeof(struct sim_sector));
        memset(inode->sectors + inode->sectors_count, 0,
               (count - inode->sectors_count) * sizeof(struct sim_sector));
        inode->sectors_count = count;
    }
    return &inode->sectors[index];
}

static const struct sim_version *newest_at(const struct sim_inode *inode, u64 index)
{
    return index < inode->sectors_count ? inode->sectors[index].newest : NULL;
}

static bool bytes_are_zero(const u8 *bytes, u32 size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static u8 *copy_content(const u8 *bytes, u32 size)
{
    if (bytes == NULL || bytes_are_zero(bytes, size)) {
        return NULL;
    }
    u8 *copy = mem_resize(NULL, size); /* written whole: no zeros first */
    memcpy(copy, bytes, size);
    return copy;
}

static void list_unsynced(struct sim_inode *inode, u32 index)
{
    if (inode->sectors[index].listed) {
        return;
    }
    if (inode->unsynced_count == inode->unsynced_room) {
        inode->unsynced_room = inode->unsynced_room == 0 ? 16 : inode->unsynced_room * 2;
        inode->unsynced = mem_resize(inode->unsynced, inode->unsynced_room * sizeof(u32));
    }
    inode->unsynced[inode->unsynced_count++] = index;
    inode->sectors[index].listed = true;
}

/* The sector now holds `bytes` (NULL: zeros). */
static void sector_put(struct sim_disk *disk, struct sim_inode *inode, u32 index, const u8 *bytes)
{
    struct sim_sector *sector = sector_at(inode, index);
    u8 *data = copy_content(bytes, disk->sector_bytes);
    if (sector->newest == NULL) {
        disk->sectors_used++;
    }
    struct sim_version *version = sector->newest;
    if (versions_count(version) == VERSIONS_MAX) {
        mem_return(version->data);
    } else {
        version = mem_take(sizeof(*version));
        version->older = sector->newest;
        sector->newest = version;
    }
    version->data = data;
    version->order = disk->order_last;
    version->durable = false;
    version->unknown = false;
    version->unreadable = false;
    list_unsynced(inode, index);
}

static void note_size(struct sim_disk *disk, struct sim_inode *inode, u64 size)
{
    inode->size = size;
    if (inode->sizes == NULL) {
        inode->sizes = mem_take(SIZES_MAX * sizeof(struct sim_size));
    }
    if (inode->sizes_count == SIZES_MAX) {
        inode->sizes_count--;
    }
    inode->sizes[inode->sizes_count++] = (struct sim_size){size, disk->order_last, false};
}

/* A synced write can be read back whatever else is undone. */
static void keep_size_above(struct sim_inode *inode, u64 end)
{
    inode->size = u64_max(inode->size, end);
    inode->size_durable = u64_max(inode->size_durable, end);
    for (u32 i = 0; i < inode->sizes_count; i++) {
        inode->sizes[i].size = u64_max(inode->sizes[i].size, end);
    }
}

enum status sim_disk_read(struct sim_disk *disk, struct sim_inode *inode, u64 position,
                          struct sim_room room, u64 *count)
{
    u64 end = u64_min(position + room.size, inode->size);
    u64 done = 0;
    while (position + done < end) {
        u64 index = (position + done) / disk->sector_bytes;
        u64 within = (position + done) % disk->sector_bytes;
        u64 piece = u64_min(disk->sector_bytes - within, end - position - done);
        const struct sim_version *version = newest_at(inode, index);
        if (version != NULL && version->unreadable) {
            return ERR_IO;
        }
        if (version == NULL || version->data == NULL) {
            memset(room.data + done, 0, piece);
        } else {
            memcpy(room.data + done, version->data + within, piece);
        }
        done += piece;
    }
    *count = done;
    return OK;
}

u64 sim_disk_sectors_needed(const struct sim_disk *disk, const struct sim_inode *inode,
                            u64 position, u64 size)
{
    u64 needed = 0;
    for (u64 i = position / disk->sector_bytes; i * disk->sector_bytes < position + size; i++) {
        needed += newest_at(inode, i) == NULL ? 1 : 0;
    }
    return needed;
}

/* One sector of a write; parts of a sector are laid over what it holds. */
static void write_sector(struct sim_disk *disk, struct sim_inode *inode, u64 index, u64 position,
                         struct sim_bytes bytes)
{
    u32 sector_bytes = disk->sector_bytes;
    u64 start = index * sector_bytes;
    if (position <= start && position + bytes.size >= start + sector_bytes) {
        sector_put(disk, inode, (u32)index, bytes.data + (start - position));
        return;
    }
    u8 merged[SECTOR_BYTES_MAX] = {0};
    const struct sim_version *version = newest_at(inode, index);
    if (version != NULL && version->data != NULL) {
        memcpy(merged, version->data, sector_bytes);
    }
    u64 from = u64_max(position, start);
    u64 end = u64_min(position + bytes.size, start + sector_bytes);
    memcpy(merged + (from - start), bytes.data + (from - position), end - from);
    sector_put(disk, inode, (u32)index, merged);
}

/* What the sector holds now is durable. */
static void keep_newest(struct sim_sector *sector)
{
    sector->newest->durable = true;
    version_destroy(sector->newest->older);
    sector->newest->older = NULL;
}

void sim_disk_write(struct sim_disk *disk, struct sim_inode *inode, u64 position,
                    struct sim_bytes bytes, bool synced)
{
    check(!inode->is_directory);
    disk->order_last++;
    u64 end = position + bytes.size;
    for (u64 i = position / disk->sector_bytes; i * disk->sector_bytes < end; i++) {
        write_sector(disk, inode, i, position, bytes);
        if (synced) {
            keep_newest(&inode->sectors[i]);
        }
    }
    if (synced) {
        keep_size_above(inode, end);
    } else if (end > inode->size) {
        note_size(disk, inode, end);
    }
}

void sim_disk_write_some(struct sim_disk *disk, struct sim_inode *inode, u64 position,
                         struct sim_bytes bytes)
{
    disk->order_last++;
    u64 end = position + bytes.size;
    u64 reached = 0;
    for (u64 i = position / disk->sector_bytes; i * disk->sector_bytes < end; i++) {
        bool fits = newest_at(inode, i) != NULL || sim_disk_free_bytes(disk) > 0;
        if (fits && prng_chance(&disk->prng, 1, 2)) {
            write_sector(disk, inode, i, position, bytes);
            reached = u64_min(end, (i + 1) * disk->sector_bytes);
        }
    }
    if (reached > inode->size) {
        note_size(disk, inode, reached);
    }
}

void sim_disk_truncate(struct sim_disk *disk, struct sim_inode *inode, u64 size)
{
    disk->order_last++;
    for (u64 i = size / disk->sector_bytes; i < inode->sectors_count; i++) {
        u64 within = i == size / disk->sector_bytes ? size % disk->sector_bytes : 0;
        const struct sim_version *version = newest_at(inode, i);
        if (version == NULL) {
            continue;
        }
        u8 kept[SECTOR_BYTES_MAX] = {0};
        if (version->data != NULL) {
            memcpy(kept, version->data, within);
        }
        sector_put(disk, inode, (u32)i, kept);
    }
    note_size(disk, inode, size);
}

void sim_disk_allocate(struct sim_disk *disk, struct sim_inode *inode, u64 position, u64 size)
{
    disk->order_last++;
    for (u64 i = position / disk->sector_bytes; i * disk->sector_bytes < position + size; i++) {
        if (newest_at(inode, i) == NULL) {
            sector_put(disk, inode, (u32)i, NULL);
        }
    }
    if (position + size > inode->size) {
        note_size(disk, inode, position + size);
    }
}

/* The youngest content that the sync covers becomes the durable one. */
static void sector_sync(struct sim_sector *sector, u64 order)
{
    for (struct sim_version *version = sector->newest; version != NULL; version = version->older) {
        if (version->order <= order && !version->unknown) {
            version->durable = true;
            version_destroy(version->older);
            version->older = NULL;
            return;
        }
    }
}

static void sync_size(struct sim_inode *inode, u64 order)
{
    u32 kept = 0;
    for (u32 i = 0; i < inode->sizes_count; i++) {
        if (inode->sizes[i].order <= order && !inode->sizes[i].unknown) {
            inode->size_durable = inode->sizes[i].size;
            kept = 0; /* what came before it is settled */
        } else {
            inode->sizes[kept++] = inode->sizes[i];
        }
    }
    inode->sizes_count = kept;
}

void sim_disk_sync_file(struct sim_disk *disk, struct sim_inode *inode, u64 order)
{
    (void)disk;
    u32 kept = 0;
    for (u32 i = 0; i < inode->unsynced_count; i++) {
        u32 index = inode->unsynced[i];
        struct sim_sector *sector = &inode->sectors[index];
        sector_sync(sector, order);
        if (sector_is_unsynced(sector)) {
            inode->unsynced[kept++] = index;
        } else {
            sector->listed = false;
        }
    }
    inode->unsynced_count = kept;
    sync_size(inode, order);
}

void sim_disk_sync_failed(struct sim_disk *disk, struct sim_inode *inode)
{
    (void)disk;
    for (u32 i = 0; i < inode->unsynced_count; i++) {
        struct sim_version *version = inode->sectors[inode->unsynced[i]].newest;
        for (; version != NULL && !version->durable; version = version->older) {
            version->unknown = true;
        }
    }
    for (u32 i = 0; i < inode->sizes_count; i++) {
        inode->sizes[i].unknown = true;
    }
}

static void sector_settle(struct sim_disk *disk, struct sim_sector *sector)
{
    while (sector->newest != NULL && sector->newest->unknown) {
        struct sim_version *version = sector->newest;
        version->unknown = false;
        if (version->older != NULL && prng_chance(&disk->prng, 1, 2)) {
            sector->newest = version->older;
            version->older = NULL;
            version_destroy(version);
        }
    }
    for (struct sim_version *at = sector->newest; at != NULL; at = at->older) {
        at->unknown = false;
    }
}

void sim_file_settle(struct sim_disk *disk, struct sim_inode *inode)
{
    for (u32 i = 0; i < inode->unsynced_count; i++) {
        sector_settle(disk, &inode->sectors[inode->unsynced[i]]);
    }
    for (u32 i = 0; i < inode->sizes_count; i++) {
        inode->sizes[i].unknown = false;
    }
}

static void tear(struct sim_disk *disk, struct sim_version *picked, const struct sim_version *other,
                 const struct sim_crash_odds *odds)
{
    u32 size = disk->sector_bytes;
    u8 torn[SECTOR_BYTES_MAX] = {0};
    if (picked->data != NULL) {
        memcpy(torn, picked->data, size);
    }
    bool mixes = prng_chance(&disk->prng, 1, 2);
    for (u32 i = 0; i < size; i += 64) {
        if (prng_chance(&disk->prng, 1, 2)) {
            continue;
        }
        if (!mixes) {
            u64 noise = prng_next(&disk->prng);
            memcpy(torn + i + (noise % 56), &noise, sizeof(noise));
        } else if (other == NULL || other->data == NULL) {
            memset(torn + i, 0, 64);
        } else {
            memcpy(torn + i, other->data + i, 64);
        }
    }
    mem_return(picked->data);
    picked->data = copy_content(torn, size);
    picked->unreadable = prng_below(&disk->prng, 100) < odds->torn_unreadable;
}

/* One content survives: any that the sector had since its last sync, or a torn one. */
static void sector_lose_power(struct sim_disk *disk, struct sim_sector *sector,
                              const struct sim_crash_odds *odds)
{
    u32 count = versions_count(sector->newest);
    u64 draw = prng_below(&disk->prng, 100);
    bool tears = draw >= odds->sector_old + odds->sector_new;
    /* Old: the durable one, or one between. The hole before the first write counts as one. */
    struct sim_version *last = sector->newest;
    while (last->older != NULL) {
        last = last->older;
    }
    u32 candidates = count + (last->durable ? 0 : 1);
    u64 skip = draw < odds->sector_new || tears ? 0 : 1 + prng_below(&disk->prng, candidates - 1);
    struct sim_version *picked = sector->newest;
    for (u64 i = 0; i < skip && picked != NULL; i++) {
        picked = picked->older;
    }
    struct sim_version *survivor = mem_take(sizeof(*survivor));
    *survivor = (struct sim_version){.durable = true};
    if (picked != NULL) {
        survivor->order = picked->order;
        survivor->data = picked->data;
        survivor->unreadable = picked->unreadable;
        picked->data = NULL;
    }
    if (tears) {
        tear(disk, survivor, sector->newest->older, odds);
    }
    version_destroy(sector->newest);
    sector->newest = survivor;
}

static void size_lose_power(struct sim_disk *disk, struct sim_inode *inode,
                            const struct sim_crash_odds *odds)
{
    if (inode->sizes_count > 0 && prng_below(&disk->prng, 100) < odds->size_kept) {
        u64 draw = prng_below(&disk->prng, inode->sizes_count);
        inode->size_durable = inode->sizes[draw].size;
    }
    inode->sizes_count = 0;
    inode->size = inode->size_durable;
}

void sim_file_lose_power(struct sim_disk *disk, struct sim_inode *inode,
                         const struct sim_crash_odds *odds)
{
    for (u32 i = 0; i < inode->unsynced_count; i++) {
        struct sim_sector *sector = &inode->sectors[inode->unsynced[i]];
        sector->listed = false;
        if (sector_is_unsynced(sector)) {
            sector_lose_power(disk, sector, odds);
        }
    }
    inode->unsynced_count = 0;
    size_lose_power(disk, inode, odds);
    /* Beyond the end there is nothing; within its last sector, zeros. */
    u32 within = (u32)(inode->size % disk->sector_bytes);
    u64 end = inode->size / disk->sector_bytes;
    sim_file_forget(disk, inode, (u32)(end + (within > 0 ? 1 : 0)));
    if (within > 0 && newest_at(inode, end) != NULL && inode->sectors[end].newest->data != NULL) {
        memset(inode->sectors[end].newest->data + within, 0, disk->sector_bytes - within);
    }
}

static bool sector_may_rot(const struct sim_sector *sector)
{
    return sector->newest != NULL && sector->newest->durable && sector->newest->data != NULL &&
           !sector->newest->unreadable;
}

void sim_disk_rot_at(struct sim_disk *disk, struct sim_inode *inode, u64 position, bool unreadable)
{
    u64 index = position / disk->sector_bytes;
    check(index < inode->sectors_count);
    check(sector_may_rot(&inode->sectors[index]));
    struct sim_version *version = inode->sectors[index].newest;
    disk->rots = mem_resize(disk->rots, (disk->rots_count + 1) * sizeof(struct sim_rot));
    struct sim_rot *rot = &disk->rots[disk->rots_count++];
    *rot = (struct sim_rot){
        .inode = inode->number,
        .position = index * disk->sector_bytes,
        .size = disk->sector_bytes,
        .unreadable = unreadable,
    };
    sim_disk_path(inode, rot->path, sizeof(rot->path));
    if (unreadable) {
        version->unreadable = true;
        return;
    }
    u32 flips = 1 + (u32)prng_below(&disk->prng, 8);
    for (u32 i = 0; i < flips; i++) {
        u64 bit = prng_below(&disk->prng, (u64)disk->sector_bytes * 8);
        version->data[bit / 8] ^= (u8)(1u << (bit % 8));
    }
}

static u32 sectors_that_may_rot(const struct sim_inode *inode)
{
    u32 count = 0;
    for (u32 i = 0; i < inode->sectors_count; i++) {
        count += sector_may_rot(&inode->sectors[i]) ? 1 : 0;
    }
    return count;
}

static bool path_begins(const struct sim_inode *inode, const char *prefix)
{
    char path[192];
    sim_disk_path(inode, path, sizeof(path));
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

static void rot_nth(struct sim_disk *disk, struct sim_inode *inode, u64 skip)
{
    for (u32 i = 0; i < inode->sectors_count; i++) {
        if (sector_may_rot(&inode->sectors[i]) && skip-- == 0) {
            sim_disk_rot_at(disk, inode, (u64)i * disk->sector_bytes,
                            prng_chance(&disk->prng, 1, 3));
            return;
        }
    }
}

bool sim_disk_rot(struct sim_disk *disk, const char *prefix)
{
    u64 total = 0;
    list_for_each(node, next, &disk->inodes) {
        struct sim_inode *inode = container_of(node, struct sim_inode, node);
        total += path_begins(inode, prefix) ? sectors_that_may_rot(inode) : 0;
    }
    u64 skip = total > 0 ? prng_below(&disk->prng, total) : 0;
    list_for_each(node, next, &disk->inodes) {
        struct sim_inode *inode = container_of(node, struct sim_inode, node);
        u64 here = path_begins(inode, prefix) ? sectors_that_may_rot(inode) : 0;
        if (skip < here) {
            rot_nth(disk, inode, skip);
            return true;
        }
        skip -= here;
    }
    return false;
}

u64 sim_disk_hash(const struct sim_disk *disk)
{
    u64 hash = disk->sectors_used;
    list_for_each(node, next, &disk->inodes) {
        const struct sim_inode *inode = container_of(node, struct sim_inode, node);
        char path[192];
        sim_disk_path(inode, path, sizeof(path));
        hash = hash_u64_pair(hash, hash_bytes(path, strlen(path)));
        hash = hash_u64_pair(hash, inode->size);
        for (u32 i = 0; i < inode->sectors_count; i++) {
            const struct sim_version *version = inode->sectors[i].newest;
            if (version != NULL && version->data != NULL) {
                hash = hash_u64_pair(hash, xxh3(version->data, disk->sector_bytes));
            }
        }
    }
    return hash;
}
