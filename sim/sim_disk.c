#include "sim/sim_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_disk_file.h"

static struct sim_inode *child_of(const struct sim_inode *directory, const char *name, size_t size)
{
    list_for_each(node, next, &directory->children) {
        struct sim_inode *inode = container_of(node, struct sim_inode, sibling);
        if (strncmp(inode->place.name, name, size) == 0 && inode->place.name[size] == 0) {
            return inode;
        }
    }
    return NULL;
}

static struct sim_inode *inode_create(struct sim_disk *disk, bool is_directory)
{
    struct sim_inode *inode = mem_take(sizeof(*inode));
    inode->number = ++disk->inode_last;
    inode->is_directory = is_directory;
    list_init(&inode->children);
    list_node_init(&inode->sibling);
    list_add_last(&disk->inodes, &inode->node);
    return inode;
}

static void inode_destroy(struct sim_disk *disk, struct sim_inode *inode)
{
    sim_file_forget(disk, inode, 0);
    mem_return(inode->sectors);
    mem_return(inode->sizes);
    mem_return(inode->unsynced);
    list_remove(&inode->node);
    list_remove(&inode->sibling);
    mem_return(inode);
}

/* Nobody can reach it, now or after a crash. */
static bool inode_is_lost(const struct sim_inode *inode)
{
    return inode->users == 0 && inode->pending_count == 0 && inode->place.directory == NULL &&
           inode->durable_place.directory == NULL;
}

static void destroy_if_lost(struct sim_disk *disk, struct sim_inode *inode)
{
    if (inode != disk->root && inode_is_lost(inode)) {
        inode_destroy(disk, inode);
    }
}

void sim_disk_init(struct sim_disk *disk, u64 seed, u32 sector_bytes, u64 capacity_bytes)
{
    check(sector_bytes == 512 || sector_bytes == 4096);
    *disk = (struct sim_disk){.sector_bytes = sector_bytes, .capacity_bytes = capacity_bytes};
    prng_init(&disk->prng, seed);
    list_init(&disk->inodes);
    list_init(&disk->changes);
    disk->root = inode_create(disk, true);
}

void sim_disk_deinit(struct sim_disk *disk)
{
    list_for_each(node, next, &disk->changes) {
        mem_return(container_of(node, struct sim_name_change, node));
    }
    /* Children are linked through their directory, so they leave it before anything goes. */
    list_for_each(node, next, &disk->inodes) {
        list_remove(&container_of(node, struct sim_inode, node)->sibling);
    }
    list_for_each(node, next, &disk->inodes) {
        inode_destroy(disk, container_of(node, struct sim_inode, node));
    }
    mem_return(disk->rots);
    *disk = (struct sim_disk){0};
}

struct sim_inode *sim_disk_find(struct sim_disk *disk, const char *path)
{
    struct sim_inode *inode = disk->root;
    while (*path != 0) {
        size_t size = strcspn(path, "/");
        if (!inode->is_directory) {
            return NULL;
        }
        bool is_self = size == 0 || (size == 1 && path[0] == '.');
        if (!is_self) {
            inode = child_of(inode, path, size);
        }
        if (inode == NULL) {
            return NULL;
        }
        path += size;
        path += *path == '/' ? 1 : 0;
    }
    return inode;
}

void sim_disk_path(const struct sim_inode *inode, char *path, u32 capacity)
{
    char below[192] = "";
    for (const struct sim_inode *at = inode; at->place.directory != NULL;
         at = at->place.directory) {
        char joined[192];
        (void)snprintf(joined, sizeof(joined), "%s%s%.120s", at->place.name, below[0] ? "/" : "",
                       below);
        memcpy(below, joined, sizeof(below));
    }
    (void)snprintf(path, capacity, "%s", below);
}

/* The directory that holds, or would hold, `path`, and the last name in it. */
static struct sim_inode *find_above(struct sim_disk *disk, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash == NULL ? path : slash + 1;
    check(strlen(*name) > 0);
    check(strlen(*name) < SIM_NAME_BYTES);
    if (slash == NULL) {
        return disk->root;
    }
    char above[256];
    check((size_t)(slash - path) < sizeof(above));
    memcpy(above, path, (size_t)(slash - path));
    above[slash - path] = 0;
    struct sim_inode *directory = sim_disk_find(disk, above);
    return directory != NULL && directory->is_directory ? directory : NULL;
}

/* Moves the inode now, and notes the change as pending. */
static void change_name(struct sim_disk *disk, struct sim_inode *inode, struct sim_inode *directory,
                        const char *name)
{
    struct sim_name_change *change = mem_take(sizeof(*change));
    change->order = ++disk->order_last;
    change->inode = inode;
    change->directory_from = inode->place.directory;
    change->to.directory = directory;
    (void)snprintf(change->to.name, sizeof(change->to.name), "%s", name);
    list_add_last(&disk->changes, &change->node);
    inode->pending_count++;
    if (change->directory_from != NULL) {
        change->directory_from->pending_count++;
    }
    if (directory != NULL) {
        directory->pending_count++;
        list_remove(&inode->sibling);
        list_add_last(&directory->children, &inode->sibling);
    } else {
        list_remove(&inode->sibling);
    }
    inode->place = change->to;
}

