#include "cli/cli_table.h"

#include "test.h"

static bool word_is(const struct cli_row *row, u32 index, const char *expected)
{
    char name[WORD_NAME_BYTES];
    return cli_table_word(row, index, name) && strcmp(name, expected) == 0;
}

TEST(words_say_how_many_they_are_and_what_each_is_called)
{
    char name[WORD_NAME_BYTES];
    const struct cli_row *send = cli_table_find("message", "send");
    EXPECT_EQ(cli_table_words_min(send), 2);
    EXPECT_EQ(cli_table_words_max(send), 64);
    EXPECT(word_is(send, 0, "STREAM"));
    EXPECT(word_is(send, 2, "TEXT"));
    EXPECT(word_is(send, 50, "TEXT"));
    const struct cli_row *reset = cli_table_find("consumer-offset", "reset");
    EXPECT_EQ(cli_table_words_min(reset), 3);
    EXPECT_EQ(cli_table_words_max(reset), 4);
    EXPECT(word_is(reset, 3, "PARTITION"));
    EXPECT(!cli_table_word(reset, 4, name));
    EXPECT_EQ(cli_table_words_max(cli_table_find("ping", NULL)), 0);
}

TEST(a_command_is_found_by_both_words_or_by_one_that_stands_alone)
{
    EXPECT(cli_table_find("stream", "create") != NULL);
    EXPECT(cli_table_find("stream", NULL) == NULL);
    EXPECT(cli_table_find("stream", "fly") == NULL);
    EXPECT(cli_table_find("ping", "--count") == cli_table_find("ping", NULL));
    EXPECT(cli_table_find("consumer-group", "list") == cli_table_find("group", "list"));
    EXPECT(cli_table_find("pat", "create") == cli_table_find("token", "create"));
}

TEST(short_words_are_those_of_the_reference)
{
    EXPECT(cli_table_find("s", "l") == cli_table_find("stream", "list"));
    EXPECT(cli_table_find("m", "p") == cli_table_find("message", "poll"));
    EXPECT(cli_table_find("ctx", "u") == cli_table_find("context", "use"));
    EXPECT(cli_table_find("t", "u") == cli_table_find("topic", "update"));
    EXPECT(cli_table_find("u", "pwd") == cli_table_find("user", "password"));
    EXPECT(cli_table_find("g", "c") == cli_table_find("group", "create"));
    EXPECT(cli_table_find("u", "name") == cli_table_find("user", "rename"));
}

TEST(every_alias_means_something_and_none_of_them_destroys)
{
    u32 count = 0;
    u32 rows_count = 0;
    const struct cli_alias *aliases = cli_table_aliases(&count);
    const struct cli_row *rows = cli_table_commands(&rows_count);
    for (u32 i = 0; i < count; i++) {
        bool is_used = aliases[i].noun[0] == 0 && cli_table_has_noun(aliases[i].alias);
        for (u32 row = 0; row < rows_count; row++) {
            bool is_meant = cli_table_find(rows[row].noun, aliases[i].alias) == &rows[row];
            is_used |= is_meant;
            EXPECT(!is_meant || rows[row].verb[0] == 0 || rows[row].destroys[0] == 0);
        }
        EXPECT(is_used);
    }
}

TEST(what_is_nearly_a_word_is_recognized_and_what_is_not_is_left_alone)
{
    EXPECT_STR(cli_table_nearest_noun("sream"), "stream");
    EXPECT_STR(cli_table_nearest_noun("topics"), "topic");
    EXPECT(cli_table_nearest_noun("elephant") == NULL);
    EXPECT_STR(cli_table_nearest_verb("stream", "crate"), "create");
    EXPECT(cli_table_nearest_verb("stream", "annihilate") == NULL);
}

TEST(options_belong_to_commands_and_some_to_all)
{
    const struct cli_row *list = cli_table_find("stream", "list");
    const struct cli_row *purge = cli_table_find("stream", "purge");
    EXPECT(cli_table_option(list, "--json", 6) != NULL);
    EXPECT(cli_table_option(list, "--partition", 11) == NULL);
    EXPECT(cli_table_option(list, "--yes", 5) == NULL);
    EXPECT(cli_table_option(purge, "--yes", 5) != NULL);
    EXPECT(cli_table_option(purge, "-y", 2) != NULL);
    EXPECT(cli_table_option(purge, "--dry-run", 9) != NULL);
}

TEST(every_option_that_a_command_names_exists)
{
    u32 count = 0;
    const struct cli_row *rows = cli_table_commands(&count);
    for (u32 i = 0; i < count; i++) {
        char typed[64];
        for (const char *at = rows[i].options; *at != 0; at += strspn(at, " ")) {
            int size = (int)strcspn(at, " ");
            snprintf(typed, sizeof(typed), "--%.*s", size, at);
            EXPECT(cli_table_option(&rows[i], typed, strlen(typed)) != NULL);
            at += size;
        }
    }
}

TEST(every_command_has_an_example_that_begins_with_its_words)
{
    u32 count = 0;
    const struct cli_row *rows = cli_table_commands(&count);
    for (u32 i = 0; i < count; i++) {
        char begin[64];
        snprintf(begin, sizeof(begin), "%s%s%s", rows[i].noun, rows[i].verb[0] == 0 ? "" : " ",
                 rows[i].verb);
        EXPECT(strstr(rows[i].examples, begin) != NULL);
        EXPECT(rows[i].help[0] != 0);
    }
}
