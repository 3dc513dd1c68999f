#include "bench/bench_options.h"

#include "test.h"

#define WORDS_MAX 32u

/* One command line, its words apart by spaces. */
static bool parse(const char *line, struct bench_options *options, struct err *err)
{
    static char text[512];
    char *words[WORDS_MAX + 1] = {NULL};
    int count = 0;
    (void)str_format(text, sizeof(text), "%s", line);
    for (char *at = text; *at != 0 && count < (int)WORDS_MAX;) {
        words[count++] = at;
        at += strcspn(at, " ");
        if (*at == ' ') {
            *at++ = 0;
        }
    }
    return bench_options_parse(options, count, words, err);
}

static struct bench_options parsed(const char *line)
{
    struct bench_options options;
    struct err err;
    if (!parse(line, &options, &err)) {
        print_error("%s: %s\n", line, err.text);
        test_failed(__FILE__, __LINE__);
    }
    return options;
}

static void expect_refused(const char *line, const char *remedy)
{
    struct bench_options options;
    struct err err;
    EXPECT(!parse(line, &options, &err));
    EXPECT(strstr(err.text, remedy) != NULL);
}

TEST(defaults_are_those_of_the_reference)
{
    struct bench_options options = parsed("pinned-producer tcp");
    EXPECT_EQ(options.kind, BENCH_PINNED_PRODUCER);
    EXPECT_EQ(options.message_bytes.min, 1000);
    EXPECT_EQ(options.message_bytes.max, 1000);
    EXPECT_EQ(options.batch_messages.max, 1000);
    EXPECT_EQ(options.message_batches, 1000);
    EXPECT_EQ(options.producers, 8);
    EXPECT_EQ(options.streams, 8);
    EXPECT_EQ(options.partitions, 1);
    EXPECT_EQ(options.sampling_us, 10000);
    EXPECT_EQ(options.moving_average_window, 20);
    EXPECT_EQ(options.warmup_us, 0);
    EXPECT_EQ(options.rate_limit_bytes, 0);
    EXPECT(!options.nodelay);
    EXPECT(!options.has_output);

    options = parsed("bpcg");
    EXPECT_EQ(options.streams, 1);
    EXPECT_EQ(options.partitions, 24);
    EXPECT_EQ(options.groups, 1);
    EXPECT_EQ(bench_options_actors(&options), 16);
    EXPECT(options.read_amplification == 1.05);

    options = parsed("e2e");
    EXPECT_EQ(options.streams, 8);
    EXPECT_EQ(bench_options_actors(&options), 8);
    options = parsed("e2ecg -p 3 -c 5");
    EXPECT_EQ(bench_options_actors(&options), 5);
}

TEST(a_letter_means_what_it_means_where_it_stands)
{
    struct bench_options options = parsed("-T 2MB -u me -p secret pp -p 3 -T 5MB tcp --nodelay "
                                          "--server-address 10.0.0.1:1 output -o here --remark x");
    EXPECT_EQ(options.total_bytes, 2000000);
    EXPECT_STR(options.username, "me");
    EXPECT_STR(options.password, "secret");
    EXPECT_EQ(options.producers, 3);
    EXPECT_EQ(options.streams, 3);
    EXPECT_STR(options.max_topic_size, "5MB");
    EXPECT(options.nodelay);
    EXPECT_STR(options.server_address, "10.0.0.1:1");
    EXPECT(options.has_output);
    EXPECT_STR(options.output_directory, "here");
    EXPECT_STR(options.remark, "x");
}

TEST(every_kind_is_known_by_its_name_and_its_alias)
{
    for (u32 i = 0; i < BENCH_KIND_COUNT; i++) {
        const struct bench_kind_row *row = bench_kind_row((enum bench_kind)i);
        EXPECT_EQ(parsed(row->name).kind, i);
        EXPECT_EQ(parsed(row->alias).kind, i);
    }
}

TEST(ranges_sizes_and_times_are_read_as_people_write_them)
{
    struct bench_options options =
        parsed("-m 100..200 --messages-per-batch=7 -r 1.5MiB -w 300ms -t 1s --duration 2m pp");
    EXPECT_EQ(options.message_bytes.min, 100);
    EXPECT_EQ(options.message_bytes.max, 200);
    EXPECT_EQ(options.batch_messages.min, 7);
    EXPECT_EQ(options.batch_messages.max, 7);
    EXPECT_EQ(options.rate_limit_bytes, 1572864);
    EXPECT_EQ(options.warmup_us, 300000);
    EXPECT_EQ(options.sampling_us, 1000000);
    EXPECT_EQ(options.duration_us, 120000000);
}

TEST(what_does_not_fit_together_is_refused_by_name)
{
    expect_refused("", "which kind");
    expect_refused("pinned", "no kind");
    expect_refused("-m 200..100 pp", "backwards");
    expect_refused("-m x pp", "number");
    expect_refused("-m 100000000 pp", "60 MiB");
    expect_refused("-b 5 -T 1MB pp", "exclude");
    expect_refused("-T 1500B pp", "two messages");
    expect_refused("-b 0 pp", "between 1");
    expect_refused("ppc -s 2 -p 3 -c 3", "as many streams");
    expect_refused("pp -s 3 -p 2", "more streams");
    expect_refused("--keys 5 pp", "more than one partition");
    expect_refused("--keys 5 --key-distribution normal bp", "uniform or zipf");
    expect_refused("--key-distribution zipf bp", "with --keys");
    expect_refused("--entropy 9 pp", "0 to 8");
    expect_refused("--cold pp", "read what is there");
    expect_refused("--sweep colour=1 pp", "--sweep");
    expect_refused("--sweep size=1000,100MB pp", "60 MiB");
    expect_refused("--sweep producers=1,9999 pp", "too many");
    expect_refused("--repetitions 99 pp", "at most");
    expect_refused("--generation 3 pp", "there are 1 and 2");
    expect_refused("--generation 1 bcg", "generation 1");
    expect_refused("--generation 1 e2e", "generation 1");
    expect_refused("pc -s 9 -c 8", "more streams");
    expect_refused("ppc -a 2", "one partition");
    expect_refused("bp -a 1", "two partitions");
    expect_refused("bcg -s 2", "groups");
    expect_refused("bpcg -a 4 -c 8", "partitions");
    expect_refused("ppc -R nan", "factor");
    expect_refused("pp quic", "tcp");
    expect_refused("pp tcp --tls", "TLS");
    expect_refused("--poisson pp", "--rate-limit");
    expect_refused("-H -P 1..2 pp", "--high-level-api");
    expect_refused("-H e2e", "--high-level-api");
    expect_refused("--rate-limt 5 pp", "--rate-limit");
    expect_refused("-m", "needs a value");
}
