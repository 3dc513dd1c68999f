#include "test.h"

#include <time.h>

#include "offload/process_facts.h"

static u64 wall_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_REALTIME, &time);
    return (u64)time.tv_sec * US_PER_SECOND + (u64)time.tv_nsec / 1000;
}

TEST(the_facts_are_those_of_this_process_and_machine)
{
    struct process_sample sample;
    process_facts_begin(&sample);
    struct process_facts facts;
    process_facts_read(&facts, &sample, "/");
    EXPECT_EQ(facts.process_id, (u32)getpid());
    EXPECT_EQ(facts.threads_count, 1);
    EXPECT(facts.memory_usage_bytes > 100 * KIB);
    EXPECT(facts.memory_usage_bytes < facts.total_memory_bytes);
    EXPECT(facts.available_memory_bytes > 0);
    EXPECT(facts.available_memory_bytes <= facts.total_memory_bytes);
    EXPECT(facts.disk_free_bytes <= facts.disk_total_bytes);
    EXPECT(facts.disk_total_bytes > 0);
    EXPECT(facts.start_time_us <= wall_us());
    EXPECT(wall_us() - facts.start_time_us < 120 * US_PER_SECOND);
    EXPECT_EQ(facts.start_time_us % US_PER_SECOND, 0);
    EXPECT_EQ(facts.run_time_us % US_PER_SECOND, 0);
    EXPECT(facts.run_time_us < 120 * US_PER_SECOND);
    EXPECT(facts.hostname[0] != 0);
    EXPECT(facts.kernel_version[0] != 0);
    EXPECT(facts.os_name[0] != 0);
    EXPECT(strncmp(facts.os_version, "Linux (", 7) == 0);
}

TEST(a_process_that_computes_is_seen_to)
{
    struct process_sample sample;
    process_facts_begin(&sample);
    u64 end_us = wall_us() + 300000;
    while (wall_us() < end_us) {
    }
    struct process_facts facts;
    process_facts_read(&facts, &sample, "/nowhere");
    EXPECT(facts.cpu_usage_centipercent > 500);
    EXPECT(facts.cpu_usage_centipercent <= 11000);
    EXPECT(facts.total_cpu_usage_centipercent > 0);
    EXPECT(facts.total_cpu_usage_centipercent <= 10000);
    EXPECT_EQ(facts.disk_total_bytes, 0);

    /* Asked again at once, there is nothing to compare: the last answer stands. */
    struct process_facts again;
    process_facts_read(&again, &sample, "/");
    EXPECT_EQ(again.cpu_usage_centipercent, facts.cpu_usage_centipercent);
    EXPECT_EQ(again.total_cpu_usage_centipercent, facts.total_cpu_usage_centipercent);
}
