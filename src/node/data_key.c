#include "node/data_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "secure/unit_cipher.h"

#define KEY_FILE_BYTES 64u
#define KEY_FILE_MAGIC "LEVKEY01"

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == 0 ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

bool data_key_decode(const char *text, u8 key[32])
{
    u32 bits = 0;
    u32 bits_count = 0;
    u32 size = 0;
    for (; digit_of(*text) >= 0; text++) {
        bits = bits << 6 | (u32)digit_of(*text);
        bits_count += 6;
        if (bits_count >= 8) {
            bits_count -= 8;
            if (size == 32) {
                return false;
            }
            key[size++] = (u8)(bits >> bits_count);
        }
    }
    text += *text == '=' ? 1 : 0;
    text += strspn(text, " \r\n");
    bool rest_is_zero = (bits & ((1u << bits_count) - 1)) == 0;
    return size == 32 && *text == 0 && rest_is_zero;
}

/* ---- From the configuration ---- */

static bool read_key_file(const char *path, char *text, u32 capacity, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, capacity - 1);
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (size < 0) {
        return err_set(err, "system.encryption.key_file: %s: %s", path, strerror(error));
    }
    text[size] = 0;
    return true;
}

static bool read_key(const struct config *config, struct settings *settings, struct err *err)
{
    const char *source = "system.encryption.key";
    const char *path = config->values[CONFIG_encryption_key_file].text;
    char text[CONFIG_TEXT_BYTES];
    (void)str_format(text, sizeof(text), "%s", config->values[CONFIG_encryption_key].text);
    if (text[0] != 0 && path[0] != 0) {
        return err_set(err, "system.encryption.key and system.encryption.key_file: give one");
    }
    if (path[0] != 0) {
        source = path;
        if (!read_key_file(path, text, sizeof(text), err)) {
            return false;
        }
    }
    if (text[0] == 0) {
        return true;
    }
    settings->encryption_has_key = data_key_decode(text, settings->encryption_key);
    explicit_bzero(text, sizeof(text));
    return settings->encryption_has_key ||
           err_set(err, "%s: a key is 32 bytes in base64: make one with openssl rand -base64 32",
                   source);
}

/* ---- The directory's own ---- */

enum key_file { KEY_FILE_NONE, KEY_FILE_THERE, KEY_FILE_BROKEN };

static enum key_file look(const char *path, u8 fingerprint[CIPHER_FINGERPRINT_BYTES])
{
    u8 bytes[KEY_FILE_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? KEY_FILE_NONE : KEY_FILE_BROKEN;
    }
    ssize_t size = read(fd, bytes, sizeof(bytes));
    close(fd);
    if (size != KEY_FILE_BYTES || memcmp(bytes, KEY_FILE_MAGIC, 8) != 0 ||
        get_u32(bytes + 60) != crc32c(0, bytes, 60)) {
        return KEY_FILE_BROKEN;
    }
    memcpy(fingerprint, bytes + 8, CIPHER_FINGERPRINT_BYTES);
    return KEY_FILE_THERE;
}

static bool sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return synced;
}

/* Written beside, synced, renamed: there is a whole one or none. */
static bool write_file(const char *data, const char *path, const u8 *fingerprint)
{
    u8 bytes[KEY_FILE_BYTES] = KEY_FILE_MAGIC;
    char partial[4200];
    memcpy(bytes + 8, fingerprint, CIPHER_FINGERPRINT_BYTES);
    put_u32(bytes + 60, crc32c(0, bytes, 60));
    (void)str_format(partial, sizeof(partial), "%s.new", path);
    int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written =
        fd >= 0 && write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return written && rename(partial, path) == 0 && sync_directory(data);
}

static bool compare(const struct settings *settings, const char *path, const u8 *found,
                    struct err *err)
{
    u8 fingerprint[CIPHER_FINGERPRINT_BYTES];
    if (!settings->encryption_has_key) {
        return err_set(err,
                       "%s says that this directory is encrypted, and there is no key: give "
                       "system.encryption.key or system.encryption.key_file. Nothing was changed",
                       path);
    }
    unit_cipher_fingerprint(settings->encryption_key, fingerprint);
    return memcmp(fingerprint, found, sizeof(fingerprint)) == 0 ||
           err_set(err,
                   "%s: this directory was encrypted with another key than the one that "
                   "system.encryption gives. Nothing was changed",
                   path);
}

bool data_key_take(const struct config *config, struct settings *settings, struct err *err)
{
    char path[4096];
    const char *data = config->values[CONFIG_data].text;
    u8 fingerprint[CIPHER_FINGERPRINT_BYTES];
    (void)str_format(path, sizeof(path), "%s/encryption", data);
    settings->encryption_on = config->values[CONFIG_encryption].number != 0;
    if (!read_key(config, settings, err)) {
        return false;
    }
    switch (look(path, fingerprint)) {
    case KEY_FILE_THERE: return compare(settings, path, fingerprint, err);
    case KEY_FILE_BROKEN:
        return err_set(err,
                       "%s cannot be read: which key is the right one is not known. Restore "
                       "the file from a backup",
                       path);
    case KEY_FILE_NONE: break;
    }
    if (!settings->encryption_on) {
        return true;
    }
    if (!settings->encryption_has_key) {
        return err_set(err, "system.encryption.enabled needs a key: give system.encryption.key or "
                            "system.encryption.key_file, 32 bytes in base64");
    }
    unit_cipher_fingerprint(settings->encryption_key, fingerprint);
    return write_file(data, path, fingerprint) ||
           err_set(err, "%s cannot be written: %s", path, strerror(errno));
}
