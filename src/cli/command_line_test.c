#include "cli/command_line.h"

#include <stdlib.h>

#include "test.h"

static struct command_line line;
static struct err err;

/* Parses the words up to NULL as those of a command, in an environment that says nothing. */
static bool parse(const char *noun, const char *verb, const char *const *words)
{
    char *arguments[CLI_WORDS_MAX + 8];
    int count = 0;
    for (; words[count] != NULL; count++) {
        arguments[count] = (char *)(uintptr_t)words[count];
    }
    arguments[count] = NULL;
    err.text[0] = 0;
    return command_line_parse(&line, cli_table_find(noun, verb), arguments, &err);
}

#define SEND(...) parse("message", "send", (const char *const[]){__VA_ARGS__, NULL})
#define POLL(...) parse("message", "poll", (const char *const[]){__VA_ARGS__, NULL})
#define TOPIC(...) parse("topic", "create", (const char *const[]){__VA_ARGS__, NULL})

static void forget_environment(void)
{
    u32 count = 0;
    const struct cli_option *rows = cli_table_options(&count);
    for (u32 i = 0; i < count; i++) {
        EXPECT(rows[i].environment[0] == 0 || unsetenv(rows[i].environment) == 0);
    }
}

TEST(without_options_everything_has_its_default)
{
    forget_environment();
    EXPECT(POLL("s", "t"));
    EXPECT_EQ(line.words_count, 2);
    EXPECT_STR(line.words[1], "t");
    EXPECT(line.server == NULL);
    EXPECT(line.username == NULL);
    EXPECT_STR(line.strategy, "offset");
    EXPECT_STR(line.color, "auto");
    EXPECT_EQ(line.count, CLI_ABSENT);
    EXPECT_EQ(line.partition, CLI_ABSENT);
    EXPECT_EQ(line.partitions, 1);
    EXPECT_EQ(line.batch_bytes, MIB);
    EXPECT_EQ(line.timeout_ms, 30000);
    EXPECT(!line.raw);
}

TEST(every_fallback_of_the_table_is_a_value_of_its_kind)
{
    forget_environment();
    u32 count = 0;
    const struct cli_row *rows = cli_table_commands(&count);
    const char *const words[] = {"a", "b", "c", "d", "e", NULL};
    for (u32 i = 0; i < count; i++) {
        char *arguments[6] = {NULL};
        for (u32 at = 0; at < cli_table_words_min(&rows[i]); at++) {
            arguments[at] = (char *)(uintptr_t)words[at];
        }
        EXPECT(command_line_parse(&line, &rows[i], arguments, &err));
    }
}

TEST(options_may_stand_anywhere_and_win_over_the_environment)
{
    forget_environment();
    EXPECT_EQ(setenv("LEVRIERO_USERNAME", "anna", 1), 0);
    EXPECT(POLL("--raw", "s", "--value", "18446744073709551615", "t"));
    EXPECT_STR(line.username, "anna");
    EXPECT(!line.username_is_typed);
    EXPECT(line.raw);
    EXPECT_EQ(line.value, UINT64_MAX);
    EXPECT_EQ(line.words_count, 2);
    EXPECT(POLL("s", "t", "--username", "carla"));
    EXPECT_STR(line.username, "carla");
    EXPECT(line.username_is_typed);
    forget_environment();
}

TEST(an_option_has_its_value_behind_it_or_behind_an_equals_sign_and_perhaps_a_letter)
{
    EXPECT(SEND("s", "t", "--key=a=b"));
    EXPECT_STR(line.key, "a=b");
    EXPECT(SEND("s", "t", "-k", "c", "-p", "3"));
    EXPECT_STR(line.key, "c");
    EXPECT_EQ(line.partition, 3);
    EXPECT(!SEND("s", "t", "--quiet=yes"));
    EXPECT(!SEND("s", "t", "-z"));
}

TEST(headers_may_be_given_more_than_once)
{
    EXPECT(SEND("s", "t", "-H", "a=1", "--header", "b=2"));
    EXPECT_EQ(line.headers.count, 2);
    EXPECT_STR(line.headers.items[1], "b=2");
}

