#include "base/quantity.h"

#include "test.h"

static u64 size_of(const char *text)
{
    u64 bytes = 0;
    EXPECT_EQ(quantity_parse_size(span_of(text), &bytes), OK);
    return bytes;
}

static bool size_is_refused(const char *text)
{
    u64 bytes = 77;
    bool refused = quantity_parse_size(span_of(text), &bytes) == ERR_INVALID;
    EXPECT_EQ(bytes, 77);
    return refused;
}

static u64 duration_of(const char *text)
{
    u64 duration_us = 77;
    EXPECT_EQ(quantity_parse_duration_us(span_of(text), &duration_us), OK);
    return duration_us;
}

static bool duration_is_refused(const char *text)
{
    u64 duration_us;
    return quantity_parse_duration_us(span_of(text), &duration_us) == ERR_INVALID;
}

static u64 expiry_of(const char *text)
{
    u64 expiry_us = 77;
    EXPECT_EQ(quantity_parse_expiry_us(span_of(text), &expiry_us), OK);
    return expiry_us;
}

TEST(a_size_without_a_unit_is_bytes)
{
    EXPECT_EQ(size_of("0"), 0);
    EXPECT_EQ(size_of("123456"), 123456);
    EXPECT_EQ(size_of("  42 B "), 42);
    EXPECT_EQ(size_of("18446744073709551615"), UINT64_MAX);
}

TEST(bare_letters_count_in_thousands_and_an_i_makes_it_1024)
{
    EXPECT_EQ(size_of("1 KB"), 1000);
    EXPECT_EQ(size_of("1k"), 1000);
    EXPECT_EQ(size_of("1KiB"), 1024);
    EXPECT_EQ(size_of("128 MiB"), 128 * MIB);
    EXPECT_EQ(size_of("500 MB"), 500000000);
    EXPECT_EQ(size_of("4 gib"), 4 * GIB);
    EXPECT_EQ(size_of("1 TB"), 1000000000000ull);
    EXPECT_EQ(size_of("1 PiB"), 1ull << 50);
    EXPECT_EQ(size_of("15 EiB"), 15ull << 60);
    EXPECT_EQ(size_of("2 E"), 2000000000000000000ull);
}

TEST(a_size_may_have_a_fraction_and_is_cut_to_whole_bytes)
{
    EXPECT_EQ(size_of("1.5 KiB"), 1536);
    EXPECT_EQ(size_of("0.5 GiB"), GIB / 2);
    EXPECT_EQ(size_of("1.07 GB"), 1070000000);
    EXPECT_EQ(size_of("1.9"), 1);
    EXPECT_EQ(size_of("1.99999999999999999999 KB"), 1999);
}

TEST(what_is_no_size_is_refused_and_nothing_is_written)
{
    EXPECT(size_is_refused(""));
    EXPECT(size_is_refused("   "));
    EXPECT(size_is_refused("KiB"));
    EXPECT(size_is_refused("-1"));
    EXPECT(size_is_refused("1."));
    EXPECT(size_is_refused(".5"));
    EXPECT(size_is_refused("1 KiBs"));
    EXPECT(size_is_refused("1 XB"));
    EXPECT(size_is_refused("1 iB"));
    EXPECT(size_is_refused("1 2"));
    EXPECT(size_is_refused("18446744073709551616"));
    EXPECT(size_is_refused("16 EiB"));
    EXPECT(size_is_refused("99999999999999999999999 KB"));
}

TEST(durations_are_groups_of_number_and_unit)
{
    EXPECT_EQ(duration_of("1h 30m"), 5400 * US_PER_SECOND);
    EXPECT_EQ(duration_of("1h30m"), 5400 * US_PER_SECOND);
    EXPECT_EQ(duration_of("2 days 4 hours 15 minutes"),
              (2 * 86400 + 4 * 3600 + 900) * US_PER_SECOND);
    EXPECT_EQ(duration_of("10 ms"), 10000);
    EXPECT_EQ(duration_of("7us"), 7);
    EXPECT_EQ(duration_of("7 \xC2\xB5s"), 7);
    EXPECT_EQ(duration_of("1999 ns"), 1);
    EXPECT_EQ(duration_of("500ns 500ns"), 1);
    EXPECT_EQ(duration_of("1 week"), 7 * 86400 * US_PER_SECOND);
    EXPECT_EQ(duration_of("1month"), 2630016 * US_PER_SECOND);
    EXPECT_EQ(duration_of("1 year"), 31557600 * US_PER_SECOND);
}

