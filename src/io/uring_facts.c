/* What the data directory's device and file system can do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "io/uring.h"

#define WRITE_BYTES_MAX (u32)(1 * MIB)
#define PROBE_NAME ".levriero-probe"

static bool number_read(const char *path, u32 *value)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool is_read = fscanf(file, "%u", value) == 1;
    (void)fclose(file);
    return is_read;
}

/* A partition has no queue of its own: its disk's is one directory up. */
static u32 sector_bytes_of(s32 directory)
{
    struct stat facts;
    if (fstat(directory, &facts) != 0) {
        return SECTOR_BYTES_MAX;
    }
    static const char *const places[] = {"queue", "../queue"};
    for (u32 i = 0; i < array_count(places); i++) {
        char path[128];
        u32 bytes;
        bool fits = str_format(path, sizeof(path), "/sys/dev/block/%u:%u/%s/physical_block_size",
                               major(facts.st_dev), minor(facts.st_dev), places[i]);
        bool is_power = fits && number_read(path, &bytes) && (bytes & (bytes - 1)) == 0;
        if (is_power && bytes >= 512 && bytes <= SECTOR_BYTES_MAX) {
            return bytes;
        }
    }
    return SECTOR_BYTES_MAX;
}

/* Opening is not enough: some file systems take the flag and refuse the write. A full disk does not
 * speak against direct writes. */
static bool takes_direct(s32 directory, u32 size)
{
    static _Alignas(SECTOR_BYTES_MAX) const u8 zeros[SECTOR_BYTES_MAX];
    s32 file =
        openat(directory, PROBE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
    if (file < 0) {
        return false;
    }
    ssize_t written = pwrite(file, zeros, size, 0);
    bool takes = written == (ssize_t)size || (written < 0 && (errno == ENOSPC || errno == EDQUOT));
    (void)close(file);
    return takes;
}

struct io_facts uring_facts(s32 directory)
{
    struct io_facts facts = {
        .sector_bytes = sector_bytes_of(directory),
        .write_bytes_max = WRITE_BYTES_MAX,
    };
    facts.direct = takes_direct(directory, facts.sector_bytes);
    if (!facts.direct && facts.sector_bytes < SECTOR_BYTES_MAX) {
        facts.direct = takes_direct(directory, SECTOR_BYTES_MAX);
        facts.sector_bytes = SECTOR_BYTES_MAX;
    }
    (void)unlinkat(directory, PROBE_NAME, 0);
    return facts;
}
