#include "cli/secret.h"

#include <errno.h>
#include <fcntl.h>
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

bool secret_from_terminal(struct secret *secret, const char *what)
{
    struct termios before;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    FILE *terminal = fd < 0 ? NULL : fdopen(fd, "r+");
    if (terminal == NULL || tcgetattr(fd, &before) != 0) {
        if (terminal != NULL) {
            (void)fclose(terminal);
        }
        return false;
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(fd, TCSAFLUSH, &silent);
    fprintf(terminal, "%s: ", what);
    (void)fflush(terminal);
    bool good = read_line(secret, terminal);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    (void)fseek(terminal, 0, SEEK_CUR); /* from reading to writing, as C wants it */
    fputs("\n", terminal);
    (void)fclose(terminal);
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
