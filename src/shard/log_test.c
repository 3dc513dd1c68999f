/* The promise of the log, under crashes, by seed: what was acknowledged is there with the same
 * bytes and offsets, what was not may be there whole or not at all, offsets have no gap and no
 * repeat.
 *
 * LOG_SEEDS=first-last in the environment runs others than the few that are always run. */
#include "shard/shard_fixture.h"

struct story {
    enum durability durability;
    bool direct_refused;
    u32 sector_bytes;
    u32 partitions_count;
    u32 rounds_count;
    u32 appends_max; /* in flight at once */
    u32 payload_bytes_max;
    bool has_large;
    bool changes_level; /* from start to start, and between direct and buffered */
    u32 forgiven_from;  /* batches of the last round, when its level was a weaker one */
    bool fails;         /* writes, syncs and reads fail while it works */
    struct sim_faults faults;
};

static struct story story_of(struct prng *prng)
{
    struct story story = {
        .durability = prng_chance(prng, 1, 3) ? (u32)prng_below(prng, 3) : DURABILITY_SYNC,
        .direct_refused = prng_chance(prng, 1, 4),
        .sector_bytes = prng_chance(prng, 1, 2) ? 512 : 4096,
        .partitions_count = 1 + (u32)prng_below(prng, 3),
        .rounds_count = 3 + (u32)prng_below(prng, 3),
        .appends_max = 1 + (u32)prng_below(prng, 12),
        .payload_bytes_max = 16u << prng_below(prng, 11),
        .has_large = prng_chance(prng, 1, 3),
    };
    if (prng_chance(prng, 1, 3)) {
        story.faults.disk_slow = 20000;
    }
    story.changes_level = prng_chance(prng, 1, 4);
    if (prng_chance(prng, 1, 3)) {
        story.fails = true;
        story.faults.write_error = (u32)prng_below(prng, 20000);
        story.faults.sync_error = (u32)prng_below(prng, 20000);
        story.faults.read_error = (u32)prng_below(prng, 20000);
        story.faults.space_error = (u32)prng_below(prng, 20000);
    }
    return story;
}

static void append_some(struct bed *bed, const struct story *story)
{
    u32 partition = (u32)prng_below(&bed->prng, story->partitions_count);
    u32 count = 1 + (u32)prng_below(&bed->prng, 20);
    u32 payload = 8 + (u32)prng_below(&bed->prng, story->payload_bytes_max);
    if (story->has_large && prng_chance(&bed->prng, 1, 30)) {
        count = 1 + (u32)prng_below(&bed->prng, 3);
        payload = (u32)(200 * KIB + prng_below(&bed->prng, 2 * MIB));
    }
    (void)bed_append(bed, partition, count, payload);
}

/* Sends until `count` batches were sent, with at most appends_max in flight, over some virtual
 * time. */
static void work(struct bed *bed, const struct story *story, u32 count)
{
    for (u32 sent = 0; sent < count;) {
        bed_take_appends(bed);
        while (sent < count && bed->in_flight < story->appends_max) {
            append_some(bed, story);
            sent++;
        }
        bed_run(bed, 1 + prng_below(&bed->prng, 3 * US_PER_MS));
    }
}

static void check_partitions(struct bed *bed, const struct story *story)
{
    static const u32 portions[] = {1000, 50, 7};
    for (u32 i = 0; i < story->partitions_count; i++) {
        (void)bed_check_all(bed, i, portions[prng_below(&bed->prng, 3)]);
    }
}

/* At `os` and `memory` a power loss may take a suffix, nothing else: what is behind the end that
 * was found is gone, and its offsets are given out again. */
static void forgive_lost_suffix(struct bed *bed, const struct story *story)
{
    if (bed->settings.durability == DURABILITY_SYNC) {
        return;
    }
    for (u32 i = 0; i < story->partitions_count; i++) {
        struct bed_polled polled =
            bed_poll(bed, i, &(struct bed_poll){.strategy = POLL_LAST, .count = 1});
        u64 end = polled.count == 0 ? 0 : polled.current_offset + 1;
        mem_return(polled.body);
        struct partition_handle handle = bed_handle(bed, i);
        for (u32 j = story->forgiven_from; j < bed->batches_count; j++) {
            struct bed_batch *batch = &bed->batches[j];
            if (batch->state == BED_ACKNOWLEDGED && batch->slot == handle.slot &&
                batch->base_offset + batch->messages_count > end) {
                EXPECT(batch->base_offset >= end);
                batch->state = BED_LOST;
            }
        }
    }
}