/* The change is decided: `kept` puts it on the device. Where two inodes claim one place, the
 * younger claim holds. */
static void settle(struct sim_disk *disk, struct sim_name_change *change, bool kept)
{
    if (kept) {
        list_for_each(node, next, &disk->inodes) {
            struct sim_inode *other = container_of(node, struct sim_inode, node);
            if (change->to.directory != NULL && other != change->inode &&
                other->durable_place.directory == change->to.directory &&
                strcmp(other->durable_place.name, change->to.name) == 0) {
                other->durable_place = (struct sim_place){0};
            }
        }
        change->inode->durable_place = change->to;
    }
    struct sim_inode *touched[3] = {change->inode, change->directory_from, change->to.directory};
    list_remove(&change->node);
    mem_return(change);
    for (u32 i = 0; i < array_count(touched); i++) {
        if (touched[i] != NULL) {
            touched[i]->pending_count--;
        }
    }
}

/* Some other inode lies, or durably lies, in this directory. */
static bool inode_is_named(const struct sim_disk *disk, const struct sim_inode *inode)
{
    list_for_each(node, next, &disk->inodes) {
        const struct sim_inode *other = container_of(node, struct sim_inode, node);
        if (other->place.directory == inode || other->durable_place.directory == inode) {
            return true;
        }
    }
    return false;
}

static void destroy_lost(struct sim_disk *disk)
{
    bool again = true;
    while (again) {
        again = false;
        list_for_each(node, next, &disk->inodes) {
            struct sim_inode *inode = container_of(node, struct sim_inode, node);
            if (inode != disk->root && inode_is_lost(inode) && !inode_is_named(disk, inode)) {
                inode_destroy(disk, inode);
                again = true;
            }
        }
    }
}

enum status sim_disk_create_file(struct sim_disk *disk, const char *path, struct sim_inode **inode)
{
    const char *name;
    struct sim_inode *directory = find_above(disk, path, &name);
    if (directory == NULL) {
        return ERR_NOT_FOUND;
    }
    check(child_of(directory, name, strlen(name)) == NULL);
    *inode = inode_create(disk, false);
    change_name(disk, *inode, directory, name);
    return OK;
}

enum status sim_disk_create_directories(struct sim_disk *disk, const char *path)
{
    char above[256];
    check(strlen(path) < sizeof(above));
    for (size_t end = strcspn(path, "/");; end += 1 + strcspn(path + end + 1, "/")) {
        memcpy(above, path, end);
        above[end] = 0;
        struct sim_inode *inode = end == 0 ? disk->root : sim_disk_find(disk, above);
        if (inode == NULL) {
            const char *name;
            struct sim_inode *directory = find_above(disk, above, &name);
            check(directory != NULL);
            inode = inode_create(disk, true);
            change_name(disk, inode, directory, name);
        }
        if (!inode->is_directory) {
            return ERR_EXISTS;
        }
        if (path[end] == 0 || path[end + 1] == 0) {
            return OK;
        }
    }
}

enum status sim_disk_rename(struct sim_disk *disk, const char *from, const char *to)
{
    struct sim_inode *inode = sim_disk_find(disk, from);
    const char *name;
    struct sim_inode *directory = find_above(disk, to, &name);
    if (inode == NULL || directory == NULL) {
        return ERR_NOT_FOUND;
    }
    struct sim_inode *replaced = child_of(directory, name, strlen(name));
    if (replaced == inode) {
        return OK;
    }
    if (replaced != NULL && replaced->is_directory && !list_is_empty(&replaced->children)) {
        return ERR_EXISTS;
    }
    if (replaced != NULL) {
        /* Not a change of its own: it goes exactly when the other comes. */
        replaced->place = (struct sim_place){0};
        list_remove(&replaced->sibling);
    }
    change_name(disk, inode, directory, name);
    return OK;
}

enum status sim_disk_unlink(struct sim_disk *disk, const char *path)
{
    struct sim_inode *inode = sim_disk_find(disk, path);
    if (inode == NULL) {
        return ERR_NOT_FOUND;
    }
    if (inode->is_directory) {
        return ERR_INVALID;
    }
    change_name(disk, inode, NULL, "");
    return OK;
}

static void remove_below(struct sim_disk *disk, struct sim_inode *inode)
{
    list_for_each(node, next, &inode->children) {
        remove_below(disk, container_of(node, struct sim_inode, sibling));
    }
    change_name(disk, inode, NULL, "");
}

enum status sim_disk_remove_tree(struct sim_disk *disk, const char *path)
{
    struct sim_inode *inode = sim_disk_find(disk, path);
    if (inode == NULL) {
        return ERR_NOT_FOUND;
    }
    check(inode != disk->root);
    remove_below(disk, inode);
    return OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct sim_inode *const *first = a;
    const struct sim_inode *const *second = b;
    return strcmp((*first)->place.name, (*second)->place.name);
}

