#include "node/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static struct config config;
static struct err err;
static char warned[512];

static void note_warning(const char *sentence)
{
    str_format(warned, sizeof(warned), "%s", sentence);
}

/* Reads `text` as a file; the sentence of a refusal is in `err`. */
static bool read_text(const char *text)
{
    char path[] = "/tmp/levriero-config-XXXXXX";
    int fd = mkstemp(path);
    EXPECT(fd >= 0);
    EXPECT_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    config_init(&config);
    bool good = config_read_file(&config, path, note_warning, &err);
    unlink(path);
    return good;
}

TEST(without_a_file_every_setting_has_its_built_in_value)
{
    config_init(&config);
    EXPECT_STR(config.values[CONFIG_tcp_address].text, "127.0.0.1:8090");
    EXPECT_EQ(config.values[CONFIG_memory].number, 256 * MIB);
    EXPECT_EQ(config.values[CONFIG_durability].number, DURABILITY_SYNC);
    EXPECT_EQ(config.values[CONFIG_message_expiry].number, UINT64_MAX);
}

TEST(a_file_overrides_what_it_names_and_nothing_else)
{
    EXPECT(read_text("[server]\nmemory = \"1 GiB\"\ncores = 3\n[durability]\nlevel = \"os\"\n"));
    EXPECT_EQ(config.values[CONFIG_memory].number, GIB);
    EXPECT_EQ(config.values[CONFIG_cores].number, 3);
    EXPECT_EQ(config.values[CONFIG_durability].number, DURABILITY_OS);
    EXPECT_STR(config.values[CONFIG_data].text, "levriero_data");
}

TEST(memory_counts_in_powers_of_1024_and_other_sizes_as_the_reference)
{
    config_init(&config);
    EXPECT(config_set(&config, CONFIG_memory, "64M", "--memory", &err));
    EXPECT_EQ(config.values[CONFIG_memory].number, 64 * MIB);
    EXPECT(config_set(&config, CONFIG_memory, "64 MB", "--memory", &err));
    EXPECT_EQ(config.values[CONFIG_memory].number, 64000000);
    EXPECT(config_set(&config, CONFIG_segment_size, "64M", "file", &err));
    EXPECT_EQ(config.values[CONFIG_segment_size].number, 64000000);
    EXPECT(!config_set(&config, CONFIG_memory, "lots", "--memory", &err));
}

TEST(a_mistyped_key_is_refused_and_the_nearest_is_named)
{
    EXPECT(!read_text("[tcp]\nadress = \"127.0.0.1:1\"\n"));
    EXPECT(strstr(err.text, "tcp.adress") != NULL);
    EXPECT(strstr(err.text, "tcp.address") != NULL);
}

TEST(a_wrong_value_is_refused_with_an_example)
{
    EXPECT(!read_text("[durability]\nlevel = \"always\"\n"));
    EXPECT(strstr(err.text, "always") != NULL);
    EXPECT(strstr(err.text, "sync, os or memory") != NULL);
}

TEST(a_broken_file_is_refused_with_line_and_column)
{
    EXPECT(!read_text("[tcp\naddress = 1\n"));
    EXPECT(strstr(err.text, ":1:") != NULL);
}

TEST(an_array_is_no_value)
{
    EXPECT(!read_text("[tcp]\naddress = [\"a\"]\n"));
    EXPECT(strstr(err.text, "tcp.address") != NULL);
}

TEST(a_missing_file_is_refused_by_name)
{
    config_init(&config);
    EXPECT(!config_read_file(&config, "/nonexistent/levriero.toml", note_warning, &err));
    EXPECT(strstr(err.text, "/nonexistent/levriero.toml") != NULL);
}

TEST(our_names_win_over_those_of_the_reference)
{
    char *environment[] = {(char[]){"LEVRIERO_TCP_ADDRESS=127.0.0.1:2"},
                           (char[]){"IGGY_TCP_ADDRESS=127.0.0.1:1"},
                           (char[]){"IGGY_ROOT_USERNAME=anna"}, NULL};
    config_init(&config);
    EXPECT(config_read_environment(&config, environment, note_warning, &err));
    EXPECT_STR(config.values[CONFIG_tcp_address].text, "127.0.0.1:2");
    EXPECT_STR(config.values[CONFIG_root_username].text, "anna");
}

