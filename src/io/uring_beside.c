#include "io/uring_beside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/uring.h"

#define TREE_DEPTH_MAX 16u
#define TREE_STEP_ENTRIES 32u /* removed before the next job has its turn */
#define ENTRIES_BYTES 4096u

/* ---- The stack of hand-overs ---- */

void uring_stack_push(struct uring_stack *stack, struct list_node *node)
{
    struct list_node *top = atomic_load_explicit(&stack->top, memory_order_relaxed);
    do {
        node->next = top;
    } while (!atomic_compare_exchange_weak_explicit(&stack->top, &top, node, memory_order_release,
                                                    memory_order_relaxed));
}

void uring_stack_take_all(struct uring_stack *stack, struct list *list)
{
    if (atomic_load_explicit(&stack->top, memory_order_relaxed) == NULL) {
        return;
    }
    struct list_node *node = atomic_exchange_explicit(&stack->top, NULL, memory_order_acquire);
    struct list_node *end = list->head.previous;
    /* The newest is on top: inserting each behind what was there before turns the order. */
    while (node != NULL) {
        struct list_node *below = node->next;
        list_insert_before(end->next, node);
        node = below;
    }
}

/* ---- The jobs ---- */

static enum status status_of(int result)
{
    return result == 0 ? OK : uring_status(errno);
}

static enum status truncate_file(const struct uring_op *uring_op)
{
    int result;
    do {
        result = ftruncate(uring_op->fd, (off_t)uring_op->position);
    } while (result != 0 && errno == EINTR);
    return status_of(result);
}

static enum status create_one(s32 directory, const char *path)
{
    if (mkdirat(directory, path, 0700) == 0) {
        return OK;
    }
    if (errno != EEXIST) {
        return uring_status(errno);
    }
    struct stat facts;
    if (fstatat(directory, path, &facts, 0) != 0) {
        return uring_status(errno);
    }
    return S_ISDIR(facts.st_mode) ? OK : ERR_EXISTS;
}

static enum status create_directory(s32 directory, char *path)
{
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        enum status status = create_one(directory, path);
        *slash = '/';
        if (status != OK) {
            return status;
        }
    }
    return create_one(directory, path);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Names end with zero bytes, so comparing them as texts orders them by bytes. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names lie one after the other in `names`, in the order of the file system. */
static void sort_names(char *names, u64 names_bytes, u64 count)
{
    char *copy = mem_take(names_bytes);
    memcpy(copy, names, names_bytes);
    char **order = mem_take(count * sizeof(*order));
    char *name = copy;
    for (u64 i = 0; i < count; i++) {
        order[i] = name;
        name += strlen(name) + 1;
    }
    qsort(order, count, sizeof(*order), compare_names);
    char *to = names;
    for (u64 i = 0; i < count; i++) {
        size_t size = strlen(order[i]) + 1;
        memcpy(to, order[i], size);
        to += size;
    }
    mem_return(order);
    mem_return(copy);
}

/* Reads the next entries of an open directory; 0 bytes at the end. */
static ssize_t read_entries(s32 file, void *entries)
{
    ssize_t size;
    do {
        size = getdents64(file, entries, ENTRIES_BYTES);
    } while (size < 0 && errno == EINTR);
    return size;
}

static enum status list_directory(s32 directory, const char *path, struct uring_op *uring_op)
{
    s32 file = openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        return uring_status(errno);
    }
    char *names = uring_op->buffer;
    u64 count = 0;
    enum status status = OK;
    _Alignas(struct dirent64) u8 entries[ENTRIES_BYTES];
    ssize_t size;
    while (status == OK && (size = read_entries(file, entries)) != 0) {
        if (size < 0) {
            status = uring_status(errno);
        }
        for (ssize_t at = 0; status == OK && at < size;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            at += entry->d_reclen;
            size_t name_size = strlen(entry->d_name) + 1;
            if (is_dots(entry->d_name)) {
                continue;
            }
            if (name_size > uring_op->size - uring_op->moved) {
                status = ERR_TOO_LARGE;
                break;
            }
            memcpy(names + uring_op->moved, entry->d_name, name_size);
            uring_op->moved += name_size;
            count++;
        }
    }
    (void)close(file);
    if (status == OK && count > 1) {
        sort_names(names, uring_op->moved, count);
    }
    return status;
}

/* OK: gone. ERR_AGAIN: `budget` entries were removed and there are more. */
static enum status remove_tree(s32 parent, const char *name, u32 depth, u32 *budget);

static enum status remove_entry(s32 file, const struct dirent64 *entry, u32 depth, u32 *budget)
{
    if (*budget == 0) {
        return ERR_AGAIN;
    }
    if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) {
        return remove_tree(file, entry->d_name, depth + 1, budget);
    }
    (*budget)--;
    return status_of(unlinkat(file, entry->d_name, 0));
}

static enum status remove_entries(s32 file, u32 depth, u32 *budget)
{
    _Alignas(struct dirent64) u8 entries[ENTRIES_BYTES];
    ssize_t size;
    while ((size = read_entries(file, entries)) != 0) {
        if (size < 0) {
            return uring_status(errno);
        }
        for (ssize_t at = 0; at < size;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            at += entry->d_reclen;
            if (is_dots(entry->d_name)) {
                continue;
            }
            enum status status = remove_entry(file, entry, depth, budget);
            if (status != OK && status != ERR_NOT_FOUND) {
                return status;
            }
        }
    }
    return OK;
}