enum status sim_disk_list(struct sim_disk *disk, const char *path, char *names, u32 names_bytes,
                          u64 *used_bytes)
{
    struct sim_inode *directory = sim_disk_find(disk, path);
    if (directory == NULL || !directory->is_directory) {
        return ERR_NOT_FOUND;
    }
    struct sim_inode **children = NULL;
    u32 children_count = 0;
    list_for_each(node, next, &directory->children) {
        children = mem_resize(children, (children_count + 1) * sizeof(*children));
        children[children_count++] = container_of(node, struct sim_inode, sibling);
    }
    if (children_count > 0) {
        qsort(children, children_count, sizeof(*children), compare_names);
    }
    u64 used = 0;
    bool fits = true;
    for (u32 i = 0; i < children_count && fits; i++) {
        size_t size = strlen(children[i]->place.name) + 1;
        fits = used + size <= names_bytes;
        if (fits) {
            memcpy(names + used, children[i]->place.name, size);
            used += size;
        }
    }
    mem_return(children);
    if (!fits) {
        return ERR_TOO_LARGE;
    }
    *used_bytes = used;
    return OK;
}

void sim_inode_hold(struct sim_inode *inode)
{
    inode->users++;
}

void sim_inode_release(struct sim_disk *disk, struct sim_inode *inode)
{
    check(inode->users > 0);
    inode->users--;
    if (!inode->is_directory) {
        destroy_if_lost(disk, inode);
    }
}

/* Earlier changes of the same inode come with a later one that is kept: the later name replaces. */
static bool change_is_settled_by(const struct sim_name_change *change,
                                 const struct sim_inode *directory, u64 order)
{
    return change->order <= order &&
           (change->directory_from == directory || change->to.directory == directory);
}

void sim_disk_sync_directory(struct sim_disk *disk, struct sim_inode *directory, u64 order)
{
    list_for_each(node, next, &disk->changes) {
        struct sim_name_change *change = container_of(node, struct sim_name_change, node);
        bool settles = change_is_settled_by(change, directory, order);
        for (struct list_node *later = next; !settles && later != &disk->changes.head;
             later = later->next) {
            const struct sim_name_change *other = container_of(later, struct sim_name_change, node);
            settles =
                other->inode == change->inode && change_is_settled_by(other, directory, order);
        }
        if (settles) {
            settle(disk, change, true);
        }
    }
    destroy_lost(disk);
}

/* The tree becomes what the device holds. */
static void adopt_durable_tree(struct sim_disk *disk)
{
    list_for_each(node, next, &disk->inodes) {
        struct sim_inode *inode = container_of(node, struct sim_inode, node);
        list_remove(&inode->sibling);
        inode->place = inode->durable_place;
    }
    list_for_each(node, next, &disk->inodes) {
        struct sim_inode *inode = container_of(node, struct sim_inode, node);
        if (inode->place.directory != NULL) {
            list_add_last(&inode->place.directory->children, &inode->sibling);
        }
    }
}

static bool is_below_root(const struct sim_disk *disk, const struct sim_inode *inode)
{
    u32 depth = 0;
    while (inode != disk->root && inode != NULL && depth++ < 64) {
        inode = inode->place.directory;
    }
    return inode == disk->root;
}

/* Whatever hangs below a directory that is gone is gone too. */
static void drop_unreachable(struct sim_disk *disk)
{
    bool again = true;
    while (again) {
        again = false;
        list_for_each(node, next, &disk->inodes) {
            struct sim_inode *inode = container_of(node, struct sim_inode, node);
            if (!is_below_root(disk, inode) && list_is_empty(&inode->children)) {
                inode_destroy(disk, inode);
                again = true;
            }
        }
    }
}

void sim_disk_lose_power(struct sim_disk *disk, const struct sim_crash_odds *odds)
{
    list_for_each(node, next, &disk->changes) {
        settle(disk, container_of(node, struct sim_name_change, node),
               prng_below(&disk->prng, 100) < odds->name_kept);
    }
    adopt_durable_tree(disk);
    sim_disk_forget_writers(disk);
    list_for_each(node, next, &disk->inodes) {
        check(container_of(node, struct sim_inode, node)->users == 0);
    }
    drop_unreachable(disk);
    list_for_each(node, next, &disk->inodes) {
        sim_file_lose_power(disk, container_of(node, struct sim_inode, node), odds);
    }
}

void sim_disk_forget_writers(struct sim_disk *disk)
{
    list_for_each(node, next, &disk->inodes) {
        struct sim_inode *inode = container_of(node, struct sim_inode, node);
        inode->written_direct = false;
        inode->written_buffered = false;
        sim_file_settle(disk, inode);
    }
}

u64 sim_disk_free_bytes(const struct sim_disk *disk)
{
    u64 used = disk->sectors_used * disk->sector_bytes;
    return used >= disk->capacity_bytes ? 0 : disk->capacity_bytes - used;
}
