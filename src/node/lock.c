#include "node/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/types.h"

static bool make_directory(const char *path, struct err *err)
{
    char partial[4096];
    if (!str_format(partial, sizeof(partial), "%s", path)) {
        return err_set(err, "the data directory's path is longer than %zu bytes", sizeof(partial));
    }
    for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(partial, 0700) != 0 && errno != EEXIST) {
            return err_set(err, "%s: cannot be created: %s", partial, strerror(errno));
        }
        *slash = '/';
    }
    if (mkdir(partial, 0700) != 0 && errno != EEXIST) {
        return err_set(err,
                       "%s: cannot be created: %s: give --data a directory this user may write",
                       path, strerror(errno));
    }
    return true;
}

static bool check_owner(const char *path, struct err *err)
{
    struct stat facts;
    if (stat(path, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
        return err_set(err, "%s: is not a directory: give --data another path", path);
    }
    if (facts.st_uid != geteuid()) {
        return err_set(err,
                       "%s: belongs to user %u, and this process runs as %u: run as its owner, "
                       "or give --data another directory",
                       path, facts.st_uid, geteuid());
    }
    return true;
}

/* The reference keeps its partitions under the same names, in another format. */
static bool check_not_foreign(const char *path, struct err *err)
{
    char file[4096];
    struct stat facts;
    if (str_format(file, sizeof(file), "%s/state/log", path) && stat(file, &facts) == 0) {
        return err_set(err,
                       "%s: is a data directory of Apache Iggy, whose files this server cannot "
                       "read: give --data another directory",
                       path);
    }
    return true;
}

bool lock_data_directory(const char *path, int *fd, struct err *err)
{
    char file[4096];
    if (!make_directory(path, err) || !check_owner(path, err) || !check_not_foreign(path, err)) {
        return false;
    }
    str_format(file, sizeof(file), "%s/lock", path);
    *fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) {
        return err_set(err, "%s: cannot be opened: %s", file, strerror(errno));
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        close(*fd);
        return err_set(err,
                       "%s: another server uses this data directory: stop it, or give --data "
                       "another directory",
                       path);
    }
    return true;
}

static bool is_ours(const char *name)
{
    static const char *const ours[] = {"lock",       "control", "offsets", "ends",
                                       "trash",      "runtime", "streams", "version",
                                       "encryption", ".",       ".."};
    for (u32 i = 0; i < array_count(ours); i++) {
        if (strcmp(ours[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool holds_only_ours(const char *path, struct err *err)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return err_set(err, "%s: cannot be listed: %s", path, strerror(errno));
    }
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(directory)) != NULL;) {
        if (!is_ours(entry->d_name)) {
            good = err_set(err,
                           "%s: holds \"%s\", which is not ours: --fresh removes only a data "
                           "directory of this server",
                           path, entry->d_name);
        }
    }
    closedir(directory);
    return good;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    bool keeps =
        place->level == 0 || (place->level == 1 && strcmp(path + place->base, "lock") == 0);
    return keeps ? 0 : remove(path);
}

bool lock_empty_directory(const char *path, struct err *err)
{
    if (!holds_only_ours(path, err)) {
        return false;
    }
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0) {
        return err_set(err, "%s: cannot be emptied: %s", path, strerror(errno));
    }
    return true;
}