static void end_round(struct bed *bed, const struct story *story)
{
    bool polls_first = !story->fails && prng_chance(&bed->prng, 1, 3);
    if (polls_first) {
        bed_wait(bed);
        bed_take_appends(bed);
        check_partitions(bed, story);
        work(bed, story, 5);
    }
    switch (prng_below(&bed->prng, 4)) {
    case 0:
        bed_wait(bed);
        bed_take_appends(bed);
        bed_phase(bed, PHASE_DRAIN_SHARDS);
        EXPECT(story->fails || bed->phase_error == WIRE_OK);
        bed_kill(bed);
        break;
    case 1: bed_kill(bed); break;
    default: bed_crash(bed, &sim_crash_default); break;
    }
}

/* A disk that works again: everything is as it was promised. */
static void start_and_check(struct bed *bed, struct story *story)
{
    sim_set_faults(bed->sim, &(struct sim_faults){0});
    enum durability before = bed->settings.durability;
    if (story->changes_level) {
        bed->settings.durability = (enum durability)prng_below(&bed->prng, 3);
        bed->settings.direct = prng_chance(&bed->prng, 1, 2);
    }
    bed_start(bed);
    enum durability now = bed->settings.durability;
    bed->settings.durability = before;
    forgive_lost_suffix(bed, story);
    bed->settings.durability = now;
    check_partitions(bed, story);
    story->forgiven_from = story->changes_level ? bed->batches_count : 0;
}

static void run_seed(u64 seed)
{
    struct prng prng;
    struct bed bed;
    prng_init(&prng, seed);
    struct story story = story_of(&prng);
    struct sim_options options = {
        .seed = seed, .sector_bytes = story.sector_bytes, .direct_refused = story.direct_refused};
    bed_open(&bed, &options);
    bed.encrypts = options.seed % 3 == 1;
    bed.settings.durability = story.durability;
    bed.settings.direct_after_writes = (u32)(seed % 3);
    bed_topic(&bed, story.partitions_count);
    for (u32 round = 0; round < story.rounds_count; round++) {
        start_and_check(&bed, &story);
        sim_set_faults(bed.sim, &story.faults);
        work(&bed, &story, 10 + (u32)prng_below(&bed.prng, 60));
        end_round(&bed, &story);
    }
    start_and_check(&bed, &story);
    EXPECT(story.fails || bed.errors_logged == 0);
    bed_close(&bed);
}

static void run_seeds(u64 first, u64 last)
{
    const char *asked = getenv("LOG_SEEDS");
    if (asked != NULL) {
        first = strtoull(asked, NULL, 10);
        const char *dash = strchr(asked, '-');
        last = dash != NULL ? strtoull(dash + 1, NULL, 10) : first;
    }
    for (u64 seed = first; seed <= last; seed++) {
        if (asked != NULL) {
            print_message("seed %llu\n", (unsigned long long)seed);
        }
        run_seed(seed);
    }
}

static const struct sim_inode *segment_at(struct bed *bed, u32 base_offset)
{
    char path[IO_PATH_BYTES];
    EXPECT(
        str_format(path, sizeof(path), "streams/0/topics/0/partitions/0/%020u.log", base_offset));
    const struct sim_inode *inode = sim_disk_find(sim_disk(bed->sim, 0), path);
    EXPECT(inode != NULL);
    return inode;
}

TEST(at_level_os_large_units_go_past_the_page_cache_and_small_ones_through_it)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 3, .sector_bytes = 4096});
    bed.settings.durability = DURABILITY_OS;
    bed.settings.direct_after_writes = 2;
    bed.settings.segment_bytes_default = 64 * MIB;
    bed_topic(&bed, 1);
    bed_start(&bed);
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(bed_append_one(&bed, 0, 1, 300 * KIB)->state, BED_ACKNOWLEDGED);
    }
    EXPECT(!segment_at(&bed, 0)->written_direct);
    EXPECT(segment_at(&bed, 2)->written_direct);
    bed_stop(&bed);
    bed_start(&bed); /* it goes on as it was */
    for (u32 i = 0; i < 17; i++) {
        EXPECT_EQ(bed_append_one(&bed, 0, 1, 100)->state, BED_ACKNOWLEDGED);
    }
    EXPECT(!segment_at(&bed, 2)->written_buffered);
    EXPECT(segment_at(&bed, 19)->written_buffered);
    bed_kill(&bed);
    bed_start(&bed);
    EXPECT_EQ(bed_check_all(&bed, 0, 10), 20);
    bed_close(&bed);
}

TEST(what_was_acknowledged_survives_crashes_by_seed)
{
    run_seeds(1, 20);
}
