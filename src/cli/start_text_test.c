#include "cli/start_text.h"

#include "test.h"

#define NOW_US 1800000000000000ull

static struct start start;
static struct err err;

static bool reads(const char *text)
{
    return start_text_read(text, NOW_US, &start, &err);
}

TEST(words_and_numbers_name_strategies)
{
    EXPECT(reads("first"));
    EXPECT_EQ(start.strategy, POLL_FIRST);
    EXPECT(reads("last"));
    EXPECT_EQ(start.strategy, POLL_LAST);
    EXPECT_EQ(start.count, 1);
    EXPECT(reads("next"));
    EXPECT_EQ(start.strategy, POLL_NEXT);
    EXPECT(reads("18446744073709551615"));
    EXPECT_EQ(start.strategy, POLL_OFFSET);
    EXPECT_EQ(start.value, UINT64_MAX);
    EXPECT(reads("-10"));
    EXPECT_EQ(start.strategy, POLL_LAST);
    EXPECT_EQ(start.count, 10);
}

TEST(times_are_seconds_dates_or_so_long_ago)
{
    EXPECT(reads("@1786708800"));
    EXPECT_EQ(start.strategy, POLL_TIMESTAMP);
    EXPECT_EQ(start.value, 1786708800000000ull);
    EXPECT(reads("@1786708800123"));
    EXPECT_EQ(start.value, 1786708800123000ull);
    EXPECT(reads("@1786708800123456"));
    EXPECT_EQ(start.value, 1786708800123456ull);
    EXPECT(reads("@2026-02-14"));
    EXPECT_EQ(start.value, 1771027200000000ull);
    EXPECT(reads("@2026-02-14T09:00:00Z"));
    EXPECT_EQ(start.value, 1771059600000000ull);
    EXPECT(reads("@2026-02-14T10:00:00.25+01:00"));
    EXPECT_EQ(start.value, 1771059600250000ull);
    EXPECT(reads("@-1h"));
    EXPECT_EQ(start.value, NOW_US - 3600 * US_PER_SECOND);
}

TEST(what_is_no_start_is_refused_with_the_choice)
{
    static const char *const wrong[] = {"",
                                        "middle",
                                        "-0",
                                        "--1",
                                        "@",
                                        "@yesterday",
                                        "@2026-13-01",
                                        "@2026-02-14T25:00:00",
                                        "@2026-02-14T09:00:00+1",
                                        "47x",
                                        "@2026-02"};
    for (u32 i = 0; i < array_count(wrong); i++) {
        EXPECT(!reads(wrong[i]));
        EXPECT(strstr(err.text, "first, last, next") != NULL);
    }
}
