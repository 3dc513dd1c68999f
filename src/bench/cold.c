#include "bench/cold.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <unistd.h>

static bool forget(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT; /* deleted meanwhile */
    }
    bool good = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0;
    close(fd);
    return good;
}

bool cold_forget_pages(const char *directory, struct err *err)
{
    char path[4096];
    if (directory[0] == 0) {
        return err_set(err, "--cold: the server's files are not on this machine");
    }
    if (!str_format(path, sizeof(path), "%s", directory)) {
        return err_set(err, "--cold: the path is too long");
    }
    char *roots[2] = {path, NULL};
    sync();
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    bool good = tree != NULL;
    u32 files = 0;
    for (FTSENT *entry = NULL; good && (entry = fts_read(tree)) != NULL;) {
        if (entry->fts_info == FTS_F) {
            good = forget(entry->fts_accpath);
            files++;
        }
    }
    int reason = errno;
    if (tree != NULL) {
        (void)fts_close(tree);
    }
    return (good && files > 0) ||
           err_set(err, "--cold: %s cannot be read: %s", directory, strerror(reason));
}
