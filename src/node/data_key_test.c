#include "node/data_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "//////////////////////////////////////////8="

static struct config config;
static struct settings settings;
static char directory[64];

static bool take(const char *key, bool enabled, struct err *err)
{
    settings = (struct settings){0};
    config.values[CONFIG_encryption].number = enabled;
    (void)str_format(config.values[CONFIG_encryption_key].text,
                     sizeof(config.values[CONFIG_encryption_key].text), "%s", key);
    (void)str_format(config.values[CONFIG_data].text, sizeof(config.values[CONFIG_data].text), "%s",
                     directory);
    return data_key_take(&config, &settings, err);
}

static void set_up(void)
{
    (void)str_format(directory, sizeof(directory), "/tmp/levriero-key-XXXXXX");
    EXPECT(mkdtemp(directory) != NULL);
    config_init(&config);
}

static void tear_down(void)
{
    char path[128];
    (void)str_format(path, sizeof(path), "%s/encryption", directory);
    (void)unlink(path);
    EXPECT_EQ(rmdir(directory), 0);
}

TEST(a_key_is_32_bytes_in_base64)
{
    u8 key[32];
    EXPECT(data_key_decode(KEY_A, key));
    EXPECT_EQ(key[0], 0);
    EXPECT_EQ(key[31], 31);
    EXPECT(data_key_decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", key));
    EXPECT(!data_key_decode("", key));
    EXPECT(!data_key_decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", key));
    EXPECT(!data_key_decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==", key));
    EXPECT(!data_key_decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", key));
    EXPECT(!data_key_decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX*BkaGxwdHh8=", key));
    EXPECT(!data_key_decode(KEY_A " x", key));
}

TEST(another_key_or_none_is_refused_by_name_and_changes_nothing)
{
    struct err err = {0};
    set_up();
    EXPECT(take("", false, &err));
    EXPECT(!settings.encryption_has_key);
    EXPECT(!take("", true, &err));
    EXPECT(strstr(err.text, "needs a key") != NULL);
    EXPECT(take(KEY_A, true, &err));
    EXPECT(settings.encryption_has_key);
    EXPECT(!take(KEY_B, true, &err));
    EXPECT(strstr(err.text, "another key") != NULL);
    EXPECT(strstr(err.text, directory) != NULL);
    EXPECT(!take("", false, &err));
    EXPECT(strstr(err.text, "there is no key") != NULL);
    EXPECT(take(KEY_A, false, &err));
    EXPECT(!settings.encryption_on);
    EXPECT(take(KEY_A, true, &err));
    tear_down();
}

TEST(a_broken_file_is_never_taken_for_a_missing_one)
{
    struct err err = {0};
    char path[128];
    set_up();
    EXPECT(take(KEY_A, true, &err));
    (void)str_format(path, sizeof(path), "%s/encryption", directory);
    EXPECT_EQ(truncate(path, 63), 0);
    EXPECT(!take(KEY_A, true, &err));
    EXPECT(strstr(err.text, "cannot be read") != NULL);
    EXPECT(!take("", false, &err));
    tear_down();
}

TEST(a_key_comes_from_a_file_too)
{
    struct err err = {0};
    set_up();
    char path[128];
    (void)str_format(path, sizeof(path), "%s/encryption", directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0600); /* any file will do */
    EXPECT_EQ(write(fd, KEY_A "\n", sizeof(KEY_A)), (ssize_t)sizeof(KEY_A));
    close(fd);
    char moved[140];
    (void)str_format(moved, sizeof(moved), "%s.key", directory);
    EXPECT_EQ(rename(path, moved), 0);
    (void)str_format(config.values[CONFIG_encryption_key_file].text,
                     sizeof(config.values[CONFIG_encryption_key_file].text), "%s", moved);
    EXPECT(take("", true, &err));
    EXPECT_EQ(settings.encryption_key[31], 31);
    EXPECT(!take(KEY_A, true, &err)); /* one of the two */
    EXPECT_EQ(unlink(moved), 0);
    EXPECT(!take("", true, &err));
    tear_down();
}
