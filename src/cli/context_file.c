#include "cli/context_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES 32u

struct key {
    const char *name;
    size_t place;
};

static const struct key keys[] = {
    {"server", offsetof(struct context, server)},
    {"username", offsetof(struct context, username)},
    {"password_file", offsetof(struct context, password_file)},
    {"token_name", offsetof(struct context, token_name)},
    {"token", offsetof(struct context, token)},
};

bool context_name_fits(const char *name, struct err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    if (name[0] == 0 || name[0] == '.' || name[strspn(name, allowed)] != 0 || strlen(name) > 100) {
        return err_set(err, "\"%.100s\" is no name of a context: letters, digits, - and _", name);
    }
    return true;
}

/* ---- Paths ---- */

static bool base_folder(const char *variable, const char *below_home, char path[CONTEXT_PATH_BYTES],
                        struct err *err)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");
    if (base != NULL && base[0] == '/') {
        return str_format(path, CONTEXT_PATH_BYTES, "%s/levriero", base) ||
               err_set(err, "%s is too long", variable);
    }
    if (home == NULL || home[0] == 0) {
        return err_set(err, "neither %s nor HOME is set: no place for contexts", variable);
    }
    return str_format(path, CONTEXT_PATH_BYTES, "%s/%s/levriero", home, below_home) ||
           err_set(err, "HOME is too long");
}

static bool folder_of(enum context_place place, char path[CONTEXT_PATH_BYTES], struct err *err)
{
    bool is_login = place == CONTEXT_LOGIN;
    char base[CONTEXT_PATH_BYTES];
    return base_folder(is_login ? "XDG_STATE_HOME" : "XDG_CONFIG_HOME",
                       is_login ? ".local/state" : ".config", base, err) &&
           (str_format(path, CONTEXT_PATH_BYTES, "%s/%s", base, is_login ? "logins" : "contexts") ||
            err_set(err, "the path is too long"));
}

bool context_folder(char path[CONTEXT_PATH_BYTES], struct err *err)
{
    return folder_of(CONTEXT_NAMED, path, err);
}

/* An address becomes a file name. */
static bool path_of(enum context_place place, const char *name, char path[CONTEXT_PATH_BYTES],
                    struct err *err)
{
    char folder[CONTEXT_PATH_BYTES];
    char file[CONTEXT_TEXT_BYTES];
    if (!folder_of(place, folder, err)) {
        return false;
    }
    str_format(file, sizeof(file), "%s", name);
    for (char *at = file; *at != 0; at++) {
        if (*at == '/') {
            *at = '_';
        }
    }
    return str_format(path, CONTEXT_PATH_BYTES, "%s/%s", folder, file) ||
           err_set(err, "the path is too long");
}

/* All folders above the file, ours for nobody else. */
static bool make_folders(const char *path, struct err *err)
{
    char folder[CONTEXT_PATH_BYTES];
    str_format(folder, sizeof(folder), "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
            return err_set(err, "%s: %s", folder, strerror(errno));
        }
        *slash = '/';
    }
    return true;
}

/* ---- Reading ---- */

static char *text_of(struct context *context, const char *name, size_t size)
{
    for (u32 i = 0; i < array_count(keys); i++) {
        if (strlen(keys[i].name) == size && memcmp(keys[i].name, name, size) == 0) {
            return (char *)context + keys[i].place;
        }
    }
    return NULL;
}

/* A key of a later version is skipped. */
static void read_key(struct context *context, char *line)
{
    line[strcspn(line, "\r\n")] = 0;
    char *equals = strstr(line, " = ");
    char *text = equals == NULL ? NULL : text_of(context, line, (size_t)(equals - line));
    if (text != NULL) {
        str_format(text, CONTEXT_TEXT_BYTES, "%s", equals + 3);
    }
}

void context_read_lines(struct context *context, FILE *file)
{
    char line[CONTEXT_TEXT_BYTES + KEY_BYTES];
    *context = (struct context){0};
    while (fgets(line, sizeof(line), file) != NULL) {
        read_key(context, line);
    }
}

