#include "wire/stats.h"

#include "test.h"

static u8 bytes[1024];

static struct stats some_stats(void)
{
    return (struct stats){
        .process_id = 1,
        .process_cpu_percent = 12.5f,
        .messages_size_bytes = 743,
        .streams_count = 2,
        .groups_count = 9,
        .hostname = span_of("host"),
        .os_name = span_of("linux"),
        .os_version = span_of("12"),
        .kernel_version = span_of("6.1"),
        .server_version = span_of("0.1.0"),
        .server_version_number = stats_version_number(0, 1, 0),
        .threads_count = 3,
        .total_disk_bytes = 10,
    };
}

TEST(the_numbers_take_108_bytes)
{
    struct stats stats = some_stats();
    struct writer writer = writer_over(bytes, sizeof(bytes));
    stats_encode(&stats, &writer);
    EXPECT_EQ(get_u64(bytes + 68), 743);
    EXPECT_EQ(get_u32(bytes + 76), 2);
    EXPECT_EQ(get_u32(bytes + 104), 9);
    EXPECT_EQ(get_u32(bytes + STATS_NUMBERS_BYTES), 4);
    EXPECT_BYTES(bytes + 112, "host", 4);
}

TEST(no_cache_entries_are_sent_and_those_of_others_are_skipped)
{
    struct stats stats = some_stats();
    struct stats again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    stats_encode(&stats, &writer);
    EXPECT_EQ(stats_decode((struct span){bytes, writer.position}, &again), OK);
    EXPECT_EQ(again.threads_count, 3);
    EXPECT(again.process_cpu_percent > 12.4f && again.process_cpu_percent < 12.6f);

    u32 entries_position = writer.position - 20 - 4;
    memmove(bytes + entries_position + 36, bytes + entries_position + 4, 20);
    put_u32(bytes + entries_position, 1);
    EXPECT_EQ(stats_decode((struct span){bytes, writer.position + 32}, &again), OK);
    EXPECT_EQ(again.total_disk_bytes, 10);
    put_u32(bytes + entries_position, UINT32_MAX);
    EXPECT_EQ(stats_decode((struct span){bytes, writer.position + 32}, &again), ERR_INVALID);
}

TEST(every_truncation_is_refused)
{
    struct stats stats = some_stats();
    struct writer writer = writer_over(bytes, sizeof(bytes));
    stats_encode(&stats, &writer);
    for (u32 size = 0; size < writer.position; size++) {
        EXPECT_EQ(stats_decode((struct span){bytes, size}, &stats), ERR_INVALID);
    }
}

TEST(a_version_is_a_number_of_three_digits_each)
{
    EXPECT_EQ(stats_version_number(0, 9, 0), 9000);
    EXPECT_EQ(stats_version_number(1, 2, 3), 1002003);
}
