#include "bench/limits.h"

#include "test.h"

#define MS 1000000ull

static void expect_sensible(const struct limit_figure *figure, u32 bytes)
{
    EXPECT(figure->replies_per_second > 0);
    EXPECT(figure->bytes_per_second == figure->replies_per_second * bytes);
    EXPECT(figure->p50_us > 0);
    EXPECT(figure->p99_us >= figure->p50_us);
}

TEST(each_limit_is_measured_and_leaves_nothing_behind)
{
    struct limit_work work = {.connections = 3, .bytes = 5000, .time_ns = 20 * MS};
    struct limit_figure figure;
    struct err err;
    EXPECT(limit_exchange(&work, &figure, &err));
    expect_sensible(&figure, 5000);
    work.directory = ".";
    EXPECT(limit_exchange(&work, &figure, &err));
    expect_sensible(&figure, 5000);
    EXPECT(limit_disk_write(&work, &figure, &err));
    expect_sensible(&figure, 5000);
    EXPECT(limit_disk_read(&work, &figure, &err));
    expect_sensible(&figure, 8192); /* whole sectors */
    limit_copy(&work, &figure);
    expect_sensible(&figure, 5000);
    limit_xxh3(&work, &figure);
    expect_sensible(&figure, 5000);
}

TEST(a_directory_that_is_not_there_is_said_by_name)
{
    struct limit_work work = {
        .connections = 1, .bytes = 4096, .time_ns = MS, .directory = "nowhere/at/all"};
    struct limit_figure figure;
    struct err err = {{0}};
    EXPECT(!limit_exchange(&work, &figure, &err));
    EXPECT(strstr(err.text, "nowhere/at/all") != NULL);
    EXPECT(!limit_disk_write(&work, &figure, &err));
    EXPECT(!limit_disk_read(&work, &figure, &err));

    work.time_ns = 500 * MS; /* long enough for a round trip on a busy machine */
    struct limits limits;
    limits_init(&limits, &work);
    limits_round(&limits);
    EXPECT_EQ(limits.rounds, 1); /* the loop was measured all the same */
    EXPECT(!limits.has_disk);
    EXPECT(limits.loop[0].bytes_per_second > 0);
}

TEST(the_median_is_taken_figure_by_figure)
{
    static const struct limit_figure figures[] = {
        {.bytes_per_second = 1, .replies_per_second = 30, .p50_us = 5, .p99_us = 9},
        {.bytes_per_second = 3, .replies_per_second = 10, .p50_us = 6, .p99_us = 8},
        {.bytes_per_second = 2, .replies_per_second = 20, .p50_us = 1, .p99_us = 7},
    };
    struct limit_figure three = limits_median(figures, 3);
    EXPECT(three.bytes_per_second == 2);
    EXPECT(three.replies_per_second == 20);
    EXPECT(three.p50_us == 5);
    EXPECT(three.p99_us == 8);
    EXPECT(limits_median(figures, 2).bytes_per_second == 2);
    EXPECT(limits_median(figures, 0).bytes_per_second == 0);
}