static bool is_private(FILE *file, const char *path, struct err *err)
{
    struct stat stat;
    if (fstat(fileno(file), &stat) != 0) {
        return err_set(err, "%s: %s", path, strerror(errno));
    }
    return (stat.st_mode & 077) == 0 ||
           err_set(err, "%s can be read by others: chmod 600 %s", path, path);
}

bool context_read(enum context_place place, const char *name, struct context *context, bool *found,
                  struct err *err)
{
    char path[CONTEXT_PATH_BYTES];
    *context = (struct context){0};
    *found = false;
    if (!path_of(place, name, path, NULL)) {
        return true; /* a service has no home: nothing is kept there */
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT || errno == ENOTDIR || err_set(err, "%s: %s", path, strerror(errno));
    }
    *found = true;
    bool good = is_private(file, path, err);
    if (good) {
        context_read_lines(context, file);
    }
    (void)fclose(file);
    return good;
}

/* ---- Writing ---- */

/* Whole or not at all: a name beside it first, then over it. */
static bool write_text(const char *path, const char *text, struct err *err)
{
    char partial[CONTEXT_PATH_BYTES + 8];
    str_format(partial, sizeof(partial), "%s.new", path);
    if (!make_folders(path, err)) {
        return false;
    }
    (void)unlink(partial);
    int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t size = strlen(text);
    bool good = fd >= 0 && write(fd, text, size) == (ssize_t)size;
    good = fd >= 0 && close(fd) == 0 && good && rename(partial, path) == 0;
    return good || err_set(err, "%s: %s", path, strerror(errno));
}

static_assert(CONTEXT_FILE_BYTES >= array_count(keys) * (CONTEXT_TEXT_BYTES + KEY_BYTES),
              "all keys with values of any size");

bool context_write_lines(const struct context *context, char text[CONTEXT_FILE_BYTES],
                         struct err *err)
{
    u32 position = 0;
    text[0] = 0;
    for (u32 i = 0; i < array_count(keys); i++) {
        const char *value = (const char *)context + keys[i].place;
        if (strpbrk(value, "\r\n") != NULL) {
            return err_set(err, "%s: a line end cannot be kept", keys[i].name);
        }
        if (value[0] != 0) {
            str_append(text, CONTEXT_FILE_BYTES, &position, "%s = %s\n", keys[i].name, value);
        }
    }
    return true;
}

bool context_write(enum context_place place, const char *name, const struct context *context,
                   struct err *err)
{
    char path[CONTEXT_PATH_BYTES];
    char text[CONTEXT_FILE_BYTES];
    return context_write_lines(context, text, err) && path_of(place, name, path, err) &&
           write_text(path, text, err);
}

bool context_remove(enum context_place place, const char *name, struct err *err)
{
    char path[CONTEXT_PATH_BYTES];
    return path_of(place, name, path, err) &&
           (unlink(path) == 0 || err_set(err, "%s: %s", path, strerror(errno)));
}

/* ---- The one in use ---- */

static bool active_path(char path[CONTEXT_PATH_BYTES], struct err *err)
{
    char base[CONTEXT_PATH_BYTES];
    return base_folder("XDG_CONFIG_HOME", ".config", base, err) &&
           (str_format(path, CONTEXT_PATH_BYTES, "%s/active", base) ||
            err_set(err, "the path is too long"));
}

void context_active(char name[CONTEXT_TEXT_BYTES])
{
    char path[CONTEXT_PATH_BYTES];
    name[0] = 0;
    FILE *file = active_path(path, NULL) ? fopen(path, "re") : NULL;
    if (file == NULL) {
        return;
    }
    if (fgets(name, (int)CONTEXT_TEXT_BYTES, file) == NULL) {
        name[0] = 0;
    }
    name[strcspn(name, "\r\n")] = 0;
    (void)fclose(file);
}

bool context_set_active(const char *name, struct err *err)
{
    char path[CONTEXT_PATH_BYTES];
    char line[CONTEXT_TEXT_BYTES];
    if (!active_path(path, err)) {
        return false;
    }
    if (name[0] == 0 || strcmp(name, "default") == 0) {
        return unlink(path) == 0 || errno == ENOENT ||
               err_set(err, "%s: %s", path, strerror(errno));
    }
    str_format(line, sizeof(line), "%s\n", name);
    return write_text(path, line, err);
}
