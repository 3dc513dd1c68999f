#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/command_line.h"

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

int cli_snapshot(const struct command_line *line)
{
    char name[NAME_BYTES];
    struct client_error error;
    struct span archive;
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    int code = CLI_DONE;
    name_by_time(name);
    const char *path = line->file != NULL ? line->file : name;
    if (!client_snapshot(client, &archive, &error)) {
        code = command_line_refuse(&error);
    } else if (!write_new_file(path, archive)) {
        fprintf(stderr, "levriero: %s: %s\n", path, strerror(errno));
        code = CLI_REFUSED;
    } else {
        printf("%s (%u bytes)\n", path, archive.size);
    }
    client_close(client);
    return code;
}
