#include "cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static bool read_line(struct secret *secret, FILE *file)
{
    if (fgets(secret->text, sizeof(secret->text), file) == NULL) {
        return false;
    }
    secret->text[strcspn(secret->text, "\r\n")] = 0;
    return true;
}

bool secret_from_file(struct secret *secret, const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return err_set(err, "%s: %s", path, strerror(errno));
    }
    bool good = read_line(secret, file);
    (void)fclose(file);
    return good || err_set(err, "%s: there is no line in it", path);
}

bool secret_from_environment(struct secret *secret, const char *name)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != 0 &&
           str_format(secret->text, sizeof(secret->text), "%s", text);
}

/* A line as typed, without its end; a ^C ends it as well and is left in it. */
static bool read_typed(struct secret *secret, int fd, u8 interrupt)
{
    size_t size = 0;
    bool is_whole = false;
    while (!is_whole && size + 1 < sizeof(secret->text)) {
        ssize_t got = read(fd, secret->text + size, sizeof(secret->text) - 1 - size);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        u8 last = (u8)secret->text[size - 1];
        is_whole = last == '\n' || last == interrupt;
    }
    secret->text[size] = 0;
    secret->text[strcspn(secret->text, "\r\n")] = 0;
    return is_whole;
}

/* While nothing is echoed, ^C is a character that ends the line, not a signal that ends us: so the
 * terminal is as it was before we die of it, whoever started us. */
bool secret_from_terminal(struct secret *secret, const char *what)
{
    struct termios before;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &before) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    u8 interrupt = before.c_cc[VINTR];
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    silent.c_cc[VEOL] = interrupt;
    (void)tcsetattr(fd, TCSAFLUSH, &silent);
    (void)dprintf(fd, "%s: ", what);
    bool good = read_typed(secret, fd, interrupt);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    (void)dprintf(fd, "\n");
    (void)close(fd);
    if (good && interrupt != 0 && strchr(secret->text, interrupt) != NULL) {
        (void)raise(SIGINT);
        return false; /* somebody ignores it */
    }
    return good;
}

bool secret_ask(struct secret *secret, const struct secret_places *places, struct err *err)
{
    if (places->path != NULL) {
        return secret_from_file(secret, places->path, err);
    }
    if (secret_from_environment(secret, places->variable)) {
        return true;
    }
    if (isatty(STDIN_FILENO) && secret_from_terminal(secret, places->what)) {
        return true;
    }
    return read_line(secret, stdin) ||
           err_set(err, "no %s: give it in a file, in %s, or as a line of standard input",
                   places->what, places->variable);
}
