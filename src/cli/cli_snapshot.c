#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli_command.h"

#define NAME_BYTES 64u

/* As the reference names what it hands out over HTTP, with our name before it. */
static void name_by_time(char name[NAME_BYTES])
{
    struct timespec now;
    struct tm parts;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    (void)strftime(name, NAME_BYTES, "levriero_snapshot_%Y%m%d_%H%M%S.zip", &parts);
}

/* A new file, or none: nothing is written over, and half an archive is not left behind. */
static bool write_new_file(const char *path, struct span content)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return false;
    }
    u32 written = 0;
    while (written < content.size) {
        ssize_t wrote = write(file, content.data + written, content.size - written);
        if (wrote < 0 && errno != EINTR) {
            int cause = errno;
            (void)close(file);
            (void)unlink(path);
            errno = cause;
            return false;
        }
        written += wrote > 0 ? (u32)wrote : 0;
    }
    return close(file) == 0;
}

bool cli_snapshot(struct cli *cli)
{
    char name[NAME_BYTES];
    struct span archive;
    name_by_time(name);
    const char *path = cli->line->file != NULL ? cli->line->file : name;
    if (!client_snapshot(cli->client, &archive, &cli->error)) {
        return false;
    }
    if (!write_new_file(path, archive)) {
        return cli_fail(cli, CLI_REFUSED, "%s: %s", path, strerror(errno));
    }
    output_record(&cli->output);
    output_text(&cli->output, "file", span_of(path));
    output_bytes(&cli->output, "size_bytes", archive.size);
    output_record_end(&cli->output);
    return true;
}
