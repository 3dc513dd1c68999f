#include "bench/server_watch.h"

#include "test.h"

static struct server_watch watch;

TEST(durability_and_data_path_are_those_of_their_sections)
{
    static const char config[] =
        "PK..[system]\npath = \"/srv/data\"\n\n[log]\nlevel = \"debug\"\n\n"
        "[durability]\nlevel = \"os\"\nflush_interval = \"1 s\"\n";
    EXPECT(server_watch_read_config(&watch, span_of(config)));
    EXPECT_STR(watch.durability, "os");
    EXPECT_STR(watch.data_path, "/srv/data");
}

TEST(a_server_that_gives_nothing_away_is_unknown)
{
    static const char *const texts[] = {"", "[durability]", "[durability]\nlevel = \"os",
                                        "[system]\npath = \"/x\"\nlevel = \"sync\"\n"};
    for (u32 i = 0; i < array_count(texts); i++) {
        EXPECT(!server_watch_read_config(&watch, span_of(texts[i])));
        EXPECT_STR(watch.durability, "unknown");
    }
}

TEST(a_process_of_this_machine_is_sampled_and_a_foreign_one_is_not)
{
    watch = (struct server_watch){.process_id = (u32)getpid()};
    server_watch_begin(&watch);
    server_watch_sample(&watch, 1000); /* too soon */
    EXPECT_EQ(watch.samples_count, 0);
    for (u64 i = 1; i <= SERVER_SAMPLES_MAX + 10; i++) {
        server_watch_sample(&watch, i * 1000000000);
    }
    EXPECT(watch.samples_count > SERVER_SAMPLES_MAX / 2); /* thinned out once, never full */
    EXPECT(watch.samples_count < SERVER_SAMPLES_MAX);
    EXPECT(watch.rss_bytes_max > 0);
    watch.process_id = 0;
    server_watch_begin(&watch);
    server_watch_end(&watch, 5000000000);
    EXPECT_EQ(watch.samples_count, 0);
}