TEST(a_plain_duration_ignores_case_so_a_capital_M_is_a_minute)
{
    EXPECT_EQ(duration_of("1M"), 60 * US_PER_SECOND);
    EXPECT_EQ(duration_of("5 Seconds"), 5 * US_PER_SECOND);
}

TEST(words_for_no_duration_are_zero)
{
    EXPECT_EQ(duration_of("0"), 0);
    EXPECT_EQ(duration_of("none"), 0);
    EXPECT_EQ(duration_of("Unlimited"), 0);
    EXPECT_EQ(duration_of(" disabled "), 0);
    EXPECT_EQ(duration_of("0 s"), 0);
}

TEST(what_is_no_duration_is_refused)
{
    EXPECT(duration_is_refused(""));
    EXPECT(duration_is_refused("1"));
    EXPECT(duration_is_refused("s"));
    EXPECT(duration_is_refused("1.5 h"));
    EXPECT(duration_is_refused("1h and 2m"));
    EXPECT(duration_is_refused("1 fortnight"));
    EXPECT(duration_is_refused("-1 s"));
    EXPECT(duration_is_refused("18446744073709551615 years"));
    EXPECT(duration_is_refused("584543 years"));
}

TEST(an_expiry_has_words_of_its_own)
{
    EXPECT_EQ(expiry_of("none"), QUANTITY_NEVER);
    EXPECT_EQ(expiry_of("Unlimited"), QUANTITY_NEVER);
    EXPECT_EQ(expiry_of("never_expire"), QUANTITY_NEVER);
    EXPECT_EQ(expiry_of("server_default"), QUANTITY_DEFAULT);
    EXPECT_EQ(expiry_of("Default"), QUANTITY_DEFAULT);
    EXPECT_EQ(expiry_of("7 days"), 7 * 86400 * US_PER_SECOND);
}

TEST(an_expiry_keeps_its_case_so_a_capital_M_is_a_month)
{
    EXPECT_EQ(expiry_of("1M"), 2630016 * US_PER_SECOND);
    EXPECT_EQ(expiry_of("1m"), 60 * US_PER_SECOND);
    u64 expiry_us;
    EXPECT_EQ(quantity_parse_expiry_us(span_of("1 Day"), &expiry_us), ERR_INVALID);
    EXPECT_EQ(quantity_parse_expiry_us(span_of("NONE"), &expiry_us), ERR_INVALID);
}

TEST(an_expiry_beyond_32_bits_of_seconds_is_refused)
{
    u64 expiry_us;
    EXPECT_EQ(expiry_of("4294967295 s"), 4294967295ull * US_PER_SECOND);
    EXPECT_EQ(quantity_parse_expiry_us(span_of("4294967296 s"), &expiry_us), ERR_INVALID);
}

TEST(a_topic_size_is_a_size_or_unlimited_or_the_default)
{
    u64 bytes = 77;
    EXPECT_EQ(quantity_parse_topic_size(span_of("unlimited"), &bytes), OK);
    EXPECT_EQ(bytes, QUANTITY_UNLIMITED);
    EXPECT_EQ(quantity_parse_topic_size(span_of("server_default"), &bytes), OK);
    EXPECT_EQ(bytes, QUANTITY_DEFAULT);
    EXPECT_EQ(quantity_parse_topic_size(span_of("0"), &bytes), OK);
    EXPECT_EQ(bytes, QUANTITY_DEFAULT);
    EXPECT_EQ(quantity_parse_topic_size(span_of("2 GiB"), &bytes), OK);
    EXPECT_EQ(bytes, 2 * GIB);
    EXPECT_EQ(quantity_parse_topic_size(span_of("lots"), &bytes), ERR_INVALID);
}