TEST(after_two_dashes_everything_is_a_word_and_numbers_always_are)
{
    EXPECT(SEND("s", "t", "-5", "--", "--raw", "--"));
    EXPECT_EQ(line.words_count, 5);
    EXPECT_STR(line.words[2], "-5");
    EXPECT_STR(line.words[3], "--raw");
    EXPECT_STR(line.words[4], "--");
    EXPECT(!line.raw);
}

TEST(an_unknown_option_is_refused_and_the_nearest_of_the_command_named)
{
    EXPECT(!TOPIC("s", "t", "--partitoins", "3"));
    EXPECT(strstr(err.text, "did you mean --partitions?") != NULL);
    EXPECT(!SEND("s", "t", "--partitions", "3"));
    EXPECT(strstr(err.text, "did you mean --partition?") != NULL);
    EXPECT(!SEND("s", "t", "--colossal"));
    EXPECT(strstr(err.text, "--help") != NULL);
}

TEST(a_secret_as_an_argument_is_refused_with_the_other_ways)
{
    EXPECT(!SEND("s", "t", "--password", "geheim"));
    EXPECT(strstr(err.text, "--password-file") != NULL);
    EXPECT(strstr(err.text, "LEVRIERO_PASSWORD") != NULL);
    EXPECT(strstr(err.text, "geheim") == NULL);
    EXPECT(!SEND("s", "t", "--token=geheim"));
    EXPECT(strstr(err.text, "geheim") == NULL);
}

TEST(an_option_without_its_value_is_refused)
{
    EXPECT(!SEND("s", "t", "--server"));
    EXPECT(strstr(err.text, "--server") != NULL);
}

TEST(a_choice_is_one_of_its_words)
{
    EXPECT(POLL("s", "t", "--format", "hex"));
    EXPECT(!POLL("s", "t", "--format", "he"));
    EXPECT(!POLL("s", "t", "--format", ""));
    EXPECT(strstr(err.text, "text|raw|hex|json") != NULL);
}

TEST(what_is_32_bits_on_the_wire_is_refused_beyond_instead_of_cut)
{
    EXPECT(POLL("s", "t", "--partition", "4294967295"));
    EXPECT_EQ(line.partition, UINT32_MAX);
    EXPECT(!POLL("s", "t", "--partition", "4294967296"));
    EXPECT(strstr(err.text, "--partition") != NULL);
    EXPECT(!TOPIC("s", "t", "--partitions", "4294967296"));
    EXPECT(!POLL("s", "t", "--count", "4294967296"));
    EXPECT(!POLL("s", "t", "--count", "-1"));
    EXPECT(!POLL("s", "t", "--value", "18446744073709551616"));
}

TEST(a_batch_is_not_empty_and_not_larger_than_a_frame)
{
    EXPECT(SEND("s", "t", "--batch-bytes", "1 KiB"));
    EXPECT_EQ(line.batch_bytes, 1024);
    EXPECT(!SEND("s", "t", "--batch-bytes", "0"));
    EXPECT(!SEND("s", "t", "--batch-bytes", "61 MiB"));
    EXPECT(!SEND("s", "t", "--batch-bytes", "much"));
}

TEST(a_wait_has_an_end_and_other_times_have_none)
{
    EXPECT(POLL("s", "t", "--wait", "10 min"));
    EXPECT_EQ(line.wait_ms, 600000);
    EXPECT(!POLL("s", "t", "--wait", "11 min"));
    EXPECT(POLL("s", "t", "--timeout", "2 h"));
    EXPECT_EQ(line.timeout_ms, 7200000);
    EXPECT(!POLL("s", "t", "--timeout", "soon"));
}

TEST(too_few_and_too_many_words_show_the_usage)
{
    EXPECT(!TOPIC("s"));
    EXPECT(strstr(err.text, "topic create STREAM NAME") != NULL);
    EXPECT(!TOPIC("s", "t", "u"));
}

TEST(more_words_than_there_is_room_for_are_refused)
{
    const char *words[CLI_WORDS_MAX + 2];
    for (u32 i = 0; i <= CLI_WORDS_MAX; i++) {
        words[i] = "w";
    }
    words[CLI_WORDS_MAX + 1] = NULL;
    EXPECT(!parse("message", "send", words));
    words[CLI_WORDS_MAX] = NULL;
    EXPECT(parse("message", "send", words));
    EXPECT_EQ(line.words_count, CLI_WORDS_MAX);
}
