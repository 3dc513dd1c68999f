#include "cli/command_line.h"

#include <stdlib.h>

#include "test.h"

static struct command_line line;
static struct err err;

/* Parses the words up to NULL, in an environment that says nothing. */
static bool parse(const char *const *words)
{
    char *arguments[CLI_WORDS_MAX + 8];
    int count = 0;
    for (; words[count] != NULL; count++) {
        arguments[count] = (char *)(uintptr_t)words[count];
    }
    err.text[0] = 0;
    return command_line_parse(&line, count, arguments, &err);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void forget_environment(void)
{
    static const char *const names[] = {"LEVRIERO_SERVER_URL",
                                        "LEVRIERO_USERNAME",
                                        "LEVRIERO_PASSWORD",
                                        "IGGY_USERNAME",
                                        "IGGY_PASSWORD",
                                        "LEVRIERO_TOKEN",
                                        "LEVRIERO_CURRENT_PASSWORD",
                                        "LEVRIERO_NEW_PASSWORD"};
    for (u32 i = 0; i < array_count(names); i++) {
        EXPECT_EQ(unsetenv(names[i]), 0);
    }
}

TEST(without_options_everything_has_its_default)
{
    forget_environment();
    EXPECT(PARSE("s", "t"));
    EXPECT_EQ(line.words_count, 2);
    EXPECT_STR(line.words[1], "t");
    EXPECT_STR(line.server, "127.0.0.1:8090");
    EXPECT_STR(line.username, "iggy");
    EXPECT_STR(line.strategy, "offset");
    EXPECT_EQ(line.count, 100);
    EXPECT_EQ(line.partitions, 1);
    EXPECT_EQ(line.batch_bytes, MIB);
    EXPECT(!line.raw);
}

TEST(options_may_stand_anywhere_and_win_over_the_environment)
{
    forget_environment();
    EXPECT_EQ(setenv("LEVRIERO_USERNAME", "anna", 1), 0);
    EXPECT_EQ(setenv("IGGY_USERNAME", "berta", 1), 0);
    EXPECT_EQ(setenv("IGGY_PASSWORD", "secret", 1), 0);
    EXPECT(PARSE("--raw", "s", "--value", "18446744073709551615", "t"));
    EXPECT_STR(line.username, "anna");
    EXPECT_STR(line.password, "secret");
    EXPECT(line.raw);
    EXPECT_EQ(line.value, UINT64_MAX);
    EXPECT_EQ(line.words_count, 2);
    EXPECT(PARSE("--username", "carla"));
    EXPECT_STR(line.username, "carla");
    forget_environment();
}

TEST(after_two_dashes_everything_is_a_word)
{
    EXPECT(PARSE("s", "t", "--", "--raw", "--"));
    EXPECT_EQ(line.words_count, 4);
    EXPECT_STR(line.words[2], "--raw");
    EXPECT_STR(line.words[3], "--");
    EXPECT(!line.raw);
}

TEST(an_unknown_option_is_refused_and_the_nearest_named)
{
    EXPECT(!PARSE("s", "--partitoins", "3"));
    EXPECT(strstr(err.text, "--partitions") != NULL);
}

TEST(an_option_without_its_value_is_refused)
{
    EXPECT(!PARSE("s", "--server"));
    EXPECT(strstr(err.text, "--server") != NULL);
}

TEST(what_is_32_bits_on_the_wire_is_refused_beyond_instead_of_cut)
{
    EXPECT(PARSE("--partition", "4294967295"));
    EXPECT_EQ(line.partition, UINT32_MAX);
    EXPECT(!PARSE("--partition", "4294967296"));
    EXPECT(strstr(err.text, "--partition") != NULL);
    EXPECT(!PARSE("--partitions", "4294967296"));
    EXPECT(!PARSE("--count", "4294967296"));
    EXPECT(!PARSE("--count", "-1"));
    EXPECT(!PARSE("--value", "18446744073709551616"));
}

TEST(a_batch_is_not_empty_and_not_larger_than_a_frame)
{
    EXPECT(PARSE("--batch-bytes", "1 KiB"));
    EXPECT_EQ(line.batch_bytes, 1024);
    EXPECT(!PARSE("--batch-bytes", "0"));
    EXPECT(!PARSE("--batch-bytes", "61 MiB"));
    EXPECT(!PARSE("--batch-bytes", "much"));
}

TEST(more_words_than_there_is_room_for_are_refused)
{
    const char *words[CLI_WORDS_MAX + 2];
    for (u32 i = 0; i <= CLI_WORDS_MAX; i++) {
        words[i] = "w";
    }
    words[CLI_WORDS_MAX + 1] = NULL;
    EXPECT(!parse(words));
    words[CLI_WORDS_MAX] = NULL;
    EXPECT(parse(words));
    EXPECT_EQ(line.words_count, CLI_WORDS_MAX);
}

TEST(an_expiry_is_a_time_and_kept_in_microseconds)
{
    forget_environment();
    EXPECT(PARSE("laptop"));
    EXPECT_EQ(line.expiry_us, 0);
    EXPECT(PARSE("laptop", "--expiry", "30 days"));
    EXPECT_EQ(line.expiry_us, 30ull * 24 * 3600 * US_PER_SECOND);
    EXPECT(!PARSE("laptop", "--expiry", "0 s"));
    EXPECT(!PARSE("laptop", "--expiry", "soon"));
    EXPECT(strstr(err.text, "30 days") != NULL);
}
