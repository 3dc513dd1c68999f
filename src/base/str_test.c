#include "base/str.h"

#include "test.h"

TEST(text_is_appended_piece_by_piece)
{
    char text[32];
    u32 position = 0;
    EXPECT(str_append(text, sizeof(text), &position, "partition=%u", 7u));
    EXPECT_EQ(position, 11);
    EXPECT(str_append(text, sizeof(text), &position, " %s", "rolled"));
    EXPECT_STR(text, "partition=7 rolled");
    EXPECT_EQ(position, 18);
}

TEST(text_that_does_not_fit_is_cut_and_ended)
{
    char text[8];
    u32 position = 0;
    EXPECT(str_append(text, sizeof(text), &position, "1234567"));
    EXPECT_EQ(position, 7);
    EXPECT(!str_append(text, sizeof(text), &position, "8"));
    EXPECT_STR(text, "1234567");
    EXPECT_EQ(position, 7);
    EXPECT(str_append(text, sizeof(text), &position, "%s", ""));

    EXPECT(!str_format(text, 4, "abcdef"));
    EXPECT_STR(text, "abc");
    EXPECT(str_format(text, 4, "abc"));
    EXPECT(!str_format(text, 1, "a"));
    EXPECT_STR(text, "");
    EXPECT_CHECK_FAILS((void)str_format(text, 0, "a"));
}

TEST(numbers_are_digits_only_and_fit)
{
    u64 value = 5;
    EXPECT(str_to_u64("0", &value));
    EXPECT_EQ(value, 0);
    EXPECT(str_to_u64("007", &value));
    EXPECT_EQ(value, 7);
    EXPECT(str_to_u64("18446744073709551615", &value));
    EXPECT_EQ(value, UINT64_MAX);

    static const char *const wrong[] = {
        "", " 1", "1 ", "-1", "+1", "0x10", "1e3", "18446744073709551616", "99999999999999999999",
    };
    value = 5;
    for (u32 i = 0; i < array_count(wrong); i++) {
        EXPECT(!str_to_u64(wrong[i], &value));
        EXPECT_EQ(value, 5);
    }
}

TEST(distance_counts_edits)
{
    EXPECT_EQ(str_distance("", ""), 0);
    EXPECT_EQ(str_distance("", "abc"), 3);
    EXPECT_EQ(str_distance("abc", ""), 3);
    EXPECT_EQ(str_distance("topic", "topic"), 0);
    EXPECT_EQ(str_distance("topic", "topics"), 1);
    EXPECT_EQ(str_distance("tpoic", "topic"), 2);
    EXPECT_EQ(str_distance("kitten", "sitting"), 3);
}

TEST(distance_of_long_words_looks_at_their_first_64_bytes)
{
    char a[201];
    char b[201];
    memset(a, 'a', 200);
    memset(b, 'b', 200);
    a[200] = 0;
    b[200] = 0;
    EXPECT_EQ(str_distance(a, b), 64);
    EXPECT_EQ(str_distance(a, a), 0);
}

TEST(an_error_sentence_is_kept_and_false_is_returned)
{
    struct err err;
    EXPECT(!err_set(&err, "%s: memory is %u MiB, at least 64 is needed", "levriero.toml", 3u));
    EXPECT_STR(err.text, "levriero.toml: memory is 3 MiB, at least 64 is needed");
    EXPECT(!err_set(NULL, "nobody listens"));
    EXPECT(!err_set(&err, "%600d", 1));
    EXPECT_EQ(strlen(err.text), sizeof(err.text) - 1);
}