static enum status remove_tree(s32 parent, const char *name, u32 depth, u32 *budget)
{
    if (depth == TREE_DEPTH_MAX) {
        return ERR_LIMIT;
    }
    s32 file = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) {
        bool is_other = errno == ENOTDIR || errno == ELOOP;
        return is_other ? status_of(unlinkat(parent, name, 0)) : uring_status(errno);
    }
    enum status status = remove_entries(file, depth, budget);
    (void)close(file);
    if (status != OK) {
        return status;
    }
    *budget -= *budget > 0 ? 1 : 0;
    status = status_of(unlinkat(parent, name, AT_REMOVEDIR));
    return status == ERR_EXISTS ? ERR_AGAIN : status; /* removing made the reading skip some */
}

static enum status remove_some(s32 directory, const char *path, struct uring_op *uring_op)
{
    u32 budget = TREE_STEP_ENTRIES;
    enum status status = remove_tree(directory, path, 0, &budget);
    if (status == ERR_NOT_FOUND && uring_op->moved > 0) {
        return OK;
    }
    uring_op->moved++; /* steps: a later one that finds nothing is no failure */
    return status;
}

static enum status disk_free(s32 directory, struct uring_op *uring_op)
{
    struct statvfs facts;
    if (fstatvfs(directory, &facts) != 0) {
        return uring_status(errno);
    }
    uring_op->moved = (u64)facts.f_bavail * facts.f_frsize;
    return OK;
}

/* The slot was filled in before the job was handed over. How many are in use is the owner's number,
 * which it may be changing now: so not by uring_slot_of. */
static char *path_of(const struct uring_op *uring_op)
{
    check(uring_op->slot > 0);
    return uring_op->io->slots[uring_op->slot - 1].path;
}

static enum status job_run(s32 directory, struct io_op *op)
{
    struct uring_op *uring_op = uring_op_of(op);
    switch ((enum uring_kind)uring_op->kind) {
    case URING_TRUNCATE: return truncate_file(uring_op);
    case URING_DIRECTORY_CREATE: return create_directory(directory, path_of(uring_op));
    case URING_DIRECTORY_LIST: return list_directory(directory, path_of(uring_op), uring_op);
    case URING_TREE_REMOVE: return remove_some(directory, path_of(uring_op), uring_op);
    case URING_DISK_FREE: return disk_free(directory, uring_op);
    case URING_NONE:
    case URING_OPEN:
    case URING_CLOSE:
    case URING_READ:
    case URING_WRITE:
    case URING_SYNC:
    case URING_ALLOCATE:
    case URING_RENAME:
    case URING_UNLINK:
    case URING_SIZE:
    case URING_ACCEPT:
    case URING_RECEIVE:
    case URING_SEND:
    case URING_SOCKET_CLOSE: break;
    }
    unreachable();
}

/* ---- The thread ---- */

static void *beside_run(void *argument)
{
    struct uring_beside *beside = argument;
    struct list jobs;
    list_init(&jobs);
    while (!atomic_load(&beside->ending)) {
        uring_stack_take_all(&beside->asked, &jobs);
        struct list_node *node = list_pop(&jobs);
        if (node == NULL) {
            (void)sem_wait(&beside->work);
            continue;
        }
        struct io_op *op = container_of(node, struct io_op, node);
        op->status = job_run(beside->directory, op);
        if (op->status == ERR_AGAIN) {
            list_add_last(&jobs, node);
            continue;
        }
        struct io *io = uring_op_of(op)->io;
        uring_stack_push(&io->beside_done, node);
        io_ring_bell(io);
    }
    return NULL;
}

bool uring_beside_start(struct uring_beside *beside, s32 directory)
{
    beside->directory = directory;
    atomic_init(&beside->ending, false);
    atomic_init(&beside->asked.top, NULL);
    check(sem_init(&beside->work, 0, 0) == 0);
    if (pthread_create(&beside->thread, NULL, beside_run, beside) != 0) {
        check(sem_destroy(&beside->work) == 0);
        return false;
    }
    (void)pthread_setname_np(beside->thread, "beside");
    return true;
}

void uring_beside_stop(struct uring_beside *beside)
{
    atomic_store(&beside->ending, true);
    check(sem_post(&beside->work) == 0);
    check(pthread_join(beside->thread, NULL) == 0);
    check(sem_destroy(&beside->work) == 0);
}

void uring_beside_ask(struct uring_beside *beside, struct io_op *op)
{
    struct uring_op *uring_op = uring_op_of(op);
    check(uring_op->phase == URING_WAITING);
    uring_op->phase = URING_BESIDE;
    uring_stack_push(&beside->asked, &op->node);
    /* Full (two thousand million are queued) means that the thread wakes anyhow. */
    (void)sem_post(&beside->work);
}

void uring_beside_collect(struct io *io)
{
    struct list finished;
    list_init(&finished);
    uring_stack_take_all(&io->beside_done, &finished);
    for (struct list_node *node; (node = list_pop(&finished)) != NULL;) {
        struct io_op *op = container_of(node, struct io_op, node);
        struct uring_op *uring_op = uring_op_of(op);
        check(uring_op->phase == URING_BESIDE);
        bool counts = uring_op->kind == URING_DIRECTORY_LIST || uring_op->kind == URING_DISK_FREE;
        uring_complete(io, op, op->status, counts ? uring_op->moved : 0);
    }
}