TEST(an_unknown_name_of_ours_is_an_error_one_of_the_reference_a_warning)
{
    char *theirs[] = {(char[]){"IGGY_TCP_ADRESS=1"}, NULL};
    char *ours[] = {(char[]){"LEVRIERO_TCP_ADRESS=1"}, NULL};
    config_init(&config);
    warned[0] = 0;
    EXPECT(config_read_environment(&config, theirs, note_warning, &err));
    EXPECT(strstr(warned, "IGGY_TCP_ADDRESS") != NULL);
    EXPECT(!config_read_environment(&config, ours, note_warning, &err));
    EXPECT(strstr(err.text, "LEVRIERO_TCP_ADDRESS") != NULL);
}

TEST(a_file_of_the_reference_is_taken_and_what_means_nothing_is_named_once)
{
    warned[0] = 0;
    EXPECT(read_text("path = \"elsewhere\"\n"
                     "[http]\nenabled = true\n[http.cors]\nallowed_methods = [\"GET\", \"PUT\"]\n"
                     "[system.logging]\nlevel = \"debug\"\nmax_file_size = \"500 MB\"\n"
                     "[data_maintenance.messages]\ncleaner_enabled = false\ninterval = \"2 m\"\n"
                     "[[cluster.nodes]]\nname = \"iggy-node-1\"\n"
                     "[tcp.tls]\nenabled = false\n"));
    EXPECT_STR(config.values[CONFIG_data].text, "elsewhere");
    EXPECT_EQ(config.values[CONFIG_retention].number, 0);
    EXPECT_EQ(config.values[CONFIG_retention_interval].number, 120u * 1000 * 1000);
    EXPECT_EQ(config.values[CONFIG_log_level].number, EVENT_DEBUG);
    EXPECT(strstr(warned, "http.*") != NULL);
    EXPECT(strstr(warned, "cluster.*") != NULL);
}

TEST(what_would_promise_more_than_the_server_does_is_refused)
{
    EXPECT(!read_text("[tcp.tls]\nenabled = true\n"));
    EXPECT(strstr(err.text, "tcp.tls.enabled can only be false") != NULL);
    char *environment[] = {(char[]){"IGGY_CLUSTER_ENABLED=true"}, NULL};
    config_init(&config);
    EXPECT(!config_read_environment(&config, environment, note_warning, &err));
    EXPECT(strstr(err.text, "IGGY_CLUSTER_ENABLED") != NULL);
}

TEST(names_of_the_reference_in_the_environment_are_ignored_by_name)
{
    char *environment[] = {(char[]){"IGGY_QUIC_ADDRESS=127.0.0.1:0"},
                           (char[]){"IGGY_HTTP_JWT_ISSUER=x"}, NULL};
    config_init(&config);
    warned[0] = 0;
    EXPECT(config_read_environment(&config, environment, note_warning, &err));
    EXPECT(strstr(warned, "quic.*") != NULL);
    EXPECT(strstr(warned, "http.*") != NULL);
}

TEST(the_description_reads_back_as_a_file_and_hides_secrets)
{
    char text[16384];
    config_init(&config);
    EXPECT(config_set(&config, CONFIG_root_password, "hunter22", "test", &err));
    EXPECT(config_set(&config, CONFIG_data, "/a \"quoted\" path", "test", &err));
    config_describe(&config, "127.0.0.1:4711", text, sizeof(text));
    EXPECT(strstr(text, "hunter22") == NULL);
    EXPECT(read_text(text));
    EXPECT_STR(config.values[CONFIG_tcp_address].text, "127.0.0.1:4711");
    EXPECT_STR(config.values[CONFIG_data].text, "/a \"quoted\" path");
}
